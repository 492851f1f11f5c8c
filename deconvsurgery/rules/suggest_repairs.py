"""How to fix what a layer breaks: the commands that do it, or what is to be done by hand."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from deconvsurgery.kernels.recipes import recipe
from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.matching.role import LEAVE_IT_OUT, holds_learned_values
from deconvsurgery.options.apply import ApplyOptions
from deconvsurgery.plans.apply.refusals import refusal
from deconvsurgery.wording import by

from .finding import Repair
from .repair_step import RepairStep, has_option

if TYPE_CHECKING:
    from deconvsurgery.matching.refusal import Refusal

    from .layer_case import LayerCase

_LOST = "apply would overwrite what may have been learned"
# patch-net with nothing but what is asked for.
_NOTHING_ELSE = ("--no-group", "--filler", "keep")


def fill_it(case: LayerCase) -> Repair:
    """Bilinear weights into the layer."""
    words = "give it bilinear weights"
    if case.passed_by:
        return Repair("Caffe loads its weights into another layer: give each a name of its own")
    if case.is_learned:
        return _left_out(case)
    refused = _refusal(case)
    if refused is None:
        return Repair(words, (_apply(case),))
    if can_be_enlarged(case) and case.target and case.target.can_interpolate is False:
        return enlarge_it(case)
    hint = f"; {refused.hint}" if refused.hint else ""
    return Repair(f"apply would refuse it: {refused.reason}{hint}")


def enlarge_it(case: LayerCase) -> Repair:
    """The recipe's kernel and pad into the net; where the kernel changes, new weights, too."""
    target = case.target
    if target is not None and not {*target.dilation} <= {1}:
        return Repair("dilation changes what the kernel spans: take it out")
    if target is None or not can_be_enlarged(case):
        return Repair("no whole kernel and pad interpolate at this stride")
    axes = [recipe(step) for step in target.stride]
    kernel = tuple(axis.kernel for axis in axes)
    words = f"kernel_size {by(kernel)} and pad {by([axis.pad for axis in axes])} are the recipe"
    steps = [RepairStep("patch-net", (*_with_sharers(case), "--recipe", *_NOTHING_ELSE))]
    if case.weights is not None and kernel != target.kernel:
        # New sizes: where the model has the old ones, apply would refuse them.
        grafted = RepairStep("transplant", (*_with_sharers(case), "--apply"))
        steps.append(grafted if case.weighted else _apply(case))
    return Repair(words, tuple(steps))


def group_it(case: LayerCase) -> Repair:
    """One group a channel: in the net, and in the model if it has weights."""
    target = case.target
    if target is None or target.channels not in (None, target.layer.convolution_param.num_output):
        return Repair("its channels are not its outputs: no filler fills it right; use apply")
    words = f"group: {target.layer.convolution_param.num_output} makes the filler right"
    if not case.weighted:
        return Repair(words, (RepairStep("patch-net", _with_sharers(case)),))
    regroup = RepairStep("regroup", _alone(case))
    if case.shared:
        return Repair(f"{words}, in every layer that shares its weights and in the model, by hand")
    if case.unjudged:
        return Repair(f"{words}; the weights in the model are of another shape, as DS011 says")
    if case.state is WeightState.BILINEAR:
        return Repair(words, (regroup,))
    if _refusal(case) is None:
        return Repair(words, (_apply(case), regroup))
    return Repair(f"{words}, and the weights have to be a diagonal for that")


def drop_bias(case: LayerCase) -> Repair:
    """No bias in the net, unless the model brings one."""
    if (case.sources.most_blobs or 0) > 1:
        return Repair("the model has a bias for it: say bias_term: true if it is wanted")
    return Repair(
        "say bias_term: false",
        (RepairStep("patch-net", (*_alone(case), "--no-bias", *_NOTHING_ELSE)),),
    )


def freeze_it(case: LayerCase) -> Repair:
    """A learning rate of 0."""
    return Repair(
        "say lr_mult: 0",
        (RepairStep("patch-net", (*_with_sharers(case), "--freeze", *_NOTHING_ELSE)),),
    )


def _left_out(case: LayerCase) -> Repair:
    """In words: what is learned is not overwritten by a command."""
    if case.state in (None, WeightState.MISSING, WeightState.ZERO):
        return Repair(f"{LEAVE_IT_OUT}; else give it a weight_filler, or take a model that has it")
    return Repair(f"{LEAVE_IT_OUT}; {_LOST}")


def possible(repair: Repair | None, case: LayerCase) -> Repair | None:
    """The repair without commands that would be refused, whatever they are to fix.

    Nothing is done to a layer that is learned: with another filler, rate or bias it would be taken
    for one that interpolates. Nothing can be done to one that Caffe would not set up. Layers of one
    name have one blob in a model: where they are not set up alike no verb writes it. Weights that
    training may have given are not overwritten but where that is asked for.
    """
    if repair is None or not repair.steps or case.target is None:
        return repair
    fills = any(step.verb == "apply" or has_option(step, "--apply") for step in repair.steps)
    if case.is_learned:
        return _left_out(case) if fills else Repair(LEAVE_IT_OUT)
    if case.target.problem is not None:
        return Repair(f"{repair.words}, once Caffe would set the layer up")
    unlike = case.named is not None and case.named.problem is not None
    if unlike and any(step.verb != "patch-net" for step in repair.steps):
        return Repair(f"{repair.words}, once its name is set up alike everywhere")
    if fills and holds_learned_values(case.weights):
        return Repair(f"{repair.words}: {_LOST}; {LEAVE_IT_OUT}", unsafe=repair.steps)
    return repair


def can_be_enlarged(case: LayerCase) -> bool:
    """There is a recipe for its stride, and ``patch-net`` can write it."""
    target = case.target
    return (
        case.by_net
        and target is not None
        and target.problem is None
        and len(target.stride) == 2
        and min(target.stride) > 1
        and set(target.dilation) == {1}
    )


def _refusal(case: LayerCase) -> Refusal | None:
    """Why ``apply`` would not fill it; found out only where something is to be fixed."""
    if case.target is None or case.weights is None or not case.by_net:
        return None
    target = case.named or case.target
    return refusal(target, target.fill(), case.weights, ApplyOptions(), case.unwritable)


def _apply(case: LayerCase) -> RepairStep:
    return RepairStep("apply", _alone(case))


def _alone(case: LayerCase) -> tuple[str, ...]:
    """The options that take the layer and no other."""
    return "-p", case.pattern


def _with_sharers(case: LayerCase) -> tuple[str, ...]:
    """Those that take the layers, too, that share a blob with it: Caffe wants them alike."""
    return _taking(case.patterns)


@lru_cache(maxsize=64)  # the same for all that share a blob
def _taking(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for pattern in patterns for word in ("-p", pattern))
