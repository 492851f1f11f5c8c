"""What may be wrong with one Deconvolution: one small test a rule, in a table.

A test says what is so, with the numbers that prove it and how to fix it, or ``None``. Those of the
weights are in ``weight_rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Final, TypeVar

from deconvsurgery.shapes.placement import HALF, CropFacts, Placement
from deconvsurgery.wording import by

from .finding import RULES, Broken, Finding, Number, Repair, Severity
from .suggest_repairs import drop_bias, enlarge_it, freeze_it, group_it, possible
from .weight_rules import WEIGHT_TESTS

if TYPE_CHECKING:
    from .layer_case import LayerCase

Alike = TypeVar("Alike")


def findings(case: LayerCase) -> tuple[Finding, ...]:
    """Every rule that the layer breaks, in the order of their ids."""
    layer = case.target.layer if case.target else None
    name = case.sources.name
    found = []
    for rule_id, test in TESTS.items():
        if RULES[rule_id].matched_only and not case.matched:
            continue
        broken = test(case)
        if broken is not None:
            broken = broken._replace(repair=possible(broken.repair, case))
            found.append(broken.finding(rule_id, layer, name))
    return tuple(found)


def _misplaced(case: LayerCase) -> Broken | None:
    """DS007, with the numbers that prove it, or ``None``."""
    placed = case.placement
    if placed is None or not case.role.held or set(placed.window.stride) == {1}:
        return None
    if case.target is not None and case.target.problem is not None:
        return None  # DS020: there is no output that could lie anywhere
    wrong = placed.wrong_crop
    if wrong is not None:
        return _wrong_crop(wrong, placed)
    if placed.right:
        return None
    window = placed.window
    size = by([*dict.fromkeys(window.stride)])
    sizes = ", ".join(f"{each:+d}" for each in dict.fromkeys(placed.excess))
    off = max(placed.excess, key=abs)
    rest = "no Crop or other layer takes that off" if off > 0 else "no other layer makes up for it"
    dilation = "" if {*window.dilation} <= {1} else f", dilation {by(window.dilation)}"
    return Broken(
        f"kernel {by(window.kernel)}{dilation}, stride {by(window.stride)} and pad "
        f"{by(window.pad)} make "
        f"{size} times the input {sizes} pixels, {'beginning' if off > 0 else 'cut off'} "
        f"{abs(off) / 2:g} pixel{'' if abs(off) == 2 else 's'} "
        f"{'before' if off > 0 else 'inside'} the edge; {rest}",
        {
            "kernel": window.kernel,
            "stride": window.stride,
            "pad": window.pad,
            "excess": placed.excess,
        },
        enlarge_it(case),
    )


def _wrong_crop(crop: CropFacts, placed: Placement) -> Broken:
    layer = crop.layer
    numbers: dict[str, Number] = {
        "crop": layer.name,
        "offset": crop.given,
        "expected": tuple(None if each is None else float(each) for each in crop.expected),
    }
    place = (layer.line, layer.column)
    named = f"Crop {layer.name!r}"
    if None in crop.expected:
        ratio = " and ".join(dict.fromkeys(_number(each) for each in crop.scale))
        return Broken(
            f"{named} takes it for as fine as its reference, but it is {ratio} times as fine",
            numbers | {"scale": tuple(float(each) for each in crop.scale)},
            Repair("upsample by another factor, or crop to another blob"),
            place=place,
        )
    wanted = _plain(crop.expected)
    if len({*crop.expected}) == 1 and crop.expected[0] is not None:
        near = _offsets(crop.expected[0])
        wanted += f" ({near[0]} and {near[1]} are right)" if len(near) > 1 else ""
    given = by(_alike(crop.given))
    if any(each is not None and each < -HALF for each in crop.expected):
        repair = Repair(f"an offset of {wanted} cannot be: {_other_than_an_offset(crop, placed)}")
    else:
        rounded = " ".join(
            f"offset: {_offsets(offset)[0]}"
            for offset in _alike(crop.expected)
            if offset is not None
        )
        repair = Repair(f"write crop_param {{ axis: 2 {rounded} }} in {named}")
    if crop.fork_stops:
        works = (
            "the forks that read such nets work"
            if crop.forked
            else (f"today's Caffe takes offset {given}, the forks that such nets come from work")
        )
        words = (
            f"{named} has no crop_param: {works} out {_plain(crop.expected)}, and stop, as that is "
            f"{'below 0' if _negative(crop) else 'not whole'}"
        )
    elif crop.silent:
        words = (
            f"{named} has no crop_param: today's Caffe takes offset {given}, where the forks that "
            f"such nets come from work out {wanted}"
        )
    else:
        words = f"{named} has offset {given}, where the coordinates ask for {wanted}"
    return Broken(words, numbers, repair, place=place)


def _other_than_an_offset(crop: CropFacts, placed: Placement) -> str:
    """What makes an offset of one that would have to be below 0."""
    name, pad = placed.layer.name, placed.window.pad
    lacking = [max(0, ceil(-(each or 0) - HALF)) for each in crop.expected]
    more = [have + (each if crop.skip else -each) for have, each in zip(pad, lacking, strict=False)]
    if crop.pads and len(more) == len(pad) and min(more) >= 0:
        return f"pad {by(_alike(tuple(more)))} in {name!r} makes it 0"
    if crop.input:
        return "pad the first layer more"
    return "crop its second bottom to its first instead"


def _negative(crop: CropFacts) -> bool:
    return any(each is not None and each < 0 for each in crop.expected)


def _plain(expected: tuple[Fraction | None, ...]) -> str:
    return "x".join(_number(each) for each in _alike(expected))


def _offsets(expected: Fraction) -> tuple[int, ...]:
    """The whole offsets that are right: nearest, two of them for a half; none is below 0.

    >>> _offsets(Fraction(9, 2)), _offsets(Fraction(14, 3)), _offsets(Fraction(-1, 2))
    ((4, 5), (5,), (0,))
    """
    low, high = ceil(expected - HALF), floor(expected + HALF)
    return tuple(sorted({each for each in (low, high) if each >= 0}))


def _number(value: Fraction | None) -> str:
    return "?" if value is None else f"{float(value):g}"


def _alike(values: tuple[Alike, ...]) -> tuple[Alike, ...]:
    """Once where all are the same."""
    return values[:1] if len(set(values)) == 1 else values


def _filler_without_group(case: LayerCase) -> Broken | None:
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


def _default_bias(case: LayerCase) -> Broken | None:
    if case.target is None or not case.target.layer.line or case.role.learned:
        return None
    if "bias_term" in case.target.layer.message.message("convolution_param"):
        return None
    blobs = case.sources.most_blobs
    return Broken(
        "bias_term is not given and Caffe's default is true",
        {"bias_term": True, "blobs": blobs},
        drop_bias(case),
    )


def _learned(case: LayerCase) -> Broken | None:
    if case.target is None or not case.by_net or (case.role.learned and not case.frozen):
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


_OWN_TESTS: Final[Mapping[str, Callable[[LayerCase], Broken | None]]] = {
    "DS007": _misplaced,
    "DS008": _filler_without_group,
    "DS009": _default_bias,
    "DS010": _learned,
}
TESTS: Final = dict(sorted({**WEIGHT_TESTS, **_OWN_TESTS}.items()))
