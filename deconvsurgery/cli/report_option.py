"""--report: one page of HTML beside what a verb prints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from deconvsurgery.errors import FileError

from . import shared_options as shared

if TYPE_CHECKING:
    from deconvsurgery.storage.destination import Destination
    from deconvsurgery.storage.run_files import RunFiles
    from deconvsurgery.verbs.apply import ApplyResult
    from deconvsurgery.verbs.check import CheckResult
    from deconvsurgery.verbs.inspect import InspectResult

LOOKED_AT = "a file that is looked at"  # a net or a model: which, only its content says


def _file(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A file: standard output is the table's."""
    if value is not None:
        from deconvsurgery.storage.output_place import is_standard_output

        if not value or is_standard_output(value):
            raise click.BadParameter(f"{value!r} is not a file")
    return value


def report_option(command: shared.Command) -> shared.Command:
    """Add --report."""
    return click.option(
        "--report",
        metavar="FILE",
        callback=_file,
        type=shared.WRITTEN,
        help="Write a page that shows it all, as HTML.",
    )(command)


def report_destination(report: str | None, files: RunFiles, *, force: bool) -> Destination | None:
    """Where the page goes, after every reason not to; before anything else is written.

    ``files`` are the run's others; the page is one of them from now on.
    """
    if report is None:
        return None
    from deconvsurgery.storage.destination import destination

    files.writes("the report", report)
    files.check()
    return destination(report, force=force, text=True)


def write_report(
    place: Destination | None,
    result: ApplyResult | InspectResult | Sequence[CheckResult],
    files: RunFiles,
    *,
    written: str | None = None,
) -> None:
    """Write the page, if one is asked for.

    ``written`` is what the verb has written before, which is kept whatever becomes of the page.
    """
    if place is None:
        return
    from deconvsurgery.report.html import html_report
    from deconvsurgery.storage.os_error_text import os_errors_as, refusal, shown
    from deconvsurgery.storage.write_outputs import UNCHANGED, write_bytes

    try:
        files.check()  # a file that is only there now may be this one by another name
        with os_errors_as(partial(refusal, "cannot be made", name=shown(place.named))):
            page = html_report(result).encode()  # reads its style, and the pages of rules
        write_bytes(place, page)
    except FileError as error:
        if written is None:
            raise
        words = error.message.removesuffix(UNCHANGED)
        words += f"; it is the report alone, the model is written to {written}"
        raise error.replaced(message=words) from error.__cause__
