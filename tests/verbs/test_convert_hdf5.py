"""Models that become HDF5 and HDF5 that becomes binary, read back by h5py, protobuf and OpenCV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.campaigns import campaign_but
from helpers.models import NetParameter, parsed, saved, weights_of
from helpers.oracles import opencv_forward, ramp
from helpers.places import LAYOUTS
from helpers.real_caffe import at_hand as needs_caffe
from helpers.real_caffe import real_caffe
from helpers.runs import measured, run_here
from helpers.wire import (
    LEN,
    dims,
    doubles,
    floats,
    layer_v2,
    legacy_dims,
    number,
    payloads,
    sized,
    tag,
    varint,
)
from helpers.words import Words, names, numbers, shapes

Array = NDArray[Any]

# As Caffe saved them: a kernel, groups, a full diagonal, biases.
FEW = ("k04_g3", "factor2_dense", "bias_default", "gauss")
SAVED = campaign_but(FEW, sorted(LAYOUTS.glob("*.caffemodel")), lambda path: path.stem)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("convert_hdf5")


def converted(
    data: bytes,
    folder: Path,
    *,
    to: str = "hdf5",
    net: str | None = None,
    **options: Any,
) -> tuple[ds.ConvertResult, bytes]:
    (folder / "in").write_bytes(data)
    if net is not None:
        (folder / "net.prototxt").write_text(net)
        options["net"] = folder / "net.prototxt"
    result = ds.convert(folder / "in", folder / "out", to=to, force=True, **options)
    out = (folder / "out").read_bytes()
    assert (folder / "in").read_bytes() == data
    assert (result.written, result.output_size) == (True, len(out))
    assert result.changed == (out != data)
    return result, out


def content(data: bytes, folder: Path) -> dict[str, Array | None]:
    """Everything in an HDF5 file by its path: arrays, None for a group."""
    (folder / "look.h5").write_bytes(data)
    found: dict[str, Array | None] = {}

    def look(path: str, item: Any) -> None:
        assert not item.attrs
        found[path] = item[()] if isinstance(item, h5py.Dataset) else None

    with h5py.File(folder / "look.h5") as file:
        assert not file.attrs
        file.visititems(look)
    return {path: None if item is None else np.asarray(item) for path, item in found.items()}


def same(one: dict[str, Array | None], other: dict[str, Array | None]) -> None:
    """The same paths, types, shapes and bits."""
    assert one.keys() == other.keys()
    for path, array in one.items():
        there = other[path]
        assert (array is None) == (there is None), path
        if array is not None and there is not None:
            assert (array.dtype, array.shape) == (there.dtype, there.shape), path
            assert array.tobytes() == there.tobytes(), path


def hdf5(folder: Path, groups: dict[str, Sequence[Any]], **options: Any) -> bytes:
    """A weights file as h5py writes it; None leaves a blob out."""
    with h5py.File(folder / "made.h5", "w") as file:
        data = file.create_group("data")
        for name, blobs in groups.items():
            group = data.create_group(name)
            for position, blob in enumerate(blobs):
                if blob is not None:
                    group.create_dataset(str(position), data=blob, **options)
    return (folder / "made.h5").read_bytes()


# --- as Caffe writes it


@pytest.mark.parametrize("path", SAVED)
def test_hdf5_is_as_caffe_saves_it(path: Path, shared: Path, folder: Path) -> None:
    golden = (shared / "golden" / "layouts" / f"{path.name}.h5").read_bytes()
    result, out = converted(path.read_bytes(), folder)
    same(content(out, folder), content(golden, folder))
    assert (result.before, result.after, result.warnings) == ("V2", "HDF5", ())
    # What Caffe saved has the form.
    result, again = converted(golden, folder)
    assert again == golden
    assert not result.changed


def test_a_classifier_is_as_caffe_saves_it(shared: Path, folder: Path) -> None:
    binary = (shared / "golden" / "transplant" / "classifier.caffemodel").read_bytes()
    golden = (shared / "golden" / "transplant" / "classifier.caffemodel.h5").read_bytes()
    _, out = converted(binary, folder)
    same(content(out, folder), content(golden, folder))


@pytest.mark.parametrize("path", SAVED)
def test_there_and_back_with_the_net(path: Path, folder: Path) -> None:
    """Layers in the net's order, their types, bottoms, tops and parameters as it says."""
    net = path.with_suffix(".prototxt").read_text()
    data = path.read_bytes()
    _, there = converted(data, folder)
    result, back = converted(there, folder, to="binary", net=net)
    assert (result.before, result.after) == ("HDF5", "V2")
    expected = text_format.Parse(net, NetParameter())
    before = {layer.name: layer for layer in parsed(data).layer}
    for layer in expected.layer:
        layer.blobs.extend(before[layer.name].blobs)
    assert parsed(back) == expected
    again, twice = converted(back, folder, to="binary")
    assert twice == back
    assert not again.changed


