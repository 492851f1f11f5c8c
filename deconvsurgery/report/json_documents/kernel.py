"""What ``kernel --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final, Literal, TypedDict

from deconvsurgery.kernels.formula_names import Formula, KernelSupport
from deconvsurgery.verbs.kernel_facts import KernelFacts

from .document import SCHEMA_VERSION, Count, SchemaVersion, jsonable

# Values of a kernel that a document lists; the taps of a larger one say the same.
MOST_VALUES: Final = 64 * 64


class CentreEntry(TypedDict):
    """Of one axis."""

    mass: float
    """The centre of mass."""
    true: float
    """The middle of the axis."""


class RecipeOfAxis(TypedDict):
    """Of one axis."""

    factor: Count
    """How many times it enlarges."""
    kernel_size: Count
    """Kernel size in pixels."""
    stride: Count
    """Stride in pixels."""
    pad: Count
    """Pixels to cut off each edge."""


class KernelDocument(TypedDict):
    """One bilinear kernel in numbers. Where the axes may differ there is an entry for each."""

    schema_version: SchemaVersion
    command: Literal["kernel"]
    """The command that wrote the document."""
    size: Sequence[int]
    """Kernel size in pixels, one number an axis."""
    stride: Sequence[int]
    """Stride in pixels, one number an axis."""
    formula: Formula
    """Whose arithmetic: FCN's surgery, today's BilinearFiller, or the released one."""
    support: KernelSupport
    """Width of the triangle: from the kernel size, or from the stride."""
    taps: Sequence[Sequence[float]]
    """The kernel along each axis, a weight a pixel; the kernel is the product of its axes."""
    values: Any
    """The whole kernel, a list in a list for each axis; null above 4,096 values."""
    centre: Sequence[CentreEntry]
    """Where the kernel's weight lies, for each axis, in pixels from the middle of the first one."""
    centred: bool
    """On every axis the two agree."""
    gain: Sequence[Sequence[float]]
    """For each axis, the gain of each phase (a position within the stride): the sum of the weights
    that make a pixel of the output there; 1 keeps the brightness."""
    interpolates: bool
    """Every gain is 1."""
    recipe: Sequence[RecipeOfAxis]
    """For each axis, what interpolates at its stride."""


def kernel_document(facts: KernelFacts) -> KernelDocument:
    """A kernel's numbers; an entry an axis where the axes may differ."""
    return jsonable(
        KernelDocument(
            schema_version=SCHEMA_VERSION,
            command="kernel",
            size=facts.size,
            stride=facts.stride,
            formula=facts.formula,
            support=facts.support,
            taps=facts.taps,
            values=facts.values().tolist() if prod(facts.size) <= MOST_VALUES else None,
            centre=[{"mass": centre.mass, "true": centre.true} for centre in facts.centres],
            centred=facts.centred,
            gain=facts.gains,
            interpolates=facts.interpolates,
            recipe=[
                {
                    "factor": recipe.factor,
                    "kernel_size": recipe.kernel,
                    "stride": recipe.stride,
                    "pad": recipe.pad,
                }
                for recipe in facts.recipes
            ],
        )
    )
