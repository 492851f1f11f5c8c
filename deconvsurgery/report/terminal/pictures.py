"""Pictures of a layer's weights: kernels, the channel map, a test picture before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.kernels.largest_value import strongest
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.report.captions import kernels_caption, shown_caption, wiring_caption
from deconvsurgery.report.phrases import escaped, shortened, state_tone, state_words
from deconvsurgery.wording import by, plural

from .colours import STYLES
from .heatmap import Heat
from .picture_grid import Tile, Tiles, plain_tile

if TYPE_CHECKING:
    from deconvsurgery.kernels.channel_map import ChannelMap, Kernel, Sight
    from deconvsurgery.kernels.responses import Answers
    from deconvsurgery.kernels.weight_states import Fingerprint

# Pixels along a side: what is larger is drawn in blocks.
MOST_KERNEL, MOST_MAP, MOST_PICTURE = 32, 48, 26
# What is smaller is enlarged: where there is one kernel, and where there are several.
LONE, SEVERAL = 24, 16


class LookedAt(NamedTuple):
    """A layer's name, what its weights are, and what is seen of them."""

    name: str
    weights: Fingerprint
    seen: Sight | None


def layer_pictures(name: str, weights: Fingerprint, seen: Sight | None) -> RenderableType:
    """A layer's pictures for a terminal."""
    head = Text(overflow="fold").append(shortened(name), "bold")
    head.append("  ").append(state_words(weights), STYLES[state_tone(weights)])
    parts: list[RenderableType] = [head]
    for words, tiles in _rows(seen):
        if len(parts) > 1:
            parts.append(Text(""))
        parts.append(Text(words, overflow="fold"))
        if tiles:
            parts += [Text(""), Tiles(tiles)]
    return Group(*parts)


def plain_layer_pictures(name: str, weights: Fingerprint, seen: Sight | None) -> Iterator[str]:
    """The same as complete lines."""
    start = f"{escaped(name)}: "
    yield start + state_words(weights)
    for words, tiles in _rows(seen):
        yield start + words
        for tile in tiles:
            yield from plain_tile(tile, start)


def _rows(seen: Sight | None) -> Iterator[tuple[str, Sequence[Tile]]]:
    """Pictures that belong together, and what is seen in them."""
    if seen is None:
        yield "no weights to look at", ()
        return
    kernels = [_kernel(each, seen) for each in seen.kernels]
    words = wiring_caption(seen)
    if len(kernels) > 1:
        words += f"; {kernels_caption(seen)}"
    yield words, [*kernels, _map(seen)]
    answers = seen.answers
    if answers is not None and answers.outputs:
        yield _test_words(seen.shape[0], answers), [*_before(answers), *_after(answers)]


def _kernel(kernel: Kernel, seen: Sight) -> Tile:
    lone = len(seen.kernels) == 1
    notes = []
    if len(seen.shape) > 4:
        notes.append("its middle slice")
    if lone:
        notes.append(kernels_caption(seen))
    else:
        notes += [f"channel {kernel.channel} to output {kernel.output}"]
        if kernel.pairs > 1:
            notes += [f"{kernel.pairs:,} pairs"]
    side = LONE if lone else SEVERAL
    title = f"kernel {by(seen.shape[2:])}"
    return Tile(title, Heat(kernel.taps), MOST_KERNEL, side, tuple(notes))


def _map(seen: Sight) -> Tile:
    channels: ChannelMap = seen.channels
    strength = np.where(np.isfinite(channels.strength), channels.strength, np.nan)
    heat = Heat(strength, there=channels.connected, block=channels.block)
    notes = (
        f"rows: {plural(seen.num_output, 'output')}",
        f"columns: {plural(seen.shape[0], 'channel')}",
    )
    return Tile("channel map", heat, MOST_MAP, LONE, notes)


def _test_words(channels: int, answers: Answers) -> str:
    """What goes in, and what is seen of it."""
    inputs = "a ring goes in" if channels == 1 else "a ring and a cross go in"
    rest = ", else 0" if channels > 2 else ""
    return f"{inputs}{rest}: {shown_caption(answers)}"


def _before(answers: Answers) -> Iterator[Tile]:
    for channel, picture in enumerate(answers.pictures):
        yield Tile(f"channel {channel}", Heat(picture), MOST_PICTURE)


def _after(answers: Answers) -> Iterator[Tile]:
    """Outputs share a scale, so that one may be compared with the other."""
    largest = strongest(*answers.outputs)
    for output, picture in enumerate(answers.outputs):
        yield Tile(f"→ output {output}", Heat(picture, largest=largest, sampled=True), MOST_PICTURE)
