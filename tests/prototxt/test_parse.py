"""A prototxt's meaning: what Caffe takes, as Caffe takes it; what it refuses, with its place.

Documented leniencies, each tested below: a byte order mark, CR-only line ends, fields and messages
that Caffe does not know, fork layer types, ``0b10``, ``+2``, ``1_000`` and ``"\\q"`` (as Python's
protobuf has them), and no required fields. Refused though C++ takes it: ``00`` as a flag, and a
string whose escapes are no UTF-8.
"""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from google.protobuf import text_format

import deconvsurgery as ds
from helpers.models import NetParameter, message_class
from helpers.places import SHARED
from helpers.words import Words, names, numbers


def parsed(text: str | bytes) -> ds.Net:
    return ds.parse_net(text.encode() if isinstance(text, str) else text)


def refused(text: str | bytes) -> ds.PrototxtError:
    with pytest.raises(ds.PrototxtError) as raised:
        parsed(text)
    assert len(raised.value.message) < 300
    return raised.value


# --- section (g) of the facts, row by row: what Caffe takes

LOSS = "layer {{ loss_weight: {} }}"
DIMS = 'input: "d" input_dim: 1 input_dim: 1 input_dim: 1 input_dim: {}'
FLAG = "layer {{ convolution_param {{ bias_term: {} }} }}"


@pytest.mark.parametrize(
    "text",
    [
        'name: "n"  # comment',
        'name: "n";',
        'name: "n",',
        'name:\t"n"\f\v\r\n',
        "name: 'n'",
        'name: "" \'n\' ""',
        r'name: "\x6e"',
        r'name: "\156"',
        r'name: "\u006e"',
        'name:"n"layer{}',
        'layer {}; layer <>, name: "n"',
        'layer: {} name: "n"',
    ],
)
def test_texts_of_a_net_that_is_called_n(text: str) -> None:
    assert parsed(text).name == "n"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("1.", 1),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("0.5f", 0.5),
        ("1f", 1),
        ("1e-3F", 0.001),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("Infinity", math.inf),
        ("- 2", -2),
        ("-.5e1", -5),
    ],
)
def test_floats(written: str, value: float) -> None:
    (layer,) = parsed(LOSS.format(written)).layers
    assert layer.message.number("loss_weight", 7) == pytest.approx(value)


@pytest.mark.parametrize("written", ["nan", "NaN"])
def test_no_number(written: str) -> None:
    (layer,) = parsed(LOSS.format(written)).layers
    assert math.isnan(layer.message.number("loss_weight", 7))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("16", 16),
        ("0x10", 16),
        ("020", 16),
        ("- 2", -2),
        ("-0x10", -16),
        ("2147483647", 2**31 - 1),
        ("0b10", 2),
        ("+2", 2),
        ("1_000", 1000),
    ],  # Caffe refuses these three
)
def test_integers(written: str, value: int) -> None:
    (layer,) = parsed(DIMS.format(written)).layers
    (shape,) = layer.message.message("input_param").messages("shape")
    assert shape.integers("dim") == (1, 1, 1, value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (word, word in ("true", "True", "t", "1"))
        for word in ["true", "True", "t", "1", "false", "False", "f", "0"]
    ],
)
def test_flags(written: str, value: bool) -> None:
    assert parsed(FLAG.format(written)).layers[0].convolution_param.bias_term is value


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *((written, "AVE") for written in ("AVE", "1", "0x1", "01")),
        *(("DEPTH", "DEPTH"), ("true", True), ("7", 7), ("1.0", 1.0)),  # a fork's own
        ("9" * 5000, "9" * 5000),  # more digits than Python makes a number of
    ],
)
def test_enums_of_forks_and_numbers(written: str, read: object) -> None:
    """A number is what the enum calls it, however it is written; what is neither stays as it is."""
    (layer,) = parsed(f"layer {{ pooling_param {{ pool: {written} }} }}").layers
    assert layer.message.message("pooling_param").all("pool") == (read,)


