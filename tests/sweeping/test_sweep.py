"""Sweeps over many pairs: both engines, the same rows; whoever is killed, the same end.

The rows are compared with what the verbs say when they are run alone.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.sweeping import sweep as sweeping
from helpers.models import demo_base, demo_net
from helpers.processes.heeding import heeding
from helpers.runs import COMMAND, run_here

RunHere = Callable[..., tuple[int, bytes, bytes]]
Row = dict[str, Any]

BASE = demo_base()
APPLY = """
[sweep]
verb = "apply"
[[pairs]]
net = "{root}zoo/{{name}}/net.prototxt"
model = "{root}zoo/{{name}}/in.caffemodel"
output = "{root}out/{{name}}.caffemodel"
"""
ENGINES = ("local", "dask")


def laid(number: int) -> dict[str, bytes]:
    """So many pairs, each a little different."""
    files = {}
    for each in range(number):
        files[f"zoo/m{each}/net.prototxt"] = demo_net()
        files[f"zoo/m{each}/in.caffemodel"] = BASE.replace(b"demo", f"n{each:03}".encode())
    return files


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Five pairs to apply, of which one has a broken net and one a model that is cut short."""
    lay(tmp_path, laid(5))
    (tmp_path / "zoo/m1/net.prototxt").write_text("layer {")
    (tmp_path / "zoo/m3/in.caffemodel").write_bytes(BASE[:-7])
    (tmp_path / "zoo.toml").write_text(APPLY.format(root=""))
    return tmp_path


def lay(place: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)


def rows_of(place: Path, name: str = "sweep.jsonl") -> dict[str, Row]:
    """The rows by their pair; each pair has one."""
    found: dict[str, Row] = {}
    for line in (place / name).read_bytes().splitlines():
        row = json.loads(line)
        assert row["net"] not in found
        found[row["net"]] = row
    return found


