"""What is odd about a weights file as a whole: how its values are kept, what Caffe refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import NamedTuple

from deconvsurgery.caffemodel.model import CAFFE_LIMIT, Model, SourceBlob, Version
from deconvsurgery.caffemodel.stored_values import RAW_STORAGE, Storage
from deconvsurgery.wording import listed, plural, quoted


class Oddity(NamedTuple):
    """One thing that is not as today's Caffe writes it; ``holders`` has the layer of each blob.

    ``refused``: Caffe stops at it, or overlooks it. ``converted``: ``convert`` makes a form of it
    that Caffe reads. ``loads``: all the same Caffe loads what was meant.
    """

    words: str
    holders: tuple[str, ...] = ()
    refused: bool = False
    converted: bool = False
    loads: bool = False

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, each once."""
        return tuple(dict.fromkeys(self.holders))

    @property
    def blobs(self) -> int:
        """How many blobs it is so of."""
        return len(self.holders)


def census(model: Model, *, with_net: bool) -> tuple[str, ...]:
    """A sentence for each thing that is not as today's Caffe writes it.

    ``with_net``: what a net says of the model is reported elsewhere.
    """
    sentences = [each.words for each in oddities(model)]
    if model.version is Version.HDF5 and not with_net:
        sentences.insert(
            0,
            "HDF5 weights do not tell the type of a layer: name the net, too, to see its "
            "Deconvolution layers, or use --all",
        )
    twice = [name for name, layers in model.by_name.items() if len(layers) > 1 and layers[-1].blobs]
    if twice and not with_net:
        names = listed([*map(quoted, twice)])
        sentences.append(f"{names}: several layers of this name; Caffe copies each, the last wins")
    return tuple(sentences)


def oddities(model: Model) -> Iterator[Oddity]:
    """What is odd about the file, as far as the file alone tells."""
    if model.source.size > CAFFE_LIMIT and model.version is not Version.HDF5:
        yield Oddity(
            f"it has {model.source.size:,} bytes; Caffe reads a binary file up to 2 GiB",
            refused=True,
            converted=True,
        )
    if model.version is Version.MIXED:
        yield Oddity("V1 and V2 layers at once: Caffe refuses to load the file", refused=True)
    found: dict[str, list[str]] = defaultdict(list)
    packed = {blob.problem for blob in model.blobs if blob.packed}
    for layer in model.layers:
        for blob in layer.blobs:
            for kind in _kinds(blob):
                found[kind].append(layer.name)
    for storage in RAW_STORAGE.values():
        if layers := found.pop(storage, []):
            yield Oddity(
                f"{_are(len(layers))} in {storage}, which NVIDIA's Caffe reads and BVLC's "
                "does not; `deconvsurgery convert` makes float32 of it",
                tuple(layers),
                refused=True,
                converted=True,
            )
    if layers := found.pop(Storage.DOUBLE_DATA, []):
        yield Oddity(f"{_are(len(layers))} in double_data, of a net of doubles", tuple(layers))
    for kind, words in _WORDS.items():
        if layers := found.pop(kind, []):
            yield Oddity(
                words(len(layers)),
                tuple(layers),
                refused=True,
                converted=kind in _CONVERTED,
                loads=kind in _LOADED,
            )
    for problem, layers in found.items():
        several = plural(len(layers), "blob")
        yield Oddity(f"{several}: {problem}", tuple(layers), refused=problem not in packed)


_DIFF_ONLY, _BOTH_FORMS, _COUNT, _DIFF_COUNT = "diff only", "both forms", "count", "diff count"
_C3D, _LONGER_SHAPE, _TWO_SHAPES = "C3D", "longer shape", "two shapes"
_CONVERTED = (_BOTH_FORMS, _C3D, _LONGER_SHAPE)
_LOADED = (_BOTH_FORMS, _TWO_SHAPES)

_WORDS: Mapping[str, Callable[[int], str]] = {
    _C3D: lambda count: (
        f"{count:,} blob{'s are' if count > 1 else ' is'} as C3D 1.0 writes them, with five dims "
        "and other field numbers: Caffe stops at that; `deconvsurgery convert` makes shapes of them"
    ),
    _DIFF_ONLY: lambda count: f"{_are(count)} in diff only: Caffe stops at that",
    _BOTH_FORMS: lambda count: (
        f"{count:,} blob{'s have' if count > 1 else ' has'} num/channels/height/width and shape: "
        "Caffe goes by the former and ignores the shape"
    ),
    _LONGER_SHAPE: lambda count: (
        f"{count:,} blob{'s have' if count > 1 else ' has'} the values of a shape of more axes "
        "than num/channels/height/width, by which Caffe goes: it stops at that"
    ),
    _TWO_SHAPES: lambda count: (
        f"{count:,} blob{'s have' if count > 1 else ' has'} num/channels/height/width and a shape "
        "of more axes: Caffe goes by the former; `deconvsurgery convert --net` finds which is meant"
    ),
    _COUNT: lambda count: (
        f"{count:,} blob{'s have' if count > 1 else ' has'} another number of values than the "
        "shape says: Caffe stops at that"
    ),
    _DIFF_COUNT: lambda count: (
        f"{count:,} blob{'s have' if count > 1 else ' has'} a diff of another length than the "
        "shape says: Caffe stops at that"
    ),
}


def _kinds(blob: SourceBlob) -> Iterator[str]:
    """What is odd about one blob: a kind of the above, how it is stored, or its own problem."""
    size = prod(blob.shape)
    if blob.problem:
        yield blob.problem
    elif blob.count and blob.storage in (*RAW_STORAGE.values(), Storage.DOUBLE_DATA):
        yield blob.storage
    if blob.of_c3d:
        yield _C3D
    if blob.fills_beside:
        yield _TWO_SHAPES if blob.has_two_shapes else _LONGER_SHAPE
    elif blob.both_forms:
        yield _BOTH_FORMS
    if blob.absent or blob.problem:
        return
    if blob.has_diff and not blob.count:
        yield _DIFF_ONLY
    elif not blob.fills(blob.shape) and not blob.fills_beside:
        yield _COUNT
    if blob.diff_count not in (0, size):
        yield _DIFF_COUNT


def _are(count: int) -> str:
    return f"the values of {count:,} blob{'s are' if count > 1 else ' are'}"