@pytest.mark.parametrize("written", ["2147483648", "-2147483649", "0x1ffffffff", "- 4294967296"])
@pytest.mark.parametrize(
    ("text", "column"), [("layer {{ phase: {} }}", 16), ("layers {{ type: {} }}", 16)]
)
def test_no_enum_has_more_than_32_bits(text: str, column: int, written: str) -> None:
    """No fork's has; Caffe's parser stops (``Integer out of range``)."""
    error = refused(text.format(written))
    assert (error.line, error.column) == (1, column)


@pytest.mark.parametrize("written", ["2147483647", "-2147483648"])
def test_a_number_that_an_enum_can_have_may_be_a_forks(written: str) -> None:
    (layer,) = parsed(f"layers {{ type: {written} }}").layers
    assert layer.type == f"V1 type {written}"


@pytest.mark.parametrize("written", ["TRAIN", "0"])
def test_enums_by_name_and_number(written: str) -> None:
    assert parsed(f"state {{ phase: {written} }}").state.phase is ds.Phase.TRAIN


def test_lists() -> None:
    text = 'layer: [{ name: "a" }, { name: "b" convolution_param { pad: [1, 2] stride: [] } }]'
    first, second = parsed(text).layers
    assert (first.name, second.name) == ("a", "b")
    assert (second.convolution_param.pad, second.convolution_param.stride) == ((1, 2), ())
    assert [layer.name for layer in parsed('layer [{ name: "a" }, <>] layer[]').layers] == ["a", ""]


def test_the_empty_net_and_the_layer_without_a_name() -> None:
    assert parsed("") == ds.Net()
    assert [layer.name for layer in parsed("layer {}").layers] == [""]


# --- … and what it refuses

REFUSED = {
    "// c": (1, 1),
    "layer {} /* c */": (1, 10),
    'name: "n";;': (1, 11),
    'name "n"': (1, 6),
    'name: "a\nb"': (1, 7),
    "name: n": (1, 7),
    'name: ["n"]': (1, 7),
    "layer < }": (1, 9),
    "input_dim [1]": (1, 11),
    "input_dim: [1,]": (1, 15),
    'name: "a"\nname: "b"': (2, 7),
    "state {}\nstate {}": (2, 7),
    "layer { convolution_param {} convolution_param {} }": (1, 48),
    "input_dim: 2.0": (1, 12),
    "input_dim: 2e0": (1, 12),
    "input_dim: 4294967296": (1, 12),
    "input_dim: 09": (1, 12),
    "layer {\n convolution_param {\n  pad: -1\n }\n}": (3, 8),
    "layer { convolution_param { num_output: 4294967296 } }": (1, 41),
    "layer { loss_weight: 0x10 }": (1, 22),
    "layer { loss_weight: 010 }": (1, 22),
    "layers { type: LOCAL type: LOCAL }": (1, 22),
    "layers { type: LOCAL\ntype: RELU }": (2, 1),
    "layers { type: RELU\n type: LOCAL }": (2, 2),
    "force_backward: TRUE": (1, 17),
    'force_backward: "false"': (1, 17),
    "state { phase: test }": (1, 16),
    'state { phase: "TEST" }': (1, 16),
    "state { phase: 2 }": (1, 16),
    "[ext.name]: 1": (1, 1),
    "1: 2": (1, 1),
    "layer { convolution_param { pad: 1dim: 2 } }": (1, 38),
    "layer: 5": (1, 8),
    'fork_field: "\\xZZ"': (1, 13),
    "fork_field: 1foo": (1, 13),
}


@pytest.mark.parametrize("text", REFUSED)
def test_syntax_errors_have_line_and_column(text: str) -> None:
    error = refused(text)
    assert (error.line, error.column) == REFUSED[text]


