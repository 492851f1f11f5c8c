"""HDF5 whose values take fewer bytes in the file than they have: read, said, and limited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.hdf5 import read
from deconvsurgery.caffemodel.model import MAX_UNPACKED
from helpers.documents import parsed_json
from helpers.models import ExactSource, weights_of
from helpers.real_caffe import at_hand as needs_caffe
from helpers.real_caffe import real_caffe
from helpers.runs import run_here
from helpers.words import Words, numbers

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [1, 2, 5, 6] } } }
layer { name: "up" type: "Deconvolution" bottom: "x" top: "up" param { lr_mult: 0 }
  convolution_param {
    num_output: 2 group: 2 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }
layer { name: "fc" type: "InnerProduct" bottom: "up" top: "fc"
  inner_product_param { num_output: 300 bias_term: false } }
"""
SHAPE = (300, 240)  # what fc has; 288,000 bytes of float32
SIZE = 4 * 300 * 240


def never_written(group: Any) -> None:
    group.create_dataset("0", SHAPE, "f4", chunks=(10, 240))


def written_in_part(group: Any) -> None:
    group.create_dataset("0", SHAPE, "f4", chunks=(1, 240))[7] = 1.5


def compressed(group: Any) -> None:
    group.create_dataset("0", data=np.full(SHAPE, 0.5, "f4"), compression="gzip")


def shuffled(group: Any) -> None:
    data = np.full(SHAPE, 0.5, "f4")
    group.create_dataset("0", data=data, compression="gzip", shuffle=True, fletcher32=True)


def in_one_stretch_never_written(group: Any) -> None:
    group.create_dataset("0", SHAPE, "f4")


def filled_with_a_number(group: Any) -> None:
    group.create_dataset("0", SHAPE, "f4", chunks=(10, 240), fillvalue=2)


PACKED = (
    never_written,
    written_in_part,
    compressed,
    shuffled,
    in_one_stretch_never_written,
    filled_with_a_number,
)


@pytest.fixture(params=PACKED, ids=lambda each: each.__name__)
def place(request: Any, tmp_path: Path) -> Path:
    """A folder with a net, and a model in which ``fc`` is packed and ``up`` is not."""
    return made(tmp_path, request.param)


def made(folder: Path, pack: Callable[[Any], None]) -> Path:
    (folder / "net.prototxt").write_text(NET)
    with h5py.File(folder / "in.h5", "w") as file:
        file["data/up/0"] = np.zeros((2, 1, 4, 4), "f4")
        file.create_group("data/x")
        pack(file.create_group("data/fc"))
    return folder


def values_in(path: Path) -> Any:
    with h5py.File(path) as file:
        return file["data/fc/0"][()]


def test_within_the_limit_it_is_read_and_its_size_is_said(place: Path, words: Words) -> None:
    size = (place / "in.h5").stat().st_size
    dry = ds.convert(place / "in.h5", values="keep", dry_run=True)
    result = ds.convert(place / "in.h5", place / "out")
    assert dry.output_size == result.output_size == (place / "out").stat().st_size
    assert weights_of((place / "out").read_bytes())["fc"][0].tobytes() == (
        values_in(place / "in.h5").tobytes()
    )
    (note,) = result.conversion.told
    assert numbers(note) == [size, SIZE + 128]
    words(note)


def test_beyond_it_is_refused_with_both_sizes(place: Path, words: Words) -> None:
    size = (place / "in.h5").stat().st_size
    most = SIZE + 128 - size
    assert ds.convert(place / "in.h5", dry_run=True, max_unpacked=most).changed
    for form in ("binary", "hdf5"):
        with pytest.raises(ds.MismatchError) as raised:
            ds.convert(
                place / "in.h5", place / "o", to=form, values="float64", max_unpacked=most - 1
            )
        assert raised.value.layer == "fc"
        assert numbers(raised.value.message)[:4] == [0, size, SIZE + 128, SIZE + 128]
        assert "max_unpacked=" in raised.value.message
        words(raised.value, form)
    assert not (place / "o").exists()


def test_the_option_of_the_command_and_what_it_advises(place: Path) -> None:
    code, out, errors = run_here(place, "convert", "--max-unpacked", "1k", "in.h5", "out")
    assert (code, out) == (3, b"")
    advised = errors.decode().split("`convert ")[1].split("`")[0].split()
    code, _, errors = run_here(place, "convert", *advised, "in.h5", "out")
    assert (code, errors) == (0, b"")
    code, out, _ = run_here(place, "convert", "-n", "--json", "--max-unpacked", "1MB", "in.h5")
    assert code == 0
    assert parsed_json(out)["bytes"]["output"] == (place / "out").stat().st_size


def test_the_other_blobs_and_bytes_are_dealt_with(place: Path) -> None:
    """What is not read is no reason to refuse what does not read it."""
    with ds.open_model(place / "in.h5", max_unpacked=1000) as model:
        packed = {
            name: layers[0].blobs[0].packed
            for name, layers in model.by_name.items()
            if layers[0].blobs
        }
        assert packed == {"fc": True, "up": False}
        result = ds.apply(place / "net.prototxt", model, place / "out")
    assert [row.action for row in result.plan.changes] == ["rewritten"]
    before, after = (place / "in.h5").read_bytes(), (place / "out").read_bytes()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) <= 128
    assert values_in(place / "out").tobytes() == values_in(place / "in.h5").tobytes()


def test_it_is_nothing_that_caffe_refuses(place: Path, words: Words) -> None:
    with ds.open_model(place / "in.h5", max_unpacked=1000) as model:
        result = ds.check(place / "net.prototxt", model)
        assert {each.id for each in result.findings} == {"DS002"}
        seen = ds.inspect(place / "net.prototxt", model)
    (said,) = [each for each in seen.notes if "unpack" in each]
    words(said)


