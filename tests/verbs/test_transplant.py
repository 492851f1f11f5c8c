"""Old weights in a new net are those that FCN's own surgery puts there, and nothing else is.

Golden: what FCN's transplant and interp made of a classifier in a real Caffe. Beside that, FCN's
surgery is written down here once more, in numpy, and held against random nets and models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.models import NetParameter, Weights, model_bytes, noise, parsed, weights_of
from helpers.nets import conv as nets_conv
from helpers.nets import data_layer, layer
from helpers.oracles import opencv_forward, ramp, scattered, tent
from helpers.places import GOLDEN
from helpers.runs import measured, run_here, tool
from helpers.wire import FIXED32, dims, floats, layer_v2, number, payloads, sized, tag
from helpers.words import Words, names, numbers, shapes

Array = NDArray[Any]

TRANSPLANT = GOLDEN / "transplant"
NET, CLASSIFIER = TRANSPLANT / "fcn.prototxt", TRANSPLANT / "classifier.caffemodel"


# --- models and nets made here


DATA = data_layer(1, 3, 16, 16)


def conv(name: str, outputs: int, more: str = "", kernel: int = 1, bottom: str = "data") -> str:
    """A Convolution, by default of 1x1: its parameters ``more`` stand with the numbers."""
    return nets_conv(name, f"num_output: {outputs} kernel_size: {kernel} {more}", bottom=bottom)


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
            data = old if isinstance(old, bytes) else model_bytes(old)
            (self.folder / "old.caffemodel").write_bytes(data)
            old = self.folder / "old.caffemodel"
        options.setdefault("force", True)
        return ds.transplant(net, old, self.out, **options)

    def weights(self) -> dict[str, list[Array]]:
        return weights_of(self.out.read_bytes())

    def page(self, *options: str) -> list[str]:
        """The lines that the command prints of the net and model of the last run."""
        line = ("transplant", "-n", *options, "new.prototxt", "old.caffemodel")
        code, out, errors = run_here(self.folder, *line)
        assert (code, errors) == (0, b"")
        return out.decode().splitlines()

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
    return {each.layer.name: each.action for each in result.layers if each.action != "no blobs"}


def told(result: ds.TransplantResult) -> dict[str, list[str]]:
    """What is said of each layer of which anything is."""
    return {each.layer.name: [*each.told] for each in result.layers if each.told}


# --- what a real Caffe and FCN's surgery made


def expected() -> dict[str, Array]:
    with np.load(TRANSPLANT / "expected.npz") as arrays:
        return {name: arrays[name] for name in arrays if name != "upscore"}


def as_v1(_: Path) -> bytes:
    """As Caffe wrote in 2014: old layers, legacy dims."""
    kinds = {"Convolution": "CONVOLUTION", "InnerProduct": "INNER_PRODUCT", "ReLU": "RELU"}
    old = parsed(CLASSIFIER.read_bytes())
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
    message = parsed(CLASSIFIER.read_bytes())
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
    message = parsed(CLASSIFIER.read_bytes())
    whole = b""
    for each in message.layer:
        blobs = b""
        for blob in each.blobs:
            values = b"".join(tag(5, FIXED32) + floats(value) for value in blob.data)
            del blob.data[:]
            blobs += sized(7, blob.SerializeToString() + values)
        del each.blobs[:]
        whole += sized(100, each.SerializeToString() + blobs)
    assert parsed(whole) == parsed(CLASSIFIER.read_bytes().removeprefix(b"\x0a\x08mini-vgg"))
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
    code, out, _ = run_here(bench.folder, "transplant", "-n", "--apply", str(NET), str(CLASSIFIER))
    assert code == 0
    table = out.decode().splitlines()
    (dropped,) = (line for line in table if line.startswith("dropped: "))
    assert names(dropped) == [name for verb, name, *_ in log if verb == "drop"]
    for verb, name, *rest in log:
        if verb != "drop":
            (row,) = (line for line in table if line.startswith(f"{name} "))
            position, was, now = rest
            found, half = shapes(row), len(shapes(row)) // 2  # what it was, what it is
            assert (found[position], found[half + position]) == (tuple(was), tuple(now))
            assert position or row.endswith({"copy": "copied", "coerce": "coerced"}[verb])
    assert actions(result)["upscore"] == "filled"
    assert actions(result)["score_fr"] == "constant"


def test_the_file_is_caffes_own_but_for_the_phase(bench: Bench) -> None:
    """Caffe adds the phase of the net that it saved to every layer; nothing else differs."""
    bench.run(NET, CLASSIFIER, apply=True)
    theirs = parsed((TRANSPLANT / "fcn-expected.caffemodel").read_bytes())
    for each in theirs.layer:
        assert each.HasField("phase")
        each.ClearField("phase")
    assert parsed(bench.out.read_bytes()) == theirs
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
    old = weights_of(CLASSIFIER.read_bytes())
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


Drawn: TypeAlias = tuple[str, dict[str, list[Array]], dict[str, list[Array]], bool]


@st.composite
def nets(draw: st.DrawFn) -> Drawn:
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


SUFFIXES = st.sampled_from(["", "_old"])


@settings(max_examples=12)
@given(nets(), SUFFIXES)
def test_flat_is_fcns_own_transplant(
    tmp_path_factory: pytest.TempPathFactory, case: Drawn, suffix: str
) -> None:
    is_fcns_own(tmp_path_factory.mktemp("flat"), case, suffix)


@pytest.mark.campaign
@settings(max_examples=60)
@given(nets(), SUFFIXES)
def test_of_many_models_flat_is_fcns_own_transplant(
    tmp_path_factory: pytest.TempPathFactory, case: Drawn, suffix: str
) -> None:
    is_fcns_own(tmp_path_factory.mktemp("flat"), case, suffix)


def is_fcns_own(folder: Path, case: Drawn, suffix: str) -> None:
    text, new, old, doubles = case
    bench = Bench(folder)
    shortened = {name.removesuffix(suffix): blobs for name, blobs in old.items()}
    if suffix:
        text = re.sub(r'name: "(l\d)"', rf'name: "\1{suffix}"', text)
        new = {name + suffix: blobs for name, blobs in new.items()}
    data = model_bytes(shortened, field="double_data" if doubles else "data")
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


@settings(max_examples=12)
@given(nets())
def test_without_flat_it_is_the_same_or_every_misfit_is_named(
    tmp_path_factory: pytest.TempPathFactory, case: Drawn
) -> None:
    is_the_same_or_refused(tmp_path_factory.mktemp("strict"), case)


@pytest.mark.campaign
@settings(max_examples=60)
@given(nets())
def test_of_many_models_without_flat_every_misfit_is_named(
    tmp_path_factory: pytest.TempPathFactory, case: Drawn
) -> None:
    is_the_same_or_refused(tmp_path_factory.mktemp("strict"), case)


def is_the_same_or_refused(folder: Path, case: Drawn) -> None:
    text, new, old, _ = case
    bench = Bench(folder)
    misfits = {
        name
        for name, blobs in old.items()
        for target, source in zip(new.get(name, ()), blobs, strict=False)
        if target.size != source.size or (target.ndim > 1 and len(target) != len(source))
    }
    if misfits:
        with pytest.raises(ds.MismatchError) as raised:
            bench.run(text, old)
        assert set(names(raised.value.message)) == misfits
        assert "flat=True" in str(raised.value.hint)
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
        model_bytes({"score": [weight, bias]}, legacy=legacy, field=field),
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


class Refusal(NamedTuple):
    """A net and a model that do not fit, and what of the error is no sentence."""

    net: str
    old: bytes | Weights
    options: Mapping[str, Any] = {}
    error: type[ds.SurgeryError] = ds.MismatchError
    numbers: tuple[float, ...] = ()
    """Those that come first: blobs, shapes, counts."""
    names: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


REFUSALS = {
    "other counts": Refusal(
        conv("a", 2),
        {"a": [noise(5), noise(2)]},
        numbers=(0, 5, 5, 2, 3, 1, 1, 6),
        names=("a",),
    ),
    "other outputs": Refusal(
        conv("a", 2),
        {"a": [noise(3, 2, 1, 1), noise(2)]},
        numbers=(0, 3, 2, 1, 1, 2, 3, 1, 1),
        names=("a",),
    ),
    "other outputs, legacy": Refusal(
        conv("a", 2),
        model_bytes({"a": [noise(1, 1, 3, 2)]}, legacy=True),
        numbers=(0, 1, 1, 3, 2, 2, 3, 1, 1),
        names=("a",),
    ),
    "channels that do not come out": Refusal(
        'layer { name: "d" type: "Data" top: "data" }' + conv("a", 2, kernel=3),
        {"a": [noise(2, 10), noise(2)]},
        numbers=(0, 2, 10, 2, 3, 3),
        names=("a",),
        said=("(2, ?, 3, 3)",),
    ),
    "more old classes than new": Refusal(
        conv("s", 3),
        SCORE,
        {"expand_score": "s=s"},
        numbers=(0, 4, 3, 1, 1, 3, 3, 1, 1),
        names=("s",),
    ),
    "other channels": Refusal(
        conv("s", 5, kernel=2),
        SCORE,
        {"expand_score": "s=s"},
        numbers=(0, 4, 3, 1, 1, 5, 3, 2, 2),
        names=("s",),
    ),
    "random rows": Refusal(
        conv("s", 6, RANDOM), SCORE, {"expand_score": "s=s"}, numbers=(4, 5, 0), names=("s",)
    ),
    "values missing": Refusal(
        conv("a", 2),
        layer_v2(b"a", None, dims(2, 3, 1, 1) + sized(5, floats(1))),
        {"flat": True},
        numbers=(0, 1, 2, 3, 1, 1),
        names=("a",),
    ),
    "values of an unknown raw type": Refusal(
        conv("a", 2, "bias_term: false"),
        layer_v2(b"a", None, dims(2, 3, 1, 1) + number(10, 9) + sized(12, bytes(range(1, 7)))),
        {"flat": True},
        numbers=(0, 9),
        names=("a",),
    ),
    "no such new layer": Refusal(
        conv("s", 5), SCORE, {"expand_score": "t=s"}, ds.SelectionError, names=("t",)
    ),
    "no such old layer": Refusal(
        conv("s", 5), SCORE, {"expand_score": "s=t"}, ds.SelectionError, names=("t",)
    ),
    "no upsampling": Refusal(conv("s", 4), SCORE, {"apply": True}, ds.SelectionError),
    "not to be set up": Refusal(
        layer("a", "Convolution"), {"a": [noise(2)]}, names=("a",), said=("kernel_size",)
    ),
    "misspelt": Refusal(
        conv("a", 2, "kernal_h: 3"),
        {"a": [noise(2)]},
        error=ds.PrototxtError,
        names=("a", "kernal_h", "kernel_h"),
    ),
    "V1 and V2": Refusal(
        conv("s", 4), model_bytes({"a": [noise(2)]}, v1=True) + model_bytes(SCORE)
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_does_not_fit_is_refused(case: str, bench: Bench, words: Words) -> None:
    told = REFUSALS[case]
    net = told.net if "Data" in told.net else DATA + told.net
    error = refused(bench, net, told.old, **told.options)
    assert type(error) is told.error
    assert numbers(error.message)[: len(told.numbers)] == [*told.numbers]
    assert names(error.message) == [*told.names]
    assert all(each in error.message for each in told.said)
    if isinstance(error, ds.LayerError | ds.PrototxtError) and told.names:
        assert error.layer == told.names[0]
    if "flat" in told.options or "expand_score" in told.options or case == "no upsampling":
        assert "flat=True" not in (error.hint or "")  # it would not help
    assert error.path == str(bench.folder / "new.prototxt")
    words(error, case)


def test_every_misfit_is_named_at_once(bench: Bench, words: Words) -> None:
    net = DATA + conv("a", 2) + conv("b", 2) + conv("fits", 2) + conv("s", 9, RANDOM)
    old = {"a": [noise(5)], "b": [noise(3, 2)], "fits": [noise(2, 3)], **SCORE}
    error = refused(bench, net, old, expand_score="s=s")
    first, *lines = error.message.splitlines()
    assert numbers(first) == [3]
    assert [names(line) for line in lines] == [["a"], ["b"], ["s"]]
    assert "flat=True" in str(error.hint)
    words([first, *lines, str(error.hint)])


def test_a_blob_that_hdf5_has_at_another_layer(bench: Bench, words: Words) -> None:
    """Caffe writes shared parameters once: only a net that shares them tells whose they are."""
    old, weight = bench.folder / "old.h5", noise(2, 3, 1, 1)
    with h5py.File(old, "w") as file:
        file["data/a/0"] = weight
        file["data/b/1"] = noise(2)
    net = DATA + conv("a", 2, "bias_term: false") + conv("b", 2)
    error = refused(bench, net, old)
    assert names(error.message) == ["b"]
    assert numbers(error.message)[0] == 0
    words(error)
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


def test_what_a_random_filler_makes_is_left_to_caffe(bench: Bench, words: Words) -> None:
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
    said = told(result)
    assert said.keys() == left
    assert {name: numbers(each) for name, (each,) in said.items()} == {  # which blob has a filler
        "r": [0],
        "b": [1],
        "f": [],
        "l": [0],
        "up": [0],
    }
    assert names(said["f"][0]) == ["Forked"]
    for name, each in said.items():
        words(each, name)
    closing = bench.page()[-1]
    assert numbers(closing) == [6, 1, 5]
    words(closing, "closing")
    assert not result.warnings


def test_channels_that_nothing_tells_are_left_to_caffe(bench: Bench, words: Words) -> None:
    net = 'layer { name: "d" type: "Data" top: "data" }\n' + conv("a", 2)
    result = bench.run(net, {"other": [noise(2)]})
    assert list(bench.weights()) == ["d"]
    ((each,),) = told(result).values()
    assert actions(result) == {"a": "left to Caffe"}
    assert numbers(each)[0] == 0  # the blob
    assert "(2, ?, 1, 1)" in each
    words(each)


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


def test_a_bias_that_the_old_layer_lacks(bench: Bench, words: Words) -> None:
    net = DATA + conv("a", 2, "bias_filler { value: 3 }")
    result = bench.run(net, {"a": [noise(2, 3, 1, 1)]})
    same(bench.weights()["a"], [noise(2, 3, 1, 1), np.full(2, 3)])
    (said,) = told(result)["a"]
    assert numbers(said) == [1, 2]
    words(said, "made")
    result = bench.run(
        DATA + conv("a", 2, "bias_term: false"), {"a": [noise(2, 3, 1, 1), noise(2)]}
    )
    same(bench.weights()["a"], [noise(2, 3, 1, 1)])
    (said,) = told(result)["a"]
    assert numbers(said) == [1, 2, 1]
    words(said, "dropped")


def test_of_several_old_layers_of_a_name_the_last_counts(bench: Bench) -> None:
    data = model_bytes({"a": [noise(2, 3, 1, 1), noise(2)]}) + model_bytes(
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


def test_a_file_too_large_for_caffe_is_told(bench: Bench, words: Words) -> None:
    """2 ** 16 outputs of 2 ** 13 + 1 inputs: a byte count that needs no byte."""
    net = 'input: "data" input_shape { dim: 1 dim: 8193 }\n'
    net += layer("s", "InnerProduct", "inner_product_param { num_output: 65536 bias_term: false }")
    result = bench.run(net, {"other": [noise(2)]}, dry_run=True)
    assert 0 < result.output_size - 65536 * 8193 * 4 < 100
    assert numbers(result.warnings[-1]) == [result.output_size, 2]  # GiB
    words(result.warnings[-1])


def test_legacy_dims_of_a_type_that_is_not_known_stay_legacy(bench: Bench) -> None:
    """Caffe takes (1, 1, 1, 3) for a bias of 3 in legacy dims, and refuses it as a shape."""
    bench.run(DATA + layer("f", "Forked"), model_bytes({"f": [noise(3)]}, legacy=True))
    (data, forked) = parsed(bench.out.read_bytes()).layer
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
    found = parsed(bench.out.read_bytes())
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
    assert actions(result) == {"a": "copied", "b": "copied"}
    assert told(result) == {}


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
    assert told(result) == {}
    rows = bench.page("--apply")[1:3]
    assert [shapes(row) for row in rows] == [[(3, 3, 4, 4), (3,)], [(3, 1, 4, 4), (3,)]]


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


def test_old_upsampling_weights_of_other_classes_are_no_reason_to_refuse(
    bench: Bench, words: Words
) -> None:
    """Their weights are made anyway; as when a score layer is expanded below them."""
    old = {"up": [noise(2, 2, 4, 4)]}
    net = DATA + up(more="bias_term: false")
    refused(bench, net, old)
    result = bench.run(net, old, apply=True)
    same(bench.weights()["up"], [diagonal(3, tent)])
    (said,) = told(result)["up"]
    assert shapes(said) == [(2, 2, 4, 4), (3, 3, 4, 4)]
    assert numbers(said) == [0, 2, 2, 4, 4, 64, 3, 3, 4, 4, 144]
    words(said)
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
def test_what_cannot_be_filled(filler: str, bench: Bench, words: Words) -> None:
    """A skipped layer is what it is without --apply: its filler's, or left to Caffe."""
    net = DATA + up() + up("up2", more=f'weight_filler {{ type: "{filler}" }}', kernel=5)
    error = refused(bench, net, ELSE, apply=True)
    assert isinstance(error, ds.ShapeError)
    assert error.layer == "up2"
    words(error)
    result = bench.run(net, ELSE, apply=True, skip_unfit=True)
    same(bench.weights()["up"], [diagonal(3, tent), np.zeros(3)])
    if filler == "constant":
        same(bench.weights()["up2"], [np.zeros((3, 3, 5, 5)), np.zeros(3)])
    else:
        assert "up2" not in bench.weights()
    assert actions(result)["up2"] == ("constant" if filler == "constant" else "left to Caffe")
    (skipped,) = (each for each in bench.page("--apply", "--skip-unfit") if "skipped:" in each)
    assert skipped.startswith("skipped: up2: ")
    words(skipped)
    bench.run(net, ELSE, apply=True, any_gain=True)
    same(bench.weights()["up2"], [diagonal(3, tent, 5), np.zeros(3)])
    said = [each for each in bench.page("--apply", "--any-gain") if "warning:" in each]
    *learned, warning = said
    assert len(learned) == (filler == "gaussian")
    assert all(each.startswith("warning: up2: ") for each in said)
    words(warning)
    for each in (error.message, skipped, warning):  # the kernel, its stride, the gains
        assert numbers(each) == [5, 5, 2, 2, 1.333, 1.667, 1]


