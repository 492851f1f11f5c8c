"""Coordinate maps: which pixel of a layer's top a pixel of its bottom becomes, in exact fractions.

On each spatial axis ``top = scale * bottom + shift``, pixels counted by their centres. Sources: the
rules of the FCN era's Crop and of pycaffe's coord_map.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.errors import ShapeError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.shapes.layers.pooling import pooled_axes, pooling_window
from deconvsurgery.shapes.layers.windows import foreign_window

from .axes import CONVOLUTIONS

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage

    from .geometry import Window

# A chain of strides beyond this is that of a hostile net.
_LARGEST: Final = 2**64


class AxisMap(NamedTuple):
    """``top = scale * bottom + shift`` on one axis."""

    scale: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def after(self, first: AxisMap) -> AxisMap:
        """First ``first``, then this one.

        >>> AxisMap(Fraction(8), Fraction(4)).after(AxisMap(Fraction(1, 8), Fraction(-1, 2)))
        AxisMap(scale=Fraction(1, 1), shift=Fraction(0, 1))
        """
        if self is SAME:
            return first
        return AxisMap(self.scale * first.scale, self.scale * first.shift + self.shift)

    def inverse(self) -> AxisMap:
        """The way back."""
        return AxisMap(1 / self.scale, -self.shift / self.scale)

    @property
    def sane(self) -> bool:
        """Its numbers are those of a net that somebody could run."""
        scale, shift = self
        return (
            max(abs(scale.numerator), scale.denominator) <= _LARGEST
            and max(abs(shift.numerator), shift.denominator) <= _LARGEST
        )


SAME: Final = AxisMap()
"""Every pixel stays where it is, as in most convolutions of a net."""

CoordinateMap: TypeAlias = tuple[AxisMap, ...]
"""A map an axis; ``()`` is the identity, however many axes there are."""


def layer_map(layer: Layer, window: Window | None) -> CoordinateMap | None:
    """The map of a layer from its first bottom to its first top; ``None`` where there is none.

    ``window`` is what it slides, ``None`` where that is not known. A Crop's map is not among them:
    it depends on the graph.
    """
    if layer.type in CONVOLUTIONS:
        return _convolution(layer, window)
    if layer.type == "Pooling":
        return _pooling(layer.message.message("pooling_param"), window)
    rule = _MAPS.get(layer.type)
    return None if rule is None else rule(layer)


def composed(second: CoordinateMap, first: CoordinateMap) -> CoordinateMap | None:
    """First ``first``, then ``second``; ``None`` where their axes differ in number."""
    if not first or not second:
        return second or first
    if len(first) != len(second):
        return None
    maps: list[AxisMap] = []
    for at, (after, before) in enumerate(zip(second, first, strict=True)):
        if at and after is second[at - 1] and before is first[at - 1]:
            maps.append(maps[-1])  # as on the axis before: images are square, and fractions slow
            continue
        maps.append(after.after(before))
        if not maps[-1].sane:
            return None
    return tuple(maps)


def inverted(maps: CoordinateMap) -> CoordinateMap:
    """The way back."""
    found: list[AxisMap] = []
    for at, each in enumerate(maps):
        found.append(found[-1] if at and each is maps[at - 1] else each.inverse())
    return tuple(found)


# ── the maps of layers ───────────────────────────────────────────────────────────────────


def _pointwise(_layer: Layer) -> CoordinateMap:
    return ()


def _along_channels(param_name: str, *others: str) -> Callable[[Layer], CoordinateMap | None]:
    """Layers that leave the image alone as long as they work on axis 1."""

    def rule(layer: Layer) -> CoordinateMap | None:
        param = layer.message.message(param_name)
        axes = [param.integer(name, 1) for name in ("axis", *others)]
        return () if set(axes) == {1} else None

    return rule


def _convolution(layer: Layer, window: Window | None) -> CoordinateMap | None:
    foreign = foreign_window(layer.message.message("convolution_param"))
    if foreign or layer.convolution_param.axis != 1:
        return None
    return None if window is None else _slid(window, layer.type == "Deconvolution")


@lru_cache(maxsize=32)
def _slid(window: Window, back: bool) -> CoordinateMap:
    """A window's map, or the way ``back``; layers have few different ones."""
    maps = _windowed(window)
    return inverted(maps) if back else maps


def _pooling(param: NetMessage, window: Window | None) -> CoordinateMap | None:
    """Over the axes that its fields ask for, or an image's."""
    if param.flag("global_pooling", False) or foreign_window(param):
        return None
    axes = pooled_axes(param) or 2
    if window is not None and len(window.kernel) == axes:
        return _windowed(window)
    try:
        return _windowed(pooling_window(param, axes))
    except ShapeError:
        return None


def _windowed(window: Window) -> CoordinateMap:
    """A window's centre: output j looks at input j * stride - pad + (extent - 1) / 2."""
    axes = [*zip(window.extent, window.stride, window.pad, strict=True)]
    maps = {axis: _of_axis(*axis) for axis in dict.fromkeys(axes)}
    return tuple(maps[axis] for axis in axes)


def _of_axis(extent: int, stride: int, pad: int) -> AxisMap:
    found = AxisMap(Fraction(1, stride), (pad - Fraction(extent - 1, 2)) / stride)
    return SAME if found == SAME else found


def _upsample(layer: Layer) -> CoordinateMap | None:
    """A fork's repeated pixels: the centre of ``scale`` pixels stays where it was."""
    param = layer.message.message("upsample_param")
    scale = param.integer("scale", 2)
    if not scale or scale < 1 or any(name.startswith("upsample_") for name, _ in param.fields):
        return None
    return (AxisMap(Fraction(scale), Fraction(scale - 1, 2)),) * 2


_POINTWISE: Final = frozenset(
    {"AbsVal", "BN", "BNLL", "BatchNorm", "Bias", "Clip", "Dropout", "ELU", "Eltwise", "Exp"}
    | {"LRN", "Log", "MVN", "Normalize", "PReLU", "Power", "ReLU", "ReLU6", "Scale", "Sigmoid"}
    | {"Softmax", "SpatialDropout", "Split", "Swish", "TanH", "Threshold"}
)

_MAPS: Final[Mapping[str, Callable[[Layer], CoordinateMap | None]]] = {
    **dict.fromkeys(_POINTWISE, _pointwise),
    "ArgMax": _along_channels("argmax_param"),
    "Concat": _along_channels("concat_param", "concat_dim"),
    "Slice": _along_channels("slice_param", "slice_dim"),
    "Tile": _along_channels("tile_param"),
    "Upsample": _upsample,
}