def test_without_the_net_names_and_blobs_are_enough(folder: Path) -> None:
    data = (LAYOUTS / "bias_default.caffemodel").read_bytes()
    _, there = converted(data, folder)
    _, back = converted(there, folder, to="binary")
    before, after = parsed(data), parsed(back)
    assert {layer.name: list(layer.blobs) for layer in after.layer} == {
        layer.name: list(layer.blobs) for layer in before.layer
    }
    assert not any(layer.type or layer.bottom for layer in after.layer)


@pytest.mark.parametrize("case", ["factor3_dense", "block_g2_c6", "bias_default", "gauss"])
def test_opencv_computes_the_same_after_the_way_through_hdf5(case: str, folder: Path) -> None:
    net = (LAYOUTS / f"{case}.prototxt").read_bytes()
    data = (LAYOUTS / f"{case}.caffemodel").read_bytes()
    _, there = converted(data, folder)
    _, back = converted(there, folder, to="binary", net=net.decode())
    shape = tuple(parsed(data).layer[0].input_param.shape[0].dim)
    one = opencv_forward(net, data, ramp(shape), "up")
    assert one.any()
    assert opencv_forward(net, back, ramp(shape), "up").tobytes() == one.tobytes()


def test_what_the_net_says_of_a_layer_is_all_there(folder: Path) -> None:
    """Repeated messages, empty ones, enums, strings that are no UTF-8."""
    gbk = "上".encode("gbk")
    text = b"""name: "net"
    layer { name: "data" type: "Data" top: "data" top: "%s" phase: TRAIN
      include { phase: TRAIN stage: "s" } include { }
      data_param { source: "%s" batch_size: 2 backend: LMDB }
      transform_param { mean_value: 104 mean_value: 117.5 mirror: true } }
    layer { name: "a" type: "Scale" bottom: "data" top: "a" loss_weight: 0.5
      param { name: "%s" lr_mult: 0 } param { share_mode: PERMISSIVE } propagate_down: false
      relu_param { } scale_param { filler { type: "xavier" variance_norm: AVERAGE } } }
    """ % (gbk, gbk, gbk)
    (folder / "net.prototxt").write_bytes(text)
    (folder / "in").write_bytes(
        hdf5(folder, {"a": [np.ones(2, "<f4")], "data": [], "other": [np.float32(3)]})
    )
    ds.convert(folder / "in", folder / "out", to="binary", net=folder / "net.prototxt", force=True)
    out = (folder / "out").read_bytes()
    assert out.count(gbk) == 3
    expected = text_format.Parse(
        text.replace(gbk, b"up") + b'layer { name: "other" blobs { data: 3 } }', NetParameter()
    )
    expected.layer[1].blobs.add(data=[1, 1]).shape.dim.append(2)
    assert parsed(out.replace(gbk, b"up")) == expected


def test_real_hdf5_files(shared: Path, folder: Path) -> None:
    for path in sorted((shared / "models" / "h5-arm-cifar10").glob("*.h5")):
        data = path.read_bytes()
        net = path.with_name(re.sub(r"_iter.*", "_train_test.prototxt", path.name)).read_text()
        _, out = converted(data, folder, to="binary", net=net)
        with h5py.File(path) as file:
            expected = {
                name: [group[str(position)][()] for position in range(len(group))]
                for name, group in file["data"].items()
            }
        found = weights_of(out)
        assert found.keys() == expected.keys()
        for name, blobs in expected.items():
            for one, other in zip(found[name], blobs, strict=True):
                assert (one.shape, one.tobytes()) == (other.shape, other.tobytes())
        types = {layer.name: layer.type for layer in parsed(out).layer}
        assert (types["conv1"], types["ip1"]) == ("Convolution", "InnerProduct")
        order = [layer.name for layer in parsed(out).layer]
        assert order.index("conv1") < order.index("pool1") < order.index("conv2")
        # Back again: what Caffe wrote.
        _, back = converted(out, folder)
        same(content(back, folder), content(data, folder))


