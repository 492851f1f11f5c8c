"""Count the instructions of whole commands, which hardly differ from run to run.

``python tests/bench/instructions.py`` prints a table: millions of instructions from start to exit,
and how many of them are above the floor, the four packages that the tool depends on, imported in
one process of the same run (what these cost depends on their versions). ``--check`` runs a few
commands only and ends with 1 where one takes 5 % more than is kept in ``instructions.json``;
``--keep`` writes that file. Needs valgrind; without it nothing is counted, and the exit code is 0.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

KEPT = Path(__file__).with_suffix(".json")
SLACK = 1.05
PACKAGES = "import numpy, click, google.protobuf.text_format, rich.console, rich.table"
PYTHON, FLOOR = "python -c pass", "the four packages"
NET, BASE, FILLED = "d/net.prototxt", "d/base.caffemodel", "d/fcn.caffemodel"
TOOL = ("-m", "deconvsurgery")
COMMANDS = {
    PYTHON: ("-c", "pass"),
    FLOOR: ("-c", PACKAGES),
    "--version": (*TOOL, "--version"),
    "--help": (*TOOL, "--help"),
    "apply --help": (*TOOL, "apply", "--help"),
    "apply": (*TOOL, "apply", "-f", NET, BASE, "out.caffemodel"),
    "inspect": (*TOOL, "inspect", NET, BASE),
    "check": (*TOOL, "check", NET, BASE),
    "check NET": (*TOOL, "check", NET),
    "patch-net": (*TOOL, "patch-net", "-f", NET, "out.prototxt"),
    "convert": (*TOOL, "convert", "-f", BASE, "converted.caffemodel"),
    "diff": (*TOOL, "diff", BASE, FILLED),
    "regroup": (*TOOL, "regroup", "-f", NET, FILLED, "g.prototxt", "g.caffemodel"),
    "transplant": (*TOOL, "transplant", "-f", NET, BASE, "t.caffemodel"),
}
CHECKED = (PYTHON, FLOOR, "--version", "apply", "inspect", "check", "check NET")


def main() -> int:
    """Print the table; 1 where a command takes more than was kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--check", action="store_true", help="hold a few commands to what is kept")
    asked.add_argument("--keep", action="store_true", help="keep what is counted")
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("no instructions are counted: valgrind is not at hand")
        return 0
    with tempfile.TemporaryDirectory() as work:
        started([*TOOL, "demo", "d"], work)
        found = counted(CHECKED if given.check else COMMANDS, work)
    above = {name: count - found[floor_of(name)] for name, count in found.items()}
    for name, count in found.items():
        print(f"{name:17} {count / 1e6:7.1f} M   {above[name] / 1e6:+7.1f} M above the floor")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if given.keep:
        KEPT.write_text(json.dumps({"python": version, "above": above}, indent=2) + "\n", "utf-8")
    if not given.check:
        return 0
    kept = json.loads(KEPT.read_text("utf-8"))
    if kept["python"] != version:
        print(f"not held to what is kept: that is of Python {kept['python']}, this is {version}")
        return 0
    code = 0
    for name in CHECKED:
        most = SLACK * (found[floor_of(name)] + kept["above"][name])
        if found[name] > most:
            print(f"{name}: {found[name] / 1e6:.1f} M instructions, at most {most / 1e6:.1f} M")
            code = 1
    return code


def floor_of(name: str) -> str:
    """The process that a command is compared with: those without a net load no package's all."""
    return PYTHON if name in (PYTHON, FLOOR) or name.endswith(("--version", "--help")) else FLOOR


def counted(names: Iterable[str], work: str) -> dict[str, int]:
    """Instructions of each command, its byte code made before."""
    found = {}
    for name in names:
        started(COMMANDS[name], work)
        said = started(COMMANDS[name], work, "valgrind", "--tool=callgrind").stderr
        collected = re.search(r"Collected : (\d+)", said)
        if collected is None:
            raise SystemExit(f"valgrind counted nothing for {name}:\n{said[-2000:]}")
        found[name] = int(collected[1])
    return found


def started(arguments: Iterable[str], work: str, *before: str) -> subprocess.CompletedProcess[str]:
    """One process of this Python, in the folder; a package that lies there is not taken."""
    environment = os.environ | {"PYTHONHASHSEED": "0", "NO_COLOR": "1", "COLUMNS": "80"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [*before, sys.executable, *arguments],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: check found something, models differ
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done


if __name__ == "__main__":
    sys.exit(main())
