"""``check --fix``: the chain of repairs carried out, net and model both or neither."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.model import Version
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.rules.repair_step import RepairStep
from deconvsurgery.storage.names_beside import KEPT, RECORD
from deconvsurgery.verbs.fix_groups import groups
from deconvsurgery.verbs.fix_plan import FixPlan, worse
from deconvsurgery.verbs.fix_steps import Files, carried_out
from helpers import wire
from helpers.documents import parsed_json
from helpers.faults.injection import Calls, Striking
from helpers.models import NetParameter, model_bytes, weights_of
from helpers.runs import run_here, tool
from helpers.words import Words

HEAD = 'input: "d" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
UP = """layer { name: "up" type: "Deconvolution" bottom: "d" top: "up" param { lr_mult: 0 }
  convolution_param { num_output: 3 bias_term: false kernel_size: 4 stride: 2 %s
    weight_filler { type: "bilinear" } } }  # a comment
"""
NET = HEAD + UP % ""
"""Not centred, and without group: both files have to change."""
GROUPED = HEAD + UP % "group: 3 pad: 1"
"""Right, but for what the model holds."""


def diagonal(scale: float = 1) -> np.ndarray:
    kernel = ds.bilinear_kernel(4)
    weights = np.zeros((3, 3, 4, 4), "<f4")
    for channel in range(3):
        weights[channel, channel] = kernel * scale
    return weights


def pair(folder: Path, net: str = NET, weights: np.ndarray | None = None, name: str = "") -> None:
    (folder / f"net{name}.prototxt").write_text(net)
    blobs = {"up": [diagonal() if weights is None else weights]}
    (folder / f"m{name}.caffemodel").write_bytes(model_bytes(blobs))


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def fix(folder: Path, *arguments: str, code: int = 0) -> dict[str, object]:
    found, out, errors = run_here(folder, "check", "--json", *arguments)
    assert found == code, (out, errors)
    document: dict[str, object] = parsed_json(out)
    return document


PAIR = ("net.prototxt", "m.caffemodel")


def test_net_and_model_are_replaced(tmp_path: Path, words: Words) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    (checked,) = fix(tmp_path, "--fix", *PAIR)["pairs"]  # type: ignore[misc]
    assert checked["fix"]["rules"] == ["DS007", "DS008"]
    assert checked["fix"]["written"] is True
    assert (checked["fix"]["net"], checked["fix"]["model"]) == PAIR
    words(checked["notes"])
    after = content(tmp_path)
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in PAIR)
    assert b"# a comment" in after["net.prototxt"]
    found = ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1])
    assert (found.findings, found.passed) == ((), True)


def test_the_printed_commands_make_the_same(tmp_path: Path) -> None:
    """What --fix does is what the block of commands does, byte for byte."""
    pair(tmp_path)
    before = ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1])
    assert before.repair is not None
    assert [step.verb for step in before.repair.steps] == ["patch-net", "regroup"]
    net, model = PAIR
    for number, step in enumerate(before.repair.steps):
        reads = [net, model] if step.verb == "regroup" else [net]
        writes = [
            f"{number}.prototxt",
            *([f"{number}.caffemodel"] if step.verb == "regroup" else []),
        ]
        assert run_here(tmp_path, step.verb, *step.options, *reads, *writes)[0] == 0
        net, model = writes[0], (writes[1:] or [model])[0]
    fix(tmp_path, "--fix", *PAIR)
    assert (tmp_path / PAIR[0]).read_bytes() == (tmp_path / net).read_bytes()
    assert (tmp_path / PAIR[1]).read_bytes() == (tmp_path / model).read_bytes()


def test_nothing_to_fix_touches_nothing(tmp_path: Path) -> None:
    pair(tmp_path)
    fix(tmp_path, "--fix", *PAIR)
    times = [(tmp_path / name).stat().st_mtime_ns for name in PAIR]
    (checked,) = fix(tmp_path, "--fix", *PAIR)["pairs"]  # type: ignore[misc]
    assert checked["fix"] is None
    assert [(tmp_path / name).stat().st_mtime_ns for name in PAIR] == times


def test_only_the_model_has_to_change(tmp_path: Path) -> None:
    pair(tmp_path, GROUPED, np.zeros((3, 1, 4, 4), "<f4"))
    net = (tmp_path / PAIR[0]).stat()
    (checked,) = fix(tmp_path, "--fix", *PAIR)["pairs"]  # type: ignore[misc]
    assert (checked["fix"]["net"], checked["fix"]["model"]) == (None, PAIR[1])
    assert (tmp_path / PAIR[0]).stat().st_ino == net.st_ino


def test_what_is_left_ends_with_1(tmp_path: Path, words: Words) -> None:
    """Learned weights are not overwritten; --unsafe-fixes does that."""
    learned = np.random.default_rng(1).normal(size=(3, 1, 4, 4)).astype("<f4")
    pair(tmp_path, GROUPED, learned)
    before = content(tmp_path)
    found = fix(tmp_path, "--fix", *PAIR, code=1)
    assert content(tmp_path) == before
    assert [each["id"] for each in found["findings"]] == ["DS003"]  # type: ignore[index,union-attr]
    words(found["pairs"][0]["notes"])  # type: ignore[index]
    fix(tmp_path, "--fix", "--unsafe-fixes", *PAIR)
    assert content(tmp_path) != before


def test_by_a_function(tmp_path: Path) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    files = [tmp_path / name for name in PAIR]
    would = ds.fix(*files, dry_run=True)
    assert would.fix is not None
    assert content(tmp_path) == before
    assert would.fix.texts is not None
    assert would.fix.texts[0] == before[PAIR[0]]
    copied = ds.fix(*files, into=tmp_path / "new")
    assert copied.passed
    done = ds.fix(*files)
    assert done.fix is not None
    assert (done.passed, done.fix.written, done.fix.rules) == (True, True, ("DS007", "DS008"))
    assert files[0].read_bytes() == would.fix.texts[1] == (tmp_path / "new" / PAIR[0]).read_bytes()
    with pytest.raises(ds.FileError):
        ds.fix(tmp_path / "nothing")


def test_notes_are_fixed_where_they_are_named(tmp_path: Path) -> None:
    text = GROUPED.replace("lr_mult: 0", "lr_mult: 1")
    pair(tmp_path, text, diagonal()[:, :1] * 0 + ds.bilinear_kernel(4).astype("<f4"))
    before = content(tmp_path)
    found = fix(tmp_path, "--fix", *PAIR)
    assert [each["id"] for each in found["findings"]] == ["DS010"]  # type: ignore[index,union-attr]
    assert content(tmp_path) == before
    assert fix(tmp_path, "--fix", "--select", "DS010", *PAIR)["findings"] == []
    after = content(tmp_path)
    assert after[PAIR[0]] != before[PAIR[0]]
    assert after[PAIR[1]] == before[PAIR[1]]


# --- --fix-into, --diff


def test_copies_into_a_folder(tmp_path: Path) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    (checked,) = fix(tmp_path, "--fix-into", "new/er", *PAIR)["pairs"]  # type: ignore[misc]
    assert (checked["net"], checked["model"]) == tuple(f"new/er/{name}" for name in PAIR)
    after = content(tmp_path)
    assert {name: after[name] for name in before} == before
    fix(tmp_path, "--fix", *PAIR)
    for name in PAIR:
        assert after[f"new/er/{name}"] == (tmp_path / name).read_bytes()


def test_the_whole_pair_is_copied(tmp_path: Path) -> None:
    pair(tmp_path, GROUPED, np.zeros((3, 1, 4, 4), "<f4"))
    fix(tmp_path, "--fix-into", "new", *PAIR)
    assert (tmp_path / "new" / PAIR[0]).read_text() == GROUPED


def test_a_folder_that_has_them_already(tmp_path: Path) -> None:
    pair(tmp_path)
    fix(tmp_path, "--fix-into", "new", *PAIR)
    before = content(tmp_path)
    done = fix(tmp_path, "--fix-into", "new", *PAIR, code=2)
    assert done["error"]["kind"] == "OutputError"  # type: ignore[index]
    assert content(tmp_path) == before
    fix(tmp_path, "--force", "--fix-into", "new", *PAIR)


def test_into_their_own_folder(tmp_path: Path, words: Words) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    said = fix(tmp_path, "--fix-into", ".", *PAIR, code=2)["error"]
    words((said["message"], said["hint"]))  # type: ignore[index]
    fix(tmp_path, "--force", "--fix-into", ".", *PAIR, code=2)
    assert content(tmp_path) == before


def test_two_of_one_name_into_a_folder(tmp_path: Path, words: Words) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        pair(tmp_path / name)
    files = [f"{name}/{file}" for name in "ab" for file in PAIR]
    found = fix(tmp_path, "--fix-into", "new", *files, code=2)
    kinds = [each["error"] and each["error"]["kind"] for each in found["pairs"]]  # type: ignore
    assert kinds == [None, "OutputError"]
    said = found["pairs"][1]["error"]  # type: ignore[index]
    words((said["message"], said["hint"]))
    assert sorted(content(tmp_path / "new")) == sorted(PAIR)


@pytest.mark.parametrize(
    "options",
    [
        ("into", "a/net.prototxt", "into/net.prototxt"),
        ("into", "--also", "json=into/net.prototxt", "a/net.prototxt"),
        ("into", "--report", "into/net.prototxt", "a/net.prototxt"),
        ("into", "--baseline", "into/net.prototxt", "a/net.prototxt"),
        ("link", "a/net.prototxt", "into/net.prototxt"),
    ],
    ids=lambda options: " ".join(options),
)
def test_a_copy_replaces_no_other_file_of_the_run(options: tuple[str, ...], tmp_path: Path) -> None:
    """Not even by force: what the run reads would be lost, and judged as what replaced it."""
    for name in ("a", "into"):
        (tmp_path / name).mkdir()
    pair(tmp_path / "a")
    (tmp_path / "into" / "net.prototxt").write_text(NET.replace("a comment", "another net"))
    (tmp_path / "link").symlink_to("into")
    if "--baseline" in options:
        (tmp_path / "into" / "net.prototxt").unlink()
        written = ("--write-baseline", "--baseline", options[2], "--select", "DS007")
        run_here(tmp_path, "check", *written, "a/net.prototxt")
    before = content(tmp_path)
    code, _, errors = run_here(tmp_path, "check", "-f", "--fix-into", *options)
    assert code == 2, errors
    after = content(tmp_path)
    if "json=into/net.prototxt" in options or "--report" in options:
        after["into/net.prototxt"] = before["into/net.prototxt"]  # asked for, by its own name
    assert after == before


def test_many_copies_are_looked_up_once_each(tmp_path: Path) -> None:
    for number in range(3):
        pair(tmp_path, name=str(number))
    files = [f"{stem}{number}{end}" for number in range(3) for stem, end in
             (("net", ".prototxt"), ("m", ".caffemodel"))]  # fmt: skip
    fix(tmp_path, "--fix-into", "new", *files)
    assert sorted(content(tmp_path / "new")) == sorted(files)


def test_a_baseline_is_left_as_check_leaves_it(tmp_path: Path) -> None:
    pair(tmp_path)
    net, model = (tmp_path / name for name in PAIR)
    known = [(each.id, each.layer) for each in ds.check(net, model).findings]
    before = content(tmp_path)
    assert known
    assert ds.fix(net, model, baseline=known).fix is None
    assert content(tmp_path) == before
    assert run_here(tmp_path, "check", "--write-baseline", "--baseline", "b", *PAIR)[0] == 0
    assert ds.fix(net, model, baseline=tmp_path / "b").fix is None
    assert ds.fix(net, model).fix is not None


def test_a_diff_writes_nothing(tmp_path: Path) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    code, out, errors = run_here(tmp_path, "check", "--diff", *PAIR)
    assert code == 1
    assert content(tmp_path) == before
    lines = out.decode().splitlines()
    assert lines[:2] == ["--- net.prototxt", "+++ net.prototxt"]
    assert [line[:1] for line in lines if line.strip() in ("+    group: 3", "+    pad: 1")]
    assert b"(3, 3, 4, 4) \xe2\x86\x92 (3, 1, 4, 4)" in out
    assert errors
    (checked,) = fix(tmp_path, "--diff", *PAIR, code=1)["pairs"]  # type: ignore[misc]
    assert checked["fix"]["written"] is False
    fix(tmp_path, "--fix", *PAIR)
    code, out, _ = run_here(tmp_path, "check", "--diff", *PAIR)
    assert (code, out) == (0, b"")


def test_a_diff_on_a_terminal_has_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair(tmp_path)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    code, out, _ = run_here(tmp_path, "check", "--diff", *PAIR)
    assert code == 1
    assert b"\x1b[32m+    group: 3" in out
    assert "(3, 3, 4, 4) → (3, 1, 4, 4)".encode() in out


def test_a_diff_of_the_model_alone(tmp_path: Path) -> None:
    pair(tmp_path, GROUPED, np.zeros((3, 1, 4, 4), "<f4"))
    before = content(tmp_path)
    code, out, _ = run_here(tmp_path, "check", "--diff", *PAIR)
    assert code == 1
    assert b"+++" not in out
    assert b"m.caffemodel" in out
    assert content(tmp_path) == before


def test_the_diff_of_a_net_is_a_patch(tmp_path: Path) -> None:
    other = UP.replace('"up"', '"up2"') % ""
    middle = "".join(f"# line {number}\n" for number in range(200))
    (tmp_path / "net.prototxt").write_text(NET + middle + other)
    _, out, _ = run_here(tmp_path, "check", "--diff", "net.prototxt")
    (tmp_path / "diff").write_bytes(out)
    fix(tmp_path, "--fix-into", "new", "net.prototxt")
    import shutil
    import subprocess

    if shutil.which("patch") is None:
        pytest.skip("patch is not installed")
    subprocess.run(["patch", "-s", "net.prototxt", "diff"], cwd=tmp_path, check=True)
    assert (tmp_path / "net.prototxt").read_bytes() == (tmp_path / "new/net.prototxt").read_bytes()
    assert len([line for line in out.splitlines() if line.startswith(b"@@")]) == 2


@pytest.mark.parametrize(
    "options", [["--unsafe-fixes"], ["--fix", "--fix-into", "x"]], ids=lambda each: each[0]
)
def test_options_that_say_nothing(options: list[str], tmp_path: Path) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    assert run_here(tmp_path, "check", *options, *PAIR)[0] == 2
    assert content(tmp_path) == before


# --- pairs that share files


def test_one_net_with_two_models(tmp_path: Path) -> None:
    pair(tmp_path)
    (tmp_path / "b.caffemodel").write_bytes(model_bytes({"up": [diagonal(2)], "x": []}))
    (tmp_path / "c.caffemodel").write_bytes((tmp_path / PAIR[1]).read_bytes())
    found = fix(tmp_path, "--fix", "net.prototxt", "m.caffemodel", "c.caffemodel")
    assert [each["fix"]["model"] for each in found["pairs"]] == ["m.caffemodel", "c.caffemodel"]  # type: ignore
    for name in ("m", "c"):
        assert ds.check(tmp_path / "net.prototxt", tmp_path / f"{name}.caffemodel").passed


def test_two_models_that_need_different_nets(tmp_path: Path, words: Words) -> None:
    """The second has learned weights, which cannot be regrouped: nothing is changed of either."""
    pair(tmp_path)
    learned = np.random.default_rng(1).normal(size=(3, 3, 4, 4)).astype("<f4")
    (tmp_path / "b.caffemodel").write_bytes(model_bytes({"up": [learned]}))
    before = content(tmp_path)
    found = fix(tmp_path, "--fix", "net.prototxt", "m.caffemodel", "b.caffemodel", code=1)
    assert content(tmp_path) == before
    words(found["pairs"][0]["notes"][-1])  # type: ignore[index]
    assert [each["fix"] for each in found["pairs"]] == [None, None]  # type: ignore[union-attr,index]


def test_a_model_that_cannot_be_read_keeps_its_net(tmp_path: Path, words: Words) -> None:
    pair(tmp_path)
    (tmp_path / "b.caffemodel").write_bytes((tmp_path / PAIR[1]).read_bytes()[:-9])
    before = content(tmp_path)
    found = fix(tmp_path, "--fix", "net.prototxt", "m.caffemodel", "b.caffemodel", code=3)
    words(found["pairs"][0]["notes"][-1])  # type: ignore[index]
    assert content(tmp_path) == before


@pytest.mark.parametrize("more", [(), ("net2.prototxt",)], ids=["a pair", "several"])
def test_a_model_that_is_not_there_keeps_its_net(more: tuple[str, ...], tmp_path: Path) -> None:
    pair(tmp_path)
    pair(tmp_path, name="2")
    (tmp_path / PAIR[1]).unlink()
    before = content(tmp_path)
    fix(tmp_path, "--fix", *PAIR, *more, code=4)
    assert content(tmp_path) == before


@pytest.mark.parametrize("data", [b"no model", b""])
def test_what_may_be_its_model_keeps_a_net(data: bytes, tmp_path: Path) -> None:
    """A model that is none is taken for a net; the net before it must not be fixed without it."""
    pair(tmp_path)
    (tmp_path / PAIR[1]).write_bytes(data)
    before = content(tmp_path)
    found, *_ = run_here(tmp_path, "check", "--fix", *PAIR)
    assert found != 0
    assert content(tmp_path) == before


def test_pairs_that_share_nothing_are_each_their_own(tmp_path: Path) -> None:
    pair(tmp_path)
    pair(tmp_path, name="2")
    whole = (tmp_path / "m2.caffemodel").read_bytes()
    (tmp_path / "m2.caffemodel").write_bytes(whole[:-9])
    fix(tmp_path, "--fix", *PAIR, "net2.prototxt", "m2.caffemodel", code=3)
    assert ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1]).passed
    assert (tmp_path / "net2.prototxt").read_text() == NET


def test_a_net_alone_comes_with_its_model(tmp_path: Path) -> None:
    """As a hook names it: what changes the net must not make the model unloadable."""
    pair(tmp_path)
    (tmp_path / "deconvsurgery.toml").write_text(
        "[[pairs]]\nnet = 'net.prototxt'\nmodel = 'm.caffemodel'\n"
    )
    (checked,) = fix(tmp_path, "--fix", "net.prototxt")["pairs"]  # type: ignore[misc]
    assert checked["model"] is not None
    assert ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1]).passed


@pytest.mark.parametrize("text", [NET, GROUPED.replace("bias_term: false ", "")])
def test_a_net_alone_says_that_no_old_model_fits(text: str, tmp_path: Path, words: Words) -> None:
    pair(tmp_path, text)
    (checked,) = fix(tmp_path, "--fix", "net.prototxt")["pairs"]  # type: ignore[misc]
    assert any(" up;" in note for note in checked["notes"])
    words(checked["notes"])
    pair(tmp_path, GROUPED.replace("pad: 1", ""))
    (checked,) = fix(tmp_path, "--fix", "net.prototxt")["pairs"]  # type: ignore[misc]
    assert checked["fix"]["rules"] == ["DS007"]
    assert not any(" up;" in note for note in checked["notes"])


# --- what the files are


def test_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    pair(tmp_path / "real")
    for name in PAIR:
        (tmp_path / name).symlink_to(Path("real") / name)
    fix(tmp_path, "--fix", *PAIR)
    assert all((tmp_path / name).is_symlink() for name in PAIR)
    assert ds.check(tmp_path / "real" / PAIR[0], tmp_path / "real" / PAIR[1]).passed
    assert sorted(content(tmp_path / "real")) == sorted(PAIR)


def test_two_names_of_one_file(tmp_path: Path) -> None:
    """By a symbolic link it is one file; by a hard link the other name would keep the old bytes."""
    pair(tmp_path)
    (tmp_path / "link.prototxt").symlink_to("net.prototxt")
    (tmp_path / "c.caffemodel").write_bytes((tmp_path / PAIR[1]).read_bytes())
    fix(tmp_path, "--fix", *PAIR, "link.prototxt", "c.caffemodel")
    assert ds.check(tmp_path / "net.prototxt", tmp_path / "c.caffemodel").passed
    pair(tmp_path, name="2")
    os.link(tmp_path / "net2.prototxt", tmp_path / "hard.prototxt")
    (tmp_path / "c.caffemodel").write_bytes((tmp_path / "m2.caffemodel").read_bytes())
    before = content(tmp_path)
    fix(
        tmp_path, "--fix", "net2.prototxt", "m2.caffemodel", "hard.prototxt", "c.caffemodel", code=2
    )
    assert content(tmp_path) == before


def test_read_only_files(tmp_path: Path, words: Words) -> None:
    pair(tmp_path)
    (tmp_path / PAIR[0]).chmod(0o444)
    before = content(tmp_path)
    said = fix(tmp_path, "--fix", *PAIR, code=2)["error"]
    words((said["message"], said["hint"]))  # type: ignore[index]
    assert content(tmp_path) == before
    fix(tmp_path, "--fix", "--force", *PAIR)
    assert (tmp_path / PAIR[0]).stat().st_mode & 0o777 == 0o444
    assert content(tmp_path) != before


def test_standard_input(tmp_path: Path) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    done = tool("check", tmp_path, "--fix", "-", PAIR[1], stdin=NET.encode())
    assert done.returncode == 2
    assert content(tmp_path) == before
    done = tool("check", tmp_path, "--fix-into", "new", "-", PAIR[1], stdin=NET.encode())
    assert done.returncode == 0, done
    assert ds.check(tmp_path / "new/net.prototxt", tmp_path / "new" / PAIR[1]).passed


def test_hdf5(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    pair(tmp_path)
    assert run_here(tmp_path, "convert", PAIR[1], "m.h5")[0] == 0
    fix(tmp_path, "--fix", PAIR[0], "m.h5")
    found = ds.check(tmp_path / PAIR[0], tmp_path / "m.h5")
    assert (found.passed, found.model_version) == (True, "HDF5")


def test_hdf5_that_is_transplanted_stays_hdf5(tmp_path: Path) -> None:
    """A bias of zeros that the net lacks: what fits is taken over, which makes a binary file."""
    pytest.importorskip("h5py")
    weights = np.broadcast_to(ds.bilinear_kernel(4), (3, 1, 4, 4))
    (tmp_path / "net.prototxt").write_text(GROUPED)
    (tmp_path / "m.caffemodel").write_bytes(model_bytes({"up": [weights, np.zeros(3)]}))
    ds.convert(tmp_path / "m.caffemodel", tmp_path / "m.h5")
    before = ds.check(tmp_path / "net.prototxt", tmp_path / "m.h5")
    assert before.repair is not None
    assert [step.verb for step in before.repair.steps] == ["transplant"]
    fix(tmp_path, "--fix", "net.prototxt", "m.h5")
    after = ds.check(tmp_path / "net.prototxt", tmp_path / "m.h5")
    assert (after.model_version, after.findings) == ("HDF5", ())


def test_what_fits_is_taken_over(tmp_path: Path) -> None:
    weights = np.broadcast_to(ds.bilinear_kernel(4), (3, 1, 4, 4))
    pair(tmp_path, GROUPED)
    (tmp_path / PAIR[1]).write_bytes(model_bytes({"up": [weights, np.zeros(3)]}))
    (checked,) = fix(tmp_path, "--fix", *PAIR)["pairs"]  # type: ignore[misc]
    assert (checked["fix"]["net"], checked["fix"]["model"]) == (None, PAIR[1])
    assert weights_of((tmp_path / PAIR[1]).read_bytes())["up"][0].tolist() == weights.tolist()
    assert ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1]).findings == ()


def test_a_net_and_a_model_that_are_one_file(tmp_path: Path) -> None:
    pair(tmp_path)
    (tmp_path / "deconvsurgery.toml").write_text(
        "[[pairs]]\nnet = 'net.prototxt'\nmodel = 'net.prototxt'\n"
    )
    before = content(tmp_path)
    fix(tmp_path, "--fix", code=3)
    assert content(tmp_path) == before


def test_a_form_that_caffe_does_not_read_is_converted(tmp_path: Path) -> None:
    """Raw values: the steps begin with convert, and what the others do comes of its model."""
    message = NetParameter.FromString(model_bytes({"up": [diagonal()]}))
    (blob,) = message.layer[0].blobs
    values = np.array(blob.data, "<f4")
    blob.ClearField("data")
    blob.MergeFromString(wire.number(10, 1) + wire.sized(12, values.tobytes()))  # NVIDIA's FLOAT
    pair(tmp_path)
    (tmp_path / PAIR[1]).write_bytes(message.SerializeToString())
    before = ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1])
    assert before.repair is not None
    assert "convert" in [step.verb for step in before.repair.steps]
    fix(tmp_path, "--fix", *PAIR)
    after = ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1])
    assert (after.findings, after.passed) == ((), True)
    assert after.model_version == "V2"


def test_what_is_too_large_becomes_hdf5(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    pair(tmp_path)
    steps = (RepairStep("convert", ("--to", "hdf5")),)
    model = str(tmp_path / PAIR[1])
    (tmp_path / "made").mkdir()
    made = carried_out(steps, Files(None, model), str(tmp_path / "made"))
    assert (made.net, made.model != model) == (None, True)
    with ds.open_model(made.model or "") as found:
        assert found.version is Version.HDF5


def test_one_of_two_that_share_a_net_is_right(tmp_path: Path) -> None:
    """Only the other is changed, and is said to be."""
    right = np.broadcast_to(ds.bilinear_kernel(4), (3, 1, 4, 4))
    pair(tmp_path, GROUPED, np.zeros((3, 1, 4, 4), "<f4"))
    (tmp_path / "b.caffemodel").write_bytes(model_bytes({"up": [right]}))
    kept = (tmp_path / "b.caffemodel").read_bytes()
    found = fix(tmp_path, "--fix", *PAIR, "b.caffemodel")["pairs"]
    assert [each["fix"] is None for each in found] == [False, True]  # type: ignore[union-attr,index]
    assert (tmp_path / "b.caffemodel").read_bytes() == kept
    assert ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1]).passed


def test_a_dry_run_makes_no_folder(tmp_path: Path) -> None:
    pair(tmp_path)
    before = content(tmp_path)
    would = ds.fix(*(tmp_path / name for name in PAIR), into=tmp_path / "new", dry_run=True)
    assert would.fix is not None
    assert (would.fix.written, would.fix.model) == (False, str(tmp_path / "new" / PAIR[1]))
    assert content(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_a_solver_after_a_net_is_no_model_of_it(tmp_path: Path) -> None:
    pair(tmp_path)
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt"\nbase_lr: 0.01\n')
    fix(tmp_path, "--fix", "net.prototxt", "solver.prototxt", code=3)
    assert ds.check(tmp_path / "net.prototxt").passed


@pytest.mark.parametrize("fixing", [(), ("--fix",)], ids=["check", "fix"])
def test_a_stream_that_cannot_be_read_is_called_what_it_is(
    fixing: tuple[str, ...], tmp_path: Path
) -> None:
    """Not by the name of the copy that is made of it."""
    pair(tmp_path)
    before = content(tmp_path)
    given = ("--json", *fixing, "net.prototxt", "-")
    done = tool("check", tmp_path, *given, stdin=NET.encode())
    assert done.returncode == 3, done
    assert parsed_json(done.stdout)["error"]["file"] == "standard input"
    assert content(tmp_path) == before


def test_a_stream_after_a_net_is_no_model_of_it(tmp_path: Path) -> None:
    """It can be read once only, so it is not looked into for that."""
    pair(tmp_path)
    alone = Pair(str(tmp_path / "net.prototxt"), None)
    assert groups([alone, Pair("-", None)]) == [[0], [1]]
    (tmp_path / "none").write_bytes(b"no net")
    assert groups([alone, Pair(str(tmp_path / "none"), None)]) == [[0, 1]]


def test_what_would_become_worse_is_not_wanted(tmp_path: Path) -> None:
    """Every repair is tried before; should its files be worse all the same, they are not taken."""
    pair(tmp_path)
    pair(tmp_path, GROUPED, np.broadcast_to(ds.bilinear_kernel(4), (3, 1, 4, 4)), name="2")
    files, others = (
        Files(*(str(tmp_path / f"{stem}{name}{end}") for stem, end in
                (("net", ".prototxt"), ("m", ".caffemodel"))))
        for name in ("", "2")
    )  # fmt: skip
    bad, good = (ds.check(each.net, each.model) for each in (files, others))
    steps = (RepairStep("patch-net"),)

    def plan(before: ds.CheckResult, after: ds.CheckResult) -> FixPlan:
        return FixPlan(Pair(*files), before, after, steps, files, others, {}, ())

    assert worse([plan(bad, good)]) is None
    refused = worse([plan(good, bad)])
    assert refused is not None
    assert all(each.id in refused for each in bad.findings)


# --- a folder of our own, for what is made on the way


def temporary(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go: nothing may be left there."""
    place = folder / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.mark.parametrize("nth", [1, 2], ids=["the folder itself", "a pair's in it"])
