"""``regroup``: a full diagonal as a grouped layer and back, in net and model together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

from deconvsurgery.arguments import chosen_options
from deconvsurgery.caffemodel.model import Model
from deconvsurgery.caffemodel.size_limit import size_warnings
from deconvsurgery.errors import ArgumentError
from deconvsurgery.inputs.open_inputs import open_net
from deconvsurgery.matching.shared_blobs import owners, with_shared
from deconvsurgery.options.regroup import RegroupOptions
from deconvsurgery.plans.patch_net.plan import patched_text
from deconvsurgery.plans.regroup.edits import reshaped
from deconvsurgery.plans.regroup.plan import make_regrouping
from deconvsurgery.plans.regroup.plan_types import LayerRegroup, Regrouping
from deconvsurgery.prototxt.net import Layer, Phase
from deconvsurgery.prototxt.selection import (
    DEFAULT_PATTERNS,
)
from deconvsurgery.rules.regrouped_fields import regrouped_fields
from deconvsurgery.splicing.byte_ranges import spliced
from deconvsurgery.storage.destination import Destination, destination
from deconvsurgery.storage.write_outputs import write_pair

from .layer_choice import layer_choice
from .open_and_write import (
    Path,
    Progress,
    blamed,
    counting,
    files_of,
    given_model,
)
from .result import Result, about, counted, written_path


class RegroupResult(Result):
    """What ``regroup`` did, or with ``written`` false would do.

    Attributes:
        regrouping: the names whose weights get other groups, and those that keep theirs.
        net: the net's path as it was given.
        input: the model's path as it was given.
        net_output: where the net goes; ``None`` in a dry run.
        output: where the model goes; ``None`` in a dry run.
        input_size: bytes of the model.
        output_size: bytes of the new one; ``None`` where only writing an HDF5 file would show it.
        expand: groups were expanded to a full diagonal, not the other way.
        written: both files were written.
        left_alone: layers of other types whose names fit.
        warnings: what is to be said of the run as a whole, a sentence each.
        notes: what was unusual about the net's text.
    """

    regrouping: Regrouping
    net: str
    input: str
    net_output: str | None
    output: str | None
    input_size: int
    output_size: int | None
    expand: bool
    written: bool
    left_alone: tuple[Layer, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    _verb: ClassVar[str] = "regroup"

    def _essence(self) -> str:
        return f"{about(self.output, self.input, written=self.written)}: {counted(self.layers)}"

    @property
    def layers(self) -> tuple[LayerRegroup, ...]:
        """Every matched layer: those that change, then the others, each in the net's order."""
        return self.regrouping.layers

    @property
    def changed(self) -> bool:
        """Some layer gets other groups."""
        return bool(self.regrouping.changes)

    @property
    def path(self) -> str | None:
        """The model that was written; ``None`` where none was."""
        return written_path(self.output, written=self.written)

    @property
    def net_path(self) -> str | None:
        """The net that was written with it; ``None`` where none was."""
        return written_path(self.net_output, written=self.written)


def regroup(
    net: Path,
    model: Path,
    net_output: Path | None = None,
    output: Path | None = None,
    *,
    options: RegroupOptions | None = None,
    expand: bool = False,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> RegroupResult:
    """Give each matched layer a group for each channel, or with ``expand`` one group for all.

    Net and model change together, and the layer stays the same function. Weights of shape ``(C, C,
    k, k)`` that are 0 off the diagonal become ``(C, 1, k, k)``.

    Args:
        net: the net's prototxt: a path or URL.
        model: the weights: a path or URL.
        net_output: the net to write (``OUT_NET``); without it only a ``dry_run`` will do.
        output: the model to write (``OUT_MODEL``), likewise.
        options: a `RegroupOptions`: ``expand`` in one value, for loops over files; then none of
            them is given beside it.
        expand: the other way (``--expand``): one group, and a full ``(C, C, k, k)`` blob.
        patterns: names of the layers that are meant (``-p``): a text or several. Plain text is
            looked for in the name, ``*``, ``?`` and ``[`` make a glob of the whole name, ``re:``
            begins a regular expression. The default takes every name with "up" in it.
        exclude: names that are left out, in the same forms (``-x``).
        phase: the phase of the net's state, ``"TRAIN"`` or ``"TEST"`` (``--phase``); without phase,
            level and stage: every phase, at level 0 without stages.
        level: the level of that state (``--level``), 0 if another part is given.
        stage: its stages, a text or several (``--stage``).
        force: replace a file that is there (``--force``).
        dry_run: write nothing, and say what would be written (``--dry-run``).
        progress: called with how many bytes are written, and of how many, while the file is
            written.

    Returns:
        What became of each layer, or would.

    Raises:
        PrototxtError: the net's text is wrong.
        ModelError: the weights file is wrong.
        MismatchError: the layer would not stay the same function, or net and model disagree.
        SelectionError: no layer is matched.
        OutputError: the output's place will not do: it exists, or is an input.
        FileError: the system refuses to read or write.
        ValueError: an argument cannot be. Neither file was written after any of these.

    >>> import deconvsurgery as ds
    >>> _ = ds.apply("net.prototxt", "in.caffemodel", "filled.caffemodel")
    >>> result = ds.regroup("net.prototxt", "filled.caffemodel", dry_run=True)
    >>> [(row.name, str(row.action)) for row in result.layers]
    [('upscore2', 'regrouped'), ('upscore', 'unchanged')]
    """
    expand = chosen_options(RegroupOptions, options, expand=expand).expand
    choice = layer_choice(patterns, exclude, phase, level, stage)
    files = files_of(net, model)
    files.writes("the net's output", net_output)
    files.writes("the model's output", output)
    files.check()
    with (
        open_net(net) as (_, text, read),
        given_model(model) as (opened, model_name),
        blamed(os.fsdecode(net), model_name),
    ):
        places = _destinations(opened, net_output, output, force=force, dry_run=dry_run)
        states = choice.states(read)
        selection = choice.selection(read, states)
        opened = with_shared(opened, owners(read, states))
        plan = make_regrouping(read, opened, selection.matched, states, expand=expand)
        edits, *_ = patched_text(text, read, regrouped_fields(plan))
        outcome = reshaped(plan, opened)
        size = outcome.size(opened.source.size)
        warnings = size_warnings(size, opened.version, "the new model")
        if places is not None:
            on_bytes = counting(progress, size or opened.source.size) if progress else None
            both = write_pair(spliced(text.data, edits), *places, outcome, on_bytes)
            size = both[1].size
            warnings += both[0].warnings + both[1].warnings
        return RegroupResult(
            regrouping=plan,
            net=os.fsdecode(net),
            input=model_name,
            net_output=None if places is None else places[0].named,
            output=None if places is None else places[1].named,
            input_size=opened.source.size,
            output_size=size,
            expand=expand,
            written=places is not None,
            left_alone=selection.left_alone,
            warnings=warnings,
            notes=read.notes,
        )


def _destinations(
    model: Model,
    net_output: Path | None,
    output: Path | None,
    *,
    force: bool,
    dry_run: bool,
) -> tuple[Destination, Destination] | None:
    """Where net and model go, after every reason not to; ``None`` for a dry run."""
    if dry_run:
        return None
    if net_output is None or output is None:
        raise ArgumentError(
            "two outputs are needed, for the net and for the model",
            hint="name `net_output=…` and `output=…`, or use `dry_run=True`",
        )
    source = model.source
    return destination(net_output, source, force=force), destination(output, source, force=force)
