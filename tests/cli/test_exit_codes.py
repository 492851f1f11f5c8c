"""The exit code of every verb in every situation, as docs/cli.md promises them.

0 done, or nothing to do. 1 ``--check`` found something. 2 wrong usage. 3 input wrong, or surgery
refused. 4 reading or writing failed. 130, 143, 129 interrupted, terminated, hung up.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import pytest
from jsonschema import Draft202012Validator

import deconvsurgery as ds
from deconvsurgery.rules.finding import RULES
from helpers.commands import VERBS
from helpers.documents import parsed_json
from helpers.models import demo_base, demo_net, write_demo
from helpers.processes.heeding import heeding
from helpers.runs import COMMAND, run_here

if TYPE_CHECKING:
    from helpers.words import Words

# Wide layers: 3 channels in, 2 out, which no kernel fits.
MISFIT = b'input: "d" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4\n'
MISFIT += b'layer { name: "up" type: "Deconvolution" bottom: "d" top: "u" convolution_param {\n'
MISFIT += b"  num_output: 2 kernel_size: 4 stride: 2 } }\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("template")
    base = demo_base()
    write_demo(tmp_path)
    assert run_here(tmp_path, "apply", "--save-patch", "undo-full", "net", "in", "full")[0] == 0
    assert run_here(tmp_path, "patch-net", "net", "patched")[0] == 0
    assert run_here(tmp_path, "regroup", "net", "full", "grouped-net", "grouped")[0] == 0
    (tmp_path / "there").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("in")
    (tmp_path / "broken").write_text('name: "n"\nlayer { name: }\n')
    (tmp_path / "misspelt").write_bytes(demo_net().replace(b"kernel_size: 4", b"kernel_sise: 4"))
    (tmp_path / "misfit").write_bytes(MISFIT)
    (tmp_path / "cut").write_bytes(base[:-7])
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "pointer").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"
    )
    (tmp_path / "page").write_bytes(b"<!DOCTYPE html><html><head></head></html>")
    (tmp_path / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(2048))
    (tmp_path / "bad.toml").write_text("pairs = }")
    (tmp_path / "odd.toml").write_text("patern = 'up'")
    (tmp_path / "checked.toml").write_text("pairs = [{net = 'net', model = 'in'}]")
    for name, nets in (("applied", "['net']"), ("half", "['net', 'broken']")):
        (tmp_path / f"{name}.toml").write_text(
            f"pairs = [{{net = {nets}, model = 'in', output = '{{name}}.out'}}]\n"
            "[sweep]\nverb = 'apply'\n"
        )
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "net.prototxt").write_text("mine")
    return tmp_path


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Path:
    """A net, the base model without upsampling layers, the full one, and much that is wrong."""
    return Path(shutil.copytree(template, tmp_path / "place", symlinks=True))


def content(place: Path) -> dict[str, bytes]:
    found = [each for each in place.rglob("*") if each.is_file()]
    return {str(each.relative_to(place)): each.read_bytes() for each in found}


# --- 0 and 1

DONE: Sequence[tuple[str, str, int, str]] = (
    # line, situation, code, files that are new or changed
    ("apply net in out", "done", 0, "out"),
    ("apply net full out", "nothing had to change", 0, "out"),
    ("apply -n net in", "a dry run of what would change", 0, ""),
    ("apply -p nothing --allow-empty net in out", "nothing matched, and may", 0, "out"),
    ("apply -p * --skip-unfit net in out", "what does not fit is skipped", 0, "out"),
    ("apply -f net in there", "OUT replaced", 0, "there"),
    ("apply --check net in", "something would change", 1, ""),
    ("apply --check net full", "nothing would change", 0, ""),
    ("inspect net", "a net", 0, ""),
    ("inspect in", "a model", 0, ""),
    ("inspect net in", "with findings", 0, ""),
    ("check net", "findings, all of them notes", 0, ""),
    ("check -p * patched full", "what is found", 1, ""),
    ("check net in", "layers without weights", 1, ""),
    ("check net in --exit-zero", "and that is no failure", 0, ""),
    ("check net full net in", "several pairs, one with findings", 1, ""),
    ("check --explain DS004", "a rule's page", 0, ""),
    ("check net -p nothing --allow-empty", "nothing matched, and may", 0, ""),
    ("diff in in", "the same file", 0, ""),
    ("diff in full", "layers that only one has", 1, ""),
    ("convert in out", "done, or nothing had to change", 0, "out"),
    ("convert in out.h5", "done", 0, "out.h5"),
    ("convert -n in", "a dry run", 0, ""),
    ("patch-net net out", "done", 0, "out"),
    ("patch-net patched out", "nothing had to change", 0, "out"),
    ("patch-net -n net", "a dry run of what would change", 0, ""),
    ("patch-net --diff -n net", "a difference is shown, not judged", 0, ""),
    ("patch-net --check net", "something would change", 1, ""),
    ("patch-net --check --diff net", "and is shown", 1, ""),
    ("patch-net --check patched", "nothing would change", 0, ""),
    ("apply --save-patch undo net in out", "with a patch", 0, "out undo"),
    ("apply --report new net in out", "with a page", 0, "new out"),
    ("apply -f --report there net in out", "with a page that was there", 0, "out there"),
    ("apply -n --report new net in", "a dry run with a page", 0, "new"),
    ("apply --check --report new net in", "something would change, with a page", 1, "new"),
    ("inspect --report new net in", "with a page", 0, "new"),
    ("inspect -f --report there in", "with a page that was there", 0, "there"),
    ("check --report new net full", "with a page", 0, "new"),
    ("check -f --report there net in net full", "with a page, and findings", 1, "there"),
    ("revert full undo-full", "done", 0, "full"),
    ("revert in undo-full", "it is the original already", 0, ""),
    ("revert -n full undo-full", "a dry run", 0, ""),
    ("regroup net full out out2", "done", 0, "out out2"),
    ("regroup grouped-net grouped out out2", "nothing had to change", 0, "out out2"),
    ("regroup -n net full", "a dry run of what would change", 0, ""),
    ("transplant net in out", "done", 0, "out"),
    ("transplant net in -n --apply", "a dry run", 0, ""),
    ("sweep -w 1 applied.toml", "all pairs are done", 0, "net.out net.out.sweep.json sweep.jsonl"),
    ("sweep -w 1 checked.toml", "one is found wrong", 1, "sweep.jsonl"),
    (
        "sweep -w 1 half.toml",
        "one fails, which is a row",
        3,
        "net.out net.out.sweep.json sweep.jsonl",
    ),
    ("kernel 4", "one that interpolates", 0, ""),
    ("kernel 5 -s 2", "one that does not", 0, ""),
    ("doctor", "all that is needed is there", 0, ""),
    ("completion fish", "a script", 0, ""),
    ("demo new", "done", 0, "new/base.caffemodel new/fcn.caffemodel new/net.prototxt"),
    (
        "demo -f folder",
        "files of other content replaced",
        0,
        "folder/base.caffemodel folder/fcn.caffemodel folder/net.prototxt",
    ),
    ("--help", "help", 0, ""),
    ("apply --help", "help of a verb", 0, ""),
    ("--version", "the version", 0, ""),
)


@pytest.mark.parametrize(
    ("line", "code", "files"), [(line, code, files) for line, _, code, files in DONE]
)
def test_what_succeeds(line: str, code: int, files: str, place: Path) -> None:
    before = content(place)
    found, out, errors = run_here(place, *line.split())
    assert found == code
    assert out
    assert errors == b"" or "--diff" in line  # there the table goes to standard error
    after = content(place)
    assert before.keys() <= after.keys()
    assert sorted(name for name in after if after[name] != before.get(name)) == files.split()


# --- 2, 3 and 4


class Wrong(NamedTuple):
    """A command line that fails: how, where, and what its message or hint names."""

    line: str
    situation: str
    code: int
    kind: str
    where: str
    names: str
    theirs: bool = False
    """The words are click's or another library's, and change with its versions."""


def where(error: Mapping[str, Any]) -> str:
    """FILE:LINE:COLUMN, FILE@OFFSET, and the layer."""
    place = ":".join(
        str(error[key]) for key in ("file", "line", "column") if error[key] is not None
    )
    place += "" if error["offset"] is None else f"@{error['offset']}"
    return f"{place} {error['layer']}" if error["layer"] else place


WRONG = (
    Wrong("nothing", "no such verb", 2, "UsageError", "", "nothing", theirs=True),
    Wrong("--nonsense", "no such option", 2, "UsageError", "", "nonsense", theirs=True),
    Wrong("apply", "no files", 2, "UsageError", "", "NET", theirs=True),
    Wrong("apply --nonsense", "no such option", 2, "UsageError", "", "nonsense", theirs=True),
    Wrong(
        "apply -p re:( net in o", "a pattern that cannot be", 2, "UsageError", "", "", theirs=True
    ),
    Wrong("apply - - o", "both on standard input", 2, "OutputError", "standard input", ""),
    Wrong("apply net in", "no OUT", 2, "OutputError", "", "--in-place"),
    Wrong("apply net in there", "OUT exists", 2, "OutputError", "there", "--force"),
    Wrong(
        "apply --report there net in out", "the page exists", 2, "OutputError", "there", "--force"
    ),
    Wrong("apply --report out net in out", "the page is OUT", 2, "OutputError", "out", ""),
    Wrong("apply --report - net in out", "the page on standard output", 2, "UsageError", "", ""),
    Wrong("inspect --report there net", "the page exists", 2, "OutputError", "there", "--force"),
    Wrong("inspect -f --report net net", "the page is the net", 2, "OutputError", "net", ""),
    Wrong("check --report there net", "the page exists", 2, "OutputError", "there", "--force"),
    Wrong("check -f --report in net in", "the page is the model", 2, "OutputError", "in", ""),
    Wrong("apply net in ./in", "OUT is IN", 2, "OutputError", "./in", "--in-place"),
    Wrong("apply net in link", "OUT is IN by a link", 2, "OutputError", "link", "--in-place"),
    Wrong("apply net in .", "OUT is a folder", 2, "OutputError", ".", ""),
    Wrong("apply net in no/out", "no such folder", 2, "OutputError", "no/out", ""),
    Wrong("apply -i net in o", "in place, with OUT", 2, "OutputError", "", "--in-place"),
    Wrong("apply -f net in net", "OUT is the net", 2, "OutputError", "net", ""),
    Wrong("apply in net o", "swapped", 3, "FormatError", "in", ""),
    Wrong("apply net net o", "the net as model", 3, "ModelError", "net", ""),
    Wrong("apply broken in o", "a broken net", 3, "PrototxtError", "broken:2:15", ""),
    Wrong(
        "apply misspelt in o",
        "a misspelt field",
        3,
        "PrototxtError",
        "misspelt:28:54 upscore2",
        "kernel_size",
    ),
    Wrong("apply net cut o", "truncated", 3, "ModelError", "cut@7270", ""),
    Wrong("apply net empty o", "empty", 3, "ModelError", "empty", ""),
    Wrong("apply net pointer o", "a pointer", 3, "ModelError", "pointer", "git lfs pull"),
    Wrong("apply net page o", "a web page", 3, "ModelError", "page", ""),
    Wrong(
        "apply net damaged.h5 o", "damaged HDF5", 3, "ModelError", "damaged.h5", "HDF5", theirs=True
    ),
    Wrong("apply -p upsocre net in o", "nothing matched", 3, "SelectionError", "net", "upscore"),
    Wrong("apply -x * net in o", "all excluded", 3, "SelectionError", "net", "--exclude"),
    Wrong(
        "apply -p refine net in o",
        "kernel that does not interpolate",
        3,
        "ShapeError",
        "net:31 refine",
        "--any-gain",
    ),
    Wrong("apply misfit in o", "channels that do not fit", 3, "ShapeError", "misfit:2 up", "3"),
    Wrong("apply --check -p refine net in", "and --check", 3, "ShapeError", "net:31 refine", ""),
    Wrong("apply nte in o", "no such net", 4, "FileError", "nte", "net"),
    Wrong("apply net nowhere o", "no such model", 4, "FileError", "nowhere", ""),
    Wrong("apply folder in o", "a folder as net", 4, "FileError", "folder", ""),
    Wrong("inspect", "no files", 2, "UsageError", "", "NET", theirs=True),
    Wrong("inspect net in in", "three files", 2, "UsageError", "", ""),
    Wrong("inspect --phase both net", "no such phase", 2, "UsageError", "", "both", theirs=True),
    Wrong("inspect net net", "two nets", 3, "FormatError", "net", "net"),
    Wrong("inspect broken", "a broken net", 3, "PrototxtError", "broken:2:15", ""),
    Wrong("inspect net cut", "truncated", 3, "ModelError", "cut@7270", ""),
    Wrong("inspect -p nothing net", "nothing matched", 3, "SelectionError", "net", "upscore"),
    Wrong("inspect nowhere", "no such file", 4, "FileError", "nowhere", ""),
    Wrong("check", "no files, no settings", 2, "UsageError", "", "deconvsurgery.toml"),
    Wrong("check net --select DS9", "no such rule", 2, "UsageError", "", max(RULES)),
    Wrong("check net --ignore DS", "no rule is left", 2, "UsageError", "", "leave one"),
    Wrong(
        "check net --select DS001 --ignore DS001", "no rule is left", 2, "UsageError", "", "leave"
    ),
    Wrong("check --explain DS15", "no such rule", 2, "UsageError", "", max(RULES)),
    Wrong("check net --format xml", "no such format", 2, "UsageError", "", "xml", theirs=True),
    Wrong(
        "check --config odd.toml --isolated net",
        "settings or none",
        2,
        "UsageError",
        "",
        "--isolated",
    ),
    Wrong(
        "check --also sarif=a --also sarif=b net", "a report twice", 2, "UsageError", "", "sarif"
    ),
    Wrong(
        "check --config bad.toml",
        "settings that are no TOML",
        2,
        "ConfigError",
        "bad.toml:1:9",
        "",
        theirs=True,
    ),
    Wrong(
        "check --config odd.toml",
        "settings with a misspelt key",
        2,
        "ConfigError",
        "odd.toml",
        "'pattern'",
    ),
    Wrong("check broken", "a broken net", 3, "PrototxtError", "broken:2:15", ""),
    Wrong("check net cut", "truncated", 3, "ModelError", "cut@7270", ""),
    Wrong("check -p nothing net", "nothing matched", 3, "SelectionError", "net", "upscore"),
    Wrong("check in in", "no net before a model", 3, "FormatError", "in", ""),
    Wrong("check nowhere", "no such file", 4, "FileError", "nowhere", ""),
    Wrong("check --config nowhere", "no such settings", 4, "FileError", "nowhere", ""),
    Wrong("diff in", "one file", 2, "UsageError", "", "B", theirs=True),
    Wrong("diff - -", "both on standard input", 2, "OutputError", "standard input", ""),
    Wrong("diff --atol -1 in in", "no distance", 2, "UsageError", "", "--atol"),
    Wrong("diff in net", "a net", 3, "ModelError", "net", ""),
    Wrong("diff in cut", "truncated", 3, "ModelError", "cut@7270", ""),
    Wrong("diff -p nothing in full", "nothing matched", 3, "SelectionError", "", "nothing"),
    Wrong("diff in nowhere", "no such model", 4, "FileError", "nowhere", ""),
    Wrong("convert", "no files", 2, "UsageError", "", "IN", theirs=True),
    Wrong("convert --to onnx in o", "no such form", 2, "UsageError", "", "onnx", theirs=True),
    Wrong("convert --max-unpacked much in o", "no size", 2, "UsageError", "", "4GiB"),
    Wrong("convert in", "no OUT", 2, "OutputError", "", "--in-place"),
    Wrong("convert in there", "OUT exists", 2, "OutputError", "there", "--force"),
    Wrong("convert cut o", "truncated", 3, "ModelError", "cut@7270", ""),
    Wrong("convert --net broken in o", "a broken net", 3, "PrototxtError", "broken:2:15", ""),
    Wrong("convert nowhere o", "no such model", 4, "FileError", "nowhere", ""),
    Wrong("patch-net", "no files", 2, "UsageError", "", "NET", theirs=True),
    Wrong(
        "patch-net --filler xavier net o",
        "no such filler",
        2,
        "UsageError",
        "",
        "xavier",
        theirs=True,
    ),
    Wrong("patch-net net", "no OUT", 2, "OutputError", "", "--in-place"),
    Wrong("patch-net net there", "OUT exists", 2, "OutputError", "there", "--force"),
    Wrong("patch-net broken o", "a broken net", 3, "PrototxtError", "broken:2:15", ""),
    Wrong("patch-net -p nothing net o", "nothing matched", 3, "SelectionError", "net", "upscore"),
    Wrong("patch-net misfit o", "channels that do not fit", 3, "ShapeError", "misfit:2 up", "up"),
    Wrong("patch-net --check misfit", "and --check", 3, "ShapeError", "misfit:2 up", "'up'"),
    Wrong("patch-net nowhere o", "no such net", 4, "FileError", "nowhere", ""),
    Wrong("revert full", "no patch", 2, "UsageError", "", "PATCH", theirs=True),
    Wrong("revert - undo-full", "a stream", 2, "OutputError", "", ""),
    Wrong("revert -o there full undo-full", "FILE exists", 2, "OutputError", "there", "--force"),
    Wrong("revert net undo-full", "another file", 3, "MismatchError", "net", "9,382"),
    Wrong("revert full in", "no patch", 3, "FormatError", "in", ""),
    Wrong("revert full nowhere", "no such patch", 4, "FileError", "nowhere", ""),
    Wrong("regroup net", "no model", 2, "UsageError", "", "IN", theirs=True),
    Wrong("regroup - - o p", "both on standard input", 2, "OutputError", "standard input", ""),
    Wrong("regroup net full o", "one OUT", 2, "OutputError", "", "--dry-run"),
    Wrong("regroup net full there p", "OUT_NET exists", 2, "OutputError", "there", "--force"),
    Wrong("regroup net full o there", "OUT_MODEL exists", 2, "OutputError", "there", "--force"),
    Wrong("regroup broken full o p", "a broken net", 3, "PrototxtError", "broken:2:15", ""),
    Wrong("regroup net cut o p", "truncated", 3, "ModelError", "cut@7270", ""),
    Wrong(
        "regroup -p nothing net full o p", "nothing matched", 3, "SelectionError", "net", "upscore"
    ),
    Wrong(
        "regroup -p refine net full o p",
        "weights off the diagonal",
        3,
        "MismatchError",
        "net:31 refine",
        "0.25",
    ),
    Wrong("regroup net nowhere o p", "no such model", 4, "FileError", "nowhere", ""),
    Wrong("transplant net", "no model", 2, "UsageError", "", "OLD_MODEL", theirs=True),
    Wrong("transplant net in o --expand-score a", "no pair", 2, "UsageError", "", "NEW=OLD"),
    Wrong("transplant net in", "no OUT", 2, "OutputError", "", "--dry-run"),
    Wrong("transplant net in there", "OUT exists", 2, "OutputError", "there", "--force"),
    Wrong("transplant broken in o", "a broken net", 3, "PrototxtError", "broken:2:15", ""),
    Wrong("transplant net cut o", "truncated", 3, "ModelError", "cut@7270", ""),
    Wrong(
        "transplant net in o --expand-score a=score", "no layer", 3, "SelectionError", "net", "'a'"
    ),
    Wrong(
        "transplant grouped-net full o",
        "weights that do not fit",
        3,
        "MismatchError",
        "grouped-net upscore2",
        "--flat",
    ),
    Wrong("transplant net nowhere o", "no such model", 4, "FileError", "nowhere", ""),
    Wrong("sweep", "no settings", 2, "ConfigError", "", "deconvsurgery.toml"),
    Wrong(
        "sweep bad.toml",
        "settings that are no TOML",
        2,
        "ConfigError",
        "bad.toml:1:9",
        "",
        theirs=True,
    ),
    Wrong(
        "sweep --engine slurm applied.toml",
        "no such engine",
        2,
        "UsageError",
        "",
        "slurm",
        theirs=True,
    ),
    Wrong(
        "sweep --results there applied.toml",
        "no sweep's rows",
        3,
        "FormatError",
        "there",
        "--results",
    ),
    Wrong("sweep nowhere", "no such settings", 4, "FileError", "nowhere", ""),
    Wrong("kernel", "no size", 2, "UsageError", "", "SIZE", theirs=True),
    Wrong("kernel 0", "a size of 0", 2, "UsageError", "", "0"),
    Wrong("kernel four", "no number", 2, "UsageError", "", "four"),
    Wrong("kernel 100000000", "a size that no kernel has", 3, "ShapeError", "", "100000000"),
    Wrong("demo folder", "files of other content there", 2, "OutputError", "", "--force"),
    Wrong("demo in", "a file as folder", 2, "OutputError", "", "in"),
    Wrong("demo in/folder", "a folder in a file", 2, "OutputError", "", "in/folder"),
    Wrong("demo a b", "two folders", 2, "UsageError", "", "b", theirs=True),
    Wrong("doctor x", "a file", 2, "UsageError", "", "x", theirs=True),
    Wrong("completion tcsh", "another shell", 2, "UsageError", "", "tcsh", theirs=True),
)
ERROR = Draft202012Validator(ds.json_schema("error"))


@pytest.mark.parametrize("wrong", WRONG, ids=[each.line for each in WRONG])
def test_what_is_wrong_is_said_and_nothing_is_written(
    wrong: Wrong, place: Path, words: Words
) -> None:
    before = content(place)
    found, out, said = run_here(place, *wrong.line.split())
    assert (found, out) == (wrong.code, b"")
    assert said.startswith(b"error: ")
    assert wrong.names in said.decode()

    found, out, errors = run_here(place, *wrong.line.split(), "--json")
    assert (found, errors) == (wrong.code, b"")
    document = parsed_json(out)
    ERROR.validate(document)
    verb = wrong.line.split()[0]
    assert document["command"] == (verb if verb in VERBS else None)
    error = document["error"]
    # demo prints no document: that it was asked for one is what is wrong.
    assert error["kind"] == ("UsageError" if verb == "demo" else wrong.kind)
    assert where(error) == wrong.where
    if not wrong.theirs:
        told = said.decode().splitlines() if verb == "demo" else (error["message"], error["hint"])
        words(filter(None, told), wrong.line)
    assert content(place) == before


def test_every_verb_is_in_the_tables() -> None:
    done = {(line.split()[0], code) for line, _, code, _ in DONE}
    wrong = {(each.line.split()[0], each.code) for each in WRONG}
    for verb in VERBS:
        codes = {code for name, code in done | wrong if name == verb}
        assert {0, 2} <= codes
        assert verb in ("kernel", "demo", "doctor", "completion") or {3, 4} <= codes


# --- real processes: their end, their streams, the operating system

CAMPAIGN = pytest.mark.campaign


def few(lines: Sequence[str], count: int) -> list[Any]:
    """The first of them always, all in a campaign."""
    return [*lines[:count], *(pytest.param(line, marks=CAMPAIGN) for line in lines[count:])]


def started(
    command: Sequence[str], place: Path, stdout: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=place,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        preexec_fn=heeding,
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("apply net in out", 0, marks=CAMPAIGN),
        ("apply --check net in", 1),
        pytest.param("apply net in there", 2, marks=CAMPAIGN),
        ("apply net cut out", 3),
        pytest.param("apply net nowhere out", 4, marks=CAMPAIGN),
        # With the HDF5 library loaded the process ends itself.
        ("convert in out.h5", 0),
        pytest.param("inspect damaged.h5", 3, marks=CAMPAIGN),
    ],
)
def test_a_process_ends_with_that_code(line: str, code: int, place: Path) -> None:
    process = started([*COMMAND, *line.split()], place)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert bool(out) == (code < 2)
    assert errors.startswith(b"error: ") == (code >= 2)
    assert b"Traceback" not in errors


NO_ROOM = (
    "apply -i net in",
    "convert in out.h5",
    "apply net in out",
    "convert in out",
    "patch-net net out",
    "regroup net full out out2",
    "transplant net in out",
    "apply --save-patch undo net in out",
    "apply -n --report new net in",
    "inspect --report new net in",
    "check --report new net full",
    "revert full undo-full",
    "demo new",
)


@pytest.mark.parametrize("line", few(NO_ROOM, 2))
def test_a_file_that_cannot_grow_ends_with_4(line: str, place: Path) -> None:
    before = content(place)
    as_json = [] if line.startswith("demo") else ["--json"]
    script = 'ulimit -f 0 && exec "$0" "$@"'
    process = started(["bash", "-c", script, *COMMAND, *line.split(), *as_json], place)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    if as_json:
        assert errors == b""
        error = parsed_json(out)["error"]
        assert error["kind"] == "FileError"
        assert os.strerror(errno.EFBIG) in error["message"]
    else:
        assert out == b""
        assert os.strerror(errno.EFBIG).encode() in errors
        assert b"Traceback" not in errors
    assert content(place) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("line", few(["inspect net", "kernel 4", "--help", "demo new"], 1))
def test_a_page_that_cannot_be_printed_ends_with_4(line: str, place: Path, words: Words) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    process = started([*COMMAND, *line.split()], place, full)
    os.close(full)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    assert os.strerror(errno.ENOSPC).encode() in errors
    words(errors.decode().splitlines(), line)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_nothing_can_be_printed_at_all_ends_with_4(place: Path) -> None:
    """Not with the interpreter's own 120, as what is left over cannot be written at its end."""
    line = [*COMMAND, "kernel", "4"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(line, cwd=place, stdout=full, stderr=full, check=False, timeout=60)
    assert done.returncode == 4


# --- signals

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def signals(lines: Sequence[str], few: Container[tuple[str, signal.Signals]]) -> Any:
    """Each line with each signal, of which a few always."""
    return pytest.mark.parametrize(
        ("line", "number"),
        [
            pytest.param(
                line,
                number,
                id=f"{line} {number.name}",
                marks=() if (line, number) in few else CAMPAIGN,
            )
            for line in lines
            for number in SIGNALS
        ],
    )


def ended(process: subprocess.Popen[bytes], number: signal.Signals, words: Words) -> bytes:
    """The process has ended as the signal asks, and said so in a line; what else it printed."""
    out, errors = process.communicate(timeout=60)
    assert process.returncode == SIGNALS[number]
    assert b"Traceback" not in errors
    last = errors.decode().splitlines()[-1]
    assert last.startswith("deconvsurgery: ")
    assert number is signal.SIGINT or number.name in last
    words(last.replace(number.name, "SIGNAL"))
    return out


def opened(pipe: Path, process: subprocess.Popen[bytes]) -> BinaryIO:
    """Our end of a pipe, as soon as the process has opened its own."""

    def end_the_wait() -> None:
        process.wait()
        os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))

    threading.Thread(target=end_the_wait, daemon=True).start()
    return open(pipe, "wb", buffering=0)


