"""A layer's weights on a page: kernels, who hears whom, sections, gains, what it makes of signals.

Before and after side by side, in one scale. Never here: looking at weights (``sight``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...answering import Answers
from ...pictures import LayerPicture
from ...quoting import by, dims
from ...sight import Kernel, Sight
from ..captions import gain_caption, kernels_caption, shown_caption, wiring_caption
from ..words import number, size
from .chart import Series, chart
from .elements import Markup, element
from .heat import heat, strongest

# Phases along an axis whose gains are printed; more of them are drawn.
MOST_PRINTED = 3
NOW = "now"
Shown = Sequence[tuple[str, Sight]]
"""What is shown of a layer: before, after, or now."""


@dataclass(frozen=True, slots=True)
class Card:
    """One thing to see: its heading and what stands below it."""

    heading: str
    parts: tuple[Markup | None, ...]
    wide: bool = False


def layer_cards(picture: LayerPicture, title: str, level: int) -> Markup:
    """All that there is to see of a layer, a card each, under headings of a level.

    ``title`` is the layer's name for who listens.
    """
    shown = _shown(picture)
    if not shown:
        return element("p", "It has no weights that could be looked at.", class_="quiet")
    cards = (_kernels(shown, title), _channels(shown, title))
    return element(
        "div",
        *(
            element(
                "section",
                element(f"h{level}", card.heading),
                *card.parts,
                class_="card wide" if card.wide else "card",
            )
            for card in (*cards, *_answers(shown, title))
        ),
        class_="cards",
    )


def _shown(picture: LayerPicture) -> Shown:
    if picture.after is None:
        return [(NOW, picture.before)] if picture.before else []
    before = [("before", picture.before)] if picture.before else []
    return [*before, ("after", picture.after)]


def _card(heading: str, *parts: Markup | None, wide: bool = False) -> Card:
    return Card(heading, parts, wide)


def _figure(picture: Markup, when: str, *caption: str) -> Markup:
    """A picture and what it is; of one state alone there is no need to say which."""
    named = None if when == NOW else element("b", when)
    told = element("figcaption", named, *caption) if named or caption else None
    return element("figure", picture, told)


def _said(when: str, words: str) -> Markup:
    if when == NOW:
        return element("p", f"{words[0].upper()}{words[1:]}.", class_="said")
    return element("p", element("b", f"{when.capitalize()}: "), f"{words}.", class_="said")


# --- kernels and channels


def _kernels(shown: Shown, title: str) -> Card:
    """Every kernel that was kept, of each state; those of zeros alone by a picture of zeros."""
    blank = np.zeros(_taps(shown))
    largest = strongest(*(each.taps for _, seen in shown for each in seen.kernels))
    figures = []
    for when, seen in shown:
        for kernel in seen.kernels or (None,):
            taps = blank if kernel is None else kernel.taps
            label = f"Kernel of {title}, {when}: {_kernel_words(kernel, seen)}"
            words = _kernel_words(kernel, seen)
            figures.append(_figure(heat(taps, label, largest=largest), when, words))
    several = len(figures) > len(shown)
    return _card(
        "Kernels" if several else "Kernel",
        element("div", *figures, class_="row" if several else "pair"),
        *(_said(when, kernels_caption(seen)) for when, seen in shown),
        element("p", f"Strongest colour: {number(largest)}", class_="said") if largest else None,
        wide=several,
    )


def _taps(shown: Shown) -> tuple[int, int]:
    for _, seen in shown:
        if seen.kernels:
            rows, columns = seen.kernels[0].taps.shape
            return rows, columns
    kernel = shown[0][1].shape[2:]
    return (1, kernel[0]) if len(kernel) == 1 else (kernel[-2], kernel[-1])


def _kernel_words(kernel: Kernel | None, seen: Sight) -> str:
    if kernel is None:
        return "0 everywhere"
    alone = len(seen.kernels) == 1 and not seen.others
    what = by(kernel.taps.shape)
    if alone:
        return what
    return f"{what}, output {kernel.output} from channel {kernel.channel}"


def _channels(shown: Shown, title: str) -> Card:
    largest = strongest(*(seen.channels.strength for _, seen in shown))
    figures = []
    for when, seen in shown:
        found = seen.channels
        label = f"Which output of {title} hears which channel, {when}: {wiring_caption(seen)}"
        figures.append(
            _figure(heat(found.strength, label, largest=largest, connected=found.connected), when)
        )
    block = shown[0][1].channels.block
    notes = ["A row is an output, a column an input channel."]
    if block > 1:
        notes.append(f"A cell stands for {block} by {block} of them.")
    if any(not seen.channels.connected.all() for _, seen in shown):
        notes.append("Hatched: no weight, as group has it.")
    return _card(
        "Who hears whom",
        element("div", *figures, class_="pair"),
        *(_said(when, wiring_caption(seen)) for when, seen in shown),
        element("p", " ".join(notes), class_="said"),
    )


# --- sections, gains, answers


def _section(shown: Shown, title: str) -> Card:
    """The middle row of the first kernel of each state."""
    rows, columns = _taps(shown)
    series = []
    for when, seen in shown:
        taps = seen.kernels[0].taps if seen.kernels else np.zeros((rows, columns))
        row = taps[len(taps) // 2]
        series.append(Series(_kind(when), np.arange(len(row), dtype=np.float64), row))
    return _card(
        "Section",
        chart(series, f"The middle row of the kernel of {title}"),
        _keys([when for when, _ in shown], given=False),
        element("p", f"Row {rows // 2} of the kernel, tap by tap.", class_="said"),
    )


def _answers(shown: Shown, title: str) -> Iterator[Card]:
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
            series.append(Series(_kind(when), signal.answer_positions, answer))
        yield _card(
            f"A {signal.name}",
            chart(series, f"What {title} makes of a {signal.name}"),
            _keys([when for when, _ in shown], given=True),
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
            figures.append(_figure(_grid(values, label), when))
        else:
            figures.append(_figure(heat(values, label, largest=largest, side=96), when))
    return _card(
        "Gain per phase",
        element("div", *figures, class_="row"),
        *(
            _said(when, gain_caption(seen.answers) if seen.answers else "gain 0")
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
        _figure(
            heat(each, f"Channel {place} that goes into {title}", largest=largest, side=side),
            f"channel {place}",
            "goes in",
        )
        for place, each in enumerate(known.pictures)
    ]
    for when, some in outputs.items():
        figures += [
            _figure(
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
    return _card(
        "A picture",
        element("div", *figures, class_="row"),
        *(_said(when, _shown_words(seen)) for when, seen in shown),
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


# --- words


def _shown_words(seen: Sight) -> str:
    return shown_caption(seen.answers) if seen.answers else "0 everywhere"


def _kind(when: str) -> str:
    return "before" if when == "before" else "after"


def _keys(whens: Sequence[str], *, given: bool) -> Markup:
    """What is drawn how."""
    drawn = {"before": "dashed line", "after": "solid line", NOW: "solid line"}
    keys = [("given", "dots", "the input")] if given else []
    keys += [(_kind(when), drawn[when], when) for when in whens]
    return element(
        "p",
        *(
            element(
                "span",
                element("span", class_=f"key {kind}", aria_hidden="true"),
                f"{words}: {how}" if words != NOW else "its answer",
            )
            for kind, how, words in keys
        ),
        class_="keys",
    )


def facts_of(picture: LayerPicture) -> list[tuple[str, str]]:
    """The layer in numbers, as the table has them."""
    target = picture.target
    param = target.layer.convolution_param
    told = [
        ("shape", dims(target.shape)),
        ("group", f"{param.group:,}"),
        ("kernel", size(target.kernel)),
        ("stride", size(target.stride)),
        ("pad", size(target.pad)),
    ]
    if set(target.dilation) - {1}:
        told.append(("dilation", size(target.dilation)))
    return told
