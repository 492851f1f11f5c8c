"""The recipe of a weight blob: where the kernel goes, and the values, a channel at a time.

A recipe is small and compares with ``==``; the values of a 59 MB blob are never held at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import prod

from deconvsurgery.errors import ShapeError
from deconvsurgery.wording import plural

from . import arrays
from .formula_names import Formula, KernelSupport
from .kernel_axis import (
    LARGEST_BLOB,
    checked_size,
    double_taps,
    gains_of,
    half_widths,
    positive,
    times,
)

# Weights are made a channel at a time; nets in the wild have some thousands.
MOST_CHANNELS = 2**20
# Taps and phases of an axis whose gains are kept.
_MOST_KEPT = 2**10


class BilinearFill:
    """The recipe of a weight blob, whose ``shape`` is ``(channels, num_output // group, *kernel)``.

    With as many outputs as channels, input channel i gets the kernel at ``[i, i mod P]``,
    P = num_output // group: the output channel of the same number within its group. With
    P = 1 and another number of channels every entry gets it, and outputs are sums, as FCN's
    ``interp`` does. No other blob has a place for a kernel.

    >>> fill = BilinearFill((4, 2, 1, 2), num_output=4, group=2, stride=(1, 1))
    >>> [row[:, 0, 0].tolist() for row in fill.rows()]
    [[0.5, 0.0], [0.0, 0.5], [0.5, 0.0], [0.0, 0.5]]

    Raises:
        ShapeError: the numbers do not fit together, or leave no place for a kernel.
    """

    __slots__ = (  # noqa: RUF023 - in the order in which they are given
        "shape",
        "num_output",
        "group",
        "stride",
        "formula",
        "support",
        "keep_off_diagonal",
    )

    shape: tuple[int, ...]
    num_output: int
    group: int
    stride: tuple[int, ...]
    formula: Formula
    support: KernelSupport
    keep_off_diagonal: bool

    def __init__(
        self,
        shape: tuple[int, ...],
        num_output: int,
        group: int,
        stride: tuple[int, ...],
        formula: Formula = Formula.FCN,
        support: KernelSupport = KernelSupport.KERNEL,
        keep_off_diagonal: bool = False,
    ) -> None:
        self.shape = shape
        self.num_output = num_output
        self.group = group
        self.stride = stride
        self.formula = formula
        self.support = support
        self.keep_off_diagonal = keep_off_diagonal
        self._refuse_numbers()
        self._refuse_channels()
        if prod(shape) > LARGEST_BLOB:
            raise ShapeError(
                f"weights of shape {times(shape)} have more values than Caffe can count",
                hint="group equal to num_output needs one kernel a channel only",
            )

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BilinearFill) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(tuple(self._fields().values()))

    def __repr__(self) -> str:
        return f"BilinearFill({', '.join(f'{k}={v!r}' for k, v in self._fields().items())})"

    def _refuse_numbers(self) -> None:
        if len(self.shape) < 3:
            raise ShapeError(f"weights of shape {times(self.shape)} have no kernel axes to fill")
        for number, name in (
            (self.channels, "the number of channels"),
            (self.num_output, "num_output"),
            (self.group, "group"),
        ):
            positive(number, name, most=MOST_CHANNELS)
        checked_size(self.kernel_size)
        if len(self.stride) != len(self.kernel_size):
            raise ShapeError(
                f"a kernel of {plural(len(self.kernel_size), 'axis', 'axes')} has "
                f"{plural(len(self.stride), 'stride')}"
            )
        for step in self.stride:
            positive(step, "a stride")

    def _refuse_channels(self) -> None:
        for number, name in ((self.channels, "channels"), (self.num_output, "num_output")):
            if number % self.group:
                raise ShapeError(f"{name} {number} is not a multiple of group {self.group}")
        if self.shape[1] != self.num_output // self.group:
            raise ShapeError(
                f"weights of shape {times(self.shape)} do not belong to num_output "
                f"{self.num_output} and group {self.group}: the second axis should be "
                f"{self.num_output // self.group}"
            )
        if self.channels != self.num_output and self.shape[1] != 1:
            raise ShapeError(
                f"{plural(self.channels, 'channel')} to {plural(self.num_output, 'output')} "
                f"with group {self.group}: "
                "a bilinear kernel keeps channels apart, so their numbers must be equal",
                hint="set num_output (and group) to the number of channels",
            )

    @property
    def channels(self) -> int:
        """Input channels: the length of the first axis."""
        return self.shape[0]

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """The kernel's axes."""
        return self.shape[2:]

    @property
    def sums_channels(self) -> bool:
        """Each output is the sum of several enlarged input channels."""
        return self.channels != self.num_output

    def kernel(self, dtype: arrays.DTypeLike = "float32") -> arrays.Array:
        """The one kernel that is repeated, of shape ``kernel_size`` and type ``dtype``."""
        from .bilinear import bilinear_kernel  # where values are made: a net alone needs no numpy

        return bilinear_kernel(
            self.kernel_size,
            stride=self.stride,
            formula=self.formula,
            support=self.support,
            dtype=dtype,
        )

    def gains(self, dilation: Sequence[int] | None = None) -> tuple[tuple[float, ...], ...]:
        """Gain of each output phase, axis by axis (see `phase_gains`).

        Args:
            dilation: distance of the taps in pixels, a number an axis; without it 1.

        >>> BilinearFill((1, 1, 4, 5), 1, 1, (2, 2)).gains()[0]
        (1.0, 1.0)
        """
        spread = (1,) * len(self.stride) if dilation is None else dilation
        widths = half_widths(self.kernel_size, self.stride, self.support)
        axes = zip(self.kernel_size, widths, self.stride, spread, strict=True)
        return tuple(
            (_kept_gains if max(size, stride) <= _MOST_KEPT else _gains)(
                size, half, self.formula, stride, step
            )
            for size, half, stride, step in axes
        )

    def rows(
        self, old: Iterable[arrays.Array] | None = None, dtype: arrays.DTypeLike = "float32"
    ) -> Iterator[arrays.Array]:
        """The blob one input channel at a time: arrays of shape ``(num_output // group, *kernel)``.

        Args:
            old: the rows that are there now, read for ``keep_off_diagonal`` only. Weights that do
                not exist yet are zero off the diagonal, as Caffe's default filler has it.
            dtype: the type of the values.

        Raises:
            ValueError: ``old`` is not of this shape.
        """
        kernel = self.kernel(dtype)
        if old is None or not self.keep_off_diagonal or self.shape[1] == 1:
            for channel in range(self.channels):
                yield self.row(channel, kernel)
            return
        for channel, old_row in zip(range(self.channels), old, strict=True):
            yield self.row(channel, kernel, old_row)

    def row(
        self, channel: int, kernel: arrays.Array, old: arrays.Array | None = None
    ) -> arrays.Array:
        """The row of input ``channel``, of its ``kernel``'s type; ``old`` as in `rows`."""
        import numpy as np

        shape = self.shape[1:]
        if old is not None and self.keep_off_diagonal and shape[0] > 1:
            if old.shape != shape:
                raise ValueError(f"row {channel} has shape {old.shape}, not {shape}")
            row = np.array(old, kernel.dtype)
        else:
            row = np.zeros(shape, kernel.dtype)
        row[channel % shape[0]] = kernel
        return row


def _gains(
    size: int, half_width: int, formula: Formula, stride: int, dilation: int
) -> tuple[float, ...]:
    """The gain of each phase along one axis, with numpy where it saves time."""
    if formula == Formula.CAFFE_1_0 or max(size, stride) > _MOST_KEPT:
        from .bilinear import phase_gains, triangle

        taps = triangle(size, formula, half_width=half_width, dtype="float64")
        return phase_gains(taps, stride, dilation)
    return gains_of(double_taps(size, formula, half_width), stride, dilation)


_kept_gains = lru_cache(maxsize=32)(_gains)