def swept(command: list[str], place: Path, *arguments: str, **more: Any) -> tuple[int, Any, str]:
    """A sweep in a process of its own: exit code, document, standard error."""
    env = {**os.environ, **more}
    done = subprocess.run(
        [*command, "sweep", "--json", *arguments], cwd=place, env=env, capture_output=True
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def here(run_here: RunHere, place: Path, *arguments: str) -> tuple[int, Any]:
    """A sweep by one process, this one: exit code and document."""
    code, out, errors = run_here(place, "sweep", "--json", "-w", "1", *arguments)
    assert errors == b""
    return code, json.loads(out)


# --- what it comes to


def test_each_pair_has_its_row_and_a_failure_is_not_the_end(zoo: Path) -> None:
    """The same rows by both engines; what one has settled the other passes over."""
    documents, found = [], []
    for engine in ENGINES:
        more = ("--engine", engine, "-w", "2", "--results", f"{engine}.jsonl", "-f", "zoo.toml")
        code, told, errors = swept(COMMAND, zoo, *more)
        assert (code, errors) == (3, "")
        documents.append({**told, "engine": None, "results": None})
        rows = rows_of(zoo, f"{engine}.jsonl")
        for row in rows.values():
            assert row.pop("seconds") >= 0
            del row["seal"]  # tells when files were written
        found.append(rows)
    assert found[0] == found[1]
    assert documents[0] == documents[1]
    assert told["pairs"] == {
        "total": 5,
        "done": 3,
        "found": 0,
        "failed": 2,
        "skipped": 0,
        "repeated": 0,
    }
    assert told["errors"] == {"ModelError": 1, "PrototxtError": 1}
    assert [row["net"] for row in told["told"]] == ["zoo/m1/net.prototxt", "zoo/m3/net.prototxt"]
    assert sorted(rows) == [f"zoo/m{each}/net.prototxt" for each in range(5)]
    for each in range(5):
        row = rows[f"zoo/m{each}/net.prototxt"]
        output = zoo / f"out/m{each}.caffemodel"
        if each in (1, 3):
            assert row["outcome"] == "failed"
            assert not output.exists()
            assert not output.with_name(f"{output.name}.sweep.json").exists()
            continue
        assert (row["outcome"], row["error"]) == ("done", None)
        ds.apply(zoo / row["net"], zoo / row["model"], zoo / "alone", force=True)
        assert output.read_bytes() == (zoo / "alone").read_bytes()
    again = here(run_here, zoo, "--results", "dask.jsonl", "zoo.toml")[1]
    assert again["pairs"] == told["pairs"] | {"skipped": 3}
    assert rows_of(zoo, "dask.jsonl").keys() == rows.keys()


def test_what_was_mended_is_done_next_time(zoo: Path) -> None:
    assert here(run_here, zoo, "zoo.toml")[0] == 3
    before = {each: os.stat(each).st_mtime_ns for each in sorted((zoo / "out").iterdir())}
    (zoo / "zoo/m1/net.prototxt").write_bytes(demo_net())
    (zoo / "zoo/m3/in.caffemodel").write_bytes(BASE)
    code, told = here(run_here, zoo, "zoo.toml")
    assert (code, told["passed"]) == (0, True)
    assert (told["pairs"]["done"], told["pairs"]["skipped"]) == (5, 3)
    assert before == {each: os.stat(each).st_mtime_ns for each in before}
    assert {row["outcome"] for row in rows_of(zoo).values()} == {"done"}


def test_without_results_the_records_tell(zoo: Path) -> None:
    here(run_here, zoo, "zoo.toml")
    rows = rows_of(zoo)
    (zoo / "sweep.jsonl").unlink()
    told = here(run_here, zoo, "zoo.toml")[1]
    assert (told["pairs"]["done"], told["pairs"]["skipped"]) == (3, 3)
    again = rows_of(zoo)
    for name, row in rows.items():
        assert again[name]["key"] == row["key"]
        assert again[name]["result"] == row["result"]


def test_a_check_that_finds_something_ends_with_1(tmp_path: Path) -> None:
    lay(tmp_path, laid(2))
    toml = '[[pairs]]\nnet = "zoo/{name}/net.prototxt"\nmodel = "zoo/{name}/in.caffemodel"\n'
    (tmp_path / "deconvsurgery.toml").write_text(toml)
    code, out, _ = run_here(tmp_path, "sweep", "-w", "1")
    assert code == 1
    assert out.decode().splitlines() == [
        "found: zoo/m0/net.prototxt: DS001, DS011",
        "found: zoo/m1/net.prototxt: DS001, DS011",
        "DS001: 2 pairs: a matched layer has no weights in the model and no filler that would "
        "make them",
        "DS011: 2 pairs: net and model disagree: a shape, a number of blobs, a name that the "
        "other lacks",
        "check: 2 pairs: 2 found wrong. Rows: sweep.jsonl",
    ]
    rows = rows_of(tmp_path)
    assert len(rows["zoo/m0/net.prototxt"]["result"]["findings"]) > 1
    again = run_here(tmp_path, "sweep", "-w", "1")
    assert again[0] == 1  # what was found is still so
    assert b"2 found wrong; 2 settled before." in again[1]
    (tmp_path / "deconvsurgery.toml").write_text(f'ignore = ["DS"]\n{toml}')
    assert run_here(tmp_path, "sweep", "-w", "1", "-q") == (0, b"", b"")


def test_two_pairs_with_one_output_are_told_apart(tmp_path: Path) -> None:
    lay(tmp_path, laid(2))
    toml = APPLY.format(root="").replace("out/{name}.caffemodel", "out.caffemodel")
    (tmp_path / "zoo.toml").write_text(toml)
    code, out, _ = run_here(tmp_path, "sweep", "-w", "1", "--json", "zoo.toml")
    told = json.loads(out)
    assert code == 3
    assert (told["pairs"]["done"], told["errors"]) == (1, {"OutputError": 1})
    assert "another pair of this sweep has that output" in told["told"][0]["error"]["message"]


def test_a_pair_that_is_named_twice_is_settled_once(tmp_path: Path) -> None:
    lay(tmp_path, laid(2))
    pair = APPLY.format(root="").partition("[[pairs]]")[2]
    (tmp_path / "zoo.toml").write_text(f"{APPLY.format(root='')}[[pairs]]{pair}")
    code, out, _ = run_here(tmp_path, "sweep", "-w", "1", "zoo.toml")
    assert code == 0
    assert out.decode().splitlines() == [
        "note: 2 pairs named more than once",
        "apply: 2 pairs: 2 done. Rows: sweep.jsonl",
    ]
    assert len(rows_of(tmp_path)) == 2


@pytest.mark.parametrize(
    ("toml", "arguments", "code", "words"),
    [
        (None, ["nowhere.toml"], 4, "nowhere.toml"),
        (None, [], 2, "there is no deconvsurgery.toml from here upwards"),
        ("", ["zoo.toml"], 2, "lists no pairs"),
        ("[[pairs]]\nnet = 'no/*.prototxt'", ["zoo.toml"], 4, "no"),
        ("[[pairs]]\nnet = '*.prototxt'", ["zoo.toml"], 2, "no file is like *.prototxt"),
        ("[sweep]\nverb = 'demo'", ["zoo.toml"], 2, "verb is one of"),
        ("[sweep]\nverb = 'apply'\n[[pairs]]\nnet = 'n'", ["zoo.toml"], 2, "needs model and out"),
        (
            "[sweep.options]\nvalues = 'keep'\n[[pairs]]\nnet = 'n'",
            ["zoo.toml"],
            2,
            "check has no such option",
        ),
        ("[[pairs]]\nnet = 'n'", ["--scheduler", "tcp://x:1", "zoo.toml"], 2, "--engine dask"),
        (
            "[[pairs]]\nnet = 'n'",
            ["--engine", "dask", "--scheduler", "tcp://x:1", "-w", "2", "zoo.toml"],
            2,
            "--workers",
        ),
        ("[[pairs]]\nnet = 'n'", ["--results", "s3://zoo/r", "zoo.toml"], 2, "this machine"),
        ("[[pairs]]\nnet = 'n'", ["--results", "zoo.toml", "zoo.toml"], 3, "no sweep's results"),
    ],
)
def test_what_is_wrong_with_all_of_it_is_said_at_once(
    toml: str | None, arguments: list[str], code: int, words: str, tmp_path: Path
) -> None:
    if toml is not None:
        (tmp_path / "zoo.toml").write_text(toml)
    found, out, errors = run_here(tmp_path, "sweep", *arguments)
    assert (found, out) == (code, b"")
    assert errors.startswith(b"error: ")
    assert words in errors.decode()
    if toml is not None:
        assert (tmp_path / "zoo.toml").read_text() == toml


def test_from_python_nothing_of_dask_stays(zoo: Path) -> None:
    import psutil

    before = dict(os.environ)
    heard: set[str] = set()

    def listening(*_: object) -> None:
        this = psutil.Process()
        for process in (this, *this.children(recursive=True)):
            heard.update(
                each.laddr.ip for each in process.net_connections() if each.status == "LISTEN"
            )

    result = ds.sweep(zoo / "zoo.toml", engine="dask", workers=1, progress=listening)
    assert result.engine == "dask"
    assert dict(os.environ) == before
    assert heard == {"127.0.0.1"}  # nothing that other machines could reach


def test_from_python(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(zoo)
    seen: list[tuple[int, str]] = []
    result = ds.sweep(
        "zoo.toml", workers=1, progress=lambda all_, row: seen.append((all_.total, row.outcome))
    )
    assert isinstance(result, ds.SweepResult)
    assert not result.passed
    assert (result.verb, result.engine, result.results) == ("apply", "local", "sweep.jsonl")
    assert [number for number, _ in seen] == [1, 2, 3, 4, 5]
    assert Counter(outcome for _, outcome in seen) == {"done": 3, "failed": 2}
    with pytest.raises(ValueError, match="local, dask, not 'slurm'"):
        ds.sweep("zoo.toml", engine="slurm")
    with pytest.raises(ValueError, match="only Dask"):
        ds.sweep("zoo.toml", scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (BrokenProcessPool(), "every process that worked on it was killed"),
        (ZeroDivisionError("odd"), "a mistake of this tool: ZeroDivisionError: odd"),
        (ds.SurgeryError("as it says"), "as it says"),
    ],
)
def test_a_task_without_an_answer_is_a_row(
    answer: BaseException, words: str, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sweeping, "run_local", lambda _work, tasks, _workers: ((task, answer) for task in tasks)
    )
    result = ds.sweep(zoo / "zoo.toml")
    assert result.summary.outcomes == {"failed": 5}
    assert all(words in (row.error or {})["message"] for row in result.told)
    assert len(rows_of(zoo)) == 5


def test_progress_on_a_terminal(zoo: Path) -> None:
    """A table is drawn again and again, and is gone at the end."""
    import pty

    lay(zoo, laid(100))
    main, side = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "70"}
    with subprocess.Popen(
        [*COMMAND, "sweep", "-w", "1", "zoo.toml"],
        cwd=zoo,
        env=env,
        stdin=side,
        stdout=side,
        stderr=side,
    ) as process:
        os.close(side)
        shown = b""
        try:
            while data := os.read(main, 1 << 16):
                shown += data
        except OSError:  # the other side is closed
            pass
    os.close(main)
    assert process.returncode == 0
    assert b"a second" in shown
    last = shown.split(b"\x1b[2K")[-1].decode()
    assert "apply: 100 pairs: 100 done" in last.replace("\r\n", " ")


