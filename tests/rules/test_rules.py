"""Every rule by its page: the net that breaks it, the one that does not, the repair carried out.

The pages of ``deconvsurgery/explained`` hold the nets; weights are made here, by hand.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.rules.finding import RULES, explanation
from deconvsurgery.rules.layer_case import LayerCase
from deconvsurgery.rules.layer_rules import TESTS
from deconvsurgery.rules.repair_step import repair_arguments
from helpers.documents import parsed_json
from helpers.models import Array, model_bytes, parsed
from helpers.oracles import tent
from helpers.runs import run_here
from helpers.words import Words, numbers

EXAMPLE = re.compile(r"^```prototxt (breaks|holds)(?: model:(\S+))?\n(.*?)^```$", re.M | re.S)
IDS = sorted(RULES)


def examples(rule: str) -> dict[str, tuple[str, str]]:
    """The page's nets by what they show, each with the kind of weights that goes with it."""
    found = EXAMPLE.findall(explanation(rule))
    assert [shows for shows, _, _ in found] == ["breaks", "holds"]
    return {shows: (kind, net) for shows, kind, net in found}


def weights_that_are(kind: str, shape: tuple[int, ...]) -> Array:
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
    if kind == "not-finite":
        diagonal.flat[1], diagonal.flat[4:6] = np.nan, (np.inf, -np.inf)
        return diagonal
    if kind == "caffe-1.0":
        return np.broadcast_to(released, shape)
    return made[kind]


def model_of(kind: str, shape: tuple[int, ...]) -> bytes:
    """A model of one layer, ``up``, without a bias."""
    if kind == "missing":
        return model_bytes({"conv1": [weights_that_are("noise", shape)]}, kind="Convolution")
    if kind == "wrong-shape":
        shape, kind = (*shape[:2], 5, 5), "noise"
    return model_bytes({"up": [weights_that_are(kind, shape)]}, kind="Deconvolution")


class Made(Protocol):
    """Writes a net, and a model with weights of a kind unless that is empty."""

    def __call__(self, net: str, kind: str) -> tuple[Path, Path]: ...


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A net and its model on disk; the weights' shape is the one that the net gives them."""

    def written(net: str, kind: str) -> tuple[Path, Path]:
        path, model = tmp_path / "net.prototxt", tmp_path / "in.caffemodel"
        path.write_text(net, "utf-8")
        if not kind:
            return path, model
        (row,) = ds.inspect(path).layers
        assert row.target is not None
        assert row.target.shape is not None
        plain = "noise" if kind == "raw-float32" else kind
        model.write_bytes(model_of(plain, row.target.shape))
        if kind == "raw-float32":
            plain_model = model.rename(tmp_path / "plain.caffemodel")
            ds.convert(plain_model, model, values="raw-float32")
        return path, model

    return written


def checked(files: tuple[Path, Path], **options: Any) -> ds.CheckResult:
    """The net, and its model where there is one."""
    net, model = files
    return ds.check(net, model if model.exists() else None, **options)


def findings_of(rule: str, files: tuple[Path, Path]) -> list[ds.Finding]:
    return [each for each in checked(files).findings if each.id == rule]


def ids(result: ds.CheckResult) -> list[str]:
    return [finding.id for finding in result.findings]


class Broken(NamedTuple):
    """What a page's net breaks: how bad it is, where, what proves it, how it is fixed."""

    level: str
    numbers: dict[str, Any]
    repair: Sequence[str]
    """Verbs; none where it takes what no command can know (which name was meant, which field), or
    where a command would overwrite weights that may have been learned."""
    line: int = 3
    column: int = 1
    layer: str = "up"