def test_an_old_file_becomes_hdf5_with_true_shapes(shared: Path, folder: Path) -> None:
    path = shared / "models" / "v1-cifar10-quick-everpeace" / "cifar10_quick_iter_5000.caffemodel"
    result, out = converted(path.read_bytes(), folder)
    assert (result.before, result.after, result.warnings) == ("V1", "HDF5", ())
    before, found = parsed(path.read_bytes()), content(out, folder)
    assert {name for name, item in found.items() if item is None} == {"data"} | {
        f"data/{layer.name}" for layer in before.layers
    }
    for layer in before.layers:
        for position, blob in enumerate(layer.blobs):
            array = found[f"data/{layer.name}/{position}"]
            assert array is not None
            axes = 1 if position else 2 if layer.type == 14 else 4
            assert array.ndim == axes
            assert array.dtype == "<f4"
            assert array.ravel().tolist() == list(blob.data)


def test_padding_layers_of_the_oldest_files_are_left_out(tmp_path: Path, words: Words) -> None:
    data = saved(
        """layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "q" }
        layers { layer { name: "c" type: "conv" num_output: 1
          blobs { num: 1 channels: 1 height: 1 width: 2 data: [3, 4] }
          blobs { num: 1 channels: 1 height: 1 width: 1 data: 5 } } bottom: "q" top: "c" }"""
    )
    result, _ = converted(data, tmp_path, to="binary")
    assert [(each.source.name, each.action) for each in result.conversion.layers] == [
        ("p", "removed"),
        ("c", "upgraded"),
    ]
    code, page, _ = run_here(tmp_path, "convert", "-n", "in")
    (note,) = (line for line in page.decode().splitlines() if line.startswith("note: p: "))
    assert code == 0
    words(note)
    _, out = converted(data, tmp_path)
    weights = np.array([[[[3, 4]]]], "<f4")
    same(
        content(out, tmp_path),
        {"data": None, "data/c": None, "data/c/0": weights, "data/c/1": np.array([5], "<f4")},
    )


def test_the_same_input_makes_the_same_bytes(folder: Path) -> None:
    data = (LAYOUTS / "bias_default.caffemodel").read_bytes()
    _, one = converted(data, folder)
    _, other = converted(data, folder)
    assert one == other  # in another second, too: HDF5 would keep times in whole seconds
    (folder / "look.h5").write_bytes(one)
    seen = []

    def look(path: str, item: Any) -> None:
        header = h5py.h5o.get_info(item.id).hdr
        times = (1 << 0x0E | 1 << 0x12) & header.mesg.present  # messages of version 1's headers
        seen.append((path, times or (header.version > 1 and header.flags & 0x20)))

    with h5py.File(folder / "look.h5") as file:
        look("/", file["/"])
        file.visititems(look)
    assert "data/up/1" in dict(seen)
    assert not any(dict(seen).values())


# --- types of values

VALUES = np.array([[0.1, -65504.0, 1e-7], [np.inf, -0.0, 3.0]], "<f8")


def stored(kind: str) -> bytes:
    """One layer with a blob of 2x3 values in a field."""
    field, head, dtype = {
        "double_data": (8, b"", "<f8"),
        "data": (5, b"", "<f4"),
        "half": (12, number(10, 2), "<f2"),
    }[kind]
    return layer_v2(b"a", None, head + sized(field, VALUES.astype(dtype).tobytes()) + dims(2, 3))


@pytest.mark.parametrize("kind", ["double_data", "data", "half"])
@pytest.mark.parametrize("values", ["float32", "float64", "keep"])
def test_the_type_of_a_dataset(kind: str, values: str, folder: Path) -> None:
    own = {"double_data": "<f8", "data": "<f4", "half": "<f2"}[kind]
    wanted = {"float32": "<f4", "float64": "<f8", "keep": own}[values]
    expected = VALUES.astype(own).astype(wanted)
    _, out = converted(stored(kind), folder, values=values)
    same(content(out, folder), {"data": None, "data/a": None, "data/a/0": expected})
    # And back: with the type kept, the field that has it.
    _, back = converted(out, folder, to="binary", values="keep")
    (blob,) = payloads(payloads(back, 100)[0], 7)
    head, field = {"<f8": (b"", 8), "<f4": (b"", 5), "<f2": (number(10, 2), 12)}[wanted]
    assert head + sized(field, expected.tobytes()) in blob
    # HDF5 to HDF5 in every type.
    for again, dtype in (("float32", "<f4"), ("float64", "<f8"), ("keep", wanted)):
        result, third = converted(out, folder, values=again)
        same(
            content(third, folder),
            {"data": None, "data/a": None, "data/a/0": expected.astype(dtype)},
        )
        assert result.changed == (dtype != wanted)


