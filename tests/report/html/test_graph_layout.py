"""Boxes of a graph in ranks: none on another, lines downwards and around what is in their way."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.report.html.graph_layout import layered

if TYPE_CHECKING:
    from helpers.words import Words

Edge = tuple[int, int]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[Edge]]:
    sizes = draw(
        st.lists(st.tuples(st.integers(8, 90), st.integers(8, 60)), min_size=1, max_size=14)
    )
    possible = list(combinations(range(len(sizes)), 2))
    edges = draw(st.lists(st.sampled_from(possible), max_size=24, unique=True)) if possible else []
    return [(float(width), float(height)) for width, height in sizes], edges


@given(graphs())
def test_no_box_lies_on_another_and_all_within(
    graph: tuple[list[tuple[float, float]], list[Edge]],
) -> None:
    sizes, edges = graph
    drawn = layered(sizes, edges)
    boxes = [
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for (x, y), (width, height) in zip(drawn.middles, sizes, strict=True)
    ]
    for left, top, right, bottom in boxes:
        assert left >= -1e-6
        assert top >= -1e-6
        assert right <= drawn.width + 1e-6
        assert bottom <= drawn.height + 1e-6
    for one, two in combinations(boxes, 2):
        beside = one[2] < two[0] or two[2] < one[0]
        apart = one[3] < two[1] or two[3] < one[1]
        assert beside or apart


@given(graphs())
def test_a_line_leads_down_from_box_to_box_and_through_none(
    graph: tuple[list[tuple[float, float]], list[Edge]],
) -> None:
    sizes, edges = graph
    drawn = layered(sizes, edges)
    for (start, end), route in zip(edges, drawn.routes, strict=True):
        assert route[0] == (
            drawn.middles[start][0],
            drawn.middles[start][1] + sizes[start][1] / 2,
        )
        assert route[-1] == (drawn.middles[end][0], drawn.middles[end][1] - sizes[end][1] / 2)
        assert all(above[1] <= below[1] for above, below in pairwise(route))
        for (x, top), (other, bottom) in pairwise(route):
            if x != other:
                continue
            for box, ((middle, y), (width, height)) in enumerate(
                zip(drawn.middles, sizes, strict=True)
            ):
                within = y + height / 2 > top and y - height / 2 < bottom
                if within and box not in (start, end):
                    assert abs(middle - x) > width / 2


def test_what_feeds_a_late_box_stands_just_above_it() -> None:
    sizes = [(10.0, 10.0)] * 4
    drawn = layered(sizes, [(0, 2), (2, 3), (1, 3)], down=20)
    rows = [y for _, y in drawn.middles]
    assert rows == [5, 35, 35, 65]


def test_lines_that_need_not_cross_do_not() -> None:
    """Two ladders given crosswise are drawn beside each other."""
    drawn = layered([(10.0, 10.0)] * 6, [(0, 3), (1, 2), (2, 5), (3, 4)])
    xs = [x for x, _ in drawn.middles]
    assert (xs[0] < xs[1]) == (xs[3] < xs[2]) == (xs[4] < xs[5])


def test_nothing_and_what_leads_upwards(words: Words) -> None:
    assert layered([], []).middles == ()
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        layered([(1, 1), (1, 1)], [(1, 0)])
    words(raised.value)
