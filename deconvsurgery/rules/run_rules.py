"""Every rule held against a net, or a net and its model: findings in the net's order.

What one layer breaks is told by ``layer_rules``; here are the rules over a whole net and model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deconvsurgery.caffemodel.model import Model, SourceBlob, Version
from deconvsurgery.errors import SurgeryError
from deconvsurgery.matching.compatibility import Disagreement, Kind, disagreements
from deconvsurgery.matching.matched_layer import interpolates, united
from deconvsurgery.matching.model_oddities import Oddity, oddities
from deconvsurgery.matching.other_states import unlike
from deconvsurgery.matching.shared_blobs import owners, with_shared
from deconvsurgery.plans.transplant.plan import make_grafting
from deconvsurgery.prototxt.net import Layer, Net, NetState
from deconvsurgery.prototxt.selection import Selection, exact_patterns
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.fillers import filler_problems
from deconvsurgery.shapes.infer import BVLC_TYPES
from deconvsurgery.wording import listed, plural, quoted

from .finding import (
    RULES,
    Finding,
    Repair,
    Severity,
    Step,
)
from .inspect_rows import Row, survey
from .layer_rules import finding, misspelt, stopped
from .layers_that_stop import MEETINGS, unmet

# Rules over the whole, which a layer alone would break in other words.
_WHOLE = frozenset({"DS011", "DS012", "DS013", "DS014", "DS016", "DS019", "DS020"})

# What they say of a layer is why Caffe would not set it up, as DS013 does; DS020 is for all else.
_SAID_BETTER = frozenset({"DS015"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rules count, by id; ``frozen``: what training would change is an error."""

    rules: frozenset[str] = frozenset(RULES)
    frozen: bool = False


