"""What others do meanwhile: the input changes. (Several that write to one place: a campaign.)"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from helpers.campaigns import campaign_of_pairs, campaign_rows
from helpers.faults.injection import FAULTS, Calls
from helpers.faults.lab import BY_NAME, OLD, Bench, content

# The file whose bytes become the output's, or tell what they are.
INPUTS = {
    "apply": "in",
    "apply --force": "in",
    "apply --in-place": "mine",
    "apply -i --save-patch": "mine",
    "apply, HDF5": "in.h5",
    "convert": "doubles",
    "convert to HDF5": "in",
    "convert from HDF5": "in.h5",
    "patch-net": "net",
    "patch-net --in-place": "my-net",
    "regroup": "full",
    "transplant": "in",
    "revert": "patched",
}
# Each verb, in one of its ways.
ALWAYS = (
    "apply -i --save-patch",
    "convert to HDF5",
    "patch-net",
    "regroup",
    "transplant",
    "revert",
)


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n# more\n")


def replaced(path: Path) -> None:
    other = path.with_name("another")
    other.write_bytes(OLD)
    other.rename(path)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


CHANGES = (appended, replaced, cut_short)


def is_open(path: Path) -> bool:
    """By this process; then what changes changes under its hands."""
    status = path.stat()
    for fd in os.listdir("/proc/self/fd"):
        try:
            if os.path.samestat(os.stat(f"/proc/self/fd/{fd}"), status):
                return True
        except OSError:  # the listing's own
            continue
    return False


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="takes /proc")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        *campaign_of_pairs(ALWAYS, CHANGES),
        *campaign_rows(product([name for name in INPUTS if name not in ALWAYS], CHANGES)),
    ],
)
def test_an_input_that_changes_during_the_run(
    name: str, change: Callable[[Path], None], place: Path
) -> None:
    """At calls all over the run: the result is that of the input as it was, or there is none."""
    bench = Bench(BY_NAME[name], place)
    path = place / INPUTS[name]
    kept = tuple(each for each in FAULTS if each not in ("stat", "fstat", "lstat", "lseek"))
    seen = set()
    nth = 1
    while True:
        changed: bytes | None = None

        def act(number: int, _name: str, made: Callable[..., Any], nth: int = nth) -> Any:
            nonlocal changed
            if number == nth and is_open(path):
                change(path)
                changed = path.read_bytes()
            return made()

        calls = Calls(kept, act)
        done = bench.run(calls.watched())
        now = content(place)
        assert [each for each in now if each.startswith(".deconvsurgery-")] == []
        if changed is not None:
            seen.add(done.code)
            outputs = {each: now.get(each) for each in bench.case.outputs}
            if done.code == 0:
                assert done.errors == ""
                assert outputs == {each: bench.new[each] for each in bench.case.outputs}
            else:
                assert done.code in (3, 4)
                assert done.out == ""
                assert done.error.name == INPUTS[name]
                old = {each: bench.before.get(each) for each in bench.case.outputs}
                if path.name in old:
                    old[path.name] = changed
                assert outputs == old
        bench.reset()
        if calls.count < nth:
            break
        nth += 1 + nth // 3
    assert seen & {3, 4}
