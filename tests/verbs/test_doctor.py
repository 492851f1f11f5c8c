"""What ``doctor`` says of packages and folders is so."""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import deconvsurgery as ds
from deconvsurgery.storage import folder_abilities as abilities
from deconvsurgery.storage.folder_abilities import FolderAbilities
from deconvsurgery.verbs import doctor as verb
from helpers.places import ROOT
from helpers.runs import run_here


def found(place: Path, code: int = 0) -> dict[str, object]:
    """The document, which fits its schema."""
    done, out, errors = run_here(place, "doctor", "--json")
    assert (done, errors) == (code, b"")
    document: dict[str, object] = json.loads(out)
    jsonschema.validate(document, ds.json_schema("doctor"))
    return document


def without(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str | None]) -> None:
    """Make packages be of other versions, or not be there."""

    def other(name: str) -> str:
        said = versions.get(name, version(name) if name not in versions else None)
        if said is None:
            raise PackageNotFoundError(name)
        return said

    monkeypatch.setattr(verb, "version", other)


def test_packages_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    def floors(lines: list[str]) -> dict[str, str]:
        return dict(re.fullmatch(r"([\w-]+)>=([\d.]+)", line).groups() for line in lines)  # type: ignore[union-attr, misc]

    assert floors(project["dependencies"]) == verb.NEEDED
    extras = project["optional-dependencies"]
    assert {name: floors(extras[name]) for name in verb.EXTRAS} == verb.EXTRAS


def test_all_is_here(tmp_path: Path) -> None:
    document = found(tmp_path)
    assert (document["version"], document["complete"]) == (ds.__version__, True)
    assert sorted(tmp_path.iterdir()) == []


def test_an_extra_that_is_missing_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, {"h5py": None, "dask": "2024.1"})
    document = found(tmp_path)
    install = document["install"]
    assert isinstance(install, dict)
    assert install.keys() == {"hdf5", "zoo"}
    assert install["hdf5"].split()[-1] == "h5py"
    assert install["zoo"].split()[-1] == "dask"
    code, out, _ = run_here(tmp_path, "doctor")
    assert code == 0
    assert out.decode().splitlines()[-2:] == [f"  {line}" for line in install.values()]


@pytest.mark.parametrize("said", [None, "1.0", "none"])
@pytest.mark.parametrize("name", ["numpy", "rich"])
def test_what_every_command_needs(
    name: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, {name: said})
    document = found(tmp_path, 1)
    assert document["complete"] is False
    code, out, _ = run_here(tmp_path, "doctor")
    assert code == 1
    assert out.startswith(b"{") == (name == "rich")  # which lays the list out
    assert name in out.decode()


def test_a_folder_that_is_not_there_or_not_to_be_written(tmp_path: Path) -> None:
    gone = abilities.folder_abilities(str(tmp_path / "none"))
    assert (gone.writable, gone.clones, gone.kernel_copies, gone.unnamed_files) == (False,) * 4
    assert gone.free is None
    here = abilities.folder_abilities(str(tmp_path))
    assert here.writable
    assert here.free == pytest.approx(os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize)


def test_where_linux_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(tempfile, "_O_TMPFILE_WORKS", False)  # else it takes that to be there
    monkeypatch.setattr(abilities, "has_ficlone", lambda: False)
    monkeypatch.setattr(abilities, "_MOUNTS", str(tmp_path / "none"))
    here = abilities.folder_abilities(str(tmp_path))
    assert here == (str(tmp_path), None, here.free, True, False, False, False)


def test_a_file_system_that_clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are asked for, and what is asked is Linux's FICLONE."""
    asked: list[tuple[bytes, int]] = []

    def cloning(target: int, request: int, source: int) -> int:
        asked.append((os.pread(source, 1 << 13, 0), request))
        return 0

    before = abilities.folder_abilities(str(tmp_path))
    monkeypatch.setattr(abilities, "has_ficlone", lambda: True)
    monkeypatch.setattr("fcntl.ioctl", cloning)
    here = abilities.folder_abilities(str(tmp_path))
    assert here == before._replace(clones=True, free=here.free)
    assert asked == [(bytes(1 << 12), 0x40049409)]


def test_the_mount_is_the_nearest_and_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a b"
    place.mkdir()
    named = str(place).replace(" ", "\\040")
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"1 0 8:1 / / rw shared:1 - ext4 /dev/a rw\n2 1 0:5 / {named} rw - xfs /dev/b rw\n"
        f"3 1 0:6 / {named} rw - btrfs /dev/c rw\n4 1 0:7 / {named}c rw - tmpfs none rw\n"
    )
    monkeypatch.setattr(abilities, "_MOUNTS", str(mounts))
    assert abilities.folder_abilities(str(place)).file_system == "btrfs"
    assert abilities.folder_abilities(str(tmp_path)).file_system == "ext4"


def test_a_folder_that_takes_no_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = FolderAbilities("here", None, None, False, False, False, False)
    monkeypatch.setattr(verb, "folder_abilities", lambda _: folder)
    code, out, _ = run_here(tmp_path, "doctor")
    assert code == 0
    assert b"here: " in out
    assert b"clones" not in out


def test_a_folder_of_which_the_free_space_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = FolderAbilities("here", "odd", None, True, False, False, False)
    monkeypatch.setattr(verb, "folder_abilities", lambda _: folder)
    _, out, _ = run_here(tmp_path, "doctor")
    assert b"here: odd (" in out
    assert b"GiB" not in out


@pytest.mark.parametrize("name", ["copy_file_range", "open"])
def test_what_a_file_system_refuses_it_has_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is there, and that the file system answers with an error."""
    before = abilities.folder_abilities(str(tmp_path))
    real = getattr(os, name, None)
    if real is None:
        pytest.skip("this system has no such call")

    def refusing(*arguments: Any, **named: Any) -> Any:
        if name == "open" and not arguments[1] & getattr(os, "O_TMPFILE", 0):
            return real(*arguments, **named)
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(tempfile, "_O_TMPFILE_WORKS", False)
    monkeypatch.setattr(os, name, refusing)
    here = abilities.folder_abilities(str(tmp_path))
    lost = {"copy_file_range": "kernel_copies", "open": "unnamed_files"}[name]
    assert here == before._replace(free=here.free, **{lost: False})
