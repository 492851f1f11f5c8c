"""Files that belong together are replaced together: all or none, also where the run is killed.

The old ones stay beside their places, under known names, until all new ones are in theirs; a record
beside each says what a later run needs to finish it, or to take it back. What is promised:
``docs/writing.md``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.errors import FileError, OutputError
from deconvsurgery.named_tuple import NamedTuple

from .atomic_write import AnyStaged, staged, take_all
from .names_beside import KEPT, beside
from .os_error_text import os_errors_as, reason, shown
from .output_place import Place
from .replacement_record import Records, Replaced, marked, refuse_recorded
from .staged_file import StagedFile
from .write_outputs import Written, failure, write_outcome, written

if TYPE_CHECKING:
    from .destination import Destination
    from .outcome import Outcome


class NewFile(NamedTuple):
    """What is to become of a destination's source."""

    destination: Destination
    outcome: Outcome


def write_together(files: Sequence[NewFile]) -> tuple[Written, ...]:
    """Write each file, or none; the places of all are looked at, and their folders exist.

    Raises as `write_outcome`, and ``OutputError`` where another run replaces one of them, where
    something has the name that an old file is kept under, and for what cannot be replaced like
    this: a stream, or an object in a store that is there already.
    """
    if len(files) == 1:
        return (write_outcome(files[0].destination, files[0].outcome),)
    for file in files:
        check_together(file.destination)
    with ExitStack() as stack:
        records = stack.enter_context(Records())
        news: list[AnyStaged] = []
        for file in files:
            with os_errors_as(partial(failure, place=file.destination.place, size=None)):
                source = file.destination.original
                fill = partial(file.outcome.fill, source=source)
                size = file.outcome.size(source.size)
                news.append(stack.enter_context(staged(file.destination, fill, size)))
        try:
            with os_errors_as(partial(_not_taken, news=news)):
                waiting = [new for new in news if isinstance(new, StagedFile)]
                if waiting:
                    records.write([_replaced(new) for new in waiting])
                for file in files:
                    file.destination.original.confirm_unchanged()
                take_all(news, kept=lambda new: os.path.basename(beside(new.place.path, KEPT)))
        finally:
            records.stay = any(new.left is not None for new in news)
        done = tuple(map(written, news))
        stack.close()  # in the body: a signal as it is left would leave the records where they are
        return done


def _not_taken(error: OSError, news: Sequence[AnyStaged]) -> FileError:
    """Why no place was taken; what could not be put back stays where the record says."""
    new = next((new for new in news if new.left is not None), None)
    if new is None:
        return failure(error, news[0].place, None)
    return FileError(
        f"was replaced, and could not be put back after a failure: {reason(error)}; what is left"
        f" is {shown(new.left or '')}",
        path=new.place.name,
        errno=error.errno,
        hint="the next `fix()` of the same files finishes it or takes it back",
    )


def check_together(destination: Destination) -> None:
    """Raise ``OutputError`` for a place that cannot be written to together with another."""
    destination.refuse_stream(
        "is a stream, and files that belong together are replaced together",
        hint="name files",
    )
    place = destination.place
    if isinstance(place, Place):
        refuse_recorded(place.path)
    if place.old is None:
        return
    if not isinstance(place, Place):
        raise OutputError(
            "is an object in a store, which cannot be replaced together with another file",
            path=place.name,
            hint="write the new ones into another folder",
        )
    kept = beside(place.path, KEPT)
    if os.path.lexists(kept):
        raise OutputError(
            "has the name under which the old file is kept while it is replaced",
            path=shown(kept),
            hint="move it away",
        )


def _replaced(new: StagedFile) -> Replaced:
    """A new file that waits, as its record has it."""
    place = new.place
    made = marked(os.lstat(os.path.join(place.directory, new.waiting)))
    old = None if place.old is None else marked(place.old)
    return Replaced(place.path, new.waiting, old, made)
