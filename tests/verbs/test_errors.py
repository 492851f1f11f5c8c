"""Errors have one shape, and are never changed after they were made."""

from __future__ import annotations

import copy
import errno
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from helpers.models import demo_base, demo_net, model_bytes

KINDS = [
    each
    for each in vars(ds.errors).values()
    if isinstance(each, type) and issubclass(each, ds.SurgeryError)
]
FIELDS = {
    "message": "m",
    "path": "a.prototxt",
    "line": 3,
    "column": 7,
    "layer": "up",
    "offset": 0,
    "hint": "h",
    "transient": True,
    "wait": 5,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_every_field(kind: type[ds.SurgeryError]) -> None:
    plain = kind("m")
    assert vars(plain) == {**dict.fromkeys(FIELDS), "message": "m", "transient": False, "wait": 0}
    assert (str(plain), plain.place) == ("m", "")
    full = kind(**FIELDS)  # type: ignore[arg-type]
    assert vars(full) == {**FIELDS, "__notes__": ["hint: h"]}
    assert str(full) == "a.prototxt:3:7: byte 0: m"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"path": "a"}, "a"),
        ({"path": "a", "line": 3}, "a:3"),
        ({"path": "a", "offset": 7}, "a: byte 7"),
        ({"line": 3, "column": 4}, "line, 3, 4"),
        ({"offset": 7}, "byte 7"),
        ({"layer": "up"}, ""),
    ],
)
def test_a_text_begins_with_its_place(fields: dict[str, Any], place: str) -> None:
    error = ds.PrototxtError("m", **fields)
    assert error.place == place
    assert str(error) == (f"{place}: m" if place else "m")
    assert error.message == "m"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_another_error_is_made_where_more_is_known(kind: type[ds.SurgeryError]) -> None:
    cause = FileNotFoundError()
    try:
        raise kind("m", hint="h") from cause
    except ds.SurgeryError as caught:
        error = caught
    error.add_note("a note is no field")
    new = error.replaced(message="n", path="a")
    assert type(new) is kind
    assert (str(new), new.message, new.path, new.hint) == ("a: n", "n", "a", "h")
    assert new.__notes__ == ["hint: h"]
    assert new.__cause__ is cause
    assert new.__traceback__ is error.__traceback__
    assert (str(error), error.message, error.path) == ("m", "m", None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_comes_back_from_another_process(kind: type[ds.SurgeryError]) -> None:
    full = kind(**FIELDS)  # type: ignore[arg-type]
    full.add_note("said later")
    for again in (pickle.loads(pickle.dumps(full)), copy.copy(full), copy.deepcopy(full)):
        assert type(again) is kind
        assert vars(again) == {**FIELDS, "__notes__": ["hint: h", "said later"]}
        assert str(again) == str(full)
        again.add_note("of the copy alone")
    assert len(full.__notes__) == 2


def test_what_the_system_refuses_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no such file") as raised:
        ds.read_net(tmp_path / "none")
    error = raised.value
    assert isinstance(error, ds.FileError)
    for same in (error, pickle.loads(pickle.dumps(error)), error.replaced(hint="h")):
        assert (same.errno, same.filename) == (errno.ENOENT, str(tmp_path / "none"))
    with pytest.raises(ds.FileError) as raised_of_a_folder:
        ds.read_net(tmp_path)
    assert raised_of_a_folder.value.errno == errno.EISDIR


def test_what_fails_below_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that passes where the system's own are caught stays as it is."""
    net, model = tmp_path / "net", tmp_path / "model"
    net.write_bytes(demo_net())
    model.write_bytes(demo_base())
    refused = ds.FileError("m", path="a", hint="h")

    def refuse(*_: object, **__: object) -> bytes:
        raise refused

    with ds.open_model(model) as opened:
        monkeypatch.setattr(type(opened.source), "read", refuse)
        monkeypatch.setattr(type(opened.source), "confirm_unchanged", refuse)
        with pytest.raises(ds.FileError) as raised:
            ds.apply(net, opened, tmp_path / "out")
    assert (raised.value.message, raised.value.hint) == ("m", "h")
    assert not (tmp_path / "out").exists()


WRONG: dict[str, Callable[[str, str], object]] = {
    "in_place with an output": lambda net, model: ds.apply(net, model, "out", in_place=True),
    "no output": lambda net, model: ds.apply(net, model),
    "two outputs": lambda net, model: ds.regroup(net, model),
    "raw values in HDF5": lambda _, model: ds.convert(
        model, "out", to="hdf5", values="raw-float16"
    ),
    "no pair": lambda net, model: ds.transplant(net, model, dry_run=True, expand_score="score"),
    "a pattern": lambda net, model: ds.apply(net, model, dry_run=True, patterns="re:("),
    "a pattern to leave out": lambda net, _: ds.inspect(net, exclude=["up", ""]),
    "a pattern of diff": lambda _, model: ds.diff(model, model, patterns="re:("),
    "no rule": lambda net, _: ds.check(net, select="DS9"),
    "no rule to ignore": lambda net, _: ds.check(net, ignore="DS9"),
    "nothing to check by": lambda net, _: ds.check(net, select="DS001", ignore="DS001"),
    "a phase": lambda net, _: ds.inspect(net, phase="deploy"),
    "a fill": lambda net, model: ds.apply(net, model, dry_run=True, fill="some"),
    "values": lambda _, model: ds.convert(model, dry_run=True, values="int8"),
    "an engine": lambda *_: ds.sweep(engine="spark"),
}
PARAMETERS = {
    "in_place with an output": "in_place",
    "no output": "output",
    "two outputs": "net_output",
    "raw values in HDF5": "values",
    "no pair": "expand_score",
    "a pattern": "patterns",
    "a pattern to leave out": "exclude",
    "a pattern of diff": "patterns",
    "no rule": "select",
    "no rule to ignore": "ignore",
    "nothing to check by": "selected",
    "a phase": "phase",
    "a fill": "fill",
    "values": "values",
    "an engine": "engine",
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_argument_is_a_value_error_that_names_it(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "model").write_bytes(demo_base())
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        WRONG[case]("net", "model")
    assert PARAMETERS[case] in "\n".join(
        [str(raised.value), *getattr(raised.value, "__notes__", ())]
    )
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["model", "net"]


def test_what_is_shown_is_what_the_exception_says(tmp_path: Path) -> None:
    net, model = tmp_path / "net", tmp_path / "model"
    net.write_bytes(demo_net())
    model.write_bytes(model_bytes({"upscore2": [[1.0, 2.0]]}))
    with pytest.raises(ds.MismatchError) as raised:
        ds.apply(net, model, dry_run=True)
    assert str(raised.value) == f"{net}:{raised.value.line}: {raised.value.message}"
    assert str(model) in raised.value.message
    assert raised.value.path == str(net)
    assert raised.value.__suppress_context__  # one error is shown, not how it came to its path


def test_an_error_about_a_file_names_it(tmp_path: Path) -> None:
    net = tmp_path / "net"
    net.write_bytes(b"layer {")
    with pytest.raises(ds.PrototxtError) as raised:
        ds.read_net(net)
    assert (raised.value.path, raised.value.line) == (str(net), 1)
    model = tmp_path / "model"
    model.write_bytes(demo_base()[:-1])
    with pytest.raises(ds.ModelError) as broken, ds.open_model(model):
        pass
    assert broken.value.path == str(model)
