"""What ``inspect`` found: a row a layer, and below it what is to be said about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.kernels.channel_map import Sight
from deconvsurgery.kernels.fingerprint import Fingerprint
from deconvsurgery.matching.matched_layer import Target
from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.report.layout import (
    Cells,
    Layout,
    Remark,
    plain,
    plain_remarks,
    plain_table,
    remarks,
    table,
)
from deconvsurgery.report.phrases import (
    LEARNED,
    NOTHING,
    ODD,
    QUIET,
    WRONG,
    escaped,
    name_of,
    size,
    state_style,
    state_words,
)
from deconvsurgery.rules.finding import Finding
from deconvsurgery.rules.inspect_rows import Row
from deconvsurgery.verbs.inspect import InspectResult
from deconvsurgery.wording import dims, plural

from .pictures import layer_pictures, plain_layer_pictures

WIDE: Layout = (
    ("layer",),
    ("type",),
    ("matched",),
    ("phase",),
    ("shape",),
    ("group",),
    ("kernel",),
    ("stride",),
    ("pad",),
    ("bias",),
    ("weights",),
)
LAYOUTS: tuple[Layout, ...] = (
    WIDE,
    (
        ("layer", "type"),
        ("phase", "matched"),
        ("shape", "group"),
        ("kernel", "stride/pad"),
        ("bias",),
        ("weights",),
    ),
    (
        ("layer", "type", "matched"),
        ("shape", "group", "bias"),
        ("kernel", "stride", "pad"),
        ("weights", "phase"),
    ),
)


def inspect_report(
    result: InspectResult,
    *,
    width: int,
    terminal: bool,
    every_layer: bool,
    pictures: bool = True,
) -> RenderableType:
    """What the files are, a table of their layers, pictures, findings, and one closing sentence.

    Without ``pictures`` none are drawn, also where weights were looked at. Off a ``terminal`` a
    line a layer and a line a finding, for ``soft_wrap=True``.
    """
    rows = inspect_cells(result, every_layer=every_layer, terminal=terminal)
    files = list(inspect_files(result))
    if terminal and rows and "phase" not in rows[0] and result.net is not None:
        files[0] = (files[0][0], f"{files[0][1]}, phase {_phase_words(result.rows[0])}")
    drawn = list(_looked_at(result)) if pictures else []
    said = list(inspect_remarks(result))
    closing = inspect_closing(result)
    if not terminal:
        found = [
            f"{escaped(result.net or result.model or '')}{where}: {rule} {escaped(name)}: "
            f"{escaped(words)}"
            for name, rule, where, words in _findings(result, ":{}")
        ]
        lines = plain_table(rows, WIDE) if rows else []
        for looked_at in drawn:
            lines += plain_layer_pictures(*looked_at)
        heads = [f"{name}: {words}" for name, words in files]
        return plain([*heads, *lines, *plain_remarks(said), *found, closing])
    parts: list[RenderableType] = [
        Text(overflow="fold").append(name, "bold").append(f"  {words}") for name, words in files
    ]
    if rows:
        parts += [Text(""), table(rows, LAYOUTS, width)]
    for looked_at in drawn:
        parts += [Text(""), layer_pictures(*looked_at)]
    said += [
        (rule, WRONG if rule in ("DS001", "DS002", "DS011", "DS015") else ODD, name, words + where)
        for name, rule, where, words in _findings(result, " (line {})")
    ]
    if said:
        parts += [Text(""), remarks(said)]
    return Group(*parts, Text(""), Text(closing, "bold", overflow="fold"))


def inspect_files(result: InspectResult) -> Iterator[tuple[str, str]]:
    """Each file and what it is."""
    if result.net is not None:
        yield escaped(result.net), f"{result.net_version} net"
    if result.model is not None:
        held = "" if result.model_size is None else f", {plural(result.model_size, 'byte')}"
        yield escaped(result.model), f"{result.model_version} model{held}"


def _looked_at(result: InspectResult) -> Iterator[tuple[str, Fingerprint, Sight | None]]:
    """Deconvolutions of the model and their weights, where pictures are wanted."""
    for row, seen in zip(result.rows, result.sights, strict=bool(result.sights)):
        if row.weights is not None:
            yield row.name, row.weights, seen


def inspect_cells(result: InspectResult, *, every_layer: bool, terminal: bool) -> list[Cells]:
    """Cells a row; columns that would say nothing are left out."""
    rows = result.rows
    typed = every_layer or any(row.type != DECONVOLUTION for row in rows)
    left_out = {
        heading
        for heading, needed in (
            ("type", typed),
            ("matched", any(row.type == DECONVOLUTION and not row.matched for row in rows)),
            ("phase", result.net is not None and not (terminal and _same_phases(rows))),
            ("weights", result.model is not None),
        )
        if not needed
    }
    return [
        {
            heading: cell
            for heading, cell in _cells(row, terminal).items()
            if heading not in left_out
        }
        for row in rows
    ]


def _cells(row: Row, terminal: bool) -> Cells:
    target = row.target
    deconvolution = row.type == DECONVOLUTION
    kernel, stride, pad = (
        (size(target.kernel), size(target.stride), size(target.pad)) if target else (NOTHING,) * 3
    )
    param = target.layer.convolution_param if target else None
    weights = row.weights
    return {
        "layer": Text(name_of(row.name, terminal=terminal), "bold" if deconvolution else ""),
        "type": Text(name_of(row.type, terminal=terminal) if row.type else NOTHING, QUIET),
        "matched": Text(("yes" if row.matched else "no") if deconvolution else NOTHING),
        "phase": Text(_phase_words(row)),
        "shape": Text(_shape_words(row)),
        "group": Text(f"{param.group:,}" if param else NOTHING),
        "kernel": Text(kernel),
        "stride": Text(stride),
        "pad": Text(pad),
        "stride/pad": Text(f"{stride}/{pad}" if target else NOTHING),
        "bias": Text(("yes" if param.bias_term else "no") if param else NOTHING),
        "weights": Text(state_words(weights) if weights else NOTHING, state_style(weights)),
    }


def _same_phases(rows: Sequence[Row]) -> bool:
    """A column for them would say the same in every row; the net's line says it once."""
    return len({row.phases for row in rows}) == 1


