"""Every rule by its page: the net that breaks it, the one that does not, the repair carried out.

The pages of ``deconvsurgery/explained`` hold the nets; weights are made here, by hand.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import deconvsurgery as ds
from deconvsurgery.cli import deconvsurgery
from deconvsurgery.report.repair_commands import repair_line
from deconvsurgery.rules.finding import RULES
from deconvsurgery.rules.layer_rules import TESTS
from deconvsurgery.rules.layer_under_test import Case
from deconvsurgery.rules.rule_pages import explanation
from helpers.models import NetParameter
from helpers.oracles import tent

Array = NDArray[Any]
Tent = Callable[[tuple[int, ...]], Array]

EXAMPLE = re.compile(r"^```prototxt (breaks|holds)(?: model:(\S+))?\n(.*?)^```$", re.M | re.S)
IDS = sorted(RULES)


def examples(rule: str) -> dict[str, tuple[str, str]]:
    """The page's nets by what they show, each with the kind of weights that goes with it."""
    found = EXAMPLE.findall(explanation(rule))
    assert [shows for shows, _, _ in found] == ["breaks", "holds"]
    return {shows: (kind, net) for shows, kind, net in found}


def weights_of(kind: str, shape: tuple[int, ...], tent: Tent) -> Array:
    channels, outputs, *size = shape
    kernel = tent(size)
    diagonal = np.zeros(shape)
    for channel in range(channels):
        diagonal[channel, channel % outputs] = kernel
    # Rows of the released filler for kernel 3, whose apex lies at 1.5 instead of 1.
    released = np.outer([0.25, 0.75, 0.75], [0.25, 0.75, 0.75])
    made = {
        "zero": np.zeros(shape),
        "bilinear": diagonal,
        "every-pair": np.broadcast_to(kernel, shape),
        "noise": np.random.default_rng(7).normal(size=shape),
        "off-diagonal": diagonal + 0.01 * (diagonal == 0),
        "half": np.full(shape, 0.5),
        "near": diagonal * 0.99,
    }
    if kind == "caffe-1.0":
        return np.broadcast_to(released, shape)
    return made[kind]


def model_of(kind: str, shape: tuple[int, ...], tent: Tent) -> bytes:
    """A model of one layer, ``up``, without a bias."""
    net = NetParameter()
    layer = net.layer.add(name="up", type="Deconvolution")
    if kind == "missing":
        layer.name, layer.type = "conv1", "Convolution"
        kind = "noise"
    if kind == "wrong-shape":
        shape, kind = (*shape[:2], 5, 5), "noise"
    blob = layer.blobs.add()
    blob.shape.dim.extend(shape)
    blob.data.extend(weights_of(kind, shape, tent).astype(np.float32).ravel())
    return net.SerializeToString()


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., tuple[Path, Path | None]]:
    """A net and its model on disk; the weights' shape is the one that the net gives them."""

    def written(net: str, kind: str) -> tuple[Path, Path | None]:
        path = tmp_path / "net.prototxt"
        path.write_text(net, "utf-8")
        if not kind:
            return path, None
        (row,) = ds.inspect(path).rows
        assert row.target is not None
        assert row.target.shape is not None
        model = tmp_path / "in.caffemodel"
        plain = "noise" if kind == "raw-float32" else kind
        model.write_bytes(model_of(plain, row.target.shape, tent))
        if kind == "raw-float32":
            plain_model = model.rename(tmp_path / "plain.caffemodel")
            ds.convert(plain_model, model, values="raw-float32")
        return path, model

    return written


def ids(result: ds.CheckResult) -> list[str]:
    return [finding.id for finding in result.findings]


@pytest.mark.parametrize("rule", IDS)
def test_a_page_shows_a_net_that_breaks_the_rule(rule: str, made: Any) -> None:
    kind, net = examples(rule)["breaks"]
    path, model = made(net, kind)
    found = [each for each in ds.check(path, model).findings if each.id == rule]
    assert len(found) == 1
    (finding,) = found
    assert finding.layer == "up"
    lines = net.splitlines()
    assert finding.line is not None
    assert finding.column is not None
    at = lines[finding.line - 1][finding.column - 1 :]
    assert at.startswith("strid: 2" if rule == "DS013" else "layer {")
    assert finding.numbers
    assert finding.repair is not None


