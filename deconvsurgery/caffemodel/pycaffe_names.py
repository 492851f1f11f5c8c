"""Names that pycaffe has for what is called otherwise here: the error for one says the other.

There is no ``data``: values are in the file, an array of them is a copy, and what is written to it
would be lost without a word.
"""

from __future__ import annotations

from typing import Any, NoReturn

INSTEAD = {
    "params": "the layers themselves are the mapping, [name][index].array() the values",
    "data": "array() gives the values, a copy; an editor takes others by [name][index] = values",
}


def no_attribute(self: Any, name: str) -> NoReturn:
    """The ``__getattr__`` of a model or a blob; a type checker is not to see it.

    It would take every name for one that there is.
    """
    message = f"{type(self).__name__!r} object has no attribute {name!r}"
    if name in INSTEAD:
        # Without the object, so that Python proposes no name that looks alike.
        raise AttributeError(f"{message}: {INSTEAD[name]}", name=name, obj=None)
    raise AttributeError(message, name=name, obj=self)
