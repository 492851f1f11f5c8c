"""BatchNorm, by Caffe and by forks that put scale and shift into the same layer.

What a layer's own text says of it. Where one text has other blobs in other forks, all are given.
Sources: ``batch_norm_layer.cpp`` of BVLC, of NVIDIA (0.14 to 0.17; Xilinx's is 0.15's), of Intel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.shapes.geometry import Dim, Shape, canonical_axis

from .rule import Bottoms, Setup, channels, first

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage

_ONE: Final[Shape] = (1,)
_INTELS: Final = frozenset({"use_weight_bias", "bias_term", "filler", "relu", "stats_batch_size"})
_INTELS_ENGINES: Final = frozenset({"MKL2017", "MKLDNN"})
# happynear's, whose blobs are another matter.
_OTHERS: Final = frozenset({"disable_mean", "disable_variance"})


def batch_norm(layer: Layer, bottoms: Bottoms) -> Setup:
    """Sums of means and variances, their factor; scale and shift where the text has them here."""
    shape, param = first(bottoms), layer.message.message("batch_norm_param")
    if shape is not None:
        canonical_axis(1, len(shape))
        if 0 in shape:
            raise ShapeError("the input is empty")
    count: Dim = channels(shape)
    names = {name for name, _ in param.fields}
    if names & _OTHERS:
        return Setup((shape,), None)
    if names & _INTELS or param.text("engine") in _INTELS_ENGINES:
        return Setup((shape,), *_intels(layer, param, (count,)))
    if param.flag("scale_bias", False):  # NVIDIA 0.16 and 0.17, OpenCV
        return Setup((shape,), ((count,), (count,), _ONE, (count,), (count,)))
    if names & {"scale_filler", "bias_filler"}:
        return Setup((shape,), *_nvidias(count))
    return Setup((shape,), ((count,), (count,), _ONE))


def _intels(
    layer: Layer, param: NetMessage, vector: Shape
) -> tuple[tuple[Shape, ...], None, tuple[tuple[Shape, ...], ...]]:
    """Mean, variance, factor, scale, shift; in older ones scale and shift alone."""
    plain = (vector, vector, _ONE)
    scaled = param.flag("use_weight_bias", True) and len(layer.param) != len(plain)
    learned = (vector,) * (1 + param.flag("bias_term", True)) if scaled else ()
    return (*plain, *learned), None, (learned,) if scaled else ()


def _nvidias(count: Dim) -> tuple[tuple[Shape, ...], None, tuple[tuple[Shape, ...], ...]]:
    """One text for every release: the factor stands third or last, and cuDNN's have four axes.

    It has one value, or as many as the others. 0.14 without cuDNN has Caffe's three blobs.
    """
    vector, image = (count,), (1, count, 1, 1)
    forms: list[tuple[Shape, ...]] = []
    for blob, factor in (
        (vector, (1,)),
        (image, (1,)),
        (image, (1, 1, 1, 1)),
        (image, image),
        (vector, vector),
    ):
        forms += [(blob, blob, factor, blob, blob), (blob, blob, blob, blob, factor)]
    return forms[0], None, (*forms[1:], (vector, vector, _ONE))
