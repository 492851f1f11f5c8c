"""What a layer makes of signals, on a page: its gains, a section, steps, ramps and pictures.

Before and after in one scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deconvsurgery.kernels.channel_map import Sight
from deconvsurgery.kernels.responses import Answers
from deconvsurgery.report.captions import gain_caption, shown_caption
from deconvsurgery.report.phrases import number

from .cards import (
    Card,
    Shown,
    card,
    figure,
    keys,
    kind,
    said,
    taps_of,
)
from .chart import Series, chart
from .elements import Markup, element
from .heatmap import heat, strongest

# Phases along an axis whose gains are printed; more of them are drawn.
MOST_PRINTED = 3


def _section(shown: Shown, title: str) -> Card:
    """The middle row of the first kernel of each state."""
    rows, columns = taps_of(shown)
    series = []
    for when, seen in shown:
        taps = seen.kernels[0].taps if seen.kernels else np.zeros((rows, columns))
        row = taps[len(taps) // 2]
        series.append(Series(kind(when), np.arange(len(row), dtype=np.float64), row))
    return card(
        "Section",
        chart(series, f"The middle row of the kernel of {title}"),
        keys([when for when, _ in shown], given=False),
        element("p", f"Row {rows // 2} of the kernel, tap by tap.", class_="said"),
    )


def answer_cards(shown: Shown, title: str) -> Iterator[Card]:
    """A section; and where some state has answers, these: what is silent answers with 0."""
    known = next((seen.answers for _, seen in reversed(shown) if seen.answers), None)
    if known is not None:
        yield _gains(shown, known, title)
    yield _section(shown, title)
    if known is None:
        return
    for place, signal in enumerate(known.signals):
        series = [Series("given", signal.positions, signal.values)]
        for when, seen in shown:
            answer = (
                seen.answers.signals[place].answer if seen.answers else np.zeros_like(signal.answer)
            )
            series.append(Series(kind(when), signal.answer_positions, answer))
        yield card(
            f"A {signal.name}",
            chart(series, f"What {title} makes of a {signal.name}"),
            keys([when for when, _ in shown], given=True),
            element("p", "Along the input's pixels.", class_="said"),
        )
    if known.outputs:
        yield _pictures(shown, known, title)


def _gains(shown: Shown, known: Answers, title: str) -> Card:
    phases = known.gains.shape
    gains = {when: seen.answers.gains if seen.answers else np.zeros(phases) for when, seen in shown}
    largest = strongest(*gains.values())
    figures = []
    for when, values in gains.items():
        label = f"Gain per phase of {title}, {when}"
        if max(phases) <= MOST_PRINTED:
            figures.append(figure(_grid(values, label), when))
        else:
            figures.append(figure(heat(values, label, largest=largest, side=96), when))
    return card(
        "Gain per phase",
        element("div", *figures, class_="row"),
        *(
            said(when, gain_caption(seen.answers) if seen.answers else "gain 0")
            for when, seen in shown
        ),
        element("p", "What a constant 1 becomes, at each place within a stride.", class_="said"),
    )


def _grid(gains: NDArray[np.floating[Any]], label: str) -> Markup:
    return element(
        "table",
        element("caption", label, class_="unseen"),
        element(
            "tbody",
            *(
                element("tr", *(element("td", number(float(each))) for each in row))
                for row in gains
            ),
        ),
        class_="gains",
    )


def _pictures(shown: Shown, known: Answers, title: str) -> Card:
    """What goes in and what comes out, in one scale."""
    outputs = {
        when: seen.answers.outputs
        if seen.answers
        else [np.zeros_like(each) for each in known.outputs]
        for when, seen in shown
    }
    largest = strongest(*known.pictures, *(each for some in outputs.values() for each in some))
    side = 150
    figures = [
        figure(
            heat(each, f"Channel {place} that goes into {title}", largest=largest, side=side),
            f"channel {place}",
            "goes in",
        )
        for place, each in enumerate(known.pictures)
    ]
    for when, some in outputs.items():
        figures += [
            figure(
                heat(
                    np.asarray(each),
                    f"Output {place} of {title}, {when}",
                    largest=largest,
                    side=side,
                ),
                f"output {place}",
                when if strongest(np.asarray(each)) else f"{when}: 0 everywhere",
            )
            for place, each in enumerate(some)
        ]
    return card(
        "A picture",
        element("div", *figures, class_="row"),
        *(said(when, _shown_words(seen)) for when, seen in shown),
        element(
            "p",
            "A ring into channel 0"
            + (", a cross into channel 1" if len(known.pictures) > 1 else "")
            + ", nothing into the others. "
            f"Strongest colour: {number(largest)}; amber is above zero, blue below.",
            class_="said",
        ),
        wide=True,
    )


def _shown_words(seen: Sight) -> str:
    return shown_caption(seen.answers) if seen.answers else "0 everywhere"