@pytest.mark.parametrize("rule", IDS)
def test_a_page_shows_a_net_that_does_not(rule: str, made: Any) -> None:
    kind, net = examples(rule)["holds"]
    assert rule not in ids(ds.check(*made(net, kind)))


@pytest.mark.parametrize("rule", IDS)
def test_a_page_says_how_much_its_rule_matters(rule: str) -> None:
    page = explanation(rule)
    assert page.startswith(f"# {rule}: {RULES[rule].name}\n")
    assert f"Severity: {RULES[rule].severity}" in page
    assert "\n**To mend it.** " in page


def carried_out(line: str, folder: Path) -> None:
    """A repair as a user would run it, step by step."""
    for command in line.split(" && "):
        tool, *arguments = shlex.split(command)
        assert tool == "deconvsurgery"
        done = CliRunner().invoke(deconvsurgery, arguments, standalone_mode=False)
        assert done.exception is None, (command, done.exception, done.output)


def after(line: str, net: Path, model: Path | None) -> tuple[Path, Path | None]:
    """The files that the repair leaves: the last of each kind that it has written."""
    named = [Path(part) for command in line.split(" && ") for part in shlex.split(command)]
    nets = [part for part in named if part.suffix == ".prototxt"]
    models = [part for part in named if part.suffix == ".caffemodel"]
    return (nets or [net])[-1], (models or [model])[-1]


# What no command can know: which name was meant, which field.
BY_HAND = {"DS012", "DS013"}


@pytest.mark.parametrize("rule", IDS)
def test_the_repair_repairs(rule: str, made: Any, tmp_path: Path) -> None:
    kind, net = examples(rule)["breaks"]
    path, model = made(net, kind)
    (finding,) = (each for each in ds.check(path, model).findings if each.id == rule)
    line = repair_line(finding, str(path), None if model is None else str(model))
    assert (line is None) == (rule in BY_HAND)
    if line is None:
        return
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    carried_out(line, tmp_path)
    mended = after(line, path, model)
    assert mended != (path, model)
    assert rule not in ids(ds.check(*mended))
    assert {each: each.read_bytes() for each in before} == before  # the originals are as they were


NET = """input: "score"
input_shape { dim: 1 dim: %d dim: 8 dim: 8 }
layer { name: "up" type: "Deconvolution" bottom: "score" top: "up" %s
  convolution_param { num_output: %d %s } }
"""


def net_of(
    param: str = "kernel_size: 4 stride: 2 pad: 1 bias_term: false",
    *,
    channels: int = 3,
    outputs: int = 3,
    more: str = "param { lr_mult: 0 }",
) -> str:
    return NET % (channels, more, outputs, param)


FULL = "kernel_size: 4 stride: 2 pad: 1 bias_term: false"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("zero", ["DS002"]),
        ("bilinear", []),
        ("every-pair", ["DS004"]),
        ("noise", ["DS003"]),
        ("off-diagonal", ["DS003"]),
        ("half", ["DS003"]),
        ("near", ["DS003"]),
        ("missing", ["DS001", "DS011"]),  # … and the model has a layer that the net lacks
        ("wrong-shape", ["DS003", "DS011"]),
    ],
)
def test_what_weights_break(kind: str, expected: list[str], made: Any) -> None:
    assert ids(ds.check(*made(net_of(FULL), kind))) == expected


