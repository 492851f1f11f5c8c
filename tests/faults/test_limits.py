"""What a process may have: memory, descriptors, streams, a temporary folder, a home, the time."""

from __future__ import annotations

import errno
import itertools
import os
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.campaigns import campaign_but
from helpers.faults.kill import large
from helpers.faults.lab import BY_NAME, CASES, Bench, Case, content, each_verb
from helpers.runs import COMMAND

if TYPE_CHECKING:
    from helpers.words import Words

FILES = [case for case in CASES if not case.stream]
each_case = pytest.mark.parametrize(
    "case", each_verb(FILES, "apply, a pipe to OUT", "convert to HDF5")
)
LINES = (
    "apply net in out",
    "apply --save-patch undo net in out",
    "convert in out.h5",
    "transplant net in out",
)


@pytest.mark.parametrize("line", campaign_but(["apply --save-patch undo net in out"], LINES))
def test_512_megabytes_of_addresses(line: str, place: Path) -> None:
    """Enough for a model of 64 MB, and of any size: numpy and Python take most of it."""
    large(place)
    done = subprocess.run(
        [*COMMAND, *line.split()],
        cwd=place,
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20)),
    )
    assert (done.returncode, done.stderr) == (0, b"")


@each_case
def test_few_descriptors(case: Case, place: Path) -> None:
    """From none at all to enough: an error that says so, or the result.

    Which call is refused, and so in which words, depends on what this process has open.
    """
    bench = Bench(case, place)
    highest = max(int(fd) for fd in os.listdir("/dev/fd"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    codes = []
    refused: list[str] = []
    for more in range(60):  # free numbers below the highest count, too
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + more, hard))
            done = bench.run()
        except OSError as error:  # already the test itself has too few
            refused.append(f"{highest} + {more}: {error}")
            continue
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        codes.append(done.code)
        assert bench.faults() == []
        assert bench.done() is (done.code == 0) or not case.at_once
        if done.code != 0:
            assert (done.code, done.out) == (4, "")
            assert done.error.name in {*bench.before, *case.outputs, "new", "standard input"}
            assert os.strerror(errno.EMFILE) in done.error.message
        bench.reset()
        if done.code == 0:
            break
    assert codes[-1:] == [0], refused


ENDS = tuple(itertools.product(("", "<&-"), ("", ">&-"), ("", "2>&-")))


@pytest.mark.parametrize(
    ("stdin", "stdout", "stderr"), campaign_but([("<&-", ">&-", "2>&-")], ENDS, rows=True)
)
def test_standard_streams_that_are_closed(
    stdin: str, stdout: str, stderr: str, place: Path
) -> None:
    """What would go there is lost, and lands in no file that takes their number."""
    bench = Bench(BY_NAME["apply --save-patch"], place)
    done = subprocess.run(
        ["bash", "-c", f'"$@" {stdin} {stdout} {stderr}', "bash", *COMMAND, *bench.case.arguments],
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert bool(done.stdout) is not bool(stdout)
    assert bench.faults() == []
    assert bench.done() is True


@each_case
def test_no_temporary_folder(
    case: Case, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Only what must be spooled needs one; an output never comes to lie there."""
    bench = Bench(case, place)
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    done = bench.run()
    assert bench.faults() == []
    if case.line.startswith("check --fix"):  # what it fixes, step by step, is made there
        assert (done.code, done.out, bench.done()) == (4, "", False)
        words(done.error.sentences, case.name)
    elif case.standard_input is None:
        assert (done.code, bench.done()) == (0, True)
    else:
        assert (done.code, done.out, bench.done()) == (4, "", False)
        assert done.error.name == "standard input"
        assert os.strerror(errno.ENOENT) in done.error.message
        assert "TMPDIR" in (done.error.hint or "")
        words(done.error.sentences)


@pytest.mark.parametrize("home", [None, "", "/nonexistent"])
def test_no_home_and_no_temporary_folder(
    home: str | None, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(CASES[0], place)
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    monkeypatch.setattr(tempfile, "tempdir", None)  # it is looked for anew
    done = bench.run()
    assert (done.code, done.out, done.errors) == (0, bench.printed, "")
    assert bench.faults() == []
    assert bench.done() is True


@pytest.mark.parametrize("case", each_verb(FILES))
def test_a_clock_that_jumps(case: Case, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and back by years with each look; and files from the future and from before 1970."""
    bench = Bench(case, place)
    chance = random.Random(19)
    for name in ("time", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, lambda: chance.uniform(-1e9, 1e10))
    for at in (-(10**9), 0, 2**33):
        for path in place.iterdir():
            os.utime(path, (at, at))
        before = content(place)
        done = bench.run()
        assert (done.code, done.out, bench.done()) == (0, bench.printed, True)
        assert bench.faults() == []
        bench.reset()
        assert content(place) == before