SQUARE = {"kernel": (4, 4), "stride": (4, 4)}
BROKEN = {
    "DS001": Broken("error", {"shape": (3, 1, 4, 4), "values": 0}, ["apply"]),
    "DS002": Broken("error", {"values": 48, "nonzero": 0}, ["apply"]),
    "DS003": Broken("warning", {"state": "bilinear-off-diagonal", "distance": None}, ["apply"]),
    "DS004": Broken("error", {"shape": (3, 3, 4, 4), "pairs": 9, "inputs": 3}, ["apply"]),
    "DS005": Broken(
        "warning", {"kernel": (3, 3), "apex": (1.5, 1.5), "centre": (1.0, 1.0)}, ["apply"]
    ),
    "DS006": Broken("error", SQUARE | {"lowest": 0.25, "highest": 0.75}, ["patch-net"]),
    "DS007": Broken(
        "warning",
        {"kernel": (16, 16), "stride": (8, 8), "pad": (3, 3), "excess": (2, 2)},
        ["patch-net"],
    ),
    "DS008": Broken("warning", {"group": 1, "num_output": 3}, ["patch-net"]),
    "DS009": Broken("warning", {"bias_term": True, "blobs": None}, ["patch-net"]),
    "DS010": Broken("note", {"lr_mult": 1.0}, ["patch-net"]),
    "DS011": Broken("error", {"blob": 0, "net": (3, 1, 4, 4), "model": (3, 1, 5, 5)}, []),
    "DS012": Broken("warning", {"layers": 2, "lines": (3, 15)}, [], line=15),
    "DS013": Broken("error", {"field": "strid", "nearest": "stride"}, [], line=11, column=20),
    "DS014": Broken("error", {"blobs": 1, "layers": ("up",)}, ["convert"]),
    "DS015": Broken("error", {"bottom": "scores", "nearest": "score"}, []),
    "DS016": Broken(
        "error", {"field": "weight_filler", "type": "bilinar", "nearest": "bilinear"}, []
    ),
    "DS017": Broken("note", {"state": None}, [], line=16, layer="score2"),
    "DS018": Broken(
        "note", {"nan": 1, "infinite": 2, "values": 48, "bias_nan": 0, "bias_infinite": 0}, []
    ),
    "DS019": Broken(
        "error",
        {"blob": 0, "shape": (3, 3, 4, 4), "other": (3, 1, 4, 4), "line": 3},
        [],
        line=16,
    ),
    "DS020": Broken("error", {}, []),
}


@pytest.mark.parametrize("rule", IDS)
def test_a_page_shows_a_net_that_breaks_the_rule(rule: str, made: Made, words: Words) -> None:
    kind, net = examples(rule)["breaks"]
    files = made(net, kind)
    (finding,) = findings_of(rule, files)
    expected = BROKEN[rule]
    assert (finding.layer, finding.level) == (expected.layer, expected.level)
    assert (finding.line, finding.column) == (expected.line, expected.column)
    at = net.splitlines()[expected.line - 1][expected.column - 1 :]
    assert at.startswith("strid: 2" if rule == "DS013" else "layer {")
    told = dict(finding.numbers)
    if rule == "DS014":
        assert told.pop("bytes") == files[1].stat().st_size
    assert told == expected.numbers
    assert finding.repair is not None
    assert [step.verb for step in finding.repair.steps] == expected.repair
    words(finding.message, rule)
    words(finding.repair.words, f"{rule}, repair")


@pytest.mark.parametrize("rule", IDS)
def test_a_page_shows_a_net_that_does_not(rule: str, made: Made) -> None:
    kind, net = examples(rule)["holds"]
    assert ids(checked(made(net, kind))) == []


@pytest.mark.parametrize("rule", IDS)
def test_a_page_says_how_much_its_rule_matters_and_how_it_is_fixed(rule: str, words: Words) -> None:
    page = explanation(rule)
    assert page.startswith(f"# {rule}: {RULES[rule].name}\n")
    assert f"Severity: {RULES[rule].severity}" in page
    (paragraph,) = re.findall(r"^\*\*(.+?)\*\* ", page, re.M)
    words(paragraph)


def carried_out(line: str, folder: Path) -> None:
    """A repair as a user would run it, step by step."""
    for command in line.split(" && "):
        tool, *arguments = shlex.split(command)
        assert tool == "deconvsurgery"
        code, _, errors = run_here(folder, *arguments)
        assert code == 0, (command, errors)


def after(line: str, net: Path, model: Path) -> tuple[Path, Path]:
    """The files that the repair leaves: the last of each kind that it has written."""
    named = [Path(part) for command in line.split(" && ") for part in shlex.split(command)]
    nets = [part for part in named if part.suffix == ".prototxt"]
    models = [part for part in named if part.suffix == ".caffemodel"]
    return (nets or [net])[-1], (models or [model])[-1]


