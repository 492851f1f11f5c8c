"""``patch-net``: group and bilinear filler into the net itself, every other character kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from deconvsurgery.arguments import chosen_options, several
from deconvsurgery.errors import NotANetError, SurgeryError
from deconvsurgery.inputs.open_inputs import open_net
from deconvsurgery.options.patch_net import PatchNetOptions
from deconvsurgery.plans.patch_net.plan import LayerPatch, make_patch
from deconvsurgery.prototxt.net import Phase
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS, name_choice
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
    options: PatchNetOptions | None = None,
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
    """Make the matched Deconvolution layers upsample by Caffe's own filler, and write the net.

    Args:
        net: the net's prototxt: a path or URL, ``-`` for standard input.
        output: the file to write (``OUT``): a path or URL, ``-`` for standard output; without it
            only a ``dry_run`` or ``in_place`` will do.
        options: a `PatchNetOptions`: the arguments from ``group`` to ``any_gain`` in one value, for
            loops over files; then none of them is given beside it.
        patterns: names of the layers that are meant (``-p``): a text or several. Plain text is
            looked for in the name, ``*``, ``?`` and ``[`` make a glob of the whole name, ``re:``
            begins a regular expression. The default takes every name with "up" in it.
        exclude: names that are left out, in the same forms (``-x``).
        group: set ``group`` to ``num_output``, so that each channel is upsampled alone; ``False``
            is ``--no-group``.
        filler: the ``weight_filler`` (``--filler``): ``"bilinear"``, or ``"keep"``.
        recipe: set ``kernel_size`` and ``pad`` to fit the stride (``--recipe``).
        no_bias: set ``bias_term: false`` (``--no-bias``).
        freeze: set the learning rate and the decay of each blob to 0 (``--freeze``).
        strip_include: take out ``include`` and ``exclude`` rules (``--strip-include``).
        skip_unfit: leave layers alone that cannot be patched, with a row that says why
            (``--skip-unfit``); without it they are an error.
        any_gain: patch kernels that do not interpolate, too: those whose gains differ from 1
            (``--any-gain``).
        allow_empty: no matched layer is no error (``--allow-empty``).
        phase: the phase of the net's state, ``"TRAIN"`` or ``"TEST"`` (``--phase``); without phase,
            level and stage: every phase, at level 0 without stages.
        level: the level of that state (``--level``), 0 if another part is given.
        stage: its stages, a text or several (``--stage``).
        in_place: replace the input itself (``--in-place``); takes no ``output``.
        force: replace a file that is there (``--force``).
        dry_run: write nothing, and say what would be written (``--dry-run``).

    Returns:
        A row for each layer with the fields that change.

    Raises:
        PrototxtError: the net's text is wrong.
        ShapeError: a layer cannot be patched; ``skip_unfit`` leaves it alone.
        SelectionError: no layer is matched.
        OutputError: the output's place will not do: it exists, or is an input.
        FileError: the system refuses to read or write.
        ValueError: an argument, or two together, cannot be. Nothing was written after any of these.

    >>> import deconvsurgery as ds
    >>> result = ds.patch_net("net.prototxt", dry_run=True)
    >>> [(change.field, change.after) for row in result.layers for change in row.changes]
    [('convolution_param.group', 5), ('convolution_param.weight_filler.type', 'bilinear')]
    """
    options = chosen_options(
        PatchNetOptions,
        options,
        group=group,
        filler=filler,
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
    nets: Iterable[Path],
    *,
    options: PatchNetOptions | None = None,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    allow_empty: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    force: bool = False,
    dry_run: bool = False,
    nets_only: bool = False,
) -> Iterator[PatchNetResult]:
    """Patch many nets in their places, as ``patch_net(net, in_place=True)`` does one.

    Each is patched whole or not at all, and one that cannot be patched ends nothing.

    Args:
        nets: The nets, paths of prototxts.
        options: What is to be done to each, as the arguments of `patch_net` say it for one.
        patterns: The layers that are matched (``-p``): what a name contains, a glob, or ``re:``
            and a regular expression; one or several.
        exclude: Those to leave out (``-x``), in the same forms.
        allow_empty: A net without a matched layer is no error (``--allow-empty``).
        phase: Only layers that are active in it (``--phase``), a `Phase` or "train", "test".
        level: The level of the net's state (``--level``).
        stage: Stages of the net's state (``--stage``), one or several.
        force: Replace read-only files, too (``--force``).
        dry_run: Plan it, and write nothing (``--dry-run``).
        nets_only: Pass over solvers and templates, with a note (``--nets-only``).

    Returns:
        A result a net, in their order, each worked out when it is asked for. One that could not
        be patched has its ``error``.

    Raises:
        TypeError: ``nets`` is one path.
        ValueError: A pattern, a phase or a filler that there is not.

    Example:
        >>> import deconvsurgery as ds
        >>> options = ds.PatchNetOptions(freeze=True)
        >>> results = ds.patch_nets(["net.prototxt"], options=options, dry_run=True)
        >>> [(result.changed, result.written) for result in results]
        [(True, False)]
    """
    many = several(nets, "nets")
    chosen_options(PatchNetOptions, options)
    chosen = layer_choice(patterns, exclude, phase, level, stage)
    name_choice(chosen.patterns, chosen.exclude)  # what is wrong with them is no net's fault

    def results() -> Iterator[PatchNetResult]:
        for net in many:
            name = os.fsdecode(net)
            try:
                yield patch_net(
                    net,
                    options=options,
                    patterns=patterns,
                    exclude=exclude,
                    allow_empty=allow_empty,
                    phase=phase,
                    level=level,
                    stage=stage,
                    in_place=True,
                    force=force,
                    dry_run=dry_run,
                )
            except SurgeryError as error:
                yield _not_patched(name, error, nets_only=nets_only)

    return results()


def _not_patched(name: str, error: SurgeryError, *, nets_only: bool) -> PatchNetResult:
    """The result of a net that was passed over, or could not be patched."""
    if nets_only and isinstance(error, NotANetError):
        data = read_bytes(name)
        return PatchNetResult(
            (), name, None, data, data, written=False, notes=(passed_over(error),)
        )
    placed = error.replaced(path=error.path or shown(name))
    return PatchNetResult((), name, None, b"", b"", written=False, error=placed)
