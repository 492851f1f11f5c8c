"""Models of C3D 1.0, whose blobs have five dims and whose V1 types have numbers of their own.

They are read as what they are; no Caffe reads them, and none is made of them that is half of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.sniff import Form, form
from helpers.documents import parsed_json
from helpers.models import blob_values, indexed, model_bytes, noise, parsed, weights_of
from helpers.nets import data_layer, layer, up
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here
from helpers.wire import c3d_blob, dims, layer_v1, layer_v2, legacy_dims, number, sized

if TYPE_CHECKING:
    from helpers.words import Words

WEIGHTS, BIAS = noise(4, 3, 3, 3, 3), noise(4, seed=4)
MATRIX, OFFSETS = noise(5, 16, seed=5), noise(5, seed=6)
FLAT = noise(4, 4, 1, 3, 3, seed=7)  # an image's Convolution: a length of 1

CONVOLUTION3D, POOLING3D, DECONVOLUTION3D, RELU, INNER_PRODUCT, CONVOLUTION = 30, 31, 34, 18, 14, 4


def conv1a(*blobs: bytes) -> bytes:
    return layer_v1(b"conv1a", CONVOLUTION3D, *blobs)


C3D = (
    conv1a(c3d_blob(WEIGHTS), c3d_blob(BIAS))
    + layer_v1(b"relu1", RELU)
    + layer_v1(b"pool1", POOLING3D)
    + layer_v1(b"conv2", CONVOLUTION, c3d_blob(FLAT))
    + layer_v1(b"fc", INNER_PRODUCT, c3d_blob(MATRIX), c3d_blob(OFFSETS))
)
NET = (
    data_layer(1, 3, 16, 8, 8)
    + layer("conv1a", "Convolution", "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }")
    + up(
        param="num_output: 4 group: 4 kernel_size: 4 stride: 2 pad: 1 bias_term: false",
        bottom="conv1a",
        more="param { lr_mult: 0 }",
    )
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "c3d").write_bytes(C3D)
    (tmp_path / "n").write_text(NET)
    return tmp_path


def document(place: Path, *arguments: str) -> tuple[int, Any]:
    code, out, _ = run_here(place, *arguments, "--json")
    return code, parsed_json(out)


# --- read


def test_types_and_shapes_are_c3ds(place: Path, words: Words) -> None:
    code, found = document(place, "inspect", "--all", "c3d")
    assert code == 0
    assert [(each["name"], each["type"], each["model_blobs"]) for each in found["layers"]] == [
        ("conv1a", "CONVOLUTION3D", [[4, 3, 3, 3, 3], [1, 1, 1, 1, 4]]),
        ("relu1", "ReLU", []),
        ("pool1", "POOLING3D", []),
        ("conv2", "Convolution", [[4, 4, 1, 3, 3]]),
        ("fc", "InnerProduct", [[1, 1, 1, 5, 16], [1, 1, 1, 1, 5]]),
    ]
    (finding,) = found["net_findings"]
    assert (finding["id"], finding["layer"], found["notes"]) == ("DS014", None, [])
    words(finding["message"])


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        (0, "NONE"),
        (29, "MemoryData"),
        (CONVOLUTION3D, "CONVOLUTION3D"),
        (POOLING3D, "POOLING3D"),
        (32, "V1 type 32"),
        (33, "V1 type 33"),
        (DECONVOLUTION3D, "DECONVOLUTION3D"),
        (39, "V1 type 39"),
        (40, "V1 type 40"),
    ],
)
def test_only_what_c3d_had_from_caffe_has_caffes_type(kind: int, read: str) -> None:
    data = layer_v1(b"it", kind) + conv1a(c3d_blob(WEIGHTS))
    assert indexed(data).layers[0].type == ("" if read == "NONE" else read)


def test_without_such_blobs_types_are_caffes() -> None:
    blob = legacy_dims(4) + sized(5, noise(4).tobytes())
    data = layer_v1(b"a", 30, blob) + layer_v1(b"b", 34)
    assert [each.type for each in indexed(data).layers] == ["ArgMax", "MVN"]


@pytest.mark.parametrize("packed", [True, False])
def test_values_and_gradients_are_told_apart(packed: bool) -> None:
    model = indexed(conv1a(c3d_blob(BIAS, 1, 2, 3, 4, packed=packed)))
    (blob,) = model.layers[0].blobs
    assert (blob.shape, blob.storage, blob.count, blob.diff_count) == (
        (1, 1, 1, 1, 4),
        "data",
        4,
        4,
    )
    assert np.array_equal(np.concatenate(list(model.flat_values(blob))), BIAS)
    assert blob.of_c3d


@pytest.mark.parametrize(
    "more",
    [
        sized(5, noise(4).tobytes()),
        sized(8, noise(4).astype("<f8").tobytes()),
        dims(4),
        number(6, 1),
        sized(6, b"odd"),
    ],
    ids=["data", "double_data", "shape", "a varint", "no floats"],
)
def test_what_c3d_does_not_write_is_not_taken_for_its(more: bytes) -> None:
    blob = number(1, 1) + number(5, 7) + more
    try:
        (read,) = indexed(conv1a(blob)).layers[0].blobs
    except ds.ModelError:
        return  # values cut short, as ever
    assert not read.of_c3d
    assert read.shape == (1, 0, 0, 0)


def test_a_mean_file_of_c3d_is_no_model() -> None:
    blob = c3d_blob(WEIGHTS)
    assert form(blob, len(blob)) is Form.BLOBPROTO


# --- net and model


def test_a_net_of_today_fits_its_blobs_and_caffe_stops_at_the_form(
    place: Path, words: Words
) -> None:
    code, found = document(place, "check", "n", "c3d")
    ids = [(each["id"], each["layer"]) for each in found["findings"]]
    assert (code, ids) == (1, [("DS014", None), ("DS001", "up"), ("DS011", None)])
    form_of, missing, _ = found["findings"]
    assert form_of["numbers"]["layers"] == ["conv1a", "conv2", "fc"]
    assert form_of["command"] == "deconvsurgery convert c3d c3d.fixed.caffemodel"
    assert missing["command"] is None
    words(form_of["message"], "form")
    words(missing["repair"], "apply")


def test_inspect_says_it_of_the_layer(place: Path, words: Words) -> None:
    weights = c3d_blob(noise(4, 1, 4, 4, 4))
    (place / "c3d").write_bytes(C3D + layer_v1(b"up", DECONVOLUTION3D, weights))
    found = ds.inspect(place / "n", place / "c3d").net_findings
    (finding,) = (each for each in found if each.id == "DS014")
    layers = ("conv1a", "conv2", "fc", "up")
    assert (finding.level, finding.layer, dict(finding.numbers)["layers"]) == (
        "error",
        None,
        layers,
    )
    words(finding.message)


def test_the_repair_repairs(place: Path) -> None:
    assert run_here(place, "convert", "c3d", "c3d.fixed")[0] == 0
    assert run_here(place, "apply", "n", "c3d.fixed", "o")[0] == 0
    code, found = document(place, "check", "n", "o")
    assert [each["id"] for each in found["findings"]] == ["DS011"]  # of layers that the net lacks
    assert found["findings"][0]["severity"] == "warning"
    assert code == 1


def test_another_shape_is_told(place: Path) -> None:
    (place / "n").write_text(
        NET.replace("num_output: 4 kernel_size: 3", "num_output: 4 kernel_size: 5")
    )
    _, found = document(place, "check", "--select", "DS011", "n", "c3d")
    finding = found["findings"][0]
    assert (finding["layer"], finding["numbers"]["net"]) == ("conv1a", [4, 3, 5, 5, 5])
    assert finding["numbers"]["model"] == [4, 3, 3, 3, 3]


# --- convert


def test_convert_makes_true_shapes(place: Path) -> None:
    code, found = document(place, "convert", "c3d", "o")
    assert (code, found["warnings"]) == (0, [])
    data = (place / "o").read_bytes()
    assert {each.name: each.type for each in parsed(data).layer} == {
        "conv1a": "CONVOLUTION3D",
        "relu1": "ReLU",
        "pool1": "POOLING3D",
        "conv2": "Convolution",
        "fc": "InnerProduct",
    }
    for name, arrays in {
        "conv1a": [WEIGHTS, BIAS],
        "conv2": [FLAT.reshape(4, 4, 3, 3)],
        "fc": [MATRIX, OFFSETS],
    }.items():
        for made, array in zip(weights_of(data)[name], arrays, strict=True):
            assert (made.shape, np.array_equal(made, array)) == (array.shape, True)
    code, again = document(place, "convert", "o", "o2")
    assert (code, again["changed"]) == (0, False)
    assert (place / "o2").read_bytes() == data


def test_convert_to_hdf5(place: Path) -> None:
    h5py = pytest.importorskip("h5py")
    assert run_here(place, "convert", "c3d", "o.h5")[0] == 0
    with h5py.File(place / "o.h5") as file:
        assert np.array_equal(file["data/conv1a/0"], WEIGHTS)
        assert file["data/conv1a/1"].shape == (4,)
        assert file["data/fc/0"].shape == (5, 16)


@pytest.mark.parametrize("values", ["float64", "raw-float16", "keep"])
def test_and_values_of_another_type(place: Path, values: str) -> None:
    assert run_here(place, "convert", "--values", values, "c3d", "o")[0] == 0
    code, found = document(place, "diff", "--atol", "0.01", "c3d", "o")
    assert code == 0
    assert {each["state"] for each in found["layers"]} == {"same"}
    model = indexed((place / "o").read_bytes())
    assert not model.of_c3d


def test_what_the_type_does_not_tell_becomes_five_axes_or_what_the_net_says(
    tmp_path: Path, words: Words
) -> None:
    (tmp_path / "m").write_bytes(
        layer_v1(b"odd", 32, c3d_blob(BIAS, 1, 2, 3, 4)) + conv1a(c3d_blob(WEIGHTS))
    )
    (tmp_path / "n").write_text(
        data_layer(1, 4, 2, 2) + layer("odd", "PReLU") + layer("conv1a", "Python")
    )
    code, found = document(tmp_path, "convert", "m", "o")
    layers = parsed((tmp_path / "o").read_bytes()).layer
    assert (code, tuple(layers[0].blobs[0].shape.dim)) == (0, (1, 1, 1, 1, 4))
    assert (layers[0].type, layers[0].blobs[0].diff[:]) == ("", [])
    words("\n".join(found["warnings"]), "warnings")
    words(found["layers"][0]["told"][0], "type")
    assert run_here(tmp_path, "convert", "--net", "n", "m", "p")[0] == 0
    (blob,) = parsed((tmp_path / "p").read_bytes()).layer[0].blobs
    assert (tuple(blob.shape.dim), np.array_equal(blob_values(blob), BIAS)) == ((4,), True)


def test_parameters_are_dropped_by_name(tmp_path: Path, words: Words) -> None:
    """``kernel_depth`` is where Caffe has ``stride``."""
    param = sized(10, number(1, 4) + number(4, 3) + number(6, 3))
    rates = b"".join(b"\x3d" + np.float32(rate).tobytes() for rate in (1, 2))
    inside = sized(4, b"conv1a") + number(5, 30) + sized(2, b"data") + sized(3, b"conv1a")
    inside += sized(6, c3d_blob(WEIGHTS)) + rates + param
    (tmp_path / "m").write_bytes(sized(2, inside))
    code, found = document(tmp_path, "convert", "m", "o")
    (told,) = found["layers"][0]["told"]
    words(told)
    (made,) = parsed((tmp_path / "o").read_bytes()).layer
    assert (code, made.HasField("convolution_param")) == (0, False)
    assert (list(made.bottom), list(made.top)) == (["data"], ["conv1a"])
    assert [each.lr_mult for each in made.param] == [1, 2]


def test_a_layer_without_a_type_gets_none(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(layer_v1(b"it", 0) + sized(2, sized(4, b"none")) + C3D)
    assert run_here(tmp_path, "convert", "m", "o")[0] == 0
    first, second, *_ = parsed((tmp_path / "o").read_bytes()).layer
    assert (first.HasField("type"), second.HasField("type")) == (False, False)


def test_inputs_have_five_dims(tmp_path: Path) -> None:
    net = sized(3, b"data") + b"".join(number(4, size) for size in (1, 3, 16, 8, 8))
    (tmp_path / "m").write_bytes(net + C3D)
    assert run_here(tmp_path, "convert", "m", "o")[0] == 0
    first = parsed((tmp_path / "o").read_bytes()).layer[0]
    assert tuple(first.input_param.shape[0].dim) == (1, 3, 16, 8, 8)


@pytest.mark.parametrize("option", [(), ("--keep-dims",)])
def test_old_layers_cannot_be_kept(place: Path, option: tuple[str, ...], words: Words) -> None:
    code, found = document(place, "convert", "--keep-layers", *option, "c3d", "o")
    assert (code, found["error"]["layer"], (place / "o").exists()) == (3, "conv1a", False)
    words("\n".join((found["error"]["message"], found["error"]["hint"])))


def test_dims_cannot_be_kept(place: Path) -> None:
    assert run_here(place, "convert", "c3d", "o")[0] == 0
    assert run_here(place, "convert", "--keep-dims", "c3d", "p")[0] == 0
    assert (place / "p").read_bytes() == (place / "o").read_bytes()


def test_in_layers_of_today_too(tmp_path: Path) -> None:
    """As a converter that knew nothing of it left them."""
    (tmp_path / "m").write_bytes(layer_v2(b"conv1a", b"CONVOLUTION3D", c3d_blob(WEIGHTS)))
    assert run_here(tmp_path, "convert", "--keep-layers", "-i", "m")[0] == 0
    assert np.array_equal(weights_of((tmp_path / "m").read_bytes())["conv1a"][0], WEIGHTS)


@pytest.mark.parametrize("to", ["binary", "hdf5"])
def test_too_few_values_are_refused(tmp_path: Path, to: str, words: Words) -> None:
    blob = c3d_blob(BIAS).replace(number(5, 4), number(5, 5))
    (tmp_path / "m").write_bytes(conv1a(blob))
    code, found = document(tmp_path, "convert", "--to", to, "m", "o")
    assert (code, found["error"]["layer"], (tmp_path / "o").exists()) == (3, "conv1a", False)
    words("\n".join((found["error"]["message"], found["error"]["hint"])), to)


# --- the other verbs


def test_diff_sees_the_same_weights(place: Path, words: Words) -> None:
    assert run_here(place, "convert", "c3d", "o")[0] == 0
    code, found = document(place, "diff", "c3d", "o")
    assert (code, {each["state"] for each in found["layers"]}) == (0, {"same"})
    (place / "other").write_bytes(C3D.replace(c3d_blob(BIAS), c3d_blob(BIAS + 1)))
    code, found = document(place, "diff", "c3d", "other")
    changed = [each["name"] for each in found["layers"] if each["state"] == "changed"]
    assert (code, changed) == (1, ["conv1a"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "n", "c3d", "o"),
        ("regroup", "--expand", "n", "w", "o", "om"),
    ],
    ids=["apply", "regroup"],
)
def test_nothing_is_written_into_such_a_file(
    place: Path, arguments: tuple[str, ...], words: Words
) -> None:
    weights = c3d_blob(noise(4, 1, 4, 4, 4))
    (place / "w").write_bytes(C3D + layer_v1(b"up", DECONVOLUTION3D, weights))
    code, found = document(place, *arguments)
    assert (code, found["error"]["layer"], (place / "o").exists()) == (3, "up", False)
    words("\n".join((found["error"]["message"], found["error"]["hint"])), arguments[0])


def test_left_alone_it_is_copied(place: Path) -> None:
    assert run_here(place, "apply", "--skip-unfit", "n", "c3d", "o")[0] == 0
    assert (place / "o").read_bytes() == C3D


def test_its_weights_are_transplanted(place: Path) -> None:
    assert run_here(place, "transplant", "--apply", "n", "c3d", "o")[0] == 0
    made = weights_of((place / "o").read_bytes())
    assert np.array_equal(made["conv1a"][0], WEIGHTS)
    assert np.array_equal(made["conv1a"][1], BIAS)
    assert made["up"][0].shape == (4, 1, 4, 4, 4)


def test_and_coerced(tmp_path: Path) -> None:
    """A fully connected layer as a convolution of one place, as FCN does it."""
    net = data_layer(1, 16, 1, 1) + layer(
        "fc", "Convolution", "convolution_param { num_output: 5 kernel_size: 1 }"
    )
    (tmp_path / "n").write_text(net)
    (tmp_path / "m").write_bytes(C3D)
    assert run_here(tmp_path, "transplant", "n", "m", "o")[0] == 0
    made = weights_of((tmp_path / "o").read_bytes())["fc"]
    assert np.array_equal(made[0], MATRIX.reshape(5, 16, 1, 1))


# --- a shape of five axes beside num/channels/height/width


def beside(shape: tuple[int, ...], four: tuple[int, ...], count: int) -> bytes:
    blob = legacy_dims(*four) + sized(5, noise(count).tobytes()) + dims(*shape)
    return layer_v2(b"conv1a", b"Convolution", blob)


TRUE = (4, 3, 3, 3, 3)


@pytest.mark.parametrize(
    ("four", "of_net", "after", "certain"),
    [
        ((4, 3, 0, 0), None, TRUE, True),  # 4 dims that say another number of values
        ((4, 3, 3, 3), None, TRUE, True),
        ((4, 3, 9, 3), None, None, False),  # either may be meant
        ((4, 3, 9, 3), "9", (4, 3, 9, 3), True),
        ((4, 3, 9, 3), "3", TRUE, True),
        ((4, 3, 0, 0), "3", TRUE, True),
    ],
)
@pytest.mark.parametrize("to", ["binary", "hdf5"])
def test_dims_beside_a_longer_shape(
    tmp_path: Path,
    four: tuple[int, ...],
    of_net: str | None,
    after: tuple[int, ...] | None,
    certain: bool,
    to: str,
) -> None:
    (tmp_path / "m").write_bytes(beside(TRUE, four, 324))
    kernel = {"9": "kernel_h: 9 kernel_w: 3", "3": "kernel_size: 3"}.get(of_net or "", "")
    image = (1, 3, 16, 8) if of_net == "9" else (1, 3, 16, 8, 8)
    (tmp_path / "n").write_text(
        data_layer(*image)
        + layer(
            "conv1a",
            "Convolution",
            f"convolution_param {{ num_output: 4 bias_term: false {kernel} }}",
        )
    )
    net = ("--net", "n") if of_net else ()
    code, found = document(tmp_path, "convert", "--to", to, *net, "m", "o")
    assert code == 0
    ((blob,),) = (each["blobs"] for each in found["layers"])
    kept = after is None and to == "binary"
    assert blob["after"]["legacy"] == kept
    assert tuple(blob["after"]["shape"]) == (after or four)
    assert (found["warnings"] == []) == certain
    if to == "binary" and after:
        made = weights_of((tmp_path / "o").read_bytes())["conv1a"][0]
        assert (made.shape, made.ravel().tolist()) == (after, noise(324).tolist())
    elif to == "binary":
        assert (tmp_path / "o").read_bytes() == (tmp_path / "m").read_bytes()


@pytest.mark.parametrize(("four", "command"), [((4, 3, 3, 3), True), ((4, 3, 9, 3), False)])
def test_the_finding_on_it_has_a_command_where_that_repairs(
    tmp_path: Path, four: tuple[int, ...], command: bool, words: Words
) -> None:
    (tmp_path / "m").write_bytes(beside(TRUE, four, 324))
    (tmp_path / "n").write_text(
        NET.replace("num_output: 4 kernel_size: 3", "num_output: 4 bias_term: false kernel_size: 3")
    )
    _, found = document(tmp_path, "check", "--select", "DS014", "n", "m")
    finding = next(each for each in found["findings"] if "num/channels" in each["message"])
    assert (finding["command"] is not None) == command
    assert finding["severity"] == ("error" if command else "note")
    words(finding["message"])


# --- what a real Caffe says of it


@at_hand
def test_a_real_caffe_stops_at_the_file_and_reads_what_is_made_of_it(place: Path) -> None:
    assert real_caffe(NET, C3D).at == "model"
    for verb in (("convert", "c3d", "o"), ("transplant", "--apply", "n", "c3d", "p")):
        assert run_here(place, *verb)[0] == 0
    assert run_here(place, "apply", "n", "o", "q")[0] == 0
    for made in ("o", "p", "q"):
        answer = real_caffe(NET, place / made, weights=True)
        assert (answer.stops, answer.shapes_of("conv1a")) == (False, ((4, 3, 3, 3, 3), (4,)))
        assert np.array_equal(answer.weights_of("conv1a"), WEIGHTS)
        assert np.array_equal(answer.weights_of("conv1a", 1), BIAS)


@at_hand
def test_a_real_caffe_goes_by_the_dims_beside_a_shape() -> None:
    net = NET.replace(
        "num_output: 4 kernel_size: 3", "num_output: 4 bias_term: false kernel_size: 3"
    )
    assert real_caffe(net, beside(TRUE, (4, 3, 9, 3), 324)).at == "model"
    assert not real_caffe(net, model_bytes({"conv1a": [noise(*TRUE)]})).stops
