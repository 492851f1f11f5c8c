"""Every rule held against a net, or a net and its model: findings in the net's order.

What one layer breaks ``layer_rules`` finds; here are the rules over a whole net and model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.matching.matched_layer import united
from deconvsurgery.matching.model_oddities import Oddity, oddities
from deconvsurgery.matching.other_states import unlike
from deconvsurgery.prototxt.net import Layer, Net, NetState
from deconvsurgery.prototxt.selection import Selection, exact_patterns
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.fillers import filler_problems
from deconvsurgery.shapes.infer import BVLC_TYPES
from deconvsurgery.wording import listed, quoted

from .finding import RULES, Broken, Finding, Repair, Severity, Step
from .layer_rules import misspelt, stopped
from .net_against_model import mismatched
from .survey import LayerRow, survey
from .unjoined_layers import MEETINGS, unmet

# Rules over the whole, which a layer alone would break in other words.
_WHOLE = frozenset({"DS011", "DS012", "DS013", "DS014", "DS016", "DS019", "DS020"})

# What they say of a layer is why Caffe would not set it up, as DS013 does; DS020 is for all else.
_SAID_BETTER = frozenset({"DS015"})


class WantedRules(NamedTuple):
    """Which rules count, by id; ``frozen``: what training would change is an error."""

    rules: frozenset[str] = frozenset(RULES)
    frozen: bool = False


def audit(
    net: Net | None,
    model: Model | None,
    selection: Selection,
    states: Sequence[NetState],
    wanted: WantedRules,
) -> tuple[Finding, ...]:
    """Every rule that is broken and wanted, by line, column, id; last what has no line."""
    rows = survey(net, model, selection, states, frozen=wanted.frozen)
    found = [*_of_layers(rows)]
    if net is not None:
        found += _twice(net, model, states)
        found += _misspelt(net.layers)
        found += _fillers(net, states)
        found += unmet(net, model, states)
        found += _phases_differ(net, states)
        found += _not_set_up(net, model, states, found)
    if net is not None and model is not None:
        missing = {(finding.layer, finding.line) for finding in found if finding.id == "DS001"}
        found += mismatched(net, model, states, missing, _fillable(rows))
    if model is not None:
        found += _refused(net, model)
    kept = [finding for finding in found if finding.id in wanted.rules]
    return tuple(sorted(kept, key=_place))


def _place(finding: Finding) -> tuple[bool, int, int, str]:
    return finding.line is None, finding.line or 0, finding.column or 0, finding.id


def _of_layers(rows: Sequence[LayerRow]) -> Iterator[Finding]:
    for row in rows:
        yield from (finding for finding in row.findings if finding.id not in _WHOLE)


def _fillable(rows: Sequence[LayerRow]) -> Mapping[str, str]:
    """Matched layers that ``transplant --apply`` would fill, and patterns that take them."""
    patterns = exact_patterns(row.name for row in rows)
    matched = (row.target for row in rows if row.matched and row.target is not None)
    learned = {row.name for row in rows if row.role is not None and row.role.learned}
    return {
        target.layer.name: patterns[target.layer.name]
        for target in united(matched)
        if not target.problem and target.can_interpolate and target.layer.name not in learned
    }


def _twice(net: Net, model: Model | None, states: Sequence[NetState]) -> Iterator[Finding]:
    """DS012: matters where a layer of the name has weights, which go by name."""
    reported: dict[str, list[set[int]]] = defaultdict(list)
    last = model is not None and model.version is Version.HDF5
    for state in states:
        named: dict[str, list[Layer]] = defaultdict(list)
        for layer in net.filtered(state).layers:
            named[layer.name].append(layer)
        several = {name: layers for name, layers in named.items() if len(layers) > 1}
        shapes = analysed(net, state).shapes if several else {}
        for name, layers in several.items():
            places = {layer.index for layer in layers}
            if any(places <= others for others in reported[name]):
                continue
            reported[name].append(places)
            weighted = any(shapes[index].blobs != () for index in places)
            yield _of_one_name(layers, weighted=weighted, last=last).finding("DS012", layers[1])


def _of_one_name(layers: Sequence[Layer], *, weighted: bool, last: bool) -> Broken:
    lines = tuple(layer.line for layer in layers if layer.line)
    where = listed([str(line) for line in lines])
    what = (
        f"Caffe loads weights into the {'last' if last else 'first'} only"
        if weighted
        else "none has weights, so that nothing goes astray"
    )
    return Broken(
        f"{len(layers)} active layers have this name (lines {where}); {what}",
        {"layers": len(layers), "lines": lines},
        Repair("give each a name of its own"),
    )


def _misspelt(layers: Sequence[Layer]) -> Iterator[Finding]:
    """DS013: Caffe's parser stops there, in whatever state, so every field is reported."""
    for layer in layers:
        for unknown in layer.misspelt:
            yield misspelt(unknown).finding("DS013", layer)


