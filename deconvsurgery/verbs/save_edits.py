"""Edits of a model carried out: what is written, or would be, and the patch that undoes it."""

from __future__ import annotations

import os
from typing import ClassVar

from deconvsurgery.caffemodel.size_limit import size_warnings
from deconvsurgery.errors import OutputError
from deconvsurgery.plans.edit.draft import EditDraft
from deconvsurgery.plans.edit.edits import outcome
from deconvsurgery.plans.edit.plan import EditPlan, LayerEdit, planned
from deconvsurgery.wording import plural

from .open_and_write import (
    Path,
    Progress,
    carry_out_changes,
    files_of,
    output_destination,
    patch_place,
)
from .result import Result, about, counted, written_path


class EditResult(Result):
    """What `Editor.save` wrote, or with ``written`` false would write; sizes in bytes.

    ``rewritten`` are the bytes of the output that are not the input's own. ``output`` is ``None``
    when nothing was to be written, ``-`` for standard output; ``output_size`` when an HDF5 file is
    not written whose groups or shapes change. ``patch`` is the file that undoes it.
    """

    plan: EditPlan
    input: str
    output: str | None
    input_size: int
    output_size: int | None
    rewritten: int
    written: bool
    warnings: tuple[str, ...] = ()
    patch: str | None = None

    _verb: ClassVar[str] = "edit"

    def _essence(self) -> str:
        where = about(self.output, self.input, written=self.written)
        return f"{where}: {counted(self.layers)}, {plural(self.rewritten, 'byte')} rewritten"

    @property
    def layers(self) -> tuple[LayerEdit, ...]:
        """A row for each layer that the edits change."""
        return self.plan.layers

    @property
    def changed(self) -> bool:
        """The output differs from the input, or would."""
        return self.plan.changed

    @property
    def path(self) -> str | None:
        """The file that was written; ``None`` where none was."""
        return written_path(self.output, written=self.written)


def already_in_place(name: str) -> OutputError:
    """What is to be said where edits have taken the place of the file that they were made for."""
    return OutputError(
        "the edits were saved in place, and the file that they were made for is gone",
        path=name,
        hint="open the file again for more edits",
    )


def save_edits(
    draft: EditDraft,
    path: Path | None,
    output: Path | None,
    *,
    force: bool,
    in_place: bool,
    dry_run: bool,
    save_patch: Path | None,
    progress: Progress | None,
) -> EditResult:
    """Write the model of a draft; ``path`` is what was opened for it, if anything.

    Arguments and errors are those of `Editor.save`.
    """
    given = draft.model if path is None else path
    files = files_of(None, given, output, in_place=in_place)
    files.writes("the patch", save_patch)
    files.check()
    source = draft.model.source
    place = output_destination(
        source, given, output, in_place=in_place, force=force, dry_run=dry_run
    )
    patch = patch_place(save_patch, place, force=force)
    made = outcome(draft)
    plan = planned(draft, made.rewritten)
    size = made.size(source.size)
    done = carry_out_changes(
        place,
        made,
        size,
        changed=plan.changed,
        in_place=in_place,
        patch=patch,
        progress=progress,
    )
    return EditResult(
        plan=plan,
        input=draft.model.name if path is None else os.fsdecode(path),
        output=None if place is None else place.named,
        input_size=source.size,
        output_size=done.size,
        rewritten=made.rewritten,
        written=done.written,
        warnings=size_warnings(size, draft.model.version) + done.warnings,
        patch=None if patch is None else patch.named,
    )