def test_what_was_not_read_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(NET)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.create_dataset("data/up/0", (2, 1, 4, 4), "f4", chunks=(1, 1, 4, 4))
        file["data/fc/0"] = np.ones(SHAPE, "f4")
    size = (tmp_path / "in.h5").stat().st_size
    for allowed, found in ((SIZE + 128 - size, {"DS002"}), (SIZE + 127 - size, set[str]())):
        with ds.open_model(tmp_path / "in.h5", max_unpacked=allowed) as model:
            blobs = {layer.name: layer.blobs[0].packed for layer in model.layers}
            assert blobs == {"fc": False, "up": not found}
            result = ds.check(tmp_path / "net.prototxt", model)
        assert {each.id for each in result.findings} == found


@needs_caffe
def test_a_real_caffe_reads_it(place: Path) -> None:
    answer = real_caffe(NET, place / "in.h5", weights=True)
    assert not answer.stops
    expected = values_in(place / "in.h5")
    assert answer.weights_of("fc").tobytes() == expected.tobytes()


# --- promises of gigabytes


def one_of_gigabytes(file: Any) -> None:
    file.create_dataset("data/up/0", (1200, 1000, 1000), "f4", chunks=(1, 1000, 1000))


def of_doubles(file: Any) -> None:
    file.create_dataset("data/up/0", (600, 1000, 1000), "f8", chunks=(1, 1000, 1000))


def of_bytes(file: Any) -> None:
    file.create_dataset("data/up/0", (1200, 1000, 1000), "u1", chunks=(1, 1000, 1000))


def compressed_in_part(file: Any) -> None:
    shape = (1200, 1000, 1000)
    data = file.create_dataset("data/up/0", shape, "f4", chunks=(1, 1000, 1000), compression="gzip")
    data[5] = 1


def many_of_megabytes(file: Any) -> None:
    for i in range(40):
        shape = (10, 1000, 1000)
        file.create_dataset(f"data/up{i}/0", shape, "f4", chunks=(1, 1000, 1000))


PROMISES = (one_of_gigabytes, of_doubles, of_bytes, compressed_in_part, many_of_megabytes)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda each: each.__name__)
@pytest.mark.parametrize(
    "command",
    [
        *("convert in.h5 out", "convert in.h5 out.h5 --values float64", "inspect in.h5"),
        *("inspect -a net in.h5", "check net in.h5", "diff in.h5 other.h5"),
        *("apply net in.h5 out", "transplant net in.h5 out", "regroup --expand net in.h5 n out"),
    ],
)
def test_a_file_of_few_bytes_costs_little(
    command: str, promise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(file: Any, blob: ds.SourceBlob) -> Iterator[Any]:
        assert blob.count < 1_000_000
        yield from read_values(file, blob)

    read_values = read._values
    monkeypatch.setattr(read, "_values", counted)
    (tmp_path / "net").write_text(
        'input: "x" input_shape { dim: [1, 1200, 5, 6] } layer { name: "up" type: "Deconvolution"'
        ' bottom: "x" top: "up" convolution_param { num_output: 1000 kernel_size: 1000 } }'
    )
    for name in ("in.h5", "other.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            promise(file)
            if name == "other.h5":
                file.create_group("data/more")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert (tmp_path / "in.h5").stat().st_size < 100_000
    code, _, _ = run_here(tmp_path, *command.split())
    assert code in (0, 1, 3)
    assert code == 3 or not command.startswith("convert")
    after = sorted(path.name for path in tmp_path.iterdir())
    assert after == before or (code == 0 and command.split()[0] != "convert")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1_000_000


def test_the_default_is_a_gigabyte_more_than_the_file(tmp_path: Path) -> None:
    """A model of half a gigabyte that compresses to nothing is read as it is."""
    assert MAX_UNPACKED == 1 << 30
    for count, code in ((268, 0), (269, 3)):
        with h5py.File(tmp_path / "in.h5", "w") as file:
            file.create_dataset("data/a/0", (count, 1000, 1000), "f4", chunks=(1, 1000, 1000))
        assert run_here(tmp_path, "inspect", "in.h5")[0] == 0
        with ds.open_model(tmp_path / "in.h5") as model:
            assert model.blobs[0].packed == bool(code)


# --- filters that the library does not have


def with_filter(place: Path, number: int) -> None:
    """The blob of ``up`` in one chunk, said to have gone through a filter; the bytes are plain."""
    with h5py.File(place, "w") as file:
        group = file.create_group("data/up")
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((2, 1, 4, 4))
        created.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((2, 1, 4, 4))
        blob = h5py.h5d.create(group.id, b"0", h5py.h5t.IEEE_F32LE, space, created)
        blob.write_direct_chunk((0, 0, 0, 0), bytes(128), 1)  # and passed over, for this chunk


@pytest.mark.parametrize("number", [305, 32015])
def test_no_plugin_is_looked_for(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """The library would look for a filter in a folder of plugins, and run what is there."""
    with_filter(tmp_path / "in", number)
    with read.indexed_hdf5(ExactSource((tmp_path / "in").read_bytes())) as model:
        (blob,) = model.layers[0].blobs
    assert blob.problem is not None
    assert not blob.count
    words(blob.problem)
    assert numbers(blob.problem) == [number]
    assert blob.shape == (2, 1, 4, 4)


def test_filters_of_the_library_are_read(tmp_path: Path) -> None:
    with_filter(tmp_path / "in", h5py.h5z.FILTER_SHUFFLE)
    with read.indexed_hdf5(ExactSource((tmp_path / "in").read_bytes())) as model:
        (blob,) = model.layers[0].blobs
        assert blob.problem is None
        assert not any(values.any() for values in model.flat_values(blob))
