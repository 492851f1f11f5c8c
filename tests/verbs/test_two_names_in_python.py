"""No two files of a call are one, by whatever names; nothing is changed then, with force either.

A matrix as that of the command line (cli/test_two_names_of_one_file.py), made from the functions'
own signatures (helpers/path_parameters.py). A net that was read before is a value, and no file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers.campaigns import campaign_of_pairs
from helpers.file_parameters import READ, WRITTEN
from helpers.models import write_demo
from helpers.path_parameters import (
    CONTENT,
    Call,
    calls,
    functions,
    path_parameters,
    use_of,
)
from helpers.second_names import WAYS, Way, content, descriptor, named

CALLS = [*calls()]


# --- no parameter is forgotten


@pytest.mark.parametrize("function", functions())
def test_every_parameter_that_takes_a_path_says_what_for(function: str) -> None:
    for parameter in path_parameters(functions()[function]):
        assert use_of(function, parameter) is not None, parameter


def test_every_function_that_writes_is_in_the_matrix() -> None:
    writing = {
        name
        for name, function in functions().items()
        if WRITTEN in {use_of(name, each) for each in path_parameters(function)}
    }
    assert writing - {"Editor.save"} | {"edit"} == CONTENT.keys()


# --- the matrix


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_demo(tmp_path_factory.mktemp("template"))
    ds.apply(folder / "net", folder / "in", folder / "full", save_patch=folder / "undo")
    (folder / "sweep.toml").write_text(
        "pairs = [{net = 'net', model = 'in', output = 'swept'}]\n[sweep]\nverb = 'apply'\n"
    )
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that is read, which has a second name; we are in it."""
    folder = Path(shutil.copytree(template, tmp_path / "place"))
    (tmp_path / "linked").symlink_to("place")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


@pytest.mark.parametrize(
    "call",
    {(each.function, each.in_place): each for each in CALLS if each.function != "sweep"}.values(),
    ids=str,
)
def test_with_a_file_for_each_it_runs(call: Call, place: Path) -> None:
    """Or what is refused below might be refused for another reason."""
    before = content(place)
    call.run({})
    after = content(place)
    for each in (call.one, call.other):
        assert (after[call.name(each)] != before.get(call.name(each))) == (call.use(each) != READ)


@pytest.mark.parametrize(("call", "way"), campaign_of_pairs(CALLS, WAYS, named))
def test_one_file_by_two_names(call: Call, way: Way, place: Path, stack: ExitStack) -> None:
    # What is read must be there; the other one is named for it.
    read_last = call.use(call.other) == READ
    stays, moves = (call.other, call.one) if read_last else (call.one, call.other)
    name = way(place, call.name(stays), stack)
    if name is None:
        return
    before = content(place)
    with pytest.raises(ds.OutputError) as caught:
        call.run({moves: name})
    assert content(place) == before
    both = (name, call.name(stays))
    assert caught.value.path in both
    # Of a sweep roles are said.
    assert call.function == "sweep" or all(each in str(caught.value) for each in both)
    assert caught.value.hint is not None


# --- a model that is open already


OPEN: dict[str, Callable[[Path, ExitStack], object]] = {
    "a model": lambda path, stack: stack.enter_context(ds.open_model(path)),
    "of a file": lambda path, stack: stack.enter_context(
        ds.open_model(stack.enter_context(path.open("rb")))
    ),
}
WITH_MODEL = [each for each in CALLS if each.one == "model" and not each.in_place]
WITH_MODEL = [each for each in WITH_MODEL if each.function != "regroup"]  # it takes paths alone


@pytest.mark.parametrize("form", OPEN)
@pytest.mark.parametrize(("call", "way"), campaign_of_pairs(WITH_MODEL, WAYS, named))
def test_an_open_model_is_its_file(
    call: Call, way: Way, form: str, place: Path, stack: ExitStack
) -> None:
    path = place / call.name("model")
    model = OPEN[form](path, stack)
    name = way(place, path.name, stack)
    if name is None or way is descriptor:  # of the file that is read: it cannot be written to
        return
    before = content(place)
    with pytest.raises(ds.OutputError) as caught:
        call.run({"model": model, call.other: name})
    assert content(place) == before
    assert caught.value.path in (name, f"{place}/./{path.name}", f"{place}/{path.name}")


# --- copies that a fix makes


FOLDERS = (".", "./", "../linked", "../place/../place", "file://{}")


@pytest.mark.parametrize("into", FOLDERS)
def test_a_copy_is_no_file_that_is_fixed(into: str, place: Path) -> None:
    before = content(place)
    with pytest.raises(ds.OutputError) as caught:
        ds.fix("net", "in", into=into.format(place), force=True)
    assert content(place) == before
    assert caught.value.path is not None
    assert (place / Path(caught.value.path.removeprefix("file://"))).samefile(place / "net")


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
@pytest.mark.parametrize(("copy", "file"), [("net", "in"), ("in", "net"), ("in", "known")])
def test_a_copy_by_a_link_is_no_file_that_is_read(
    copy: str, file: str, link: str, place: Path
) -> None:
    (place / "known").write_text('{"schema_version": 1, "command": "check", "findings": []}\n')
    (place / "new").mkdir()
    getattr(place / "new" / copy, link)(place / file)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(ds.OutputError) as caught:
        ds.fix("net", "in", into="new", baseline="known", force=True)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert caught.value.path == f"new/{copy}"
    assert file in str(caught.value)


# --- where we are may change


@pytest.mark.parametrize("there", ["nothing", "another model", "a gone folder"])
def test_an_edit_in_place_is_of_the_file_that_was_opened(
    there: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "below").mkdir()
    other = (place / "full").read_bytes()
    if there == "another model":
        (place / "below" / "in").write_bytes(other)
    with ds.edit("in") as m:
        m.zero("score", 1)
        monkeypatch.chdir(place / "below")
        if there == "a gone folder":
            (place / "below").rmdir()
        else:
            with pytest.raises(ds.OutputError):
                m.save("../in", force=True)
        result = m.save(in_place=True, force=True)
    assert result.path == str(place / "in")
    assert not ds.load(result.path)["score", 1].any()
    if there == "another model":
        assert (place / "below" / "in").read_bytes() == other
    elif there == "nothing":
        assert [*(place / "below").iterdir()] == []
