"""What a layer makes of signals, on a page: its gains, a section, steps, ramps and pictures.

Before and after in one scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from deconvsurgery.kernels.largest_value import strongest
from deconvsurgery.report.captions import gain_caption, shown_caption
from deconvsurgery.report.phrases import number

from .cards import Card, Shown, figure, keys, kind, said, sentence_below, taps_of
from .chart import Series, chart
from .elements import Markup, element
from .heatmap import heat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from deconvsurgery.kernels.channel_map import Sight
    from deconvsurgery.kernels.responses import Answers

# Phases along an axis whose gains are printed; more of them are drawn.
MOST_PRINTED = 3
_SIDE = 150  # pixels along a picture's side


def answer_cards(shown: Shown, title: str) -> Iterator[Card]:
    """A section; and where some state has answers, these: what is silent answers with 0."""
    known = next((seen.answers for _, seen in reversed(shown) if seen.answers), None)
    if known is not None:
        yield _gains(shown, known, title)
    yield _section(shown, title)
    if known is None:
        return
    yield from _signals(shown, known, title)
    if known.outputs:
        yield _pictures(shown, known, title)


def _section(shown: Shown, title: str) -> Card:
    """The middle row of the first kernel of each state."""
    rows, columns = taps_of(shown)
    series = []
    for when, seen in shown:
        taps = seen.kernels[0].taps if seen.kernels else np.zeros((rows, columns))
        row = taps[len(taps) // 2]
        series.append(Series(kind(when), np.arange(len(row), dtype=np.float64), row))
    parts = (
        chart(series, f"The middle row of the kernel of {title}"),
        keys([when for when, _ in shown], given=False),
        sentence_below(f"Row {rows // 2} of the kernel, tap by tap."),
    )
    return Card("Section", parts)


def _signals(shown: Shown, known: Answers, title: str) -> Iterator[Card]:
    """What each state makes of each signal."""
    for place, signal in enumerate(known.signals):
        series = [Series("given", signal.positions, signal.values)]
        for when, seen in shown:
            answer = (
                seen.answers.signals[place].answer if seen.answers else np.zeros_like(signal.answer)
            )
            series.append(Series(kind(when), signal.answer_positions, answer))
        parts = (
            chart(series, f"What {title} makes of a {signal.name}"),
            keys([when for when, _ in shown], given=True),
            sentence_below("Along the input's pixels."),
        )
        yield Card(f"A {signal.name}", parts)


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
    captions = {
        when: gain_caption(seen.answers) if seen.answers else "gain 0" for when, seen in shown
    }
    parts = (
        element("div", *figures, class_="row"),
        *(said(when, caption) for when, caption in captions.items()),
        sentence_below("What a constant 1 becomes, at each place within a stride."),
    )
    return Card("Gain per phase", parts)


def _grid(gains: NDArray[np.floating[Any]], label: str) -> Markup:
    rows = (
        element("tr", *(element("td", number(float(gain))) for gain in gains_of_row))
        for gains_of_row in gains
    )
    caption = element("caption", label, class_="unseen")
    return element("table", caption, element("tbody", *rows), class_="gains")


def _pictures(shown: Shown, known: Answers, title: str) -> Card:
    """What goes in and what comes out, in one scale."""
    outputs = [
        (when, place, np.asarray(picture) if seen.answers else np.zeros_like(picture))
        for when, seen in shown
        for place, picture in enumerate((seen.answers or known).outputs)
    ]
    largest = strongest(*known.pictures, *(picture for *_, picture in outputs))
    figures = []
    for place, picture in enumerate(known.pictures):
        label = f"Channel {place} that goes into {title}"
        drawing = heat(picture, label, largest=largest, side=_SIDE)
        figures.append(figure(drawing, f"channel {place}", "goes in"))
    for when, place, picture in outputs:
        label = f"Output {place} of {title}, {when}"
        drawing = heat(picture, label, largest=largest, side=_SIDE)
        caption = when if strongest(picture) else f"{when}: 0 everywhere"
        figures.append(figure(drawing, f"output {place}", caption))
    cross = ", a cross into channel 1" if len(known.pictures) > 1 else ""
    parts = (
        element("div", *figures, class_="row"),
        *(said(when, _shown_words(seen)) for when, seen in shown),
        sentence_below(
            f"A ring into channel 0{cross}, nothing into the others. "
            f"Strongest colour: {number(largest)}; amber is above zero, blue below."
        ),
    )
    return Card("A picture", parts, wide=True)


def _shown_words(seen: Sight) -> str:
    return shown_caption(seen.answers) if seen.answers else "0 everywhere"