def test_an_error_in_a_net_of_one_line_does_not_quote_the_net() -> None:
    error = refused('layer { name: "a" type: "b" } ' * 2000 + "input_dim: x" + "y" * 1000)
    assert error.line == 1
    assert error.column == 60_012
    assert "xyyy" in error.message
    assert "layer" not in error.message


# --- encodings and line ends

TWO = b'layer {\n  name: "a"\n}\nlayer { name: "b" }\n'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (TWO, None),
        (b"\xef\xbb\xbf" + TWO, []),
        (TWO.replace(b"\n", b"\r\n"), []),
        (TWO.replace(b"\n", b"\r"), []),
        (TWO + b"# caf\xe9", [5]),
    ],
    ids=["LF", "BOM", "CRLF", "CR", "latin-1"],
)
def test_bytes_of_every_origin_are_the_same_net(
    data: bytes, told: list[float] | None, words: Words, request: pytest.FixtureRequest
) -> None:
    """What is odd about them is a note, with the line where it is of one."""
    net = parsed(data)
    places = [(layer.name, layer.line, layer.column) for layer in net.layers]
    assert places == [("a", 1, 1), ("b", 4, 1)]
    assert len(net.notes) == (told is not None)
    for note in net.notes:
        assert numbers(re.sub(r"UTF-8|latin-1", "", note)) == told
        words(note, request.node.callspec.id)


def test_names_are_their_bytes_whatever_else_the_text_holds() -> None:
    """Caffe compares bytes; a latin-1 comment must not make another name of a UTF-8 one."""
    net = parsed('layer { name: "é" }'.encode("latin-1"))
    assert (net.layers[0].name, net.encoding) == ("\udce9", "latin-1")
    net = parsed('layer { name: "é" } # '.encode() + b"\xe9\n")
    assert (net.layers[0].name, net.encoding) == ("é", "latin-1")


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf_16_is_refused(codec: str, words: Words) -> None:
    words(refused('name: "n"'.encode(codec)), codec)


def test_one_line_holds_many_layers() -> None:
    layers = parsed('layer { name: "a" } layer { name: "b" }layer{name:"c"}').layers
    assert [(each.line, each.column) for each in layers] == [(1, 1), (1, 21), (1, 40)]


# --- what no Caffe, or another Caffe, knows

MISSPELT = """layer {
  name: "up" type: "Deconvolution"
  convolution_param {
    num_output: 5 hole: 2
    kernal_size: 4  Stride: 2
    colour: 1
  }
}"""


def test_misspelt_fields_have_their_place_and_the_name_that_was_meant() -> None:
    (layer,) = parsed(MISSPELT).layers
    found = [(each.name, each.line, each.column, each.nearest) for each in layer.misspelt]
    assert found == [
        ("kernal_size", 5, 5, "kernel_size"),
        ("Stride", 5, 21, "stride"),
        ("colour", 6, 5, None),
    ]


def test_what_forks_added_is_carried_along() -> None:
    text = (
        'fork: "x" "y" layer { name: "p" type: "Interp" interp_param { zoom: 8 f: 1.5 t: true '
        "w: WORD o: 010 n: -3 m { deep: [1, 2] } } }"
    )
    (layer,) = parsed(text).layers
    param = layer.message.message("interp_param")
    values = [param.all(name) for name in ("zoom", "f", "t", "w", "o", "n")]
    assert values == [(8,), (1.5,), (True,), ("WORD",), (8,), (-3,)]
    assert param.message("m").integers("deep") == (1, 2)
    assert layer.misspelt == ()


def test_enum_values_of_forks_keep_their_names() -> None:
    text = (
        'layers { name: "c" type: CROP } layers { type: 77 } layers { type: 39 }'
        'layers { name: "f" pooling_param { pool: STOCHASTIC_2 kernel_size: 2 } type: POOLING }'
    )
    layers = parsed(text).layers
    assert [layer.type for layer in layers] == ["Crop", "V1 type 77", "Deconvolution", "Pooling"]
    assert layers[3].message.message("pooling_param").text("pool") == "STOCHASTIC_2"
    assert layers[3].message.message("pooling_param").integer("kernel_size") == 2


