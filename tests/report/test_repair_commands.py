"""Repairs as commands that can be copied, and what they call the files they make."""

from __future__ import annotations

import pytest

import deconvsurgery as ds
from deconvsurgery.report.repair_commands import repair_line, repair_lines
from deconvsurgery.rules.repair_step import fixed_name, repair_arguments

FILL = ds.Repair("so", (ds.RepairStep("apply", ("-p", "up")),))
ZERO = ds.Finding("DS002", "all zero", line=30, column=3, layer="up", repair=FILL)
NAMELESS = ds.Finding("DS011", "no 'up'", repair=ds.Repair("name it"))


def test_a_repair_that_needs_a_file_more_is_no_command() -> None:
    """To fill a layer takes a net; where a model stands alone there is none to name."""
    line = "deconvsurgery apply -p up a.prototxt a.caffemodel a.fixed.caffemodel"
    assert repair_line(ZERO, "a.prototxt", "a.caffemodel") == line
    assert repair_lines([ZERO, NAMELESS], "a.prototxt", "a.caffemodel") == [(("DS002",), line)]
    assert repair_line(ZERO, None, "a.caffemodel") is None
    assert repair_lines([ZERO, NAMELESS], None, "a.caffemodel") == []


def test_a_finding_without_a_repair_has_no_command() -> None:
    bare = ds.Finding("DS002", "all zero", line=30, layer="up")
    assert repair_line(bare, "a.prototxt", "a.caffemodel") is None


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("a.b/net.prototxt", "net", "a.b/net.fixed.prototxt"),
        ("a.b/net", "net", "a.b/net.fixed.prototxt"),
        ("a.b/VGG_16.deploy.v1.0.prototxt", "net", "a.b/VGG_16.deploy.v1.0.fixed.prototxt"),
        ("net.pt", "net", "net.fixed.pt"),
        ("net.prototxt.in", "net", "net.prototxt.in.fixed.prototxt"),
        ("-", "net", "net.fixed.prototxt"),
        ("-", "model", "model.fixed.caffemodel"),
        ("scale2.0x_model", "model", "scale2.0x_model.fixed.caffemodel"),
        ("scale2.0x_model.caffemodel", "model", "scale2.0x_model.fixed.caffemodel"),
        ("up.iter_100.CAFFEMODEL", "model", "up.iter_100.fixed.CAFFEMODEL"),
        ("in.v2.caffemodel.h5", "model", "in.v2.fixed.caffemodel.h5"),
        ("in.h5", "model", "in.fixed.h5"),
        ("s3://b.c/m.1/in.v2.caffemodel", "model", "s3://b.c/m.1/in.v2.fixed.caffemodel"),
        (".caffemodel", "model", ".fixed.caffemodel"),
        # What was fixed before is not fixed.fixed.
        ("net.v1.fixed.prototxt", "net", "net.v1.fixed.prototxt"),
        ("net.v1.fixed7.prototxt", "net", "net.v1.fixed.prototxt"),
        ("net.v1.fixed-2.prototxt", "net", "net.v1.fixed.prototxt"),
        ("net.prototxt\n", "net", "net.prototxt\n.fixed.prototxt"),
    ],
)
def test_the_name_of_a_fixed_file_has_all_the_dots_of_the_old_one(
    path: str, kind: str, name: str
) -> None:
    assert fixed_name(path, kind) == name


def test_the_name_of_a_fixed_file_is_no_other_files() -> None:
    taken = ["net.fixed.prototxt"]
    assert fixed_name("net.prototxt", "net", taken) == "net.fixed2.prototxt"
    assert fixed_name("net.fixed.prototxt", "net", taken) == "net.fixed2.prototxt"
    taken.append("net.fixed2.prototxt")
    assert fixed_name("net.fixed2.prototxt", "net", taken) == "net.fixed3.prototxt"


def files_of(steps: list[ds.RepairStep], net: str, model: str | None) -> list[list[str]]:
    """The files that each command names."""
    commands = repair_arguments(steps, net, model)
    return [words[1 + len(step.options) :] for step, words in zip(steps, commands, strict=True)]


def test_the_last_net_and_the_last_model_of_a_chain_are_the_fixed_ones() -> None:
    patch, regroup, apply = (ds.RepairStep(verb) for verb in ("patch-net", "regroup", "apply"))
    assert files_of([patch, regroup, apply], "a.pt", "m.v1") == [
        ["a.pt", "a.fixed-1.pt"],
        ["a.fixed-1.pt", "m.v1", "a.fixed.pt", "m.v1.fixed-1.caffemodel"],
        ["a.fixed.pt", "m.v1.fixed-1.caffemodel", "m.v1.fixed.caffemodel"],
    ]
    assert files_of([patch, patch, patch], "d/net.fixed-2.prototxt", None) == [
        ["d/net.fixed-2.prototxt", "d/net.fixed-1.prototxt"],
        ["d/net.fixed-1.prototxt", "d/net.fixed-3.prototxt"],
        ["d/net.fixed-3.prototxt", "d/net.fixed.prototxt"],
    ]
    # The form that a model is brought to is that of all that follow.
    convert = ds.RepairStep("convert", ("--to", "hdf5"))
    assert files_of([apply, convert, apply], "a.pt", "m.caffemodel") == [
        ["a.pt", "m.caffemodel", "m.fixed-1.caffemodel"],
        ["m.fixed-1.caffemodel", "m.fixed-1.caffemodel.h5"],
        ["a.pt", "m.fixed-1.caffemodel.h5", "m.fixed.caffemodel.h5"],
    ]
    # What is fixed again does not take the place of what is read.
    assert files_of([patch, patch], "net.fixed.prototxt", None)[-1][-1] == "net.fixed2.prototxt"


def test_a_repair_that_is_made_twice_is_one_command() -> None:
    """The same object, and an equal one: a line, with the rules that it is for."""
    again = ZERO._replace(id="DS003")
    equal = ZERO._replace(
        id="DS005", repair=ds.Repair("so", (ds.RepairStep("apply", ("-p", "up")),))
    )
    ((rules, line),) = repair_lines([ZERO, ZERO, again, equal], "a.prototxt", "a.caffemodel")
    assert rules == ("DS002", "DS003", "DS005")
    assert line == repair_line(ZERO, "a.prototxt", "a.caffemodel")
