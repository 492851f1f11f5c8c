"""What two layers, or two files, differ in beside the values of their weights, in words.

Caffe loads names and weights only, so nothing of this changes what it loads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.caffe_fields import (
    LayerField,
    NetField,
    V0LayerField,
    V1LayerField,
)
from deconvsurgery.caffemodel.copy_fields import known_fields
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.stored_values import Dataset, OnWire
from deconvsurgery.caffemodel.wire import (
    LEN,
    BufferedSource,
    ByteSource,
    fields,
)
from deconvsurgery.matching.copied_layer import type_today
from deconvsurgery.wording import listed

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob

Ranges: TypeAlias = Sequence[tuple[int, int]]
"""Byte ranges of a file, in ascending order."""

_AT_ONCE = 1 << 16  # bytes compared at a time
_NET = ("NetParameter", frozenset({NetField.LAYERS, NetField.LAYER}))
_V2 = ("LayerParameter", frozenset({LayerField.NAME, LayerField.TYPE, LayerField.BLOBS}))
_V1 = (
    "V1LayerParameter",
    frozenset({V1LayerField.NAME, V1LayerField.TYPE, V1LayerField.BLOBS, V1LayerField.LAYER}),
)
_V0 = ("V0LayerParameter", frozenset({V0LayerField.NAME, V0LayerField.TYPE, V0LayerField.BLOBS}))


def layer_differences(a: Model, one: SourceLayer, b: Model, two: SourceLayer) -> Iterator[str]:
    """What a layer is in one model and not in the other."""
    types = type_today(one), type_today(two)
    if one.version is two.version:
        types = one.type, two.type
    if all(types) and types[0] != types[1]:
        yield f"is of type {types[0]} in A, {types[1]} in B; Caffe does not look at the type"
    pairs = list(zip(one.blobs, two.blobs, strict=False))
    blobs = [(x, y) for x, y in pairs if x.count and y.count]
    kept = [", ".join(dict.fromkeys(map(_kept, each))) for each in zip(*blobs, strict=True)]
    if any(_kept_otherwise(x, y) for x, y in blobs):
        yield f"keeps its values in {kept[0]} in A, in {kept[1]} in B"
    if Version.HDF5 in (one.version, two.version):
        return
    if any(_dims(x) != _dims(y) for x, y in pairs):
        dims = [", ".join(dict.fromkeys(map(_dims, each))) for each in zip(*pairs, strict=True)]
        yield f"tells its dims by {dims[0]} in A, by {dims[1]} in B"
    if not (one.frames and two.frames):
        return  # it is in no file yet
    if any(not _same_rest(a, x, b, y) for x, y in pairs):
        yield "has other fields in its blobs, gradients (diff) or a fork's"
    if one.version is two.version and not _same_frames(a, one, b, two):
        names = _differing(a.source, _own_fields(a, one), b.source, _own_fields(b, two))
        if names:
            yield f"differs in {listed(names)}"


def net_differences(a: Model, b: Model) -> Iterator[str]:
    """What two files differ in outside their layers."""
    for where, model in (("A", a), ("B", b)):
        if model.version is Version.MIXED:
            yield f"{where} holds V1 and V2 layers at once: Caffe refuses to load it"
    generations = {a.version, b.version} - {Version.EMPTY, Version.MIXED}
    if len(generations) > 1:
        yield (
            "an HDF5 file tells no types, parameters or order of layers: only weights were compared"
            if Version.HDF5 in generations
            else f"layers of {' and '.join(sorted(generations))} keep their parameters in "
            "different fields: those were not compared"
        )
    elif Version.HDF5 not in generations:
        both = (
            _split([(0, model.source.size)], BufferedSource(model.source), *_NET)
            for model in (a, b)
        )
        names = _differing(a.source, next(both), b.source, next(both))
        if names:
            yield f"beside their layers the files differ in {listed(names)}"


# ── blobs ────────────────────────────────────────────────────────────────────────────────


def _kept(blob: SourceBlob) -> str:
    """What holds the values."""
    if isinstance(blob.place, Dataset):
        return "whole numbers" if blob.place.whole else blob.dtype.words
    return str(blob.storage)


def _kept_otherwise(one: SourceBlob, two: SourceBlob) -> bool:
    """In another field; where only one of the two has fields, as another type."""
    fields_alike = isinstance(one.place, Dataset) == isinstance(two.place, Dataset)
    return _kept(one) != _kept(two) if fields_alike else one.dtype != two.dtype


def _dims(blob: SourceBlob) -> str:
    if blob.of_c3d:
        return "num/channels/length/height/width"
    return "num/channels/height/width" if blob.legacy else "shape"


def _same_rest(a: Model, one: SourceBlob, b: Model, two: SourceBlob) -> bool:
    """What is neither values nor dims; a blob whose values are in no file yet has nothing else."""
    if not (isinstance(one.place, OnWire) and isinstance(two.place, OnWire)):
        return True
    return same_bytes(a.source, _rest(one), b.source, _rest(two))


def _rest(blob: SourceBlob) -> Ranges:
    assert isinstance(blob.place, OnWire)
    place, frame = blob.place, blob.place.frames[-1]
    values = [(chunk.tag, chunk.stop) for chunk in place.values]
    return gaps(frame.start, frame.stop, [*values, *place.dims, *place.raw_notes])


# ── bytes ────────────────────────────────────────────────────────────────────────────────


def gaps(start: int, stop: int, ranges: Iterable[tuple[int, int]]) -> Ranges:
    """What of ``[start, stop)`` lies in none of the ranges, which may come in any order.

    >>> gaps(0, 9, [(6, 8), (0, 2), (1, 3)])
    [(3, 6), (8, 9)]
    """
    found = []
    for first, behind in sorted(ranges):
        if start < first:
            found.append((start, first))
        start = max(start, behind)
    return [*found, (start, stop)] if start < stop else found


def same_bytes(one: ByteSource, ranges: Ranges, two: ByteSource, others: Ranges) -> bool:
    """Ranges of the same sizes, in the same order, that hold the same bytes."""
    sizes = [stop - start for start, stop in ranges]
    if sizes != [stop - start for start, stop in others]:
        return False
    for (here, _), (there, _), size in zip(ranges, others, sizes, strict=True):
        for first in range(0, size, _AT_ONCE):
            count = min(_AT_ONCE, size - first)
            if one.read(here + first, count) != two.read(there + first, count):
                return False
    return True


# ── fields ───────────────────────────────────────────────────────────────────────────────

_Fields: TypeAlias = dict[tuple[str, int], list[tuple[int, int]]]
"""Where the fields of messages lie, by message and number."""


def _same_frames(a: Model, one: SourceLayer, b: Model, two: SourceLayer) -> bool:
    """All bytes of two layers but those of their blobs: a look, before fields are sorted out."""
    return same_bytes(a.source, _around_blobs(one), b.source, _around_blobs(two))


def _around_blobs(layer: SourceLayer) -> Ranges:
    frame = layer.frames[0]
    blobs = [
        (blob.place.frames[-1].length, blob.place.frames[-1].stop)
        for blob in layer.blobs
        if isinstance(blob.place, OnWire)
    ]
    return gaps(frame.start, frame.stop, blobs)


def _own_fields(model: Model, layer: SourceLayer) -> _Fields:
    """The fields of a layer, but for name, type and blobs."""
    window, whole = BufferedSource(model.source), (layer.frames[0].start, layer.frames[0].stop)
    if layer.version is Version.V2:
        return _split([whole], window, *_V2)
    connection = [
        (field.start, field.stop)
        for field in fields(window, *whole)
        if field.number == V1LayerField.LAYER and field.wire_type == LEN
    ]
    return _split([whole], window, *_V1) | _split(connection, window, *_V0)


def _split(messages: Ranges, window: BufferedSource, name: str, but: Collection[int]) -> _Fields:
    found: _Fields = defaultdict(list)
    for message in messages:
        for field in fields(window, *message):
            if field.number not in but:
                found[name, field.number].append((field.tag, field.stop))
    return found


def _differing(one: ByteSource, ours: _Fields, two: ByteSource, theirs: _Fields) -> list[str]:
    """Names of the fields that do not hold the same bytes."""
    return [
        _field_name(*key)
        for key in sorted(ours.keys() | theirs.keys())
        if not same_bytes(one, ours.get(key, ()), two, theirs.get(key, ()))
    ]


def _field_name(message: str, number: int) -> str:
    known = known_fields(message).get(number)
    return f"field {number}" if known is None else known.name
