"""The exit code of every verb in every situation, as docs/cli.md promises them.

0 done, or nothing to do. 1 ``--check`` found something. 2 wrong usage. 3 input wrong, or surgery
refused. 4 reading or writing failed. 130, 143, 129 interrupted, terminated, hung up.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from jsonschema import Draft202012Validator

import deconvsurgery as ds
from deconvsurgery.cli import VERBS
from helpers.documents import parsed_json
from helpers.models import demo_base, demo_net
from helpers.processes.heeding import heeding
from helpers.runs import COMMAND, run_here

Document = dict[str, Any]
RunHere = Callable[..., tuple[int, bytes, bytes]]

# Wide layers: 3 channels in, 2 out, which no kernel fits.
MISFIT = b'input: "d" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4\n'
MISFIT += b'layer { name: "up" type: "Deconvolution" bottom: "d" top: "u" convolution_param {\n'
MISFIT += b"  num_output: 2 kernel_size: 4 stride: 2 } }\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("template")
    base = demo_base()
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(base)
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

DONE: Sequence[tuple[str, str, int]] = (
    ("apply net in out", "done", 0),
    ("apply net full out", "nothing had to change", 0),
    ("apply -n net in", "a dry run of what would change", 0),
    ("apply -p nothing --allow-empty net in out", "nothing matched, and may", 0),
    ("apply -p * --skip-unfit net in out", "what does not fit is skipped", 0),
    ("apply -f net in there", "OUT replaced", 0),
    ("apply --check net in", "something would change", 1),
    ("apply --check net full", "nothing would change", 0),
    ("inspect net", "a net", 0),
    ("inspect in", "a model", 0),
    ("inspect net in", "with findings", 0),
    ("check net", "findings, all of them notes", 0),
    ("check net --ignore DS", "no rule is asked for", 0),
    ("check -p * patched full", "what is found", 1),
    ("check net in", "layers without weights", 1),
    ("check net in --exit-zero", "and that is no failure", 0),
    ("check net full net in", "several pairs, one with findings", 1),
    ("check --explain DS004", "a rule's page", 0),
    ("check net -p nothing --allow-empty", "nothing matched, and may", 0),
    ("diff in in", "the same file", 0),
    ("diff in full", "layers that only one has", 1),
    ("convert in out", "done, or nothing had to change", 0),
    ("convert in out.h5", "done", 0),
    ("convert -n in", "a dry run", 0),
    ("patch-net net out", "done", 0),
    ("patch-net patched out", "nothing had to change", 0),
    ("patch-net -n net", "a dry run of what would change", 0),
    ("patch-net --diff -n net", "a difference is shown, not judged", 0),
    ("patch-net --check net", "something would change", 1),
    ("patch-net --check --diff net", "and is shown", 1),
    ("patch-net --check patched", "nothing would change", 0),
    ("apply --save-patch undo net in out", "with a patch", 0),
    ("apply --report new net in out", "with a page", 0),
    ("apply -f --report there net in out", "with a page that was there", 0),
    ("apply -n --report new net in", "a dry run with a page", 0),
    ("apply --check --report new net in", "something would change, with a page", 1),
    ("inspect --report new net in", "with a page", 0),
    ("inspect -f --report there in", "with a page that was there", 0),
    ("check --report new net full", "with a page", 0),
    ("check -f --report there net in net full", "with a page, and findings", 1),
    ("revert full undo-full", "done", 0),
    ("revert in undo-full", "it is the original already", 0),
    ("revert -n full undo-full", "a dry run", 0),
    ("regroup net full out out2", "done", 0),
    ("regroup grouped-net grouped out out2", "nothing had to change", 0),
    ("regroup -n net full", "a dry run of what would change", 0),
    ("transplant net in out", "done", 0),
    ("transplant net in -n --apply", "a dry run", 0),
    ("sweep -w 1 applied.toml", "all pairs are done", 0),
    ("sweep -w 1 checked.toml", "one is found wrong", 1),
    ("sweep -w 1 half.toml", "one fails, which is a row", 3),
    ("kernel 4", "one that interpolates", 0),
    ("kernel 5 -s 2", "one that does not", 0),
    ("demo new", "done", 0),
    ("demo -f folder", "files of other content replaced", 0),
    ("--help", "help", 0),
    ("apply --help", "help of a verb", 0),
    ("--version", "the version", 0),
)


@pytest.mark.parametrize(("line", "code"), [(line, code) for line, _, code in DONE])
def test_what_succeeds(line: str, code: int, place: Path) -> None:
    found, out, errors = run_here(place, *line.split())
    assert found == code
    assert out
    assert errors == b"" or "--diff" in line  # there the table goes to standard error


# --- 2, 3 and 4

WRONG: Sequence[tuple[str, str, int, str, str]] = (
    # line, situation, code, kind of the error, words in its message or hint
    ("nothing", "no such verb", 2, "UsageError", "nothing"),
    ("--nonsense", "no such option", 2, "UsageError", "nonsense"),
    ("apply", "no files", 2, "UsageError", "NET"),
    ("apply --nonsense", "no such option", 2, "UsageError", "nonsense"),
    ("apply -p re:( net in o", "a pattern that cannot be", 2, "UsageError", "regular"),
    ("apply - - o", "both on standard input", 2, "UsageError", "standard input"),
    ("apply net in", "no OUT", 2, "OutputError", "no output"),
    ("apply net in there", "OUT exists", 2, "OutputError", "--force"),
    ("apply --report there net in out", "the page exists", 2, "OutputError", "--force"),
    ("apply --report out net in out", "the page is OUT", 2, "OutputError", "would replace"),
    ("apply --report - net in out", "the page on standard output", 2, "UsageError", "no file"),
    ("inspect --report there net", "the page exists", 2, "OutputError", "--force"),
    ("inspect -f --report net net", "the page is the net", 2, "OutputError", "would replace"),
    ("check --report there net", "the page exists", 2, "OutputError", "--force"),
    ("check -f --report in net in", "the page is the model", 2, "OutputError", "would replace"),
    ("apply net in ./in", "OUT is IN", 2, "OutputError", "--in-place"),
    ("apply net in link", "OUT is IN by a link", 2, "OutputError", "--in-place"),
    ("apply net in .", "OUT is a folder", 2, "OutputError", "director"),
    ("apply net in no/out", "no such folder", 2, "OutputError", "director"),
    ("apply -i net in o", "in place, with OUT", 2, "OutputError", "--in-place"),
    ("apply -f net in net", "OUT is the net", 2, "OutputError", "is the net itself"),
    ("apply in net o", "swapped", 3, "FormatError", "wrong way round"),
    ("apply net net o", "the net as model", 3, "ModelError", "is text"),
    ("apply broken in o", "a broken net", 3, "PrototxtError", "broken:2:"),
    ("apply misspelt in o", "a misspelt field", 3, "PrototxtError", "kernel_size"),
    ("apply net cut o", "truncated", 3, "ModelError", "byte"),
    ("apply net empty o", "empty", 3, "ModelError", "is empty"),
    ("apply net pointer o", "a pointer", 3, "ModelError", "git lfs pull"),
    ("apply net page o", "a web page", 3, "ModelError", "web page"),
    ("apply net damaged.h5 o", "damaged HDF5", 3, "ModelError", "HDF5"),
    ("apply -p upsocre net in o", "nothing matched", 3, "SelectionError", "upscore"),
    ("apply -x * net in o", "all excluded", 3, "SelectionError", "--exclude"),
    ("apply -p refine net in o", "kernel that does not interpolate", 3, "ShapeError", "gain"),
    ("apply misfit in o", "channels that do not fit", 3, "ShapeError", "2"),
    ("apply --check -p refine net in", "and --check", 3, "ShapeError", "gain"),
    ("apply nte in o", "no such net", 4, "FileError", "did you mean net?"),
    ("apply net nowhere o", "no such model", 4, "FileError", "nowhere"),
    ("apply folder in o", "a folder as net", 4, "FileError", "folder"),
    ("inspect", "no files", 2, "UsageError", "NET"),
    ("inspect net in in", "three files", 2, "UsageError", "one net and one model"),
    ("inspect --phase both net", "no such phase", 2, "UsageError", "both"),
    ("inspect net net", "two nets", 3, "FormatError", "net"),
    ("inspect broken", "a broken net", 3, "PrototxtError", "broken:2:"),
    ("inspect net cut", "truncated", 3, "ModelError", "byte"),
    ("inspect -p nothing net", "nothing matched", 3, "SelectionError", "upscore"),
    ("inspect nowhere", "no such file", 4, "FileError", "nowhere"),
    ("check", "no files, no settings", 2, "UsageError", "deconvsurgery.toml"),
    ("check net --select DS9", "no such rule", 2, "UsageError", "DS001 to DS014"),
    ("check --explain DS15", "no such rule", 2, "UsageError", "DS001 to DS014"),
    ("check net --format xml", "no such format", 2, "UsageError", "xml"),
    ("check --config odd.toml --isolated net", "settings or none", 2, "UsageError", "cannot both"),
    ("check --also sarif=a --also sarif=b net", "a report twice", 2, "UsageError", "two files"),
    ("check --config bad.toml", "settings that are no TOML", 2, "ConfigError", "bad.toml:1:"),
    ("check --config odd.toml", "settings with a misspelt key", 2, "ConfigError", "'pattern'"),
    ("check broken", "a broken net", 3, "PrototxtError", "broken:2:"),
    ("check net cut", "truncated", 3, "ModelError", "byte"),
    ("check -p nothing net", "nothing matched", 3, "SelectionError", "upscore"),
    ("check in in", "no net before a model", 3, "FormatError", "each net"),
    ("check nowhere", "no such file", 4, "FileError", "nowhere"),
    ("check --config nowhere", "no such settings", 4, "FileError", "nowhere"),
    ("diff in", "one file", 2, "UsageError", "B"),
    ("diff - -", "both on standard input", 2, "UsageError", "standard input"),
    ("diff --atol -1 in in", "no distance", 2, "UsageError", "distance"),
    ("diff in net", "a net", 3, "ModelError", "is text"),
    ("diff in cut", "truncated", 3, "ModelError", "byte"),
    ("diff -p nothing in full", "nothing matched", 3, "SelectionError", "nothing"),
    ("diff in nowhere", "no such model", 4, "FileError", "nowhere"),
    ("convert", "no files", 2, "UsageError", "IN"),
    ("convert --to onnx in o", "no such form", 2, "UsageError", "onnx"),
    ("convert in", "no OUT", 2, "OutputError", "no output"),
    ("convert in there", "OUT exists", 2, "OutputError", "--force"),
    ("convert cut o", "truncated", 3, "ModelError", "byte"),
    ("convert --net broken in o", "a broken net", 3, "PrototxtError", "broken:2:"),
    ("convert nowhere o", "no such model", 4, "FileError", "nowhere"),
    ("patch-net", "no files", 2, "UsageError", "NET"),
    ("patch-net --filler xavier net o", "no such filler", 2, "UsageError", "xavier"),
    ("patch-net net", "no OUT", 2, "OutputError", "no output"),
    ("patch-net net there", "OUT exists", 2, "OutputError", "--force"),
    ("patch-net broken o", "a broken net", 3, "PrototxtError", "broken:2:"),
    ("patch-net -p nothing net o", "nothing matched", 3, "SelectionError", "upscore"),
    ("patch-net misfit o", "channels that do not fit", 3, "ShapeError", "'up'"),
    ("patch-net --check misfit", "and --check", 3, "ShapeError", "'up'"),
    ("patch-net nowhere o", "no such net", 4, "FileError", "nowhere"),
    ("revert full", "no patch", 2, "UsageError", "PATCH"),
    ("revert - undo-full", "a stream", 2, "OutputError", "stream"),
    ("revert -o there full undo-full", "FILE exists", 2, "OutputError", "--force"),
    ("revert net undo-full", "another file", 3, "MismatchError", "not the file"),
    ("revert full in", "no patch", 3, "FormatError", "is no patch"),
    ("revert full nowhere", "no such patch", 4, "FileError", "nowhere"),
    ("regroup net", "no model", 2, "UsageError", "IN"),
    ("regroup - - o p", "both on standard input", 2, "UsageError", "standard input"),
    ("regroup net full o", "one OUT", 2, "OutputError", "two outputs"),
    ("regroup net full there p", "OUT_NET exists", 2, "OutputError", "--force"),
    ("regroup net full o there", "OUT_MODEL exists", 2, "OutputError", "--force"),
    ("regroup broken full o p", "a broken net", 3, "PrototxtError", "broken:2:"),
    ("regroup net cut o p", "truncated", 3, "ModelError", "byte"),
    ("regroup -p nothing net full o p", "nothing matched", 3, "SelectionError", "upscore"),
    ("regroup -p refine net full o p", "weights off the diagonal", 3, "MismatchError", "mix"),
    ("regroup net nowhere o p", "no such model", 4, "FileError", "nowhere"),
    ("transplant net", "no model", 2, "UsageError", "OLD_MODEL"),
    ("transplant net in o --expand-score a", "no pair", 2, "UsageError", "NEW=OLD"),
    ("transplant net in", "no OUT", 2, "OutputError", "no output"),
    ("transplant net in there", "OUT exists", 2, "OutputError", "--force"),
    ("transplant broken in o", "a broken net", 3, "PrototxtError", "broken:2:"),
    ("transplant net cut o", "truncated", 3, "ModelError", "byte"),
    ("transplant net in o --expand-score a=score", "no layer", 3, "SelectionError", "'a'"),
    ("transplant grouped-net full o", "weights that do not fit", 3, "MismatchError", "--flat"),
    ("transplant net nowhere o", "no such model", 4, "FileError", "nowhere"),
    ("sweep", "no settings", 2, "ConfigError", "deconvsurgery.toml"),
    ("sweep bad.toml", "settings that are no TOML", 2, "ConfigError", "bad.toml:1:"),
    ("sweep --engine slurm applied.toml", "no such engine", 2, "UsageError", "slurm"),
    ("sweep --results there applied.toml", "no sweep's rows", 3, "FormatError", "--results"),
    ("sweep nowhere", "no such settings", 4, "FileError", "nowhere"),
    ("kernel", "no size", 2, "UsageError", "SIZE"),
    ("kernel 0", "a size of 0", 2, "UsageError", "0"),
    ("kernel four", "no number", 2, "UsageError", "four"),
    ("kernel 100000000", "a size that no kernel has", 3, "ShapeError", "100"),
    ("demo folder", "files of other content there", 2, "OutputError", "--force"),
    ("demo in", "a file as folder", 2, "OutputError", "director"),
    ("demo in/folder", "a folder in a file", 2, "OutputError", "director"),
    ("demo a b", "two folders", 2, "UsageError", "b"),
)
ERROR = Draft202012Validator(ds.json_schema("error"))


@pytest.mark.parametrize(
    ("line", "code", "kind", "words"),
    [(line, *more) for line, _, *more in WRONG],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    line: str, code: int, kind: str, words: str, place: Path
) -> None:
    before = content(place)
    found, out, errors = run_here(place, *line.split())
    assert (found, out) == (code, b"")
    assert errors.startswith(b"error: ")
    assert words in errors.decode()

    found, out, errors = run_here(place, *line.split(), "--json")
    assert (found, errors) == (code, b"")
    document = parsed_json(out)
    ERROR.validate(document)
    verb = line.split()[0]
    assert document["command"] == (verb if verb in VERBS else None)
    # demo prints no document: that it was asked for one is what is wrong.
    assert document["error"]["kind"] == ("UsageError" if verb == "demo" else kind)
    assert content(place) == before


def test_every_verb_is_in_the_tables() -> None:
    done = {(line.split()[0], code) for line, _, code in DONE}
    wrong = {(line.split()[0], code) for line, _, code, *_ in WRONG}
    for verb in VERBS:
        codes = {code for name, code in done | wrong if name == verb}
        assert {0, 2} <= codes
        assert verb in ("kernel", "demo") or {3, 4} <= codes


# --- real processes: their end, their streams, the operating system


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
        ("apply net in out", 0),
        ("apply --check net in", 1),
        ("apply net in there", 2),
        ("apply net cut out", 3),
        ("apply net nowhere out", 4),
        # With the HDF5 library loaded the process ends itself.
        ("convert in out.h5", 0),
        ("inspect damaged.h5", 3),
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
    "apply net in out",
    "apply -i net in",
    "convert in out",
    "convert in out.h5",
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


@pytest.mark.parametrize("line", NO_ROOM)
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
        assert "File too large" in error["message"]
    else:
        assert out == b""
        assert b"File too large" in errors
        assert b"Traceback" not in errors
    assert content(place) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("line", ["inspect net", "kernel 4", "--help", "demo new"])
def test_a_page_that_cannot_be_printed_ends_with_4(line: str, place: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    process = started([*COMMAND, *line.split()], place, full)
    os.close(full)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    assert b"cannot" in errors
    assert b"Traceback" not in errors


# --- signals

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
each_signal = pytest.mark.parametrize(
    ("number", "code"), SIGNALS, ids=[number.name for number, _ in SIGNALS]
)


def ended(process: subprocess.Popen[bytes], code: int) -> bytes:
    """The process has ended as the signal asks, and said so in a line; what else it printed."""
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in errors
    assert errors.splitlines()[-1].startswith(b"deconvsurgery: ")
    assert errors.endswith(b"every file is whole, the old one or the new\n")
    return out


def opened(pipe: Path, process: subprocess.Popen[bytes]) -> BinaryIO:
    """Our end of a pipe, as soon as the process has opened its own."""
    while process.poll() is None:
        try:
            return open(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK), "wb", buffering=0)
        except OSError:  # nobody reads yet
            time.sleep(0.01)
    raise AssertionError(process.communicate())


@each_signal
@pytest.mark.parametrize(
    "line",
    [
        "apply net pipe out --json",
        "inspect pipe",
        "convert pipe out",
        "patch-net pipe out",
        "regroup net pipe out out2",
        "transplant net pipe out",
    ],
)
def test_a_signal_while_it_reads(line: str, number: signal.Signals, code: int, place: Path) -> None:
    before = content(place)
    os.mkfifo(place / "pipe")
    process = started([*COMMAND, *line.split()], place)
    with opened(place / "pipe", process) as pipe:  # which never comes to its end
        pipe.write((place / "in").read_bytes()[:100])
        process.send_signal(number)
        assert ended(process, code) == b""
    assert content(place) == before


# A disk that takes for ever to flush, with the new file beside its place.
SLOW = """
import os, sys, time
from deconvsurgery.__main__ import main
def flush(_):
    print("flushing", file=sys.stderr, flush=True)
    time.sleep(600)
