"""The Python face: public names, what they cost to import, a live pycaffe net."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery import errors
from helpers.models import demo_base, demo_net
from helpers.places import LAYOUTS
from helpers.words import Words, names


def test_every_public_name_is_there(words: Words) -> None:
    assert sorted(ds.__all__) == ds.__all__
    for name in ds.__all__:
        assert getattr(ds, name) is not None, name
    assert set(ds.__all__) <= set(dir(ds))
    with pytest.raises(AttributeError) as raised:
        _ = ds.nothing
    assert names(str(raised.value)) == ["deconvsurgery", "nothing"]
    words(raised.value)


def test_a_type_checker_sees_the_same_names_from_the_same_modules() -> None:
    (checked,) = [
        statement
        for statement in ast.parse(Path(ds.__file__).read_text()).body
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"
    ]
    package, listed = [ast.unparse(each) for each in checked.body][-2:]
    assert package == "from deconvsurgery import types as types"
    assert listed == "from deconvsurgery.types.at_the_top import *"
    names = ast.parse((Path(ds.__file__).parent / "types" / "at_the_top.py").read_text()).body
    seen = {
        alias.asname: f"{statement.module}.{alias.name}"
        for statement in names
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.asname
    }
    assert seen == {name: f"deconvsurgery.{home}.{name}" for name, home in ds._HOMES.items()}
    assert sorted(seen) == ds.__all__
    there = vars(importlib.import_module("deconvsurgery.types.at_the_top"))
    for name in ds.__all__:
        assert there[name] is getattr(ds, name), name


def test_no_public_function_has_a_rooms_name() -> None:
    """Importing a room binds its name in the package, over whatever was there."""
    rooms = {path.stem for path in Path(ds.__file__).parent.iterdir()}
    assert rooms & set(ds.__all__) == set()


def test_every_error_is_public_and_in_the_drawn_tree() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    ]
    for kind in kinds:
        assert issubclass(kind, ds.SurgeryError)
        assert kind.__name__ in ds.__all__
        assert kind.__name__ in (errors.__doc__ or "")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, deconvsurgery\n"
        "heavy = {'numpy', 'google.protobuf', 'rich', 'click'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_verbs_take_open_objects(tmp_path: Path) -> None:
    net = ds.parse_net(demo_net())
    base = tmp_path / "base.caffemodel"
    base.write_bytes(demo_base())
    with ds.open_model(base) as model:
        result = ds.apply(net, model, tmp_path / "out.caffemodel")
        found = ds.inspect(net, model)
    assert result.changed
    assert result.written
    assert [row.weights.state for row in found.layers if row.weights] == [
        "missing",
        "other",
        "missing",
    ]
    again = ds.apply(net, tmp_path / "out.caffemodel", dry_run=True)
    assert (again.changed, again.written, again.output) == (False, False, None)
    assert ds.kernel(5).recipes[0] == ds.recipe(3)
    assert ds.demo(tmp_path / "demo").plan == result.plan


def live(**weights: np.ndarray) -> SimpleNamespace:
    """As much of a pycaffe net as surgery touches."""
    return SimpleNamespace(params={name: [SimpleNamespace(data=w)] for name, w in weights.items()})


@pytest.mark.parametrize("case", ["factor2_dense", "factor3_group", "sum_c5_to_1", "k15_g3"])
def test_interp_does_what_fcns_did(case: str) -> None:
    expected = np.load(LAYOUTS / f"{case}.npz")["interp"]
    weights = np.zeros_like(expected)
    ds.interp(live(up=weights), ["up"])
    assert weights.tobytes() == expected.tobytes()


def test_interp_keeps_what_is_off_the_diagonal_unless_told() -> None:
    weights = np.full((2, 2, 4, 4), 7, np.float32)
    ds.interp(live(up=weights), ["up"])
    assert (weights[0, 1] == 7).all()
    assert weights[0, 0, 1, 1] == 0.5625
    ds.interp(live(up=weights), ["up"], zero_off_diagonal=True)
    assert (weights[0, 1] == 0).all()
    assert weights[1, 1, 1, 1] == 0.5625


def test_interp_refuses_before_it_changes_anything(words: Words) -> None:
    good, bad = np.zeros((2, 2, 4, 4), np.float32), np.zeros((4, 6, 4, 4), np.float32)
    with pytest.raises(ds.ShapeError) as raised:
        ds.interp(live(good=good, bad=bad), ["good", "bad"])
    assert "bad" in names(raised.value.message)
    words(raised.value)
    assert not good.any()
    assert not bad.any()


def test_one_text_is_one_pattern_and_not_its_letters(tmp_path: Path, words: Words) -> None:
    net = ds.parse_net(demo_net())
    base = tmp_path / "base.caffemodel"
    base.write_bytes(demo_base())
    plan = ds.apply(net, base, patterns="score2", dry_run=True).plan
    assert [row.target.layer.name for row in plan.layers] == ["upscore2"]
    assert ds.apply(net, base, exclude="score2", dry_run=True).plan.layers[0].target.layer.name == (
        "upscore"
    )
    (row,) = ds.inspect(net, base, patterns="refine", stage="abc").layers
    assert row.name == "refine"
    weights = np.zeros((2, 1, 4, 4), np.float32)
    ds.interp(live(up=weights), "up")
    assert weights[1, 0, 1, 1] == 0.5625
    with pytest.raises(ds.ShapeError) as raised:
        ds.interp(live(up=weights), ["nothing"])
    assert "nothing" in names(raised.value.message)
    words(raised.value)


def test_words_that_no_verb_takes(tmp_path: Path, words: Words) -> None:
    net = ds.parse_net(demo_net())
    base = tmp_path / "base"
    base.write_bytes(demo_base())
    with pytest.raises(ValueError) as wrong:  # noqa: PT011 - its words are pinned
        ds.apply(net, base, fill="some", dry_run=True)
    assert names(str(wrong.value)) == ["some"]
    words(wrong.value, "fill")
    with pytest.raises(ValueError) as wrong:  # noqa: PT011 - its words are pinned
        ds.json_schema("nothing")
    assert names(str(wrong.value)) == ["nothing"]
    words(wrong.value, "schema")
    with pytest.raises(ds.SelectionError) as raised:
        ds.diff(base, base, patterns="upp")
    assert "upp" in names(raised.value.message)
    words(raised.value, "diff")
    with pytest.raises(ds.SelectionError) as raised:
        ds.inspect(net, base, patterns="upp")
    assert "upp" in names(raised.value.message)
    words(raised.value, "inspect")
    before = base.read_bytes()
    with ds.open_model(base) as opened, pytest.raises(ds.ArgumentError) as in_place:
        ds.apply(net, opened, in_place=True)
    words(in_place.value, "in place")
    assert base.read_bytes() == before


def test_a_phase_by_name_is_that_phase(words: Words) -> None:
    text = demo_net().replace(b'name: "upscore2"', b'name: "upscore2" include { phase: TRAIN }')
    net = ds.parse_net(text)
    found = [
        [row.name for row in ds.inspect(net, phase=phase).layers] for phase in ("test", "TRAIN")
    ]
    assert found == [["refine", "upscore"], ["upscore2", "refine", "upscore"]]
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its words are pinned
        ds.inspect(net, phase="bogus")
    assert "bogus" in names(str(raised.value))
    words(raised.value)


@pytest.mark.parametrize("value", [3, "net", [], [3]])
def test_a_page_is_made_of_results_alone(value: Any) -> None:
    with pytest.raises(TypeError):
        ds.html_report(value)


def test_a_page_of_a_difference_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(demo_base())
    with pytest.raises(TypeError) as raised:
        ds.html_report(ds.diff(tmp_path / "a", tmp_path / "a"))  # type: ignore[arg-type]
    assert "DiffResult" in str(raised.value)
