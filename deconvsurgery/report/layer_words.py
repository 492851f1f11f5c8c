"""Layers in words: their groups and windows as tables have them, and those that are left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.wording import agreed, plural

from .phrases import NOTHING, Medium, name_of, size

if TYPE_CHECKING:
    from deconvsurgery.matching.matched_layer import MatchedLayer

_MOST_LEFT_ALONE: Final = 5


def window_words(target: MatchedLayer | None) -> dict[str, str]:
    """A Deconvolution's groups and window, by the heading of their column."""
    if target is None:
        return dict.fromkeys(("group", "kernel", "stride", "pad", "stride/pad"), NOTHING)
    stride, pad = size(target.stride), size(target.pad)
    return {
        "group": f"{target.layer.convolution_param.group:,}",
        "kernel": size(target.kernel),
        "stride": stride,
        "pad": pad,
        "stride/pad": f"{stride}/{pad}",
    }


def left_alone_words(layers: Sequence[tuple[str, str]], medium: Medium) -> str:
    """How many layers of another type fit the patterns, and the first by name and type."""
    verb = agreed(len(layers), "fits", "fit")
    return f"{plural(len(layers), 'layer')} of another type {verb}: {other_layers(layers, medium)}"


def other_layers(layers: Sequence[tuple[str, str]], medium: Medium) -> str:
    """The first of some layers by name and type, and how many more there are."""
    named = [
        f"{name_of(name, medium)} ({name_of(kind, medium)})"
        for name, kind in layers[:_MOST_LEFT_ALONE]
    ]
    more = len(layers) - len(named)
    return ", ".join([*named, f"+{more:,}"] if more else named)