def test_shared_upsampling_weights_are_filled_together(bench: Bench) -> None:
    net = DATA + "".join(
        up(name, more="bias_term: false").replace("type:", 'param { name: "w" } type:', 1)
        for name in ("up", "other")
    )
    bench.run(net, ELSE, apply=True)
    for name in ("up", "other"):
        same(bench.weights()[name], [diagonal(3, tent)])


# --- real nets


MILLION = 1 << 20


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
    message = parsed(bench.out.read_bytes())
    for position, each in enumerate(message.layer):
        for blob in each.blobs:
            if len(blob.data) < MILLION:  # upsampling of many classes stays as it is
                blob.data[:] = noise(len(blob.data), seed=position).tolist()
    bench.out.unlink()
    return bytes(message.SerializeToString())


def test_a_layer_filled_for_its_sharer_has_its_bias(bench: Bench) -> None:
    """The pattern takes one of two that share their weights: both have two blobs."""
    param = "num_output: 1 kernel_size: 4 stride: 2 pad: 1"
    net = DATA.replace("dim: 3", "dim: 1") + "".join(
        layer(name, "Deconvolution", f"convolution_param {{ {param} }}", more='param { name: "w" }')
        for name in ("up", "other")
    )
    bench.run(net, {}, apply=True)
    written = weights_of(bench.out.read_bytes())
    assert [len(written[name]) for name in ("up", "other")] == [2, 2]
    assert all(np.array_equal(*pair) for pair in zip(written["up"], written["other"], strict=True))


