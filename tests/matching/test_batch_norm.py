"""BatchNorm with scale and shift in it: NVIDIA's, Xilinx's and Intel's, beside Caffe's.

A net says by its own text which it has; scale and shift are never dropped for a Scale layer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.documents import parsed_json
from helpers.models import NetParameter, model_bytes, noise, parsed, weights_of
from helpers.nets import data_layer, layer
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here
from helpers.wire import layer_v2, legacy_dims, sized
from helpers.words import Words, numbers

C = 4
VECTOR, IMAGE, ONE, ONE_IMAGE = (C,), (1, C, 1, 1), (1,), (1, 1, 1, 1)
FILLERS = 'scale_filler { type: "constant" value: 1 } bias_filler { value: 0 }'
PLAIN = (VECTOR, VECTOR, ONE)

# text of batch_norm_param, shapes in the model
FITTING: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {
    "BVLC": ("use_global_stats: true", PLAIN),
    "BVLC, no text": ("", PLAIN),
    "NVIDIA 0.14": (FILLERS, (IMAGE, IMAGE, ONE_IMAGE, IMAGE, IMAGE)),
    "NVIDIA 0.14, short factor": (FILLERS, (IMAGE, IMAGE, ONE, IMAGE, IMAGE)),
    "NVIDIA 0.14, no cuDNN": (FILLERS, PLAIN),
    "NVIDIA 0.15": (FILLERS, (IMAGE, IMAGE, IMAGE, IMAGE, ONE)),
    "NVIDIA 0.15, CPU": (FILLERS, (VECTOR, VECTOR, VECTOR, VECTOR, ONE)),
    "NVIDIA 0.15, factors": (FILLERS, (IMAGE,) * 5),
    "NVIDIA 0.17": (FILLERS, (VECTOR, VECTOR, ONE, VECTOR, VECTOR)),
    "one filler": ("scale_filler { value: 1 }", (IMAGE, IMAGE, IMAGE, IMAGE, ONE)),
    "the other": ("bias_filler { value: 1 }", (IMAGE, IMAGE, IMAGE, IMAGE, ONE)),
    "NVIDIA 0.17, scale_bias": ("scale_bias: true", (VECTOR, VECTOR, ONE, VECTOR, VECTOR)),
    "Intel": ("use_weight_bias: true bias_term: true", (*PLAIN, VECTOR, VECTOR)),
    "Intel, by default": ("relu: true", (*PLAIN, VECTOR, VECTOR)),
    "Intel, engine": ("engine: MKLDNN", (*PLAIN, VECTOR, VECTOR)),
    "Intel, no shift": ("use_weight_bias: true bias_term: false", (*PLAIN, VECTOR)),
    "Intel, no scale": ("use_weight_bias: false", PLAIN),
    "Intel, older": ("use_weight_bias: true", (VECTOR, VECTOR)),
    "Intel, older, no shift": ("use_weight_bias: true bias_term: false", (VECTOR,)),
    "happynear's": ("disable_mean: true", (VECTOR,) * 2),
}
UNFIT: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {
    "one too few": (FILLERS, (VECTOR,) * 4),
    "another number of channels": (FILLERS, ((C + 1,),) * 4 + (ONE,)),
    "another fork's": ("scale_bias: true", (IMAGE, IMAGE, ONE, IMAGE, IMAGE)),
    "without scale and shift": ("scale_bias: true", PLAIN),
    "Intel's without them": ("use_weight_bias: true", PLAIN),
    "with them": ("", (*PLAIN, VECTOR, VECTOR)),
    "with a scale": ("", (*PLAIN, VECTOR)),
    "one blob": ("", (VECTOR,)),
}


def net(param: str, *, scale: bool = False, more: str = "") -> str:
    conv = "convolution_param { num_output: 4 kernel_size: 1 bias_term: false }"
    norm = f"batch_norm_param {{ {param} }}" if param else ""
    text = data_layer(1, 3, 8, 8) + layer("conv1", "Convolution", conv)
    text += layer("bn1", "BatchNorm", norm, bottom="conv1", more=more)
    if scale:
        text += layer("scale1", "Scale", "scale_param { bias_term: true }", bottom="bn1")
    return text


def model(shapes: tuple[tuple[int, ...], ...]) -> bytes:
    blobs = [1 + noise(*shape, seed=at) ** 2 for at, shape in enumerate(shapes)]
    return model_bytes({"conv1": [noise(4, 3, 1, 1)], "bn1": blobs}, kind="BatchNorm")


def checked(place: Path, text: str, data: bytes) -> list[dict[str, Any]]:
    (place / "n").write_text(text)
    (place / "m").write_bytes(data)
    _, out, _ = run_here(place, "check", "--json", "--allow-empty", "--select", "DS011", "n", "m")
    findings: list[dict[str, Any]] = parsed_json(out)["findings"]
    return [each for each in findings if each["layer"] != "conv1"]


@pytest.mark.parametrize(("param", "shapes"), FITTING.values(), ids=FITTING)
def test_what_the_nets_own_text_says_is_no_finding(
    tmp_path: Path, param: str, shapes: tuple[tuple[int, ...], ...]
) -> None:
    assert checked(tmp_path, net(param), model(shapes)) == []
    # a transplant takes it as it stands, or leaves a layer alone of which nothing is known
    assert run_here(tmp_path, "transplant", "n", "m", "o")[0] == 0
    made = weights_of((tmp_path / "o").read_bytes())["bn1"]
    old = weights_of((tmp_path / "m").read_bytes())["bn1"]
    assert [each.shape for each in made] == [each.shape for each in old]
    assert all(map(np.array_equal, made, old))


def test_three_params_are_three_blobs_of_intels(tmp_path: Path) -> None:
    three = "param { lr_mult: 0 } " * 3
    text = net("use_weight_bias: true", more=three)
    assert checked(tmp_path, text, model(PLAIN)) == []
    (finding,) = checked(tmp_path, text, model((*PLAIN, VECTOR, VECTOR)))
    assert finding["numbers"] == {"net": 3, "model": 5}


@pytest.mark.parametrize(("param", "shapes"), UNFIT.values(), ids=UNFIT)
def test_what_it_does_not_say_is_one_and_no_command_drops_a_blob(
    tmp_path: Path, param: str, shapes: tuple[tuple[int, ...], ...], words: Words
) -> None:
    (finding,) = checked(tmp_path, net(param), model(shapes))
    assert (finding["layer"], finding["severity"], finding["command"]) == ("bn1", "error", None)
    words(finding["message"], "finding")
    words(finding["repair"], "repair")
    code, out, _ = run_here(tmp_path, "transplant", "--json", "n", "m", "o")
    error = parsed_json(out)["error"]
    assert (code, error["layer"], (tmp_path / "o").exists()) == (3, "bn1", False)
    words("\n".join((error["message"], error["hint"])), "transplant")


def test_scale_and_shift_are_not_dropped_for_a_scale_layer(tmp_path: Path) -> None:
    """Nor is the Scale's filler offered in their place."""
    found = checked(tmp_path, net("", scale=True), model((*PLAIN, VECTOR, VECTOR)))
    assert [(each["layer"], each["command"]) for each in found] == [("bn1", None), ("scale1", None)]
    assert found[0]["numbers"] == {"net": 3, "model": 5}


