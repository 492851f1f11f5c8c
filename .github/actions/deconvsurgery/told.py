"""What a document of ``--json`` tells a workflow: outputs on standard output, a page, a log.

    told.py check DOCUMENT          counts as outputs
    told.py apply DOCUMENT PAGE     outputs; the layers as a Markdown page, and on standard error

Needs nothing but Python; keys are those of the shipped schemas.
"""

from __future__ import annotations

import html
import json
import sys
from typing import Any

Document = dict[str, Any]


def main(command: str, path: str, page: str | None = None) -> None:
    """Tell a document."""
    with open(path, encoding="utf-8") as opened:
        text = opened.read()
    if command == "check":
        outputs(counts(json.loads(text)))
        return
    # Of a usage error in the arguments' own order there may be no document; the log has the words.
    document: Document = json.loads(text) if text else {}
    if "error" in document:
        print(annotation(document["error"]), file=sys.stderr)
    elif document:
        for line in log(document):
            print(line, file=sys.stderr)
        written = document["output"] if document["written"] else ""
        outputs({"changed": str(document["changed"]).lower(), "output": written})
    if page is not None and document:
        with open(page, "w", encoding="utf-8") as opened:
            opened.writelines(f"{line}\n" for line in markdown(document))


def outputs(values: Document) -> None:
    """Lines of ``GITHUB_OUTPUT``; no value may bring a line of its own."""
    for key, value in values.items():
        print(f"{key}={' '.join(str(value).splitlines())}")


def counts(document: Document) -> Document:
    """How many findings of each severity."""
    summary = document["summary"]
    found = {key: summary[key] for key in ("errors", "warnings", "notes")}
    return {"findings": sum(found.values()), **found}


def annotation(error: Document) -> str:
    """An error as a workflow command."""
    properties = {"file": error["file"], "line": error["line"], "col": error["column"]}
    told = [
        f"{key}={coded(str(value)).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
        if value is not None
    ]
    return f"::error {','.join([*told, 'title=deconvsurgery apply'])}::{coded(words(error))}"


def words(error: Document) -> str:
    """What went wrong, and what to do about it."""
    return error["message"] + (f"; {error['hint']}" if error["hint"] else "")


def coded(text: str) -> str:
    """Text that cannot end a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def log(document: Document) -> list[str]:
    """A line a layer, and the warnings."""
    rows = [f"{each['name']!r}: {action(each)}" for each in document["layers"]]
    warnings = [
        f"warning: {words}"
        for each in (*document["layers"], document)
        for words in each["warnings"]
    ]
    # A space before each: a line that begins with :: would be a command to the runner.
    return [f" {' '.join(line.splitlines())}" for line in (*rows, *warnings, closing(document))]


def action(layer: Document) -> str:
    """What became of a layer."""
    if layer["action"] == "skipped":
        return f"skipped: {layer['reason']}"
    changed = f"{layer['values_changed']:,} of {layer['values']:,} values"
    return f"{layer['action']}, {layer['before']} to {layer['after']}, {changed}"


def closing(document: Document) -> str:
    """What became of the file."""
    if not document["written"]:
        return "Nothing was written."
    return f"Wrote {document['output']}" + ("." if document["changed"] else ", as it was.")


def markdown(document: Document) -> list[str]:
    """The page of the run's summary."""
    if "error" in document:
        return ["## deconvsurgery apply", "", f"**Refused**: {cell(words(document['error']))}"]
    lines = ["## deconvsurgery apply", "", cell(closing(document)), ""]
    if document["layers"]:
        lines += ["| layer | action | before | after | values changed |", "|---|---|---|---|---|"]
    for each in document["layers"]:
        done = each["action"] + (f": {each['reason']}" if each["reason"] else "")
        changed = f"{each['values_changed']:,} of {each['values']:,}"
        cells = (each["name"], done, each["before"], each["after"], changed)
        lines.append(f"| {' | '.join(cell(str(part)) for part in cells)} |")
    return lines


def cell(text: str) -> str:
    """Text in which nothing is markup, or ends a table's cell."""
    coded = html.escape(" ".join(text.split()))
    for sign in "\\`*_[]|~#":
        coded = coded.replace(sign, f"&#{ord(sign)};")
    return coded


if __name__ == "__main__":
    main(*sys.argv[1:])
