"""The page of ``inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.pictures.layer_pictures import RowPictures, surveyed_pictures
from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.report.cells import Remark
from deconvsurgery.report.finding_words import TONES
from deconvsurgery.report.inspect_rows import (
    HEADINGS,
    closing_words,
    findings_together,
    inspect_cells,
    inspect_files,
    inspect_findings,
    inspect_remarks,
    role_words,
)
from deconvsurgery.report.phrases import PIPE, Medium, state_words

from .elements import element, section
from .findings import findings_list, rules_section
from .fragment import fragment
from .graph import way_section
from .layers import Beside, layers_section
from .page_frame import file_fact, file_name, layers_table, page, remarks

if TYPE_CHECKING:
    from deconvsurgery.verbs.inspect import InspectResult

_BY_CHECK = "check finds the same, and says what repairs all of it."


def inspect_page(result: InspectResult) -> bytes:
    """What the layers are now."""
    every_layer = any(row.type != DECONVOLUTION for row in result.layers)
    rows = inspect_cells(result, PIPE, every_layer=every_layer)
    found = result.pictures if isinstance(result.pictures, RowPictures) else RowPictures()
    pictures = surveyed_pictures(result.layers, found)
    findings = [finding for _, finding in inspect_findings(result)]
    # Where pictures were asked for, repairs were tried; others are said in words.
    tried = bool(found.sights or found.ways)
    files = (result.net, result.model) if tried else (None, None)
    states = [
        Beside(
            [
                *([("weights", state_words(row.weights))] if row.weights else ()),
                ("role", role_words(row)),
            ]
        )
        for row in result.layers
        if row.target
    ]
    return page(
        "inspect",
        file_name(result.model or result.net),
        closing_words(result),
        [(file.kind, file_fact(file.path, file.words)) for file in inspect_files(result)],
        layers_table("Layers", HEADINGS, rows),
        remarks(list(inspect_remarks(result))),
        section(
            2, "Findings", findings_list(findings, *files), element("p", _BY_CHECK, class_="quiet")
        )
        if findings
        else None,
        way_section(pictures.ways),
        layers_section(pictures, states),
        rules_section(findings),
    )


def inspect_fragment(result: InspectResult, medium: Medium) -> str:
    """What the layers are now, and what is wrong with them, for a notebook."""
    return fragment(
        closing_words(result),
        heads=[(file.path, file.words) for file in inspect_files(result)],
        headings=HEADINGS,
        rows=inspect_cells(result, medium, every_layer=False),
        notes=[
            *inspect_remarks(result),
            *(
                Remark(finding.id, TONES[finding.level], layer, words)
                for layer, words, finding in findings_together(result)
            ),
        ],
    )