def _phase_words(row: Row) -> str:
    return "+".join(sorted(phase.lower() for phase in row.phases)) or NOTHING


def _shape_words(row: Row) -> str:
    """The weights' shape of a Deconvolution, every blob's of another layer.

    The net's, as far as it tells them all; else the model's.
    """
    if row.target is not None:
        return dims(known_shape(row.target))
    blobs = row.blobs or ()
    if row.source_blobs and not all(blob and None not in blob for blob in blobs or (None,)):
        blobs = row.source_blobs
    return " ".join(dims(blob) for blob in blobs) or NOTHING


def known_shape(target: Target) -> tuple[int | None, ...] | None:
    """The weights' shape, its channels ``None`` where they are all that is unknown."""
    param = target.layer.convolution_param
    if target.shape is not None or not target.kernel:
        return target.shape
    if param.group < 1 or param.num_output % param.group:
        return None
    return (target.channels, param.num_output // param.group, *target.kernel)


def inspect_remarks(result: InspectResult) -> Iterator[Remark]:
    """What is to be said beside the findings."""
    for words in result.notes:
        yield "note", LEARNED, None, words
    for row in result.rows:
        said = any(each.id == "DS020" for each in row.findings)
        if row.target is not None and row.target.problem and not said:
            yield "problem", WRONG, row.name, row.target.problem
        if row.target is not None and row.target.guess:
            yield "note", LEARNED, row.name, row.target.guess


def inspect_findings(result: InspectResult) -> list[Finding]:
    """Those of the rows, then those of layers without a row."""
    return [*(each for row in result.rows for each in row.findings), *result.net_findings]


def _findings(result: InspectResult, place: str) -> Iterator[tuple[str, str, str, str]]:
    """Layer, rule, place and words of each finding."""
    named = [(row.name, each) for row in result.rows for each in row.findings]
    named += [(each.layer or "", each) for each in result.net_findings]
    for name, finding in named:
        where = "" if finding.line is None else place.format(finding.line)
        yield name, finding.id, where, finding.message


def inspect_closing(result: InspectResult) -> str:
    """One sentence: how many layers, how many findings."""
    deconvolutions = [row for row in result.rows if row.type == DECONVOLUTION]
    found = len(inspect_findings(result))
    layers = sum(bool(row.findings) for row in result.rows)
    layers += len({(each.layer, each.line) for each in result.net_findings})
    counted = plural(len(deconvolutions), "Deconvolution layer")
    if len(result.rows) > len(deconvolutions):
        counted = (
            f"{plural(len(result.rows), 'layer')}, {len(deconvolutions):,} of them Deconvolution"
        )
    matched = sum(row.matched for row in deconvolutions)
    if matched < len(deconvolutions):
        counted += f", {matched:,} matched" if matched else ", none matched"
    if not found:
        return f"{counted}; no findings."
    return f"{counted}; {plural(found, 'finding')} in {plural(layers, 'layer')}."
