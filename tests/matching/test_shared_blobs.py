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


@at_hand
def test_a_real_caffe_loads_it_in_each_phase(tmp_path: Path) -> None:
    test_each_phase_gets_its_own_copy_in_hdf5(tmp_path)
    for phase, name in (("train", "a"), ("test", "b")):
        answer = real_caffe(
            (tmp_path / "net").read_text(), tmp_path / "out.h5", phase=phase, weights=True
        )
        assert not answer.stops
        assert np.max(answer.weights_of(name)) == np.float32(0.5625)
