"""What a sweep says of each pair, in a row; what the rows come to.

Values only; ``row_lines`` writes and reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from deconvsurgery.named_tuple import NamedTuple

if TYPE_CHECKING:
    from deconvsurgery.errors import SurgeryError
    from deconvsurgery.inputs.settings import Pair

LONGEST_TEXT: Final = 1 << 14
"""Characters of a message, or of another text of an error, that a row keeps."""

_BYTES = 16  # of a hash; two of 10^6 are the same once in 10^26 times


class RowOutcome(StrEnum):
    """What became of a pair; ``found`` is a check that did not pass.

    ``begun`` stands only in the record beside an output that is on its way.
    """

    BEGUN = "begun"
    DONE = "done"
    FOUND = "found"
    FAILED = "failed"


class PairRow(NamedTuple):
    """A pair of a sweep: its paths, what became of it, and what it was made of.

    ``inputs`` and ``outputs`` are digests by path; ``key`` stands for the inputs' digests, the
    verb, its options and the tool's version, ``seal`` for what files and stores say of all that
    without being read. ``result`` is the verb's, in short; ``error`` has the fields of an error
    document.
    """

    net: str | None
    model: str | None
    output: str | None
    net_output: str | None
    verb: str
    version: str
    outcome: RowOutcome
    key: str | None = None
    seal: str | None = None
    inputs: Mapping[str, str] = {}
    outputs: Mapping[str, str] = {}
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    attempts: int = 1
    seconds: float = 0.0
    requests: int = 0
    bytes_read: int = 0
    bytes_sent: int = 0
    bytes_copied: int = 0

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that a check found broken."""
        return tuple(each["rule"] for each in (self.result or {}).get("findings", ()))


def identity(paths: Pair | PairRow) -> bytes:
    """What distinguishes a pair of a sweep from the others: its paths.

    A line of a list that is no pair has none: such a row is known by the line.

    >>> from deconvsurgery.inputs.settings import Pair
    >>> identity(Pair("a", "b")) == identity(Pair("a", None, output="b"))
    False
    """
    named = (paths.net, paths.model, paths.output, paths.net_output)
    if isinstance(paths, PairRow) and paths.error is not None and not any(named):
        return hashed(*(str(paths.error.get(each)) for each in ("file", "line")))
    return hashed(*(each or "" for each in named))


def hashed(*texts: str) -> bytes:
    """A hash of texts that says where each ends."""
    data = json.dumps(texts).encode()
    return hashlib.blake2b(data, digest_size=_BYTES).digest()


def failed(pair: Pair, verb: str, version: str, error: SurgeryError, **fields: Any) -> PairRow:
    """The row of a pair that could not be worked on."""
    said = {
        name: cut(fact, LONGEST_TEXT) if isinstance(fact, str) else fact
        for name, fact in error.facts().items()
    }
    return row_of(pair, verb, version, RowOutcome.FAILED, error=said, **fields)


def row_of(pair: Pair, verb: str, version: str, outcome: RowOutcome, **fields: Any) -> PairRow:
    """A pair's row."""
    paths = (pair.net, pair.model, pair.output, pair.net_output)
    return PairRow(*paths, verb, version, outcome, **fields)


def cut(text: str, longest: int) -> str:
    """So much of a text as has a place, with a sign that there was more."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


class Summary:
    """What the rows of a sweep come to; ``skipped`` of them were settled by an earlier run.

    ``expected`` is how many rows there will be: None until the pairs are counted, which is done
    only for a ``progress``.
    """

    __slots__ = (
        *("outcomes", "rules", "errors", "skipped", "expected"),
        *("requests", "bytes_read", "bytes_sent", "bytes_copied"),
    )

    outcomes: Counter[str]
    rules: Counter[str]
    errors: Counter[str]
    skipped: int
    expected: int | None
    requests: int
    bytes_read: int
    bytes_sent: int
    bytes_copied: int

    def __init__(self) -> None:
        self.outcomes = Counter()
        self.rules = Counter()
        self.errors = Counter()
        self.expected = None
        self.skipped = self.requests = 0
        self.bytes_read = self.bytes_sent = self.bytes_copied = 0

    def add(self, row: PairRow, *, skipped: bool = False) -> None:
        """Count one more; what a skipped one once cost is not spent again."""
        self.outcomes[row.outcome] += 1
        self.rules.update(set(row.rules))
        if row.error is not None:
            self.errors[row.error["kind"]] += 1
        if skipped:
            self.skipped += 1
            return
        self.spend(row.requests, row.bytes_read, row.bytes_sent, row.bytes_copied)

    def spend(self, requests: int, read: int, sent: int, copied: int) -> None:
        """Count what stores were asked for."""
        self.requests += requests
        self.bytes_read += read
        self.bytes_sent += sent
        self.bytes_copied += copied

    @property
    def total(self) -> int:
        """Pairs."""
        return self.outcomes.total()

    @property
    def worst(self) -> RowOutcome:
        """The worst that became of any."""
        if self.outcomes[RowOutcome.FAILED]:
            return RowOutcome.FAILED
        return RowOutcome.FOUND if self.outcomes[RowOutcome.FOUND] else RowOutcome.DONE
