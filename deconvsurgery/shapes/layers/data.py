"""The rules of layers that bring data into a net, as far as the text says it.

Sources: ``src/caffe/layers/*data_layer.cpp``, input_layer.cpp, data_transformer.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.wording import plural

from .rule import Bottoms, Rule, Setup

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage
    from deconvsurgery.shapes.geometry import Shape


def _input(layer: Layer, _bottoms: Bottoms) -> Setup:
    shapes = layer.message.message("input_param").messages("shape")
    if not shapes:
        # A blob of no axes; but ``input:`` without a size, which Caffe leaves out, may be of any.
        return Setup(((),) * len(layer.top) if layer.line else ())
    given = [each.integers("dim") for each in shapes]
    if not layer.line and len(given) < len(layer.top):
        # Of ``input:`` Caffe's upgrade reads a size for each, beyond what there is.
        several = plural(len(given), "size")
        return Setup(tuple(given), (), f"{several} for {plural(len(layer.top), 'input')}")
    return Setup(_on_tops(layer, given, "shape"))


def _on_tops(layer: Layer, given: list[tuple[int, ...]], name: str) -> tuple[Shape, ...]:
    """Shapes given once for all tops or once per top."""
    if len(given) not in (1, len(layer.top)):
        raise ShapeError(
            f"{name} is given {plural(len(given), 'time')} for {plural(len(layer.top), 'top')}",
            hint="give it once, or once per top",
        )
    return tuple(given) * len(layer.top) if len(given) == 1 else tuple(given)


def _dummy_data(layer: Layer, _bottoms: Bottoms) -> Setup:
    param = layer.message.message("dummy_data_param")
    shapes, fillers = param.messages("shape"), len(param.messages("data_filler"))
    if fillers not in (0, 1, len(layer.top)):
        raise ShapeError(
            f"data_filler is given {plural(fillers, 'time')} for {plural(len(layer.top), 'top')}"
        )
    sizes = ("num", "channels", "height", "width")
    if shapes and any(name in param for name in sizes):
        raise ShapeError(
            "shape is given as well as num, channels, height, width", hint="keep shape"
        )
    if shapes:
        return Setup(_on_tops(layer, [each.integers("dim") for each in shapes], "shape"))
    columns = [
        _on_tops(layer, [(value,) for value in param.integers(name)], name) for name in sizes
    ]
    rows = zip(*columns, strict=True)
    return Setup(tuple(tuple(dim for part in row for dim in part or ()) for row in rows))


def _memory_data(layer: Layer, _bottoms: Bottoms) -> Setup:
    param = layer.message.message("memory_data_param")
    if given := param.integers("dim"):
        # BVLC's opencl branch: batch_size, channels, and as many axes more as there are
        if min(given) <= 0:
            raise ShapeError("every dim of memory_data_param must be above 0")
        return Setup((given, given[:1]))
    names = ("batch_size", "channels", "height", "width")
    dims = tuple(param.integer(name, 0) for name in names)
    if min(dims) <= 0:
        raise ShapeError("batch_size, channels, height and width must all be given and above 0")
    return Setup((dims, dims[:1]))


def _transform(layer: Layer) -> tuple[NetMessage, int | None]:
    transform = layer.message.message("transform_param")
    return transform, transform.integer("crop_size") or None


def _data(layer: Layer, _bottoms: Bottoms) -> Setup:
    """A database does not show its images; ``force_color`` and ``crop_size`` say a part."""
    transform, crop = _transform(layer)
    grey = 1 if transform.flag("force_gray", False) else None
    c = 3 if transform.flag("force_color", False) else grey
    n = layer.message.message("data_param").integer("batch_size")
    return Setup(((n, c, crop, crop), (n,)))


def _image_data(layer: Layer, _bottoms: Bottoms) -> Setup:
    param, (_, crop) = layer.message.message("image_data_param"), _transform(layer)
    n, c = param.integer("batch_size", 1), 3 if param.flag("is_color", True) else 1
    sides = (crop or param.integer(name) or None for name in ("new_height", "new_width"))
    return Setup(((n, c, *sides), (n,)))


def _window_data(layer: Layer, _bottoms: Bottoms) -> Setup:
    _, crop = _transform(layer)
    n = layer.message.message("window_data_param").integer("batch_size")
    return Setup(((n, 3, crop, crop), (n,)))


def _parameter(layer: Layer, _bottoms: Bottoms) -> Setup:
    shape = layer.message.message("parameter_param").message("shape").integers("dim")
    return Setup((shape,), (shape,))


def _python(_layer: Layer, _bottoms: Bottoms) -> Setup:
    """Whatever its code says."""
    return Setup((), None)


def _hdf5_data(_layer: Layer, _bottoms: Bottoms) -> Setup:
    """The datasets' shapes, which only their file has."""
    return Setup(())


DATA_RULES: Final[Mapping[str, Rule]] = {
    "Data": _data,
    "DummyData": _dummy_data,
    "HDF5Data": _hdf5_data,
    "ImageData": _image_data,
    "Input": _input,
    "MemoryData": _memory_data,
    "Parameter": _parameter,
    "Python": _python,
    "WindowData": _window_data,
}
"""Layers of BVLC master that need no bottom."""
