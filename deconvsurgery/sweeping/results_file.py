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
from typing import TYPE_CHECKING, Self, TypeVar

from deconvsurgery.errors import FormatError, OutputError
from deconvsurgery.splicing.byte_ranges import replacing
from deconvsurgery.storage.descriptors import let_go, opened
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.os_error_text import refusal, shown, wrong_name
from deconvsurgery.storage.outcome import Splice
from deconvsurgery.storage.source import FileSource
from deconvsurgery.storage.streams import is_stream_mode
from deconvsurgery.storage.write_outputs import write_outcome
from deconvsurgery.strict_values.kinds import WrongValueError

from .result_rows import PairRow, RowOutcome, identity
from .row_lines import LONGEST_ROW, check_paths, is_cut_row, read_row, written

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair

Value = TypeVar("Value")

_PIECE = 1 << 20
_ROWS = (
    "CREATE TABLE row (pair BLOB PRIMARY KEY, seal TEXT, start INTEGER, stop INTEGER, "
    "seen INTEGER) WITHOUT ROWID"
)


def no_file(path: str) -> OutputError:
    """What is wrong with a stream that rows are to be added to."""
    return OutputError(
        "is a stream or a device, and a sweep finds its rows again in a file",
        path=shown(path),
        hint="name a file: `results=FILE`",
    )


class Ledger:
    """An open results file; a context manager.

    Raises ``OutputError`` for a file that another sweep writes to, and for a pipe or a device,
    ``FormatError`` for a file that has other lines than rows, of which nothing is changed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = shown(path)
        self._fd = self._opened()
        # An empty name is a database of SQLite's own, on disk, that goes when it is closed.
        self._index = sqlite3.connect("", isolation_level=None)
        self._replaced: list[tuple[int, int]] = []
        try:
            self._lock()
            self._index.execute(_ROWS)
            self._end = self._scanned()
        except BaseException:
            self._close()
            raise

    def _opened(self) -> int:
        try:
            if os.path.exists(self.path):  # or else a device would be opened, which may act
                self._refuse_stream(os.stat(self.path))
            fd = opened(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                self._refuse_stream(os.fstat(fd))
            except BaseException:
                let_go(fd)
                raise
        except OSError as error:
            raise refusal("cannot be opened", error, self.name) from error
        except ValueError as error:  # a NUL in the name
            raise OutputError(
                f"cannot be opened: {wrong_name(error)}",
                path=self.name,
                hint="no file has such a name",
            ) from error
        return fd

    def _refuse_stream(self, status: os.stat_result) -> None:
        if is_stream_mode(status.st_mode):
            raise no_file(self.path)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                "is written to by another sweep",
                path=self.name,
                hint="wait for it, or name another file: `results=FILE`",
            ) from None
        except OSError:
            pass  # a file system without locks

    def _scanned(self) -> int:
        """Note where each pair's last row is; what a killed run left of a line is cut off."""
        end = 0
        for number, (start, line) in enumerate(self._lines(), 1):
            if not line.endswith(b"\n") and is_cut_row(line, alone=number == 1):
                self._kept_up(partial(os.ftruncate, self._fd, start))
                return start
            try:
                row = read_row(line, never=RowOutcome.BEGUN)
                if not line.endswith(b"\n"):
                    raise WrongValueError("does not end, and may be another file's")
            except WrongValueError as error:
                where = f"line {number}, at byte {start}, is not a row"
                raise FormatError(
                    f"is not the results file of a sweep: {where}: {error.of('it')}",
                    path=self.name,
                    hint="name another file: `results=FILE`",
                ) from None
            end = start + len(line)
            self._note(identity(row), row, start, end)
        return end

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Where each line starts, and the line; of the last one no more than shows what it is."""
        start, rest = 0, b""
        while data := self._read(_PIECE, start + len(rest)):
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield start, line + b"\n"
                start += len(line) + 1
            if len(rest) > LONGEST_ROW or (rest and not rest.startswith(b"{")):
                break
        if rest:
            yield start, rest

    def _note(self, pair: bytes, row: PairRow, start: int, stop: int) -> None:
        before = self._index.execute(
            "SELECT start, stop FROM row WHERE pair = ?", (pair,)
        ).fetchone()
        if before is not None and before[0] is not None:
            self._replaced.append((before[0], before[1]))
        seal = None if row.outcome is RowOutcome.FAILED else row.seal
        self._index.execute(
            "INSERT INTO row VALUES (?, ?, ?, ?, 0) ON CONFLICT (pair) DO UPDATE SET "
            "seal = excluded.seal, start = excluded.start, stop = excluded.stop",
            (pair, seal, start, stop),
        )

    def begin(self, pair: Pair) -> tuple[bool, str | None]:
        """Whether the pair has not come before in this run, and the seal of what was settled.

        Raises ``ConfigError`` for one that no row can be of.
        """
        check_paths(pair)
        name = identity(pair)
        found = self._index.execute("SELECT seal, seen FROM row WHERE pair = ?", (name,)).fetchone()
        if found is None:
            self._index.execute("INSERT INTO row VALUES (?, NULL, NULL, NULL, 1)", (name,))
            return True, None
        self._index.execute("UPDATE row SET seen = 1 WHERE pair = ?", (name,))
        return not found[1], found[0]

    def settled(self, pair: Pair) -> PairRow:
        """The row of an earlier run."""
        start, stop = self._index.execute(
            "SELECT start, stop FROM row WHERE pair = ?", (identity(pair),)
        ).fetchone()
        try:
            return read_row(self._read(stop - start, start), never=RowOutcome.BEGUN)
        except WrongValueError:
            raise FormatError(
                f"was changed by another program while the sweep ran: at byte {start} is not a row",
                path=self.name,
                hint="run again when nothing else writes to it",
            ) from None

    def append(self, row: PairRow) -> None:
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
            place = destination(self.path, source, in_place=True, text=True)
            write_outcome(place, Splice(edits))
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

    def __exit__(self, *_error: object) -> None:
        self._close()
