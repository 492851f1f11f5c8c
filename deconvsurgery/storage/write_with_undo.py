"""An output and the patch that undoes it, both or neither; and the way back, verified.

A file is known by its size and SHA-256.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.errors import FormatError
from deconvsurgery.splicing.undo_patch import (
    Digest,
    Undo,
    few_ranges,
    header,
)

from .atomic_write import staged, take_all
from .destination import Destination, destination
from .os_error_text import os_errors_as
from .outcome import Outcome, Splice
from .write_outputs import Written, failure, write_bytes, written

if TYPE_CHECKING:
    from deconvsurgery.splicing.byte_ranges import Edit

    from .copy_bytes import Sink
    from .source_interface import Source


def digest(source: Source) -> Digest:
    """Size and SHA-256 of a file."""
    return Digest(source.size, source.sha256())


def patch_destination(
    patch: str | os.PathLike[str], output: Destination, *, force: bool = False
) -> Destination:
    """Where a patch goes that undoes what is written to ``output``; raises ``OutputError``."""
    found = destination(patch, output.source, force=force)
    _refuse_stream(output)
    _refuse_stream(found)
    return found


def write_undoable(
    destination: Destination,
    outcome: Outcome,
    patch: Destination,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write an outcome, and the patch that makes the source of it again; warnings are of both.

    The patch is in its place, on the disk, before the output is in its own. Raises as
    `write_outcome`; neither may be a stream.
    """
    source = destination.original
    fill = partial(outcome.fill, source=source)
    with (
        os_errors_as(partial(failure, place=destination.place, size=None)),
        staged(destination, fill, None, progress, reread=True) as new,
    ):
        with new.reopened() as changed:
            ranges, kept = few_ranges(*outcome.undoing(source, changed))
            undo = Undo(digest(source), digest(changed), ranges)
        first = header(undo)

        def copied(sink: Sink) -> None:
            sink.write(first)
            for part in kept:
                sink.copy(source, part.start, part.stop)

        with staged(patch, copied, len(first) + undo.size) as saved:
            source.confirm_unchanged()
            take_all([saved, new])
            done = written(new)
            return done._replace(warnings=done.warnings + tuple(saved.warnings))


def write_nothing_to_undo(source: Source, patch: Destination) -> Written:
    """The patch of a file that stays as it is."""
    same = digest(source)
    return write_bytes(patch, header(Undo(same, same, ())))


def write_reverted(
    destination: Destination,
    edits: Sequence[Edit],
    expected: Digest,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write the source with ``edits`` carried out, if that makes the file ``expected``.

    Raises ``FormatError`` where it would be another one, else as `write_outcome`; nothing has been
    changed then. The output may not be a stream.
    """
    source, outcome = destination.original, Splice(edits)
    _refuse_stream(destination)
    size = outcome.size(source.size)
    fill = partial(outcome.fill, source=source)
    with (
        os_errors_as(partial(failure, place=destination.place, size=size)),
        staged(destination, fill, size, progress, reread=True) as new,
    ):
        with new.reopened() as made:
            if digest(made) != expected:
                raise FormatError(
                    "is a damaged patch: what it makes is not the original; nothing was changed",
                    hint="the patch was changed since it was written",
                )
        source.confirm_unchanged()
        new.take()
        return written(new)


def _refuse_stream(destination: Destination) -> None:
    destination.refuse_stream(
        "is a stream, which cannot be undone",
        hint="name files, for the output and for the patch",
    )