def test_what_a_narrower_type_cannot_hold(folder: Path, words: Words) -> None:
    large, fine = np.array([1.0, -1e39]), np.array([0.5])
    data = hdf5(folder, {"a": [large], "b": [fine]})
    for options in ({"to": "binary"}, {"to": "hdf5"}, {"to": "binary", "values": "raw-float16"}):
        result, out = converted(data, folder, **options)
        kept, changed = result.conversion.layers
        assert [kept.blobs[0].beyond, changed.blobs[0].beyond] == [-1e39, None]
        (note,) = kept.told
        words(note, " ".join(options.values()))
        if options["to"] == "hdf5":
            same(
                content(out, folder),
                {
                    "data": None,
                    "data/a": None,
                    "data/a/0": large,
                    "data/b": None,
                    "data/b/0": fine.astype("<f4"),
                },
            )
        else:
            wild, other = (payloads(each, 7)[0] for each in payloads(out, 100))
            assert payloads(wild, 8) == [doubles(1.0, -1e39)]
            assert payloads(other, 8) == []
        with pytest.raises(ds.ModelError) as raised:
            converted(data, folder, strict=True, **options)
        assert raised.value.layer == "a"
        assert numbers(raised.value.message)[:2] == [0, -1e39]  # the blob, and its value
    # A binary double becomes a dataset of doubles, where float32 cannot hold it.
    wide = layer_v2(b"a", None, sized(8, doubles(1e39)) + dims(1))
    _, out = converted(wide, folder)
    same(content(out, folder), {"data": None, "data/a": None, "data/a/0": np.array([1e39], "<f8")})
    values = np.array([1 / 3, 2.5])
    result, out = converted(hdf5(folder, {"a": [values]}), folder, to="binary")
    assert weights_of(out)["a"][0].tolist() == values.astype("<f4").tolist()
    change = result.conversion.layers[0].max_abs_change
    assert change == np.abs(values - values.astype("<f4")).max() > 0


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">f2", "<i4", "|u1", ">i8"])
def test_any_number_that_caffe_reads_is_read(dtype: str, folder: Path) -> None:
    values = np.arange(6).reshape(2, 3)
    data = hdf5(folder, {"a": [values.astype(dtype)]}, chunks=(1, 2), compression="gzip")
    _, out = converted(data, folder, to="binary")
    assert weights_of(out)["a"][0].tolist() == values.tolist()
    assert weights_of(out)["a"][0].dtype == "<f4"


def test_scalars_and_empty_groups(folder: Path) -> None:
    data = hdf5(folder, {"prelu": [np.float32(0.25)], "relu": []})
    _, out = converted(data, folder, to="binary")
    prelu, relu = parsed(out).layer
    assert (prelu.name, list(prelu.blobs[0].data)) == ("prelu", [0.25])
    assert not prelu.blobs[0].HasField("shape")
    assert (relu.name, len(relu.blobs)) == ("relu", 0)
    _, back = converted(out, folder)
    same(content(back, folder), content(data, folder))


# --- shared parameters

SHARING = """
name: "siamese"
layer { name: "data" type: "Input" top: "a" top: "b" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "second_by_name" type: "InnerProduct" bottom: "a" top: "fa"
  param { name: "w" } param { name: "b" } inner_product_param { num_output: 2 } }
layer { name: "first_by_name" type: "InnerProduct" bottom: "b" top: "fb"
  param { name: "w" } param { name: "b" } inner_product_param { num_output: 2 } }
layer { name: "half" type: "InnerProduct" bottom: "a" top: "fc"
  param { name: "w" } inner_product_param { num_output: 2 } }
"""
W, B, OWN = np.arange(6, dtype="<f4").reshape(2, 3), np.array([7, 8], "<f4"), np.ones(2, "<f4")
ONCE: dict[str, Array | None] = {
    "data": None,
    "data/data": None,
    "data/second_by_name": None,
    "data/second_by_name/0": W,
    "data/second_by_name/1": B,
    "data/first_by_name": None,
    "data/half": None,
    "data/half/1": OWN,
}


def copies(*, params: bool) -> bytes:
    """Each layer with its own copy, as a binary file has them; names of params or none."""
    message: Any = text_format.Parse(SHARING, NetParameter())
    for layer in message.layer[1:]:
        if not params:
            layer.ClearField("param")
        for array in (W, OWN if layer.name == "half" else B):
            blob = layer.blobs.add(data=array.ravel().tolist())
            blob.shape.dim.extend(array.shape)
    return bytes(message.SerializeToString())


