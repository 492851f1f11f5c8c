"""Lists of pairs, and the pairs that their paths stand for, against Python's reader of JSON.

The first byte is a choice of how long the pieces are that a list is read in, and whether it is read
once more by one who stops at the first bad line; the rest is a list,
which lies in a folder with a few files. Each line must be the pairs that it says, or be refused in
one line with its number, and then so must every other; what a path with wildcards stands for are
files that are there, no one twice.
"""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import deconvsurgery as ds
from deconvsurgery.inputs import expand_pairs as expansion
from deconvsurgery.inputs import list_files, list_objects
from deconvsurgery.inputs.path_patterns import is_pattern
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.storage.bytes_source import BytesSource

FILES = ("a.x", "b.x", "c/a.x", "c/d/a.x", "c/.h/a.x", ".h.x", "[a].x", "{name}.x", "*", "é")
PLACE = "/zoo"
LIST = f"{PLACE}/pairs.jsonl"
LINE = 800  # characters: 60 of a name may be spelt out as ten each
PIECES = (1 << 20, 7, 64, 1)  # bytes that are read at a time
LONGEST = 200  # bytes of a line, here

# The files are in memory: neither the machine's nor a store's are looked for.
_ALL = {f"{PLACE}/{each}" for each in FILES}
_FOLDERS: dict[str, dict[str, bool]] = {"/": {"zoo": True}}
for _file in _ALL:
    while _file != PLACE:
        _above, _name = posixpath.split(_file)
        _FOLDERS.setdefault(_above, {})[_name] = _file not in _ALL
        _file = _above


class _Entry:
    def __init__(self, name: str, folder: bool) -> None:
        self.name = name
        self._folder = folder

    def is_dir(self) -> bool:
        return self._folder

    def is_symlink(self) -> bool:
        return False


@contextmanager
def _scandir(folder: str) -> Iterator[list[_Entry]]:
    entries = _FOLDERS.get(posixpath.normpath(folder))
    if entries is None:
        raise FileNotFoundError(2, "there is none", folder)
    yield [_Entry(*each) for each in entries.items()]


def _exists(path: str) -> bool:
    plain = posixpath.normpath(path)
    return plain in _ALL or plain in _FOLDERS


def _located(url: str) -> Any:
    raise ds.FileError("no store is asked", path=url)


PATH = SimpleNamespace(join=os.path.join, exists=_exists)
OURS = {
    "_LONGEST_LINE": LONGEST,
    "os": SimpleNamespace(path=PATH, scandir=_scandir),
}
FILES = {"os": OURS["os"]}
OBJECTS = {"located": _located}


def check(data: bytes) -> None:
    """Read the list; ``AssertionError`` where something does not hold."""
    choice, data = data[0] if data else 0, data[1:]
    ours = {**OURS, "_PIECE": PIECES[choice % 4], "open_source": lambda *_, **__: BytesSource(data)}
    patched = ((expansion, ours), (list_files, FILES), (list_objects, OBJECTS))
    before = [{name: getattr(module, name) for name in names} for module, names in patched]
    for module, names in patched:
        vars(module).update(names)
    try:
        _check(choice, data)
    finally:
        for (module, _), names in zip(patched, before, strict=True):
            vars(module).update(names)


def _check(choice: int, data: bytes) -> None:
    refused: list[tuple[Pair, ds.SurgeryError]] = []
    whole = Pair(None, listed=LIST)
    try:
        found = [*expansion.expanded(whole, lambda *each: refused.append(each))]
    except ds.ConfigError as error:  # no list: its first line is no pair
        _in_a_line(error)
        assert error.line == _first(data)
        assert not refused
        return
    said = [*_said(data)]
    if refused and choice & 12 == 0:
        try:
            [*expansion.expanded(whole)]
        except ds.SurgeryError as error:
            assert str(error) == str(refused[0][1])
        else:
            raise AssertionError("a line was refused and is not")
    for pair, error in refused:
        _in_a_line(error)
        if pair.net is None and pair.model is None:
            assert isinstance(error, ds.ConfigError)
            assert error.path == LIST
        else:  # its files cannot be listed, or another path has a wildcard
            assert (pair.net, pair.model) in said
    lines = [line for line in _lines(data) if line.strip() or len(line) > LONGEST]
    wild = any(is_pattern(each[0] or each[1] or "") for each in said)
    if not wild and max(map(len, lines), default=0) <= LONGEST:
        assert len(found) + len(refused) == len(lines)
    for pair in found:
        _possible(pair, said)


def _in_a_line(error: ds.SurgeryError) -> None:
    assert len(error.message) < LINE
    assert len(error.hint or "") < LINE
    assert "\n" not in error.message


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return [lines[0].removeprefix(b"\xef\xbb\xbf"), *lines[1:]]


def _first(data: bytes) -> int:
    """The number of the first line that says something, or too much."""
    lines = enumerate(_lines(data), 1)
    return next(number for number, line in lines if line.strip() or len(line) > LONGEST)


def _said(data: bytes) -> list[tuple[str | None, str | None]]:
    """Net and model of each line that Python reads as a table with one of them."""
    said = []
    for line in _lines(data):
        try:
            table: Any = json.loads(line.decode("utf-8", "surrogateescape"))
        except (ValueError, RecursionError):
            continue
        if isinstance(table, dict) and (table.get("net") or table.get("model")):
            paths = [table.get(key) for key in ("net", "model")]
            said.append(tuple(_joined(path) for path in paths))
    return said


def _joined(path: object) -> str | None:
    if not isinstance(path, str):
        return None
    return path if _is_url(path) else os.path.join(PLACE, path)


def _is_url(path: str) -> bool:
    """As the package sees it, which another harness holds."""
    return expansion.is_url(path)


def _possible(pair: Pair, said: list[tuple[str | None, str | None]]) -> None:
    """A pair that a line says, or whose first file is there and was meant by a wildcard."""
    paths = (pair.net, pair.model, pair.output, pair.net_output)
    assert all(path is None or b"\0" not in os.fsencode(path) != b"" for path in paths)
    leading = pair.net or pair.model
    assert leading is not None
    leads = [net if net is not None else model for net, model in said]
    if leading not in leads:
        assert any(lead is not None and is_pattern(lead) for lead in leads)
        assert _exists(leading)
