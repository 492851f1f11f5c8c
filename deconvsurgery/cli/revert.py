"""``revert``: the way back."""

from __future__ import annotations

import click

from . import shared_options as shared
from .console import show_result, shown_progress
from .help import Verb, argument
from .verbose_option import verbose_option


@click.command(cls=Verb, short_help="Undo an apply --save-patch, bit for bit.")
@argument("changed", "OUT", "OUT: The model that apply wrote.", type=shared.READ)
@argument("patch", "PATCH", "PATCH: The file that --save-patch wrote with it.", type=shared.READ)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=shared.WRITTEN,
    help="Write the original there instead of over OUT.",
)
@shared.force("Replace FILE if it exists.")
@shared.dry_run("Tell what would be done, write nothing.")
@shared.as_json("words")
@shared.quiet("No words.")
@verbose_option
def command(
    changed: str,
    patch: str,
    output: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make of OUT what it was before the apply that wrote PATCH.

    \b
    Examples:
      deconvsurgery apply --save-patch undo net.prototxt in.caffemodel out
      deconvsurgery revert out undo
      deconvsurgery revert -o in.caffemodel out undo

    OUT is replaced as a whole, and only if it is the very file that was patched and what comes
    of it is the very original, by their SHA-256.
    """
    from deconvsurgery.verbs.revert import revert

    with shown_progress(output, silent=quiet or as_json or dry_run) as progress:
        result = revert(changed, patch, output, force=force, dry_run=dry_run, progress=progress)
    show_result("revert", result, as_json=as_json, quiet=quiet)
    return 0
