"""What engines are given to do in tests: functions that a process which is started anew can import.

A task is a tuple of plain values; what a task does to the world it leaves as files in a folder.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import deconvsurgery as ds
from helpers.processes.ending import until

Task = tuple[str, int, str]
"""What to do, a number, and the folder to leave marks in."""


def task_of(folder: Path, what: str, number: int) -> Task:
    return what, number, str(folder)


def begun(folder: Path) -> list[int]:
    """The numbers of tasks that were begun, as often as they were."""
    return sorted(int(each.name.split("-")[1]) for each in folder.glob("begun-*"))


def labour(task: Task) -> int | Unreadable:
    """The square of the number, unless something else is to happen."""
    what, number, folder = task
    place = Path(folder)
    (place / f"begun-{number}-{time.monotonic_ns()}-{os.getpid()}").touch()
    if what == "raise":
        raise ds.ModelError("is wrong", offset=number, path="a", hint="fix it")
    if what == "value":
        raise ValueError(number)
    if what == "kill" or (what == "kill once" and _first(place, number)):
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "who":
        return os.getpid()
    if what == "unreadable":
        return Unreadable()
    if what == "leave":
        sys.exit(5)
    if what in ("wait", "linger"):
        return _waited(place, number, what == "linger")
    if what == "wait for go":
        until((place / "go").exists)
    if what == "rest":
        time.sleep(0.05)
    return number * number


class Unreadable:
    """An answer that leaves the worker, and raises something where it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return _only_in, (os.getpid(),)


def _only_in(process: int) -> object:
    if process != os.getpid():
        raise ValueError("cannot be read here")
    return Unreadable()


def _first(place: Path, number: int) -> bool:
    try:
        (place / f"killed-{number}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _waited(place: Path, number: int, lingering: bool) -> int:
    """Until the test is over, unless asked to end; says when it cleans up, which may take long."""
    waits = place / f"waits-{number}"
    try:
        waits.with_suffix(".new").write_text(str(os.getpid()))
        waits.with_suffix(".new").rename(waits)
        time.sleep(60)
    finally:
        (place / f"cleaned-{number}").touch()
        while lingering:
            time.sleep(60)
    return number


class Counted:
    """Tasks, and how many of them were taken."""

    def __init__(self, tasks: list[Task]) -> None:
        self.tasks, self.taken = tasks, 0

    def __iter__(self) -> Iterator[Task]:
        for task in self.tasks:
            self.taken += 1
            yield task
