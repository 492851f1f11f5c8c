"""Write the JSON Schemas: ``python docs/schemas/make.py``.

Each document that ``--json`` prints is defined once, as a ``TypedDict`` in
``deconvsurgery/report/json_documents``. pydantic turns that into a schema, and what is here makes
it plain: no titles, ``null`` among the types of a key, enums where they are used, and more keys
may come. With a folder as an argument the files are written there.

The settings file is defined in ``deconvsurgery/inputs/settings_keys.py``, where each key has its
schema; the tables of its keys in the manual are written, too.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import typing_extensions
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import is_typeddict

# Below Python 3.12 pydantic takes only these; the package has no need of typing_extensions.
typing.TypedDict = typing_extensions.TypedDict  # type: ignore[assignment]

from deconvsurgery.inputs import settings_keys  # noqa: E402
from deconvsurgery.report.json_documents import json_schemas  # noqa: E402
from deconvsurgery.rules.finding import RULES  # noqa: E402
from deconvsurgery.strict_values.kinds import ValueKind  # noqa: E402

PACKAGE = "deconvsurgery.report.json_documents"
COMMANDS = (
    "apply",
    "check",
    "convert",
    "diff",
    "doctor",
    "edit",
    "error",
    "inspect",
    "kernel",
    "patch-net",
    "regroup",
    "revert",
    "sweep",
    "transplant",
)
TITLES = {
    "edit": "deconvsurgery.Editor.save, as a document",
    "error": "deconvsurgery --json, where it failed",
}
# A list in a list for each axis: pydantic would want a class of its own for what holds itself.
NESTED = {
    "description": "A weight, or a list for the next axis.",
    "type": ["number", "array"],
    "items": {"$ref": "#/$defs/nested"},
}
KERNEL_VALUES = {
    "type": ["array", "null"],
    "items": {"type": "array", "items": {"$ref": "#/$defs/nested"}},
}

Schema = dict[str, Any]


def schemas() -> dict[str, str]:
    """Each schema's text by its file's name."""
    made = {name: schema_of(name) for name in COMMANDS} | {"settings": settings_schema()}
    return {f"{name}{json_schemas.ENDING}": text_of(schema) for name, schema in made.items()}


def settings_schema() -> Schema:
    """The schema of a ``deconvsurgery.toml``, of the draft that editors know best."""
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:deconvsurgery:schema:settings:1",
        "title": "deconvsurgery.toml",
    }
    return head | settings_keys.settings_schema(RULES)


def pages() -> dict[str, str]:
    """Each page of the manual that has a table of the settings' keys, by its path in ``docs``."""
    found = {
        path.relative_to(DOCS).as_posix(): path.read_text("utf-8")
        for path in sorted(DOCS.rglob("*.md"))
    }
    return {path: with_tables(page) for path, page in found.items() if MARK.search(page)}


def with_tables(page: str) -> str:
    """A page with its tables made anew; each stands below a line like ``<!-- keys: sweep -->``."""
    return MARK.sub(lambda found: f"{found[1]}\n\n{table_of(KEYS[found[2]])}\n", page)


DOCS = Path(__file__).parents[1]
MARK = re.compile(r"(<!-- keys: (\w+) -->)\n\n(?:(?:\|.*\n)+\n)?")
PAIRS = ValueKind("a list of tables", lambda value, _: value).described(settings_keys.PAIRS)
KEYS = {
    "check": {"pairs": PAIRS, **settings_keys.PAIR_PATHS, **settings_keys.checking_keys(RULES)},
    "sweep": settings_keys.SWEEP_KEYS,
}


def table_of(keys: Mapping[str, ValueKind[Any]]) -> str:
    """Keys as a table: what each may be, and what it means."""
    rows = ["| key | is | means |", "|---|---|---|"]
    for key, kind in keys.items():
        words = kind.schema["description"]
        if "default" in kind.schema:
            words += f" (default: `{json.dumps(kind.schema['default'])}`)"
        rows.append(f"| `{key}` | {kind.words} | {words} |")
    return "".join(f"{row}\n" for row in rows)


def schema_of(name: str) -> Schema:
    """The schema of a command's document, or of ``error``'s."""
    module = importlib.import_module(f"{PACKAGE}.{name.replace('-', '_')}")
    for typed in typed_dicts(module):
        typed.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True)
    document = getattr(module, f"{name.title().replace('-', '')}Document")
    made = TypeAdapter(document).json_schema(mode="serialization")
    definitions = made.pop("$defs", {})
    plain = simplified(made, definitions)
    if name == "kernel":
        plain["properties"]["values"] |= KERNEL_VALUES
        plain["$defs"] = {"nested": NESTED}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:deconvsurgery:schema:{name}:1",
        "title": TITLES.get(name, f"deconvsurgery {name} --json"),
    }
    return head | plain


def typed_dicts(module: ModuleType) -> Iterator[Any]:
    """The tables that a module defines, and those of others that it uses."""
    yield from (value for value in vars(module).values() if is_typeddict(value))
    for value in list(vars(module).values()):
        if isinstance(value, ModuleType) and value.__name__.startswith(PACKAGE):
            yield from typed_dicts(value)


def simplified(node: Schema, definitions: Schema) -> Schema:
    """The node with all that it refers to put in its place, and without what nobody needs."""
    node = dict(node)
    if "$ref" in node:
        node = definitions[node.pop("$ref").rpartition("/")[2]] | node
        return simplified(node, definitions)
    either = node.pop("anyOf", None)
    if either is not None:
        node = joined([simplified(each, definitions) for each in either]) | node
    if "const" in node or "enum" in node:
        node.pop("type", None)
    for key in ("title", "additionalProperties"):
        node.pop(key, None)
    if isinstance(node.get("description"), str):
        node["description"] = " ".join(node["description"].split())
    if "properties" in node:
        node["properties"] = {
            key: simplified(each, definitions) for key, each in node["properties"].items()
        }
        node["required"] = list(node["properties"])
    if "items" in node:
        node["items"] = simplified(node["items"], definitions)
    return {key: node[key] for key in sorted(node, key=order)}


def joined(either: list[Schema]) -> Schema:
    """One node for several of which each may be: their types in a list, ``null`` at its end."""
    made: Schema = {}
    for each in either:
        made |= {key: value for key, value in each.items() if key != "type"}
    if "enum" in made:
        null = any(each.get("type") == "null" for each in either)
        return made | {"enum": made["enum"] + [None] * null}
    return made | {"type": [each["type"] for each in either]}


ORDER = ("description", "type", "const", "enum", "minimum", "pattern", "required", "properties")


def order(key: str) -> int:
    """Where a key stands: what is short comes first."""
    return ORDER.index(key) if key in ORDER else len(ORDER)


def text_of(schema: Schema) -> str:
    """The file's text."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them all."""
    place = Path(sys.argv[1]) if sys.argv[1:] else json_schemas.FOLDER
    for name, text in schemas().items():
        (place / name).write_text(text, encoding="utf-8")
    for page, text in pages().items():
        to = place / Path(page).name if sys.argv[1:] else DOCS / page
        to.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
