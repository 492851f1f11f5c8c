"""Which part of a net leads from its scores up to its output: Deconvolutions, and what follows.

Values only. Layers in a row that neither branch nor join are one step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.selection import DECONVOLUTION

from .analysis import analysed

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.prototxt.net import Layer, Net, NetState

    from .geometry import Shape, Window
    from .infer import LayerShapes

# Steps that one drawing holds; with more of them only the Deconvolutions are steps.
MOST_STEPS: Final = 60
# What puts the path together, and is never taken for one of several in a row.
_JOINTS: Final = frozenset({DECONVOLUTION, "Crop", "Eltwise", "Concat", "Slice", "Split"})


class PathStep(NamedTuple):
    """A layer of the path, or ``layers`` of them in a row.

    ``name`` is the first's, ``last`` the last's. ``shape`` is that of the first top it leaves,
    ``window`` a Deconvolution's. ``feeds``: it is outside the path, which takes from it.
    """

    name: str
    type: str
    last: str
    layers: int = 1
    shape: Shape = None
    window: Window | None = None
    matched: bool = False
    feeds: bool = False


class WayUp(NamedTuple):
    """The upsampling path in the phases named: steps in the net's order, edges by their numbers.

    ``only_deconvolutions``: it has so many layers that the others are left out, and an edge stands
    for all that lie between two. ``left_out`` counts the Deconvolutions that it does not show.
    """

    phases: tuple[str, ...]
    steps: tuple[PathStep, ...]
    edges: tuple[tuple[int, int], ...]
    only_deconvolutions: bool = False
    left_out: int = 0


def ways_up(
    net: Net,
    states: Iterable[NetState],
    matched: Collection[int],
    model: Model | None = None,
) -> tuple[WayUp, ...]:
    """The path in each state, once where several have the same; none where nothing upsamples.

    ``matched`` are layers by index.
    """
    found: dict[tuple[object, ...], WayUp] = {}
    for state in states:
        analysis = analysed(net, state, model)
        way = _way(analysis.net, analysis.shapes_with_channels, matched)
        if not way.steps:
            continue
        # A data layer for each phase does not make it another path.
        own = tuple(step for step in way.steps if not step.feeds)
        known = found.setdefault((own, way.edges), way)
        phases = (*known.phases, state.phase.name.lower())
        found[own, way.edges] = known._replace(phases=tuple(dict.fromkeys(phases)))
    return tuple(found.values())


def _way(net: Net, shapes: Mapping[int, LayerShapes], matched: Collection[int]) -> WayUp:
    layers = net.layers
    parents = _parents(layers)
    on_path: set[int] = set()
    for place, layer in enumerate(layers):
        if layer.type == DECONVOLUTION or not on_path.isdisjoint(parents[place]):
            on_path.add(place)
    sources = {parent for place in on_path for parent in parents[place]} - on_path
    taken = sorted(on_path | sources)
    groups = list(_groups(layers, parents, taken, sources))
    of = {place: number for number, group in enumerate(groups) for place in group}
    only = len(groups) > MOST_STEPS
    if only:
        return _deconvolutions(layers, parents, on_path, shapes, matched)
    edges = {
        (of[parent], of[place]): None
        for place in taken
        if place in on_path
        for parent in parents[place]
        if of[parent] != of[place]
    }
    steps = (
        _step([layers[at] for at in group], shapes, matched, sources, group) for group in groups
    )
    return WayUp((), tuple(steps), tuple(edges))


def _parents(layers: Sequence[Layer]) -> list[tuple[int, ...]]:
    """By place in the net: the places of the layers that make a layer's bottoms, each once."""
    makers: dict[str, int] = {}
    parents = []
    for place, layer in enumerate(layers):
        made = (makers[name] for name in layer.bottom if name in makers)
        parents.append(tuple(dict.fromkeys(made)))
        makers.update(dict.fromkeys(layer.top, place))
    return parents


def _groups(
    layers: Sequence[Layer],
    parents: Sequence[tuple[int, ...]],
    taken: Sequence[int],
    sources: Collection[int],
) -> Iterator[list[int]]:
    """Layers that are a step each, or together, by their places; in the net's order."""
    children: dict[int, int] = {}
    for place in taken:
        if place not in sources:
            for parent in parents[place]:
                children[parent] = children.get(parent, 0) + 1

    def plain(place: int) -> bool:
        return (
            place not in sources and layers[place].type not in _JOINTS and len(parents[place]) == 1
        )

    rows: dict[int, list[int]] = {}  # by the last layer of each
    for place in taken:
        before = parents[place][0] if parents[place] else -1
        if before in rows and plain(place) and plain(before) and children[before] == 1:
            rows[place] = [*rows.pop(before), place]
        else:
            rows[place] = [place]
    # What a row takes and what takes it lie before its first and behind its last layer.
    yield from sorted(rows.values())


def _step(
    row: Sequence[Layer],
    shapes: Mapping[int, LayerShapes],
    matched: Collection[int],
    sources: Collection[int],
    places: Sequence[int],
) -> PathStep:
    first, last = row[0], row[-1]
    tops = shapes[last.index].tops
    return PathStep(
        first.name,
        first.type,
        last.name,
        len(row),
        tops[0] if tops else None,
        shapes[first.index].window if first.type == DECONVOLUTION else None,
        first.index in matched,
        places[0] in sources,
    )


def _deconvolutions(
    layers: Sequence[Layer],
    parents: Sequence[tuple[int, ...]],
    on_path: Collection[int],
    shapes: Mapping[int, LayerShapes],
    matched: Collection[int],
) -> WayUp:
    """Deconvolutions alone: an edge where a way leads from one to the other and meets no third."""
    every = [place for place in sorted(on_path) if layers[place].type == DECONVOLUTION]
    shown = {place: number for number, place in enumerate(every[:MOST_STEPS])}
    nearest: dict[int, frozenset[int]] = {}
    edges = []
    for place in sorted(on_path):
        above: frozenset[int] = frozenset().union(
            *(nearest.get(parent, frozenset()) for parent in parents[place])
        )
        if place in shown:
            edges += [(shown[each], shown[place]) for each in sorted(above)]
            above = frozenset({place})
        nearest[place] = above
    steps = (_step([layers[place]], shapes, matched, (), [place]) for place in shown)
    left_out = len(every) - len(shown)
    return WayUp((), tuple(steps), tuple(edges), only_deconvolutions=True, left_out=left_out)
