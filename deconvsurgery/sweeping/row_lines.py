"""A row as a line of JSON: one table of its fields, by which it is written and read.

A line may come from anybody; what is read here can be counted, shown and written again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from deconvsurgery.errors import ConfigError
from deconvsurgery.program.option_names import spoken
from deconvsurgery.strict_values.json_text import json_value
from deconvsurgery.strict_values.kinds import (
    ANYTHING,
    ValueKind,
    WrongValueError,
    checked,
    list_of,
    number,
    one_of,
    or_none,
    path,
    said,
    table,
    table_of,
    text,
    whole,
    word,
)

from .result_rows import LONGEST_TEXT, PairRow, RowOutcome, cut

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair

LONGEST_ROW: Final = 1 << 22
"""Bytes of a row, which take 25 times as much at worst; one of 10^4 layers has less than 1 MB."""

_MOST: Final = 2**63 - 1  # bytes, requests
_MOST_WARNINGS: Final = 10_000
# Of a row that would be longer than a row may be, so much is kept.
_FEW_WARNINGS, _FEW_VALUES, _SHORT_TEXT = 8, 1_000, 100

_RULE = re.compile(r"DS\d{3}")
_OPTIONAL_TEXT = or_none(text(LONGEST_TEXT))
_PATH, _HASH = or_none(path(empty=True)), or_none(word(200))
_DIGESTS = table_of(text(LONGEST_TEXT), 16)
_COUNT = whole(0, _MOST)
_ERROR_FIELDS: Final[Mapping[str, ValueKind[Any]]] = {
    "kind": word(80),
    "message": text(LONGEST_TEXT),
    "hint": _OPTIONAL_TEXT,
    "file": _OPTIONAL_TEXT,
    "layer": _OPTIONAL_TEXT,
    "line": or_none(whole(1, _MOST)),
    "column": or_none(whole(1, _MOST)),
    "offset": or_none(_COUNT),
}
_ERROR = table(_ERROR_FIELDS, needed=("kind", "message"), others=True)


def _result(value: Any, place: str) -> dict[str, Any]:
    """What a verb said; of that only the rules of findings mean something here."""
    result = _RESULT.take(value, place)
    _FINDINGS.take(result.get("findings", []), f"{place}.findings")
    return result


def _no_rule(found: str) -> str | None:
    """What is wrong with a rule's id; a later version may know more of them."""
    return None if _RULE.fullmatch(found) else f"is a rule's id, not {said(found)}"


_RESULT = table_of(ANYTHING, 1_000)
_RULE_ID = checked(word(80), _no_rule)
_FINDINGS = list_of(table({"rule": _RULE_ID}, needed=("rule",), others=True), LONGEST_ROW)
_FIELDS: Final[Mapping[str, ValueKind[Any]]] = {
    "net": _PATH,
    "model": _PATH,
    "output": _PATH,
    "net_output": _PATH,
    "verb": word(80),
    "version": word(80),
    "outcome": one_of(*map(str, RowOutcome)),
    "key": _HASH,
    "seal": _HASH,
    "inputs": _DIGESTS,
    "outputs": _DIGESTS,
    "result": or_none(ValueKind("a table", _result)),
    "error": or_none(_ERROR),
    "warnings": list_of(text(LONGEST_TEXT), _MOST_WARNINGS),
    "attempts": _COUNT,
    "seconds": number(0, 10**12),
    "requests": _COUNT,
    "bytes_read": _COUNT,
    "bytes_sent": _COUNT,
    "bytes_copied": _COUNT,
}
_FIRST: Final = tuple(_FIELDS)[:7]  # the lines of every version begin with them
_ROW = table(_FIELDS, needed=(*_FIRST, "warnings"), others=True)


def read_row(data: bytes, *, never: RowOutcome) -> PairRow:
    """The row in a line, or in a record; keys that it does not know are passed over.

    Raises ``WrongValueError`` for what is none, for one that is cut short, and for one whose
    fields do not go together; ``never`` is an outcome that cannot stand there.
    """
    given = json_value(data, longest=LONGEST_ROW, any_bytes=True)
    fields = _ROW.take(given)
    outcome = RowOutcome(fields.pop("outcome"))
    if fields.get("error") is not None:
        fields["error"] = {name: fields["error"].get(name) for name in _ERROR_FIELDS}
    row = PairRow(outcome=outcome, **fields)
    if outcome is never:
        others = ", ".join(each for each in RowOutcome if each is not never)
        raise WrongValueError(f"is one of {others} there, not '{never}'", "outcome")
    if (row.error is not None) is not (outcome is RowOutcome.FAILED):
        raise WrongValueError("is what a failed row has, and no other", "error")
    if row.seal is not None and outcome in (RowOutcome.BEGUN, RowOutcome.FAILED):
        raise WrongValueError("is what a row has that is settled, and no other", "seal")
    return row


