"""What may be wrong with one Deconvolution: one small test a rule, in a table.

A test tells what is so, with the numbers that prove it and how to mend it, or ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Final

from deconvsurgery.caffemodel.model import CAFFE_LIMIT, Version
from deconvsurgery.errors import ShapeError
from deconvsurgery.kernels.bilinear import apex, released_is_off_centre
from deconvsurgery.kernels.fingerprint import State
from deconvsurgery.kernels.formula import Formula, Support
from deconvsurgery.matching.matched_layer import filling
from deconvsurgery.options.apply import Options
from deconvsurgery.prototxt.net import Layer, UnknownField
from deconvsurgery.shapes.fillers import FillerProblem, filler_problems
from deconvsurgery.wording import by, plural, quoted

from .finding import (
    RULES,
    Broken,
    Finding,
    Number,
    Repair,
    Severity,
)
from .layer_under_test import Case
from .off_centre import misplaced
from .suggest_repairs import (
    drop_bias,
    enlarge_it,
    fill_it,
    freeze_it,
    group_it,
    possible,
)


def findings(case: Case) -> tuple[Finding, ...]:
    """Every rule that the layer breaks, in the order of their ids."""
    layer = case.target.layer if case.target else None
    name = case.sources.name
    found = []
    for rule_id, test in TESTS.items():
        if RULES[rule_id].matched_only and not case.matched:
            continue
        broken = test(case)
        if broken is not None:
            broken = replace(broken, repair=possible(broken.repair, case))
            found.append(finding(rule_id, broken, layer, name))
    return tuple(found)


def finding(rule_id: str, broken: Broken, layer: Layer | None, name: str | None = None) -> Finding:
    """A broken rule with its place: its own, or the layer's; ``name`` where there is no layer."""
    line, column = broken.place or ((layer.line, layer.column) if layer else (0, 0))
    return Finding(
        rule_id,
        broken.message,
        line or None,
        column or None,
        layer.name if layer else name,
        broken.severity,
        tuple(broken.numbers.items()),
        broken.repair,
    )


def _no_weights(case: Case) -> Broken | None:
    if case.state is not State.MISSING or case.target is None or not case.by_net:
        return None
    filler = case.made_by
    if filler is not None and (filler.type != "constant" or filler.value != 0):
        return None
    return Broken(
        "the model has no weights for it and no weight_filler would make them",
        {"shape": case.target.shape, "values": 0},
        fill_it(case),
    )


def _zero(case: Case) -> Broken | None:
    if case.state is not State.ZERO:
        return None
    return Broken(
        "its weights are all zero: the output is black",
        {"values": _values(case), "nonzero": 0},
        fill_it(case),
    )


def _values(case: Case) -> int:
    return case.blob.count if case.blob else 0


def _not_bilinear(case: Case) -> Broken | None:
    weights = case.weights
    if weights is None or weights.nvidia or case.unjudged:
        return None  # of a blob that is not the layer's DS011 or DS014 says it
    numbers: dict[str, Number] = {"state": str(weights.state), "distance": weights.distance}
    if weights.state is State.BILINEAR_OFF_DIAGONAL:
        words = "its diagonal is bilinear, but there are weights off it, which mix the channels"
        return Broken(words, numbers, fill_it(case))
    if weights.state is State.CONSTANT:
        words = f"its weights are all {weights.value:g}, not bilinear"
        return Broken(words, numbers | {"value": weights.value}, fill_it(case))
    if weights.state is State.NOT_FINITE:
        words = "its weights are not bilinear: some are no finite number"
        return Broken(words, numbers, fill_it(case))
    if weights.state in (State.NEAR_BILINEAR, State.OTHER):
        off = "" if weights.distance is None else f": up to {weights.distance:.4g} off"
        return Broken(f"its weights are not bilinear{off}", numbers, fill_it(case))
    return None


def _every_pair(case: Case) -> Broken | None:
    if case.state is not State.BILINEAR_EVERY_PAIR:
        return None
    inputs = case.target.inputs_an_output if case.target else None
    if case.target is None or inputs == 1:
        return None  # copies of the one channel: nothing is summed
    shape, group = case.target.shape, case.target.layer.convolution_param.group
    summed = "all inputs" if group == 1 else f"the {inputs} inputs of its group"
    return Broken(
        f"every (in, out) pair is bilinear: each output is the sum of {summed}",
        {"shape": shape, "pairs": prod(shape[:2]) if shape else None, "inputs": inputs},
        fill_it(case),
    )


