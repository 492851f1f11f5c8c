"""``help(ds.apply)`` is enough to use it: what a docstring says of each parameter."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import deconvsurgery as ds

FUNCTIONS = [name for name in ds.__all__ if inspect.isfunction(getattr(ds, name))]
# What has no example: one would take a file of pairs and their processes.
WITHOUT_EXAMPLE = {"sweep"}


def parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def section(text: str, heading: str) -> str:
    """What stands below a heading, by Google's convention; "" where it is not there."""
    found = re.search(rf"^{heading}:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    return found[1] if found else ""


def methods() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Public ones of public classes, with parameters."""
    for name in ds.__all__:
        value = getattr(ds, name)
        if isinstance(value, type):
            for own, method in vars(value).items():
                if not own.startswith("_") and inspect.isfunction(method) and parameters(method):
                    yield f"{name}.{own}", method


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_says_what_it_takes_and_gives(name: str) -> None:
    function = getattr(ds, name)
    text = inspect.getdoc(function) or ""
    described = re.findall(r"^    (\w+): \S", section(text, "Args"), re.MULTILINE)
    assert described == parameters(function)
    returned = inspect.signature(function).return_annotation
    assert bool(section(text, "Returns")) == (returned != "None")
    assert section(text, "Raises")
    assert (">>> " in text) == (name not in WITHOUT_EXAMPLE)


@pytest.mark.parametrize(("name", "method"), [*methods()])
def test_a_public_method_names_its_parameters(name: str, method: Callable[..., Any]) -> None:
    text = inspect.getdoc(method) or ""
    unnamed = [each for each in parameters(method) if not re.search(rf"\b{each}\b", text)]
    assert unnamed == [], name


def test_every_public_class_says_what_it_is() -> None:
    """And not what `enum` or `NamedTuple` would say of it."""
    bare = []
    for name in ds.__all__:
        value = getattr(ds, name)
        text = vars(value).get("__doc__") if isinstance(value, type) else value.__doc__
        if not text or text.startswith(f"{name}("):
            bare.append(name)
    assert bare == []
