"""What a finding is, and the table of rules: stable ids, names, severities, never reused.

Each rule has a page beside this file, in ``explained``: what it finds, why that matters, how to
fix it, a net that breaks it and one that does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.strict_values.rule_ids import rules_among
from deconvsurgery.wording import one_line

from .repair_step import RepairStep, commands

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer


class Severity(StrEnum):
    """How much a finding matters; a note does not make a check fail."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class CheckRule(NamedTuple):
    """A rule by its stable ``id``: its name, what it finds, how much that matters as a rule.

    ``matched_only``: it is held against layers that the patterns take, not against all.
    """

    id: str
    name: str
    summary: str
    severity: Severity
    matched_only: bool = False


_MATCHED: Final = (
    CheckRule(
        "DS001",
        "no-weights",
        "a matched layer has no weights in the model and no filler that would make them",
        Severity.ERROR,
    ),
    CheckRule("DS002", "zero-weights", "weights are all zero", Severity.ERROR),
    CheckRule("DS003", "not-bilinear", "weights are not bilinear", Severity.WARNING),
    CheckRule(
        "DS004",
        "every-pair",
        "weights are bilinear in every (in, out) pair: channels are summed",
        Severity.ERROR,
    ),
    CheckRule(
        "DS005",
        "off-centre",
        "the kernel is off centre: an older filler made it, or would make it",
        Severity.WARNING,
    ),
    CheckRule("DS006", "gain", "the gain per phase is not 1 at this stride", Severity.ERROR),
    CheckRule(
        "DS007",
        "misplaced",
        "pad does not centre the output, and no later layer corrects it",
        Severity.WARNING,
    ),
    CheckRule(
        "DS008",
        "filler-without-group",
        "the weight_filler is bilinear, but group is not num_output: channels are summed",
        Severity.WARNING,
    ),
    CheckRule(
        "DS009",
        "default-bias",
        "bias_term is left at its default, true, on an upsampling layer",
        Severity.WARNING,
    ),
    CheckRule(
        "DS010", "learned", "lr_mult is not 0: training will change the kernel", Severity.NOTE
    ),
)
_EVERY_LAYER: Final = (
    CheckRule(
        "DS011",
        "mismatch",
        "net and model do not fit: a shape, a number of blobs, or a name that one of them lacks",
        Severity.WARNING,
    ),
    CheckRule("DS012", "twice", "a name occurs twice among active layers", Severity.WARNING),
    CheckRule(
        "DS013",
        "misspelt",
        "Caffe does not know a field, or a value of an enum; it may be misspelt",
        Severity.ERROR,
    ),
    CheckRule("DS014", "refused-form", "the model is in a form that Caffe refuses", Severity.ERROR),
    CheckRule(
        "DS015",
        "unmet",
        "bottoms that do not fit each other, a bottom that no layer makes, or a top made twice",
        Severity.ERROR,
    ),
    CheckRule("DS016", "filler", "a filler that stops Caffe", Severity.ERROR),
    CheckRule(
        "DS017",
        "not-matched",
        "an upsampling layer has no weights to interpolate with, and no pattern selects it",
        Severity.NOTE,
    ),
    CheckRule("DS018", "not-finite", "weights are NaN or infinite", Severity.NOTE),
    CheckRule(
        "DS019",
        "phases-differ",
        "layers of one name have different blobs in different phases or stages",
        Severity.ERROR,
    ),
    CheckRule(
        "DS020",
        "not-set-up",
        "Caffe stops when it sets up the layer, and no other rule reports it",
        Severity.ERROR,
    ),
)
RULES: Final[Mapping[str, CheckRule]] = MappingProxyType(
    {rule.id: rule._replace(matched_only=True) for rule in _MATCHED}
    | {rule.id: rule for rule in _EVERY_LAYER}
)
# Without a place in the net they are about the model.
_ABOUT_MODEL: Final = ("DS011", "DS014")


