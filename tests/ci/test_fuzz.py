"""A short campaign of fuzzing: five seconds for each harness.

Bounded in time, and nothing is asserted of speed. ``docs/contributing.md`` says how a long
campaign is run and what a finding is good for.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys

import pytest

from helpers.places import TESTS

RUN = TESTS / "fuzz" / "run.py"
SECONDS = 5

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed (the fuzz extra): it has wheels for x86-64 Linux only",
)


@pytest.mark.campaign
@pytest.mark.parametrize(
    "target",
    [
        "index",
        "net",
        "splice",
        "apply",
        "url",
        "rows",
        "results",
        "patch",
        "settings",
        "lists",
        "command",
    ],
)
def test_a_slice_of_fuzzing_finds_nothing(target: str) -> None:
    # What lands is judged by the same inputs each time, as far as time allows them.
    seed = 1 if "CI" in os.environ else random.randrange(1, 2**31)
    done = subprocess.run(
        [
            *(sys.executable, str(RUN), "--target", target),
            *("--time", str(SECONDS), "--seed", str(seed)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"seed {seed}" in done.stdout
    assert re.search(r"\bfindings 0\b", done.stdout)
