"""Fields and values at which Caffe's parser stops, at any depth of a layer; forks keep theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffe_fields import message_class
from helpers.models import model_bytes
from helpers.nets import TRAIN, conv, data_layer, layer, up
from helpers.places import SHARED
from helpers.real_caffe import at_hand, real_caffe
from helpers.words import Words, names


def v1(body: str) -> str:
    """A layer of old."""
    return f'layers {{ name: "l" bottom: "data" top: "t" {body} }}\n'


def v0(inner: str) -> str:
    """A layer of the oldest form."""
    return f'layers {{ layer {{ name: "l" {inner} }} bottom: "data" top: "t" }}\n'


def pool(param: str) -> str:
    return layer("l", "Pooling", f"pooling_param {{ {param} }}")


def filler(fields: str, field: str = "weight_filler") -> str:
    return conv("l", f"num_output: 2 kernel_size: 3 {field} {{ {fields} }}")


def having(more: str) -> str:
    return conv("l", more=more)


# The layer's text; where the misspelling stands, the field, its value, what was meant.
MISSPELT = {
    "filler": (filler('tpye: "xavier"'), "weight_filler", "tpye", None, "type"),
    "filler, far": (filler("colour: 1"), "weight_filler", "colour", None, None),
    "filler, capitals": (filler("Value: 1"), "weight_filler", "Value", None, "value"),
    "bias filler": (filler("vlaue: 1", "bias_filler"), "bias_filler", "vlaue", None, "value"),
    "convolution": (conv("l", "num_outptu: 2"), "convolution_param", "num_outptu", None,
                    "num_output"),
    "pooling": (pool("kernal_size: 2"), "pooling_param", "kernal_size", None, "kernel_size"),
    "pooling, one axis": (pool("kernal_h: 2"), "pooling_param", "kernal_h", None, "kernel_h"),
    "scale's filler": (layer("l", "Scale", "scale_param { filler { valeu: 1 } }"), "filler",
                       "valeu", None, "value"),
    "inner product": (layer("l", "InnerProduct", "inner_product_param { num_outputs: 2 }"),
                      "inner_product_param", "num_outputs", None, "num_output"),
    "param": (having("param { lr_mul: 0 }"), "param", "lr_mul", None, "lr_mult"),
    "param, far": (having("param { rate: 0 }"), "param", "rate", None, None),
    "include": (having("include { phas: TEST }"), "include", "phas", None, "phase"),
    "exclude": (having('exclude { stages: "s" }'), "exclude", "stages", None, "stage"),
    "shape": (layer("l", "Input", "input_param { shape { dims: 3 } }", bottom=""), "shape",
              "dims", None, "dim"),
    "layer": (having('botom: "x"'), "", "botom", None, "bottom"),
    "message": (layer("l", "Convolution", "convolution_parm { num_output: 2 }"), "",
                "convolution_parm", None, "convolution_param"),
    "message of a Deconvolution": (layer("l", "Deconvolution", "convoluton_param { group: 2 }"),
                                   "", "convoluton_param", None, "convolution_param"),
    "transform": (layer("l", "Data", "transform_parm { scale: 2 }", bottom=""), "",
                  "transform_parm", None, "transform_param"),
    "V1's rate": (having("blobs_lr: 1"), "", "blobs_lr", None, "param"),
    "pool": (pool("pool: max kernel_size: 2"), "pooling_param", "pool", "max", "MAX"),
    "engine": (conv("l", "num_output: 2 kernel_size: 3 engine: caffe"), "convolution_param",
               "engine", "caffe", "CAFFE"),
    "engine, a letter": (conv("l", "num_output: 2 kernel_size: 3 engine: CAFE"),
                         "convolution_param", "engine", "CAFE", "CAFFE"),
    "operation": (layer("l", "Eltwise", "eltwise_param { operation: Sum }",
                        bottom=["data", "data"]), "eltwise_param", "operation", "Sum", "SUM"),
    "variance": (filler('type: "msra" variance_norm: fan_in'), "weight_filler", "variance_norm",
                 "fan_in", "FAN_IN"),
    "V1": (v1("type: POOLING pooling_param { strid: 2 }"), "pooling_param", "strid", None,
           "stride"),
    "V1, a message of today": (v1("type: POOLING flatten_param { axis: 1 }"), "", "flatten_param",
                               None, None),
    "a rate, one deeper": (having("lr_mult: 0"), "", "lr_mult", None, "param"),
    "outputs, one deeper": (having("num_output: 2"), "", "num_output", None, "convolution_param"),
    "pooling, far": (pool("kernel: 2"), "pooling_param", "kernel", None, "kernel_w"),
    "slice, another's": (layer("l", "Slice", "slice_param { operation: SUM }"), "slice_param",
                         "operation", None, None),
    "V1 type": (v1("type: Pooling"), "", "type", "Pooling", "POOLING"),
    "V1 message": (v1("type: POOLING poolin_param { stride: 2 }"), "", "poolin_param", None,
                   "pooling_param"),
    "V1 share": (v1("type: RELU blob_share_mode: strict"), "", "blob_share_mode", "strict",
                 "STRICT"),
    "V0": (v0('type: "conv" num_output: 2 kernelsise: 3'), "layer", "kernelsise", None,
           "kernelsize"),
    "V0 filler": (v0('type: "conv" num_output: 2 kernelsize: 3 weight_filler { tpe: "xavier" }'),
                  "weight_filler", "tpe", None, "type"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSPELT)
def test_a_misspelling_is_found_with_its_place(case: str) -> None:
    text, *expected = MISSPELT[case]
    (found,) = ds.parse_net(text.encode()).layers[0].misspelt
    assert [found.within, found.name, found.value, found.nearest] == expected
    at = text.splitlines()[found.line - 1][found.column - 1 :]
    assert at.startswith(found.value or found.name)


@at_hand
@pytest.mark.parametrize("case", MISSPELT)
def test_caffes_parser_stops_there(case: str) -> None:
    text, _, name, value, _ = MISSPELT[case]
    answer = real_caffe(text)
    assert (answer.stops, answer.at) == (True, "net")
    assert (value or name) in answer.message


FORKS = {
    "a fork's field of a convolution": conv("l", "num_output: 2 hole: 2 pad_l: 1"),
    "another axis": pool("kernel_d: 2 pad_t: 1 stride_3d: 2"),
    "a suffix": layer("l", "Data", "transform_param { crop_size_h: 2 }", bottom=""),
    "far from all": pool("ceil_mode: true"),
    "a message of a fork's layer": layer("l", "BN", "bn_param { slope_filler { valeu: 1 } }"),
    "… that is near one of Caffe's": layer("l", "UnPooling", "unpooling_param { unpool: MAX }"),
    "… of another layer": layer("l", "SeLU", "selu_param { alpha: 1 }"),
    "a fork's filler": filler('type: "diagonal" diag_val: 2'),
    "a fork's value": pool("pool: AVE_TF kernel_size: 2"),
    "a short value": layer("l", "Eltwise", "eltwise_param { operation: SUB }"),
    "a fork's engine": conv("l", "num_output: 2 engine: MKL2017"),
    "a fork's type": v1("type: CROP"),
    "… near one of Caffe's": v1("type: UNPOOLING"),
    "a number for a value": pool("pool: 77 kernel_size: 2"),
    "no type": 'layer { name: "l" poolng_param { stride: 2 } }',
    "a long name": having("bottom" * 20 + ": 1"),
}


@pytest.mark.parametrize("case", FORKS)
def test_what_may_be_a_forks_is_left_alone(case: str) -> None:
    assert ds.parse_net(FORKS[case].encode()).layers[0].misspelt == ()


def test_no_known_fork_is_taken_for_a_misspelling() -> None:
    """Each field that a fork added to a message of Caffe's, wherever a layer has such a message."""
    table = SHARED / "facts" / "caffe-forks.tsv"
    if not table.is_file():
        pytest.skip(f"no table of forks' fields at {table}")
    rows = [line.split("\t") for line in table.read_text("utf-8").splitlines()[1:]]
    layers = message_class("LayerParameter").DESCRIPTOR
    asked = 0
    for message, _, field, *_ in rows:
        for known in layers.fields:
            of_fork = known.message_type is not None and known.message_type.name == message
            body = f"{known.name} {{ {field}: 1 }}" if of_fork else ""
            if message == "LayerParameter":
                body, asked_of = f"{field} {{ x: 1 }}", known.name == "name"
            else:
                asked_of = of_fork and field not in known.message_type.fields_by_name
            if not asked_of or field in layers.fields_by_name:
                continue
            own = message == "LayerParameter"
            kind = field.removesuffix("_param").title().replace("_", "") if own else "Other"
            (found,) = ds.parse_net(f'layer {{ type: "{kind}" {body} }}'.encode()).layers
            assert found.misspelt == (), (message, field)
            asked += 1
    assert asked > 200


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("ReLu", "ReLU"), ("deconvolution", "Deconvolution"), ("Batchnorm", "BatchNorm")],
)
def test_a_type_in_other_letters(kind: str, meant: str) -> None:
    text = data_layer(1, 3, 8, 8) + layer("l", kind)
    (found,) = ds.parse_net(text.encode()).layers[1].misspelt
    assert (found.name, found.value, found.nearest, found.line) == ("type", kind, meant, 2)
    assert text.splitlines()[1][found.column - 1 :].startswith(kind)
    (finding,) = ds.check(ds.parse_net(text.encode()), allow_empty=True).findings
    assert (finding.id, finding.stops) == ("DS013", True)


