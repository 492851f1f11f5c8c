"""Dask's workers, wherever they are; who does what, and again when one dies, is left to Dask."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from itertools import islice
from typing import Any, Final, Generic, TypeVar

from deconvsurgery.errors import FileError, FormatError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.program.extras import install_command

from .worker_start import signals_blocked, without_main

Task = TypeVar("Task")
Answer = TypeVar("Answer")

_AHEAD = 4  # groups of tasks that the scheduler knows of, for each thread of a worker
_GROUP = 32  # tasks at most in a group
_BRIEF = 0.25  # seconds after which a worker begins no other task of its group
_PAUSE = 0.005  # seconds between two looks for answers
_EVERY = 1  # seconds between two looks at how many threads there are
_NOWHERE = "127.0.0.1:0"  # any port that is free, for this machine alone
_ALONE = 300  # seconds without a worker, until none is waited for
_SILENT = logging.CRITICAL + 1  # what it logs as critical, an answer that cannot be read, is a row
_PATIENCE = 30  # seconds to reach a scheduler, and for it to have a worker
_OWN: Final = {
    # A worker's profile of itself would grow by 300 MB in an hour of small pairs.
    "distributed.worker.profile.enabled": False,
    # A worker that dies is started again by its nanny. Where it is being started once more so long
    # after a death (Dask: 15 s), the cluster ends the nanny and starts no other.
    "distributed.deploy.lost-worker-timeout": "100 days",
}
# Seconds (Dask: 30) for which the scheduler of that cluster tries to reach a worker, which may have
# died as it was to be asked for an answer; on one machine a connection is made at once, or never.
_REACHED = 5


def run_dask(
    work: Callable[[Task], Answer],
    tasks: Iterable[Task],
    workers: int,
    scheduler: str | None = None,
) -> Generator[tuple[Task, Answer | BaseException], None, None]:
    """Each task with its answer, or with what was raised, in the order in which they come.

    Without the address of a scheduler a cluster of ``workers`` processes is started here, and ended
    with it. Brief tasks go to a worker in groups, as a scheduler can do with some hundred things a
    second. Tasks whose workers died are done again at the end, one by one: Dask takes those that
    waited at such a worker for guilty, too. Raises ``FormatError`` where Dask is not installed,
    ``FileError`` for a scheduler that cannot be reached, goes away or has no worker any more.
    """
    try:
        from distributed import as_completed
    except ImportError:
        raise FormatError(
            "this engine needs Dask, which is not installed",
            hint=f'{install_command("dask", "distributed")}; `engine="local"` needs neither',
        ) from None
    waiting = _Waiting(tasks)
    with ExitStack() as stack:
        client = _client(stack, workers, scheduler)
        answers = _with_failures(client, as_completed(raise_errors=False, with_results=True))
        workers_now = _Workers(client)
        running: dict[Any, list[Task]] = {}
        suspects: deque[Task] = deque()
        alone = False

        def submit(group: list[Task]) -> None:
            # Not by what it is asked to do: a task that is done again may find another world.
            future = client.submit(_together, work, group, pure=False)
            running[future] = group
            answers.add(future)

        while True:
            while len(running) < workers_now.threads() * _AHEAD and (group := waiting.group()):
                submit(group)
            if not running and suspects:
                alone = True
                submit([suspects.popleft()])
            if not running:
                return
            for future, answer in _ready(client, answers, workers_now):
                group = running.pop(future)
                # Not by the future's status: a worker that dies once its answer is here makes it
                # "lost".
                if isinstance(answer, _Done):
                    waiting.learn(len(answer.given), answer.seconds)
                    waiting.put_back(group[len(answer.given) :])
                    yield from zip(group, answer.given, strict=False)
                elif isinstance(answer, BaseException):  # the future was cancelled
                    raise _gone(client)
                elif not alone and type(answer[1]).__name__ == "KilledWorker":
                    suspects.extend(group)
                elif len(group) > 1:
                    waiting.split(group)
                else:
                    yield group[0], answer[1]  # beside its type and its traceback


class _Done(NamedTuple):
    """What a worker made of a group: the answers of its first tasks, and the seconds they took."""

    given: list[Any]
    seconds: float


def _together(work: Callable[[Task], Answer], group: list[Task]) -> _Done:
    """On a worker: the answers of the first tasks, of one at least."""
    began = time.monotonic()
    given: list[Answer] = []
    for task in group:
        given.append(work(task))
        if time.monotonic() - began > _BRIEF:
            break
    return _Done(given, time.monotonic() - began)


class _Waiting(Generic[Task]):
    """Tasks in groups that take a worker about as long, whatever a task takes."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._back: deque[Task] = deque()
        self._alone: deque[Task] = deque()
        self._size = 1.0

    def group(self) -> list[Task]:
        """The next tasks; none at the end."""
        if self._alone:
            return [self._alone.popleft()]
        size = int(self._size)
        back = [self._back.popleft() for _ in range(min(size, len(self._back)))]
        return back + list(islice(self._tasks, size - len(back)))

    def learn(self, done: int, seconds: float) -> None:
        """So many tasks of a group were done in that time."""
        fitting = max(1.0, min(_GROUP, done * _BRIEF / max(seconds, 1e-6)))
        self._size = (self._size + fitting) / 2

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Of a group, those that were not begun."""
        self._back.extend(tasks)

    def split(self, group: Iterable[Task]) -> None:
        """One of them raised something: which one is found out one by one."""
        self._alone.extend(group)


class _Workers:
    """How many threads a cluster's workers have; it may grow and shrink.

    Raises ``FileError`` where there is none any more, or no scheduler.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._threads = 1
        self._asked, self._seen = float("-inf"), time.monotonic()

    def threads(self) -> int:
        """At least one, so that tasks wait for a worker that comes."""
        now = time.monotonic()
        if now - self._asked >= _EVERY:
            try:
                threads = sum(self._client.nthreads().values())
            except OSError:
                raise _gone(self._client) from None
            self._asked, self._threads = now, max(1, threads)
            if threads:
                self._seen = now
            elif now - self._seen >= _ALONE:
                raise FileError(
                    f"the scheduler {self._client.scheduler.address} has no worker any more",
                    hint="start one: `dask worker ADDRESS`, and run the same sweep again: what is "
                    "settled stays so",
                    transient=True,
                )
        return self._threads


