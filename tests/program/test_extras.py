"""An optional package is installed where the running interpreter finds it."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deconvsurgery.program import extras
from deconvsurgery.program.extras import install_command


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of the interpreter, as nothing but its folder says what it is."""
    place = tmp_path / "deconvsurgery"
    place.mkdir()
    monkeypatch.setattr(sys, "prefix", str(place))
    monkeypatch.setattr(sys, "executable", "/a b/bin/python")
    monkeypatch.setattr(extras, "find_spec", lambda _name: object())
    return place


def test_the_interpreters_own_pip(prefix: Path) -> None:
    command = "'/a b/bin/python' -m pip install h5py"
    assert install_command("h5py") == command


def test_an_environment_without_pip_is_uvs(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    command = "uv pip install --python '/a b/bin/python' fsspec s3fs"
    assert install_command("fsspec", "s3fs") == command


def test_pipx_adds_to_its_environment(prefix: Path) -> None:
    (prefix / "pipx_metadata.json").write_text("{}")
    assert install_command("h5py") == "pipx inject deconvsurgery h5py"


RECEIPT = (
    '[tool]\nrequirements = [{ name = "deconvsurgery", directory = "/src" }, { name = "s3fs" }]\n'
)


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        ('{"url": "file:///src/a%20b", "dir_info": {}}', "'/src/a b'"),
        (
            '{"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}',
            "git+https://host/x.git",
        ),
        ('{"url": "https://host/x.whl", "archive_info": {}}', "https://host/x.whl"),
        (None, "deconvsurgery"),
        ("{", "deconvsurgery"),
    ],
)
def test_uv_makes_its_tool_anew_with_what_it_had(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, origin: str | None, source: str
) -> None:
    (prefix / "uv-receipt.toml").write_text(RECEIPT)

    def distribution(_name: str) -> Any:
        return SimpleNamespace(read_text=lambda _file: origin)

    monkeypatch.setattr(metadata, "distribution", distribution)
    command = f"uv tool install --with s3fs --with h5py {source}"
    assert install_command("h5py") == command


@pytest.mark.parametrize("text", ["", "[tool]\n", "[tool", "[tool]\nrequirements = 1\n"])
def test_a_receipt_that_says_nothing(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (prefix / "uv-receipt.toml").write_text(text)

    def distribution(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", distribution)
    assert install_command("h5py") == "uv tool install --with h5py deconvsurgery"
