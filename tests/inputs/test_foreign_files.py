"""Files that are neither a net nor a model are named for what they are, wherever one is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.forms import Form, described
from helpers.campaigns import campaign_but
from helpers.foreign import FOREIGN
from helpers.models import write_demo
from helpers.runs import run_here

if TYPE_CHECKING:
    from helpers.words import Words

# Every command that reads a net or a model, with FILE where the strange one is given.
COMMANDS = {
    "as the model": "inspect net FILE",
    "as the model, first": "inspect FILE net",
    "as the net, beside a model": "inspect FILE in",
    "as the net, behind a model": "inspect in FILE",
    "alone": "inspect FILE",
    "check, as the model": "check net FILE",
    "check, as the net": "check FILE in",
    "apply, as the model": "apply net FILE out",
    "apply, as the net": "apply FILE in out",
    "convert": "convert FILE out",
    "convert, as the net": "convert --net FILE in out",
    "diff": "diff in FILE",
    "patch-net": "patch-net FILE out",
    "regroup, as the net": "regroup FILE in out out2",
    "transplant, as the model": "transplant net FILE out",
}
SHORT = ("symlink", "AppleDouble", "PNG", "GraphDef", "MAT 7.3", "mean")
EVERYWHERE = [
    (name, command)
    for name in FOREIGN
    for command in COMMANDS
    if name in SHORT or command in ("as the model", "apply, as the net")
]


# Each form once, and each command.
SOME = [("PNG", command) for command in COMMANDS] + EVERYWHERE[::7]


@pytest.mark.parametrize(("name", "command"), campaign_but(SOME, EVERYWHERE, rows=True))
def test_it_is_named_wherever_it_is_given(name: str, command: str, tmp_path: Path) -> None:
    form, data = FOREIGN[name]
    write_demo(tmp_path)
    (tmp_path / "strange").write_bytes(data)
    before = sorted(path.name for path in tmp_path.iterdir())
    arguments = COMMANDS[command].replace("FILE", "strange").split()
    code, out, errors = run_here(tmp_path, *arguments)
    said = errors.decode()
    assert (code, out) == (3, b"")
    assert said.startswith(f"error: strange: {described(form)[0]}")
    assert described(form)[1] in said
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["inspect FILE in", "check FILE in", "apply FILE in out"])
def test_a_name_of_a_net_changes_nothing(command: str, tmp_path: Path) -> None:
    """A PNG that is called a prototxt: whatever its name, it is a PNG."""
    write_demo(tmp_path)
    (tmp_path / "a.prototxt").write_bytes(FOREIGN["PNG"][1])
    code, out, errors = run_here(tmp_path, *command.replace("FILE", "a.prototxt").split())
    assert (code, out) == (3, b"")
    assert errors.decode().startswith(f"error: a.prototxt: {described(Form.PNG)[0]}")


@pytest.mark.parametrize("name", [name for name in FOREIGN if FOREIGN[name][0] is Form.SYMLINK])
def test_where_a_link_leads_is_said(name: str, tmp_path: Path, words: Words) -> None:
    data = FOREIGN[name][1]
    target = "../a/b" if data.startswith(b"!<") else data.decode()
    (tmp_path / "link").write_bytes(data)
    with pytest.raises(ds.FormatError) as raised:
        ds.read_net(tmp_path / "link")
    assert raised.value.path == str(tmp_path / "link")
    assert repr(target) in str(raised.value.hint)
    words(raised.value)
    with pytest.raises(ds.ModelError) as again, ds.open_model(tmp_path / "link"):
        pass
    assert (again.value.message, again.value.hint) == (raised.value.message, raised.value.hint)


def test_an_empty_file_beside_a_model_is_no_second_model(tmp_path: Path, words: Words) -> None:
    write_demo(tmp_path)
    (tmp_path / "empty").write_bytes(b"")
    code, _, errors = run_here(tmp_path, "inspect", "empty", "in")
    assert code == 3
    words(errors.decode().splitlines()[0])


# --- HDF5 of other programs


def keras(file: Any) -> None:
    """A whole model (``model.save``)."""
    file.attrs["keras_version"] = b"2.2.4"
    file.attrs["model_config"] = b"{}"
    file["model_weights/conv1/conv1/kernel:0"] = np.ones((3, 3))


def keras_weights(file: Any) -> None:
    """``model.save_weights``."""
    file.attrs["layer_names"] = [b"conv1"]
    file["conv1/conv1/kernel:0"] = np.ones((3, 3))


def training_data(file: Any) -> None:
    """What an HDF5Data layer reads."""
    file["data"] = np.ones((2, 3))
    file["label"] = np.ones(2)


def solver_state(file: Any) -> None:
    file["history/0"] = np.ones(1)


def another(file: Any) -> None:
    file["weights"] = np.ones(1)


@pytest.mark.parametrize("fill", [keras, keras_weights, training_data, solver_state, another])
def test_hdf5_of_other_programs(fill: Any, tmp_path: Path, words: Words) -> None:
    with h5py.File(tmp_path / "strange.h5", "w") as file:
        fill(file)
    with pytest.raises(ds.ModelError) as raised, ds.open_model(tmp_path / "strange.h5"):
        pass
    assert raised.value.path == str(tmp_path / "strange.h5")
    words(raised.value, fill.__name__)