def explanation(rule: str) -> str:
    """A rule's page in Markdown; ``KeyError`` for an id that does not exist."""
    page = os.path.join(os.path.dirname(__file__), "explained", f"{RULES[rule].id}.md")
    with open(page, encoding="utf-8") as words:
        return words.read()


def rules_named(texts: Iterable[str]) -> frozenset[str]:
    """The ids that the texts name: an id, the beginning of some, several with commas between.

    >>> sorted(rules_named(["DS013", "ds00"])) == sorted(RULES)[:9] + ["DS013"]
    True

    Raises ``ArgumentError`` for what names none.
    """
    return rules_among(RULES, texts)


Number: TypeAlias = str | bool | int | float | tuple["Number", ...] | None
"""What proves a finding: a number, a shape, a list of gains."""


NetAndModelNames: TypeAlias = tuple[str | None, str | None]


class Repair(NamedTuple):
    """How to fix it: in words, and the commands that do it, if any do.

    ``unsafe`` are commands that would fix it, and lose values that may have been learned.
    ``files`` are the names of the net and the model that were checked, as far as they are known.
    """

    words: str
    steps: tuple[RepairStep, ...] = ()
    unsafe: tuple[RepairStep, ...] = ()
    files: NetAndModelNames = (None, None)

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The steps with file names, each as its arguments; the first one is the program.

        Each reads what the one before has written; new files are named NAME.fixed.prototxt,
        NAME.fixed.caffemodel. Empty where no command fixes it, and where a file has no name.
        """
        return commands(self.steps, *self.files)


class Finding(NamedTuple):
    """A rule that is broken: its id, one sentence, and the prototxt's place (both count from 1).

    ``severity`` is ``None`` where it is the rule's own. ``numbers`` prove the finding, by name;
    ``layer`` is ``None`` for what a file as a whole breaks. ``stops``: Caffe ends there.
    """

    id: str
    message: str
    line: int | None = None
    column: int | None = None
    layer: str | None = None
    severity: Severity | None = None
    numbers: tuple[tuple[str, Number], ...] = ()
    repair: Repair | None = None
    stops: bool = False

    def __repr__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        layer = "" if self.layer is None else f" {self.layer}"
        said = f"{self.id} {self.level}{layer}{line}: {self.message}"
        return f"<{type(self).__name__} {one_line(said)}>"

    @property
    def key(self) -> tuple[str, str | None]:
        """Its rule and its layer: what it is known by where lines move."""
        return self.id, self.layer

    @property
    def rule(self) -> CheckRule:
        """The rule that is broken."""
        return RULES[self.id]

    @property
    def level(self) -> Severity:
        """How much it matters."""
        return self.severity or self.rule.severity

    @property
    def about(self) -> Literal["net", "model"]:
        """The file that it is about."""
        return "model" if self.line is None and self.id in _ABOUT_MODEL else "net"


class Found(NamedTuple):
    """A finding and the place in the net of the layer that it is about, ``None`` without one."""

    finding: Finding
    layer_index: int | None = None


class Broken(NamedTuple):
    """What the test of a rule found: one sentence, the numbers that prove it, how to fix it.

    ``severity`` and the place are ``None`` where they are the rule's own and the layer's.
    ``stops``: Caffe ends there.
    """

    message: str
    numbers: Mapping[str, Number] = MappingProxyType({})
    repair: Repair | None = None
    severity: Severity | None = None
    place: tuple[int, int] | None = None
    stops: bool = False

    def finding(self, rule: str, layer: Layer | None, name: str | None = None) -> Finding:
        """It with its place: its own, or the layer's; ``name`` where there is no layer."""
        line, column = self.place or ((layer.line, layer.column) if layer else (0, 0))
        return Finding(
            rule,
            self.message,
            line or None,
            column or None,
            layer.name if layer else name,
            self.severity,
            tuple(self.numbers.items()),
            self.repair,
            self.stops,
        )

    def found(self, rule: str, layer: Layer) -> Found:
        """It as what a layer of the net breaks."""
        return Found(self.finding(rule, layer), layer.index)
