"""Send signals to whole processes, from the first millisecond to the last, and see how they end.

    python -m helpers.faults.signals [--json] [--runs N] [--seed N] [CASE …]

SIGINT, SIGTERM and SIGHUP in turn, to the process and to its group, at moments that are spread
evenly over what the command takes, a little later than its end, and a little at random. What must
hold: the documented code, or its own if it had ended; no traceback but Python's own, before the
first line of the package; each output and each row whole, no temporary file, no process left, and
of each tenth sweep that it can go on.

Prints a table and every violation; exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import deconvsurgery
from helpers.faults.lab import TEMPORARY, content, large_layer, prepare
from helpers.processes.ending import PATIENCE
from helpers.processes.heeding import heeding

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
PACKAGE = os.path.dirname(deconvsurgery.__file__)
SEED = 19
_MEASURED = 3  # runs that nothing disturbs, for the time that one takes
_LATER = 1.1  # of that time, in which signals come
_MOMENT = 10  # seconds for processes to be gone that have let go of all their files
_DASKS_OWN = "dask-scratch-space/"  # locks that it leaves in any case, and takes away itself
_PAIRS = 4
_ZOO = "pairs = [{net = 'nets/*', model = 'in', output = '{name}.out'}]\n[sweep]\nverb = 'apply'\n"
_OWN = re.compile(r'File "(.+?)", line')


@dataclass(frozen=True, slots=True)
class Case:
    """A command, and whether signals come to Dask's processes, too."""

    name: str
    line: str

    @property
    def is_sweep(self) -> bool:
        return self.line.startswith("sweep")


CASES = (
    Case("apply", "apply -f net in out"),
    Case("check", "check net full"),
    Case("sweep", "sweep -w 2 zoo.toml"),
    Case("sweep, Dask", "sweep -w 2 --engine dask zoo.toml"),
)
BY_NAME = {case.name: case for case in CASES}


def prepared(folder: Path, case: Case) -> None:
    """What the command reads; what a signal may meet half written is large enough for that."""
    prepare(folder)
    if case.is_sweep:
        (folder / "nets").mkdir()
        for number in range(_PAIRS):
            shutil.copy(folder / "net", folder / "nets" / f"net{number}.prototxt")
        (folder / "zoo.toml").write_text(_ZOO)
    with (folder / "in").open("ab") as file:
        file.write(large_layer(1 << 20 if case.is_sweep else 8 << 20))


class Bench:
    """A folder in which one command is run again and again."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.folder, self.scratch = folder / "place", folder / "scratch"
        for each in (self.folder, self.scratch):
            each.mkdir()
        prepared(self.folder, case)
        self.before = content(self.folder)
        took = []
        for _ in range(_MEASURED):
            self.reset()
            began = time.monotonic()
            process = self.started()
            out, errors = process.communicate(timeout=PATIENCE)
            took.append(time.monotonic() - began)
            assert (process.returncode, errors) == (0, b""), (out, errors)
        self.takes = min(took)
        self.after = content(self.folder)
        self.reset()

    def started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "deconvsurgery", *self.case.line.split()],
            cwd=self.folder,
            env=os.environ | {"TMPDIR": str(self.scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=heeding,
        )

    def reset(self) -> None:
        """The folder as it was."""
        for name in content(self.folder).keys() - self.before.keys():
            os.unlink(self.folder / name)

    def faults(self, *, over: bool) -> list[str]:
        """What does not hold of the files; ``over``: the command came to its own end."""
        now = content(self.folder)
        wrong = [f"{name} was left" for name in now if TEMPORARY in name]
        scratch = [name for name in content(self.scratch) if not name.startswith(_DASKS_OWN)]
        wrong += [f"{name} was left in the scratch folder" for name in scratch]
        for name, data in self.before.items():
            if now.get(name) != data:
                wrong.append(f"{name} was changed")
        for name in now.keys() - self.before.keys():
            if name.endswith((".jsonl", ".sweep.json")):
                wrong += [f"{name} has half a row" for row in rows(now[name]) if row is None]
            elif TEMPORARY not in name and now[name] != self.after.get(name):
                wrong.append(f"{name} is not whole")
        if over and now.keys() != self.after.keys():
            wrong.append(f"it lacks {self.after.keys() - now.keys()}")
        return wrong

    def goes_on(self) -> list[str]:
        """The same sweep again settles what is left."""
        process = self.started()
        _, errors = process.communicate(timeout=PATIENCE)
        wrong = [] if process.returncode == 0 else [f"the next run: {errors.decode()}"]
        return wrong + self.faults(over=True)


def rows(data: bytes) -> list[Mapping[str, object] | None]:
    """The rows of a file, ``None`` for one that is none."""
    found: list[Mapping[str, object] | None] = []
    for line in data.splitlines(keepends=True):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        found.append(row if isinstance(row, dict) and line.endswith(b"\n") else None)
    return found


def is_pythons_own(errors: str) -> bool:
    """Whether a traceback is the starting interpreter's, with no line of the package."""
    places = _OWN.findall(errors)
    lines = [line.strip() for line in errors.splitlines()]
    ours = any(path.startswith(PACKAGE) for path in places)
    begun = any("multiprocessing" in line or "distributed" in line for line in lines)
    return not ours and not begun


