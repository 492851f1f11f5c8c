"""Each file of the corpus through the verbs: what the command line makes of it, and what it leaves.

What must hold whatever the file is: a documented exit code, no traceback, a file and a reason in
every error, nothing on the screen that acts on it, inputs untouched, an output whole or not there,
no temporary file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from helpers.corpus.hostile_hdf5 import HDF5
from helpers.corpus.hostile_nets import NETS
from helpers.corpus.make import BINARY, FILES
from helpers.runs import run_here
from helpers.words import names, numbers

if TYPE_CHECKING:
    from helpers.corpus.hostile_case import Case

# What a file is run through, by the names in expected.tsv.
MODEL_RUNS = {
    "inspect": "inspect -a FILE",
    "dry": "apply -n net.prototxt FILE",
    "apply": "apply net.prototxt FILE out",
    "convert": "convert FILE out",
    "hdf5": "convert --to hdf5 FILE out",
    "check": "check net.prototxt FILE",
    "transplant": "transplant net.prototxt FILE out",
    "regroup": "regroup net.prototxt FILE out more",
    "as-net": "apply FILE model.caffemodel out",
    "patch-net": "patch-net FILE out",
}
NET_RUNS = {
    "inspect": "inspect -a FILE",
    "dry": "apply -n FILE model.caffemodel",
    "apply": "apply FILE model.caffemodel out",
    "patch-net": "patch-net FILE out",
    "check": "check FILE",
    "transplant": "transplant FILE model.caffemodel out",
    "regroup": "regroup FILE model.caffemodel out more",
    "convert": "convert --net FILE model.caffemodel out",
    "as-model": "apply net.prototxt FILE out",
}
SETTINGS_RUNS = {"check": "check --config FILE"}
LONGEST = 160  # characters of a cell in the table
OTHERS_WORDS = ("the HDF5 library says:", "is not TOML:")  # theirs, which change with versions
CODES = {0, 1, 2, 3, 4}


class Outcome(NamedTuple):
    """What a run came to: exit code, kind of error, place in the file, layer, facts.

    The facts are what was done, or the numbers and names in the message, sorted.
    """

    code: int
    kind: str
    place: str
    layer: str
    facts: str


def runs(case: Case) -> Mapping[str, str]:
    """The command lines that make sense of a file."""
    if case in BINARY or case in HDF5:
        return MODEL_RUNS
    return NET_RUNS if case in NETS else SETTINGS_RUNS


def outcome(case: Case, line: str, place: Path) -> tuple[Outcome, str]:
    """A command line over a file, in a folder of its own; its message, empty without an error.

    Raises ``AssertionError`` where a promise is broken.
    """
    for path in place.iterdir():
        path.unlink()
    given = {name: (FILES / name).read_bytes() for name in ("net.prototxt", "model.caffemodel")}
    given[case.name] = case.data
    for name, data in given.items():
        (place / name).write_bytes(data)
    arguments = [case.name if word == "FILE" else word for word in line.split()]

    code, out, errors = run_here(place, *arguments, "--json")
    assert code in CODES, f"exit code {code}"
    assert errors == b"", errors
    assert out.count(b"\n") == 1
    document: dict[str, Any] = json.loads(out)
    left = _left(place, given)
    if code < 2:
        outputs = {} if "-n" in arguments else dict.fromkeys({"out", "more"} & {*arguments})
        assert left == {*outputs}, left
        for name in left:
            (place / name).unlink()
        result, message = Outcome(code, "-", "-", "-", _summary(document)), ""
    else:
        assert left == set(), left
        error = error_of(document)
        assert error["hint"] or code == 4, f"no hint: {error['message']}"
        message = _own_words(error["message"].replace(case.name, "FILE"))
        layer = "-" if error["layer"] is None else _cut(repr(error["layer"]))
        result = Outcome(code, error["kind"], _place(error), layer, _facts(message))

    again, out, errors = run_here(place, *arguments)
    assert again == code, f"{again} without --json, {code} with it"
    listed = "pairs" in document  # check goes on with the other pairs: errors are in its report
    assert (errors == b"") == (code < 2 or listed), errors
    _shows(out)
    _shows(errors)
    if code >= 2:
        assert listed or (out == b"" and errors.startswith(b"error: "))
        assert _left(place, given) == set()
        assert os.path.basename(error_of(document)["file"] or "").encode() in out + errors
    return result, message


def error_of(document: dict[str, Any]) -> dict[str, Any]:
    """What went wrong, empty if nothing did; ``check`` says it of each pair."""
    found = [document.get("error"), *(pair["error"] for pair in document.get("pairs", ()))]
    return next(filter(None, found), {})


def _left(place: Path, given: dict[str, bytes]) -> set[str]:
    """What is there besides the input, which has not changed."""
    for name, data in given.items():
        assert (place / name).read_bytes() == data, f"{name} was changed"
    return {each.name for each in place.iterdir()} - {*given}


def _shows(printed: bytes) -> None:
    """Nothing of it acts on a terminal."""
    acting = {each for each in printed.decode("utf-8") if not each.isprintable()} - {"\n"}
    assert not acting, f"{acting} on the screen"
    assert b"Traceback" not in printed


def _place(error: dict[str, Any]) -> str:
    if error["offset"] is not None:
        return f"byte {error['offset']}"
    if error["line"] is not None:
        return ":".join(str(error[key]) for key in ("line", "column") if error[key] is not None)
    return "-"


def _own_words(text: str) -> str:
    """Without what others say in it, and as a screen can show it."""
    for words in OTHERS_WORDS:
        text = text[: text.index(words) + len(words)] if words in text else text
    return "".join(each if each.isprintable() else _cut(each) for each in text)


def _facts(message: str) -> str:
    """The numbers in it, then the names."""
    found = [f"{number:.15g}" for number in sorted(numbers(message))]
    return _cut(" ".join(found + sorted(map(repr, names(message))))) or "-"


def _cut(text: str) -> str:
    shown = json.dumps(text, ensure_ascii=True)[1:-1].replace("\\\\", "\\")
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "..."


def _summary(document: dict[str, Any]) -> str:
    """What a run that succeeded did, in few words."""
    if document["command"] == "check":
        return " ".join(sorted({each["id"] for each in document["findings"]})) or "no finding"
    if document["command"] == "inspect":
        states = [f"{each['name']} {each['weights'] or '-'}" for each in document["layers"]]
        return _cut(", ".join(states) or "no layers")
    acts = [f"{each['name']} {each['action']}" for each in document["layers"]]
    return _cut(", ".join(acts) or "no layers")
