"""One old blob in the place of a new one: copied, coerced, expanded, or why it cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.errors import MismatchError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.shapes.fillers import filler_value
from deconvsurgery.wording import dims, plural

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer
    from deconvsurgery.shapes.geometry import Shape

FLAT = "`flat=True` copies the values in their order all the same, as FCN's transplant does"
RENAME = "give the layer another name in the net, and it is as new: its fillers make its weights"


class Origin(StrEnum):
    """Where a new blob's values come from: an old blob, or one number (``constant``).

    ``copied``: an old blob of this shape. ``coerced``: one of another shape with as many values, in
    their order. ``expanded``: one with fewer outputs. ``forced``: one with more or fewer values,
    cut off or repeated.
    """

    COPIED = "copied"
    COERCED = "coerced"
    EXPANDED = "expanded"
    FORCED = "forced"
    CONSTANT = "constant"


class Graft(NamedTuple):
    """A blob of the new net: its ``shape``, and the old blob or constant it is made of.

    ``source`` is the old blob, ``None`` for a constant. ``value`` is every value of a constant, and
    every new value of an expanded blob.
    ``legacy``: the net does not say the shape, and the old blob has legacy dims.
    """

    shape: tuple[int, ...]
    origin: Origin
    source: SourceBlob | None = None
    value: float = 0.0
    legacy: bool = False


def check_readable(position: int, blob: SourceBlob) -> None:
    """Raise ``MismatchError`` for an old blob whose values nobody could load."""
    if blob.problem or blob.absent:
        raise MismatchError(
            f"old blob {position}: {blob.problem or 'the file has it at the layer that owns it'}",
            hint=RENAME,
        )
    if not blob.fills(blob.shape):
        raise MismatchError(
            f"old blob {position} has {plural(blob.count, 'value')} for {dims(blob.shape)}",
            hint=RENAME,
        )


def as_it_is(blob: SourceBlob) -> Graft:
    """Where the net does not say what the layer holds."""
    return Graft(blob.shape, Origin.COPIED, blob, legacy=blob.legacy)


def refitted(position: int, blob: SourceBlob, shape: Shape, flat: bool) -> Graft:
    """One blob; ``MismatchError`` where it does not fit."""
    if shape is None:
        return as_it_is(blob)
    full = _completed(shape, blob)
    if full is None:
        raise MismatchError(
            f"old blob {position} of shape {dims(blob.shape)} does not fit {dims(shape)}"
        )
    if blob.fits(full):
        return Graft(full, Origin.COPIED, blob)
    # InnerProduct (O, I) and Convolution (O, C, h, w) are the same memory when O is the same.
    outputs = {each[:1] for each in _meant(position, blob, len(full))}
    if blob.count == prod(full) and (full[:1] in outputs or len(full) < 2):
        return Graft(full, Origin.COERCED, blob)
    if flat:
        return Graft(full, Origin.FORCED, blob)
    if blob.count == prod(full):
        raise MismatchError(
            f"old blob {position} of shape {dims(blob.shape)} has as many values as {dims(full)}, "
            "but another first axis: other outputs",
            hint=FLAT,
        )
    raise MismatchError(
        f"old blob {position} of shape {dims(blob.shape)} has {plural(blob.count, 'value')}, "
        f"{dims(full)} takes {prod(full):,}",
        hint=FLAT,
    )


def _meant(position: int, blob: SourceBlob, axes: int) -> list[tuple[int, ...]]:
    """The shapes that a blob's dims may mean; legacy ones have 1s in front of what they mean."""
    found = [blob.shape]
    if blob.legacy:
        found.append(blob.meant(axes) or blob.shape[max(0, len(blob.shape) - axes) :])
        if position == 0 and (matrix := blob.meant(2)):  # an InnerProduct's (O, I)
            found.append(matrix)
    return found


def _completed(shape: Sequence[int | None], blob: SourceBlob) -> tuple[int, ...] | None:
    """The new shape, with one length that the net leaves open taken from the old blob."""
    open_axes = [axis for axis, dim in enumerate(shape) if dim is None]
    known = prod(dim for dim in shape if dim is not None)
    if len(open_axes) > 1 or (open_axes and (not known or blob.count % known)):
        return None
    return tuple(blob.count // known if dim is None else dim for dim in shape)


def expanded_rows(position: int, blob: SourceBlob, shape: Shape, layer: Layer) -> Graft:
    """The old classes into the first rows of the new ones."""
    for own in _meant(position, blob, len(shape or ())):
        # A length that the net leaves open is the old one's; 0 rows fit nowhere.
        open_dims = (*own, *(0,) * len(shape or ()))
        sizes = tuple(
            other if dim is None else dim
            for dim, other in zip(shape or (), open_dims, strict=False)
        )
        rows = own[0] if own else 0
        if sizes and 0 < rows <= sizes[0] and blob.count // rows == prod(sizes[1:]):
            break
    else:
        raise MismatchError(
            f"old blob {position} of shape {dims(blob.shape)} is not the first rows of "
            f"{dims(shape)}"
        )
    value = filler_value(layer, position)
    if value is None and rows < sizes[0]:
        raise MismatchError(
            f"rows {rows} to {sizes[0] - 1} of blob {position} would be left to a random filler, "
            "which a file cannot leave to Caffe",
            hint="a constant filler in the new net makes them",
        )
    return Graft(sizes, Origin.EXPANDED, blob, value or 0.0)
