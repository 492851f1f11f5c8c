"""Change modules in small ways and see that tests fail: ``tests/mutants/run.py caffemodel/wire``.

mutmut makes the mutants and runs the tests, in a copy of the checkout. Each mutant that lives must
have its reason in ``explained.tsv``; one without is printed, and the exit code is 1. Without
arguments all modules are gone through, which takes an hour. ``--keep FOLDER`` leaves the copy
there; a run that finds it tries only what is new or lived.

Text is left as it is: the words of messages are pinned in ``tests/golden/words.txt``, the keys of
documents by their schemas.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# Tests of each module that take seconds, not minutes; a mutant runs those that call its function.
TESTS = {
    "splicing/byte_ranges": ["splicing/test_byte_ranges.py", "caffemodel/test_blob_edits.py"],
    "caffemodel/wire": ["caffemodel/test_wire.py", "caffemodel/test_blob_edits.py"],
    "caffemodel/model_layer": ["caffemodel/test_model_layer.py"],
    "storage/bytes_source": ["storage/test_bytes_source.py", "verbs/test_open_models.py"],
    "matching/role": ["matching/test_role.py"],
    "matching/copied_layer": ["matching/test_compatibility.py", "matching/test_copied_layer.py"],
    "matching/group_of_weights": ["matching/test_group_of_weights.py"],
    "matching/renamed_layers": ["matching/test_compatibility.py", "matching/test_copied_layer.py"],
    "matching/compatibility": [
        "matching/test_batch_norm.py",
        "matching/test_compatibility.py",
        "matching/test_compatibility_of_layers.py",
        "matching/test_loaded_blobs.py",
        "rules/test_rules.py",
    ],
    "matching/rewritable": ["matching/test_rewritable.py"],
    "rules/merged_steps": ["rules/test_merged_steps.py", "advice/test_repair_chain.py"],
    "rules/repair_chain": ["rules/test_repair_chain.py"],
    "rules/suggest_repairs": ["rules/test_suggest_repairs.py"],
    "rules/trials": ["rules/test_trials.py", "rules/test_repair_chain.py"],
    "rules/tried_steps": ["rules/test_tried_steps.py"],
    "plans/apply/plan": ["plans/apply/test_plan.py", "matching/test_compatibility.py"],
    "storage/write_outputs": [
        "storage/test_write_outputs.py",
        "storage/test_write_pair.py",
        "storage/test_write_amended.py",
    ],
    "storage/destination": [
        "storage/test_destination.py",
        "storage/test_write_outputs.py",
        "storage/test_write_pair.py",
    ],
    "storage/differing_ranges": ["storage/test_differing_ranges.py"],
    "storage/outcome": [
        "storage/test_write_outputs.py",
        "storage/test_write_amended.py",
    ],
    "kernels/bilinear": ["kernels/test_bilinear.py"],
    "kernels/kernel_axis": ["kernels/test_bilinear.py"],
}
# Disks of other kinds take seconds to mount, and say nothing that `write_outputs` decides.
NOT_RUN = "not real_clone"
SETTINGS = {
    "source_paths": ["deconvsurgery"],
    "also_copy": ["docs"],  # whose tables tests read
    "pytest_add_cli_args": [
        "--override-ini=addopts=--import-mode=importlib",  # no xdist: mutmut has its own processes
        "--hypothesis-profile=deconvsurgery",
        f"-k={NOT_RUN}",
        "-m=not campaign",
    ],
    # A mutant may loop for ever: it gets five times what its tests take, and half a minute.
    "timeout_multiplier": 5,
    "timeout_constant": 6,
    "use_git_change_detection": False,  # the copy has no history
    "track_dependencies": False,
}
MEMORY = 4 << 30  # bytes of addresses for a process: a loop may also fill a list
# Run before mutmut's own code, in its process: it has no setting for this.
NO_TEXT = (
    "from mutmut.mutation import mutators as m; "
    "m.mutation_operators[:] = [o for o in m.mutation_operators if o[1] is not m.operator_string]"
)
KILLED = (1, 3)  # pytest: a test failed, an error of its own
TIMEOUT = (-24, 24, 152, 36, -9)  # SIGXCPU from mutmut's clock or the limit, SIGKILL behind it


class Change(NamedTuple):
    """A mutant: what stood in a function, and what stands there instead."""

    module: str
    function: str
    was: str
    became: str


def main() -> int:
    """Try the modules; 1 when a mutant lives that nobody has explained."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "modules", nargs="*", choices=[*TESTS, "all"], default="all", metavar="MODULE"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the copy stays")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants tried at a time")
    given = parser.parse_args()
    if find_spec("mutmut") is None:
        print("mutmut is not installed: pip install -e '.[mutants]'", file=sys.stderr)
        return 2
    modules, explained = list(TESTS) if "all" in given.modules else given.modules, reasons()
    print(
        f"{'module':21} {'mutants':>7} {'killed':>7} {'timeout':>7} {'explained':>9} {'alive':>5}"
    )
    unexplained: list[tuple[str, Change]] = []
    seen: set[Change] = set()
    with tempfile.TemporaryDirectory() as scratch:
        for module in modules:
            folder = (given.keep or Path(scratch)) / module
            codes = tried(module, folder, given.jobs)
            counts = Counter(outcome(code) for code in codes.values())
            lived = [name for name, code in codes.items() if outcome(code) == "alive"]
            alive = dict(zip(lived, changes(module, lived, folder), strict=True))
            new = [(name, change) for name, change in alive.items() if change not in explained]
            unexplained += new
            seen.update(alive.values())
            print(
                f"{module:21} {len(codes):7} {counts['killed']:7} {counts['timeout']:7}"
                f" {len(alive) - len(new):9} {len(new):5}",
                flush=True,
            )
    for change in explained.keys() - seen:
        if change.module in modules:
            print(f"\nno longer alive: {change.module}, {change.function}: {change.became}")
    for name, change in unexplained:
        print(f"\n{name}\n  - {change.was}\n  + {change.became}")
    return 1 if unexplained else 0


