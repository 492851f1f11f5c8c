"""How many axes a blob has: as the net, or the model's own blobs, tell; where nothing does, nothing
is decided on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import NetParameter, Weights, model_bytes, noise, weights_of
from helpers.nets import conv, data_layer, layer, up
from helpers.oracles import tent
from helpers.real_caffe import PROGRAM, at_hand, real_caffe
from helpers.runs import run_here
from helpers.words import Words, names

HDF5 = layer("data", "HDF5Data", 'hdf5_data_param { source: "list" batch_size: 3 }', bottom="")
UP = "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1"
CONV = conv("conv", "num_output: 3 kernel_size: 3 pad: 1 stride: 2")
FROZEN = "param { lr_mult: 0 }"
NET = HDF5 + CONV + up(param=UP, bottom="conv", more=FROZEN)
"""HDF5Data says nothing of its shape, and each field is given once."""


def weights(axes: int, *, upsampling: str = "bilinear") -> Weights:
    """A model's conv and up, with ``axes`` spatial axes."""
    kernel = tent((4,) * axes)
    found: Weights = {"conv": [noise(3, 3, *(3,) * axes), noise(3)]}
    if upsampling != "none":
        filled = np.broadcast_to(kernel, (3, 1, *kernel.shape)).astype(np.float32)
        found["up"] = [filled * (upsampling == "bilinear")]
    return found


def written(tmp_path: Path, form: str, arrays: Weights) -> Path:
    """The model in a form of its file."""
    path = tmp_path / "model"
    path.write_bytes(model_bytes(arrays, v1=form == "V1"))
    if form == "HDF5":
        ds.convert(path, tmp_path / "model.h5", to="hdf5")
        return tmp_path / "model.h5"
    return path


FORMS = ["V2", "V1", "HDF5"]


def net_of(text: str) -> ds.Net:
    return ds.parse_net(text.encode())


# ── with a model ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_models_own_blobs_tell_it(axes: int, form: str, tmp_path: Path) -> None:
    model = written(tmp_path, form, weights(axes))
    found = ds.check(net_of(NET), model)
    assert (found.findings, found.notes) == ((), ())
    (row,) = ds.inspect(net_of(NET), model).layers
    assert row.target is not None
    assert row.target.shape == (3, 1, *(4,) * axes)
    assert row.weights is not None
    assert row.weights.state == "bilinear"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("missing", ["none", "zero"])
def test_apply_makes_weights_of_as_many(missing: str, axes: int, form: str, tmp_path: Path) -> None:
    """By those of the layer itself, or of another one in the net."""
    model = written(tmp_path, form, weights(axes, upsampling=missing))
    result = ds.apply(net_of(NET), model, tmp_path / "out")
    assert [each.target.shape for each in result.plan.changes] == [(3, 1, *(4,) * axes)]
    assert ds.check(net_of(NET), tmp_path / "out").findings == ()


@at_hand
@pytest.mark.parametrize("axes", [2, 3])
def test_a_real_caffe_loads_what_apply_makes(axes: int, tmp_path: Path) -> None:
    model = written(tmp_path, "V2", weights(axes, upsampling="none"))
    ds.apply(net_of(NET), model, tmp_path / "out")
    net = NET.replace(HDF5, data_layer(1, 3, *(8,) * axes))
    answer = real_caffe(net, tmp_path / "out", forward=True)
    assert not answer.stops
    assert answer.tops["up"] == (1, 3, *(8,) * axes)
    np.testing.assert_array_equal(
        answer.weights_of("up"), weights_of((tmp_path / "out").read_bytes())["up"][0]
    )


def test_transplant_makes_weights_of_as_many(tmp_path: Path) -> None:
    model = written(tmp_path, "V2", weights(3, upsampling="none"))
    ds.transplant(net_of(NET), model, tmp_path / "out", apply=True)
    new = weights_of((tmp_path / "out").read_bytes())
    assert new["up"][0].shape == (3, 1, 4, 4, 4)
    assert ds.check(net_of(NET), tmp_path / "out").findings == ()


def test_the_net_is_believed_before_the_model(tmp_path: Path) -> None:
    """A Pooling has images: a model of volumes is another net's."""
    net = NET.replace(CONV, CONV + layer("pool", "Pooling", "pooling_param { kernel_size: 2 }"))
    result = ds.check(net_of(net), written(tmp_path, "V2", weights(3)))
    assert {each.layer for each in result.findings if each.id == "DS011"} == {"conv", "up"}


