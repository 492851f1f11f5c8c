"""Rules over the layers of a whole net, of any type: DS012, DS013, DS016, DS019, DS020; DS014.

Each yields a finding with the place in the net of the layer that it is about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.matching.model_oddities import Oddity, oddities
from deconvsurgery.matching.other_states import unlike
from deconvsurgery.prototxt.selection import active_layers
from deconvsurgery.shapes.analysis import analysed, states_apart
from deconvsurgery.shapes.fillers import FillerProblem, filler_problems
from deconvsurgery.shapes.infer import BVLC_TYPES
from deconvsurgery.wording import listed, quoted

from .finding import Broken, Found, Number, Repair, Severity
from .repair_step import RepairStep
from .unjoined_layers import MEETINGS

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, Net, NetState
    from deconvsurgery.prototxt.unknown_field import UnknownField


def twice(net: Net, model: Model | None, states: Sequence[NetState]) -> Iterator[Found]:
    """DS012, at the second of them; a note where no layer of the name has weights.

    Weights go by name (``Net::CopyTrainedLayersFrom``).
    """
    reported: dict[str, list[set[int]]] = defaultdict(list)
    last = model is not None and model.version is Version.HDF5
    for state in states_apart(net, states):
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
            broken = _of_one_name(layers, weighted=weighted, last=last)
            yield broken.found("DS012", layers[1])


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
        None if weighted else Severity.NOTE,
    )


def misspelt(layers: Sequence[Layer]) -> Iterator[Found]:
    """DS013: Caffe's parser stops there, in whatever state, so every field is reported."""
    for layer in layers:
        for unknown in layer.misspelt:
            yield _misspelt(unknown).found("DS013", layer)


def _misspelt(unknown: UnknownField) -> Broken:
    """A field, or a value of an enum."""
    numbers: dict[str, Number] = {"field": unknown.name, "nearest": unknown.nearest}
    if unknown.value is not None:
        numbers["value"] = unknown.value
    return Broken(
        f"it has {unknown.words}: Caffe stops there{unknown.suggestion}",
        numbers,
        Repair(f"write {unknown.nearest}" if unknown.nearest else "take it out"),
        place=(unknown.line, unknown.column),
        stops=True,
    )


def fillers(net: Net, states: Sequence[NetState]) -> Iterator[Found]:
    """DS016, once a layer and filler: of every layer, whether a model has weights for it or not."""
    reported: set[tuple[int, str]] = set()
    for state in states_apart(net, states):
        analysis = analysed(net, state)
        for layer in analysis.net.layers:
            set_up = analysis.shapes[layer.index]
            for problem in filler_problems(layer, set_up.blobs, set_up.tops):
                if (layer.index, problem.field) not in reported:
                    reported.add((layer.index, problem.field))
                    yield _of_filler(problem).found("DS016", layer)


def _of_filler(problem: FillerProblem) -> Broken:
    """A filler at which Caffe stops, or every Caffe but a known fork."""
    numbers: dict[str, Number] = {"field": problem.field, "type": problem.type}
    near = f"; did you mean {quoted(problem.nearest)}?" if problem.nearest else ""
    return Broken(
        f"{problem.field} {quoted(problem.type)} {problem.words}{near}",
        numbers | {"nearest": problem.nearest} | dict(problem.numbers),
        Repair(problem.repair),
        Severity.NOTE if problem.fork else None,
        stops=not problem.fork and not problem.late,
    )


def phases_differ(net: Net, states: Sequence[NetState]) -> Iterator[Found]:
    """DS019, at the later of the two layers."""
    repair = Repair("set its name up alike everywhere, or give each a name of its own")
    for differs in unlike(net, states).values():
        broken = Broken(differs.words, differs.numbers, repair)
        yield broken.found("DS019", differs.here.layer)


def not_set_up(net: Net, model: Model | None, states: Sequence[NetState]) -> Iterator[Found]:
    """DS020: what makes Caffe stop at a layer, in the first state in which it does.

    Not where sizes do not meet, which is DS015's and is silent where they are not certain; nor
    where a misspelt field, which is DS013's, leaves something out.
    """
    problems: dict[int, tuple[str, bool]] = {}
    for state in states_apart(net, states):
        analysis = analysed(net, state, model)
        for index, shapes in analysis.shapes.items():
            meets = net.layers[index].type in MEETINGS
            problem = shapes.objection if meets else shapes.stops
            problem = problem or analysis.unlike_sharers.get(index)
            if problem is not None:
                problems.setdefault(index, (problem, shapes.late))
    for index, (problem, late) in sorted(problems.items()):
        layer = net.layers[index]
        if (layer.type in BVLC_TYPES or not layer.type) and not layer.misspelt:
            words = f"Caffe would not {'run it' if late else 'set it up'}: {problem}"
            broken = Broken(words, repair=Repair("correct the layer in the net"), stops=not late)
            yield broken.found("DS020", layer)


def refused(net: Net | None, model: Model, states: Sequence[NetState]) -> Iterator[Found]:
    """DS014, once for each thing that is wrong with the file, at the first of its layers."""
    places = {layer.name: layer for layer in reversed(net.layers)} if net else {}
    active = {layer.name for layer in active_layers(net, states)} if net else None
    for oddity in oddities(model):
        if not oddity.refused:
            continue
        layer = next((places[name] for name in oddity.layers if name in places), None)
        one = len(oddity.layers) == 1
        several = "" if one else f" (of {listed([quoted(name) for name in oddity.layers])})"
        finding = Broken(
            oddity.words + (several if oddity.layers else ""),
            {"blobs": oddity.blobs, "layers": oddity.layers, "bytes": model.source.size},
            _reformed(oddity),
            Severity.NOTE if oddity.loads else None,
            (layer.line, layer.column) if layer else None,
            stops=oddity.stops(active),
        ).finding("DS014", None, oddity.layers[0] if one else None)
        yield Found(finding, layer.index if layer and finding.layer is not None else None)


def _reformed(oddity: Oddity) -> Repair:
    if oddity.too_large:
        return Repair(
            "write it as HDF5, which has no such limit", (RepairStep("convert", _AS_HDF5),)
        )
    if oddity.converted:
        return Repair("write it in the form that today's Caffe reads", (RepairStep("convert"),))
    return Repair("no other form repairs that: save it again with the Caffe that wrote it")


_AS_HDF5 = ("--to", "hdf5")
