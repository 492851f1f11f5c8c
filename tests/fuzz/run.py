"""Run one harness under atheris: ``python tests/fuzz/run.py --target index --runs 1000000``.

The corpus is kept in ``--corpus`` and taken up again by the next run; without it everything is
thrown away. Each finding is a file in ``--findings``, and the run goes on behind it. Exit code 1
says that there were any.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DICTIONARY = {
    "index": "wire.dict",
    "net": "text.dict",
    "splice": "wire.dict",
    "apply": "wire.dict",
    "url": "url.dict",
    "rows": "json.dict",
    "results": "json.dict",
    "patch": "json.dict",
    "settings": "settings.dict",
    "lists": "lists.dict",
    "command": "command.dict",
}
HEAD = {"index": 0, "net": 1, "splice": 3, "apply": 2, "rows": 1, "results": 0, "patch": 1}
HEAD |= {"settings": 1, "lists": 1, "command": 1}
"""Bytes in front of what is read."""
MEMORY = Path("/dev/shm")  # where files of a harness's own cost no disk
# What new code is looked for in, where that is not all of ours: a whole verb takes milliseconds.
WATCHED = {"command": ["deconvsurgery.cli", "deconvsurgery.inputs"]}
SLOWEST = 30  # seconds for one input; more is a finding
MOST_FINDINGS = 20  # mostly one fault again and again
_PROGRESS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)")
_DONE = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


@dataclass
class Tally:
    """What has come of a run so far."""

    executions: int = 0
    covered: int = 0
    features: int = 0
    corpus: int = 0
    findings: list[Path] = field(default_factory=list)


def main() -> int:
    """Run until the executions or the time are used up; 1 when there were findings."""
    given = _arguments()
    sys.path.insert(0, str(HERE))
    if given.inside:
        return _inside(given.target, given.rest)
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install -e '.[fuzz]'", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as scratch:
        os.environ["TMPDIR"] = scratch  # libFuzzer ends without a word to Python
        corpus = given.corpus or Path(scratch) / "corpus"
        findings = given.findings or Path(scratch) / "findings"
        for place in (corpus, findings):
            place.mkdir(parents=True, exist_ok=True)
        _sow(given.target, corpus)
        started = time.monotonic()
        tally = _run(given, corpus, findings)
        seconds = time.monotonic() - started
        for found in tally.findings:
            print(f"finding: {found}: {found.read_bytes()!r}")
    said = (
        f"{given.target}: {tally.executions} executions in {seconds:.0f} s "
        f"({tally.executions / max(seconds, 1e-9):.0f}/s), seed {given.seed}, "
        f"cov {tally.covered}, ft {tally.features}, corpus {tally.corpus}, "
        f"findings {len(tally.findings)}"
    )
    print(said)
    if given.corpus:
        with given.corpus.with_suffix(".log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%F %T')} {_commit()} {said}\n")
    return 1 if tally.findings else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=DICTIONARY, required=True)
    parser.add_argument("--runs", type=int, default=-1, help="executions in all; -1: no end")
    parser.add_argument("--time", type=int, default=0, help="seconds in all; 0: no end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-len", type=int, default=256, help="bytes of an input")
    parser.add_argument("--slowest", type=int, default=SLOWEST, help="seconds for one input")
    parser.add_argument("--corpus", type=Path, help="a directory that is kept")
    parser.add_argument("--findings", type=Path, help="a directory for what was found")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def _sow(target: str, corpus: Path) -> None:
    """Seeds and earlier findings, under libFuzzer's own names for them."""
    from seeds import seeds

    known = sorted((HERE / "findings" / target).glob("*"))
    for data in (*seeds(target), *(path.read_bytes() for path in known)):
        name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        (corpus / name).write_bytes(data)


def _run(given: argparse.Namespace, corpus: Path, findings: Path) -> Tally:
    tally = Tally()
    end = time.monotonic() + given.time if given.time else None
    for attempt in range(MOST_FINDINGS):
        left = given.runs - tally.executions if given.runs >= 0 else -1
        seconds = max(0, round(end - time.monotonic())) if end else 0
        if left == 0 or (end and not seconds):
            break
        try:
            if not _once(given, attempt, left, seconds, (corpus, findings), tally):
                break
        except KeyboardInterrupt:
            break
    return tally


def _once(
    given: argparse.Namespace,
    attempt: int,
    runs: int,
    seconds: int,
    places: tuple[Path, Path],
    tally: Tally,
) -> bool:
    """Until the end or the first finding; whether it was a finding."""
    corpus, findings = places
    before = set(findings.iterdir())
    command = [
        *(sys.executable, str(HERE / "run.py"), "--target", given.target, "--inside", "--"),
        *(f"-runs={runs}", f"-max_total_time={seconds}", f"-seed={given.seed + attempt}"),
        *(f"-max_len={given.max_len}", f"-dict={HERE / DICTIONARY[given.target]}"),
        *(f"-artifact_prefix={findings}/", f"-timeout={given.slowest}", "-print_final_stats=1"),
        *("-reload=0", str(corpus)),
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    executions, last = 0, []
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if progress := _PROGRESS.match(line):
                    numbers = map(int, progress.groups())
                    executions, tally.covered, tally.features, tally.corpus = numbers
                    if "pulse" in line:
                        print(line, end="", flush=True)
                elif done := _DONE.match(line):
                    executions = int(done[1])
                else:
                    last = [*last[-40:], line]
        finally:
            tally.executions += executions
    new = set(findings.iterdir()) - before
    tally.findings += sorted(new)
    if process.returncode and not new:
        raise RuntimeError(f"the fuzzer itself failed ({process.returncode}):\n{''.join(last)}")
    if new:
        print("".join(last), flush=True)
    return bool(new)


def _commit() -> str:
    told = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def _inside(target: str, options: list[str]) -> int:
    """The process that fuzzes; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(include=WATCHED.get(target, ["deconvsurgery"])):
        harness = importlib.import_module(target)
    from json_mutation import JsonMutator
    from mutation import LineMutator, TextMutator, WireMutator
    from words import command_words, json_words, list_words, settings_words, text_words, wire_fields

    # Asked for at each call: Setup exchanges it.
    def mutate(data: bytes, size: int) -> bytes:
        return atheris.Mutate(data, size)

    mutator: dict[str, Any] = {}  # what has neither lengths nor braces needs none
    words = {"net": text_words, "settings": settings_words, "lists": list_words}.get(target)
    if words is not None:
        mutator["custom_mutator"] = TextMutator(mutate, list(words()), HEAD[target])
    elif DICTIONARY[target] == "json.dict":
        mutator["custom_mutator"] = JsonMutator(mutate, list(json_words()), HEAD[target])
    elif target == "command":
        mutator["custom_mutator"] = LineMutator(mutate, list(command_words()), HEAD[target])
    elif target in HEAD:
        mutator["custom_mutator"] = WireMutator(mutate, wire_fields(), HEAD[target])
    atheris.Setup([sys.argv[0], *options], harness.check, **mutator)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
