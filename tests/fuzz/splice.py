"""Edits on a binary model against a walker of its own and protobuf: nothing else changes.

The first three bytes choose the edits, the rest is a model: a blob gets other values, a blob
another shape, a layer more blobs, the model a layer; any of them at once. Every field that was
not aimed at keeps its bytes and its place, and protobuf reads the new values.
"""

from __future__ import annotations

import struct
from math import prod
from typing import Any, TypeAlias

from oracle import (
    BLOB,
    ExactSource,
    is_legacy,
    pieces,
    same_numbers,
    sized,
    values,
)

import deconvsurgery as ds
from deconvsurgery.caffemodel.blob_edits import (
    NewBlob,
    added_blobs,
    added_layer,
    reshaped_blob,
    rewritten_blob,
)
from deconvsurgery.caffemodel.index import index
from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.stored_values import Storage
from deconvsurgery.caffemodel.wire import FramedEdit, reframed
from deconvsurgery.splicing.byte_ranges import spliced

SHAPES = ((1, 1, 1, 1), (2,), (), (1, 2, 1, 1), (1, 1, 3, 1, 1), (0,), (40,))
LETTERS = {
    Storage.DATA: "f",
    Storage.DOUBLE_DATA: "d",
    Storage.RAW_FLOAT16: "e",
    Storage.RAW_FLOAT: "f",
    Storage.RAW_DOUBLE: "d",
}
STORAGES = tuple(LETTERS)
NET = ds.parse_net(
    b'layer { name: "up\xe9" type: "Deconvolution" bottom: "d" top: "u" top: "v" '
    b"convolution_param { num_output: 2 kernel_size: 4 weight_filler { type: 'bilinear' } } }"
)
PARAM = b"\x08\x02\x20\x04\x3a\x0a\x0a\x08bilinear"  # the same by hand
# BlobProto's fields: data, double_data, raw_data and its type; num to width, and shape.
VALUES, DIMS = frozenset({5, 8, 10, 12}), frozenset({1, 2, 3, 4, 7})
# diff, double_diff, raw_diff and its type: they go where another number of values comes.
DIFFS = frozenset({6, 9, 11, 13})

Tree: TypeAlias = list[Any]
"""A message taken apart: the bytes of a field, or ``(number, Tree)`` of one looked into."""


def check(data: bytes) -> None:
    """Edit the model; ``AssertionError`` where anything else has changed than was meant."""
    head, data = data[:3].ljust(3, b"\0"), data[3:]
    try:
        model = index(ExactSource(data))
    except ds.ModelError:
        return
    work = _Work(model, *head)
    after = spliced(data, reframed(work.edits))
    if not work.edits:
        assert after == data
        return
    old, new = _net(data), _net(after)
    if work.with_layer:
        _is_the_new_layer(new.pop(), work)
    work.compare(old, new)


