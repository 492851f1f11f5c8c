"""What the verbs take: paths or open objects; where the outcome goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from deconvsurgery.caffemodel.hdf5.write import Amendment
from deconvsurgery.caffemodel.model import MAX_UNPACKED, Model
from deconvsurgery.errors import (
    MismatchError,
    NotANetError,
    OutputError,
    PrototxtError,
    SelectionError,
    ShapeError,
)
from deconvsurgery.inputs.open_inputs import open_model, read_net
from deconvsurgery.prototxt.net import Net, Phase
from deconvsurgery.splicing.byte_ranges import Edit, Kept, spliced_size
from deconvsurgery.splicing.undo_patch import Range, undoing
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.storage.source_interface import Source
from deconvsurgery.storage.write_outputs import (
    Filling,
    Written,
    amending,
    check_output,
    splicing,
    write_amended,
    write_spliced,
)
from deconvsurgery.storage.write_with_undo import compared, write_undoable

Path: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[int, int], None]
Outcome: TypeAlias = Sequence[Edit] | Amendment
"""What a verb makes of a model: edits on its bytes, or new values in an HDF5 file."""


def outcome_size(outcome: Outcome, size: int) -> int | None:
    """Bytes of what comes of a model of ``size`` bytes; ``None`` where only HDF5 can tell."""
    if isinstance(outcome, Amendment):
        return None
    return spliced_size(size, outcome)


def outcome_rewritten(outcome: Outcome) -> int:
    """Bytes in it that are not the input's own."""
    if isinstance(outcome, Amendment):
        return outcome.size
    return sum(edit.size for edit in outcome)


def write_outcome(
    source: Source,
    outcome: Outcome,
    place: Path,
    *,
    force: bool = False,
    in_place: bool = False,
    patch: Path | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write it, and the ``patch`` that undoes it if one is asked for; raises as `write_spliced`."""
    size = outcome_size(outcome, source.size) or source.size
    told = counting(progress, size) if progress else None
    if patch is not None:
        return _write_undoable(
            source, outcome, place, patch, force=force, in_place=in_place, progress=told
        )
    if isinstance(outcome, Amendment):
        return write_amended(
            source,
            outcome.carry_out,
            place,
            copied=not outcome.new,
            force=force,
            in_place=in_place,
            progress=told,
        )
    return write_spliced(source, outcome, place, force=force, in_place=in_place, progress=told)


def _write_undoable(
    source: Source,
    outcome: Outcome,
    place: Path,
    patch: Path,
    *,
    force: bool,
    in_place: bool,
    progress: Callable[[int], None] | None,
) -> Written:
    def told(changed: Source) -> tuple[Sequence[Range], Sequence[Kept]]:
        # What the HDF5 library has changed only a comparison tells.
        return compared(source, changed) if isinstance(outcome, Amendment) else undoing(outcome)

    fill = filling_of(source, outcome)
    written, saved = write_undoable(
        source, fill, told, place, patch, force=force, in_place=in_place, progress=progress
    )
    return replace(written, warnings=written.warnings + saved.warnings)


def filling_of(source: Source, outcome: Outcome) -> Filling:
    """What writes the whole new file."""
    if isinstance(outcome, Amendment):
        return amending(source, outcome.carry_out, copied=not outcome.new)
    return splicing(source, outcome)


def counting(progress: Progress, total: int) -> Callable[[int], None]:
    """Add up the pieces that are written."""
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return told


def files_of(
    net: Path | Net | None,
    model: Path | Model | None,
    output: Path | None = None,
    *,
    in_place: bool | None = None,
) -> RunFiles:
    """What a verb reads and writes; ``in_place`` is ``None`` where a verb has no such thing."""
    files = RunFiles()
    files.reads("the net", net)
    if in_place:
        files.writes("the model", model)
    else:
        files.reads("the model", model, changed_by=None if in_place is None else "the output")
    files.writes("the output", output)
    return files


def phase_of(phase: Phase | str | None) -> Phase | None:
    """A phase by its name, in either case."""
    if isinstance(phase, str):
        if phase.upper() not in Phase.__members__:
            raise ValueError(f"phase is train or test, not {phase!r}")
        return Phase[phase.upper()]
    return phase


def given_net(net: Path | Net) -> tuple[Net, str]:
    """A net, and what to call it."""
    if isinstance(net, Net):
        return net, net.name or "the net"
    return read_net(net), os.fsdecode(net)


def passed_over(error: NotANetError) -> str:
    """What to say of a file that is no net, where only nets are looked at."""
    return f"{error.message}: passed over"


@contextmanager
def given_model(
    model: Path | Model, max_unpacked: int = MAX_UNPACKED
) -> Iterator[tuple[Model, str]]:
    """A model, opened if need be, and what to call it; ``max_unpacked`` as `open_model` has it."""
    if isinstance(model, Model):
        yield model, getattr(model.source, "name", "the model")
        return
    with open_model(model, max_unpacked=max_unpacked) as opened:
        yield opened, os.fsdecode(model)


@contextmanager
def blamed(net_name: str | None, model_name: str | None = None) -> Iterator[None]:
    """Errors about the net's layers say which file they stand in, and what it was held against."""
    try:
        yield
    except (PrototxtError, ShapeError, MismatchError, SelectionError) as error:
        path, message = error.path, error.message
        if path is None and net_name is not None:
            path = shown(net_name)
        if isinstance(error, MismatchError) and model_name is not None:
            message += f" (model: {shown(model_name)})"
        raise error.replaced(path=path, message=message) from error.__cause__


def destination(
    opened: Model,
    model: Path | Model,
    output: Path | None,
    in_place: bool,
    force: bool,
    dry_run: bool,
) -> tuple[Source, Path] | None:
    """What is copied and where to, after every reason not to; ``None`` for a dry run."""
    if in_place:
        if output is not None:
            raise OutputError("--in-place changes the input; it takes no output of its own")
        if model == "-":
            raise OutputError("standard input cannot be changed in place")
        if isinstance(model, Model):
            raise OutputError("an open model cannot be changed in place; give its path")
        output = model
    if dry_run:
        return None
    if output is None:
        raise OutputError("no output is named", hint="name OUT, or use --in-place or --dry-run")
    source = opened.source
    if not isinstance(source, Source):
        raise OutputError("only a model that was opened from a file can be written")
    check_output(output, source, force=force, in_place=in_place)
    return source, output
