"""What ``revert --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from deconvsurgery.verbs.revert import RevertResult

from .document import SCHEMA_VERSION, Count, SchemaVersion, jsonable


class RevertBytes(TypedDict):
    """Sizes in bytes."""

    input: Count
    """Of the input as it was."""
    output: Count
    """Of the original."""
    restored: Count
    """Of the original's bytes in the patch."""


class RevertDocument(TypedDict):
    """What was undone."""

    schema_version: SchemaVersion
    command: Literal["revert"]
    """The command that wrote the document."""
    input: str
    """The path of the file that was patched, as it was given."""
    patch: str
    """The patch's path as it was given."""
    output: str | None
    """Where the original is: the input's path, or the one of --output; null for a dry run."""
    already: bool
    """The input was the original before."""
    written: bool
    """A file was written."""
    bytes: RevertBytes
    """Sizes in bytes."""
    sha256: str
    """The original's SHA-256 in hexadecimal."""
    warnings: Sequence[str]
    """What is to be said of the files, a sentence each."""


def revert_document(result: RevertResult) -> RevertDocument:
    """What ``revert`` did or would do."""
    return jsonable(
        RevertDocument(
            schema_version=SCHEMA_VERSION,
            command="revert",
            input=result.input,
            patch=result.patch,
            output=result.output,
            already=result.already,
            written=result.written,
            bytes={
                "input": result.size_before,
                "output": result.size_after,
                "restored": result.restored,
            },
            sha256=result.sha256,
            warnings=result.warnings,
        )
    )
