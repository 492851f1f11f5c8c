"""Several processes write to one place at once: one of them wins, whole, and nothing is left.

python -m helpers.faults.race [--json] [ROUNDS]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from helpers.faults.lab import TEMPORARY, content, ended, prepare

WRITERS = (
    "apply --formula fcn net in out",
    "apply --formula caffe-1.0 net in out",
    "apply --formula caffe net doubles out",
    "convert in.h5 out",
    "convert --values float64 full out",
    "patch-net net out",
)
PAIR = (
    "regroup -f net full out out2",
    "regroup -f --expand net full out out2",
    "apply -f --save-patch out2 net wrong out",
)


def expected(folder: Path, lines: tuple[str, ...]) -> list[dict[str, bytes]]:
    """What each would write alone."""
    found = []
    for line in lines:
        assert ended(folder, line.split()).code == 0, line
        found.append({name: (folder / name).read_bytes() for name in outputs(line)})
        for name in outputs(line):
            (folder / name).unlink()
    return found


def outputs(line: str) -> list[str]:
    """The names of what a command writes."""
    return [each for each in ("out", "out2") if each in line.split()]


def raced(folder: Path, lines: list[list[str]]) -> list[int]:
    """Start all at the same moment; the exit codes."""
    gate, opens = os.pipe()
    children = []
    for arguments in lines:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.close(opens)
                os.read(gate, 1)  # ends when the parent closes its end
                code = ended(folder, arguments).code
            finally:
                os._exit(code)
        children.append(child)
    os.close(gate)
    os.close(opens)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def main(arguments: list[str]) -> int:
    """So many rounds, or forty; print what came of them. Four are one of each kind."""
    asked = next((int(each) for each in arguments if not each.startswith("--")), 40)
    violations: list[str] = []
    won = rounds = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder)
        alone = {lines: expected(folder, lines) for lines in (WRITERS, PAIR)}
        for number in range(asked):
            lines, pair = (PAIR, True) if number % 4 == 3 else (WRITERS, False)
            force = number % 2 == 1
            results = alone[lines]
            before = content(folder)
            commands = [line.split() for line in lines]
            if force:
                commands = [[line[0], "-f", *line[1:]] for line in commands]
            codes = raced(folder, commands)
            now = content(folder)
            found = {name: now.get(name) for name in ("out", "out2")}
            rounds += 1
            at = f"round {number}, exit codes {codes}"
            if any(TEMPORARY in name for name in now):
                violations.append(f"{at}: a temporary file is left")
            if any(now.get(name) != data for name, data in before.items()):
                violations.append(f"{at}: an input was changed")
            if not {*codes} <= ({0, 2, 4} if pair else {0, 2}) or 0 not in codes:
                violations.append(f"{at}: those are wrong")
            if force and not pair and {*codes} != {0}:
                violations.append(f"{at}: with --force everyone succeeds")
            for name, data in found.items():
                whole = [each[name] for each in results if name in each]
                if data is not None and data not in whole:
                    violations.append(f"{at}: {name} is nobody's")
            won += found["out"] is not None
            for name, data in found.items():
                if data is not None:
                    (folder / name).unlink()
    if "--json" in arguments:
        print(json.dumps({"rounds": rounds, "won": won, "violations": violations}))
    else:
        print(f"{rounds} rounds, {won} with a result, {len(violations)} violations")
        print("\n".join(violations))
    return 1 if violations else 0


if __name__ == "__main__":
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.exit(main(sys.argv[1:]))
