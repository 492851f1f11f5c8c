"""``inspect``: what the layers of a net, a model or both are now."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from deconvsurgery.arguments import texts
from deconvsurgery.caffemodel.model import Model
from deconvsurgery.kernels.channel_map import Sight
from deconvsurgery.matching.compatibility import disagreements
from deconvsurgery.matching.disagreement_sentences import in_words
from deconvsurgery.matching.matched_layer import open_axes
from deconvsurgery.matching.model_oddities import census
from deconvsurgery.pictures.layer_pictures import sights_of, ways_of
from deconvsurgery.prototxt.net import Net, Phase
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS, match_layers, nothing_matched
from deconvsurgery.rules.finding import Finding
from deconvsurgery.rules.inspect_rows import Row, source_selection, survey
from deconvsurgery.rules.layers_that_stop import with_stops
from deconvsurgery.shapes.upsampling_path import WayUp

from .open_and_write import (
    Path,
    blamed,
    files_of,
    given_model,
    given_net,
    phase_of,
)


@dataclass(frozen=True, slots=True)
class InspectResult:
    """What ``inspect`` found: a row a layer; what is unusual about the files, or does not agree.

    ``net_findings`` are those of layers that have no row: where Caffe stops at the net as it is.
    Where pictures were asked for, ``sights`` are the rows' weights looked at, one a row, ``None``
    for a layer that is no Deconvolution or has no weights that could be looked at, and ``ways`` the
    net's upsampling path.
    """

    rows: tuple[Row, ...]
    net: str | None = None
    model: str | None = None
    net_version: str | None = None
    model_version: str | None = None
    model_size: int | None = None
    notes: tuple[str, ...] = ()
    sights: tuple[Sight | None, ...] = ()
    ways: tuple[WayUp, ...] = ()
    net_findings: tuple[Finding, ...] = ()


def inspect(
    net: Path | Net | None = None,
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
    """Tell what the Deconvolution layers of a net, a model or both are.

    Without ``patterns`` every Deconvolution has a row, and ``apply``'s default tells which are
    matched; with them only the matched ones have. ``pictures`` looks at their weights and at the
    way up through the net, too.
    """
    if net is None and model is None:
        raise ValueError("a net, a model or both are needed")
    wanted = None if patterns is None else texts(patterns, "patterns")
    exclude = texts(exclude, "exclude")
    files_of(net, model).check()
    read, net_name = given_net(net) if net is not None else (None, None)
    with ExitStack() as stack:
        opened, model_name = (
            stack.enter_context(given_model(model)) if model is not None else (None, None)
        )
        stack.enter_context(blamed(net_name))
        listed = read or (source_selection(opened) if opened else Net())
        states = listed.states(phase_of(phase), level, stage)
        chosen = DEFAULT_PATTERNS if wanted is None else wanted
        selection = match_layers(listed, chosen, exclude, states)
        rows = survey(read, opened, selection, states, every_layer=every_layer)
        if wanted is not None and not every_layer:
            if not selection.matched:
                raise nothing_matched(
                    listed, wanted, states, exclude, "the net" if read else "the model"
                )
            rows = tuple(row for row in rows if row.matched)
        rows, net_findings = with_stops(rows, read, opened, states) if read else (rows, ())
        notes = read.notes if read else ()
        notes += open_axes(row.target for row in rows if row.target is not None)
        if opened:
            notes += census(opened, with_net=read is not None)
        if read and opened:
            notes += in_words(disagreements(read, opened, states))
        return InspectResult(
            rows=rows,
            net=net_name,
            model=model_name,
            net_version=read.version if read else None,
            model_version=str(opened.version) if opened else None,
            model_size=opened.source.size if opened else None,
            notes=notes,
            sights=sights_of(rows, opened) if pictures and opened else (),
            ways=ways_of(rows, read, opened, states) if pictures and read else (),
            net_findings=net_findings,
        )
