"""The rules of layer types that only Caffe's forks have.

Where forks gave one name to two layers, the parameters decide; what they leave open stays
unknown. Sources: PSPNet and DeepLab v2, SegNet and ENet, SSD, ParseNet, DeconvNet, FlowNet2,
Faster R-CNN and R-FCN, YOLO on Caffe; each rule names its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.shapes.geometry import Dim, Shape, product

from .joins import crop
from .rule import Bottoms, Rule, Setup, channels, first, image, pair, same

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage


def _bn(layer: Layer, bottoms: Bottoms) -> Setup:
    """SegNet, ENet: (1, C, 1, 1) × 2, scale and shift; PSPNet: × 4, slope, bias, mean, variance."""
    param, vector = layer.message.message("bn_param"), (1, channels(first(bottoms)), 1, 1)
    if any(name in param for name in ("moving_average", "var_eps", "decay")):
        count = 0  # ParseNet's, which may or may not keep averages
    elif any(name in param for name in ("slope_filler", "bias_filler", "momentum", "frozen")):
        count = 4
    elif any(name in param for name in ("scale_filler", "shift_filler", "bn_mode")):
        count = 2
    else:
        count = len(layer.param)
    return Setup((first(bottoms),), (vector,) * count if count in (2, 4) else None)


def _normalize(layer: Layer, bottoms: Bottoms) -> Setup:
    """SSD, ParseNet: one scale, or one per channel."""
    shared = layer.message.message("norm_param").flag("channel_shared", True)
    return Setup((first(bottoms),), (() if shared else (channels(first(bottoms)),),))


def _permute(layer: Layer, bottoms: Bottoms) -> Setup:
    """SSD: the axes of ``order``, then those it does not name."""
    order, shape = layer.message.message("permute_param").integers("order"), first(bottoms)
    if len(set(order)) < len(order):
        raise ShapeError("order names an axis twice")
    if shape is None:
        return Setup((None,))
    if any(not 0 <= axis < len(shape) for axis in order):
        raise ShapeError(f"order names an axis that the input's {len(shape)} do not have")
    named = set(order)
    rest = (axis for axis in range(len(shape)) if axis not in named)
    return Setup((tuple(shape[axis] for axis in (*order, *rest)),))


# ── resizing: channels stay ──────────────────────────────────────────────────────────────


def _resizing(rule: Rule) -> Rule:
    """Of an input that is no image a fork's layer keeps the number of axes and the channels."""

    def resized(layer: Layer, bottoms: Bottoms) -> Setup:
        shape = first(bottoms)
        if shape is None:
            return Setup((None,))
        if len(shape) == 4:
            return rule(layer, bottoms)
        return Setup(((*shape[:2], *(None,) * (len(shape) - 2)),))

    return resized


def _interp(layer: Layer, bottoms: Bottoms) -> Setup:
    """PSPNet, DeepLab v2: shrink, zoom, or height and width, of an image padded by pads ≤ 0."""
    param = layer.message.message("interp_param")
    n, c, h, w = image(first(bottoms))
    pads = param.integer("pad_beg", 0) + param.integer("pad_end", 0)
    shrink, zoom = param.integer("shrink_factor"), param.integer("zoom_factor")
    fixed = (param.integer("height"), param.integer("width"))
    if (shrink is not None and shrink < 1) or (zoom is not None and zoom < 1):
        raise ShapeError("shrink_factor and zoom_factor must be at least 1")
    if None not in fixed and (shrink is None) == (zoom is None):
        return Setup(((n, c, *fixed),))
    if shrink is None and zoom is None:
        return Setup(((n, c, None, None),))
    sizes: list[Dim] = []
    for size in (h, w):
        inner = None if size is None else size + pads
        if inner is not None:
            if inner < 1:
                raise ShapeError("pad_beg and pad_end leave nothing of the image")
            inner = (inner - 1) // (shrink or 1) + 1
            inner += (inner - 1) * ((zoom or 1) - 1)
        sizes.append(inner)
    return Setup(((n, c, *sizes),))


def _upsample(layer: Layer, bottoms: Bottoms) -> Setup:
    """SegNet, ENet (with a pooling mask) and YOLO: a size, or a scale less what pad_out says."""
    param = layer.message.message("upsample_param")
    n, c, h, w = image(first(bottoms))
    fixed = (param.integer("upsample_h"), param.integer("upsample_w"))
    if None not in fixed:
        return Setup(((n, c, *fixed),))
    scale = param.integer("scale", 2)
    sizes = tuple(
        product((size, param.integer(f"scale_{side}", scale)))
        for size, side in ((h, "h"), (w, "w"))
    )
    less = (param.flag("pad_out_h", False), param.flag("pad_out_w", False))
    out = (None if size is None else size - cut for size, cut in zip(sizes, less, strict=True))
    return Setup(((n, c, *out),))


