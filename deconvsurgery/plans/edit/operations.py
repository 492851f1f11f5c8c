"""What can be done to a draft, each refused where it cannot: then the draft is as it was."""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from deconvsurgery.caffemodel.layer_edits import v1_type_number
from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.source_blob import LEGACY_DIMS
from deconvsurgery.errors import LayerError, ShapeError
from deconvsurgery.kernels.largest_value import strongest
from deconvsurgery.wording import dims, plural, quoted

from .draft import BlobDraft, EditDraft, LayerDraft
from .refusals import (
    CONVERT,
    found_blob,
    known,
    refuse_name,
    refuse_nested,
    refuse_one_array,
    refuse_shape,
    refuse_unwritable,
)
from .values import GivenValues, blob_arrays, rounded_product

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model


def set_values(
    draft: EditDraft, name: str, index: int, value: Any, *, reshape: bool = False
) -> None:
    """Give a blob other values, in its own type; ``reshape`` lets them have another shape.

    Raises:
        LookupError: there is no such layer or blob.
        ShapeError: their shape is another.
        LayerError: the blob takes no values, or one of these does not fit its type.
        ValueError: they are no real numbers.
    """
    draft.put(name, *_with_values(draft, name, index, value, reshape=reshape))


def set_layer(draft: EditDraft, name: str, values: Sequence[Any]) -> None:
    """Give every blob of a layer other values; raises as `set_values`, and for another number."""
    refuse_one_array(values)
    have = len(draft.layer(name).blobs)
    if len(values) != have:
        raise ShapeError(
            f"layer {quoted(name)} has {plural(have, 'blob')}, and {len(values)} are given",
            layer=name,
            hint="remove the layer, and add it with other blobs",
        )
    made = [
        _with_values(draft, name, index, value, reshape=False) for index, value in enumerate(values)
    ]
    for position, blob in made:
        draft.put(name, position, blob)


def reshape(draft: EditDraft, name: str, index: int, shape: Iterable[int]) -> None:
    """Give a blob another shape of as many values, which stay; none of them is read.

    Raises:
        LookupError: there is no such layer or blob.
        ShapeError: the shape takes another number of values.
        LayerError: the blob's values are not plain ones.
    """
    position, blob = found_blob(draft, name, index)
    refuse_unwritable(draft, blob, name, position)
    wanted = tuple(operator.index(dim) for dim in shape)
    if min(wanted, default=0) < 0 or prod(wanted) != blob.count:
        raise ShapeError(
            f"layer {quoted(name)}: blob {position} has {plural(blob.count, 'value')}, and "
            f"{dims(wanted)} takes another number",
            layer=name,
            hint="values of another number are set: `set(name, index, values, reshape=True)`",
        )
    draft.put(name, position, _with_shape(blob, wanted, name, position))


def scale(draft: EditDraft, name: str, index: int, factor: float) -> None:
    """Multiply a blob's values; where one may become too large for their type all are looked at.

    They are looked at once: a product, rounded or not, keeps the order of magnitudes, so that the
    largest of them decides.

    Raises:
        LookupError: there is no such layer or blob.
        LayerError: the blob takes no values, or one of them would not fit its type.
        ValueError: the factor is no finite number.
    """
    position, blob = found_blob(draft, name, index)
    number = float(factor)
    if not math.isfinite(number):
        raise ValueError(f"a factor is a finite number, not {factor!r}")
    if number == 1:
        return
    refuse_unwritable(draft, blob, name, position)
    if blob.zero or not blob.count:
        return
    scaled = blob._replace(factors=(*blob.factors, number))
    largest = blob.largest
    if largest is None and abs(number) > 1:
        largest = max(map(strongest, blob_arrays(draft.model, blob, name, position)), default=0.0)
    if largest is not None:
        largest = rounded_product(largest, abs(number), blob.dtype)
        if math.isinf(largest):
            deque(blob_arrays(draft.model, scaled, name, position), maxlen=0)  # raises: which one
    draft.put(name, position, scaled._replace(largest=largest))


