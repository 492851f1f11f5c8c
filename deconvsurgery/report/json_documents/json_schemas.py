"""The JSON Schemas of what ``--json`` prints, one a command, as they lie in ``schemas``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).with_name("schemas")
ENDING: Final = ".schema.json"


def described() -> tuple[str, ...]:
    """The commands whose documents have a schema, and ``error``, in the alphabet's order."""
    return tuple(sorted(path.name.removesuffix(ENDING) for path in FOLDER.glob(f"*{ENDING}")))


def json_schema(command: str) -> dict[str, Any]:
    """The schema (draft 2020-12) of a command's document, or of ``error``'s, each time a new one.

    It needs no other file. Raises ``ValueError`` for a command that prints no document.

    >>> json_schema("kernel")["$id"]
    'urn:deconvsurgery:schema:kernel:1'
    """
    if command not in described():
        names = ", ".join(described())
        raise ValueError(f"{command!r} has no JSON Schema; these have: {names}")
    text = (FOLDER / f"{command}{ENDING}").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
