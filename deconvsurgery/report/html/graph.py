"""The way up through a net as a drawing: a box a step, shapes in it, lines from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.report.phrases import shortened, size, width_of
from deconvsurgery.wording import dims, plural

from .elements import Markup, element, joined, number, section
from .graph_layout import Point, layered
from .page_frame import scrolled

if TYPE_CHECKING:
    from deconvsurgery.shapes.upsampling_path import PathStep, WayUp

_NAME = 26  # characters of a name in a box
_MARGIN = 4.0
_LINE = 16.0
_NAMED, _FACT = 8.6, 6.8  # a character's width, more or less; a page cannot be asked


def way_section(ways: Sequence[WayUp], level: int = 2) -> Markup | None:
    """The drawing for each phase that has its own; ``None`` where the net does not upsample."""
    if not ways:
        return None
    drawings = []
    for way in ways:
        caption = [f"In phase {' and '.join(way.phases)}."] if len(ways) > 1 else []
        caption.append(
            "Heavy frames are matched layers, dashed ones feed the path from outside it."
        )
        if way.only_deconvolutions:
            caption.append(
                "Only Deconvolution layers are drawn, a line stands for all that lies between two."
            )
        if way.left_out:
            caption.append(f"{plural(way.left_out, 'more layer')} would not fit.")
        drawings.append(
            element(
                "figure",
                scrolled("Drawing of the upsampling path", _drawn(way)),
                element("figcaption", " ".join(caption)),
                class_="way",
            )
        )
    return section(level, "The upsampling path", *drawings)


def _drawn(way: WayUp) -> Markup:
    lines = [_words(step) for step in way.steps]
    sizes = [_box_size(words) for words in lines]
    drawing = layered(sizes, way.edges)
    width, height = drawing.width + 2 * _MARGIN, drawing.height + 2 * _MARGIN
    label = f"The upsampling path: {plural(len(way.steps), 'step')} from the scores to the output"
    return element(
        "svg",
        element("title", label),
        element("desc", _description(way)),
        *(_edge(route) for route in drawing.routes),
        *(
            _box(step, words, middle, box)
            for step, words, middle, box in zip(
                way.steps, lines, drawing.middles, sizes, strict=True
            )
        ),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"{number(-_MARGIN)} {number(-_MARGIN)} {number(width)} {number(height)}",
        width=round(width),
        height=round(height),
        class_="graph",
        role="img",
        aria_label=label,
    )


def _box_size(words: Sequence[str]) -> tuple[float, float]:
    """Width and height of a box around a name and facts."""
    name, *facts = words
    widest = max(_NAMED * width_of(name), *(_FACT * width_of(fact) for fact in facts))
    return max(104.0, 24 + widest), 14 + _LINE * len(words)


def _words(step: PathStep) -> list[str]:
    """The lines in a box: the name, what it is, the shape that leaves it."""
    if step.layers > 1:
        named = f"{shortened(step.name, _NAME // 2)} … {shortened(step.last, _NAME // 2)}"
        return [named, plural(step.layers, "layer"), dims(step.shape)]
    kind = shortened(step.type, _NAME)
    lines = [shortened(step.name, _NAME)]
    if step.type == DECONVOLUTION:
        kind += ", matched" if step.matched else ", not matched"
    lines.append(kind)
    if step.window is not None:
        lines.append(
            f"kernel {size(step.window.kernel)}, stride {size(step.window.stride)}, "
            f"pad {size(step.window.pad)}"
        )
    return [*lines, dims(step.shape)]


def _description(way: WayUp) -> str:
    """The drawing in words, for who does not see it."""
    after: dict[int, list[str]] = {}
    for start, end in way.edges:
        after.setdefault(start, []).append(_words(way.steps[end])[0])
    return "; ".join(
        ", ".join(_words(step))
        + (f", leads to {' and '.join(after[number])}" if number in after else "")
        for number, step in enumerate(way.steps)
    )


def _box(step: PathStep, words: Sequence[str], middle: Point, box: tuple[float, float]) -> Markup:
    (x, y), (width, height) = middle, box
    top = y - height / 2
    kind = "matched" if step.matched else "feeds" if step.feeds else "plain"
    lines = (
        element(
            "text",
            line,
            x=float(x),
            y=float(top + 7 + _LINE * (place + 0.75)),
            text_anchor="middle",
            class_="named" if place == 0 else "fact",
        )
        for place, line in enumerate(words)
    )
    return element(
        "g",
        element(
            "rect",
            x=float(x - width / 2),
            y=float(top),
            width=float(width),
            height=float(height),
            rx=6,
        ),
        *lines,
        class_=f"step {kind}",
    )


def _edge(route: Sequence[Point]) -> Markup:
    """A line that leaves and reaches boxes straight, with a head at its end."""
    (x, y), *_ = route
    line = [f"M{number(x)} {number(y)}"]
    last = len(route) - 2
    for place, ((x, y), (to_x, to_y)) in enumerate(pairwise(route)):
        end = to_y - 6 if place == last else to_y
        if x == to_x:
            line.append(f"V{number(end)}")
        else:
            half = (y + end) / 2
            points = ((x, half), (to_x, half), (to_x, end))
            line.append("C" + " ".join(f"{number(a)} {number(b)}" for a, b in points))
    x, y = route[-1]
    head = (
        f"M{number(x - 4)} {number(y - 7)}L{number(x)} {number(y)}L{number(x + 4)} {number(y - 7)}z"
    )
    return joined(
        (
            element("path", d="".join(line), class_="edge"),
            element("path", d=head, class_="head"),
        )
    )
