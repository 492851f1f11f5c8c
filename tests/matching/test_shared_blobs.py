"""Whose memory a blob is: only layers of one state share, and any of them may have the copy."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.matching.shared_blobs import owners
from helpers.models import model_bytes
from helpers.nets import TEST, TRAIN, UP, conv, data_layer, up
from helpers.oracles import tent
from helpers.real_caffe import at_hand, real_caffe

DATA = data_layer(1, 3, 8, 8)
SHARED = 'param { name: "w" }'


def net_of(*rules: str) -> str:
    """Deconvolutions a, b, c … that share their weights, as far as these rules let them."""
    return DATA + "".join(
        up(name, UP, more=f"{SHARED} {rule}") for name, rule in zip("abcd", rules, strict=False)
    )


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (("", ""), {"b": "a"}),
        ((TRAIN, TEST), {}),
        ((TRAIN, TEST, ""), {"b": "a", "c": "a"}),  # through c, in one phase each
        ((TEST, TRAIN, ""), {"b": "a", "c": "a"}),
        ((TRAIN, "", ""), {"b": "a", "c": "a"}),
        ((TRAIN, TRAIN, TEST, TEST), {"b": "a", "d": "c"}),
    ],
    ids=str,
)
def test_an_owner_is_the_first_of_those_that_meet(
    rules: tuple[str, ...], expected: dict[str, str]
) -> None:
    net = ds.parse_net(net_of(*rules).encode())
    assert {name: owner for (name, _), (owner, _) in owners(net, net.states()).items()} == expected


def test_namesakes_in_another_order_share_with_each_other() -> None:
    lines = [
        up(name, UP, more=f"{SHARED} {rule}")
        for name, rule in zip("abba", (TRAIN, TRAIN, TEST, TEST), strict=True)
    ]
    net = ds.parse_net((DATA + "".join(lines)).encode())
    assert owners(net, net.states()) == {("b", 0): ("a", 0)}


def test_layers_of_two_phases_do_not_bar_each_other(tmp_path: Path) -> None:
    """A Convolution of TRAIN and a Deconvolution of TEST may call their weights alike."""
    text = DATA + conv("c", more=f"{SHARED} {TRAIN}") + up("up", UP, more=f"{SHARED} {TEST}")
    (tmp_path / "net").write_text(text)
    (tmp_path / "in").write_bytes(model_bytes({}))
    result = ds.apply(tmp_path / "net", tmp_path / "in", tmp_path / "out")
    assert [change.action for change in result.plan.changes] == ["created"]
    together = text.replace(TRAIN, "")
    (tmp_path / "net").write_text(together)
    with pytest.raises(ds.ShapeError):
        ds.apply(tmp_path / "net", tmp_path / "in", tmp_path / "out2")


def test_each_phase_gets_its_own_copy_in_hdf5(tmp_path: Path) -> None:
    """Two layers that never meet are each an owner: Caffe stops at one without its dataset."""
    (tmp_path / "net").write_text(net_of(TRAIN, TEST))
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.create_group("data")
    ds.apply(tmp_path / "net", tmp_path / "in.h5", tmp_path / "out.h5", patterns="*")
    with h5py.File(tmp_path / "out.h5") as file:
        assert sorted(
            f"{name}/{blob}" for name in file["data"] for blob in file[f"data/{name}"]
        ) == [
            "a/0",
            "b/0",
        ]


# Layers a and b share their weights; each has a bias of its own.
BIASED = UP.replace("bias_term: false", "bias_term: true")
TWO = DATA + up("a", BIASED, more=SHARED) + up("b", BIASED, more=SHARED)


def weights_left_to_the_owner(folder: Path, bias: int = 3) -> tuple[Path, Path]:
    """TWO, and a model as Caffe writes it: without weights in b, but with the bias."""
    net, model = folder / "net", folder / "in.h5"
    net.write_text(TWO)
    with h5py.File(model, "w") as file:
        file["data/a/0"] = np.broadcast_to(tent((4, 4)).astype("f4"), (3, 1, 4, 4))
        file["data/a/1"], file["data/b/1"] = np.ones(3, "f4"), np.full(bias, 2, "f4")
    return net, model


def test_a_blob_that_is_left_to_its_owner_is_no_fault(tmp_path: Path) -> None:
    net, model = weights_left_to_the_owner(tmp_path)
    rows = ds.inspect(net, model, patterns="*").layers
    assert [row.weights and row.weights.state for row in rows] == [ds.WeightState.BILINEAR] * 2
    found = [*ds.check(net, model, patterns="*").findings]
    found += [finding for row in rows for finding in row.findings]
    assert {each.id for each in found} == {"DS007", "DS010"}


def test_the_blob_behind_it_keeps_its_place(tmp_path: Path) -> None:
    net, model = weights_left_to_the_owner(tmp_path, bias=4)
    (found,) = ds.check(net, model, patterns="*", select="DS011,DS014").findings
    assert (found.id, found.layer, found.line) == ("DS011", "b", 3)
    assert dict(found.numbers) == {"blob": 1, "net": (3,), "model": (4,)}


@at_hand
@pytest.mark.parametrize(("bias", "stops"), [(3, False), (4, True)])
def test_a_real_caffe_takes_the_owners(bias: int, stops: bool, tmp_path: Path) -> None:
    _, model = weights_left_to_the_owner(tmp_path, bias)
    answer = real_caffe(TWO, model, weights=True)
    assert answer.stops == stops
    if not stops:
        np.testing.assert_array_equal(answer.weights_of("b"), answer.weights_of("a"))


@at_hand
def test_a_real_caffe_loads_it_in_each_phase(tmp_path: Path) -> None:
    test_each_phase_gets_its_own_copy_in_hdf5(tmp_path)
    for phase, name in (("train", "a"), ("test", "b")):
        answer = real_caffe(
            (tmp_path / "net").read_text(), tmp_path / "out.h5", phase=phase, weights=True
        )
        assert not answer.stops
        assert np.max(answer.weights_of(name)) == np.float32(0.5625)
