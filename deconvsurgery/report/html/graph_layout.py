"""A place for every box of a graph: in ranks from top to bottom, lines around what is in the way.

Sugiyama's steps: a rank for each box, an order within ranks with few crossings, then places near
what a box is joined to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeAlias

from deconvsurgery.named_tuple import NamedTuple

Point: TypeAlias = tuple[float, float]

ACROSS, DOWN = 28.0, 36.0  # free space between boxes of a rank, and between ranks
_LANE = 6.0  # what a line takes of a rank that it passes
_SWEEPS = 6


class Drawing(NamedTuple):
    """Middles of the boxes, as given; of each edge the points it passes, from box to box.

    Between two points of one x a line is to be straight; it turns between ranks alone.
    """

    middles: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def layered(
    sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]], *, down: float = DOWN
) -> Drawing:
    """Lay out boxes of ``sizes`` (width, height) and edges that lead from lower to higher numbers.

    >>> layered([(10, 10), (10, 10)], [(0, 1)]).middles
    ((5.0, 5.0), (5.0, 51.0))
    """
    if any(start >= end for start, end in edges):
        raise ValueError("an edge leads from a lower number to a higher one")
    if not sizes:
        return Drawing((), (), 0.0, 0.0)
    ranks = _ranks(len(sizes), edges)
    widths = [width for width, _ in sizes]
    chains: list[list[int]] = []
    for start, end in edges:  # a line that passes ranks has a narrow box in each
        lanes = range(len(widths), len(widths) + ranks[end] - ranks[start] - 1)
        widths += [_LANE] * len(lanes)
        ranks += range(ranks[start] + 1, ranks[end])
        chains.append([start, *lanes, end])
    links = [link for chain in chains for link in pairwise(chain)]
    rows = _ordered(ranks, links)
    across = _places(rows, widths, links)
    heights = [max((sizes[box][1] for box in row if box < len(sizes)), default=0) for row in rows]
    tops = [0.0]
    for height in heights:
        tops.append(tops[-1] + height + down)
    middles = [(x, tops[rank] + heights[rank] / 2) for x, rank in zip(across, ranks, strict=True)]

    def route(chain: Sequence[int]) -> Iterable[Point]:
        start, end = chain[0], chain[-1]
        yield middles[start][0], middles[start][1] + sizes[start][1] / 2
        for box in chain:  # straight through ranks, so that it turns where no box is
            if box != start:
                yield middles[box][0], tops[ranks[box]]
            if box != end:
                yield middles[box][0], tops[ranks[box]] + heights[ranks[box]]
        yield middles[end][0], middles[end][1] - sizes[end][1] / 2

    return Drawing(
        tuple(middles[: len(sizes)]),
        tuple(tuple(dict.fromkeys(route(chain))) for chain in chains),
        max(x + width / 2 for x, width in zip(across, widths, strict=True)),
        tops[-1] - down,
    )


def _ranks(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """As high as what leads to a box allows; what nothing leads to stands just above its use."""
    ranks = [0] * count
    ordered = sorted(edges)
    led_to = {end for _, end in ordered}
    for start, end in ordered:
        ranks[end] = max(ranks[end], ranks[start] + 1)
    lowest: dict[int, int] = {}
    for start, end in ordered:
        lowest[start] = min(lowest.get(start, ranks[end]), ranks[end])
    for box in range(count):
        if box not in led_to and box in lowest:
            ranks[box] = lowest[box] - 1
    return ranks


def _ordered(ranks: Sequence[int], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Boxes by rank, each row in the order that was found to cross fewest lines."""
    rows: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    for box in sorted(range(len(ranks)), key=lambda box: ranks[box]):
        rows[ranks[box]].append(box)
    above, below = _neighbours(len(ranks), links)
    best, fewest = [row[:] for row in rows], _crossings(rows, below)
    for sweep in range(_SWEEPS):
        upwards = sweep % 2 == 1
        around = below if upwards else above
        for row in reversed(rows) if upwards else rows:
            at = {box: place for each in rows for place, box in enumerate(each)}
            row.sort(key=partial(_middle, at, around))
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [row[:] for row in rows], crossings
    return best


def _middle(at: Mapping[int, int], around: Sequence[Sequence[int]], box: int) -> float:
    """The middle of a box's neighbours; of one without any its own place."""
    places = [at[other] for other in around[box]] or [at[box]]
    return sum(places) / len(places)


def _neighbours(
    count: int, links: Iterable[tuple[int, int]]
) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for start, end in links:
        below[start].append(end)
        above[end].append(start)
    return above, below


def _crossings(rows: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    """Pairs of links between neighbouring rows whose ends are the other way round."""
    crossings = 0
    for row, after in pairwise(rows):
        at = {box: place for place, box in enumerate(after)}
        ends = [end for box in row for end in sorted(at[other] for other in below[box])]
        crossings += sum(
            one > other for place, one in enumerate(ends) for other in ends[place + 1 :]
        )
    return crossings


def _places(
    rows: Sequence[Sequence[int]], widths: Sequence[float], links: Sequence[tuple[int, int]]
) -> list[float]:
    """The x of each box's middle: near the middle of its neighbours, none on another."""
    above, below = _neighbours(len(widths), links)
    places = [0.0] * len(widths)
    for row in rows:
        _settle(row, [0.0] * len(row), widths, places)
    for sweep in range(2 * _SWEEPS):
        upwards = sweep % 2 == 1
        for row in reversed(rows) if upwards else rows:
            wanted = []
            for box in row:
                around = (below if upwards else above)[box] or (above if upwards else below)[box]
                wanted.append(
                    sum(places[other] for other in around) / len(around) if around else places[box]
                )
            _settle(row, wanted, widths, places)
    left = min(x - width / 2 for x, width in zip(places, widths, strict=True))
    return [x - left for x in places]


def _settle(
    row: Sequence[int], wanted: Sequence[float], widths: Sequence[float], places: list[float]
) -> None:
    """Put a row's boxes as near to where they are wanted as their widths allow (least squares)."""
    offsets, offset = [], 0.0
    for place, box in enumerate(row):
        if place:
            offset += (widths[row[place - 1]] + widths[box]) / 2 + ACROSS
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []  # boxes that touch: their common place, how many
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    for box, mean, offset in zip(row, means, offsets, strict=True):
        places[box] = mean + offset
