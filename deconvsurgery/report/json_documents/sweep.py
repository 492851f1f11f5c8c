"""What ``sweep --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict, cast

from deconvsurgery.inputs.settings_keys import SWEPT
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome
from deconvsurgery.sweeping.sweep import ENGINES
from deconvsurgery.sweeping.sweep_result import SweepResult

from .document import SCHEMA_VERSION, Count, Fact, FromOne, SchemaVersion, jsonable

Verb: TypeAlias = Annotated[str, Fact(choices=SWEPT)]
Engine: TypeAlias = Annotated[str, Fact(choices=ENGINES)]
PairOutcome: TypeAlias = Annotated[str, Fact(choices=(RowOutcome.FOUND, RowOutcome.FAILED))]


class RowError(TypedDict):
    """Why a pair failed."""

    kind: str
    """Kind of the error, as in the schema of errors; SurgeryError for one of a worker that was
    killed."""
    message: str
    """What is wrong, and why."""
    hint: str | None
    """What to do about it."""
    file: str | None
    """The file that it is about."""
    layer: str | None
    """The layer that it is about, the first of several."""
    line: FromOne | None
    """Line of the net's text, counted from 1."""
    column: FromOne | None
    """Column in that line, counted from 1."""
    offset: Count | None
    """Byte of the weights file, counted from 0."""


class SweptPair(TypedDict):
    """A pair."""

    net: str | None
    """Its net."""
    model: str | None
    """Its model."""
    output: str | None
    """Where its new model goes."""
    net_output: str | None
    """Where its new net goes."""
    outcome: PairOutcome
    """What became of it."""
    rules: Sequence[str]
    """The rules that it breaks, an id for each finding."""
    error: RowError | None
    """Why it failed; null for one that was found wrong."""


class PairCounts(TypedDict):
    """The pairs counted; each is done, found or failed."""

    total: FromOne
    """All of them."""
    done: Count
    """As they should be."""
    found: Count
    """A check broke a rule."""
    failed: Count
    """They could not be worked on."""
    skipped: Count
    """Of all these, those that an earlier run had settled."""
    repeated: Count
    """Pairs that were named once more; they are counted only here."""


class StoreTraffic(TypedDict):
    """What stores were asked for in this run."""

    requests: Count
    """Requests."""
    read: Count
    """Bytes that came."""
    sent: Count
    """Bytes that went."""
    copied: Count
    """Bytes that a store copied within itself."""


class SweepDocument(TypedDict):
    """What a sweep came to. Each pair's row is in the results file."""

    schema_version: SchemaVersion
    command: Literal["sweep"]
    """The command that wrote the document."""
    config: str
    """The configuration file."""
    verb: Verb
    """What was done with each pair."""
    engine: Engine
    """Where it was done."""
    results: str
    """The file that has a row for each pair, a line of JSON each."""
    passed: bool
    """No pair failed, and nothing was found wrong with any."""
    pairs: PairCounts
    """The pairs counted; each is done, found or failed."""
    rules: Mapping[str, int]
    """By id, how many pairs break each rule; those that none breaks are left out."""
    errors: Mapping[str, int]
    """By kind, how many pairs failed of each error; those that none had are left out."""
    told: Sequence[SweptPair]
    """Pairs that failed or were found wrong, a hundred at most; all are in the results file."""
    unmatched: Sequence[str]
    """Patterns of the configuration file that fit no file."""
    traffic: StoreTraffic
    """What stores were asked for in this run."""


def sweep_document(result: SweepResult) -> SweepDocument:
    """What ``sweep`` came to; each pair's row is in the results file."""
    summary = result.summary
    return jsonable(
        SweepDocument(
            schema_version=SCHEMA_VERSION,
            command="sweep",
            config=result.config,
            verb=result.verb,
            engine=result.engine,
            results=result.results,
            passed=result.passed,
            pairs={
                "total": summary.total,
                "done": summary.outcomes[RowOutcome.DONE],
                "found": summary.outcomes[RowOutcome.FOUND],
                "failed": summary.outcomes[RowOutcome.FAILED],
                "skipped": summary.skipped,
                "repeated": result.repeated,
            },
            rules=dict(sorted(summary.rules.items())),
            errors=dict(sorted(summary.errors.items())),
            told=[_pair(row) for row in result.told],
            unmatched=result.unmatched,
            traffic={
                "requests": summary.requests,
                "read": summary.bytes_read,
                "sent": summary.bytes_sent,
                "copied": summary.bytes_copied,
            },
        )
    )


def _pair(row: PairRow) -> SweptPair:
    return {
        "net": row.net,
        "model": row.model,
        "output": row.output,
        "net_output": row.net_output,
        "outcome": row.outcome,
        "rules": row.rules,
        "error": cast(RowError | None, row.error),
    }
