"""``regroup``: a full diagonal as groups, and back."""

from __future__ import annotations

import click

from deconvsurgery.options.regroup import REGROUP, RegroupOptions

from . import shared_options as shared
from .console import show_result
from .help import Verb, argument
from .layer_options import LayerArguments, layer_options
from .verbose_option import verbose_option


@click.command(
    cls=Verb,
    own="Groups",
    short_help="Full diagonal to groups and back, in net and model together.",
)
@argument("net", "NET", "NET: The net (prototxt).", type=shared.READ)
@argument("model", "IN", "IN: Its model.", type=shared.READ)
@argument("net_output", "[OUT_NET]", "OUT_NET: The new net.", required=False, type=shared.WRITTEN)
@argument(
    "output",
    "[OUT_MODEL]",
    "OUT_MODEL: The new model. Neither is needed with --dry-run.",
    required=False,
    type=shared.WRITTEN,
)
@shared.declared(REGROUP)
@layer_options
@shared.force("Replace the outputs if they exist.")
@shared.dry_run()
@shared.as_json()
@shared.quiet()
@verbose_option
@shared.gathered(RegroupOptions)
def command(
    net: str,
    model: str,
    net_output: str | None,
    output: str | None,
    options: RegroupOptions,
    layers: LayerArguments,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Turn (C, C, k, k) weights that are a diagonal into (C, 1, k, k) ones with group: C.

    \b
    Examples:
      deconvsurgery regroup net.prototxt in.caffemodel new.prototxt new.caffemodel
      deconvsurgery regroup --expand new.prototxt new.caffemodel net.prototxt out
      deconvsurgery regroup --dry-run net.prototxt in.caffemodel

    The layer stays the same function with C times fewer weights. One that has anything off its
    diagonal is refused. Both outputs appear, or neither; everything else is the inputs' own.
    """
    from deconvsurgery.verbs.regroup import regroup

    result = regroup(
        net,
        model,
        net_output,
        output,
        force=force,
        dry_run=dry_run,
        **layers,
        options=options,
    )
    show_result("regroup", result, as_json=as_json, quiet=quiet)
    return 0
