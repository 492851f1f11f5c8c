"""A record that was made for another pair does not make its output this pair's.

What a pair is stays so when a zoo is moved, the settings are renamed or an input has changed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Checking, Pair
from deconvsurgery.sweeping import output_record
from deconvsurgery.sweeping import run_pair as settling
from deconvsurgery.sweeping.output_record import create_record, read_record, write_record
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome
from deconvsurgery.sweeping.run_pair import Settled, Task, settle
from helpers.campaigns import campaign, campaign_of_pairs
from helpers.models import demo_base, demo_net
from helpers.processes.ending import PATIENCE
from helpers.runs import COMMAND, environment, run_here
from helpers.store.padded import padding

if TYPE_CHECKING:
    from helpers.words import Words

BASE = demo_base()
MINE = Task(Pair("zoo/net", "zoo/in", output="out/new"), "apply")
THEIRS = Task(Pair("zoo/net", "zoo/in2", output="out/new"), "apply")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net and two models."""
    place = tmp_path / "here"
    (place / "zoo").mkdir(parents=True)
    (place / "zoo/net").write_bytes(demo_net())
    (place / "zoo/in").write_bytes(BASE)
    (place / "zoo/in2").write_bytes(another(2))
    monkeypatch.chdir(place)
    return place


def another(number: int) -> bytes:
    return BASE.replace(b"demo", f"n{number:03}".encode())


def done(settled: Settled) -> PairRow:
    assert settled.row is not None
    assert settled.row.outcome is RowOutcome.DONE, settled.row.error
    return settled.row


def refused(settled: Settled) -> dict[str, Any]:
    assert settled.row is not None
    assert settled.row.outcome is RowOutcome.FAILED
    error = dict(settled.row.error or {})
    assert error["kind"] == "OutputError"
    return error


def content(place: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in place.rglob("*") if each.is_file()}


def tried(task: Task, path: str, place: Path) -> dict[str, Any]:
    """The error of a pair whose output is another's: nothing is changed, without --force."""
    before = content(place)
    error = refused(settle(task))
    assert error["file"] == path
    assert "force=True" in error["hint"]
    assert content(place) == before
    return error


# --- another pair's


NAMES = {
    "the same name": "out/new",
    "./": "./out/new",
    "absolute": "{here}/out/new",
    "file://": "file://{here}/out/new",
    "linked folder": "linked/new",
}


@pytest.mark.parametrize(("first", "second"), campaign_of_pairs([*NAMES], [*NAMES]))
def test_the_second_of_two_sweeps_leaves_the_firsts_output(
    first: str, second: str, folder: Path, words: Words
) -> None:
    (folder / "out").mkdir()
    (folder / "linked").symlink_to("out")
    mine, theirs = (NAMES[each].format(here=folder) for each in (first, second))
    done(settle(MINE._replace(pair=MINE.pair._replace(output=mine))))
    other = THEIRS._replace(pair=THEIRS.pair._replace(output=theirs))
    error = tried(other, theirs, folder)
    assert "zoo/in" in error["message"]  # whose it is
    words([error["message"].replace(theirs, "out/new"), error["hint"]])
    done(settle(MINE._replace(pair=MINE.pair._replace(output=mine))))
    done(settle(other._replace(force=True)))
    record = read_record("out/new")
    assert record is not None
    assert (record.model or "").endswith("zoo/in2")
    tried(MINE._replace(pair=MINE.pair._replace(output=mine)), mine, folder)


@pytest.mark.usefixtures("at_once")
def test_so_from_two_configurations(folder: Path) -> None:
    for name in ("in", "in2"):
        (folder / f"{name}.toml").write_text(
            "[sweep]\nverb = 'apply'\nresults = 'NAME.jsonl'\n[[pairs]]\nnet = 'zoo/net'\n"
            "model = 'zoo/NAME'\noutput = 'out/new'\n".replace("NAME", name)
        )
    assert run_here(folder, "sweep", "-w", "1", "-q", "in.toml") == (0, b"", b"")
    before = content(folder)
    for _ in range(2):
        assert run_here(folder, "sweep", "-w", "1", "-q", "in2.toml")[0] == 3
        assert before.items() <= content(folder).items()
    assert run_here(folder, "sweep", "-w", "1", "-q", "in.toml") == (0, b"", b"")
    assert before.items() <= content(folder).items()


def test_another_net_is_another_pair(folder: Path) -> None:
    done(settle(MINE))
    (folder / "zoo/net2").write_bytes(demo_net() + b"# another\n")
    tried(MINE._replace(pair=MINE.pair._replace(net="zoo/net2")), "out/new", folder)


