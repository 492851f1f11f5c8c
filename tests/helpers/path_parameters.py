"""Every file that a public function is given, from the functions' own signatures.

A new parameter that takes a path is in here by itself, and must say what it is there for (`USE`);
one that is read needs a file to read (`CONTENT`).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

import deconvsurgery as ds

from .file_parameters import CHANGED, READ, WRITTEN

USE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("net", "model", "a", "b", "changed", "patch", "config", "baseline"), READ),
    **dict.fromkeys(("nets", "pairs"), CHANGED),
    **dict.fromkeys(("output", "net_output", "save_patch", "results"), WRITTEN),
    "read_net.path": READ,
}
"""By the parameter's name."""
ALONE: Final[Mapping[str, str]] = {
    "demo.directory": "a folder, whose files have tests of their own",
    "fix.into": "the same",
    "HtmlPage.save.path": "the one file of a call",
}

CONTENT: Final[Mapping[str, Mapping[str, str]]] = {
    "apply": {"net": "net", "model": "in"},
    "convert": {"model": "in", "net": "net"},
    "edit": {"model": "in"},
    "patch_net": {"net": "net"},
    "regroup": {"net": "net", "model": "full"},
    "revert": {"changed": "full", "patch": "undo"},
    "sweep": {"config": "sweep.toml"},
    "transplant": {"net": "net", "model": "in"},
}


def edit(model: Any, **places: Any) -> object:
    """An edit of a model from opening to saving."""
    with ds.edit(model) as m:
        m.zero("score", 1)
        return m.save(**places)


class Call(NamedTuple):
    """A function with all files that it can be given, in one of its ways; of two it is asked."""

    function: str
    in_place: bool
    one: str
    other: str

    def __str__(self) -> str:
        way = "in place" if self.in_place else ""
        return " ".join(filter(None, (self.function, way, self.one, self.other)))

    def use(self, parameter: str) -> str:
        """What becomes of the file."""
        changed = parameter in ("model", "net", "changed") and parameter == self.changed
        return CHANGED if changed else USE[parameter]

    @property
    def changed(self) -> str | None:
        """The parameter of the file that is replaced, in place."""
        if not self.in_place:
            return None
        return next(each for each in ("model", "changed", "net") if each in files_of(self.function))

    def name(self, parameter: str) -> str:
        """The file that it is given, in the tests' folder."""
        return CONTENT[self.function].get(parameter, f"new-{parameter}")

    def run(self, names: Mapping[str, object]) -> object:
        """Call it with all its files, some of them by other names; what is there is replaced."""
        places: dict[str, object] = {
            each: self.name(each)
            for each in files_of(self.function)
            if not (self.in_place and each == "output")
        }
        called = edit if self.function == "edit" else getattr(ds, self.function)
        if self.in_place and self.function != "revert":
            places["in_place"] = True
        if self.function == "convert":  # which leaves a file in place that has that form
            places["to"] = "hdf5"
        return called(**{**places, **names}, force=True)


def functions() -> dict[str, Callable[..., Any]]:
    """Every public function, and every method of a public class."""
    found: dict[str, Callable[..., Any]] = {}
    for name in dir(ds):
        public = getattr(ds, name)
        if inspect.isfunction(public):
            found[name] = public
        elif inspect.isclass(public):
            for each, method in inspect.getmembers(public, inspect.isfunction):
                if not each.startswith("_"):
                    found[f"{name}.{each}"] = method
    return found


def path_parameters(function: Callable[..., Any]) -> list[str]:
    """Those whose type has paths in it."""
    hints = get_type_hints(function)
    return [name for name, hint in hints.items() if name != "return" and _has_path(hint)]


def _has_path(hint: object) -> bool:
    return os.PathLike in (hint, get_origin(hint)) or any(map(_has_path, get_args(hint)))


def use_of(function: str, parameter: str) -> str | None:
    """What a parameter is there for, or why it is in no call; ``None`` if that is not known."""
    whole = f"{function}.{parameter}"
    return ALONE.get(whole) or USE.get(whole) or USE.get(parameter)


def files_of(function: str) -> list[str]:
    """The parameters that each take one file; those of an editor are of the edit."""
    known = functions()
    methods = ("edit", "Editor.save") if function == "edit" else (function,)
    return [
        each
        for method in methods
        for each in path_parameters(known[method])
        if f"{method}.{each}" not in ALONE
    ]


def calls() -> Iterator[Call]:
    """Of each function that writes: every two of its files of which one is written."""
    for function in CONTENT:
        files = files_of(function)
        can_be_in_place = function in ("edit", "revert") or (
            "in_place" in inspect.signature(getattr(ds, function)).parameters
        )
        for in_place in (False, True) if can_be_in_place else (False,):
            named = [each for each in files if not (in_place and each == "output")]
            for one, other in combinations(named, 2):
                call = Call(function, in_place, one, other)
                if {call.use(one), call.use(other)} != {READ}:
                    yield call
