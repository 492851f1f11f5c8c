"""The nouns of a net: which layers a state has, what a message says, what old nets become."""

from __future__ import annotations

import pytest

import deconvsurgery as ds
from deconvsurgery.prototxt.net import NetStateRule, ParamSpec
from helpers.models import message_class

TRAIN, TEST = ds.Phase.TRAIN, ds.Phase.TEST
RULE = NetStateRule


# Section (f) of the facts: each row was run on Caffe itself.
@pytest.mark.parametrize(
    ("rule", "state", "met"),
    [
        (RULE(), ds.NetState(), True),
        (RULE(phase=TEST), ds.NetState(), True),
        (RULE(phase=TRAIN), ds.NetState(), False),
        (RULE(phase=TRAIN), ds.NetState(TRAIN), True),
        (RULE(min_level=1), ds.NetState(level=0), False),
        (RULE(min_level=1), ds.NetState(level=1), True),
        (RULE(max_level=1), ds.NetState(level=2), False),
        (RULE(max_level=1), ds.NetState(level=1), True),
        (RULE(min_level=0), ds.NetState(level=-1), False),
        (RULE(min_level=-2, max_level=-1), ds.NetState(level=-1), True),
        (RULE(stage=("a",)), ds.NetState(), False),
        (RULE(stage=("a",)), ds.NetState(stage=("b", "a")), True),
        (RULE(stage=("a", "b")), ds.NetState(stage=("a",)), False),  # two stages in one rule: AND
        (RULE(stage=("a", "b")), ds.NetState(stage=("b", "a", "c")), True),
        (RULE(not_stage=("a",)), ds.NetState(stage=("b",)), True),
        (RULE(not_stage=("a", "b")), ds.NetState(stage=("b",)), False),
        (RULE(stage=("a",), not_stage=("b",)), ds.NetState(stage=("a", "b")), False),
        (RULE(phase=TEST, min_level=3), ds.NetState(TEST, 2), False),
    ],
)
def test_rules(rule: NetStateRule, state: ds.NetState, met: bool) -> None:
    assert rule.met(state) is met


@pytest.mark.parametrize(
    ("include", "exclude", "kept_in_train", "kept_in_test"),
    [
        ((), (), True, True),
        ((RULE(phase=TRAIN),), (), True, False),
        ((RULE(phase=TRAIN), RULE(phase=TEST)), (), True, True),  # two include rules: OR
        ((RULE(phase=TRAIN), RULE(stage=("s",))), (), True, False),
        ((RULE(),), (), True, True),
        ((), (RULE(phase=TRAIN),), False, True),
        ((), (RULE(phase=TRAIN), RULE(phase=TEST)), False, False),
        ((), (RULE(),), False, False),
    ],
)
def test_layers_are_included_by_any_rule_and_excluded_by_any(
    include: tuple[NetStateRule, ...],
    exclude: tuple[NetStateRule, ...],
    kept_in_train: bool,
    kept_in_test: bool,
) -> None:
    layer = ds.Layer(0, "up", "Deconvolution", include=include, exclude=exclude)
    assert layer.active(ds.NetState(TRAIN)) is kept_in_train
    assert layer.active(ds.NetState(TEST)) is kept_in_test


def test_a_filtered_net_keeps_the_places_of_its_layers() -> None:
    layers = (
        ds.Layer(0, "data", "Data", include=(RULE(phase=TRAIN),)),
        ds.Layer(1, "data", "Input", include=(RULE(phase=TEST),)),
        ds.Layer(2, "up", "Deconvolution"),
    )
    net = ds.Net("n", layers)
    assert [layer.index for layer in net.filtered(ds.NetState(TEST)).layers] == [1, 2]
    assert net.filtered(ds.NetState(TRAIN)).state == ds.NetState(TRAIN)
    assert net.layers == layers


