"""What a process imports before it works: what its run uses, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.commands import COMPLETE
from helpers.models import write_demo
from helpers.runs import COMMAND, environment, run_here

# Runs the command as it is installed, and says what it has imported.
_PROBE = (
    "import atexit, sys\n"
    "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    "from deconvsurgery.__main__ import main\n"
    "sys.argv = ['deconvsurgery', *sys.argv[1:]]\n"
    "main()\n"
)


def imported(*arguments: str, code: int = 0, place: Path | None = None) -> set[str]:
    """The modules of a process that runs the command, in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *arguments],
        cwd=place,
        env=environment(),
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


# --- verbs

# What no verb needs for files that lie here, are whole, and are binary, where nobody looks: a pipe
# gets plain lines.
_OF_NONE = {
    "asyncio",
    "dask",
    "deconvsurgery.caffemodel.hdf5.read",
    "deconvsurgery.caffemodel.hdf5.write",
    "deconvsurgery.inputs.expand_pairs",
    "deconvsurgery.inputs.list_objects",
    "deconvsurgery.inputs.parse_settings",
    "deconvsurgery.pictures",
    "deconvsurgery.report.ci",
    "deconvsurgery.report.html",
    "deconvsurgery.splicing.undo_patch",
    "deconvsurgery.storage.bytes_source",
    "deconvsurgery.storage.object_store",
    "deconvsurgery.storage.write_with_undo",
    "deconvsurgery.sweeping",
    "fsspec",
    "google.protobuf.text_format",
    "h5py",
    "multiprocessing",
    "rich",
    "secrets",
    "socket",
    "sqlite3",
    "ssl",
    "tempfile",
    "tomllib",
}
_WRITING = {"deconvsurgery.storage.write_outputs", "deconvsurgery.storage.staged_file"}
_RULES = {"deconvsurgery.rules"}
_NET = {"deconvsurgery.prototxt.parse", "deconvsurgery.shapes", "deconvsurgery.rules"}
_PLANS = {
    "deconvsurgery.plans.convert",
    "deconvsurgery.plans.patch_net",
    "deconvsurgery.plans.regroup",
}
# Messages: convert asks what an old layer's fields are. With them protobuf imports its own
# reader of text.
_MADE = {"google"}
_NO_TEXT = _OF_NONE - {"google.protobuf.text_format"}
_NUMBERS = {"numpy"}
_LIVE = {"rich.live", "rich.markdown", "rich.pretty", "rich.progress", "rich.syntax"}


@pytest.mark.parametrize(
    ("line", "code", "unused"),
    [
        ("apply net in out", 0, _OF_NONE | _MADE | _RULES | _PLANS),
        ("check net in", 1, _OF_NONE | _WRITING | _PLANS | _MADE),
        ("inspect net in", 0, _OF_NONE | _WRITING | _PLANS | _MADE | {"json"}),
        ("check net", 0, _OF_NONE | _WRITING | _PLANS | _MADE | _NUMBERS),
        ("inspect net", 0, _OF_NONE | _WRITING | _PLANS | _MADE | _NUMBERS),
        ("diff in in", 0, _OF_NONE | _WRITING | _NET | _PLANS | _MADE),
        ("convert in out", 0, _NO_TEXT | _NET | _NUMBERS | {"json"}),
        (
            "patch-net net out",
            0,
            _OF_NONE | _RULES | _MADE | _NUMBERS | {"deconvsurgery.caffemodel.index"},
        ),
        ("kernel 4", 0, _OF_NONE - {"rich"} | _NET | _PLANS | _MADE | _WRITING | _LIVE),
    ],
)
def test_a_verb_imports_what_it_uses(
    line: str, code: int, unused: set[str], tmp_path: Path
) -> None:
    write_demo(tmp_path)
    found = imported(*line.split(), code=code, place=tmp_path)
    assert "deconvsurgery.cli" in found
    assert {each for each in found if any(_is_within(each, one) for one in unused)} == set()


def _is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
