"""Layers of an open HDF5 file under other paths, or gone: their groups, values and gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .open_file import DATA, OpenFile, diff_path, key


def move_layers(file: OpenFile, removed: Iterable[str], moved: Sequence[tuple[str, str]]) -> None:
    """Take out what is ``removed``, then give what is ``moved`` its new path.

    Paths may trade places. What is taken out leaves its bytes in the file, as the library has it.
    """
    for path in removed:
        for each in _with_gradients(file, path):
            del file.file[key(each)]
    free = [_free_path(file, number) for number in range(len(moved))]
    for (old, _), between in zip(moved, free, strict=True):
        _move(file, old, between)
    for (_, new), between in zip(moved, free, strict=True):
        _move(file, between, new)


def _free_path(file: OpenFile, number: int) -> str:
    """A path that nothing is at, where a layer stays until all others are out of its way."""
    path = f"{DATA}/moved {number}"
    while file.has(path) or file.has(diff_path(path)):
        path += "_"
    return path


def _move(file: OpenFile, old: str, new: str) -> None:
    both = zip(_with_gradients(file, old), (new, diff_path(new)), strict=False)
    for each, path in both:
        file.file.move(key(each), key(path))


def _with_gradients(file: OpenFile, path: str) -> list[str]:
    """The path of a layer, and that of its gradients if it has any."""
    return [path, *([diff_path(path)] if file.has(diff_path(path)) else [])]
