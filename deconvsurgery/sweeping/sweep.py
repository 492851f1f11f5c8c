"""``sweep``: a verb over many pairs, wherever their files are, on an engine that exists."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any

from deconvsurgery.errors import ConfigError, OutputError, SurgeryError
from deconvsurgery.inputs.expand_pairs import expanded, known_part
from deconvsurgery.inputs.settings import Pair, Settings
from deconvsurgery.inputs.settings_file import read_settings
from deconvsurgery.rules.finding import RULES
from deconvsurgery.storage.address import file_of, folder_of, is_url, joined
from deconvsurgery.storage.object_store.store import Traffic, counted
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.streams import can_be_read_again
from deconvsurgery.sweeping.engines.dask import run_dask
from deconvsurgery.sweeping.engines.local import run_local
from deconvsurgery.verbs.open_and_write import Path, Progress
from deconvsurgery.version import __version__

from .call_verb import checked_options, lacking, writes
from .pair_count import OnRow, PairCount, Watched
from .pair_files import PairFiles
from .result_rows import (
    PairRow,
    RowOutcome,
    Summary,
    failed,
)
from .results_file import Ledger
from .run_pair import Settled, Task, settle
from .sweep_result import SweepResult

ENGINES = ("local", "dask")
RESULTS = "sweep.jsonl"
MOST_TOLD = 100
"""So many of the rows that are not done a result keeps; the results file has them all."""


def sweep(
    config: Path | None = None,
    *,
    engine: str = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    retries: int | None = None,
    results: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
    on_row: OnRow | None = None,
) -> SweepResult:
    """Run the verb that a configuration file names over its pairs.

    The file is in TOML, with a table for each pair of files; what `apply` and the others have as
    parameters are its options, with hyphens::

        pairs = [{ net = "a.prototxt", model = "a.caffemodel", output = "new/a.caffemodel" }]

        [sweep]
        verb = "apply"

        [sweep.options]
        zero-bias = true

    A script needs no ``if __name__ == "__main__"`` around it. A pair that is settled is not worked
    on again: after a failure call it once more.

    Args:
        config: The file (``CONFIG``); default: the nearest deconvsurgery.toml or pyproject.toml.
        engine: "local", processes of this machine, or "dask" (``--engine``).
        scheduler: The address of Dask's (``--scheduler``); default: a cluster that is started here.
        workers: Processes to start (``--workers``); default: one for each core.
        retries: More tries of what may pass (``--retries``); default: the file's.
        results: A file of JSON Lines, a row a pair (``--results``); default: the file's.
        force: Work on every pair, replace every output (``--force``).
        progress: Called with how many pairs are settled, of how many as far as they are counted.
        on_row: Called with what all rows so far come to, and with the row that has come.

    Returns:
        What it came to; a pair that fails is a row, not the end.

    Raises:
        SurgeryError: What keeps all of them from being worked on.
        ValueError: An engine that there is not; a scheduler without Dask.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine is {' or '.join(ENGINES)}, not {engine!r}")
    if scheduler is not None and engine != "dask":
        raise ValueError('scheduler is for engine="dask" alone')
    settings, options = _settings(config)
    wanted = settings.sweep
    task = Task(
        Pair(None),
        wanted.verb,
        tuple(options.items()),
        retries=wanted.retries if retries is None else retries,
        force=force,
    )
    place = _results(settings, results)
    count = workers or _cores()
    lists = [pair.listed for pair in settings.pairs if pair.listed is not None]
    path = settings.path if config is None else os.fspath(config)
    with ExitStack() as stack:
        listing = stack.enter_context(counted())
        files = stack.enter_context(PairFiles(path, lists, place))
        _refuse_at_once(
            files, settings.pairs, folder_of(file_of(path)), twice=force and writes(wanted.verb)
        )
        ledger = stack.enter_context(Ledger(place))
        files.look_again()
        run = _Run(ledger, task, files, folder_of(file_of(path)))
        if progress is not None or on_row is not None:
            run.watched = Watched(PairCount(settings.pairs), progress, on_row)
        tasks = run.tasks(settings.pairs)
        answers = (
            run_dask(settle, tasks, count, scheduler)
            if engine == "dask"
            else run_local(settle, tasks, count)
        )
        with closing(answers):  # at once: no worker is to go on
            for done, answer in answers:
                run.note(done, answer)
        ledger.finish()
    run.spend(listing)
    if not run.summary.total:
        raise ConfigError(
            f"stands for no pair: no file is like {', '.join(map(shown, run.unmatched))}",
            path=settings.path,
            hint="paths are relative to the configuration file",
        )
    return SweepResult(
        settings.path,
        wanted.verb,
        engine,
        place,
        run.summary,
        tuple(sorted(run.told, key=lambda row: (row.net or "", row.model or ""))),
        run.repeated,
        tuple(run.unmatched),
    )


