"""A layer's weights on a page: its kernels, its channel map, and the cards of its answers.

Before and after side by side, in one scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deconvsurgery.kernels.largest_value import strongest
from deconvsurgery.report.captions import kernels_caption, wiring_caption
from deconvsurgery.report.layer_words import window_words
from deconvsurgery.report.phrases import number, size
from deconvsurgery.wording import by, dims

from .cards import NOW, Card, Shown, figure, said, sentence_below, taps_of
from .elements import Markup, element
from .heatmap import heat
from .response_cards import answer_cards

if TYPE_CHECKING:
    from deconvsurgery.kernels.channel_map import Kernel, Sight
    from deconvsurgery.pictures.layer_pictures import LayerPicture


def layer_cards(picture: LayerPicture, title: str, level: int) -> Markup:
    """All that there is to see of a layer, a card each, under headings of a level.

    ``title`` is the layer's name for screen readers.
    """
    shown = _shown(picture)
    if not shown:
        return element("p", "It has no weights that could be looked at.", class_="quiet")
    cards = (_kernels(shown, title), _channels(shown, title), *answer_cards(shown, title))
    return element("div", *(card.drawn(level) for card in cards), class_="cards")


def _shown(picture: LayerPicture) -> Shown:
    if picture.after is None:
        return [(NOW, picture.before)] if picture.before else []
    before = [("before", picture.before)] if picture.before else []
    return [*before, ("after", picture.after)]


def _kernels(shown: Shown, title: str) -> Card:
    """Every kernel that was kept, of each state; those of zeros alone by a picture of zeros."""
    blank = np.zeros(taps_of(shown))
    largest = strongest(*(kernel.taps for _, seen in shown for kernel in seen.kernels))
    figures = []
    for when, seen in shown:
        for kernel in seen.kernels or (None,):
            taps = blank if kernel is None else kernel.taps
            words = _kernel_words(kernel, seen)
            label = f"Kernel of {title}, {when}: {words}"
            figures.append(figure(heat(taps, label, largest=largest), when, words))
    several = len(figures) > len(shown)
    parts = (
        element("div", *figures, class_="row" if several else "pair"),
        *(said(when, kernels_caption(seen)) for when, seen in shown),
        sentence_below(f"Strongest colour: {number(largest)}") if largest else None,
    )
    return Card("Kernels" if several else "Kernel", parts, wide=several)


def _kernel_words(kernel: Kernel | None, seen: Sight) -> str:
    if kernel is None:
        return "0 everywhere"
    what = by(kernel.taps.shape)
    if len(seen.kernels) == 1 and not seen.others:
        return what
    return f"{what}, output {kernel.output} from channel {kernel.channel}"


def _channels(shown: Shown, title: str) -> Card:
    largest = strongest(*(seen.channels.strength for _, seen in shown))
    figures = []
    for when, seen in shown:
        strength, connected = seen.channels.strength, seen.channels.connected
        label = f"Which output of {title} depends on which channel, {when}: {wiring_caption(seen)}"
        figures.append(figure(heat(strength, label, largest=largest, connected=connected), when))
    block = shown[0][1].channels.block
    notes = ["A row is an output, a column an input channel."]
    if block > 1:
        notes.append(f"A cell stands for {block} by {block} of them.")
    if any(not seen.channels.connected.all() for _, seen in shown):
        notes.append("Hatched: no weight, as group has it.")
    parts = (
        element("div", *figures, class_="pair"),
        *(said(when, wiring_caption(seen)) for when, seen in shown),
        sentence_below(" ".join(notes)),
    )
    return Card("Channel map", parts)


def facts_of(picture: LayerPicture) -> list[tuple[str, str]]:
    """The layer in numbers, as the table has them."""
    target = picture.target
    words = window_words(target)
    facts = [(heading, words[heading]) for heading in ("group", "kernel", "stride", "pad")]
    if set(target.dilation) - {1}:
        facts.append(("dilation", size(target.dilation)))
    return [("shape", dims(target.shape)), *facts]
