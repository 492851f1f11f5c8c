"""A terminal's signals reach every process of a sweep, from the start of the first one on.

Which moment it is is an event in one of them: it starts, or it looks for a module.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.models import write_demo
from helpers.processes import signalling
from helpers.processes.ending import PATIENCE, processes_below
from helpers.processes.heeding import heeding
from helpers.runs import COMMAND, environment

if TYPE_CHECKING:
    from helpers.words import Words

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
ZOO = "pairs = [{net = 'nets/*', model = 'in', output = '{name}.out'}]\n[sweep]\nverb = 'apply'\n"
# Who sends it, and when.
WORKER = {"SIGNAL_FROM": "multiprocessing.spawn"}
MOMENTS = {
    "a worker starts": WORKER,
    "what tidies up starts": {"SIGNAL_FROM": "multiprocessing.resource_tracker"},
    "a worker takes its first task": WORKER | {"SIGNAL_AT": "deconvsurgery.sweeping.run_pair"},
    "a worker opens a model": WORKER | {"SIGNAL_AT": "deconvsurgery.storage.copy_bytes"},
}
FEW = [("a worker starts", signal.SIGINT), ("what tidies up starts", signal.SIGHUP)]
SCRIPT = """
import sys
import deconvsurgery as ds
try:
    ds.sweep("zoo.toml", engine=sys.argv[1], workers=2)
except KeyboardInterrupt:
    sys.exit(77)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_demo(tmp_path)
    (tmp_path / "nets").mkdir()
    for number in range(4):
        (tmp_path / "nets" / f"{number}.prototxt").write_bytes((tmp_path / "net").read_bytes())
    (tmp_path / "zoo.toml").write_text(ZOO)
    return tmp_path


def ended(place: Path, moment: str, number: int, command: list[str]) -> tuple[int, str]:
    """Exit code and standard error; nobody and no temporary file is left."""
    folder = os.path.dirname(signalling.__file__)
    path = os.pathsep.join([folder, environment()["PYTHONPATH"]])
    more = MOMENTS[moment] | {"SIGNAL": str(int(number)), "SIGNAL_SENT": str(place / "sent")}
    with subprocess.Popen(
        command,
        cwd=place,
        env=environment() | {"PYTHONPATH": path} | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heeding,
    ) as process:
        # Each of its processes has its standard error, so that they are over when that ends.
        _, errors = process.communicate(timeout=PATIENCE)
    assert (place / "sent").exists()
    assert processes_below(process.pid) == []
    assert not [*place.glob(".*.tmp")]
    return process.returncode, errors


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        pytest.param(*pair, marks=() if pair in FEW else pytest.mark.campaign)
        for pair in product(MOMENTS, CODES)
    ],
)
def test_it_ends_with_its_code_and_a_line(
    moment: str, number: signal.Signals, place: Path, words: Words
) -> None:
    code, errors = ended(place, moment, number, [*COMMAND, "sweep", "-w", "2", "zoo.toml"])
    assert (code, errors.strip("\n").count("\n")) == (CODES[number], 0), errors
    assert number is signal.SIGINT or number.name in errors
    words(errors.strip("\n").replace(number.name, "SIGNAL"))


@pytest.mark.campaign
@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("moment", [each for each in MOMENTS if each != "a worker opens a model"])
def test_with_dask(moment: str, number: signal.Signals, place: Path) -> None:
    line = ["sweep", "-w", "2", "--engine", "dask", "zoo.toml"]
    code, errors = ended(place, moment, number, [*COMMAND, *line])
    assert (code, errors.strip("\n").count("\n")) == (CODES[number], 0), errors


@pytest.mark.campaign
@pytest.mark.parametrize("engine", ["local", "dask"])
@pytest.mark.parametrize("moment", ["a worker starts", "what tidies up starts"])
def test_a_script_is_interrupted_and_its_workers_say_nothing(
    moment: str, engine: str, place: Path
) -> None:
    command = [sys.executable, "-c", SCRIPT, engine]
    assert ended(place, moment, signal.SIGINT, command) == (77, "")
