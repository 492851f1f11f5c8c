"""Sweeps over many pairs: both engines, the same rows; whoever is killed, the same end.

The rows are compared with what the verbs say when they are run alone.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

import deconvsurgery as ds
from deconvsurgery.cli import sweep as sweep_command
from deconvsurgery.sweeping import sweep as sweeping
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome, Summary
from helpers.models import demo_base, demo_net
from helpers.processes.ending import PATIENCE, command_of, processes_below, until, watched
from helpers.processes.heeding import heeding
from helpers.runs import COMMAND, environment, run_here
from helpers.words import Words, names, numbers

if TYPE_CHECKING:
    from helpers.processes.dask_cluster import Cluster

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


def here(place: Path, *arguments: str) -> tuple[int, Any]:
    """A sweep by one process, this one: exit code and document."""
    return swept(place, "-w", "1", *arguments)


def swept(place: Path, *arguments: str) -> tuple[int, Any]:
    """A sweep from this process: exit code and document."""
    code, out, errors = run_here(place, "sweep", "--json", *arguments)
    assert errors == b""
    return code, json.loads(out)


# --- what it comes to


def test_each_pair_has_its_row_and_a_failure_is_not_the_end(zoo: Path, cluster: Cluster) -> None:
    """The same rows by both engines; what one has settled the other passes over."""
    # Dask's workers are in another folder.
    (zoo / "zoo.toml").write_text(APPLY.format(root=f"{zoo}/"))
    engines = {
        "local": ("-w", "2"),
        "dask": ("--engine", "dask", "--scheduler", cluster.scheduler_address),
    }
    documents, found = [], []
    for engine, how in engines.items():
        code, told = swept(zoo, *how, "--results", f"{engine}.jsonl", "-f", "zoo.toml")
        assert code == 3
        assert (told["engine"], told["results"]) == (engine, f"{engine}.jsonl")
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
    nets = [f"{zoo}/zoo/m{each}/net.prototxt" for each in range(5)]
    assert told["errors"] == {"ModelError": 1, "PrototxtError": 1}
    assert [row["net"] for row in told["told"]] == [nets[1], nets[3]]
    assert sorted(rows) == nets
    for each, net in enumerate(nets):
        row = rows[net]
        output = zoo / f"out/m{each}.caffemodel"
        if each in (1, 3):
            assert row["outcome"] == "failed"
            assert not output.exists()
            assert not output.with_name(f"{output.name}.sweep.json").exists()
            continue
        assert (row["outcome"], row["error"]) == ("done", None)
        ds.apply(row["net"], row["model"], zoo / "alone", force=True)
        assert output.read_bytes() == (zoo / "alone").read_bytes()
    again = here(zoo, "--results", "dask.jsonl", "zoo.toml")[1]
    assert again["pairs"] == told["pairs"] | {"skipped": 3}
    assert rows_of(zoo, "dask.jsonl").keys() == rows.keys()


@pytest.mark.usefixtures("at_once")
def test_what_was_fixed_is_done_next_time(zoo: Path) -> None:
    assert here(zoo, "zoo.toml")[0] == 3
    before = {each: os.stat(each).st_mtime_ns for each in sorted((zoo / "out").iterdir())}
    (zoo / "zoo/m1/net.prototxt").write_bytes(demo_net())
    (zoo / "zoo/m3/in.caffemodel").write_bytes(BASE)
    code, told = here(zoo, "zoo.toml")
    assert (code, told["passed"]) == (0, True)
    assert (told["pairs"]["done"], told["pairs"]["skipped"]) == (5, 3)
    assert before == {each: os.stat(each).st_mtime_ns for each in before}
    assert {row["outcome"] for row in rows_of(zoo).values()} == {"done"}


@pytest.mark.usefixtures("at_once")
def test_without_results_the_records_tell(zoo: Path) -> None:
    here(zoo, "zoo.toml")
    rows = rows_of(zoo)
    (zoo / "sweep.jsonl").unlink()
    told = here(zoo, "zoo.toml")[1]
    assert (told["pairs"]["done"], told["pairs"]["skipped"]) == (3, 3)
    again = rows_of(zoo)
    for name, row in rows.items():
        assert again[name]["key"] == row["key"]
        assert again[name]["result"] == row["result"]


@pytest.mark.usefixtures("at_once")
def test_a_check_that_finds_something_ends_with_1(tmp_path: Path, words: Words) -> None:
    lay(tmp_path, laid(2))
    toml = '[[pairs]]\nnet = "zoo/{name}/net.prototxt"\nmodel = "zoo/{name}/in.caffemodel"\n'
    (tmp_path / "deconvsurgery.toml").write_text(toml)
    code, out, _ = run_here(tmp_path, "sweep", "-w", "1")
    assert code == 1
    lines = out.decode().splitlines()
    assert [each.split(": ") for each in lines[:2]] == [
        ["found", f"zoo/m{each}/net.prototxt", "DS001, DS011"] for each in range(2)
    ]
    assert [each.split(":")[0] for each in lines[2:]] == ["DS001", "DS011", "check"]
    assert [numbers(each) for each in lines[2:]] == [[2], [2], [2, 2]]
    assert lines[-1].split()[-1] == "sweep.jsonl"
    words(lines[2:])
    rows = rows_of(tmp_path)
    assert len(rows["zoo/m0/net.prototxt"]["result"]["findings"]) > 1
    again = run_here(tmp_path, "sweep", "-w", "1")
    assert again[0] == 1  # what was found is still so
    last = again[1].decode().splitlines()[-1]
    assert numbers(last) == [2, 2, 2]  # pairs, found wrong, settled before
    words(last, "again")
    (tmp_path / "deconvsurgery.toml").write_text(f'ignore = ["DS001", "DS011"]\n{toml}')
    assert run_here(tmp_path, "sweep", "-w", "1", "-q") == (0, b"", b"")


@pytest.mark.usefixtures("at_once")
def test_a_rule_of_another_version_is_counted_as_it_is(tmp_path: Path, words: Words) -> None:
    lay(tmp_path, laid(1))
    toml = '[[pairs]]\nnet = "zoo/{name}/net.prototxt"\nmodel = "zoo/{name}/in.caffemodel"\n'
    (tmp_path / "deconvsurgery.toml").write_text(toml)
    run_here(tmp_path, "sweep", "-w", "1")
    rows = (tmp_path / "sweep.jsonl").read_text()
    (tmp_path / "sweep.jsonl").write_text(rows.replace("DS011", "DS999"))
    code, out, errors = run_here(tmp_path, "sweep", "-w", "1")
    assert (code, errors) == (1, b"")
    (line,) = (each for each in out.decode().splitlines() if each.startswith("DS999"))
    assert numbers(line) == [1]
    words(line)


@pytest.mark.usefixtures("at_once")
def test_a_bad_record_is_the_failure_of_its_pair_and_not_the_end(tmp_path: Path) -> None:
    """Whatever it is, all others are done, and the row of that one can be read again."""
    bad = [
        *(b"", b"precious", b"\xff", b"[" * 5000, b'{"net": NaN}', bytes(99), b"{}\n" * 99),
        *((b'"seal": "[^"]*"', rb'"seal": "\\ud800"'), (b'"done"', b'"begun"')),
        *((b'"error": null', b'"error": {}'), (b'"seconds": [^,]*', b'"seconds": Infinity')),
        *((b'"attempts": 1', b'"attempts": true'), (b'"done"', b'"failed"')),
        (b'"result": ', b'"result": ' + b'{"a": ' * 900 + b"0" + b"}" * 900 + b', "b": '),
    ]
    lay(tmp_path, laid(len(bad) + 1))
    (tmp_path / "zoo.toml").write_text(APPLY.format(root=""))
    assert here(tmp_path, "zoo.toml")[0] == 0
    (tmp_path / "sweep.jsonl").unlink()
    for number, each in enumerate(bad):
        place = tmp_path / f"out/m{number}.caffemodel.sweep.json"
        data = place.read_bytes()
        place.write_bytes(re.sub(*each, data) if isinstance(each, tuple) else each)
        assert place.read_bytes() != data
    code, told = here(tmp_path, "zoo.toml")
    assert code == 3
    assert told["errors"] == {"OutputError": len(bad)}
    assert told["pairs"]["done"] == 1
    assert all(each["error"]["file"].endswith(".sweep.json") for each in told["told"])


@pytest.mark.usefixtures("at_once")
def test_a_line_of_a_list_that_is_no_pair_is_a_row_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "zoo.toml").write_text('[[pairs]]\nlist = "pairs.jsonl"\n')
    lines = ('{"net": "a"}', "nonsense", '{"net": 3}', '{"net": "gone/*"}', '{"net": "b"}')
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    for _ in range(2):  # such a row takes the place of its line's
        code, document = swept(tmp_path, "zoo.toml")
        assert (code, document["pairs"]["failed"]) == (3, 5)
        rows = [json.loads(each) for each in (tmp_path / "sweep.jsonl").read_text().splitlines()]
        told = {(row["net"], row["error"]["file"], row["error"]["line"]) for row in rows}
        assert told == {
            ("a", "a", None),
            (None, "pairs.jsonl", 2),
            (None, "pairs.jsonl", 3),
            ("gone/*", "gone/", None),
            ("b", "b", None),
        }
        assert len(rows) == 5
    (tmp_path / "pairs.jsonl").write_text("nonsense\n" + lines[0])
    code, document = swept(tmp_path, "zoo.toml")
    assert (code, document["error"]["kind"], document["error"]["line"]) == (2, "ConfigError", 1)


@pytest.mark.usefixtures("at_once")
def test_two_pairs_with_one_output_are_told_apart(tmp_path: Path, words: Words) -> None:
    lay(tmp_path, laid(2))
    toml = APPLY.format(root="").replace("out/{name}.caffemodel", "out.caffemodel")
    (tmp_path / "zoo.toml").write_text(toml)
    code, out, _ = run_here(tmp_path, "sweep", "-w", "1", "--json", "zoo.toml")
    told = json.loads(out)
    assert code == 3
    assert (told["pairs"]["done"], told["errors"]) == (1, {"OutputError": 1})
    error = told["told"][0]["error"]
    assert error["file"] == "out.caffemodel"
    words([error["message"], error["hint"]])


@pytest.mark.usefixtures("at_once")
def test_a_pair_that_is_named_twice_is_settled_once(tmp_path: Path, words: Words) -> None:
    lay(tmp_path, laid(2))
    pair = APPLY.format(root="").partition("[[pairs]]")[2]
    (tmp_path / "zoo.toml").write_text(f"{APPLY.format(root='')}[[pairs]]{pair}")
    code, out, _ = run_here(tmp_path, "sweep", "-w", "1", "zoo.toml")
    assert code == 0
    lines = out.decode().splitlines()
    assert [numbers(each) for each in lines] == [[2], [2, 2]]
    words(lines)
    assert len(rows_of(tmp_path)) == 2


PAIR = "[[pairs]]\nnet = 'n'"
# The file that an error is about where it is not the configuration.
ABOUT = {
    "no such configuration": "nowhere.toml",
    "none at all": "",
    "no folder": "no/",
    "--engine dask": "",
    "--workers": "",
    "results in a store": "s3://zoo/r",
    "another's file": "notes",
}


@pytest.mark.parametrize(
    ("toml", "arguments", "code", "case"),
    [
        (None, ["nowhere.toml"], 4, "no such configuration"),
        (None, [], 2, "none at all"),
        ("", ["zoo.toml"], 2, "no pairs"),
        ("[[pairs]]\nnet = 'no/*.prototxt'", ["zoo.toml"], 4, "no folder"),
        ("[[pairs]]\nnet = '*.prototxt'", ["zoo.toml"], 2, "no file"),
        ("[sweep]\nverb = 'demo'", ["zoo.toml"], 2, "no such verb"),
        (f"[sweep]\nverb = 'apply'\n{PAIR}", ["zoo.toml"], 2, "a path lacks"),
        (f"[sweep.options]\nvalues = 'keep'\n{PAIR}", ["zoo.toml"], 2, "no such option"),
        (PAIR, ["--scheduler", "tcp://x:1", "zoo.toml"], 2, "--engine dask"),
        (
            PAIR,
            ["--engine", "dask", "--scheduler", "tcp://x:1", "-w", "2", "zoo.toml"],
            2,
            "--workers",
        ),
        (PAIR, ["--results", "s3://zoo/r", "zoo.toml"], 2, "results in a store"),
        (PAIR, ["--results", "zoo.toml", "zoo.toml"], 2, "the settings"),
        (PAIR, ["--results", "notes", "zoo.toml"], 3, "another's file"),
    ],
    ids=lambda value: value if isinstance(value, str) and "\n" not in value else "",
)
def test_what_is_wrong_with_all_of_it_is_said_at_once(
    toml: str | None, arguments: list[str], code: int, case: str, tmp_path: Path, words: Words
) -> None:
    if toml is not None:
        (tmp_path / "zoo.toml").write_text(toml)
    (tmp_path / "notes").write_text("precious")
    found, out, errors = run_here(tmp_path, "sweep", *arguments)
    assert (tmp_path / "notes").read_text() == "precious"
    assert (found, out) == (code, b"")
    text = errors.decode()
    assert text.startswith("error: ")
    file = ABOUT.get(case, "zoo.toml")
    assert text.startswith(f"error: {file}: ") if file else True
    if case.startswith("--"):
        assert case in text
    words(text, case)
    if toml is not None:
        assert (tmp_path / "zoo.toml").read_text() == toml


def test_from_python_nothing_of_dask_stays(zoo: Path) -> None:
    import psutil

    before = dict(os.environ)
    heard: set[str] = set()

    def listening(*_: object) -> None:
        this = psutil.Process()
        for process in (this, *this.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # one that has just ended listens to nobody
                heard.update(
                    each.laddr.ip for each in process.net_connections() if each.status == "LISTEN"
                )

    result = ds.sweep(zoo / "zoo.toml", engine="dask", workers=1, on_row=listening)
    assert result.engine == "dask"
    assert dict(os.environ) == before
    # Nothing that other machines could reach; this process may listen for other tests, too.
    assert "127.0.0.1" in heard
    assert all(ip_address(heard_at).is_loopback for heard_at in heard), heard


@pytest.mark.usefixtures("at_once")
def test_from_python(zoo: Path, monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    monkeypatch.chdir(zoo)
    seen: list[tuple[int, str]] = []
    result = ds.sweep(
        "zoo.toml", workers=1, on_row=lambda all_, row: seen.append((all_.total, row.outcome))
    )
    assert isinstance(result, ds.SweepResult)
    assert not result.passed
    assert (result.verb, result.engine, result.results) == ("apply", "local", "sweep.jsonl")
    assert [number for number, _ in seen] == [1, 2, 3, 4, 5]
    assert Counter(outcome for _, outcome in seen) == {"done": 3, "failed": 2}
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its words are pinned
        ds.sweep("zoo.toml", engine="slurm")
    assert names(str(raised.value)) == ["slurm"]
    words(raised.value, "engine")
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its words are pinned
        ds.sweep("zoo.toml", scheduler="tcp://127.0.0.1:1")
    words(raised.value, "scheduler")


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        (BrokenProcessPool(), ""),
        (ZeroDivisionError("odd"), "ZeroDivisionError: odd"),
        (ds.SurgeryError("odd"), "odd"),
    ],
    ids=["killed", "mistake", "refused"],
)
def test_a_task_without_an_answer_is_a_row(
    answer: BaseException,
    held: str,
    zoo: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: Words,
) -> None:
    monkeypatch.setattr(
        sweeping, "run_local", lambda _work, tasks, _workers: ((task, answer) for task in tasks)
    )
    result = ds.sweep(zoo / "zoo.toml")
    assert result.summary.outcomes == {"failed": 5}
    (said,) = {(row.error or {})["message"] for row in result.told}
    assert len(result.told) == 5
    assert said.endswith(held)
    words(said, type(answer).__name__)
    assert {row["error"]["message"] for row in rows_of(zoo).values()} == {said}
    assert len(rows_of(zoo)) == 5


ERASED = "\x1b[2K"


def test_as_many_at_once_as_there_are_cores_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every system says which of them this process may use."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert sweeping._cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert sweeping._cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert sweeping._cores() == 1


@pytest.mark.parametrize("long", [False, True])
def test_only_a_long_sweep_draws(long: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a short one, or one with an error, moves no cursor."""
    monkeypatch.setattr(sweep_command, "can_move", lambda _: True)
    monkeypatch.setattr(sweep_command, "_LONG", 0.0 if long else 1e9)
    monkeypatch.setattr(sweep_command, "_EVERY", 0.0)
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=60)
    monkeypatch.setattr(sweep_command, "make_console", lambda **_: console)
    row = PairRow("zoo/net", None, None, None, "check", "0", RowOutcome.DONE)
    summary = Summary()
    summary.add(row)
    with sweep_command._drawn(silent=False) as progress:
        assert progress is not None
        progress(summary, row)
        during = drawn.getvalue()
    after = drawn.getvalue().removeprefix(during)
    assert ("zoo/net" in during) is long
    assert after.endswith(ERASED) is long  # nothing of it stays
    assert bool(during or after) is long
    with sweep_command._drawn(silent=True) as progress:
        assert progress is None


