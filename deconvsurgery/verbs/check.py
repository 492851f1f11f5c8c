"""``check``: every rule held against nets and their models."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from deconvsurgery.arguments import texts
from deconvsurgery.caffemodel.model import Model
from deconvsurgery.errors import ArgumentError, SurgeryError
from deconvsurgery.matching.matched_layer import open_axes
from deconvsurgery.prototxt.net import Net, Phase
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.rules.finding import RULES, Finding, Severity, rules_named
from deconvsurgery.rules.net_suggestions import FindingInText, in_text
from deconvsurgery.rules.repair_chain import PairRepair, tried_repairs
from deconvsurgery.rules.run_rules import WantedRules, judged
from deconvsurgery.rules.trials import Asked
from deconvsurgery.rules.tried_steps import NetAndModel
from deconvsurgery.storage.names_beside import has_record
from deconvsurgery.strict_values.rule_ids import RuleAndLayer, rules_asked
from deconvsurgery.wording import agreed, plural

from .checked_layer import CheckedLayer, checked_layers
from .layer_choice import layer_choice
from .net_or_model import Opened, opened
from .open_and_write import Path
from .pair_fix import PairFix
from .result import Result


class CheckResult(Result):
    """What ``check`` found in a net, or a net and its model; what ``fix`` left.

    Attributes:
        net: the net's path, or its name; ``None`` where only a model was checked.
        model: the model's path, or its name; ``None`` where only a net was checked.
        findings: every rule that is broken, and where, by line.
        matched: the name of each layer that was looked at.
        net_version: the form of the net's layers; ``None`` without a net that can be read.
        model_version: the form of the model; ``None`` without one that can be read.
        model_size: bytes of the model.
        notes: what is unusual about the files, a sentence each.
        error: why it could not be checked, of a pair among several; there are no findings then.
        pictures: what `html_report` draws; ``None`` unless asked for.
        repair: what repairs the pair; ``None`` where no command would.
        ignored: how many more findings comments in the net, or a baseline, say are known.
        fix: what was done to fix it, ``None`` where nothing was; all else is as it is afterwards.
        in_text: of each finding where it stands in the net's text, and which change of the text
            repairs it; ``None`` unless asked for, and for a net that a review could not hold.
        layers: the matched layers, each with its own findings. Those of other layers, of several
            at once and of files are in ``findings`` alone.
    """

    net: str | None
    model: str | None
    findings: tuple[Finding, ...] = ()
    matched: tuple[str, ...] = ()
    net_version: str | None = None
    model_version: str | None = None
    model_size: int | None = None
    notes: tuple[str, ...] = ()
    error: SurgeryError | None = None
    pictures: object | None = None
    repair: PairRepair | None = None
    ignored: int = 0
    fix: PairFix | None = None
    in_text: tuple[FindingInText, ...] | None = None
    layers: tuple[CheckedLayer, ...] = ()

    _verb: ClassVar[str] = "check"

    def _essence(self) -> str:
        files = ", ".join(each for each in (self.net, self.model) if each is not None)
        if self.error is not None:
            return f"{files}: {self.error.message}"
        count = Counter(str(each.level) for each in self.findings)
        counts = ", ".join(plural(number, level) for level, number in count.items())
        fixed = "" if self.fix is None else f"; {self.fix.words}"
        return f"{files}: {counts or 'no findings'}{fixed}"

    @property
    def changed(self) -> bool:
        """Net or model were changed to fix them, or would be."""
        return self.fix is not None

    @property
    def path(self) -> str | None:
        """The model that was written to fix it, or else the net; ``None`` where none was."""
        if self.fix is None or not self.fix.written:
            return None
        return self.fix.model or self.fix.net

    @property
    def looked_at(self) -> bool:
        """Not a file that was passed over for being no net."""
        return bool(self.error or self.net_version or self.model_version)

    @property
    def passed(self) -> bool:
        """Nothing was found but notes, and nothing would have to be fixed first."""
        if self.error is not None or (self.fix is not None and not self.fix.written):
            return False
        return all(each.level is Severity.NOTE for each in self.findings)


def check(
    net: Path | Net | Model | None = None,
    model: Path | Model | None = None,
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
    baseline: Path | Iterable[RuleAndLayer] | None = None,
    pictures: bool = False,
    suggestions: bool = False,
) -> CheckResult:
    """Hold every rule against a net, a model or both.

    Args:
        net: The net, a prototxt (``NET``) or one that was read. Files are told apart by content:
            a model may stand here, alone or before its net.
        model: The model, in any form (``MODEL``), or an open one.
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
        baseline: A file of findings that are known, and do not count (``--baseline``), or they
            themselves by rule and layer.
        pictures: Look at the matched layers' weights, for `html_report`.
        suggestions: Work out ``in_text``.

    Returns:
        What was found; ``passed`` where that is nothing but notes. A finding's ``repair`` and
        that of the pair have their ``commands``; ``fix(net, model)`` carries the latter out.

    Raises:
        SurgeryError: What cannot be read; no layer is matched, unless ``allow_empty``.
        ValueError: A rule, a pattern or a phase that there is not; no rule is left.

    Example:
        >>> import deconvsurgery as ds
        >>> found = ds.check("net.prototxt", "in.caffemodel")
        >>> [(finding.id, finding.layer) for finding in found.findings][0]
        ('DS001', 'upscore2')
        >>> found.findings[0].repair.commands[0][-4:-1]
        ('upscore2', 'net.prototxt', 'in.caffemodel')
    """
    wanted = WantedRules(rules_to_check_by(select, ignore), frozen)
    choice = layer_choice(patterns, exclude, phase, level, stage)
    with opened(net, model) as files:
        read, weights = files.net, files.model
        states = choice.states(files.listed)
        selection = choice.selection(
            files.listed, states, allow_empty=allow_empty, holder=files.holder
        )
        wanted = wanted._replace(known=_known(baseline, files))
        found = judged(read, weights, selection, states, frozen=frozen)
        every = found.findings(wanted.rules)
        counted = wanted.counted(every)
        matched = [row for row in found.rows if row.matched]
        looked_at = None
        if pictures:
            from deconvsurgery.pictures.layer_pictures import row_pictures, surveyed_pictures

            looked_at = surveyed_pictures(matched, row_pictures(matched, read, weights, states))
        asked = Asked(*choice, wanted, notes=bool(select))
        pair = NetAndModel(files.text, read, weights)
        findings, repair = tried_repairs(pair, asked, counted, found.learned)
        result = CheckResult(
            net=files.net_name,
            model=files.model_name,
            findings=findings,
            matched=tuple(layer.name for layer in selection.matched),
            net_version=files.net_version,
            model_version=files.model_version,
            model_size=files.model_size,
            notes=(
                *(words for each in (net, model) for words in _ended(each)),
                *(read.notes if read else ()),
                *open_axes(row.target for row in matched if row.target is not None),
                *found.ignores.notes(
                    wanted.rules, found.rows, states, with_model=weights is not None
                ),
                *_gone(wanted, len(every) - len(counted)),
            ),
            pictures=looked_at,
            repair=repair,
            ignored=sum(each.id in wanted.rules for each in found.ignored)
            + len(every)
            - len(counted),
            layers=checked_layers(found.rows, findings),
            in_text=in_text(findings, pair, asked, found.learned) if suggestions else None,
        )
        return with_file_names(result, files.net_file, files.model_file)


def rules_to_check_by(select: str | Sequence[str], ignore: str | Sequence[str]) -> frozenset[str]:
    """The rules that count; an ``ArgumentError`` for what names none, and where none is left."""
    named = {"select": texts(select, "select"), "ignore": texts(ignore, "ignore")}
    for parameter, ids in named.items():
        try:
            rules_named(ids)
        except ArgumentError as error:
            raise error.replaced(message=f"{parameter}: {error.message}") from None
    return rules_asked(RULES, named["select"], named["ignore"])


def with_file_names(result: CheckResult, net: str | None, model: str | None) -> CheckResult:
    """The result with repairs whose commands name these files."""

    def named(findings: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(
            finding._replace(repair=finding.repair and finding.repair._replace(files=(net, model)))
            for finding in findings
        )

    return result._replace(
        findings=named(result.findings),
        layers=tuple(row._replace(findings=named(row.findings)) for row in result.layers),
        repair=result.repair and result.repair._replace(files=(net, model)),
    )


def _ended(file: object) -> tuple[str, ...]:
    """What to say of a file that a run was replacing with others when it was ended."""
    if not isinstance(file, str | os.PathLike) or not has_record(file):
        return ()
    from deconvsurgery.storage.ended_replacement import ended_words  # few files have a record

    return ended_words(file)


def _known(
    baseline: Path | Iterable[RuleAndLayer] | None, files: Opened
) -> tuple[RuleAndLayer, ...]:
    if baseline is None or not isinstance(baseline, str | os.PathLike):
        return tuple(baseline or ())
    from deconvsurgery.inputs.baseline import read_baseline

    return read_baseline(baseline).known(files.net_name, files.model_name)


def _gone(wanted: WantedRules, met: int) -> Iterator[str]:
    """A note where a baseline has more than was found."""
    gone = sum(rule in wanted.rules for rule, _ in wanted.known) - met
    if gone:
        are = agreed(gone, "is", "are")
        yield f"{plural(gone, 'finding')} of the baseline {are} not there any more"
