"""No two files of a run are one, by whatever names; nothing is changed then, with --force either.

A matrix: every verb, every two of its files of which one is written, every way to be one. It is
made from the commands' own declarations (helpers/file_parameters.py).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import click
import pytest

from deconvsurgery.cli.shared_options import FileName
from helpers.campaigns import campaign_but, campaign_of_pairs
from helpers.commands import VERBS, command_of
from helpers.file_parameters import CONTENT, NO_FILES, OTHER_VERBS, READ, WRITTEN, Line, Slot, lines
from helpers.models import write_demo
from helpers.runs import run_here, tool
from helpers.second_names import WAYS, Way, content, descriptor, named

LINES = lines()
PAIRS = [
    (line, one, other)
    for line in LINES
    for one, other in combinations(line.slots, 2)
    if {one.use, other.use} != {READ}
    and (not line.only or line.only & {one.label, other.label})
    # A record is found by its output's name.
    and {one.label, other.label} != {"output", "record"}
]


# --- no parameter is forgotten


@pytest.mark.parametrize("verb", VERBS)
def test_every_parameter_that_takes_text_says_whether_it_is_a_file(verb: str) -> None:
    for parameter in command_of(verb).params:
        text = type(parameter.type) is type(click.STRING)
        assert not text or parameter.name in NO_FILES, f"{verb} {parameter.name}"
        if isinstance(parameter.type, FileName):
            assert parameter.name not in NO_FILES


def test_every_verb_is_in_the_matrix() -> None:
    assert {line.verb for line in LINES} == CONTENT.keys() == {*VERBS} - OTHER_VERBS


# --- the matrix


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_demo(tmp_path_factory.mktemp("template"))
    assert run_here(folder, "apply", "--save-patch", "undo", "net", "in", "full")[0] == 0
    (folder / "settings.toml").write_text("pattern = 'up'\n")
    (folder / "known.json").write_text(
        '{"schema_version": 1, "command": "check", "findings": []}\n'
    )
    shutil.copy(folder / "net", folder / "net-alone")
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Path:
    """A folder with all that is read, which has a second name."""
    folder = Path(shutil.copytree(template, tmp_path / "place"))
    (tmp_path / "linked").symlink_to("place")
    return folder


def settled(line: Line, place: Path, names: Mapping[str, str]) -> Path:
    """With settings, where those name the files."""
    for name, text in line.texts(names).items():
        (place / name).write_text(text)
    return place


@pytest.mark.parametrize(
    "line", campaign_but([each for each in LINES if str(each) != "sweep of a list"], LINES)
)
def test_with_a_file_for_each_it_runs(line: Line, place: Path) -> None:
    """Or what is refused below might be refused for another reason."""
    before = content(settled(line, place, {}))
    code, _, errors = run_here(place, *line.arguments({}))
    assert (code in (0, 1), errors) == (True, b"")
    after = content(place)
    for slot in line.slots:
        assert slot.use != WRITTEN or after[slot.name] != before.get(slot.name)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


@pytest.mark.parametrize(("pair", "way"), campaign_of_pairs(PAIRS, WAYS, named))
def test_one_file_by_two_names(
    pair: tuple[Line, Slot, Slot],
    way: Way,
    place: Path,
    stack: ExitStack,
) -> None:
    line, one, other = pair
    settled(line, place, {})
    # What is read must be there; the other one is named for it.
    stays, moves = (other, one) if other.use == READ and not one.fixed else (one, other)
    if moves.fixed:
        stays, moves = moves, stays
        if moves.use == READ:  # it must be there by that name
            shutil.copy(place / moves.name, place / stays.name)
    name = way(place, stays.name, stack)
    if name is None or (moves.label, way) == ("config", descriptor):
        return  # paths in settings are from where those are
    settled(line, place, {moves.label: name})
    refused(line, {moves.label: name}, place, (name, stays.name))


def refused(line: Line, names: dict[str, str], place: Path, both: tuple[str, str]) -> None:
    """One sentence that names both, and nothing else; whatever was said of force."""
    before = content(place)
    for flags in ((), ("--json",)) if line.verb != "revert" else ((),):
        code, out, errors = run_here(place, *line.arguments(names, *flags))
        assert content(place) == before
        assert code == 2
        if flags:
            assert errors == b""
            continue
        assert out == b""
        first, *hint = errors.decode().splitlines()
        assert first.startswith("error: ")
        # Of what a sweep's pairs are, roles are said; they may be many.
        assert (any if line.verb == "sweep" else all)(each in first for each in both)
        assert [each[:8] for each in hint] == ["  hint: "]


# --- objects, and streams


OBJECTS = (
    ("s3://zoo/a", "s3://zoo/a"),
    ("s3://zoo/a", "S3A://zoo/a"),
    ("gs://zoo/a", "gcs://zoo/a"),
    ("az://zoo/a", "abfs://zoo/a"),
)


@pytest.mark.parametrize(
    ("pair", "urls"),
    campaign_of_pairs(
        [
            pair
            for pair in PAIRS
            if not pair[1].fixed
            and not pair[2].fixed
            # A sweep reads its settings before anything is known of it.
            and (pair[0].verb, pair[1].label) != ("sweep", "config")
        ],
        OBJECTS,
        named,
    ),
)
def test_one_object_by_two_urls(
    pair: tuple[Line, Slot, Slot], urls: tuple[str, str], place: Path
) -> None:
    """No store is asked for it: there is none."""
    line, one, other = pair
    names = {one.label: urls[0], other.label: urls[1]}
    settled(line, place, names)
    refused(line, names, place, urls)


READERS = [
    (line, one, other)
    for line in LINES
    for one, other in combinations(line.slots, 2)
    if {one.use, other.use} == {READ} and not one.fixed and line.verb != "sweep"
]


@pytest.mark.parametrize("pair", READERS, ids=named)
def test_standard_input_is_read_once(pair: tuple[Line, Slot, Slot], place: Path) -> None:
    line, one, other = pair
    before = content(place)
    code, out, errors = run_here(place, *line.arguments({one.label: "-", other.label: "-"}))
    assert (code, out) == (2, b"")
    assert errors.startswith(b"error: ")
    assert content(place) == before


@pytest.mark.parametrize(
    "pair",
    [each for each in PAIRS if each[1].label == "output" and each[2].label == "report"],
    ids=named,
)
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_a_model_on_standard_output_is_alone_there(
    pair: tuple[Line, Slot, Slot], name: str, place: Path
) -> None:
    line, one, other = pair
    before = content(place)
    code, out, errors = run_here(place, *line.arguments({one.label: "-", other.label: name}))
    assert (code, out) == (2, b"")
    assert errors.startswith(b"error: ")
    assert content(place) == before


OTHER_NAMES = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
TO_STREAMS = ("apply net in", "convert in", "transplant net in", "patch-net net")


@pytest.mark.parametrize("name", campaign_but(["/dev/stdout"], OTHER_NAMES))
@pytest.mark.parametrize("line", campaign_but(["apply net in"], TO_STREAMS))
def test_standard_output_by_another_name_is_not_mixed_with_a_table(
    line: str, name: str, place: Path
) -> None:
    verb, *files = line.split()
    assert tool(verb, place, *files, "new").returncode == 0
    done = tool(verb, place, *files, name)
    assert (done.returncode, done.stdout) == (0, (place / "new").read_bytes())
    assert done.stderr
    done = tool(verb, place, *files, name, "--json")
    assert (done.returncode, done.stderr) == (2, b"")
    assert json.loads(done.stdout)["error"]["kind"] == "UsageError"


@pytest.mark.parametrize("line", ["inspect --report {} net", "check --also sarif={} net"])
def test_a_page_is_not_mixed_with_a_table(line: str, place: Path) -> None:
    for name in ("-", "/dev/stdout"):
        code, out, errors = run_here(place, *line.format(name).split())
        assert (code, out) == (2, b"")
        assert name.encode() in errors


def test_settings_may_come_through_a_pipe(place: Path, stack: ExitStack) -> None:
    """One file of a run is not two of them."""
    end, into = os.pipe()
    os.write(into, b"pattern = 'up'\n")
    os.close(into)
    stack.callback(os.close, end)
    line = ["check", "--exit-zero", "--config", f"/dev/fd/{end}", "--report", "page", "net"]
    code, _, errors = run_here(place, *line)
    assert (code, errors) == (0, b"")


# --- what a fix makes beside the files that it is given


COPIES = ("new/net", "new/in", "new/net.fixing", "new/in.before-fix")
DOCUMENTS = ("--also json={}", "--also sarif={}", "--report {}")


@pytest.mark.parametrize("named", ["by its name", "by a link", "by a hard link"])
@pytest.mark.parametrize(
    ("document", "own"), campaign_of_pairs(DOCUMENTS, (*COPIES, "net.fixing", "in.before-fix"))
)
def test_a_document_is_no_file_of_a_fix(document: str, own: str, named: str, place: Path) -> None:
    """Nothing is written then, no document that says so either."""
    (place / "new").mkdir()
    name = own
    if named != "by its name":
        if own.endswith((".fixing", ".before-fix")):  # another run's, which is refused by itself
            return
        name = "page"
        (place / name).write_text("of an earlier run")
        getattr(place / own, "symlink_to" if named == "by a link" else "hardlink_to")(place / name)
    fix = ("--fix-into", "new") if own.startswith("new") else ("--fix",)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    line = ["check", "-f", *fix, *document.format(name).split(), "net", "in"]
    code, out, errors = run_here(place, *line)
    assert (code, out) == (2, b"")
    assert own in errors.decode()
    assert name in errors.decode()
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert run_here(place, *line, "--diff")[0] == 1


# --- what demo writes has names of its own


@pytest.mark.parametrize("link", ["soft", "hard"])
def test_files_of_a_demo_that_are_one(link: str, tmp_path: Path) -> None:
    assert run_here(tmp_path, "demo", "d")[0] == 0
    folder = tmp_path / "d"
    for one, other in combinations(("net.prototxt", "base.caffemodel", "fcn.caffemodel"), 2):
        kept = (folder / other).read_bytes()
        (folder / other).unlink()
        if link == "soft":
            (folder / other).symlink_to(one)
        else:
            (folder / other).hardlink_to(folder / one)
        before = content(folder)
        code, out, errors = run_here(tmp_path, "demo", "-f", "d")
        assert (code, out) == (2, b"")
        assert one.encode() in errors
        assert other.encode() in errors
        assert content(folder) == before
        (folder / other).unlink()
        (folder / other).write_bytes(kept)
