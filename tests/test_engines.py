"""Engines: each task once with its answer, whoever dies; nothing is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from labour import Counted, Task, begun, labour, task_of

from deconvsurgery.engines.local import run_local
from deconvsurgery.errors import ModelError

Said = list[tuple[Task, Any]]


def plain(folder: Path, numbers: range, what: str = "square") -> list[Task]:
    return [task_of(folder, what, each) for each in numbers]


def answers(said: Said) -> dict[int, Any]:
    """By the task's number; each task has one."""
    assert len({task[1] for task, _ in said}) == len(said)
    return {task[1]: answer for task, answer in said}


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def until(enough: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not enough():
        assert time.monotonic() < end
        time.sleep(0.01)


# --- processes of this machine


def test_each_task_has_its_answer_or_its_error(tmp_path: Path) -> None:
    tasks = plain(tmp_path, range(20))
    tasks[7], tasks[11] = task_of(tmp_path, "raise", 7), task_of(tmp_path, "value", 11)
    said = answers(list(run_local(labour, tasks, 2)))
    error, other = said.pop(7), said.pop(11)
    assert said == {each: each * each for each in range(20) if each not in (7, 11)}
    assert type(error) is ModelError
    assert (error.message, error.offset, error.path, error.hint) == ("is wrong", 7, "a", "mend it")
    assert (type(other), other.args) == (ValueError, (11,))
    assert begun(tmp_path) == [*range(20)]


def test_no_tasks() -> None:
    assert [*run_local(labour, (), 2)] == []


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_are_taken_as_there_is_room(workers: int, tmp_path: Path) -> None:
    tasks = Counted(plain(tmp_path, range(30)))
    assert tasks.taken == 0
    for number, _ in enumerate(run_local(labour, tasks, workers)):
        assert tasks.taken <= number + 4 * workers
    assert tasks.taken == 30


def test_a_task_whose_worker_dies_is_done_again(tmp_path: Path) -> None:
    tasks = plain(tmp_path, range(12), "rest")
    tasks[3] = task_of(tmp_path, "kill once", 3)
    said = answers(list(run_local(labour, tasks, 2)))
    assert said == {each: each * each for each in range(12)}
    assert begun(tmp_path).count(3) == 2


def test_a_task_that_always_kills_is_given_up_and_no_other(tmp_path: Path) -> None:
    tasks = plain(tmp_path, range(12))
    tasks[5] = task_of(tmp_path, "kill", 5)
    said = answers(list(run_local(labour, tasks, 2)))
    assert type(said.pop(5)).__name__ == "BrokenProcessPool"
    assert said == {each: each * each for each in range(12) if each != 5}
    assert begun(tmp_path).count(5) in (3, 4)  # with others, perhaps; three times alone
