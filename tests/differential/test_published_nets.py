"""Published nets: of none that a real Caffe loads it is said that it stops."""

from __future__ import annotations

from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers.real_caffe import at_hand, real_caffe


@at_hand
@pytest.mark.campaign
@pytest.mark.parametrize("phase", ["test", "train"])
def test_what_is_said_to_stop_does(phase: str, shared: Path) -> None:
    wrong, asked = [], 0
    for path in sorted(shared.rglob("*.prototxt")):
        try:
            found = ds.check(path, allow_empty=True, phase=phase).findings
        except ds.SurgeryError:
            continue  # a solver, a template, or what no parser reads
        said = [(each.id, each.line) for each in found if each.stops]
        asked += bool(said)
        if said and not real_caffe(path, phase=phase).stops:
            wrong.append((path.relative_to(shared), said))
    assert wrong == []
    assert asked > 30
