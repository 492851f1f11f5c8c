"""What is a stream, by its path alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deconvsurgery.storage import streams
from deconvsurgery.storage.streams import can_be_read_again, is_stream


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name, to in (("soft", "file"), ("pipe", "fifo"), ("null", "/dev/null"), ("new", "none")):
        (tmp_path / name).symlink_to(to)
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


@pytest.fixture
def no_descriptors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system without a folder of descriptors."""
    stat = os.stat

    def refusing(path: Any, **options: Any) -> os.stat_result:
        if path == "/dev/fd":
            raise FileNotFoundError
        return stat(path, **options)

    streams._device_of_descriptors.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", refusing)
        yield
    streams._device_of_descriptors.cache_clear()


FILES = ("file", "folder", "soft", "none", "new", "none/file", "a\0b", "gs://zoo/key", "./-")
STREAMS = ("-", "fifo", "pipe", "null", "/dev/null")


@pytest.mark.usefixtures("here")
def test_streams_are_told_from_files() -> None:
    assert [name for name in (*FILES, *STREAMS, "/dev/fd/0") if is_stream(name)] == [
        *STREAMS,
        "/dev/fd/0",
    ]


@pytest.mark.usefixtures("here", "no_descriptors")
def test_so_where_there_is_no_folder_of_descriptors() -> None:
    assert [name for name in (*FILES, *STREAMS) if is_stream(name)] == [*STREAMS]


@pytest.mark.usefixtures("here")
def test_links_that_lead_round_lead_to_no_stream() -> None:
    """Whoever opens it says so."""
    assert not is_stream("loop")
    assert can_be_read_again("loop")


@pytest.mark.usefixtures("here")
def test_a_stream_is_read_once() -> None:
    again = [name for name in (*FILES, "", *STREAMS) if can_be_read_again(name)]
    assert again == [each for each in (*FILES, "") if each != "folder"]
