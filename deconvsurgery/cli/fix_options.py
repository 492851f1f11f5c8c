"""Options of ``check`` that fix what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deconvsurgery.named_tuple import NamedTuple

from . import shared_options as shared
from .console import medium, show, show_raw

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair
    from deconvsurgery.storage.run_files import RunFiles
    from deconvsurgery.verbs.check import CheckResult


class FixArguments(NamedTuple):
    """What the command line says of fixing."""

    fix: bool = False
    fix_into: str | None = None
    diff: bool = False
    unsafe_fixes: bool = False

    @property
    def asked(self) -> bool:
        """Something is to be fixed, or shown."""
        return self.fix or self.diff or self.fix_into is not None

    def check(self, run_files: RunFiles) -> None:
        """Raise ``UsageError`` for options that go nowhere, and note the folder."""
        if self.unsafe_fixes and not self.asked:
            raise click.UsageError("--unsafe-fixes says what --fix, --fix-into and --diff may do")
        if self.fix and self.fix_into is not None:
            raise click.UsageError("--fix changes the files themselves, --fix-into copies them")
        run_files.writes("the folder for fixed files", self.fix_into)


def fix_options(command: shared.Command) -> shared.Command:
    """Add --fix, --fix-into, --diff and --unsafe-fixes."""
    return shared.with_options(
        shared.gathered(FixArguments, "fixing")(command),
        click.option(
            "--fix",
            is_flag=True,
            help="Fix what can be fixed: net and model are replaced together, or neither.",
        ),
        click.option(
            "--fix-into",
            metavar="DIR",
            type=shared.FOLDER,
            help="Write fixed copies of net and model into a folder instead.",
        ),
        click.option(
            "--diff", is_flag=True, help="Show what --fix would change, and write nothing."
        ),
        click.option(
            "--unsafe-fixes",
            is_flag=True,
            help="Overwrite weights, too, that may have been learned.",
        ),
    )


def fixed_results(
    pairs: Sequence[Pair],
    asked: FixArguments,
    run_files: RunFiles,
    *,
    force: bool,
    nets_only: bool,
    pictures: bool,
    suggestions: bool,
) -> tuple[CheckResult, ...]:
    """The pairs checked, and fixed if that is asked for: then no change is suggested any more."""
    if not asked.asked:
        from deconvsurgery.verbs.check_pairs import checked

        found = checked(pairs, nets_only=nets_only, pictures=pictures, suggestions=suggestions)
        return tuple(found)
    from deconvsurgery.verbs.fix import fix_pairs
    from deconvsurgery.verbs.fix_files import refuse_own_files
    from deconvsurgery.verbs.fixed_group import FixOptions

    options = FixOptions(
        into=asked.fix_into, unsafe=asked.unsafe_fixes, dry_run=asked.diff, force=force
    )
    if not asked.diff:
        refuse_own_files(pairs, asked.fix_into, run_files)
    return tuple(
        fix_pairs(pairs, options, run_files=run_files, nets_only=nets_only, pictures=pictures)
    )


def show_changes(results: Sequence[CheckResult]) -> None:
    """Print the nets' diffs, and what would be rewritten of the models."""
    from deconvsurgery.report.terminal.fix import changes_report

    for report in changes_report(results, medium()):
        if isinstance(report, bytes):
            show_raw(report)
        else:
            show(report)
