"""Write, flush the file, rename, flush the directory: in this order, whatever the verb.

And nothing is said to be done before it is on the disk.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.campaigns import campaign_but
from helpers.faults.lab import BY_NAME, CASES, TEMPORARY, Bench, Case, Ended, each_verb
from helpers.runs import COMMAND

if TYPE_CHECKING:
    from helpers.words import Words

FILES = [case for case in CASES if not case.stream]
CHANGES = ("write", "pwrite", "copy_file_range", "ftruncate", "fchmod")


def judge(events: list[tuple[str, int]], outputs: int, directory: int) -> None:
    """What happened to which inode, in order."""
    renames = [at for at, (what, _) in enumerate(events) if what == "rename"]
    assert len(renames) >= outputs
    for at, end in zip(renames, [*renames[1:], len(events)], strict=True):
        new = events[at][1]
        # Of a file that is gone another one may have the number.
        gone = [when for when, event in enumerate(events) if event == ("gone", new)]
        first = max((when for when in gone if when < at), default=0)
        last = min((when for when in gone if when > at), default=len(events))
        changed = [when for when in range(first, last) if events[when] == ("change", new)]
        flushed = [when for when in range(first, last) if events[when] == ("fsync", new)]
        assert changed
        assert changed[-1] < flushed[-1] < at
        assert ("fsync", directory) in events[at:end]


@pytest.mark.parametrize("case", each_verb(FILES, "apply -f --save-patch", "convert to HDF5"))
def test_the_order(case: Case, place: Path) -> None:
    """By the calls that Python makes."""
    bench = Bench(case, place)
    events: list[tuple[str, int]] = []
    outputs = (place / case.outputs[0]).parent

    def gone(path: Any, folder: int | None) -> None:
        with suppress(FileNotFoundError):
            events.append(("gone", os.stat(path, dir_fd=folder, follow_symlinks=False).st_ino))

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if name == "unlink":
                gone(arguments[0], named.get("dir_fd"))
                return real(*arguments, **named)
            what = name if name in ("posix_fadvise", "fsync", "rename") else "change"
            of = arguments[1 if name == "copy_file_range" else 0]
            if name == "rename":
                folder = named.get("dst_dir_fd")
                gone(arguments[1], folder)
                to = os.path.dirname(arguments[1]) or "." if folder is None else folder
                there = outputs.exists() and os.path.samestat(os.stat(to), outputs.stat())
                what = "rename" if there else "on the way"
            events.append((what, os.stat(of, dir_fd=named.get("src_dir_fd")).st_ino))
            printed: Any = sys.stdout.buffer
            assert printed.getvalue() == b""
            return real(*arguments, **named)

        return call

    @contextmanager
    def watching() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in (*CHANGES, "posix_fadvise", "fsync", "rename", "unlink"):
                patch.setattr(os, name, watched(name, getattr(os, name)))
            yield

    assert bench.run(watching()).code == 0
    assert any(what == "posix_fadvise" for what, _ in events)
    judge(events, len(case.outputs), outputs.stat().st_ino)


REAL = ("apply --force", "apply -i --save-patch", "convert to HDF5", "regroup", "revert")


@pytest.mark.parametrize("name", campaign_but(["apply -i --save-patch"], REAL))
def test_the_order_as_the_kernel_sees_it(name: str, place: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("takes strace")
    case = BY_NAME[name]
    bench = Bench(case, place)
    names = "write,pwrite64,copy_file_range,ftruncate,fsync,/^rename"
    trace = ["strace", "-f", "-y", "-o", place / "trace", "-e", f"trace={names}"]
    done = subprocess.run(
        [*trace, *COMMAND, *case.arguments], cwd=place, capture_output=True, check=False
    )
    if b"ptrace" in done.stderr:
        pytest.skip("no process may be traced here")
    assert done.returncode == 0
    numbers: dict[str, int] = {str(place): 0}
    events = []
    for line in (place / "trace").read_text().splitlines():
        call = re.match(r"\d+ +(\w+)\((.*)", line)
        if call is None:
            continue
        name, rest = call.groups()
        path = rf'(?:\d+<|")[^>"]*({re.escape(TEMPORARY)}\w+\.tmp)[>"]'
        found = re.search(path, rest)
        if name == "fsync" and f"<{place}>" in rest:
            events.append(("fsync", 0))
        elif found is not None:
            number = numbers.setdefault(found[1], len(numbers))
            what = "rename" if name.startswith("rename") else name
            events.append((what if what in ("fsync", "rename") else "change", number))
    judge(events, len(case.outputs), 0)
    (place / "trace").unlink()
    assert bench.faults() == []
    assert bench.done() is True


INTERRUPTED = (
    *(("apply --force", call) for call in ("pread64", "write", "copy_file_range", "fsync")),
    *(("convert to HDF5", call) for call in ("pread64", "pwrite64", "fsync")),
)


@pytest.mark.parametrize(
    ("name", "call"), campaign_but([("apply --force", "write")], INTERRUPTED, rows=True)
)
def test_a_call_that_is_interrupted_is_made_again(
    name: str, call: str, place: Path, tmp_path: Path
) -> None:
    """Each second one really ends with EINTR."""
    bench = Bench(BY_NAME[name], place)
    # Python's own loader does not take it so well.
    only = ["-P", place / "in"] if call == "pread64" else []
    done = injected(bench, f"{call}:error=EINTR:when=1+2", tmp_path / "trace", COMMAND, *only)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "EINTR (Interrupted system call) (INJECTED)" in (tmp_path / "trace").read_text()
    assert bench.faults() == []
    assert bench.done() is True


def injected(
    bench: Bench, fault: str, trace: Path, command: Sequence[str], *options: str | Path
) -> subprocess.CompletedProcess[bytes]:
    """A process in which the kernel's answers are not its own; skips where that cannot be."""
    if shutil.which("strace") is None:
        pytest.skip("takes strace")
    call = fault.partition(":")[0]
    tracing = ["strace", "-f", "-o", trace, "-e", f"trace={call}", "-e", f"inject={fault}"]
    done = subprocess.run(
        [*tracing, *options, *command, *bench.case.arguments],
        cwd=bench.folder,
        capture_output=True,
        check=False,
    )
    if b"ptrace" in done.stderr or b"invalid" in done.stderr:
        pytest.skip("no faults can be put in here")
    return done


FAILING = (
    # the call, the error, and which of its calls
    ("copy_file_range", "ENOSPC", "1"),
    ("copy_file_range", "EDQUOT", "1"),
    ("fsync", "EIO", "1"),
    ("fsync", "ENOSPC", "1"),
    ("fsync", "EIO", "2"),
    ("/^rename", "EBUSY", "1"),
)


@pytest.mark.parametrize(
    ("call", "error", "nth"), campaign_but([("copy_file_range", "ENOSPC", "1")], FAILING, rows=True)
)
def test_a_call_that_really_fails(
    call: str, error: str, nth: str, place: Path, tmp_path: Path, words: Words
) -> None:
    bench = Bench(BY_NAME["apply --force"], place)
    done = injected(bench, f"{call}:error={error}:when={nth}", tmp_path / "trace", COMMAND)
    ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert (ended.code, ended.out, ended.error.name) == (4, "", "out")
    assert os.strerror(getattr(errno, error)) in ended.error.message
    words(ended.error.sentences, f"{call.strip('/^')} {error} {nth}")
    assert bench.faults() == []
    assert bench.done() is (nth == "2")  # only the directory's flush was left then
