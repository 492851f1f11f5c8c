"""Waiting for what other processes do, and for their end. Never here: what they run."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PATIENCE: Final = 300
"""Seconds: longer than any load makes an end take; beyond it something is stuck."""


class Watched:
    """Processes, whoever their parents are; those that have ended by now are left out."""

    def __init__(self, processes: Iterable[int]) -> None:
        self._open: dict[int, int] = {}
        for process_id in processes:
            with suppress(ProcessLookupError):
                self._open[process_id] = os.pidfd_open(process_id)

    def alive(self) -> list[int]:
        """Those that have not ended."""
        ended = {fd for fd, _ in self._polled(self._open.values(), 0)}
        return [each for each, fd in self._open.items() if fd not in ended]

    def wait(self) -> None:
        """Return when all have ended, reaped or not."""
        for process, fd in self._open.items():
            assert self._polled([fd], PATIENCE * 1000), f"{process} does not end"

    def close(self) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    @staticmethod
    def _polled(descriptors: Iterable[int], milliseconds: int) -> list[tuple[int, int]]:
        poll = select.poll()
        for fd in descriptors:
            poll.register(fd, select.POLLIN)
        return poll.poll(milliseconds)


@contextmanager
def watched(processes: Iterable[int]) -> Iterator[Watched]:
    """Watch these from now on: a number that another process has afterwards is not it."""
    found = Watched(processes)
    try:
        yield found
    finally:
        found.close()


def until(enough: Callable[[], bool]) -> None:
    """Return as soon as it is so, where nothing reports it: a file that another process makes."""
    end = time.monotonic() + PATIENCE
    while not enough():
        assert time.monotonic() < end, "it never is"
        time.sleep(0.01)


def processes_below(pid: int) -> list[int]:
    """A process's children and theirs, as the system knows them; who ends meanwhile may lack."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in task.read_text().split():
                found += [int(child), *processes_below(int(child))]
    return found


def command_of(pid: int) -> bytes:
    """A process's command line; nothing of one that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
