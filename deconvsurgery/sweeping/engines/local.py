"""Processes of this machine; one that dies takes nothing with it but its own task."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from threading import Thread
from types import FrameType
from typing import TypeVar

from deconvsurgery.signals.raised import ENDING, Raiser

from .worker_start import SweepContext, signals_blocked, unblock_signals, without_main

Task = TypeVar("Task")
Answer = TypeVar("Answer")

_AHEAD = 4  # tasks that wait or run, for each process
_PATIENCE = 30  # seconds for a process to clean up when it is to end
_AGAIN = 0.1  # seconds until it is asked once more
_DEATHS = 3  # of a process that works on one task alone, before the task is given up


def run_local(
    work: Callable[[Task], Answer], tasks: Iterable[Task], workers: int
) -> Generator[tuple[Task, Answer | BaseException], None, None]:
    """Each task with its answer, or with what was raised, in the order in which they come.

    When a process dies, those that were on their way are done again one by one, to find the task
    that kills; three deaths are enough.
    """
    waiting = ((task, 0) for task in tasks)
    pool = _pool(workers)
    suspects: deque[tuple[Task, int]] = deque()  # with their deaths
    running: dict[Future[Answer], tuple[Task, int]] = {}
    try:
        while True:
            most = 1 if suspects else workers * _AHEAD
            while len(running) < most:
                following = suspects.popleft() if suspects else next(waiting, None)
                if following is None:
                    break
                running[_submitted(pool, work, following[0])] = following
            if not running:
                return
            alone = len(running) == 1
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                done, _ = wait(running)  # the others have their answers by now, or broke, too
                pool.shutdown(wait=True)
                pool = _pool(workers)
            for future in done:
                task, deaths = running.pop(future)
                error = future.exception()
                if not isinstance(error, BrokenProcessPool):
                    yield task, future.result() if error is None else error
                elif alone and deaths + 1 >= _DEATHS:
                    yield task, error
                else:
                    suspects.append((task, deaths + alone))
    finally:
        _end(pool)


def _submitted(
    pool: ProcessPoolExecutor, work: Callable[[Task], Answer], task: Task
) -> Future[Answer]:
    try:
        with without_main(), signals_blocked():  # it starts processes as they are needed
            return pool.submit(_worked, work, task)
    except BrokenProcessPool as error:  # a worker died between two tasks
        future: Future[Answer] = Future()
        future.set_exception(error)
        return future


def _pool(workers: int) -> ProcessPoolExecutor:
    with signals_blocked():
        return ProcessPoolExecutor(workers, SweepContext(), initializer=_set_signals)


def _set_signals() -> None:
    """A terminal's signals reach all its processes; the parent decides what ends, and how."""
    sys.unraisablehook = _raise.lost
    for number in ENDING:
        # Not ignored even for a moment is the one that the parent sends: where all tasks are done
        # before a process has begun, it waits by now, and would be lost.
        signal.signal(number, _leave if number == signal.SIGTERM else signal.SIG_IGN)
    unblock_signals()
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """End with the parent, however that ended: no answer would be taken any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


class _Left(SystemExit):
    """A worker was asked to end while it had a task."""


_raise = Raiser(_Left)  # what is cleaned up is cleaned up once


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End at once: there is no task, and nothing to clean up."""
    os._exit(0)


def _worked(work: Callable[[Task], Answer], task: Task) -> Answer:
    try:
        try:
            signal.signal(signal.SIGTERM, _raise)
            return work(task)
        finally:
            signal.signal(signal.SIGTERM, _leave)
    except BaseException as error:
        if isinstance(error, SystemExit) or _raise.behind(error):
            # Cleaned up, and no other task is to be begun: a pool would take this for an answer.
            os._exit(0)
        raise


def _end(pool: ProcessPoolExecutor) -> None:
    """Whatever still runs is asked to end: what it writes takes its place as a whole or not."""
    processes = [*(pool._processes or {}).values()]
    manager = getattr(pool, "_executor_manager_thread", None)
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        given_up = time.monotonic() + _PATIENCE
        process.join(_AGAIN)
        while process.is_alive() and time.monotonic() < given_up:
            process.terminate()  # the first may have come just before it began to wait for a task
            process.join(_AGAIN)
        if process.is_alive():
            process.kill()
            process.join()
    if manager is not None:  # it has semaphores, which are to be gone when this is over
        manager.join(_PATIENCE)
