"""Hostile files, in ``tests/corpus``: what each verb makes of each, and what the good ones mean.

No file is changed, nothing is left behind, nothing on the screen acts on it. Also what must never
happen whatever a file says: code that runs, files opened that it names.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message import DecodeError

import deconvsurgery as ds
from helpers.corpus import hostile_runs, make, pin
from helpers.corpus.hostile_case import MODEL, NET, Case
from helpers.models import NetParameter
from helpers.places import TESTS
from helpers.runs import COMMAND, GET_RUN, run_here

if TYPE_CHECKING:
    from helpers.words import Words

CORPUS = TESTS / "corpus"
KERNEL = [row * column for row in (0.25, 0.75, 0.75, 0.25) for column in (0.25, 0.75, 0.75, 0.25)]


EXPECTED = pin.expected()


def named(cases: Sequence[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


# --- the corpus itself


def test_the_files_are_what_the_script_makes() -> None:
    cases = {case.name: case.data for case in make.ALL}
    assert len(cases) == len(make.ALL)
    cases |= {"net.prototxt": NET, "model.caffemodel": MODEL}
    assert {path.name: path.read_bytes() for path in make.FILES.iterdir()} == cases
    assert max(map(len, cases.values())) < 6000
    assert len(cases) > 400


def test_the_table_is_about_these_files() -> None:
    wanted = {(case.name, run) for case in make.ALL for run in hostile_runs.runs(case)}
    assert set(EXPECTED) == wanted


def test_the_readme_names_files_that_are_there() -> None:
    """Its table maps what was thought of to files; every file is in it."""
    named = re.findall(r"`([^`\n]+)`", (CORPUS / "README.md").read_text("utf-8"))
    globs = [each for each in named if re.fullmatch(r"[\w*./-]+\.[a-z*0-9]+", each)]
    known = set()
    for pattern in globs:
        found = {path.name for path in make.FILES.glob(pattern)}
        places = (CORPUS, TESTS, TESTS / "helpers" / "corpus")
        assert found or any((place / pattern).exists() for place in places), pattern
        known |= found
    assert {case.name for case in make.ALL} - known == set()


# --- what is said of each

FEW = ("name-ansi.caffemodel", "header-4-gib.h5", "name-rtl.prototxt", "deep.toml")
CAMPAIGN = pytest.mark.campaign


def comes_to_what_is_written_down(case: Case, place: Path, words: Words) -> None:
    for run, line in hostile_runs.runs(case).items():
        found, message = hostile_runs.outcome(case, line, place)
        assert found == EXPECTED[case.name, run], run
        if message:
            words(message, case.name)


def first_of_each_sort() -> list[Case]:
    """Of each ending a file for each exit code, kind of error and run that succeeds, and FEW."""
    seen: set[tuple[str, int, str, str]] = set()
    first = []
    for case in make.ALL:
        outcomes = {run: EXPECTED[case.name, run] for run in hostile_runs.runs(case)}
        sorts = {
            (case.name.rpartition(".")[2], each.code, each.kind, "" if each.code > 1 else run)
            for run, each in outcomes.items()
        }
        if sorts - seen or case.name in FEW:
            first.append(case)
            seen |= sorts
    return first


FIRST = first_of_each_sort()


@named(FIRST)
def test_every_verb_says_what_is_written_down(case: Case, tmp_path: Path, words: Words) -> None:
    comes_to_what_is_written_down(case, tmp_path, words)


@pytest.mark.campaign
@named([case for case in make.ALL if case not in FIRST])
def test_every_verb_says_what_is_written_down_of_the_others(
    case: Case, tmp_path: Path, words: Words
) -> None:
    comes_to_what_is_written_down(case, tmp_path, words)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=CAMPAIGN if case.name in FEW[2:] else ())
        for case in make.ALL
        if case.name in FEW
    ],
)
def test_a_process_of_its_own_says_the_same(case: Case, tmp_path: Path) -> None:
    """The HDF5 library ends processes, terminals have encodings: a few for real."""
    for name, data in {
        "net.prototxt": NET,
        "model.caffemodel": MODEL,
        case.name: case.data,
    }.items():
        (tmp_path / name).write_bytes(data)
    before = {path.name for path in tmp_path.iterdir()}
    for run in {"inspect", "apply", "check"} & {*hostile_runs.runs(case)}:
        line = hostile_runs.runs(case)[run]
        arguments = [case.name if word == "FILE" else word for word in line.split()]
        done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, timeout=60)
        assert done.returncode == EXPECTED[case.name, run].code
        assert b"Traceback" not in done.stdout + done.stderr
        if done.returncode > 1:
            assert {path.name for path in tmp_path.iterdir()} == before
        for path in tmp_path.iterdir():
            if path.name not in before:
                path.unlink()


# --- what those mean that are accepted

MODELS = (*make.BINARY, *make.HDF5)
ACCEPTED = [case for case in MODELS if case.means is not None]


def same(found: Sequence[float], meant: Sequence[float]) -> bool:
    """Equal to the sign of a zero; any NaN is as good as another."""
    return len(found) == len(meant) and all(
        math.isnan(one)
        if math.isnan(other)
        else (one, math.copysign(1, one)) == (other, math.copysign(1, other))
        for one, other in zip(found, meant, strict=True)
    )


def read(model: ds.Model, blob: Any) -> list[float]:
    return (
        [] if blob.problem else [float(each) for part in model.flat_values(blob) for each in part]
    )


@named(ACCEPTED)
def test_an_accepted_model_means(case: Case, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(case.data)
    with ds.open_model(tmp_path / "in") as model:
        layers = {(each.name, each.type): each.blobs for each in model.layers}
        means = {(name, kind): blobs for name, kind, blobs in case.means}
        assert sorted(layers) == sorted(means)
        for key, blobs in means.items():
            assert [blob.shape for blob in layers[key]] == [shape for shape, _ in blobs]
            for blob, (_, values) in zip(layers[key], blobs, strict=True):
                assert same(read(model, blob), values), (key, read(model, blob))


@named([case for case in MODELS if case.means is None])
def test_a_refused_model_is_refused(case: Case, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(case.data)
    with pytest.raises(ds.SurgeryError), ds.open_model(tmp_path / "in"):
        pass


@named([case for case in ACCEPTED if case in make.BINARY])
def test_protobuf_accepts_them_too_and_apply_changes_the_matched_layer_alone(
    case: Case, tmp_path: Path
) -> None:
    parse = NetParameter.FromString
    try:
        before: Any = parse(case.data)
    except DecodeError:
        # What we pass over and protobuf looks into.
        assert case.name == "param-damaged.caffemodel"
        return
    assert len(before.layer) + len(before.layers) == len(case.means)
    if EXPECTED[case.name, "apply"].code != 0:
        return
    for name, data in (("net.prototxt", NET), ("in", case.data)):
        (tmp_path / name).write_bytes(data)
    code, _, _ = run_here(tmp_path, "apply", "net.prototxt", "in", "out")
    assert code == 0
    after: Any = parse((tmp_path / "out").read_bytes())
    ups = [
        [each for each in (*net.layers, *net.layer) if each.name == "up"] for net in (before, after)
    ]
    assert ups[1]
    for layer in ups[1]:
        (blob, *_) = layer.blobs
        if case.name != "up-half.caffemodel":  # half precision stays, which protobuf does not know
            assert list(blob.double_data or blob.data) == KERNEL * 3
    for net in (before, after):
        for kept in (net.layers, net.layer):
            others = [each for each in kept if each.name != "up"]
            del kept[:]
            kept.extend(others)
    assert after.SerializeToString(deterministic=True) == before.SerializeToString(
        deterministic=True
    )


@named([case for case in make.NETS if case.means])
def test_an_accepted_net_means(case: Case, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(case.data)
    up = next(layer for layer in ds.read_net(tmp_path / "net").layers if layer.name == "up")
    assert up.type == "Deconvolution"
    assert {key: getattr(up.convolution_param, key) for key in case.means} == case.means


# --- what must never happen

# A new file beside its place, which is opened by its folder's descriptor.
_TEMPORARY = re.compile(r"\.deconvsurgery-[0-9a-f]{16}\.tmp")

SPY = (
    """
