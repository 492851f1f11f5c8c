"""What can go wrong, as one tree; never how it is shown.

    SurgeryError                    everything this package raises on purpose   .hint .path
    ├── FormatError                 a file is not what it should be
    │   ├── PrototxtError           … in the net's text                         .line .column .layer
    │   │   └── NotANetError        … which is no net's: a solver's, a template
    │   └── ModelError              … in the weights file                       .offset .layer
    ├── LayerError                  something about one layer                   .layer .line
    │   ├── ShapeError              … which cannot exist or cannot be filled
    │   └── MismatchError           … on which net and model disagree
    ├── SelectionError              no layer was selected
    ├── ConfigError                 the configuration file is wrong                 .line .column
    ├── OutputError                 the output's place will not do
    └── FileError                   the operating system refused

Low modules know an offset or a line, those that open files add the path, and the command line
shows each error once.
"""

from __future__ import annotations


class SurgeryError(Exception):
    """Base of all errors: what is wrong (``message``), with which file, what to do (``hint``).

    ``transient``: the same may well pass a little later.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        path: str | None = None,
        transient: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path
        self.transient = transient


class FormatError(SurgeryError):
    """A file is not what it should be."""


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
        super().__init__(message, hint=hint, path=path)
        self.line = line
        self.column = column
        self.layer = layer


class NotANetError(PrototxtError):
    """The text is no net and was not meant to be one: a solver's, a template."""


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
        super().__init__(message, hint=hint, path=path)
        self.offset = offset
        self.layer = layer


class LayerError(SurgeryError):
    """Something about one layer of the net, which begins in ``line``."""

    def __init__(
        self,
        message: str,
        *,
        layer: str | None = None,
        line: int | None = None,
        hint: str | None = None,
        path: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, path=path)
        self.layer = layer
        self.line = line


class ShapeError(LayerError):
    """A layer that Caffe would not set up, or that no bilinear kernel fits."""


class MismatchError(LayerError):
    """Net and model disagree about a layer."""


class SelectionError(SurgeryError):
    """No layer fits what was asked for."""


class ConfigError(SurgeryError):
    """The configuration file is wrong, at ``line`` and ``column`` (from 1) where that is known."""

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        path: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, path=path)
        self.line = line
        self.column = column


class OutputError(SurgeryError):
    """The place named for a file will not do: it exists, is the input, or is no file's place."""


class FileError(SurgeryError):
    """The operating system, or a store, refused to read or write; nothing was lost."""
