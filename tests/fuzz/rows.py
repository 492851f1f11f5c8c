"""Rows and records: what is taken means what it says, and can be written again.

The first byte says which of them the rest is. Python's own reader of JSON is the witness for what a
field says; it takes more, which is the subject here.
"""

from __future__ import annotations

import json
from zlib import crc32

from deconvsurgery.strict_values.kinds import WrongValueError
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome, Summary, identity
from deconvsurgery.sweeping.row_lines import is_cut_row, read_row, written

LONGEST_MESSAGE = 350  # characters


def check(data: bytes) -> None:
    """Read ``data``; ``AssertionError`` where what was taken cannot stand."""
    kind, body = data[:1] or b"\0", data[1:]
    _check_row(body, RowOutcome.FAILED if kind[0] % 2 else RowOutcome.BEGUN)


def _check_row(body: bytes, never: RowOutcome) -> None:
    try:
        row = read_row(body, never=never)
    except WrongValueError as error:
        check_message(str(error))
        return
    assert row.outcome is not never
    told = json.loads(body.decode("utf-8", "surrogateescape"))
    for name in ("net", "model", "output", "net_output", "verb", "version", "outcome"):
        assert getattr(row, name) == told[name]
    for name in ("key", "seal", "result", "inputs", "outputs", "attempts", "seconds", "requests"):
        assert name not in told or getattr(row, name) == told[name]
    _check_written(row, never)


def _check_written(row: PairRow, never: RowOutcome) -> None:
    line = written(row)
    assert line.count(b"\n") == 1
    again = read_row(line, never=never)
    assert again == row
    assert written(again) == line
    verb = line.index(b', "verb": ') + len(b', "verb": ')
    for cut in (verb - 1, verb, crc32(line) % len(line) or 1):
        if cut >= len(line) - 1:
            continue
        assert is_cut_row(line[:cut], alone=False)
        assert is_cut_row(line[:cut], alone=True) is (cut >= verb)
    assert len(identity(row)) == 16
    summary = Summary()
    summary.add(row)
    assert summary.total == 1
    assert len(summary.errors) == (row.outcome is RowOutcome.FAILED)
    json.dumps([summary.rules, summary.errors, row.result], allow_nan=False)


def check_message(message: str, hint: str | None = "") -> None:
    """It is one line, and not a long one."""
    assert message
    assert hint is not None
    assert len(message) <= LONGEST_MESSAGE
    assert message.isprintable()