def test_out_of_a_linked_folder_is_another_pair(folder: Path) -> None:
    """Its model is not the one that the path names without the link."""
    (folder / "there/below").mkdir(parents=True)
    (folder / "there/in").write_bytes(another(3))
    (folder / "zoo/link").symlink_to(folder / "there/below")
    done(settle(MINE))
    (folder / "zoo/in").write_bytes(another(4))  # so that names alone count
    task = MINE._replace(pair=MINE.pair._replace(model="zoo/link/../in"))
    tried(task, "out/new", folder)


def test_another_verb_is_another_pair(folder: Path) -> None:
    done(settle(MINE))
    tried(MINE._replace(verb="convert"), "out/new", folder)


@pytest.mark.parametrize("how", ["link", "absolute"])
def test_two_checkouts_that_share_a_folder(
    how: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have the same names for different files."""
    there = tmp_path / "there"
    shutil.copytree(folder, there)
    (there / "zoo/in").write_bytes(another(3))
    (tmp_path / "shared").mkdir()
    output = "out/new" if how == "link" else f"{tmp_path}/shared/new"
    for each in (folder, there):
        (each / "out").symlink_to(tmp_path / "shared")
    task = MINE._replace(pair=MINE.pair._replace(output=output))
    done(settle(task))
    (folder / "zoo/in").write_bytes(another(4))
    done(settle(task))  # its own, and changed
    monkeypatch.chdir(there)
    tried(task, output, tmp_path)


def test_a_claim_of_another_pair_is_respected(folder: Path, words: Words) -> None:
    """Whoever made it may be at work."""
    row = done(settle(MINE))
    (folder / "out/new").unlink()
    write_record(
        "out/new", row._replace(outcome=RowOutcome.BEGUN, seal=None, inputs={}, outputs={})
    )
    words(tried(THEIRS, "out/new", folder)["message"])
    done(settle(MINE))


@pytest.mark.parametrize(
    "wrong",
    [
        {"net": None, "model": None},
        {"output": None},
        {"model": "ftp://x/y"},
        {"model": "zoo/" + "x" * 10_000},
        *campaign({"verb": "regroup"}, {"net": "zoo", "model": "zoo"}, {"model": "s3://zoo/in"}),
    ],
    ids=str,
)
def test_a_record_that_names_other_files_is_not_this_pairs(
    wrong: dict[str, Any], folder: Path
) -> None:
    """The strict reader refuses some, and what it takes is another pair's."""
    row = done(settle(MINE))
    (folder / "zoo/in").write_bytes(another(5))
    write_record("out/new", row._replace(**wrong))
    before = content(folder)
    error = refused(settle(MINE))
    assert error["file"] in ("out/new", "out/new.sweep.json")
    assert len(error["message"]) < 400
    assert content(folder) == before


# --- this pair's


def test_options_and_changed_inputs_are_the_same_pair(folder: Path) -> None:
    done(settle(MINE))
    (folder / "zoo/in").write_bytes(another(6))
    (folder / "zoo/net").write_bytes(demo_net() + b"# changed\n")
    row = done(settle(MINE._replace(options=(("formula", "caffe"),))))
    assert row.inputs["zoo/in"] != row.inputs["zoo/net"]
    done(settle(MINE._replace(pair=MINE.pair._replace(checking=Checking(pattern=("upscore",))))))


def test_the_same_bytes_by_another_name_are_the_same_pair(folder: Path) -> None:
    done(settle(MINE))
    shutil.copy("zoo/in", "zoo/in9")
    renamed = MINE._replace(pair=MINE.pair._replace(model="zoo/in9"))
    assert done(settle(renamed)).inputs.keys() == {"zoo/net", "zoo/in9"}
    done(settle(renamed._replace(options=(("formula", "caffe"),))))


def changed(place: Path) -> None:
    (place / "zoo/in").write_bytes(another(7))


NOW: dict[str, tuple[str, Callable[[str], str]]] = {
    "absolute": (".", lambda path: os.path.abspath(path)),
    "from below": ("zoo", lambda path: f"../{path}"),
    "from above": ("..", lambda path: f"here/{path}"),
    "file://": (".", lambda path: f"file://{os.path.abspath(path)}"),
    "as it was": (".", lambda path: path),
}


def named(name: Callable[[str], str]) -> Task:
    pair = MINE.pair
    assert pair.net
    assert pair.model
    assert pair.output
    return MINE._replace(pair=Pair(name(pair.net), name(pair.model), output=name(pair.output)))


@pytest.mark.parametrize(("then", "now"), campaign_of_pairs([*NOW], [*NOW]))
@pytest.mark.parametrize("moved", [*campaign(False), True])
def test_a_changed_input_is_known_from_anywhere(
    moved: bool, then: str, now: str, folder: Path, tmp_path: Path
) -> None:
    """By the places of net, model and output to each other, also where all were moved."""
    below, name = NOW[then]
    task = named(name)
    with chdir(below):
        first = done(settle(task))
    place = folder
    if moved:
        place = tmp_path / "moved" / "here"
        place.parent.mkdir()
        os.chdir(tmp_path)
        folder.rename(place)
        os.chdir(place)
    changed(place)
    below, name = NOW[now]
    task = named(name)
    with chdir(below):
        assert done(settle(task)).key != first.key


def test_an_input_elsewhere_is_known_by_its_own_name(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy("zoo/in", tmp_path / "data/in")
    task = MINE._replace(pair=MINE.pair._replace(model=f"{tmp_path}/data/in"))
    done(settle(task))
    (tmp_path / "data/in").write_bytes(another(8))
    done(settle(task))
    (tmp_path / "data/in").write_bytes(another(9))
    done(settle(task._replace(pair=task.pair._replace(model="../data/in"))))


def test_an_object_is_known_by_its_url_wherever_the_output_is(folder: Path, memory: Any) -> None:
    memory.pipe({"/zoo/in": BASE, "/zoo/in2": another(2)})
    task = MINE._replace(pair=MINE.pair._replace(model="gs://zoo/in"))
    first = done(settle(task))
    memory.pipe_file("/zoo/in", padding(b"pad", 9) + another(11))
    assert done(settle(task)).key != first.key
    tried(task._replace(pair=task.pair._replace(model="gs://zoo/in2")), "out/new", folder)


def test_a_link_to_the_inputs_may_lead_elsewhere_later(folder: Path) -> None:
    os.rename("zoo", "zoo-1")
    shutil.copytree("zoo-1", "zoo-2")
    (folder / "zoo-2/in").write_bytes(another(10))
    os.symlink("zoo-1", "zoo")
    done(settle(MINE))
    os.unlink("zoo")
    os.symlink("zoo-2", "zoo")
    done(settle(MINE))


# --- at once


def test_the_claim_decides_who_is_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """The second comes while the first is at work, or between its look and its claim."""
    working, go_on = threading.Event(), threading.Event()
    performed = settling.performed

    def held(verb: str, pair: Pair, *rest: Any, **more: Any) -> Any:
        if pair == MINE.pair:
            working.set()
            assert go_on.wait(60)
        return performed(verb, pair, *rest, **more)

    monkeypatch.setattr(settling, "performed", held)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(settle, MINE)
        try:
            assert working.wait(60)
            error = refused(settle(THEIRS))
        finally:
            go_on.set()
        done(first.result())
    words(error["message"])
    ds.apply("zoo/net", "zoo/in", "alone")
    assert (folder / "out/new").read_bytes() == (folder / "alone").read_bytes()
    record = read_record("out/new")
    assert record is not None
    assert (record.outcome, record.model) == (RowOutcome.DONE, "zoo/in")


@pytest.mark.parametrize("links", [True, False], ids=["", "no hard links"])
def test_a_claim_that_came_between_stays(
    links: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = PairRow("zoo/net", "zoo/in", "out/new", None, "apply", "0", RowOutcome.BEGUN)
    os.mkdir("out")
    link, write = os.link, output_record.write_file

    def late(*_: Any, **__: Any) -> None:
        monkeypatch.undo()
        monkeypatch.chdir(folder)
        assert create_record("out/new", claim)
        if links:
            raise FileExistsError
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", late)
    error = refused(settle(THEIRS))
    assert error["file"] == "out/new"
    assert sorted(os.listdir("out")) == ["new.sweep.json"]
    assert read_record("out/new") == claim
    assert (os.link, output_record.write_file) == (link, write)


def test_the_claim_of_the_same_pair_is_shared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = done(settle(MINE))
    os.unlink("out/new")
    os.unlink("out/new.sweep.json")
    claim = row._replace(outcome=RowOutcome.BEGUN, seal=None, inputs={}, outputs={})

    def late(*_: Any, **__: Any) -> None:
        monkeypatch.undo()
        monkeypatch.chdir(folder)
        assert create_record("out/new", claim)
        raise FileExistsError

    monkeypatch.setattr(os, "link", late)
    assert done(settle(MINE)).outputs == row.outputs


def test_a_record_is_created_once(folder: Path) -> None:
    row = PairRow("n", "m", "out", None, "apply", "0", RowOutcome.BEGUN)
    assert create_record("out", row)
    assert not create_record("out", row._replace(net="other"))
    assert read_record("out") == row
    os.symlink("elsewhere", "linked.sweep.json")  # it leads nowhere
    assert create_record("linked", row)
    assert Path("elsewhere").exists()
    assert not create_record("linked", row)
    assert sorted(os.listdir()) == ["elsewhere", "linked.sweep.json", "out.sweep.json", "zoo"]
    with pytest.raises(ds.OutputError) as caught:
        create_record("x" * 250, row)
    assert caught.value.path == f"{'x' * 250}.sweep.json"


@pytest.mark.parametrize("rounds", [2, *campaign(60)])
def test_of_two_at_once_one_is_done_and_the_other_a_failed_row(rounds: int, folder: Path) -> None:
    """Whoever wins, output and record are the same pair's, and nothing else is left."""
    tasks = {"zoo/in": MINE, "zoo/in2": THEIRS}
    for model in tasks:
        ds.apply("zoo/net", model, f"{model}.alone")
    for number in range(rounds):
        output = f"out/{number}/new"
        start = threading.Barrier(2)

        def settled(task: Task, output: str = output, start: Any = start) -> Settled:
            start.wait(60)
            return settle(task._replace(pair=task.pair._replace(output=output)))

        with ThreadPoolExecutor(2) as pool:
            rows = [each.row for each in pool.map(settled, tasks.values())]
        outcomes = {row.model: row.outcome for row in rows if row is not None}
        (winner,) = (model for model, outcome in outcomes.items() if outcome is RowOutcome.DONE)
        assert {*outcomes.values()} == {RowOutcome.DONE, RowOutcome.FAILED}
        assert winner
        assert Path(output).read_bytes() == Path(f"{winner}.alone").read_bytes()
        record = read_record(output)
        assert record is not None
        assert (record.outcome, record.model) == (RowOutcome.DONE, winner)
        assert sorted(os.listdir(f"out/{number}")) == ["new", "new.sweep.json"]


@pytest.mark.campaign
def test_two_sweeps_at_once_over_one_set_of_outputs(folder: Path) -> None:
    """In processes of their own, from two configurations; a third run changes nothing."""
    number = 8
    for name in ("a", "b"):
        (folder / name).mkdir()
        for each in range(number):
            (folder / f"{name}/{each}.in").write_bytes(another(100 * (name == "b") + each))
        (folder / f"{name}.toml").write_text(
            f"[sweep]\nverb = 'apply'\nresults = '{name}.jsonl'\n[[pairs]]\n"
            f"net = 'nets/{{name}}.prototxt'\nmodel = '{name}/{{name}}.in'\n"
            "output = 'out/{name}'\n"
        )
    (folder / "nets").mkdir()
    for each in range(number):
        (folder / f"nets/{each}.prototxt").write_bytes(demo_net())
    started = [
        subprocess.Popen(
            [*COMMAND, "sweep", "-q", "-w", "2", f"{name}.toml"], cwd=folder, env=environment()
        )
        for name in ("a", "b")
    ]
    assert {each.wait(PATIENCE) for each in started} <= {0, 3}
    done: dict[str, str] = {}
    for name in ("a", "b"):
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_bytes().splitlines()]
        assert len(rows) == number
        for row in rows:
            if row["outcome"] == "done":
                assert row["output"] not in done
                done[row["output"]] = row["model"]
    assert len(done) == number
    for output, model in done.items():
        ds.apply("zoo/net", model, "alone", force=True)
        assert Path(output).read_bytes() == Path("alone").read_bytes()
    before = content(folder / "out")
    for name in ("a", "b"):
        run_here(folder, "sweep", "-q", "-w", "1", f"{name}.toml")
    assert content(folder / "out") == before


# --- in a store


def test_of_objects_the_store_decides(s3: Any, folder: Path) -> None:
    for name in ("net", "in", "in2"):
        s3.put(name, (folder / "zoo" / name).read_bytes())
    mine = Task(Pair("s3://zoo/net", "s3://zoo/in", output="s3://zoo/out/new"), "apply")
    theirs = mine._replace(
        pair=mine.pair._replace(model="s3://zoo/in2", output="s3a://zoo/out/new")
    )
    row = done(settle(mine))
    whole = s3.get("out/new")
    refused(settle(theirs))
    assert s3.get("out/new") == whole
    s3.put("in", another(11))
    done(settle(mine))  # its own, changed
    s3.reset()
    claim = row._replace(outcome=RowOutcome.BEGUN, seal=None)
    assert create_record("s3://zoo/out/late", claim)
    assert not create_record("s3a://zoo/out/late", row)
    assert [each.status for each in s3.requests()] == [200, 412]
    late = theirs.pair._replace(output="s3://zoo/out/late")
    refused(settle(theirs._replace(pair=late)))
    assert s3.keys() == [
        *("in", "in2", "net", "out/late.sweep.json", "out/new", "out/new.sweep.json"),
    ]
    assert json.loads(s3.get("out/late.sweep.json"))["model"] == "s3://zoo/in"
