"""A verb's options are declared once: the command line and the function have all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
import pytest

import deconvsurgery as ds
from deconvsurgery.options.apply import APPLY
from deconvsurgery.options.convert import CONVERT, ConvertOptions
from deconvsurgery.options.kernel import KERNEL, KernelOptions
from deconvsurgery.options.patch_net import PATCH_NET, PatchNetOptions
from deconvsurgery.options.regroup import REGROUP, RegroupOptions
from deconvsurgery.options.transplant import TRANSPLANT, TransplantOptions
from helpers.commands import command_of

if TYPE_CHECKING:
    from deconvsurgery.options.option import Option

DECLARED = {
    "apply": (ds.apply, ds.ApplyOptions, APPLY),
    "convert": (ds.convert, ConvertOptions, CONVERT),
    "patch-net": (ds.patch_net, PatchNetOptions, PATCH_NET),
    "transplant": (ds.transplant, TransplantOptions, TRANSPLANT),
    "regroup": (ds.regroup, RegroupOptions, REGROUP),
    "kernel": (ds.kernel, KernelOptions, KERNEL),
}
verbs = pytest.mark.parametrize("verb", DECLARED)


def of(verb: str) -> tuple[Callable[..., Any], Any, Mapping[str, Option]]:
    return DECLARED[verb]


@verbs
def test_a_function_takes_each_field_and_has_its_default(verb: str) -> None:
    function, fields, _ = of(verb)
    parameters = inspect.signature(function).parameters
    assert {name: parameters[name].default for name in fields._fields} == fields._field_defaults


@verbs
def test_each_field_is_one_option(verb: str) -> None:
    _, fields, options = of(verb)
    assert sorted(option.field for option in options.values()) == sorted(fields._fields)


@verbs
def test_the_command_line_has_each_option_in_order(verb: str) -> None:
    _, _, options = of(verb)
    declared = {f"--{name}": option for name, option in options.items()}
    found = [each for each in command_of(verb).params if each.opts[-1] in declared]
    assert [each.opts[-1] for each in found] == [*declared]
    for parameter in found:
        option = declared[parameter.opts[-1]]
        assert isinstance(parameter, click.Option)
        assert (parameter.name, parameter.help) == (option.field, option.help)
        choices = parameter.type.choices if isinstance(parameter.type, click.Choice) else ()
        assert tuple(choices) == option.choices
