"""``transplant``: old weights into a new net."""

from __future__ import annotations

import click

from deconvsurgery.options.transplant import TRANSPLANT, TransplantOptions

from . import shared_options as shared
from .console import show_result, shown_progress
from .help import Verb, argument
from .layer_options import LayerArguments, layer_options
from .verbose_option import verbose_option


@click.command(
    cls=Verb,
    own="Weights",
    short_help="Old weights into a new net: fc to conv, more classes, upsampling.",
)
@argument("net", "NEW_NET", "NEW_NET: The net that is to get weights (prototxt).", type=shared.READ)
@argument("model", "OLD_MODEL", "OLD_MODEL: A model of another net.", type=shared.READ)
@argument(
    "output",
    "[OUT]",
    "OUT: The new model. Not needed with --dry-run.",
    required=False,
    type=shared.WRITTEN,
)
@click.option("--suffix", default="", metavar="TEXT", help="The new net's names end in this.")
@click.option(
    "--expand-score",
    multiple=True,
    metavar="NEW=OLD",
    help="Old classes into the first rows of a larger score layer. Repeatable.",
)
@shared.declared(TRANSPLANT, "apply", "flat")
@layer_options
@shared.declared(TRANSPLANT, "skip-unfit", "any-gain")
@shared.force()
@shared.dry_run()
@shared.as_json()
@shared.quiet()
@verbose_option
@shared.gathered(TransplantOptions)
def command(
    net: str,
    model: str,
    output: str | None,
    suffix: str,
    expand_score: tuple[str, ...],
    options: TransplantOptions,
    layers: LayerArguments,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write to OUT a model of NEW_NET with OLD_MODEL's weights wherever they fit.

    \b
    Examples:
      deconvsurgery transplant --apply fcn.prototxt vgg.caffemodel fcn.caffemodel
      deconvsurgery transplant --expand-score score59=score \\
          new.prototxt old.caffemodel new.caffemodel

    By name: equal shapes are copied, InnerProduct (O, I) becomes Convolution (O, C, h, w) where the
    counts agree. Layers that OLD_MODEL lacks get their constant fillers; what a random filler makes
    is left to Caffe. Values are never held whole.
    """
    from deconvsurgery.verbs.transplant import transplant

    to_stdout = shared.writes_to_stdout(output, dry_run=dry_run, printed={"--json": as_json})
    for pair in expand_score:
        if not all(pair.partition("=")):
            raise click.UsageError(
                f"--expand-score takes NEW=OLD, the names of two layers, not {pair!r}"
            )
    with shown_progress(output, silent=quiet or as_json or dry_run) as progress:
        result = transplant(
            net,
            model,
            output,
            suffix=suffix,
            expand_score=expand_score,
            force=force,
            dry_run=dry_run,
            progress=progress,
            **layers,
            options=options,
        )
    show_result("transplant", result, as_json=as_json, quiet=quiet, aside=to_stdout)
    return 0
