"""Findings that are known: a file that ``check --write-baseline`` writes, and ``--baseline`` reads.

A finding is known by its net and model, its rule and its layer, not by the line it stands in.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from deconvsurgery.errors import ConfigError, FileError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.address import from_any_folder, is_url
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.source import open_source
from deconvsurgery.strict_values.json_text import json_value
from deconvsurgery.strict_values.kinds import (
    ValueKind,
    WrongValueError,
    list_of,
    one_of,
    or_none,
    path,
    table,
    text,
    whole,
)

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source
    from deconvsurgery.strict_values.rule_ids import RuleAndLayer

Path: TypeAlias = str | os.PathLike[str]

LONGEST_FILE: Final = 64 << 20  # bytes
_MOST: Final = 1_000_000  # findings, and how often one is there
_LONGEST_NAME: Final = 1 << 20
_VERSION: Final = 1
_HINT: Final = "write it anew: check --baseline FILE --write-baseline"
_MADE_BY: Final = "check --baseline FILE --write-baseline makes it"


class KnownFinding(NamedTuple):
    """A finding of a pair, ``rule`` by its id; paths as they were named, ``None`` without one."""

    net: str | None
    model: str | None
    rule: str
    layer: str | None


_KINDS: Final[Mapping[str, ValueKind[Any]]] = {
    "net": or_none(path()),
    "model": or_none(path()),
    "rule": text(16, shortest=1),
    "layer": or_none(text(_LONGEST_NAME)),
    "count": whole(1, _MOST),
}
_FINDING: Final = table(_KINDS, needed=tuple(_KINDS))
_FILE: Final = table(
    {
        "schema_version": whole(_VERSION, _VERSION),
        "command": one_of("check"),
        "findings": list_of(_FINDING, _MOST),
    },
    needed=("schema_version", "command", "findings"),
)


class Baseline:
    """How often each finding of each pair is known."""

    def __init__(self, folder: str, findings: Mapping[KnownFinding, int]) -> None:
        self._folder = folder
        self._known: dict[tuple[str | None, str | None], list[RuleAndLayer]] = defaultdict(list)
        for each, count in findings.items():
            self._known[each.net, each.model] += [(each.rule, each.layer)] * count

    def known(self, net: str | None, model: str | None) -> tuple[RuleAndLayer, ...]:
        """The known findings of a pair, each as often as it is."""
        pair = _relative(net, self._folder), _relative(model, self._folder)
        return tuple(self._known.get(pair, ()))


def read_baseline(file: Path) -> Baseline:
    """A baseline. Raises ``ConfigError`` for what is none, ``FileError`` for what is not there."""
    name = shown(file)
    with _opened(file) as source:
        if source.size > LONGEST_FILE:
            raise ConfigError(f"has more than {LONGEST_FILE >> 20} MiB", path=name, hint=_HINT)
        data = source.read(0, source.size)
    try:
        found = _FILE.take(json_value(data, longest=LONGEST_FILE, any_bytes=True))
    except WrongValueError as error:
        raise ConfigError(f"is not a baseline: {error}", path=name, hint=_HINT) from None
    counted: Counter[KnownFinding] = Counter()
    for each in found["findings"]:
        counted[KnownFinding(*(each[key] for key in KnownFinding._fields))] += each["count"]
    if counted.total() > _MOST:
        raise ConfigError(f"knows more than {_MOST:,} findings", path=name, hint=_HINT)
    return Baseline(_folder(file), counted)


def _opened(file: Path) -> Source:
    try:
        return open_source(file, limit=LONGEST_FILE)
    except FileError as error:
        if error.hint is None and isinstance(error.__cause__, FileNotFoundError):
            raise error.replaced(hint=_MADE_BY) from error.__cause__
        raise


def baseline_bytes(file: Path, findings: Iterable[KnownFinding]) -> bytes:
    """What a baseline at ``file`` says of findings: JSON, ordered so that its diffs are small."""
    folder = _folder(file)
    counted = Counter(
        each._replace(net=_relative(each.net, folder), model=_relative(each.model, folder))
        for each in findings
    )
    rows = [
        key._asdict() | {"count": counted[key]}
        for key in sorted(counted, key=lambda key: [part or "" for part in key])
    ]
    whole_file = {"schema_version": _VERSION, "command": "check", "findings": rows}
    written = json.dumps(whole_file, indent=1, ensure_ascii=False)
    return f"{written}\n".encode("utf-8", "surrogateescape")


def _folder(file: Path) -> str:
    named = os.fsdecode(file)
    return named.rpartition("/")[0] if is_url(named) else os.path.dirname(from_any_folder(named))


def _relative(named: str | None, folder: str) -> str | None:
    """A path as it is from the baseline's folder, so that the file can be moved with the nets."""
    if named is None or named == "-" or is_url(named) or is_url(folder):
        return named
    return os.path.relpath(from_any_folder(named), folder).replace(os.sep, "/")
