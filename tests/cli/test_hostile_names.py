"""Names that would act on a screen, in every kind of room: locales, encodings, widths, no home.

The names are the corpus's, all in one model and one net. The words are the same everywhere, spelt
as the stream can spell them; none is a control character; what is written is the same bytes.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers.corpus import make
from helpers.corpus.hostile_case import CONV_BLOB, FOUR, NAME, data, layer, shape
from helpers.runs import COMMAND, GET_RUN, run_here

# Every odd name of the corpus, and one of 1 MB.
ODD = [
    case.means[0][0].encode("utf-8", "surrogateescape")
    for case in make.BINARY
    if case.name.startswith("name-") and case.name != "name-long.caffemodel"
]
LONG = b"\x1b[31m" + "né".encode() * 300_000
WEIGHTS = data(*FOUR * 4) + shape(1, 1, 4, 4)
INPUT = (
    b'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1,1,5,6] } } }\n'
)


def spelt(name: bytes) -> bytes:
    return b"".join(b"\\%03o" % byte for byte in name)


def deconvolution(name: bytes, top: int) -> bytes:
    return (
        b'layer { name: "%s" type: "Deconvolution" bottom: "data" top: "t%d" convolution_param {'
        b" num_output: 1 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }\n"
    ) % (name, top)


# A net's strings are UTF-8 where they are escaped; others stand in it as they are.
IN_NET = [
    spelt(name) if name.isascii() or name.decode("utf-8", "ignore").encode() == name else name
    for name in ODD
]


# Several command lines in one process; behind each its exit code between NULs, on both streams.
RUNS = (
    """
import os, sys
"""
    + GET_RUN
    + """
for line in sys.argv[1:]:
    code = run(line.split())
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.write(stream.fileno(), b"\\0%d\\0" % code)
    if os.path.exists("out"):
        os.unlink("out")
