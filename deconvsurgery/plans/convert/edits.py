"""A conversion carried out: as edits, as a new HDF5 file, or as a whole new binary one.

Values go from blob to blob about a megabyte at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.caffe_fields import LayerField, NetField
from deconvsurgery.caffemodel.blob_edits import (
    NewBlob,
    Values,
    as_bytes,
    field_of,
    kept_values,
    remade_blob,
    reshaped_blob,
    rewritten_blob,
)
from deconvsurgery.caffemodel.hdf5.open_file import DATA
from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.caffemodel.stored_values import OnWire
from deconvsurgery.caffemodel.value_rows import in_type
from deconvsurgery.caffemodel.wire import FramedEdit, header, reframed
from deconvsurgery.splicing.byte_ranges import (
    Edit,
    Piece,
    replacing,
    segments,
)
from deconvsurgery.storage.outcome import Splice

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.hdf5.write import Amendment, NewValues
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.matching.shared_blobs import Owner
    from deconvsurgery.prototxt.net import Layer, Net

    from .plan_types import BlobConversion, Conversion, LayerConversion


def recast(conversion: Conversion, model: Model, net: Net | None = None) -> Splice | Amendment:
    """What makes the planned form of the model; no edits where it has that form already."""
    if conversion.wanted.hdf5:
        if model.version is Version.HDF5 and not conversion.changed:
            return Splice(())
        return _new_hdf5(conversion, model)
    if model.version is Version.HDF5:
        return Splice((_new_binary(conversion, model, net),))
    return Splice(_edited(conversion, model))


# ── a binary file edited ──


def _edited(conversion: Conversion, model: Model) -> list[Edit]:
    framed: list[FramedEdit] = []
    whole: list[Edit] = []
    upgrade = conversion.upgrade
    if upgrade is not None:
        whole += [Edit(start, stop, 0, tuple) for start, stop in upgrade.dropped]
        if upgrade.input_layer:
            first = model.layers[0].start if model.layers else model.source.size
            whole.append(replacing(first, first, upgrade.input_layer))
    for layer in conversion.layers:
        if layer.removed:
            start, stop = layer.source.start, layer.source.frames[0].stop
            whole.append(Edit(start, stop, 0, tuple))
        elif layer.upgraded is not None:
            whole.append(_upgraded(layer, model))
        else:
            for blob in layer.blobs:
                framed += _blob_edits(blob, model)
    return whole + reframed(framed)


def _blob_edits(converted: BlobConversion, model: Model) -> list[FramedEdit]:
    if converted.blob.of_c3d:
        return remade_blob(
            converted.blob,
            NewBlob(
                converted.shape or (),
                as_bytes(partial(typed_values, model, converted)),
                converted.storage,
            ),
        )
    edits: list[FramedEdit] = []
    if converted.retyped:
        values = as_bytes(partial(typed_values, model, converted))
        edits += rewritten_blob(converted.blob, converted.blob.count, converted.storage, values)
    if converted.reshaped and converted.shape is not None:
        edits += reshaped_blob(converted.blob, converted.shape)
    return edits


def _upgraded(layer: LayerConversion, model: Model) -> Edit:
    """An old layer's whole field replaced by a ``layer``; its blobs go along, edited."""
    assert layer.upgraded is not None
    blobs = [_moved(each, model) for each in layer.blobs]
    parts: list[bytes | Edit] = [layer.upgraded.head, *blobs, layer.upgraded.tail]
    made = field_of(NetField.LAYER, parts)
    start, stop = layer.source.start, layer.source.frames[0].stop
    return Edit(start, stop, made.size, made.chunks)


def _moved(each: BlobConversion, model: Model) -> Edit:
    """A blob as a field of a V2 layer: its own bytes but for what is edited in them."""
    place = each.blob.place
    assert isinstance(place, OnWire)
    inside = [framed.edit for framed in _blob_edits(each, model)]
    frame = place.frames[-1]
    size = frame.stop - frame.start + sum(edit.growth for edit in inside)
    head = header(LayerField.BLOBS, size)

    def chunks() -> Iterator[Piece]:
        yield head
        for segment in segments(frame.stop, inside, frame.start):
            if isinstance(segment, Edit):
                yield from segment.chunks()
            else:
                yield segment

    return Edit(0, 0, len(head) + size, chunks)


# ── a new binary file ──


def _new_binary(conversion: Conversion, model: Model, net: Net | None) -> Edit:
    """Everything in place of the HDF5 file: the net's layers in its order, then the others."""
    from deconvsurgery.caffemodel.new_model import assembled, layer_field
    from deconvsurgery.prototxt.net import Layer

    known: dict[str, Layer] = {}
    for own in net.layers if net else ():
        known.setdefault(own.name, own)
    order = {name: position for position, name in enumerate(known)}
    layers = sorted(conversion.layers, key=lambda layer: order.get(layer.source.name, len(order)))
    fields = []
    for layer in layers:
        blobs = [
            NewBlob(blob.blob.shape, _values(model, blob), blob.storage) for blob in layer.blobs
        ]
        own = known.get(layer.source.name) or Layer(0, layer.source.name, "")
        fields.append(layer_field(own, blobs))
    whole = assembled(net.name if net else "", fields)
    return Edit(0, model.source.size, whole.size, whole.chunks)


def _values(model: Model, converted: BlobConversion) -> Values:
    """The blob's values: where the file has them as they will be, or made."""
    kept = kept_values(converted.blob, converted.dtype)
    if kept is None:
        return as_bytes(partial(typed_values, model, converted))
    return lambda: kept


# ── a new HDF5 file ──


def _new_hdf5(conversion: Conversion, model: Model) -> Amendment:
    """A group for each layer, a dataset for each blob that no other layer owns."""
    from deconvsurgery.caffemodel.hdf5.write import Amendment, NewValues

    found = [
        ((layer.source.name, position), converted)
        for layer in conversion.layers
        for position, converted in enumerate(layer.blobs)
        if not converted.blob.absent
    ]
    # Of several of a name the last.
    shapes = {own: converted.shape or () for own, converted in found}
    values: dict[Owner, NewValues] = {}
    for own, converted in found:
        place = conversion.owned.get(own, own)
        if place not in shapes or prod(shapes[place]) != prod(shapes[own]):
            place = own
        name, position = place
        path = f"{DATA}/{name}/{position}"
        # Of several layers that share it, or have one name, the last is what Caffe keeps.
        typed = partial(typed_values, model, converted)
        kept = kept_values(converted.blob, converted.dtype) or ()
        values[place] = NewValues(path, shapes[place], converted.dtype, typed, kept)
    groups = [DATA]  # also without a layer: Caffe makes it first, and looks for it
    groups += [f"{DATA}/{layer.source.name}" for layer in conversion.layers if not layer.removed]
    return Amendment(tuple(dict.fromkeys(groups)), tuple(values.values()), new=True)


def typed_values(model: Model, converted: BlobConversion) -> Iterator[Array]:
    """The blob's values in the type that they will have."""
    dtype = converted.dtype  # which looks at all chunks of the blob
    for values in model.flat_values(converted.blob):
        yield in_type(values, dtype)
