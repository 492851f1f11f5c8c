"""Engines: each task once with its answer, whoever dies; nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.program.extras import install_command
from deconvsurgery.sweeping.engines import dask as dask_engine
from deconvsurgery.sweeping.engines import local
from deconvsurgery.sweeping.engines.dask import run_dask
from deconvsurgery.sweeping.engines.local import run_local
from helpers.processes.dask_cluster import Cluster, cluster_of
from helpers.processes.ending import PATIENCE, until, watched
from helpers.processes.heeding import heeding
from helpers.processes.labour import Counted, Task, begun, labour, task_of
from helpers.runs import environment

if TYPE_CHECKING:
    from helpers.words import Words

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


# --- processes of this machine


def test_each_task_has_its_answer_or_its_error(tmp_path: Path) -> None:
    tasks = plain(tmp_path, range(20))
    tasks[7], tasks[11] = task_of(tmp_path, "raise", 7), task_of(tmp_path, "value", 11)
    before = managers()
    said = answers(list(run_local(labour, tasks, 2)))
    error, other = said.pop(7), said.pop(11)
    assert said == {each: each * each for each in range(20) if each not in (7, 11)}
    assert type(error) is ds.ModelError
    assert (error.message, error.offset, error.path, error.hint) == ("is wrong", 7, "a", "fix it")
    assert (type(other), other.args) == (ValueError, (11,))
    assert begun(tmp_path) == [*range(20)]
    assert managers() <= before


def managers() -> set[threading.Thread]:
    """Each pool's own thread; with it go the semaphores of its queues."""
    alive = threading.enumerate()
    return {each for each in alive if type(each).__name__ == "_ExecutorManagerThread"}


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


def test_a_worker_that_dies_between_two_answers_takes_no_task_with_it(tmp_path: Path) -> None:
    tasks = [task_of(tmp_path, "who", 0), *plain(tmp_path, range(1, 12))]
    before = managers()
    running = run_local(labour, tasks, 1)
    early = []
    for task, answer in running:
        if task == tasks[0]:
            break
        early.append((task, answer))  # of several that come at once any may be the first
    (manager,) = managers() - before
    os.kill(answer, signal.SIGKILL)
    manager.join(PATIENCE)  # it has found that the worker is dead
    assert not manager.is_alive()
    said = answers([(tasks[0], 0), *early, *running])
    assert said == {each: each * each for each in range(12)}


def test_a_task_that_exits_is_given_up(tmp_path: Path) -> None:
    tasks = [*plain(tmp_path, range(3)), task_of(tmp_path, "leave", 3)]
    said = answers(list(run_local(labour, tasks, 1)))
    assert type(said.pop(3)).__name__ == "BrokenProcessPool"
    assert said == {0: 0, 1: 1, 2: 4}


def test_tasks_that_cannot_be_made_end_it(tmp_path: Path) -> None:
    error = ds.ModelError("odd")

    def broken() -> Iterator[Task]:
        yield task_of(tmp_path, "wait", 0)
        until((tmp_path / "waits-0").exists)
        raise error

    # The first would be asked for before the worker is there.
    with pytest.raises(ds.ModelError) as caught:
        list(run_local(labour, broken(), 1))
    assert caught.value is error
    assert not alive(int((tmp_path / "waits-0").read_text()))


def test_closing_leaves_no_process_and_lets_tasks_clean_up(tmp_path: Path) -> None:
    tasks = [task_of(tmp_path, "who", 0), *plain(tmp_path, range(1, 9), "wait")]
    running = run_local(labour, tasks, 2)
    _, worker = next(running)
    until(lambda: len([*tmp_path.glob("waits-?")]) == 2)
    running.close()
    workers = {int(each.read_text()) for each in tmp_path.glob("waits-?")}
    assert len(workers) == 2
    assert worker in workers
    assert not any(map(alive, workers))
    cleaned = {each.name[8:] for each in tmp_path.glob("cleaned-*")}
    assert cleaned == {each.name[6:] for each in tmp_path.glob("waits-?")}
    assert len(begun(tmp_path)) == 3