def test_progress_on_a_terminal(zoo: Path, words: Words) -> None:
    """A table is drawn again and again, and is gone at the end."""
    import pty

    lay(zoo, laid(30))
    main, side = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "70"}
    # From the first row on: on a quick machine it is over before a table is worth while.
    at_once = "from deconvsurgery.cli import sweep; sweep._LONG = sweep._EVERY = 0.0; "
    code = f"{at_once}from deconvsurgery.__main__ import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "sweep", "-w", "1", "zoo.toml"],
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
    *drawn, last = (re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", x) for x in shown.decode().split(ERASED))
    assert any("zoo/m" in each for each in drawn)  # a pair that is done, below the counts
    assert "zoo/m" not in last
    assert numbers(last) == [30, 30]
    words(last)


# --- whoever is killed

Started = subprocess.Popen[bytes]
MANY = 8
LATE = "out/m5.caffemodel"


@pytest.fixture
def remote(s3: Any, tmp_path: Path) -> tuple[Any, Path]:
    """Pairs in a store, and where a sweep of them is started."""
    for name, data in laid(MANY).items():
        s3.put(name, data)
    (tmp_path / "zoo.toml").write_text(APPLY.format(root="s3://zoo/"))
    return s3, tmp_path


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


def working_on(pid: int) -> list[int]:
    """Those that do the work, not those that look after them."""
    kinds = (b"spawn_main", b"dask worker")
    return [
        each for each in processes_below(pid) if any(kind in command_of(each) for kind in kinds)
    ]


@contextmanager
def begun(place: Path, engine: str, store: Any) -> Iterator[Started]:
    """A sweep that has an output on its way, which does not arrive before the store is calm."""
    store.hold("PutObject", LATE)
    with subprocess.Popen(
        [*COMMAND, "sweep", "--json", "--engine", engine, "-w", "2", "zoo.toml"],
        cwd=place,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heeding,
    ) as process:
        try:
            store.until_asked("PutObject", LATE, alive=lambda: process.poll() is None)
            yield process
        finally:
            store.calm()
            process.kill()  # nobody is left behind where a test has failed


@pytest.mark.parametrize("engine", ["local", pytest.param("dask", marks=pytest.mark.campaign)])
def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    engine: str, remote: tuple[Any, Path]
) -> None:
    store, place = remote
    with begun(place, engine, store) as process:
        workers = working_on(process.pid)
        assert workers
        for worker in workers:
            with suppress(ProcessLookupError):  # a pool ends the others when it has lost one
                os.kill(worker, signal.SIGKILL)
        store.calm()
        out, _ = process.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert (process.returncode, told["pairs"]["done"]) == (0, MANY)
    assert len(rows_of(place)) == MANY
    assert outputs_of(store) == expected(place)
    assert store.uploads() == []


