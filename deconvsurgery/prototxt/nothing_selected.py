"""The errors for patterns that choose no layer: what there is, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from deconvsurgery.errors import SelectionError
from deconvsurgery.nearest import nearest
from deconvsurgery.wording import listed, quoted

from .net import Layer, Net, NetState
from .selection import DECONVOLUTION, active_layers, match_layers, name_test


def no_such_layer(
    patterns: Sequence[str], names: Sequence[str], where: str = "in either model"
) -> SelectionError:
    """The error for patterns that choose none of the layers that a model holds, or two.

    ``where`` these are follows the word *layer*.
    """
    if not names:
        return SelectionError(f"there is no layer {where}")
    if not patterns or any(name_test(pattern)(name) for pattern in patterns for name in names):
        return SelectionError("every layer is taken out by `exclude=…`")
    asked = listed([quoted(pattern) for pattern in patterns])
    near = _near(patterns, names)
    hint = (
        f"did you mean `patterns={quoted(near)}`?"
        if near
        else f"there is {quoted(names[0])}, for example"
    )
    return SelectionError(f"no layer {where} matches {asked}", hint=hint)


# Of how many patterns and names are compared, letter by letter, to say what was meant.
_MOST_MEANT, _MOST_NEAR = 10, 1000


def _near(patterns: Sequence[str], names: Sequence[str]) -> str | None:
    """The name that one of the first patterns may have meant."""
    plain = [pattern for pattern in patterns if not pattern.startswith("re:")][:_MOST_MEANT]
    some = names[:_MOST_NEAR]
    return next((name for each in plain if (name := nearest(each, some, 0.5))), None)


_MISSPELT: Final = 0.88  # of a type's letters; Convolution has less in common


def _misspelt_type(layers: Sequence[Layer]) -> Layer | None:
    """The first layer whose type may mean Deconvolution, by what Caffe takes for another one."""
    types = dict.fromkeys(layer.type for layer in layers[:_MOST_NEAR])
    near = nearest(DECONVOLUTION, types, _MISSPELT)
    return next((layer for layer in layers if layer.type == near), None)


def nothing_matched(
    net: Net,
    patterns: Sequence[str],
    states: Iterable[NetState],
    exclude: Sequence[str] = (),
    holder: str = "the net",
    *,
    can_be_empty: bool = False,
) -> SelectionError:
    """The error for patterns that fit no Deconvolution.

    ``can_be_empty``: the caller has an option that makes it none.
    """
    active = active_layers(net, states)
    names = list(dict.fromkeys(layer.name for layer in active if layer.type == DECONVOLUTION))
    asked = listed([quoted(pattern) for pattern in patterns]) or "nothing"
    if not names:
        inactive = [layer for layer in net.layers if layer.type == DECONVOLUTION]
        hint = (
            "its Deconvolution layers are active in another phase, stage or level; see `phase=…`"
            if inactive
            else "with `allow_empty=True` that is no error"
            if can_be_empty
            else "inspect `every_layer=True` shows the layers that it has"
        )
        meant = None if inactive else _misspelt_type(active)
        if meant is not None:
            kind = quoted(meant.type)
            hint = f"line {meant.line} has the type {kind}; is {quoted(DECONVOLUTION)} meant?"
        where = " that is active" if inactive else ""
        return SelectionError(f"{holder} has no Deconvolution layer{where}", hint=hint)
    shown = ", ".join(quoted(name) for name in names[:12]) + (", …" if len(names) > 12 else "")
    near = _near(patterns, names)
    if exclude and match_layers(net, patterns, (), states).matched:
        hint = "every layer that fits is taken out again by `exclude=…`"
    elif near:
        hint = f"did you mean `patterns={quoted(near)}`? "
        hint += "`patterns='*'` takes every Deconvolution layer"
    else:
        hint = f"`patterns={quoted(names[0])}` takes the first of them, `patterns='*'` takes all"
    return SelectionError(
        f"no Deconvolution layer matches {asked}; {holder} has {shown}", hint=hint
    )
