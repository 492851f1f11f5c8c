"""Hold two models against each other: which layers belong together, what each is to the other."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.stored_values import OnWire
from deconvsurgery.matching.copied_layer import type_today
from deconvsurgery.wording import listed, plural, quoted

from .compare_fields import (
    gaps,
    layer_differences,
    net_differences,
    same_bytes,
)
from .compare_values import BlobSide, OnBytes, difference, same_values, stretch
from .pairing import counterparts, in_order, out_of_order
from .result import (
    BlobContrast,
    LayerContrast,
    Likeness,
    ModelContrast,
)

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob

Chosen: TypeAlias = Callable[[str], bool]
_Row: TypeAlias = tuple[int | None, int | None]
# Of layers with the same few values in between, how many one is compared with value by value.
_MOST_ALIKE = 16
_WORDS = {Likeness.ONLY_A: "A", Likeness.ONLY_B: "B"}


def make_contrast(
    a: Model,
    b: Model,
    *,
    chosen: Chosen | None = None,
    atol: float | None = None,
    on_bytes: OnBytes | None = None,
) -> ModelContrast:
    """Compare every layer, or those that are ``chosen`` by their name in either.

    With ``atol`` values at most that far apart are the same. ``on_bytes`` is
    called with the bytes that are done.
    """
    rows = _rows(a, b, chosen)
    moved = _moved(a, b, rows)
    layers = []
    for here, there in rows:
        one = None if here is None else a.layers[here]
        two = None if there is None else b.layers[there]
        if chosen is not None and not any(chosen(layer.name) for layer in (one, two) if layer):
            continue
        if one is None or two is None:
            layers.append(_alone(one, two))
            continue
        layer = _both(a, one, b, two, atol, on_bytes)
        if words := moved.get(here):
            layer = layer._replace(moved=True, told=(*layer.told, words))
        layers.append(layer)
    identical = _identical(a, b, layers) if chosen is None else None
    if identical:  # then what cannot be read is the same, too
        layers = [_identical_layer(layer) for layer in layers]
    notes = [*net_differences(a, b), *_namesakes(a, b, layers), *_weightless(layers)]
    if identical is False and not notes and not any(x.differs or x.told for x in layers):
        notes = ["the files differ in other bytes only: how fields or datasets are laid out"]
    return ModelContrast(tuple(layers), identical, tuple(notes))


# ── which layers ─────────────────────────────────────────────────────────────────────────


def _rows(a: Model, b: Model, chosen: Chosen | None) -> tuple[_Row, ...]:
    """Positions of layers that belong together, by name or as the same weights renamed."""
    found = counterparts(a.layers, b.layers)
    shapes = {_shapes(a.layers[each]) for each in found.only_a}
    shapes &= {_shapes(b.layers[each]) for each in found.only_b}
    shapes.discard(())
    wanted = chosen or (lambda _name: True)
    waiting: dict[tuple[object, bool], deque[int]] = defaultdict(deque)
    for there in found.only_b:
        if _shapes(b.layers[there]) in shapes:
            waiting[_sketch(b, there), wanted(b.layers[there].name)].append(there)
    renamed = []
    for here in found.only_a if waiting else ():
        if _shapes(a.layers[here]) not in shapes:
            continue
        sketched = _sketch(a, here)
        for theirs in (True, False) if wanted(a.layers[here].name) else (True,):
            alike = waiting[sketched, theirs]
            tried = islice(alike, _MOST_ALIKE)
            same = next((there for there in tried if _same_weights(a, here, b, there)), None)
            if same is not None:
                renamed.append((here, same))
                alike.remove(same)
                break
    return in_order([*found.pairs, *renamed], len(a.layers), len(b.layers))


def _shapes(layer: SourceLayer) -> tuple[tuple[int, ...], ...]:
    """Its shapes but for 1s in front, which legacy dims have; nothing where values are missing."""
    if any(blob.problem or not blob.count for blob in layer.blobs):
        return ()
    return tuple(_trimmed(blob.shape) for blob in layer.blobs)


def _trimmed(shape: Sequence[int]) -> tuple[int, ...]:
    first = next((axis for axis, dim in enumerate(shape) if dim != 1), len(shape))
    return tuple(shape[first:])


def _sketch(model: Model, position: int) -> object:
    layer = model.layers[position]
    return _shapes(layer), tuple(BlobSide(model, blob).sketch() for blob in layer.blobs)


def _same_weights(a: Model, here: int, b: Model, there: int) -> bool:
    """The same layer but for its name: shapes and all values, and the type where both have it."""
    one, two = a.layers[here], b.layers[there]
    types = {type_today(one), type_today(two)} - {""}
    if len(types) > 1:
        return False
    pairs = list(zip(one.blobs, two.blobs, strict=True))
    return all(_same_shape(x, y) for x, y in pairs) and all(
        same_values(BlobSide(a, x), BlobSide(b, y)) for x, y in pairs
    )


def _moved(a: Model, b: Model, rows: Sequence[_Row]) -> dict[int | None, str]:
    """Layers with weights that must be taken out for the others to be in one order in both.

    By their position in A, with what is to be said of them. HDF5 files keep no order.
    """
    if Version.HDF5 in (a.version, b.version):
        return {}
    pairs = [
        (here, there)
        for here, there in rows
        if here is not None and there is not None
        if a.layers[here].blobs or b.layers[there].blobs
    ]
    moved = out_of_order([there for _, there in pairs])
    return {
        here: f"moved: {_place(a, here)} in A, {_place(b, there)} in B"
        for here, there in pairs
        if there in moved
    }


def _place(model: Model, position: int) -> str:
    return f"behind {quoted(model.layers[position - 1].name)}" if position else "the first"


# ── one layer ────────────────────────────────────────────────────────────────────────────


def _alone(one: SourceLayer | None, two: SourceLayer | None) -> LayerContrast:
    """A layer that only one of the models has."""
    likeness = Likeness.ONLY_A if two is None else Likeness.ONLY_B
    blobs = [BlobContrast(blob, None, likeness) for blob in one.blobs] if one else []
    blobs += [BlobContrast(None, blob, likeness) for blob in two.blobs] if two else []
    return LayerContrast(one, two, likeness, tuple(blobs))


def _both(
    a: Model,
    one: SourceLayer,
    b: Model,
    two: SourceLayer,
    atol: float | None,
    on_bytes: OnBytes | None,
) -> LayerContrast:
    """A layer of both models, blob by blob."""
    pairs = zip(one.blobs, two.blobs, strict=False)
    blobs = [_blob(BlobSide(a, x), BlobSide(b, y), atol, on_bytes) for x, y in pairs]
    blobs += [BlobContrast(x, None, Likeness.ONLY_A) for x in one.blobs[len(two.blobs) :]]
    blobs += [BlobContrast(None, y, Likeness.ONLY_B) for y in two.blobs[len(one.blobs) :]]
    kinds = {each.likeness for each in blobs}
    likeness = Likeness.SAME
    if kinds & {Likeness.SHAPE_DIFFERS, Likeness.ONLY_A, Likeness.ONLY_B}:
        likeness = Likeness.SHAPE_DIFFERS
    elif kinds - {Likeness.SAME}:
        likeness = min(kinds - {Likeness.SAME}, key=list(Likeness).index)
    elif one.name != two.name:
        likeness = Likeness.RENAMED
    words = [*_blob_words(blobs), *layer_differences(a, one, b, two)]
    return LayerContrast(one, two, likeness, tuple(blobs), told=tuple(words))


def _blob(
    ours: BlobSide, theirs: BlobSide, atol: float | None, on_bytes: OnBytes | None
) -> BlobContrast:
    """A blob of both: values are compared wherever they are as many."""
    one, two = ours.blob, theirs.blob
    if one.absent and two.absent:
        return BlobContrast(one, two, Likeness.SAME)
    if one.absent or two.absent:
        return BlobContrast(one, two, Likeness.NOT_COMPARED)
    if one.problem or two.problem:
        same = _same_message(ours, theirs)
        return BlobContrast(one, two, Likeness.SAME if same else Likeness.NOT_COMPARED)
    if one.count != two.count:
        return BlobContrast(one, two, Likeness.SHAPE_DIFFERS)
    found = difference(ours, theirs, atol=atol, on_bytes=on_bytes)
    likeness = Likeness.CHANGED if found.changed else Likeness.SAME
    if not _same_shape(one, two):
        likeness = Likeness.SHAPE_DIFFERS
    return BlobContrast(one, two, likeness, found)


def _same_shape(one: SourceBlob, two: SourceBlob) -> bool:
    """Caffe would take one for the other; legacy dims are four whatever they stand for."""
    return one.fits(two.shape) or two.fits(one.shape)


def _same_message(one: BlobSide, two: BlobSide) -> bool:
    """What cannot be read is the same at least where all its bytes are."""
    here, there = one.blob.place, two.blob.place
    if not isinstance(here, OnWire) or not isinstance(there, OnWire):
        return False
    ours, theirs = here.frames[-1], there.frames[-1]
    return same_bytes(
        one.model.source,
        [(ours.start, ours.stop)],
        two.model.source,
        [(theirs.start, theirs.stop)],
    )


def _blob_words(blobs: Sequence[BlobContrast]) -> Iterator[str]:
    """What the numbers of a layer's blobs do not show."""
    counts = [len([each for each in blobs if each.a]), len([each for each in blobs if each.b])]
    if counts[0] != counts[1]:
        yield f"has {_blobs(counts[0])} in A, {_blobs(counts[1])} in B"
    for position, each in enumerate(blobs):
        one, two, found = each.a, each.b, each.difference
        if one is None or two is None:
            continue
        if each.likeness is Likeness.NOT_COMPARED:
            for where, blob in (("A", one), ("B", two)):
                if blob.absent:
                    yield f"{where} leaves its blob {position} to a layer that the net tells"
                elif blob.problem:
                    yield f"its blob {position} in {where}: {blob.problem}"
        elif one.count != two.count and _same_shape(one, two):
            yield f"its blob {position} has {_values(one)} in A, {_values(two)} in B"
        elif each.likeness is Likeness.SHAPE_DIFFERS and found and not found.changed:
            yield f"the values of its blob {position} are the same, in their order"


