"""A real full disk: a small file system of its own, with so many pages free."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.faults.lab import CASES, Bench, Case, each_verb, prepare
from helpers.words import Words, numbers

PAGE = os.sysconf("SC_PAGE_SIZE")
PAGES = (0, 1, 2, 3, 4, 6, 9, 32)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={256 * PAGE}", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (place / "folder").mkdir()
        prepare(place / "folder")
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def filled(disk: Path, pages: int) -> Path:
    """Leave so many pages free."""
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes((room.f_bavail - pages) * room.f_frsize))
    assert os.statvfs(disk).f_bavail == pages
    return disk / "filler"


@pytest.mark.parametrize("case", each_verb(CASES, "apply to a stream"))
def test_a_full_disk(case: Case, disk: Path, words: Words) -> None:
    bench = Bench(case, disk / "folder")
    codes = []
    for pages in PAGES:
        filler = filled(disk, pages)
        done = bench.run()
        codes.append(done.code)
        assert bench.faults() == []
        if done.code == 0:
            assert (bench.done(), done.out) == (True, bench.printed)
        else:
            assert done.out == ""
            assert case.stream or not case.at_once or bench.done() is False
            told = done.error
            assert told.name in (*case.outputs, "new", "standard output")
            assert os.strerror(errno.ENOSPC) in told.message
            # What is free; before it what is needed, where that is known.
            assert (
                case.stream or told.name == "new" or 0 <= numbers(told.message)[-1] <= pages * PAGE
            )
            words(told.sentences)
        filler.unlink()
        bench.reset()
    assert codes[0] == 4
    assert codes[-1] == 0
    assert codes == sorted(codes, reverse=True)  # what fits with less fits with more