def _with_failures(client: Any, answers: Any) -> Any:
    """The same answers, and for one that cannot be fetched what that raised.

    Without this an answer that cannot be fetched never comes, and is waited for without end.
    """
    from asyncio import gather  # which a sweep on this machine need not load

    fetch = answers._track_future

    async def fetched(future: Any) -> None:
        failure: BaseException | None
        (failure,) = await gather(fetch(future), return_exceptions=True)
        answer: Any = failure
        if isinstance(failure, Exception):
            # Dask fetches answers that are ready at one time together, and one that cannot be read
            # fails all of them.
            request = client.scheduler.gather(keys=[future.key])
            reply: Any
            (reply,) = await gather(request, return_exceptions=True)
            if isinstance(reply, Exception):
                failure = reply
            found = isinstance(reply, dict) and reply["status"] == "OK"
            answer = reply["data"][future.key] if found else (type(failure), failure)
        if failure is not None:
            answers.queue.put_nowait((future, answer))

    answers._track_future = fetched
    return answers


def _ready(client: Any, answers: Any, workers: _Workers) -> list[Any]:
    """Futures and what they came to; at least one, which is waited for."""
    # Dask's own waiting looks ten times a second, and for ever where the scheduler goes away while
    # an answer is fetched.
    while not answers.has_ready():
        if client.status not in ("running", "connecting"):
            raise _gone(client)
        workers.threads()
        time.sleep(_PAUSE)
    ready: list[Any] = answers.next_batch(block=False)
    return ready


def _gone(client: Any) -> FileError:
    return FileError(
        f"the scheduler {client.scheduler.address} is gone",
        hint="what is settled stays so: run the same sweep again",
        transient=True,
    )


def _client(stack: ExitStack, workers: int, scheduler: str | None) -> Any:
    from dask import config
    from distributed import Client, LocalCluster

    # What workers say of themselves as they come and go is for the cluster's own logs.
    for name in ("distributed", "tornado"):
        logging.getLogger(name).setLevel(_SILENT)
    if scheduler is None:
        # Variables for its workers are set here, too, and would stay.
        stack.callback(_set_back, dict(os.environ))
        stack.enter_context(without_main())  # as long as it starts workers in place of dead ones
        stack.enter_context(config.set(_OWN))
        with signals_blocked():
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    # Else it listens to the whole network, at a port that another cluster may have.
                    scheduler_kwargs={"dashboard": False, "dashboard_address": _NOWHERE},
                    worker_dashboard_address=_NOWHERE,
                    silence_logs=_SILENT,  # in its workers, too
                )
            )
        cluster.scheduler.rpc.timeout = _REACHED
        return stack.enter_context(Client(cluster))
    try:
        client = stack.enter_context(Client(scheduler, timeout=_PATIENCE))
        client.wait_for_workers(1, timeout=_PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise FileError(
            f"the scheduler {scheduler} cannot be reached, or has no worker: {error}",
            hint="start one: `dask scheduler` and `dask worker ADDRESS`, or leave "
            "`scheduler=…` out",
            transient=True,
        ) from error
    return client


def _set_back(environment: dict[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
