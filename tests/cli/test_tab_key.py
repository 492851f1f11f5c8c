"""The TAB key pressed in each shell that is here: bash, zsh and fish on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import subprocess
import termios
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from helpers.completion import IT_S, lay, path_with_command


class Shell(NamedTuple):
    """How a shell is started, reads the script, and has a function in the command's place."""

    start: tuple[str, ...]
    setup: str
    function: str


_PRINTS: Final = r"printf '\n<%s>' {}; printf '\nover\n'"
_IN_SH: Final = "deconvsurgery() { " + _PRINTS.format('"$@"') + "; }"
_IN_FISH: Final = "function deconvsurgery; " + _PRINTS.format("$argv") + "; end"
SHELLS: Final = {
    "bash": Shell(
        ("--norc", "--noprofile", "-i"), 'eval "$(deconvsurgery completion bash)"', _IN_SH
    ),
    "zsh": Shell(
        ("-f", "-i"),
        'autoload -Uz compinit; compinit -D -u; eval "$(deconvsurgery completion zsh)"',
        _IN_SH,
    ),
    "fish": Shell(
        ("--no-config", "-i"),
        "deconvsurgery completion fish | source",
        _IN_FISH,
    ),
}

# What is typed, and the words that the command then gets; of bash alone what it breaks words at.
LINES: Final = {
    "inspect odd.prototxt -p up\\ \t": ["inspect", "odd.prototxt", "-p", "up 2"],
    "conv\t--to h\tin.c\t": ["convert", "--to", "hdf5", "in.caffemodel"],
    "inspect odd.prototxt -p 'up \t": ["inspect", "odd.prototxt", "-p", "up 2"],
    'inspect odd.prototxt -p "up \t': ["inspect", "odd.prototxt", "-p", "up 2"],
    "inspect odd.prototxt -p up:\t": ["inspect", "odd.prototxt", "-p", "up:0=b,"],
    "inspect odd.prototxt -p it\t": ["inspect", "odd.prototxt", "-p", IT_S],
    "inspect odd.prototxt -p '[r\t": ["inspect", "odd.prototxt", "-p", "[r]e:up!;&|"],
    "patch-net od\t-p \t": ["patch-net", "odd.prototxt", "-p"],
    "inspect net.prototxt --exclude=ref\t": ["inspect", "net.prototxt", "--exclude=refine"],
    "apply --fill=m\tnet.p\t": ["apply", "--fill=missing", "net.prototxt"],
    "inspect --report=out/r\tnet.p\t": ["inspect", "--report=out/report.sarif", "net.prototxt"],
    "check --also sar\tou\tre\t net.p\t": [
        *("check", "--also", "sarif=out/report.sarif", "net.prototxt"),
    ],
    "demo ou\t": ["demo", "out/"],
}
QUICK: Final = tuple(LINES)[:2]


@pytest.mark.parametrize(
    ("shell", "typed"),
    [
        pytest.param(shell, typed, marks=() if typed in QUICK else pytest.mark.campaign)
        for shell in SHELLS
        for typed in LINES
        if (shell, typed) != ("fish", "patch-net od\t-p \t")  # it then takes the first
    ],
)
def test_the_tab_key(shell: str, typed: str, tmp_path: Path) -> None:
    """The line is run when its words are completed, and tells what they are."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    place = tmp_path / "place"
    place.mkdir()
    env = {
        **os.environ,
        "PATH": path_with_command(tmp_path / "bin"),
        "HOME": str(tmp_path / "home"),
        "TERM": "dumb",
        "PS1": "ready> ",
        "INPUTRC": "/dev/null",
    }
    words = pressed(program, SHELLS[shell], typed, lay(place), env)
    assert [word.removesuffix("/") for word in words] == [
        word.removesuffix("/") for word in LINES[typed]
    ]


def pressed(program: str, shell: Shell, typed: str, place: Path, env: dict[str, str]) -> list[str]:
    """The words of a line that is typed, TAB keys and all."""
    main, side = os.openpty()
    settings = termios.tcgetattr(side)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(side, termios.TCSANOW, settings)
    with subprocess.Popen(
        [program, *shell.start],
        stdin=side,
        stdout=side,
        stderr=side,
        cwd=place,
        env=env,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # fish asks for it
    ) as process:
        os.close(side)
        seen = b""

        def until(pattern: bytes) -> None:
            nonlocal seen
            while re.search(pattern, seen) is None:
                ready, _, _ = select.select([main], [], [], 30)
                assert ready, seen
                seen += os.read(main, 1 << 16)

        try:
            # The completion asks the command; the line itself runs the function. What is typed
            # is shown, too, in some: what is waited for is never typed as it is printed.
            os.write(main, f"{shell.setup}\n{shell.function}\necho set''up\n".encode())
            until(rb"setup\r")
            seen = b""
            os.write(main, f"deconvsurgery {typed}\n".encode())
            until(rb"\nover\r")
        finally:
            process.kill()
            os.close(main)
    said = seen.decode().replace("\r\n", "\n")
    return re.findall(r"\n<(.*)>$", said, re.MULTILINE)
