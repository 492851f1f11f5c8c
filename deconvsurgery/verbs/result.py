"""What every verb returns: a frozen value that Python, rich and a notebook can show.

Verbs import nothing that shows. A result names the module that does, which is imported when it is
asked: ``report.shown`` finds by the verb's name what the command line prints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final

from deconvsurgery.named_tuple import Frozen
from deconvsurgery.wording import one_line, plural

if TYPE_CHECKING:
    from .result_row import ResultRow

_SHOWN_BY: Final = "deconvsurgery.report.shown"


class Result(Frozen):
    """What a verb did or found.

    ``print(result)`` shows what the command line prints, ``rich.print(result)`` the same in
    colours, a notebook a table of it; ``to_dict()`` is the document that ``--json`` prints.
    """

    _verb: ClassVar[str]  # as its function is called

    def __str__(self) -> str:
        text: str = import_module(_SHOWN_BY).text_of(self._verb, self)
        return text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {one_line(self._essence())}>"

    def __rich__(self) -> Any:  # what rich can print
        """What the command line prints, in colours, as wide as there is room for."""
        return import_module(_SHOWN_BY).Fitted(self._verb, self)

    def _repr_html_(self) -> str:
        """A table for a notebook: no page, and no style but that of its own elements."""
        html: str = import_module(_SHOWN_BY).html_of(self._verb, self)
        return html

    def to_dict(self) -> dict[str, Any]:
        """The document that ``--json`` prints, in JSON's own types.

        Returns:
            Its keys and values, as the schema of the verb has them (`json_schema`).
        """
        document: dict[str, Any] = import_module(_SHOWN_BY).document_of(self._verb, self)
        return document

    def _essence(self) -> str:
        """What it is about, and the most important that is to be said of it, in one line."""
        raise NotImplementedError


def written_path(output: str | None, *, written: bool) -> str | None:
    """The file that was written; ``None`` where none was, also for standard output."""
    return output if written and output != "-" else None


def about(output: str | None, source: str, *, written: bool) -> str:
    """The file that was written, or else the one that was looked at."""
    return f"{output}" if written else f"{source}, nothing written"


def counted(rows: Iterable[ResultRow]) -> str:
    """How many layers are what.

    >>> from collections import namedtuple
    >>> Row = namedtuple("Row", "action")
    >>> counted([Row("created"), Row("created"), Row("skipped")]), counted([])
    ('2 of 3 layers created, 1 skipped', 'no layers')
    """
    count = Counter(str(row.action) for row in rows)
    if not count:
        return "no layers"
    (first, most), *others = count.most_common()
    words = f"{most:,} of {plural(count.total(), 'layer')} {first}"
    return ", ".join((words, *(f"{number:,} {action}" for action, number in others)))