def _settings(config: Path | None) -> tuple[Settings, dict[str, Any]]:
    """The settings, and the verb's options as its arguments; each pair names what the verb needs.

    Raises ``ConfigError`` otherwise.
    """
    settings = read_settings(config, rules=RULES)
    if settings is None or not settings.pairs:
        raise ConfigError(
            "lists no pairs" if settings else "there is no deconvsurgery.toml from here upwards",
            path=settings.path if settings else None,
            hint="for example: pairs = [{ net = 'a.prototxt', model = 'a.caffemodel', "
            "output = 'new/a.caffemodel' }]",
        )
    wanted = settings.sweep
    options = checked_options(wanted.verb, dict(wanted.options), settings.path)
    for pair in settings.pairs:
        words = None if pair.listed else lacking(wanted.verb, pair)
        if words is not None:
            raise ConfigError(
                f"the pair of {shown(pair.net or pair.model or '')}: {words}",
                path=settings.path,
                hint="add it to the pair, or name another verb: sweep.verb",
            )
    return settings, options


def _results(settings: Settings, results: Path | None) -> str:
    place = os.fspath(results) if results is not None else settings.sweep.results
    if place is None:
        folder = folder_of(settings.path)
        place = RESULTS if is_url(folder) else joined(folder, RESULTS)
    if is_url(place):
        raise OutputError(
            "a sweep's results are a file of this machine, to which rows are added",
            path=shown(place),
            hint="`results=FILE`; copy it to the store when the sweep is over",
        )
    return str(place)


def _refuse_at_once(files: PairFiles, pairs: Sequence[Pair], folder: str, *, twice: bool) -> None:
    """Raise for every file that is known to have two parts, before any is made or changed.

    ``twice``: all pairs are gone through now, too. What one of them replaces must be no other's
    input, whichever comes first.
    """
    files.refuse_results(folder)
    for pair in pairs:
        files.refuse(known_part(pair), folder)
    for pair in pairs if twice else ():
        if pair.listed is not None and not can_be_read_again(pair.listed):
            raise OutputError(
                "can be read once only, and with `force=True` a list is read twice",
                path=shown(pair.listed),
                hint="write it to a file first",
            )
        for expected in expanded(pair, lambda *_: None):  # a line that is wrong is a row later
            files.expect(expected)


def _cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


class _Run:
    """Which pairs are to be settled, and what became of them."""

    def __init__(
        self,
        ledger: Ledger,
        task: Task,
        files: PairFiles,
        folder: str,
    ) -> None:
        self.ledger, self.task, self.files, self.folder = ledger, task, files, folder
        self.watched: Watched | None = None
        self.summary = Summary()
        self.told: list[PairRow] = []
        self.unmatched: list[str] = []
        self.repeated = 0

    def tasks(self, pairs: Iterable[Pair]) -> Iterator[Task]:
        """A task for each pair, made when a worker is free."""
        for named in pairs:
            found = False
            folder = self.folder if named.listed is None else folder_of(file_of(named.listed))
            for pair in expanded(named, self._refused):
                found = True
                first, seal = self.ledger.begin(pair)
                if not first:
                    self.repeated += 1
                    continue
                try:
                    self.files.take(pair, folder)
                except OutputError as error:
                    self._refused(pair, error)
                    continue
                yield self.task._replace(pair=pair, seal=seal)
            if not found:
                self.unmatched.append(named.listed or named.net or named.model or "")

    def note(self, task: Task, answer: Settled | BaseException) -> None:
        """Write down what became of a task."""
        if isinstance(answer, BaseException):
            self._refused(task.pair, _given_up(answer))
            return
        if answer.traffic is not None:
            self.spend(answer.traffic)
        if answer.row is None:
            self._report(self.ledger.settled(task.pair), skipped=True)
        else:
            self.ledger.append(answer.row)
            self._report(answer.row, skipped=not answer.fresh)

    def spend(self, traffic: Traffic) -> None:
        """Count what stores were asked for, beside what the rows say."""
        self.summary.spend(traffic.requests, traffic.read, traffic.written, traffic.copied)

    def _refused(self, pair: Pair, error: SurgeryError) -> None:
        """A pair that is not worked on, or a line of a list that stands for none."""
        row = failed(pair, self.task.verb, __version__, error)
        self.ledger.append(row)
        self._report(row)

    def _report(self, row: PairRow, *, skipped: bool = False) -> None:
        self.summary.add(row, skipped=skipped)
        if row.outcome is not RowOutcome.DONE and len(self.told) < MOST_TOLD:
            self.told.append(row)
        if self.watched is not None:
            self.watched.come(self.summary, row, self.repeated)


def _given_up(error: BaseException) -> SurgeryError:
    """Why a task has no answer: the worker died, or there is a mistake in this tool."""
    if isinstance(error, SurgeryError):
        return error
    kind = type(error).__name__
    if kind in ("BrokenProcessPool", "KilledWorker"):
        return SurgeryError(
            "every process that worked on it was killed",
            hint="out of memory? fewer `workers=…` leave more for each",
        )
    return SurgeryError(
        f"stopped at a mistake of this tool: {kind}: {error}",
        hint="please report it, with the net and the model if you can",
    )
