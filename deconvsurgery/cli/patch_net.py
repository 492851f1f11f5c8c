"""``patch-net``: the second way, in the prototxt itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from deconvsurgery.options.patch_net import PATCH_NET, PatchNetOptions

from . import shared_options as shared
from .console import (
    medium,
    show,
    show_error,
    show_json,
    show_raw,
)
from .exit_codes import FOUND
from .help import Verb, argument
from .layer_options import LayerArguments, layer_options
from .verbose_option import verbose_option

if TYPE_CHECKING:
    from deconvsurgery.verbs.patch_net import PatchNetResult


@click.command(
    "patch-net",
    cls=Verb,
    own="Changes",
    short_help="Group and bilinear filler into the net itself.",
)
@argument(
    "files",
    "NET [OUT]",
    "NET: The net (prototxt); several with --in-place.\n"
    "OUT: The new net. Not needed with --in-place, --dry-run, --check.",
    nargs=-1,
    required=True,
    type=shared.READ_OR_WRITTEN,
)
@layer_options
@shared.declared(PATCH_NET)
@shared.allow_empty
@shared.in_place("Write to NET itself (still all or nothing), or to each of several NETs.")
@click.option("--nets-only", is_flag=True, help="Skip files that are not nets; with --in-place.")
@shared.force()
@shared.dry_run()
@shared.check
@click.option("--diff", is_flag=True, help="A unified diff instead; the table to standard error.")
@shared.as_json()
@shared.quiet()
@verbose_option
@shared.gathered(PatchNetOptions)
def command(
    files: tuple[str, ...],
    layers: LayerArguments,
    options: PatchNetOptions,
    allow_empty: bool,
    in_place: bool,
    nets_only: bool,
    force: bool,
    dry_run: bool,
    check: bool,
    diff: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make the matched Deconvolution layers of NET upsample by Caffe's own filler; write OUT.

    \b
    Examples:
      deconvsurgery patch-net net.prototxt new.prototxt
      deconvsurgery patch-net -p '*' --recipe --freeze net.prototxt new.prototxt
      deconvsurgery patch-net --diff --dry-run net.prototxt
      deconvsurgery patch-net --check net.prototxt
      deconvsurgery patch-net --in-place models/*/*.prototxt

    Each gets `group` equal to its channels and `weight_filler { type: "bilinear" }`. Every other
    character stays: comments, indentation, line ends. NET and OUT may be '-'.
    """
    from deconvsurgery.verbs.patch_net import patch_net, patch_nets

    planned_only = dry_run or check
    several = in_place and (nets_only or len(files) > 1)
    if not in_place and (nets_only or len(files) > 2):
        what = "--nets-only" if nets_only else "more than NET and OUT"
        raise click.UsageError(f"{what} needs --in-place")
    net, output = files[0], files[1] if len(files) > 1 and not several else None
    printed = {"--json": as_json, "--diff": diff}
    to_stdout = shared.writes_to_stdout(output, dry_run=planned_only, printed=printed)

    asked: dict[str, Any] = {
        **layers,
        "options": options,
        "allow_empty": allow_empty,
        "force": force,
        "dry_run": planned_only,
    }
    if several:
        results = tuple(patch_nets(files, nets_only=nets_only, **asked))
    else:
        results = (patch_net(net, output, in_place=in_place, **asked),)
    failures = list(_show_errors_and_documents(results, as_json=as_json))
    if diff:
        _show_diffs(results)
    if not quiet and not as_json:
        if diff and any(each.changed for each in results) and medium().terminal:
            show("", stderr=True)  # between the diff and the table
        _show_table(results, several=several, dry_run=planned_only, aside=to_stdout or diff)
    changed = any(each.changed for each in results)
    return max(failures, default=FOUND if check and changed else 0)


def _show_errors_and_documents(
    results: Sequence[PatchNetResult], *, as_json: bool
) -> Iterator[int]:
    """The exit codes of the errors; of several nets each has its document on a line of its own."""
    for result in results:
        if result.error is not None:
            yield show_error(result.error, command="patch-net", as_json=as_json)
        elif as_json:
            from deconvsurgery.report.json_documents.patch_net import patch_net_document

            show_json(patch_net_document(result))


def _show_diffs(results: Sequence[PatchNetResult]) -> None:
    from deconvsurgery.report.terminal.net_diff import diff_bytes

    for result in (each for each in results if each.changed):
        if medium().terminal:
            from deconvsurgery.report.terminal.coloured_diff import diff_page

            show(diff_page(result), whole_lines=True)
        else:
            show_raw(diff_bytes(result))


def _show_table(
    results: Sequence[PatchNetResult], *, several: bool, dry_run: bool, aside: bool
) -> None:
    from deconvsurgery.report.terminal.patch_net import patch_net_report, patches_report

    on = medium(stderr=aside)
    if several:
        page = patches_report(results, on, dry_run=dry_run)
    else:
        page = patch_net_report(results[0], on)
    show(page, stderr=aside)
