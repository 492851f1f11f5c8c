"""The options of ``patch-net``."""

from enum import StrEnum
from typing import Final, NamedTuple

from .option import options_of


class NewFiller(StrEnum):
    """The weight_filler that `patch-net` gives a layer, or that it keeps its own."""

    BILINEAR = "bilinear"
    KEEP = "keep"


class PatchNetOptions(NamedTuple):
    """What ``patch-net`` is asked to do."""

    group: bool = True
    filler: NewFiller = NewFiller.BILINEAR
    recipe: bool = False
    no_bias: bool = False
    freeze: bool = False
    strip_include: bool = False
    skip_unfit: bool = False
    any_gain: bool = False


PATCH_NET: Final = options_of(
    PatchNetOptions,
    {
        "group": "Set group to num_output, so that each channel is upsampled alone.",
        "filler": "The weight_filler.",
        "recipe": "Set kernel_size and pad to fit the stride.",
        "no_bias": "Set bias_term: false.",
        "freeze": "Set the learning rate and decay of each blob to 0.",
        "strip_include": "Take out include and exclude rules.",
        "skip_unfit": "Leave layers alone that cannot be patched.",
        "any_gain": "Patch kernels that do not interpolate, too.",
    },
)
