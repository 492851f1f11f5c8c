"""What the verbs take: paths or open objects; where the outcome goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.caffemodel.model import MAX_UNPACKED, Model
from deconvsurgery.errors import (
    ArgumentError,
    FileError,
    FormatError,
    MismatchError,
    NotANetError,
    PrototxtError,
    SelectionError,
    ShapeError,
)
from deconvsurgery.inputs.open_inputs import open_model, read_net
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.run_files import RunFiles

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Net
    from deconvsurgery.storage.destination import Destination
    from deconvsurgery.storage.outcome import Outcome
    from deconvsurgery.storage.source_interface import Source
    from deconvsurgery.storage.write_outputs import Written

Path: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[int, int], None]
"""What is called as a verb goes on: with what is done so far, and of how much; bytes, or pairs."""


def carry_out(
    destination: Destination,
    outcome: Outcome,
    *,
    patch: Destination | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write it, and the ``patch`` that undoes it if one is asked for; raises as `write_outcome`."""
    before = destination.original.size
    on_bytes = counting(progress, outcome.size(before) or before) if progress else None
    if patch is not None:
        from deconvsurgery.storage.write_with_undo import write_undoable

        return write_undoable(destination, outcome, patch, on_bytes)
    from deconvsurgery.storage.write_outputs import write_outcome

    return write_outcome(destination, outcome, on_bytes)


class CarriedOut(NamedTuple):
    """What came of an outcome: whether it was written, its size in bytes if known, warnings."""

    written: bool
    size: int | None
    warnings: tuple[str, ...] = ()


def carry_out_changes(
    destination: Destination | None,
    outcome: Outcome,
    size: int | None,
    *,
    changed: bool,
    in_place: bool,
    patch: Destination | None = None,
    progress: Progress | None = None,
) -> CarriedOut:
    """Write it, ``size`` bytes as far as is known; not a file that would replace itself.

    The patch of such a file undoes nothing. ``destination`` is ``None`` in a dry run.
    """
    if destination is None:
        return CarriedOut(False, size)
    if changed or not in_place:
        done = carry_out(destination, outcome, patch=patch, progress=progress)
        return CarriedOut(True, done.size, done.warnings)
    if patch is None:
        return CarriedOut(False, size)
    from deconvsurgery.storage.write_with_undo import write_nothing_to_undo

    return CarriedOut(False, size, write_nothing_to_undo(destination.original, patch).warnings)


def patch_place(
    patch: Path | None, destination: Destination | None, *, force: bool
) -> Destination | None:
    """Where the patch goes that undoes what is written, if one is asked for and anything is."""
    if patch is None or destination is None:
        return None
    from deconvsurgery.storage.write_with_undo import patch_destination

    return patch_destination(patch, destination, force=force)


def counting(progress: Progress, total: int) -> Callable[[int], None]:
    """Add up the pieces that are written."""
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return add


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


def given_net(net: Path | Net) -> tuple[Net, str]:
    """A net, and what to call it."""
    from deconvsurgery.prototxt.net import Net  # not for a model alone

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
    """A model, opened if need be, and what to call it; ``max_unpacked`` as `open_model` has it.

    One that was opened here is closed on leaving. Errors about its file say which file that is.
    """
    holding: AbstractContextManager[Model]
    if isinstance(model, Model):
        model.refuse_closed()
        name, holding = model.name, nullcontext(model)
    else:
        name, holding = os.fsdecode(model), open_model(model, max_unpacked=max_unpacked)
    with holding as opened:
        try:
            yield opened, name
        except (FormatError, FileError) as error:
            if error.path is not None:
                raise
            raise error.replaced(path=opened.name) from error.__cause__


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


def output_destination(
    source: Source,
    given: Path | Model,
    output: Path | None,
    *,
    in_place: bool | None = None,
    force: bool,
    dry_run: bool,
    changes: str = "the input",
    text: bool = False,
) -> Destination | None:
    """Where the output goes, after every reason not to; ``None`` for a dry run.

    ``source`` is what was opened for the model or net that was ``given``; ``changes`` is what
    a message calls it. ``in_place`` is ``None`` where that is no option of the verb.
    """
    if in_place:
        if output is not None:
            raise ArgumentError(
                f"`in_place=True` changes {changes}; it takes no output of its own",
                hint="leave out `in_place=True`, or the output",
            )
        if given == "-":
            raise ArgumentError("standard input cannot be changed in place")
        if isinstance(given, Model):
            raise ArgumentError("an open model cannot be changed in place; give its path")
        output = given
    if dry_run:
        return None
    if output is None:
        ways = "`dry_run=True`" if in_place is None else "`in_place=True` or `dry_run=True`"
        raise ArgumentError("no output is named", hint=f"name `output=…`, or use {ways}")
    from deconvsurgery.storage.destination import destination

    return destination(output, source, force=force, in_place=in_place, text=text)