@pytest.mark.parametrize("rule", IDS)
def test_the_repair_repairs(rule: str, made: Made, tmp_path: Path) -> None:
    kind, net = examples(rule)["breaks"]
    path, model = made(net, kind)
    files = [str(each) for each in (path, model) if each.exists()]
    _, printed, _ = run_here(tmp_path, "check", "--json", *files)
    (finding,) = (each for each in parsed_json(printed)["findings"] if each["id"] == rule)
    line = finding["command"]
    assert (line is None) == (not BROKEN[rule].repair)
    if line is None:
        return
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    carried_out(line, tmp_path)
    fixed = after(line, path, model)
    assert fixed != (path, model)
    assert findings_of(rule, fixed) == []
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
        ("wrong-shape", ["DS011"]),  # one cause, one finding
    ],
)
def test_what_weights_break(kind: str, expected: list[str], made: Made) -> None:
    assert ids(checked(made(net_of(FULL), kind))) == expected


@pytest.mark.parametrize("size", [3, 5, 7, 9])
def test_nvidias_kernels_are_off_centre(size: int, made: Made, words: Words) -> None:
    """By NVIDIA's own loop: f by a whole division, then (1 - |x/f - c|)(1 - |y/f - c|)."""
    path, model = made(net_of(f"kernel_size: {size} stride: 2 bias_term: false"), "zero")
    net = parsed(model.read_bytes())
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
    (found,) = findings_of("DS005", (path, model))
    assert (found.line, found.layer) == (3, "up")
    middle = ((size - 1) / 2,) * 2
    assert dict(found.numbers) == {"kernel": (size, size), "apex": None, "centre": middle}
    words(found.message)
    assert findings_of("DS003", (path, model)) == []


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
def test_gains_by_hand(
    param: str, more: str, gains: tuple[float, float] | None, made: Made
) -> None:
    """Sums of taps by phase, as the recipe's fact sheet has them."""
    found = checked(made(net_of(param, more=more), "")).findings
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


def test_a_dilation_beyond_reason_has_no_gain(made: Made, words: Words) -> None:
    net = behind_a_python_layer(
        "kernel_size: 4 kernel_size: 4 stride: 2 dilation: 100000000 bias_term: false"
    )
    (found,) = checked(made(net, ""), select="DS006").findings
    assert (found.line, found.layer) == (4, "up")
    assert numbers(found.message) == [100_000_000, 100_000_000]
    words(found.message)
    assert dict(found.numbers) == {
        "kernel": (4, 4), "stride": (2, 2), "lowest": 0.0, "highest": 0.0,
    }  # fmt: skip


def test_where_no_kernel_has_a_place_none_has_a_gain(made: Made, words: Words) -> None:
    """Six channels in groups of two: the kernel would be wrong for its stride, too."""
    bilinear = 'group: 3 kernel_size: 2 stride: 2 bias_term: false weight_filler { type: "%s" }'
    net, _ = made(net_of(bilinear % "bilinear", channels=6, outputs=12), "")
    (found,) = ds.check(net, ignore="DS005").findings
    assert (found.id, dict(found.numbers)) == ("DS008", {"group": 3, "num_output": 12})
    words(found.message)
    assert found.repair is not None
    words(found.repair.words)
    assert found.repair.steps == ()


def test_weights_that_apply_refuses_have_to_be_a_diagonal_by_other_means(
    made: Made, words: Words
) -> None:
    """A learned kernel whose size does not interpolate: apply does not overwrite it."""
    param = 'kernel_size: 5 stride: 2 bias_term: false weight_filler { type: "bilinear" }'
    (found,) = checked(made(net_of(param), "noise"), select="DS008").findings
    assert dict(found.numbers) == {"group": 1, "num_output": 3}
    assert found.repair is not None
    assert numbers(found.repair.words) == [3]
    words(found.repair.words)
    assert found.repair.steps == ()


