"""The command line as tests run it: in this process, or in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from deconvsurgery.cli import run
from helpers.advice import hold_to
from helpers.processes import warm

Done: TypeAlias = "subprocess.CompletedProcess[bytes]"

COMMAND: Final = (sys.executable, "-m", "deconvsurgery")
"""How the command line is started as a process."""


def environment(**more: str) -> dict[str, str]:
    """This process's environment, in which the command finds what this process finds."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | more


def run_here(place: Path, *arguments: str) -> tuple[int, bytes, bytes]:
    """The command line in this process, in a folder: exit code, standard output and error."""
    raw = io.BytesIO(), io.BytesIO()
    out, errors = (io.TextIOWrapper(each, "utf-8") for each in raw)
    with chdir(place), redirect_stdout(out), redirect_stderr(errors):
        code = run(arguments)
    out.flush()
    errors.flush()
    hold_to(arguments, raw[0].getvalue(), raw[1].getvalue())
    return code, raw[0].getvalue(), raw[1].getvalue()


def tool(
    verb: str,
    place: Path,
    *arguments: str | Path,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
) -> Done:
    """A verb in a process of its own, in a folder; whatever it ends with, it is no traceback."""
    heeded = ("FORCE_COLOR", "COLUMNS")
    plain = {key: value for key, value in environment().items() if key not in heeded}
    done = warm.ran([verb, *arguments], cwd=place, stdin=stdin, env=plain | (env or {}))
    assert b"Traceback" not in done.stdout + done.stderr
    hold_to([verb], done.stdout, done.stderr)
    return done


GET_RUN: Final = "from deconvsurgery.cli import run\n"
"""For a program of its own: ``run(arguments)`` is the command line, and gives its exit code."""

_MEASURED: Final = """
import sys
from deconvsurgery.cli import run
code = run(sys.argv[1:])
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak.split()[1], file=sys.stderr)
sys.exit(code)
"""


def measured(place: Path, *arguments: str | Path, code: int = 0) -> tuple[int, bytes]:
    """A command that ends with ``code``: the most memory that it had, in kB, and what it printed.

    Skips where there is no /proc to say it.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read in /proc")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, arguments)],
        cwd=place,
        env=environment(),
        capture_output=True,
        timeout=300,
        check=False,
    )
    *errors, peak = done.stderr.decode().splitlines()
    assert (done.returncode, errors) == (code, [])
    return int(peak), done.stdout
