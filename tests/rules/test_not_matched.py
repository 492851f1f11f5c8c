"""DS017, and the note of ``apply`` that goes with it: upsampling layers that no pattern takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import Array, model_bytes

HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
LAYER = (
    'layer {{ name: "{name}" type: "Deconvolution" bottom: "data" top: "{name}" {more}\n'
    "  convolution_param {{ num_output: 3 group: 3 bias_term: {bias} {param} }} }}\n"
)
FACTOR2 = "kernel_size: 4 stride: 2 pad: 1"
FROZEN = "param { lr_mult: 0 }"
KERNEL = np.broadcast_to(ds.bilinear_kernel((4, 4)), (3, 1, 4, 4))
BILINEAR = 'weight_filler { type: "bilinear" }'


def layer(name: str, param: str = FACTOR2, more: str = FROZEN, bias: str = "false") -> str:
    return LAYER.format(name=name, param=param, more=more, bias=bias)


def model_of(score: Array | None) -> bytes:
    """``up`` is right; ``score`` is what is given, or missing."""
    layers = {"up": [KERNEL]} | ({} if score is None else {"score": [score]})
    return model_bytes(layers, kind="Deconvolution")


def written(folder: Path, score: str, weights: Array | None) -> tuple[Path, Path]:
    net, model = folder / "net.prototxt", folder / "in.caffemodel"
    net.write_text(HEAD + layer("up") + score, "utf-8")
    model.write_bytes(model_of(weights))
    return net, model


def notes(result: ds.CheckResult) -> list[ds.Finding]:
    return [each for each in result.findings if each.id == "DS017"]


ZERO = np.zeros((3, 1, 4, 4))
NOISE = np.random.default_rng(5).normal(size=(3, 1, 4, 4))
# The layer, its weights, and whether it is said that no pattern takes it.
CASES: list[tuple[str, str, Array | None, bool]] = [
    ("zero", layer("score"), ZERO, True),
    ("missing", layer("score"), None, True),
    ("zero, and a filler that is not used", layer("score", f"{FACTOR2} {BILINEAR}"), ZERO, True),
    ("zero, and it may be trained", layer("score", more=""), ZERO, True),
    ("missing, and a filler makes them", layer("score", f"{FACTOR2} {BILINEAR}"), None, False),
    ("right", layer("score"), KERNEL, False),
    ("something", layer("score"), NOISE, False),
    (
        "learned",
        layer("score", f'{FACTOR2} weight_filler {{ type: "msra" }}', "", "true"),
        None,
        False,
    ),
    ("nothing enlarged", layer("score", "kernel_size: 3 pad: 1"), None, False),
    (
        "nearest",
        layer("score", "kernel_size: 2 stride: 2 weight_filler { value: 1 }"),
        None,
        False,
    ),
]


@pytest.mark.parametrize(
    ("score", "weights", "said"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_in_a_model(score: str, weights: Array | None, said: bool, tmp_path: Path) -> None:
    files = written(tmp_path, score, weights)
    found = notes(ds.check(*files))
    assert [(each.layer, each.line, str(each.level)) for each in found] == (
        [("score", 4, "note")] if said else []
    )
    plan = ds.apply(*files, dry_run=True).plan
    assert ["'score'" in words for words in plan.notes] == [True] * said
    # Where a pattern takes it the rules of matched layers say it, and where it is left out nobody.
    for options in ({"patterns": "*"}, {"patterns": "*", "exclude": "score"}):
        given: dict[str, Any] = {**options}
        assert not notes(ds.check(*files, **given))
        assert not ds.apply(*files, dry_run=True, any_gain=True, **given).plan.notes


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (layer("score"), True),
        (layer("score", "kernel_size: 5 stride: 2"), True),  # a pattern brings DS006, too
        (layer("score", more=""), False),
        (layer("score", f"{FACTOR2} {BILINEAR}"), False),
        (layer("score", "kernel_size: 4 pad: 1"), False),
    ],
)
def test_in_a_net_alone(score: str, said: bool, tmp_path: Path) -> None:
    net, _ = written(tmp_path, score, None)
    assert len(notes(ds.check(net))) == said


def test_inspect_says_the_same(tmp_path: Path) -> None:
    files = written(tmp_path, layer("score"), ZERO)
    rows = {row.name: [each.id for each in row.findings] for row in ds.inspect(*files).layers}
    assert rows == {"up": [], "score": ["DS017"]}


def test_its_command_fills_it(tmp_path: Path) -> None:
    net, model = written(tmp_path, layer("score"), ZERO)
    (finding,) = notes(ds.check(net, model))
    assert finding.repair is not None
    (step,) = finding.repair.steps
    assert (step.verb, step.options) == ("apply", ("-p", "score"))
    ds.apply(net, model, tmp_path / "out", patterns="score")
    assert ds.check(net, tmp_path / "out", patterns="*").findings == ()


def test_apply_names_them_all_at_once(tmp_path: Path) -> None:
    net, model = written(tmp_path, layer("score") + layer("side") + layer("ups"), ZERO)
    (note,) = ds.apply(net, model, dry_run=True).plan.notes
    assert "'score'" in note
    assert "'side'" in note
    assert "'ups'" not in note  # it is matched, and filled
