"""A command on a pseudo-terminal of a width."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from helpers.processes.warm import ran_on

NO_CURSOR = "\x1b[?25l"
HEARD = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "COLORTERM")


def environment(env: dict[str, str]) -> dict[str, str]:
    """This process's, without what a terminal is asked about."""
    kept = {key: value for key, value in os.environ.items() if key not in HEARD}
    return kept | {"TERM": "xterm-256color"} | env


@dataclass(frozen=True)
class Shown:
    """What a process wrote: to the terminal, and to whichever stream was a pipe."""

    code: int
    terminal: str
    piped: str

    @property
    def plain(self) -> str:
        """What stays on the terminal, without codes."""
        # Where a run takes long, how far it is stands there for a while, without a cursor.
        while_long = re.escape(NO_CURSOR) + r".*?\x1b\[\?25h"
        stays = re.sub(while_long, "", self.terminal, flags=re.DOTALL)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", stays)


def on_a_terminal(
    words: str | list[str],
    place: Path,
    width: int = 80,
    *,
    piped: str = "",
    start: tuple[str, ...] = (),
    **env: str,
) -> Shown:
    """Run it with all three streams on a terminal, but for the one that is ``piped``."""
    arguments = words.split() if isinstance(words, str) else words
    main, side = os.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    reading, writing = os.pipe()
    streams = [writing if name == piped else side for name in ("stdin", "stdout", "stderr")]

    def ended() -> int:
        try:
            return ran_on(streams, arguments, start=start, cwd=place, env=environment(env))
        finally:
            os.close(side)
            os.close(writing)

    with ThreadPoolExecutor() as pool:
        code = pool.submit(ended)
        shown = all_shown(main)
        with open(reading, "rb") as opened:
            rest = opened.read()
        return Shown(code.result(), shown.decode().replace("\r\n", "\n"), rest.decode())


def all_shown(main: int) -> bytes:
    """What a terminal shows until its other side is closed; ``main`` is closed then, too."""
    shown = b""
    while True:
        try:
            piece = os.read(main, 1 << 16)
        except OSError:  # Linux says EIO where the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(main)
    return shown
