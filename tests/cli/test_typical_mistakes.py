"""What each of many typical mistakes gets, as one table to be read: ``tests/golden/mistakes.txt``.

A message says the file and the place in it, what is wrong, and, as its hint, what to do next. The
table is made anew by ``pytest --words-update``; read its diff.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import pytest

import deconvsurgery as ds
from helpers.models import demo_base, demo_net
from helpers.places import GOLDEN
from helpers.runs import run_here

TABLE: Final = GOLDEN / "mistakes.txt"
_HEAD: Final = """\
# Typical mistakes, the message that each gets, and the exit code. Made by
# `python -m pytest --words-update tests/cli/test_typical_mistakes.py`: to be read, not edited.
"""

# By what is wrong; a line is typed in the folder that `lay` makes.
MISTAKES: Final = {
    "The command": [
        "aply net.prototxt in.caffemodel out.caffemodel",
        "fix net.prototxt in.caffemodel",
        "net.prototxt in.caffemodel out.caffemodel",
        "--json inspect net.prototxt",
        "apply",
        "apply net.prototxt in.caffemodel",
        "apply net.prototxt in.caffemodel out.caffemodel more.caffemodel",
        "diff in.caffemodel",
        "completion powershell",
    ],
    "Options": [
        "apply net.prototxt in.caffemodel -o out.caffemodel",
        "apply net.prototxt in.caffemodel out.caffemodel --dryrun",
        "apply net.prototxt in.caffemodel out.caffemodel --fill",
        "apply net.prototxt in.caffemodel out.caffemodel --phase deploy",
        "apply net.prototxt in.caffemodel out.caffemodel --in-place",
        "apply net.prototxt in.caffemodel out.caffemodel -p 're:('",
        "apply net.prototxt in.caffemodel out.caffemodel -p upsocre",
        "convert in.caffemodel out.onnx --to onnx",
        "check net.prototxt --select DS099",
        "check net.prototxt --also report.sarif",
        "check net.prototxt --write-baseline",
        "check net.prototxt --baseline known.json",
        "check --fix",
        "inspect net.prototxt --picture",
        "kernel 4 --stride 0",
        "sweep --workers 0 key.toml",
    ],
    "Files": [
        "inspect nets.prototxt",
        "inspect *.h5",
        "inspect s3:/bucket/net.prototxt",
        "inspect ftp://host/net.prototxt",
        "inspect folder",
        "check folder",
        "apply in.caffemodel net.prototxt out.caffemodel",
        "inspect net.prototxt cut.prototxt",
        "apply net.prototxt in.caffemodel made.caffemodel",
        "apply net.prototxt in.caffemodel in.caffemodel",
        "apply net.prototxt in.caffemodel new/out.caffemodel",
        "apply net.prototxt in.caffemodel folder",
        "apply net.prototxt in.caffemodel out.caffemodel --save-patch out.caffemodel",
        "revert made.caffemodel net.prototxt",
    ],
    "Nets": [
        "apply misspelt.prototxt in.caffemodel out.caffemodel",
        "inspect cut.prototxt",
        "check type.prototxt",
        "check bottom.prototxt",
        "apply kernel.prototxt in.caffemodel out.caffemodel",
        "apply learned.prototxt in.caffemodel out.caffemodel",
        "inspect solver.prototxt",
        "inspect utf16.prototxt",
        "check merge.prototxt",
    ],
    "Models": [
        "inspect net.prototxt lfs.caffemodel",
        "inspect net.prototxt page.caffemodel",
        "inspect net.prototxt cut.caffemodel",
        "inspect net.prototxt empty.caffemodel",
        "inspect net.prototxt torch.pth",
        "inspect net.prototxt picture.png",
        "apply group.prototxt made.caffemodel out.caffemodel",
        "transplant classes.prototxt in.caffemodel out.caffemodel",
    ],
    "Settings": [
        "sweep",
        "sweep key.toml",
        "sweep syntax.toml",
        "sweep verb.toml",
        "sweep output.toml",
        "sweep empty.toml",
    ],
}


def lay(place: Path) -> None:
    """A net and its model, and each of the files that people take for one."""
    net = demo_net().decode()
    size = "kernel_size: 4 stride: 2 pad: 1"
    assert net.count(size) == 2
    texts = {
        "net.prototxt": net,
        "misspelt.prototxt": net.replace("kernel_size: 4", "kernel_sise: 4", 1),
        "cut.prototxt": net[:700],
        "type.prototxt": net.replace('"Deconvolution"', '"Deconvolusion"'),
        "bottom.prototxt": net.replace('bottom: "score"', 'bottom: "scores"', 1),
        "kernel.prototxt": net.replace(size, "kernel_size: 2 stride: 2"),
        "learned.prototxt": net.replace("num_output: 5 bias_term", "num_output: 3 bias_term", 1),
        "group.prototxt": net.replace("num_output: 5 bias", "num_output: 5 group: 5 bias", 1),
        "classes.prototxt": net.replace("num_output: 5", "num_output: 7"),
        "solver.prototxt": 'net: "net.prototxt"\nbase_lr: 0.01\nmax_iter: 100\n',
        "merge.prototxt": net.replace("layer {", "<<<<<<< HEAD\nlayer {", 1),
        "key.toml": '[[pairs]]\nnet = "net.prototxt"\nmodle = "in.caffemodel"\n',
        "syntax.toml": '[[pairs]\nnet = "net.prototxt"\n',
        "verb.toml": '[sweep]\nverb = "aply"\n[[pairs]]\nnet = "net.prototxt"\n',
        "output.toml": '[sweep]\nverb = "apply"\n[[pairs]]\nnet = "net.prototxt"\n'
        'model = "in.caffemodel"\n',
        "empty.toml": '[[pairs]]\nnet = "zoo/*.prototxt"\n',
        "page.caffemodel": "<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n",
        "lfs.caffemodel": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\n"
        "size 537963157\n",
    }
    for name, text in texts.items():
        (place / name).write_text(text, "utf-8")
    (place / "utf16.prototxt").write_text(net, "utf-16")
    datas = {
        "in.caffemodel": demo_base(),
        "cut.caffemodel": demo_base()[:-100],
        "empty.caffemodel": b"",
        "torch.pth": b"PK\x03\x04" + bytes(40),
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(10),
    }
    for name, data in datas.items():
        (place / name).write_bytes(data)
    (place / "folder").mkdir()
    ds.apply(place / "net.prototxt", place / "in.caffemodel", place / "made.caffemodel")


def test_each_gets_its_message(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    lay(tmp_path)
    before = contents(tmp_path)
    table = _HEAD
    for kind, lines in MISTAKES.items():
        table += f"\n\n== {kind}\n"
        for line in lines:
            code, out, errors = run_here(tmp_path, *shlex.split(line))
            said = (out + errors).decode().replace(str(tmp_path), "/PLACE")
            table += f"\n$ deconvsurgery {line}\n{said}({code})\n"
            assert code, line
            assert b"hint" in out + errors or code == 1, line  # or a finding and its repair
    rows = tmp_path / "sweep.jsonl"  # begun before the pairs are looked for
    assert rows.read_bytes() == b""
    assert contents(tmp_path) == before | {rows: b""}
    if request.config.getoption("--words-update"):
        TABLE.write_text(table, "utf-8")
    assert table == TABLE.read_text("utf-8")


def contents(folder: Path) -> dict[Path, bytes]:
    """Each file's."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_they_are_forty_at_least() -> None:
    lines = [line for group in MISTAKES.values() for line in group]
    assert len({*lines}) == len(lines) > 40
