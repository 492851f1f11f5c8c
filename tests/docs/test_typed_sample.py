"""A program with types that uses every verb: it runs, and mypy and pyright know all its types."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers import typed_sample

SAMPLE = Path(typed_sample.__file__).read_text("utf-8")
# A checker that saw no types at all would find no fault with these lines either.
WRONG = '\n\nwrong: int = ds.check("a").passed.nothing\nds.apply(1, 2)\n'


def mypy(folder: Path) -> list[str]:
    """Run it on the sample in a folder."""
    options = ["--strict", "--config-file=", f"--cache-dir={folder}/cache"]
    return [sys.executable, "-m", "mypy", *options, "sample.py"]


def pyright(folder: Path) -> list[str]:
    """Run it, basedpyright with pyright's own strict rules."""
    settings = {"typeCheckingMode": "strict", "include": ["sample.py"]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable]


def run(line: Sequence[str], folder: Path) -> tuple[int, str]:
    """Its exit code and output."""
    done = subprocess.run(
        line, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def test_it_does_what_it_says(tmp_path: Path) -> None:
    words = typed_sample.everything(tmp_path)
    assert len(words) > 100
    assert (tmp_path / "edited.caffemodel").exists()


def test_it_uses_every_verb() -> None:
    verbs = {
        name
        for name in ds.__all__
        if isinstance(kind := getattr(ds, name), type)
        and issubclass(kind, ds.Result)
        and kind is not ds.Result
    }
    assert {name for name in verbs if f": ds.{name} =" not in SAMPLE} == set()


# The checkers need numpy's types, and come with `pip install '.[dev]'`.
@pytest.mark.campaign
@pytest.mark.parametrize(("module", "command"), [("mypy", mypy), ("basedpyright", pyright)])
def test_a_type_checker_has_no_complaint(
    module: str, command: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    (tmp_path / "sample.py").write_text(SAMPLE)
    line = command(tmp_path)
    code, said = run(line, tmp_path)
    assert code == 0, said
    (tmp_path / "sample.py").write_text(SAMPLE + WRONG)
    code, said = run(line, tmp_path)
    last = SAMPLE.count("\n") + WRONG.count("\n")
    assert (code, f"sample.py:{last - 1}" in said, f"sample.py:{last}" in said) == (1, True, True)