@pytest.mark.parametrize(
    ("old", "new", "scores", "dropped"),
    [
        pytest.param(
            "pascalcontext-fcn32s",
            "pascalcontext-fcn16s",
            {"score_pool4"},
            {"upscore"},
            marks=pytest.mark.campaign,
        ),
        pytest.param(
            "siftflow-fcn32s",
            "siftflow-fcn16s",
            {"score_pool4_sem", "score_pool4_geo"},
            {"upscore_sem", "upscore_geo"},
            marks=pytest.mark.campaign,
        ),
        ("voc-fcn16s", "voc-fcn8s", {"score_pool3"}, {"upscore16"}),
    ],
)
def test_between_the_nets_of_fcn(
    old: str, new: str, scores: set[str], dropped: set[str], bench: Bench, shared: Path
) -> None:
    data = trained(bench, fcn(shared, old))
    result = bench.run(fcn(shared, new), data, apply=True)
    before, after = weights_of(data), bench.weights()
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
    rows = {names(line)[0]: shapes(line) for line in error.message.splitlines() if names(line)}
    assert rows["score_fr"] == [(40, 64, 1, 1), (21, 64, 1, 1)]


# --- the command


def run(*arguments: str | Path) -> tuple[int, bytes, bytes]:
    return run_here(Path.cwd(), "transplant", *map(str, arguments))


