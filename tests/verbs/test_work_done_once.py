"""Of the demo's pair nothing is worked out twice along one command, whoever asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel import read_values
from deconvsurgery.kernels import bilinear, fingerprint
from deconvsurgery.matching import compatibility, other_states, shared_blobs
from deconvsurgery.plans.apply import before_and_after
from deconvsurgery.prototxt.net import NetStateRule
from deconvsurgery.shapes import alignment, analysis, coordinates, infer
from deconvsurgery.shapes.layers import pooling, windows
from deconvsurgery.storage import destination
from helpers.models import model_bytes
from helpers.nets import data_layer, up


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("demo") / "d"
    ds.demo(place)
    return place / "net.prototxt", place / "base.caffemodel"


def counted(
    monkeypatch: pytest.MonkeyPatch, *functions: tuple[Any, str]
) -> Counter[tuple[object, ...]]:
    """How often each function is called: by its name, and by the layer where it gets one."""
    found: Counter[tuple[object, ...]] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **options: Any) -> Any:
            first = args[0]
            found[name, first.name if isinstance(first, ds.Layer) else None] += 1
            return function(*args, **options)

        return called

    for module, name in functions:
        monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    return found


VERBS: dict[str, Callable[[Path, Path, Path], object]] = {
    "apply": lambda net, model, place: ds.apply(net, model, place / "out.caffemodel"),
    "check": lambda net, model, place: ds.check(net, model),
    "inspect": lambda net, model, place: ds.inspect(net, model, every_layer=True, pictures=True),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_state_is_analysed_once(
    verb: str, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both phases have the same layers here, so that they are one state."""
    found = counted(
        monkeypatch,
        (infer, "_walk"),
        (infer, "_set_up"),
        (windows, "convolution_window"),
        (pooling, "pooling_window"),
        (coordinates, "pooling_window"),
        (alignment, "placements"),
        (alignment, "layer_map"),
        (analysis, "unjoined"),
        (analysis, "uncertain_layers"),
        (other_states, "_unlike"),
        (shared_blobs, "_owners"),
    )
    compared: list[tuple[object, object]] = []  # a repair that is tried makes another model
    whole = compatibility._compatibility

    def counting(net: Any, model: Any, states: Any) -> Any:
        compared.append((net, model))
        return whole(net, model, states)

    monkeypatch.setattr(compatibility, "_compatibility", counting)
    VERBS[verb](*pair, tmp_path)
    assert len(compared) == len({(id(net), id(model)) for net, model in compared}) > 0
    net = ds.read_net(pair[0])
    types = Counter(layer.type for layer in net.layers)
    assert found["_walk", None] == 1
    convolutions = types["Convolution"] + types["Deconvolution"]
    assert found.pop(("convolution_window", None)) == convolutions
    assert found.pop(("pooling_window", None)) == types["Pooling"]
    assert set(found.values()) == {1}
    assert sum(name == "_set_up" for name, _ in found) == len(net.layers)


@pytest.mark.parametrize("patch", [None, "patch"])
def test_a_place_is_looked_up_and_checked_once(
    patch: str | None, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file that `apply` writes; who writes it is given what was found."""
    found = counted(monkeypatch, (destination, "found_place"), (destination, "check_place"))
    save = patch and tmp_path / patch
    result = ds.apply(*pair, tmp_path / "out.caffemodel", save_patch=save)
    assert result.written
    assert set(found.values()) == {len(list(tmp_path.iterdir()))}


@pytest.mark.parametrize(
    ("options", "reads_of_upscore2"),
    [
        ({}, 1),
        ({"dry_run": True, "keep_off_diagonal": True}, 1),
        ({"keep_off_diagonal": True}, 2),  # once more to write what it keeps
    ],
)
def test_weights_are_read_once_to_plan_and_a_fill_and_a_kernel_are_made_once(
    options: dict[str, Any],
    reads_of_upscore2: int,
    pair: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both layers have kernel 4 and stride 2, and weights that are another kernel's."""
    model = tmp_path / "model"
    kernels = pair[1].with_name("fcn.caffemodel").read_bytes()
    model.write_bytes(kernels.replace(np.float32(0.5625).tobytes(), np.float32(0.5).tobytes()))
    reads: Counter[object] = Counter()
    fills: Counter[object] = Counter()
    read, make = read_values._values, ds.BilinearFill.__init__

    def reading(source: Any, chunk: Any, first: int, count: int) -> Any:
        reads[count] += 1
        return read(source, chunk, first, count)

    def making(fill: ds.BilinearFill, *args: Any, **numbers: Any) -> None:
        make(fill, *args, **numbers)
        fills[fill.shape] += 1

    monkeypatch.setattr(read_values, "_values", reading)
    monkeypatch.setattr(ds.BilinearFill, "__init__", making)
    bilinear._kept_product.cache_clear()
    fingerprint._kept_ideals.cache_clear()
    before_and_after._look_at_few.cache_clear()
    result = ds.apply(pair[0], model, tmp_path / "out", **options)
    assert [change.action for change in result.plan.changes] == [ds.ApplyAction.REWRITTEN] * 2
    assert reads == {400: reads_of_upscore2, 80: 1}  # the values of upscore2, of upscore
    assert fills == {(5, 5, 4, 4): 1, (5, 1, 4, 4): 1}
    assert fingerprint._kept_ideals.cache_info().misses == 1
    assert bilinear._kept_product.cache_info().misses == len((ds.Formula.FCN, ds.Formula.CAFFE_1_0))


def test_states_with_the_same_layers_are_one() -> None:
    """Where nothing is said of phases both are; a layer of one phase parts them."""
    net = ds.Net(layers=(ds.Layer(0, "a", "ReLU"), ds.Layer(1, "b", "ReLU")))
    assert analysis.states_apart(net, net.states()) == net.states()[:1]
    test, train = net.states()
    only = ds.Layer(2, "c", "ReLU", include=(NetStateRule(phase=train.phase),))
    assert analysis.states_apart(ds.Net(layers=(*net.layers, only)), (test, train)) == (test, train)


@pytest.mark.parametrize("layers", [3, 30])
def test_equal_weights_are_looked_at_once(
    layers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many layers have them; each other shape, stride or value is looked at by itself."""
    names = [f"up{number}" for number in range(layers)]
    net = tmp_path / "net"
    net.write_text(data_layer(1, 3, 5, 6) + "".join(map(up, names)))
    model = tmp_path / "in"
    weights = {name: [np.zeros((3, 1, 4, 4), np.float32)] for name in names}
    weights[names[-1]] = [np.ones((3, 1, 4, 4), np.float32)]
    model.write_bytes(model_bytes(weights))
    looks: list[object] = []
    looked = before_and_after._looked

    def counting(rows: Any, asked: Any) -> Any:
        looks.append(asked)
        return looked(rows, asked)

    monkeypatch.setattr(before_and_after, "_looked", counting)
    before_and_after._look_at_few.cache_clear()
    result = ds.apply(net, model, dry_run=True)
    assert [str(change.before.state) for change in result.plan.changes] == [
        *["zero"] * (layers - 1),
        "constant",
    ]
    assert len(looks) == 2
