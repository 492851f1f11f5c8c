"""What every card about a layer's weights is made of: a heading, figures, what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from deconvsurgery.kernels.channel_map import Sight
from deconvsurgery.named_tuple import NamedTuple

from .elements import Markup, element, section

NOW = "now"
Shown: TypeAlias = Sequence[tuple[str, Sight]]
"""What is shown of a layer: before, after, or now."""


class Card(NamedTuple):
    """One thing to see: its heading and what stands below it."""

    heading: str
    parts: Sequence[Markup | None]
    wide: bool = False

    def drawn(self, level: int) -> Markup:
        """The card under a heading of a level."""
        return section(
            level, self.heading, *self.parts, class_="card wide" if self.wide else "card"
        )


def figure(picture: Markup, when: str, *caption: str) -> Markup:
    """A picture and what it is; of one state alone there is no need to say which."""
    named = None if when == NOW else element("b", when)
    words = element("figcaption", named, *caption) if named or caption else None
    return element("figure", picture, words)


def said(when: str, words: str) -> Markup:
    """A sentence about a state."""
    if when == NOW:
        return sentence_below(f"{words[0].upper()}{words[1:]}.")
    return element("p", element("b", f"{when.capitalize()}: "), f"{words}.", class_="said")


def sentence_below(words: str) -> Markup:
    """What is to be known of a card as a whole."""
    return element("p", words, class_="said")


def taps_of(shown: Shown) -> tuple[int, int]:
    """Rows and columns of a kernel."""
    for _, seen in shown:
        if seen.kernels:
            rows, columns = seen.kernels[0].taps.shape
            return rows, columns
    kernel = shown[0][1].shape[2:]
    return (1, kernel[0]) if len(kernel) == 1 else (kernel[-2], kernel[-1])


def kind(when: str) -> str:
    """How a state is drawn: what is now as what comes after."""
    return "before" if when == "before" else "after"


def keys(whens: Sequence[str], *, given: bool) -> Markup:
    """What is drawn how."""
    drawn = {"before": "dashed line", "after": "solid line", NOW: "solid line"}
    lines = [("given", "dots", "the input")] if given else []
    lines += [(kind(when), drawn[when], when) for when in whens]
    return element(
        "p",
        *(
            element(
                "span",
                element("span", class_=f"key {which}", aria_hidden="true"),
                f"{words}: {how}" if words != NOW else "its answer",
            )
            for which, how, words in lines
        ),
        class_="keys",
    )
