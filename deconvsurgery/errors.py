"""What can go wrong, as one tree; never how it is shown.

    SurgeryError                    everything this package raises on purpose
    ├── FormatError                 a file is not what it should be
    │   ├── PrototxtError           … in the net's text
    │   │   └── NotANetError        … which is no net's: a solver's, a template
    │   └── ModelError              … in the weights file
    ├── LayerError                  something about one layer
    │   ├── ShapeError              … which cannot exist or cannot be filled
    │   └── MismatchError           … on which net and model disagree
    ├── SelectionError              no layer was selected
    ├── ConfigError                 the configuration file is wrong
    ├── OutputError                 the output's place will not do
    ├── ArgumentError               what was asked for does not go together; a ValueError, too
    └── FileError                   the operating system refused; an OSError, too

Low modules know an offset or a line, those that open files add the path, and the command line
shows each error once. An error is never changed after it was made: who knows more of it raises
another, `SurgeryError.replaced`.

Messages and hints name parameters, between backquotes with what they are to be: `force=True`,
`exclude=…`, or `apply(zero_bias=True)` of another function. The command line makes options of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Self


class SurgeryError(Exception):
    """Base of all errors: what is wrong (``message``), where, and what to do (``hint``).

    ``path`` is the file that it is about, ``line`` and ``column`` a place in a text (from 1),
    ``offset`` a byte of a weights file (from 0), ``layer`` a layer's name; each ``None`` where it
    is not known. ``transient``: the same may well pass a little later, in ``wait`` seconds if a
    server said so.

    As a text it begins with its place, as the command line shows it; ``message`` is the bare
    words. The hint is a note, too, which a traceback shows. In a loop over files catch this one,
    and make a row of ``error.path``, ``error.message`` and ``error.hint``.

    >>> str(SurgeryError("is no net", path="a.prototxt", line=3))
    'a.prototxt:3: is no net'
    """

    _fields: ClassVar[tuple[str, ...]] = (
        *("message", "path", "line", "column", "layer", "offset", "hint", "transient", "wait"),
    )

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
        layer: str | None = None,
        offset: int | None = None,
        hint: str | None = None,
        transient: bool = False,
        wait: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.column = column
        self.layer = layer
        self.offset = offset
        self.hint = hint
        self.transient = transient
        self.wait = wait
        if hint:
            self.add_note(f"hint: {hint}")

    @property
    def kind(self) -> str:
        """What it is called in documents."""
        return type(self).__name__

    @property
    def place(self) -> str:
        """``file:line:column``, ``file: byte N``, or what of it is known; may be empty."""
        parts = [str(part) for part in (self.path, self.line, self.column) if part is not None]
        place = ":".join(parts) if self.path else ", ".join(["line", *parts] if parts else [])
        if self.offset is not None:
            place += f"{': ' if place else ''}byte {self.offset}"
        return place

    def __str__(self) -> str:
        place = self.place
        return f"{place}: {self.message}" if place else self.message

    def replaced(self, **fields: Any) -> Self:
        """The same error with other fields, to be raised ``from error.__cause__``."""
        new = type(self)(**{name: getattr(self, name) for name in self._fields} | fields)
        new.__cause__ = self.__cause__
        return new.with_traceback(self.__traceback__)

    def __reduce__(self) -> tuple[Any, ...]:
        """Made again of its fields, by ``copy`` and ``pickle``; notes that were added, too."""
        fields = {name: getattr(self, name) for name in self._fields}
        notes = getattr(self, "__notes__", None)
        return partial(type(self), **fields), (), notes and {"__notes__": [*notes]}

    def facts(self) -> dict[str, Any]:
        """Its kind, words and place under the names that documents and rows have for them."""
        return {
            "kind": self.kind,
            "message": self.message,
            "hint": self.hint,
            "file": self.path,
            "layer": self.layer,
            "line": self.line,
            "column": self.column,
            "offset": self.offset,
        }


class FormatError(SurgeryError):
    """A file is not what it should be."""


class PrototxtError(FormatError):
    """The net's text is wrong."""


class NotANetError(PrototxtError):
    """The text is no net and was not meant to be one: a solver's, a template."""


class ModelError(FormatError):
    """The weights file is wrong."""


class LayerError(SurgeryError):
    """Something about one layer of the net, which begins in ``line``."""


class ShapeError(LayerError):
    """A layer that Caffe would not set up, or that no bilinear kernel fits."""


class MismatchError(LayerError):
    """Net and model disagree about a layer."""


class SelectionError(SurgeryError):
    """No layer fits what was asked for."""


class ConfigError(SurgeryError):
    """The configuration file is wrong."""


class OutputError(SurgeryError):
    """The place named for a file will not do: it exists, is the input, or is no file's place."""


class ArgumentError(SurgeryError, ValueError):
    """Arguments that do not go together, or one that cannot be: whatever the files hold.

    It names the parameters, and says what is allowed.
    """

    @property
    def kind(self) -> str:
        """What such mistakes have been called in documents from the first."""
        return OutputError.__name__


class FileError(SurgeryError, OSError):
    """The operating system, or a store, refused to read or write; nothing was lost.

    ``errno`` is the system's number where there is one, ``filename`` the same as ``path``.
    """

    _fields = (*SurgeryError._fields, "errno")

    def __init__(self, message: str, *, errno: int | None = None, **place: Any) -> None:
        super().__init__(message, **place)
        self.errno = errno
        self.strerror: str | None = message
        self.filename: Any = self.path