@pytest.mark.parametrize("size", [3, 5, 7, 9])
def test_nvidias_kernels_are_off_centre(size: int, made: Any, tmp_path: Path) -> None:
    """By NVIDIA's own loop: f by a whole division, then (1 - |x/f - c|)(1 - |y/f - c|)."""
    path, model = made(net_of(f"kernel_size: {size} stride: 2 bias_term: false"), "zero")
    net = NetParameter.FromString(model.read_bytes())
    half = size // 2
    centre = (2 * half - 1 - half % 2) / (2.0 * half)
    kernel = [
        (1 - abs(x / half - centre)) * (1 - abs(y / half - centre))
        for y in range(size)
        for x in range(size)
    ]
    blob = net.layer[0].blobs[0]
    for channel in range(3):
        start = channel * 4 * size * size  # [i, i] of (3, 3, k, k)
        blob.data[start : start + size * size] = kernel
    model.write_bytes(net.SerializeToString())
    (found,) = (each for each in ds.check(path, model).findings if each.id == "DS005")
    assert "NVIDIA" in found.message
    assert "DS003" not in ids(ds.check(path, model))


@pytest.mark.parametrize(
    ("param", "more", "gains"),
    [
        ("kernel_size: 2 stride: 2 bias_term: false", "", (0.5, 0.5)),
        ("kernel_size: 4 stride: 4 bias_term: false", "", (0.25, 0.75)),
        ("kernel_size: 5 stride: 2 bias_term: false", "", (4 / 3, 5 / 3)),
        ("kernel_size: 16 stride: 4 bias_term: false", "", (2.0, 2.0)),
        ("kernel_size: 3 bias_term: false", "", (2.0, 2.0)),  # the stride was forgotten
        ('kernel_size: 2 stride: 2 weight_filler { type: "bilinear" }', "", (0.5, 0.5)),
        ("kernel_size: 2 stride: 2", "param { lr_mult: 0 }", (0.5, 0.5)),
        ("kernel_size: 2 stride: 2 group: 3", "", (0.5, 0.5)),
        ("kernel_size: 2 stride: 2", "", None),  # U-Net's and ENet's: it learns
        ('kernel_size: 2 stride: 2 weight_filler { type: "xavier" }', "param {}", None),
        ("kernel_size: 4 stride: 2 bias_term: false", "", None),
        ("kernel_size: 63 stride: 32 bias_term: false", "", None),
    ],
)
def test_gains_by_hand(param: str, more: str, gains: tuple[float, float] | None, made: Any) -> None:
    """Sums of taps by phase, as the recipe's fact sheet has them."""
    found = ds.check(*made(net_of(param, more=more), "")).findings
    broken = [dict(each.numbers) for each in found if each.id == "DS006"]
    told = [(each["lowest"], each["highest"]) for each in broken]
    assert told == ([] if gains is None else [pytest.approx(gains, abs=1e-6)])


def behind_a_python_layer(param: str) -> str:
    """Nobody knows the size of its input, so Caffe's limit on values is out of reach."""
    return (
        'layer { name: "data" type: "Python" top: "data" }\n'
        'layer { name: "conv" type: "Convolution" bottom: "data" top: "score"\n'
        "  convolution_param { num_output: 3 kernel_size: 1 } }\n" + net_of(param).split("\n", 2)[2]
    )


def test_a_dilation_beyond_reason_has_no_gain(made: Any) -> None:
    net = behind_a_python_layer("kernel_size: 4 stride: 2 dilation: 100000000 bias_term: false")
    (found,) = ds.check(*made(net, ""), select="DS006").findings
    assert found.message == "its dilation of 100000000x100000000 is beyond all reason"
    assert dict(found.numbers) == {
        "kernel": (4, 4), "stride": (2, 2), "lowest": 0.0, "highest": 0.0,
    }  # fmt: skip


def test_where_no_kernel_has_a_place_none_has_a_gain(made: Any) -> None:
    """Three channels, two outputs of each: the kernel would be wrong for its stride, too."""
    bilinear = 'group: 3 kernel_size: 2 stride: 2 bias_term: false weight_filler { type: "%s" }'
    net, _ = made(net_of(bilinear % "bilinear", outputs=6), "")
    (found,) = ds.check(net).findings
    assert (found.id, dict(found.numbers)) == ("DS008", {"group": 3, "num_output": 6})
    assert found.repair is not None
    assert found.repair.words.startswith("its channels are not its outputs")
    assert found.repair.steps == ()