READ = (
    "apply net pipe out --json",
    "inspect pipe",
    "convert pipe out",
    "patch-net pipe out",
    "regroup net pipe out out2",
    "transplant net pipe out",
)


@signals(READ, [("apply net pipe out --json", signal.SIGTERM), ("inspect pipe", signal.SIGINT)])
def test_a_signal_while_it_reads(
    line: str, number: signal.Signals, place: Path, words: Words
) -> None:
    before = content(place)
    os.mkfifo(place / "pipe")
    process = started([*COMMAND, *line.split()], place)
    with opened(place / "pipe", process) as pipe:  # which never comes to its end
        pipe.write((place / "in").read_bytes()[:100])
        process.send_signal(number)
        assert ended(process, number, words) == b""
    assert content(place) == before


# A disk that takes for ever to flush, with the new file beside its place.
SLOW = """
import os, runpy, sys, threading
def flush(_):
    print("flushing", file=sys.stderr, flush=True)
    threading.Event().wait(600)
os.fsync = flush
runpy.run_module("deconvsurgery", run_name="__main__")
"""


WRITE = (
    "apply net in out",
    "apply -i net in",
    "convert in out.h5",
    "patch-net net out",
    "regroup net full out out2",
    "transplant -f net in there",
)


@signals(WRITE, [("apply -i net in", signal.SIGTERM), ("regroup net full out out2", signal.SIGINT)])
def test_a_signal_while_it_writes(
    line: str, number: signal.Signals, place: Path, words: Words
) -> None:
    before = content(place)
    process = started([COMMAND[0], "-c", SLOW, *line.split()], place)
    assert process.stderr is not None
    assert process.stderr.readline() == b"flushing\n"
    assert content(place).keys() > before.keys()
    process.send_signal(number)
    assert ended(process, number, words) == b""
    assert content(place) == before


@signals(["demo new"], [("demo new", signal.SIGHUP)])
def test_a_signal_to_the_demo(line: str, number: signal.Signals, place: Path, words: Words) -> None:
    process = started([COMMAND[0], "-c", SLOW, *line.split()], place)
    assert process.stderr is not None
    assert process.stderr.readline() == b"flushing\n"
    process.send_signal(number)
    assert ended(process, number, words) == b""
    assert list((place / "new").iterdir()) == []


@signals(["kernel 3000 --json"], [("kernel 3000 --json", signal.SIGHUP)])
def test_a_signal_while_it_prints(
    line: str, number: signal.Signals, place: Path, words: Words
) -> None:
    """A hundred kilobytes, more than a pipe holds, and a reader that waits after a character."""
    process = started([*COMMAND, *line.split()], place)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 1) == b"{"
    process.send_signal(number)
    assert not ended(process, number, words).endswith(b"}\n")
