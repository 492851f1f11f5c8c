"""The JSON Schemas, as they lie in ``schemas``: one a command with ``--json``, one of settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).with_name("schemas")
ENDING: Final = ".schema.json"
_SETTINGS: Final = "settings"


def described() -> tuple[str, ...]:
    """The commands whose documents have a schema, and ``error``, in the alphabet's order."""
    names = {path.name.removesuffix(ENDING) for path in FOLDER.glob(f"*{ENDING}")}
    return tuple(sorted(names - {_SETTINGS}))


def json_schema(command: str) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of what ``--json`` prints, each time a new one.

    Args:
        command: a command's name, ``"error"``, or ``"settings"`` for the settings file (draft 7, as
            editors read it).

    Returns:
        The schema; it needs no other file.

    Raises:
        ValueError: the command prints no document.

    >>> json_schema("kernel")["$id"]
    'urn:deconvsurgery:schema:kernel:1'
    """
    if command not in (*described(), _SETTINGS):
        names = ", ".join(described())
        raise ValueError(f"{command!r} has no JSON Schema; these have: {names}")
    text = (FOLDER / f"{command}{ENDING}").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
