"""How sentences name parameters: as a program writes them, or as options of the command line.

Sentences have them between backquotes with what they are to be: `force=True`, `exclude=…`, or
`apply(zero_bias=True)` of another function than the one that was called. That is how Python gets
them; which options they are only the command line knows, and says while it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias

Naming: TypeAlias = Callable[[str | None, str, str], str | None]
"""The option of a function (``None``: the one that was called), a parameter, and its value."""

_MARK: Final = re.compile(
    r"`(?:(?P<verb>[a-z]\w*)\()?"
    r"(?:(?P<name>[a-z]\w*)=(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^`'\")]*))?"
    r"(?(verb)\))`"
)
_naming: ContextVar[Naming | None] = ContextVar("naming", default=None)


@contextmanager
def options_named(naming: Naming) -> Iterator[None]:
    """Within it, `spoken` names options."""
    token = _naming.set(naming)
    try:
        yield
    finally:
        _naming.reset(token)


def spoken(text: str) -> str:
    """The text with its parameters named as whoever runs this gives them.

    >>> spoken("`force=True` replaces it")
    '`force=True` replaces it'
    >>> with options_named(lambda verb, name, value: f"--{name}"):
    ...     spoken("`force=True` replaces it")
    '--force replaces it'
    """
    naming = _naming.get()
    if naming is None or "`" not in text:
        return text

    def option(mark: re.Match[str]) -> str:
        verb, name, value = mark["verb"], mark["name"], mark["value"]
        if name is None and verb is None:
            return mark[0]
        return naming(verb, name or "", value or "") or mark[0]

    return _MARK.sub(option, text)