def _off_centre(case: Case) -> Broken | None:
    released = case.state is State.BILINEAR_CAFFE_1_0
    if case.weights is None or not (released or case.weights.nvidia):
        return _off_centre_filler(case)
    kernel = case.target.kernel if case.target else ()
    words = "Caffe 1.0's filler, off centre by half a pixel"
    if case.weights.nvidia:
        words = "the filler of NVIDIA's Caffe 0.16 and 0.17, off centre and too narrow"
    return Broken(
        f"its kernel is that of {words}",
        {
            "kernel": kernel,
            "apex": tuple(apex(size, Formula.CAFFE_1_0) for size in kernel) if released else None,
            "centre": tuple(apex(size) for size in kernel),
        },
        fill_it(case),
    )


def _off_centre_filler(case: Case) -> Broken | None:
    """A note: the weights are the filler's to make, and only Caffe's master makes them right."""
    if case.target is None or case.weighted or case.filler != "bilinear":
        return None
    if any(not each.fork and each.field == "weight_filler" for each in _filler_problems(case)):
        return None  # DS016: nothing is filled
    kernel = case.target.kernel
    if not any(map(released_is_off_centre, kernel)):
        return None
    return Broken(
        f"every released Caffe, up to 1.0, and most forks fill kernel {by(kernel)} off centre by "
        "half a pixel",
        {
            "kernel": kernel,
            "apex": tuple(apex(size, Formula.CAFFE_1_0) for size in kernel),
            "centre": tuple(apex(size) for size in kernel),
        },
        Repair("use Caffe's master (BVLC/caffe#5713), or weights that apply has written"),
        Severity.NOTE,
    )


def _gain(case: Case) -> Broken | None:
    target = case.target
    if target is None or target.shape is None or not case.interpolates:
        return None
    formula, support = Formula.FCN, Support.KERNEL
    if case.weights is not None:
        support = case.weights.support or support
        if case.weights.state is State.BILINEAR_CAFFE_1_0:
            formula = Formula.CAFFE_1_0
    try:
        fill = filling(target, Options(formula=formula, support=support))
    except ShapeError:
        return None
    if target.unit_gain(fill):
        return None
    low, high = target.gain_range(fill)
    numbers: dict[str, Number] = {"kernel": target.kernel, "stride": target.stride}
    return Broken(
        target.gain_words(fill), numbers | {"lowest": low, "highest": high}, enlarge_it(case)
    )


def _filler_without_group(case: Case) -> Broken | None:
    if case.target is None:
        return None
    param = case.target.layer.convolution_param
    summing = case.target.summing_words()
    if case.filler != "bilinear" or summing is None:
        return None
    return Broken(
        f"weight_filler bilinear {summing}",
        {"group": param.group, "num_output": param.num_output},
        group_it(case),
    )


def _default_bias(case: Case) -> Broken | None:
    if case.target is None or not case.target.layer.line:
        return None
    if "bias_term" in case.target.layer.message.message("convolution_param"):
        return None
    blobs = case.sources.most_blobs
    return Broken(
        "bias_term is not given and Caffe's default is true",
        {"bias_term": True, "blobs": blobs},
        drop_bias(case),
    )


def _learned(case: Case) -> Broken | None:
    if case.target is None or not case.by_net:
        return None
    param = case.target.layer.param
    lr_mult = param[0].lr_mult if param else 1.0
    if not lr_mult:
        return None
    return Broken(
        f"lr_mult is {lr_mult:g}: training will change the kernel",
        {"lr_mult": lr_mult},
        freeze_it(case),
        Severity.ERROR if case.frozen else None,
    )


def _disagreement(case: Case) -> Broken | None:
    if case.target is None:
        return Broken("the net has no such layer", {})
    found = case.mismatch
    return None if found is None else Broken(found.message, dict(found.numbers))


def _phases_differ(case: Case) -> Broken | None:
    return None if case.differs is None else Broken(case.differs.words, case.differs.numbers)


def _not_set_up(case: Case) -> Broken | None:
    """What a misspelt field leaves out is DS013's, which says more."""
    target = case.target
    if target is None or target.problem is None or not case.by_net or target.layer.misspelt:
        return None
    return Broken(f"Caffe would not set it up: {target.problem}", {})


