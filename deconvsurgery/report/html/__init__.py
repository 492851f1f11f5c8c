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
from .inspect import inspect_page


def html_report(result: ApplyResult | InspectResult | CheckResult | Sequence[CheckResult]) -> bytes:
    """A page that shows what `apply`, `inspect` or `check` found, in UTF-8.

    It loads nothing and holds no script; the same result makes the same bytes. Weights are
    shown where the verb was called with ``pictures=True``. Several results of ``check`` make one
    page.
    """
    match result:
        case ApplyResult():
            return apply_page(result)
        case InspectResult():
            return inspect_page(result)
        case CheckResult():
            return check_page([result])
    return check_page(result)
