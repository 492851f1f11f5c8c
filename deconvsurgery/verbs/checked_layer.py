"""A layer that ``check`` looked at, with what it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.rules.finding import Finding, Severity
from deconvsurgery.wording import row_words

if TYPE_CHECKING:
    from deconvsurgery.rules.survey import LayerRow


class CheckAction(StrEnum):
    """Whether a layer breaks a rule; notes are none that count."""

    PASSED = "passed"
    FOUND = "found"


class CheckedLayer(NamedTuple):
    """A matched layer, with what it breaks.

    Attributes:
        name: the layer's name.
        type: its type, as today's Caffe spells it.
        line: where it begins in the net's text, from 1; ``None`` where no text has it.
        findings: the rules that it breaks, notes among them.
    """

    name: str
    type: str
    line: int | None
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        return row_words(self)

    @property
    def action(self) -> CheckAction:
        """Whether it breaks a rule."""
        return CheckAction.PASSED if self.reason is None else CheckAction.FOUND

    @property
    def reason(self) -> str | None:
        """The first rule that it breaks, and how; ``None`` where there are but notes."""
        broken = (each for each in self.findings if each.level is not Severity.NOTE)
        return next((f"{each.id}: {each.message}" for each in broken), None)


def checked_layers(
    rows: Iterable[LayerRow], findings: Iterable[Finding]
) -> tuple[CheckedLayer, ...]:
    """The matched of the rows, each with those of the findings that are its own."""
    found: dict[tuple[object, ...], list[Finding]] = {}
    for each in findings:
        found.setdefault(_known_by(each), []).append(each)

    def own(row: LayerRow) -> tuple[Finding, ...]:
        # A field that is misspelt a thousand times has as many findings that are known by the same.
        keys = dict.fromkeys(map(_known_by, row.findings))
        return tuple(each for key in keys for each in found.get(key, ()))

    return tuple(
        CheckedLayer(row.name, row.type, row.line, own(row)) for row in rows if row.matched
    )


def _known_by(finding: Finding) -> tuple[object, ...]:
    """What no repair changes."""
    return finding.id, finding.layer, finding.line, finding.message