def _blobs(count: int) -> str:
    return plural(count, "blob") if count else "no blobs"


def _values(blob: SourceBlob) -> str:
    return plural(blob.count, "value") if blob.count else "none"


# ── the files ────────────────────────────────────────────────────────────────────────────


def _identical(a: Model, b: Model, layers: Sequence[LayerContrast]) -> bool:
    """Every byte is the same: those of the values were seen to be, now all others."""
    if a.source.size != b.source.size or a.layers != b.layers:
        return False
    seen = []
    for contrast in (blob for layer in layers for blob in layer.blobs):
        if contrast.difference and contrast.a and (found := stretch(contrast.a)):
            if not contrast.difference.by_bytes:
                return False
            seen.append((found.start, found.stop))
    others = gaps(0, a.source.size, seen)
    return same_bytes(a.source, others, b.source, others)


def _identical_layer(layer: LayerContrast) -> LayerContrast:
    blobs = tuple(blob._replace(likeness=Likeness.SAME) for blob in layer.blobs)
    return layer._replace(likeness=Likeness.SAME, blobs=blobs, told=())


def _namesakes(a: Model, b: Model, layers: Sequence[LayerContrast]) -> Iterator[str]:
    names = dict.fromkeys(layer.name for layer in layers if layer.weighted)
    twice = [name for name in names if max(len(each.by_name.get(name, ())) for each in (a, b)) > 1]
    if twice:
        yield (
            f"{listed([*map(quoted, twice)])}: several layers of this name, held against each "
            "other in turn; Caffe copies each, the last wins"
        )


def _weightless(layers: Sequence[LayerContrast]) -> Iterator[str]:
    """Layers that only one model has and that hold nothing."""
    for likeness, where in _WORDS.items():
        names = [x.name for x in layers if x.likeness is likeness and not x.weighted]
        if names:
            count = f"{plural(len(names), 'layer')} without weights"
            one = "is" if len(names) == 1 else "are"
            yield f"{count} {one} only in {where} ({listed([*map(quoted, names)])})"
