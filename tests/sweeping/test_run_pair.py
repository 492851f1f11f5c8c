"""One pair of a sweep is settled once, whatever was there before and whoever was killed in between.

What an output must be is told by the verb itself, run alone into another place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Checking, Pair
from deconvsurgery.sweeping import run_pair as settling
from deconvsurgery.sweeping.call_verb import checked_options
from deconvsurgery.sweeping.output_record import read_record, write_record
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome
from deconvsurgery.sweeping.row_lines import LONGEST_ROW
from deconvsurgery.sweeping.run_pair import Settled, Task, settle
from helpers.campaigns import campaign_of_pairs, campaign_rows
from helpers.commands import command_of
from helpers.models import demo_base, demo_net, model_bytes
from helpers.runs import run_here
from helpers.store.padded import MIB, padding
from helpers.store.web import Request, answer, right, web
from helpers.words import Words, names

BASE = demo_base()
OTHER = BASE.replace(b"conv1", b"conv9")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net and a model, and nothing else."""
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(BASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


PAIR = Pair("net", "in", output="out/new")
TASK = Task(PAIR, "apply")


def done(settled: Settled) -> PairRow:
    """The row of a pair that was worked on, and was as it should be."""
    assert settled.row is not None
    assert settled.fresh
    assert settled.row.outcome is RowOutcome.DONE, settled.row.error
    return settled.row


def kept(settled: Settled) -> PairRow:
    """The row of a pair that was found to be settled, by its record."""
    assert settled.row is not None
    assert not settled.fresh
    return settled.row


def refused(settled: Settled) -> dict[str, Any]:
    """The error of a pair that could not be worked on."""
    assert settled.row is not None
    assert settled.fresh
    assert settled.row.outcome is RowOutcome.FAILED
    assert settled.row.seal is None  # so that it is tried again
    return dict(settled.row.error or {})


def applied(model: bytes, place: Path, **options: Any) -> bytes:
    """What the verb makes of a model when it is run alone."""
    (place / "alone").write_bytes(model)
    ds.apply("net", "alone", "alone.out", force=True, **options)
    return (place / "alone.out").read_bytes()


def content(place: Path) -> dict[str, bytes]:
    found = [each for each in place.rglob("*") if each.is_file()]
    return {str(each.relative_to(place)): each.read_bytes() for each in found}


# --- what is done, and what is known afterwards


def test_a_pair_is_done_and_its_row_says_what_it_was_made_of(folder: Path) -> None:
    row = done(settle(TASK))
    new = (folder / "out/new").read_bytes()
    assert new == applied(BASE, folder)
    assert (row.net, row.model, row.output, row.net_output) == ("net", "in", "out/new", None)
    assert (row.verb, row.version, row.attempts) == ("apply", ds.__version__, 1)
    assert row.result == {
        "changed": True,
        "layers": [
            {"name": "upscore2", "action": "created"},
            {"name": "upscore", "action": "created"},
        ],
        "bytes": {"output": 9382, "rewritten": 2079},
    }
    assert row.inputs == {name: _sha256(name) for name in ("net", "in")}
    assert row.outputs == {"out/new": _sha256("out/new")}
    assert (row.requests, row.bytes_read, row.bytes_sent, row.bytes_copied) == (0, 0, 0, 0)
    record = json.loads((folder / "out/new.sweep.json").read_bytes())
    assert (record["key"], record["seal"]) == (row.key, row.seal)


def _sha256(name: str) -> str:
    return f"sha256:{hashlib.sha256(Path(name).read_bytes()).hexdigest()}"


def test_the_row_that_is_known_still_holds(folder: Path) -> None:
    row = done(settle(TASK))
    before = os.stat("out/new")
    assert settle(TASK._replace(seal=row.seal))[:2] == (None, False)
    assert os.stat("out/new") == before


def test_where_the_row_is_lost_the_record_tells(folder: Path) -> None:
    row = done(settle(TASK))
    before = content(folder)
    again = kept(settle(TASK))
    assert (again.key, again.seal, again.result) == (row.key, row.seal, row.result)
    assert content(folder) == before


@pytest.mark.parametrize(
    "task",
    [
        TASK._replace(options=(("formula", "caffe"),)),
        TASK._replace(pair=PAIR._replace(checking=Checking(pattern=("upscore2",)))),
        TASK._replace(pair=PAIR._replace(checking=Checking(exclude=(r"re:\Aupscore\Z",)))),
    ],
    ids=["an option", "a pattern", "an exclusion"],
)
def test_another_question_is_another_pair(task: Task, folder: Path) -> None:
    row = done(settle(TASK))
    other = done(settle(task._replace(seal=row.seal)))
    assert other.key != row.key
    assert other.result != row.result or other.outputs == row.outputs
    assert done(settle(TASK._replace(seal=other.seal))).key == row.key


def test_what_does_not_matter_to_a_verb_does_not_make_it_run_again(folder: Path) -> None:
    row = done(settle(TASK))
    told = Checking(select=("DS001",), ignore=("DS010",), frozen=True)
    assert settle(TASK._replace(pair=PAIR._replace(checking=told), seal=row.seal))[:2] == (
        None,
        False,
    )


def test_another_version_of_the_tool_works_on_it_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = done(settle(TASK))
    monkeypatch.setattr(settling, "__version__", "0.2")
    assert done(settle(TASK._replace(seal=row.seal))).version == "0.2"


@pytest.mark.parametrize("known", [True, False], ids=["with a row", "with a record alone"])
def test_another_input_replaces_what_was_made_of_the_old_one(known: bool, folder: Path) -> None:
    row = done(settle(TASK))
    (folder / "in").write_bytes(OTHER)
    other = done(settle(TASK._replace(seal=row.seal if known else None)))
    assert (folder / "out/new").read_bytes() == applied(OTHER, folder)
    assert other.inputs["net"] == row.inputs["net"]
    assert other.inputs["in"] == _sha256("in") != row.inputs["in"]
    assert other.key != row.key


def test_touched_files_are_known_by_their_bytes(folder: Path) -> None:
    row = done(settle(TASK))
    for name in ("net", "in", "out/new"):
        os.utime(name, (1, 1))
    again = kept(settle(TASK._replace(seal=row.seal)))
    assert again.key == row.key
    assert again.seal != row.seal
    assert os.stat("out/new").st_mtime == 1  # nobody wrote to it
    assert settle(TASK._replace(seal=again.seal))[:2] == (None, False)
    assert kept(settle(TASK)).seal == again.seal


def test_a_zoo_that_was_copied_is_settled_where_it_is_now(folder: Path, tmp_path: Path) -> None:
    row = done(settle(TASK))
    os.mkdir("there")
    for name in ("net", "in", "out"):
        os.rename(name, f"there/{name}")
    pair = Pair("there/net", "there/in", output="there/out/new")
    moved = kept(settle(Task(pair, "apply")))
    assert moved.key == row.key
    assert list(moved.inputs) == ["there/net", "there/in"]
    assert moved.outputs == {"there/out/new": row.outputs["out/new"]}
    assert moved.output == "there/out/new"


def test_an_output_that_is_gone_is_made_again(folder: Path) -> None:
    row = done(settle(TASK))
    (folder / "out/new").unlink()
    assert done(settle(TASK._replace(seal=row.seal))).outputs == row.outputs


# --- what is not the sweep's own


def test_a_file_that_was_there_is_left_alone(folder: Path, words: Words) -> None:
    (folder / "out").mkdir()
    (folder / "out/new").write_bytes(b"precious")
    before = content(folder)
    error = refused(settle(TASK))
    assert error["kind"] == "OutputError"
    assert error["file"] == "out/new"
    assert "force=True" in error["hint"]
    words([error["message"], error["hint"]])
    assert content(folder) == before
    done(settle(TASK._replace(force=True)))
    assert (folder / "out/new").read_bytes() == applied(BASE, folder)


def test_an_output_that_somebody_changed_is_left_alone(folder: Path, words: Words) -> None:
    row = done(settle(TASK))
    (folder / "out/new").write_bytes(b"better")
    before = content(folder)
    error = refused(settle(TASK._replace(seal=row.seal)))
    assert error["kind"] == "OutputError"
    assert error["message"].endswith("out/new.sweep.json")
    words(error["message"])
    assert content(folder) == before
    done(settle(TASK._replace(force=True)))
    assert (folder / "out/new").read_bytes() == applied(BASE, folder)


def test_a_file_that_is_no_record_is_left_alone(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out/new.sweep.json").write_bytes(b"my own notes")
    before = content(folder)
    error = refused(settle(TASK))
    assert (error["kind"], error["file"]) == ("OutputError", "out/new.sweep.json")
    assert content(folder) == before


def test_a_record_that_nobody_wrote_so_is_the_pairs_failure(folder: Path, words: Words) -> None:
    """Whatever is wrong with it: it is said, and it stays."""
    row = done(settle(TASK))
    whole = json.loads((folder / "out/new.sweep.json").read_bytes())
    error = {"kind": "FileError", "message": "gone"}
    for told in (
        {"seal": "\ud800"},
        {"outcome": "begun"},  # with a seal
        {"outcome": "failed", "error": error},
        {"outcome": "failed", "seal": None, "error": error},
        {"outcome": "failed", "error": {"message": "gone"}},
        {"seconds": float("nan")},
        {"requests": True},
        {"result": {"findings": [{"rule": "up"}]}},
        {"net_output": "x" * 1_000_000},
    ):
        (folder / "out/new.sweep.json").write_text(json.dumps({**whole, **told}))
        before = content(folder)
        said = refused(settle(TASK))
        assert (said["kind"], said["file"]) == ("OutputError", "out/new.sweep.json")
        assert len(said["message"]) < 300
        words([said["message"], said["hint"]])
        assert content(folder) == before
    (folder / "out/new.sweep.json").write_text(json.dumps({**whole, "mood": "good"}))
    assert kept(settle(TASK)).seal == row.seal


def test_where_a_record_belongs_is_something_else(folder: Path, words: Words) -> None:
    place = folder / "out/new.sweep.json"
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        (folder / "out").mkdir(exist_ok=True)
        make(place)
        said = refused(settle(TASK))
        assert (said["kind"], said["file"]) == ("OutputError", "out/new.sweep.json")
        words([said["message"], said["hint"]])
        place.rmdir() if place.is_dir() else place.unlink()
    with place.open("wb") as file:
        file.truncate(100 << 20)
    said = refused(settle(TASK))
    assert (said["kind"], said["file"]) == ("OutputError", "out/new.sweep.json")
    words(said["message"])


def test_a_claim_makes_what_is_there_the_sweeps_own(folder: Path) -> None:
    """Whoever was killed between the output and its record left just that."""
    row = done(settle(TASK))
    whole = (folder / "out/new").read_bytes()
    write_record("out/new", row._replace(outcome=RowOutcome.BEGUN, seal=None))
    (folder / "out/new").write_bytes(b"half")
    assert done(settle(TASK)).outputs == row.outputs
    assert (folder / "out/new").read_bytes() == whole
    record = read_record("out/new")
    assert record is not None
    assert record.outcome is RowOutcome.DONE


def test_all_of_them_are_worked_on_if_asked_to(folder: Path) -> None:
    row = done(settle(TASK))
    before = os.stat("out/new").st_ino, os.stat("out/new").st_mtime_ns
    again = done(settle(TASK._replace(seal=row.seal, force=True)))
    assert again.key == row.key
    assert (os.stat("out/new").st_ino, os.stat("out/new").st_mtime_ns) != before


# --- what fails


def test_a_failure_leaves_nothing_behind(folder: Path) -> None:
    (folder / "in").write_bytes(BASE[:-7])
    before = content(folder)
    error = refused(settle(TASK))
    assert (error["kind"], error["file"]) == ("ModelError", "in")
    assert isinstance(error["offset"], int)
    assert content(folder) == before


def test_a_failure_leaves_what_an_earlier_run_made_and_its_record(folder: Path) -> None:
    done(settle(TASK))
    before = content(folder)
    (folder / "in").write_bytes(BASE[:-7])
    refused(settle(TASK))
    assert content(folder) == before | {"in": BASE[:-7]}
    (folder / "in").write_bytes(BASE)
    kept(settle(TASK))


def test_a_worker_that_is_asked_to_end_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But a claim of what has just taken its place: the next run makes it its own."""
    from deconvsurgery.sweeping import run_pair

    def asked_to_end(*_: object, **__: object) -> None:
        assert (folder / "out/new.sweep.json").exists()
        raise SystemExit

    before = content(folder)
    with monkeypatch.context() as patched:
        patched.setattr(run_pair, "performed", asked_to_end)
        with pytest.raises(SystemExit):
            settle(TASK)
    assert content(folder) == before
    with monkeypatch.context() as patched:
        digests = run_pair._digests
        patched.setattr(
            run_pair,
            "_digests",
            lambda marks: asked_to_end() if "out/new" in marks else digests(marks),
        )
        with pytest.raises(SystemExit):
            settle(TASK)
    record = read_record("out/new")
    assert record is not None
    assert record.outcome is RowOutcome.BEGUN
    done(settle(TASK))


def test_a_failure_leaves_a_claim_where_there_was_one(folder: Path) -> None:
    row = done(settle(TASK))
    write_record("out/new", row._replace(outcome=RowOutcome.BEGUN, seal=None))
    (folder / "in").write_bytes(BASE[:-7])
    before = content(folder)
    refused(settle(TASK))
    assert content(folder) == before


@pytest.mark.parametrize("name", ["net", "in"])
def test_a_file_that_is_not_there_is_the_pairs_failure(
    name: str, folder: Path, words: Words
) -> None:
    (folder / name).unlink()
    error = refused(settle(TASK))
    assert (error["kind"], error["file"]) == ("FileError", name)
    words(error["message"])
    assert not (folder / "out").exists()


def test_a_folder_that_cannot_be_made_is_the_pairs_failure(folder: Path) -> None:
    (folder / "out").write_bytes(b"")
    error = refused(settle(TASK))
    assert error["kind"] in ("OutputError", "FileError")
    assert (folder / "out").read_bytes() == b""


def test_out_of_memory_is_the_pairs_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    def performed(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(settling, "performed", performed)
    before = content(folder)
    error = refused(settle(TASK))
    assert (error["kind"], error["file"]) == ("SurgeryError", None)
    words([error["message"], error["hint"]])
    assert content(folder) == before


@pytest.mark.parametrize(
    ("pair", "verb"),
    [
        (Pair("net", None, output="out"), "apply"),
        (Pair("net", "in"), "regroup"),
        (Pair("net", "in", output="out"), "check"),
    ],
    ids=["apply", "regroup", "check"],
)
def test_a_pair_that_lacks_a_path_is_told(
    pair: Pair, verb: str, folder: Path, words: Words
) -> None:
    error = refused(settle(Task(pair, verb)))
    assert error["kind"] == "ConfigError"
    words(error["message"], verb)


# --- the other verbs


def test_check_writes_nothing(folder: Path) -> None:
    task = Task(Pair("net", "in"), "check")
    before = content(folder)
    settled = settle(task)
    assert settled.row is not None
    assert settled.row.outcome is RowOutcome.FOUND
    assert settled.row.rules == ("DS001", "DS011")
    assert settled.row.result is not None
    assert settled.row.result["matched"] == ("upscore2", "upscore")
    assert settled.row.result["findings"][0] == {
        "rule": "DS001",
        "level": "error",
        "layer": "upscore2",
        "line": 25,
    }
    assert content(folder) == before
    assert settle(task._replace(seal=settled.row.seal))[:2] == (None, False)
    ignoring = task._replace(pair=task.pair._replace(checking=Checking(ignore=("DS001", "DS011"))))
    row = done(settle(ignoring._replace(seal=settled.row.seal)))
    assert row.rules == ()


def test_a_baseline_is_part_of_the_question(folder: Path) -> None:
    """Where it changes the pair is checked again, and not where it was only touched."""
    assert run_here(folder, "check", "net", "in", "--baseline", "known", "--write-baseline")[0] == 0
    task = Task(Pair("net", "in", checking=Checking(baseline="known")), "check")
    row = done(settle(task))
    assert row.rules == ()
    assert settle(task._replace(seal=row.seal))[:2] == (None, False)
    document = json.loads((folder / "known").read_bytes())
    (folder / "known").write_text(json.dumps(document | {"findings": []}))
    again = settle(task._replace(seal=row.seal)).row
    assert again is not None
    assert (again.outcome, again.rules) == (RowOutcome.FOUND, ("DS001", "DS011"))
    assert again.key != row.key
    assert again.inputs == row.inputs
    (folder / "known").unlink()
    error = refused(settle(task._replace(seal=again.seal)))
    assert (error["kind"], error["file"]) == ("FileError", "known")


def test_convert_needs_no_net(folder: Path) -> None:
    row = done(settle(Task(Pair(None, "in", output="new.h5"), "convert")))
    assert row.result is not None
    assert (row.result["before"], row.result["after"]) == ("V2", "HDF5")
    assert ds.diff("in", "new.h5").same
    half = Task(Pair("net", "in", output="half"), "convert", (("values", "raw-float16"),))
    assert done(settle(half)).result["changed"] is True  # type: ignore[index]
    assert list(done(settle(half._replace(force=True))).inputs) == ["net", "in"]


def test_regroup_has_two_outputs_and_one_record(folder: Path) -> None:
    ds.apply("net", "in", "full")
    task = Task(Pair("net", "full", output="g/model", net_output="h/net"), "regroup")
    row = done(settle(task))
    assert list(row.outputs) == ["g/model", "h/net"]
    assert row.result is not None
    assert row.result["layers"] == [
        {"name": "upscore2", "action": "regrouped"},
        {"name": "upscore", "action": "unchanged"},
    ]
    assert sorted(os.listdir("g")) == ["model", "model.sweep.json"]
    assert os.listdir("h") == ["net"]
    (folder / "h/net").unlink()
    assert done(settle(task._replace(seal=row.seal))).outputs == row.outputs
    (folder / "h/net").write_bytes(b"mine")
    assert refused(settle(task))["file"] == "h/net"


def test_the_options_of_a_sweep_are_those_of_the_command_line() -> None:
    """All that have to do with what is made, and none that the sweep itself decides."""
    import click

    from deconvsurgery.inputs.settings_keys import SWEPT

    own = {"pattern", "exclude", "phase", "level", "stage", "allow-empty", "select", "ignore"}
    own |= {"frozen", "net", "in-place", "force", "save-patch", "report", "dry-run", "check"}
    own |= {"json", "quiet", "verbose", "help", "nets-only", "format", "also", "explain"}
    own |= {"config", "isolated", "exit-zero", "baseline", "write-baseline"}
    own |= {"fix", "fix-into", "diff", "unsafe-fixes"}
    for name, swept in SWEPT.items():
        options = [each for each in command_of(name).params if isinstance(each, click.Option)]
        found = [max(each.opts, key=len).removeprefix("--") for each in options]
        assert [each for each in found if each not in own] == [*swept]


@pytest.mark.parametrize(
    ("verb", "options", "named"),
    [
        ("apply", {"formulla": "fcn"}, ["formula"]),
        ("apply", {"formula": "bilinear"}, ["bilinear"]),
        ("apply", {"skip-unfit": "yes"}, ["yes"]),
        ("apply", {"values": "keep"}, []),
        ("check", {"frozen": True}, []),
        ("convert", {"values": ["keep"]}, []),
        ("convert", {"max-unpacked": "much"}, ["much"]),
        ("convert", {"max-unpacked": True}, ["true"]),
    ],
)
def test_an_option_that_cannot_be_is_told(
    verb: str, options: dict[str, Any], named: list[str], words: Words
) -> None:
    with pytest.raises(ds.ConfigError) as caught:
        checked_options(verb, options, "zoo.toml")
    assert caught.value.path == "zoo.toml"
    assert names(f"{caught.value.message} {caught.value.hint}") == named
    (key,) = options
    assert re.match(rf"sweep\.options\.{key}\b", caught.value.message)
    words(caught.value, f"{verb} {key}")


def test_flags_that_say_what_is_not_done() -> None:
    told = {"no-create": True, "zero-bias": True, "skip-unfit": False}
    assert checked_options("apply", told, "") == {
        "create": False,
        "zero_bias": True,
        "skip_unfit": False,
    }
    assert checked_options("convert", {"keep-layers": False}, "") == {"upgrade": True}
    told = {"strict": True, "max-unpacked": "2 GB"}
    assert checked_options("convert", told, "") == {"strict": True, "max_unpacked": 2 * 10**9}
    told = {"max-unpacked": 4096}
    assert checked_options("convert", told, "") == {"max_unpacked": 4096}


# --- convert: half precision, HDF5


HALF = (("values", "raw-float16"),)
WILD = {"conv": [[1.0]], "bn": [[1e5], [2.0]]}


def halved(model: bytes, output: str, **selecting: Any) -> Settled:
    Path("wild").write_bytes(model)
    return settle(Task(Pair(None, "wild", Checking(**selecting), output), "convert", HALF))


def test_what_half_precision_cannot_hold_is_in_the_row(folder: Path) -> None:
    row = done(halved(model_bytes(WILD), "half"))
    assert row.result is not None
    assert row.result["beyond"] == [{"layer": "bn", "blob": 0, "value": 1e5}]
    ds.convert("wild", "alone", values="raw-float16")
    assert (folder / "half").read_bytes() == (folder / "alone").read_bytes()


def test_the_patterns_of_the_settings_choose_whose_values_change(folder: Path) -> None:
    done(halved(model_bytes(WILD), "half", exclude=("b*",)))
    ds.convert("wild", "alone", values="raw-float16", patterns="conv")
    assert (folder / "half").read_bytes() == (folder / "alone").read_bytes()
    error = refused(halved(model_bytes(WILD), "other", pattern=("up",)))
    assert error["kind"] == "SelectionError"


def test_raw_values_in_hdf5_are_the_error_of_a_pair(folder: Path) -> None:
    error = refused(halved(model_bytes(WILD), "out.h5"))
    assert error["kind"] == "OutputError"
    assert not (folder / "out.h5").exists()


# --- in a store


@pytest.fixture
def there(s3: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    """The same pair in a store; a request that fails is tried once more, and no further."""
    from s3fs import S3FileSystem

    monkeypatch.setattr(S3FileSystem, "retries", 1)
    s3.put("net", demo_net())
    s3.put("in", BASE)
    return s3


REMOTE = Task(Pair("s3://zoo/net", "s3://zoo/in", output="s3://zoo/out/new"), "apply", retries=3)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, in seconds, without sleeping."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def test_a_pair_in_a_store(there: Any, folder: Path) -> None:
    row = done(settle(REMOTE))
    assert there.get("out/new") == applied(BASE, folder)
    assert row.inputs["s3://zoo/in"] == f"etag:{there.etag('in').strip(chr(34))}"
    assert row.outputs == {"s3://zoo/out/new": f"etag:{there.etag('out/new').strip(chr(34))}"}
    records = there.requests()
    assert row.requests == len(records)
    assert row.bytes_sent == sum(each.received for each in records)
    assert [(each.operation, each.key) for each in records] == [
        *(("HeadObject", key) for key in ("net", "in", "out/new")),
        ("GetObject", "out/new.sweep.json"),
        ("PutObject", "out/new.sweep.json"),  # the claim
        ("GetObject", "net"),
        ("GetObject", "in"),
        ("HeadObject", "in"),  # it is still the one that was read
        ("PutObject", "out/new"),
        ("PutObject", "out/new.sweep.json"),
    ]
    there.reset()
    assert settle(REMOTE._replace(seal=row.seal))[:2] == (None, False)
    assert [each.operation for each in there.requests()] == ["HeadObject"] * 3
    there.reset()
    assert kept(settle(REMOTE)).key == row.key
    assert [each.operation for each in there.requests()] == ["HeadObject"] * 3 + ["GetObject"]


def test_of_a_large_record_no_more_comes_than_a_row_may_have(there: Any) -> None:
    there.put("out/new.sweep.json", b" " * (LONGEST_ROW + (4 << 20)))
    row = settle(REMOTE).row
    assert row is not None
    assert (row.error or {})["kind"] == "OutputError"
    (got,) = (each for each in there.requests() if each.operation == "GetObject")
    assert got.sent <= LONGEST_ROW + 1


def test_a_pair_of_many_parts_is_known_by_what_its_completion_said(there: Any) -> None:
    there.put("in", padding(b"before", 12 * MIB) + BASE)
    row = done(settle(REMOTE))
    assert len(there.requests("UploadPartCopy")) > 0
    there.reset()
    assert settle(REMOTE._replace(seal=row.seal))[:2] == (None, False)
    assert [each.operation for each in there.requests()] == ["HeadObject"] * 3


@pytest.mark.parametrize(
    ("what", "operation"),
    campaign_of_pairs([500, 503, "drop"], ["HeadObject", "GetObject", "PutObject"]),
)
def test_what_may_pass_is_tried_again(
    what: int | str, operation: str, there: Any, pauses: list[float], folder: Path
) -> None:
    there.fault(what, operation, times=4)  # the client asks twice, or more if nobody answers
    row = done(settle(REMOTE))
    assert there.get("out/new") == applied(BASE, folder)
    assert row.attempts == len(pauses) + 1
    assert row.attempts in ((2, 3) if what == "drop" else (3,))
    assert there.keys() == ["in", "net", "out/new", "out/new.sweep.json"]


@pytest.mark.parametrize(
    ("operation", "key", "kept"),
    # What an input's failure leaves is nothing. A store may still carry out what it did not answer.
    [
        ("GetObject", "*", []),
        *campaign_rows([("PutObject", "out/new", ["out/new.sweep.json"])]),
    ],
)
def test_pauses_grow_and_end(
    operation: str, key: str, kept: list[str], there: Any, pauses: list[float]
) -> None:
    there.fault(503, operation, key, times=None)
    error = refused(settle(REMOTE._replace(retries=9)))
    assert error["kind"] == "FileError"
    assert len(pauses) == 9
    for number, pause in enumerate(pauses, 1):
        whole = min(30.0, 0.5 * 2**number)
        assert whole / 2 <= pause <= whole
    assert there.keys() == ["in", "net", *kept]


def test_what_is_refused_leaves_nothing_in_the_store(there: Any) -> None:
    pair = REMOTE.pair._replace(checking=Checking(pattern=("refine",)))
    error = refused(settle(REMOTE._replace(pair=pair)))
    assert (error["kind"], error["layer"]) == ("ShapeError", "refine")
    assert [each.key for each in there.requests("DeleteObject")] == ["out/new.sweep.json"]
    assert there.keys() == ["in", "net"]


# A pair's model is described as it is found, read, and described once more when all is read; what
# is read of a net is what was found.
@pytest.mark.parametrize(
    ("key", "operation", "first"),
    [
        *(("in", "HeadObject", first) for first in (1, 2)),
        ("in", "GetObject", 1),
        ("net", "HeadObject", 1),
        ("net", "GetObject", 1),
    ],
)
def test_an_input_that_is_replaced_meanwhile_is_worked_on_as_it_is_now(
    key: str, operation: str, first: int, there: Any, pauses: list[float], folder: Path
) -> None:
    new = OTHER if key == "in" else demo_net().replace(b'"upscore2"', b'"upscore9"')
    there.replace_before(key, new, operation, first=first)
    row = done(settle(REMOTE))
    (folder / key).write_bytes(new)
    ds.apply("net", "in", "alone.out")
    assert there.get("out/new") == (folder / "alone.out").read_bytes()
    assert row.inputs[f"s3://zoo/{key}"] == f"etag:{there.etag(key).strip(chr(34))}"
    assert (row.attempts, len(pauses)) == (
        (1, 0) if (operation, first) == ("HeadObject", 1) else (2, 1)
    )


def test_an_output_that_another_made_meanwhile_is_left_alone(
    there: Any, pauses: list[float], words: Words
) -> None:
    """The claim is the sweep's; what another put there after it is not what it wrote."""
    there.replace_before("out/new", b"precious", "PutObject")
    for _ in range(2):
        error = refused(settle(REMOTE))
        assert (error["kind"], error["file"]) == ("OutputError", "s3://zoo/out/new")
        words(error["message"])
        assert there.keys() == ["in", "net", "out/new"]
        assert there.get("out/new") == b"precious"


def test_two_sweeps_that_come_to_one_pair_at_a_time_both_have_its_row(
    there: Any, folder: Path
) -> None:
    """One of them writes; the other is refused, and finds what it would have written."""
    there.hold("PutObject", "out/new")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(settle, REMOTE)
        try:
            there.until_asked("PutObject", "out/new", alive=lambda: not first.done())
            second = settle(REMOTE)
        finally:
            there.calm()
        told = first.result()
    assert (done(told).seal, done(told).outputs) == (done(second).seal, done(second).outputs)
    assert [each.status for each in there.requests() if each.key == "out/new"] == [
        *(404, 412, 404, 200),  # what each found, and what it was answered
        200,  # it is what the first would have written
    ]
    assert there.get("out/new") == applied(BASE, folder)
    assert there.keys() == ["in", "net", "out/new", "out/new.sweep.json"]


def test_a_slow_store_is_only_slow(there: Any, folder: Path) -> None:
    there.delay(0.05)
    began = time.monotonic()
    done(settle(REMOTE))
    assert time.monotonic() - began >= 0.05 * len(there.requests("HeadObject"))
    assert there.get("out/new") == applied(BASE, folder)


def test_a_store_that_keeps_no_etags(folder: Path, memory: Any) -> None:
    """Objects are known by their bytes there."""
    memory.pipe({"/zoo/net": demo_net(), "/zoo/in": BASE})
    task = Task(Pair("gs://zoo/net", "gs://zoo/in", output="gs://zoo/new"), "apply")
    row = done(settle(task))
    assert memory.cat("/zoo/new") == applied(BASE, folder)
    assert row.inputs["gs://zoo/in"] == _sha256("in")
    assert settle(task._replace(seal=row.seal))[:2] == (None, False)
    assert kept(settle(task)).key == row.key
    memory.pipe("/zoo/new", b"changed")
    assert refused(settle(task))["kind"] == "OutputError"


# --- in the web


@pytest.mark.parametrize(
    ("status", "after", "least"),
    [(503, "7", 7), (429, "900", 30), (500, None, 0.5), (502, "tomorrow", 0.5), (504, "-1", 0.5)],
)
def test_what_may_pass_in_the_web_is_tried_again(
    status: int, after: str | None, least: float, pauses: list[float], folder: Path
) -> None:
    """As long after as the server wants it, within what a sweep waits at most."""
    refusals = [answer(status, Retry_After=after)]

    def answers(request: Request) -> bytes:
        return refusals.pop() if refusals else right((folder / "in").read_bytes(), request)

    with web(answers) as address:
        pair = Pair(str(folder / "net"), f"{address}in", output=str(folder / "new"))
        row = done(settle(Task(pair, "apply", retries=3)))
    assert (row.attempts, len(pauses)) == (2, 1)
    assert least <= pauses[0] <= max(1, least)
    assert (folder / "new").read_bytes() == applied(BASE, folder)


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (503, 3)])
def test_what_does_not_pass_is_the_row(
    status: int, attempts: int, pauses: list[float], folder: Path
) -> None:
    with web(lambda _: answer(status)) as address:
        pair = Pair(str(folder / "net"), f"{address}in", output=str(folder / "new"))
        row = settle(Task(pair, "apply", retries=2)).row
    assert row is not None
    assert row.attempts == attempts
    assert row.error is not None
    assert row.error["kind"] == "FileError"
    assert not (folder / "new").exists()


