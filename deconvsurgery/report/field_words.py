"""A net's field and a model's form in words, for every kind of report."""

from __future__ import annotations

from deconvsurgery.caffemodel.model import Version
from deconvsurgery.prototxt.net import NetMessage, Value

from .phrases import NOTHING, escaped


def value_words(value: Value | None) -> str:
    """A field's value in short; a message between braces.

    >>> value_words(NetMessage((("phase", "TRAIN"), ("stage", "a"))))
    '{ phase: TRAIN stage: a }'
    """
    if isinstance(value, NetMessage):
        inner = "".join(f"{name}: {value_words(field)} " for name, field in value.fields)
        return f"{{ {inner}}}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return NOTHING if value is None else escaped(str(value))


def form_words(version: Version) -> str:
    """The form of a model."""
    return str(version) if version is Version.HDF5 else f"binary {version}"
