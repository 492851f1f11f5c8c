"""Whose a record is: of two pairs with one output the second must not take the first's for its own.

A pair is known by its verb and its inputs' names, seen from its output: so a zoo may be moved, its
settings renamed and the sweep started in another folder. Nothing is written here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from deconvsurgery.errors import SurgeryError
from deconvsurgery.storage.address import file_of, folder_of, from_any_folder, is_url, joined
from deconvsurgery.storage.run_files import file_keys

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair

    from .result_rows import PairRow

_SCHEME = "://"


def lasting(pair: Pair) -> Pair:
    """The pair with paths that say the same wherever they are read.

    They stay as they are where they are relative, lie below this folder, and no link leads the
    output elsewhere; else those of files are absolute. The output's folder is the real one then:
    two checkouts may share it by a link, and each have inputs of its own.
    """
    paths = [pair.net, pair.model, pair.output, pair.net_output]
    files = [file_of(path) for path in paths if path is not None and not is_url(file_of(path))]
    output = pair.output or pair.net_output
    if not files or output is None:
        return pair
    folder = folder_of(file_of(output))
    inside = len(files) == sum(path is not None for path in paths) and not any(
        os.path.isabs(path) or ".." in path.split("/") for path in files
    )
    if inside and os.path.realpath(folder or ".") == os.path.abspath(folder or "."):
        return pair
    return pair._replace(
        net=_absolute(pair.net),
        model=_absolute(pair.model),
        output=_in_real_folder(pair.output),
        net_output=_in_real_folder(pair.net_output),
    )


def is_made_for(record: PairRow, verb: str, pair: Pair, digests: Mapping[str, str]) -> bool:
    """The record is of the same verb, and of inputs that are the pair's by their names or bytes.

    ``digests`` are those of the pair's inputs, by path. A net that only one of the two names is
    left out: every verb that writes has a model.
    """
    then = [path for path in (record.net, record.model) if path is not None]
    bytes_then = dict(zip(then, record.inputs.values(), strict=False))
    both = [
        (old, new)
        for old, new in ((record.net, pair.net), (record.model, pair.model))
        if old is not None and new is not None
    ]
    return (
        record.verb == verb
        and bool(both)
        and all(
            digests[new] == bytes_then.get(old) or _is_same(old, new, record, pair)
            for old, new in both
        )
    )


def _is_same(old: str, new: str, record: PairRow, pair: Pair) -> bool:
    """An input of a record is one of the pair's: from anywhere, or seen from the output."""
    output_then, output = record.output or record.net_output, pair.output or pair.net_output
    if output_then is None or output is None:
        return False
    try:
        now = _absolute(new)
        meant = _meant(file_of(old), file_of(output_then), file_of(output))
    except SurgeryError:  # a name in the record that nothing can have
        return False
    if now in meant:
        return True
    keys = {*file_keys(new)}
    return any(not keys.isdisjoint(file_keys(each)) for each in meant)


def _meant(old: str, output_then: str, output: str) -> list[str]:
    """What an input's name in a record may mean, where its output is called ``output`` now."""
    found = []
    kinds = [_kind(each) for each in (old, output_then)]
    if kinds[0] != "relative" or kinds[1] != "relative":
        found.append(_absolute(old) or old)
    if kinds[0] == kinds[1]:
        way = os.path.relpath(_plain(old), os.path.dirname(_plain(output_then)) or ".")
        if is_url(output):
            found.append(joined(folder_of(output), way))
        else:
            folder = os.path.realpath(os.path.dirname(output) or ".")
            found.append(os.path.normpath(os.path.join(folder, way)))
    return found


def _kind(path: str) -> str:
    if is_url(path):
        return "URL"
    return "absolute" if os.path.isabs(path) else "relative"


def _plain(path: str) -> str:
    """A URL as if its store were a folder."""
    return f"/{path.partition(_SCHEME)[2]}" if is_url(path) else path


def _absolute(path: str | None) -> str | None:
    return None if path is None else from_any_folder(file_of(path))


def _in_real_folder(path: str | None) -> str | None:
    if path is None or is_url(plain := file_of(path)):
        return path
    folder, name = os.path.split(plain)
    return os.path.join(os.path.realpath(folder or "."), name)