def test_a_store_asks_to_wait(there: Any, pauses: list[float]) -> None:
    there.tell("HeadObject", headers={"Retry-After": "11"}, times=None)
    there.fault(503, "HeadObject", times=4)
    done(settle(REMOTE))
    assert pauses == [11, 11]


# --- meanwhile


def test_an_input_that_changes_while_it_is_worked_on_is_no_row(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made of it is replaced by the next run, as its claim says whose it is."""

    def performed(*arguments: Any, **options: Any) -> Any:
        done = perform(*arguments, **options)
        (folder / "net").write_bytes(demo_net() + b"# changed\n")
        return done

    perform = settling.performed
    with monkeypatch.context() as patched:
        patched.setattr(settling, "performed", performed)
        error = refused(settle(TASK))
    assert (error["kind"], error["file"]) == ("FileError", "net or in")
    record = read_record("out/new")
    assert record is not None
    assert record.outcome is RowOutcome.BEGUN
    row = done(settle(TASK))
    assert row.inputs["net"] == _sha256("net")


def test_a_claim_that_came_and_went_is_told_from_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run was there: what it has made is looked at by the next try."""
    calls = []

    def create_record(*_: object) -> bool:
        calls.append(content(folder))
        return False

    before = content(folder)
    monkeypatch.setattr(settling, "create_record", create_record)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    error = refused(settle(TASK._replace(retries=1)))
    assert (error["kind"], error["file"]) == ("OutputError", "out/new")
    assert calls == [before, before]
    assert content(folder) == before


def test_what_was_forced_and_failed_leaves_what_was_there(folder: Path) -> None:
    """Without a claim of it: the next run must be forced to replace it, too."""
    (folder / "out").mkdir()
    (folder / "out/new").write_bytes(b"precious")
    (folder / "in").write_bytes(BASE[:-7])
    before = content(folder)
    assert refused(settle(TASK._replace(force=True)))["kind"] == "ModelError"
    assert content(folder) == before
    (folder / "in").write_bytes(BASE)
    assert refused(settle(TASK))["kind"] == "OutputError"
    assert content(folder) == before | {"in": BASE}
    done(settle(TASK._replace(force=True)))
