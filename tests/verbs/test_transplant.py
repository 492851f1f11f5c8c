"""Old weights in a new net are those that FCN's own surgery puts there, and nothing else is.

Golden: what FCN's transplant and interp made of a classifier in a real Caffe. Beside that, FCN's
surgery is written down here once more, in numpy, and held against random nets and models.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from deconvsurgery.report.terminal.transplant import transplant_report
from helpers.models import NetParameter
from helpers.oracles import opencv_forward, ramp, scattered, tent
from helpers.places import GOLDEN
from helpers.processes.warm import ran

Array = NDArray[Any]
Weights = Mapping[str, Sequence[Array]]

TRANSPLANT = GOLDEN / "transplant"
NET, CLASSIFIER = TRANSPLANT / "fcn.prototxt", TRANSPLANT / "classifier.caffemodel"


# --- models and nets made here


def varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def model(
    weights: Weights,
    *,
    name: str = "old",
    field: str = "data",
    legacy: bool = False,
    v1: bool = False,
) -> bytes:
    """A file with these layers; legacy dims have 1s in front, as Caffe wrote biases."""
    message: Any = NetParameter(name=name)
    for layer_name, arrays in weights.items():
        layer = (message.layers if v1 else message.layer).add(name=layer_name)
        for array in arrays:
            blob = layer.blobs.add(**{field: np.asarray(array).ravel().tolist()})
            if legacy:
                dims = (1,) * (4 - np.ndim(array)) + np.shape(array)
                blob.num, blob.channels, blob.height, blob.width = dims
            elif np.ndim(array):
                blob.shape.dim.extend(np.shape(array))
    return bytes(message.SerializeToString())


def read(data: bytes) -> dict[str, list[Array]]:
    """The layers of a V2 file, those without blobs included."""
    found: dict[str, list[Array]] = {}
    for layer in NetParameter.FromString(data).layer:
        assert layer.name not in found
        found[layer.name] = [
            np.array(blob.double_data, "<f8").reshape(tuple(blob.shape.dim))
            if blob.double_data
            else np.array(blob.data, "<f4").reshape(tuple(blob.shape.dim))
            for blob in layer.blobs
        ]
    return found


def noise(*shape: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


DATA = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } } }\n'  # noqa: E501


def layer(name: str, kind: str, text: str = "", bottom: str = "data") -> str:
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {text} }}\n'


def conv(name: str, outputs: int, more: str = "", kernel: int = 1, bottom: str = "data") -> str:
    text = f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} {more} }}"
    return layer(name, "Convolution", text, bottom)


class Bench:
    """A folder in which nets and models are written and transplanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out.caffemodel"

    def run(
        self, net: str | Path, old: bytes | Weights | Path, **options: Any
    ) -> ds.TransplantResult:
        if isinstance(net, str):
            (self.folder / "new.prototxt").write_text(net)
            net = self.folder / "new.prototxt"
        if not isinstance(old, Path):
            data = old if isinstance(old, bytes) else model(old)
            (self.folder / "old.caffemodel").write_bytes(data)
            old = self.folder / "old.caffemodel"
        options.setdefault("force", True)
        return ds.transplant(net, old, self.out, **options)

    def weights(self) -> dict[str, list[Array]]:
        return read(self.out.read_bytes())

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def same(ours: Sequence[Array], theirs: Sequence[Array]) -> None:
    assert [each.shape for each in ours] == [np.shape(each) for each in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.tobytes() == np.asarray(other, one.dtype).tobytes()


def actions(result: ds.TransplantResult) -> dict[str, str]:
    return {each.layer.name: each.action for each in result.layers if each.action}


def told(result: ds.TransplantResult) -> str:
    return "\n".join(f"{each.layer.name}: {words}" for each in result.layers for words in each.told)


# --- what a real Caffe and FCN's surgery made


def expected() -> dict[str, Array]:
    with np.load(TRANSPLANT / "expected.npz") as arrays:
        return {name: arrays[name] for name in arrays if name != "upscore"}


def as_v1(_: Path) -> bytes:
    """As Caffe wrote in 2014: old layers, legacy dims."""
    kinds = {"Convolution": "CONVOLUTION", "InnerProduct": "INNER_PRODUCT", "ReLU": "RELU"}
    old = NetParameter.FromString(CLASSIFIER.read_bytes())
    message: Any = NetParameter(name=old.name)
    for each in old.layer:
        if each.type in kinds:
            made = message.layers.add(name=each.name, top=each.top, bottom=each.bottom)
            made.type = (
                made.DESCRIPTOR.fields_by_name["type"]
                .enum_type.values_by_name[kinds[each.type]]
                .number
            )
            made.blobs.extend(each.blobs)
        for blob in made.blobs if each.type in kinds else ():
            dims = [1] * (4 - len(blob.shape.dim)) + list(blob.shape.dim)
            blob.ClearField("shape")
            blob.num, blob.channels, blob.height, blob.width = dims
    return bytes(message.SerializeToString())


def as_doubles(_: Path) -> bytes:
    message = NetParameter.FromString(CLASSIFIER.read_bytes())
    for each in message.layer:
        for blob in each.blobs:
            blob.double_data.extend(blob.data)
            del blob.data[:]
    return bytes(message.SerializeToString())


def as_halves(folder: Path) -> bytes:
    cv2 = pytest.importorskip("cv2")
    cv2.dnn.shrinkCaffeModel(str(CLASSIFIER), str(folder / "half"))
    return (folder / "half").read_bytes()


def unpacked(_: Path) -> bytes:
    """The values in fields of their own: tag 5 of wire type 5 before each."""
    message = NetParameter.FromString(CLASSIFIER.read_bytes())

    def delimited(number: int, payload: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(payload)) + payload

    whole = b""
    for each in message.layer:
        blobs = b""
        for blob in each.blobs:
            values = b"".join(b"\x2d" + np.float32(value).tobytes() for value in blob.data)
            del blob.data[:]
            blobs += delimited(7, blob.SerializeToString() + values)
        del each.blobs[:]
        whole += delimited(100, each.SerializeToString() + blobs)
    assert NetParameter.FromString(whole) == NetParameter.FromString(
        CLASSIFIER.read_bytes().removeprefix(b"\x0a\x08mini-vgg")
    )
    return whole


FORMS: dict[str, Callable[[Path], bytes]] = {
    "binary": lambda _: CLASSIFIER.read_bytes(),
    "HDF5": lambda _: CLASSIFIER.with_suffix(".caffemodel.h5").read_bytes(),
    "V1, legacy dims": as_v1,
    "double_data": as_doubles,
    "raw half": as_halves,
    "unpacked": unpacked,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_classifier_becomes_the_fcn_that_caffe_made_of_it(form: str, bench: Bench) -> None:
    if form == "HDF5":
        pytest.importorskip("h5py")
    result = bench.run(NET, FORMS[form](bench.folder), apply=True)
    found = {
        f"{name}/{position}": blob
        for name, blobs in bench.weights().items()
        for position, blob in enumerate(blobs)
    }
    golden = expected()
    if form == "raw half":  # OpenCV rounds weights and biases of these types
        golden = {
            name: blob.astype(np.float16).astype(np.float32) if not name.startswith("up") else blob
            for name, blob in golden.items()
        }
    assert {name: blob.shape for name, blob in found.items()} == {
        name: blob.shape for name, blob in golden.items()
    }
    for name, blob in golden.items():
        assert found[name].dtype == ("<f8" if form == "double_data" else "<f4")
        assert found[name].astype("<f4").tobytes() == blob.tobytes(), name
    assert result.output_size == bench.out.stat().st_size


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": True},
        {"compression": "gzip"},
        {"dtype": ">f4"},
        {"dtype": "<f8"},
        {"dtype": "<f2"},
        {"dtype": "<i4"},
    ],
    ids=str,
)
@pytest.mark.parametrize("userblock", [0, 512])
def test_from_whatever_hdf5_has_them_as(
    options: dict[str, Any], userblock: int, bench: Bench
) -> None:
    """Values that stand in the file as they are wanted are copied as bytes; others are read."""
    h5py = pytest.importorskip("h5py")
    weight, bias = np.arange(6).reshape(2, 3), np.arange(7, 9)
    with h5py.File(bench.folder / "old.h5", "w", userblock_size=userblock) as file:
        for position, values in enumerate((weight, bias)):
            file.create_dataset(f"data/a/{position}", data=values, **{"dtype": "<f4", **options})
    bench.run(DATA + conv("a", 2), bench.folder / "old.h5")
    found = bench.weights()["a"]
    same(found, [weight.reshape(2, 3, 1, 1), bias])
    assert found[0].dtype == ("<f8" if options.get("dtype") == "<f8" else "<f4")


