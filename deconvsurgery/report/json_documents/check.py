"""What ``check --json`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

from deconvsurgery.report.finding_words import place_of
from deconvsurgery.report.repair_block import repair_block
from deconvsurgery.report.repair_commands import repair_line
from deconvsurgery.rules.finding import RULES, Finding, Severity
from deconvsurgery.verbs.check import CheckResult

from .document import SCHEMA_VERSION, Count, Fact, FromOne, SchemaVersion, jsonable
from .error import error_table
from .versions import ModelVersion, NetVersion

RuleId: TypeAlias = Annotated[str, Fact(choices=tuple(RULES))]


class PairError(TypedDict):
    """An error as every command has it; what it does not know of its place is null."""

    kind: str
    """The error's class, as in deconvsurgery.errors."""
    message: str
    """What is wrong."""
    hint: str | None
    """What to do about it."""
    file: str | None
    """The file it is about."""
    layer: str | None
    """The layer it is about."""
    line: int | None
    """Line in the net's text, from 1."""
    column: int | None
    """Column in the net's text, from 1."""
    offset: int | None
    """Byte in the model, from 0."""


class RepairBlockTable(TypedDict):
    """Commands that repair a pair, each of which reads what those before it wrote."""

    commands: Sequence[Sequence[str]]
    """The commands in their order, each a list of arguments, the program first (what starts it may
    be several: python, -m, deconvsurgery). The last net and the last model have .fixed in their
    names, what lies between has .fixed-1, .fixed-2 and so on."""
    leaves: Sequence[str]
    """Ids of the rules that are broken afterwards."""


class FixedPair(TypedDict):
    """What was done to a pair to fix it, or with --diff would be."""

    rules: Sequence[str]
    """Ids of the rules that are broken no more."""
    net: str | None
    """The net that was changed, or made; null where it stays as it is."""
    model: str | None
    """The model that was changed, or made; null where it stays as it is."""
    written: bool
    """The files are in their places; false with --diff."""
    steps: Sequence[Sequence[str]]
    """What was done, in order: a verb and its options each."""


class CheckedPair(TypedDict):
    """A net with its model, or either of them alone."""

    net: str | None
    """The net's path, - for standard input; null where only a model is checked."""
    model: str | None
    """The model's path, - for standard input; null where only a net is checked."""
    net_version: NetVersion | None
    """Form of the net's layers: V2 (today's), V1 (of 2014) or V0 (of 2013); null without a net
    that can be read."""
    model_version: ModelVersion | None
    """Form of the model: binary with V2, V1 or V0 layers, with both V1 and V2 (mixed) or none
    (empty), or HDF5; null without a model that can be read."""
    model_size: Count | None
    """Size of the model in bytes; null without one."""
    matched: Sequence[str]
    """The layers that the patterns take, to which DS001 to DS010 apply."""
    findings: Count
    """How many of the findings are of this pair."""
    ignored: Count
    """How many more findings comments in the net, or a baseline, leave out."""
    passed: bool
    """It could be checked, and nothing was found but notes."""
    notes: Sequence[str]
    """What is unusual about the net's text, a sentence each."""
    error: PairError | None
    """Why it could not be checked; null where it could."""
    repair: RepairBlockTable | None
    """What repairs all of it that commands can; null where no command does."""
    fix: FixedPair | None
    """What was done to fix it; null where nothing was. All else is as it is afterwards."""


class PairFinding(TypedDict):
    """A rule that is broken, and where."""

    id: RuleId
    """The rule. Ids are never given to another one."""
    name: str
    """The rule's name."""
    severity: Severity
    """How much it matters; a note does not make a check fail."""
    message: str
    """What is so, in one sentence."""
    net: str | None
    """The net of its pair."""
    model: str | None
    """The model of its pair."""
    file: str
    """The file that the finding points at: the net, or the model where the net has no place for
    it."""
    line: FromOne | None
    """Line in the net's text, from 1; null for what has no place there."""
    column: FromOne | None
    """Column in the net's text, from 1."""
    layer: str | None
    """The layer it is about; null for what is true of a file as a whole."""
    stops: bool
    """Caffe ends the process at it."""
    numbers: Mapping[str, Any]
    """What proves it, by name: shapes, gains, offsets. Each rule has its own."""
    repair: str
    """How to fix it, in words."""
    command: str | None
    """The command that fixes it, quoted for a POSIX shell, in $'' what does not show, as bash reads
    it; what it writes has .fixed in its name. Null where none does."""


class CheckSummary(TypedDict):
    """The findings counted."""

    errors: Count
    """Findings that are errors."""
    warnings: Count
    """Findings that are warnings."""
    notes: Count
    """Findings that are notes."""
    rules: Mapping[str, int]
    """By id, how often each rule is broken; those that are not are left out."""


class CheckDocument(TypedDict):
    """What the rules find in nets and models."""

    schema_version: SchemaVersion
    command: Literal["check"]
    """The command that wrote the document."""
    passed: bool
    """Every pair could be checked, and nothing was found but notes."""
    pairs: Sequence[CheckedPair]
    """What was checked, in the order of the command line or the configuration file."""
    findings: Sequence[PairFinding]
    """What was found in all of them: by pair, then by line."""
    summary: CheckSummary
    """The findings counted."""


def check_document(results: Sequence[CheckResult], *, passed: bool) -> CheckDocument:
    """The pairs, and the findings of all of them in one list."""
    found = [(result, finding) for result in results for finding in result.findings]
    count = Counter(finding.level for _, finding in found)
    return jsonable(
        CheckDocument(
            schema_version=SCHEMA_VERSION,
            command="check",
            passed=passed,
            pairs=[_pair(result) for result in results],
            findings=[_finding(result, finding) for result, finding in found],
            summary={
                "errors": count[Severity.ERROR],
                "warnings": count[Severity.WARNING],
                "notes": count[Severity.NOTE],
                "rules": dict(sorted(Counter(finding.id for _, finding in found).items())),
            },
        )
    )


def _pair(result: CheckResult) -> CheckedPair:
    return {
        "net": result.net,
        "model": result.model,
        "net_version": result.net_version,
        "model_version": result.model_version,
        "model_size": result.model_size,
        "matched": result.matched,
        "findings": len(result.findings),
        "ignored": result.ignored,
        "passed": result.passed,
        "notes": result.notes,
        "error": None if result.error is None else PairError(**error_table(result.error)),
        "repair": _repair(result),
        "fix": _fix(result),
    }


def _fix(result: CheckResult) -> FixedPair | None:
    fix = result.fix
    if fix is None:
        return None
    return {
        "rules": fix.rules,
        "net": fix.net,
        "model": fix.model,
        "written": fix.written,
        "steps": [[step.verb, *step.options] for step in fix.steps],
    }


def _repair(result: CheckResult) -> RepairBlockTable | None:
    block = repair_block(result)
    return None if block is None else {"commands": block.commands, "leaves": block.leaves}


def _finding(result: CheckResult, finding: Finding) -> PairFinding:
    file, line, column = place_of(result, finding)
    return {
        "id": finding.id,
        "name": finding.rule.name,
        "severity": finding.level,
        "message": finding.message,
        "net": result.net,
        "model": result.model,
        "file": file,
        "line": line,
        "column": column,
        "layer": finding.layer,
        "stops": finding.stops,
        "numbers": dict(finding.numbers),
        "repair": finding.repair.words if finding.repair else "",
        "command": repair_line(finding, result.net, result.model),
    }