@at_hand
def test_caffe_compares_types_by_their_letters() -> None:
    assert real_caffe(data_layer(1, 3, 8, 8) + layer("l", "ReLu")).stops


@pytest.mark.parametrize("kind", ["Relu6", "BN", "Upsample", "interp", "relu6"])
def test_another_type_is_a_forks(kind: str) -> None:
    assert ds.parse_net(layer("l", kind).encode()).layers[0].misspelt == ()


def test_a_hostile_number_of_names_is_not_compared_forever() -> None:
    many = " ".join(f"botom{at}: 1" for at in range(1_000))
    (found,) = ds.parse_net(f"layer {{ {many} botom: 1 }}".encode()).layers
    assert all(each.nearest == "bottom" for each in found.misspelt)


def test_check_tells_of_layers_that_no_state_has(tmp_path: Path) -> None:
    """The parser comes before the phase: TEST's net stops at what stands in TRAIN's layer."""
    net = tmp_path / "net.prototxt"
    net.write_text(data_layer(1, 3, 8, 8) + filler("tpye: 1").replace("bottom", f"{TRAIN} bottom"))
    (found,) = ds.check(net, allow_empty=True, phase="test").findings
    assert (found.id, found.line, found.layer) == ("DS013", 2, "l")
    assert dict(found.numbers) == {"field": "tpye", "nearest": "type"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (filler("tpye: 1"), {"field": "tpye", "nearest": "type"}),
        (having("botom: 'x'"), {"field": "botom", "nearest": "bottom"}),
        (pool("pool: max"), {"field": "pool", "value": "max", "nearest": "MAX"}),
    ],
    ids=["field", "layer", "value"],
)
def test_check_apply_and_patch_net_say_so(
    text: str,
    numbers: dict[str, str],
    tmp_path: Path,
    words: Words,
    request: pytest.FixtureRequest,
) -> None:
    net, model = tmp_path / "net.prototxt", tmp_path / "in.caffemodel"
    net.write_text(data_layer(1, 3, 8, 8) + text + up(more="param { lr_mult: 0 }"))
    model.write_bytes(model_bytes({"other": [np.zeros(1)]}))
    (found,) = ds.check(net, select="DS013").findings
    assert (found.level, found.line, found.layer) == ("error", 2, "l")
    assert dict(found.numbers) == numbers
    assert found.repair is not None
    case = request.node.callspec.id
    words((found.message, found.repair.words), case)
    for verb in (
        lambda: ds.apply(net, model, tmp_path / "out.caffemodel"),
        lambda: ds.patch_net(net, tmp_path / "out.prototxt"),
    ):
        with pytest.raises(ds.PrototxtError) as raised:
            verb()
        assert (raised.value.line, raised.value.layer) == (2, "l")
        assert {*numbers.values()} - {"pool"} <= {*names(raised.value.message)}
        words(raised.value, case)
    assert sorted(tmp_path.iterdir()) == sorted([net, model])
