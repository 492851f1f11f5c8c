"""What may be wrong with an upsampling layer: stable ids, one small test each, in a table.

Never here: how a finding is shown, or a repair carried out. Geometry through a whole net
(DS007) is not among them yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from .errors import ShapeError
from .fingerprint import Fingerprint, State
from .fit import Options, Target, dims, filling
from .kernels import Formula, Support
from .model import RAW_STORAGE, SourceLayer, Version

CAFFE_LIMIT = 2**31 - 1  # bytes: the reader's limit in Caffe's io.cpp


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a layer breaks: its id, one sentence, and the prototxt's line."""

    id: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A Deconvolution as the rules see it.

    ``weights`` is ``None`` when there is no model; ``target`` is ``None`` when the net has no such
    layer, and made of what the model itself says where there is no net (``by_net`` false).
    ``namesakes`` counts the active layers of its name.
    """

    target: Target | None
    weights: Fingerprint | None
    sources: tuple[SourceLayer, ...] = ()
    namesakes: int = 1
    matched: bool = True
    model_size: int = 0
    by_net: bool = True


def findings(case: Case) -> tuple[Finding, ...]:
    """Every rule that the layer breaks, in the order of their ids."""
    line = case.target.layer.line or None if case.target else None
    found = []
    for rule_id, for_matched_only, rule in RULES:
        if for_matched_only and not case.matched:
            continue
        message = rule(case)
        if message:
            found.append(Finding(rule_id, message, line))
    return tuple(found)


def _state(case: Case) -> State | None:
    return case.weights.state if case.weights else None


def _no_weights(case: Case) -> str | None:
    if _state(case) is not State.MISSING or case.target is None or not case.by_net:
        return None
    filler = case.target.layer.convolution_param.weight_filler
    if filler is not None and (filler.type != "constant" or filler.value != 0):
        return None
    return "the model has no weights for it and no weight_filler would make them"


def _zero(case: Case) -> str | None:
    return "its weights are all zero: the output is black" if _state(case) is State.ZERO else None


def _not_bilinear(case: Case) -> str | None:
    state = _state(case)
    if state is State.BILINEAR_OFF_DIAGONAL:
        return "its diagonal is bilinear, but there are weights off it, which mix the channels"
    if state is State.CONSTANT and case.weights:
        return f"its weights are all {case.weights.value:g}, not bilinear"
    if state in (State.NEAR_BILINEAR, State.OTHER):
        distance = case.weights.distance if case.weights else None
        off = "" if distance is None else f": up to {distance:.4g} off"
        return f"its weights are not bilinear{off}"
    return None


def _every_pair(case: Case) -> str | None:
    if _state(case) is not State.BILINEAR_EVERY_PAIR:
        return None
    return "every (in, out) pair is bilinear: each output is the sum of all inputs"


def _off_centre(case: Case) -> str | None:
    if _state(case) is not State.BILINEAR_CAFFE_1_0:
        return None
    return "its kernel is that of Caffe 1.0's filler, off centre by half a pixel"


def _gain(case: Case) -> str | None:
    if case.target is None or case.target.shape is None or _state(case) is State.NEAREST:
        return None
    formula, support = Formula.FCN, Support.KERNEL
    if case.weights is not None:
        support = case.weights.support or support
        if case.weights.state is State.BILINEAR_CAFFE_1_0:
            formula = Formula.CAFFE_1_0
    try:
        fill = filling(case.target, Options(formula=formula, support=support))
    except ShapeError:
        return None
    return None if case.target.unit_gain(fill) else case.target.gain_words(fill)


def _filler_without_group(case: Case) -> str | None:
    if case.target is None:
        return None
    param = case.target.layer.convolution_param
    filler = param.weight_filler
    if filler is None or filler.type != "bilinear" or param.group == param.num_output:
        return None
    return (
        f"weight_filler bilinear with group {param.group} and num_output {param.num_output} "
        "fills every (in, out) pair: channels are summed"
    )


def _default_bias(case: Case) -> str | None:
    if case.target is None or not case.target.layer.line:
        return None
    given = "bias_term" in case.target.layer.message.message("convolution_param")
    return None if given else "bias_term is not given and Caffe's default is true"


def _learned(case: Case) -> str | None:
    if case.target is None or not case.by_net:
        return None
    param = case.target.layer.param
    lr_mult = param[0].lr_mult if param else 1.0
    return f"lr_mult is {lr_mult:g}: training will change the kernel" if lr_mult else None


def _disagreement(case: Case) -> str | None:
    if case.target is None:
        return "the net has no such layer"
    if case.weights is None or not case.by_net:
        return None
    param, shape = case.target.layer.convolution_param, case.target.shape
    wanted = [shape, *([(param.num_output,)] if param.bias_term else [])]
    for source in case.sources:
        if not source.blobs:
            continue
        if len(source.blobs) != len(wanted):
            return f"the net gives it {len(wanted)} blob(s), the model has {len(source.blobs)}"
        for blob, expected in zip(source.blobs, wanted, strict=True):
            if expected is not None and not blob.fits(expected):
                return f"the net gives it {dims(expected)}, the model has {dims(blob.shape)}"
    return None


def _twice(case: Case) -> str | None:
    if case.namesakes < 2:
        return None
    hdf5 = any(source.version is Version.HDF5 for source in case.sources)
    return (
        f"{case.namesakes} active layers have this name; Caffe loads weights into the "
        f"{'last' if hdf5 else 'first'} only"
    )


def _misspelt(case: Case) -> str | None:
    if case.target is None or not case.target.layer.misspelt:
        return None
    unknown = case.target.layer.misspelt[0]
    near = f"; did you mean {unknown.nearest!r}?" if unknown.nearest else ""
    return f"convolution_param has an unknown field {unknown.name!r} (line {unknown.line}){near}"


def _refused_form(case: Case) -> str | None:
    if case.model_size > CAFFE_LIMIT:
        return f"the model has {case.model_size:,} bytes; Caffe reads up to 2 GiB"
    for source in case.sources:
        for position, blob in enumerate(source.blobs):
            if blob.both_forms:
                return f"blob {position} has both num/channels/height/width and shape"
            if blob.problem:
                return f"blob {position}: {blob.problem}"
            if not blob.count and blob.has_diff:
                return f"blob {position} has values in diff only, which Caffe does not load"
            if blob.storage in RAW_STORAGE.values():
                return (
                    f"blob {position} has its values in {blob.storage}: NVIDIA's and OpenCV's alone"
                )
            if blob.count != prod(blob.shape):
                return f"blob {position} has {blob.count:,} values for shape {dims(blob.shape)}"
    return None


RULES: Sequence[tuple[str, bool, Callable[[Case], str | None]]] = (
    ("DS001", True, _no_weights),
    ("DS002", True, _zero),
    ("DS003", True, _not_bilinear),
    ("DS004", True, _every_pair),
    ("DS005", True, _off_centre),
    ("DS006", True, _gain),
    ("DS008", True, _filler_without_group),
    ("DS009", True, _default_bias),
    ("DS010", True, _learned),
    ("DS011", False, _disagreement),
    ("DS012", False, _twice),
    ("DS013", False, _misspelt),
    ("DS014", False, _refused_form),
)