def test_a_model_that_contradicts_itself_tells_nothing(tmp_path: Path) -> None:
    mixed = weights(3) | {"up": weights(2)["up"]}
    result = ds.check(net_of(NET), written(tmp_path, "V2", mixed))
    assert [each.id for each in result.findings if each.id != "DS003"] == []
    assert len(result.notes) == 1


def test_an_inner_product_of_the_name_tells_nothing(tmp_path: Path) -> None:
    """It is to become a Convolution, by transplant."""
    net = HDF5 + conv("fc", "num_output: 5 kernel_size: 3")
    net += up(param="num_output: 5 group: 5 kernel_size: 4", bottom="fc")
    model = written(tmp_path, "V2", {"fc": [noise(5, 27), noise(5)]})
    (row,) = ds.inspect(net_of(net), model).layers
    assert row.target is not None
    assert row.target.axes_open


# ── a net alone ──────────────────────────────────────────────────────────────────────────

TELLING = {
    "an input": (data_layer(1, 3, 4, 5, 6) + CONV, 3),
    "a pooling behind": (HDF5 + CONV + layer("p", "Pooling", "pooling_param { kernel_size: 2 }",
                                             bottom="conv"), 2),
    "a pooling ahead": (HDF5 + layer("data2", "Pooling", "pooling_param { kernel_size: 2 }")
                        + CONV.replace('"data"', '"data2"'), 2),
    "LRN beside": (HDF5 + CONV + layer("n", "LRN"), 2),
    "kernel_h": (HDF5 + CONV.replace("kernel_size: 3", "kernel_h: 3 kernel_w: 3"), 2),
    "a stride for each": (HDF5 + CONV.replace("stride: 2", "stride: 2 stride: 1 stride: 2"), 3),
    "the other bottom of an Eltwise": (data_layer(1, 3, 4, 5, 6, name="other") + HDF5
        + layer("e", "Eltwise", bottom=("data", "other")) + CONV, 3),
    "a Crop's reference": (HDF5 + CONV + data_layer(1, 3, 9, 9, 9, name="r")
        + layer("c", "Crop", bottom=("conv", "r")), 3),
    "a filler": (HDF5 + CONV.replace("pad", 'weight_filler { type: "bilinear" } pad'), 2),
    "MVN ahead": (HDF5 + layer("m", "MVN") + CONV.replace('"data"', '"m"'), 2),
    "a fork's layer between": (data_layer(1, 3, 4, 5, 6) + layer("f", "Fork3D")
        + CONV.replace('"data"', '"f"'), 3),
    "forks' layers between": (data_layer(1, 3, 4, 5, 6) + layer("a", "Fork3D")
        + layer("b", "Upsample", bottom="a") + layer("f", "Fork", bottom="b")
        + CONV.replace('"data"', '"f"'), 3),
    "a fork's layer behind": (HDF5 + CONV + layer("i", "Interp", bottom="conv"), 2),
    "a fork's layer behind an unknown one": (HDF5 + layer("f", "Fork")
        + layer("i", "Interp", bottom="f") + CONV.replace('"data"', '"i"'), 2),
    "Python between": (data_layer(1, 3, 4, 5) + layer("f", "Python")
        + CONV.replace('"data"', '"f"'), 2),
    "a layer that Caffe refuses between": (data_layer(1, 3, 4, 5, 6) + layer("f", "Pooling")
        + CONV.replace('"data"', '"f"'), 3),
}  # fmt: skip


@pytest.mark.parametrize("case", TELLING)
def test_the_rest_of_the_net_tells_it(case: str) -> None:
    text, axes = TELLING[case]
    (row,) = ds.inspect(net_of(text + up(param=UP, bottom="conv", more=FROZEN))).layers
    assert row.target is not None
    assert (row.target.shape, row.target.problem) == ((3, 1, *(4,) * axes), None)


def test_where_nothing_tells_it_nothing_is_decided(words: Words) -> None:
    """A kernel that is wrong in every number of axes is not known to be one of two."""
    for wrong in ("kernel_size: 4 stride: 4", "kernel_size: 16 stride: 8 pad: 3"):
        param = UP.replace("kernel_size: 4 stride: 2 pad: 1", wrong)
        result = ds.check(net_of(HDF5 + CONV + up(param=param, bottom="conv", more=FROZEN)))
        assert result.findings == ()
        assert [names(each) for each in result.notes] == [["up"]]
    words(result.notes, "one")
    two = NET + up("up2", UP, bottom="up", more=FROZEN)
    (note,) = ds.inspect(net_of(two)).notes
    assert names(note) == ["up", "up2"]
    words(note, "two")
    (row,) = ds.inspect(net_of(NET)).layers
    assert row.target is not None
    assert (row.target.channels, row.target.shape, row.target.kernel) == (3, None, ())


