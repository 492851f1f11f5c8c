"""What stands in the environment is somebody else's: nonsense changes no result and ends no run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.models import write_demo
from helpers.runs import environment, run_here

if TYPE_CHECKING:
    from helpers.words import Words

ODD = ("", "0", "-1", "1", "x", "²", "9" * 5000, "nan", "\udcff")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_demo(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        *("COLUMNS", "LINES", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"),
        *("TTY_INTERACTIVE", "JUPYTER_COLUMNS", "HOME", "LANG", "TMPDIR", "UNICODE_VERSION"),
    ],
)
def test_nonsense_ends_no_run(name: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error, which is laid out for a terminal, and a table."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    for value in (*ODD, None):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
        code, out, errors = run_here(place, "kernel", "4")
        assert (code, errors) == (0, b"")
        assert out
        code, out, errors = run_here(place, "inspect", "gone")
        assert (code, out) == (4, b"")
        assert b"gone" in errors


@pytest.mark.parametrize("value", ["nonsense", pytest.param("cpp", marks=pytest.mark.campaign)])
def test_protobuf_is_read_by_a_reader_that_there_is(place: Path, value: str) -> None:
    code = (
        "import sys; sys.argv[1:] = ['inspect', 'net', '--json']\n"
        "from deconvsurgery.__main__ import main\n"
        "main()\n"
    )
    env = {**environment(), "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": value}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, env=env, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("told", ["{", pytest.param("[1]", marks=pytest.mark.campaign)])
def test_fsspec_reads_a_configuration_of_its_own(place: Path, told: str, words: Words) -> None:
    """What it says of it is Python's."""
    pytest.importorskip("fsspec")
    (place / "conf").mkdir()
    (place / "conf/a.json").write_text(told)
    code = "from deconvsurgery.cli import run; print(run(['inspect', 's3://zoo/net']))"
    env = {**environment(), "FSSPEC_CONFIG_DIR": os.fspath(place / "conf")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, env=env, capture_output=True, check=True
    )
    assert done.stdout == b"3\n"
    message, hint = done.stderr.decode().splitlines()
    words([message.rpartition("configuration")[0], hint])


def test_an_argument_of_100_kb_is_not_said_whole(place: Path) -> None:
    long = "x" * 100_000
    for arguments in ((long,), ("inspect", long), ("inspect", f"--{long}"), ("kernel", long)):
        code, out, errors = run_here(place, *arguments)
        assert code in (2, 4)
        assert len(errors) < 20_000
        _, out, _ = run_here(place, *arguments[:-1], "--json", arguments[-1])
        assert b"usage" in out.lower() or b"FileError" in out


@pytest.mark.parametrize("level", ["2147483648", "-2147483649", "9" * 5000, "1e3", "²x"])
def test_a_level_has_32_bits(place: Path, level: str) -> None:
    code, out, errors = run_here(place, "inspect", "net", f"--level={level}")
    assert (code, out) == (2, b"")
    assert b"level" in errors
    code, _, errors = run_here(place, "inspect", "net", "--level=-2147483648")
    assert (code, errors) == (0, b"")
