"""DS011: what net and model disagree on, and what repairs it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.errors import FileError, SurgeryError
from deconvsurgery.matching.compatibility import disagreements
from deconvsurgery.matching.disagreement import Disagreement, Kind
from deconvsurgery.matching.shared_blobs import owners, with_shared
from deconvsurgery.plans.transplant.plan import make_grafting
from deconvsurgery.prototxt.net import Layer, Net, NetState, once
from deconvsurgery.prototxt.selection import DECONVOLUTION, exact_patterns
from deconvsurgery.wording import listed, plural, quoted

from .finding import Broken, Found, Repair, Severity
from .repair_step import RepairStep

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model

_TOGETHER = "see that net and model belong together"
_REFITTED = (Kind.MODEL_LACKS, Kind.BLOBS, Kind.SHAPE)


def mismatched(
    net: Net,
    model: Model,
    states: Sequence[NetState],
    missing: Collection[int | None],
    fillable: Mapping[str, str],
) -> Iterator[Found]:
    """A finding a layer, and one for all that the net lacks; those ``missing`` are DS001's.

    ``missing`` are places in the net; ``fillable`` are layers by name that ``apply`` would fill,
    and patterns that take them.
    """
    found = disagreements(net, model, states)
    whole = with_shared(model, owners(net, states))
    repairs = _transplanted(net, whole, states, found, fillable)
    for mismatch in found:
        lacked = mismatch.kind is Kind.MODEL_LACKS and mismatch.layer_index in missing
        if mismatch.kind not in (Kind.NET_LACKS, Kind.TWICE_IN_NET) and not lacked:
            yield _finding(mismatch, net, repairs, fillable)
    strangers = [mismatch for mismatch in found if mismatch.kind is Kind.NET_LACKS]
    if strangers:
        names = listed([quoted(stranger.layer) for stranger in strangers])
        broken = Broken(
            f"the model has weights for {plural(len(strangers), 'layer')} that the net "
            f"lacks ({names}); Caffe ignores them",
            {"layers": tuple(stranger.layer for stranger in strangers)},
            Repair("rename what was renamed")
            if any(stranger.renamed for stranger in strangers)
            else Repair(_TOGETHER),
        )
        yield Found(broken.finding("DS011", None))


def _transplanted(
    net: Net,
    model: Model,
    states: Sequence[NetState],
    found: Sequence[Disagreement],
    fillable: Mapping[str, str],
) -> Mapping[str, Repair]:
    """The layers that a transplant would put right, by name, and how."""
    wanted = {each.layer for each in found if each.kind in _REFITTED}
    if not wanted:
        return {}
    upsampling = [name for name in fillable if name in wanted]
    try:
        grafting = make_grafting(net, model, states, upsampling=upsampling)
    except FileError:
        raise
    except SurgeryError:
        return {}
    patterns = [part for name in upsampling for part in ("-p", fillable[name])]
    step = RepairStep("transplant", ("--apply", *patterns) if upsampling else ())
    repair = Repair("take over what fits, fill what is missing", (step,))
    left = {graft.layer.name for graft in grafting.layers if graft.left is not None}
    return dict.fromkeys(wanted - left, repair)


def _finding(
    mismatch: Disagreement, net: Net, repairs: Mapping[str, Repair], fillable: Mapping[str, str]
) -> Found:
    filled = fillable.get(mismatch.layer) if mismatch.kind is Kind.MODEL_LACKS else None
    index = mismatch.layer_index
    if mismatch.renamed:
        repair = Repair(f"name it {mismatch.renamed!r} as the model does, or rename it there")
    elif filled:
        repair = Repair("give it bilinear weights", (RepairStep("apply", ("-p", filled)),))
    elif mismatch.group is not None:
        repair = _grouped(mismatch.group, None if index is None else net.layers[index], net)
    elif mismatch.remedy:
        repair = Repair(mismatch.remedy)
    elif mismatch.kind is Kind.TYPE:
        repair = Repair(_TOGETHER)
    elif mismatch.kind is Kind.TWICE_IN_MODEL:
        repair = Repair("save the model again with the Caffe that wrote it")
    else:
        repair = repairs.get(mismatch.layer) or Repair(_TOGETHER)
    broken = Broken(
        mismatch.message,
        mismatch.numbers,
        repair,
        Severity.ERROR if mismatch.stops else None,
        (mismatch.line or 0, 0 if index is None else net.layers[index].column),
        mismatch.stops,
    )
    return Found(broken.finding("DS011", None, mismatch.layer), index)


def _grouped(group: int, layer: Layer | None, net: Net) -> Repair:
    """The group that the model's weights are of; ``patch-net`` writes one for each output."""
    words = f"say group: {group} in the net"
    if layer is None or layer.type != DECONVOLUTION:
        return Repair(words)
    if group != layer.convolution_param.num_output:
        return Repair(words)
    pattern = once(net, "patterns of Deconvolutions", lambda: _patterns(net))[layer.name]
    return Repair(words, (RepairStep("patch-net", ("-p", pattern, "--filler", "keep")),))


def _patterns(net: Net) -> Mapping[str, str]:
    return exact_patterns(each.name for each in net.layers if each.type == DECONVOLUTION)
