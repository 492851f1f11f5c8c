"""Rules of what a Deconvolution's weights are, or will be made: DS001 to DS006, DS017, DS018.

A test says what is so, with the numbers that prove it and how to fix it, or ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import TYPE_CHECKING, Final

from deconvsurgery.kernels.formula_names import Formula, KernelSupport
from deconvsurgery.kernels.kernel_axis import apex, released_is_off_centre
from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.matching.refusal import Refusal
from deconvsurgery.options.apply import ApplyOptions
from deconvsurgery.wording import by, plural

from .finding import Broken, Number, Repair, Severity
from .suggest_repairs import enlarge_it, fill_it

if TYPE_CHECKING:
    from .layer_case import LayerCase


def _no_weights(case: LayerCase) -> Broken | None:
    if case.state is not WeightState.MISSING or case.target is None or not case.by_net:
        return None
    filler = case.made_by
    if filler is not None and (filler.type != "constant" or filler.value != 0):
        return None
    return Broken(
        "the model has no weights for it and no weight_filler would make them",
        {"shape": case.target.shape, "values": 0},
        fill_it(case),
    )


def _zero(case: LayerCase) -> Broken | None:
    if case.state is not WeightState.ZERO:
        return None
    repair, biased = fill_it(case), case.adds_a_bias
    if biased and any(step.verb == "apply" for step in repair.steps):
        repair = repair._replace(
            words=f"{repair.words}; with `zero_bias=True` the bias is cleared, too"
        )
    return Broken(
        f"its weights are all zero: {_what_comes_out(biased=biased)}",
        {"values": _values(case), "nonzero": 0},
        repair,
    )


def _what_comes_out(*, biased: bool) -> str:
    """Of a layer whose weights are zero."""
    if biased:
        return "each channel of the output is its bias and nothing else"
    return "the output is black"


def _values(case: LayerCase) -> int:
    return case.blob.count if case.blob else 0


def _not_bilinear(case: LayerCase) -> Broken | None:
    weights = case.weights
    if weights is None or weights.nvidia or case.unjudged:
        return None  # of a blob that is not the layer's DS011 or DS014 says it
    severity = Severity.NOTE if case.is_learned else None
    numbers: dict[str, Number] = {"state": str(weights.state), "distance": weights.distance}
    if weights.state is WeightState.BILINEAR_OFF_DIAGONAL:
        words = "its diagonal is bilinear, but there are weights off it, which mix the channels"
        return Broken(words, numbers, fill_it(case))
    if weights.state is WeightState.CONSTANT:
        words = f"its weights are all {weights.value:g}, not bilinear"
        return Broken(words, numbers | {"value": weights.value}, fill_it(case), severity)
    if weights.state is WeightState.NOT_FINITE:
        words = "its weights are not bilinear: some are not finite numbers"
        return Broken(words, numbers, fill_it(case), severity)
    if weights.state in (WeightState.NEAR_BILINEAR, WeightState.OTHER):
        off = "" if weights.distance is None else f": up to {weights.distance:.4g} off"
        return Broken(f"its weights are not bilinear{off}", numbers, fill_it(case), severity)
    return None


def _every_pair(case: LayerCase) -> Broken | None:
    if case.state is not WeightState.BILINEAR_EVERY_PAIR:
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


def _off_centre(case: LayerCase) -> Broken | None:
    released = case.state is WeightState.BILINEAR_CAFFE_1_0
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


def _off_centre_filler(case: LayerCase) -> Broken | None:
    """A note: the weights are the filler's to make, and only Caffe's master makes them right."""
    if case.target is None or case.weighted or case.filler != "bilinear":
        return None
    if any(not each.fork and each.field == "weight_filler" for each in case.filler_problems()):
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


def _gain(case: LayerCase) -> Broken | None:
    target = case.target
    if target is None or target.shape is None or not case.role.held:
        return None
    formula, support = Formula.FCN, KernelSupport.KERNEL
    if case.weights is not None:
        support = case.weights.support or support
        if case.weights.state is WeightState.BILINEAR_CAFFE_1_0:
            formula = Formula.CAFFE_1_0
    fill = target.fill(ApplyOptions(formula=formula, support=support))
    if isinstance(fill, Refusal) or target.unit_gain(fill):
        return None
    low, high = target.gain_range(fill)
    numbers: dict[str, Number] = {"kernel": target.kernel, "stride": target.stride}
    return Broken(
        target.gain_words(fill), numbers | {"lowest": low, "highest": high}, enlarge_it(case)
    )


def _not_matched(case: LayerCase) -> Broken | None:
    """DS017: DS001 or DS002, of a layer that was not asked for, or of a net whose model is not."""
    if case.matched or case.excluded or not case.is_empty:
        return None
    numbers: dict[str, Number] = {"state": str(case.state) if case.state else None}
    if case.weights is None:
        words = "it is frozen, and no filler makes its weights"
        repair = Repair(f'`patterns="{case.pattern}"` takes it, in apply too')
        return Broken(f"no pattern takes it: {words}", numbers, repair)
    has = (
        "its weights are all zero"
        if case.state is WeightState.ZERO
        else "the model has none for it"
    )
    words = f"no pattern takes it, and {has}: {_what_comes_out(biased=case.adds_a_bias)}"
    return Broken(words, numbers, fill_it(case))


def _not_finite(case: LayerCase) -> Broken | None:
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


WEIGHT_TESTS: Final[Mapping[str, Callable[[LayerCase], Broken | None]]] = {
    "DS001": _no_weights,
    "DS002": _zero,
    "DS003": _not_bilinear,
    "DS004": _every_pair,
    "DS005": _off_centre,
    "DS006": _gain,
    "DS017": _not_matched,
    "DS018": _not_finite,
}
