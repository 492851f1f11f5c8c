"""Is one patched layer as Caffe's filler makes it right? Why not, and what to warn of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.errors import ShapeError
from deconvsurgery.kernels.bilinear_fill import BilinearFill
from deconvsurgery.kernels.kernel_axis import released_is_off_centre
from deconvsurgery.matching.matched_layer import MatchedLayer, filled_with_ones
from deconvsurgery.matching.refusal import Refusal
from deconvsurgery.matching.role import LEAVE_IT_OUT, role_of
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.plans.apply.refusals import (
    CHANNELS_DIFFER,
    axes_unknown,
    gain_remedy,
    nearest_words,
)
from deconvsurgery.shapes.fillers import BILINEAR, bilinear_takes, square_wanted
from deconvsurgery.wording import by, plural

from .field_changes import FieldChange

if TYPE_CHECKING:
    from deconvsurgery.options.patch_net import PatchNetOptions
    from deconvsurgery.prototxt.net import Layer, Net

Changes: TypeAlias = Mapping[int, Sequence[FieldChange]]
"""What changes in each layer, by its index."""

RULES = frozenset({"include", "exclude"})
_SIZING = frozenset({"kernel_size", "kernel_h", "kernel_w", "pad", "pad_h", "pad_w"})


class Case(NamedTuple):
    """A matched layer as it was, as it becomes, and how it is set up then."""

    before: MatchedLayer
    target: MatchedLayer
    options: PatchNetOptions

    @property
    def bilinear(self) -> bool:
        """Caffe's filler makes the weights."""
        filler = self.target.layer.convolution_param.weight_filler
        return filler is not None and filler.type == BILINEAR


def touched_fields(changes: Sequence[FieldChange]) -> set[str]:
    """The fields that change, those of ``convolution_param`` by their own names."""
    paths = (change.path for change in changes)
    return {path[path[0][0] == "convolution_param"][0] for path in paths}


def _channels_differ(case: Case) -> Refusal | None:
    """A group for each channel takes as many outputs as channels."""
    outputs = case.target.layer.convolution_param.num_output
    known = case.target if case.before.channels is None else case.before
    if not case.options.group or not outputs or known.channels in (None, outputs):
        return None
    return Refusal(
        f"{plural(known.channels or 0, 'channel')} to num_output {outputs}: a bilinear "
        "kernel keeps channels "
        "apart, so their numbers must be equal",
        hint=CHANNELS_DIFFER,
    )


def _caffe_refuses(case: Case) -> Refusal | None:
    return Refusal(case.target.problem) if case.target.problem else None


def _axes_unknown(case: Case) -> Refusal | None:
    """The filler makes weights of four axes only; the net as it was does not say that it has."""
    return axes_unknown(case.before, "the net") if case.bilinear and case.before.axes_open else None


def _channels_unknown(case: Case) -> Refusal | None:
    target, outputs = case.target, case.target.layer.convolution_param.num_output
    # A guess goes by group = num_output, which so far may only be what we put there.
    guessed = target.guess and case.before.layer.convolution_param.group != outputs
    if not case.options.group or not (target.channels is None or guessed):
        return None
    return Refusal(
        f"the number of channels of its bottom {', '.join(map(repr, target.layer.bottom))} "
        "is not to be found in the net",
        hint="give the data layer a shape (input_param); where you know it, "
        + (
            "set group to num_output by hand, which is believed"
            if outputs > 1  # of group 1 nothing follows
            else "`group=False` goes ahead"
        ),
    )


def _not_square(case: Case) -> Refusal | None:
    """What BilinearFiller checks (filler.hpp): four axes, width equal to height."""
    kernel = case.target.kernel
    if not case.bilinear or bilinear_takes(kernel):
        return None
    return Refusal(
        f"Caffe stops at its filler: {square_wanted(kernel)}",
        hint='`filler="keep"` leaves the filler; apply puts such a kernel into a model',
    )


def _nearest(case: Case) -> Refusal | None:
    """Ones with kernel = stride repeat pixels: that was meant."""
    if not filled_with_ones(case.before) or not case.bilinear or case.options.any_gain:
        return None
    return Refusal(
        f"it is a nearest-neighbour layer: kernel {by(case.before.kernel)} = stride, filled with "
        "ones",
        hint=nearest_words(case.before),
    )


