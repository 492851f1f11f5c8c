"""``revert``: undoes an ``apply`` that saved a patch, bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from deconvsurgery.errors import MismatchError, OutputError
from deconvsurgery.inputs.open_patch import open_patch
from deconvsurgery.splicing.byte_ranges import spliced_size
from deconvsurgery.splicing.undo_patch import Digest, edits_of
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.streams import can_be_read_again
from deconvsurgery.storage.write_with_undo import digest, write_reverted
from deconvsurgery.wording import plural

from .open_and_write import (
    Path,
    Progress,
    counting,
)
from .result import Result, about, written_path

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source

_PIECE = 1 << 20


class RevertResult(Result):
    """What ``revert`` did, or with ``written`` false would do.

    Attributes:
        input: the file that was patched.
        patch: the patch.
        output: where the original is; ``None`` in a dry run.
        size_before: bytes of the input.
        size_after: bytes of the original.
        sha256: the original's SHA-256, in hexadecimal.
        restored: bytes of the original that the patch holds.
        written: a file was written: not in a dry run, nor where it is the original already.
        already: the input was the original before.
        warnings: what is to be said of the files, a sentence each.
    """

    input: str
    patch: str
    output: str | None
    size_before: int
    size_after: int
    sha256: str
    restored: int
    written: bool
    already: bool = False
    warnings: tuple[str, ...] = ()

    _verb: ClassVar[str] = "revert"

    def _essence(self) -> str:
        where = about(self.output, self.input, written=self.written)
        return f"{where}: {plural(self.restored, 'byte')} restored"

    @property
    def layers(self) -> tuple[()]:
        """None: a patch has bytes, and knows of no layers."""
        return ()

    @property
    def changed(self) -> bool:
        """The original differs from the input."""
        return not self.already

    @property
    def path(self) -> str | None:
        """The file that was written; ``None`` where none was."""
        return written_path(self.output, written=self.written)


def revert(
    changed: Path,
    patch: Path,
    output: Path | None = None,
    *,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> RevertResult:
    """Restore the original that a verb with ``save_patch`` changed, there or elsewhere.

    Args:
        changed: the changed file: a path or URL.
        patch: what ``save_patch`` wrote.
        output: where to restore it (``OUT``); without it the changed file is replaced.
        force: replace a file that is there (``--force``).
        dry_run: write nothing, and say what would be written (``--dry-run``).
        progress: called with how many bytes are written, and of how many, while the file is
            written.

    Returns:
        What was restored.

    Raises:
        MismatchError: it is not the file that was patched, by its SHA-256.
        FormatError: the patch is none, or damaged.
        OutputError: the output's place will not do: it exists, or is an input.
        FileError: the system refuses to read or write.

    >>> import deconvsurgery as ds
    >>> _ = ds.apply("net.prototxt", "in.caffemodel", "new.caffemodel", save_patch="a.patch")
    >>> ds.revert("new.caffemodel", "a.patch", "old.caffemodel").written
    True
    >>> ds.diff("in.caffemodel", "old.caffemodel").same
    True
    """
    if "-" in (changed, patch) or not (can_be_read_again(patch) or os.path.isdir(patch)):
        raise OutputError("the file and its patch cannot be streams", hint="name two files")
    files = RunFiles()
    if output is None:
        files.writes("the changed file", changed)
    else:
        files.reads("the changed file", changed)
    files.reads("the patch", patch)
    files.writes("the output", output)
    files.check()
    with open_patch(patch) as (saved, undo, start), open_source(changed) as source:
        found = digest(source)
        already = found == undo.original
        if not already and found != undo.changed:
            raise _another(source, found, undo.changed)

        def read(begin: int, end: int) -> Iterator[bytes]:
            for at in range(start + begin, start + end, _PIECE):
                yield saved.read(at, min(_PIECE, start + end - at))

        edits = [] if already else edits_of(undo, read)
        size = spliced_size(source.size, edits)
        to_write = not dry_run and not (already and output is None)
        warnings: tuple[str, ...] = ()
        if to_write:
            place = destination(
                changed if output is None else output,
                source,
                force=force,
                in_place=True if output is None else None,
            )
            on_bytes = counting(progress, size) if progress else None
            warnings = write_reverted(place, edits, undo.original, on_bytes).warnings
        return RevertResult(
            input=os.fsdecode(changed),
            patch=os.fsdecode(patch),
            output=None if dry_run else os.fsdecode(changed if output is None else output),
            size_before=found.size,
            size_after=size,
            sha256=undo.original.sha256,
            restored=0 if already else undo.size,
            written=to_write,
            already=already,
            warnings=warnings,
        )


def _another(source: Source, found: Digest, expected: Digest) -> MismatchError:
    difference = (
        f"it has {plural(found.size, 'byte')}, that one had {expected.size:,}"
        if found.size != expected.size
        else f"its SHA-256 begins with {found.sha256[:12]}, that one's with {expected.sha256[:12]}"
    )
    return MismatchError(
        f"is not the file that was patched: {difference}",
        path=source.name,
        hint="a patch undoes one change of one file, which nobody else has changed since",
    )