def test_states_to_look_at() -> None:
    """Phase and level override what the file says, stages are added to it, as caffe.Net does."""
    net = ds.Net(state=ds.NetState(TRAIN, 3, ("own",)))
    own = ("own",)
    assert net.states() == (ds.NetState(TEST, 3, own), ds.NetState(TRAIN, 3, own))
    assert net.states(TRAIN) == (ds.NetState(TRAIN, 3, own),)
    assert net.states(TEST, 0, ("more",)) == (ds.NetState(TEST, 0, ("own", "more")),)
    assert ds.Net().states() == (ds.NetState(TEST, 0, ()), ds.NetState(TRAIN, 0, ()))


def test_what_a_message_says() -> None:
    inner, other = ds.NetMessage((("a", 1), ("b", "x"))), ds.NetMessage((("a", 2),))
    message = ds.NetMessage(
        (
            ("m", inner),
            ("n", 4),
            ("n", 5),
            ("f", 0.5),
            ("t", True),
            ("s", "one"),
            ("s", "two"),
            ("m", other),
        )
    )
    assert message.message("m").fields == (("a", 1), ("b", "x"), ("a", 2))
    assert message.messages("m") == (inner, other)
    assert message.message("m").integer("a") == 2
    assert (message.integers("n"), message.integer("n")) == ((4, 5), 5)
    assert (message.number("f", 1.0), message.number("n", 1.0)) == (0.5, 5.0)
    assert (message.flag("t", False), message.texts("s"), message.text("s")) == (
        True,
        ("one", "two"),
        "two",
    )
    assert "m" in message
    # A fork's field of one name may be a number here and a message there.
    assert ds.NetMessage((("m", 4), ("m", inner))).message("m") == inner


def test_what_a_message_does_not_say_is_its_default() -> None:
    nothing = ds.NetMessage()
    assert "n" not in nothing
    assert nothing.message("m") == nothing
    assert (nothing.integer("n"), nothing.integer("n", 7)) == (None, 7)
    assert (nothing.number("f", 0.25), nothing.flag("t", True), nothing.text("s", "d")) == (
        0.25,
        True,
        "d",
    )
    assert (nothing.all("x"), nothing.messages("x"), nothing.texts("x")) == ((), (), ())


# --- V1

# Section (b) of the facts: "table extracted mechanically" from UpgradeV1LayerType.
V1_TYPES = (  # noqa: SIM905
    " Accuracy BNLL Concat Convolution Data Dropout EuclideanLoss Flatten HDF5Data HDF5Output "
    "Im2col ImageData InfogainLoss InnerProduct LRN MultinomialLogisticLoss Pooling ReLU Sigmoid "
    "Softmax SoftmaxWithLoss Split TanH WindowData Eltwise Power SigmoidCrossEntropyLoss HingeLoss "
    "MemoryData ArgMax Threshold DummyData Slice MVN AbsVal Silence ContrastiveLoss Exp "
    "Deconvolution"
).split(" ")


def test_v1_types_by_number_and_by_name() -> None:
    names = message_class("V1LayerParameter").LayerType.items()  # type: ignore[attr-defined]
    assert len(names) == len(V1_TYPES) == 40
    for name, number in names:
        for written in (name, number):
            net = ds.parse_net(f"layers {{ type: {written} }}".encode())
            assert (net.version, net.layers[0].type) == ("V1", V1_TYPES[number])


def test_a_v1_layer_without_a_type_has_none() -> None:
    assert ds.parse_net(b'layers { name: "a" }').layers[0].type == ""


def test_v1_params_become_specs_as_long_as_the_longest_list() -> None:
    text = b"""layers { name: "up" type: DECONVOLUTION bottom: "a" top: "b"
      blobs_lr: 0 blobs_lr: 2 weight_decay: 0.5 param: "w" param: "b" param: "c"
      include { phase: TRAIN } convolution_param { num_output: 5 kernel_size: 4 stride: 2 } }"""
    (layer,) = ds.parse_net(text).layers
    assert layer.param == (ParamSpec("w", 0, 0.5), ParamSpec("b", 2, 1), ParamSpec("c", 1, 1))
    assert (layer.name, layer.bottom, layer.top) == ("up", ("a",), ("b",))
    assert layer.include == (NetStateRule(TRAIN),)
    assert layer.convolution_param.kernel_size == (4,)


