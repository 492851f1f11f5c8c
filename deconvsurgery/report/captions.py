"""What is seen in pictures of weights, said in one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.kernels.channel_map import Sight, Wiring
from deconvsurgery.kernels.kernel_axis import has_unit_gain
from deconvsurgery.wording import plural

from .phrases import number

if TYPE_CHECKING:
    from deconvsurgery.kernels.responses import Answers

PICTURES = ("ring", "cross")


def wiring_caption(seen: Sight) -> str:
    """Which channels the outputs depend on: what a channel map shows at a glance."""
    channels = seen.shape[0]
    of_group = channels // seen.group
    fewest, most = seen.hears
    counted = "the one channel" if of_group == 1 else plural(of_group, "channel")
    counted += " of its group" if seen.group > 1 else ""
    there = counted if of_group == 1 else f"all {counted}"
    every = "the one output" if seen.num_output == 1 else "every output"
    match seen.wiring:
        case Wiring.SILENT:
            return "no output depends on an input: every weight is 0"
        case Wiring.GROUPED if channels > 1:
            return "each channel is a group of its own: no output depends on another channel"
        case Wiring.OWN:
            return "each output depends on its own channel and no other"
        case Wiring.SUMMED if of_group > 1:
            return f"{every} is the sum of {there}"
        case Wiring.MIXED if of_group > 1:
            return f"{every} depends on {there}, by different kernels"
        case Wiring.PARTIAL:
            some = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
            return f"an output depends on {some} of {counted}"
    return f"{every} depends on {there}"


def kernels_caption(seen: Sight) -> str:
    """How many pairs have which kernel."""
    kernels = len(seen.kernels)
    pairs = plural(seen.pairs, "pair")
    if not kernels:
        return f"all weights are 0, in {pairs}"
    if seen.pairs == 1:
        return "the only pair"
    silent = f", 0 in {seen.silent:,}" if seen.silent else ""
    if seen.others:
        return f"{kernels} kernels, and others in {seen.others:,} of {pairs}{silent}"
    if kernels > 1:
        return f"{kernels} different kernels in {pairs}{silent}"
    return f"the same in {seen.kernels[0].pairs:,} of {pairs}{silent}"


def shown_caption(answers: Answers) -> str:
    """What the outputs show of the pictures that go in."""
    if not answers.outputs:
        return "pad leaves no output"
    seen = [_named(row) for row in answers.shown]
    if len(seen) == 1:
        return f"output 0 shows {seen[0]}"
    if seen[0] == seen[1]:
        return f"both outputs show {seen[0]}"
    return f"output 0 shows {seen[0]}, output 1 {seen[1]}"


def _named(shown: tuple[bool, ...]) -> str:
    names = [name for name, there in zip(PICTURES, shown, strict=False) if there]
    if not names:
        return "nothing"
    return " and ".join(names) if len(names) > 1 else f"the {names[0]}"


def gain_caption(answers: Answers) -> str:
    """What becomes of a constant, at every phase."""
    gains = answers.gains
    phases = plural(gains.size, "phase")
    if has_unit_gain(gains.ravel().tolist()):
        return f"gain 1 at {'the one phase' if gains.size == 1 else f'all {phases}'}"
    low, high = float(gains.min()), float(gains.max())
    if number(low) == number(high):
        return f"gain {number(low)} at {phases}"
    return f"gain {number(low)} to {number(high)} over {phases}"
