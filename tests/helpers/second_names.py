"""Second names of a file, of every kind; and all that is in a folder, to be compared later."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeAlias

Way: TypeAlias = Callable[[Path, str, ExitStack], str | None]
"""Names a file of a folder anew, which may not be there yet; ``None``: not this one.

The folder has a second name beside it, ``linked``.
"""

Found: TypeAlias = dict[str, tuple[int, int, int, int, bytes | str]]


def content(place: Path) -> Found:
    """All that is there: mode, inode, names, times, and bytes, or where a link leads."""
    found: Found = {}
    for path in sorted(place.rglob("*")):
        status = path.lstat()
        data = os.readlink(path) if path.is_symlink() else path.read_bytes()
        told = (status.st_mode, status.st_ino, status.st_nlink, status.st_mtime_ns, data)
        found[str(path.relative_to(place))] = told
    return found


def the_same(_place: Path, name: str, _stack: ExitStack) -> str | None:
    return name


def from_here(_place: Path, name: str, _stack: ExitStack) -> str | None:
    return f"./{name}"


def symbolic_link(place: Path, name: str, _stack: ExitStack) -> str | None:
    (place / "soft").symlink_to(name)
    return "soft"


def hard_link(place: Path, name: str, _stack: ExitStack) -> str | None:
    if not (place / name).exists():
        (place / name).write_bytes(b"of an earlier run")
    (place / "hard").hardlink_to(place / name)
    return "hard"


def linked_folder(_place: Path, name: str, _stack: ExitStack) -> str | None:
    return f"../linked/{name}"


def file_url(place: Path, name: str, _stack: ExitStack) -> str | None:
    return f"file://{place}/{name}"


def second_name_of_its_scheme(place: Path, name: str, _stack: ExitStack) -> str | None:
    return f"LOCAL://localhost{place}/./{name}"


def descriptor(place: Path, name: str, stack: ExitStack) -> str | None:
    if not (place / name).exists() or not Path("/dev/fd").exists():
        return None
    return f"/dev/fd/{stack.enter_context((place / name).open()).fileno()}"


def another_case(place: Path, name: str, _stack: ExitStack) -> str | None:
    """Only where the file system ignores it."""
    return name.upper() if (place / "NET").exists() else None


WAYS: Final[tuple[Way, ...]] = (
    the_same,
    from_here,
    symbolic_link,
    hard_link,
    linked_folder,
    file_url,
    second_name_of_its_scheme,
    descriptor,
    another_case,
)


def named(what: object) -> str:
    if isinstance(what, tuple):
        return ", ".join(getattr(each, "label", str(each)) for each in what)
    return str(getattr(what, "__name__", what)).replace("_", " ")