def test_weights_that_apply_refuses_have_to_be_a_diagonal_by_other_means(made: Any) -> None:
    """A learned kernel whose size does not interpolate: apply does not overwrite it."""
    param = 'kernel_size: 5 stride: 2 bias_term: false weight_filler { type: "bilinear" }'
    (found,) = ds.check(*made(net_of(param), "noise"), select="DS008").findings
    assert found.repair is not None
    assert found.repair.words == (
        "group: 3 makes the filler right, and the weights have to be a diagonal for that"
    )
    assert found.repair.steps == ()


def test_an_offset_below_zero_cannot_be(made: Any) -> None:
    """Halved, then enlarged with a pixel cut off each edge: it lies one pixel inside."""
    first, up = net_of("kernel_size: 4 stride: 2 pad: 2 bias_term: false").split("layer", 1)
    pool = (
        'layer { name: "p" type: "Pooling" bottom: "score" top: "p"\n'
        "  pooling_param { kernel_size: 2 stride: 2 } }\nlayer"
    )
    crop = 'layer { name: "crop" type: "Crop" bottom: "up" bottom: "score" top: "c" }\n'
    text = first + pool + up.replace('bottom: "score"', 'bottom: "p"') + crop
    text = text.replace('top: "c"', 'top: "c" crop_param { offset: 0 }')
    (found,) = ds.check(*made(text, "")).findings
    assert (found.id, dict(found.numbers)["expected"]) == ("DS007", (-1.0, -1.0))
    assert found.repair is not None
    assert found.repair.words == "an offset of -1 cannot be: pad the first layer more"


def test_a_layer_that_the_net_lacks_breaks_one_rule() -> None:
    nobody = Case(None, None)
    assert [rule for rule, test in TESTS.items() if test(nobody) is not None] == ["DS011"]
    assert not nobody.interpolates


def test_weights_that_were_learned_need_no_gain(made: Any) -> None:
    """Only an interpolation can have a wrong gain; what was learned is DS003's."""
    param = "kernel_size: 2 stride: 2 bias_term: false"
    assert ids(ds.check(*made(net_of(param), "noise"))) == ["DS003"]
    assert ids(ds.check(*made(net_of(param), "zero"))) == ["DS002", "DS006"]


def test_nearest_neighbour_is_left_in_peace(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(net_of("kernel_size: 2 stride: 2 group: 3 bias_term: false"))
    model = NetParameter()
    blob = model.layer.add(name="up", type="Deconvolution").blobs.add()
    blob.shape.dim.extend((3, 1, 2, 2))
    blob.data.extend([1.0] * 12)
    path = tmp_path / "in.caffemodel"
    path.write_bytes(model.SerializeToString())
    assert ids(ds.check(net, path)) == []


def test_frozen_makes_a_learned_kernel_an_error(made: Any) -> None:
    net, _ = made(net_of(more="param { lr_mult: 2 }"), "")
    (note,) = ds.check(net).findings
    assert (note.id, note.level, note.numbers) == ("DS010", ds.Severity.NOTE, (("lr_mult", 2.0),))
    assert ds.check(net).passed
    (error,) = ds.check(net, frozen=True).findings
    assert (error.id, error.level) == ("DS010", ds.Severity.ERROR)
    assert not ds.check(net, frozen=True).passed


def test_only_matched_layers_are_held_to_what_upsampling_needs(made: Any) -> None:
    net, model = made(net_of("kernel_size: 4 stride: 4"), "zero")
    assert ids(ds.check(net, model)) == ["DS002", "DS006", "DS009", "DS011"]
    assert ids(ds.check(net, model, patterns="other", allow_empty=True)) == ["DS011"]


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), ["DS002", "DS006", "DS009", "DS010"]),
        (("DS002", "DS010"), (), ["DS002", "DS010"]),
        ("DS00", "DS006", ["DS002", "DS009"]),
        ("ds002,ds009", (), ["DS002", "DS009"]),
        ((), ("DS0",), []),
    ],
)
def test_rules_are_chosen(select: Any, ignore: Any, expected: list[str], made: Any) -> None:
    net = net_of("kernel_size: 4 stride: 4 bias_term: false", more="")
    net = net.replace("bias_term: false", "group: 3")
    path, model = made(net, "zero")
    found = ids(ds.check(path, model, select=select, ignore=ignore))
    assert [each for each in found if each != "DS011"] == expected


