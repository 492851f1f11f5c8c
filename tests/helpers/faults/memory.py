"""Memory runs out: at the n-th array that numpy makes, and for real, with so much and no more.

    python -m helpers.faults.memory [--json] [CASE …]

The limit is one on address space; a process is forked for each.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from helpers.faults.lab import BY_NAME, Bench, Ended, ended, large_layer, prepare

CASES = (
    "apply --force",
    "apply -i --save-patch",
    "apply, HDF5",
    "convert",
    "convert to HDF5",
    "regroup --force",
    "revert",
)
MAKE_ARRAYS = (
    "arange",
    "array",
    "asarray",
    "ascontiguousarray",
    "concatenate",
    "empty",
    "frombuffer",
    "full",
    "ones",
    "outer",
    "repeat",
    "zeros",
)
STEP = 128 << 10  # bytes; the limits lie so far apart
CRASHED = -signal.SIGSEGV  # what the HDF5 library does without memory; nobody can catch that


class Arrays:
    """Functions of numpy that make an array, and raise instead at the ``nth`` call."""

    def __init__(self, nth: int) -> None:
        self.nth = nth
        self.count = 0
        self.real = {name: getattr(np, name) for name in MAKE_ARRAYS}

    def __enter__(self) -> None:
        for name, real in self.real.items():
            setattr(np, name, self._scarce(real))

    def __exit__(self, *_: object) -> None:
        for name, real in self.real.items():
            setattr(np, name, real)

    def _scarce(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count == self.nth:
                raise MemoryError
            return real(*arguments, **named)

        return call


def enlarge(folder: Path) -> None:
    """A layer of a megabyte more in each model, so that there is something to take in."""

    for name in ("in", "mine", "full", "wrong", "patched", "doubles"):
        with (folder / name).open("ab") as file:
            file.write(large_layer(1 << 17, double=True))
    line = "apply -f --save-patch undo-patched net wrong patched"
    assert ended(folder, line.split()).code == 0


def limited(bench: Bench, more: int) -> Ended:
    """Run in a process of its own that may take so many bytes ``more`` than it has."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with open("/proc/self/statm") as file:
                size = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + more, resource.RLIM_INFINITY))
            done = bench.run()
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            with os.fdopen(theirs, "wb") as pipe:
                pickle.dump(done, pipe)
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(data) if data else Ended(os.waitstatus_to_exitcode(status), "", "")


def judged(bench: Bench, done: Ended) -> list[str]:
    """What does not hold."""
    if done.code == CRASHED and "HDF5" in bench.case.name:
        return bench.faults(may_leave=1)  # as after a kill
    wrong = bench.faults()
    if "Traceback" in done.errors or done.code not in (0, 4):
        wrong.append(f"{done}")
    if done.code == 0 and bench.done() is not True:
        wrong.append("success, but the outputs are not all new")
    if done.code == 4 and (done.out or bench.done() is None):
        wrong.append(f"failed, but something was done: {done}")
    return wrong


def main(arguments: list[str]) -> int:
    """Run everything, print what came of it."""
    refused: Counter[str] = Counter()
    violations: list[str] = []
    chosen = [each for each in arguments if not each.startswith("--")] or CASES
    with tempfile.TemporaryDirectory() as place:
        template = Path(place, "template")
        template.mkdir()
        prepare(template)
        enlarge(template)
        for number, name in enumerate(chosen):
            folder = shutil.copytree(template, Path(place, str(number)))
            bench = Bench(BY_NAME[name], folder)

            def note(kind: str, at: int, done: Ended, bench: Bench = bench) -> None:
                wrong = judged(bench, done)
                violations.extend(f"{bench.case.name}: {kind} {at}: {each}" for each in wrong)
                refused[kind] += done.code == 4
                refused["crashed in the HDF5 library"] += done.code == CRASHED
                bench.reset()

            count = Arrays(0)
            bench.run(count)
            bench.reset()
            for nth in range(1, count.count + 1, 1 + count.count // 16):
                note("arrays", nth, bench.run(Arrays(nth)))
            succeeded = 0
            for more in range(0, 200 * STEP, STEP):
                done = limited(bench, more)
                note("out of memory", more, done)
                succeeded += done.code == 0
                if succeeded == 5:
                    break
    if "--json" in arguments:
        print(json.dumps({"refused": refused, "violations": violations}))
    else:
        print(", ".join(f"{kind}: {count:,} refused" for kind, count in refused.items()))
        print(f"{len(violations)} violations")
        for violation in violations:
            print(" ", violation)
    return 1 if violations else 0


if __name__ == "__main__":
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:  # memory goes back as soon as it is free
        fixed = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
        env = os.environ | fixed | {"OPENBLAS_NUM_THREADS": "1"}
        module = ("-m", "helpers.faults.memory")
        os.execve(sys.executable, [sys.executable, *module, *sys.argv[1:]], env)
    sys.stdout = os.fdopen(os.dup(1), "w")  # what is under test may close its own
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