def test_what_does_not_depend_on_it_is_found_all_the_same() -> None:
    net = NET.replace("bias_term: false", 'weight_filler { type: "bilinear" }').replace(
        "group: 3", ""
    )
    open_one = net.replace('weight_filler { type: "bilinear" }', "").replace(FROZEN, "")
    assert [each.id for each in ds.check(net_of(open_one)).findings] == ["DS009", "DS010"]
    assert "DS008" in [each.id for each in ds.check(net_of(net)).findings]


def test_apply_refuses_where_nothing_tells_it(tmp_path: Path, words: Words) -> None:
    model = tmp_path / "model"
    model.write_bytes(model_bytes({"other": [noise(3)]}))
    with pytest.raises(ds.ShapeError) as caught:
        ds.apply(net_of(NET), model, tmp_path / "out")
    assert names(caught.value.message) == ["up", "conv"]
    assert not (tmp_path / "out").exists()
    words(caught.value)
    said = net_of(NET.replace("kernel_size: 4", "kernel_size: 4 kernel_size: 4"))
    (made,) = ds.apply(said, model, tmp_path / "out").plan.changes
    assert made.target.shape == (3, 1, 4, 4)


def test_patch_net_refuses_what_the_filler_could_not_fill(tmp_path: Path, words: Words) -> None:
    (tmp_path / "net").write_text(NET)
    code, out, _ = run_here(tmp_path, "patch-net", "--json", "net", "out")
    error = parsed_json(out)["error"]
    assert (code, error["layer"]) == (3, "up")
    assert not (tmp_path / "out").exists()
    words(error["message"])
    # What has nothing to do with it is done.
    code, *_ = run_here(tmp_path, "patch-net", "--no-group", "--filler", "keep", "--freeze",
                        "--force", "net", "out")  # fmt: skip
    assert code == 0
    # As is the hint.
    said = NET.replace("kernel_size: 4", "kernel_size: 4 kernel_size: 4")
    (tmp_path / "net").write_text(said)
    code, *_ = run_here(tmp_path, "patch-net", "--force", "net", "out")
    assert code == 0


@at_hand
def test_a_real_caffes_filler_could_not() -> None:
    filler = NET.replace("pad: 1 }", 'pad: 1 weight_filler { type: "bilinear" } }')
    volumes = filler.replace(HDF5, data_layer(1, 3, 4, 5, 6)).replace(
        "bias_term: false", 'bias_term: false weight_filler { type: "bilinear" }', 1
    )
    assert real_caffe(volumes).stops


def test_volumes_are_not_patched(tmp_path: Path) -> None:
    net = NET.replace(HDF5, data_layer(1, 3, 4, 5, 6))
    with pytest.raises(ds.ShapeError):
        ds.patch_net(_file(tmp_path, net), tmp_path / "out")


def _file(folder: Path, text: str) -> Path:
    path = folder / "net"
    path.write_text(text)
    return path


@pytest.mark.parametrize("offset", [0, 1])
def test_a_crop_of_volumes_is_followed(offset: int) -> None:
    """Output 2 n + 2 of n: an offset of 1 on each of three axes puts it right."""
    param = UP.replace("pad: 1", "")
    net = data_layer(1, 3, 8, 8, 8) + layer("p", "Convolution", bottom="data",
        param="convolution_param { num_output: 3 kernel_size: 2 stride: 2 }")  # fmt: skip
    net += up(param=param, bottom="p", more=FROZEN)
    net += layer("c", "Crop", f"crop_param {{ axis: 2 offset: {offset} }}", bottom=("up", "data"))
    found = [each.id for each in ds.check(net_of(net)).findings]
    assert found == ([] if offset else ["DS007"])