def _twice(case: Case) -> Broken | None:
    if case.namesakes < 2:
        return None
    hdf5 = case.sources.of_hdf5
    return Broken(
        f"{case.namesakes} active layers have this name; Caffe loads weights into the "
        f"{'last' if hdf5 else 'first'} only",
        {"layers": case.namesakes},
    )


def _misspelt(case: Case) -> Broken | None:
    if case.target is None or not case.target.layer.misspelt:
        return None
    return misspelt(case.target.layer.misspelt[0])


def misspelt(unknown: UnknownField) -> Broken:
    """DS013: a field, or a value of an enum, at which Caffe's parser stops."""
    numbers: dict[str, Number] = {"field": unknown.name, "nearest": unknown.nearest}
    if unknown.value is not None:
        numbers["value"] = unknown.value
    return Broken(
        f"it has {unknown.words}: Caffe stops there{unknown.suggestion}",
        numbers,
        Repair(f"write {unknown.nearest}" if unknown.nearest else "take it out"),
        place=(unknown.line, unknown.column),
    )


def _filler_stops(case: Case) -> Broken | None:
    return next(map(stopped, _filler_problems(case)), None)


def _filler_problems(case: Case) -> Iterator[FillerProblem]:
    if case.target is None or not case.by_net:
        return
    blobs = (case.target.shape, (case.target.layer.convolution_param.num_output,))
    yield from filler_problems(case.target.layer, blobs)


def stopped(problem: FillerProblem) -> Broken:
    """DS016: a filler at which Caffe stops, or every Caffe but a known fork."""
    numbers: dict[str, Number] = {"field": problem.field, "type": problem.type}
    near = f"; did you mean {quoted(problem.nearest)}?" if problem.nearest else ""
    return Broken(
        f"{problem.field} {quoted(problem.type)} {problem.words}{near}",
        numbers | {"nearest": problem.nearest} | dict(problem.numbers),
        Repair(problem.repair),
        Severity.NOTE if problem.fork else None,
    )


def _refused_form(case: Case) -> Broken | None:
    binary = case.model is not None and case.model.version is not Version.HDF5
    size = case.model.source.size if case.model and binary else 0
    if size > CAFFE_LIMIT:
        return Broken(
            f"the model has {size:,} bytes; Caffe reads up to 2 GiB",
            {"bytes": size},
        )
    if case.sources.refused is not None:
        return Broken(case.sources.refused, {})
    if case.sources.both_forms:
        return Broken("it has blobs with both forms of dims", {}, severity=Severity.NOTE)
    return None


def _not_finite(case: Case) -> Broken | None:
    """Of the weights, and of a bias that the last layer of the name has."""
    if case.weights is None:
        return None
    nan, infinite = case.weights.nan, case.weights.infinite
    bias_nan, bias_infinite = (0, 0) if case.passed_by else case.sources.not_finite_bias
    said = [
        f"{whose} {' and '.join(found)}"
        for whose, found in (
            ("its weights hold", _counted(nan, infinite)),
            ("its bias holds", _counted(bias_nan, bias_infinite)),
        )
        if found
    ]
    if not said:
        return None
    return Broken(
        ", ".join(said),
        {
            "nan": nan,
            "infinite": infinite,
            "values": _values(case),
            "bias_nan": bias_nan,
            "bias_infinite": bias_infinite,
        },
        Repair("its training diverged, or the file is damaged: take an earlier snapshot"),
    )


def _counted(nan: int, infinite: int) -> list[str]:
    """NaN and infinities, as far as there are some."""
    words = (plural(nan, "NaN", "NaN"), plural(infinite, "infinity", "infinities"))
    return [said for count, said in zip((nan, infinite), words, strict=True) if count]


TESTS: Final[Mapping[str, Callable[[Case], Broken | None]]] = {
    "DS001": _no_weights,
    "DS002": _zero,
    "DS003": _not_bilinear,
    "DS004": _every_pair,
    "DS005": _off_centre,
    "DS006": _gain,
    "DS007": misplaced,
    "DS008": _filler_without_group,
    "DS009": _default_bias,
    "DS010": _learned,
    "DS011": _disagreement,
    "DS012": _twice,
    "DS013": _misspelt,
    "DS014": _refused_form,
    "DS016": _filler_stops,
    "DS018": _not_finite,
    "DS019": _phases_differ,
    "DS020": _not_set_up,
}
