"""Where an output goes, and what for: looked up and checked once, before any work.

The writer of the output is given the destination, and looks at the place again only for what
others may have put there meanwhile.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from deconvsurgery.errors import OutputError
from deconvsurgery.named_tuple import NamedTuple

from .output_place import AnyPlace, Place, check_place, found_place

if TYPE_CHECKING:
    from .source_interface import Source


class Destination(NamedTuple):
    """A place that may be written to.

    ``named`` is what the caller calls it. ``source`` is what a copy of is written there, if
    anything; with ``in_place`` it lies there (``None``: nobody can ask for that). ``force`` allows
    to replace another file.
    """

    named: str
    place: AnyPlace
    source: Source | None = None
    in_place: bool | None = None
    force: bool = False

    @property
    def original(self) -> Source:
        """The source of a destination that has one."""
        assert self.source is not None
        return self.source

    def looked_at_again(self, place: Place, now: os.stat_result | None) -> Place:
        """The ``place`` with what is there ``now``; that is checked, if it is another file.

        Raises as `destination`.
        """
        old, place = place.old, place._replace(old=now)
        same = now is old or (now is not None and old is not None and os.path.samestat(now, old))
        if not same:
            check_place(place, self.source, force=self.force, in_place=self.in_place, text=False)
        if place.streamed:  # a rename would put a file in the place of a pipe or a device
            words = "was replaced by another meanwhile"
            raise OutputError(words, path=place.name, transient=True)
        return place

    def refuse_stream(self, message: str, hint: str | None = None) -> None:
        """Raise ``OutputError`` where it cannot be replaced by a rename."""
        if self.place.streamed:
            raise OutputError(message, path=self.place.name, hint=hint)


def destination(
    output: str | os.PathLike[str],
    source: Source | None = None,
    *,
    force: bool = False,
    in_place: bool | None = None,
    text: bool = False,
) -> Destination:
    """Where ``output`` (``-``: standard output) leads, if it may be written to.

    ``force`` allows to replace another file, ``in_place`` the source itself, ``text`` to write
    to a terminal. Nothing is touched, so this comes before any work. Raises ``OutputError`` for
    what is no place to write to.
    """
    place = found_place(output)
    check_place(place, source, force=force, in_place=in_place, text=text)
    return Destination(os.fsdecode(output), place, source, in_place, force)
