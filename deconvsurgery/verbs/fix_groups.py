"""Pairs that share a net or a model: all of them are fixed, or none is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deconvsurgery.errors import NotANetError, OutputError, SurgeryError
from deconvsurgery.inputs.open_inputs import open_net
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.run_files import file_keys
from deconvsurgery.storage.streams import can_be_read_again

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair

_NAMES = ("name", "object", "stream")  # how keys begin that are of a place


def paths_of(pairs: Sequence[Pair]) -> list[str]:
    """Each path that the pairs name, once."""
    named = [path for pair in pairs for path in (pair.net, pair.model) if path is not None]
    return list(dict.fromkeys(named))


def place_key(path: str) -> str:
    """What distinguishes the place that a path leads to, links followed."""
    return next((key for key in file_keys(path) if key.startswith(_NAMES)), f"name {path}")


def groups(pairs: Sequence[Pair]) -> list[list[int]]:
    """The pairs by their numbers, those together that share a file by any name; in their order.

    What was taken for a net, stands after a net alone and is none may be that one's model, which
    could not be read: they are together, too.
    """
    found: list[tuple[set[str], list[int]]] = []
    for number, pair in enumerate(pairs):
        keys = {key for path in paths_of([pair]) for key in (path, *file_keys(path))}
        if number and _may_be_its_model(pairs[number - 1], pair):
            keys |= {*paths_of([pairs[number - 1]])}
        numbers = [number]
        for other in [each for each in found if not keys.isdisjoint(each[0])]:
            keys |= other[0]
            numbers = [*other[1], *numbers]
            found.remove(other)
        found.append((keys, sorted(numbers)))
    return sorted(numbers for _, numbers in found)


def _may_be_its_model(before: Pair, pair: Pair) -> bool:
    if before.model is not None or pair.model is not None or pair.net is None:
        return False
    if not can_be_read_again(pair.net):
        return False
    try:
        with open_net(pair.net):
            return False
    except NotANetError:  # a solver, a template
        return False
    except SurgeryError:
        return True


def refuse_second_names(paths: Sequence[str]) -> None:
    """Raise ``OutputError`` where two names that are no links to each other are of one file.

    What is replaced is replaced under one name, and the other would keep the old bytes.
    """
    places: dict[str, str] = {}
    for path in paths:
        for key in file_keys(path):
            if key.startswith("file "):
                first = places.setdefault(key, path)
                if first != path and place_key(first) != place_key(path):
                    raise OutputError(
                        f"is the same file as {shown(first)} by a hard link, and a file is"
                        " replaced under one name",
                        path=shown(path),
                        hint="name it by one name only, or copy one of them",
                    )
