"""Steps of several repairs as fewer."""

from __future__ import annotations

from importlib import import_module

import pytest

from deconvsurgery.rules.merged_steps import alike, joined, merged, patterns_of
from deconvsurgery.rules.repair_step import RepairStep, has_option, option_words, repair_arguments
from deconvsurgery.rules.tried_steps import options_of_step

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


ODD = RepairStep("apply", ("-p", "hdf5", "-p", "--stage", "--stage", "-p", "--stage", "--apply"))
"""Layers and stages may be called as options are."""


def test_a_value_is_no_option() -> None:
    assert [*option_words(ODD)] == [
        ("-p", "hdf5"),
        ("-p", "--stage"),
        ("--stage", "-p"),
        ("--stage", "--apply"),
    ]
    assert patterns_of(ODD) == ["hdf5", "--stage"]
    assert alike((ODD,)) == (RepairStep("apply", ODD.options[4:]),)
    assert merged([(ODD,), (ODD,)]) == (ODD,)
    assert joined((ODD, ODD)) == (ODD, ODD)
    assert has_option(ODD, "--stage", "-p")
    assert not has_option(ODD, "--apply")
    assert not has_option(ODD, "--to", "hdf5")
    (command,) = repair_arguments((ODD,), "net", "in.caffemodel")
    assert command[-1] == "in.fixed.caffemodel"
    said = options_of_step(ODD)
    assert (said.patterns, said.stage, said.fields) == (
        ("hdf5", "--stage"),
        ("-p", "--apply"),
        {},
    )


@pytest.mark.parametrize("verb", ["apply", "convert", "patch-net", "regroup", "transplant"])
def test_every_option_with_a_value_is_known_as_one(verb: str) -> None:
    """A step has only those of its verb that are flags or have choices."""
    name = verb.replace("-", "_")
    table = getattr(import_module(f"deconvsurgery.options.{name}"), name.upper())
    for option in table.values():
        given = (f"--{option.name}", *option.choices[:1])
        assert [*option_words(RepairStep(verb, given))] == [given]


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
