"""DS015: bottoms that do not meet, bottoms that no layer makes, tops made twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.shapes.connections import Fault, unjoined
from helpers.documents import parsed_json
from helpers.nets import TEST, TRAIN, conv, data_layer, layer, up
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here
from helpers.words import Words, names, shapes

DATA = data_layer(1, 3, 135, 240)
POOL = layer("pool", "Pooling", "pooling_param { kernel_size: 2 stride: 2 }")
UP = up(
    param="num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1",
    bottom="pool",
    more="param { lr_mult: 0 }",
)
WAY = DATA + POOL + UP
"""Pooling rounds 135 up to 68, of which the Deconvolution makes 136."""

CROP = "crop_param { axis: 2 offset: %d }"


def net_of(text: str) -> ds.Net:
    return ds.parse_net(text.encode())


def stops(text: str, **options: Any) -> list[ds.Finding]:
    found = ds.check(net_of(text), allow_empty=True, select="DS015", **options).findings
    assert all(each.level == "error" for each in found)
    return list(found)


def where(found: list[ds.Finding]) -> list[tuple[str | None, int | None]]:
    return [(each.layer, each.line) for each in found]


# a net of one fault each: its text, the layer that stops and its line
BROKEN = {
    "Eltwise, sizes": (WAY + layer("it", "Eltwise", bottom=("data", "up")), 4),
    "Eltwise, axes": (
        DATA + layer("f", "Flatten") + layer("it", "Eltwise", bottom=("data", "f")), 3,
    ),
    "Eltwise, channels": (DATA + conv("c", "num_output: 4 kernel_size: 1")
        + layer("it", "Eltwise", bottom=("data", "c")), 3),
    "Eltwise of three": (WAY + layer("it", "Eltwise", bottom=("data", "data", "up")), 4),
    "Eltwise of one": (DATA + layer("it", "Eltwise"), 2),
    "Eltwise, volumes": (data_layer(1, 2, 9, 9, 9) + data_layer(1, 2, 8, 9, 9, name="d2")
        + layer("it", "Eltwise", bottom=("data", "d2")), 3),
    "Concat, sizes": (WAY + layer("it", "Concat", bottom=("data", "up")), 4),
    "Concat over height": (DATA + conv("c", "num_output: 4 kernel_size: 1")
        + layer("it", "Concat", "concat_param { axis: 2 }", bottom=("data", "c")), 3),
    "Concat, no such axis": (
        DATA + layer("it", "Concat", "concat_param { axis: 4 }", bottom=("data", "data")), 2,
    ),
    "Crop, too large": (WAY + layer("it", "Crop", CROP % 0, bottom=("data", "up")), 4),
    "Crop, offset": (WAY + layer("it", "Crop", CROP % 2, bottom=("up", "data")), 4),
    "Crop, silent": (WAY + layer("it", "Crop", bottom=("data", "up")), 4),
    "Crop, no such axis": (
        WAY + layer("it", "Crop", "crop_param { axis: 4 }", bottom=("up", "data")), 4,
    ),
    "Crop, fewer axes": (
        DATA + layer("f", "Flatten") + layer("it", "Crop", bottom=("data", "f")), 3,
    ),
    "Crop, offsets": (
        WAY + layer("it", "Crop", "crop_param { axis: 1 offset: 0 offset: 0 }",
                    bottom=("up", "data")), 4,
    ),
    "bottom": (DATA + layer("it", "ReLU", bottom="datas"), 2),
    "bottom made later": (DATA + layer("it", "ReLU", bottom="c") + conv("c"), 2),
    "bottom twice": (DATA + layer("it", "Eltwise", bottom=("x", "x")), 2),
    "input without a size": ('input: "x"\n' + layer("it", "ReLU", bottom="x"), 2),
    "top": (DATA + conv("c") + layer("it", "ReLU", top="c"), 3),
    "top of an input": (DATA + layer("it", "ReLU", top="data", bottom=("c",))
        .replace("layer", conv("c") + "layer", 1), 3),
    "top at another place": (
        DATA + conv("c") + layer("it", "Eltwise", bottom=("data", "c"), top="c"), 3,
    ),
    "two tops": (DATA + layer("it", "Split", more='top: "it"'), 2),
    "in place, read by another": (DATA + conv("c") + layer("r", "Power", bottom="c")
        + layer("it", "ReLU", bottom="c", top="c"), 4),
    "in place, read twice": (DATA + layer("it", "Eltwise", bottom=("data", "data"), top="data"), 2),
    "in place, a loss": (DATA + conv("c", more="loss_weight: 1")
        + layer("it", "ReLU", bottom="c", top="c"), 3),
}  # fmt: skip

# nets of the same kinds that Caffe sets up
WHOLE = {
    "Eltwise": WAY.replace("135", "136") + layer("it", "Eltwise", bottom=("data", "up")),
    "Concat": DATA + conv("c", "num_output: 4 kernel_size: 1")
    + layer("it", "Concat", bottom=("data", "c")),
    "Crop": WAY + layer("it", "Crop", CROP % 0, bottom=("up", "data")),
    "Crop to more axes": data_layer(1, 3, 4, 5) + data_layer(1, 3, 3, 3, 9, name="more")
    + layer("it", "Crop", bottom=("data", "more")),
    "in place": DATA + conv("c") + layer("r", "ReLU", bottom="c", top="c")
    + layer("a", "Power", bottom="c") + layer("b", "Eltwise", bottom=("c", "a")),
    "in place, one after the other": DATA + layer("r", "ReLU", top="data")
    + layer("it", "Power", top="data"),
    "a loss of no weight": DATA + conv("c", more="loss_weight: 0")
    + layer("it", "ReLU", bottom="c", top="c"),
    "input": 'input: "x" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4\n'
    + layer("it", "ReLU", bottom="x"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_layer_at_which_caffe_stops(case: str, words: Words) -> None:
    text, line = BROKEN[case]
    (found,) = stops(text)
    assert where([found]) == [("it", line)]
    assert found.repair is not None
    assert found.repair.steps == ()
    words([found.message, found.repair.words], case)


@pytest.mark.parametrize("case", WHOLE)
def test_a_net_that_is_whole(case: str) -> None:
    assert stops(WHOLE[case]) == []


@at_hand
@pytest.mark.parametrize("case", [*BROKEN, *WHOLE])
def test_a_real_caffe_does_so(case: str) -> None:
    text = BROKEN[case][0] if case in BROKEN else WHOLE[case]
    assert real_caffe(text).stops == (case in BROKEN)


def test_the_numbers_prove_it() -> None:
    (found,) = stops(BROKEN["Eltwise, sizes"][0])
    assert shapes(found.message) == [(1, 3, 135, 240), (1, 3, 136, 240)]
    assert dict(found.numbers) == {"bottoms": ((1, 3, 135, 240), (1, 3, 136, 240))}
    (found,) = stops(BROKEN["bottom"][0])
    assert names(found.message) == ["datas", "data"]
    assert dict(found.numbers) == {"bottom": "datas", "nearest": "data"}
    (found,) = stops(BROKEN["top"][0])
    assert dict(found.numbers) == {"top": "c"}


def test_a_disputed_size_stops_one_layer() -> None:
    """What becomes of it behind that nobody knows."""
    text = BROKEN["Eltwise, sizes"][0]
    text += layer("later", "Eltwise", bottom=("it", "data"))
    assert where(stops(text)) == [("it", 4)]


def test_a_bottom_that_is_lacking_is_told_once() -> None:
    text = DATA + layer("a", "ReLU", bottom="x") + layer("b", "ReLU", bottom="x")
    assert where(stops(text)) == [("a", 2)]


@pytest.mark.parametrize(
    "between",
    [
        layer("f", "Interp", "interp_param { zoom_factor: 2 }", bottom="pool"),
        layer("f", "Upsample", "upsample_param { scale: 2 }", bottom="pool"),
        layer("f", "MyUpsampling", bottom="pool"),
        layer("f", "Python", "python_param { module: 'a' layer: 'b' }", bottom="pool"),
        UP.replace('"up"', '"f"').replace("pad: 1", "pad: 1 pad_type: 1"),
        layer("f0", "Convolution", bottom="pool",
              param="convolution_param { num_output: 3 kernel_size: 3 dilated: 2 }")
        + UP.replace('"up"', '"f"').replace('"pool"', '"f0"'),
        layer("f0", "Pooling", "pooling_param { kernel_size: [2, 2] stride: [2, 2] }")
        + UP.replace('"up"', '"f"').replace('"pool"', '"f0"'),
    ],
    ids=["Interp", "Upsample", "unknown", "Python", "field", "field ahead", "opencl branch"],
)  # fmt: skip
def test_sizes_behind_a_fork_are_not_certain(between: str) -> None:
    net = DATA + POOL + between
    for kind in ("Eltwise", "Concat"):
        assert stops(net + layer("it", kind, bottom=("data", "f"))) == []
    assert stops(net + layer("it", "Crop", bottom=("data", "f"))) == []


def test_a_fork_elsewhere_leaves_them_certain() -> None:
    text = WAY + layer("f", "Interp") + layer("it", "Eltwise", bottom=("data", "up"))
    assert where(stops(text)) == [("it", 5)]
    again = layer("r", "MyLayer", bottom="pool", top="up2") + layer("data2", "Input",
        "input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } }", bottom="", top="fresh",
    )  # fmt: skip
    text = WAY + again + layer("it", "Eltwise", bottom=("data", "fresh"))
    assert where(stops(text)) == [("it", 6)]


def test_a_crop_of_the_fcn_era_has_its_own_way() -> None:
    v1 = (
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'
        'layers { name: "p" type: POOLING bottom: "data" top: "p" '
        "pooling_param { kernel_size: 2 } }\n"
        'layers { name: "it" type: %s bottom: "p" bottom: "data" top: "it" }\n'
    )
    assert stops(v1 % "CROP") == []
    assert where(stops(v1 % "ELTWISE")) == [("it", 3)]


# ── phases ───────────────────────────────────────────────────────────────────────────────


def test_a_net_for_training_alone_has_no_data_to_test_with() -> None:
    text = data_layer(1, 3, 8, 8).replace("top:", f"{TRAIN} top:") + conv("c")
    assert stops(text) == []
    assert stops(text, phase="train") == []
    assert where(stops(text, phase="test")) == [("c", 2)]


def test_what_stops_in_one_phase_is_told() -> None:
    one, two = (
        data_layer(1, 3, size, 8).replace("top:", f"{phase} top:")
        for size, phase in ((8, TRAIN), (9, TEST))
    )
    text = one + two + data_layer(1, 3, 8, 8, name="other")
    text += layer("it", "Eltwise", bottom=("data", "other"))
    assert where(stops(text)) == [("it", 4)]
    assert stops(text, phase="train") == []


def test_tops_of_two_phases_are_not_made_twice() -> None:
    one, two = (data_layer(1, 3, 8, 8).replace("top:", f"{phase} top:") for phase in (TRAIN, TEST))
    assert stops(one + two + conv("c")) == []
    assert where(stops(one + one)) == [("data", 2)]


# ── as inspect says it, and the other forms ─────────────────────────────────────────────


def test_inspect_has_it_as_the_nets(tmp_path: Path) -> None:
    (tmp_path / "net").write_text(WAY + layer("it", "Eltwise", bottom=("data", "up")))
    code, out, _ = run_here(tmp_path, "inspect", "--json", "net")
    document = parsed_json(out)
    assert code == 0
    assert [(each["id"], each["layer"], each["line"]) for each in document["net_findings"]] == [
        ("DS015", "it", 4)
    ]
    assert [each["findings"] for each in document["layers"]] == [[]]
    code, out, _ = run_here(tmp_path, "inspect", "net")
    assert code == 0
    assert b"net:4: DS015 it: " in out
    assert b"1 finding in 1 layer." in out
    code, out, _ = run_here(tmp_path, "inspect", "--json", "--all", "net")
    document = parsed_json(out)
    assert document["net_findings"] == []
    assert [each["id"] for each in document["layers"][-1]["findings"]] == ["DS015"]


def test_inspect_has_a_deconvolutions_in_its_row() -> None:
    result = ds.inspect(net_of(DATA + up(bottom="nothing")))
    assert result.net_findings == ()
    assert "DS015" in [each.id for each in result.layers[0].findings]


def test_check_ends_with_1_and_names_the_layer(tmp_path: Path) -> None:
    (tmp_path / "net").write_text(WAY + layer("it", "Eltwise", bottom=("data", "up")))
    code, out, _ = run_here(tmp_path, "check", "--json", "net")
    (found,) = parsed_json(out)["findings"]
    assert (code, found["id"], found["layer"], found["line"]) == (1, "DS015", "it", 4)
    code, *_ = run_here(tmp_path, "check", "--ignore", "DS015", "net")
    assert code == 0


def test_every_fault_has_its_layer_and_the_one_before() -> None:
    net = net_of(DATA + conv("c") + layer("r", "ReLU", bottom="x", top="c"))
    assert [(each.layer.name, each.blob, each.fault) for each in unjoined(net)] == [
        ("r", "x", Fault.UNKNOWN_BOTTOM), ("r", "c", Fault.TOP_TWICE),
    ]  # fmt: skip
    assert [each.earlier and each.earlier.name for each in unjoined(net)] == [None, "c"]


def test_for_a_name_of_any_length_none_is_suggested() -> None:
    long = "n" * 81
    text = DATA + layer(long, "ReLU", bottom="data") + layer("it", "ReLU", bottom=f"{long}n")
    (found,) = stops(text)
    assert (found.layer, dict(found.numbers)) == ("it", {"bottom": f"{long}n", "nearest": None})