def test_what_layers_share_is_saved_at_its_owner(folder: Path) -> None:
    _, out = converted(copies(params=True), folder)
    same(content(out, folder), ONCE)
    _, out = converted(copies(params=False), folder, net=SHARING)
    same(content(out, folder), ONCE)
    # Nobody says so: every layer keeps its own.
    _, out = converted(copies(params=False), folder)
    assert len(content(out, folder)) == len(ONCE) + 3


def test_what_is_saved_once_is_given_to_each(folder: Path, words: Words) -> None:
    data = hdf5(
        folder,
        {
            "data": [],
            "second_by_name": [W, B],
            "first_by_name": [],
            "half": [None, OWN],
        },
    )
    _, out = converted(data, folder, to="binary", net=SHARING)
    assert parsed(out) == parsed(copies(params=True))
    with pytest.raises(ds.MismatchError) as raised:
        converted(data, folder, to="binary")
    assert names(raised.value.message)[0] == "half"
    assert numbers(raised.value.message)[0] == 0
    assert "net=…" in str(raised.value.hint)
    words(raised.value)
    # From HDF5 to HDF5 nothing is needed, and what is not there stays away.
    _, out = converted(data, folder, values="float64")
    twice = {path: None if array is None else array.astype("<f8") for path, array in ONCE.items()}
    same(content(out, folder), twice)
    _, out = converted(data, folder, values="float64", net=SHARING)
    same(content(out, folder), twice)


# --- what HDF5 cannot hold


PATHS = ("inception_3a/1x1", "a/b", ".", "")


def test_names_that_are_paths_are_refused_all_at_once(tmp_path: Path, words: Words) -> None:
    message: Any = NetParameter()
    for name in (*PATHS, "plain"):
        message.layer.add(name=name).blobs.add(data=[1]).shape.dim.append(1)
    message.layer.add(name="relu/1")
    (tmp_path / "in").write_bytes(message.SerializeToString())
    with pytest.raises(ds.MismatchError) as raised:
        ds.convert(tmp_path / "in", tmp_path / "out.h5")
    assert names(raised.value.message) == list(PATHS)
    words(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("old", [False, True], ids=["V2", "V1"])
@pytest.mark.parametrize(
    "names_of", [PATHS, PATHS[:1], ("a\0b",)], ids=["several", "one", "with NUL"]
)
def test_without_weights_such_a_layer_is_left_out(
    names_of: tuple[str, ...], old: bool, folder: Path, words: Words
) -> None:
    message: Any = NetParameter()
    for name in (*names_of, "plain"):
        (message.layers if old else message.layer).add(name=name)
    first = (message.layers if old else message.layer).add(name="conv")
    first.blobs.add(data=[1]).shape.dim.append(1)
    result, out = converted(message.SerializeToString(), folder)
    found = {"data": None, "data/plain": None, "data/conv": None, "data/conv/0": np.ones(1, "<f4")}
    same(content(out, folder), found)
    removed = [each.source.name for each in result.conversion.layers if each.removed]
    assert removed == list(names_of)
    (note,) = result.conversion.told
    assert names(note) == [name.replace("\0", "\\x00") for name in names_of]
    words(note)
    # It comes back as a model, and no more is left out than was.
    back, _ = converted(out, folder, to="binary")
    assert [each.source.name for each in back.conversion.layers] == ["conv", "plain"]


@needs_caffe
def test_a_real_caffe_loads_it_without_the_layers_left_out(folder: Path) -> None:
    text = """
    layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 2 dim: 2 } } }
    layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
      inner_product_param { num_output: 1 bias_term: false } }
    layer { name: "fc/relu" type: "ReLU" bottom: "fc" top: "fc" }"""
    values = np.arange(4, dtype="<f4")
    data = layer_v2(b"fc", b"InnerProduct", sized(5, values.tobytes()) + dims(1, 4))
    _, out = converted(data + layer_v2(b"fc/relu", b"ReLU"), folder)
    answer = real_caffe(text, out, weights=True)
    assert not answer.stops
    assert answer.weights_of("fc").tolist() == [values.tolist()]


# --- what has no layers


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sized(1, b"n"), id="a name"),
        pytest.param(sized(1, b""), id="an empty name"),
        pytest.param(sized(100, sized(1, b"a/b")), id="left out"),
        pytest.param(sized(2, sized(1, sized(1, b"a/b") + sized(2, b"relu"))), id="V0, left out"),
    ],
)
def test_a_model_without_layers_is_read_again(data: bytes, folder: Path) -> None:
    _, out = converted(data, folder)
    same(content(out, folder), {"data": None})
    with ds.open_model(folder / "out") as model:
        assert model.layers == ()
    same_again, _ = converted(out, folder)
    assert not same_again.changed
    back, binary = converted(out, folder, to="binary")
    assert (back.before, back.after) == ("HDF5", "empty")
    with ds.open_model(folder / "out") as model:
        assert model.layers == ()
    assert parsed(binary) == NetParameter(name="")


