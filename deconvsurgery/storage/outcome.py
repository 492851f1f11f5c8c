"""What becomes of a file's bytes: edits carried out on them, or a new file made of them.

A verb makes an outcome, a writer asks it for its size and has it write the whole new file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeAlias

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.splicing.byte_ranges import Edit, Kept, segments, spliced_size

from .copy_bytes import FileSink, Sink
from .descriptors import duplicated
from .source import FileSource

if TYPE_CHECKING:
    from deconvsurgery.splicing.undo_patch import Range

    from .source_interface import Source

Undoing: TypeAlias = "tuple[Sequence[Range], Sequence[Kept]]"
"""The ranges of the changed file that give way, and where the original has the bytes for each."""


class Outcome(Protocol):
    """What a verb makes of a source's bytes."""

    @property
    def changed(self) -> bool:
        """It is something else than the source."""

    @property
    def rewritten(self) -> int:
        """Bytes in it that are not the source's own."""

    def size(self, before: int) -> int | None:
        """Bytes of what comes of ``before`` bytes; ``None`` where only writing it shows that."""

    def fill(self, sink: Sink, source: Source) -> None:
        """Write the whole new file."""

    def undoing(self, source: Source, changed: Source) -> Undoing:
        """What makes ``source`` of the ``changed`` file again."""


class Splice(NamedTuple):
    """Edits carried out; every other byte is the source's own."""

    edits: Sequence[Edit]

    @property
    def changed(self) -> bool:
        """There are any."""
        return bool(self.edits)

    @property
    def rewritten(self) -> int:
        """Bytes that the edits make."""
        return sum(edit.size for edit in self.edits)

    def size(self, before: int) -> int:
        """Bytes of what comes of ``before`` bytes."""
        return spliced_size(before, self.edits)

    def fill(self, sink: Sink, source: Source) -> None:
        """Write the whole new file.

        Where the file system can clone the source and no edit changes its length, only the edits
        are written.
        """
        cloned = (
            isinstance(sink, FileSink)
            and not any(edit.growth for edit in self.edits)
            and sink.clone(source, but=self.rewritten)
        )
        if cloned:
            assert isinstance(sink, FileSink)
            for edit in sorted(self.edits, key=lambda edit: edit.start):
                sink.seek(edit.start)
                sink.carry_out(edit, source)
            return
        for segment in segments(source.size, self.edits):
            if isinstance(segment, Kept):
                sink.copy(source, segment.start, segment.stop)
            else:
                sink.carry_out(segment, source)

    def undoing(self, _source: Source, _changed: Source) -> Undoing:
        """What makes the source of the changed file again."""
        from deconvsurgery.splicing.undo_patch import undoing

        return undoing(self.edits)


class Another(NamedTuple):
    """The bytes of another file, which was made elsewhere."""

    made: Source
    changed: bool = True

    @property
    def rewritten(self) -> int:
        """All of them."""
        return self.made.size

    def size(self, _before: int) -> int:
        """Bytes of the other file."""
        return self.made.size

    def fill(self, sink: Sink, source: Source) -> None:  # noqa: ARG002 - nothing is the source's
        """Write the whole new file."""
        if not (isinstance(sink, FileSink) and sink.clone(self.made)):
            sink.copy(self.made, 0, self.made.size)

    def undoing(self, source: Source, changed: Source) -> Undoing:
        """What makes the source of the changed file again."""
        from .differing_ranges import compared

        return compared(source, changed)


def amend_copy(
    sink: Sink, source: Source, amend: Callable[[FileSink], None], *, copied: bool
) -> None:
    """Write a copy of ``source`` (or with ``copied`` false nothing) that ``amend`` has changed.

    ``amend`` gets a file to read and write, a temporary one where the sink is none.
    """

    def fill(sink: FileSink) -> None:
        if copied and not sink.clone(source):
            sink.copy(source, 0, source.size)
        amend(sink)

    if isinstance(sink, FileSink) and sink.fresh:
        fill(sink)
        return
    with _spooled(fill, sink.name) as made:
        sink.copy(made, 0, made.size)


@contextmanager
def _spooled(fill: Callable[[FileSink], None], name: str) -> Iterator[FileSource]:
    """What ``fill`` writes, as an unnamed file that can be read."""
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as spool:
        fill(FileSink(spool.fileno(), None, fresh=True))
        with FileSource(duplicated(spool.fileno()), name) as contents:
            yield contents
