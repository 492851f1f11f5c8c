"""Why an edit cannot be: no such layer, a name that the file cannot hold, no place for values."""

from __future__ import annotations

import operator
from math import prod
from typing import TYPE_CHECKING, Final

from deconvsurgery.caffemodel.hdf5.open_file import can_be_a_group
from deconvsurgery.caffemodel.layers_by_name import unknown_blob, unknown_layer
from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.source_blob import MAX_AXES, MAX_VALUES
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.caffemodel.wire import encoded
from deconvsurgery.errors import LayerError, ShapeError
from deconvsurgery.wording import dims, listed, quoted

if TYPE_CHECKING:
    from .draft import BlobDraft, EditDraft

CONVERT: Final = "`convert` makes a file of the present form, which can be edited so"


def known(draft: EditDraft, name: object) -> str:
    """A layer's name; raises ``KeyError`` where there is none of it, with the nearest."""
    if name not in draft:
        raise unknown_layer(draft.model.name, name, draft.names())
    return str(name)


def found_blob(draft: EditDraft, name: str, index: int) -> tuple[int, BlobDraft]:
    """A blob of a layer and its position; raises ``LookupError`` where there is none."""
    blobs = draft.layer(known(draft, name)).blobs
    position = operator.index(index)
    if not -len(blobs) <= position < len(blobs):
        raise unknown_blob(name, len(blobs), index)
    position %= len(blobs)
    return position, blobs[position]


def refuse_unwritable(
    draft: EditDraft, blob: BlobDraft, name: str, position: int, *, whole: bool = False
) -> None:
    """Raise ``LayerError`` for a blob whose values nothing can be written over.

    ``whole``: whole numbers can be, as by zeros.
    """
    source = blob.source
    if source is None:
        return
    why, hint = source.problem, "remove the layer, and add it anew"
    if source.absent:
        why = "the file has its values at another layer, which shares them"
        hint = "edit the layer that has them"
    elif source.packed:
        size, unpacked = draft.model.file_size, draft.model.unpacked_size
        why = f"it is not read, as a file of {size:,} bytes unpacks to {unpacked:,}"
        hint = f"edit(…, max_unpacked={unpacked}) reads it all the same"
    elif source.of_c3d:
        why, hint = "it is as C3D 1.0 writes blobs, which no Caffe reads", CONVERT
    elif isinstance(source.place, Dataset) and source.place.whole and not whole:
        why = "the file has whole numbers there, which others do not fit"
    if why:
        raise LayerError(
            f"layer {quoted(name)}: blob {position} cannot be edited: {why}",
            layer=name,
            hint=hint,
        )


def refuse_name(draft: EditDraft, name: str) -> None:
    """Raise an error for a name that a layer cannot get."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"a layer's name is a str that is not empty, not {name!r}")
    if name in draft:
        raise LayerError(
            f"the model has a layer {quoted(name)} already",
            layer=name,
            hint="remove that one first, or take another name",
        )
    try:
        encoded(name)
    except UnicodeEncodeError:
        raise ValueError(f"a layer's name is text, which {name!r} is not") from None
    if draft.model.version is Version.HDF5 and not can_be_a_group(name):
        raise LayerError(
            f"an HDF5 file cannot hold a layer named {quoted(name)}",
            layer=name,
            hint="take a name without a slash; a binary model holds any",
        )


def refuse_nested(draft: EditDraft, name: str) -> None:
    """Raise ``LayerError`` where an HDF5 file has other layers in the group of one."""
    if draft.model.version is not Version.HDF5:
        return
    inside = [each for each in draft.names() if each.startswith(f"{name}/")]
    if inside or "/" in name:
        where = f"layers lie in it: {listed(inside)}" if inside else "it lies in another"
        raise LayerError(
            f"the group of layer {quoted(name)} cannot be moved or removed: {where}",
            layer=name,
            hint="Caffe writes no groups in groups; `convert` to binary makes a plain file",
        )


def refuse_shape(shape: tuple[int, ...], name: str, position: int) -> None:
    """Raise ``ShapeError`` for what Caffe has no blob of (``Blob::Reshape``)."""
    why = None
    if len(shape) > MAX_AXES:
        why = f"has {len(shape)} axes, where Caffe has up to {MAX_AXES}"
    elif prod(shape) > MAX_VALUES:
        why = f"has {prod(shape):,} values, where Caffe counts up to {MAX_VALUES:,}"
    if why:
        raise ShapeError(
            f"layer {quoted(name)}: blob {position} of shape {dims(shape)} {why}", layer=name
        )


def refuse_one_array(blobs: object) -> None:
    """Raise ``ValueError`` for an array in the place of several, whose rows would be blobs."""
    if hasattr(blobs, "dtype") or isinstance(blobs, str | bytes):
        raise ValueError(
            f"blobs are given as a list, an array for each, not {type(blobs).__name__}"
        )