import json, os, sys
seen = []
def hook(event, arguments):
    if event in ("open", "os.listdir", "os.scandir"):
        seen.append(str(arguments[0]))
    elif event in ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
                   "socket.connect", "pickle.find_class", "pty.spawn"):
        seen.append(event)
import h5py, numpy, deconvsurgery  # which look around when they are loaded
"""
    + GET_RUN
    + """sys.addaudithook(hook)
out, codes = os.dup(1), []
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for line in json.loads(sys.argv[1]):
    codes.append(run(line))
    for name in ("out", "more"):
        if os.path.exists(name):
            os.unlink(name)
os.write(out, json.dumps([codes, seen]).encode())
os._exit(0)
"""
)
TEMPTING = (
    "other-file.h5",
    "dev-zero.h5",
    "external.h5",
    "up-external.h5",
    "layer-elsewhere.h5",
    "data-elsewhere.h5",
    "virtual.h5",
    "pickle.caffemodel",
    "name-dots.caffemodel",
    "train-data.prototxt",
    "python-layer.prototxt",
)
FEW_TEMPTING = ("external.h5", "train-data.prototxt")


@pytest.fixture
def watched() -> Iterator[Callable[[Path], Callable[[], int]]]:
    """Count how often a file is opened by anyone, C libraries too: Linux's inotify."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        pytest.skip("inotify is Linux's")
    opened: list[int] = []

    def watch(path: Path) -> Callable[[], int]:
        fd = libc.inotify_init1(os.O_NONBLOCK)
        opened.append(fd)
        assert libc.inotify_add_watch(fd, os.fsencode(path), 0x20) >= 0  # IN_OPEN

        def count() -> int:
            try:
                return len(os.read(fd, 4096)) // 16
            except BlockingIOError:
                return 0

        return count

    yield watch
    for fd in opened:
        os.close(fd)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=() if case.name in FEW_TEMPTING else CAMPAIGN)
        for case in make.ALL
        if case.name in TEMPTING
    ],
)
def test_no_path_in_a_file_is_opened_and_nothing_in_it_is_run(
    case: Case, tmp_path: Path, watched: Callable[[Path], Callable[[], int]]
) -> None:
    given = {"net.prototxt": NET, "model.caffemodel": MODEL, case.name: case.data}
    bait = {"precious": bytes(192), "other.h5": make.HDF5[0].data}
    for name, data in (given | bait).items():
        (tmp_path / name).write_bytes(data)
    counts = [watched(tmp_path / name) for name in bait]
    runs = hostile_runs.runs(case)
    lines = [
        [case.name if word == "FILE" else word for word in each.split()] for each in runs.values()
    ]
    done = subprocess.run(
        [sys.executable, "-c", SPY, json.dumps(lines)],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    codes, seen = json.loads(done.stdout)
    assert codes == [EXPECTED[case.name, run].code for run in runs]
    assert [count() for count in counts] == [0, 0]
    ours = {*given, "out", "more", "."}
    for each in seen:
        assert "/" in each or each in ours or each.isdigit() or _TEMPORARY.fullmatch(each), each
        assert not each.startswith(("/dev/zero", "/etc/passwd", "../"))
    assert {path.name for path in tmp_path.iterdir()} == {*given, *bait}


def test_what_is_opened_is_seen(
    tmp_path: Path, watched: Callable[[Path], Callable[[], int]]
) -> None:
    """The watch itself, with a program that does follow a link."""
    import h5py

    (tmp_path / "other.h5").write_bytes(make.HDF5[0].data)
    linking = next(case for case in make.HDF5 if case.name == "other-file.h5")
    (tmp_path / "in.h5").write_bytes(linking.data)
    count = watched(tmp_path / "other.h5")
    with h5py.File(tmp_path / "in.h5") as file:
        assert file["data/conv/0"][()].ravel().tolist() == [1, 2, 3, 4]
    assert count() > 0