def test_a_worker_that_is_asked_to_end_before_it_has_begun_ends() -> None:
    """Else it is waited for in vain, as long as one that cleans up."""
    code = (
        "import os, signal, sys\n"
        "from deconvsurgery.sweeping.engines import local\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "local._set_signals()\n"
        "sys.exit('it goes on')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_worker_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_PATIENCE", 0.1)
    tasks = [task_of(tmp_path, "square", 0), task_of(tmp_path, "linger", 1)]
    running = run_local(labour, tasks, 1)
    next(running)
    until((tmp_path / "waits-1").exists)
    running.close()
    assert not alive(int((tmp_path / "waits-1").read_text()))
    assert (tmp_path / "cleaned-1").exists()


@pytest.mark.parametrize("what", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_process_that_they_work_for(
    what: signal.Signals, tmp_path: Path
) -> None:
    """As Ctrl-C ends it, or as nothing can be cleaned up after."""
    script = tmp_path / "client.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from helpers.processes.labour import labour, task_of\n"
        "from deconvsurgery.sweeping.engines.local import run_local\n"
        "if __name__ == '__main__':\n"
        "    tasks = [task_of(Path(sys.argv[1]), 'wait', each) for each in range(9)]\n"
        "    try:\n"
        "        list(run_local(labour, tasks, 2))\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit(130)\n"
    )
    with subprocess.Popen(
        [sys.executable, script, tmp_path],
        env=environment(),
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heeding,
    ) as client:
        until(lambda: len([*tmp_path.glob("waits-?")]) == 2 or client.poll() is not None)
        with watched(int(each.read_text()) for each in tmp_path.glob("waits-?")) as workers:
            if what is signal.SIGINT:
                os.killpg(client.pid, what)  # a terminal's Ctrl-C reaches all
            else:
                client.send_signal(what)
            workers.wait()
        _, said = client.communicate(timeout=PATIENCE)
    if what is signal.SIGINT:
        assert (client.returncode, said) == (130, b"")
    else:  # Python's own process that tidies up after one that could not
        assert client.returncode == -9
        assert b"Traceback" not in said
        assert said == b"" or b"resource_tracker" in said
    assert len([*tmp_path.glob("cleaned-?")]) == 2
    assert len(begun(tmp_path)) == 2


# --- Dask's workers


