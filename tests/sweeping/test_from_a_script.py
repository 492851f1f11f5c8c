"""``ds.sweep`` in a script without a guard: its workers do not run the script again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import spawn
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from deconvsurgery.sweeping.engines.worker_start import DASK_NAME, without_main
from helpers.models import write_demo
from helpers.processes.ending import PATIENCE
from helpers.runs import environment

SCRIPT = """
print("began", flush=True)
import multiprocessing
import sys

engine, method = {engine!r}, {method!r}
if method:
    multiprocessing.set_start_method(method)
import deconvsurgery as ds

result = ds.sweep("zoo.toml", engine=engine, workers=2)
print(result.summary.total, result.passed, flush=True)
"""
ZOO = """
[sweep]
verb = "apply"
[[pairs]]
net = "net"
model = "in"
output = "out"
"""
HOW: dict[str, Callable[[Path], tuple[list[str], bytes | None]]] = {
    "a file": lambda script: (["script.py"], None),
    "standard input": lambda script: (["-"], script.read_bytes()),
    "-c": lambda script: (["-c", script.read_text()], None),
    "-m": lambda script: (["-m", "script"], None),
    "a terminal": lambda script: (["-i", "-q"], b"exec(open('script.py').read())\n"),
}
Way: TypeAlias = tuple[str, str, str | None, str]

WAYS: list[Way] = [
    (how, engine, method, dask)
    for how in HOW
    for engine, method, dask in (
        ("local", None, "spawn"),
        ("local", "spawn", "spawn"),
        ("local", "forkserver", "spawn"),
        ("dask", None, "spawn"),
        ("dask", "forkserver", "forkserver"),
    )
]
FEW = [("a file", "local", None, "spawn")]


@pytest.mark.parametrize(
    ("how", "engine", "method", "dask"),
    [pytest.param(*way, marks=() if way in FEW else pytest.mark.campaign) for way in WAYS],
)
def test_a_script_without_a_guard_runs_once(
    how: str, engine: str, method: str | None, dask: str, tmp_path: Path
) -> None:
    write_demo(tmp_path)
    (tmp_path / "zoo.toml").write_text(ZOO)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(engine=engine, method=method))
    arguments, stdin = HOW[how](script)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        input=stdin or b"",
        env=environment(DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD=dask),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.decode().splitlines() == ["began", "1 True"], done.stderr.decode()
    assert (tmp_path / "out").exists()
    if how != "a terminal":  # its prompt stands there
        assert done.stderr == b""


# --- which processes


def mains(name: str) -> set[str]:
    """What the data for a process of that name says of ``__main__``."""
    data: dict[str, Any] = spawn.get_preparation_data(name)
    return {key for key in data if key.startswith("init_main")}


@pytest.fixture
def main_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has run a script: a worker of pytest's has run none."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "script.py", raising=False)


@pytest.mark.usefixtures("main_script")
def test_only_a_sweeps_processes_begin_without_main() -> None:
    ever = mains("SpawnProcess-1")
    assert ever == {"init_main_from_path"}
    with without_main():
        assert mains("SweepProcess-1") == mains(DASK_NAME) == set()
        assert mains("SpawnProcess-1") == ever
    assert mains("SweepProcess-1") == ever


@pytest.mark.usefixtures("main_script")
def test_sweeps_in_several_threads_do_not_end_each_others() -> None:
    original = spawn.get_preparation_data
    outer = without_main()
    with ThreadPoolExecutor(1) as other:
        other.submit(outer.__enter__).result()
        with without_main():
            pass
        assert mains("SweepProcess-1") == set()
        other.submit(outer.__exit__, None, None, None).result()
    assert spawn.get_preparation_data is original
