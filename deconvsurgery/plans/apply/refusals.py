"""Every reason not to fill a matched layer, in the order in which they are said.

A refusal is a result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.kernels.recipes import recipe
from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.matching.matched_layer import MatchedLayer, filled_with_ones
from deconvsurgery.matching.refusal import Refusal
from deconvsurgery.matching.role import LEAVE_IT_OUT, role_of
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.options.apply import ApplyOptions, Fill
from deconvsurgery.shapes.fillers import bilinear_takes, square_wanted
from deconvsurgery.wording import by, listed

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import SourceLayer
    from deconvsurgery.kernels.bilinear_fill import BilinearFill
    from deconvsurgery.kernels.weight_states import Fingerprint

# What patch-net says, too, of the same cause.
CHANNELS_DIFFER: Final = f"{LEAVE_IT_OUT}; else num_output is wrong"


class _Asked(NamedTuple):
    """What is asked of each reason: a layer, its fill, what its weights are, what is wanted.

    ``stays``: the weights are what they would become, so that the kernel is no reason.
    """

    target: MatchedLayer
    fill: BilinearFill | Refusal
    before: Fingerprint
    options: ApplyOptions
    by_model: Refusal | None
    stays: bool = False


def passed_over(
    before: Fingerprint, weighted: Sequence[SourceLayer], options: ApplyOptions
) -> str | None:
    """Why a layer that could be filled is not to be."""
    if before.state is WeightState.MISSING:
        if not options.create and not weighted:
            return "the model has no weights for it, and `create=False` is given"
        return None
    if options.fill == Fill.ALL or (options.fill == Fill.ZERO and before.state is WeightState.ZERO):
        return None
    return f'its weights are {before.state} (`fill="{options.fill}"`)'


def refusal(
    target: MatchedLayer,
    fill: BilinearFill | Refusal,
    before: Fingerprint,
    options: ApplyOptions,
    by_model: Refusal | None,
    *,
    stays: bool = False,
) -> Refusal | None:
    """The first reason why the layer cannot be filled, or ``None``.

    ``fill`` is the target's, ``before`` what its weights in the model are, ``by_model`` what
    `not_rewritable` says. Weights that are what they would become (``stays``) are not refused for
    their kernel.
    """
    asked = _Asked(target, fill, before, options, by_model, stays)
    return next((found for reason in _REASONS if (found := reason(asked))), None)


def _caffe_refuses(asked: _Asked) -> Refusal | None:
    return Refusal(asked.target.problem) if asked.target.problem else None


def _axes_unknown(asked: _Asked) -> Refusal | None:
    return axes_unknown(asked.target, "the net or the model") if asked.target.axes_open else None


def axes_unknown(target: MatchedLayer, holder: str) -> Refusal:
    """The number of axes decides how many a kernel has; it is not guessed."""
    name = listed([repr(name) for name in dict.fromkeys(target.layer.bottom)])
    return Refusal(
        f"the number of axes of its bottom {name} is not to be found in {holder}",
        hint="give the data layer a shape (input_param), or give kernel_size once for each "
        "spatial axis",
    )


def _channels_unknown(asked: _Asked) -> Refusal | None:
    if asked.target.shape is not None:
        return None
    return Refusal(
        f"the number of channels of its bottom {', '.join(map(repr, asked.target.layer.bottom))} "
        "is not to be found in the net or the model",
        hint="give the data layer a shape (input_param), or a model that has the layer",
    )


def _filler_refuses(asked: _Asked) -> Refusal | None:
    target = asked.target
    filler = target.layer.convolution_param.weight_filler
    if filler is None or filler.type != "bilinear" or bilinear_takes(target.kernel):
        return None
    return Refusal(
        f"Caffe stops at its weight_filler: {square_wanted(target.kernel)}",
        hint="take weight_filler out of the net: the weights come from the model",
    )


def _no_place_for_a_kernel(asked: _Asked) -> Refusal | None:
    target, fill = asked.target, asked.fill
    if not isinstance(fill, Refusal):
        return None
    if target.channels not in (None, target.layer.convolution_param.num_output):
        return fill._replace(hint=CHANNELS_DIFFER)
    return fill


def _model_disagrees(asked: _Asked) -> Refusal | None:
    return asked.by_model


def _nearest(asked: _Asked) -> Refusal | None:
    """Ones with kernel = stride repeat pixels: that was meant, however FCN would fill it."""
    target, state = asked.target, asked.before.state
    if asked.options.any_gain or asked.stays:
        return None
    by_filler = state is WeightState.MISSING and filled_with_ones(target)
    if not by_filler and state is not WeightState.NEAREST:
        return None
    where = "all ones" if target.shape and target.shape[1] == 1 else "ones on the diagonal"
    return Refusal(
        f"it is a nearest-neighbour layer: kernel {by(target.kernel)} = stride, {where}",
        hint=nearest_words(target),
    )


def nearest_words(target: MatchedLayer) -> str:
    """What to do about a layer that repeats pixels; patch-net says the same."""
    otherwise = "`any_gain=True` makes it bilinear all the same"
    return recipe_words(target, otherwise, "`exclude=…` leaves it out; ")


def _gain(asked: _Asked) -> Refusal | None:
    target, fill = asked.target, asked.fill
    if asked.options.any_gain or asked.stays:
        return None
    if isinstance(fill, Refusal) or target.unit_gain(fill):
        return None
    words = gain_remedy(target, "`any_gain=True` fills it as it is", weights=asked.before)
    return Refusal(target.gain_words(fill), hint=words)


def gain_remedy(
    target: MatchedLayer, otherwise: str, repair: str = "", weights: Fingerprint | None = None
) -> str:
    """What to do about a kernel that does not interpolate; patch-net says the same.

    A layer that the net has to be learned gets no recipe: it would lead on to bilinear weights.
    """
    if set(target.stride) != {1}:  # of which the recipe says it
        if role_of(target).learned:
            return f"{LEAVE_IT_OUT}; {otherwise}"
        if role_of(target, weights).learned:
            otherwise = f"{LEAVE_IT_OUT}; {otherwise}"
    return recipe_words(target, otherwise, repair)


def recipe_words(target: MatchedLayer, otherwise: str, repair: str = "") -> str:
    """The geometry that would interpolate at the layer's stride, what sets it, what else to do."""
    if any(step != 1 for step in target.dilation):
        return f"dilation changes what the kernel spans: take it out; {otherwise}"
    if set(target.stride) == {1}:
        return f"stride 1 upsamples nothing: {LEAVE_IT_OUT}; {otherwise}"
    axes = dict.fromkeys(recipe(step) for step in target.stride)
    sizes, steps, pads = (
        by([getattr(each, name) for each in axes]) for name in ("kernel", "stride", "pad")
    )
    return (
        f"bilinear upsampling by {steps} takes kernel_size {sizes}, stride {steps}, pad {pads}; "
        f"{repair}{otherwise}"
    )


_REASONS: Final[tuple[Callable[[_Asked], Refusal | None], ...]] = (
    _caffe_refuses,
    _axes_unknown,
    _channels_unknown,
    _filler_refuses,
    _no_place_for_a_kernel,
    _model_disagrees,
    _nearest,
    _gain,
)
