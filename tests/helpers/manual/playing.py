"""Runs the blocks of a page, in folders as a reader of that page has them.

Each block begins in a folder of its own, or, on a page that tells one story, all go on in one
shell. Never here: judging; a page comes back with its blocks as they ought to be.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.manual.blocks import COMMANDS, Block, blocks

if TYPE_CHECKING:
    from helpers.manual.readers import Reader

ENDED = re.compile("\x1e([0-9]+)\x1e")
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# The command as it is installed, which finds itself by its name.
TOOLS = {
    "deconvsurgery": "#!{python}\nfrom deconvsurgery.__main__ import main\nmain()\n",
    "python": '#!/bin/sh\nexec {python} "$@"\n',
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """A block, its ``body`` as it would be if it said what happens, and what is ``wrong``."""

    block: Block
    body: str
    wrong: str | None = None


def play(text: str, reader: Reader, place: Path) -> list[Replayed]:
    """Run what the page shows, in folders that are made in ``place``."""
    every = blocks(text)
    played = [each for each in every if _is_played(each, reader)]
    replayed: list[Replayed] = []
    outputs: dict[Block, str] = {}
    for number, group in enumerate([played] if reader.story else [[each] for each in played]):
        folder = place / str(number)
        folder.mkdir()
        reader.lay(folder)
        done = _run([line for each in group for line in _script(each, reader)], folder, place)
        for block in group:
            again, outputs[block] = _replay(block, _script(block, reader), done)
            replayed.append(again)
    replayed += [
        Replayed(after, outputs[before]) for before, after in pairwise(every) if after.printed
    ]
    return replayed


def _is_played(block: Block, reader: Reader) -> bool:
    if block.why_not is not None:
        return False
    saved = reader.story and "file" in block.marks
    return saved or block.kind in COMMANDS or "transcript" in block.marks


def _script(block: Block, reader: Reader) -> list[str]:
    if "file" in block.marks:
        name = shlex.quote(block.marks["file"])
        return [f"cat > {name} <<'END OF FILE'\n{block.body}END OF FILE"]
    if "transcript" in block.marks:
        return [f"deconvsurgery {block.marks['transcript']}"]
    if block.kind == "python":
        return [f"python - <<'END OF PROGRAM'\n{reader.names}{block.body}END OF PROGRAM"]
    return [command for command, _ in block.shown]


def _run(commands: list[str], folder: Path, place: Path) -> Iterator[tuple[str, int]]:
    """What each command printed on a terminal of 80 columns, and how it ended."""
    bin_ = place / "bin"
    for name, program in TOOLS.items():
        tool = bin_ / name
        if not tool.exists():
            bin_.mkdir(exist_ok=True)
            tool.write_text(program.format(python=sys.executable))
            tool.chmod(0o755)
    # The code is printed after each command, and given back for the next one's `$?`.
    code = 'code=$?; printf "\\036%d\\036" $code; (exit $code)'
    script = "exec 2>&1 </dev/null\n" + "".join(f"{each}\n{code}\n" for each in commands)
    terminal = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ
        | terminal
        | {
            "HOME": str(folder),
            "PATH": os.pathsep.join([str(bin_), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        timeout=120,
        check=False,
    )
    words = ESCAPES.sub("", done.stdout.decode("utf-8"))
    pieces = ENDED.split(words)
    yield from zip(pieces[::2], map(int, pieces[1::2]), strict=False)


def _replay(
    block: Block, scripts: list[str], done: Iterator[tuple[str, int]]
) -> tuple[Replayed, str]:
    """The block as it ought to be, and all that it printed."""
    ran = []
    for script in scripts:
        output, code = next(done, ("the shell ended before it\n", 1))
        ran.append((script, _trimmed(output), code))
    wrong = [
        f"{script!r} ended with {code}:\n{output}"
        for (script, output, code), after in zip_longest(ran, [each for each, *_ in ran[1:]])
        if code and not (block.kind == "console" and after == "echo $?")
    ]
    printed = "".join(output for _, output, _ in ran)
    body = block.body
    if "transcript" in block.marks:
        lines = printed.splitlines(keepends=True)
        body = "".join(lines[: len(block.body.splitlines())])
    elif block.kind == "console":
        body = "".join(
            _said(command, shown, output)
            for (command, shown), (_, output, _) in zip(block.shown, ran, strict=True)
        )
    return Replayed(block, body, "\n".join(wrong) or None), printed


def _said(command: str, shown: str, output: str) -> str:
    """A command as it was typed, and what it printed; a line of `…` there leaves lines out."""
    typed = "\n> ".join(command.splitlines())
    if re.search(r"(?:^|\n)\n\Z", shown):  # the page's own, between this and the next prompt
        output += "\n"
    return f"$ {typed}\n{shown if _fits(shown, output) else output}"


def _fits(shown: str, output: str) -> bool:
    parts = [re.escape(part) for part in re.split(r"^…\n", shown, flags=re.MULTILINE)]
    return len(parts) > 1 and bool(re.fullmatch(".*".join(parts), output, re.DOTALL))


def _trimmed(output: str) -> str:
    """Without the blanks that fill a table's lines up, and with an end to the last line."""
    return "".join(f"{line.rstrip()}\n" for line in output.rstrip("\n").splitlines())


def updated(text: str, replayed: Iterable[Replayed]) -> str:
    """The page with every block as it ought to be."""
    for again in sorted(replayed, key=lambda again: again.block.start, reverse=True):
        start = again.block.start
        text = text[:start] + again.body + text[start + len(again.block.body) :]
    return text
