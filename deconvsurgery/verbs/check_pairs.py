"""``check`` of many nets, or of many nets and their models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from deconvsurgery.arguments import several, texts
from deconvsurgery.errors import NotANetError, SurgeryError
from deconvsurgery.inputs.settings import Checking, Pair
from deconvsurgery.prototxt.net import Phase
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS, name_choice

from .check import CheckResult, check, rules_to_check_by
from .layer_choice import layer_choice
from .open_and_write import Path, passed_over


def check_pairs(
    pairs: Iterable[Path | tuple[Path | None, Path | None]],
    *,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    select: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    frozen: bool = False,
    allow_empty: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    baseline: Path | None = None,
    pictures: bool = False,
    suggestions: bool = False,
    nets_only: bool = False,
) -> Iterator[CheckResult]:
    """Check many nets or pairs, as `check` does one; what cannot be checked ends nothing.

    Args:
        pairs: Each a net, or a net and its model; either of these may be ``None``.
        patterns: The layers that are matched (``-p``): what a name contains, a glob, or ``re:``
            and a regular expression; one or several.
        exclude: Those to leave out (``-x``), in the same forms.
        select: The rules that count (``--select``), by id or the beginning of one; default: all.
        ignore: Those that do not (``--ignore``).
        frozen: Nothing is to be learned (``--frozen``): DS010 is an error.
        allow_empty: A net without a matched layer is no error (``--allow-empty``).
        phase: Only layers that are active in it (``--phase``), a `Phase` or "train", "test".
        level: The level of the net's state (``--level``).
        stage: Stages of the net's state (``--stage``), one or several.
        baseline: A file of findings that are known, and do not count (``--baseline``).
        pictures: Look at the matched layers' weights, for `html_report`.
        suggestions: Work out ``in_text``.
        nets_only: Pass over solvers and templates, with a note (``--nets-only``).

    Returns:
        A result a pair, in their order, each worked out when it is asked for. One that could not
        be checked has its ``error``. For a bar ``tqdm(check_pairs(pairs), total=len(pairs))``.

    Raises:
        TypeError: ``pairs`` is one path.
        ValueError: A rule, a pattern or a phase that there is not; no rule is left.

    Example:
        >>> import deconvsurgery as ds
        >>> pairs = [("net.prototxt", "in.caffemodel"), ("net.prototxt", "lost.caffemodel")]
        >>> for result in ds.check_pairs(pairs):
        ...     print(result.model, result.error or [finding.id for finding in result.findings])
        in.caffemodel ['DS001', 'DS011']
        lost.caffemodel lost.caffemodel: there is no such file
    """
    many = several(pairs, "pairs")
    rules_to_check_by(select, ignore)
    chosen = layer_choice(patterns, exclude, phase, level, stage)
    name_choice(chosen.patterns, chosen.exclude)  # what is wrong with them is no net's fault
    known = None
    if baseline is not None:
        from deconvsurgery.inputs.baseline import read_baseline

        known = read_baseline(baseline)
    checking = Checking(
        pattern=chosen.patterns,
        exclude=chosen.exclude,
        phase=None if chosen.phase is None else chosen.phase.name,
        level=level,
        stage=chosen.stage,
        select=texts(select, "select"),
        ignore=texts(ignore, "ignore"),
        frozen=frozen,
        allow_empty=allow_empty,
    )

    def listed() -> Iterator[Pair]:
        for given in many:
            both = given if isinstance(given, tuple) else (given, None)
            net, model = (None if file is None else os.fsdecode(file) for file in both)
            of_pair = None if known is None else known.known(net, model)
            yield Pair(net, model, checking, known=of_pair)

    return checked(listed(), nets_only=nets_only, pictures=pictures, suggestions=suggestions)


def checked(
    pairs: Iterable[Pair],
    *,
    nets_only: bool = False,
    pictures: bool = False,
    suggestions: bool = False,
) -> Iterator[CheckResult]:
    """One result a pair, in their order; what cannot be checked is a result with an error.

    With ``nets_only``, and where a net was found in a folder, solvers and templates are passed
    over, with a note.
    """
    for pair in pairs:
        wanted = pair.checking
        try:
            yield check(
                pair.net,
                pair.model,
                patterns=wanted.pattern or DEFAULT_PATTERNS,
                exclude=wanted.exclude or (),
                select=wanted.select or (),
                ignore=wanted.ignore or (),
                frozen=bool(wanted.frozen),
                allow_empty=bool(wanted.allow_empty),
                phase=wanted.phase,
                level=wanted.level,
                stage=wanted.stage or (),
                baseline=wanted.baseline if pair.known is None else pair.known,
                pictures=pictures,
                suggestions=suggestions,
            )
        except SurgeryError as error:
            if (nets_only or pair.found) and isinstance(error, NotANetError):
                yield CheckResult(pair.net, pair.model, notes=(passed_over(error),))
            else:
                yield CheckResult(pair.net, pair.model, error=error)
