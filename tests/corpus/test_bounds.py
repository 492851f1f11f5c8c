"""Files that promise much: what is small stays small, what is large costs what it weighs.

Each in a process of its own with 512 MB of address space and a minute of processor time, all verbs
in it; peak memory is the kernel's word. The files are made when the tests run (``hostile_large``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from helpers.corpus import hostile_large, hostile_runs, make, pin
from helpers.corpus.hostile_case import MODEL, NET
from helpers.models import demo_net
from helpers.runs import GET_RUN

if TYPE_CHECKING:
    from helpers.words import Words

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read in /proc"
)
MIB = 1 << 20
RUNS = (
    """
import json, os, resource, sys
space, lines = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (space, space))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
"""
    + GET_RUN
    + """out, codes = os.dup(1), []
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for line in lines:
    codes.append(run(line.split()))
    for name in ("out", "more"):
        if os.path.exists(name) and "keep" not in sys.argv:
            os.unlink(name)
# Not getrusage: its peak counts what the parent had when it forked.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
os.write(out, json.dumps([codes, int(peak.split()[1])]).encode())
os._exit(0)
"""
)


class Ran(NamedTuple):
    codes: list[int]
    peak: int  # kB
    errors: bytes


def ran(place: Path, lines: Sequence[str], space: int = 512 * MIB, *more: str) -> Ran:
    """Command lines in one process of so many bytes of address space; inputs stay as they are."""
    before = {path.name: path.stat() for path in place.iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", RUNS, json.dumps([space, lines]), *more],
        cwd=place,
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    codes, peak = json.loads(done.stdout)
    left = {path.name: path.stat() for path in place.iterdir() if path.name not in ("out", "more")}
    assert left.keys() == before.keys()
    for name, status in before.items():
        assert (left[name].st_size, left[name].st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    return Ran(codes, peak, done.stderr)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_bytes(NET)
    (tmp_path / "model.caffemodel").write_bytes(MODEL)
    return tmp_path


# --- a few bytes that promise much

PROMISES = (
    "num-output-10-9.prototxt",
    "num-output-2-32.prototxt",
    "group-10-9.prototxt",
    "kernel-10-6.prototxt",
    "kernel-10-9.prototxt",
    "stride-10-9.prototxt",
    "pad-10-9.prototxt",
    "dilation-10-9.prototxt",
    "dims-2-62.prototxt",
    "up-2-40.caffemodel",
    "shape-2-40.caffemodel",
    "shape-2-63.caffemodel",
    "packed-2-62.caffemodel",
    "length-2-31.caffemodel",
    "promises-2-40.h5",
    "promised-2-40.h5",
    "chunks-2-40.h5",
    "chunk-2-gib.h5",
    "header-4-gib.h5",
)


def few_of(names: Iterable[str], few: Container[str]) -> list[Any]:
    """A few always, all in a campaign: each is a process, and some are 100 MB."""
    return [pytest.param(name, marks=() if name in few else pytest.mark.campaign) for name in names]


@pytest.mark.parametrize("name", few_of(PROMISES, ("kernel-10-9.prototxt", "promised-2-40.h5")))
def test_a_promise_takes_no_memory(name: str, place: Path) -> None:
    (case,) = (case for case in make.ALL if case.name == name)
    (place / name).write_bytes(case.data)
    runs = hostile_runs.runs(case)
    found = ran(place, [line.replace("FILE", name) for line in runs.values()])
    assert found.peak < 150_000
    expected = pin.expected()
    assert found.codes == [expected[name, run].code for run in runs]


# --- many of something

OK, SOME, REFUSED, FAILED = 0, 1, 3, 4  # the last: out of memory, and said so
LARGE = {
    # exit code of inspect, apply, check; the most memory in MB
    "groups-10-5.caffemodel": (REFUSED, REFUSED, REFUSED, 150),
    "groups-open-10-6.caffemodel": (REFUSED, REFUSED, REFUSED, 150),
    "layers-10-5.caffemodel": (None, OK, SOME, 250),
    "dims-10-6.caffemodel": (REFUSED, REFUSED, REFUSED, 150),
    "dims-unpacked-10-6.caffemodel": (REFUSED, REFUSED, REFUSED, 150),
    "shapes-10-5.caffemodel": (OK, OK, SOME, 150),
    "blobs-20000.caffemodel": (OK, OK, SOME, 250),
    "values-unpacked-10-6.caffemodel": (OK, OK, SOME, 150),
    "chunks-10-5.caffemodel": (OK, OK, SOME, 150),
    "params-10-5.caffemodel": (OK, OK, SOME, 150),
    "name-1-mb.caffemodel": (OK, OK, SOME, 150),
    "unknown-200000.caffemodel": (OK, OK, SOME, 150),
    "depth-10-5.prototxt": (REFUSED, REFUSED, REFUSED, 150),
    "list-depth-10-5.prototxt": (REFUSED, REFUSED, REFUSED, 150),
    "comment-100-mb.prototxt": (OK, REFUSED, REFUSED, 350),
    "string-100-mb.prototxt": (REFUSED, REFUSED, REFUSED, 350),
    "spaces-100-mb.prototxt": (OK, OK, FAILED, 512),
    "layers-2000.prototxt": (OK, OK, OK, 150),
    "dims-20000.prototxt": (OK, OK, SOME, 150),
    "adjacent-10-5.prototxt": (OK, OK, OK, 250),
    "name-1-mb.prototxt": (OK, OK, OK, 150),
    "misspelt-1000.prototxt": (OK, REFUSED, SOME, 150),
    "layers-4000.h5": (OK, OK, SOME, 150),
}
MODEL_LINES = ("inspect -a {}", "apply net.prototxt {} out", "check net.prototxt {}")
NET_LINES = ("inspect -a {}", "apply {} model.caffemodel out", "check {}")


@pytest.mark.parametrize("name", few_of(LARGE, ("name-1-mb.caffemodel", "dims-20000.prototxt")))
def test_what_is_large_costs_what_it_weighs(name: str, place: Path) -> None:
    hostile_large.write(name, place)
    *codes, most = LARGE[name]
    forms = NET_LINES if name in hostile_large.NETS else MODEL_LINES
    wanted = [(form, code) for form, code in zip(forms, codes, strict=True) if code is not None]
    found = ran(place, [form.format(name) for form, _ in wanted])
    assert found.codes == [code for _, code in wanted]
    assert found.peak < most * 1000


# --- a blob of 59 MB, and too little memory


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 classes, kernel 64."""
    place = tmp_path_factory.mktemp("wide")
    net = demo_net().replace(b"num_output: 5", b"num_output: 60")
    kernel = b"kernel_size: 4 stride: 2 pad: 1 }"
    net = net.replace(
        kernel, kernel.replace(b"4", b"64").replace(b"2", b"32").replace(b"1", b"16"), 1
    )
    (place / "net").write_bytes(net)
    (place / "base").write_bytes(b"\x0a\x04name")
    return place