def test_each_misspelt_field_is_told(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(
        'layer { name: "c" type: "Convolution" bottom: "data" top: "c"\n'
        "  convolution_param { num_outputs: 3\n kernal_size: 3 } }\n" + net_of()
    )
    found = ds.check(net).findings
    assert [(each.id, each.line, each.column, dict(each.numbers)["nearest"]) for each in found] == [
        ("DS013", 2, 23, "num_output"),
        ("DS013", 3, 2, "kernel_size"),
    ]


def test_a_mismatch_is_as_bad_as_caffe_takes_it(made: Any, tmp_path: Path) -> None:
    net, model = made(net_of(), "wrong-shape")
    (found,) = (each for each in ds.check(net, model).findings if each.id == "DS011")
    assert found.level is ds.Severity.ERROR
    assert dict(found.numbers) == {"blob": 0, "net": (3, 3, 4, 4), "model": (3, 3, 5, 5)}
    more = NetParameter.FromString(model.read_bytes())
    more.layer[0].blobs[0].shape.dim[:] = [3, 3, 4, 4]
    del more.layer[0].blobs[0].data[144:]
    more.layer.add(name="score", type="Convolution").blobs.add().data.append(1)
    model.write_bytes(more.SerializeToString())
    (lacks,) = (each for each in ds.check(net, model).findings if each.id == "DS011")
    assert (lacks.level, lacks.line, lacks.layer) == (ds.Severity.WARNING, None, None)
    assert dict(lacks.numbers) == {"layers": ("score",)}


def test_what_net_and_model_call_differently(made: Any) -> None:
    net, model = made(net_of(), "zero")
    other = NetParameter.FromString(model.read_bytes())
    other.layer[0].type = "Convolution"
    twice = NetParameter.FromString(model.read_bytes())
    twice.layer.add().CopyFrom(twice.layer[0])
    for changed, words, repair in (
        (other, "the net calls it Deconvolution, the model Convolution", "see that net and model"),
        (twice, "the model has 2 layers of this name", "save the model again"),
    ):
        model.write_bytes(changed.SerializeToString())
        (found,) = ds.check(net, model, select="DS011").findings
        assert found.message.startswith(words)
        assert found.repair is not None
        assert found.repair.words.startswith(repair)


def test_a_namesake_without_weights_does_not_hide_them(made: Any) -> None:
    """Caffe copies what each of the two has: the values are those of the first."""
    net, model = made(net_of(), "zero")
    two = NetParameter.FromString(model.read_bytes())
    two.layer.add(name="up", type="Deconvolution")
    two.layer.add(name="lost", type="Deconvolution")
    model.write_bytes(two.SerializeToString())
    up, lost = ds.inspect(net, model).rows
    assert [(each.id, dict(each.numbers)) for each in up.findings] == [
        ("DS002", {"values": 144, "nonzero": 0})
    ]
    assert [(each.id, each.message) for each in lost.findings] == [
        ("DS011", "the net has no such layer")
    ]


def test_a_model_that_tells_of_a_layer_what_caffe_refuses(made: Any) -> None:
    """Names and weights may be all that a file has; what more it says must be right."""
    _, model = made(net_of(), "bilinear")
    (row,) = ds.inspect(None, model).rows
    assert row.target.problem is None
    more = NetParameter.FromString(model.read_bytes())
    more.layer[0].convolution_param.num_output = 3
    model.write_bytes(more.SerializeToString())
    (row,) = ds.inspect(None, model).rows
    assert row.target.problem == "kernel_size is missing"


def test_a_model_alone_is_held_to_what_it_tells_itself(made: Any) -> None:
    _, model = made(net_of(), "zero")
    (found,) = ds.check(None, model).findings
    assert (found.id, found.line, found.layer) == ("DS002", None, "up")
    with pytest.raises(ValueError, match="are needed"):
        ds.inspect()


def finding_of(model: Any, tmp_path: Path, net: str | None = None) -> list[ds.Finding]:
    path = tmp_path / "m.caffemodel"
    path.write_bytes(model.SerializeToString())
    text = tmp_path / "n.prototxt"
    text.write_text(net or net_of())
    return [each for each in ds.check(text, path).findings if each.id == "DS014"]


def test_forms_that_caffe_refuses(tmp_path: Path) -> None:
    def model() -> Any:
        return NetParameter.FromString(model_of("bilinear", (3, 3, 4, 4), tent))

    good = model()
    assert finding_of(good, tmp_path) == []
    both = model()
    blob = both.layer[0].blobs[0]
    blob.num, blob.channels, blob.height, blob.width = 3, 3, 4, 4
    short = model()
    del short.layer[0].blobs[0].data[-1]
    gradients = model()
    gradients.layer[0].blobs[0].diff.extend([0.0] * 143)
    whole = model()
    whole.layer[0].blobs[0].diff.extend([0.0] * 144)
    assert finding_of(whole, tmp_path) == []
    old = model()
    old.layer[0].blobs[0].ClearField("data")
    old.layer[0].blobs[0].diff.extend([0.0] * 144)
    mixed = model()
    mixed.layers.add(name="other")
    words = {
        "shape": both,
        "number of values": short,
        "diff of another length": gradients,
        "diff only": old,
        "V1 and V2": mixed,
    }
    for expected, broken in words.items():
        (found,) = finding_of(broken, tmp_path)
        assert expected in found.message
        assert found.layer == (None if expected == "V1 and V2" else "up")


def test_a_file_of_more_than_two_gibibytes_is_too_large_for_caffe(
    tmp_path: Path, made: Any
) -> None:
    net, model = made(net_of(), "bilinear")
    with model.open("r+b") as file:
        end = file.seek(0, 2)
        # An unknown field of 2**31 bytes behind the layers, all of them a hole.
        file.write(b"\xa2\x3f" + b"\x80\x80\x80\x80\x08")
        file.truncate(end + 7 + 2**31)
    (found,) = ds.check(net, model).findings
    assert (found.id, found.level) == ("DS014", ds.Severity.ERROR)
    assert dict(found.numbers)["bytes"] == end + 7 + 2**31


def test_one_of_two_layers_of_a_name(tmp_path: Path) -> None:
    """Weights go astray between two layers that have some; layers without any are told, too."""
    net = tmp_path / "net.prototxt"
    crop = 'layer { name: "crop" type: "Power" bottom: "up" top: "%s" }\n'
    net.write_text(net_of() + crop % "a" + crop % "b")
    (found,) = ds.check(net).findings
    assert (found.id, found.line, found.layer) == ("DS012", 6, "crop")
    assert dict(found.numbers) == {"layers": 2, "lines": (5, 6)}
    phases = "include { phase: %s }"
    one = net_of(more="param { lr_mult: 0 } " + phases % "TRAIN")
    other = net_of(more="param { lr_mult: 0 } " + phases % "TEST").split("\n", 2)[2]
    net.write_text(one + other)
    assert ds.check(net).findings == ()


def test_an_hdf5_file_may_have_any_size(tmp_path: Path, made: Any) -> None:
    """Caffe's limit of 2 GiB is protobuf's."""
    net, model = made(net_of(), "bilinear")
    large = tmp_path / "large.h5"
    ds.convert(model, large)
    with large.open("r+b") as file:
        file.truncate(2**31 + 4096)  # a hole behind what HDF5 knows of
    (row,) = ds.inspect(net, large).rows
    assert [each.id for each in row.findings] == []
    assert ids(ds.check(net, large)) == []
