"""Any command line, run in this process in a folder with a net, a model, settings and a list.

The first byte says what the environment has, the rest are the arguments, a line each; one with a
slash, or of Dask, is not run: it could lead out of the folder. The exit code must be a documented
one, what is told of an error is a few lines and no traceback, nothing is changed that the command
does not name, a file that was there before only where that was asked for, and no temporary file is
left.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from seeds import UP, layers

from deconvsurgery.cli import run

CODES = (0, 1, 2, 3, 4)
ENVIRONMENTS = (
    {},
    {"FORCE_COLOR": "1"},
    {"FORCE_COLOR": "1", "COLUMNS": "1", "TERM": "dumb"},
    {"COLUMNS": "9" * 30, "NO_COLOR": "1", "LINES": "x"},
    {"COLUMNS": "²", "FORCE_COLOR": "1", "NO_COLOR": "1"},
)
FILES = {
    "net": b"input:'d'input_dim:[1,2,3,3]\n"
    + (UP % ("", "num_output:2 kernel_size:4 stride:2 pad:1 bias_term:false")).encode(),
    "in": next(layers((2, 2, 4, 4))),
    "zoo.toml": b"[[pairs]]\nnet = 'net'\nmodel = 'in'\n[[pairs]]\nlist = 'list'\n",
    "deconvsurgery.toml": b"[[pairs]]\nnet = 'net'\nmodel = 'in'\n",
    "apply.toml": b"[sweep]\nverb='apply'\n[[pairs]]\nnet='net'\nmodel='in'\noutput='{name}.out'\n",
    "list": b'{"net": "net"}\n{"model": "in"}\nnonsense\n',
    "text": b"nothing",
    "empty": b"",
    "sub": None,  # a folder
}
# What asks for a file to be replaced; --also always does, a sweep's results are added to.
REPLACING = ("-", "--force", "--in-place", "--also", "--results")
MOST_TOLD = 20_000  # bytes on standard error: a line of each of a few findings, never a file's
DEMO = ("demo", "net.prototxt", "base.caffemodel", "fcn.caffemodel")

_made = tempfile.TemporaryDirectory(prefix="fuzz-command-")
PLACE = Path(_made.name)


def _lay() -> None:
    for name, data in FILES.items():
        if data is None:
            (PLACE / name).mkdir(exist_ok=True)
        else:
            (PLACE / name).write_bytes(data)


def _seen() -> dict[str, tuple[int, int, int]]:
    found = {}
    for folder in (PLACE, PLACE / "sub"):
        with os.scandir(folder) as entries:
            for each in entries:
                status = each.stat(follow_symlinks=False)
                grown = (0, 0) if each.is_dir() else (status.st_size, status.st_mtime_ns)
                found[os.path.relpath(each.path, PLACE)] = (status.st_ino, *grown)
    return found


def _at_once(work: Callable[[Any], Any], tasks: Any, _workers: int) -> Any:
    return ((task, work(task)) for task in tasks)


_lay()
NOTHING = os.open(os.devnull, os.O_RDONLY)  # on standard input
BEFORE = _seen()


@contextmanager
def _no_input() -> Iterator[None]:
    before = os.dup(0)
    try:
        os.dup2(NOTHING, 0)
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)


def check(data: bytes) -> None:
    """Run it; ``AssertionError`` where something does not hold."""
    global BEFORE
    choice = data[0] if data else 0
    arguments = [os.fsdecode(each) for each in data[1:].split(b"\n")] if data[1:] else []
    if any("/" in each or "dask" in each or "--sched" in each for each in arguments):
        return
    environment = ENVIRONMENTS[choice % len(ENVIRONMENTS)]
    raw = io.BytesIO(), io.BytesIO()
    out, errors = (io.TextIOWrapper(each, "utf-8") for each in raw)
    with (
        chdir(PLACE),
        _no_input(),
        patch.dict(os.environ, environment),
        patch("deconvsurgery.sweeping.sweep.run_local", _at_once),
        redirect_stdout(out),
        redirect_stderr(errors),
    ):
        code = run(arguments)
        out.flush()
        errors.flush()
    told = raw[1].getvalue()
    after = _seen()
    try:
        assert code in CODES, code
        assert b"Traceback" not in told
        assert len(told) < MOST_TOLD, len(told)
        _changed(arguments, after)
    finally:
        if after != BEFORE:
            _restore(after)
            BEFORE = _seen()


def _changed(arguments: list[str], after: dict[str, Any]) -> None:
    changed = {name for name in {*BEFORE, *after} if BEFORE.get(name) != after.get(name)}
    asked = any(each.startswith(REPLACING) and each not in ("-", "--") for each in arguments)
    for name in changed:
        assert not os.path.basename(name).startswith(".deconvsurgery-"), name
        if name in BEFORE:
            assert name in after, name
            assert asked, name
        plain = name.removesuffix(".sweep.json")
        assert (
            any(each.endswith(plain) for each in arguments)
            or plain in ("sweep.jsonl", "net.out", "deconvsurgery-demo")
            or os.path.basename(plain) in DEMO
        ), name


def _restore(after: dict[str, Any]) -> None:
    for name in after:
        if name not in FILES:
            path = PLACE / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif os.path.lexists(path):
                path.unlink()
    _lay()