@pytest.mark.campaign
def test_a_large_blob_fits_into_512_mb(wide: Path) -> None:
    found = ran(wide, ["apply -p upscore2 net base out"], 512 * MIB, "keep")
    assert found.codes == [0]
    (wide / "out").rename(wide / "full")
    assert (wide / "full").stat().st_size > 58_000_000
    lines = {
        "inspect net full": 0,
        "check net full": 1,
        "apply -p upscore2 net full out": 0,
        "convert full out": 0,
        "convert --values float64 full out": 0,
        "convert --to hdf5 full out": 0,
        "transplant net full out": 0,
        "regroup -p upscore2 net full out more": 0,
    }
    found = ran(wide, list(lines))
    assert found.codes == list(lines.values()), found.errors
    assert found.peak < 150_000


def test_without_memory_it_says_so_and_leaves_nothing(place: Path, words: Words) -> None:
    """A text is held whole, so 100 MB of it do not fit where there is little more."""
    hostile_large.write("string-100-mb.prototxt", place)
    lines = ["apply string-100-mb.prototxt model.caffemodel out", "check string-100-mb.prototxt"]
    found = ran(place, lines, 330 * MIB)
    assert found.codes == [4, 4], found.errors
    first, second = found.errors.decode().splitlines()
    words((first, second))
    assert not (place / "out").exists()