def test_an_offset_below_zero_cannot_be(made: Made, words: Words) -> None:
    """Halved, then enlarged with a pixel cut off each edge: it lies one pixel inside."""
    first, up = net_of("kernel_size: 4 stride: 2 pad: 2 bias_term: false").split("layer", 1)
    pool = (
        'layer { name: "p" type: "Pooling" bottom: "score" top: "p"\n'
        "  pooling_param { kernel_size: 2 stride: 2 } }\nlayer"
    )
    crop = 'layer { name: "crop" type: "Crop" bottom: "up" bottom: "score" top: "c" }\n'
    text = first + pool + up.replace('bottom: "score"', 'bottom: "p"') + crop
    text = text.replace('top: "c"', 'top: "c" crop_param { offset: 0 }')
    found, stops = checked(made(text, "")).findings
    assert (found.id, dict(found.numbers)["expected"]) == ("DS007", (-1.0, -1.0))
    assert (stops.id, stops.layer) == ("DS015", "crop")  # 6 pixels cannot be cut down to 8
    assert found.repair is not None
    assert found.repair.steps == ()
    assert numbers(found.repair.words) == [-1, 1, 0]
    words(found.repair.words)


def test_a_layer_that_the_net_lacks_breaks_no_rule_of_its_own() -> None:
    nobody = LayerCase(None, None)
    assert not any(test(nobody) for test in TESTS.values())
    assert not nobody.role.held


def test_weights_that_were_learned_need_no_gain(made: Made) -> None:
    """Only an interpolation can have a wrong gain; what was learned is DS003's."""
    param = "kernel_size: 2 stride: 2 bias_term: false"
    assert ids(checked(made(net_of(param), "noise"))) == ["DS003"]
    assert ids(checked(made(net_of(param), "zero"))) == ["DS002", "DS006"]


def test_nearest_neighbour_is_left_in_peace(made: Made) -> None:
    net, model = made(net_of("kernel_size: 2 stride: 2 group: 3 bias_term: false"), "zero")
    model.write_bytes(model_bytes({"up": [np.ones((3, 1, 2, 2))]}, kind="Deconvolution"))
    assert ids(ds.check(net, model)) == []


def test_frozen_makes_a_learned_kernel_an_error(made: Made) -> None:
    net, _ = made(net_of(more="param { lr_mult: 2 }"), "")
    (note,) = ds.check(net).findings
    assert (note.id, note.level, note.numbers) == ("DS010", ds.Severity.NOTE, (("lr_mult", 2.0),))
    assert ds.check(net).passed
    (error,) = ds.check(net, frozen=True).findings
    assert (error.id, error.level) == ("DS010", ds.Severity.ERROR)
    assert not ds.check(net, frozen=True).passed


def test_only_matched_layers_are_held_to_what_upsampling_needs(made: Made) -> None:
    net, model = made(net_of("kernel_size: 4 stride: 4"), "zero")
    assert ids(ds.check(net, model)) == ["DS002", "DS006", "DS009", "DS011"]
    assert ids(ds.check(net, model, patterns="other", allow_empty=True)) == ["DS011", "DS017"]


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), ["DS002", "DS006", "DS009", "DS010"]),
        (("DS002", "DS010"), (), ["DS002", "DS010"]),
        ("DS00", "DS006", ["DS002", "DS009"]),
        ("ds002,ds009", (), ["DS002", "DS009"]),
        ((), ("DS00", "DS010"), []),
    ],
)
def test_rules_are_chosen(select: Any, ignore: Any, expected: list[str], made: Made) -> None:
    net = net_of("kernel_size: 4 stride: 4 bias_term: false", more="")
    net = net.replace("bias_term: false", "group: 3")
    path, model = made(net, "zero")
    found = ids(ds.check(path, model, select=select, ignore=ignore))
    assert [each for each in found if each != "DS011"] == expected


