"""``patch-net``: group and bilinear filler into the net itself, every other character kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from deconvsurgery.arguments import one_of
from deconvsurgery.errors import NotANetError, SurgeryError
from deconvsurgery.inputs.open_inputs import open_net
from deconvsurgery.options.patch_net import NewFiller, PatchNetOptions
from deconvsurgery.plans.patch_net.plan import LayerPatch, make_patch
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.splicing.byte_ranges import spliced
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.outcome import Splice
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.storage.source import read_bytes

from .layer_choice import layer_choice
from .open_and_write import (
    Path,
    blamed,
    carry_out,
    output_destination,
    passed_over,
)
from .result import Result, about, counted, written_path

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Phase


class PatchNetResult(Result):
    """What ``patch_net`` did, or with ``written`` false would do.

    Attributes:
        layers: every matched layer in the text's order, with the fields that change.
        net: the net's path as it was given.
        output: where the net goes, ``-`` for standard output; ``None`` in a dry run.
        before: the net's bytes.
        after: the bytes of the patched net.
        written: a file was written: not in a dry run, nor in place with nothing to do.
        left_alone: names and types of layers of other types whose names fit.
        warnings: what is to be said of the run as a whole, a sentence each.
        notes: what was unusual about the net's text, and what the patch means for its models.
        error: why it could not be patched, of a net among several; it is as it was then.
        touched: the edits in order: bytes ``[start, stop)`` of ``before``, and how many take their
            place in ``after``.
    """

    layers: tuple[LayerPatch, ...]
    net: str
    output: str | None
    before: bytes
    after: bytes
    written: bool
    left_alone: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: SurgeryError | None = None
    touched: tuple[tuple[int, int, int], ...] = ()

    _verb: ClassVar[str] = "patch_net"

    def _essence(self) -> str:
        where = about(self.output, self.net, written=self.written)
        return f"{where}: {counted(self.layers) if self.error is None else self.error.message}"

    @property
    def changed(self) -> bool:
        """The output differs from the net, or would."""
        return self.before != self.after

    @property
    def path(self) -> str | None:
        """The file that was written; ``None`` where none was."""
        return written_path(self.output, written=self.written)


def patch_net(
    net: Path,
    output: Path | None = None,
    *,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    group: bool = True,
    filler: str = "bilinear",
    recipe: bool = False,
    no_bias: bool = False,
    freeze: bool = False,
    strip_include: bool = False,
    skip_unfit: bool = False,
    any_gain: bool = False,
    allow_empty: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    in_place: bool = False,
    force: bool = False,
    dry_run: bool = False,
) -> PatchNetResult:
    """Make the matched Deconvolution layers upsample by Caffe's own filler; write the net.

    ``filler`` is bilinear or keep. Raises a ``SurgeryError`` when the net is wrong or a layer
    unfit, and then nothing was written.
    """
    options = PatchNetOptions(
        group=group,
        filler=one_of(NewFiller, filler, "filler"),
        recipe=recipe,
        no_bias=no_bias,
        freeze=freeze,
        strip_include=strip_include,
        skip_unfit=skip_unfit,
        any_gain=any_gain,
    )
    choice = layer_choice(patterns, exclude, phase, level, stage)
    files = RunFiles()
    if not in_place:
        files.reads("the net", net, changed_by="the output")
        files.writes("the output", output)
    files.check()
    with open_net(net) as (source, text, read), blamed(os.fsdecode(net)):
        place = output_destination(
            source,
            net,
            output,
            in_place=in_place,
            force=force,
            dry_run=dry_run,
            changes="the net",
            text=True,
        )
        states = choice.states(read)
        selection = choice.selection(read, states, allow_empty=allow_empty)
        patch = make_patch(text, read, selection, options, states)
        warnings = patch.warnings
        to_write = place is not None and not (in_place and not patch.edits)
        if place is not None and to_write:
            warnings += carry_out(place, Splice(patch.edits)).warnings
        return PatchNetResult(
            layers=patch.layers,
            net=os.fsdecode(net),
            output=None if place is None else place.named,
            before=text.data,
            after=spliced(text.data, patch.edits),
            written=to_write,
            left_alone=tuple((layer.name, layer.type) for layer in patch.left_alone),
            warnings=warnings,
            notes=read.notes + patch.notes,
            touched=tuple(sorted((each.start, each.stop, each.size) for each in patch.edits)),
        )


def patch_nets(
    nets: Sequence[Path], patched: Callable[[Path], PatchNetResult], *, nets_only: bool = False
) -> Iterator[PatchNetResult]:
    """Each net by what patches one, which is `patch_net` in place: a result a net, in their order.

    Each is patched whole or not at all; what cannot be patched is a result with an error. With
    ``nets_only`` solvers and templates are passed over, with a note.
    """
    for net in nets:
        name = os.fsdecode(net)
        try:
            yield patched(net)
        except SurgeryError as error:
            if nets_only and isinstance(error, NotANetError):
                data = read_bytes(name)
                yield PatchNetResult(
                    (), name, None, data, data, written=False, notes=(passed_over(error),)
                )
                continue
            placed = error.replaced(path=error.path or shown(net))
            yield PatchNetResult((), name, None, b"", b"", written=False, error=placed)
