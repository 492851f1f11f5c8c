"""The page of ``inspect``."""

from __future__ import annotations

from deconvsurgery.pictures.layer_pictures import surveyed_pictures
from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.report.phrases import state_words
from deconvsurgery.report.terminal.inspect import (
    WIDE,
    inspect_cells,
    inspect_closing,
    inspect_files,
    inspect_findings,
    inspect_remarks,
)
from deconvsurgery.verbs.inspect import InspectResult

from .elements import element
from .findings import findings_list, repairs_section, rules_section
from .graph import way_section
from .layers import layers_section
from .page_frame import (
    file_fact,
    file_name,
    page,
    remarks,
    table,
)


def inspect_page(result: InspectResult) -> bytes:
    """What the layers are now."""
    every_layer = any(row.type != DECONVOLUTION for row in result.rows)
    rows = inspect_cells(result, every_layer=every_layer, terminal=False)
    pictures = surveyed_pictures(result.rows, result.sights, result.ways)
    found = inspect_findings(result)
    given = [path for path in (result.net, result.model) if path is not None]
    states = [
        [("weights", state_words(row.weights))] if row.weights else []
        for row in result.rows
        if row.target
    ]
    return page(
        "inspect",
        file_name(result.model or result.net),
        inspect_closing(result),
        [
            (words.split(" ")[1].rstrip(","), file_fact(path, words))
            for path, (_, words) in zip(given, inspect_files(result), strict=True)
        ],
        element(
            "section",
            element("h2", "Layers"),
            table("Layers", [column[0] for column in WIDE], rows),
        )
        if rows
        else None,
        remarks(list(inspect_remarks(result))),
        element(
            "section",
            element("h2", "Findings"),
            findings_list(found, result.net, result.model),
        )
        if found
        else None,
        repairs_section(found, result.net, result.model),
        way_section(pictures.ways),
        layers_section(pictures, {at: (each, ()) for at, each in enumerate(states)}),
        rules_section(found),
    )