def test_required_fields_are_not() -> None:
    assert parsed('layer { type: "Clip" clip_param {} }').layers[0].type == "Clip"


@pytest.mark.parametrize(
    ("sort", "text", "place", "named", "hint"),
    [
        ("mixed", "layer {}\nlayers {}", (2, 1), ["layer", "layers"], ""),
        ("both rules", '\nlayer { name: "a" include {} exclude {} }', (2, 1), ["a"], ""),
        ("solver", 'net: "n.prototxt"\nbase_lr: 0.1', (1, 1), ["net"], "train_net"),
        ("late solver", "# s\nbase_lr: 0.1 max_iter: 5", (2, 1), ["base_lr"], "net"),
        ("template", "layer { x: ${NUM} }", (1, 12), ["$"], "envsubst"),
        ("conflict", "layer {}\n<<<<<<< HEAD\n", (2, 1), [], ""),
        ("binary", "\0\x01", (1, 1), [], ""),
    ],
)
def test_files_that_are_no_net(
    sort: str, text: str, place: tuple[int, int], named: list[str], hint: str, words: Words
) -> None:
    error = refused(text)
    assert (error.line, error.column) == place
    assert names(error.message) == named
    assert error.hint
    assert hint in error.hint
    words(error, sort)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('net: "n.prototxt"\nbase_lr: 0.1', True),
        ("layer { x: ${NUM} }", True),
        ("layer { x: {{NUM}} }", True),
        ("layer {{ x: 1 }}", False),
        ("layer { x: 1", False),
        ("layer {}\n<<<<<<< HEAD\n", False),
        ("\0\x01", False),
    ],
)
def test_what_was_never_meant_to_be_a_net_is_told_from_a_broken_one(text: str, meant: bool) -> None:
    assert isinstance(refused(text), ds.NotANetError) == meant


def test_depth_and_length_are_no_trouble(words: Words) -> None:
    deep = refused("layer {" * 100_000)
    assert numbers(deep.message) == [100]
    words(deep)
    assert parsed("# " + "x" * 5_000_000 + '\nname: "n"').name == "n"
    assert len(parsed('name: "' + "x" * 5_000_000 + '"').name) == 5_000_000
    assert len(parsed('layer { name: "a" type: "b" } ' * 2000).layers) == 2000


# --- the typed view


def test_a_deconvolution_in_full() -> None:
    text = """layer { name: "up" type: "Deconvolution" bottom: "a" top: "b"
      param { name: "w" lr_mult: 0 } param { decay_mult: 0 }
      include { phase: TEST min_level: -1 stage: "s" not_stage: "n" }
      convolution_param { num_output: 5 bias_term: false group: 5 axis: -3 kernel_h: 4 kernel_w: 2
        stride: 2 stride: 1 pad_h: 0 dilation: 1
        weight_filler: { type: "bilinear" } bias_filler { value: 2 } } }"""
    (layer,) = parsed(text).layers
    param = layer.convolution_param
    assert list(layer.param) == [("w", 0.0, 1.0), ("", 1.0, 0.0)]
    assert list(layer.include) == [
        (ds.Phase.TEST, -1, None, ("s",), ("n",)),
    ]
    assert (param.num_output, param.bias_term, param.group, param.axis) == (5, False, 5, -3)
    assert (param.kernel_size, param.kernel_h, param.kernel_w) == ((), 4, 2)
    assert (param.stride, param.pad_h, param.pad_w, param.dilation) == ((2, 1), 0, None, (1,))
    assert param.weight_filler is not None
    assert param.bias_filler is not None
    assert (param.weight_filler.type, param.weight_filler.value) == ("bilinear", 0.0)
    assert (param.bias_filler.type, param.bias_filler.value) == ("constant", 2.0)


