"""Nets with odd names, and what ``check`` prints of them in a format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.odd_nets import make_odd_nets
from helpers.runs import run_here


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the nets."""
    place = tmp_path_factory.mktemp("formats")
    make_odd_nets(place)
    return place


@pytest.fixture(scope="module")
def printed(bench: Path) -> Callable[..., str]:
    """What a format has of some files."""

    def of(form: str, *files: str, code: int = 4) -> str:
        found, out, errors = run_here(bench, "check", "--isolated", "--format", form, "--", *files)
        assert (found, errors) == (code, b"")
        return out.decode("utf-8")

    return of
