"""The files and objects that one run reads or writes, and whether two of them are one.

A run notes all that it was given, and is checked before anything is opened; where one file is
written after another it is checked again, as a file that is there now may have other names.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final, TypeAlias

from deconvsurgery.errors import OutputError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple

from .address import called, file_of, is_url
from .os_error_text import shown
from .source import STANDARD_INPUT, STANDARD_OUTPUT

Path: TypeAlias = str | os.PathLike[str]

_LOOKED_AT: Final = 64  # names in a folder by which it is tried whether case counts there
_STREAM: Final = "stream"  # how keys begin of what is read once, and mixes what is written to it
_FILES: Final = frozenset((stat.S_IFREG, stat.S_IFDIR, stat.S_IFBLK))


class _Named(NamedTuple):
    """A file of the run: what it is to the run, and how it was named."""

    role: str
    path: str
    written: bool
    changed_by: str | None = None

    @property
    def name(self) -> str:
        """As messages call it."""
        if self.path == "-":
            return STANDARD_OUTPUT if self.written else STANDARD_INPUT
        return called(self.path) if is_url(self.path) else shown(self.path)


class RunFiles:
    """What one run reads and writes, by role and name.

    Only names count: ``None`` stands for no file, and a net or model that is open already is
    compared when a place is checked (``output_place``).

    >>> files = RunFiles()
    >>> files.reads("the net", "net.prototxt")
    >>> files.writes("the output", "./net.prototxt")
    >>> try:
    ...     files.check()
    ... except OutputError as error:
    ...     print(error)
    ./net.prototxt: the output is the same file as the net, net.prototxt
    """

    __slots__ = ("_known", "_named")

    def __init__(self) -> None:
        self._named: list[_Named] = []
        self._known: dict[str, _Named] | None = None

    def reads(self, role: str, path: object, *, changed_by: str | None = None) -> None:
        """Note a file that is read; ``changed_by`` is the output that --in-place does without."""
        if isinstance(path, str | os.PathLike):
            self._named.append(_Named(role, os.fsdecode(path), False, changed_by))

    def writes(self, role: str, path: object) -> None:
        """Note a file that is written, or changed in place."""
        if isinstance(path, str | os.PathLike):
            self._named.append(_Named(role, os.fsdecode(path), True))

    def check(self) -> None:
        """Raise ``OutputError`` where a file that is written is another of the run, by any name.

        So is a stream that is named twice.
        """
        known: dict[str, _Named] = {}
        for named in self._named:
            _add(known, named)

    def add_output(self, role: str, path: str) -> None:
        """Note a file that is about to be written, beside those that were noted and looked up.

        Raises as `check` does, and then it is not noted. What the others lead to is asked once, so
        that many outputs take time by their number.
        """
        if self._known is None:
            self._known = {}
            for named in self._named:
                _add(self._known, named)
        output = _Named(role, path, True)
        _add(self._known, output)
        self._named.append(output)

    def check_outputs(self, outputs: Iterable[tuple[str, str]]) -> None:
        """Raise as `check` does where an output, by role and path, is another that is written.

        It is asked of all before any is written, and they are not noted: not all will be.
        """
        known: dict[str, _Named] = {}
        for named in self._named:
            if named.written:
                _add(known, named)
        for role, path in outputs:
            _refuse_known(known, file_keys(path, written=True), _Named(role, path, True))


def _add(known: dict[str, _Named], named: _Named) -> None:
    """Note what a file leads to; raises ``OutputError``, and changes nothing, where it may not."""
    keys = file_keys(named.path, written=named.written)
    _refuse_known(known, keys, named)
    for key in keys:
        known.setdefault(key, named)


def _refuse_known(known: dict[str, _Named], keys: Iterable[str], named: _Named) -> None:
    """Raise ``OutputError`` where a file, by its keys, is one that it may not be."""
    for key in keys:
        other = known.get(key)
        if other is None or _are_objects_of_two_accounts(key, other, named):
            continue
        if key.startswith(_STREAM) or other.written or named.written:
            raise _refusal(key, other, named)


def _are_objects_of_two_accounts(key: str, one: _Named, other: _Named) -> bool:
    if not key.startswith("object"):
        return False
    from .object_identity import same_object

    return not same_object(one.path, other.path)


def file_keys(path: Path, *, written: bool = False) -> tuple[str, ...]:
    """What a path leads to, as texts: two paths lead to one place if they share a text.

    One is of the folder and the name there, links followed, whether there is a file yet or not;
    one of the file that is there, which may have more names. ``-`` is standard output where it is
    ``written``, else standard input. None of what has no place (a device), or cannot be looked at:
    opening that raises an error.
    """
    try:
        plain = file_of(path)
        if is_url(plain):
            from .object_identity import object_key

            return (f"object {object_key(plain)}",)
        if plain == "-":
            return tuple(_keys_of_standard(written=written))
        return tuple(_keys_of_file(plain, written=written)) if plain else ()
    except (OSError, ValueError, SurgeryError):
        return ()


def _keys_of_standard(*, written: bool) -> Iterator[str]:
    fd, stream = (1, sys.stdout) if written else (0, sys.stdin)
    yield f"{_STREAM} {fd}"
    if stream is not None:  # else the descriptor was closed, and may be another file by now
        yield from _keys_of_status(os.fstat(fd), written=written)


def _keys_of_file(path: str, *, written: bool) -> Iterator[str]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        pass
    else:
        yield from _keys_of_status(status, written=written)
        if not stat.S_ISREG(status.st_mode):
            return
    folder, name = os.path.split(os.path.realpath(path))
    while True:  # a folder may be made later, with those that it lies in
        try:
            there = os.stat(folder)
            break
        except FileNotFoundError:
            folder, last = os.path.split(folder)
            name = os.path.join(last, name)
    if _ignores_case(folder, name, there):
        name = name.casefold()
    yield f"name {there.st_dev} {there.st_ino} {name}"


def _keys_of_status(status: os.stat_result, *, written: bool) -> Iterator[str]:
    kind = stat.S_IFMT(status.st_mode)
    number = f"{status.st_dev} {status.st_ino}"
    if kind in _FILES:
        yield f"file {number}"
    elif kind == stat.S_IFIFO:
        yield f"{_STREAM} {number}"
    elif kind == stat.S_IFSOCK:  # goes both ways
        yield f"{_STREAM} {number} {'out' if written else 'in'}"


def _ignores_case(folder: str, name: str, status: os.stat_result) -> bool:
    """Whether files there are found in another case, too.

    Asked of the file itself, else of the first there whose name has a case; ``False`` without one.
    """
    try:
        found = _is_found_in_another_case(folder, name)
        return _by_another(folder, status.st_dev, status.st_ino) if found is None else found
    except (OSError, LookupError):
        return False


@lru_cache(maxsize=256)  # a folder may get 10^6 outputs, and is long to list when it has them
def _by_another(folder: str, _device: int, _inode: int) -> bool:
    """Raises ``LookupError`` where no name shows it."""
    with os.scandir(folder) as entries:
        for entry in islice(entries, _LOOKED_AT):
            found = _is_found_in_another_case(folder, entry.name)
            if found is not None:
                return found
    raise LookupError(folder)


def _is_found_in_another_case(folder: str, name: str) -> bool | None:
    """``None`` where this name does not show it: it has no case, or is not there."""
    other = name.swapcase()
    if other == name:
        return None
    try:
        there = os.lstat(os.path.join(folder, name))
    except FileNotFoundError:
        return None
    try:
        return os.path.samestat(there, os.lstat(os.path.join(folder, other)))
    except FileNotFoundError:
        return False


def _refusal(key: str, one: _Named, other: _Named) -> OutputError:
    if one.written and not other.written:
        one, other = other, one
    stream = key.startswith(_STREAM)
    if one.changed_by == other.role and not stream:
        hint = "name another output, or ask for it with `in_place=True`"
    elif other.written:
        hint = "name a file for each" if one.written or stream else "name another file"
    else:
        hint = "it can be read only once: name a file for one of them"
    words = f"{other.role} is the same {'stream' if stream else 'file'} as {one.role}, {one.name}"
    return OutputError(words, path=other.name, hint=hint)
