"""Is a patched layer one that Caffe's filler makes right? Every reason to refuse it, or to warn.

Values in, values out: a refusal is a result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from deconvsurgery.errors import ShapeError
from deconvsurgery.kernels.bilinear import released_is_off_centre
from deconvsurgery.kernels.bilinear_fill import BilinearFill
from deconvsurgery.matching.matched_layer import Refusal, Target, filled_with_ones
from deconvsurgery.options.patch_net import PatchOptions
from deconvsurgery.plans.apply.refusals import axes_unknown, recipe_words
from deconvsurgery.prototxt.net import Layer, Net, NetState, Phase
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.connections import Fault
from deconvsurgery.shapes.fillers import BILINEAR, bilinear_takes, square_wanted
from deconvsurgery.wording import by, plural

from .field_changes import FieldChange

Changes: TypeAlias = Mapping[int, Sequence[FieldChange]]
"""What changes in each layer, by its index."""

_SHAPING = frozenset({"group", "kernel_size", "kernel_h", "kernel_w"})
_SIZING = frozenset({"kernel_size", "kernel_h", "kernel_w", "pad", "pad_h", "pad_w"})
_RULES = frozenset({"include", "exclude"})
_RATES = frozenset({"lr_mult", "decay_mult", "blobs_lr", "weight_decay"})


@dataclass(frozen=True, slots=True)
class _Case:
    """A matched layer as it was, as it becomes, and how it is set up then."""

    before: Target
    target: Target
    options: PatchOptions

    @property
    def bilinear(self) -> bool:
        """Caffe's filler makes the weights."""
        filler = self.target.layer.convolution_param.weight_filler
        return filler is not None and filler.type == BILINEAR


def refusals(
    before: Mapping[int, Target],
    after: Mapping[int, Target],
    net: Net,
    wanted: Changes,
    options: PatchOptions,
    states: Sequence[NetState],
) -> dict[int, Refusal]:
    """Layers that cannot be patched, by their index; ``net`` is the one patched as ``wanted``.

    Not all of them: one that only another's refused changes may have spoilt is judged again in a
    net without those, so that the caller asks until none is left. Nothing to change is never
    refused, nor a change for what it does not touch.
    """
    found: dict[int, Refusal] = {}
    above: set[int] = set()
    ruled = [index for index, changes in wanted.items() if _touched(changes) & _RULES]
    in_the_way = _in_the_way(net, ruled, states)
    for index, changes in wanted.items():
        case, touched = _Case(before[index], after[index], options), _touched(changes)
        for reason in _REASONS:
            why = reason.find(case) if reason.fields & touched else None
            if why is not None:
                found[index] = why
                if reason.from_above(case):
                    above.add(index)
                break
        else:
            if index in in_the_way:
                found[index] = in_the_way[index]
    certain = found.keys() - above or _uppermost(net, found)
    refused = {index: why for index, why in found.items() if index in certain}
    left = {index: changes for index, changes in wanted.items() if index not in refused}
    return refused | _left_by_a_sharer(net, left) | _frozen_apart(net, left, states)


def _touched(changes: Sequence[FieldChange]) -> set[str]:
    """The fields that change, those of ``convolution_param`` by their own names."""
    paths = (change.path for change in changes)
    return {path[path[0][0] == "convolution_param"][0] for path in paths}


def _uppermost(net: Net, found: Collection[int]) -> set[int]:
    """The layers above which there is none of the others."""
    upper: set[int] = set()
    below: set[str] = set()  # blobs that one of them had a part in
    for layer in net.layers:
        is_below = not below.isdisjoint(layer.bottom)
        if layer.index in found and not is_below:
            upper.add(layer.index)
        if layer.index in found or is_below:
            below.update(layer.top)
        else:
            below.difference_update(layer.top)
    return upper


def _channels_differ(case: _Case) -> Refusal | None:
    """A group for each channel takes as many outputs as channels."""
    outputs = case.target.layer.convolution_param.num_output
    known = case.target if case.before.channels is None else case.before
    if not case.options.group or not outputs or known.channels in (None, outputs):
        return None
    return Refusal(
        f"{plural(known.channels or 0, 'channel')} to num_output {outputs}: a bilinear "
        "kernel keeps channels "
        "apart, so their numbers must be equal",
        hint="a learned layer? -x/--exclude leaves it out; else num_output is wrong",
    )


