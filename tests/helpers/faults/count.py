"""Fail the n-th system call of every verb that writes, for n = 1, 2, 3 … until the run succeeds.

    python -m helpers.faults.count [--json] [--thin | --once] [CASE …]

Prints how many faults were put in, by verb and by call, and every violation; exit code 1 if
there is one. Takes some minutes; ``--thin`` takes fewer kinds, and of many calls not each;
``--once`` takes every kind, once, in one of the cases.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.faults.injection import (
    FAULTS,
    HARMLESS,
    LASTING,
    NOTHING,
    ONE,
    Calls,
    Kind,
    Striking,
    fault_name,
)
from helpers.faults.lab import BY_NAME, CASES, Bench, Ended, prepare


@dataclass(slots=True)
class Tally:
    """Faults put in, by call and by verb; exit codes; and what was violated."""

    faults: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def strikes(*, thin: bool) -> Iterator[tuple[tuple[str, ...], Kind, bool]]:
    """Which functions fail, how, and whether it lasts."""
    for name, kinds in FAULTS.items():
        for kind in (kinds[0], *({kinds[-1]} & {ONE})) if thin else kinds:
            yield (name,), kind, False
    for number, names in LASTING.items():
        if not thin or number == errno.ENOSPC:
            yield names, number, True


def strike_all(bench: Bench, *, thin: bool = False) -> Tally:
    """Every fault at every call of a case.

    Up to the fault a run is like any other, so as many calls can fail as an undisturbed run makes.
    """
    tally = Tally()
    made = calls_made(bench, tally)
    for names, kind, lasting in strikes(thin=thin):
        nth = 1
        while nth <= sum(made[name] for name in names):
            strike(bench, tally, names, Striking(nth, kind, lasting=lasting))
            nth += 1 + (nth if thin else 0)
    return tally


def strike_once(benches: Sequence[Bench]) -> Tally:
    """Every fault once, in the cases in turn, and at calls all over a run."""
    tally = Tally()
    made = [(bench, calls_made(bench, tally)) for bench in benches]
    for number, (names, kind, lasting) in enumerate(strikes(thin=False)):
        counts = [(bench, sum(calls[name] for name in names)) for bench, calls in made]
        able = [(bench, count) for bench, count in counts if count]
        if able:  # there may be no such call on this system
            bench, count = able[number % len(able)]
            nth = 1 + number * 7 % count
            strike(bench, tally, names, Striking(nth, kind, lasting=lasting))
    return tally


def calls_made(bench: Bench, tally: Tally) -> Counter[str]:
    """How often an undisturbed run calls which function."""
    made: Counter[str] = Counter()

    def counting(_number: int, name: str, call: Callable[[], Any]) -> Any:
        made[name] += 1
        return call()

    bench.run()  # imports what later runs have
    bench.reset()
    done = bench.run(Calls(tuple(FAULTS), counting).watched())
    if done.code != 0 or bench.done() is not True:
        tally.violations.append(f"{bench.case.name}: without a fault: {done}")
    bench.reset()
    return made


def strike(bench: Bench, tally: Tally, names: tuple[str, ...], striking: Striking) -> None:
    """One fault in one run."""
    lasts = "+" if striking.lasting else ""
    wrong, code = struck(bench, Calls(names, striking), names, striking.kind)
    if not striking.struck:
        wrong.append("did not strike")
    at = f"{bench.case.name}: {'/'.join(names)} {striking.nth}{lasts} {fault_name(striking.kind)}"
    tally.violations += [f"{at}: {each}" for each in wrong]
    tally.faults["lasting" if striking.lasting else names[0]] += 1
    tally.verbs[bench.case.arguments[0]] += 1
    tally.codes[code] += 1


def struck(bench: Bench, calls: Calls, names: tuple[str, ...], kind: Kind) -> tuple[list[str], int]:
    """Run once with the calls as they are made to be: what is wrong then, and the exit code."""
    open_before = _descriptors()
    try:
        done = bench.run(calls.watched())
    except BaseException as error:
        done = Ended(-1, "", f"{type(error).__name__}: {error}")
    wrong = judged(bench, names, kind, done)
    if _descriptors() != open_before:
        wrong.append("a descriptor is left open")
    bench.reset()
    return wrong, done.code


# How commands begin depends on where the program is found, which a fault may hide.
_PROGRAM = re.compile(r"(?:\S*python\S* -m )?\S*\bdeconvsurgery(?= )")


def _as_compared(printed: str) -> list[str]:
    return [_PROGRAM.sub("deconvsurgery", line) for line in _without_warnings(printed)]


def judged(bench: Bench, names: tuple[str, ...], kind: Kind, done: Ended) -> list[str]:
    """What does not hold after a run in which a fault struck."""
    wrong = bench.faults()
    new = bench.done()
    if "Traceback" in done.errors:
        wrong.append("I3: a traceback")
    if done.code == 0:
        if new is not True:
            wrong.append("I3: success, but the outputs are not all new")
        warnings = " ".join(done.warnings)
        if warnings and not (isinstance(kind, int) and os.strerror(kind) in warnings):
            wrong.append("I3: a warning names no cause")
        if _as_compared(done.out) != _as_compared(bench.printed):
            wrong.append("I3: success, but another report")
        return wrong
    if all((name, kind) in HARMLESS for name in names):
        wrong.append(f"I3: it can be done all the same, but: {done.errors}")
    if done.code != 4:
        wrong.append(f"I3: exit code {done.code}: {done.errors}")
    if done.out:
        wrong.append("I3: success was reported of a run that failed")
    if bench.case.stream:
        pass  # what was sent cannot be taken back
    elif new is None and bench.case.at_once:
        wrong.append("I1: some outputs are new, some are not")
    elif new and bench.case.at_once and "`sync`" not in done.errors:
        wrong.append(f"I3: it failed, but the outputs are new: {done.errors}")
    first, _, hint = done.errors.partition("\n")
    named = {*bench.before, *bench.new, "new", "standard input", "standard output"}
    if not first.startswith("error: ") or first[7:].partition(": ")[0] not in named:
        wrong.append(f"I3: no file is named: {first}")
    if isinstance(kind, int) and os.strerror(kind) not in first:
        wrong.append(f"I3: no cause is named: {first}")
    if not hint.startswith("  hint: ") and kind != NOTHING:
        wrong.append(f"I3: nothing is said that could be done: {first}")
    return wrong


def _without_warnings(report: str) -> list[str]:
    """Nor the notes of a check, which has its warnings among them."""
    lines = [line for line in report.splitlines() if not line.startswith("warning: ")]
    return [line for line in lines if ": note: " not in line]


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def main(arguments: list[str]) -> int:
    """Run the cases of these names, or all; print a table, or with ``--json`` a document."""
    options = {each for each in arguments if each.startswith("--")}
    chosen = [BY_NAME[each] for each in arguments if each not in options] or CASES
    total = Tally()
    rows = []
    with tempfile.TemporaryDirectory() as place:
        template = Path(place, "template")
        template.mkdir()
        prepare(template)
        tempfile.tempdir = os.path.join(place, "temporary")  # faults keep some from being removed
        os.mkdir(tempfile.tempdir)
        benches = [
            Bench(case, shutil.copytree(template, Path(place, str(number))))
            for number, case in enumerate(chosen)
        ]
        if "--once" in options:
            total = strike_once(benches)
        else:
            for bench in benches:
                tally = strike_all(bench, thin="--thin" in options)
                rows.append((bench.case.name, sum(tally.faults.values()), len(tally.violations)))
                total.faults += tally.faults
                total.verbs += tally.verbs
                total.codes += tally.codes
                total.violations += tally.violations
    if "--json" in options:
        found = {"faults": total.faults, "verbs": total.verbs, "violations": total.violations}
        print(json.dumps(found))
    else:
        for name, faults, violations in rows:
            print(f"{name:<28}{faults:>7,} faults {violations:>5} violations")
        print("by call: ", ", ".join(f"{name} {n:,}" for name, n in total.faults.most_common()))
        print("by exit code: ", ", ".join(f"{code}: {n:,}" for code, n in total.codes.items()))
        print(f"{sum(total.faults.values()):,} faults, {len(total.violations)} violations")
        for violation in total.violations:
            print(" ", violation)
    return 1 if total.violations else 0


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.stdout = os.fdopen(os.dup(1), "w")  # what is under test may close its own
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the HDF5 library ends a process in which reading failed with its own code
