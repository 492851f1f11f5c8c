"""``check --fix`` with the arguments that make it do, in one, what a pair's printed commands do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.rules.repair_step import named_path
from deconvsurgery.storage.address import is_url

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Checking, Pair
    from deconvsurgery.verbs.check import CheckResult


def fixes_in_one(
    pairs: Sequence[Pair], results: Sequence[CheckResult], *, with_settings: bool
) -> list[list[str]]:
    """The arguments for each pair; none where it would do something else, or refuse.

    A net without a model gets none ``with_settings``, and no file that another pair has, too: it
    would not fit there any more. What the settings say is put into the options instead.
    """
    used = Counter(_file(name) for pair in pairs for name in _files(pair))
    return [
        _arguments(pair, with_settings=with_settings)
        if _does_the_same(result)
        and not (with_settings and pair.model is None)
        and all(used[_file(name)] == 1 and _can_be_replaced(name) for name in _files(pair))
        else []
        for pair, result in zip(pairs, results, strict=True)
    ]


def _file(name: str) -> str:
    """What the name leads to; a name that no file can have leads nowhere else."""
    try:
        return os.path.realpath(name)
    except ValueError:  # a NUL
        return name


def _files(pair: Pair) -> list[str]:
    return [name for name in (pair.net, pair.model) if name is not None]


def _does_the_same(result: CheckResult) -> bool:
    """It carries the same steps out, keeps what comes of them, and the files keep their form."""
    if result.repair is None or not result.repair.steps or result.fix or result.error:
        return False
    if {*result.repair.leaves} - {finding.id for finding in result.findings}:
        return False
    return all(step.verb != "convert" for step in result.repair.steps)


def _can_be_replaced(name: str) -> bool:
    """A file that may be written, under this name alone, in a folder where others can be made."""
    if name == "-" or is_url(name) or not os.path.isfile(name):
        return False
    folder = os.path.dirname(_file(name))
    writable = os.access(name, os.W_OK) and os.access(folder, os.W_OK | os.X_OK)
    return writable and os.stat(name).st_nlink == 1


def _arguments(pair: Pair, *, with_settings: bool) -> list[str]:
    isolated = ["--isolated"] if with_settings else []
    options = _options(pair.checking)
    return ["check", "--fix", *isolated, *options, *map(named_path, _files(pair))]


def _options(asked: Checking) -> Iterator[str]:
    for option, values in (
        ("-p", asked.pattern),
        ("-x", asked.exclude),
        ("--phase", asked.phase),
        ("--level", asked.level),
        ("--stage", asked.stage),
        ("--select", asked.select),
        ("--ignore", asked.ignore),
        ("--baseline", asked.baseline),
    ):
        if values is not None:
            for value in values if isinstance(values, tuple) else (values,):
                yield from (option, str(value))
    if asked.frozen:
        yield "--frozen"
    if asked.allow_empty:
        yield "--allow-empty"
