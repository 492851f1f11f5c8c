"""Errors have one shape, and are never changed after they were made."""

from __future__ import annotations

import pickle
from pathlib import Path

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
    full = kind(**FIELDS)  # type: ignore[arg-type]
    assert vars(full) == FIELDS
    assert str(full) == "m"


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
    assert (str(new), new.message, new.path, new.hint) == ("n", "n", "a", "h")
    assert new.__cause__ is cause
    assert new.__traceback__ is error.__traceback__
    assert (str(error), error.message, error.path) == ("m", "m", None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_comes_back_from_another_process(kind: type[ds.SurgeryError]) -> None:
    full = kind(**FIELDS)  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(full))
    assert type(again) is kind
    assert vars(again) == FIELDS
    assert str(again) == "m"


def test_what_is_shown_is_what_the_exception_says(tmp_path: Path) -> None:
    net, model = tmp_path / "net", tmp_path / "model"
    net.write_bytes(demo_net())
    model.write_bytes(model_bytes({"upscore2": [[1.0, 2.0]]}))
    with pytest.raises(ds.MismatchError) as raised:
        ds.apply(net, model, dry_run=True)
    assert str(raised.value) == raised.value.message
    assert str(model) in str(raised.value)
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
