"""Sources that are bytes in memory, or a binary file that someone else has open."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.storage.bytes_source import BinaryFileSource, BytesSource
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.source_interface import Source
from helpers.words import Words

BYTES = bytes(range(200))


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[list[Source]]:
    (tmp_path / "it").write_bytes(BYTES)
    with (tmp_path / "it").open("rb") as file:
        yield [
            BytesSource(BYTES),
            BytesSource(memoryview(np.frombuffer(BYTES, "<u2"))),
            BinaryFileSource(io.BytesIO(BYTES)),
            BinaryFileSource(file),
            open_source(tmp_path / "it"),
        ]


def test_every_source_gives_the_same_bytes(sources: list[Source]) -> None:
    for source in sources:
        assert (source.size, source.spooled, source.closed) == (200, False, False)
        for start, size in ((0, 200), (0, 0), (200, 0), (3, 7), (199, 1)):
            assert source.read(start, size) == BYTES[start : start + size]
        assert isinstance(source.read(0, 4), bytes)
        assert [*source.filled(10, 20)] == [(10, 20)]
        assert source.unchanged()
        with pytest.raises(ds.ModelError) as raised:
            source.read(190, 20)
        assert (raised.value.offset, raised.value.path) == (190, source.name)


def test_a_closed_source_gives_nothing_more(sources: list[Source]) -> None:
    for source in sources:
        with source:
            pass
        source.close()
        assert source.closed
        with pytest.raises(ValueError, match="is closed") as raised:
            source.read(0, 1)
        assert source.name in str(raised.value)


def test_a_closed_object_gives_nothing_more(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(BYTES)
    s3.put("it", tmp_path / "it")
    with open_source(s3.url("it")) as source:
        assert source.read(0, 3) == BYTES[:3]
    with pytest.raises(ValueError, match="is closed"):
        source.read(0, 3)


def test_names(tmp_path: Path) -> None:
    (tmp_path / "a\nb").write_bytes(BYTES)
    with (tmp_path / "a\nb").open("rb") as file:
        assert BinaryFileSource(file).name == str(tmp_path / "a") + r"\nb"
    descriptor = os.open(tmp_path / "a\nb", os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as numbered:
        assert (numbered.name, BinaryFileSource(numbered).name) == (descriptor, "the open file")
    assert BytesSource(b"").name == "the bytes in memory"
    assert BytesSource(b"", "a part").name == "a part"


def test_which_file_it_is_is_known(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(BYTES)
    (tmp_path / "other").write_bytes(BYTES)
    with (tmp_path / "it").open("rb") as file:
        source = BinaryFileSource(file)
        assert source.is_same_file((tmp_path / "it").stat())
        assert not source.is_same_file((tmp_path / "other").stat())
    for memory in (BytesSource(BYTES), BinaryFileSource(io.BytesIO(BYTES))):
        assert not memory.is_same_file((tmp_path / "it").stat())


def test_a_file_that_is_written_to_has_changed(tmp_path: Path) -> None:
    memory = io.BytesIO(BYTES)
    source = BinaryFileSource(memory)
    memory.seek(0, io.SEEK_END)
    memory.write(b"x")
    assert not source.unchanged()
    with pytest.raises(ds.FileError):
        source.confirm_unchanged()


class Failing(io.BytesIO):
    """Fails from its second read on."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > 1:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_what_the_file_refuses_is_an_error_about_it(words: Words) -> None:
    source = BinaryFileSource(Failing(BYTES))
    with pytest.raises(ds.FileError) as raised:
        source.read(0, 10)
    assert raised.value.path == source.name
    words(raised.value)


def test_a_file_that_cannot_seek(words: Words) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as file, pytest.raises(ds.FileError) as raised:
        BinaryFileSource(file)
    assert raised.value.path == "the open file"
    words(raised.value)


def test_a_file_that_ends_early_is_told_where() -> None:
    memory = io.BytesIO(BYTES)
    source = BinaryFileSource(memory)
    memory.truncate(150)
    assert source.read(100, 50) == BYTES[100:150]
    with pytest.raises(ds.ModelError) as raised:
        source.read(120, 60)
    assert raised.value.offset == 150


def test_a_file_of_another_time_has_changed(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(BYTES)
    with (tmp_path / "it").open("rb") as file:
        source = BinaryFileSource(file)
        assert source.unchanged()
        os.utime(tmp_path / "it", (1, 1))
        assert not source.unchanged()


class Trickling(io.BytesIO):
    """Gives a few bytes at a time, and ends for good once it is told to."""

    lost = False

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 7))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if self.lost:
            raise OSError(5, "Input/output error")
        return super().seek(offset, whence)


def test_a_file_that_gives_little_at_a_time_is_read_to_the_end() -> None:
    data = BYTES * 5000
    source = BinaryFileSource(Trickling(data))
    found = source.read(1, len(data) - 1)
    assert isinstance(found, bytes)
    assert found == data[1:]


def test_a_file_whose_end_is_not_found_any_more_has_changed() -> None:
    file = Trickling(BYTES)
    source = BinaryFileSource(file)
    assert source.unchanged()
    file.lost = True
    assert not source.unchanged()
    with pytest.raises(ds.FileError):
        source.read(0, 1)


def test_a_compressed_file_is_read_as_what_it_holds(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "it.gz", "wb") as packed:
        packed.write(BYTES)
    with gzip.open(tmp_path / "it.gz") as file:
        source = BinaryFileSource(file)
        assert (source.size, source.read(3, 100)) == (200, BYTES[3:103])
        assert source.unchanged()
        assert source.is_same_file((tmp_path / "it.gz").stat())


def test_a_file_that_its_owner_closed_is_no_file_any_more() -> None:
    file = io.BytesIO(BYTES)
    source = BinaryFileSource(file)
    file.close()
    with pytest.raises(ValueError, match="closed"):
        source.read(0, 1)
