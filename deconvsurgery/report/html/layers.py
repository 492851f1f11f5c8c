"""The layers of a page one by one: what each is, what becomes of it, what there is to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deconvsurgery.pictures.layer_pictures import Pictures
from deconvsurgery.report.phrases import shortened
from deconvsurgery.wording import plural

from .elements import Markup, element, name, pairs_list, section
from .weights import facts_of, layer_cards

Beside = Mapping[int, tuple[Sequence[tuple[str, str]], Sequence[str]]]
"""By a layer's place among the pictures: more numbers of it, and warnings."""


def layers_section(
    pictures: Pictures | None, beside: Beside | None = None, level: int = 2
) -> Markup | None:
    """A part for each layer that was looked at; ``None`` where none was."""
    if pictures is None or not pictures.layers:
        return None
    parts = []
    for place, picture in enumerate(pictures.layers):
        numbers, warnings = (beside or {}).get(place, ((), ()))
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
