"""On Windows one sentence says that it does not run there, before a call of POSIX is missed.

A double of Windows: a child interpreter that says it is on one, and lacks the modules that are not
there.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from helpers.runs import environment

WITHOUT = ("fcntl", "grp", "pwd", "resource", "termios", "_posixsubprocess")
DOUBLE = f"""
import os, sys
sys.platform = "win32"
for name in {WITHOUT}:
    sys.modules[name] = None
for name in ("pread", "pwrite", "fchown", "fchmod", "statvfs", "copy_file_range", "O_CLOEXEC",
             "O_DIRECTORY", "O_NOFOLLOW", "O_NOCTTY", "O_PATH", "sched_getaffinity", "listxattr"):
    if hasattr(os, name):
        delattr(os, name)
"""


def on_windows(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DOUBLE + script, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [[], ["--version"], ["apply", "net", "in", "out"]])
def test_the_command_ends_with_one_sentence(arguments: list[str]) -> None:
    ran = on_windows("from deconvsurgery.__main__ import main; main()", *arguments)
    assert (ran.returncode, ran.stdout) == (4, ""), ran.stderr
    (line,) = ran.stderr.splitlines()
    assert "Windows" in line
    assert "WSL" in line


def test_a_name_of_the_library_is_an_import_error_with_that_sentence() -> None:
    ran = on_windows("""
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
""")
    assert (ran.returncode, ran.stderr) == (0, "")