def left(group: int) -> list[int]:
    """Processes of that group that still run a moment later."""
    end = time.monotonic() + _MOMENT
    while (found := running(group)) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def running(group: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = stat.read_text().rpartition(") ")[2].split()[:3]
        except OSError:
            continue
        if int(of) == group and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def signalled(
    bench: Bench, number: signal.Signals, after: float, *, to_all: bool
) -> tuple[str, list[str]]:
    """How the command ended, in a word, and what does not hold."""
    process = bench.started()
    time.sleep(after)
    (os.killpg if to_all else os.kill)(process.pid, number)  # not reaped, it is still there
    try:
        _, said = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "it does not end", ["it does not end"]
    code, errors = process.returncode, said.decode("utf-8", "replace")
    wrong = []
    for process_id in left(process.pid):
        wrong.append(f"{process_id} still runs")
        os.kill(process_id, signal.SIGKILL)
    if "Traceback" in errors or "Exception" in errors or "Error" in errors:
        if not is_pythons_own(errors):
            return "a traceback", [*wrong, errors]
        how = "Python's own, before the package"
    elif code == SIGNALS[number]:
        how = "the documented code"
        if errors and not re.fullmatch(r"\n?deconvsurgery: [^\n]+\n", errors):
            wrong.append(f"it says: {errors}")
    elif code == -number:
        how = "the system's own, before the package or after it"
        wrong += [f"it says: {errors}"] if errors else []
    elif code == 0:
        how = "it had ended"
    else:
        return "another code", [*wrong, f"exit code {code}: {errors}"]
    return how, wrong + bench.faults(over=code == 0)


def main() -> int:
    """Run the campaign, print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    ways = [(number, to_all) for to_all in (False, True) for number in SIGNALS]
    ended: dict[str, Counter[str]] = {}
    violations: list[str] = []
    for case in [BY_NAME[name] for name in given.cases] or CASES:
        counts = ended.setdefault(case.name, Counter())
        with tempfile.TemporaryDirectory() as place:
            bench = Bench(case, Path(place))
            for run in range(given.runs):
                number, to_all = ways[run % len(ways)]
                after = (run + chance.random()) / given.runs * bench.takes * _LATER
                how, wrong = signalled(bench, number, after, to_all=to_all)
                if case.is_sweep and run % 10 == 9 and not wrong:
                    wrong += bench.goes_on()
                counts[how] += 1
                to = "its group" if to_all else "it"
                at = f"{case.name}: {number.name} to {to} after {after * 1000:.1f} ms"
                violations += [f"{at}: {each}" for each in wrong]
                bench.reset()
                for name in content(bench.scratch):
                    os.unlink(bench.scratch / name)
    if given.json:
        print(json.dumps({"ended": ended, "violations": violations}))
    else:
        for name, counts in ended.items():
            print(f"{name}: {counts.total()} signals")
            for how, count in sorted(counts.items()):
                print(f"  {how:<50}{count:>5}")
        print(f"{len(violations)} violations")
        for violation in violations:
            print(" ", violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
