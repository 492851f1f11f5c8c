"""``check``: for CI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deconvsurgery.errors import ArgumentError

from . import shared_options as shared
from .check_formats import FORMATS, SUGGESTING, document_bytes
from .console import (
    medium,
    show,
    show_raw,
)
from .exit_codes import FOUND, exit_code
from .fix_options import FixArguments, fix_options, fixed_results, show_changes
from .help import Verb, argument
from .layer_options import LayerArguments, layer_options
from .report_option import LOOKED_AT, report_destination, report_option, write_report
from .verbose_option import verbose_option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from deconvsurgery.verbs.check import CheckResult


def _offered(
    _context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The rules' ids, for the shell."""
    from click.shell_completion import CompletionItem

    from deconvsurgery.rules.finding import RULES

    return [
        CompletionItem(rule.id, help=rule.summary)
        for rule in RULES.values()
        if rule.id.startswith(begun.upper())
    ]


def _rules(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A rule that does not exist is wrong usage, reported before a file is opened."""
    from deconvsurgery.rules.finding import rules_named

    try:
        rules_named(values)
    except ArgumentError as error:
        raise click.BadParameter(f"{error.message}; {error.hint}") from None
    return values


def _files(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Files by format."""
    if not values:
        return {}
    from deconvsurgery.storage.output_place import is_standard_output

    found: dict[str, str] = {}
    for value in values:
        form, _, file = value.partition("=")
        if form not in FORMATS[1:] or not file or is_standard_output(file):
            raise click.BadParameter(
                f"{value!r} is not FORMAT=FILE, as sarif=nets.sarif; formats are"
                f" {', '.join(FORMATS[1:])}"
            )
        if form in found:
            raise click.BadParameter(f"{form} is to be written to two files")
        found[form] = file
    return found


@click.command(
    cls=Verb, own="Rules", short_help="Rules with stable ids over nets and models, for CI."
)
@argument(
    "files",
    "[NET|DIR] [MODEL]...",
    "NET: A net (prototxt); several are possible.\n"
    "DIR: A folder: all nets in it and below.\n"
    "MODEL: The model of the net before it.",
    nargs=-1,
    type=shared.READ,
)
@layer_options
@click.option(
    "--select",
    multiple=True,
    metavar="ID",
    callback=_rules,
    shell_complete=_offered,
    help="Only these rules: ids or beginnings of them, commas between. Repeatable.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="ID",
    callback=_rules,
    shell_complete=_offered,
    help="All but these rules.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=shared.READ,
    help="Findings that are known do not count: only what is new does.",
)
@click.option(
    "--write-baseline",
    is_flag=True,
    help="Write what is found to the baseline's FILE, which is replaced, and end with 0.",
)
@click.option("--frozen", is_flag=True, help="Nothing is to be learned: DS010 is an error.")
@click.option("--allow-empty", is_flag=True, help="A net without a matched layer is no error.")
@click.option("--nets-only", is_flag=True, help="Skip files that are not nets: solvers, templates.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="table (default), or what a machine reads.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--also",
    multiple=True,
    metavar="FORMAT=FILE",
    type=shared.FormatAndFile("written", FORMATS[1:]),
    callback=_files,
    help="Write it in this format to a file, too, which is replaced. Repeatable.",
)
@report_option
@fix_options
@shared.force("Replace files that are there, the report's and those in DIR; read-only ones, too.")
@click.option(
    "--explain",
    multiple=True,
    metavar="ID",
    callback=_rules,
    shell_complete=_offered,
    help="Print a rule's page, and end. Repeatable.",
)
@click.option(
    "--config",
    metavar="FILE",
    type=shared.READ,
    help="Settings and pairs (default: the nearest deconvsurgery.toml or pyproject.toml).",
)
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--exit-zero", is_flag=True, help="End with 0 whatever was found.")
@shared.quiet()
@verbose_option
def command(
    files: tuple[str, ...],
    layers: LayerArguments,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    baseline: str | None,
    write_baseline: bool,
    frozen: bool,
    allow_empty: bool,
    form: str | None,
    as_json: bool,
    also: dict[str, str],
    report: str | None,
    force: bool,
    explain: tuple[str, ...],
    nets_only: bool,
    fixing: FixArguments,
    config: str | None,
    isolated: bool,
    exit_zero: bool,
    quiet: bool,
) -> int:
    """Hold rules (DS001, DS002 …) against nets and models; exit with 1 when one is broken.

    \b
    Examples:
      deconvsurgery check net.prototxt in.caffemodel
      deconvsurgery check a.prototxt a.caffemodel b.prototxt
      deconvsurgery check --baseline known.json nets/
      deconvsurgery check --ignore DS010 --format github net.prototxt
      deconvsurgery check --also sarif=check.sarif net.prototxt
      deconvsurgery check --fix net.prototxt in.caffemodel
      deconvsurgery check --explain DS004
      deconvsurgery check

    A model goes with the net before it; of a DIR all nets in it are checked, and in the folders
    below, each with the models that the settings pair it with. Without files the pairs of
    deconvsurgery.toml (or of [tool.deconvsurgery] in pyproject.toml) are checked. Notes alone do
    not make it fail.
    """
    if explain:
        return _explained(explain)
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} cannot both be")
    if config is not None and isolated:
        raise click.UsageError("--config and --isolated cannot both be")
    if write_baseline and fixing.asked:
        raise click.UsageError("--write-baseline keeps what is found, which nothing fixes then")
    from deconvsurgery.inputs.settings import Checking
    from deconvsurgery.storage.run_files import RunFiles

    from .check_pairs import pairs_to_check, to_be_known, with_known, write_baselines
    from .fix_in_one import fixes_in_one

    run_files = RunFiles()
    for kind, file in also.items():
        run_files.writes(f"the {kind} document", file)
    for file in files:
        run_files.reads(LOOKED_AT, file)
    run_files.reads("the settings", config)
    fixing.check(run_files)
    if write_baseline:
        run_files.writes("the baseline", baseline)
    else:
        run_files.reads("the baseline", baseline)
    run_files.check()
    page = report_destination(report, run_files, force=force)
    asked = Checking(
        pattern=layers.get("patterns"),
        exclude=layers.get("exclude"),
        phase=layers.get("phase"),
        level=layers.get("level"),
        stage=layers.get("stage"),
        select=select or None,
        ignore=ignore or None,
        frozen=frozen or None,
        allow_empty=allow_empty or None,
        baseline=baseline,
    )
    pairs, with_settings = pairs_to_check(
        files, asked, config, run_files, isolated=isolated, with_models=fixing.asked
    )
    pairs = to_be_known(pairs, run_files, baseline) if write_baseline else with_known(pairs)
    run_files.check()
    results = fixed_results(
        pairs,
        fixing,
        run_files,
        force=force,
        nets_only=nets_only,
        pictures=report is not None,
        suggestions=SUGGESTING in {form, *also},
    )
    found = not all(result.passed for result in results if result.error is None)
    failures = [exit_code(result.error) for result in results if result.error is not None]
    passed = not found and not failures
    for kind, file in also.items():
        from deconvsurgery.storage.write_outputs import write_file

        run_files.check()  # what was written before may be this one by another name
        write_file(file, document_bytes(kind, results, passed=passed), force=True)
    write_report(page, results, run_files)
    form = "json" if as_json else form or "table"
    if len(results) == 1 and results[0].error is not None and form in ("table", "json"):
        raise results[0].error
    if form != "table":
        show_raw(document_bytes(form, results, passed=passed))
    else:
        if fixing.diff:
            show_changes(results)
        if not quiet:
            in_one: Sequence[Sequence[str]] = ()
            if not (write_baseline or fixing.asked):
                in_one = fixes_in_one(pairs, results, with_settings=with_settings)
            _show_table(results, in_one, aside=fixing.diff)
    if write_baseline:
        write_baselines(pairs, results)
    accepted = exit_zero or write_baseline
    return max(failures, default=FOUND if found and not accepted else 0)


def _explained(rules: Sequence[str]) -> int:
    from deconvsurgery.rules.finding import explanation, rules_named

    pages = [explanation(each) for each in sorted(rules_named(rules))]
    if medium().terminal:
        from deconvsurgery.report.terminal.rule_page import rule_pages

        show(rule_pages(pages))
    else:
        show_raw("\n".join(pages).encode("utf-8"))
    return 0


def _show_table(
    results: Sequence[CheckResult], in_one: Sequence[Sequence[str]], *, aside: bool
) -> None:
    """On standard error where it stands ``aside``, as standard output has something else."""
    from deconvsurgery.report.terminal.check import check_report, repairs_report
    from deconvsurgery.report.terminal.sheet import Lines

    on = medium(stderr=aside)
    show(check_report(results, on, in_one), stderr=aside)
    if on.terminal and (repairs := repairs_report(results, in_one)):
        show(Lines(["", *repairs]), stderr=aside)