def test_the_result_and_the_table_tell_what_fcn_logged(bench: Bench) -> None:
    log = json.loads((TRANSPLANT / "log.json").read_text())
    result = bench.run(NET, CLASSIFIER, apply=True)
    said = [
        [{"copied": "copy", "coerced": "coerce"}[origin], each.layer.name, position, [*was], [*now]]
        for each in result.layers
        for position, (origin, now, was) in enumerate(each.blobs)
        if was is not None
    ]
    assert said == [line for line in log if line[0] != "drop"]
    assert [["drop", name] for name in result.grafting.dropped] == [
        line for line in log if line[0] == "drop"
    ]
    table = plain(result)
    for verb, name, *rest in log:
        if verb == "drop":
            assert re.search(rf"^dropped: .*'{name}'", table, re.MULTILINE)
        else:
            (row,) = (line for line in table.splitlines() if line.startswith(f"{name} "))
            position, was, now = rest
            assert f"({', '.join(map(str, was))})" in row
            assert f"({', '.join(map(str, now))})" in row
            assert position or row.endswith({"copy": "copied", "coerce": "coerced"}[verb])
    assert actions(result)["upscore"] == "filled"
    assert actions(result)["score_fr"] == "constant"


def plain(result: ds.TransplantResult) -> str:
    from rich.console import Console

    console = Console(width=10_000, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(transplant_report(result, width=10_000, terminal=False), soft_wrap=True)
    return captured.get()


def test_the_file_is_caffes_own_but_for_the_phase(bench: Bench) -> None:
    """Caffe adds the phase of the net that it saved to every layer; nothing else differs."""
    bench.run(NET, CLASSIFIER, apply=True)
    theirs = NetParameter.FromString((TRANSPLANT / "fcn-expected.caffemodel").read_bytes())
    for each in theirs.layer:
        assert each.HasField("phase")
        each.ClearField("phase")
    assert NetParameter.FromString(bench.out.read_bytes()) == theirs
    assert bench.out.read_bytes() == theirs.SerializeToString(deterministic=True)


def test_a_second_transplant_changes_no_byte(bench: Bench, tmp_path: Path) -> None:
    bench.run(NET, CLASSIFIER, apply=True)
    once = bench.out.read_bytes()
    again = ds.transplant(NET, bench.out, tmp_path / "again", apply=True)
    assert (tmp_path / "again").read_bytes() == once
    assert set(actions(again).values()) == {"copied", "filled"}
    assert not again.grafting.dropped


def test_the_old_file_is_only_read(bench: Bench) -> None:
    before = CLASSIFIER.read_bytes()
    bench.run(NET, before, apply=True)
    assert (bench.folder / "old.caffemodel").read_bytes() == before


def convolved(image: Array, weight: Array, bias: Array, pad: int = 0) -> Array:
    image = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(image, weight.shape[2:], (2, 3))
    return np.einsum("nchwyx,ocyx->nohw", windows, weight) + bias[:, None, None]


def forward(image: Array, weights: Weights, scattered: Callable[..., Array]) -> Array:
    """fcn.prototxt by hand."""
    conv1 = np.maximum(convolved(image, *weights["conv1"], pad=1), 0)
    n, c, h, w = conv1.shape
    pool1 = conv1.reshape(n, c, h // 4, 4, w // 4, 4).max((3, 5))
    fc6 = np.maximum(convolved(pool1, *weights["fc6"]), 0)
    score = convolved(convolved(fc6, *weights["fc7"]), *weights["score_fr"])
    return scattered(score, weights["upscore"][0], stride=(4, 4))


@pytest.mark.parametrize("expand", [(), ("score_fr=fc8",)], ids=["score 0", "score of the old"])
def test_opencv_computes_with_it(expand: tuple[str, ...], bench: Bench) -> None:
    bench.run(NET, CLASSIFIER, apply=True, expand_score=expand)
    image = ramp((1, 3, 32, 40))
    out = opencv_forward(NET.read_bytes(), bench.out.read_bytes(), image, "upscore")
    if not expand:
        with np.load(TRANSPLANT / "expected.npz") as arrays:
            np.testing.assert_array_equal(out, arrays["upscore"])
        return
    # The parameters come from the classifier itself, not from what was written.
    old = read(CLASSIFIER.read_bytes())
    weights = {
        "conv1": old["conv1"],
        "fc6": [old["fc6"][0].reshape(10, 4, 4, 4), old["fc6"][1]],
        "fc7": [old["fc7"][0].reshape(8, 10, 1, 1), old["fc7"][1]],
        "score_fr": [old["fc8"][0].reshape(5, 8, 1, 1), old["fc8"][1]],
        "upscore": [expected()["upscore/0"]],
    }
    by_hand = forward(image, weights, scattered)
    assert abs(by_hand).max() > 0.1
    np.testing.assert_allclose(out, by_hand, rtol=0, atol=1e-4)


# --- FCN's transplant, in numpy, on random nets and models


def fcn_transplant(new: dict[str, list[Array]], old: Weights, suffix: str) -> list[str]:
    """surgery.transplant of fcn.berkeleyvision.org; the layers it drops."""
    dropped = []
    for name, blobs in old.items():
        if name + suffix not in new:
            dropped.append(name)
            continue
        for target, source in zip(new[name + suffix], blobs, strict=False):
            if target.shape == source.shape:
                target[...] = source
            else:
                target.flat = source.flat
    return dropped


@st.composite
def nets(draw: st.DrawFn) -> tuple[str, dict[str, list[Array]], dict[str, list[Array]], bool]:
    """A net's text, its blobs as Caffe would fill them, an old model, whether that has doubles."""
    text, new, old = DATA, {}, {}
    sizes = st.integers(1, 3)
    value = st.sampled_from([0.0, 0.5, -2.0])
    for position in range(draw(st.integers(1, 4))):
        name = f"l{position}"
        kind = draw(st.sampled_from(["Convolution", "InnerProduct", "PReLU", "Scale"]))
        bias, fill = draw(st.booleans()), draw(value)
        outputs = draw(sizes)
        filler = f'filler {{ type: "constant" value: {fill} }}'
        if kind == "Convolution":
            kernel = draw(sizes)
            more = f"bias_term: {str(bias).lower()} weight_{filler} bias_{filler}"
            text += conv(name, outputs, more, kernel)
            shapes: list[tuple[int, ...]] = [(outputs, 3, kernel, kernel)]
        elif kind == "InnerProduct":
            more = f"num_output: {outputs} axis: 3 bias_term: {str(bias).lower()} weight_{filler}"
            text += layer(name, kind, f"inner_product_param {{ {more} bias_{filler} }}")
            shapes = [(outputs, 16)]
        elif kind == "PReLU":
            text += layer(name, kind, f"prelu_param {{ {filler} }}")
            bias, shapes = False, [(3,)]
        else:
            more = f"bias_term: {str(bias).lower()} {filler} bias_{filler}"
            text += layer(name, kind, f"scale_param {{ {more} }}")
            shapes, outputs = [(3,)], 3
        shapes += [(outputs,)] if bias else []
        new[name] = [np.full(shape, fill, np.float32) for shape in shapes]
        if draw(st.integers(0, 4)):
            old[name] = []
            for number, shape in enumerate(
                [*shapes, (2,)][: draw(st.integers(1, len(shapes) + 1))]
            ):
                other = draw(
                    st.sampled_from(
                        [shape, shape, (shape[0], int(np.prod(shape[1:]))), shape[::-1]]
                    )
                    | st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
                )
                old[name].append(noise(*other, seed=position * 3 + number))
    old |= {name: [noise(2)] for name in draw(st.sets(st.sampled_from(["x", "y"])))}
    return text, new, old, draw(st.booleans())


@settings(max_examples=60)
@given(nets(), st.sampled_from(["", "_old"]))
def test_flat_is_fcns_own_transplant(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[str, dict[str, list[Array]], dict[str, list[Array]], bool],
    suffix: str,
) -> None:
    text, new, old, doubles = case
    bench = Bench(tmp_path_factory.mktemp("flat"))
    shortened = {name.removesuffix(suffix): blobs for name, blobs in old.items()}
    if suffix:
        text = re.sub(r'name: "(l\d)"', rf'name: "\1{suffix}"', text)
        new = {name + suffix: blobs for name, blobs in new.items()}
    data = model(shortened, field="double_data" if doubles else "data")
    result = bench.run(text, data, flat=True, suffix=suffix)
    before = {name: [blob.copy() for blob in blobs] for name, blobs in new.items()}
    dropped = fcn_transplant(new, shortened, suffix)
    found = bench.weights()
    assert list(found) == ["data", *new]
    for name, blobs in new.items():
        same(found[name], blobs)
        assert {blob.dtype.str for blob in found[name]} == {"<f8" if doubles and old else "<f4"}
    assert list(result.grafting.dropped) == dropped
    fed = {name for name in new if name.removesuffix(suffix) in shortened}
    assert {name for name, action in actions(result).items() if action == "constant"} == {
        *new
    } - fed
    assert all(found[name][0].flat[0] == before[name][0].flat[0] for name in set(new) - fed)


@settings(max_examples=60)
@given(nets())
def test_without_flat_it_is_the_same_or_every_misfit_is_named(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[str, dict[str, list[Array]], dict[str, list[Array]], bool],
) -> None:
    text, new, old, _ = case
    bench = Bench(tmp_path_factory.mktemp("strict"))
    misfits = {
        name
        for name, blobs in old.items()
        for target, source in zip(new.get(name, ()), blobs, strict=False)
        if target.size != source.size or (target.ndim > 1 and len(target) != len(source))
    }
    if misfits:
        with pytest.raises(ds.MismatchError) as caught:
            bench.run(text, old)
        assert {name for name in new if f"'{name}'" in caught.value.message} == misfits
        assert "--flat" in (caught.value.hint or "")
        assert "out.caffemodel" not in bench.left()
        return
    bench.run(text, old)
    fcn_transplant(new, old, "")
    for name, blobs in new.items():
        same(bench.weights()[name], blobs)


def test_a_source_too_long_is_cut_and_one_too_short_repeated(bench: Bench) -> None:
    old = {"a": [noise(7), noise(2)], "b": [np.arange(50, dtype=np.float32)]}
    bench.run(DATA + conv("a", 3) + conv("b", 4, "bias_term: false"), old, flat=True)
    a, b = bench.weights()["a"], bench.weights()["b"]
    assert a[0].ravel().tolist() == [*old["a"][0].tolist(), *old["a"][0][:2].tolist()]
    assert a[1].tolist() == [*old["a"][1].tolist(), old["a"][1][0]]
    assert b[0].ravel().tolist() == list(range(12))


def test_a_short_source_of_many_pieces_is_repeated(bench: Bench) -> None:
    """Longer than what is read at a time."""
    values = noise(300_001)
    bench.run(DATA + conv("a", 500, "bias_term: false", 15), {"a": [values]}, flat=True)
    wanted = np.empty((500, 3, 15, 15), np.float32)
    wanted.flat = values
    same(bench.weights()["a"], [wanted])


# --- expand_score


@settings(max_examples=40)
@given(
    old=st.integers(1, 4),
    more=st.integers(0, 4),
    legacy=st.booleans(),
    product=st.booleans(),
    fill=st.sampled_from([None, 0.5]),
    field=st.sampled_from(["data", "double_data"]),
)
@example(old=2, more=3, legacy=True, product=False, fill=None, field="data")
def test_old_classes_are_the_first_rows(
    tmp_path_factory: pytest.TempPathFactory,
    old: int,
    more: int,
    legacy: bool,
    product: bool,
    fill: float | None,
    field: str,
) -> None:
    bench = Bench(tmp_path_factory.mktemp("expand"))
    weight, bias = noise(old, 3) if product else noise(old, 3, 1, 1), noise(old, seed=4)
    filler = "" if fill is None else f"weight_filler {{ value: {fill} }} bias_filler {{ value: 9 }}"
    result = bench.run(
        DATA + conv("new_score", old + more, filler),
        model({"score": [weight, bias]}, legacy=legacy, field=field),
        expand_score={"new_score": "score"},
    )
    wanted = np.full((old + more, 3, 1, 1), fill or 0, np.float32)
    wanted_bias = np.full(old + more, 0 if fill is None else 9, np.float32)
    wanted[:old].flat = weight
    wanted_bias[:old] = bias
    same(bench.weights()["new_score"], [wanted, wanted_bias])
    assert actions(result) == {"new_score": "expanded"}
    assert result.grafting.dropped == ()


def test_the_channels_of_a_score_may_be_the_old_ones(bench: Bench) -> None:
    """Where the net's first layer has a bottom whose channels it does not tell."""
    data = 'layer { name: "data" type: "Data" top: "data" }\n'
    score = [noise(2, 5, 1, 1), noise(2)]
    bench.run(data + conv("s", 3), {"s": score}, expand_score="s=s")
    rows = np.concatenate([score[0], np.zeros((1, 5, 1, 1), np.float32)])
    same(bench.weights()["s"], [rows, np.append(score[1], np.float32(0))])


# --- what is refused


def refused(bench: Bench, net: str, old: bytes | Weights, **options: Any) -> ds.SurgeryError:
    kinds = (ds.MismatchError, ds.SelectionError, ds.ShapeError, ds.PrototxtError)
    with pytest.raises(kinds) as caught:
        bench.run(net, old, **options)
    assert not bench.out.exists()
    assert not [name for name in bench.left() if name.startswith(".")]
    return caught.value


SCORE = {"s": [noise(4, 3, 1, 1), noise(4)]}
RANDOM = 'weight_filler { type: "gaussian" std: 0.01 }'
REFUSALS: dict[str, tuple[str, bytes | Weights, dict[str, Any], str]] = {
    "other counts": (conv("a", 2), {"a": [noise(5), noise(2)]}, {}, r"\(5\) has 5 values.*takes 6"),
    "other outputs": (
        conv("a", 2),
        {"a": [noise(3, 2, 1, 1), noise(2)]},
        {},
        "as many values as .2, 3, 1, 1.*another first axis",
    ),
    "other outputs, legacy": (
        conv("a", 2),
        model({"a": [noise(1, 1, 3, 2)]}, legacy=True),
        {},
        "another first axis",
    ),
    "channels that do not come out": (
        'layer { name: "d" type: "Data" top: "data" }' + conv("a", 2, kernel=3),
        {"a": [noise(2, 10), noise(2)]},
        {},
        r"\(2, 10\) does not fit \(2, \?, 3, 3\)",
    ),
    "more old classes than new": (conv("s", 3), SCORE, {"expand_score": "s=s"}, "first rows"),
    "other channels": (
        conv("s", 5, kernel=2),
        SCORE,
        {"expand_score": "s=s"},
        r"\(4, 3, 1, 1\) is not the first rows of \(5, 3, 2, 2\)",
    ),
    "random rows": (conv("s", 6, RANDOM), SCORE, {"expand_score": "s=s"}, "rows 4 to 5 of blob 0"),
    "values missing": (
        conv("a", 2),
        NetParameter(
            layer=[{"name": "a", "blobs": [{"shape": {"dim": [2, 3, 1, 1]}, "data": [1.0]}]}]
        ).SerializeToString(),
        {"flat": True},
        r"has 1 values for \(2, 3, 1, 1\)",
    ),
    "values of an unknown raw type": (
        conv("a", 2, "bias_term: false"),
        # layer 100 { name: "a" blobs { shape [2, 3, 1, 1]; raw_data_type 9; raw_data, 6 bytes } }
        bytes.fromhex("a206170a0161 3a12 3a060a0402030101 5009 6206010203040506"),
        {"flat": True},
        "raw_data of type",
    ),
    "no such new layer": (conv("s", 5), SCORE, {"expand_score": "t=s"}, "no layer 't'"),
    "no such old layer": (conv("s", 5), SCORE, {"expand_score": "s=t"}, "no weights for a layer"),
    "no pair": (conv("s", 5), SCORE, {"expand_score": "s"}, "NEW=OLD"),
    "no upsampling": (conv("s", 4), SCORE, {"apply": True}, "no Deconvolution layer"),
    "not to be set up": (layer("a", "Convolution", ""), {"a": [noise(2)]}, {}, "num_output|kernel"),
    "misspelt": (conv("a", 2, "kernal_h: 3"), {"a": [noise(2)]}, {}, "kernal_h"),
    "V1 and V2": (
        conv("s", 4),
        model({"a": [noise(2)]}, v1=True) + model(SCORE),
        {},
        "V1 and V2 layers at once",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_does_not_fit_is_refused(case: str, bench: Bench) -> None:
    net, old, options, words = REFUSALS[case]
    error = refused(bench, net if "Data" in net else DATA + net, old, **options)
    assert re.search(words, error.message, re.DOTALL), error.message
    if "flat" in options or "expand_score" in options or case == "no upsampling":
        assert "--flat" not in (error.hint or "")  # it would not help
    assert error.path == str(bench.folder / "new.prototxt")


def test_every_misfit_is_named_at_once(bench: Bench) -> None:
    net = DATA + conv("a", 2) + conv("b", 2) + conv("fits", 2) + conv("s", 9, RANDOM)
    old = {"a": [noise(5)], "b": [noise(3, 2)], "fits": [noise(2, 3)], **SCORE}
    error = refused(bench, net, old, expand_score="s=s")
    assert re.findall(r"^  '(\w+)': ", error.message, re.MULTILINE) == ["a", "b", "s"]
    assert "3 layers" in error.message
    assert "--flat" in str(error.hint)
    assert "constant filler" in str(error.hint)


def test_a_blob_that_hdf5_has_at_another_layer(bench: Bench) -> None:
    """Caffe writes shared parameters once: only a net that shares them tells whose they are."""
    h5py = pytest.importorskip("h5py")
    old, weight = bench.folder / "old.h5", noise(2, 3, 1, 1)
    with h5py.File(old, "w") as file:
        file["data/a/0"] = weight
        file["data/b/1"] = noise(2)
    net = DATA + conv("a", 2, "bias_term: false") + conv("b", 2)
    error = refused(bench, net, old)
    assert re.search("'b': old blob 0: .*owns it", error.message)
    shared = net.replace('top: "a"', 'top: "a" param { name: "w" }')
    bench.run(shared.replace('top: "b"', 'top: "b" param { name: "w" }'), old)
    same(bench.weights()["b"], [weight, noise(2)])


# --- what the old model lacks


def test_constant_fillers_are_carried_out(bench: Bench) -> None:
    net = (
        DATA
        + conv("c", 2, "weight_filler { value: 0.5 } bias_filler { value: -1 }")
        + conv("plain", 2)
        + layer("p", "PReLU")
        + layer("q", "PReLU", "prelu_param { filler { } channel_shared: true }")
        + layer("s", "Scale", "scale_param { bias_term: true }")
        + layer("two", "Scale", 'bottom: "data" scale_param { axis: 0 bias_term: true }')
        + layer("b", "Bias")
        + layer("n", "BatchNorm")
        + layer("i", "InnerProduct", "inner_product_param { num_output: 2 }")
        + layer("relu", "ReLU")
    )
    result = bench.run(net, {"other": [noise(2)]})
    found = bench.weights()
    same(found["c"], [np.full((2, 3, 1, 1), 0.5), np.full(2, -1)])
    same(found["plain"], [np.zeros((2, 3, 1, 1)), np.zeros(2)])
    same(found["p"], [np.full(3, 0.25)])
    same(found["q"], [np.array(0)])  # a filler that is there has Caffe's default value
    same(found["s"], [np.ones(3), np.zeros(3)])
    same(found["two"], [np.zeros((1, 3, 16, 16))])  # the second bottom is the scale
    same(found["b"], [np.zeros(3)])
    same(found["n"], [np.zeros(3), np.zeros(3), np.zeros(1)])
    same(found["i"], [np.zeros((2, 768)), np.zeros(2)])
    assert found["relu"] == []
    assert set(actions(result).values()) == {"constant"}
    assert result.grafting.dropped == ("other",)


def test_what_a_random_filler_makes_is_left_to_caffe(bench: Bench) -> None:
    """Caffe stops at a layer of the net that the model has without its blobs; so it has none."""
    net = (
        DATA
        + conv("r", 2, RANDOM)
        + conv("b", 2, 'bias_filler { type: "uniform" }')
        + conv("k", 2)
        + layer("f", "Forked")
        + layer("l", "LSTM", "recurrent_param { num_output: 2 }")
        + layer(
            "up",
            "Deconvolution",
            "convolution_param { num_output: 3 kernel_size: 4 group: 3"
            ' weight_filler { type: "bilinear" } }',
        )
    )
    result = bench.run(net, {"k": [noise(2, 3, 1, 1), noise(2)]})
    assert list(bench.weights()) == ["data", "k"]
    left = {name for name, action in actions(result).items() if action == "left to Caffe"}
    assert left == {"r", "b", "f", "l", "up"}
    words = told(result)
    assert re.search("^r: left to Caffe: blob 0 has a filler", words, re.MULTILINE)
    assert re.search("^b: left to Caffe: blob 1 has a filler", words, re.MULTILINE)
    assert re.search("^f: left to Caffe: .*'Forked'", words, re.MULTILINE)
    assert "5 left to Caffe" in plain(result)
    assert not result.warnings


def test_channels_that_nothing_tells_are_left_to_caffe(bench: Bench) -> None:
    net = 'layer { name: "d" type: "Data" top: "data" }\n' + conv("a", 2)
    result = bench.run(net, {"other": [noise(2)]})
    assert list(bench.weights()) == ["d"]
    assert "(2, ?, 1, 1)" in told(result)


def test_channels_that_the_net_leaves_open_are_the_old_ones(bench: Bench) -> None:
    """Two data layers of one name, one a phase; a test net may tell what the other leaves open."""
    data = (
        'layer { name: "data" type: "Data" top: "data" include { phase: TRAIN } }\n'
        'layer { name: "data" type: "Data" top: "data" include { phase: TEST } }\n'
    )
    weight = noise(2, 45)
    bench.run(data + conv("a", 2, "bias_term: false", 3), {"a": [weight]})
    assert list(bench.weights()) == ["data", "a"]
    same(bench.weights()["a"], [weight.reshape(2, 5, 3, 3)])
    for phase in ("TRAIN", "TEST"):
        told_in_one = data.replace(
            f'"Data" top: "data" include {{ phase: {phase}',
            '"Input" top: "data" input_param { shape { dim: 1 dim: 4 dim: 8 dim: 8 } } '
            f"include {{ phase: {phase}",
        )
        bench.run(told_in_one + conv("a", 2), {"other": [noise(2)]})
        same(bench.weights()["a"], [np.zeros((2, 4, 1, 1)), np.zeros(2)])


def test_a_bias_that_the_old_layer_lacks(bench: Bench) -> None:
    net = DATA + conv("a", 2, "bias_filler { value: 3 }")
    result = bench.run(net, {"a": [noise(2, 3, 1, 1)]})
    same(bench.weights()["a"], [noise(2, 3, 1, 1), np.full(2, 3)])
    assert "1 of 2 blobs made" in told(result)
    result = bench.run(
        DATA + conv("a", 2, "bias_term: false"), {"a": [noise(2, 3, 1, 1), noise(2)]}
    )
    same(bench.weights()["a"], [noise(2, 3, 1, 1)])
    assert "1 of 2 old blobs dropped" in told(result)


def test_of_several_old_layers_of_a_name_the_last_counts(bench: Bench) -> None:
    data = model({"a": [noise(2, 3, 1, 1), noise(2)]}) + model(
        {"a": [noise(2, 3, 1, 1, seed=8), noise(2, seed=9)]}
    )
    bench.run(DATA + conv("a", 2), data)
    same(bench.weights()["a"], [noise(2, 3, 1, 1, seed=8), noise(2, seed=9)])


def test_a_shape_that_nothing_tells_is_the_old_one(bench: Bench) -> None:
    """A scale over all the axes of what a Python layer brings."""
    net = layer("data", "Python").replace('bottom: "data"', "")
    result = bench.run(
        net + layer("s", "Scale", "scale_param { num_axes: -1 }"), {"s": [noise(5, 2)], "other": []}
    )
    same(bench.weights()["s"], [noise(5, 2)])
    assert actions(result)["s"] == "copied"


def test_a_file_too_large_for_caffe_is_told(bench: Bench) -> None:
    """2 ** 16 outputs of 2 ** 13 + 1 inputs: a byte count that needs no byte."""
    net = 'input: "data" input_shape { dim: 1 dim: 8193 }\n'
    net += layer("s", "InnerProduct", "inner_product_param { num_output: 65536 bias_term: false }")
    result = bench.run(net, {"other": [noise(2)]}, dry_run=True)
    assert result.output_size > 65536 * 8193 * 4
    assert result.warnings[-1] == (
        f"it has {result.output_size:,} bytes; Caffe itself reads up to 2 GiB"
    )


def test_legacy_dims_of_a_type_that_is_not_known_stay_legacy(bench: Bench) -> None:
    """Caffe takes (1, 1, 1, 3) for a bias of 3 in legacy dims, and refuses it as a shape."""
    bench.run(DATA + layer("f", "Forked"), model({"f": [noise(3)]}, legacy=True))
    (data, forked) = NetParameter.FromString(bench.out.read_bytes()).layer
    assert (data.name, forked.name) == ("data", "f")
    (blob,) = forked.blobs
    assert (blob.num, blob.channels, blob.height, blob.width) == (1, 1, 1, 3)
    assert not blob.HasField("shape")
    assert np.array(blob.data, np.float32).tobytes() == noise(3).tobytes()


def test_a_net_of_old_layers_gives_a_file_of_new_ones(bench: Bench) -> None:
    net = """name: "v1" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
    layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2
      weight_decay: 1 weight_decay: 0 convolution_param { num_output: 2 kernel_size: 1 } }
    layers { name: "r" type: RELU bottom: "c" top: "c" }"""
    bench.run(net, {"c": [noise(2, 3), noise(2)]})
    expected = text_format.Parse(
        """name: "v1"
        layer { name: "input" type: "Input" top: "data"
          input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
        layer { name: "c" type: "Convolution" bottom: "data" top: "c"
          param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
          convolution_param { num_output: 2 kernel_size: 1 } }
        layer { name: "r" type: "ReLU" bottom: "c" top: "c" }""",
        NetParameter(),
    )
    found = NetParameter.FromString(bench.out.read_bytes())
    same(bench.weights()["c"], [noise(2, 3).reshape(2, 3, 1, 1), noise(2)])
    for each in found.layer:
        del each.blobs[:]
    assert found == expected


# --- shared weights


def sharing(*fillers: str) -> str:
    """Layers a, b, c … that share their weights, each with a bias of its own."""
    text = DATA
    for name, filler in zip("abc", fillers, strict=False):
        text += conv(name, 2, filler).replace(
            f'top: "{name}"', f'top: "{name}" param {{ name: "w" }}'
        )
    return text


def test_a_layer_gets_what_it_shares_with_an_earlier_one(bench: Bench) -> None:
    weight, bias = noise(2, 3, 1, 1), noise(2)
    result = bench.run(sharing("", "bias_filler { value: 7 }"), {"a": [weight, bias]})
    same(bench.weights()["b"], [weight, np.full(2, 7)])
    assert actions(result) == {"a": "copied", "b": "copied"}
    # Its own filler is not asked: the memory is the earlier layer's.
    result = bench.run(sharing("", RANDOM), {"a": [weight, bias]})
    same(bench.weights()["b"], [weight, np.zeros(2)])
    assert "left to Caffe" not in told(result)


def test_the_filler_of_a_sharing_layer_never_undoes_old_weights(bench: Bench) -> None:
    """The last copy loaded wins in Caffe: c must not bring the zeros back."""
    weight, bias = noise(2, 3, 1, 1), noise(2)
    bench.run(sharing("", "", ""), {"b": [weight, bias]})
    found = bench.weights()
    same(found["b"], [weight, bias])
    same(found["c"][:1], [weight])


# --- --apply


def up(name: str = "up", classes: int = 3, more: str = "", kernel: int = 4, stride: int = 2) -> str:
    text = f"num_output: {classes} kernel_size: {kernel} stride: {stride} {more}"
    return layer(name, "Deconvolution", f"convolution_param {{ {text} }}")


def diagonal(channels: int, tent: Callable[..., Array], kernel: int = 4) -> Array:
    made = np.zeros((channels, channels, kernel, kernel), np.float32)
    for channel in range(channels):
        made[channel, channel] = tent((kernel, kernel))
    return made


ELSE = {"elsewhere": [noise(2)]}


def test_upsampling_layers_are_created(bench: Bench) -> None:
    more = 'bias_filler { value: 4 } weight_filler { type: "bilinear" }'
    result = bench.run(DATA + up("up1", more=more) + up("up2", more="group: 3"), ELSE, apply=True)
    found = bench.weights()
    same(found["up1"], [diagonal(3, tent), np.full(3, 4)])
    same(found["up2"], [np.broadcast_to(tent((4, 4)), (3, 1, 4, 4)), np.zeros(3)])
    assert actions(result) == {"up1": "filled", "up2": "filled"}
    assert "left to Caffe" not in told(result)
    assert "(3, 3, 4, 4), (3)" in plain(result)


def test_old_upsampling_weights_are_rewritten_and_their_bias_kept(bench: Bench) -> None:
    old = {"up": [noise(3, 3, 4, 4), noise(3)]}
    bench.run(DATA + up(), old)
    same(bench.weights()["up"], old["up"])
    result = bench.run(DATA + up(), old, apply=True)
    same(bench.weights()["up"], [diagonal(3, tent), old["up"][1]])
    assert result.plan is not None
    (change,) = result.plan.changes
    assert change.max_abs_change == pytest.approx(
        abs(old["up"][0] - diagonal(3, tent)).max(), abs=1e-6
    )


def test_old_upsampling_weights_of_other_classes_are_no_reason_to_refuse(bench: Bench) -> None:
    """Their weights are made anyway; as when a score layer is expanded below them."""
    old = {"up": [noise(2, 2, 4, 4)]}
    net = DATA + up(more="bias_term: false")
    refused(bench, net, old)
    result = bench.run(net, old, apply=True)
    same(bench.weights()["up"], [diagonal(3, tent)])
    assert re.search(r"^up: old weights dropped: .*\(2, 2, 4, 4\)", told(result))
    assert result.grafting.dropped == ("up",)


def test_patterns_choose(bench: Bench) -> None:
    net = DATA + up("up1") + up("up2") + up("score")
    zero = [np.zeros((3, 3, 4, 4)), np.zeros(3)]
    made = [diagonal(3, tent), np.zeros(3)]
    for options, filled in (
        ({}, {"up1", "up2"}),
        ({"patterns": "score"}, {"score"}),
        ({"patterns": ["*"], "exclude": "up2"}, {"up1", "score"}),
    ):
        result = bench.run(net, ELSE, apply=True, **options)
        assert {name for name, action in actions(result).items() if action == "filled"} == filled
        for name, blobs in bench.weights().items():
            if name != "data":
                same(blobs, made if name in filled else zero)


@pytest.mark.parametrize("filler", ["constant", "gaussian"])
def test_what_cannot_be_filled(filler: str, bench: Bench) -> None:
    """A skipped layer is what it is without --apply: its filler's, or left to Caffe."""
    net = DATA + up() + up("up2", more=f'weight_filler {{ type: "{filler}" }}', kernel=5)
    error = refused(bench, net, ELSE, apply=True)
    assert "'up2'" in error.message
    result = bench.run(net, ELSE, apply=True, skip_unfit=True)
    same(bench.weights()["up"], [diagonal(3, tent), np.zeros(3)])
    if filler == "constant":
        same(bench.weights()["up2"], [np.zeros((3, 3, 5, 5)), np.zeros(3)])
    else:
        assert "up2" not in bench.weights()
    assert actions(result)["up2"] == ("constant" if filler == "constant" else "left to Caffe")
    assert re.search("^skipped: up2: .*gain", plain(result), re.MULTILINE)
    told = plain(bench.run(net, ELSE, apply=True, any_gain=True))
    same(bench.weights()["up2"], [diagonal(3, tent, 5), np.zeros(3)])
    assert re.search("^warning: up2: .*gain", told, re.MULTILINE)


def test_shared_upsampling_weights_are_filled_together(bench: Bench) -> None:
    net = DATA + "".join(
        up(name, more="bias_term: false").replace("type:", 'param { name: "w" } type:', 1)
        for name in ("up", "other")
    )
    bench.run(net, ELSE, apply=True)
    for name in ("up", "other"):
        same(bench.weights()[name], [diagonal(3, tent)])


# --- real nets


def narrow(net: Path) -> str:
    """A real net with an eighth of VGG's channels or less, its classes as they are."""
    text = net.read_text()

    def fewer(found: re.Match[str]) -> str:
        count = int(found[1])
        return f"num_output: {count // 64 if count >= 64 else count}"

    return re.sub(r"num_output: (\d+)", fewer, text)


def fcn(shared: Path, name: str) -> str:
    (folder,) = (shared / "nets").glob(f"fcn.berkeleyvision.org--{name}")
    return narrow(sorted(folder.glob("*.prototxt"))[-1])


def trained(bench: Bench, net: str) -> bytes:
    """A model of the net with noise in all its blobs; its data layer does not tell channels."""
    (first,) = re.findall(r'name: "(conv1_1\w*)"', net)
    bench.run(net, {first: [noise(1, 3, 3, 3), noise(1)]}, apply=True)
    message = NetParameter.FromString(bench.out.read_bytes())
    for position, each in enumerate(message.layer):
        for blob in each.blobs:
            blob.data[:] = noise(len(blob.data), seed=position).tolist()
    bench.out.unlink()
    return bytes(message.SerializeToString())


@pytest.mark.parametrize(
    ("old", "new", "scores", "dropped"),
    [
        ("pascalcontext-fcn32s", "pascalcontext-fcn16s", {"score_pool4"}, {"upscore"}),
        (
            "siftflow-fcn32s",
            "siftflow-fcn16s",
            {"score_pool4_sem", "score_pool4_geo"},
            {"upscore_sem", "upscore_geo"},
        ),
        ("voc-fcn16s", "voc-fcn8s", {"score_pool3"}, {"upscore16"}),
    ],
)
def test_between_the_nets_of_fcn(
    old: str, new: str, scores: set[str], dropped: set[str], bench: Bench, shared: Path
) -> None:
    data = trained(bench, fcn(shared, old))
    result = bench.run(fcn(shared, new), data, apply=True)
    before, after = read(data), bench.weights()
    assert set(result.grafting.dropped) == dropped
    for name, blobs in after.items():
        if "up" in name:
            channels, _, kernel, _ = blobs[0].shape
            same(blobs, [diagonal(channels, tent, kernel)])
        elif name in before:
            same(blobs, before[name])
        elif blobs:
            assert name in scores
            assert not any(blob.any() for blob in blobs)
    assert scores <= set(after)
    assert not result.warnings


def test_from_40_classes_to_21(bench: Bench, shared: Path) -> None:
    data = trained(bench, fcn(shared, "nyud-fcn32s-color-d"))
    error = refused(bench, fcn(shared, "voc-fcn16s"), data, apply=True)
    assert re.search(r"'score_fr': .*\(40, 64, 1, 1\).*\(21, 64, 1, 1\)", error.message)


# --- the command


def run(
    *arguments: str | Path, stdin: bytes = b"", **env: str
) -> subprocess.CompletedProcess[bytes]:
    plain = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    return ran(["transplant", *arguments], stdin=stdin, env=plain | env)


@pytest.fixture
def golden_file(bench: Bench) -> bytes:
    bench.run(NET, CLASSIFIER, apply=True)
    data = bench.out.read_bytes()
    bench.out.unlink()
    return data


def test_the_command_writes_and_tells(bench: Bench, golden_file: bytes) -> None:
    done = run(NET, CLASSIFIER, bench.out, "--apply")
    assert (done.returncode, done.stderr) == (0, b"")
    assert bench.out.read_bytes() == golden_file
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["layer", "type", "from", "was", "shape", "action"]
    assert [line.split()[0] for line in lines[1:6]] == [
        "conv1",
        "fc6",
        "fc7",
        "score_fr",
        "upscore",
    ]
    assert lines[6] == "dropped: 'fc8'"
    assert lines[7].startswith("5 layers with weights: 1 copied, 2 coerced, 1 constant, 1 filled; ")
    assert lines[7].endswith(f"Wrote {bench.out}, {len(golden_file):,} bytes.")
    assert len(lines) == 8

    done = run(NET, CLASSIFIER, bench.out, "--apply")
    assert done.returncode == 2
    assert b"--force" in done.stderr
    bench.out.write_bytes(b"old")
    done = run(NET, CLASSIFIER, bench.out, "--apply", "--force", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert bench.out.read_bytes() == golden_file


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_a_terminal(width: int, bench: Bench) -> None:
    done = run(
        NET,
        CLASSIFIER,
        "-n",
        "--apply",
        "--expand-score=score_fr=fc8",
        FORCE_COLOR="1",
        NO_COLOR="1",
        TERM="xterm",
        COLUMNS=str(width),
    )
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
    assert max(map(len, shown.splitlines())) <= width
    for words in ("(10, 64), (10)", "(10, 4, 4, 4), (10)", "expanded", "filled", "coerced"):
        assert words in shown
    assert "Nothing was written." in " ".join(shown.split())


def test_a_dry_run_writes_nothing(bench: Bench) -> None:
    for arguments in ([bench.out], []):
        done = run(NET, CLASSIFIER, *arguments, "--dry-run")
        assert done.returncode == 0
        assert b"Nothing was written" in done.stdout
        assert bench.left() == set()


def test_the_document(bench: Bench, golden_file: bytes) -> None:
    arguments = [NET, CLASSIFIER, bench.out, "--apply", "--json"]
    document = json.loads(run(*arguments).stdout)
    filled = document.pop("filled")
    layers = {each["name"]: each for each in document.pop("layers")}
    assert document == {
        "schema_version": 1,
        "command": "transplant",
        "net": str(NET),
        "input": str(CLASSIFIER),
        "output": str(bench.out),
        "written": True,
        "dropped": ["fc8"],
        "bytes": {"input": CLASSIFIER.stat().st_size, "output": len(golden_file)},
        "warnings": [],
    }
    assert layers["fc6"] == {
        "name": "fc6",
        "type": "Convolution",
        "action": "coerced",
        "from": "fc6",
        "blobs": [
            {"origin": "coerced", "shape": [10, 4, 4, 4], "was": [10, 64]},
            {"origin": "copied", "shape": [10], "was": [10]},
        ],
        "told": [],
    }
    assert layers["relu1"]["action"] is None
    assert layers["upscore"]["blobs"] == [{"origin": "filled", "shape": [5, 5, 8, 8], "was": None}]
    ((name, action, after),) = [(each["name"], each["action"], each["after"]) for each in filled]
    assert (name, action, after) == ("upscore", "created", "bilinear")
    document = json.loads(run(NET, CLASSIFIER, "-n", "--json").stdout)
    assert (document["written"], document["output"], document["filled"]) == (False, None, [])


def test_streams(bench: Bench, golden_file: bytes) -> None:
    done = run(NET, "-", "-", "--apply", stdin=CLASSIFIER.read_bytes())
    assert (done.returncode, done.stdout) == (0, golden_file)
    assert b"Wrote standard output" in done.stderr
    done = run("-", CLASSIFIER, "-", "--apply", "-q", stdin=NET.read_bytes())
    assert (done.returncode, done.stdout, done.stderr) == (0, golden_file, b"")


WRONG: dict[str, tuple[list[str], int, str]] = {
    "no OUT": (["NET", "MODEL"], 2, "no output"),
    "OUT is the model": (["NET", "MODEL", "MODEL", "-f"], 2, "input"),
    "OUT is the model by a link": (["NET", "MODEL", "link", "-f"], 2, "input"),
    "OUT is the net": (["NET", "MODEL", "NET", "-f"], 2, "is the net itself"),
    "two streams": (["-", "-", "o"], 2, "only one of"),
    "--json and OUT '-'": (["NET", "MODEL", "-", "--json"], 2, "standard output"),
    "no pair": (["NET", "MODEL", "o", "--expand-score", "score"], 2, "NEW=OLD"),
    "no such layer": (["NET", "MODEL", "o", "--expand-score", "a=fc8"], 3, "no layer 'a'"),
    "no such old layer": (["NET", "MODEL", "o", "--expand-score", "score_fr=a"], 3, "'fc8'"),
    "nothing matched": (["NET", "MODEL", "o", "--apply", "-p", "a"], 3, "upscore"),
    "a misfit": (["NET", "misfit", "o"], 3, "--flat"),
    "no such model": (["NET", "nothing", "o"], 4, "nothing"),
    "swapped": (["MODEL", "NET", "o"], 3, "wrong way round"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes(case: str, bench: Bench) -> None:
    arguments, code, words = WRONG[case]
    (bench.folder / "net").write_bytes(NET.read_bytes())
    (bench.folder / "model").write_bytes(CLASSIFIER.read_bytes())
    (bench.folder / "misfit").write_bytes(model({"fc6": [noise(7)]}))
    (bench.folder / "link").symlink_to("model")
    before = {path: path.read_bytes() for path in bench.folder.iterdir()}
    names = {"NET": "net", "MODEL": "model"} | {name: name for name in ("link", "misfit", "o")}
    places = [bench.folder / names[each] if each in names else each for each in arguments]
    done = run(*places)
    assert done.returncode == code, done.stderr
    assert re.search(words, (done.stdout if "--json" in arguments else done.stderr).decode())
    assert b"Traceback" not in done.stderr
    assert "--json" in arguments or done.stdout == b""
    assert {path: path.read_bytes() for path in bench.folder.iterdir()} == before


def test_an_error_as_a_document(bench: Bench) -> None:
    (bench.folder / "old").write_bytes(model({"fc6": [noise(7)]}))
    done = run(NET, bench.folder / "old", bench.out, "--json")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["layer"]) == ("MismatchError", "fc6")
    assert "--flat" in error["hint"]


def test_python_takes_open_objects(bench: Bench) -> None:
    with ds.open_model(CLASSIFIER) as opened:
        result = ds.transplant(ds.read_net(NET), opened, bench.out, apply=True)
    assert result.written
    assert [each.layer.name for each in result.layers if each.action == "coerced"] == ["fc6", "fc7"]
    with pytest.raises(ds.OutputError):
        ds.transplant(NET, CLASSIFIER, CLASSIFIER, force=True)


# --- size


def test_memory_is_bounded_and_the_kernel_copies(bench: Bench) -> None:
    """60 MB of old weights, some copied as they are and some widened from half precision."""
    packed = model({"a": [np.arange(1, 1 << 23, dtype=np.float32)[:, None]]})
    half = noise(1 << 22).astype(np.float16)
    # layer 100 { name: "b" blobs { raw_data_type 2 (half); raw_data; shape [1 << 22, 1] } }
    raw = b"\x50\x02\x62" + varint(half.nbytes) + half.tobytes() + b"\x3a\x07\x0a\x05"
    raw += varint(1 << 22) + b"\x01"
    inner = b"\x0a\x01b\x3a" + varint(len(raw)) + raw
    old = bench.folder / "old"
    old.write_bytes(packed + b"\xa2\x06" + varint(len(inner)) + inner)
    net = bench.folder / "net"
    text = "inner_product_param { num_output: %d bias_term: false }"
    data = DATA.replace("dim: 3 dim: 16 dim: 16", "dim: 1")
    net.write_text(
        data
        + layer("a", "InnerProduct", text % ((1 << 23) - 1))
        + layer("b", "InnerProduct", text % (1 << 22))
    )
    script = (
        "import sys, deconvsurgery as ds; ds.transplant(*sys.argv[1:]); "
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(net), str(old), str(bench.out)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert int(done.stdout.split()[1]) < 70_000  # KiB
    found = {
        each.name: each.blobs for each in NetParameter.FromString(bench.out.read_bytes()).layer
    }
    a, b = (np.array(found[name][0].data, np.float32) for name in "ab")
    assert (a == np.arange(1, 1 << 23, dtype=np.float32)).all()
    assert (b == half.astype(np.float32)).all()


def test_values_of_the_other_byte_order_are_turned(tmp_path: Path) -> None:
    """Bytes of an HDF5 file are copied as they are only where they are little-endian floats."""
    old = tmp_path / "old.h5"
    with h5py.File(old, "w") as file:
        file["data/ip/0"] = np.arange(6, dtype=">f4").reshape(2, 3)
        file["data/ip/1"] = np.array([7, 8], "<f4")
    net = tmp_path / "net"
    net.write_text(
        'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 3 } } }'
        'layer { name: "ip" type: "InnerProduct" bottom: "d" top: "ip" '
        "inner_product_param { num_output: 2 } }"
    )
    ds.transplant(net, old, tmp_path / "out")
    message: Any = NetParameter.FromString((tmp_path / "out").read_bytes())
    weights, bias = message.layer[1].blobs
    assert list(weights.data) == [0, 1, 2, 3, 4, 5]
    assert list(bias.data) == [7, 8]


def test_one_double_among_floats_keeps_its_value(tmp_path: Path) -> None:
    old: Any = NetParameter()
    layer = old.layer.add(name="ip")
    layer.blobs.add(data=[1, 2]).shape.dim.extend([1, 2])
    layer.blobs.add(double_data=[1e300]).shape.dim.append(1)
    (tmp_path / "old").write_bytes(old.SerializeToString())
    net = tmp_path / "net"
    net.write_text(
        'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 2 } } }'
        'layer { name: "ip" type: "InnerProduct" bottom: "d" top: "ip" '
        "inner_product_param { num_output: 1 } }"
    )
    ds.transplant(net, tmp_path / "old", tmp_path / "out")
    message: Any = NetParameter.FromString((tmp_path / "out").read_bytes())
    weights, bias = message.layer[1].blobs
    assert (list(weights.double_data), list(bias.double_data)) == ([1, 2], [1e300])


def test_a_score_layer_is_expanded_from_one_layer_only(tmp_path: Path) -> None:
    with pytest.raises(ds.SelectionError, match="'score' twice"):
        ds.transplant(
            TRANSPLANT / "fcn.prototxt",
            TRANSPLANT / "classifier.caffemodel",
            tmp_path / "out",
            expand_score=["score=fc8", "score=fc7"],
        )