def reasons() -> dict[Change, str]:
    """Why a mutant may live."""
    with (HERE / "explained.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {Change(*row[:4]): row[4] for row in rows}


def tried(module: str, folder: Path, jobs: int) -> dict[str, int]:
    """Each mutant's exit code, by mutmut in a copy of the checkout."""
    for part in ("deconvsurgery", "tests", "docs"):
        shutil.copytree(
            ROOT / part,
            folder / part,
            ignore=shutil.ignore_patterns("__pycache__", "bench"),
            dirs_exist_ok=True,
        )
    (folder / "mutants").mkdir(
        exist_ok=True
    )  # Python forgets entries of its path that are not there
    settings = SETTINGS | {
        "only_mutate": [f"deconvsurgery/{module}.py"],
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in TESTS[module]],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    (folder / "pyproject.toml").write_text(
        "\n".join([pyproject, "[tool.mutmut]", *lines, ""]), "utf-8"
    )
    meta = folder / f"mutants/deconvsurgery/{module}.py.meta"
    if meta.exists():
        known = json.loads(meta.read_text("utf-8"))
        codes = known["exit_code_by_key"]
        codes |= {name: None for name, code in codes.items() if outcome(code) == "alive"}
        meta.write_text(json.dumps(known), "utf-8")
        # Which test calls what is found out again: mutmut does it for new tests only.
        (folder / "mutants/mutmut-stats.json").unlink(missing_ok=True)
    done = mutmut(folder, "cli()", "run", "--max-children", str(jobs))
    (folder / "log").write_text(done.stdout, "utf-8")
    if done.returncode:
        raise SystemExit(done.stdout[-5000:])
    after: dict[str, int] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    return after


def mutmut(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Code that calls mutmut, with bounded memory and the same random examples each time."""
    return subprocess.run(
        [sys.executable, "-c", f"{NO_TEXT}; from mutmut.__main__ import *; {code}", *arguments],
        cwd=folder,
        env=os.environ | {"CI": "1", "PYTHONPATH": str(folder / "mutants")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        check=False,
    )


def outcome(code: int | None) -> str:
    """What became of a mutant."""
    if code in KILLED:
        return "killed"
    return "timeout" if code in TIMEOUT else "alive"


def changes(module: str, names: list[str], folder: Path) -> Iterator[Change]:
    """Mutants in words, from the differences that mutmut shows; one line each in most cases."""
    shown = mutmut(folder, "[show.callback(name) for name in sys.argv[1:]]", *names).stdout
    for name, difference in zip(names, re.split(r"^# .*\n", shown, flags=re.M)[1:], strict=True):
        lines = [line for line in difference.splitlines() if line[:3] not in ("---", "+++")]
        was, became = (
            " ".join(line[1:].strip() for line in lines if line[:1] == sign) for sign in ("-", "+")
        )
        mangled = name.rpartition(".")[2].rpartition("__mutmut_")[0]
        function = mangled.removeprefix("xǁ").removeprefix("x_").replace("ǁ", ".")
        yield Change(module, function, was, became)


if __name__ == "__main__":
    sys.exit(main())
