"""What ``--json`` prints where a command failed, and an error as a table of a document."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypedDict, cast

from deconvsurgery.errors import SurgeryError

from .document import SCHEMA_VERSION, Count, Fact, FromOne, SchemaVersion, jsonable

KINDS = (
    "UsageError",
    "ConfigError",
    "OutputError",
    "PrototxtError",
    "NotANetError",
    "ModelError",
    "FormatError",
    "ShapeError",
    "MismatchError",
    "SelectionError",
    "FileError",
)
Kind: TypeAlias = Annotated[str, Fact(choices=KINDS)]


class ErrorTable(TypedDict):
    """What is wrong. What is not known of its place is null."""

    kind: Kind
    """Kind of the error. Exit code 2: UsageError (the command line), ConfigError (the configuration
    file), OutputError (the place of an output will not do). 3: PrototxtError (the net's text),
    NotANetError (a text that is none: a solver's, a template), ModelError (the weights file),
    FormatError (either), ShapeError (a layer that Caffe would not set up or no kernel fits),
    MismatchError (net and model disagree), SelectionError (no layer was selected). 4: FileError
    (the operating system refused)."""
    message: str
    """What is wrong and why, in words for people; several lines where several layers are
    refused."""
    hint: str | None
    """What to do about it."""
    file: str | None
    """The file that it is about: its path as it was given, with characters that do not print
    written as escapes."""
    layer: str | None
    """The layer that it is about, the first of several."""
    line: FromOne | None
    """Line of the net's text, counted from 1."""
    column: FromOne | None
    """Column in that line, counted from 1."""
    offset: Count | None
    """Byte of the weights file, counted from 0."""


class ErrorDocument(TypedDict):
    """Why a command failed; stands in the place of the command's own document."""

    schema_version: SchemaVersion
    command: str | None
    """The command that failed; null where none was recognised."""
    error: ErrorTable
    """What is wrong. What is not known of its place is null."""


def error_document(
    command: str | None, error: SurgeryError, *, kind: str | None = None
) -> ErrorDocument:
    """An error and its place; what it does not know of its place is null."""
    table = error_table(error)
    if kind is not None:
        table["kind"] = kind
    return jsonable(
        ErrorDocument(schema_version=SCHEMA_VERSION, command=command, error=table),
    )


def error_table(error: SurgeryError) -> ErrorTable:
    """An error's kind, words and place."""
    return cast(ErrorTable, error.facts())
