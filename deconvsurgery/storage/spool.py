"""What comes from a pipe, a device or a server, copied to a file of our own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from deconvsurgery.errors import FileError
from deconvsurgery.wording import plural

from .descriptors import duplicated
from .os_error_text import os_errors_as, reason
from .source_interface import LARGEST_STREAM


def spooled(chunks: Iterator[bytes], name: str, limit: int | None) -> int:
    """Copy what comes, to its end, into an unnamed temporary file; its descriptor.

    With a ``limit`` it ends with the chunk that goes beyond. Without one, more than
    `LARGEST_STREAM` bytes are a ``FileError``: a device may have no end.
    """
    with os_errors_as(partial(_not_copied, name=name)):
        import tempfile

        with tempfile.TemporaryFile(buffering=0) as spool:
            done = 0
            for chunk in chunks:
                done += len(chunk)
                if limit is None and done > LARGEST_STREAM:
                    raise FileError(
                        f"cannot be read: it has more than {plural(LARGEST_STREAM, 'byte')}, and is"
                        " not a file",
                        path=name,
                        hint="write it to a file first",
                    )
                view = memoryview(chunk)
                while view:
                    view = view[spool.write(view) :]
                if limit is not None and done > limit:
                    break
            return duplicated(spool.fileno())


def _not_copied(error: OSError, name: str) -> FileError:
    return FileError(
        f"cannot be copied to a temporary file: {reason(error)}",
        path=name,
        errno=error.errno,
        hint="point TMPDIR to a directory with more space",
    )