def test_v1_data_layers_move_what_transforms_the_image() -> None:
    text = b"layers { type: DATA data_param { crop_size: 7 mirror: true batch_size: 2 } }"
    param = ds.parse_net(text).layers[0].message.message("transform_param")
    assert param.fields == (("crop_size", 7), ("mirror", True))


def test_what_moves_leaves_its_old_place_and_overwrites_the_new() -> None:
    text = b"""layers { type: IMAGE_DATA
      transform_param { scale: 3 mean_value: 104 }
      image_data_param { scale: 2 batch_size: 5 mean_file: "m" }
      data_param { scale: 9 } }"""
    message = ds.parse_net(text).layers[0].message
    assert message.message("image_data_param").fields == (("batch_size", 5),)
    assert message.message("data_param").fields == (("scale", 9),)  # another type's: stays
    transform = message.message("transform_param")
    assert (transform.number("scale", 1), transform.text("mean_file")) == (2, "m")
    assert transform.number("mean_value", 0) == 104


def test_layers_that_bring_no_data_move_nothing() -> None:
    message = ds.parse_net(b"layers { type: RELU data_param { scale: 2 } }").layers[0].message
    assert message.message("data_param").fields == (("scale", 2),)
    assert "transform_param" not in message


def test_v1_share_modes_become_the_specs() -> None:
    text = b"""layers { type: CONVOLUTION blobs_lr: 1
      blob_share_mode: PERMISSIVE blob_share_mode: STRICT param: "w" }"""
    message = ds.parse_net(text).layers[0].message
    assert "blob_share_mode" not in message
    assert [spec.fields for spec in message.messages("param")] == [
        (("name", "w"), ("share_mode", "PERMISSIVE"), ("lr_mult", 1.0)),
        (("share_mode", "STRICT"),),
    ]


# --- V0

V0 = b"""
layers { layer { name: "pad1" type: "padding" pad: 3 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 96 kernelsize: 11 stride: 4 group: 2
                 biasterm: false weight_filler { type: "gaussian" } blobs_lr: 1. blobs_lr: 2.
                 weight_decay: 0. } bottom: "pad1" top: "conv1" }
layers { layer { name: "ip" type: "innerproduct" num_output: 10 pad: 9 } bottom: "conv1" top: "ip" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "ip" bottom: "label" }
layers { layer { name: "d" type: "data" source: "db" batchsize: 5 cropsize: 7 scale: 2 } top: "x" }
"""


def test_v0_layers_in_todays_terms_with_their_lines() -> None:
    net = ds.parse_net(V0)
    assert net.version == "V0"
    assert [(layer.name, layer.type, layer.line) for layer in net.layers] == [
        ("conv1", "Convolution", 3),
        ("ip", "InnerProduct", 6),
        ("loss", "SoftmaxWithLoss", 7),
        ("d", "Data", 8),
    ]
    conv, ip, loss, data = net.layers
    assert loss.bottom == ("ip", "label")
    assert conv.param == (ParamSpec("", 1, 0), ParamSpec("", 2, 1))
    param = conv.convolution_param
    assert (param.num_output, param.bias_term, param.group) == (96, False, 2)
    assert (param.kernel_size, param.stride) == ((11,), (4,))
    assert ip.message.message("inner_product_param").fields == (("num_output", 10),)
    assert data.message.message("data_param").fields == (("source", "db"), ("batch_size", 5))
    assert data.message.message("transform_param").fields == (("crop_size", 7), ("scale", 2.0))


def test_a_v0_padding_layer_vanishes_into_the_layer_that_reads_it() -> None:
    conv = ds.parse_net(V0).layers[0]
    assert conv.convolution_param.pad == (3,)
    assert conv.bottom == ("data",)


