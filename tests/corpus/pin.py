"""Write ``expected.tsv`` anew, to be read before it is committed: ``python tests/corpus/pin.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import hostile_runs
from make import ALL

TABLE = Path(__file__).resolve().parent / "expected.tsv"
HEAD = "file\texit\tkind\tplace\tmessage, or what was done\tcommands\n"


def rows(name: str, found: list[tuple[str, hostile_runs.Outcome]]) -> list[str]:
    """A file's rows: commands with one outcome share one."""
    commands: dict[hostile_runs.Outcome, list[str]] = {}
    for line, outcome in found:
        commands.setdefault(outcome, []).append(line)
    return [
        "\t".join((name, *map(str, outcome), " | ".join(lines)))
        for outcome, lines in commands.items()
    ]


def main() -> None:
    """Run all of it; what breaks a promise is printed and left out."""
    written = []
    with tempfile.TemporaryDirectory() as folder:
        for case in ALL:
            found = []
            for line in hostile_runs.lines(case):
                try:
                    found.append((line, hostile_runs.outcome(case, line, Path(folder))))
                except Exception as error:
                    print(f"{case.name}: {line}: {type(error).__name__}: {str(error)[:300]}")
            written += rows(case.name, found)
    TABLE.write_text(HEAD + "".join(f"{row}\n" for row in written), encoding="utf-8")


if __name__ == "__main__":
    main()
