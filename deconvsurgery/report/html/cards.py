"""What every card about a layer's weights is made of: a heading, figures, what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deconvsurgery.kernels.channel_map import Sight

from .elements import Markup, element

NOW = "now"
Shown = Sequence[tuple[str, Sight]]
"""What is shown of a layer: before, after, or now."""


@dataclass(frozen=True, slots=True)
class Card:
    """One thing to see: its heading and what stands below it."""

    heading: str
    parts: tuple[Markup | None, ...]
    wide: bool = False


def card(heading: str, *parts: Markup | None, wide: bool = False) -> Card:
    """A card of these parts, below each other."""
    return Card(heading, parts, wide)


def figure(picture: Markup, when: str, *caption: str) -> Markup:
    """A picture and what it is; of one state alone there is no need to say which."""
    named = None if when == NOW else element("b", when)
    told = element("figcaption", named, *caption) if named or caption else None
    return element("figure", picture, told)


def said(when: str, words: str) -> Markup:
    """A sentence about a state."""
    if when == NOW:
        return element("p", f"{words[0].upper()}{words[1:]}.", class_="said")
    return element("p", element("b", f"{when.capitalize()}: "), f"{words}.", class_="said")


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
    listed = [("given", "dots", "the input")] if given else []
    listed += [(kind(when), drawn[when], when) for when in whens]
    return element(
        "p",
        *(
            element(
                "span",
                element("span", class_=f"key {which}", aria_hidden="true"),
                f"{words}: {how}" if words != NOW else "its answer",
            )
            for which, how, words in listed
        ),
        class_="keys",
    )
