"""The layers of a page one by one: what each is, what becomes of it, what there is to see."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.report.phrases import shortened
from deconvsurgery.wording import plural

from .elements import Markup, element, name, pairs_list, section
from .weights import facts_of, layer_cards

if TYPE_CHECKING:
    from deconvsurgery.pictures.layer_pictures import Pictures


class Beside(NamedTuple):
    """What else a page says of a layer: numbers by their names, and warnings."""

    numbers: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()


def layers_section(
    pictures: Pictures | None, beside: Sequence[Beside] = (), level: int = 2
) -> Markup | None:
    """A part for each layer that was looked at; ``None`` where none was.

    ``beside`` are in the order of the pictures.
    """
    if pictures is None or not pictures.layers:
        return None
    parts = []
    others = chain(beside, repeat(Beside()))
    for picture, (numbers, warnings) in zip(pictures.layers, others, strict=False):
        given = picture.target.layer.name
        parts.append(
            section(
                level + 1,
                name(given),
                pairs_list((*facts_of(picture), *numbers), "numbers"),
                *(
                    element("p", element("b", "warning", class_="odd"), f" {words}")
                    for words in warnings
                ),
                layer_cards(picture, shortened(given), level + 2),
                class_="layer",
            )
        )
    more = None
    if pictures.others:
        more = element(
            "p",
            f"{plural(pictures.others, 'more layer')} not drawn: -p takes some of them.",
            class_="quiet",
        )
    return section(level, "Layer by layer", *parts, more)
