"""The page of ``regroup``; how it looks stands in ``__snapshots__/test_regroup.ambr``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.report.phrases import PIPE
from deconvsurgery.report.terminal.regroup import closing_words, regroup_report
from helpers.pages import lines_in_pipe
from helpers.results import KeptLayer, Regroup, regroup_result, target
from helpers.words import numbers

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

OTHERS = tuple(ds.Layer(number, f"up_{number}", "Convolution") for number in range(6))
CHANGE = Regroup(target("up"), group=21, said=21, shape=(21, 21, 4, 4), after=(21, 1, 4, 4))


def lines(result: ds.RegroupResult) -> list[str]:
    return lines_in_pipe(regroup_report(result, PIPE))


def test_regroup_tells_all_that_it_did_not_do(snapshot: SnapshotAssertion) -> None:
    kept = KeptLayer(target("up", group=21), reason="group is 21")
    found = lines(regroup_result(kept, left_alone=OTHERS, warnings=("odd",), notes=("read so",)))
    named = ", ".join(f"up_{number} (Convolution)" for number in range(5))
    assert found[2:5] == ["note: up: group is 21", "warning: odd", "note: a.prototxt: read so"]
    assert found[5].endswith(f": {named}, +1")
    assert len(found) == 7
    assert "\n".join(found) == snapshot


@pytest.mark.parametrize(("size", "facts"), [(None, [1, 1]), (9, [1, 1, 100, 9])])
def test_regroup_tells_sizes_as_far_as_they_are_known(
    size: int | None, facts: list[float], snapshot: SnapshotAssertion
) -> None:
    found = lines(regroup_result(CHANGE, output_size=size, left_alone=OTHERS[:1]))
    assert found[-2].endswith(": up_0 (Convolution)")
    assert numbers(found[-1]) == facts
    assert "\n".join(found[-2:]) == snapshot


def test_where_nothing_had_to_change_both_files_are_written(snapshot: SnapshotAssertion) -> None:
    said = closing_words(
        regroup_result(written=True, net_output="b.prototxt", output="b.caffemodel")
    )
    assert "b.prototxt" in said
    assert "b.caffemodel" in said
    assert said == snapshot