class _Work:
    """What is to be done, and what has to come of it."""

    def __init__(self, model: ds.Model, action: int, which: int, form: int) -> None:
        blobs = model.blobs
        self.version = model.version
        self.shape = SHAPES[form % len(SHAPES)]
        self.storage = STORAGES[form // len(SHAPES) % len(STORAGES)]
        self.legacy = bool(action & 16)
        self.numbers = [number % 8 - 2.5 for number in range(prod(self.shape))]
        letter = LETTERS[self.storage]
        raw = struct.pack(f"<{len(self.numbers)}{letter}", *self.numbers)
        self.raw = lambda: (raw[:1], raw[1:]) if raw else ()
        self.edits: list[FramedEdit] = []
        self.filled: int | None = None
        self.reshaped: int | None = None
        self.enlarged: int | None = None
        if action & 1 and blobs and _can_be(blobs[which % len(blobs)], self.storage):
            self.filled = which % len(blobs)
            self.edits += rewritten_blob(
                blobs[self.filled], len(self.numbers), self.storage, self.raw
            )
        if action & 2 and blobs:
            reshaped = (which + (action >> 5)) % len(blobs)
            if not blobs[reshaped].of_c3d:
                self.reshaped = reshaped
                self.edits += reshaped_blob(blobs[reshaped], self.shape)
        new = NewBlob(self.shape, self.raw, self.storage)
        old_layers = [i for i, each in enumerate(model.layers) if each.version is not Version.V0]
        if action & 4 and old_layers:
            self.enlarged = old_layers[which % len(old_layers)]
            self.edits += added_blobs(model.layers[self.enlarged], [new, new], self.legacy)
        self.with_layer = bool(action & 8) and model.version is not Version.V0
        self.all_legacy = model.legacy
        if self.with_layer:
            self.edits.append(added_layer(model, NET.layers[0], [new, new]))

    def compare(self, old: Tree, new: Tree) -> None:
        """Hold every field of the old model against the new one's."""
        assert len(old) == len(new)
        layers = blobs = 0
        for before, after in zip(old, new, strict=True):
            if isinstance(before, bytes):
                assert after == before
                continue
            assert before[0] == after[0]
            fields = after[1]
            if layers == self.enlarged:
                fields, added = fields[:-2], fields[-2:]
                for number, blob in added:
                    assert number == {100: 7, 2: 6}[before[0]]
                    self.is_new(blob, self.legacy)
            blobs = self.compare_fields(before[1], fields, blobs)
            layers += 1

    def compare_fields(self, old: Tree, new: Tree, blobs: int) -> int:
        """The same within a layer, whose first blob has the number ``blobs``; the next one's."""
        for before, after in zip(old, new, strict=True):
            if isinstance(before, bytes):
                assert after == before
            elif before[0] == 1:  # a V0 layer in its connection
                assert after[0] == 1
                blobs = self.compare_fields(before[1], after[1], blobs)
            else:
                assert after[0] == before[0]
                self.compare_blob(before[1], after[1], blobs)
                blobs += 1
        return blobs

    def compare_blob(self, old: Tree, new: Tree, number: int) -> None:
        """The fields that were not aimed at, then what protobuf reads of the others."""
        aimed: frozenset[int] = VALUES if number == self.filled else frozenset()
        if number == self.filled and len(values(_parsed(old))[1]) != len(self.numbers):
            aimed |= DIFFS
        if number == self.reshaped:
            aimed |= DIMS
        if not aimed:
            assert old == new
            return
        assert _without(old, aimed) == _without(new, aimed)
        blob = _parsed(new)
        if number == self.filled:
            self.has_values(blob)
        if number == self.reshaped:
            assert not is_legacy(blob)
            assert tuple(blob.shape.dim) == self.shape

    def has_values(self, blob: Any) -> None:
        """It has the new values and no others."""
        field, found = values(blob)
        assert same_numbers(self.numbers, found)
        assert field == (str(self.storage) if self.numbers else "none")

    def is_new(self, fields: Tree, legacy: bool) -> None:
        """A blob that was added."""
        blob = _parsed(fields)
        self.has_values(blob)
        legacy = legacy and len(self.shape) <= 4
        assert is_legacy(blob) == legacy
        dims = (blob.num, blob.channels, blob.height, blob.width)
        padded = (1,) * (4 - len(self.shape)) + self.shape
        assert dims == padded if legacy else tuple(blob.shape.dim) == self.shape


def _can_be(blob: ds.SourceBlob, storage: Storage) -> bool:
    """No raw values beside those that nobody can read: these would count (``unfit`` refuses).

    Nothing is written into a blob of C3D's, whose fields have other numbers; `convert` makes a new
    one of it.
    """
    return (
        not blob.of_c3d
        and blob.problem is None
        and (
            storage in (Storage.DATA, Storage.DOUBLE_DATA)
            or blob.storage in (storage, Storage.NONE)
        )
    )


def _is_the_new_layer(tree: Any, work: _Work) -> None:
    number, fields = tree
    blobs = [field for field in fields if not isinstance(field, bytes)]
    rest = [field for field in fields if isinstance(field, bytes)]
    names = [b"up\xe9", b"d", b"u", b"v"]
    if work.version is Version.V1:
        assert number == 2
        at, kind = (4, 2, 3, 3), b"\x28\x27"
    else:
        assert number == 100
        at, kind = (1, 3, 4, 4), sized(2, b"Deconvolution")
    texts = [sized(*each) for each in zip(at, names, strict=True)]
    param = sized(10 if number == 2 else 106, PARAM)
    assert sorted(rest) == sorted([*texts, kind, param])
    assert [blob for blob, _ in blobs] == [6 if number == 2 else 7] * 2
    for _, blob in blobs:
        work.is_new(blob, work.all_legacy)


# --- a model taken apart


def _net(data: bytes) -> Tree:
    return [
        (number, _layer(number, payload)) if wire_type == 2 and number in (2, 100) else whole
        for number, wire_type, whole, payload in pieces(data)
    ]


def _layer(number: int, data: bytes) -> Tree:
    fields = list(pieces(data))
    if number == 100:
        return _apart(fields, 7)
    if not any((each, wire_type) == (1, 2) for each, wire_type, *_ in fields):
        return _apart(fields, 6)
    return [
        (1, _apart(pieces(payload), 50)) if (each, wire_type) == (1, 2) else whole
        for each, wire_type, whole, payload in fields
    ]


def _apart(fields: Any, blobs: int) -> Tree:
    return [
        (number, list(pieces(payload))) if (number, wire_type) == (blobs, 2) else whole
        for number, wire_type, whole, payload in fields
    ]


def _without(blob: Tree, numbers: frozenset[int]) -> list[bytes]:
    """Fields of a blob that are not of these numbers, or of another wire type than theirs."""
    return [whole for number, wire_type, whole, _ in blob if not _is(number, wire_type, numbers)]


_WIRE_TYPES = {
    **dict.fromkeys((1, 2, 3, 4, 10, 11), (0,)),
    **dict.fromkeys((5, 6), (2, 5)),
    7: (2,),
    **dict.fromkeys((8, 9), (2, 1)),
    **dict.fromkeys((12, 13), (2,)),
}


def _is(number: int, wire_type: int, numbers: frozenset[int]) -> bool:
    return number in numbers and wire_type in _WIRE_TYPES[number]


def _parsed(blob: Tree) -> Any:
    return BLOB.FromString(b"".join(whole for _, _, whole, _ in blob))