def test_v0_padding_replaces_a_pad_and_ends_with_the_next_writer() -> None:
    text = b"""
    layers { layer { name: "pad" type: "padding" pad: 3 } bottom: "x" top: "x" }
    layers { layer { name: "c" type: "conv" pad: 1 num_output: 2 } bottom: "x" top: "x" }
    layers { layer { name: "d" type: "conv" pad: 1 } bottom: "x" top: "y" }
    """
    conv, after = ds.parse_net(text).layers
    assert conv.convolution_param.pad == (3,)
    assert after.convolution_param.pad == (1,)


# Section (b) of the facts, a line for each message that is not in the net above.
@pytest.mark.parametrize(
    ("kind", "written", "message", "fields"),
    [
        ("images", "rand_skip: 4", "image_data_param", (("rand_skip", 4),)),
        ("images", "shuffle_images: true", "image_data_param", (("shuffle", True),)),
        (
            "images",
            "new_height: 5 new_width: 6",
            "image_data_param",
            (("new_height", 5), ("new_width", 6)),
        ),
        ("data", "rand_skip: 4", "data_param", (("rand_skip", 4),)),
        ("hdf5_data", "batchsize: 2", "hdf5_data_param", (("batch_size", 2),)),
        (
            "window_data",
            "det_fg_threshold: 0.25 det_bg_threshold: 0.5 det_fg_fraction: 0.75 "
            'det_context_pad: 16 det_crop_mode: "square"',
            "window_data_param",
            (
                ("fg_threshold", 0.25),
                ("bg_threshold", 0.5),
                ("fg_fraction", 0.75),
                ("context_pad", 16),
                ("crop_mode", "square"),
            ),
        ),
        (
            "hdf5_output",
            'hdf5_output_param { file_name: "f" }',
            "hdf5_output_param",
            (("file_name", "f"),),
        ),
        ("pool", "pool: AVE kernelsize: 2", "pooling_param", (("pool", "AVE"), ("kernel_size", 2))),
        ("concat", "concat_dim: 2", "concat_param", (("concat_dim", 2),)),
        ("infogain_loss", 'source: "h"', "infogain_loss_param", (("source", "h"),)),
        ("relu", "mirror: true", "transform_param", (("mirror", True),)),
    ],
)
def test_v0_fields_have_their_place_today(
    kind: str, written: str, message: str, fields: tuple[tuple[str, object], ...]
) -> None:
    # What another type has goes nowhere.
    text = f'layers {{ layer {{ type: "{kind}" {written} k: 3 new_num: 1 }} }}'
    found = ds.parse_net(text.encode()).layers[0].message
    assert found.message(message).fields == fields
    assert {name for name, _ in found.fields} == {"type", message}


# --- input:

DIMS = "input_dim: 1 input_dim: 3 input_dim: 5 input_dim: 7 "


@pytest.mark.parametrize(
    ("text", "tops", "shapes", "notes"),
    [
        (f'input: "a" {DIMS}', ("a",), [(1, 3, 5, 7)], 0),
        (f'input: "a" input: "b" {DIMS}{DIMS}', ("a", "b"), [(1, 3, 5, 7)] * 2, 0),
        ('input: "a" input_shape { dim: 2 dim: 4 }', ("a",), [(2, 4)], 0),
        (f'input: "a" {DIMS} input_shape {{ dim: 2 }}', ("a",), [(2,)], 0),
        ('input: "a"', ("a",), [], 1),
        (f'input: "a" input: "b" {DIMS}', ("a", "b"), [(1, 3, 5, 7)], 1),
        ('input: "a" input_dim: 1', ("a",), [], 1),
    ],
)
def test_input_becomes_the_input_layer_that_caffe_makes_of_it(
    text: str, tops: tuple[str, ...], shapes: list[tuple[int, ...]], notes: int
) -> None:
    net = ds.parse_net(f'{text}\nlayer {{ name: "c" bottom: "a" }}'.encode())
    first, second = net.layers
    assert (first.name, first.type, first.top, first.line) == ("input", "Input", tops, 0)
    param = first.message.message("input_param")
    assert [shape.integers("dim") for shape in param.messages("shape")] == shapes
    assert (second.name, second.index, second.line) == ("c", 1, 2)
    assert len(net.notes) == notes
