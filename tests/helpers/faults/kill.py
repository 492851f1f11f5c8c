"""End runs of every verb that writes at every system call, and see what they leave.

    python -m helpers.faults.kill [--json] [--every N] [--timed N] [CASE …]

SIGKILL comes before a call, after it, and in the middle of what it writes; SIGINT, SIGTERM and
SIGHUP in turn at each call, too, and at each line of the modules that touch files, when it runs for
the first time and for the last. ``--every N`` takes each N-th of these points, ``--timed N`` kills
as many processes more, by the clock, that write 64 MB.

A process is forked for each kill, with the tool loaded: all at the price of a few seconds.
Prints a table and every violation; exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import deconvsurgery
from deconvsurgery.storage.names_beside import KEPT, RECORD
from helpers.faults.injection import FAULTS, Calls
from helpers.faults.lab import (
    BY_NAME,
    CASES,
    TEMPORARY,
    Bench,
    Case,
    content,
    large_layer,
    prepare,
)

NAMES = (*FAULTS, "unlink")
TORN = ("write", "pwrite", "copy_file_range")
SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
MODULES = frozenset(
    os.path.join(os.path.dirname(deconvsurgery.__file__), module)
    for module in (
        "storage/source.py",
        "storage/output_place.py",
        "storage/copy_bytes.py",
        "storage/early_flush.py",
        "storage/atomic_write.py",
        "storage/write_outputs.py",
        "storage/write_with_undo.py",
        "storage/replace_together.py",
        "storage/replacement_record.py",
        "caffemodel/hdf5/files.py",
    )
)


def calls_made(bench: Bench) -> list[str]:
    """Of an undisturbed run."""
    names = []

    def act(_number: int, name: str, made: Callable[..., Any]) -> Any:
        names.append(name)
        return made()

    done = bench.run(Calls(NAMES, act).watched())
    assert done.code == 0, done
    bench.reset()
    return names


# --- SIGKILL


def killing(nth: int, when: str) -> Calls:
    """SIGKILL ``before``, ``after`` or ``within`` the n-th call."""

    def act(number: int, _name: str, made: Callable[..., Any]) -> Any:
        if number != nth:
            return made()
        with suppress(OSError):  # it may look for a file that is not there
            if when != "before":
                made((lambda asked: asked // 2) if when == "within" else None)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return Calls(NAMES, act)


def killed(bench: Bench, nth: int, when: str) -> list[str]:
    """What does not hold after a kill."""
    child = os.fork()
    if child == 0:
        try:
            bench.run(killing(nth, when).watched())
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        return ["was not killed"]
    files = len(bench.case.outputs) if bench.case.at_once else 1
    several = 4 * files if bench.case.resumed else files + bench.case.old
    wrong = bench.faults(may_leave=1 if files == 1 else several)
    return wrong + after_it(bench)


def after_it(bench: Bench) -> list[str]:
    """The next run does what it should, and takes no notice of what was left."""
    if bench.case.resumed:
        return resumed(bench)
    left = {name: data for name, data in content(bench.folder).items() if TEMPORARY in name}
    if bench.done() is not False or bench.case.stream:
        return []
    done = bench.run()
    wrong = [] if done.code == 0 and bench.done() else [f"the next run: {done}"]
    now = content(bench.folder)
    if any(now.get(name) != data for name, data in left.items()):
        wrong.append("what was left was touched by the next run")
    return wrong


def resumed(bench: Bench) -> list[str]:
    """The next run finishes or takes back what a kill has ended, and does what it should."""
    done = bench.run()
    if bench.done() and done.code == 2 and bench.case.outputs[0] not in bench.before:
        done = replace(done, code=0)  # the files are there, and none is replaced
    wrong = [] if done.code == 0 and bench.done() else [f"the next run: {done}"]
    names = [name for name in content(bench.folder) if name.endswith((RECORD, KEPT))]
    return wrong + ([f"the next run leaves {names}"] if names else [])


# --- signals


def signalling(nth: int, number: signal.Signals) -> Calls:
    """A signal at the n-th call, before it is made."""

    def act(at: int, _name: str, made: Callable[..., Any]) -> Any:
        if at == nth:
            signal.raise_signal(number)
        return made()

    return Calls(NAMES, act)


class Lines:
    """Lines of the modules that touch files, as they run; a signal at the n-th.

    ``first`` and ``last`` are when each line runs for the first time, and for the last.
    """

    def __init__(self, nth: int, number: signal.Signals | None) -> None:
        self.nth, self.number = nth, number
        self.count = 0
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}

    @contextmanager
    def watched(self) -> Iterator[Lines]:
        """Trace them for a while."""
        sys.settrace(self._called)
        try:
            yield self
        finally:
            sys.settrace(None)

    def _called(self, frame: FrameType, _event: str, _arg: object) -> Any:
        return self._line if frame.f_code.co_filename in MODULES else None

    def _line(self, frame: FrameType, event: str, _arg: object) -> Any:
        # Where a generator yields, no signal comes in.
        generator = frame.f_code.co_flags & inspect.CO_GENERATOR
        if event == "line" or (event == "return" and not generator):
            self.count += 1
            if self.number is None:
                at = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno} {event}"
                self.first.setdefault(at, self.count)
                self.last[at] = self.count
            elif self.count == self.nth:
                signal.raise_signal(self.number)
        return self._line


def signalled(bench: Bench, disturbed: Calls | Lines, number: signal.Signals) -> list[str]:
    """What does not hold after a signal."""
    try:
        done = bench.run(disturbed.watched())
    except BaseException as error:
        return [f"{type(error).__name__} came through"]
    wrong = bench.faults()
    if done.code != SIGNALS[number]:
        wrong.append(f"exit code {done.code}: {done.errors}")
    said = done.errors.strip("\n")  # a line of its own after the terminal's ^C
    if not said or "\n" in said or (number != signal.SIGINT and number.name not in said):
        wrong.append(f"it says: {done.errors}")
    if bench.case.at_once and not bench.case.stream and bench.done() is None:
        wrong.append("some outputs are new, some are not")
    return wrong


# --- by the clock


def large(folder: Path) -> None:
    """A model of 64 MB: the small one, and a layer that nobody asks for."""
    with (folder / "in").open("ab") as file:
        file.write(large_layer(16 << 20))


def timed(folder: Path, kills: int) -> tuple[int, list[str]]:
    """Whole processes, killed at random times; how many were, and what does not hold then."""
    prepare(folder)
    large(folder)
    case = Case("64 MB", "apply -f net in out", ("out",), old=True)
    bench = Bench(case, folder)
    command = [sys.executable, "-m", "deconvsurgery", *case.arguments]
    start = time.monotonic()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    takes = time.monotonic() - start
    bench.reset()
    count, wrong = 0, []
    chance = random.Random(22)
    while count < kills:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 1.1 * takes))
        process.kill()
        if process.wait() == -signal.SIGKILL:
            count += 1
        wrong += bench.faults(may_leave=1)
        bench.reset()
    return count, wrong


def main() -> int:
    """Run the campaign, print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--timed", type=int, default=0)
    given = parser.parse_args()
    # Ignored from the start, as under nohup or in a shell's background, none would end a run.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    moved = [module for module in MODULES if not os.path.isfile(module)]
    assert not moved, moved  # its lines would be in nobody's campaign
    ended: Counter[str] = Counter()
    violations: list[str] = []
    every: int = given.every
    turn = every  # the points are counted through all cases, so that each is met

    def due() -> bool:
        nonlocal turn
        turn += 1
        return turn % every == 0

    with tempfile.TemporaryDirectory() as place:
        template = Path(place, "template")
        template.mkdir()
        prepare(template)
        tempfile.tempdir = os.path.join(place, "temporary")  # what kills leave goes with it
        os.mkdir(tempfile.tempdir)
        for index, case in enumerate([BY_NAME[name] for name in given.cases] or CASES):
            folder = shutil.copytree(template, Path(place, str(index)))
            bench = Bench(case, folder)
            calls = calls_made(bench)
            lines = Lines(0, None)
            bench.run(lines.watched())
            bench.reset()

            def note(kind: str, at: str, wrong: list[str], bench: Bench = bench) -> None:
                ended[kind] += 1
                violations.extend(f"{bench.case.name}: {kind} {at}: {each}" for each in wrong)
                bench.reset()

            for nth, name in enumerate(calls, 1):
                for when in ("before", "after", "within")[: 3 if name in TORN else 2]:
                    if due():
                        note("SIGKILL", f"{when} {name}, call {nth}", killed(bench, nth, when))
                number = list(SIGNALS)[nth % 3]
                if due():
                    wrong = signalled(bench, signalling(nth, number), number)
                    note(number.name, f"at {name}, call {nth}", wrong)
            for at, nth in (*lines.first.items(), *lines.last.items()):
                number = list(SIGNALS)[nth % 3]
                if due():
                    wrong = signalled(bench, Lines(nth, number), number)
                    note(f"{number.name} in a line", f"{at}, the {nth}th", wrong)
        if given.timed:
            folder = Path(place, "timed")
            folder.mkdir()
            count, wrong = timed(folder, given.timed)
            ended["SIGKILL by the clock"] += count
            violations += [f"by the clock: {each}" for each in wrong]
    if given.json:
        print(json.dumps({"ended": ended, "violations": violations}))
    else:
        for kind, count in ended.items():
            print(f"{kind:<24}{count:>7,}")
        print(f"{sum(ended.values()):,} runs ended, {len(violations)} violations")
        for violation in violations:
            print(" ", violation)
    return 1 if violations else 0


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.stdout = os.fdopen(os.dup(1), "w")  # what is under test may close its own
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the HDF5 library ends a process in which reading failed with its own code
