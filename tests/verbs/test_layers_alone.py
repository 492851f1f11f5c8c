"""What is said of a layer does not depend on what becomes of the others: random nets of several."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from helpers.models import model_bytes
from helpers.nets import data_layer, up

FIT = "num_output: 8 kernel_size: 4 stride: 2 pad: 1"
PARAMS = (
    FIT,
    f"{FIT} group: 8",
    f"{FIT} group: 8 bias_term: false weight_filler {{ type: 'bilinear' }}",
    f"{FIT} group: 2 weight_filler {{ type: 'bilinear' }}",
    f"{FIT} group: 3",
    "num_output: 4 kernel_size: 4 stride: 2",
    "num_output: 16 group: 8 kernel_size: 4 stride: 2 weight_filler { type: 'xavier' }",
    "num_output: 8 kernel_size: 4 stride: 4",
    "num_output: 8 group: 8 kernel_size: 4 stride: 4 weight_filler { type: 'bilinear' }",
    "num_output: 8 kernel_size: 3",
    "num_output: 8 kernel_h: 4 kernel_w: 6 stride: 2",
    "num_output: 8 kernel_size: 2 stride: 2 weight_filler { type: 'constant' value: 1 }",
    "num_output: 8",
)
NO_KERNEL: dict[str, Any] = {"group": False, "filler": "keep"}
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"freeze": True},
    {"no_bias": True},
    {"group": False},
    {"filler": "keep"},
    {"freeze": True, **NO_KERNEL},
    {"no_bias": True, **NO_KERNEL},
)


def random_net(chosen: random.Random) -> str:
    """Up to four Deconvolutions, each below one of those before it."""
    text = data_layer(1, chosen.choice((8, 8, 4, 50)), 4, 4)
    if chosen.random() < 0.15:
        text = 'layer { name: "data" type: "Data" top: "data" }\n'
    below = ["data"]
    for number in range(chosen.randint(2, 4)):
        frozen = "param { lr_mult: 0 }" if chosen.random() < 0.3 else ""
        param, bottom = chosen.choice(PARAMS), chosen.choice(below[-2:])
        text += up(f"up{number}", param, bottom=bottom, more=frozen)
        below.append(f"up{number}")
    return text


@pytest.mark.parametrize("seed", range(40))
def test_a_layer_is_patched_or_refused_as_if_it_were_alone(seed: int, tmp_path: Path) -> None:
    chosen = random.Random(seed)
    net = tmp_path / "net"
    net.write_text(random_net(chosen))
    options = {**chosen.choice(OPTIONS), "dry_run": True, "skip_unfit": True}
    for row in ds.patch_net(net, patterns="*", **options).layers:
        (alone,) = ds.patch_net(net, patterns=row.name, **options).layers
        assert (alone.action, alone.reason) == (row.action, row.reason), row.name
        if options.keys() >= NO_KERNEL.keys():
            assert row.action != "skipped", row.reason  # nothing of the kernel is to change


@pytest.mark.parametrize("seed", range(40))
def test_a_layer_is_filled_or_refused_as_if_it_were_alone(seed: int, tmp_path: Path) -> None:
    chosen = random.Random(seed)
    net, model = tmp_path / "net", tmp_path / "model"
    net.write_text(random_net(chosen))
    model.write_bytes(model_bytes({"other": [[1.0]]}))

    def rows(pattern: str) -> dict[str, str]:
        plan = ds.apply(net, model, patterns=pattern, dry_run=True, skip_unfit=True).plan
        return {each.target.layer.name: each.reason for each in plan.skips} | {
            each.target.layer.name: each.action for each in plan.changes
        }

    together = rows("*")
    for name, found in together.items():
        assert rows(name) == {name: found}
