"""Steps of several repairs as fewer."""

from __future__ import annotations

import pytest

from deconvsurgery.rules.finding import Step
from deconvsurgery.rules.merged_steps import alike, joined, merged

ONE = Step("patch-net", ("-p", "up1", "--freeze"))
OTHER = Step("patch-net", ("--freeze", "-p", "up2"))
KEEPING = Step("patch-net", ("-p", "up2", "--filler", "keep", "--freeze"))
APPLY = Step("apply", ("-p", "up2", "--phase", "train"))


def test_steps_are_alike_that_differ_in_their_layers_alone() -> None:
    assert alike((ONE, APPLY)) == (
        Step("patch-net", ("--freeze",)),
        Step("apply", ("--phase", "train")),
    )
    assert alike((ONE,)) == alike((OTHER,)) != alike((KEEPING,))


def test_one_step_names_the_layers_of_all() -> None:
    assert merged([(ONE, APPLY), (OTHER, APPLY)]) == (
        Step("patch-net", ("-p", "up1", "-p", "up2", "--freeze")),
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
        ((OTHER, KEEPING), (Step("patch-net", ("-p", "up2", "--freeze")),)),
        (
            (KEEPING, KEEPING),
            (Step("patch-net", ("-p", "up2", "--freeze", "--filler", "keep")),),
        ),
    ],
)
def test_changes_of_one_layer_in_the_net_are_one(
    steps: tuple[Step, ...], expected: tuple[Step, ...]
) -> None:
    assert joined(steps) == expected
