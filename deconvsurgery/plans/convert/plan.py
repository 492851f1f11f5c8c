"""Decide what becomes of each layer of a model that is to have another form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.hdf5.open_file import can_be_a_group
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version, refuse_mixed
from deconvsurgery.caffemodel.upgrade import upgrade
from deconvsurgery.matching.batch_norm import blobs_as_in
from deconvsurgery.prototxt.nothing_selected import no_such_layer
from deconvsurgery.prototxt.selection import name_choice

from .plan_types import (
    BlobConversion,
    Conversion,
    LayerConversion,
    WantedForm,
)
from .refusals import notes, refuse, warnings
from .value_types import measured, storage_of

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.matching.shared_blobs import Owner
    from deconvsurgery.prototxt.net import Net, NetState
    from deconvsurgery.shapes.geometry import Shape
    from deconvsurgery.shapes.infer import LayerShapes


def make_conversion(
    model: Model,
    wanted: WantedForm,
    net: Net | None = None,
    states: Sequence[NetState] = (),
    patterns: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Conversion:
    """Plan another form for a model; ``net`` says shapes, types and sharing that a file does not.

    ``patterns`` and ``exclude`` choose the layers whose values get the type that is wanted, by
    name; without them those of every layer do.

    Raises ``MismatchError`` or ``ModelError`` that name every layer which the form cannot hold,
    or whose values its type cannot, ``SelectionError`` where no layer with blobs is chosen.
    """
    refuse_mixed(model)
    chosen = _chosen(model, patterns, exclude)
    old = model.version is not Version.HDF5
    upgraded = upgrade(model) if old and (wanted.upgrade or wanted.hdf5) else None
    setups = _setups(net, model, states) if net else {}
    layers = []
    for index, source in enumerate(model.layers):
        own = wanted if chosen(source.name) else wanted._replace(storage=None)
        setup = setups.get(source.name)
        expected = blobs_as_in(setup, source.blobs) if setup else None
        blobs = tuple(_blobs(source, expected or (), own))
        after = upgraded.layers.get(index) if upgraded else None
        removed = upgraded is not None and index in upgraded.layers and after is None
        told = after.notes if after else ()
        if removed:
            told = ("goes: its pad moves to the layer behind it",)
        layers.append(LayerConversion(source, source.type, blobs, after, removed, told))
    layers = [each for each in layers if not (each.removed and wanted.hdf5)]
    if wanted.hdf5:
        layers = [*map(_left_out_without_weights, layers)]
    owned = _owned(net, states) if net else _shared(each.source for each in layers)
    refuse(layers, wanted)
    checked = measured(layers, model, wanted)
    return Conversion(
        wanted,
        checked,
        upgraded,
        owned,
        (*(upgraded.notes if upgraded else ()), *notes(checked, model, wanted)),
        tuple(warnings(checked, wanted)),
    )


def _chosen(model: Model, patterns: Sequence[str], exclude: Sequence[str]) -> Callable[[str], bool]:
    """The test of a layer's name; ``SelectionError`` where no layer with blobs passes it."""
    chosen = name_choice(patterns, exclude)
    if chosen is None:
        return lambda _: True
    names = [layer.name for layer in model.layers if layer.blobs]
    if not any(map(chosen, names)):
        raise no_such_layer(patterns, names, "with blobs in the model")
    return chosen


def _left_out_without_weights(layer: LayerConversion) -> LayerConversion:
    """A layer that HDF5 cannot hold is left out if it has no blobs: then Caffe looks for none."""
    held = bool(layer.blobs) or can_be_a_group(layer.source.name)
    return layer if held else layer._replace(removed=True)


def _owned(net: Net, states: Sequence[NetState]) -> Mapping[Owner, Owner]:
    from deconvsurgery.matching.shared_blobs import owners  # few conversions are given a net

    return owners(net, states)


def _setups(net: Net, model: Model, states: Sequence[NetState]) -> dict[str, LayerShapes]:
    """Each layer as far as the net says its blobs; of several states the first."""
    from deconvsurgery.shapes.analysis import analysed

    found: dict[str, LayerShapes] = {}
    for state in states:
        analysis = analysed(net, state, model)
        for layer in analysis.net.layers:
            found.setdefault(layer.name, analysis.shapes[layer.index])
    return found


# ── shapes ──

# Axes of a layer's blobs where the file alone says them. Of other types Caffe's older versions
# had no blobs, or a fork has, where four may be meant.
_AXES: Mapping[str, tuple[int, ...]] = {
    "Convolution": (4, 1),
    "Deconvolution": (4, 1),
    "InnerProduct": (2, 1),
    "CONVOLUTION3D": (5, 1),
    "DECONVOLUTION3D": (5, 1),
    "conv": (4, 1),
    "innerproduct": (2, 1),
}


def _blobs(
    source: SourceLayer, expected: Sequence[Shape], wanted: WantedForm
) -> Iterator[BlobConversion]:
    for position, blob in enumerate(source.blobs):
        shape = blob.shape if not blob.legacy else None
        if blob.legacy and (wanted.true_shapes or wanted.hdf5 or blob.of_c3d):
            known = expected[position] if position < len(expected) else None
            axes = _AXES.get(source.type, ())[position : position + 1]
            shape = _true_shape(blob, known, *axes)
        certain = shape is not None
        if shape is None and (wanted.hdf5 or blob.of_c3d):
            shape = blob.shape  # no such dims in HDF5, nor C3D's in Caffe; all axes may be meant
        yield BlobConversion(blob, shape, storage_of(blob, wanted), certain)


def _true_shape(blob: SourceBlob, known: Shape, axes: int | None = None) -> tuple[int, ...] | None:
    """Legacy dims without the 1s that Caffe put in front, if it is certain how many those are."""
    axes = axes if known is None else len(known)
    if blob.fills_beside and known is None:
        # Only a net says which of two shapes is meant.
        shape = None if blob.has_two_shapes else blob.beside
    elif blob.fills_beside and blob.beside and axes == len(blob.beside):
        shape = blob.beside
    else:
        shape = None if axes is None else blob.meant(axes)
    if shape is None or min(shape, default=0) < 0:  # Caffe stops there, whichever form it has
        return None
    agrees = all(dim in (None, there) for dim, there in zip(known or (), shape, strict=False))
    return shape if agrees else None


def _shared(sources: Iterable[SourceLayer]) -> dict[Owner, Owner]:
    """As `owners`, by what a binary file itself says."""
    first: dict[str, Owner] = {}
    found: dict[Owner, Owner] = {}
    for source in sources:
        for position, name in enumerate(source.param_names[: len(source.blobs)]):
            own = (source.name, position)
            if name and first.setdefault(name, own) != own:
                found[own] = first[name]
    return found
