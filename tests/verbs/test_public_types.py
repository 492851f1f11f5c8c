"""Types of the public names: they can be looked up, and each that they lead to is public, too."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from collections.abc import AsyncIterator, Generator, Iterator
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any

import pytest

import deconvsurgery as ds

PACKAGE = ds.__name__
NAMED = {name: getattr(ds, name) for name in ds.__all__} | {
    f"types.{name}": getattr(ds.types, name) for name in ds.types.__all__
}
PUBLIC = [each for each in NAMED.values() if isinstance(each, type)]


def own_classes(kind: type) -> list[type]:
    """A class and those of this package that it is made of."""
    return [each for each in kind.__mro__ if each.__module__.partition(".")[0] == PACKAGE]


def attributes(kind: type) -> dict[str, tuple[str, Any]]:
    """What is public about a class: a field, property or method of each name."""
    found: dict[str, tuple[str, Any]] = {}
    for each in reversed(own_classes(kind)):
        for name in inspect.get_annotations(each):
            if not name.startswith("_"):
                found[name] = "field", each
        for name, value in vars(each).items():
            if isinstance(value, property):
                found[name] = "property", value.fget
            elif isinstance(value, cached_property):
                found[name] = "property", value.func
            elif isinstance(value, staticmethod | classmethod):
                found[name] = "method", value.__func__
            elif isinstance(value, FunctionType) and name != "__new__":
                found[name] = "method", value
    return {name: each for name, each in found.items() if not name.startswith("_")}


def hints(kind: type, name: str) -> dict[str, Any]:
    """The types that one of its public attributes says."""
    sort, value = attributes(kind)[name]
    found = typing.get_type_hints(value)
    return {"return": found[name]} if sort == "field" else found


def within(hint: object) -> Iterator[type]:
    """The classes of this package that a type is made of."""
    if isinstance(hint, list):
        for each in hint:
            yield from within(each)
    elif isinstance(hint, type) and hint.__module__.partition(".")[0] == PACKAGE:
        yield hint
    for each in typing.get_args(hint):
        yield from within(each)


# --- hints


@pytest.mark.parametrize("name", NAMED)
def test_types_can_be_looked_up(name: str) -> None:
    public = NAMED[name]
    assert typing.get_type_hints(public) is not None
    if isinstance(public, type):
        for each in own_classes(public):
            assert typing.get_type_hints(each) is not None
        for each in attributes(public):
            assert hints(public, each) is not None


@pytest.mark.parametrize("name", NAMED)
def test_what_is_public_says_its_types(name: str) -> None:
    public = NAMED[name]
    functions = [public] if isinstance(public, FunctionType) else []
    if isinstance(public, type):
        functions = [value for kind, value in attributes(public).values() if kind != "field"]
    for function in functions:
        parameters = set(inspect.signature(function).parameters) - {"self", "cls"}
        assert {*parameters, "return"} <= typing.get_type_hints(function).keys(), function


def test_each_class_that_is_led_to_is_public() -> None:
    reached = {}
    for name, public in NAMED.items():
        if isinstance(public, FunctionType):
            for hint in typing.get_type_hints(public).values():
                reached.update(dict.fromkeys(within(hint), name))
    for kind in PUBLIC:
        for base in getattr(kind, "__orig_bases__", ()):
            reached.update(dict.fromkeys(within(base), kind.__name__))
        for name in attributes(kind):
            for hint in hints(kind, name).values():
                reached.update(dict.fromkeys(within(hint), f"{kind.__name__}.{name}"))
    hidden = {kind: where for kind, where in reached.items() if kind not in PUBLIC}
    assert hidden == {}


def test_each_public_class_says_what_it_is() -> None:
    for kind in PUBLIC:
        assert len((vars(kind).get("__doc__") or "").split()) >= 2, kind


def test_what_is_kept_can_be_read_twice() -> None:
    """An attribute of a result is a tuple where it is several: an iterator is empty afterwards."""
    once = (Iterator, Generator, AsyncIterator)
    found = [
        f"{kind.__name__}.{name}"
        for kind in PUBLIC
        for name, (sort, _) in attributes(kind).items()
        if sort != "method" and (typing.get_origin(hints(kind, name)["return"]) in once)
    ]
    assert found == []


# --- names


def test_dir_shows_the_public_names_alone() -> None:
    shown = {name for name in dir(ds) if not (name.startswith("__") and name.endswith("__"))}
    assert shown == {*ds.__all__, "types"}


def test_the_types_below_are_named_once() -> None:
    assert ds.types.__all__ == sorted(ds.types.__all__)
    names = {name for name in vars(ds.types) if not name.startswith("_")}
    shown = {name for name in names if not isinstance(getattr(ds.types, name), ModuleType)}
    assert shown == set(ds.types.__all__)
    assert set(ds.types.__all__) & set(ds.__all__) == set()
    assert len(PUBLIC) == len(set(PUBLIC))


def test_types_are_imported_when_they_are_used() -> None:
    code = (
        "import sys, deconvsurgery as ds\n"
        "before = 'deconvsurgery.types' in sys.modules\n"
        "ds.types.Version\n"
        "print(before, 'deconvsurgery.types' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"False True\n")


def test_numbers_are_imported_when_their_types_are_looked_at() -> None:
    code = (
        "import sys, typing\n"
        "from deconvsurgery.kernels import arrays\n"
        "from deconvsurgery.caffemodel.model_layer import ModelBlob\n"
        "before = 'numpy' in sys.modules\n"
        "typing.get_type_hints(ModelBlob.array)\n"
        "print(before, 'numpy' in sys.modules, hasattr(arrays, 'nothing'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"False True False\n")
