"""``inspect``: what the layers of a net, a model or both are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deconvsurgery.caffemodel.model import Model
from deconvsurgery.matching.matched_layer import open_axes
from deconvsurgery.matching.model_oddities import census
from deconvsurgery.prototxt.net import Net, Phase
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.rules.finding import Finding
from deconvsurgery.rules.run_rules import judged
from deconvsurgery.rules.survey import LayerRow
from deconvsurgery.wording import plural

from .layer_choice import layer_choice
from .net_or_model import opened
from .open_and_write import Path
from .result import Result


class InspectResult(Result):
    """What ``inspect`` found: a row a layer, with all that it breaks; what is odd about the files.

    Attributes:
        layers: a row for each Deconvolution, or with ``every_layer`` for each layer: the net's in
            its order, then those that only the model has.
        net: the net's path, or its name; ``None`` without one.
        model: the model's path, or its name; ``None`` without one.
        net_version: the form of the net's layers: V2 (today's), V1 (of 2014) or V0 (of 2013).
        model_version: the form of the model: V2, V1 or V0 layers, several, none, or HDF5.
        model_size: bytes of the model.
        notes: what is unusual about the files, a sentence each.
        pictures: what `html_report` draws; ``None`` unless asked for.
        net_findings: those of layers without a row, of several layers at once, and of files. With
            those of the rows they are what ``check`` finds.
    """

    layers: tuple[LayerRow, ...]
    net: str | None = None
    model: str | None = None
    net_version: str | None = None
    model_version: str | None = None
    model_size: int | None = None
    notes: tuple[str, ...] = ()
    pictures: object | None = None
    net_findings: tuple[Finding, ...] = ()

    _verb: ClassVar[str] = "inspect"

    def _essence(self) -> str:
        files = ", ".join(each for each in (self.net, self.model) if each is not None)
        found = sum(len(row.findings) for row in self.layers) + len(self.net_findings)
        return f"{files}: {plural(len(self.layers), 'layer')}, {plural(found, 'finding')}"


def inspect(
    net: Path | Net | Model | None = None,
    model: Path | Model | None = None,
    *,
    patterns: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] = (),
    every_layer: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    pictures: bool = False,
) -> InspectResult:
    """Say what the Deconvolution layers of a net, a model or both are.

    Args:
        net: The net, a prototxt (``NET``) or one that was read. Files are told apart by content:
            a model may stand here, alone or before its net.
        model: The model, in any form (``MODEL``), or an open one.
        patterns: The layers to show (``-p``): what a name contains, a glob, or ``re:`` and a
            regular expression; one or several. Default: every Deconvolution, and what `apply`
            takes by default is matched.
        exclude: Those to leave out (``-x``), in the same forms.
        every_layer: Show layers of all types (``--all``).
        phase: Only layers that are active in it (``--phase``), a `Phase` or "train", "test".
        level: The level of the net's state (``--level``).
        stage: Stages of the net's state (``--stage``), one or several.
        pictures: Look at the weights, and at the way up through the net, for `html_report`.

    Returns:
        A row a layer, with what its weights are and what it breaks; what is odd about the files.

    Raises:
        SurgeryError: What cannot be read; no layer fits the ``patterns``.
        ValueError: A pattern or a phase that cannot be.

    Example:
        >>> import deconvsurgery as ds
        >>> [(row.name, str(row.weights.state)) for row in ds.inspect("in.caffemodel").layers]
        [('refine', 'other')]
    """
    matched_only = patterns is not None and not every_layer
    choice = layer_choice(
        DEFAULT_PATTERNS if patterns is None else patterns, exclude, phase, level, stage
    )
    with opened(net, model) as files:
        read, weights = files.net, files.model
        states = choice.states(files.listed)
        selection = choice.selection(
            files.listed, states, allow_empty=None if matched_only else True, holder=files.holder
        )
        found = judged(read, weights, selection, states, every_layer=every_layer)
        if pictures:  # only a page has commands, which are tried
            from deconvsurgery.rules.repair_chain import tried_repairs
            from deconvsurgery.rules.trials import Asked
            from deconvsurgery.rules.tried_steps import NetAndModel

            asked = Asked(*choice)
            pair = NetAndModel(files.text, read, weights)
            kept, _ = tried_repairs(pair, asked, found.findings(), found.learned)
            found = found.replaced(kept)
        if matched_only:
            found = found.of_matched()
        rows = found.rows
        looked_at = None
        if pictures:
            from deconvsurgery.pictures.layer_pictures import row_pictures

            looked_at = row_pictures(rows, read, weights, states)
        notes = read.notes if read else ()
        notes += open_axes(row.target for row in rows if row.target is not None)
        if weights:
            notes += census(weights, with_net=read is not None)
        return InspectResult(
            layers=rows,
            net=files.net_name,
            model=files.model_name,
            net_version=files.net_version,
            model_version=files.model_version,
            model_size=files.model_size,
            notes=notes,
            pictures=looked_at,
            net_findings=found.others,
        )
