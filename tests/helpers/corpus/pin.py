"""``expected.tsv``: read, or written anew (``python -m helpers.corpus.pin``) and to be read."""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from helpers.corpus import hostile_runs
from helpers.corpus.make import ALL
from helpers.places import TESTS

TABLE = TESTS / "corpus" / "expected.tsv"
HEAD = "file\texit\tkind\tplace\tlayer\tfacts of the message, or what was done\truns\n"


def expected() -> dict[tuple[str, str], hostile_runs.Outcome]:
    """What expected.tsv says of each file and run."""
    with open(TABLE, encoding="utf-8", newline="") as file:
        _, *written = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return {
        (name, run): hostile_runs.Outcome(int(code), kind, place, layer, facts)
        for name, code, kind, place, layer, facts, runs in written
        for run in runs.split()
    }


def rows(name: str, found: dict[str, hostile_runs.Outcome]) -> list[str]:
    """A file's rows: runs with one outcome share one."""
    alike: dict[hostile_runs.Outcome, list[str]] = {}
    for run, outcome in found.items():
        alike.setdefault(outcome, []).append(run)
    return ["\t".join((name, *map(str, each), " ".join(names))) for each, names in alike.items()]


def main() -> int:
    """Run all of it; what breaks a promise is printed, left out of the table, and makes it 1."""
    written = []
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in ALL:
            found = {}
            for name, line in hostile_runs.runs(case).items():
                try:
                    found[name], _ = hostile_runs.outcome(case, line, Path(folder))
                except Exception as error:  # whichever promise it was: all are to be seen at once
                    broken += 1
                    kind = type(error).__name__
                    sys.stderr.write(f"{case.name}: {line}: {kind}: {str(error)[:300]}\n")
            written += rows(case.name, found)
    TABLE.write_text(HEAD + "".join(f"{row}\n" for row in written), encoding="utf-8")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
