"""Without the data beside the checkout the tests pass, and say what it would add."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.places import ROOT, SHARED, WITH_SHARED
from helpers.runs import environment


def pytest_of(shared: Path, *options: str) -> str:
    """What pytest prints of this checkout, with the data at another place."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "", *options],
        cwd=ROOT,
        env=environment(DECONVSURGERY_SHARED=str(shared)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.campaign
def test_the_summary_says_how_many_tests_the_data_would_add(tmp_path: Path) -> None:
    printed = pytest_of(tmp_path / "none", "tests/ci/test_words.py")
    assert f"{int(WITH_SHARED.read_text()):,}" in printed
    assert str(tmp_path / "none") in printed


@pytest.mark.campaign
@pytest.mark.skipif(not SHARED.is_dir(), reason="there is none to count with")
def test_that_number_is_about_right(tmp_path: Path) -> None:
    # Where nothing runs no snapshot is used, which syrupy may call a failure.
    options = ("--collect-only", "-p", "no:syrupy")

    def collected(shared: Path) -> int:
        found = re.search(r"(\d+) tests collected", pytest_of(shared, *options))
        assert found is not None
        return int(found[1])

    more = collected(SHARED) - collected(tmp_path / "none")
    assert int(WITH_SHARED.read_text()) == pytest.approx(more, rel=0.1)
