"""What a layer's weights look like, in one pass over their rows: kernels, and who hears whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from deconvsurgery.named_tuple import NamedTuple

from .responses import Answers, answered, window_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .arrays import Array

# Kernels that differ from each other and are kept; learned layers have one a pair.
MOST_KERNELS = 4
# Cells along a side of a channel map; with more channels a cell stands for a block of them.
MOST_CELLS = 64


class Wiring(StrEnum):
    """Which channels the outputs hear, in a word; a weight other than 0 is heard.

    ``own``: output i hears channel i and no other. ``grouped``: the same, and there is no other
    weight, since every channel is a group. ``summed``: every output hears all channels of its
    group through one kernel. ``mixed``: through different ones. ``partial``: some hear less.
    ``silent``: no output hears anything.
    """

    OWN = "own"
    GROUPED = "grouped"
    SUMMED = "summed"
    MIXED = "mixed"
    PARTIAL = "partial"
    SILENT = "silent"


class Kernel:
    """One kernel of a blob: ``taps`` of 2 axes, the first pair that has it, how many pairs do.

    Of a kernel of more axes ``taps`` is the middle slice, of one axis a single row.
    """

    __slots__ = ("channel", "output", "pairs", "taps")

    def __init__(self, taps: Array, output: int, channel: int, pairs: int) -> None:
        self.taps = taps
        self.output = output
        self.channel = channel
        self.pairs = pairs


class ChannelMap:
    """Which output hears which input: a row an output, a column an input channel.

    ``strength`` is the largest |weight| of a cell, infinity where one is not finite;
    ``connected`` says where the blob has a weight at all, which ``group`` decides. A cell stands
    for ``block`` outputs by ``block`` channels.
    """

    __slots__ = ("block", "connected", "strength")

    def __init__(
        self, strength: NDArray[np.float64], connected: NDArray[np.bool_], block: int
    ) -> None:
        self.strength = strength
        self.connected = connected
        self.block = block


class Sight(NamedTuple):
    """Weights of ``shape`` ``(channels, num_output // group, *kernel)``, looked at.

    ``kernels`` are the first few that differ, in the order of their input channels; ``others``
    counts the pairs with a kernel beyond these, ``silent`` those whose weights are all 0.
    ``hears`` is the fewest and the most channels that an output hears. ``answers`` is ``None``
    where the weights or the layer's steps do not say what it does.
    """

    shape: tuple[int, ...]
    num_output: int
    group: int
    kernels: tuple[Kernel, ...]
    others: int
    silent: int
    channels: ChannelMap
    wiring: Wiring
    hears: tuple[int, int]
    answers: Answers | None = None

    @property
    def pairs(self) -> int:
        """How many pairs of a channel and an output have a kernel."""
        return self.shape[0] * self.shape[1]


def sight(
    rows: Iterable[Array],
    shape: Sequence[int],
    *,
    num_output: int,
    group: int,
    stride: Sequence[int] = (),
    pad: Sequence[int] = (),
    dilation: Sequence[int] = (),
) -> Sight:
    """Look at weights, row by row: one array of ``shape[1:]`` for each input channel.

    >>> half = np.full((1, 2, 2), 0.5, np.float32)
    >>> seen = sight([half, half], (2, 1, 2, 2), num_output=2, group=2, stride=(2, 2), pad=(0, 0))
    >>> seen.kernels[0].pairs, seen.channels.connected.tolist(), seen.answers.gains.tolist()
    (2, [[True, False], [False, True]], [[0.5, 0.5], [0.5, 0.5]])

    Raises:
        ValueError: the shape has no kernel, no channels, or does not go with ``num_output`` and
            ``group``.
    """
    channels, outputs, *kernel = shape
    if not kernel or not prod(shape) or group < 1 or outputs * group != num_output:
        raise ValueError(f"no weights of shape {tuple(shape)} with {num_output} outputs")
    if channels % group:
        raise ValueError(f"{channels} channels in {group} groups")
    seen = _Rows(tuple(shape), group)
    for channel, row in enumerate(rows):
        seen.add(channel, row)
    window = window_of(kernel, stride, pad, dilation)
    first = seen.kernels[0].taps if seen.kernels else None
    return Sight(
        shape=tuple(shape),
        num_output=num_output,
        group=group,
        kernels=tuple(
            Kernel(_flat(known.taps), known.output, known.channel, known.pairs)
            for known in seen.kernels
        ),
        others=seen.others,
        silent=seen.silent,
        channels=ChannelMap(seen.strength, seen.connected, seen.block),
        wiring=seen.wiring(),
        hears=(int(seen.hears.min()), int(seen.hears.max())),
        answers=None if first is None or not window else answered(first, seen.heard(), window),
    )


# --- the weights


class _Rows:
    """What the rows so far have shown; each kernel with the pair that had it first."""

    def __init__(self, shape: tuple[int, ...], group: int) -> None:
        self.shape = shape
        self.group = group
        self.kernels: list[Kernel] = []
        self.others = self.silent = 0
        self.first: list[Array] = []
        channels, outputs = shape[0], shape[1] * group
        self.block = -(-max(channels, outputs) // MOST_CELLS)
        cells = (-(-outputs // self.block), -(-channels // self.block))
        self.strength = np.zeros(cells)
        self.connected = np.zeros(cells, np.bool_)
        self.hears = np.zeros(outputs, np.int64)
        self.own = channels == outputs

    @np.errstate(invalid="ignore")  # weights may be anything
    def add(self, channel: int, row: Array) -> None:
        """Take in the row of one input channel."""
        taps = row.reshape(len(row), -1)
        strongest = abs(taps).max(axis=1).astype(np.float64)
        strongest[~np.isfinite(strongest)] = np.inf
        lowest = self._lowest(channel)
        cells = (lowest + np.arange(len(row))) // self.block
        column = channel // self.block
        np.maximum.at(self.strength[:, column], cells, strongest)
        self.connected[cells, column] = True
        if channel < 2:
            self.first.append(row[:2].copy())
        live = strongest > 0
        self.silent += int((~live).sum())
        heard = lowest + np.flatnonzero(live)
        self.hears[heard] += 1
        self.own = self.own and bool((heard == channel).all())
        self._count(taps, live, row, lowest, channel)

    def _count(
        self, taps: Array, live: NDArray[np.bool_], row: Array, lowest: int, channel: int
    ) -> None:
        for known in self.kernels:
            same = live & (taps == known.taps.reshape(1, -1)).all(axis=1)
            known.pairs += int(same.sum())
            live = live & ~same
        while live.any() and len(self.kernels) < MOST_KERNELS:
            output = int(live.argmax())
            # A NaN is not equal to itself: such a kernel is its own.
            same = live & (taps == taps[output]).all(axis=1)
            same[output] = True
            taps_of_it = row[output].copy()
            self.kernels.append(Kernel(taps_of_it, lowest + output, channel, int(same.sum())))
            live = live & ~same
        self.others += int(live.sum())

    def heard(self) -> list[list[Array]]:
        """The kernels through which outputs 0 and 1 hear channels 0 and 1; zeros: not at all."""
        outputs = min(2, self.shape[1] * self.group)
        zero: Array = np.zeros(self.shape[2:])
        found = [[zero] * len(self.first) for _ in range(outputs)]
        for channel, row in enumerate(self.first):
            for output, taps in enumerate(row, self._lowest(channel)):
                if output < outputs:
                    found[output][channel] = taps
        return found

    def wiring(self) -> Wiring:
        """What the rows come to."""
        fewest, most = self.hears.min(), self.hears.max()
        all_there_are = self.shape[0] // self.group
        if not most:
            return Wiring.SILENT
        if self.own and fewest:
            return Wiring.OWN if all_there_are > 1 else Wiring.GROUPED
        if fewest < all_there_are:
            return Wiring.PARTIAL
        return Wiring.MIXED if self.others or len(self.kernels) > 1 else Wiring.SUMMED

    def _lowest(self, channel: int) -> int:
        """The first output that a channel's group has."""
        return channel // (self.shape[0] // self.group) * self.shape[1]


def _flat(taps: Array) -> Array:
    """Two axes of a kernel: the last ones, in the middle of those before."""
    if taps.ndim == 1:
        return taps[None]
    while taps.ndim > 2:
        taps = taps[len(taps) // 2]
    return taps
