"""A record where a file system or a store takes it otherwise than most: it is whole, or it is not.

A record that was there stays.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.sweeping import output_record
from deconvsurgery.sweeping.output_record import (
    create_record,
    read_record,
    remove_record,
    write_record,
)
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome
from deconvsurgery.sweeping.row_lines import written
from helpers.store.memory import Elsewhere, standing_in

ROW = PairRow("n", "m", "out", None, "apply", "0", RowOutcome.BEGUN)
OTHER = ROW._replace(net="other")
RECORD = "out.sweep.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(place: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in place.iterdir()}


def refusing(number: int) -> Any:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


# --- on this machine


def test_without_hard_links_it_is_created_once_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    assert create_record("out", ROW)
    assert not create_record("out", OTHER)
    assert content(folder) == {RECORD: written(ROW)}


def test_without_hard_links_and_without_space_there_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not another's that came first."""
    write = output_record.write_file

    def write_file(path: str, data: bytes, **options: Any) -> None:
        if path == RECORD:
            raise ds.OutputError("cannot be written", path=path)
        write(path, data, **options)

    monkeypatch.setattr(os, "link", refusing(errno.ENOTSUP))
    monkeypatch.setattr(output_record, "write_file", write_file)
    with pytest.raises(ds.OutputError) as caught:
        create_record("out", ROW)
    assert caught.value.path == RECORD
    assert content(folder) == {}


def test_a_disk_that_fails_is_the_records_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EIO))
    with pytest.raises(ds.FileError) as caught:
        create_record("out", ROW)
    assert caught.value.path == RECORD
    assert content(folder) == {}


def test_a_folder_that_is_not_there_is_the_records_error(folder: Path) -> None:
    """Not that of the file beside it that nobody knows."""
    with pytest.raises(ds.SurgeryError) as caught:
        create_record("none/out", ROW)
    assert caught.value.path == f"none/{RECORD}"
    assert content(folder) == {}


@pytest.mark.usefixtures("folder")
def test_a_record_that_cannot_be_read_is_not_one_that_is_not_there() -> None:
    assert read_record("out") is None
    long = "x" * 300
    with pytest.raises(ds.FileError) as caught:
        read_record(long)
    assert caught.value.path == f"{long}.sweep.json"


def test_a_record_is_removed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_record("out", ROW)
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refusing(errno.EACCES))
        with pytest.raises(ds.FileError) as caught:
            remove_record("out")
    assert caught.value.path == RECORD
    assert content(folder) == {RECORD: written(ROW)}
    remove_record("out")
    remove_record("out")
    assert content(folder) == {}


# --- in a store


class Plain(Elsewhere):
    """A store whose package knows no way to write only what is not there."""

    cachable = False
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    wrong: Exception | None = None

    def pipe_file(self, path: str, value: bytes) -> None:
        if self.wrong is not None:
            raise self.wrong
        with self.open(path, "wb") as file:
            file.write(value)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is in such a store."""
    standing_in(monkeypatch, Plain)
    monkeypatch.setattr(Plain, "wrong", None)
    Plain.store.clear()
    return Plain.store


URL = "gs://zoo/out"


def test_a_store_without_conditions_is_looked_into_first(plain: dict[str, Any]) -> None:
    assert create_record(URL, ROW)
    assert not create_record(URL, OTHER)
    assert [*plain] == [f"/zoo/{RECORD}"]
    assert read_record(URL) == ROW
    remove_record(URL)
    assert [*plain] == []


def test_a_store_that_writes_nothing_has_no_record(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor has another come first."""
    monkeypatch.setattr(Plain, "wrong", PermissionError(errno.EACCES, "not by you"))
    with pytest.raises(ds.FileError) as caught:
        create_record(URL, ROW)
    assert caught.value.path == f"gs://zoo/{RECORD}"
    assert [*plain] == []


def test_a_store_with_conditions_says_that_another_came_first(memory: Any) -> None:
    assert create_record(URL, ROW)
    assert not create_record(URL, OTHER)
    assert read_record(URL) == ROW
    assert memory.find("/") == [f"/zoo/{RECORD}"]
