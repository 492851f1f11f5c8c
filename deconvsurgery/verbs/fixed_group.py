"""Pairs that share files fixed together: checked, repaired on copies, and put in their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from deconvsurgery.errors import OutputError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.address import called, file_of, is_url
from deconvsurgery.storage.destination import Destination, destination
from deconvsurgery.storage.ended_replacement import settle_replacement
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.outcome import Another
from deconvsurgery.storage.replace_together import NewFile, write_together
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.streams import can_be_read_again
from deconvsurgery.storage.write_outputs import make_directory
from deconvsurgery.wording import listed

from .check import CheckResult, with_file_names
from .check_pairs import checked
from .fix_files import (
    ANOTHER_FOLDER,
    content,
    copy_of,
    copy_role,
    folder_within,
    own_folder,
    readable_again,
)
from .fix_groups import paths_of, place_key, refuse_second_names
from .fix_plan import (
    FixPlan,
    changed_files,
    conflict,
    models_compared,
    named_files,
    reshaped_layers,
    worse,
)
from .fix_steps import Files, carried_out
from .pair_fix import PairFix

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair
    from deconvsurgery.rules.repair_step import RepairStep
    from deconvsurgery.storage.run_files import RunFiles
    from deconvsurgery.storage.source_interface import Source


class FixOptions(NamedTuple):
    """What ``check`` is asked to fix, and where to.

    ``into`` is a folder for copies, ``None`` the files themselves. ``unsafe``: weights are
    overwritten, too, that may have been learned. ``dry_run``: nothing is written, and what would
    be is compared with what is there. ``force`` replaces what is in the folder, and read-only
    files.
    """

    into: str | None = None
    unsafe: bool = False
    dry_run: bool = False
    force: bool = False


class FixedGroup:
    """Pairs that share files. ``run_files`` are all that the run reads and writes."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        options: FixOptions,
        nets_only: bool,
        pictures: bool,
        run_files: RunFiles,
    ) -> None:
        self._pairs, self._options, self._run_files = pairs, options, run_files
        self._nets_only, self._pictures = nets_only, pictures
        self._streams: dict[str, str] = {}  # what messages call each, by its copy

    def fixed(self) -> list[CheckResult]:
        """The results of its pairs."""
        results: Sequence[CheckResult] = ()
        folder = ""
        try:
            notes = self._settled()
            with own_folder() as folder, ExitStack() as stack:
                opened = {path: stack.enter_context(open_source(path)) for path in self._paths}
                local = {path: readable_again(path, opened[path], folder) for path in self._paths}
                self._streams = {shown(local[path]): opened[path].name for path in self._paths}
                results = self._checked(self._pairs, local)
                results, plans = self._planned(results, local, folder)
                if plans:
                    results = self._written(plans, opened, stack)
        except SurgeryError as raised:
            error = self._named(raised, folder)
            if not results:
                return [CheckResult(pair.net, pair.model, error=error) for pair in self._pairs]
            return [result._replace(error=result.error or error) for result in results]
        return [each._replace(notes=(*notes, *each.notes)) for each in results]

    def _named(self, error: SurgeryError, folder: str) -> SurgeryError:
        """Of which file it is, where that is one of our own folder, or none."""
        if error.path is not None and not (folder and shown(folder) in error.path):
            return error
        names = [pair.model or pair.net for pair in self._pairs]
        return error.replaced(path=shown(names[0] or ""))

    @property
    def _paths(self) -> list[str]:
        return paths_of(self._pairs)

    def _settled(self) -> tuple[str, ...]:
        """What was said of runs that were ended while they replaced one of the files."""
        if self._options.dry_run or self._options.into is not None:
            return ()  # the check says it
        ended = [settle_replacement(path) for path in self._paths]
        return tuple(each.words for each in ended if each is not None)

    def _checked(self, pairs: Sequence[Pair], local: Mapping[str, str]) -> list[CheckResult]:
        """What is found in the files as they are locally, said of the pairs as they are named."""
        there = [
            pair._replace(
                net=pair.net and local.get(pair.net, pair.net),
                model=pair.model and local.get(pair.model, pair.model),
            )
            for pair in pairs
        ]
        results = checked(there, nets_only=self._nets_only, pictures=self._pictures)
        return [
            with_file_names(
                result._replace(
                    net=pair.net, model=pair.model, error=self._of_stream(result.error)
                ),
                pair.net,
                pair.model,
            )
            for pair, result in zip(pairs, results, strict=True)
        ]

    def _of_stream(self, error: SurgeryError | None) -> SurgeryError | None:
        """An error of a copy, as one of what was copied."""
        if error is None or error.path not in self._streams:
            return error
        return error.replaced(path=self._streams[error.path])

    # ── what is to become of the files ──

    def _planned(
        self, results: list[CheckResult], local: Mapping[str, str], folder: str
    ) -> tuple[list[CheckResult], list[FixPlan]]:
        """The pairs with their new files; none where nothing can be fixed, and why not."""
        steps = [self._steps(result) for result in results]
        if not any(steps):
            return [self._with_unsafe(result) for result in results], []
        failed = next((each for each in results if each.error is not None), None)
        if failed is not None:
            name = shown(failed.model or failed.net or "")
            words = f"not fixed: {name} belongs to it, or may belong to it, and cannot be checked"
            return [_noted(each, words) for each in results], []
        plans = []
        for number, (pair, before) in enumerate(zip(self._pairs, results, strict=True)):
            files = Files(pair.net and local[pair.net], pair.model and local[pair.model])
            made = carried_out(steps[number], files, folder_within(folder, number))
            (after,) = self._checked([pair], named_files(pair, made))
            if after.error is not None:
                raise after.error
            changed = changed_files(pair, files, made)
            reshaped = reshaped_layers(pair, files, made)
            plans.append(
                FixPlan(pair, before, after, steps[number], files, made, changed, reshaped)
            )
        refused = conflict(plans) or worse(plans)
        if refused is not None:
            return [_noted(each, f"not fixed: {refused}") for each in results], []
        return results, plans

    def _steps(self, result: CheckResult) -> tuple[RepairStep, ...]:
        repair = result.repair
        if repair is None or result.error is not None:
            return ()
        return (self._options.unsafe and repair.unsafe) or repair.steps

    def _with_unsafe(self, result: CheckResult) -> CheckResult:
        """With a note where more could be fixed."""
        repair = result.repair
        if repair is None or not repair.unsafe or self._options.unsafe:
            return result
        return _noted(
            result,
            "more can be fixed with `unsafe=True`, which overwrites weights that may have been"
            " learned",
        )

    # ── the files in their places ──

    def _written(
        self, plans: Sequence[FixPlan], opened: Mapping[str, Source], stack: ExitStack
    ) -> list[CheckResult]:
        """The results, when every new file is in its place, or with a dry run none."""
        new: dict[str, NewFile] = {}
        named = self._places(plans)
        for plan in plans:
            for path, made in named_files(plan.pair, plan.made).items():
                key = place_key(path)
                if path not in named or key in new or self._options.dry_run:
                    continue
                place = self._destination(path, named[path], opened[path])
                new[key] = NewFile(place, Another(stack.enter_context(open_source(made))))
        warnings: tuple[str, ...] = ()
        if len(new) > 1 and self._options.into is None:
            for path in named:
                _refuse_object(path)
        if new:
            for source in opened.values():  # one that stays counts, too: it was judged by
                source.confirm_unchanged()
            written = write_together(list(new.values()))
            warnings = tuple(words for each in written for words in each.warnings)
        return [self._result(plan, named, warnings) for plan in plans]

    def _places(self, plans: Sequence[FixPlan]) -> dict[str, str]:
        """Where each file goes that changes, or that is copied with the other of its pair."""
        into = self._options.into
        if into is None:
            changed = [path for plan in plans for path in plan.changed]
            refuse_second_names(changed)
            return {path: path for path in changed}
        named = {
            path: copy_of(path, into, path == plan.pair.net)
            for plan in plans
            if plan.steps
            for path in named_files(plan.pair, plan.made)
        }
        if not self._options.dry_run:
            make_directory(into)
            for place in named.values():
                settle_replacement(place)  # before it is asked what is there
        return named

    def _destination(self, path: str, named: str, source: Source) -> Destination:
        """Where a file goes, after every reason not to."""
        options = self._options
        if options.into is None:
            if not can_be_read_again(path):
                raise OutputError(
                    "is read as a stream, which cannot be fixed itself",
                    path=source.name,
                    hint="name a folder for the fixed files: `into=DIR`",
                )
            place = destination(path, source, in_place=True, force=options.force)
        else:
            try:
                self._run_files.add_output(copy_role(path), named)
            except OutputError as error:
                raise error.replaced(hint=ANOTHER_FOLDER) from None
            place = destination(named, source, force=options.force)
        return place

    def _result(
        self, plan: FixPlan, named: Mapping[str, str], warnings: tuple[str, ...]
    ) -> CheckResult:
        """What is left of a pair, and what was done."""
        after, pair = self._with_unsafe(plan.after), plan.pair
        if not plan.steps:
            return after
        changed = plan.changed
        net, model = (
            named[each] if each is not None and each in changed else None
            for each in (pair.net, pair.model)
        )
        dry = self._options.dry_run
        fix = PairFix(
            rules=plan.gone,
            steps=plan.steps,
            net=net,
            model=model,
            written=not dry,
            texts=(content(plan.files.net), content(plan.made.net)) if dry and net else None,
            models=models_compared(plan) if dry and model else None,
        )
        if self._options.into is not None and not dry:
            places = [each and named.get(each) for each in (pair.net, pair.model)]
            after = after._replace(net=places[0], model=places[1])
        names = listed(plan.reshaped)
        if names:
            words = f"models made for the net as it was do not fit any more: blobs of {names}"
            warnings = (f"{words}; a model that is named with its net is fixed, too", *warnings)
        return after._replace(notes=(fix.words, *warnings, *after.notes), fix=fix)


def _noted(result: CheckResult, words: str) -> CheckResult:
    return result._replace(notes=(*result.notes, words))


def _refuse_object(path: str) -> None:
    """A store has nothing by which two objects, or one and a file, are replaced together."""
    if is_url(file_of(path)):
        raise OutputError(
            "is an object in a store, and cannot be replaced together with another file",
            path=called(path),
            hint="name a folder for the fixed files, also one of a store: `into=DIR`",
        )