os.fsync = flush
main()
"""


@each_signal
@pytest.mark.parametrize(
    "line",
    [
        "apply net in out",
        "apply -i net in",
        "convert in out.h5",
        "patch-net net out",
        "regroup net full out out2",
        "transplant -f net in there",
    ],
)
def test_a_signal_while_it_writes(
    line: str, number: signal.Signals, code: int, place: Path
) -> None:
    before = content(place)
    process = started([COMMAND[0], "-c", SLOW, *line.split()], place)
    assert process.stderr is not None
    assert process.stderr.readline() == b"flushing\n"
    assert content(place).keys() > before.keys()
    process.send_signal(number)
    assert ended(process, code) == b""
    assert content(place) == before


@each_signal
def test_a_signal_to_the_demo(number: signal.Signals, code: int, place: Path) -> None:
    process = started([COMMAND[0], "-c", SLOW, "demo", "new"], place)
    assert process.stderr is not None
    assert process.stderr.readline() == b"flushing\n"
    process.send_signal(number)
    assert ended(process, code) == b""
    assert list((place / "new").iterdir()) == []


@each_signal
def test_a_signal_while_it_prints(number: signal.Signals, code: int, place: Path) -> None:
    """A hundred kilobytes, more than a pipe holds, and a reader that waits after a character."""
    process = started([*COMMAND, "kernel", "3000", "--json"], place)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 1) == b"{"
    process.send_signal(number)
    ended(process, code)
