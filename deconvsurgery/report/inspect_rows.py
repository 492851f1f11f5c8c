"""What ``inspect`` found, in rows, remarks and closing words: for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.wording import dims, listed, plural

from .cells import Cell, Cells, Remark, Tone, note
from .layer_words import window_words
from .phrases import NOTHING, Medium, escaped, name_of, state_tone, state_words

if TYPE_CHECKING:
    from deconvsurgery.rules.finding import Finding
    from deconvsurgery.rules.survey import LayerRow
    from deconvsurgery.verbs.inspect import InspectResult

HEADINGS: Final = (
    *("layer", "type", "matched", "phase", "shape", "group"),
    *("kernel", "stride", "pad", "bias", "weights", "role"),
)


_MANY: Final = 4  # findings in the same words: more are said together


class InspectedFile(NamedTuple):
    """A file, its path as it was given, and what it is in words."""

    kind: Literal["net", "model"]
    path: str
    words: str


def inspect_files(result: InspectResult) -> Iterator[InspectedFile]:
    """The net, the model, or both."""
    if result.net is not None:
        yield InspectedFile("net", result.net, f"{result.net_version} net")
    if result.model is not None:
        size = "" if result.model_size is None else f", {plural(result.model_size, 'byte')}"
        yield InspectedFile("model", result.model, f"{result.model_version} model{size}")


def inspect_cells(result: InspectResult, medium: Medium, *, every_layer: bool) -> list[Cells]:
    """Cells a row; columns that would say nothing are left out."""
    rows = result.layers
    shown = {
        "type": every_layer or any(row.type != DECONVOLUTION for row in rows),
        "matched": any(row.type == DECONVOLUTION and not row.matched for row in rows),
        "phase": result.net is not None and not (medium.terminal and _same_phases(rows)),
        "weights": result.model is not None,
        "role": any(row.role is not None for row in rows),
    }
    return [
        {heading: cell for heading, cell in _cells(row, medium).items() if shown.get(heading, True)}
        for row in rows
    ]


def _cells(row: LayerRow, medium: Medium) -> Cells:
    target = row.target
    deconvolution = row.type == DECONVOLUTION
    param = target.layer.convolution_param if target else None
    weights = row.weights
    return {
        "layer": Cell(name_of(row.name, medium), Tone.NAME if deconvolution else Tone.PLAIN),
        "type": Cell(name_of(row.type, medium) if row.type else NOTHING, Tone.QUIET),
        "matched": Cell(("yes" if row.matched else "no") if deconvolution else NOTHING),
        "phase": Cell(phase_words(row)),
        "shape": Cell(_shape_words(row)),
        **{heading: Cell(words) for heading, words in window_words(target).items()},
        "bias": Cell(("yes" if param.bias_term else "no") if param else NOTHING),
        "weights": Cell(state_words(weights) if weights else NOTHING, state_tone(weights)),
        "role": _role_cell(row),
    }


def _role_cell(row: LayerRow) -> Cell:
    """What a Deconvolution is for."""
    if row.role is None:
        return Cell(NOTHING)
    return Cell(str(row.role.role), Tone.LEARNED if row.role.learned else Tone.PLAIN)


def role_words(row: LayerRow) -> str:
    """What a Deconvolution is for, and why."""
    if row.role is None or not row.role.reasons:
        return NOTHING
    return f"{row.role.role}: {row.role.reasons[0]}"


def _same_phases(rows: Sequence[LayerRow]) -> bool:
    """A column for them would say the same in every row; the net's line says it once."""
    return len({row.phases for row in rows}) == 1


def phase_words(row: LayerRow) -> str:
    """The phases in which a layer is active."""
    return "+".join(sorted(phase.lower() for phase in row.phases)) or NOTHING


def _shape_words(row: LayerRow) -> str:
    """The weights' shape of a Deconvolution, every blob's of another layer.

    The net's, as far as it says them all; else the model's.
    """
    if row.target is not None:
        return dims(row.target.known_shape)
    blobs = row.blobs or ()
    if row.source_blobs and not all(blob and None not in blob for blob in blobs or (None,)):
        blobs = row.source_blobs
    return " ".join(dims(blob) for blob in blobs) or NOTHING


def inspect_remarks(result: InspectResult) -> Iterator[Remark]:
    """What is to be said beside the findings."""
    for words in result.notes:
        yield note(words)
    for row in result.layers:
        found = any(finding.id == "DS020" for finding in row.findings)
        if row.target is not None and row.target.problem and not found:
            yield Remark("problem", Tone.WRONG, row.name, row.target.problem)
        if row.target is not None and row.target.guess:
            yield note(row.target.guess, row.name)


def inspect_findings(result: InspectResult) -> list[tuple[str | None, Finding]]:
    """Each finding and the layer it is about: those of the rows, then those without a row.

    ``None`` is for what several layers or a file as a whole break.
    """
    return [
        *((row.name, finding) for row in result.layers for finding in row.findings),
        *((finding.layer, finding) for finding in result.net_findings),
    ]


def findings_together(result: InspectResult) -> Iterator[tuple[str | None, str, Finding]]:
    """The same for people: what many layers break in the same words is said once.

    Layers, what is so and where, and the first of the findings.
    """
    alike: dict[tuple[str, str], list[tuple[str | None, Finding]]] = {}
    for name, finding in inspect_findings(result):
        alike.setdefault((finding.id, finding.message), []).append((name, finding))
    for found in alike.values():
        if len(found) <= _MANY:
            for name, finding in found:
                place = "" if finding.line is None else f" (line {finding.line})"
                yield name, finding.message + place, finding
            continue
        names = [escaped(name) for name, _ in found if name is not None]
        lines = [str(finding.line) for _, finding in found if finding.line is not None]
        places = f" (lines {listed(lines)})" if lines else ""
        first = found[0][1]
        yield (
            None,
            f"{plural(len(found), 'layer')} ({listed(names)}): {first.message}{places}",
            first,
        )


def closing_words(result: InspectResult) -> str:
    """One sentence: how many layers, how many findings."""
    deconvolutions = [row for row in result.layers if row.type == DECONVOLUTION]
    found = len(inspect_findings(result))
    layers = sum(bool(row.findings) for row in result.layers)
    others = {(each.layer, each.line) for each in result.net_findings if each.layer is not None}
    layers += len(others)
    counted = plural(len(deconvolutions), "Deconvolution layer")
    if len(result.layers) > len(deconvolutions):
        counted = (
            f"{plural(len(result.layers), 'layer')}, {len(deconvolutions):,} of them Deconvolution"
        )
    matched = sum(row.matched for row in deconvolutions)
    if matched < len(deconvolutions):
        counted += f", {matched:,} matched" if matched else ", none matched"
    if not found:
        return f"{counted}; no findings."
    where = f" in {plural(layers, 'layer')}" if layers else ""
    return f"{counted}; {plural(found, 'finding')}{where}."
