"""What ``doctor --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

from .document import SCHEMA_VERSION, Count, FromOne, SchemaVersion, jsonable

if TYPE_CHECKING:
    from deconvsurgery.storage.folder_abilities import FolderAbilities
    from deconvsurgery.verbs.doctor import DoctorResult


class PackageEntry(TypedDict):
    """A package."""

    name: str
    """Its name in an index."""
    version: str | None
    """The one that is installed; null if none is."""
    least: str
    """The oldest version that will do."""
    extra: str | None
    """The extra that it belongs to; null if every command needs it."""
    fits: bool
    """It is installed, and not too old."""


class FolderEntry(TypedDict):
    """A folder, and what can be done in it."""

    path: str
    """Its path."""
    file_system: str | None
    """The kind of its file system; null if the system does not say."""
    free: Count | None
    """Bytes that are free for this user; null if the system does not say."""
    writable: bool
    """Files can be made in it."""
    clones: bool
    """Two files can share blocks, so that a copy costs nothing."""
    kernel_copies: bool
    """The operating system's kernel copies between files."""
    unnamed_files: bool
    """Files can be made that have no name."""


class TerminalEntry(TypedDict):
    """What standard output is."""

    is_terminal: bool
    """It is looked at."""
    columns: FromOne
    """Its width."""
    colours: bool
    """Colours are sent to it."""
    encoding: str
    """Its encoding."""


class DoctorDocument(TypedDict):
    """What the installation has, and what the folders that it writes to can."""

    schema_version: SchemaVersion
    command: Literal["doctor"]
    """The command that wrote the document."""
    version: str
    """The version of this program."""
    python: str
    """Python's version."""
    interpreter: str
    """The path of the interpreter."""
    system: str
    """The operating system and the machine."""
    packages: Sequence[PackageEntry]
    """The packages that every command needs, and those of extras."""
    install: Mapping[str, str]
    """A command for each extra that is not complete: it installs what is missing."""
    current_folder: FolderEntry
    """The current folder."""
    temporary_folder: FolderEntry
    """The folder for temporary files, as TMPDIR sets it."""
    terminal: TerminalEntry
    """Standard output."""
    started_as: str
    """How a command line starts this program."""
    on_path: bool
    """A shell finds the command by its name."""
    complete: bool
    """Nothing is missing that every command needs."""


def doctor_document(result: DoctorResult) -> DoctorDocument:
    """What was found."""
    return jsonable(
        DoctorDocument(
            schema_version=SCHEMA_VERSION,
            command="doctor",
            version=result.version,
            python=result.python,
            interpreter=result.interpreter,
            system=result.system,
            packages=[
                {
                    "name": each.name,
                    "version": each.version,
                    "least": each.least,
                    "extra": each.extra,
                    "fits": each.fits,
                }
                for each in result.packages
            ],
            install=result.install,
            current_folder=_folder(result.current),
            temporary_folder=_folder(result.temporary),
            terminal={
                "is_terminal": result.terminal.is_terminal,
                "columns": result.terminal.columns,
                "colours": result.terminal.colours,
                "encoding": result.terminal.encoding,
            },
            started_as=result.command,
            on_path=result.on_path,
            complete=not result.missing,
        )
    )


def _folder(found: FolderAbilities) -> FolderEntry:
    return {
        "path": found.path,
        "file_system": found.file_system,
        "free": found.free,
        "writable": found.writable,
        "clones": found.clones,
        "kernel_copies": found.kernel_copies,
        "unnamed_files": found.unnamed_files,
    }