@pytest.mark.parametrize("engine", ["local", pytest.param("dask", marks=pytest.mark.campaign)])
def test_a_client_that_is_killed_goes_on_where_it_was_also_if_the_store_fails(
    engine: str, remote: tuple[Any, Path]
) -> None:
    store, place = remote
    with (
        begun(place, engine, store) as process,
        watched(processes_below(process.pid)) as workers,
    ):
        process.kill()
        process.communicate()
        store.calm()
        workers.wait()  # nobody is left behind
    settled = {key: store.etag(key) for key in outputs_of(store)}
    store.reset()
    for what, operation, first in (
        (500, "HeadObject", 9),
        (503, "GetObject", 2),
        ("drop", "PutObject", 2),
        (503, "PutObject", 4),
    ):
        store.fault(what, operation, first=first, times=2)
    code, told = swept(place, "--engine", engine, "-w", "2", "zoo.toml")
    assert (code, told["pairs"]["done"]) == (0, MANY)
    assert len(rows_of(place)) == MANY
    assert outputs_of(store) == expected(place)
    # What had its record was not written again.
    again = {each.key for each in store.requests("PutObject")}
    assert len(again & settled.keys()) <= 4
    assert told["pairs"]["skipped"] >= len(settled) - 4


@pytest.mark.campaign
def test_ctrl_c_ends_a_cluster_that_was_started_here_without_a_word(
    remote: tuple[Any, Path], words: Words
) -> None:
    """It reaches all processes of a terminal; an output is on its way."""
    store, place = remote
    with begun(place, "dask", store) as process, watched(processes_below(process.pid)) as workers:
        os.killpg(process.pid, signal.SIGINT)
        store.calm()
        out, errors = process.communicate(timeout=PATIENCE)
        workers.wait()
    assert (process.returncode, out) == (130, b"")
    first, said, last = errors.decode().split("\n")
    assert (first, last) == ("", "")
    words(said)
    assert store.uploads() == []
    assert outputs_of(store).items() <= expected(place).items()


