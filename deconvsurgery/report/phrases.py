"""How names, numbers and states are said.

Everything that comes from a file is shown as text, never as rich's markup, with its control
characters made visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.kernels.formula_names import KernelSupport
from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.program.option_names import spoken
from deconvsurgery.wording import by, printable

from .cells import Tone

if TYPE_CHECKING:
    from deconvsurgery.kernels.weight_states import Fingerprint

# Past this a name is shortened on a terminal; Caffe's longest in the wild are about 40.
NAME_WIDTH = 48
# A sentence may quote a name of any length.
SENTENCE_WIDTH = 600
NOTHING = "-"
# Our own signs, each one column wide.
_ONE_COLUMN: Final = dict.fromkeys(map(ord, "→Δ×…"))

_STATE_TONES: Final = {
    WeightState.MISSING: Tone.WRONG,
    WeightState.ZERO: Tone.WRONG,
    WeightState.CONSTANT: Tone.ODD,
    WeightState.BILINEAR: Tone.GOOD,
    WeightState.BILINEAR_CAFFE_1_0: Tone.ODD,
    WeightState.BILINEAR_EVERY_PAIR: Tone.ODD,
    WeightState.BILINEAR_OFF_DIAGONAL: Tone.ODD,
    WeightState.NEAREST: Tone.LEARNED,
    WeightState.NEAR_BILINEAR: Tone.LEARNED,
    WeightState.NOT_FINITE: Tone.WRONG,
    WeightState.OTHER_SHAPE: Tone.WRONG,
    WeightState.OTHER: Tone.ODD,
}


class Medium(NamedTuple):
    """What a report is printed on: a terminal of so many columns, or a pipe (``None``)."""

    width: int | None

    @property
    def terminal(self) -> bool:
        """A terminal, where lines are folded; in a pipe they are complete."""
        return self.width is not None


PIPE: Final = Medium(None)


def escaped(text: str) -> str:
    r"""The text with everything that would not show spelt out; quotes for one that is empty.

    >>> print(escaped("up\x1b[31m\n"), escaped(""))
    up\x1b[31m\n ''
    """
    return printable(spoken(text)) or "''"


def width_of(text: str) -> int:
    """Columns of a terminal that the text takes.

    >>> width_of("max |Δ|"), width_of("上采样")
    (7, 6)
    """
    if text.isascii() or text.translate(_ONE_COLUMN).isascii():
        return len(text)
    from rich.cells import cell_len  # few names need its tables

    return cell_len(text)


def shortened(text: str, width: int = NAME_WIDTH) -> str:
    """The text escaped and, when it is wider than ``width`` cells, cut in its middle.

    >>> shortened("score_pool4_upsampled", 12)
    'score_…mpled'
    """
    text = spoken(text)
    # No more than this many characters can show, so that a name of 1 MB costs nothing.
    ends = text if len(text) <= 2 * width else text[:width] + text[-width:]
    shown = escaped(ends)
    if ends is text and width_of(shown) <= width:
        return shown
    from rich.cells import set_cell_size

    head = width // 2
    tail = shown[-(width - head - 1) :]
    while width_of(tail) > width - head - 1:
        tail = tail[1:]
    return set_cell_size(shown, head).rstrip(" ") + "…" + tail


def name_of(name: str, medium: Medium) -> str:
    """A layer's name or type as it is shown: shortened on a terminal, elsewhere whole."""
    return shortened(name) if medium.terminal else escaped(name)


def number(value: float | None) -> str:
    """Four significant digits; ``None`` stands for no number."""
    return "NaN" if value is None else f"{value:.4g}"


def size(numbers: Sequence[int]) -> str:
    """A kernel, stride or pad: 4 when it is the same on all axes, else 4x6.

    >>> size((4, 4)), size((4, 6)), size(())
    ('4', '4x6', '-')
    """
    if not numbers:
        return NOTHING
    return str(numbers[0]) if len(set(numbers)) == 1 else by(numbers)


def state_tone(weights: Fingerprint | None) -> Tone:
    """The tone of a state; plain for weights that nobody looked at."""
    return _STATE_TONES[weights.state] if weights else Tone.PLAIN


def state_words(weights: Fingerprint) -> str:
    """A state and the number that goes with it.

    >>> from deconvsurgery.kernels.weight_states import Fingerprint
    >>> state_words(Fingerprint(WeightState.NEAR_BILINEAR, distance=0.01234567))
    'near-bilinear, 0.01235 off'
    """
    words = str(weights.state)
    if weights.value is not None:
        words += f" {number(weights.value)}"
    if weights.distance is not None:
        words += f", {number(weights.distance)} off"
    if weights.nan:
        words += f", {weights.nan:,} NaN"
    if weights.infinite:
        words += f", {weights.infinite:,} infinite"
    if weights.own is not None:
        words += f", {weights.own} in its own"
    if weights.support is KernelSupport.STRIDE:
        words += " (support stride)"
    return words
