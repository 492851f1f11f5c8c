"""What a Deconvolution is for: to interpolate, or to compute what training gave it.

The weights say it where they are known; else the net does: its filler, learning rate, channels and
geometry. Where neither does, the role is unknown, and nobody should act as if it were known.

Facts: 533 layers of published nets. Layers that interpolate have a bilinear filler, or are frozen
without a filler, as FCN's are, which surgery fills; layers that are learned have a random filler,
other channels out than in, stride 1 or a kernel as wide as the stride (U-Net, ENet); each of them
has a bias and a learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.shapes.fillers import BILINEAR, NAMES, meant
from deconvsurgery.wording import by

if TYPE_CHECKING:
    from deconvsurgery.kernels.weight_states import Fingerprint
    from deconvsurgery.prototxt.net import ConvolutionParam, Filler

    from .matched_layer import MatchedLayer


class Role(StrEnum):
    """What a Deconvolution is for."""

    INTERPOLATION = "interpolation"
    LEARNED = "learned"
    UNKNOWN = "unknown"


class RoleFound(NamedTuple):
    """A layer's role, and why: the reason that decides stands first.

    ``held``: it is held to what bilinear weights must be. It is there to interpolate, and not to
    repeat pixels, or its role is unknown and more speaks for that than for a learned layer.
    """

    role: Role
    reasons: tuple[str, ...] = ()
    held: bool = False

    @property
    def learned(self) -> bool:
        """It computes what training gave it: nothing is asked of it that bilinear weights have."""
        return self.role is Role.LEARNED


Clue: TypeAlias = tuple[Role, str]

LEAVE_IT_OUT: Final = "a learned layer? `exclude=…` leaves it out"

_OF_WEIGHTS: Final[Mapping[WeightState, Clue]] = {
    WeightState.BILINEAR: (Role.INTERPOLATION, "its weights are bilinear"),
    WeightState.BILINEAR_CAFFE_1_0: (
        Role.INTERPOLATION,
        "its weights are Caffe 1.0's bilinear ones",
    ),
    WeightState.BILINEAR_EVERY_PAIR: (Role.INTERPOLATION, "its weights are bilinear in every pair"),
    WeightState.BILINEAR_OFF_DIAGONAL: (
        Role.INTERPOLATION,
        "its weights are bilinear on the diagonal",
    ),
    WeightState.NEAR_BILINEAR: (
        Role.INTERPOLATION,
        "its weights are near bilinear ones: fine-tuned",
    ),
    WeightState.NEAREST: (Role.INTERPOLATION, "its weights repeat each pixel: nearest neighbour"),
}
_BY_ITS_FILLER: Final = "its filler makes it repeat each pixel: nearest neighbour"
_REPEATS_PIXELS: Final = frozenset({_OF_WEIGHTS[WeightState.NEAREST][1], _BY_ITS_FILLER})
_RANDOM: Final = frozenset(NAMES) - {"constant", BILINEAR}


def role_of(target: MatchedLayer, weights: Fingerprint | None = None) -> RoleFound:
    """What a layer is for; ``weights`` is what those in the model are, if there is a model."""
    clues = [*_weights_clues(weights), *_net_clues(target)]
    if not clues:
        return RoleFound(Role.UNKNOWN, tuple(_doubts(target)), _is_likely(target, weights))
    role, first = clues[0]
    held = role is Role.INTERPOLATION and first not in _REPEATS_PIXELS
    return RoleFound(role, tuple(words for other, words in clues if other is role), held)


def holds_learned_values(weights: Fingerprint | None) -> bool:
    """Overwriting the weights would lose what training gave: no filler or surgery makes such ones.

    Those that cannot be judged, or of which some are not finite numbers, may hold it.
    """
    if weights is None or weights.nvidia:
        return False
    state = weights.own or weights.state
    return state in (
        WeightState.OTHER,
        WeightState.NEAR_BILINEAR,
        WeightState.NOT_FINITE,
        WeightState.OTHER_SHAPE,
    )


def is_empty(target: MatchedLayer, weights: Fingerprint | None) -> bool:
    """It enlarges, is held to bilinear weights, and has nothing to do it with.

    That is zeros in a model, or no weights there and no filler that makes any; of a net alone, a
    frozen layer without such a filler.
    """
    if target.problem or max(target.stride, default=1) < 2 or not role_of(target, weights).held:
        return False
    # A constant that is not 0 makes no layer that is held to bilinear weights.
    filled = _filler_name(target) not in ("constant", None)
    if weights is None:
        return target.layer.is_frozen and not filled
    return weights.state is WeightState.ZERO or (
        weights.state is WeightState.MISSING and not filled
    )


def filled_by(target: MatchedLayer, filler: Filler | None) -> MatchedLayer:
    """The layer with the filler that makes its weights: the owner's, where it shares memory."""
    param = target.layer.convolution_param._replace(weight_filler=filler)
    return target._replace(layer=target.layer._replace(convolution_param=param))


