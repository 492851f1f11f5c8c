"""What a layer with two kernel axes makes of test signals: a constant, a step, a ramp, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from deconvsurgery.named_tuple import NamedTuple

from .kernel_axis import MANY_PHASES

if TYPE_CHECKING:
    from .arrays import Array

# Past this (256 x 256 taps) an answer would be a picture of megabytes.
MOST_TAPS = 2**16
# Pixels along a side of an answer, more or less: a page should hold it.
ANSWER_SIDE = 96
# Pixels along a side of a picture that goes in: odd, so that it has a middle.
MOST_PIXELS = 11


class Steps(NamedTuple):
    """The steps of a layer with two kernel axes, ``(height, width)`` each."""

    stride: tuple[int, int]
    pad: tuple[int, int]
    dilation: tuple[int, int]


class Signal:
    """A signal of one axis before and after: positions in input pixels, and values.

    Where the output lies follows from stride, pad and the kernel's middle, as a centred kernel
    would have it; so what is off centre shows.
    """

    __slots__ = ("answer", "answer_positions", "name", "positions", "values")

    def __init__(
        self, name: str, positions: Array, values: Array, answer_positions: Array, answer: Array
    ) -> None:
        self.name = name
        self.positions = positions
        self.values = values
        self.answer_positions = answer_positions
        self.answer = answer


class Answers:
    """What a layer makes of test signals.

    ``gains`` is what a constant 1 becomes at each phase ``(stride_h, stride_w)`` through one
    kernel; ``signals`` go through the same. ``pictures`` are what goes into channels 0 and 1, a
    ring and a cross, while all others are 0; ``outputs`` what outputs 0 and 1 show then, and
    ``shown`` says for each output which of the pictures it has a weight for. Signals and outputs
    are empty where pad leaves nothing.
    """

    __slots__ = ("gains", "outputs", "pictures", "shown", "signals")

    def __init__(
        self,
        gains: Array,
        signals: tuple[Signal, ...],
        pictures: tuple[Array, ...],
        outputs: tuple[Array, ...],
        shown: tuple[tuple[bool, ...], ...],
    ) -> None:
        self.gains = gains
        self.signals = signals
        self.pictures = pictures
        self.outputs = outputs
        self.shown = shown


def window_of(
    kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int], dilation: Sequence[int]
) -> Steps | None:
    """The layer's steps; ``None`` where they are not of two axes, or an answer is beyond drawing.

    Missing pads and dilations are Caffe's: 0 and 1.
    """
    if len(kernel) != 2 or len(stride) != 2:
        return None
    off = (pad[0], pad[1]) if len(pad) == 2 else (0, 0)
    spread = (dilation[0], dilation[1]) if len(dilation) == 2 else (1, 1)
    extent = [(taps - 1) * step + 1 for taps, step in zip(kernel, spread, strict=True)]
    if min(*stride, *spread) < 1 or prod(extent) > MOST_TAPS or prod(stride) > MANY_PHASES:
        return None
    return Steps((stride[0], stride[1]), off, spread)


def answers_of(kernel: Array, stride: Sequence[int]) -> Answers | None:
    """What a kernel makes of test signals, padded so that it enlarges by its stride.

    ``None`` for other than two axes, and beyond drawing.
    """
    pad = [max(0, length - step) // 2 for length, step in zip(kernel.shape, stride, strict=True)]
    window = window_of(kernel.shape, stride, pad, ())
    return None if window is None else answered(kernel, [[kernel]], window)


@np.errstate(invalid="ignore", over="ignore")  # weights may be anything
def answered(kernel: Array, heard: Sequence[Sequence[Array]], window: Steps) -> Answers:
    """What ``kernel`` makes of a constant and signals, and each output of the pictures.

    ``heard`` has the kernel of each output (one or two) and channel (one or two).
    """
    pictures = ring_and_cross(max(6, min(MOST_PIXELS, ANSWER_SIDE // max(window.stride))))[
        : len(heard[0])
    ]
    outputs = tuple(
        np.add.reduce([upsampled(*each, window) for each in zip(pictures, kernels, strict=True)])
        for kernels in heard
    )
    return Answers(
        gains=_gains(kernel.astype(np.float64), window),
        signals=tuple(_signals(kernel, window)),
        pictures=pictures,
        outputs=outputs if outputs[0].size else (),
        shown=tuple(tuple(bool(taps.any()) for taps in kernels) for kernels in heard),
    )


def ring_and_cross(size: int) -> tuple[Array, Array]:
    """A ring and a cross of ``size`` pixels a side, between 0 and 1.

    >>> [picture.round(1).tolist()[0] for picture in ring_and_cross(4)]
    [[0.6, 1.0, 1.0, 0.6], [1.0, 0.2, 0.2, 1.0]]
    """
    at = np.arange(size) - (size - 1) / 2
    rows, columns = at[:, None], at[None, :]
    ring = np.clip(1.25 - abs(np.hypot(rows, columns) - 0.36 * size), 0, 1)
    cross = np.clip(1.25 - np.minimum(abs(rows - columns), abs(rows + columns)), 0, 1)
    return ring, cross


def upsampled(picture: Array, kernel: Array, window: Steps) -> Array:
    """What a Deconvolution makes of one channel: every pixel puts a kernel into the output.

    Shape ``(h, w)`` becomes ``stride * (h - 1) + dilation * (k - 1) + 1 - 2 * pad`` along each
    axis, in float64; empty where pad leaves nothing.

    >>> window = Steps(stride=(1, 2), pad=(0, 0), dilation=(1, 1))
    >>> upsampled(np.ones((1, 2)), np.array([[0.5, 1.0]]), window).tolist()
    [[0.5, 1.0, 0.5, 1.0]]
    """
    spread, stride = window.dilation, window.stride
    extent = [step * (taps - 1) + 1 for taps, step in zip(kernel.shape, spread, strict=True)]
    size = [step * (n - 1) + e for n, step, e in zip(picture.shape, stride, extent, strict=True)]
    output = np.zeros(size)
    for row, column in np.argwhere(picture):
        rows = slice(row * stride[0], row * stride[0] + extent[0], spread[0])
        columns = slice(column * stride[1], column * stride[1] + extent[1], spread[1])
        output[rows, columns] += picture[row, column] * kernel.astype(np.float64)
    cut = (slice(off, max(off, n - off)) for off, n in zip(window.pad, size, strict=True))
    return output[tuple(cut)]


def _gains(kernel: Array, window: Steps) -> Array:
    """Taps that meet in one output, summed."""
    rows, columns = (
        np.arange(length) * spread % step
        for length, spread, step in zip(kernel.shape, window.dilation, window.stride, strict=True)
    )
    gains = np.zeros(window.stride)
    np.add.at(gains, (rows[:, None], columns[None, :]), kernel)
    return gains


def _signals(kernel: Array, window: Steps) -> Iterator[Signal]:
    """A step and a ramp along the last axis, the same in every row: a row of the middle."""
    size = max(8, min(16, ANSWER_SIDE // max(window.stride)))
    step = (np.arange(size) >= size // 2).astype(np.float64)
    ramp = np.arange(size) / (size - 1)
    taps, stride, pad = kernel.shape[1], window.stride[1], window.pad[1]
    # So many rows that those in the middle have all neighbours that they depend on.
    high = max(3, -(-kernel.shape[0] * window.dilation[0] // window.stride[0]) + 1)
    along = Steps(window.stride, (0, pad), window.dilation)
    for name, values in (("step", step), ("ramp", ramp)):
        answer = upsampled(np.tile(values, (high, 1)), kernel, along)
        if answer.size:
            middle = answer[len(answer) // 2]
            shift = pad - (taps - 1) * window.dilation[1] / 2
            positions = (np.arange(len(middle)) + shift) / stride
            yield Signal(name, np.arange(size, dtype=np.float64), values, positions, middle)