def audit(
    net: Net | None,
    model: Model | None,
    selection: Selection,
    states: Sequence[NetState],
    wanted: Wanted,
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
        missing = {(each.layer, each.line) for each in found if each.id == "DS001"}
        found += _mismatched(net, model, states, missing, _fillable(rows))
    if model is not None:
        found += _refused(net, model)
    kept = [each for each in found if each.id in wanted.rules]
    return tuple(sorted(kept, key=_place))


def _place(each: Finding) -> tuple[bool, int, int, str]:
    return each.line is None, each.line or 0, each.column or 0, each.id


def _of_layers(rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        yield from (each for each in row.findings if each.id not in _WHOLE)


def _fillable(rows: Sequence[Row]) -> Mapping[str, str]:
    """Matched layers that ``transplant --apply`` would fill, and patterns that take them."""
    patterns = exact_patterns(row.name for row in rows)
    matched = (row.target for row in rows if row.matched and row.target is not None)
    return {
        target.layer.name: patterns[target.layer.name]
        for target in united(matched)
        if not target.problem and interpolates(target)
    }


def _twice(net: Net, model: Model | None, states: Sequence[NetState]) -> Iterator[Finding]:
    """DS012: matters where a layer of the name has weights, which go by name."""
    told: dict[str, list[set[int]]] = defaultdict(list)
    last = model is not None and model.version is Version.HDF5
    for state in states:
        active = net.filtered(state)
        named: dict[str, list[Layer]] = defaultdict(list)
        for layer in active.layers:
            named[layer.name].append(layer)
        several = {
            name: each
            for name, each in named.items()
            if len(each) > 1
            and not any({at.index for at in each} <= others for others in told[name])
        }
        shapes = analysed(net, state).shapes if several else {}
        for name, layers in several.items():
            told[name].append({layer.index for layer in layers})
            weighted = any(shapes[layer.index].blobs != () for layer in layers)
            lines = tuple(layer.line for layer in layers if layer.line)
            where = listed([str(line) for line in lines])
            what = (
                f"Caffe loads weights into the {'last' if last else 'first'} only"
                if weighted
                else "none has weights, so that nothing goes astray"
            )
            yield Finding(
                "DS012",
                f"{len(layers)} active layers have this name (lines {where}); {what}",
                layers[1].line or None,
                layers[1].column or None,
                name,
                numbers=(("layers", len(layers)), ("lines", lines)),
                repair=Repair("give each a name of its own"),
            )


def _misspelt(layers: Sequence[Layer]) -> Iterator[Finding]:
    """DS013: Caffe's parser stops there, in whatever state, so it is told of every field."""
    for layer in layers:
        for unknown in layer.misspelt:
            yield finding("DS013", misspelt(unknown), layer)


def _fillers(net: Net, states: Sequence[NetState]) -> Iterator[Finding]:
    """DS016, once a layer and filler: of every layer, whether a model has weights for it or not."""
    told: set[tuple[int, str]] = set()
    for state in states:
        analysis = analysed(net, state)
        for layer in analysis.net.layers:
            set_up = analysis.shapes[layer.index]
            for problem in filler_problems(layer, set_up.blobs, set_up.tops):
                if (layer.index, problem.field) not in told:
                    told.add((layer.index, problem.field))
                    yield finding("DS016", stopped(problem), layer)


def _phases_differ(net: Net, states: Sequence[NetState]) -> Iterator[Finding]:
    """DS019, at the later of the two layers."""
    for each in unlike(net, states).values():
        layer = each.here.layer
        yield Finding(
            "DS019",
            each.words,
            layer.line or None,
            layer.column or None,
            layer.name,
            numbers=tuple(each.numbers.items()),
            repair=Repair("set its name up alike everywhere, or give each a name of its own"),
        )


def _not_set_up(
    net: Net, model: Model | None, states: Sequence[NetState], said: Sequence[Finding]
) -> Iterator[Finding]:
    """DS020: what else makes Caffe stop at a layer, in the first state in which it does."""
    better = {(each.layer, each.line) for each in said if each.id in _SAID_BETTER}
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
            yield Finding(
                "DS020",
                f"Caffe would not set it up: {problem}",
                layer.line or None,
                layer.column or None,
                layer.name,
                repair=Repair("correct the layer in the net"),
            )


def _mismatched(
    net: Net,
    model: Model,
    states: Sequence[NetState],
    missing: set[tuple[str | None, int | None]],
    fillable: Mapping[str, str],
) -> Iterator[Finding]:
    """DS011; a matched layer that the model lacks is DS001's."""
    found = disagreements(net, model, states)
    whole = with_shared(model, owners(net, states))
    mended = _transplanted(net, whole, states, found, fillable)
    for each in found:
        lacked = each.kind is Kind.MODEL_LACKS and (each.layer, each.line) in missing
        if each.kind not in (Kind.NET_LACKS, Kind.TWICE_IN_NET) and not lacked:
            yield _mismatch(each, net, mended, fillable)
    strangers = [each for each in found if each.kind is Kind.NET_LACKS]
    if strangers:
        count = len(strangers)
        names = listed([quoted(each.layer) for each in strangers])
        yield Finding(
            "DS011",
            f"the model has weights for {plural(count, 'layer')} that the net "
            f"lacks ({names}); Caffe ignores them",
            numbers=(("layers", tuple(each.layer for each in strangers)),),
            repair=Repair("rename what was renamed")
            if any(each.renamed for each in strangers)
            else mended.get("") or Repair(_TOGETHER),
        )


_TOGETHER = "see that net and model belong together"


def _transplanted(
    net: Net,
    model: Model,
    states: Sequence[NetState],
    found: Sequence[Disagreement],
    fillable: Mapping[str, str],
) -> Mapping[str, Repair]:
    """The layers that a transplant would put right, by name, and how; ``""`` for the model's own.

    It is tried: a plan costs nothing, and what it refuses is no repair.
    """
    wanted = {each.layer for each in found if each.kind in _REFITTED}
    upsampling = [name for name in fillable if name in wanted]
    try:
        grafting = make_grafting(net, model, states, upsampling=upsampling)
    except SurgeryError:
        return {}
    if any(_holds_something(blob, model) for graft in grafting.layers for blob in graft.dropped):
        return {}
    patterns = [part for name in upsampling for part in ("-p", fillable[name])]
    step = Step("transplant", ("--apply", *patterns) if upsampling else ())
    # It stands at each of these layers, and names them all.
    steps = (step,) if len(upsampling) <= _MOST_NAMED else ()
    repair = Repair("take over what fits, fill what is missing", steps)
    left = {graft.layer.name for graft in grafting.layers if graft.left is not None}
    return {"": repair} | dict.fromkeys(wanted - left, repair)


def _holds_something(blob: SourceBlob, model: Model) -> bool:
    """Values that are not all zero, which a repair must not drop."""
    return any(values.any() for values in model.values(blob))


_MOST_NAMED = 100  # layers in a command
_REFITTED = (Kind.MODEL_LACKS, Kind.BLOBS, Kind.SHAPE)


def _mismatch(
    each: Disagreement,
    net: Net,
    mended: Mapping[str, Repair],
    fillable: Mapping[str, str],
) -> Finding:
    filled = fillable.get(each.layer) if each.kind is Kind.MODEL_LACKS else None
    if each.renamed:
        repair = Repair(f"name it {each.renamed!r} as the model does, or rename it there")
    elif filled:
        repair = Repair("give it bilinear weights", (Step("apply", ("-p", filled)),))
    elif each.remedy:
        repair = Repair(each.remedy)
    elif each.kind is Kind.TYPE:
        repair = Repair(_TOGETHER)
    elif each.kind is Kind.TWICE_IN_MODEL:
        repair = Repair("save the model again with the Caffe that wrote it")
    else:
        repair = mended.get(each.layer) or Repair(_TOGETHER)
    return Finding(
        "DS011",
        each.message,
        each.line,
        None if each.layer_index is None else net.layers[each.layer_index].column or None,
        each.layer,
        Severity.ERROR if each.stops else None,
        tuple(each.numbers.items()),
        repair,
    )


def _refused(net: Net | None, model: Model) -> Iterator[Finding]:
    """DS014, once for each thing that is wrong, at the first of its layers."""
    places = {layer.name: layer for layer in reversed(net.layers)} if net else {}
    for each in oddities(model):
        if not each.refused:
            continue
        layer = next((places[name] for name in each.layers if name in places), None)
        several = f" (of {listed([quoted(name) for name in each.layers])})" if each.layers else ""
        yield Finding(
            "DS014",
            each.words + several,
            layer.line or None if layer else None,
            layer.column or None if layer else None,
            each.layers[0] if len(each.layers) == 1 else None,
            Severity.NOTE if each.loads else None,
            numbers=(
                ("blobs", each.blobs),
                ("layers", each.layers),
                ("bytes", model.source.size),
            ),
            repair=_reformed(each),
        )


def _reformed(oddity: Oddity) -> Repair:
    if oddity.converted:
        return Repair("write it in the form that today's Caffe reads", (Step("convert"),))
    return Repair("no other form repairs that: save it again with the Caffe that wrote it")
