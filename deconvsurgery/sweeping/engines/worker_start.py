"""Worker processes that do not run the caller's script again, nor get what its terminal sends.

What they do is not decided here.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from threading import Lock
from typing import Any, Final

from deconvsurgery.signals.held import held_signals
from deconvsurgery.signals.raised import ENDING

DASK_NAME: Final = "Dask Worker process (from Nanny)"
"""What ``distributed.nanny`` calls each of its processes."""


class SweepProcess(SpawnProcess):
    """A process of a sweep; multiprocessing names it after this class."""


class SweepContext(SpawnContext):
    """Processes that are started anew, not forked: threads would not survive a fork."""

    Process = SweepProcess


_ENDING: Final = frozenset(ENDING)
_NAMES: Final = (SweepProcess.__name__, DASK_NAME)
_lock = Lock()
_sweeps = 0
_prepared = spawn.get_preparation_data


@contextmanager
def without_main() -> Iterator[None]:
    """Within it, processes of sweeps begin without the caller's ``__main__``.

    A process that is spawned, or comes from a fork server, first imports its parent's ``__main__``
    (``multiprocessing.spawn.get_preparation_data``), for functions that are defined there. A sweep
    has none there. A plain script would begin its sweep again in each worker, and one that was read
    from standard input is no file at all. Processes of other names are started as ever.
    """
    global _sweeps
    with _lock:
        _sweeps += 1
        spawn.get_preparation_data = _without_main
    try:
        yield
    finally:
        with _lock:
            _sweeps -= 1
            if not _sweeps:
                spawn.get_preparation_data = _prepared


def _without_main(name: str) -> dict[str, Any]:
    data: dict[str, Any] = _prepared(name)
    if name.startswith(_NAMES):
        data.pop("init_main_from_name", None)
        data.pop("init_main_from_path", None)
    return data


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Threads and processes that begin within it get no signal that ends a run.

    Ctrl-C and a closed terminal reach all processes at once; the parent decides what ends, and how.
    Here they are handled when the block is left, so that no process is ended half started.
    Multiprocessing's own process that tidies up begins here, too, and is never hung up.
    """
    with held_signals():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # where that began, it lifted some
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def unblock_signals() -> None:
    """In a process that began so, once its handlers are set: get the signals that wait."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