def _fillers(net: Net, states: Sequence[NetState]) -> Iterator[Finding]:
    """DS016, once a layer and filler: of every layer, whether a model has weights for it or not."""
    reported: set[tuple[int, str]] = set()
    for state in states:
        analysis = analysed(net, state)
        for layer in analysis.net.layers:
            set_up = analysis.shapes[layer.index]
            for problem in filler_problems(layer, set_up.blobs, set_up.tops):
                if (layer.index, problem.field) not in reported:
                    reported.add((layer.index, problem.field))
                    yield stopped(problem).finding("DS016", layer)


def _phases_differ(net: Net, states: Sequence[NetState]) -> Iterator[Finding]:
    """DS019, at the later of the two layers."""
    repair = Repair("set its name up alike everywhere, or give each a name of its own")
    for differs in unlike(net, states).values():
        broken = Broken(differs.words, differs.numbers, repair)
        yield broken.finding("DS019", differs.here.layer)


def _not_set_up(
    net: Net, model: Model | None, states: Sequence[NetState], said: Sequence[Finding]
) -> Iterator[Finding]:
    """DS020: what else makes Caffe stop at a layer, in the first state in which it does."""
    better = {(finding.layer, finding.line) for finding in said if finding.id in _SAID_BETTER}
    better |= {(layer.name, layer.line or None) for layer in net.layers if layer.misspelt}
    problems: dict[int, str] = {}
    for state in states:
        for index, shapes in analysed(net, state, model).shapes.items():
            if shapes.problem is not None:
                problems.setdefault(index, shapes.problem)
    for index, problem in sorted(problems.items()):
        layer = net.layers[index]
        if layer.type in MEETINGS:  # DS015's, which is silent where sizes are not certain
            continue
        if layer.type in BVLC_TYPES and (layer.name, layer.line or None) not in better:
            words = f"Caffe would not set it up: {problem}"
            broken = Broken(words, repair=Repair("correct the layer in the net"), stops=True)
            yield broken.finding("DS020", layer)


def _refused(net: Net | None, model: Model) -> Iterator[Finding]:
    """DS014, once for each thing that is wrong, at the first of its layers."""
    places = {layer.name: layer for layer in reversed(net.layers)} if net else {}
    for oddity in oddities(model):
        if not oddity.refused:
            continue
        layer = next((places[name] for name in oddity.layers if name in places), None)
        several = f" (of {listed([quoted(name) for name in oddity.layers])})"
        yield Broken(
            oddity.words + (several if oddity.layers else ""),
            {"blobs": oddity.blobs, "layers": oddity.layers, "bytes": model.source.size},
            _reformed(oddity),
            Severity.NOTE if oddity.loads else None,
            (layer.line, layer.column) if layer else None,
            stops=not oddity.loads and (net is None or layer is not None or not oddity.layers),
        ).finding("DS014", None, oddity.layers[0] if len(oddity.layers) == 1 else None)


def _reformed(oddity: Oddity) -> Repair:
    if oddity.converted:
        return Repair("write it in the form that today's Caffe reads", (Step("convert"),))
    return Repair("no other form repairs that: save it again with the Caffe that wrote it")