def _learned(case: Case) -> Refusal | None:
    """The recipe of stride 1 is a kernel of 1, which would do nothing."""
    before = case.before
    if not case.options.recipe or case.options.any_gain or set(before.stride) != {1}:
        return None
    return (
        None
        if set(before.kernel) == {1}
        else Refusal(
            f"kernel {by(before.kernel)} at stride 1 upsamples nothing, and `recipe=True` would "
            "make it a kernel of 1",
            hint=f"{LEAVE_IT_OUT}; `any_gain=True` goes ahead",
        )
    )


def _beyond_reason(case: Case) -> Refusal | None:
    if not case.bilinear:
        return None
    try:
        _filling(case.target)
    except ShapeError as error:
        return Refusal(error.message, hint=error.hint)
    return None


def _gain(case: Case) -> Refusal | None:
    target = case.target
    if case.options.any_gain or not case.bilinear or target.unit_gain(_filling(target)):
        return None
    return Refusal(
        target.gain_words(_filling(target)),
        hint=gain_remedy(
            case.before, "`any_gain=True` goes ahead as it is", "`recipe=True` sets that; "
        ),
    )


class Reason(NamedTuple):
    """Why not: a change of any of ``fields`` is refused for it, another one is not.

    ``from_above``: what reaches the layer may be the cause, be it another layer's change.
    """

    find: Callable[[Case], Refusal | None]
    fields: frozenset[str]
    from_above: Callable[[Case], bool] = lambda _case: False


_FILLER = frozenset({"weight_filler", "group"})
_KERNEL = frozenset({"weight_filler"}) | _SIZING
REASONS = (
    Reason(_channels_differ, _FILLER, lambda case: case.before.channels is None),
    Reason(
        _caffe_refuses,
        _FILLER | _SIZING | RULES,
        lambda case: case.before.problem != case.target.problem,
    ),
    Reason(_axes_unknown, _KERNEL),
    Reason(_channels_unknown, _FILLER, lambda _case: True),
    Reason(_learned, _SIZING),
    Reason(_not_square, _KERNEL),
    Reason(_nearest, _KERNEL),
    Reason(_beyond_reason, _KERNEL),
    Reason(_gain, _KERNEL),
)


def _filling(target: MatchedLayer) -> BilinearFill:
    """The kernel alone, whatever is unknown of the channels."""
    return BilinearFill((1, 1, *target.kernel), num_output=1, group=1, stride=target.stride)


def warnings_of(
    before: MatchedLayer,
    after: MatchedLayer,
    net: Net,
    wanted: Changes,
    options: PatchNetOptions,
    namesakes: Iterable[Layer],
) -> Iterator[str]:
    """Where the filler, or the net around the layer, would still not do what is meant.

    ``namesakes`` are layers of its name and type in other states, which stay as they are: one blob
    has to serve them all.
    """
    case = Case(before, after, options)
    layer, touched = before.layer, touched_fields(wanted[before.layer.index])
    for reason in REASONS:
        if not reason.fields & touched and (why := reason.find(case)) is not None:
            yield why.reason  # it was so before, and no change is in vain for it
            break
    if options.group and after.guess:
        yield after.guess
    if touched & (_FILLER | _SIZING) and (found := role_of(before)).learned:
        yield f"{found.reasons[0]}: {LEAVE_IT_OUT}"
    stops = _caffe_refuses(case) or _not_square(case) or _beyond_reason(case)
    if case.bilinear and not stops:
        yield from _filler_warnings(after, net.version)
    if touched & _SIZING:
        yield (
            f"kernel {by(after.kernel)}, stride {by(after.stride)}, pad {by(after.pad)}: its "
            "output has another size and place now; a Crop behind it needs another offset"
        )
    if wanted.get(layer.index):
        yield from (
            f"line {other.line} has a layer of this name, too, which stays as it was; "
            "one blob cannot serve both if their shapes differ"
            for other in namesakes
        )


def _filler_warnings(target: MatchedLayer, version: str) -> Iterator[str]:
    size = target.kernel[0]
    if summing := target.summing_words():
        yield f"the filler {summing}"
    if not target.unit_gain(_filling(target)):
        yield target.gain_words(_filling(target))
    if released_is_off_centre(size):
        yield (
            f"Caffe 1.0's filler is off centre for kernel {size}; today's is right "
            "(BVLC/caffe#5713)"
        )
    if size % 2:
        yield f"the filler of NVIDIA's Caffe 0.16 and 0.17 is wrong for odd kernels ({size})"
    if version == "V1":
        yield "Caffe before March 2015, as V1 nets are written for, has no bilinear filler"