def _caffe_refuses(case: _Case) -> Refusal | None:
    return Refusal(case.target.problem) if case.target.problem else None


def _axes_unknown(case: _Case) -> Refusal | None:
    """The filler makes weights of four axes only; the net as it was does not say that it has."""
    return axes_unknown(case.before, "the net") if case.bilinear and case.before.axes_open else None


def _channels_unknown(case: _Case) -> Refusal | None:
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
            else "--no-group goes ahead"
        ),
    )


def _not_square(case: _Case) -> Refusal | None:
    """What BilinearFiller checks (filler.hpp): four axes, width equal to height."""
    kernel = case.target.kernel
    if not case.bilinear or bilinear_takes(kernel):
        return None
    return Refusal(
        f"Caffe stops at its filler: {square_wanted(kernel)}",
        hint="--filler keep leaves the filler; apply puts such a kernel into a model",
    )


def _nearest(case: _Case) -> Refusal | None:
    """Ones with kernel = stride repeat pixels: that was meant."""
    if not filled_with_ones(case.before) or not case.bilinear or case.options.any_gain:
        return None
    return Refusal(
        f"it is a nearest-neighbour layer: kernel {by(case.before.kernel)} = stride, filled with "
        "ones",
        hint="-x/--exclude leaves it out; --any-gain makes it bilinear all the same",
    )


def _learned(case: _Case) -> Refusal | None:
    """The recipe of stride 1 is a kernel of 1, which would do nothing."""
    before = case.before
    if not case.options.recipe or case.options.any_gain or set(before.stride) != {1}:
        return None
    return (
        None
        if set(before.kernel) == {1}
        else Refusal(
            f"kernel {by(before.kernel)} at stride 1 upsamples nothing, and --recipe would make it "
            "a kernel of 1",
            hint="a learned layer? -x/--exclude leaves it out; --any-gain goes ahead",
        )
    )


def _beyond_reason(case: _Case) -> Refusal | None:
    if not case.bilinear:
        return None
    try:
        _filling(case.target)
    except ShapeError as error:
        return Refusal(error.message, hint=error.hint)
    return None


def _gain(case: _Case) -> Refusal | None:
    target = case.target
    if case.options.any_gain or not case.bilinear or target.unit_gain(_filling(target)):
        return None
    return Refusal(
        target.gain_words(_filling(target)),
        hint=recipe_words(target, "--any-gain goes ahead as it is", "--recipe sets that; "),
    )


class _Reason(NamedTuple):
    """Why not: a change of any of ``fields`` is refused for it, another one is not.

    ``from_above``: what reaches the layer may be the cause, be it another layer's change.
    """

    find: Callable[[_Case], Refusal | None]
    fields: frozenset[str]
    from_above: Callable[[_Case], bool] = lambda _case: False


_FILLER = frozenset({"weight_filler", "group"})
_KERNEL = frozenset({"weight_filler"}) | _SIZING
_REASONS = (
    _Reason(_channels_differ, _FILLER, lambda case: case.before.channels is None),
    _Reason(
        _caffe_refuses,
        _FILLER | _SIZING | _RULES,
        lambda case: case.before.problem != case.target.problem,
    ),
    _Reason(_axes_unknown, _KERNEL),
    _Reason(_channels_unknown, _FILLER, lambda _case: True),
    _Reason(_learned, _SIZING),
    _Reason(_not_square, _KERNEL),
    _Reason(_nearest, _KERNEL),
    _Reason(_beyond_reason, _KERNEL),
    _Reason(_gain, _KERNEL),
)


def _filling(target: Target) -> BilinearFill:
    """The kernel alone, whatever is unknown of the channels."""
    return BilinearFill((1, 1, *target.kernel), num_output=1, group=1, stride=target.stride)