def _unpooling(layer: Layer, bottoms: Bottoms) -> Setup:
    """ParseNet: bottom[1]'s size, or that of the pooling undone; DeconvNet: ``unpool_size``."""
    param = layer.message.message("unpooling_param")
    n, c, h, w = image(first(bottoms))
    square = param.integer("unpool_size")
    if square is not None:
        return Setup(((n, c, square, square),))
    if "kernel_size" in param or not param.fields:
        return Setup(((n, c, None, None),))  # DeconvNet: it is the mask's
    if len(bottoms) > 1:
        return Setup(((n, c, *_size_of(bottoms[1])),))
    kernel = pair(param, "out_kernel_size", None, "out_kernel")
    stride, pad = pair(param, "out_stride", 1), pair(param, "out_pad", 0)
    sizes = (
        None if size is None else (size - 1) * s - 2 * p + k
        for size, k, s, p in zip((h, w), kernel, stride, pad, strict=True)
    )
    return Setup(((n, c, *sizes),))


def _resample(layer: Layer, bottoms: Bottoms) -> Setup:
    """FlowNet2's Resample and Downsample: the parameters' size or bottom[1]'s."""
    n, c, _, _ = image(first(bottoms))
    sizes: tuple[Dim, Dim] = (None, None)
    for name, height, width in (
        ("resample_param", "height", "width"),
        ("downsample_param", "top_height", "top_width"),
    ):
        param: NetMessage = layer.message.message(name)
        if param.integer(height) and param.integer(width):
            return Setup(((n, c, param.integer(height), param.integer(width)),))
    if len(bottoms) > 1:
        sizes = _size_of(bottoms[1])
    return Setup(((n, c, *sizes),))


def _size_of(shape: Shape) -> tuple[Dim, Dim]:
    return image(shape)[2:]


def _some_size(_layer: Layer, bottoms: Bottoms) -> Setup:
    """Layers that keep the channels and take their size from elsewhere."""
    n, c, _, _ = image(first(bottoms))
    return Setup(((n, c, None, None),))


# ── detection and matching ───────────────────────────────────────────────────────────────


def _correlation(layer: Layer, bottoms: Bottoms) -> Setup:
    """FlowNet2: a channel per displacement, (2·⌊max_displacement / stride_2⌋ + 1)²."""
    param = layer.message.message("correlation_param")
    n, _, h, w = image(first(bottoms))
    kernel, reach = param.integer("kernel_size", 0), param.integer("max_displacement", 0)
    strides = (param.integer("stride_1", 1), param.integer("stride_2", 1))
    if kernel % 2 == 0 or 0 in strides:
        raise ShapeError("a Correlation needs an odd kernel_size and strides above 0")
    lost = 2 * (reach + (kernel - 1) // 2) - 2 * param.integer("pad", 0)
    out = (None if size is None else -(-(size - lost) // strides[0]) for size in (h, w))
    return Setup(((n, (2 * (reach // strides[1]) + 1) ** 2, *out),))


def _roi_pooling(layer: Layer, bottoms: Bottoms) -> Setup:
    """Fast R-CNN: one item per region of bottom[1]."""
    param = layer.message.message("roi_pooling_param")
    size = (param.integer("pooled_h"), param.integer("pooled_w"))
    return Setup(((_regions(bottoms), channels(first(bottoms)), *size),))


def _psroi_pooling(layer: Layer, bottoms: Bottoms) -> Setup:
    """R-FCN: ``output_dim`` channels, ``group_size`` bins a side."""
    param = layer.message.message("psroi_pooling_param")
    bins = param.integer("group_size")
    return Setup(((_regions(bottoms), param.integer("output_dim"), bins, bins),))


def _regions(bottoms: Bottoms) -> Dim:
    regions = bottoms[1] if len(bottoms) > 1 else None
    return regions[0] if regions else None


def _reorg(layer: Layer, bottoms: Bottoms) -> Setup:
    """YOLO: stride × stride neighbours become channels."""
    param = layer.message.message("reorg_param")
    n, c, h, w = image(first(bottoms))
    stride = param.integer("stride", 0)
    if stride < 1 or param.flag("reverse", False):
        return Setup(((n, None, None, None),))
    out = (None if size is None else size // stride for size in (h, w))
    return Setup(((n, product((c, stride, stride)), *out),))


def _images(_layer: Layer, _bottoms: Bottoms) -> Setup:
    """Images, usually of 3 channels, but the text does not say."""
    return Setup(((None,) * 4,))


FORK_RULES: Final[Mapping[str, Rule]] = {
    "AnnotatedData": _images,
    "AutoCrop": crop,
    "BN": _bn,
    "Correlation": _correlation,
    "DenseImageData": _images,
    "Downsample": _resizing(_resample),
    "ImResize": _resizing(_some_size),
    "ImageSegData": _images,
    "Interp": _resizing(_interp),
    "Normalize": _normalize,
    "PSROIPooling": _psroi_pooling,
    "Permute": _permute,
    "ROIPooling": _roi_pooling,
    "ReLU6": same,
    "Reorg": _reorg,
    "Resample": _resizing(_resample),
    "SimpleCrop": _resizing(_some_size),
    "SpatialDropout": same,
    "UnPooling": _resizing(_unpooling),
    "Unpooling": _resizing(_unpooling),
    "Upsample": _resizing(_upsample),
    "WindowSegData": _images,
}
"""Rule of each layer type met in forks' nets."""
