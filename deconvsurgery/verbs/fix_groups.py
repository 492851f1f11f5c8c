"""Pairs that share a net or a model: all of them are fixed, or none is."""

from __future__ import annotations

from collections.abc import Sequence

from deconvsurgery.errors import OutputError
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.run_files import file_keys

_NAMES = ("name", "object", "stream")  # how keys begin that are of a place


def paths_of(pairs: Sequence[Pair]) -> list[str]:
    """Each path that the pairs name, once."""
    named = [path for pair in pairs for path in (pair.net, pair.model) if path is not None]
    return list(dict.fromkeys(named))


def place_key(path: str) -> str:
    """What distinguishes the place that a path leads to, links followed."""
    return next((key for key in file_keys(path) if key.startswith(_NAMES)), f"name {path}")


def groups(pairs: Sequence[Pair]) -> list[list[int]]:
    """The pairs by their numbers, those together that share a file by any name; in their order."""
    found: list[tuple[set[str], list[int]]] = []
    for number, pair in enumerate(pairs):
        keys = {key for path in paths_of([pair]) for key in file_keys(path) or (path,)}
        numbers = [number]
        for other in [each for each in found if not keys.isdisjoint(each[0])]:
            keys |= other[0]
            numbers = [*other[1], *numbers]
            found.remove(other)
        found.append((keys, sorted(numbers)))
    return sorted(numbers for _, numbers in found)


def refuse_second_names(paths: Sequence[str]) -> None:
    """Raise ``OutputError`` where two names that are no links to each other are of one file.

    What is replaced is replaced under one name, and the other would keep the old bytes.
    """
    places: dict[str, str] = {}
    for path in paths:
        for key in file_keys(path):
            if key.startswith("file "):
                first = places.setdefault(key, path)
                if place_key(first) != place_key(path):
                    raise OutputError(
                        f"is the same file as {shown(first)} by a hard link, and a file is"
                        " replaced under one name",
                        path=shown(path),
                        hint="name it by one name only, or copy one of them",
                    )