def zero(draft: EditDraft, name: str, index: int) -> None:
    """Make all values of a blob 0; raises as `scale`."""
    position, blob = found_blob(draft, name, index)
    refuse_unwritable(draft, blob, name, position, whole=True)
    if count := blob.count or prod(blob.shape):
        zeros = blob._replace(
            count=count, given=None, zero=True, factors=(), largest=None, notes=()
        )
        draft.put(name, position, zeros)


def rename(draft: EditDraft, old: str, new: str) -> None:
    """Give every layer of a name another one, wherever the file has it.

    Raises:
        LookupError: there is no such layer.
        LayerError: another layer has the new name, or the file cannot hold it.
    """
    known(draft, old)
    if old == new:
        return
    refuse_name(draft, new)
    refuse_nested(draft, old)
    draft.rename(old, new)


def remove(draft: EditDraft, name: str) -> None:
    """Take every layer of a name out; raises ``LookupError`` where there is none."""
    known(draft, name)
    refuse_nested(draft, name)
    draft.remove(name)


def add(draft: EditDraft, name: str, blobs: Iterable[Any], type_: str = "") -> None:
    """A new layer behind the others, whose blobs are as the model's are: in type, field and dims.

    Raises:
        LayerError: there is one of that name, or the file cannot hold the layer.
        ValueError: the values of a blob are no real numbers.
    """
    refuse_one_array(blobs)
    refuse_name(draft, name)
    model = draft.model
    if model.version is Version.V0 or model.of_c3d:
        kind = "C3D 1.0" if model.of_c3d else "V0"
        raise LayerError(
            f"layer {quoted(name)}: {kind} files take no new layer",
            layer=name,
            hint=CONVERT,
        )
    if model.version is Version.V1 and v1_type_number(type_) is None:
        raise LayerError(
            f"layer {quoted(name)}: V1, which the file is, has no type {quoted(type_)}",
            layer=name,
            hint=f"{CONVERT}; Caffe loads the layer without a type, too",
        )
    made = [
        _new_blob(GivenValues(value), model, name, position) for position, value in enumerate(blobs)
    ]
    draft.add(LayerDraft(None, name, type_, tuple(made)))


def _new_blob(given: GivenValues, model: Model, name: str, position: int) -> BlobDraft:
    values, notes = given.stored(model.dtype, name, position)
    empty = BlobDraft(
        None, (), values.size, model.dtype, model.storage, model.legacy, values, notes=notes
    )
    return _with_shape(empty, given.shape, name, position)


def _with_values(
    draft: EditDraft, name: str, index: int, value: Any, *, reshape: bool
) -> tuple[int, BlobDraft]:
    """A blob's position, and the blob with other values; raises as `set_values`."""
    position, blob = found_blob(draft, name, index)
    refuse_unwritable(draft, blob, name, position)
    given = GivenValues(value)
    same = given.shape == blob.shape or _fits(blob, given.shape)
    if not (same or reshape):
        raise ShapeError(
            f"layer {quoted(name)}: blob {position} has shape {dims(blob.shape)}, and the values "
            f"{dims(given.shape)}",
            layer=name,
            hint=f"`set({quoted(name)}, {position}, …, reshape=True)` gives it the values' shape",
        )
    values, notes = given.stored(blob.dtype, name, position)
    if not same:
        blob = _with_shape(blob, given.shape, name, position)
    return position, blob._replace(
        count=values.size, given=values, zero=False, factors=(), largest=None, notes=notes
    )


def _with_shape(blob: BlobDraft, shape: tuple[int, ...], name: str, position: int) -> BlobDraft:
    """With other dims, in the form that they have: legacy ones take up to four axes."""
    refuse_shape(shape, name, position)
    own = blob.legacy if blob.source is None else blob.source.legacy
    legacy = own and len(shape) <= len(LEGACY_DIMS)
    return blob._replace(shape=_padded(shape) if legacy else shape, legacy=legacy)


def _padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (len(LEGACY_DIMS) - len(shape)) + shape


def _fits(blob: BlobDraft, shape: tuple[int, ...]) -> bool:
    """A shape of other dims that Caffe takes for the same (``Blob::ShapeEquals``)."""
    if not blob.legacy or len(shape) > len(LEGACY_DIMS):
        return False
    return _padded(shape) == blob.shape
