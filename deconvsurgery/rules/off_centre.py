"""DS007: a Deconvolution's output that does not lie where it should."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

from deconvsurgery.shapes.alignment import HALF, CropFacts
from deconvsurgery.wording import by

from .finding import Broken, Number, Repair
from .layer_under_test import Case
from .suggest_repairs import enlarge_it

Alike = TypeVar("Alike")


def misplaced(case: Case) -> Broken | None:
    """DS007, with the numbers that prove it, or ``None``."""
    placed = case.placement
    if placed is None or not case.interpolates or set(placed.window.stride) == {1}:
        return None
    if case.target is not None and case.target.problem is not None:
        return None  # DS020: there is no output that could lie anywhere
    wrong = placed.wrong_crop
    if wrong is not None:
        return _wrong_crop(wrong)
    if placed.right:
        return None
    window = placed.window
    size = by([*dict.fromkeys(window.stride)])
    sizes = ", ".join(f"{each:+d}" for each in dict.fromkeys(placed.excess))
    off = max(placed.excess, key=abs)
    rest = "no Crop or other layer takes that off" if off > 0 else "no other layer makes up for it"
    return Broken(
        f"kernel {by(window.kernel)}, stride {by(window.stride)} and pad {by(window.pad)} make "
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


def _wrong_crop(crop: CropFacts) -> Broken:
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
    wanted = "x".join(_number(each) for each in _alike(crop.expected))
    if len({*crop.expected}) == 1 and crop.expected[0] is not None:
        near = _offsets(crop.expected[0])
        wanted += f" ({near[0]} and {near[1]} are right)" if len(near) > 1 else ""
    given = by(_alike(crop.given))
    if any(each is not None and each < -HALF for each in crop.expected):
        repair = Repair(f"an offset of {wanted} cannot be: pad the first layer more")
    else:
        rounded = " ".join(
            f"offset: {_offsets(each)[0]}" for each in _alike(crop.expected) if each is not None
        )
        repair = Repair(f"write crop_param {{ axis: 2 {rounded} }} in {named}")
    if crop.silent:
        words = (
            f"{named} has no crop_param: today's Caffe takes offset {given}, where the forks that "
            f"such nets come from work out {wanted}"
        )
    else:
        words = f"{named} has offset {given}, where the coordinates ask for {wanted}"
    return Broken(words, numbers, repair, place=place)


def _offsets(expected: Fraction) -> tuple[int, ...]:
    """The whole offsets that are right: nearest, two of them for a half; none is below 0.

    >>> _offsets(Fraction(9, 2)), _offsets(Fraction(14, 3)), _offsets(Fraction(-1, 2))
    ((4, 5), (5,), (0,))
    """
    low, high = ceil(expected - HALF), floor(expected + HALF)
    return tuple(sorted({each for each in (low, high) if each >= 0}))


def _number(value: Fraction | None) -> str:
    return "?" if value is None else f"{float(value):g}"


def _alike(each: tuple[Alike, ...]) -> tuple[Alike, ...]:
    """Once where all are the same."""
    return each[:1] if len(set(each)) == 1 else each