# --- whoever is killed

Started = subprocess.Popen[bytes]
MANY = 8
LATE = "out/m5.caffemodel"


@pytest.fixture
def remote(store: Any, tmp_path: Path) -> tuple[Any, Path, dict[str, str]]:
    """Pairs in a store, and where a sweep of them is started."""
    for name, data in laid(MANY).items():
        store.put(name, data)
    (tmp_path / "zoo.toml").write_text(APPLY.format(root="s3://zoo/"))
    return store, tmp_path, {**os.environ, **store.environment(), "AWS_MAX_ATTEMPTS": "2"}


def expected(place: Path) -> dict[str, bytes]:
    """What the outputs must be."""
    outputs = {}
    (place / "alone.net").write_bytes(demo_net())
    for each in range(MANY):
        (place / "alone.in").write_bytes(laid(MANY)[f"zoo/m{each}/in.caffemodel"])
        ds.apply(place / "alone.net", place / "alone.in", place / "alone", force=True)
        outputs[f"out/m{each}.caffemodel"] = (place / "alone").read_bytes()
    return outputs


def outputs_of(store: Any) -> dict[str, bytes]:
    return {
        key: store.get(key)
        for key in sorted(store.keys())
        if key.endswith("model") and "out/" in key
    }


def processes_below(pid: int) -> list[int]:
    """Its children and theirs, as the system knows them."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *processes_below(int(child))]
    return found


def working_on(pid: int) -> list[int]:
    """Those that do the work, not those that look after them."""
    found = []
    for each in processes_below(pid):
        line = Path(f"/proc/{each}/cmdline").read_bytes()
        if b"spawn_main" in line or b"dask worker" in line:
            found.append(each)
    return found


def begun(command: list[str], place: Path, env: dict[str, str], engine: str, store: Any) -> Started:
    """A sweep that has an output on its way, which does not arrive before the store is calm."""
    store.delay(60, "PutObject", LATE, times=1)
    process = subprocess.Popen(
        [*command, "sweep", "--json", "--engine", engine, "-w", "2", "zoo.toml"],
        cwd=place,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    store.until(
        lambda records: any((each.operation, each.key) == ("PutObject", LATE) for each in records)
    )
    return process


@pytest.mark.parametrize("engine", ENGINES)
def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    engine: str, remote: tuple[Any, Path, dict[str, str]]
) -> None:
    store, place, env = remote
    process = begun(COMMAND, place, env, engine, store)
    workers = working_on(process.pid)
    assert workers
    for each in workers:
        os.kill(each, signal.SIGKILL)
    store.calm()
    out, _ = process.communicate(timeout=120)
    told = json.loads(out)
    assert (process.returncode, told["pairs"]["done"]) == (0, MANY)
    assert len(rows_of(place)) == MANY
    assert outputs_of(store) == expected(place)
    assert store.uploads() == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_client_that_is_killed_goes_on_where_it_was_also_if_the_store_fails(
    engine: str, remote: tuple[Any, Path, dict[str, str]]
) -> None:
    store, place, env = remote
    process = begun(COMMAND, place, env, engine, store)
    workers = processes_below(process.pid)
    process.kill()
    process.communicate()
    end = time.monotonic() + 60
    store.calm()
    while any(Path(f"/proc/{each}").exists() for each in workers):  # nobody is left behind
        assert time.monotonic() < end
        time.sleep(0.05)
    settled = {key: store.etag(key) for key in outputs_of(store)}
    store.reset()
    for what, operation, first in (
        (500, "HeadObject", 9),
        (503, "GetObject", 2),
        ("drop", "PutObject", 2),
        (503, "PutObject", 4),
    ):
        store.fault(what, operation, first=first, times=2)
    code, told, _ = swept(COMMAND, place, "--engine", engine, "-w", "2", "zoo.toml", **env)
    assert (code, told["pairs"]["done"]) == (0, MANY)
    assert len(rows_of(place)) == MANY
    assert outputs_of(store) == expected(place)
    # What had its record was not written again.
    again = {each.key for each in store.requests("PutObject")}
    assert len(again & settled.keys()) <= 4
    assert told["pairs"]["skipped"] >= len(settled) - 4


def test_ctrl_c_ends_a_cluster_that_was_started_here_without_a_word(zoo: Path) -> None:
    """It reaches all processes of a terminal."""
    lay(zoo, laid(400))
    with subprocess.Popen(
        [*COMMAND, "sweep", "--engine", "dask", "-w", "2", "zoo.toml"],
        cwd=zoo,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heeding,
    ) as process:
        end = time.monotonic() + 60
        while not (zoo / "out").exists() or len([*(zoo / "out").iterdir()]) < 6:
            assert time.monotonic() < end
            time.sleep(0.05)
        workers = processes_below(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    words = b"deconvsurgery: interrupted; every file is whole, the old one or the new"
    assert errors.split(b"\n") == [b"", words, b""]
    while any(Path(f"/proc/{each}").exists() for each in workers):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not [*(zoo / "out").glob(".*.tmp")]


def test_a_sweep_that_is_interrupted_ends_and_goes_on(
    remote: tuple[Any, Path, dict[str, str]],
) -> None:
    store, place, env = remote
    process = begun(COMMAND, place, env, "local", store)
    process.send_signal(signal.SIGTERM)
    store.calm()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"ended by SIGTERM" in errors
    assert not working_on(process.pid)
    assert swept(COMMAND, place, "zoo.toml", **env)[0] == 0
    assert outputs_of(store) == expected(place)
    store.reset()
    code, told, _ = swept(COMMAND, place, "zoo.toml", **env)
    assert (code, told["pairs"]["skipped"]) == (0, MANY)
    # To find that there is nothing to do is not for nothing, and said, too.
    assert told["traffic"]["requests"] == len(store.requests()) > 3 * MANY


def test_a_sweep_is_the_only_one_to_write_its_results(zoo: Path) -> None:
    import fcntl

    with open(zoo / "sweep.jsonl", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = subprocess.run(
            [*COMMAND, "sweep", "zoo.toml"], cwd=zoo, capture_output=True, text=True
        )
    assert done.returncode == 2
    assert "is written to by another sweep" in done.stderr
