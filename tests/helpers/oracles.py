"""What a Deconvolution computes, by other means: its definition, numpy's interpolation, OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Array = NDArray[Any]


def ramp(shape: Sequence[int]) -> Array:
    """The input of every golden forward."""
    numbers = np.arange(int(np.prod(shape)))
    return (((numbers * 37) % 101 - 50) / 50).astype(np.float32).reshape(tuple(shape))


def scattered(
    image: Array,
    weights: Array,
    *,
    group: int = 1,
    stride: Sequence[int] = (1, 1),
    pad: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    bias: Array | None = None,
) -> Array:
    """The transposed convolution by its definition: every input pixel adds its kernel."""
    (channels, outputs, *kernel), (height, width) = weights.shape, image.shape[2:]
    spans = [(size - 1) * step for size, step in zip((height, width), stride, strict=True)]
    reach = [(size - 1) * step for size, step in zip(kernel, dilation, strict=True)]
    tall, wide = (span + far + 1 for span, far in zip(spans, reach, strict=True))
    out = np.zeros((len(image), group * outputs, tall, wide))
    for channel in range(channels):
        first = channel // (channels // group) * outputs
        for row, column in np.ndindex(*kernel):
            top, left = row * dilation[0], column * dilation[1]
            out[
                :,
                first : first + outputs,
                top : top + spans[0] + 1 : stride[0],
                left : left + spans[1] + 1 : stride[1],
            ] += weights[channel, :, row, column, None, None] * image[:, channel, None].astype(
                np.float64
            )
    cut: Array = out[:, :, pad[0] : tall - pad[0], pad[1] : wide - pad[1]]
    return cut if bias is None else cut + bias[:, None, None]


def interpolated(
    image: Array, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int]
) -> Array:
    """Each channel enlarged by numpy's linear interpolation; outside an image there are zeros.

    Output pixel x of a kernel of size k looks at input coordinate (x + pad - (k - 1) / 2) / stride.
    """
    for axis, (size, step, cut) in enumerate(zip(kernel, stride, pad, strict=True), start=2):
        length = image.shape[axis]
        pixels = np.arange(step * (length - 1) + size - 2 * cut)
        places = (pixels + cut - (size - 1) / 2) / step
        known = np.arange(-1, length + 1)
        lines = np.moveaxis(image.astype(np.float64), axis, -1)
        flat = lines.reshape(-1, length)
        made = np.array([np.interp(places, known, np.pad(line, 1)) for line in flat])
        image = np.moveaxis(made.reshape(*lines.shape[:-1], len(pixels)), -1, axis)
    return image


def tent(size: Sequence[int]) -> Array:
    """The bilinear kernel of a size: what interpolation by ceil(size / 2) makes of one pixel."""
    factors = [(length + 1) // 2 for length in size]
    alone = np.ones((1, 1, *(1,) * len(size)))
    return np.asarray(interpolated(alone, size, factors, (0,) * len(size))[0, 0])


def opencv_forward(net: bytes, model: bytes, image: Array, blob: str) -> Array:
    """A blob as OpenCV's own Caffe importer computes it; skips where there is no OpenCV."""
    cv2 = pytest.importorskip("cv2")
    # bytearray: OpenCV takes bytes for a path
    loaded = cv2.dnn.readNetFromCaffe(bytearray(net), bytearray(model))
    loaded.setInput(image)
    return np.asarray(loaded.forward(blob))