def _weights_clues(weights: Fingerprint | None) -> Iterator[Clue]:
    if weights is None:
        return
    state = weights.own or weights.state  # of another shape, they are what they are in that one
    if state in _OF_WEIGHTS:
        yield _OF_WEIGHTS[state]
    elif weights.nvidia:
        yield Role.INTERPOLATION, "its weights are those of NVIDIA's bilinear filler"
    elif weights.state is WeightState.OTHER and weights.distance is not None:
        yield Role.LEARNED, "its weights are those of no interpolation"


def _net_clues(target: MatchedLayer) -> Iterator[Clue]:
    """From the surest to the least sure."""
    param = target.layer.convolution_param
    filler = _filler_name(target)
    if filler == BILINEAR:
        yield Role.INTERPOLATION, "its weight_filler is bilinear"
    if filler in _RANDOM and not target.layer.is_frozen:
        yield Role.LEARNED, f"its weight_filler is {filler}, and it is trained"
    if target.channels is not None and param.num_output not in (0, target.channels):
        yield Role.LEARNED, f"it makes {param.num_output} channels of {target.channels}"
    # A deploy net has no filler: what is learned keeps the default bias and learning rate there.
    trained = param.bias_term and not target.layer.is_frozen
    if trained and target.stride and set(target.stride) == {1}:
        yield Role.LEARNED, "its stride is 1: nothing is enlarged"
    if filler not in ("constant", None):
        return
    as_wide = bool(target.stride) and target.kernel == target.stride
    if as_wide and _filler_value(target) and param.group == param.num_output:
        yield Role.INTERPOLATION, _BY_ITS_FILLER
    elif _filler_value(target):
        return
    elif as_wide and trained and not _keeps_apart(param):
        yield Role.LEARNED, f"its kernel is as wide as its stride, {by(target.stride)}"
    elif target.layer.is_frozen and target.kernel_interpolates:
        yield Role.INTERPOLATION, "it is frozen and has no filler: its weights are set by surgery"


def _doubts(target: MatchedLayer) -> Iterator[str]:
    """Why a role stays unknown."""
    if target.problem:
        yield "Caffe would not set it up"
    elif not target.stride:
        yield "its kernel is not known"
    elif target.layer.is_frozen:
        yield "it is frozen, and neither its filler nor its kernel is that of an interpolation"
    else:
        yield "it has no filler, and may be trained or filled by surgery"


def _is_likely(target: MatchedLayer, weights: Fingerprint | None) -> bool:
    """Of a layer without a filler: it is frozen, keeps channels apart, or has no bias.

    So are weights that the model lacks or has as zeros: a learned layer would have some.
    """
    param, unfilled = target.layer.convolution_param, _filler_name(target) in ("constant", None)
    if not unfilled or _filler_value(target):
        return False
    absent = weights is not None and weights.state in (WeightState.MISSING, WeightState.ZERO)
    return absent or target.layer.is_frozen or _keeps_apart(param) or not param.bias_term


def _keeps_apart(param: ConvolutionParam) -> bool:
    """Each channel has a kernel of its own."""
    return param.group == param.num_output > 1


def _filler_name(target: MatchedLayer) -> str | None:
    """The type of its filler, as Caffe spells it where it can; ``None`` without one."""
    filler = target.layer.convolution_param.weight_filler
    return None if filler is None else meant(filler.type)


def _filler_value(target: MatchedLayer) -> float:
    filler = target.layer.convolution_param.weight_filler
    return 0.0 if filler is None else filler.value
