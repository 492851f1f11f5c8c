"""A model's layer copied into the net's layer of its name, and every check that stops Caffe there.

The checks are those of ``Net::CopyTrainedLayersFrom``, for HDF5 of ``CopyTrainedLayersFromHDF5``,
and of ``Blob::FromProto``, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.caffe_fields import C3D_OWN_TYPES
from deconvsurgery.caffemodel.model import SourceLayer, Version
from deconvsurgery.wording import dims, plural, short

from .batch_norm import REMEDY, scale_is_elsewhere
from .disagreement import Disagreement, Kind, Numbers
from .group_of_weights import group_words, meant_group

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.prototxt.net import Layer
    from deconvsurgery.shapes.geometry import Shape

    from .loaded_blobs import Loading


def copy_stops(
    layer: Layer,
    blobs: Sequence[Shape] | None,
    source: SourceLayer,
    loaded: Loading | None = None,
) -> Iterator[Disagreement]:
    """Each check that fails where ``source`` is copied; Caffe ends at the first.

    ``blobs`` are the shapes that the net gives the layer, ``None`` where it does not say;
    ``loaded`` says which of them it shares, which an HDF5 file may leave out.
    """
    count = sum(not blob.absent for blob in source.blobs)
    if blobs is not None and _other_count(layer, len(blobs), source, loaded):
        gives = plural(len(blobs), "blob") if blobs else "no blobs"
        held = max(count, source.links or 0)
        words = f"the net gives it {gives}, {_holder(layer, source)} has {held or 'none'}"
        fused = scale_is_elsewhere(layer.type, len(blobs), len(source.blobs))
        yield _stop(
            Kind.BLOBS,
            layer,
            words + (f" ({fused})" if fused else ""),
            {"net": len(blobs), "model": held},
            remedy=REMEDY if fused else None,
        )
    for position, blob in enumerate(source.blobs[: None if blobs is None else len(blobs)]):
        if not blob.absent:
            shape = None if blobs is None else blobs[position]
            yield from _blob_stops(layer, position, blob, shape, _holder(layer, source))


def type_today(source: SourceLayer) -> str:
    """A type by Caffe's name of today; empty for a fork's of V1 times and a V0 name."""
    foreign = source.version is Version.V0 or source.type.startswith("V1 type")
    foreign = foreign or source.type in C3D_OWN_TYPES  # a net of today has them as Caffe's
    return "" if foreign else source.type


def _holder(layer: Layer, source: SourceLayer) -> str:
    other = type_today(source)
    return "the model" if other in ("", layer.type) else f"the model's {short(other)}"


def _other_count(layer: Layer, wanted: int, source: SourceLayer, loaded: Loading | None) -> bool:
    """Whether Caffe stops at the number of blobs.

    In an HDF5 file the blobs that the layer shares with an earlier one may be left out, in a
    binary file none. What else is in a layer's group counts as a blob there.
    """
    has = len(source.blobs)
    if source.version is not Version.HDF5:
        return has != wanted
    lacking = [place for place in range(wanted) if place >= has or source.blobs[place].absent]
    held = has if source.links is None else source.links
    if loaded is None or held > wanted:
        return held > wanted or bool(lacking)
    return not all(loaded.shares(layer, place) for place in lacking)


def _blob_stops(
    layer: Layer, position: int, blob: SourceBlob, shape: Shape, holder: str
) -> Iterator[Disagreement]:
    if not blob.agrees(shape):
        group = meant_group(layer, shape, blob) if position == 0 else None
        yield _stop(
            Kind.SHAPE,
            layer,
            f"the net gives its blob {position} the shape {short(dims(shape))}, "
            f"{holder} has {short(dims(blob.shape))}{group_words(layer, group)}",
            {"blob": position, "net": shape, "model": blob.shape}
            | ({} if group is None else {"group": group}),
            group=group,
        )
    if not blob.fills(blob.shape):
        numbers: Numbers = {"blob": position, "shape": blob.shape, "values": blob.count}
        yield _stop(Kind.VALUES, layer, _value_words(position, blob), numbers)
    elif blob.stopping_diff:
        yield _stop(
            Kind.VALUES,
            layer,
            f"its blob {position} in the model has a diff of {plural(blob.diff_count, 'value')}, "
            f"where its shape {short(dims(blob.shape))} says {prod(blob.shape)}",
            {"blob": position, "shape": blob.shape, "diff": blob.diff_count},
        )


def _value_words(position: int, blob: SourceBlob) -> str:
    if blob.has_diff and not blob.count:
        return f"the values of its blob {position} are only in diff"
    says = "is none that a blob can have"
    if min(blob.shape, default=0) >= 0:
        says = f"says {prod(blob.shape)}"
    return (
        f"its blob {position} in the model has "
        f"{plural(blob.count, 'value') if blob.count else 'no values'}, where its shape "
        f"{short(dims(blob.shape))} {says}"
    )


def _stop(
    kind: Kind,
    layer: Layer,
    words: str,
    numbers: Numbers,
    *,
    remedy: str | None = None,
    group: int | None = None,
) -> Disagreement:
    return Disagreement(
        kind,
        layer.name,
        words,
        layer.line or None,
        stops=True,
        remedy=remedy,
        numbers=numbers,
        group=group,
    )
