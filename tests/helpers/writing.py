"""Written in one call: the destination is made where the path is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from deconvsurgery.storage import write_outputs
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.differing_ranges import compared
from deconvsurgery.storage.outcome import Splice, Undoing, amend_copy
from deconvsurgery.storage.write_outputs import Written, write_outcome

if TYPE_CHECKING:
    from deconvsurgery.splicing.byte_ranges import Edit
    from deconvsurgery.storage.copy_bytes import Sink
    from deconvsurgery.storage.source_interface import Source


class Filled(NamedTuple):
    """A file that ``write`` makes."""

    write: Callable[[Sink], object]
    changed: bool = True
    rewritten: int = 0

    def size(self, _before: int) -> None:
        """Known once it is written."""

    def fill(self, sink: Sink, source: Source) -> None:
        """Write the whole new file."""
        self.write(sink)

    def undoing(self, source: Source, changed: Source) -> Undoing:
        """What makes ``source`` of the ``changed`` file again."""
        return compared(source, changed)


class Amended(NamedTuple):
    """A copy of the source, or an empty file, that ``amend`` has changed."""

    amend: Callable[[int], None]
    copied: bool = True
    changed: bool = True
    rewritten: int = 0

    def size(self, _before: int) -> None:
        """Known once it is written."""

    def fill(self, sink: Sink, source: Source) -> None:
        """Write the whole new file."""
        amend_copy(sink, source, lambda file: self.amend(file.fd), copied=self.copied)

    def undoing(self, source: Source, changed: Source) -> Undoing:
        """What makes ``source`` of the ``changed`` file again."""
        return compared(source, changed)


def write_spliced(
    source: Source,
    edits: Sequence[Edit],
    output: str | os.PathLike[str],
    *,
    force: bool = False,
    in_place: bool = False,
    text: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """The source with edits carried out."""
    place = destination(output, source, force=force, in_place=in_place, text=text)
    return write_outcome(place, Splice(edits), progress)


def write_amended(
    source: Source,
    amend: Callable[[int], None],
    output: str | os.PathLike[str],
    *,
    copied: bool = True,
    force: bool = False,
    in_place: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """A copy of the source, amended."""
    place = destination(output, source, force=force, in_place=in_place)
    return write_outcome(place, Amended(amend, copied), progress)


def write_pair(
    text: bytes,
    text_output: str | os.PathLike[str],
    source: Source,
    write: Callable[[Sink], object],
    output: str | os.PathLike[str],
    *,
    force: bool = False,
) -> tuple[Written, Written]:
    """Two files that belong together."""
    one = destination(text_output, source, force=force)
    other = destination(output, source, force=force)
    return write_outputs.write_pair(text, one, other, Filled(write))