@pytest.mark.parametrize("group", [pytest.param(1, marks=pytest.mark.campaign), 32])
def test_a_cluster_that_is_there_does_it(
    group: int, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few tasks at a time; an error and a death are the task's own."""
    monkeypatch.setattr(dask_engine, "_GROUP", group)
    tasks = plain(tmp_path, range(30))
    tasks[7], tasks[11] = task_of(tmp_path, "raise", 7), task_of(tmp_path, "value", 11)
    tasks[15] = task_of(tmp_path, "kill", 15)
    counted = Counted(tasks)
    said: Said = []
    for each in run_dask(labour, counted, 1, cluster.scheduler_address):
        said.append(each)
        assert counted.taken <= len(said) + (4 * 2 + 1) * group  # one group is put off
    given = answers(said)
    error, other, death = given.pop(7), given.pop(11), given.pop(15)
    assert type(error) is ds.ModelError
    assert (error.message, error.offset, error.path, error.hint) == ("is wrong", 7, "a", "fix it")
    assert (type(other), other.args) == (ValueError, (11,))
    assert type(death).__name__ == "KilledWorker"
    assert given == {each: each * each for each in range(30) if each not in (7, 11, 15)}
    assert begun(tmp_path).count(15) == 2  # with others, and alone
    assert cluster.is_running()  # it is not ours to end


def test_brief_tasks_go_together(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each is done once all the same."""
    from distributed import Client

    submitted: list[int] = []
    submit = Client.submit

    def counting(self: Any, function: Any, work: Any, group: list[Task], **more: Any) -> Any:
        submitted.append(len(group))
        return submit(self, function, work, group, **more)

    monkeypatch.setattr(Client, "submit", counting)
    tasks = plain(tmp_path, range(400))
    given = answers([*run_dask(labour, tasks, 1, cluster.scheduler_address)])
    assert given == {each: each * each for each in range(400)}
    assert begun(tmp_path) == [*range(400)]
    assert submitted[0] == 1  # nobody knows yet how long one takes
    assert max(submitted) > 10
    assert len(submitted) < 100


def test_a_group_ends_when_its_time_is_over() -> None:
    def work(task: Task) -> int:
        if task[0] == "rest":
            time.sleep(1.5 * dask_engine._BRIEF)
        return task[1]

    def together(*what: str) -> list[int]:
        given, seconds = dask_engine._together(work, [(each, 7, "") for each in what])
        assert seconds >= what[: len(given)].count("rest") * dask_engine._BRIEF
        return given

    assert together("", "", "") == [7, 7, 7]
    assert together("", "rest", "") == [7, 7]


def test_a_worker_of_its_own_is_started_again_whenever_it_dies(tmp_path: Path) -> None:
    """Dask would end what starts it if, a while after a death, it were being started once more."""
    script = tmp_path / "client.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from helpers.processes.labour import labour, task_of\n"
        "from deconvsurgery.sweeping.engines.dask import run_dask\n"
        "if __name__ == '__main__':\n"
        "    tasks = [task_of(Path(sys.argv[1]), 'kill once', each) for each in range(2)]\n"
        "    for task, answer in run_dask(labour, tasks, 1):\n"
        "        print(task[1], answer)\n"
    )
    soon = {"DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "10ms"}
    said = subprocess.check_output(
        [sys.executable, script, tmp_path], env={**environment(), **soon}, text=True, timeout=100
    )
    assert sorted(said.splitlines()) == ["0 0", "1 1"]


@pytest.mark.campaign
def test_an_answer_that_is_here_outlives_its_worker(
    own_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask calls it lost, as the worker that had it is gone: it need not be asked for again."""
    from distributed import default_client

    monkeypatch.setattr(dask_engine, "_GROUP", 1)
    tasks = [task_of(tmp_path, "who", 0), *plain(tmp_path, range(1, 4))]
    running = run_dask(labour, tasks, 1, own_cluster.scheduler_address)
    first, worker = next(running)
    states, here = default_client().futures, running.gi_frame.f_locals["answers"]  # type: ignore[attr-defined]
    until(lambda: not here.futures)  # the others' answers are here, wherever they wait
    os.kill(worker, signal.SIGKILL)
    until(lambda: "lost" in {state.status for state in states.values()})
    assert answers([(first, 0), *running]) == {each: each * each for each in range(4)}


@pytest.mark.campaign
def test_a_scheduler_that_goes_away(own_cluster: Cluster, tmp_path: Path, words: Words) -> None:
    address = own_cluster.scheduler_address
    running = run_dask(labour, plain(tmp_path, range(9), "wait"), 1, address)

    def end() -> None:
        until((tmp_path / "waits-0").exists)
        own_cluster.close()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(end)
        with pytest.raises(ds.FileError) as caught:
            next(running)
        ended.result()
    assert caught.value.transient
    assert address in caught.value.message
    words(caught.value)


class Gone:
    """A client whose scheduler has gone away."""

    status = "closed"
    scheduler = SimpleNamespace(address="tcp://127.0.0.1:1")

    def nthreads(self) -> dict[str, int]:
        raise OSError("no connection")


def test_a_scheduler_that_does_not_answer_is_gone() -> None:
    """Asked how many threads there are, or while an answer is waited for."""
    workers = dask_engine._Workers(Gone())
    nothing = SimpleNamespace(has_ready=lambda: False)
    for ask in (workers.threads, lambda: dask_engine._ready(Gone(), nothing, workers)):
        with pytest.raises(ds.FileError) as caught:
            ask()
        assert caught.value.transient
        assert Gone.scheduler.address in caught.value.message


@pytest.mark.campaign
def test_work_that_is_cancelled_ends_it(cluster: Cluster, tmp_path: Path) -> None:
    """As by a scheduler that ends; what was done before has come."""
    from distributed import Future, default_client

    tasks = [*plain(tmp_path, range(1)), *plain(tmp_path, range(1, 9), "wait for go")]
    running = run_dask(labour, tasks, 1, cluster.scheduler_address)
    assert answers([next(running)]) == {0: 0}
    client = default_client()
    client.cancel([Future(key, client) for key in client.futures], force=True)
    (tmp_path / "go").touch()
    with pytest.raises(ds.FileError) as caught:
        list(running)
    assert caught.value.transient
    assert cluster.scheduler_address in caught.value.message


def test_a_worker_is_waited_for_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes in time counts from then on."""
    threads: list[dict[str, int]] = [{}, {"a": 2, "b": 3}, {}, {}]
    now = [100.0]
    client = SimpleNamespace(nthreads=lambda: threads.pop(0), scheduler=Gone.scheduler)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    workers = dask_engine._Workers(client)
    assert workers.threads() == 1
    now[0] += dask_engine._ALONE - 1
    assert workers.threads() == 5
    now[0] += dask_engine._ALONE - 1
    assert workers.threads() == 1
    now[0] += dask_engine._EVERY
    with pytest.raises(ds.FileError) as caught:
        workers.threads()
    assert caught.value.transient
    assert Gone.scheduler.address in caught.value.message


def test_an_answer_that_cannot_be_fetched_is_the_tasks_own(
    cluster: Cluster, tmp_path: Path
) -> None:
    tasks = [*plain(tmp_path, range(3)), task_of(tmp_path, "unreadable", 3)]
    given = answers([*run_dask(labour, tasks, 1, cluster.scheduler_address)])
    error = given.pop(3)
    assert (type(error), given) == (ValueError, {0: 0, 1: 1, 2: 4})


def test_an_answer_that_cannot_be_fetched_spoils_none_that_is_fetched_with_it(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Dask's client asks for all answers that are ready in one request; one of them fails it."""
    from distributed import default_client

    def tasks() -> Iterator[Task]:
        client = default_client()
        requests = client._gather_semaphore  # while it is held, answers wait to be asked for
        for _ in range(requests._value):
            client.sync(requests.acquire)
        pool.submit(let_go, client, requests)
        yield from plain(tmp_path, range(3))
        yield task_of(tmp_path, "unreadable", 3)

    def let_go(client: Any, requests: Any) -> None:
        until(lambda: [state.status for state in client.futures.values()] == ["finished"] * 4)
        client.loop.add_callback(requests.release)

    with ThreadPoolExecutor(1) as pool:
        given = answers([*run_dask(labour, tasks(), 1, cluster.scheduler_address)])
    error = given.pop(3)
    assert (type(error), given) == (ValueError, {0: 0, 1: 1, 2: 4})


@pytest.mark.campaign
def test_no_worker_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    """The only one is killed, and nobody starts another."""
    monkeypatch.setattr(dask_engine, "_ALONE", 1)
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny", "--no-dashboard"]
    with cluster_of(0) as cluster:
        address = cluster.scheduler_address
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([*worker, address], env=environment(), cwd=tmp_path, **quiet) as only:
            tasks = [task_of(tmp_path, "square", 0), *plain(tmp_path, range(1, 9), "wait")]
            running = run_dask(labour, tasks, 1, address)
            next(running)
            only.kill()
        with pytest.raises(ds.FileError) as caught:
            list(running)
    assert caught.value.transient
    assert address in caught.value.message
    words(caught.value.message.replace(address, "tcp://x:1"), caught.value.hint)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://127.0.0.1:1", "127.0.0.1:x"])
def test_a_scheduler_that_is_not_there(
    address: str, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr(dask_engine, "_PATIENCE", 0.2)
    with pytest.raises(ds.FileError) as caught:
        next(run_dask(labour, [], 1, address))
    assert caught.value.transient
    assert address in caught.value.message
    assert "`dask scheduler`" in (caught.value.hint or "")
    words(caught.value.message.split(": ")[0].replace(address, "tcp://x:1"))  # the rest is Dask's


def test_dask_is_not_installed(monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ds.FormatError) as caught:
        next(run_dask(labour, [], 1))
    command = install_command("dask", "distributed")
    words([caught.value.message, (caught.value.hint or "").replace(command, "INSTALL")])
    assert command in (caught.value.hint or "")
