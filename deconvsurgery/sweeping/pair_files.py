"""Whose each file of a sweep is, by what its names lead to: no output may be anything else's.

What is known is kept on disk, so that 10^6 pairs take no memory. Nothing is read or written here.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

from deconvsurgery.errors import OutputError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.address import file_of, is_url, joined
from deconvsurgery.storage.object_identity import same_object
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.run_files import file_keys
from deconvsurgery.storage.streams import is_stream

from .output_record import SUFFIX
from .results_file import no_file

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair

_BYTES: Final = 16  # of a hash; two of 10^7 are the same once in 10^24 times
_READ, _WRITTEN = 1, 2
_TABLE: Final = "CREATE TABLE file (key BLOB PRIMARY KEY, use INTEGER) WITHOUT ROWID"
_FOLDERS: Final = 1000  # whose real paths are kept
_RESULTS: Final = "the results of the sweep"


class _File(NamedTuple):
    """A file: what it is to the sweep, its path, how it is used, what it leads to."""

    role: str
    path: str
    use: int
    stream: bool
    keys: tuple[bytes, ...]

    def is_same(self, other: _File) -> bool:
        """Both lead to one file; of objects their URLs say more than keys."""
        if {*self.keys}.isdisjoint(other.keys):
            return False
        urls = [each.path for each in (self, other) if is_url(file_of(each.path))]
        return len(urls) < 2 or same_object(*urls)


class PairFiles:
    """The files of a sweep; a context manager.

    ``settings`` and ``lists`` are read, rows are added to ``results``; these are known from the
    start. Pairs come one by one, and each is to `take` its files before it is worked on.
    """

    def __init__(self, settings: str, lists: Iterable[str], results: str) -> None:
        self.results = results
        self._real = lru_cache(_FOLDERS)(self._real_folder)
        self._read = [("the settings file", settings)]
        self._read += [("the list of pairs", each) for each in dict.fromkeys(lists)]
        self._own: dict[bytes, _File] = {}
        self.look_again()
        # An empty name is a database of SQLite's own, on disk, that goes when it is closed.
        self._index = sqlite3.connect("", isolation_level=None)
        for statement in ("PRAGMA journal_mode = OFF", "BEGIN", _TABLE):
            self._index.execute(statement)

    def look_again(self) -> None:
        """Find the sweep's own files: one that was made since has more keys than its name's."""
        files = [self._file(_RESULTS, self.results, _WRITTEN)]
        files += [self._file(role, path, _READ) for role, path in self._read]
        self._own = {}
        for file in files:
            for key in file.keys:
                self._own.setdefault(key, file)

    def refuse_results(self, folder: str) -> None:
        """Raise ``OutputError`` where rows cannot be added, or another file would be lost by it.

        ``folder`` is that of the settings.
        """
        results = self._file(_RESULTS, self.results, _WRITTEN, folder)
        if results.stream:
            raise no_file(self.results)
        for role, path in self._read:
            file = self._file(role, path, _READ)
            if file.is_same(results):
                raise _both(file, _RESULTS, _hint(results))

    def refuse(self, pair: Pair, folder: str) -> None:
        """Raise ``OutputError`` for what is wrong with a pair whatever the others are.

        Of paths with wildcards, which are not known yet, there is none in it. ``folder`` is what
        its paths are relative to.
        """
        self._refuse(self._files_of(pair, folder))

    def expect(self, pair: Pair) -> None:
        """No pair may write what this one reads, whichever comes first."""
        self._note([each for each in self._files_of(pair, "") if each.use == _READ])

    def take(self, pair: Pair, folder: str) -> None:
        """Its files are the pair's own from now; raises as `refuse`, and for what others have."""
        files = self._files_of(pair, folder)
        self._refuse(files)
        if not any(each.use == _WRITTEN for each in files):
            return  # then no other pair writes anything, either
        known = self._known(files)
        read = {key for each in files if each.use == _READ for key in each.keys}
        for file in files:
            uses = {known.get(key, 0) for key in file.keys}
            if any(use & _WRITTEN for use in uses):
                hint = "give it to a sweep of its own, after this one"
                if file.use == _WRITTEN:
                    hint = "say {name} in the output, so that each has its own"
                raise _both(file, "an output of another pair", hint)
            # What the pair reads itself is another file, or it had been refused.
            if file.use == _WRITTEN and any(uses) and read.isdisjoint(file.keys):
                raise _both(file, "an input of another pair", "name another output")
        self._note(files)

    def _refuse(self, files: Sequence[_File]) -> None:
        before: list[_File] = []
        for file in files:
            if file.stream:
                raise OutputError(
                    f"is a stream or a device; {file.role} must be a file or an object",
                    path=shown(file.path),
                    hint="name a file, or an object in a store; a file that is called - is ./-",
                )
            own = next((self._own[key] for key in file.keys if key in self._own), None)
            if own is not None and _WRITTEN in (file.use, own.use) and file.is_same(own):
                raise _both(file, own.role, _hint(own))
            if file.use == _WRITTEN:
                for other in before:
                    if file.is_same(other):
                        raise _both(file, other.role, _hint(file))
            before.append(file)

    def _known(self, files: Sequence[_File]) -> dict[bytes, int]:
        keys = [key for file in files for key in file.keys]
        marks = ",".join("?" * len(keys))
        found = self._index.execute(f"SELECT key, use FROM file WHERE key IN ({marks})", keys)
        return dict(found)

    def _note(self, files: Sequence[_File]) -> None:
        rows = [(key, file.use) for file in files for key in file.keys]
        self._index.executemany(
            "INSERT INTO file VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET use = use | ?2", rows
        )

    def _files_of(self, pair: Pair, folder: str) -> list[_File]:
        """Each file of a pair; its paths are relative to ``folder``."""
        named = [
            ("the pair's net", pair.net, _READ),
            ("the pair's model", pair.model, _READ),
            ("the pair's output", pair.output, _WRITTEN),
            ("the pair's net output", pair.net_output, _WRITTEN),
        ]
        record = pair.output or pair.net_output
        if record is not None:
            named.append(("the record of the pair's output", f"{record}{SUFFIX}", _WRITTEN))
        return [
            self._file(role, path, use, folder) for role, path, use in named if path is not None
        ]

    def _file(self, role: str, path: str, use: int, folder: str = "") -> _File:
        """A file by its path; ``-`` that was put into a folder was meant for a stream."""
        try:
            stream = path == joined(folder, "-") or is_stream(path)
        except SurgeryError:  # a URL that cannot be is an error where it is opened
            stream = False
        keys = [*file_keys(path, written=use == _WRITTEN), *self._real_path(path)]
        return _File(role, path, use, stream, tuple(map(_hash, keys)))

    def _real_path(self, path: str) -> Iterator[str]:
        """A key that stays when a folder is made that was not there yet."""
        with suppress(SurgeryError, ValueError):
            plain = file_of(path)
            if not is_url(plain) and plain != "-":
                folder, name = os.path.split(plain)
                plain = os.path.join(self._real(folder or "."), name)
                yield f"path {os.path.realpath(plain) if os.path.islink(plain) else plain}"

    def _real_folder(self, folder: str) -> str:
        """As `os.path.realpath`, but of many folders in one that is known with a look each."""
        above, name = os.path.split(folder)
        if not above or name in ("", ".", ".."):
            return os.path.realpath(folder)
        place = os.path.join(self._real(above), name)
        return os.path.realpath(place) if os.path.islink(place) else place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._index.close()


def _hash(key: str) -> bytes:
    data = key.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=_BYTES).digest()


def _hint(file: _File) -> str:
    if file.role == _RESULTS:
        return "name another file for the rows: `results=FILE`"
    return "name another output"


def _both(file: _File, other: str, hint: str) -> OutputError:
    return OutputError(f"{file.role} is the same file as {other}", path=shown(file.path), hint=hint)
