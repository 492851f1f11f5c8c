"""Elements of a page that is HTML and XML at once; whatever is not markup yet is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from deconvsurgery.program.option_names import spoken
from deconvsurgery.report.phrases import shortened
from deconvsurgery.wording import printable

# What has no end tag in HTML; SVG's elements are written the same way where they are empty.
_EMPTY = frozenset({"br", "circle", "image", "line", "meta", "path", "polyline", "rect"})
# Characters of a name that a page shows.
NAME = 96
# Characters of a sentence, which may quote a name of any length.
SENTENCE = 2000


class Markup(str):
    """Text that is markup already, made by the functions here alone."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | float | None) -> Markup:
    """An element; children that are no `Markup` are text.

    An attribute that is ``None`` is left out; ``class_`` stands for ``class``, ``fill_opacity`` for
    ``fill-opacity``. Names of tags and attributes are the caller's own words.

    >>> element("p", "a < b", element("br"), class_="wide", id=None)
    '<p class="wide">a &lt; b<br/></p>'
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _EMPTY and not children:
        return Markup(f"<{tag}{given}/>")
    return Markup(f"<{tag}{given}>{joined(children)}</{tag}>")


def section(level: int, heading: str, *parts: str | None, **attributes: str) -> Markup:
    """Parts under a heading of a level."""
    return element("section", element(f"h{level}", heading), *parts, **attributes)


def pairs_list(pairs: Iterable[tuple[str, str]], kind: str) -> Markup | None:
    """Names and what they stand for, a list of a class; ``None`` where there are none."""
    rows = [element("div", element("dt", what), element("dd", value)) for what, value in pairs]
    return element("dl", *rows, class_=kind) if rows else None


def joined(children: Iterable[str | None]) -> Markup:
    """Children one after the other; ``None`` is nothing."""
    given = (child for child in children if child is not None)
    return Markup("".join(one if isinstance(one, Markup) else text(one) for one in given))


def text(words: str) -> Markup:
    r"""Words as text: what is markup is escaped, what does not print is spelt out.

    >>> text("<b>\x1b\u202e")
    '&lt;b&gt;\\x1b\\u202e'
    """
    return Markup(escape(printable(spoken(words), keep="\n")))


def name(given: str, most: int = NAME) -> Markup:
    """A name of any length and direction, which leaves the words around it alone."""
    return element("bdi", shortened(given, most), class_="name")


def sentence(words: str) -> Markup:
    """A sentence, cut in its middle where it quotes what is endless."""
    return text(shortened(words, SENTENCE))


def number(value: float) -> str:
    """A coordinate: short, and the same everywhere.

    >>> number(1.0), number(2.345), number(-0.001)
    ('1', '2.35', '0')
    """
    digits = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def _value(value: str | float) -> str:
    return number(value) if isinstance(value, float) else text(str(value))