os._exit(0)
"""
)


def parts(printed: bytes) -> list[tuple[bytes, int]]:
    """What each of the lines printed, and its exit code."""
    *found, rest = printed.split(b"\0")
    assert rest == b""
    return [(words, int(code)) for words, code in zip(found[::2], found[1::2], strict=True)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("odd")
    model = b"".join(layer(name, "Deconvolution", WEIGHTS) for name in ODD)
    (place / "in").write_bytes(NAME + model)
    (place / "long").write_bytes(NAME + layer(LONG, "Convolution", CONV_BLOB))
    text = b"".join(deconvolution(name, at) for at, name in enumerate(IN_NET))
    (place / "net").write_bytes(INPUT + text)
    (place / "bad").write_bytes(INPUT + deconvolution(b"\x1b[31m[/up]", 0).replace(b"group", b"x"))
    return place


ROOMS: Mapping[str, Mapping[str, str | None]] = {
    "C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "no home": {"HOME": None, "TMPDIR": None, "USER": None, "XDG_CONFIG_HOME": None, "TERM": None},
    "home that is none": {"HOME": "/proc/nowhere", "TMPDIR": "/proc/nowhere"},
    "dumb": {"TERM": "dumb", "COLUMNS": "1"},
}
CAMPAIGN = pytest.mark.campaign
LINES = (
    "inspect -a in",
    "inspect -a long",
    "inspect net",
    "check -p * net in",
    "apply -p * --any-gain net in out",
    "convert in out",
    "convert --to hdf5 in out",
    "patch-net -p * --skip-unfit net out",
    "apply in net out",
    "transplant net in out",
)


def environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    wanted = {**os.environ, **changes}
    return {key: value for key, value in wanted.items() if value is not None}


def acting(printed: bytes, encoding: str) -> set[str]:
    text = printed.decode(encoding)
    return {each for each in text if not each.isprintable() and each not in "\n\xa0"}


FEW_ROOMS = ("C", "home that is none")


@pytest.mark.parametrize(
    "room",
    [pytest.param(room, marks=() if room in FEW_ROOMS else CAMPAIGN) for room in ROOMS],
)
def test_words_in_every_room(room: str, place: Path) -> None:
    """In a pipe."""
    env = environment(ROOMS[room])
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", RUNS, *LINES], cwd=place, env=env, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    printed = zip(LINES, parts(done.stdout), parts(done.stderr), strict=True)
    for line, (out, code), (errors, _) in printed:
        assert code == EXPECTED[line], (line, errors)
        assert b"Traceback" not in out + errors
        assert acting(out, encoding) | acting(errors, encoding) == set(), line
        assert out or errors
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


EXPECTED = dict.fromkeys(LINES, 0) | {
    "check -p * net in": 1,
    "convert --to hdf5 in out": 3,  # a name with a slash
    "apply in net out": 3,
}


def on_a_terminal(command: Sequence[str], place: Path, env: Mapping[str, str]) -> bytes:
    parent, child = pty.openpty()
    with subprocess.Popen(
        command, cwd=place, env=env, stdout=child, stderr=child, stdin=child
    ) as run:
        os.close(child)
        shown = b""
        while True:
            try:
                piece = os.read(parent, 65536)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(parent)
    assert run.returncode == 0
    return shown


@pytest.mark.parametrize(
    ("term", "columns"),
    [
        ("xterm-256color", "7"),
        *(
            pytest.param(term, columns, marks=CAMPAIGN)
            for term in ("dumb", "xterm-256color")
            for columns in ("1", "7", "80")
            if (term, columns) != ("xterm-256color", "7")
        ),
    ],
)
def test_words_on_a_terminal(term: str, columns: str, place: Path) -> None:
    env = environment({"TERM": term, "COLUMNS": columns, "PYTHONIOENCODING": "utf-8"})
    lines = ("inspect -a in", "check -p * net in", "apply in net out", "inspect -a long")
    shown = on_a_terminal([sys.executable, "-c", RUNS, *lines], place, env)
    # Both streams are the one terminal, so the codes come twice.
    for line, (words, code) in zip(lines, parts(shown)[::2], strict=True):
        assert code == EXPECTED[line]
        plain = re.sub(rb"\x1b\[[0-9;]*m", b"", words)
        assert plain == words or term != "dumb"
        assert acting(plain.replace(b"\r\n", b"\n"), "utf-8") == set()


def test_json_has_names_as_they_are(place: Path) -> None:
    """Only what no Unicode text can hold is spelt otherwise."""
    env = environment(ROOMS["ascii"])
    done = subprocess.run(
        [*COMMAND, "inspect", "-a", "in", "--json"], cwd=place, env=env, capture_output=True
    )
    names = [each["name"] for each in json.loads(done.stdout)["layers"]]
    with ds.open_model(place / "in") as model:
        inside = [each.name for each in model.layers]
    assert len(names) == len(ODD) == len(inside)
    for name, raw, read in zip(names, ODD, inside, strict=True):
        assert read.encode("utf-8", "surrogateescape") == raw
        if raw.decode("utf-8", "ignore").encode() == raw:
            assert name == raw.decode()


@pytest.mark.campaign
def test_what_is_written_does_not_depend_on_the_room(place: Path) -> None:
    lines = ("apply -p * --any-gain net in -", "patch-net -p * --skip-unfit net -")
    found = {line: set[bytes]() for line in lines}
    for room in ("C", "home that is none"):
        for line in lines:
            done = subprocess.run(
                [*COMMAND, *line.split()],
                cwd=place,
                env=environment(ROOMS[room]),
                capture_output=True,
            )
            assert done.returncode == 0
            found[line].add(done.stdout)
    # As it is here, in this process.
    (place / "here").mkdir()
    for line in lines:
        out = "here/out"
        assert run_here(place, *line.split()[:-1], "-f", out)[0] == 0
        found[line].add((place / out).read_bytes())
    shutil.rmtree(place / "here")
    assert [len(each) for each in found.values()] == [1, 1]
