"""Results as one page of HTML that needs nothing beside it; drawn here from values alone.

Never here: judging anything, or a file written.
"""

from __future__ import annotations

from collections.abc import Sequence

from deconvsurgery.verbs.apply import ApplyResult
from deconvsurgery.verbs.check import CheckResult
from deconvsurgery.verbs.inspect import InspectResult

from .apply import apply_page
from .check import check_page
from .html_page import HtmlPage
from .inspect import inspect_page


def html_report(
    result: ApplyResult | InspectResult | CheckResult | Sequence[CheckResult],
) -> HtmlPage:
    """A page that shows what `apply`, `inspect` or `check` found (``--report``).

    It loads nothing and holds no script; the same result makes the same page. In a notebook it
    is shown in a frame of its own. Other results have no page: they show themselves as a table.

    Args:
        result: What the verb returned; several results of ``check`` make one page. Weights are
            shown where the verb was called with ``pictures=True``.

    Returns:
        The page's text, a ``str``; its ``save(path)`` writes it to a file.

    Raises:
        TypeError: it is no result of these.

    >>> import deconvsurgery as ds
    >>> page = html_report(ds.check("net.prototxt", "in.caffemodel", pictures=True))
    >>> page[:15], "DS001" in page
    ('<!DOCTYPE html>', True)
    >>> _ = page.save("report.html")
    """
    match result:
        case ApplyResult():
            page = apply_page(result)
        case InspectResult():
            page = inspect_page(result)
        case CheckResult():
            page = check_page([result])
        case [CheckResult(), *_]:
            page = check_page(result)
        case _:
            kind = type(result).__name__
            raise TypeError(f"a page is made of a result of apply, inspect or check, not {kind}")
    return HtmlPage(page.decode("utf-8"))