@pytest.mark.parametrize(
    ("data", "param", "blob", "fits"),
    [
        # no spatial axis: no kernel is needed, nothing can be filled
        (data_layer(2, 3), "num_output: 3 group: 3", (3, 1), False),
        (data_layer(2, 3, 4, 4), "num_output: 4 group: 4 axis: -1", (4, 1), False),
        (data_layer(2, 3, 4, 4), "num_output: 4 group: 4 axis: 3 kernel_size: 4", (4, 1), False),
        # rows are channels: one spatial axis is left
        (data_layer(2, 3, 4, 5), "num_output: 4 group: 4 axis: 2 kernel_size: 4 stride: 2 pad: 1",
         (4, 1, 4), True),
        (data_layer(2, 3, 4, 5), "num_output: 4 group: 4 axis: -2 kernel_size: 4 stride: 2 pad: 1",
         (4, 1, 4), True),
        # a dilation of 0 puts all taps in one place
        (data_layer(2, 3, 4, 5), "num_output: 3 group: 3 kernel_size: 4 stride: 2 dilation: 0",
         (3, 1, 4, 4), False),
    ],
)  # fmt: skip
def test_odd_deconvolutions_are_set_up_as_caffe_does(
    data: str, param: str, blob: tuple[int, ...], fits: bool, tmp_path: Path, words: Words
) -> None:
    net = data + up(param=f"{param} bias_term: false", more=FROZEN)
    (row,) = ds.inspect(net_of(net)).layers
    assert row.target is not None
    assert (row.target.shape, row.target.problem) == (blob, None)
    model = tmp_path / "model"
    model.write_bytes(model_bytes({"other": [noise(3)]}))
    if fits:
        ds.apply(net_of(net), model, tmp_path / "out")
    else:
        with pytest.raises(ds.ShapeError) as caught:
            ds.apply(net_of(net), model, tmp_path / "out")
        words(caught.value, f"apply, {param}")
        with pytest.raises(ds.ShapeError) as caught:
            ds.patch_net(_file(tmp_path, net), tmp_path / "patched")
        words(caught.value, f"patch-net, {param}")
    if PROGRAM.is_file():
        answer = real_caffe(net, (tmp_path / "out") if fits else None)
        assert (answer.stops, answer.shapes_of("up")) == (False, (blob,))


# ── a transposed InnerProduct ────────────────────────────────────────────────────────────


def inner(more: str = "", outputs: int = 4) -> str:
    return layer("fc", "InnerProduct", f"inner_product_param {{ num_output: {outputs} {more} }}")


def inner_model(shape: Sequence[int], more: str, *, v1: bool = False) -> bytes:
    message: Any = NetParameter()
    field = "layers" if v1 else "layer"
    kind = "INNER_PRODUCT" if v1 else '"InnerProduct"'
    text_format.Parse(
        f'{field} {{ name: "fc" type: {kind} inner_product_param {{ num_output: 4 {more} }} }}',
        message,
    )
    for dims in (shape, (4,)):
        blob = (message.layers if v1 else message.layer)[0].blobs.add()
        blob.shape.dim.extend(dims)
        blob.data.extend(np.arange(np.prod(dims), dtype=np.float32).tolist())
    return bytes(message.SerializeToString())


TURNED = "transpose: true"


@pytest.mark.parametrize("v1", [False, True])
@pytest.mark.parametrize(("inputs", "old"), [(4, TURNED), (4, ""), (3, TURNED), (3, "")])
def test_transplant_does_not_turn_an_inner_product(
    inputs: int, old: str, v1: bool, tmp_path: Path, words: Words
) -> None:
    """A square one would fit by its shape and compute something else."""
    model = tmp_path / "model"
    model.write_bytes(inner_model((inputs, 4) if old else (4, inputs), old, v1=v1))
    net = data_layer(1, inputs)
    same = ds.transplant(net_of(net + inner(old)), model, tmp_path / "same")
    assert [each.action for each in same.layers if each.layer.name == "fc"] == ["copied"]
    with pytest.raises(ds.MismatchError) as caught:
        ds.transplant(net_of(net + inner("" if old else TURNED)), model, tmp_path / "out")
    assert caught.value.layer == "fc"
    words(caught.value)


def test_a_transposed_one_becomes_no_convolution(tmp_path: Path, words: Words) -> None:
    model = tmp_path / "model"
    model.write_bytes(inner_model((12, 4), TURNED))
    net = data_layer(1, 3, 2, 2) + conv("fc", "num_output: 4 kernel_size: 2")
    with pytest.raises(ds.MismatchError) as caught:
        ds.transplant(net_of(net), model, tmp_path / "out")
    words(caught.value)
    straight = tmp_path / "straight"
    straight.write_bytes(inner_model((4, 12), ""))
    done = ds.transplant(net_of(net), straight, tmp_path / "out")
    assert [each.action for each in done.layers if each.layer.name == "fc"] == ["coerced"]