@needs_caffe
def test_a_real_caffe_loads_a_model_without_layers(folder: Path) -> None:
    text = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 } } }'
    _, out = converted(sized(1, b"n"), folder)
    assert not real_caffe(text, out).stops
    _, out = converted(out, folder, to="binary")
    assert not real_caffe(text, out).stops


ODD_NAMES = ["up score", "Größe", "..", "a.b", "[x]", "0", "données", "a\nb", "data", "x" * 300]


def test_any_other_name_is_a_group(folder: Path) -> None:
    message: Any = NetParameter()
    for position, name in enumerate(ODD_NAMES):
        blob = message.layer.add(name=name).blobs.add(data=[position])
        blob.shape.dim.append(1)
    _, out = converted(message.SerializeToString(), folder)
    found = content(out, folder)
    for position, name in enumerate(ODD_NAMES):
        array = found[f"data/{name}/0"]
        assert array is not None
        assert array.tolist() == [position]
    _, back = converted(out, folder, to="binary")
    assert {name: blobs[0].tolist() for name, blobs in weights_of(back).items()} == {
        name: [position] for position, name in enumerate(ODD_NAMES)
    }


def test_a_name_that_is_no_utf8_is_carried_both_ways(folder: Path) -> None:
    """Caffe compares names by their bytes; Chinese Windows wrote GBK."""
    name = "上采样".encode("gbk")
    data = layer_v2(name, None, sized(5, floats(1)) + dims(1))
    _, out = converted(data, folder)
    (folder / "look.h5").write_bytes(out)
    with h5py.File(folder / "look.h5") as file:
        assert file["data"].id.get_objname_by_idx(0) == name
    _, back = converted(out, folder, to="binary")
    assert back == data


def test_of_two_layers_of_a_name_the_last_is_taken(folder: Path, words: Words) -> None:
    data = saved(
        """layer { name: "a" blobs { shape { dim: 2 } data: [1, 2] } }
        layer { name: "b" blobs { shape { dim: 1 } data: 3 } }
        layer { name: "a" blobs { shape { dim: 2 } data: [4, 5] } }"""
    )
    result, out = converted(data, folder)
    array = content(out, folder)["data/a/0"]
    assert array is not None
    assert array.tolist() == [4, 5]
    (warning,) = result.warnings
    assert names(warning) == ["a"]
    words(warning)


@pytest.mark.parametrize(
    ("blob", "count", "shape"),
    [
        ("shape { dim: 3 }", 0, (3,)),
        ("shape { dim: 3 } data: [1, 2]", 2, (3,)),
        ("shape { dim: 2 dim: 2 } data: [1, 2, 3, 4, 5]", 5, (2, 2)),
        ("shape { dim: 2 } diff: [1, 2]", 0, (2,)),
        ("num: 1 data: 1", 1, (1, 0, 0, 0)),
        ("", 0, None),  # a scalar
    ],
)
def test_a_blob_that_caffe_would_not_load_is_refused(
    blob: str, count: int, shape: tuple[int, ...] | None, tmp_path: Path, words: Words
) -> None:
    good = 'layer { name: "good" blobs { shape { dim: 1 } data: 1 } }'
    data = saved(f'{good} layer {{ name: "bad" blobs {{ data: 1 }} blobs {{ {blob} }} }}')
    (tmp_path / "in").write_bytes(data)
    with pytest.raises(ds.MismatchError) as raised:
        ds.convert(tmp_path / "in", tmp_path / "out.h5")
    error = raised.value
    assert error.layer == "bad"
    assert names(error.message)[0] == "bad"
    assert numbers(error.message)[:2] == [1, count]
    assert shapes(error.message) == ([shape] if shape else [])
    words(error, blob)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_of_many_reasons_ten_are_told(tmp_path: Path, words: Words) -> None:
    """NVIDIA's raw_data whose type is lacking, and twelve that each lack another number."""
    message: Any = NetParameter()
    blob = message.layer.add(name="raw").blobs.add(shape={"dim": [1]})
    blob.MergeFromString(b"\x62\x04abcd")
    for count in range(1, 13):
        message.layer.add(name=f"l{count}").blobs.add(shape={"dim": [99]}, data=[0] * count)
    (tmp_path / "in").write_bytes(message.SerializeToString())
    with pytest.raises(ds.MismatchError) as raised:
        ds.convert(tmp_path / "in", tmp_path / "out.h5")
    first, *lines, last = raised.value.message.split("\n")
    assert numbers(first) == [13]
    assert [names(line) for line in lines] == [["raw"], *([f"l{n}"] for n in range(1, 10))]
    assert [numbers(line)[0] for line in lines] == [0] * 10  # blobs
    assert numbers(last) == [3]
    words([first, *lines, last])
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_gradients_are_left_out_and_that_is_told(folder: Path, words: Words) -> None:
    data = saved('layer { name: "a" blobs { shape { dim: 1 } data: 1 diff: 2 } }')
    result, out = converted(data, folder)
    assert set(content(out, folder)) == {"data", "data/a", "data/a/0"}
    (warning,) = result.warnings
    assert names(warning) == ["a"]
    words(warning)