def check_paths(pair: Pair) -> None:
    """Raise ``ConfigError`` for a path that no row can hold, as no file or object has it."""
    for name in ("net", "model", "output", "net_output"):
        try:
            _PATH.take(getattr(pair, name), name.replace("_", "-"))
        except WrongValueError as error:
            hint = "name it as the file system does"
            raise ConfigError(f"a pair's {error}", hint=hint) from None


def written(row: PairRow) -> bytes:
    """A row as one line of JSON, which can be read again; what is too long for that is cut."""
    fields: dict[str, Any] = {name: getattr(row, name) for name in _FIELDS}
    warnings = map(spoken, row.warnings[:_MOST_WARNINGS])
    fields["warnings"] = [cut(each, LONGEST_TEXT) for each in warnings]
    if row.error is not None:
        said = {key: spoken(row.error[key]) for key in ("message", "hint") if row.error.get(key)}
        fields["error"] = {**row.error, **said}
    line = _line(fields)
    if len(line) > LONGEST_ROW:
        fields["warnings"] = fields["warnings"][:_FEW_WARNINGS]
        fields["result"] = None if row.result is None else _in_short(row.result)
        line = _line(fields)
    return line


def _line(fields: Mapping[str, Any]) -> bytes:
    line = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    try:
        return f"{line}\n".encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return f"{_NO_BYTE.sub(_REPLACEMENT, line)}\n".encode("utf-8", "surrogateescape")


# Halves of surrogate pairs that stand for no byte of a name.
_NO_BYTE: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def _in_short(result: Mapping[str, Any]) -> dict[str, Any]:
    """The first of each list, and ``left_out``: how many more there were, by its key."""
    lists = {key: value for key, value in result.items() if isinstance(value, list)}
    kept = {key: _first(value) for key, value in lists.items()}
    left_out = {key: len(value) - len(kept[key]) for key, value in lists.items()}
    return {**result, **kept, "left_out": left_out}


def _first(values: list[Any]) -> list[Any]:
    """The first few, of findings also the first of each rule."""
    rules: set[str] = set()
    kept = []
    for at, each in enumerate(values):
        rule = each.get("rule") if isinstance(each, dict) else None
        if at < _FEW_VALUES or (rule is not None and rule not in rules):
            kept.append(_shortened(each))
        rules |= {rule} if rule is not None else set()
    return kept


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    return cut(value, _SHORT_TEXT) if isinstance(value, str) else value


def is_cut_row(data: bytes, *, alone: bool) -> bool:
    """Whether the end of a file is surely what there is of a row that was not written to its end.

    A row that lacks nothing but the line's end is one, too. ``alone``: no rows stand before it,
    and it must go on to the verb: the first fields of a row are those of a list of pairs, too.
    """
    begun = _fields_begun(data)
    if len(data) > LONGEST_ROW or begun is None or (alone and begun <= _FIRST.index("verb")):
        return False
    bare = _STRING.sub(b"", data)
    if bare.count(b"{") + bare.count(b"[") > bare.count(b"}") + bare.count(b"]"):
        return True
    try:
        read_row(data, never=RowOutcome.BEGUN)
    except WrongValueError:
        return False
    return True


def _fields_begun(data: bytes) -> int | None:
    """How many of a row's first fields have begun in it; ``None`` where no row begins like that.

    >>> _fields_begun(b'{"net": "a", "model": nu'), _fields_begun(b'{"net": "a"}')
    (2, None)
    """
    at = 0
    for begun, name in enumerate(_FIRST):
        lead = f'{", " if begun else "{"}"{name}": '.encode()
        if not data.startswith(lead, at):
            return begun if lead.startswith(data[at:]) else None
        at += len(lead)
        value = _VALUE.match(data, at)
        if value is None:
            return begun + 1 if _CUT_VALUE.fullmatch(data, at) else None
        at = value.end()
    return len(_FIRST)


_VALUE: Final = re.compile(rb'null|"(?:[^"\\\n]++|\\.)*+"')
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_CUT_VALUE: Final = re.compile(rb'n?|nu|nul|"(?:[^"\\\n]++|\\.)*+\\?')
