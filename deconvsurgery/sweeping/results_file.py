"""The rows of a sweep in a file, a line each: what an earlier run has settled is found in it.

One sweep at a time writes to it. Where each pair's row stands is kept on disk, too, so that 10^6
pairs take no memory.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from deconvsurgery.errors import FormatError, OutputError
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.splicing.byte_ranges import replacing
from deconvsurgery.storage.address import is_url
from deconvsurgery.storage.descriptors import let_go, opened
from deconvsurgery.storage.os_error_text import refusal, shown
from deconvsurgery.storage.source import FileSource
from deconvsurgery.storage.write_outputs import write_spliced

from .result_rows import (
    Outcome,
    Row,
    begins_row,
    hashed,
    identity,
    read_row,
    written,
)

Value = TypeVar("Value")

_PIECE = 1 << 20
_ROWS = (
    "CREATE TABLE row (pair BLOB PRIMARY KEY, seal TEXT, start INTEGER, stop INTEGER, "
    "seen INTEGER) WITHOUT ROWID"
)
_OUTPUTS = "CREATE TABLE output (place BLOB PRIMARY KEY) WITHOUT ROWID"


class Ledger:
    """An open results file; a context manager.

    Raises ``OutputError`` for a file that another sweep writes to, ``FormatError`` for one that
    has other lines than rows.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = shown(path)
        try:
            self._fd = opened(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise refusal("cannot be opened", error, self.name) from error
        # An empty name is a database of SQLite's own, on disk, that goes when it is closed.
        self._index = sqlite3.connect("", isolation_level=None)
        self._replaced: list[tuple[int, int]] = []
        try:
            self._lock()
            self._index.execute(_ROWS)
            self._index.execute(_OUTPUTS)
            self._end = self._scanned()
        except BaseException:
            self._close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                "is written to by another sweep",
                path=self.name,
                hint="wait for it, or name another file: --results FILE",
            ) from None
        except OSError:
            pass  # a file system without locks

    def _scanned(self) -> int:
        """Note where each pair's last row is; what a killed run left of a line is cut off."""
        end = 0
        for start, line in self._lines():
            if not line.endswith(b"\n") and begins_row(line):
                self._kept_up(partial(os.ftruncate, self._fd, start))
                return start
            row = read_row(line) if line.endswith(b"\n") else None
            if row is None:
                raise FormatError(
                    f"is no sweep's results: byte {start} begins no row",
                    path=self.name,
                    hint="name another file: --results FILE",
                )
            end = start + len(line)
            self._note(identity(row), row, start, end)
        return end

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        start, rest = 0, b""
        while True:
            data = self._read(_PIECE, start + len(rest))
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield start, line + b"\n"
                start += len(line) + 1
            if not data:
                break
        if rest:
            yield start, rest

    def _note(self, pair: bytes, row: Row, start: int, stop: int) -> None:
        before = self._index.execute(
            "SELECT start, stop FROM row WHERE pair = ?", (pair,)
        ).fetchone()
        if before is not None and before[0] is not None:
            self._replaced.append((before[0], before[1]))
        seal = None if row.outcome is Outcome.FAILED else row.seal
        self._index.execute(
            "INSERT INTO row VALUES (?, ?, ?, ?, 0) ON CONFLICT (pair) DO UPDATE SET "
            "seal = excluded.seal, start = excluded.start, stop = excluded.stop",
            (pair, seal, start, stop),
        )

    def begin(self, pair: Pair) -> tuple[bool, str | None]:
        """Whether the pair has not come before in this run, and the seal of what was settled."""
        name = identity(pair)
        found = self._index.execute("SELECT seal, seen FROM row WHERE pair = ?", (name,)).fetchone()
        if found is None:
            self._index.execute("INSERT INTO row VALUES (?, NULL, NULL, NULL, 1)", (name,))
            return True, None
        self._index.execute("UPDATE row SET seen = 1 WHERE pair = ?", (name,))
        return not found[1], found[0]

    def taken(self, pair: Pair) -> str | None:
        """The output of the pair that another one of this run has, too; it is its own from now."""
        for path in (pair.output, pair.net_output):
            if path is None:
                continue
            place = path if is_url(path) else os.path.abspath(path)
            added = self._index.execute("INSERT OR IGNORE INTO output VALUES (?)", (hashed(place),))
            if not added.rowcount:
                return path
        return None

    def settled(self, pair: Pair) -> Row:
        """The row of an earlier run."""
        start, stop = self._index.execute(
            "SELECT start, stop FROM row WHERE pair = ?", (identity(pair),)
        ).fetchone()
        row = read_row(self._read(stop - start, start))
        assert row is not None
        return row

    def append(self, row: Row) -> None:
        """Write a row; it takes the place of an earlier one of its pair."""
        line = view = memoryview(written(row))
        while view:
            view = view[self._kept_up(partial(os.write, self._fd, view)) :]
        self._note(identity(row), row, self._end, self._end + len(line))
        self._end += len(line)

    def finish(self) -> None:
        """Flush, and take out rows that later ones have replaced."""
        self._kept_up(partial(os.fsync, self._fd))
        if not self._replaced:
            return
        edits = [replacing(start, stop, b"") for start, stop in sorted(self._replaced)]
        with FileSource(os.dup(self._fd), self.name) as source:
            write_spliced(source, edits, self.path, in_place=True, text=True)
        self._replaced = []

    def _close(self) -> None:
        self._index.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            let_go(fd)

    def _read(self, size: int, start: int) -> bytes:
        return self._kept_up(lambda: os.pread(self._fd, size, start))

    def _kept_up(self, call: Callable[[], Value]) -> Value:
        while True:
            try:
                return call()
            except InterruptedError:
                continue
            except OSError as error:
                raise refusal("cannot be kept up", error, self.name) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
