"""What changed in a net's text, as a unified diff."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deconvsurgery.report.phrases import escaped

from .line_diff import unified_lines

if TYPE_CHECKING:
    from deconvsurgery.verbs.patch_net import PatchNetResult

_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def diff_lines(result: PatchNetResult) -> list[str]:
    """A unified diff, each byte of the net as one character, so that none is lost."""
    before, after = map(text_lines, (result.before, result.after))
    names = (escaped(result.net), escaped(result.output or result.net))
    old, new = (name.encode("utf-8", "backslashreplace").decode("latin-1") for name in names)
    lines = unified_lines(before, after, result.touched, (old, new))
    return [_ended(line) for line in lines]


def text_lines(data: bytes) -> list[str]:
    """A net's lines, each with its end, each byte as one character."""
    return _LINES.findall(data.decode("latin-1"))


def _ended(line: str) -> str:
    """A line of a diff ends with LF: a lone CR becomes one, a missing one is noted as diff does."""
    if line.endswith("\n"):
        return line
    return line[:-1] + "\n" if line.endswith("\r") else f"{line}\n\\ No newline at end of file\n"


def diff_bytes(result: PatchNetResult) -> bytes:
    """The diff as patch(1) takes it."""
    return "".join(diff_lines(result)).encode("latin-1")
