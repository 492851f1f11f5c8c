"""What can go wrong, as one tree; never how it is shown.

    SurgeryError                    everything this package raises on purpose
    ├── FormatError                 a file is not what it should be          .path
    │   ├── PrototxtError           … in the net's text                      .line .column
    │   └── ModelError              … in the weights file                    .offset
    ├── ShapeError                  a layer cannot exist or cannot be filled .layer
    ├── MismatchError               net and model disagree                   .layer
    ├── SelectionError              no layer was selected
    ├── OutputError                 the output's place will not do           .path
    └── FileError                   the operating system refused             .path

Low rooms know an offset or a line; ``read`` and ``write`` add the path; the
command line renders each error once.
"""

from __future__ import annotations


class SurgeryError(Exception):
    """Base of all errors: ``message`` says what is wrong, ``hint`` what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class FormatError(SurgeryError):
    """A file is not what it should be; ``path`` is added by the room that opened it."""

    def __init__(self, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class PrototxtError(FormatError):
    """The net's text is wrong at ``line`` and ``column`` (both count from 1)."""

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        layer: str | None = None,
        path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, path=path, hint=hint)
        self.line = line
        self.column = column
        self.layer = layer


class ModelError(FormatError):
    """The weights file is wrong at byte ``offset`` (counts from 0)."""

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        layer: str | None = None,
        path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, path=path, hint=hint)
        self.offset = offset
        self.layer = layer


class ShapeError(SurgeryError):
    """A layer that Caffe would not set up, or that no bilinear kernel fits."""

    def __init__(
        self,
        message: str,
        *,
        layer: str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.layer = layer
        self.line = line


class MismatchError(SurgeryError):
    """Net and model disagree about a layer."""

    def __init__(
        self,
        message: str,
        *,
        layer: str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.layer = layer
        self.line = line


class SelectionError(SurgeryError):
    """No layer fits what was asked for."""


class OutputError(SurgeryError):
    """The place named for a file will not do: it exists, is the input, or is no file's place."""

    def __init__(self, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class FileError(SurgeryError):
    """The operating system refused to read or write; nothing was lost."""

    def __init__(self, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path
