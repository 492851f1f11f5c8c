"""Published nets, and models with their nets: every command that ``check`` prints for them works.

No command overwrites a layer that is learned, and every block ends with what it says.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers.published import nets, pairs
from helpers.repairs import tried_out
from helpers.shared_data import each_of

QUICK = {"voc-fcn8s", "waifu2x-upconv7-mismatch", "retinaface-charrin-zero"}
"""A net and two pairs with findings of many kinds."""


def is_quick(folder: Path) -> bool:
    return any(folder.name.endswith(name) for name in QUICK)


@pytest.mark.parametrize("patterns", ["up", "*"])
@pytest.mark.parametrize(
    ("net", "model"),
    each_of(
        [*((net, None) for net in nets()), *pairs()],
        "published nets",
        fields=2,
        quick=lambda each: is_quick(each[0].parent),
        name=lambda path: "alone" if path is None else f"{path.parent.name}/{path.name}",
    ),
)
def test_every_command_of_a_published_net_works(
    net: Path, model: Path | None, patterns: str, tmp_path: Path
) -> None:
    shutil.copyfile(net, tmp_path / net.name)
    if model is not None:
        shutil.copyfile(model, tmp_path / model.name)
    asked = {"patterns": patterns, "allow_empty": True}
    try:
        outcome = tried_out(net.name, None if model is None else model.name, asked, tmp_path)
    except ds.FormatError:
        return  # some nets are none that can be read: nothing is found, and nothing said
    assert outcome.faults == []