def test_legacy_dims_of_an_unknown_type_become_four_axes_and_that_is_told(
    folder: Path, words: Words
) -> None:
    data = saved(
        """layer { name: "p" type: "PReLU" blobs { num: 1 channels: 1 height: 1 width: 2
          data: [1, 2] } }"""
    )
    result, out = converted(data, folder)
    array = content(out, folder)["data/p/0"]
    assert array is not None
    assert array.shape == (1, 1, 1, 2)
    (warning,) = result.warnings
    assert names(warning) == ["p"]
    words(warning)
    net = """layer { name: "data" type: "Input" top: "data"
        input_param { shape { dim: 1 dim: 2 } } }
      layer { name: "p" type: "PReLU" bottom: "data" top: "p" }"""
    result, out = converted(data, folder, net=net)
    array = content(out, folder)["data/p/0"]
    assert array is not None
    assert array.shape == (2,)
    assert result.warnings == ()


def test_what_is_no_plain_dataset_is_refused(folder: Path, words: Words) -> None:
    with h5py.File(folder / "made.h5", "w") as file:
        file["data/a/0"] = np.ones(2, "<f4")
        file["data/b/0"] = h5py.SoftLink("/data/a/0")
        file["data/c/0"] = np.ones(2, "<c8")
    data = (folder / "made.h5").read_bytes()
    with pytest.raises(ds.MismatchError) as raised:
        converted(data, folder, to="binary")
    first, *lines = raised.value.message.splitlines()
    assert numbers(first) == [2]
    assert [names(line)[0] for line in lines] == ["b", "c"]
    words([first, *lines])


# --- large ones

MILLION = 1 << 20


