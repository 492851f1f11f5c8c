"""What a process imports before it works: what its run uses, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import COMPLETE
from helpers.runs import COMMAND, run_here

# Runs the command as it is installed, and says what it has imported.
_PROBE = (
    "import atexit, sys\n"
    "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    "from deconvsurgery.__main__ import main\n"
    "sys.argv = ['deconvsurgery', *sys.argv[1:]]\n"
    "main()\n"
)


def imported(*arguments: str, code: int = 0, **env: str) -> set[str]:
    """The modules of a process that runs the command."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments],
        env={**os.environ, **env},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return set(done.stderr.decode().split())


# --- the version


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_said_before_click_is_imported(option: str) -> None:
    assert imported(option) & {"click", "enum", "inspect", "re", "signal", "typing"} == set()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_it_is_the_same_as_by_click(option: str, tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, option], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == run_here(tmp_path, option)


@pytest.mark.parametrize(("redirected", "code"), [(">/dev/full", 4), (">&-", 0), ("2>&-", 0)])
def test_where_it_cannot_be_printed(redirected: str, code: int) -> None:
    line = " ".join([*COMMAND, "--version", redirected])
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, timeout=60)
    assert done.returncode == code
    assert done.stderr.startswith(b"deconvsurgery: cannot print") == (code == 4)


def test_where_the_reader_is_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*COMMAND, "--version"], stdout=writer, stderr=-1, check=False, timeout=60
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_shell_that_asks_for_completion_gets_no_version() -> None:
    done = subprocess.run(
        [*COMMAND, "--version"],
        env={**os.environ, COMPLETE: "bash_source"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert COMPLETE.encode() in done.stdout