def test_a_deconvolution_that_says_nothing_has_caffes_defaults() -> None:
    param = parsed('layer { type: "Deconvolution" }').layers[0].convolution_param
    theirs: Any = message_class("ConvolutionParameter")()
    assert (param.bias_term, param.group, param.axis) == (
        theirs.bias_term,
        theirs.group,
        theirs.axis,
    )
    assert (param.num_output, param.weight_filler) == (0, None)


def test_the_state_in_the_file() -> None:
    net = parsed('state { phase: TRAIN level: 2 stage: "a" stage: "b" }')
    assert net.state == ds.NetState(ds.Phase.TRAIN, 2, ("a", "b"))


# --- nets in use


@pytest.mark.skipif(not (SHARED / "nets").is_dir(), reason="no shared nets beside the checkout")
@pytest.mark.parametrize(
    ("every", "at_least"), [(12, 4), pytest.param(1, 51, marks=pytest.mark.campaign)]
)
def test_every_net_in_the_collection_reads_as_protobuf_reads_it(every: int, at_least: int) -> None:
    """Names, types, bottoms and tops of V2 nets that plain protobuf can parse."""
    compared, refusals = 0, []
    for path in sorted((SHARED / "nets").rglob("*.prototxt"))[::every]:
        message: Any = NetParameter()
        data = path.read_bytes()
        try:
            text_format.Parse(data.decode(), message, allow_unknown_field=True)
        except (text_format.ParseError, UnicodeDecodeError):
            message = None
        try:
            net = parsed(data)
        except ds.PrototxtError:
            if message is not None and (message.layer or message.layers):
                refusals.append(path)
            continue
        if message is None:
            continue
        compared += 1
        own = [layer for layer in net.layers if layer.line]  # not the Input made of input:
        theirs = message.layer or message.layers
        if net.version == "V0":
            continue
        assert [layer.name for layer in own] == [layer.name for layer in theirs], path
        assert [layer.bottom for layer in own] == [tuple(each.bottom) for each in theirs], path
        assert [layer.top for layer in own] == [tuple(each.top) for each in theirs], path
        lines = data.decode().splitlines()
        for layer in own:
            assert lines[layer.line - 1][layer.column - 1 :].startswith("layer"), path
    assert refusals == []
    assert compared >= at_least


def test_an_enum_in_quotes_is_protobufs_to_refuse() -> None:
    """No fork has such values, so it is not passed over as a fork's."""
    error = refused('layers { type: "LOCAL" }')
    assert (error.line, error.column) == (1, 16)
    assert "LOCAL" in error.message


def test_not_a_number_with_cs_suffix() -> None:
    (layer,) = parsed("layer { loss_weight: nanf loss_weight: -inff loss_weight: 1.5f }").layers
    first, *rest = layer.message.all("loss_weight")
    assert first != first
    assert rest == [float("-inf"), 1.5]


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ("include: [3, { phase: TRAIN }]", 19),
        ("include: 3 include { phase: TRAIN }", 18),
        ("param: [{}, 3, {}]", 21),
        ("convolution_param { kernel_size: [{}, 3] }", 43),
        ("convolution_param { kernel_size: [3, {}] }", 46),
    ],
)
def test_messages_among_values_are_refused_where_the_first_stands(fields: str, column: int) -> None:
    error = refused(f"layer {{ {fields} }}")
    assert (error.line, error.column) == (1, column)


def test_one_line_that_is_no_net_may_be_a_path() -> None:
    with pytest.raises(ds.PrototxtError) as raised:
        ds.parse_net("nets/deploy.prototxt")
    assert "read_net" in str(raised.value.hint)
    with pytest.raises(ds.PrototxtError) as raised:
        ds.parse_net("layer {\n name:\n}")
    assert "read_net" not in str(raised.value.hint)
