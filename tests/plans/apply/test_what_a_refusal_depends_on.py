"""A change is refused for what it changes; one cause has one hint, whichever verb meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from helpers.models import model_bytes
from helpers.nets import data_layer, up

# Kernels at which no bilinear weights interpolate.
GAINS = {
    "4 at 4": "num_output: 3 kernel_size: 4 stride: 4",
    "5 at 2": "num_output: 3 kernel_size: 5 stride: 2",
    "a group a channel": "num_output: 3 group: 3 kernel_size: 2 stride: 2",
    "not square": "num_output: 3 kernel_h: 4 kernel_w: 6 stride: 4",
    "3 at 3": "num_output: 3 kernel_size: 3 stride: 3",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in").write_bytes(model_bytes({"other": [[1.0]]}))
    return tmp_path


def net(place: Path, param: str, channels: int = 3) -> Path:
    path = place / "net"
    path.write_text(data_layer(1, channels, 4, 4) + up("up", param))
    return path


@pytest.mark.parametrize("case", GAINS)
def test_weights_that_stay_are_not_refused_for_their_kernel(case: str, place: Path) -> None:
    path = net(place, f"{GAINS[case]} bias_term: false")
    with pytest.raises(ds.ShapeError):
        ds.apply(path, place / "in", place / "out")
    ds.apply(path, place / "in", place / "out", any_gain=True)
    result = ds.apply(path, place / "out", place / "again")
    (change,) = result.plan.changes
    assert (change.action, change.values_changed, result.plan.skips) == ("unchanged", 0, ())
    assert any("gain" in words for words in change.warnings)  # it is still so
    assert (place / "again").read_bytes() == (place / "out").read_bytes()


def test_a_bias_alone_is_not_refused_for_the_kernel(place: Path) -> None:
    filler = 'bias_filler { type: "constant" value: 2 }'
    path = net(place, f"{GAINS['4 at 4']} {filler}")
    ds.apply(path, place / "in", place / "out", any_gain=True)
    result = ds.apply(path, place / "out", place / "new", zero_bias=True)
    (change,) = result.plan.changes
    assert (change.action, change.values_changed) == ("rewritten", 0)
    assert change.bias is not None


def test_weights_that_would_change_are_refused(place: Path) -> None:
    path = net(place, f"{GAINS['4 at 4']} bias_term: false")
    ds.apply(path, place / "in", place / "out", any_gain=True)
    with pytest.raises(ds.ShapeError):  # another formula makes other weights
        ds.apply(path, place / "out", place / "new", support="stride")


def hint_of(run: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(ds.ShapeError) as raised:
        run(*arguments, **options)
    first, _, _ = (raised.value.hint or "").partition("; `skip_unfit=True`")
    return first


@pytest.mark.parametrize(
    ("param", "channels"),
    [
        ("num_output: 5 kernel_size: 4 stride: 2 pad: 1", 3),
        (
            "num_output: 3 group: 3 kernel_size: 2 stride: 2 "
            'weight_filler { type: "constant" value: 1 }',
            3,
        ),
    ],
    ids=["channels", "nearest"],
)
def test_one_cause_has_one_hint(param: str, channels: int, place: Path) -> None:
    path = net(place, f"{param} bias_term: false", channels)
    by_apply = hint_of(ds.apply, path, place / "in", dry_run=True)
    assert by_apply == hint_of(ds.patch_net, path, dry_run=True)
    assert "exclude=" in by_apply
