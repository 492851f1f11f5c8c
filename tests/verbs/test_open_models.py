"""Open models: in every way in which one is opened, verbs take it; closed ones say so."""

from __future__ import annotations

import io
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import demo_base, demo_net, model_bytes, write_demo
from helpers.runs import environment
from helpers.words import Words

Way = Callable[[Path], Any]


@contextmanager
def _raw(path: Path) -> Iterator[Any]:
    with path.open("rb", buffering=0) as file:
        yield file


class Trickling(io.BytesIO):
    """Gives at most seven bytes at a time, as a raw file may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 7) if size is not None and size >= 0 else 7)


class ReadAndSeek:
    """Has no more than what is asked of a file."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


WAYS: dict[str, Way] = {
    "a path": lambda path: path,
    "its name": str,
    "bytes": Path.read_bytes,
    "a bytearray": lambda path: bytearray(path.read_bytes()),
    "a memoryview": lambda path: memoryview(path.read_bytes()),
    "a memoryview of numbers": lambda path: memoryview(
        np.frombuffer(path.read_bytes().ljust(-(-path.stat().st_size // 4) * 4, b"\0"), "<u4")
    ),
    "a BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "a file": lambda path: path.open("rb"),
    "a raw file": lambda path: path.open("rb", buffering=0),
    "a file that was read": lambda path: _moved(path.open("rb")),
    "a file that trickles": lambda path: Trickling(path.read_bytes()),
    "what can read and seek": lambda path: ReadAndSeek(path.read_bytes()),
    "a mapped file": lambda path: _mapped(path),
    "a spooled file": lambda path: _spooled(path),
}


def _moved(file: Any) -> Any:
    file.read(100)
    return file


def _mapped(path: Path) -> Any:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _spooled(path: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(path.read_bytes())
    return file


# A model that ends in a field nobody knows, of which its own last bytes may be missing: padded
# with zeros it would be another file.
EXACT = [way for way in WAYS if way != "a memoryview of numbers"]


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    return write_demo(tmp_path, "net", "in")


@pytest.mark.parametrize("way", EXACT)
@pytest.mark.parametrize("form", ["binary", "hdf5"])
def test_a_model_is_the_same_however_it_is_opened(pair: Path, way: str, form: str) -> None:
    path = pair / "in"
    if form == "hdf5":
        pytest.importorskip("h5py")
        path = pair / "in.h5"
        ds.convert(pair / "in", path, to="hdf5")
    ds.apply(pair / "net", path, pair / "expected")
    given = WAYS[way](path)
    with ds.open_model(given) as model:
        found = {name: [blob.array() for blob in layer] for name, layer in model.items()}
        result = ds.apply(pair / "net", model, pair / "out")
        looked = ds.inspect(pair / "net", model)
        same = ds.diff(path, model).same
        passed = ds.check(pair / "net", model).passed
    expected = ds.load(path)
    assert {(name, at) for name, arrays in found.items() for at in range(len(arrays))} == {
        *expected
    }
    for (name, at), array in expected.items():
        assert np.array_equal(found[name][at], array)
    assert (result.written, same, passed) == (True, True, False)
    assert looked == ds.inspect(pair / "net", path) or looked.model_size == path.stat().st_size
    assert ds.diff(pair / "out", pair / "expected").same
    if form == "binary":
        assert (pair / "out").read_bytes() == (pair / "expected").read_bytes()
    if hasattr(given, "closed"):
        assert not given.closed
        given.close()


@pytest.mark.parametrize("verb", ["apply", "convert", "regroup", "transplant", "save_patch"])
def test_every_verb_that_writes_takes_a_model_in_memory(pair: Path, verb: str) -> None:
    net, path = pair / "net", pair / "in"
    with ds.open_model(demo_base()) as memory:
        for model, out in ((path, pair / "expected"), (memory, pair / "out")):
            if verb == "apply":
                ds.apply(net, model, out)
            elif verb == "save_patch":
                ds.apply(net, model, out, save_patch=out.with_suffix(".undo"))
            elif verb == "convert":
                ds.convert(model, out, values="float64")
            elif verb == "transplant":
                ds.transplant(net, model, out)
            else:
                ds.apply(net, path, pair / "full", force=True)
                full: Any = pair / "full"
                if model is memory:
                    full = ds.open_model(full.read_bytes())
                ds.regroup(net, full, out.with_suffix(".net"), out, patterns="upscore2")
    assert (pair / "out").read_bytes() == (pair / "expected").read_bytes()
    if verb == "save_patch":
        ds.revert(pair / "out", pair / "out.undo", pair / "back")
        assert (pair / "back").read_bytes() == demo_base()


def test_a_model_in_memory_becomes_an_object(pair: Path, s3: Any) -> None:
    ds.apply(pair / "net", pair / "in", pair / "expected")
    with ds.open_model(demo_base()) as model:
        assert ds.apply(pair / "net", model, s3.url("out")).written
    assert s3.get("out") == (pair / "expected").read_bytes()
    with ds.open_model(s3.url("out")) as there, ds.open_model(pair / "expected") as here:
        assert there.name == s3.url("out")
        assert ds.diff(there, here).same


def test_a_model_is_opened_without_numbers(pair: Path) -> None:
    """What is heavy is imported when an array is asked for."""
    code = (
        "import sys, deconvsurgery as ds\n"
        "model = ds.open_model('in')\n"
        "print(model, model['score'], *model['score'])\n"
        "print(*{'numpy', 'google.protobuf', 'h5py', 'fsspec', 'rich'} & set(sys.modules))\n"
        "model['score'][0].array()\n"
        "print(*{'numpy', 'google.protobuf', 'h5py', 'fsspec', 'rich'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=pair, capture_output=True, check=True, env=environment()
    )
    assert done.stdout.decode().splitlines()[1:] == ["", "numpy"]


def test_an_open_file_is_not_written_over_unless_that_is_asked_for(pair: Path) -> None:
    with (pair / "in").open("rb") as file, ds.open_model(file) as model:
        with pytest.raises(ds.OutputError):
            ds.apply(pair / "net", model, pair / "in")
        with pytest.raises(ds.ArgumentError):
            ds.apply(pair / "net", model, in_place=True)
    assert (pair / "in").read_bytes() == demo_base()


def test_a_file_that_changes_while_it_is_open_is_no_source(pair: Path) -> None:
    with (pair / "in").open("rb") as file, ds.open_model(file) as model:
        with (pair / "in").open("ab") as other:
            other.write(b"\0")
        with pytest.raises(ds.FileError):
            ds.apply(pair / "net", model, pair / "out")
        assert not (pair / "out").exists()


def test_a_file_that_is_cut_short_is_told(pair: Path, words: Words) -> None:
    with (pair / "in").open("rb", buffering=0) as file, ds.open_model(file) as model:
        os.truncate(pair / "in", 100)
        with pytest.raises(ds.ModelError) as raised:
            model["refine"][0].array()
    assert raised.value.path == str(pair / "in")
    assert (raised.value.offset or 0) > 100
    words(raised.value)


# --- what is no model


@pytest.mark.parametrize("wrong", [None, 5, 1.5, ["in"], {"a": 1}, object(), demo_net])
def test_what_is_no_place_and_no_bytes(wrong: Any, words: Words) -> None:
    with pytest.raises(TypeError) as raised:
        ds.open_model(wrong)
    if wrong is None:
        words(raised.value)


def test_a_file_of_text(pair: Path) -> None:
    with (pair / "net").open() as file, pytest.raises(TypeError, match="rb"):
        ds.open_model(file)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="rb"):
        ds.open_model(io.StringIO("layer {}"))  # type: ignore[arg-type]


def test_a_pipe_is_no_file_that_can_seek() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as file, pytest.raises(ds.FileError) as raised:
        ds.open_model(file)
    assert raised.value.hint


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(100), demo_net()])
def test_bytes_that_are_no_model(data: bytes) -> None:
    with pytest.raises(ds.ModelError) as raised:
        ds.open_model(data)
    assert raised.value.path == "the bytes in memory"
    with pytest.raises(ds.ModelError):
        ds.open_model(io.BytesIO(data))


def test_a_view_with_gaps_is_no_bytes() -> None:
    with pytest.raises(TypeError):
        ds.open_model(memoryview(demo_base())[::2])


# --- closed


def uses(pair: Path) -> dict[str, Callable[[ds.Model], object]]:
    net = ds.read_net(pair / "net")
    missing = pair / "missing"
    return {
        "array": lambda model: model["score"][0].array(),
        "asarray": lambda model: np.asarray(model["score"][0]),
        "rows": lambda model: next(model.rows(model["score"][0].source, (5, 16, 1, 1))),
        "flat values": lambda model: next(model.flat_values(model["score"][0].source)),
        "with": lambda model: model.__enter__(),
        "apply": lambda model: ds.apply(net, model, dry_run=True),
        "check": lambda model: ds.check(net, model),
        "inspect": lambda model: ds.inspect(model=model),
        "diff": lambda model: ds.diff(pair / "in", model),
        "convert": lambda model: ds.convert(model, missing),
        "regroup": lambda model: ds.regroup(pair / "net", model, dry_run=True),
        "transplant": lambda model: ds.transplant(net, model, dry_run=True),
        "plan": lambda model: ds.make_plan(net, model, ds.match_layers(net, ["*"])),
    }


@pytest.mark.parametrize("form", ["binary", "hdf5", "bytes", "file"])
def test_a_closed_model_says_so_in_every_use(pair: Path, form: str) -> None:
    path = pair / "in"
    if form == "hdf5":
        pytest.importorskip("h5py")
        path = pair / "in.h5"
        ds.convert(pair / "in", path)
    given: Any = {"bytes": path.read_bytes, "file": path.open}.get(form, lambda *_: path)(
        *(("rb",) if form == "file" else ())
    )
    model = ds.open_model(given)
    kept = model["score"][0]
    model.close()
    model.close()
    assert model.closed
    for name, use in uses(pair).items():
        with pytest.raises(ValueError, match="the model is closed") as raised:
            use(model)
        assert model.name in str(raised.value), name
    with pytest.raises(ValueError, match="the model is closed"):
        kept.array()
    # What is known of it stays.
    assert (len(model), kept.shape, "score" in model) == (10, (5, 16, 1, 1), True)
    assert "closed" in repr(model)
    assert not (pair / "missing").exists()
    if form == "file":
        assert not given.closed
        given.close()


def test_with_closes_and_verbs_do_not(pair: Path) -> None:
    with ds.open_model(pair / "in") as model:
        ds.apply(pair / "net", model, dry_run=True)
        assert not model.closed
    assert model.closed
    with pytest.raises(ValueError, match="the model is closed"), model:
        pass


def test_models_that_nobody_closes_let_go_of_their_files(pair: Path) -> None:
    pytest.importorskip("h5py")
    ds.convert(pair / "in", pair / "in.h5")
    with ds.open_model(pair / "in.h5"):
        pass  # what the library keeps open itself is open now
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        for name in ("in", "in.h5"):
            ds.open_model(pair / name)["score"][0].array()
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_came_of_a_model_keeps_it_open(pair: Path) -> None:
    blob = ds.open_model(pair / "in")["score"][0]
    assert blob.array().shape == (5, 16, 1, 1)


def test_a_bytearray_is_let_go_of() -> None:
    data = bytearray(demo_base())
    with ds.open_model(data) as model:
        assert model["score"][1].array()[0] == np.float32(-0.125)
        with pytest.raises(BufferError):
            data.clear()
    data.clear()


def test_a_file_that_cannot_be_opened_leaves_nothing_open(pair: Path) -> None:
    (pair / "bad").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    before = len(os.listdir("/proc/self/fd"))
    for name in ("bad", "net"):
        with pytest.raises(ds.FormatError) as raised:
            ds.open_model(pair / name)
        assert raised.value.path == str(pair / name)
    assert len(os.listdir("/proc/self/fd")) == before


# --- nets


def test_a_net_as_text_and_as_bytes() -> None:
    text = demo_net().decode()
    assert ds.parse_net(text) == ds.parse_net(text.encode())
    strange = b'layer { name: "\xff" type: "ReLU" }'
    assert ds.parse_net(strange.decode("utf-8", "surrogateescape")) == ds.parse_net(strange)
    assert ds.parse_net("name: 'sch\u00f6n'").name == "sch\u00f6n"


@pytest.mark.parametrize("path", ["net.prototxt", "/a/b/net.prototxt", "s3://zoo/net", "net"])
def test_a_path_is_no_text_of_a_net(path: str, words: Words) -> None:
    with pytest.raises(ds.PrototxtError) as raised:
        ds.parse_net(path)
    assert "read_net" in (raised.value.hint or "")
    words(raised.value, path)


@pytest.mark.parametrize("text", ["layer { }", demo_net().decode()], ids=["short", "long"])
def test_a_text_is_no_path_of_a_net(text: str, words: Words) -> None:
    with pytest.raises(ds.FileError) as raised:
        ds.read_net(text)
    assert "parse_net" in (raised.value.hint or "")
    assert len(raised.value.path or "") <= 60
    words(raised.value, text[:5])
    with pytest.raises(ds.FileError):
        ds.inspect(text)


def test_load_has_every_value_of_every_layer_that_caffe_loads(tmp_path: Path) -> None:
    parts = [{"a": [np.ones(2), np.zeros(3)]}, {"b": []}, {"a": [np.full(4, 7)]}, {"a": []}]
    data = b"".join(model_bytes(part) for part in parts)
    loaded = ds.load(data)
    assert [(key, array.tolist()) for key, array in loaded.items()] == [(("a", 0), [7, 7, 7, 7])]
    (tmp_path / "in").write_bytes(data)
    assert [*ds.load(tmp_path / "in")] == [("a", 0)]
