"""``sweep``: a verb over many pairs."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from . import shared_options as shared
from .console import make_console, show_result
from .exit_codes import FOUND, REFUSED
from .help import Verb, argument
from .terminal_setup import can_move

if TYPE_CHECKING:
    from deconvsurgery.sweeping.pair_count import OnRow
    from deconvsurgery.sweeping.result_rows import PairRow, Summary

_LONG = 1.0  # seconds of a sweep before it is drawn how far it is
_EVERY = 0.25  # seconds between two drawings
_RECENT = 30.0  # seconds whose pairs say how many a second there are: settled ones go quickly by


@click.command(
    cls=Verb, own="Run", short_help="A verb over many pairs: object stores, many machines."
)
@argument(
    "config",
    "[CONFIG]",
    "CONFIG: A file that lists the pairs (default: the nearest deconvsurgery.toml).",
    required=False,
    type=shared.READ,
)
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or Dask's workers.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Dask's (default: a cluster of its own, started here)."
)
@click.option(
    "-w",
    "--workers",
    type=shared.Count(1),
    metavar="N",
    help="Processes to start (default: one for each core).",
)
@click.option(
    "--retries",
    type=shared.Count(0, 20),
    metavar="N",
    help="More tries of what may pass, a store that does not answer (default: 3).",
)
@click.option(
    "--results",
    metavar="FILE",
    type=shared.WRITTEN,
    help="A row for each pair, as JSON Lines (default: sweep.jsonl beside CONFIG).",
)
@shared.force("Work on every pair, replace every output.")
@shared.as_json("report")
@shared.quiet("No report, no progress.")
def command(
    config: str | None,
    engine: str,
    scheduler: str | None,
    workers: int | None,
    retries: int | None,
    results: str | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run apply, check, convert or regroup over the pairs that CONFIG lists.

    \b
    Examples:
      deconvsurgery sweep zoo.toml
      deconvsurgery sweep --engine dask --workers 8 zoo.toml
      deconvsurgery sweep --engine dask --scheduler tcp://head:8786 zoo.toml

    Paths may be URLs (s3://bucket/key) and stand for many with *, ** and {name}. A pair that
    fails is a row, not the end. A pair that is settled is not worked on again: after a failure,
    run the same line once more. Ends with 3 if a pair failed, with 1 if a check found something.
    """
    if engine != "dask" and scheduler is not None:
        raise click.UsageError("--scheduler is Dask's: say --engine dask, too")
    if scheduler is not None and workers is not None:
        raise click.UsageError("--workers are started here, and those of --scheduler are not")
    from deconvsurgery.sweeping.result_rows import RowOutcome
    from deconvsurgery.sweeping.sweep import sweep

    with _drawn(silent=quiet or as_json) as on_row:
        result = sweep(
            config,
            engine=engine,
            scheduler=scheduler,
            workers=workers,
            retries=retries,
            results=results,
            force=force,
            on_row=on_row,
        )
    show_result("sweep", result, as_json=as_json, quiet=quiet)
    return {RowOutcome.FAILED: REFUSED, RowOutcome.FOUND: FOUND}.get(result.summary.worst, 0)


@contextmanager
def _drawn(*, silent: bool) -> Iterator[OnRow | None]:
    """A table on standard error that is drawn again as rows come, on a terminal only."""
    if silent or not can_move(sys.stderr):
        yield None
        return
    from rich.live import Live

    from deconvsurgery.report.terminal.sweep_progress import progress_table

    console = make_console(stderr=True)
    began = drawn = time.monotonic()
    recent = deque([(began, 0)])  # when so many pairs were done
    live = Live(console=console, transient=True, auto_refresh=False)

    def on_row(summary: Summary, row: PairRow) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - began >= _LONG and now - drawn >= _EVERY:
            drawn = now
            recent.append((now, summary.total))
            while now - recent[1][0] > _RECENT:
                recent.popleft()
            since, before = recent[0]
            rate = (summary.total - before) / (now - since) if now > since else None
            live.start()  # not before: a short sweep, or an error, moves no cursor
            table = progress_table(summary, row, rate, width=console.width)
            live.update(table, refresh=True)

    try:
        yield on_row
    finally:
        if live.is_started:
            live.stop()