def large(path: Path, first: tuple[int, ...], kind: int) -> None:
    """A V1 file of 300 MB; the first blob has 120 MB, 20 others 9 MB each."""

    def head(field: int, size: int) -> bytes:
        return tag(field, LEN) + varint(size)

    with path.open("wb") as file:
        for position in range(21):
            shape = (1, 1, 1024, 2304) if position else first
            count = int(np.prod(shape))
            told = sized(4, b"l%02d" % position) + number(5, kind)
            values = legacy_dims(*shape) + head(5, 4 * count)
            blob = head(6, len(values) + 4 * count) + values
            file.write(head(2, len(told) + len(blob) + 4 * count) + told + blob)
            row = (np.arange(count // 16, dtype="<f4") % 1009).tobytes()
            for _ in range(16):
                file.write(row)


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("first", "kind"),
    [
        ((1, 1, 15360, 2048), 14),
        ((1, 1, 1, 15360 * 2048), 14),  # one row
        ((1, 1, 15360, 2048), 26),  # four axes in HDF5, of which the first is 1
    ],
)
def test_memory_does_not_grow_with_the_file(
    first: tuple[int, ...], kind: int, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    large(old, first, kind)
    assert 290 * MILLION < old.stat().st_size < 320 * MILLION
    limit = 150 << 10  # KiB
    assert measured(tmp_path, "convert", "-q", old, tmp_path / "new.h5")[0] < limit
    if kind != 14:  # how it goes between two binary files is the same for all
        return
    if first[2] > 1:
        assert measured(tmp_path, "convert", "-q", old, new)[0] < limit
        assert (
            measured(tmp_path, "convert", "-q", "--values", "raw-float16", new, tmp_path / "half")[
                0
            ]
            < limit
        )
        assert new.stat().st_size > old.stat().st_size > 1.9 * (tmp_path / "half").stat().st_size
    old.unlink()
    assert measured(tmp_path, "convert", "-q", tmp_path / "new.h5", tmp_path / "back")[0] < limit
    with (tmp_path / "back").open("rb") as file:
        file.seek(-4 * 1024 * 2304 - 20, 2)
        tail = (np.arange(1024 * 2304 // 16, dtype="<f4") % 1009).tobytes()
        assert tail in file.read()


@pytest.mark.parametrize("shape", [(3, 2, 300_000), (2, 1, 1, 300_001), (700_000,), (600_000, 1)])
def test_rows_larger_than_what_is_read_at_once(shape: tuple[int, ...], folder: Path) -> None:
    array = np.arange(np.prod(shape), dtype="<f4").reshape(shape)
    data = hdf5(folder, {"a": [array]}, chunks=tuple(min(dim, 40_000) for dim in shape))
    _, double = converted(data, folder, values="float64")
    same(content(double, folder), {"data": None, "data/a": None, "data/a/0": array.astype("<f8")})
    _, out = converted(double, folder, to="binary")
    assert weights_of(out)["a"][0].tobytes() == array.tobytes()
    _, back = converted(out, folder)
    same(content(back, folder), {"data": None, "data/a": None, "data/a/0": array})


@pytest.mark.parametrize("count", [1000, pytest.param(100_000, marks=pytest.mark.campaign)])
def test_many_layers(count: int, tmp_path: Path) -> None:
    """Every tenth has weights, and those change their type."""
    blob = sized(8, doubles(1)) + dims(1)
    old = (
        layer_v2(b"%05d" % position, None, *([] if position % 10 else [blob]))
        for position in range(count)
    )
    (tmp_path / "old").write_bytes(b"".join(old))
    result = ds.convert(tmp_path / "old", tmp_path / "new")
    assert len(result.conversion.layers) == count
    after = parsed((tmp_path / "new").read_bytes())
    assert [layer.name for layer in after.layer] == [f"{each:05}" for each in range(count)]
    assert [list(layer.blobs[0].data) for layer in after.layer[::10]] == [[1]] * (count // 10)


# --- any of them

SHAPES = st.lists(st.integers(0, 3), max_size=5).map(tuple)


Layers: TypeAlias = dict[str, list[tuple[tuple[int, ...], str]]]
any_layers = given(
    layers=st.dictionaries(
        st.text("abc. é[", min_size=1, max_size=4).filter(lambda name: name not in (".",)),
        st.lists(st.tuples(SHAPES, st.sampled_from(["<f4", "<f8"])), max_size=3),
        min_size=1,
        max_size=5,
    ),
    values=st.sampled_from(["float32", "float64", "keep"]),
)


@settings(max_examples=12)
@any_layers
def test_any_model_comes_back_from_hdf5(layers: Layers, values: str, folder: Path) -> None:
    comes_back(layers, values, folder)


@pytest.mark.campaign
@settings(max_examples=60)
@any_layers
def test_many_models_come_back_from_hdf5(layers: Layers, values: str, folder: Path) -> None:
    comes_back(layers, values, folder)


def comes_back(layers: Layers, values: str, folder: Path) -> None:
    message: Any = NetParameter()
    expected: dict[str, list[Array]] = {}
    for name, blobs in layers.items():
        layer = message.layer.add(name=name)
        expected[name] = []
        for shape, dtype in blobs:
            array = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
            blob = layer.blobs.add()
            blob.shape.dim.extend(shape)
            (blob.data if dtype == "<f4" else blob.double_data).extend(array.ravel().tolist())
            expected[name].append(array)
    _, there = converted(message.SerializeToString(), folder, values=values)
    found = content(there, folder)
    assert {path for path, array in found.items() if array is None} >= {
        f"data/{name}" for name in layers
    }
    _, back = converted(there, folder, to="binary", values="keep")
    for name, arrays in expected.items():
        ours = weights_of(back)[name]
        for one, other in zip(ours, arrays, strict=True):
            assert (one.shape, one.tolist()) == (other.shape, other.tolist())
            if other.size and values == "keep":
                assert one.dtype == other.dtype
