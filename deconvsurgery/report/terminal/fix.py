"""What ``check --diff`` would change: a net as a unified diff, a model as a table of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from deconvsurgery.verbs.diff import DiffResult
from deconvsurgery.verbs.patch_net import PatchNetResult

from .diff import diff_report
from .net_diff import diff_bytes, text_lines

if TYPE_CHECKING:
    from deconvsurgery.report.phrases import Medium
    from deconvsurgery.verbs.check import CheckResult

    from .line_diff import Touched
    from .sheet import Report

_ALIKE: Final = 3  # lines that show where two texts go on together
_APART: Final = 60  # lines that are looked through for them


def changes_report(results: Sequence[CheckResult], medium: Medium) -> Iterator[Report | bytes]:
    """One for each net and each model that would change; what several pairs share once.

    Off a terminal a net's is bytes, as patch(1) takes them.
    """
    seen: set[str] = set()
    for result in results:
        fix = result.fix
        if fix is None:
            continue
        if fix.texts is not None and fix.net is not None and fix.net not in seen:
            seen.add(fix.net)
            both = _as_patch(result.net or "", fix.net, *fix.texts)
            if medium.terminal:
                from .coloured_diff import diff_page

                yield diff_page(both)
            else:
                yield diff_bytes(both)
        if fix.models is not None and fix.model is not None and fix.model not in seen:
            seen.add(fix.model)
            contrast, versions, sizes = fix.models
            compared = DiffResult(
                contrast, result.model or "", f"{fix.model}, fixed", *versions, *sizes
            )
            yield diff_report(compared, medium, only_changed=True)


def _as_patch(net: str, output: str, before: bytes, after: bytes) -> PatchNetResult:
    touched = tuple(_touched(text_lines(before), text_lines(after)))
    return PatchNetResult((), net, output, before, after, written=False, touched=touched)


def _touched(old: Sequence[str], new: Sequence[str]) -> Iterator[Touched]:
    """What was edited, from lines that differ to where the texts go on together.

    Edits are of single fields, so that is never far.
    """
    starts = [0, *accumulate(map(len, old))]
    at = new_at = 0
    while at < len(old) or new_at < len(new):
        if at < len(old) and new_at < len(new) and old[at] == new[new_at]:
            at, new_at = at + 1, new_at + 1
            continue
        stop, new_stop = _together(old, new, at, new_at)
        yield starts[at], starts[stop], sum(map(len, new[new_at:new_stop]))
        at, new_at = stop, new_stop


def _together(old: Sequence[str], new: Sequence[str], at: int, new_at: int) -> tuple[int, int]:
    """The nearest lines from which on both say the same; their ends where there are none."""
    for both in range(1, 2 * _APART):
        for ahead in range(max(0, both - _APART), min(both, _APART) + 1):
            one, other = at + ahead, new_at + both - ahead
            lines = old[one : one + _ALIKE]
            if lines and lines == new[other : other + _ALIKE]:
                return one, other
    return len(old), len(new)