@pytest.mark.campaign
def test_ctrl_c_leaves_no_file_that_is_not_whole(zoo: Path) -> None:
    """Of a cluster that is started here and busy with files."""
    lay(zoo, laid(400))
    with subprocess.Popen(
        [*COMMAND, "sweep", "--engine", "dask", "-w", "2", "zoo.toml"],
        cwd=zoo,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heeding,
    ) as process:
        until(lambda: len([*zoo.glob("out/*")]) >= 6 or process.poll() is not None)
        with watched(processes_below(process.pid)) as workers:
            os.killpg(process.pid, signal.SIGINT)
            out, errors = process.communicate(timeout=PATIENCE)
            workers.wait()
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in errors
    assert not [*(zoo / "out").glob(".*.tmp")]
    (zoo / "net").write_bytes(demo_net())
    for each in (zoo / "out").glob("*.caffemodel"):
        ds.apply(zoo / "net", zoo / "zoo" / each.stem / "in.caffemodel", zoo / "alone", force=True)
        assert each.read_bytes() == (zoo / "alone").read_bytes()


@pytest.mark.campaign
def test_a_sweep_that_is_interrupted_ends_and_goes_on(
    remote: tuple[Any, Path], words: Words
) -> None:
    store, place = remote
    with begun(place, "local", store) as process, watched(processes_below(process.pid)) as workers:
        process.send_signal(signal.SIGTERM)
        store.calm()
        _, errors = process.communicate(timeout=PATIENCE)
        workers.wait()
    assert process.returncode == 143
    words(errors.decode())
    assert here(place, "zoo.toml")[0] == 0
    assert outputs_of(store) == expected(place)
    store.reset()
    code, told = here(place, "zoo.toml")
    assert (code, told["pairs"]["skipped"]) == (0, MANY)
    # To find that there is nothing to do is not for nothing, and said, too.
    assert told["traffic"]["requests"] == len(store.requests()) > 3 * MANY


def test_a_sweep_is_the_only_one_to_write_its_results(zoo: Path, words: Words) -> None:
    import fcntl

    with open(zoo / "sweep.jsonl", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        code, out, errors = run_here(zoo, "sweep", "zoo.toml")
    assert (code, out) == (2, b"")
    words(errors.decode())
    assert not (zoo / "out").exists()
