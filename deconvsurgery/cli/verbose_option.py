"""-v: what a run asked of the stores behind its URLs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from deconvsurgery.storage.object_store.store import Traffic

    from .shared_options import Command


def _counting(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Count from here on, and report when the command ends, however it does."""
    if not wanted or context.resilient_parsing:
        return
    from deconvsurgery.storage.object_store.store import counted

    traffic = context.with_resource(counted())
    context.call_on_close(lambda: _print_traffic(traffic))


def _print_traffic(traffic: Traffic) -> None:
    with suppress(OSError):
        click.echo(traffic.words(), err=True)


def verbose_option(command: Command) -> Command:
    """Add -v."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_counting,
        help="Tell what URLs cost: requests and bytes, to standard error.",
    )(command)
