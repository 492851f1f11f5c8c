"""Where Linux's own calls are not there, each job comes to the same files and says the same.

Single calls that are taken away, or refuse, are in `tests/storage`; here all are, from each
process of a run.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from helpers.models import write_demo
from helpers.other_systems import LINUX, on_another_posix
from helpers.places import PACKAGE, TESTS
from helpers.runs import environment

RUNS = {
    "apply --save-patch undo --report page net in out": 0,
    "apply --force net in out": 0,
    "revert -o again out undo": 0,
    "apply --in-place net in": 0,
    "patch-net net patched": 0,
    "regroup net in grouped-net grouped": 0,
    "convert in in.h5": 0,
    "apply net in.h5 out.h5": 0,
    "convert out.h5 back": 0,
    "transplant --apply net in new": 0,
    "diff in out": 0,
    "check net in": 0,
    "check --fix --unsafe-fixes net in": 0,
    "sweep -q --workers 2 --results rows zoo.toml": 0,
    "inspect --json net in": 0,
}
"""The command lines, in their order, and the exit code of each."""

ZOO = """
[sweep]
verb = "apply"

[[pairs]]
net = "net"
model = "in"
output = "one"

[[pairs]]
net = "net"
model = "out"
output = "other"
"""

# In one process, which starts those of the sweep.
ALL = """
import sys
from deconvsurgery.cli import run
if __name__ == "__main__":
    for line in sys.argv[1:]:
        print(run(line.split()), line, flush=True)
"""


def come_to(place: Path, env: dict[str, str]) -> tuple[bytes, dict[str, bytes]]:
    """What the runs print, and which files there are in the end."""
    place.mkdir()
    write_demo(place)
    (place / "zoo.toml").write_text(ZOO)
    ran = subprocess.run(
        [sys.executable, "-c", ALL, *RUNS], cwd=place, env=env, capture_output=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr.decode()
    printed = set(ran.stdout.decode().splitlines())
    ended = [f"{code} {line}" for line, code in RUNS.items()]
    assert [each for each in ended if each not in printed] == [], ran.stderr.decode()
    return ran.stdout + ran.stderr, {path.name: path.read_bytes() for path in place.iterdir()}


TAKEN_AWAY = {
    "copy_file_range": "storage/test_write_outputs.py",
    "getxattr": "storage/test_atomic_write.py",
    "listxattr": "storage/test_atomic_write.py",
    "setxattr": "storage/test_atomic_write.py",
    "O_PATH": "storage/test_atomic_write.py",
    "O_TMPFILE": "verbs/test_doctor.py",
    "POSIX_FADV_DONTNEED": "storage/test_early_flush.py",
    "posix_fadvise": "storage/test_early_flush.py",
    "SEEK_DATA": "storage/test_source.py",
    "SEEK_HOLE": "storage/test_source.py",
    "sched_getaffinity": "sweeping/test_sweep.py",
}
"""What the package uses that only Linux has, and where a test does without it."""


def test_each_of_linux_s_own_names_has_a_test_that_does_without() -> None:
    used = {
        word
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for word in (getattr(node, "attr", None), getattr(node, "value", None))
        if isinstance(word, str)
    }
    assert used & {name for names in LINUX.values() for name in names} == set(TAKEN_AWAY)
    for name, file in TAKEN_AWAY.items():
        if name != "POSIX_FADV_DONTNEED":  # an argument of the call
            assert name in (TESTS / file).read_text("utf-8")


def test_the_double_lacks_what_it_should(tmp_path: Path) -> None:
    asked = f"import os, select, signal, sys; print(sys.platform, [n for m, ns in {LINUX!r}.items()"
    asked += " for n in ns if hasattr(sys.modules[m], n)])"
    ran = subprocess.run(
        [sys.executable, "-c", asked],
        env=on_another_posix(tmp_path),
        capture_output=True,
        check=True,
    )
    assert ran.stdout == b"freebsd15 []\n"


def test_without_linux_s_own_calls_each_job_comes_to_the_same(tmp_path: Path) -> None:
    double = tmp_path / "double"
    double.mkdir()
    here, files_here = come_to(tmp_path / "here", environment())
    there, files_there = come_to(tmp_path / "there", on_another_posix(double))
    assert there == here
    assert files_there.keys() == files_here.keys()
    other = {name for name, data in files_here.items() if files_there[name] != data}
    assert other - {"rows", "one.sweep.json", "other.sweep.json"} == set()  # these have times
