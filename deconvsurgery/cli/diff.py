"""``diff``: two models, layer by layer."""

from __future__ import annotations

from math import isfinite

import click

from . import shared_options as shared
from .console import show_json, show_result, shown_progress
from .exit_codes import FOUND
from .help import Verb, argument
from .layer_options import pattern_options
from .verbose_option import verbose_option


def _tolerance(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None and not (isfinite(value) and value >= 0):
        raise click.BadParameter(f"{value} is not a distance: give a number of 0 or more")
    return value


@click.command(
    cls=Verb,
    own="Comparison",
    short_help="Two models, layer by layer: same, changed, moved, renamed.",
)
@argument("a", "A", "A: A model.", type=shared.READ)
@argument("b", "B", "B: Another one, of any form.", type=shared.READ)
@pattern_options
@click.option(
    "--atol",
    type=float,
    metavar="X",
    callback=_tolerance,
    help="Values at most this far apart are the same.",
)
@click.option("--only-changed", is_flag=True, help="Leave out layers that are the same.")
@shared.as_json()
@shared.quiet("Only the exit code.")
@verbose_option
def command(
    a: str,
    b: str,
    patterns: tuple[str, ...],
    exclude: tuple[str, ...],
    atol: float | None,
    only_changed: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compare the models A and B by what Caffe loads: names, shapes and values of weights.

    \b
    Examples:
      deconvsurgery diff before.caffemodel after.caffemodel
      deconvsurgery diff --only-changed iter_1000.caffemodel iter_2000.caffemodel
      deconvsurgery diff -p 'conv*' weights.caffemodel weights.caffemodel.h5
      deconvsurgery diff --atol 1e-3 full.caffemodel half.caffemodel

    A and B may be of different form. Ends with 0 when the weights are the same, 1 when they are
    not. One of them may be '-'.
    """
    from deconvsurgery.verbs.diff import diff

    with shown_progress(a, silent=quiet or as_json) as progress:
        result = diff(a, b, patterns=patterns, exclude=exclude, atol=atol, progress=progress)
    if as_json:
        from deconvsurgery.report.json_documents.diff import diff_document

        show_json(diff_document(result, only_changed=only_changed))
    else:
        show_result("diff", result, quiet=quiet, only_changed=only_changed)
    return 0 if result.same else FOUND
