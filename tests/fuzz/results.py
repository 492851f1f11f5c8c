"""A sweep's results file: what is taken is found again, what is cut was surely a row's beginning.

What is refused keeps its bytes. The input is the file.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rows import check_message

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.sweeping import results_file
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome, identity
from deconvsurgery.sweeping.results_file import Ledger
from deconvsurgery.sweeping.row_lines import read_row

NEW = PairRow("\x7fnew", None, None, None, "check", "0", RowOutcome.DONE, seal="ab")

# One folder for the process; run.py takes away what libFuzzer's end leaves of it.
_FOLDER = tempfile.TemporaryDirectory()
PLACE = Path(_FOLDER.name) / "rows.jsonl"


def check(body: bytes) -> None:
    """Open ``body`` as a results file; ``AssertionError`` where it is not treated as it must be."""
    PLACE.write_bytes(body)
    try:
        with _small_pieces(), Ledger(str(PLACE)) as ledger:
            kept = PLACE.read_bytes()
            _check_cut(body, kept)
            rows = [
                read_row(line + b"\n", never=RowOutcome.BEGUN) for line in kept.split(b"\n")[:-1]
            ]
            last = {identity(row): row for row in rows}
            for row in last.values():
                if not any((row.net, row.model, row.output, row.net_output)):
                    continue  # of a line that is no pair
                pair = Pair(row.net, row.model, output=row.output, net_output=row.net_output)
                seal = None if row.outcome is RowOutcome.FAILED else row.seal
                assert ledger.begin(pair) == (True, seal)
                assert ledger.settled(pair) == row
            ledger.append(NEW)
            last[identity(NEW)] = NEW
            ledger.finish()
    except ds.FormatError as error:
        check_message(error.message, error.hint)
        assert PLACE.read_bytes() == body
        return
    lines = PLACE.read_bytes().split(b"\n")[:-1]  # splitlines takes a carriage return for an end
    found = [read_row(line + b"\n", never=RowOutcome.BEGUN) for line in lines]
    assert {identity(row): row for row in found} == last
    assert len(found) == len(last)


def _check_cut(body: bytes, kept: bytes) -> None:
    """What is gone was the beginning of a row, and nobody else's."""
    assert body.startswith(kept)
    assert not kept or kept.endswith(b"\n")
    gone = body[len(kept) :]
    if not gone:
        return
    start = b'{"net": '
    assert b"\n" not in gone
    assert gone.startswith(start) or start.startswith(gone)
    assert kept or b'"verb": ' in gone
    try:
        whole: Any = json.loads(gone.decode("utf-8", "surrogateescape"))
    except ValueError:
        return
    assert isinstance(whole, dict)
    read_row(gone, never=RowOutcome.BEGUN)


class _Index:
    """One database for all files, emptied for each: to make one takes longer than all the rest."""

    def __init__(self) -> None:
        self._kept = sqlite3.connect("", isolation_level=None)

    def connect(self, *_: Any, **__: Any) -> _Index:
        for (table,) in self._kept.execute("SELECT name FROM sqlite_schema").fetchall():
            self._kept.execute(f"DELETE FROM {table}")
        return self

    def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
        return self._kept.execute(sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"), *given)

    def close(self) -> None:
        """It stays."""


INDEX = _Index()


@contextmanager
def _small_pieces() -> Iterator[None]:
    """A file comes in pieces of a few bytes, so that lines lie across their borders."""
    usual = results_file._PIECE, results_file.sqlite3
    results_file._PIECE, results_file.sqlite3 = 50, INDEX
    try:
        yield
    finally:
        results_file._PIECE, results_file.sqlite3 = usual
