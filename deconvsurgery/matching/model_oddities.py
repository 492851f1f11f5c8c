"""What is odd about a weights file as a whole: how its values are kept, what Caffe refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.caffe_fields import V0_TYPES
from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.caffemodel.size_limit import is_too_large
from deconvsurgery.caffemodel.stored_values import RAW_STORAGE, Storage
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import listed, plural, quoted

from .loaded_blobs import is_found

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob


class Oddity(NamedTuple):
    """One thing that is not as today's Caffe writes it; ``holders`` has the layer of each blob.

    ``refused``: Caffe stops at it, or overlooks it. ``converted``: ``convert`` makes a form of it
    that Caffe reads. ``loads``: all the same Caffe loads what was meant. ``too_large``: that
    form is HDF5. ``certain``: Caffe does stop, where it looks. ``found`` are the layers at which
    it looks if the net has them.
    """

    words: str
    holders: tuple[str, ...] = ()
    refused: bool = False
    converted: bool = False
    loads: bool = False
    too_large: bool = False
    certain: bool = True
    found: tuple[str, ...] = ()

    def stops(self, names: Container[str] | None) -> bool:
        """Caffe ends at it, with a net of these active layers; ``None``: with any that has its own.

        It does not look at what a model has for no layer of the net.
        """
        if not self.refused or self.loads or not self.certain:
            return False
        if not self.holders:
            return True
        return any(names is None or name in names for name in self.found)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, each once."""
        return tuple(dict.fromkeys(self.holders))

    @property
    def blobs(self) -> int:
        """How many blobs it is so of."""
        return len(self.holders)


def census(model: Model, *, with_net: bool) -> tuple[str, ...]:
    """A sentence for each thing that is not as today's Caffe writes it, and that it reads.

    What it refuses is DS014's. ``with_net``: what a net says of the model is reported elsewhere.
    """
    sentences = [each.words for each in oddities(model) if not each.refused]
    if model.version is Version.HDF5 and not with_net:
        sentences.insert(
            0,
            "HDF5 weights do not tell the type of a layer: name the net, too, to see its "
            "Deconvolution layers, or use `every_layer=True`",
        )
    twice = [name for name, layers in model.by_name.items() if len(layers) > 1 and layers[-1].blobs]
    if twice and not with_net:
        names = listed([*map(quoted, twice)])
        sentences.append(f"{names}: several layers of this name; Caffe copies each, the last wins")
    return tuple(sentences)


def oddities(model: Model) -> Iterator[Oddity]:
    """What is odd about the file, as far as the file alone says."""
    if is_too_large(model.source.size, model.version):
        yield Oddity(
            f"it has {model.source.size:,} bytes; Caffe reads a binary file up to 2 GiB",
            refused=True,
            converted=True,
            too_large=True,
        )
    if model.version is Version.MIXED:
        yield Oddity("V1 and V2 layers at once: Caffe refuses to load the file", refused=True)
    yield from _unknown_types(model)
    found: dict[str, list[str]] = defaultdict(list)
    packed = {blob.problem for blob in model.blobs if blob.packed}
    unsure = {blob.problem for blob in model.blobs if blob.caffe_may_read}
    hidden = {layer.name for layer in model.layers if not is_found(layer)}

    def looked_into(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name in names if name not in hidden))

    for layer in model.layers:
        for blob in layer.blobs:
            for kind in _kinds(blob):
                found[kind].append(layer.name)
    for kind, (sentence, refused, converted, loads) in _KINDS.items():
        if layers := found.pop(kind, []):
            words = sentence.format(
                values=f"the values of {plural(len(layers), 'blob')} are",
                are=plural(len(layers), "blob is", "blobs are"),
                have=plural(len(layers), "blob has", "blobs have"),
            )
            yield Oddity(words, tuple(layers), refused, converted, loads, found=looked_into(layers))
    for problem, layers in found.items():
        several = plural(len(layers), "blob")
        yield Oddity(
            f"{several}: {problem}",
            tuple(layers),
            refused=problem not in packed,
            certain=problem not in unsure,
            found=looked_into(layers),
        )


def _unknown_types(model: Model) -> Iterator[Oddity]:
    """Types of V0 layers at which Caffe's upgrade stops (``UpgradeV0LayerType``)."""
    types = [layer.type for layer in model.layers if layer.version is Version.V0 and layer.type]
    unknown = [*dict.fromkeys(kind for kind in types if kind not in (*V0_TYPES, _PADDING))]
    if unknown:
        words = f"V0 layers of types that Caffe does not know: {listed([*map(quoted, unknown)])}"
        yield Oddity(f"{words}; it stops at that", refused=True)


_PADDING: Final = "padding"  # which goes before types are looked at


_DIFF_ONLY, _BOTH_FORMS, _COUNT, _DIFF_COUNT = "diff only", "both forms", "count", "diff count"
_C3D, _LONGER_SHAPE, _TWO_SHAPES = "C3D", "longer shape", "two shapes"


class _Kind(NamedTuple):
    """The sentence of one kind; the rest as in `Oddity`."""

    sentence: str
    refused: bool = True
    converted: bool = False
    loads: bool = False


_KINDS: Final[Mapping[str, _Kind]] = {
    **{
        storage: _Kind(
            f"{{values}} in {storage}, which NVIDIA's Caffe reads and BVLC's does not; "
            "`convert` makes float32 of it",
            converted=True,
        )
        for storage in RAW_STORAGE.values()
    },
    Storage.DOUBLE_DATA: _Kind("{values} in double_data, of a net of doubles", refused=False),
    _C3D: _Kind(
        "{are} as C3D 1.0 writes them, with five dims and other field numbers: Caffe stops at "
        "that; `convert` makes shapes of them",
        converted=True,
    ),
    _DIFF_ONLY: _Kind("{values} in diff only: Caffe stops at that"),
    _BOTH_FORMS: _Kind(
        "{have} num/channels/height/width and shape: Caffe goes by the former and ignores the "
        "shape",
        converted=True,
        loads=True,
    ),
    _LONGER_SHAPE: _Kind(
        "{have} the values of a shape of more axes than num/channels/height/width, by which "
        "Caffe goes: it stops at that",
        converted=True,
    ),
    _TWO_SHAPES: _Kind(
        "{have} num/channels/height/width and a shape of more axes: Caffe goes by the former; "
        "`convert(net=…)` finds which is meant",
        loads=True,
    ),
    _COUNT: _Kind("{have} another number of values than the shape says: Caffe stops at that"),
    _DIFF_COUNT: _Kind("{have} a diff of another length than the shape says: Caffe stops at that"),
}


_ODD_STORAGE: Final = (*RAW_STORAGE.values(), Storage.DOUBLE_DATA)


def _kinds(blob: SourceBlob) -> Iterator[str]:
    """What is odd about one blob: a kind of the above, how it is stored, or its own problem."""
    if blob.problem:
        yield blob.problem
    elif blob.count and blob.storage in _ODD_STORAGE:
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
    if blob.stopping_diff:
        yield _DIFF_COUNT
