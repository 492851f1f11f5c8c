"""What lies in folders and buckets: files by a pattern, and the nets in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

from deconvsurgery.errors import FileError
from deconvsurgery.storage.address import file_of, is_url
from deconvsurgery.storage.os_error_text import refusal, shown, wrong_name


def is_folder(path: str) -> bool:
    """It is a folder, here or (its URL ends with a slash) in a store."""
    plain = file_of(path)
    return plain.endswith("/") if is_url(plain) else os.path.isdir(plain)


def nets_below(folder: str) -> tuple[str, ...]:
    """Every ``.prototxt`` in a folder and the folders below it, but for hidden ones, in order.

    Raises ``FileError`` for a folder that cannot be listed.
    """
    plain = file_of(folder)
    start = os.path.join(plain, "")
    inside = "" if start == "./" else start
    if is_url(plain):
        from .list_objects import objects_below

        found = objects_below(folder, start, start, None)
    else:
        found = _files(inside, None, hidden=False)
    nets = (path for path in found if path.endswith(".prototxt"))
    return tuple(sorted(net for net in nets if "/." not in f"/{net.removeprefix(inside)}"))


def paths_like(pattern: str) -> Iterator[str]:
    """What lies where the pattern can mean it, and more; written as the pattern is."""
    from .path_patterns import fixed_part, reaches_down

    fixed = fixed_part(pattern)
    folder = fixed[: fixed.rfind("/") + 1]
    if not is_url(pattern):
        # As in naming: no wildcard stands for the dot that hides a folder.
        hidden = "/." in f"/{pattern[len(folder) :]}"
        yield from _files(folder, reaches_down(pattern), hidden=hidden)
        return
    from .list_objects import objects_below

    yield from objects_below(pattern, folder, fixed, reaches_down(pattern))


def _files(folder: str, depth: int | None, *, hidden: bool) -> Iterator[str]:
    """Files in a folder and as far below it as asked; links to folders where that is asked for.

    One folder after the other: they may lie in each other deeper than Python's calls may.
    """
    waiting = [("", depth)]
    while waiting:
        below, left = waiting.pop()
        here = folder + below
        try:
            with os.scandir(here or ".") as entries:
                for entry in entries:
                    inner = os.path.join(below, entry.name)
                    if not _is_folder(entry):
                        yield folder + inner
                    elif left == 0 or (entry.name[0] == "." and not hidden):
                        continue
                    elif left is not None or not entry.is_symlink():
                        waiting.append((inner, None if left is None else left - 1))
        except FileNotFoundError as error:
            raise FileError(
                "there is no such folder",
                path=shown(here),
                hint="a pattern needs one to look in; relative paths begin at the file that has it",
            ) from error
        except OSError as error:
            raise refusal("cannot be listed", error, shown(here or ".")) from error
        except ValueError as error:  # a NUL in the pattern
            raise FileError(f"cannot be listed: {wrong_name(error)}", path=shown(here)) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself: opening it raises the error
