"""Steps of several repairs as fewer."""

from __future__ import annotations

import pytest

from deconvsurgery.rules.merged_steps import alike, joined, merged
from deconvsurgery.rules.repair_step import RepairStep

ONE = RepairStep("patch-net", ("-p", "up1", "--freeze"))
OTHER = RepairStep("patch-net", ("--freeze", "-p", "up2"))
KEEPING = RepairStep("patch-net", ("-p", "up2", "--filler", "keep", "--freeze"))
APPLY = RepairStep("apply", ("-p", "up2", "--phase", "train"))


def test_steps_are_alike_that_differ_in_their_layers_alone() -> None:
    assert alike((ONE, APPLY)) == (
        RepairStep("patch-net", ("--freeze",)),
        RepairStep("apply", ("--phase", "train")),
    )
    assert alike((ONE,)) == alike((OTHER,)) != alike((KEEPING,))


def test_one_step_names_the_layers_of_all() -> None:
    assert merged([(ONE, APPLY), (OTHER, APPLY)]) == (
        RepairStep("patch-net", ("-p", "up1", "-p", "up2", "--freeze")),
        APPLY,
    )
    with pytest.raises(ValueError, match="argument"):
        merged([(ONE, APPLY), (OTHER,)])


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((ONE, OTHER), (ONE, OTHER)),
        ((OTHER, APPLY, OTHER), (OTHER, APPLY, OTHER)),
        ((APPLY, APPLY), (APPLY, APPLY)),
        ((OTHER, KEEPING), (RepairStep("patch-net", ("-p", "up2", "--freeze")),)),
        (
            (KEEPING, KEEPING),
            (RepairStep("patch-net", ("-p", "up2", "--freeze", "--filler", "keep")),),
        ),
    ],
)
def test_changes_of_one_layer_in_the_net_are_one(
    steps: tuple[RepairStep, ...], expected: tuple[RepairStep, ...]
) -> None:
    assert joined(steps) == expected
