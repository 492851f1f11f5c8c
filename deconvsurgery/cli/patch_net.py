"""``patch-net``: the second way, in the prototxt itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from .console import (
    make_console,
    medium,
    show,
    show_error,
    show_json,
    show_raw,
)
from .shared_options import READ_OR_WRITTEN, layer_options, state_arguments
from .verbose_option import verbose_option

if TYPE_CHECKING:
    from deconvsurgery.verbs.patch_net import PatchResult


@click.command("patch-net", short_help="Group and bilinear filler into the net itself.")
@click.argument("files", metavar="NET [OUT]", nargs=-1, required=True, type=READ_OR_WRITTEN)
@layer_options
@click.option(
    "--group/--no-group",
    default=True,
    show_default=True,
    help="Set group to num_output, so that each channel is upsampled alone.",
)
@click.option(
    "--filler",
    type=click.Choice(["bilinear", "keep"]),
    default="bilinear",
    show_default=True,
    help="The weight_filler.",
)
@click.option("--recipe", is_flag=True, help="Set kernel_size and pad to fit the stride.")
@click.option("--no-bias", is_flag=True, help="Set bias_term: false.")
@click.option("--freeze", is_flag=True, help="Set the learning rate and decay of each blob to 0.")
@click.option("--strip-include", is_flag=True, help="Take out include and exclude rules.")
@click.option("--skip-unfit", is_flag=True, help="Leave layers alone that cannot be patched.")
@click.option("--any-gain", is_flag=True, help="Patch kernels that do not interpolate, too.")
@click.option("--allow-empty", is_flag=True, help="When nothing matches, copy and end with 0.")
@click.option(
    "-i",
    "--in-place",
    is_flag=True,
    help="Write to NET itself (still all or nothing), or to each of several NETs.",
)
@click.option(
    "--nets-only", is_flag=True, help="Pass over files that are no nets; with --in-place."
)
@click.option("-f", "--force", is_flag=True, help="Replace OUT if it exists.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the table, write nothing.")
@click.option("--check", is_flag=True, help="A dry run that exits 1 if anything would change.")
@click.option("--diff", is_flag=True, help="A unified diff instead; the table to standard error.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="No table.")
@verbose_option
def command(
    files: tuple[str, ...],
    patterns: tuple[str, ...],
    phase: str | None,
    level: int | None,
    stage: tuple[str, ...],
    in_place: bool,
    nets_only: bool,
    dry_run: bool,
    check: bool,
    diff: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
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
    from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
    from deconvsurgery.storage.output_place import is_standard_output
    from deconvsurgery.verbs.patch_net import patch_net, patch_nets

    planned_only = dry_run or check
    several = in_place and (nets_only or len(files) > 1)
    if not in_place and (nets_only or len(files) > 2):
        what = "--nets-only" if nets_only else "more than NET and OUT"
        raise click.UsageError(f"{what} needs --in-place")
    net, output = files[0], files[1] if len(files) > 1 and not several else None
    to_stdout = not planned_only and output is not None and is_standard_output(output)
    printed = {"--json": as_json, "--diff": diff, "OUT '-'": to_stdout}
    both = [name for name, wanted in printed.items() if wanted]
    if len(both) > 1:
        raise click.UsageError(f"{both[0]} and {both[1]} both need standard output")
    options |= state_arguments(phase, level, stage)
    options |= {"patterns": patterns or DEFAULT_PATTERNS, "dry_run": planned_only}
    if several:
        results = tuple(patch_nets(files, nets_only=nets_only, **options))
    else:
        results = (patch_net(net, output, in_place=in_place, **options),)
    failures = list(_show_errors_and_documents(results, as_json=as_json))
    if diff:
        _show_diffs(results)
    if not quiet and not as_json:
        _show_table(results, several=several, dry_run=planned_only, aside=to_stdout or diff)
    changed = any(each.changed for each in results)
    return max(failures, default=int(check and changed))


def _show_errors_and_documents(results: Sequence[PatchResult], *, as_json: bool) -> Iterator[int]:
    """The exit codes of the errors; of several nets each has its document on a line of its own."""
    for result in results:
        if result.error is not None:
            yield show_error(result.error, command="patch-net", as_json=as_json)
        elif as_json:
            from deconvsurgery.report.json_documents.patch_net import patch_net_document

            show_json(patch_net_document(result))


def _show_diffs(results: Sequence[PatchResult]) -> None:
    from deconvsurgery.report.terminal.patch_net import diff_bytes, diff_page

    for result in (each for each in results if each.changed):
        if make_console().is_terminal:
            show(diff_page(result), whole_lines=True)
        else:
            show_raw(diff_bytes(result))


def _show_table(
    results: Sequence[PatchResult], *, several: bool, dry_run: bool, aside: bool
) -> None:
    from deconvsurgery.report.terminal.patch_net import patch_report, patches_report

    on = medium(stderr=aside)
    if several:
        page = patches_report(results, on, dry_run=dry_run)
    else:
        page = patch_report(results[0], on, dry_run=dry_run)
    show(page, stderr=aside)
