"""A replacement of several files that a kill or a power cut has ended: finished, or taken back.

``replacement_record`` has what was to be done; here it is done, as far as the files are still what
they were then. Nothing is touched that somebody has changed since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial

from deconvsurgery.errors import FileError, OutputError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import listed

from .descriptors import let_go, opened
from .names_beside import place_in_a_folder
from .os_error_text import os_errors_as, refusal, shown
from .replacement_record import Replaced, Replacement, flush_folder, is_locked, mark_of
from .replacement_record import read_replacement as read_record


class SettledAs(StrEnum):
    """What became of a replacement that was ended."""

    NOTHING = "it had replaced nothing yet"
    FINISHED = "finished now"
    TAKEN_BACK = "taken back now"


class Ended(NamedTuple):
    """A replacement that was ended: which files it was of, and what became of it."""

    places: tuple[str, ...]
    settled: SettledAs

    @property
    def words(self) -> str:
        """What to say of it."""
        names = listed([shown(place) for place in self.places])
        return f"a run that replaced {names} together was ended before it was done: {self.settled}"


def ended_replacement(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The files that an ended run was replacing together, of which this is one; none: no such run.

    Raises as `settle_replacement`.
    """
    place = place_in_a_folder(path)
    found = None if place is None else read_record(place)
    return () if found is None else tuple(each.place for each in found.files)


def ended_words(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """What to say of a file that an ended run was replacing; nothing where there was none.

    What is beside it and is no record is said by those that write.
    """
    with suppress(SurgeryError):
        places = ended_replacement(path)
        if places:
            names = listed([shown(place) for place in places])
            return (
                f"a run that replaces {names} together is under way, or was ended before it was"
                " done: the next `fix()` of them finishes it or takes it back",
            )
    return ()


def settle_replacement(path: str | os.PathLike[str]) -> Ended | None:
    """Finish a replacement of which this file is one, or take it back; ``None``: there is none.

    Raises ``OutputError`` where another run is at it, where what is beside the file is no record,
    and where the files are no longer what they were, so that neither can be done; ``FileError``.
    """
    place = place_in_a_folder(path)
    found = None if place is None else read_record(place)
    if place is None or found is None:
        return None
    with _locked(found) as known:
        if read_record(place) != found:
            return None  # the run that had the lock has removed it
        with os_errors_as(partial(_not_replaced, place=place)):
            settled = _settled(found.files, known)
            _clear(known)
    return Ended(tuple(each.place for each in found.files), settled)


def _not_replaced(error: OSError, place: str) -> FileError:
    return refusal("could not be replaced", error, shown(error.filename or place))


@contextmanager
def _locked(replacement: Replacement) -> Iterator[list[Replaced]]:
    """The files that have their record, which no other run can settle meanwhile."""
    fds: list[int] = []
    found = []
    try:
        for each in replacement.files:
            try:
                fds.append(opened(each.record, os.O_RDWR | os.O_NOFOLLOW | os.O_NOCTTY))
                mine = is_locked(fds[-1])
            except FileNotFoundError:
                continue
            except OSError as error:
                raise refusal("cannot be opened", error, shown(each.record)) from error
            if not mine:
                raise OutputError(
                    "is being replaced by another run",
                    path=shown(each.place),
                    hint="run again when that has ended",
                    transient=True,
                )
            other = read_record(each.place)
            if other is not None and other.key == replacement.key:
                found.append(each)
        yield found
    finally:
        for fd in fds:
            let_go(fd)


class _Now(NamedTuple):
    """What is there of a file that was replaced: the new one in its place, or the old one.

    ``waits``: the new one is beside it. ``kept``: the old one is, or there was none.
    """

    file: Replaced
    new: bool
    old: bool
    waits: bool
    kept: bool

    @classmethod
    def of(cls, file: Replaced) -> _Now:
        """As it is now."""
        mark = mark_of(file.place)
        return cls(
            file,
            new=mark == file.made,
            old=mark == file.old,
            waits=mark_of(file.temporary) == file.made,
            kept=file.old is None or mark_of(file.kept) == file.old,
        )

    @property
    def left(self) -> bool:
        """Something of it is beside it."""
        return mark_of(self.file.temporary) is not None or mark_of(self.file.kept) is not None


def _settled(files: Sequence[Replaced], known: Sequence[Replaced]) -> SettledAs:
    """Put every file, or none, in its place; raises ``OSError`` as the system does.

    ``known`` are those that have their record. Where one has none it had not begun, as records come
    first, or it was over, as they go last; or that file is on a disk that is not mounted now, and
    then all stays as it is.
    """
    now = [_Now.of(each) for each in files]
    recorded = frozenset(known)
    own = [each for each in now if each.file in recorded]
    if all(each.new for each in now):
        return SettledAs.FINISHED
    if all(each.waits for each in now) and not any(each.new for each in now):
        return SettledAs.NOTHING
    if len(own) < len(now):
        if any(each.left for each in own) and not all(each.old for each in now):
            raise _beyond(now)
        return SettledAs.FINISHED if all(each.new for each in own) else SettledAs.NOTHING
    if not any(each.old or each.left for each in now):
        return SettledAs.FINISHED  # and changed since
    if all(each.new or (each.old and each.waits) for each in now):
        for each in now:
            if not each.new:
                os.rename(each.file.temporary, each.file.place)
        _flush(files)
        return SettledAs.FINISHED
    if all(each.old or (each.new and each.kept) for each in now):
        for each in now:
            if not each.old and each.file.old is None:
                os.unlink(each.file.place)
            elif not each.old:
                os.rename(each.file.kept, each.file.place)
        _flush(files)
        return SettledAs.TAKEN_BACK
    raise _beyond(now)


def _flush(files: Sequence[Replaced]) -> None:
    for folder in dict.fromkeys(os.path.dirname(each.place) for each in files):
        flush_folder(folder)


def _beyond(now: Sequence[_Now]) -> OutputError:
    """Neither can be done without losing what somebody has made of the files since."""
    done = [shown(each.file.place) for each in now if each.new]
    rest = [shown(each.file.place) for each in now if not each.new]
    paths = [path for each in now for path in (each.file.kept, each.file.temporary)]
    beside = [shown(path) for path in paths if os.path.lexists(path)]
    words = (
        "was replaced together with others by a run that was ended, and files were changed or moved"
        " since"
    )
    words += f": new are {listed(done) or 'none'}; not new are {listed(rest) or 'none'}"
    if beside:
        words += f"; beside them are {listed(beside)}"
    records = listed([shown(each.file.record) for each in now])
    return OutputError(
        words,
        path=shown(now[0].file.place),
        hint=f"put them right by hand, then remove {records}",
    )


def _clear(files: Sequence[Replaced]) -> None:
    """Remove what is left of it, the records last: only what a run has made itself."""
    for each in files:
        if mark_of(each.temporary) == each.made:
            os.unlink(each.temporary)
        if each.old is not None and mark_of(each.kept) == each.old and mark_of(each.place):
            os.unlink(each.kept)
    for each in files:
        with suppress(FileNotFoundError):
            os.unlink(each.record)
