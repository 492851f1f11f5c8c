"""Nets and models as forks of Caffe write them: read as what they are, by every verb."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import model_bytes, noise, parsed
from helpers.nets import data_layer, layer, up
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here

if TYPE_CHECKING:
    from helpers.words import Words

# --- BVLC's opencl branch: pooling with a value for each axis


def pooling(param: str) -> str:
    return layer("pool", "Pooling", f"pooling_param {{ {param} }}")


REPEATED = {
    "kernel and stride": "pool: MAX kernel_size: 2 kernel_size: 2 stride: 2 stride: 2",
    "a list": "kernel_size: [2, 2] stride: 2",
    "a list of one": "kernel_size: [2] stride: 2",
    "pad": "kernel_size: 4 stride: 2 pad: 1 pad: 1",
}
V1 = (
    'input: "data" input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16\n'
    'layers { name: "pool" type: POOLING bottom: "data" top: "pool"\n'
    "  pooling_param { kernel_size: 2 stride: 2\n kernel_size: 2 stride: 2 } }\n"
    'layers { name: "up" type: DECONVOLUTION bottom: "pool" top: "up" blobs_lr: 0\n'
    "  convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 "
    "bias_term: false } }\n"
)


def pooled_net(param: str) -> str:
    frozen = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"
    return (
        data_layer(1, 3, 16, 16)
        + pooling(param)
        + up(param=frozen, bottom="pool", more="param { lr_mult: 0 }")
    )


@pytest.mark.parametrize("param", REPEATED.values(), ids=REPEATED)
def test_pooling_with_a_value_for_each_axis_is_read(
    tmp_path: Path, param: str, words: Words
) -> None:
    (tmp_path / "n").write_text(pooled_net(param))
    code, out, _ = run_here(tmp_path, "inspect", "--all", "--json", "n")
    found = parsed_json(out)
    assert (code, found["layers"][2]["net_blobs"]) == (0, [[3, 1, 4, 4]])
    assert [each["problem"] for each in found["layers"]] == [None] * 3
    (note,) = found["notes"]
    assert "line 2" in note
    words(note, "note")
    code, out, _ = run_here(tmp_path, "check", "--json", "n")
    (pair,) = parsed_json(out)["pairs"]
    assert (code, pair["findings"], pair["notes"]) == (0, 0, [note])


def test_and_in_a_net_of_v1() -> None:
    net = ds.parse_net(V1.encode())
    (note,) = net.notes
    assert "line 4" in note
    assert net.layers[1].message.message("pooling_param").integers("kernel_size") == (2, 2)


def test_what_caffe_reads_has_no_note() -> None:
    assert ds.parse_net(pooled_net("kernel_size: 2 stride: 2").encode()).notes == ()
    apart = pooled_net("kernel_size: 2") + layer("two", "Pooling", "pooling_param { stride: 2 }")
    assert ds.parse_net(apart.encode()).notes == ()


@pytest.mark.parametrize(
    "param",
    ["kernel_size: 2 kernel_size: -2", 'pad: "a" pad: 1', "kernel_h: 2 kernel_h: 2", "stride: [2,"],
)
def test_what_no_caffe_reads_is_refused_as_ever(param: str, words: Words) -> None:
    with pytest.raises(ds.PrototxtError) as error:
        ds.parse_net(pooled_net(param).encode())
    assert error.value.line == 2
    words(error.value)


def test_such_a_net_is_worked_on(tmp_path: Path) -> None:
    net = pooled_net(REPEATED["kernel and stride"])
    (tmp_path / "n").write_text(net)
    (tmp_path / "m").write_bytes(model_bytes({}))
    assert run_here(tmp_path, "apply", "n", "m", "o")[0] == 0
    made = parsed((tmp_path / "o").read_bytes()).layer[0]
    assert (made.name, tuple(made.blobs[0].shape.dim)) == ("up", (3, 1, 4, 4))
    assert run_here(tmp_path, "patch-net", "n", "p")[0] == 0
    patched = (tmp_path / "p").read_text().splitlines()
    assert patched[:2] == net.splitlines()[:2]
    # Caffe's own message has one kernel_size: none is better than the last of several.
    assert run_here(tmp_path, "transplant", "--apply", "n", "m", "t")[0] == 0
    (pool,) = (each for each in parsed((tmp_path / "t").read_bytes()).layer if each.name == "pool")
    assert not pool.pooling_param.HasField("kernel_size")
    assert not pool.pooling_param.HasField("stride")


@at_hand
@pytest.mark.parametrize("param", REPEATED.values(), ids=REPEATED)
def test_a_real_caffe_stops_where_the_note_says_so(param: str) -> None:
    assert real_caffe(pooled_net(param)).stops
    answer = real_caffe(pooled_net("kernel_size: 2 stride: 2"))
    assert (answer.stops, answer.tops["pool"]) == (False, (1, 3, 8, 8))


# --- layers of forks whose fields are their own

UP = "num_output: 4 group: 4 kernel_size: 4 stride: 2 pad: 1 bias_term: false"


def volume_net(kind: str, param: str) -> str:
    return (
        data_layer(1, 3, 16, 16, 16)
        + layer("conv1a", kind, f"convolution_param {{ num_output: 4 {param} }}")
        + up(param=UP, bottom="conv1a", more="param { lr_mult: 0 }")
    )


SHAPES = (
    "kernel_shape { dim: 3 dim: 3 dim: 3 } stride_shape { dim: 2 dim: 2 dim: 2 } "
    "pad_shape { dim: 1 dim: 1 dim: 1 }"
)
OWN_FIELDS = {
    "NdConvolution": SHAPES,
    "DepthwiseNdConvolution": SHAPES,
    "CONVOLUTION3D": "kernel_size: 3 kernel_depth: 3 pad: 1 temporal_pad: 1 temporal_stride: 1",
    "DECONVOLUTION3D": "kernel_size: 3 kernel_depth: 3 filter_group: 1",
    "SomebodysConvolution": "kernal_size: 3 kernel_t: 3",
}


@pytest.mark.parametrize("kind", OWN_FIELDS)
def test_the_fields_of_a_forks_layer_are_no_misspelling(tmp_path: Path, kind: str) -> None:
    (tmp_path / "n").write_text(volume_net(kind, OWN_FIELDS[kind]))
    code, out, _ = run_here(tmp_path, "check", "--json", "n")
    assert (code, parsed_json(out)["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("kind", "field", "nearest"),
    [
        ("Convolution", "kernel_shape { dim: 3 }", "kernel_h"),
        ("Deconvolution", "kernel_depth: 3", "kernel_h"),
        ("NdConvolution", f"{SHAPES} kernel_depth: 3", "kernel_h"),
        ("NdConvolution", f"{SHAPES} bias_terms: false", "bias_term"),
        ("CONVOLUTION3D", "kernel_size: 3 kernel_depth: 3 strid: 1", "stride"),
    ],
)
def test_in_another_layer_they_are(kind: str, field: str, nearest: str | None) -> None:
    net = ds.parse_net(volume_net(kind, field).encode())
    (unknown,) = net.layers[1].misspelt
    assert (unknown.name in field, unknown.line, unknown.nearest) == (True, 2, nearest)


def test_and_in_a_net_of_v1_too() -> None:
    text = (
        'layers { name: "c" type: CONVOLUTION3D convolution_param { kernel_depth: 3 strid: 1 } }\n'
        'layers { name: "d" type: CONVOLUTION convolution_param { kernel_depth: 3 } }\n'
    )
    found = [[each.name for each in layer.misspelt] for layer in ds.parse_net(text.encode()).layers]
    assert found == [["strid"], ["kernel_depth"]]


def test_a_deconvolution_behind_such_a_layer_has_its_axes(tmp_path: Path) -> None:
    (tmp_path / "n").write_text(volume_net("NdConvolution", SHAPES))
    (tmp_path / "m").write_bytes(model_bytes({"conv1a": [noise(4, 3, 3, 3, 3), noise(4)]}))
    assert run_here(tmp_path, "apply", "n", "m", "o")[0] == 0
    _, made = parsed((tmp_path / "o").read_bytes()).layer
    assert (made.name, tuple(made.blobs[0].shape.dim)) == ("up", (4, 1, 4, 4, 4))
    assert run_here(tmp_path, "check", "n", "o")[0] == 0
    other = model_bytes({"conv1a": [noise(4, 3, 3, 3), noise(4)]})
    (tmp_path / "m").write_bytes(other)
    code, out, _ = run_here(tmp_path, "check", "--json", "--select", "DS011", "n", "m")
    (finding,) = parsed_json(out)["findings"]
    assert (code, finding["layer"], finding["numbers"]["net"]) == (1, "conv1a", [4, 3, 3, 3, 3])
