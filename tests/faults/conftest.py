"""What the tests here share: campaigns as they are run by hand, and a folder of files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.faults.lab import prepare
from helpers.places import TESTS


@pytest.fixture(scope="session")
def campaign() -> Callable[..., dict[str, Any]]:
    """Run a campaign; the document it prints."""

    def ran(script: str, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", f"helpers.faults.{script}", "--json", *arguments],
            cwd=TESTS,
            capture_output=True,
            check=False,
            timeout=900,
        )
        assert done.stdout, done.stderr.decode()
        document: dict[str, Any] = json.loads(done.stdout)
        assert (document["violations"], done.returncode) == ([], 0)
        return document

    return ran


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    prepare(folder)
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Path:
    """Every file that a case reads, in a folder of its own."""
    folder = tmp_path / "place"
    folder.mkdir()
    for file in template.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