def _in_the_way(
    net: Net, indices: Collection[int], states: Sequence[NetState]
) -> dict[int, Refusal]:
    """Why layers that are now in every phase would stop Caffe in one, by their index."""
    found: dict[int, Refusal] = {}
    for state in _both_phases(states) if indices else ():
        where = f"in phase {state.phase.name}, without its include and exclude rules"
        made_twice: dict[str, int] = {}  # the position of the first fault of that top
        unmade: dict[int, tuple[int, str]] = {}  # that of a layer's first bottom, and its name
        for position, each in enumerate(analysed(net, state).unjoined):
            if each.fault is Fault.UNKNOWN_BOTTOM:
                unmade.setdefault(each.layer.index, (position, each.blob))
            else:
                made_twice.setdefault(each.blob, position)
        for index in indices:
            tops = [(made_twice[top], top) for top in net.layers[index].top if top in made_twice]
            first = min([*tops, *([unmade[index]] if index in unmade else [])], default=None)
            if first is None or index in found:
                continue
            why = (
                f"its top {first[1]!r} is made by two layers"
                if first in tops
                else f"its bottom {first[1]!r} is made by no layer before it"
            )
            found[index] = Refusal(f"{where}, {why}")
    return found


def _both_phases(states: Sequence[NetState]) -> list[NetState]:
    return list(dict.fromkeys(replace(each, phase=phase) for each in states for phase in Phase))


def _left_by_a_sharer(net: Net, wanted: Changes) -> dict[int, Refusal]:
    """Layers whose weights another has, too, which keeps its old shape: Caffe stops at that."""
    users: dict[tuple[str, int], list[Layer]] = {}
    for layer in net.layers:
        for position, spec in enumerate(layer.param):
            if spec.name:
                users.setdefault((spec.name, position), []).append(layer)
    left: dict[int, Refusal] = {}
    for (param, position), layers in users.items():
        stay = [layer for layer in layers if layer.index not in wanted]
        for layer in layers if stay and not position else ():
            if _touched(wanted.get(layer.index, ())) & _SHAPING:
                left[layer.index] = Refusal(
                    f"shares its weights (param {param!r}) with {stay[0].name!r} (line "
                    f"{stay[0].line}), which is not patched: Caffe stops where shapes differ"
                )
    return left


def _frozen_apart(net: Net, wanted: Changes, states: Sequence[NetState]) -> dict[int, Refusal]:
    """Layers sharing a blob with one that learns it; Caffe wants one rate (``AppendParam``)."""
    found: dict[int, Refusal] = {}
    frozen = {
        index
        for index, changes in wanted.items()
        if any(change.path[-1][0] in _RATES and change.after is not None for change in changes)
    }
    if not frozen:
        return found
    together = _both_phases(states)
    learns: dict[str, dict[NetState, Layer]] = {}  # of each state the last that does
    for layer in net.layers:
        for spec in layer.message.messages("param"):
            if any(spec.number(rate, 0.0) for rate in ("lr_mult", "decay_mult")):
                active = (state for state in together if layer.active(state))
                learns.setdefault(spec.text("name"), {}).update(dict.fromkeys(active, layer))
    for index in sorted(frozen):
        layer = net.layers[index]
        for name in (spec.name for spec in layer.param if spec.name in learns):
            others = [o for state, o in learns[name].items() if layer.active(state)]
            if others:
                other = max(others, key=lambda each: each.index)
                found[index] = Refusal(
                    f"shares a blob (param {name!r}) with {other.name!r} (line {other.line}), "
                    "which keeps its own lr_mult or decay_mult: Caffe stops where these differ"
                )
    return found


# --- what is to be said of a layer that is patched, or right already


def warnings_of(
    before: Target,
    after: Target,
    net: Net,
    wanted: Changes,
    options: PatchOptions,
    namesakes: Iterable[Layer],
) -> Iterator[str]:
    """Where the filler, or the net around the layer, would still not do what is meant.

    ``namesakes`` are layers of its name and type in other states, which stay as they are: one blob
    has to serve them all.
    """
    case = _Case(before, after, options)
    layer, touched = before.layer, _touched(wanted[before.layer.index])
    for reason in _REASONS:
        if not reason.fields & touched and (why := reason.find(case)) is not None:
            yield why.reason  # it was so before, and no change is in vain for it
            break
    if options.group and after.guess:
        yield after.guess
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


def _filler_warnings(target: Target, version: str) -> Iterator[str]:
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