def test_no_space_for_a_folder(nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = temporary(tmp_path, monkeypatch)
    pair(tmp_path)
    before = content(tmp_path)
    with Calls(("mkdir",), Striking(nth, errno.ENOSPC)).watched():
        said = fix(tmp_path, "--fix", *PAIR, code=4)["error"]
    assert said["kind"] == "FileError"  # type: ignore[index]
    assert said["hint"]  # type: ignore[index]
    assert content(tmp_path) == before
    assert os.listdir(place) == []


def test_no_space_for_a_copy_of_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = temporary(tmp_path, monkeypatch)
    pair(tmp_path)
    before = content(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    writer = threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(NET.encode(),))
    writer.start()

    def act(_number: int, _name: str, made: Callable[..., Any]) -> Any:
        done = made()
        for path in place.iterdir():
            path.rmdir()  # nothing can be made in it
        return done

    with Calls(("mkdir",), act).watched():
        fix(tmp_path, "--fix-into", "new", "fifo", PAIR[1], code=4)
    writer.join()
    (tmp_path / "fifo").unlink()
    assert content(tmp_path) == before


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_no_space_for_what_is_made_on_the_way(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever file it is that cannot be made: an error of the pair, which is as it was."""
    place = temporary(tmp_path, monkeypatch)
    pair(tmp_path)
    before = content(tmp_path)
    for nth in range(1, 4):
        with Calls((call,), Striking(nth, errno.ENOSPC)).watched():
            document = fix(tmp_path, "--fix", *PAIR, code=4)
        said = document["error"]
        assert said["kind"] == "FileError"  # type: ignore[index]
        assert str(place) not in said["file"]  # type: ignore[index]
        assert said["hint"]  # type: ignore[index]
        assert content(tmp_path) == before
        assert os.listdir(place) == []


def test_what_was_made_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is checked before it takes its place; without that nothing does."""
    place = temporary(tmp_path, monkeypatch)
    pair(tmp_path)
    before = content(tmp_path)
    real, struck = os.open, []

    def failing(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        reads = flags & (os.O_RDWR | os.O_CREAT | os.O_DIRECTORY) == 0
        if reads and str(path).endswith("1.caffemodel"):
            struck.append(path)
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", failing)
    said = fix(tmp_path, "--fix", *PAIR, code=4)["error"]
    assert struck
    assert said["file"] == PAIR[1]  # type: ignore[index]
    assert content(tmp_path) == before
    assert os.listdir(place) == []


# --- what comes in between


def renames(folder: Path) -> int:
    """How many an undisturbed run makes: the last two are those of the pair."""
    folder.mkdir()
    pair(folder)
    calls = Calls(("rename",), lambda _number, _name, made: made())
    with calls.watched():
        fix(folder, "--fix", *PAIR)
    return calls.count


def test_a_file_that_is_changed_meanwhile_is_kept(tmp_path: Path) -> None:
    pair(tmp_path)
    before = content(tmp_path)

    def act(_number: int, _name: str, made: object) -> object:
        os.utime(tmp_path / PAIR[1], (1, 1))
        return made()  # type: ignore[operator]

    with Calls(("link",), act).watched():
        fix(tmp_path, "--fix", *PAIR, code=4)
    assert content(tmp_path) == before


def test_a_run_that_was_ended_is_said_and_settled(tmp_path: Path, words: Words) -> None:
    last = renames(tmp_path / "other")
    tmp_path = tmp_path / "own"
    tmp_path.mkdir()
    pair(tmp_path)
    before = content(tmp_path)
    child = os.fork()
    if child == 0:
        try:

            def act(number: int, _name: str, made: object) -> object:
                done = made()  # type: ignore[operator]
                if number == last - 1:
                    os.kill(os.getpid(), 9)
                return done

            with Calls(("rename",), act).watched():
                run_here(tmp_path, "check", "--fix", *PAIR)
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    now = content(tmp_path)
    assert (now[PAIR[0]] != before[PAIR[0]], now[PAIR[1]] == before[PAIR[1]]) == (True, True)
    assert now[f"{PAIR[0]}{KEPT}"] == before[PAIR[0]]
    assert {f"{name}{RECORD}" for name in PAIR} <= now.keys()
    # Only looked at: it is said.
    for name in PAIR:
        (checked,) = parsed_json(run_here(tmp_path, "check", "--json", "--allow-empty", name)[1])[
            "pairs"
        ]
        (note,) = [each for each in checked["notes"] if PAIR[0] in each and PAIR[1] in each]
        words(note)
    assert content(tmp_path) == now
    # The next run finishes it.
    (checked,) = fix(tmp_path, "--fix", *PAIR)["pairs"]  # type: ignore[misc]
    assert any(PAIR[0] in note and PAIR[1] in note for note in checked["notes"])
    assert ds.check(tmp_path / PAIR[0], tmp_path / PAIR[1]).passed
    assert sorted(content(tmp_path)) == sorted(PAIR)


def test_the_second_rename_fails(tmp_path: Path) -> None:
    last = renames(tmp_path / "other")
    tmp_path = tmp_path / "own"
    tmp_path.mkdir()
    pair(tmp_path)
    before = content(tmp_path)
    with Calls(("rename",), Striking(last, 5)).watched():
        fix(tmp_path, "--fix", *PAIR, code=4)
    assert content(tmp_path) == before
