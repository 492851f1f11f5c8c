"""New files beside their places, and the moment at which they take them: all of them or none.

Whatever interrupts this, a signal's exception too, what was made so far is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.errors import OutputError

from .copy_bytes import Both, FileSink, Sink
from .descriptors import duplicated
from .output_place import Place
from .source import FileSource
from .staged_file import StagedFile

if TYPE_CHECKING:
    from deconvsurgery.storage.object_store.staged_object import StagedObject

    from .destination import Destination
    from .source_interface import Source

AnyStaged: TypeAlias = "StagedFile | StagedObject"


@contextmanager
def staged(
    destination: Destination,
    fill: Callable[[Sink], None],
    size: int | None,
    progress: Callable[[int], None] | None = None,
    *,
    reread: bool = False,
) -> Iterator[AnyStaged]:
    """Have ``fill`` write a new file of ``size`` bytes (if that is known) beside its place.

    It is on the disk, or in the store, when the body is entered; what the body does not
    `StagedFile.take` is removed. ``reread``: it is to be `StagedFile.reopened` before that.
    """
    with ExitStack() as stack:
        new: AnyStaged
        place = destination.place
        if isinstance(place, Place):
            new = StagedFile(destination, place)
        else:
            from deconvsurgery.storage.object_store.staged_object import StagedCopy, StagedUpload

            reopen = None
            if reread:
                import tempfile

                spool = stack.enter_context(tempfile.TemporaryFile(buffering=0)).fileno()
                fill, reopen = _filling_both(fill, spool), partial(_reopened, spool, place.name)
            kind = StagedUpload if place.location.is_s3 else StagedCopy
            new = kind(place, force=destination.force, reopen=reopen)
        try:
            try:
                new.fill(fill, progress)
                if size is not None and new.size != size:
                    raise RuntimeError(f"{new.size} bytes were written instead of {size}")
                yield new
            finally:
                new.settle()
        finally:
            new.settle()  # once more: a signal may have come in the midst of the first


def take_all(
    files: Sequence[AnyStaged], kept: Callable[[AnyStaged], str | None] = lambda _new: None
) -> None:
    """Have each take its place in turn; where one cannot, those before it give theirs back.

    ``kept`` says under which name beside its place what was there stays meanwhile; ``None``: any.
    """
    try:
        for number, new in enumerate(files):
            if any(new.is_at_place_of(other) for other in files[:number]):
                raise OutputError(
                    "is the same file as the other that is written",
                    path=new.place.name,
                    hint="name a file for each",
                )
            new.take(undoable=True, kept=kept(new))
    except BaseException:
        with ExitStack() as stack:  # the last first, and each whatever becomes of the others
            for new in files:
                stack.callback(new.undo)
        raise


def _filling_both(fill: Callable[[Sink], None], spool: int) -> Callable[[Sink], None]:
    return lambda sink: fill(Both(sink, FileSink(spool, None, fresh=True)))


def _reopened(spool: int, name: str) -> Source:
    return FileSource(duplicated(spool), name)
