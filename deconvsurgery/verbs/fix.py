"""``check --fix``: the chain that repairs a pair carried out, net and model both or neither.

Each pair is checked, the steps of its repair are carried out on copies, what comes of them is
checked again, and only then do the new files take their places, together.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from deconvsurgery.arguments import texts
from deconvsurgery.inputs.settings import Checking, Pair
from deconvsurgery.prototxt.net import Phase
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.strict_values.rule_ids import RuleAndLayer

from .check import CheckResult
from .fix_groups import groups
from .fixed_group import FixedGroup, FixOptions
from .open_and_write import Path


def fix(
    net: Path | None = None,
    model: Path | None = None,
    *,
    into: Path | None = None,
    unsafe: bool = False,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    select: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    frozen: bool = False,
    allow_empty: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    baseline: Path | Iterable[RuleAndLayer] | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> CheckResult:
    """Repair a net, a model or both in place: the files change together, or none does.

    These are the steps that `check` gives as ``repair``, and what ``check --fix`` does.

    Args:
        net: the net's prototxt: a path or URL.
        model: the weights: a path or URL.
        into: a folder for fixed copies (``--fix-into``); without it the files themselves change.
        unsafe: overwrite weights, too, that may have been learned (``--unsafe-fixes``).
        patterns: names of the layers that are meant (``-p``): a text or several. Plain text is
            looked for in the name, ``*``, ``?`` and ``[`` make a glob of the whole name, ``re:``
            begins a regular expression. The default takes every name with "up" in it.
        exclude: names that are left out, in the same forms (``-x``).
        select: ids of the rules that count, or beginnings of ids (``--select``); then notes are
            fixed, too.
        ignore: ids of rules that do not count, or beginnings (``--ignore``).
        frozen: nothing is to be learned: DS010 is an error (``--frozen``).
        allow_empty: no matched layer is no error (``--allow-empty``).
        phase: the phase of the net's state, ``"TRAIN"`` or ``"TEST"`` (``--phase``); without phase,
            level and stage: every phase, at level 0 without stages.
        level: the level of that state (``--level``), 0 if another part is given.
        stage: its stages, a text or several (``--stage``).
        baseline: a file of known findings (``--baseline``), or pairs of rule and layer; these are
            left as they are.
        force: replace files in the folder, and read-only ones (``--force``).
        dry_run: write nothing, and compare what would come of it (``--diff``).

    Returns:
        What is left; its ``fix`` says what was done: the ``rules``, the ``steps`` and the files.

    Raises:
        SurgeryError: the pair cannot be checked or written; then no file was changed.

    >>> import deconvsurgery as ds
    >>> fixed = ds.fix("net.prototxt", "in.caffemodel", dry_run=True)
    >>> [step.verb for step in fixed.fix.steps]
    ['apply']
    """
    checking = Checking(
        pattern=texts(patterns, "patterns"),
        exclude=texts(exclude, "exclude"),
        phase=phase.name.lower() if isinstance(phase, Phase) else phase,
        level=level,
        stage=texts(stage, "stage"),
        select=texts(select, "select"),
        ignore=texts(ignore, "ignore"),
        frozen=frozen,
        allow_empty=allow_empty,
    )
    if isinstance(baseline, str | os.PathLike):
        checking, known = checking._replace(baseline=os.fsdecode(baseline)), None
    else:
        known = None if baseline is None else tuple(baseline)
    given = (None if file is None else os.fsdecode(file) for file in (net, model, into))
    net_name, model_name, folder = given
    options = FixOptions(folder, unsafe, dry_run, force)
    (result,) = fix_pairs([Pair(net_name, model_name, checking, known=known)], options)
    if result.error is not None:
        raise result.error
    return result


def fix_pairs(
    pairs: Sequence[Pair],
    options: FixOptions = FixOptions(),  # noqa: B008 - a value
    *,
    run_files: RunFiles | None = None,
    nets_only: bool = False,
    pictures: bool = False,
) -> list[CheckResult]:
    """Fix each pair as far as its repair does; a result a pair, of what is left, in their order.

    Pairs that share a file are fixed together or not at all. What cannot be checked, or written,
    is a result with an error; files that belong to it are as they were. ``run_files`` are those of
    the run, the pairs' among them, which no copy may replace; ``None``: the pairs' alone.
    """
    results: dict[int, CheckResult] = {}
    if run_files is None:
        run_files = RunFiles()
        for pair in pairs:
            run_files.reads("the net", pair.net)
            run_files.reads("the model", pair.model)
            run_files.reads("the baseline", pair.checking.baseline)
    for numbers in groups(pairs):
        group = FixedGroup(
            [pairs[number] for number in numbers], options, nets_only, pictures, run_files
        )
        results.update(zip(numbers, group.fixed(), strict=True))
    return [results[number] for number in range(len(pairs))]
