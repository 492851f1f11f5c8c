"""A model that is being edited, until it is saved and closed."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from deconvsurgery.caffemodel.model import Model
from deconvsurgery.storage.address import file_of, from_any_folder
from deconvsurgery.storage.os_error_text import shown

from .model_edits import ModelEdits
from .open_and_write import Path, Progress
from .save_edits import EditResult, already_in_place, save_edits


class Editor(ModelEdits):
    """A model being edited: a mapping of layers' names to layers, as the edits so far make them.

    `edit` opens it. Each edit is refused at once where it cannot be, and then changes nothing. Of
    several layers of one name ``m[name]`` is the one that Caffe would load, the last that has
    blobs; ``rename`` and ``remove`` take them all.

    Memory holds the arrays that were given, in the model's types, and no other values: these are
    read when they are asked for, and when they are written.
    """

    def __init__(self, model: Model, path: Path | None = None, *, owned: bool = False) -> None:
        """``path`` is what the model was opened from; `close` closes it if it is ``owned``."""
        super().__init__(model)
        self._named, self._owned = path, owned
        self._there = None if path is None else from_any_folder(file_of(path))
        self._replaced = False

    def save(
        self,
        output: Path | None = None,
        *,
        force: bool = False,
        in_place: bool = False,
        dry_run: bool = False,
        save_patch: Path | None = None,
        progress: Progress | None = None,
    ) -> EditResult:
        """Write the model as edited: every byte that no edit aims at is the input's own.

        The output is written whole or not at all. Without edits it is the input, byte for byte. The
        editor stays open, with its edits, but saves no more once it has saved in place.

        Args:
            output: where to: a path, a URL, or ``-`` for standard output.
            force: replace a file that is there.
            in_place: replace the input itself; takes no ``output``.
            dry_run: write nothing, and say what would be.
            save_patch: a file for what `revert` needs to undo it; both are written or neither.
            progress: called with how many bytes are written, of how many.

        Returns:
            What was written, with a row for each layer that changed.

        Raises:
            OutputError: the output's place will not do.
            FileError: the operating system refuses, or the input was changed meanwhile.
            SurgeryError: any other; nothing was written then.
        """
        if self._replaced:
            raise already_in_place(shown(self._draft.model.name))
        with self.about():
            result = save_edits(
                self._draft,
                self._path,
                output,
                force=force,
                in_place=in_place,
                dry_run=dry_run,
                save_patch=save_patch,
                progress=progress,
            )
        self._replaced = in_place and result.written
        return result

    @property
    def _path(self) -> Path | None:
        """What the model was opened from, by another name where we are in another folder now."""
        with suppress(OSError):  # the folder is gone
            if self._named is None or from_any_folder(file_of(self._named)) == self._there:
                return self._named
        return self._there

    def close(self) -> None:
        """Let go of the file; edits that were not saved are lost. A second call does nothing.

        One that was given as an open `Model` stays open.
        """
        if self._owned:
            self._draft.model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