def test_each_misspelt_field_is_told(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(
        'layer { name: "c" type: "Convolution" bottom: "score" top: "c"\n'
        "  convolution_param { num_outputs: 3\n kernal_size: 3 } }\n" + net_of()
    )
    found = ds.check(net).findings
    assert [(each.id, each.line, each.column, dict(each.numbers)["nearest"]) for each in found] == [
        ("DS013", 2, 23, "num_output"),
        ("DS013", 3, 2, "kernel_size"),
    ]


def test_a_mismatch_is_as_bad_as_caffe_takes_it(made: Made) -> None:
    net, model = made(net_of(), "wrong-shape")
    (found,) = findings_of("DS011", (net, model))
    assert (found.level, found.line, found.layer) == (ds.Severity.ERROR, 3, "up")
    assert dict(found.numbers) == {"blob": 0, "net": (3, 3, 4, 4), "model": (3, 3, 5, 5)}
    more = parsed(model.read_bytes())
    more.layer[0].blobs[0].shape.dim[:] = [3, 3, 4, 4]
    del more.layer[0].blobs[0].data[144:]
    more.layer.add(name="score", type="Convolution").blobs.add().data.append(1)
    model.write_bytes(more.SerializeToString())
    (lacks,) = findings_of("DS011", (net, model))
    assert (lacks.level, lacks.line, lacks.layer) == (ds.Severity.WARNING, None, None)
    assert dict(lacks.numbers) == {"layers": ("score",)}


def test_another_type_in_the_model_is_a_mismatch(made: Made, words: Words) -> None:
    net, model = made(net_of(), "zero")
    other = parsed(model.read_bytes())
    other.layer[0].type = "Convolution"
    model.write_bytes(other.SerializeToString())
    found = disagreement(net, model)
    assert dict(found.numbers) == {}
    words([found.message, found.repair.words])


def test_a_name_twice_in_the_model_is_a_mismatch(made: Made, words: Words) -> None:
    net, model = made(net_of(), "zero")
    model.write_bytes(model.read_bytes() * 2)
    found = disagreement(net, model)
    assert dict(found.numbers) == {}
    assert numbers(found.message) == [2]
    words([found.message, found.repair.words])


def disagreement(net: Path, model: Path) -> Any:
    """The one mismatch, which does not stop Caffe, and for which there is no command."""
    (found,) = ds.check(net, model, select="DS011").findings
    assert (found.level, found.line, found.layer) == (ds.Severity.WARNING, 3, "up")
    assert found.repair is not None
    assert found.repair.steps == ()
    return found


def test_a_namesake_without_weights_does_not_hide_them(made: Made, words: Words) -> None:
    """Caffe would copy what each of the two has, the first one's values; it stops at the second."""
    net, model = made(net_of(), "zero")
    two = parsed(model.read_bytes())
    two.layer.add(name="up", type="Deconvolution")
    two.layer.add(name="lost", type="Deconvolution")
    model.write_bytes(two.SerializeToString())
    result = ds.inspect(net, model)
    up, lost = result.layers
    assert [(each.id, dict(each.numbers)) for each in up.findings] == [
        ("DS002", {"values": 144, "nonzero": 0}),
        ("DS011", {"net": 1, "model": 0}),
    ]
    assert lost.findings == result.net_findings == ()
    words(up.findings[1].message)


def test_a_model_that_tells_of_a_layer_what_caffe_refuses(made: Made, words: Words) -> None:
    """Names and weights may be all that a file has; what more it says must be right."""
    _, model = made(net_of(), "bilinear")
    (row,) = ds.inspect(None, model).layers
    assert row.target is not None
    assert row.target.problem is None
    more = parsed(model.read_bytes())
    more.layer[0].convolution_param.num_output = 3
    model.write_bytes(more.SerializeToString())
    (row,) = ds.inspect(None, model).layers
    assert row.target is not None
    assert row.target.problem is not None
    assert "kernel_size" in row.target.problem
    words(row.target.problem)


def test_a_model_alone_is_held_to_what_it_tells_itself(made: Made, words: Words) -> None:
    _, model = made(net_of(), "zero")
    (found,) = ds.check(None, model).findings
    assert (found.id, found.line, found.layer) == ("DS002", None, "up")
    for verb in (ds.inspect, ds.check):
        with pytest.raises(ValueError, match=r"net.*model") as raised:
            verb()
        words(raised.value, verb.__name__)


def changed(form: str) -> bytes:
    """A good model of a layer ``up`` with 144 weights, in another form."""
    model = parsed(model_of("bilinear", (3, 3, 4, 4)))
    blob = model.layer[0].blobs[0]
    match form:
        case "a value less":
            del blob.data[-1]
        case "a short diff":
            blob.diff.extend([0.0] * 143)
        case "a whole diff":
            blob.diff.extend([0.0] * 144)
        case "diff only":
            blob.ClearField("data")
            blob.diff.extend([0.0] * 144)
        case "two generations":
            model.layers.add(name="other")
    return bytes(model.SerializeToString())


# Which layer's blob it is, of a form that is one's.
FORMS = {
    "a value less": "up",
    "a short diff": "up",
    "diff only": "up",
    "two generations": None,
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_caffe_refuses(form: str, made: Made, words: Words) -> None:
    files = made(net_of(), "")
    files[1].write_bytes(changed(form))
    (found,) = findings_of("DS014", files)
    layer = FORMS[form]
    assert (found.level, found.layer) == (ds.Severity.ERROR, layer)
    assert found.line == (3 if layer else None)
    assert dict(found.numbers) == {
        "blobs": 1 if layer else 0,
        "layers": (layer,) if layer else (),
        "bytes": files[1].stat().st_size,
    }
    words(found.message, form)


@pytest.mark.parametrize("form", ["as it is", "a whole diff"])
def test_forms_that_caffe_takes(form: str, made: Made) -> None:
    files = made(net_of(), "")
    files[1].write_bytes(changed(form))
    assert ids(checked(files)) == []


LARGE = ".fixed.caffemodel.h5"


def test_a_file_of_more_than_two_gibibytes_is_too_large_for_caffe(made: Made) -> None:
    net, model = made(net_of(), "bilinear")
    with model.open("r+b") as file:
        end = file.seek(0, 2)
        # An unknown field of 2**31 bytes behind the layers, all of them a hole.
        file.write(b"\xa2\x3f" + b"\x80\x80\x80\x80\x08")
        file.truncate(end + 7 + 2**31)
    (found,) = ds.check(net, model).findings
    assert (found.id, found.level, found.stops) == ("DS014", ds.Severity.ERROR, True)
    assert dict(found.numbers)["bytes"] == end + 7 + 2**31
    # Whatever form a binary file has, it would be too large again.
    assert found.repair is not None
    assert found.repair.steps == (ds.RepairStep("convert", ("--to", "hdf5")),)
    (line,) = repair_arguments(found.repair.steps, str(net), str(model))
    assert line == ["convert", "--to", "hdf5", str(model), f"{model.with_suffix('')}{LARGE}"]


def test_one_of_two_layers_of_a_name(tmp_path: Path) -> None:
    """Weights go astray between two layers that have some; layers without any are told, too."""
    net = tmp_path / "net.prototxt"
    crop = 'layer { name: "crop" type: "Power" bottom: "up" top: "%s" }\n'
    net.write_text(net_of() + crop % "a" + crop % "b")
    result = ds.check(net)
    (found,) = result.findings
    assert (found.id, found.line, found.layer, found.level) == ("DS012", 6, "crop", "note")
    assert result.passed
    assert dict(found.numbers) == {"layers": 2, "lines": (5, 6)}
    phases = "include { phase: %s }"
    one = net_of(more="param { lr_mult: 0 } " + phases % "TRAIN")
    other = net_of(more="param { lr_mult: 0 } " + phases % "TEST").split("\n", 2)[2]
    net.write_text(one + other)
    assert ds.check(net).findings == ()


def test_an_hdf5_file_may_have_any_size(tmp_path: Path, made: Made) -> None:
    """Caffe's limit of 2 GiB is protobuf's."""
    net, model = made(net_of(), "bilinear")
    large = tmp_path / "large.h5"
    ds.convert(model, large)
    with large.open("r+b") as file:
        file.truncate(2**31 + 4096)  # a hole behind what HDF5 knows of
    (row,) = ds.inspect(net, large).layers
    assert [each.id for each in row.findings] == []
    assert ids(ds.check(net, large)) == []


# --- values that are no numbers

BIASED = "group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: true"
WRITTEN: dict[str, dict[str, Any]] = {
    "binary": {},
    "doubles": {"values": "float64"},
    "raw halves": {"values": "raw-float16"},
    "raw floats": {"values": "raw-float32"},
    "HDF5": {"to": "hdf5"},
    "HDF5 of doubles": {"to": "hdf5", "values": "float64"},
}


def counts(nan: int, infinite: int, bias_nan: int = 0, bias_infinite: int = 0) -> dict[str, int]:
    return {
        "nan": nan,
        "infinite": infinite,
        "values": 48,
        "bias_nan": bias_nan,
        "bias_infinite": bias_infinite,
    }


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize(
    ("weights", "bias", "state", "numbers_"),
    [
        ([np.nan], [], "not-finite", counts(1, 0)),
        ([np.nan, np.inf, -np.inf, np.nan, np.nan], [], "not-finite", counts(3, 2)),
        ([], [np.inf], "bilinear", counts(0, 0, 0, 1)),
        ([np.inf], [np.nan, np.nan, -np.inf], "not-finite", counts(0, 1, 2, 1)),
    ],
    ids=["one", "several", "of the bias", "of both"],
)
def test_what_is_no_number_is_named_in_every_form(
    form: str,
    weights: list[float],
    bias: list[float],
    state: str,
    numbers_: dict[str, int],
    tmp_path: Path,
    words: Words,
) -> None:
    """By every verb that names states; a layer that no pattern takes has the note as well."""
    net, plain, model = tmp_path / "net", tmp_path / "plain", tmp_path / "in"
    net.write_text(net_of(BIASED))
    blobs = [weights_that_are("bilinear", (3, 1, 4, 4)), np.zeros(3)]
    for blob, values in zip(blobs, (weights, bias), strict=True):
        blob.flat[: len(values)] = values
    plain.write_bytes(model_bytes({"up": blobs}, kind="Deconvolution"))
    ds.convert(plain, model, **WRITTEN[form])
    found = [each for each in ds.check(net, model).findings if each.id in ("DS003", "DS018")]
    assert [each.id for each in found] == (["DS003"] if weights else []) + ["DS018"]
    assert (found[-1].layer, found[-1].level, found[-1].line) == ("up", ds.Severity.NOTE, 3)
    assert dict(found[-1].numbers) == numbers_
    words(found[-1].message)
    assert found[-1].repair is not None
    assert found[-1].repair.steps == ()
    if weights:
        assert dict(found[0].numbers) == {"state": "not-finite", "distance": None}
        words(found[0].message, "DS003")
    # Not matched: a note alone.
    result = ds.check(net, model, patterns="other", allow_empty=True)
    kept = [each.id for each in result.findings if each.id != "DS014"]
    assert kept == ["DS018"]
    # The state, wherever it is named.
    code, out, _ = run_here(tmp_path, "inspect", "--json", "net", "in")
    (row,) = parsed_json(out)["layers"]
    assert (code, row["weights"]) == (0, state)
    assert "DS018" in [each["id"] for each in row["findings"]]
    code, out, _ = run_here(tmp_path, "apply", "-n", "--json", "net", "in")
    (row,) = parsed_json(out)["layers"]
    assert (code, row["before"], row["after"]) == (0, state, "bilinear")
    code, out, _ = run_here(tmp_path, "inspect", "net", "in", "--report", "page.html")
    assert (state in out.decode(), code) == (True, 0)
    assert state in (tmp_path / "page.html").read_text()
    # Of the model alone.
    if form.startswith("HDF5"):
        return  # it does not say which layers are Deconvolutions
    (alone,) = ds.inspect(None, model).layers
    assert alone.weights is not None
    assert alone.weights.state == (state if weights else "other")  # its group is not known
    assert alone.findings[-1].id == "DS018"


def test_a_damaged_bias_is_not_counted(tmp_path: Path) -> None:
    """Values that are there in part are DS014's."""
    net, model = tmp_path / "net", tmp_path / "in"
    net.write_text(net_of(BIASED))
    blobs = {"up": [weights_that_are("bilinear", (3, 1, 4, 4)), np.full(3, np.nan)]}
    message = parsed(model_bytes(blobs, kind="Deconvolution"))
    message.layer[0].blobs[1].data.pop()
    model.write_bytes(message.SerializeToString())
    assert "DS018" not in ids(ds.check(net, model))