def test_nor_a_scale_layer_for_them(tmp_path: Path) -> None:
    data = model_bytes(
        {
            "conv1": [noise(4, 3, 1, 1)],
            "bn1": [noise(4), noise(4) ** 2, np.ones(1)],
            "scale1": [noise(4), noise(4)],
        }
    )
    found = checked(tmp_path, net("scale_bias: true"), data)
    assert [(each["layer"], each["command"]) for each in found] == [("bn1", None), (None, None)]


def test_a_layer_that_the_model_lacks_is_left_to_its_fork(tmp_path: Path, words: Words) -> None:
    (tmp_path / "n").write_text(net(FILLERS))
    (tmp_path / "m").write_bytes(model_bytes({"conv1": [noise(4, 3, 1, 1)]}))
    code, out, _ = run_here(tmp_path, "transplant", "--json", "n", "m", "o")
    (row,) = (each for each in parsed_json(out)["layers"] if each["name"] == "bn1")
    assert code == 0
    assert [each.name for each in parsed((tmp_path / "o").read_bytes()).layer] == ["data", "conv1"]
    words("\n".join(row["told"]))


def test_legacy_dims_of_such_a_layer(tmp_path: Path) -> None:
    """NVIDIA 0.14's (1, C, 1, 1) are what they say; Intel's have 1s in front."""
    values = sized(5, noise(4).tobytes())
    image = legacy_dims(*IMAGE) + values
    one = legacy_dims(1, 1, 1, 1) + sized(5, noise(1).tobytes())
    data = layer_v2(b"bn1", b"BatchNorm", image, image, one, image, image)
    assert checked(tmp_path, net(FILLERS), data) == []
    assert run_here(tmp_path, "convert", "--net", "n", "m", "o")[0] == 0
    made = weights_of((tmp_path / "o").read_bytes())["bn1"]
    assert [each.shape for each in made] == [IMAGE, IMAGE, ONE, IMAGE, IMAGE]
    vector = legacy_dims(*VECTOR) + values
    data = layer_v2(b"bn1", b"BatchNorm", vector, vector, one, vector, vector)
    assert checked(tmp_path, net("use_weight_bias: true"), data) == []


def test_in_hdf5(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    (tmp_path / "b").write_bytes(model((IMAGE, IMAGE, IMAGE, IMAGE, ONE)))
    assert run_here(tmp_path, "convert", "b", "m.h5")[0] == 0
    assert checked(tmp_path, net(FILLERS), (tmp_path / "m.h5").read_bytes()) == []


# --- other blobs that a repair would drop


@pytest.mark.parametrize(("bias", "dropped"), [(0.0, True), (0.5, False)])
def test_a_blob_is_dropped_only_where_it_holds_nothing(
    tmp_path: Path, bias: float, dropped: bool
) -> None:
    data = model_bytes({"bn1": [noise(4), noise(4) ** 2, np.ones(1)]})
    message = NetParameter.FromString(data)
    conv = message.layer.add(name="conv1")
    for array in (noise(4, 3, 1, 1), np.full(4, bias)):
        conv.blobs.add(data=array.ravel().tolist()).shape.dim.extend(array.shape)
    (tmp_path / "n").write_text(net(""))
    (tmp_path / "m").write_bytes(message.SerializeToString())
    _, out, _ = run_here(tmp_path, "check", "--json", "--allow-empty", "n", "m")
    (finding,) = parsed_json(out)["findings"]
    assert (finding["layer"], finding["numbers"]) == ("conv1", {"net": 1, "model": 2})
    assert (finding["command"] is not None) == dropped


# --- what a real Caffe says of it


@at_hand
def test_a_real_caffe_stops_at_another_number_of_blobs() -> None:
    assert real_caffe(net("", scale=True), model((*PLAIN, VECTOR, VECTOR))).at == "model"
    assert not real_caffe(net(""), model(PLAIN)).stops
    assert real_caffe(net(FILLERS)).at in ("net", "read")
    assert numbers(real_caffe(net(""), model((VECTOR,))).message)