@pytest.fixture
def golden_file(bench: Bench) -> bytes:
    bench.run(NET, CLASSIFIER, apply=True)
    data = bench.out.read_bytes()
    bench.out.unlink()
    return data


def test_the_command_writes_and_tells(bench: Bench, golden_file: bytes, words: Words) -> None:
    code, out, errors = run(NET, CLASSIFIER, bench.out, "--apply")
    assert (code, errors) == (0, b"")
    assert bench.out.read_bytes() == golden_file
    head, *rows, dropped, closing = out.decode().splitlines()
    assert head.split() == ["layer", "type", "from", "was", "shape", "action"]
    named = ["conv1", "fc6", "fc7", "score_fr", "upscore"]
    assert [row.split()[0] for row in rows] == named
    assert (dropped.partition(" ")[0], names(dropped)) == ("dropped:", ["fc8"])
    # layers, copied, coerced, constant, filled, dropped; bytes
    counted, _, place = closing.partition(str(bench.out))
    assert numbers(counted) == [5, 1, 2, 1, 1, 1]
    assert numbers(place) == [len(golden_file)]
    words(closing)

    code, out, errors = run(NET, CLASSIFIER, bench.out, "--apply")
    assert (code, out) == (2, b"")
    assert b"--force" in errors
    bench.out.write_bytes(b"old")
    assert run(NET, CLASSIFIER, bench.out, "--apply", "--force", "-q") == (0, b"", b"")
    assert bench.out.read_bytes() == golden_file


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_a_terminal(width: int, bench: Bench, snapshot: Any) -> None:
    done = tool(
        "transplant",
        bench.folder,
        NET,
        CLASSIFIER,
        "-n",
        "--apply",
        "--expand-score=score_fr=fc8",
        env={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": str(width)},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
    assert max(map(len, shown.splitlines())) <= width
    assert shown == snapshot
    assert bench.left() == set()


def test_a_dry_run_writes_nothing(bench: Bench, words: Words) -> None:
    for arguments in ([bench.out], []):
        code, out, errors = run(NET, CLASSIFIER, *arguments, "--dry-run")
        assert (code, errors) == (0, b"")
        words(out.decode().splitlines()[-1])
        assert bench.left() == set()


def test_the_document(bench: Bench, golden_file: bytes) -> None:
    arguments = [NET, CLASSIFIER, bench.out, "--apply", "--json"]
    document = json.loads(run(*arguments)[1])
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
    document = json.loads(run(NET, CLASSIFIER, "-n", "--json")[1])
    assert (document["written"], document["output"], document["filled"]) == (False, None, [])


def test_streams(bench: Bench, golden_file: bytes, words: Words) -> None:
    model = CLASSIFIER.read_bytes()
    done = tool("transplant", bench.folder, NET, "-", "-", "--apply", stdin=model)
    assert (done.returncode, done.stdout) == (0, golden_file)
    *_, closing = done.stderr.decode().splitlines()
    assert numbers(closing) == [5, 1, 2, 1, 1, 1, len(golden_file)]
    words(closing)
    net = NET.read_bytes()
    done = tool("transplant", bench.folder, "-", CLASSIFIER, "-", "--apply", "-q", stdin=net)
    assert (done.returncode, done.stdout, done.stderr) == (0, golden_file, b"")


WRONG = {
    "no OUT": ("net model", 2),
    "OUT is the model": ("net model model -f", 2),
    "OUT is the model by a link": ("net model link -f", 2),
    "OUT is the net": ("net model net -f", 2),
    "two streams": ("- - o", 2),
    "--json and OUT '-'": ("net model - --json", 2),
    "no pair": ("net model o --expand-score score", 2),
    "no such layer": ("net model o --expand-score a=fc8", 3),
    "no such old layer": ("net model o --expand-score score_fr=a", 3),
    "nothing matched": ("net model o --apply -p a", 3),
    "a misfit": ("net misfit o", 3),
    "no such model": ("net nothing o", 4),
    "swapped": ("model net o", 3),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes(case: str, bench: Bench, words: Words) -> None:
    line, wanted = WRONG[case]
    (bench.folder / "net").write_bytes(NET.read_bytes())
    (bench.folder / "model").write_bytes(CLASSIFIER.read_bytes())
    (bench.folder / "misfit").write_bytes(model_bytes({"fc6": [noise(7)]}))
    (bench.folder / "link").symlink_to("model")
    before = {path: path.read_bytes() for path in bench.folder.iterdir()}
    code, out, errors = run_here(bench.folder, "transplant", *line.split())
    assert code == wanted, errors
    if "--json" in line:
        assert errors == b""
        error = json.loads(out)["error"]
        words([error["message"], *([error["hint"]] if error["hint"] else [])], case)
    else:
        assert out == b""
        words(errors.decode(), case)
    assert {path: path.read_bytes() for path in bench.folder.iterdir()} == before


def test_an_error_as_a_document(bench: Bench) -> None:
    (bench.folder / "old").write_bytes(model_bytes({"fc6": [noise(7)]}))
    code, out, _ = run(NET, bench.folder / "old", bench.out, "--json")
    assert code == 3
    error = json.loads(out)["error"]
    assert (error["kind"], error["layer"]) == ("MismatchError", "fc6")
    assert "--flat" in error["hint"]
    assert not bench.out.exists()


def test_python_takes_open_objects(bench: Bench) -> None:
    with ds.open_model(CLASSIFIER) as opened:
        result = ds.transplant(ds.read_net(NET), opened, bench.out, apply=True)
    assert result.written
    assert [each.layer.name for each in result.layers if each.action == "coerced"] == ["fc6", "fc7"]
    with pytest.raises(ds.OutputError):
        ds.transplant(NET, CLASSIFIER, CLASSIFIER, force=True)


# --- size


@pytest.mark.campaign
def test_memory_is_bounded_and_the_kernel_copies(bench: Bench) -> None:
    """40 MB of old weights, some copied as they are and some widened from half precision."""
    plain = np.arange(1, 1 << 23, dtype="<f4")
    half = noise(1 << 22).astype("<f2")
    old = bench.folder / "old"
    old.write_bytes(
        layer_v2(b"a", None, sized(5, plain.tobytes()) + dims(len(plain), 1))
        + layer_v2(b"b", None, number(10, 2) + sized(12, half.tobytes()) + dims(len(half), 1))
    )
    net = bench.folder / "net"
    text = "inner_product_param { num_output: %d bias_term: false }"
    net.write_text(
        data_layer(1, 1)
        + layer("a", "InnerProduct", text % len(plain))
        + layer("b", "InnerProduct", text % len(half))
    )
    assert measured(bench.folder, "transplant", "-q", net, old, bench.out)[0] < 70_000  # KiB
    _, a, b = (payloads(each, 7) for each in payloads(bench.out.read_bytes(), 100))
    assert payloads(a[0], 5) == [plain.tobytes()]
    assert payloads(b[0], 5) == [half.astype("<f4").tobytes()]


IP = "inner_product_param { num_output: %d }"


def test_values_of_the_other_byte_order_are_turned(bench: Bench) -> None:
    """Bytes of an HDF5 file are copied as they are only where they are little-endian floats."""
    old = bench.folder / "old.h5"
    with h5py.File(old, "w") as file:
        file["data/ip/0"] = np.arange(6, dtype=">f4").reshape(2, 3)
        file["data/ip/1"] = np.array([7, 8], "<f4")
    bench.run(data_layer(1, 3) + layer("ip", "InnerProduct", IP % 2), old)
    same(bench.weights()["ip"], [np.arange(6).reshape(2, 3), np.array([7, 8])])


def test_one_double_among_floats_keeps_its_value(bench: Bench) -> None:
    old: Any = NetParameter()
    made = old.layer.add(name="ip")
    made.blobs.add(data=[1, 2]).shape.dim.extend([1, 2])
    made.blobs.add(double_data=[1e300]).shape.dim.append(1)
    net = data_layer(1, 2) + layer("ip", "InnerProduct", IP % 1)
    bench.run(net, bytes(old.SerializeToString()))
    weights, bias = parsed(bench.out.read_bytes()).layer[1].blobs
    assert (list(weights.double_data), list(bias.double_data)) == ([1, 2], [1e300])


def test_a_score_layer_is_expanded_from_one_layer_only(bench: Bench, words: Words) -> None:
    with pytest.raises(ds.ArgumentError) as raised:
        bench.run(NET, CLASSIFIER, expand_score=["score=fc8", "score=fc7"])
    assert names(raised.value.message) == ["score"]
    assert bench.left() == set()
    words(raised.value)
