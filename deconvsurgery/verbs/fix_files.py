"""Files that a fix reads and makes on the way: copies of streams, a folder of our own, names."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import FileError, OutputError
from deconvsurgery.storage.address import file_of, is_url, joined
from deconvsurgery.storage.names_beside import KEPT, RECORD, beside, place_in_a_folder
from deconvsurgery.storage.os_error_text import os_errors_as, reason, remedy, shown
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.streams import can_be_read_again

from .fix_groups import paths_of, place_key

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair
    from deconvsurgery.storage.run_files import RunFiles
    from deconvsurgery.storage.source_interface import Source

ANOTHER_FOLDER: Final = "name another folder: `into=DIR`"

_PIECE: Final = 1 << 20


def differ(one: str, other: str) -> bool:
    """Two files hold different bytes."""
    with open_source(one) as old, open_source(other) as new:
        if old.size != new.size:
            return True
        pieces = ((start, min(_PIECE, old.size - start)) for start in range(0, old.size, _PIECE))
        return any(old.read(*piece) != new.read(*piece) for piece in pieces)


def copy_of(path: str, into: str, is_net: bool) -> str:
    """What a copy in a folder is called."""
    name = ("net.prototxt" if is_net else "model.caffemodel") if path == "-" else ""
    name = name or os.path.basename(file_of(path))
    folder = file_of(into)
    return joined(folder, name) if is_url(folder) else os.path.join(into, name)


def copy_role(path: str) -> str:
    """What messages call a copy, by what it is of."""
    return f"the copy of {shown(path)}"


def refuse_own_files(pairs: Iterable[Pair], into: str | None, run_files: RunFiles) -> None:
    """Raise ``OutputError`` where a file that a fix may make is another that the run writes.

    Those are the copies, and what lies beside a file while it is replaced. Else a page or a
    document of the run would be in its place, and say that the pair failed, or stay there.
    """
    own = []
    for pair in pairs:
        for path in paths_of([pair]):
            if into is None:
                named = path
            else:
                named = copy_of(path, into, path == pair.net)
                own.append((copy_role(path), named))
            place = place_in_a_folder(named)
            if place is not None:
                own.append((f"the record of the fix of {shown(path)}", beside(place, RECORD)))
                own.append((f"what keeps the old {shown(path)}", beside(place, KEPT)))
    try:
        run_files.check_outputs(own)
    except OutputError as error:
        raise error.replaced(hint=ANOTHER_FOLDER if into else error.hint) from None


def content(path: str | None) -> bytes:
    """All bytes of a net."""
    with open_source(path or "") as source:
        return source.read(0, source.size)


def readable_again(path: str, source: Source, folder: str) -> str:
    """A path that can be read again and again: a copy of what cannot."""
    if can_be_read_again(path):
        return path
    copy = os.path.join(folder, f"stream-{place_key(path).replace('/', '-')}")
    with os_errors_as(_no_space), open(copy, "xb") as file:
        for start in range(0, source.size, _PIECE):
            file.write(source.read(start, min(_PIECE, source.size - start)))
    return copy


@contextmanager
def own_folder() -> Iterator[str]:
    """A folder of our own for what is made on the way; it is removed in the end."""
    with os_errors_as(_no_space):
        folder = tempfile.mkdtemp(prefix="deconvsurgery-")
    try:
        yield folder
    finally:
        with suppress(OSError):  # closing a folder may fail, too
            shutil.rmtree(folder, ignore_errors=True)


def folder_within(folder: str, number: int) -> str:
    """A folder in that one, for what is made of one pair."""
    path = os.path.join(folder, str(number))
    with os_errors_as(_no_space):
        os.mkdir(path)
    return path


def _no_space(error: OSError) -> FileError:
    return FileError(
        f"a temporary copy of it cannot be made: {reason(error)}",
        errno=error.errno,
        hint=remedy(error) or "point TMPDIR to a directory with more space",
    )
