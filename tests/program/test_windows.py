"""On Windows one sentence says that it does not run there, before a call of POSIX is missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.other_systems import on_windows
from helpers.runs import COMMAND


@pytest.mark.parametrize("arguments", [[], ["--version"], ["apply", "net", "in", "out"]])
def test_the_command_ends_with_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, *arguments],
        env=on_windows(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (4, ""), ran.stderr
    (line,) = ran.stderr.splitlines()
    assert "Windows" in line
    assert "WSL" in line


USED = """
import deconvsurgery as ds
assert ds.__version__
for used in (lambda: ds.apply, lambda: exec("from deconvsurgery import check")):
    try:
        used()
    except ImportError as error:
        assert error.name == "deconvsurgery" and "WSL" in error.msg, error
    else:
        raise AssertionError("it was imported")
try:
    ds.aply
except AttributeError:
    pass
"""


def test_a_name_of_the_library_is_an_import_error_with_that_sentence(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", USED],
        env=on_windows(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
