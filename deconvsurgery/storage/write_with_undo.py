"""An output and the patch that undoes it, both or neither; and the way back, verified.

Files are told apart by size and SHA-256.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from deconvsurgery.errors import FormatError, OutputError
from deconvsurgery.splicing.byte_ranges import Edit, Kept, spliced_size
from deconvsurgery.splicing.undo_patch import (
    Digest,
    Range,
    Undo,
    few_ranges,
    header,
)

from .atomic_write import staged, take_all
from .copy_bytes import Sink
from .output_place import AnyPlace, check_place, found_place
from .source_interface import Source
from .write_outputs import (
    Filling,
    Written,
    failure,
    splicing,
    write_file,
)

Told: TypeAlias = Callable[[Source], tuple[Sequence[Range], Sequence[Kept]]]
"""By the changed file: the ranges that undo the change, and where the original has their bytes."""

_BLOCK = 1 << 20


def digest(source: Source) -> Digest:
    """Size and SHA-256 of a file."""
    return Digest(source.size, source.sha256())


def check_patch(
    patch: str | os.PathLike[str],
    output: str | os.PathLike[str],
    source: Source,
    *,
    force: bool = False,
) -> None:
    """Every reason not to write a patch there beside that output; raises ``OutputError``."""
    _places(output, patch, source, force=force)


def write_undoable(
    source: Source,
    fill: Filling,
    told: Told,
    output: str | os.PathLike[str],
    patch: str | os.PathLike[str],
    *,
    size: int | None = None,
    force: bool = False,
    in_place: bool = False,
    progress: Callable[[int], None] | None = None,
) -> tuple[Written, Written]:
    """Have ``fill`` write ``output``, and write the patch that makes ``source`` of it again.

    The patch is in its place, on the disk, before the output is in its own. Raises as
    `write_spliced`; neither may be a stream.
    """
    place, patch_place = _places(output, patch, source, force=force)
    check_place(place, source, force=force, in_place=in_place, text=False)
    try:
        with staged(place, fill, size, progress, reread=True) as new:
            with new.reopened() as changed:
                ranges, kept = few_ranges(*told(changed))
                undo = Undo(digest(source), digest(changed), ranges)
            first = header(undo)

            def copied(sink: Sink) -> None:
                sink.write(first)
                for each in kept:
                    sink.copy(source, each.start, each.stop)

            with staged(patch_place, copied, len(first) + undo.size) as saved:
                source.confirm_unchanged()
                take_all([saved, new], force=force)
                return (
                    Written(place.given, new.size, tuple(new.warnings)),
                    Written(patch_place.given, saved.size, tuple(saved.warnings)),
                )
    except OSError as error:
        raise failure(error, place, size) from error


def write_nothing_to_undo(
    source: Source, patch: str | os.PathLike[str], *, force: bool = False
) -> Written:
    """The patch of a file that stays as it is."""
    same = digest(source)
    return write_file(patch, header(Undo(same, same, ())), force=force)


def write_reverted(
    source: Source,
    edits: Sequence[Edit],
    output: str | os.PathLike[str],
    expected: Digest,
    *,
    force: bool = False,
    in_place: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write ``source`` with ``edits`` carried out, if that makes the file ``expected``.

    Raises ``FormatError`` where it would be another one, else as `write_spliced`; nothing has been
    changed then. The output may not be a stream.
    """
    place = found_place(output)
    check_place(place, source, force=force, in_place=in_place, text=False)
    _refuse_stream(place)
    size = spliced_size(source.size, edits)
    try:
        with staged(place, splicing(source, edits), size, progress, reread=True) as new:
            with new.reopened() as made:
                if digest(made) != expected:
                    raise FormatError(
                        "is a damaged patch: what it makes is not the original; "
                        "nothing was changed",
                        hint="the patch was changed since it was written",
                    )
            source.confirm_unchanged()
            new.take(force=force)
            return Written(place.given, new.size, tuple(new.warnings))
    except OSError as error:
        raise failure(error, place, size) from error


def compared(original: Source, changed: Source) -> tuple[list[Range], list[Kept]]:
    """The ranges that undo a change of which only the outcome is known, to the byte.

    What follows the end of the shorter file is one range; blocks that differ are looked at in
    pieces of 4 KiB.
    """
    ranges: list[Range] = []
    kept: list[Kept] = []
    common = min(original.size, changed.size)
    for start, stop in _differing(original, changed, common):
        ranges.append(Range(start, stop, stop - start))
        kept.append(Kept(start, stop))
    if original.size != changed.size:
        ranges.append(Range(common, changed.size, original.size - common))
        kept.append(Kept(common, original.size))
    return ranges, kept


def _differing(one: Source, other: Source, size: int) -> Iterator[tuple[int, int]]:
    """Stretches of ``[0, size)`` in which the files differ, neighbours joined."""
    waiting: tuple[int, int] | None = None
    for start in range(0, size, _BLOCK):
        ours, theirs = (each.read(start, min(_BLOCK, size - start)) for each in (one, other))
        if ours == theirs:
            continue
        for at in range(0, len(ours), _PIECE):
            if ours[at : at + _PIECE] == theirs[at : at + _PIECE]:
                continue
            begin, end = start + at, start + min(at + _PIECE, len(ours))
            if waiting and waiting[1] == begin:
                waiting = (waiting[0], end)
                continue
            if waiting:
                yield waiting
            waiting = (begin, end)
    if waiting:
        yield waiting


_PIECE = 4096


def _places(
    output: str | os.PathLike[str],
    patch: str | os.PathLike[str],
    source: Source,
    *,
    force: bool,
) -> tuple[AnyPlace, AnyPlace]:
    place, patch_place = found_place(output), found_place(patch)
    check_place(patch_place, source, force=force, in_place=False, text=False)
    for each in (place, patch_place):
        _refuse_stream(each)
    return place, patch_place


def _refuse_stream(place: AnyPlace) -> None:
    if place.streamed:
        raise OutputError(
            "is a stream, which cannot be undone",
            path=place.name,
            hint="name files, for the output and for the patch",
        )
