"""A page of the manual as its fenced blocks: what is a command, what is shown, what is marked.

Every block says its language. The kinds:

``sh``        commands to copy, without prompts; each must end with 0
``console``   a terminal: ``$ command``, then what it printed; one that does not end with 0 is
              followed by ``$ echo $?``, so that the reader sees it, too
``python``    a program
``pycon``     examples for doctest, a page at a time
others        data: nets, settings, what a program printed

A block that comes after the word "prints" is what the block before it prints. Marks stand in
comments right above a block, where no reader sees them:

``<!-- not run: REASON -->``     commands that cannot be run here
``<!-- file: NAME -->``          data that the reader saves under that name
``<!-- transcript: ARGUMENTS -->``  the first lines that the tool prints when it is so called

Never here: running anything.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from helpers.places import ROOT

PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

# The README's set-up commands are distinguished by marks of their own.
ELSEWHERE: Final = {"demo": ".ci/run runs it, in a clean clone", "tests": ".ci/run ends with it"}
COMMANDS: Final = ("sh", "console", "python")
DATA: Final = ("", "text", "json", "toml", "yaml", "make", "groovy", "prototxt", "diff")

_FENCED: Final = re.compile(r"^```(?P<info>.*)\n(?P<body>(?:.*\n)*?)^```$", re.MULTILINE)
_MARK: Final = re.compile(r"<!-- (?P<name>[a-z ]+?)(?:: (?P<word>.*?))? -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its first ``line`` in the page, and where its body lies there."""

    kind: str
    body: str
    marks: Mapping[str, str] = field(hash=False)
    line: int
    start: int
    printed: bool

    @property
    def why_not(self) -> str | None:
        """The reason why its commands are not run, if they are not."""
        known = (reason for mark, reason in ELSEWHERE.items() if mark in self.marks)
        return self.marks.get("not run") or next(known, None)

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Commands and what they are shown to print (nothing but in a console)."""
        if self.kind == "python":
            return [(self.body, "")]
        if self.kind == "sh":
            return [(command, "") for command in _complete(self.body.splitlines())]
        if self.kind != "console":
            return []
        found: list[tuple[str, str]] = []
        for piece in re.split(r"^\$ ", self.body, flags=re.MULTILINE)[1:]:
            lines = piece.splitlines()
            count = next(n for n in range(1, len(lines) + 1) if _whole(_typed(lines[:n])))
            output = "".join(f"{line}\n" for line in lines[count:])
            found.append((_typed(lines[:count]), output))
        return found


def page_name(page: Path) -> str:
    """As the tests call it: ``README.md``, ``docs/verbs/apply.md``."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """The page's blocks, in order."""
    found = []
    for match in _FENCED.finditer(text):
        above = text[: match.start()].splitlines()
        marks: dict[str, str] = {}
        while above and (mark := _MARK.fullmatch(above[-1])):
            marks[mark["name"]] = mark["word"] or ""
            above.pop()
        said = next((line for line in reversed(above) if line), "")
        found.append(
            Block(
                match["info"].split(" ")[0],
                match["body"],
                marks,
                text.count("\n", 0, match.start()) + 1,
                match.start("body"),
                said == "prints",
            )
        )
    return found


def _typed(lines: list[str]) -> str:
    """What was typed, without the shell's second prompt."""
    return "\n".join(line.removeprefix("> ") if at else line for at, line in enumerate(lines))


def _whole(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:  # a quotation is open
        return False
    return not command.endswith("\\")


def _complete(lines: list[str]) -> list[str]:
    commands, begun = [], ""
    for line in lines:
        begun = f"{begun}\n{line}" if begun else line
        if _whole(begun):
            if shlex.split(begun, comments=True):
                commands.append(begun)
            begun = ""
    if begun:
        raise ValueError(f"an open quotation: {begun!r}")
    return commands
