"""What is to become of the files of pairs that are fixed together, and why they have to stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.inputs.open_inputs import read_net
from deconvsurgery.matching.matched_layer import targets
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.rules.trials import failing, keys
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.wording import listed

from .diff import diff
from .fix_files import differ
from .fix_groups import place_key
from .layer_choice import layer_choice
from .pair_fix import ModelsCompared

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair
    from deconvsurgery.rules.repair_step import RepairStep

    from .check import CheckResult
    from .fix_steps import Files


class FixPlan(NamedTuple):
    """A pair with what was found, what is found afterwards, and where the new files are.

    ``changed`` are the files that become others, by the names that the pair has for them;
    ``reshaped`` the layers of a net without a model whose blobs become others.
    """

    pair: Pair
    before: CheckResult
    after: CheckResult
    steps: tuple[RepairStep, ...]
    files: Files
    made: Files
    changed: Mapping[str, str]
    reshaped: tuple[str, ...]

    @property
    def gone(self) -> tuple[str, ...]:
        """The ids of what is found no more."""
        gone = keys(self.before.findings) - keys(self.after.findings)
        return tuple(sorted({rule for rule, _ in gone}))


def named_files(pair: Pair, files: Files) -> dict[str, str]:
    """Where the pair's files are found, by the names that it has for them."""
    both = zip((pair.net, pair.model), files, strict=True)
    return {name: path for name, path in both if name is not None and path is not None}


def changed_files(pair: Pair, files: Files, made: Files) -> dict[str, str]:
    """The files of a pair that become others, and what they become."""
    there = named_files(pair, files)
    return {
        name: path
        for name, path in named_files(pair, made).items()
        if path != there[name] and differ(there[name], path)
    }


def reshaped_layers(pair: Pair, files: Files, made: Files) -> tuple[str, ...]:
    """The layers of a net without a model whose blobs become others, so that no old model fits."""
    if pair.model is not None or files.net is None or made.net in (files.net, None):
        return ()
    before, after = (_blobs(each.net or "", pair) for each in (files, made))
    return tuple(name for name, blobs in before.items() if after.get(name, blobs) != blobs)


def _blobs(net: str, pair: Pair) -> dict[str, tuple[object, bool]]:
    """The shape of each matched layer's weights, and whether it has a bias."""
    asked, read = pair.checking, read_net(net)
    patterns = asked.pattern or DEFAULT_PATTERNS
    chosen = layer_choice(
        patterns, asked.exclude or (), asked.phase, asked.level, asked.stage or ()
    )
    states = chosen.states(read)
    matched = chosen.selection(read, states, allow_empty=True).matched
    return {
        target.layer.name: (target.shape, target.layer.convolution_param.bias_term)
        for target in targets(read, matched, states, None)
    }


def models_compared(plan: FixPlan) -> ModelsCompared:
    """The model before and after, of a pair in which it changes."""
    assert plan.files.model is not None
    assert plan.made.model is not None
    two = diff(plan.files.model, plan.made.model)
    return ModelsCompared(two.contrast, (two.a_version, two.b_version), (two.a_size, two.b_size))


def conflict(plans: Sequence[FixPlan]) -> str | None:
    """Why pairs that share a file cannot all be fixed: each would make another file of it."""
    made: dict[str, tuple[str, str]] = {}
    for plan in plans:
        for name, path in named_files(plan.pair, plan.made).items():
            first, seen = made.setdefault(place_key(name), (path, name))
            if first != path and differ(first, path):
                pairs = [each.pair.model or each.pair.net or "" for each in plans]
                return (
                    f"{shown(seen)} would become another file for each of"
                    f" {listed([shown(each) for each in dict.fromkeys(pairs)])}: give each its own"
                )
    return None


def worse(plans: Sequence[FixPlan]) -> str | None:
    """Why the new files are not wanted: something is found that was not there, and no note."""
    for plan in plans:
        more = failing(plan.after.findings) - keys(plan.before.findings)
        if plan.steps and more:
            return f"{listed(sorted({rule for rule, _ in more}))} would be broken by it"
    return None
