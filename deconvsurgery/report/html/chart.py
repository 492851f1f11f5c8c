"""Lines over a line: a section through a kernel, a signal and what a layer makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from deconvsurgery.named_tuple import NamedTuple

from .elements import Markup, element, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 24
# What is nearer to 0, or further than can be counted, has no ticks and no scale.
SMALLEST, LARGEST = 1e-300, 1e300
# Points that are marked one by one.
_MOST_MARKS = 40

Place: TypeAlias = Callable[[float], float]
"""Where in the drawing a value lies."""


class Series(NamedTuple):
    """Points in their order; ``kind`` is given, before or after, and says how they are drawn."""

    kind: str
    positions: NDArray[np.floating[Any]]
    values: NDArray[np.floating[Any]]


def chart(series: Sequence[Series], label: str) -> Markup:
    """All series over the same axes, zero among them; what is not finite leaves a gap."""
    xs = [float(each.positions[at]) for each in series for at in (0, -1)]
    low, high = _bounds(series)
    left, right = min(xs), max(xs)

    def x(value: float) -> float:
        return _LEFT + (value - left) / ((right - left) or 1) * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)

    body = [*_rules(low, high, y), *_feet(left, right, x)]
    for one in sorted(series, key=lambda one: one.kind == "before"):  # dashes upon a line
        body += _lines(one, x, y)
    return element(
        "svg",
        element("title", label),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="chart",
        role="img",
        aria_label=label,
    )


def ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers from ``low`` to ``high``.

    >>> [round(each, 3) for each in ticks(-0.1, 0.6)]
    [0.0, 0.2, 0.4, 0.6]
    >>> ticks(2, 2)
    [2]
    """
    span = high - low
    if not (isfinite(span) and span > SMALLEST):
        return [low]
    power = 10.0 ** floor(log10(span))
    step = next(
        (power * part for part in (0.1, 0.2, 0.25, 0.5, 1.0) if span / (power * part) <= 5),
        2 * power,
    )
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


def _bounds(series: Iterable[Series]) -> tuple[float, float]:
    """Lowest and highest value, zero among them, with a little space above and below."""
    low = high = 0.0
    for values in (one.values for one in series):
        finite = values[np.isfinite(values)].astype(np.float64).clip(-LARGEST, LARGEST)
        low = min(low, float(finite.min(initial=0)))
        high = max(high, float(finite.max(initial=0)))
    if high - low <= SMALLEST:
        return 0.0, 1.0
    margin = 0.04 * (high - low)
    return (low - margin if low < 0 else low), high + margin


def _rules(low: float, high: float, y: Place) -> list[Markup]:
    body = []
    for tick in ticks(low, high):
        at = y(tick)
        kind = "axis" if abs(tick) < 1e-12 * (high - low) else "rule"
        body.append(
            element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=float(at), y2=float(at), class_=kind)
        )
        body.append(element("text", _tick(tick), x=_LEFT - 6, y=float(at + 4), text_anchor="end"))
    return body


def _feet(left: float, right: float, x: Place) -> list[Markup]:
    whole = [tick for tick in ticks(left, right) if tick == floor(tick)]
    return [
        element("text", _tick(tick), x=float(x(tick)), y=HEIGHT - 6, text_anchor="middle")
        for tick in whole
    ]


def _tick(value: float) -> str:
    return f"{value:.4g}" if abs(value) > 1e-12 else "0"


def _lines(series: Series, x: Place, y: Place) -> list[Markup]:
    pairs = list(zip(series.positions.tolist(), series.values.tolist(), strict=True))
    body = []
    if series.kind != "given":
        body += [
            element("polyline", points=" ".join(run), class_=f"{series.kind} line")
            for run in _runs(pairs, x, y)
        ]
    if len(pairs) <= _MOST_MARKS and series.kind != "before":
        radius = 3.2 if series.kind == "given" else 2.2
        body += [
            element("circle", cx=float(x(at)), cy=float(y(value)), r=radius, class_=series.kind)
            for at, value in pairs
            if isfinite(value)
        ]
    return body


def _runs(pairs: Iterable[tuple[float, float]], x: Place, y: Place) -> list[list[str]]:
    """Points that one line joins."""
    runs: list[list[str]] = [[]]
    for at, value in pairs:
        if isfinite(value):
            runs[-1].append(f"{number(x(at))},{number(y(value))}")
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
