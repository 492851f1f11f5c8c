"""The verbs that write, a folder for them to write in, and what must hold whatever happens.

I1 the inputs are what they were, and each output is its old bytes or the complete new ones.
I2 no temporary file is left.
I3 the exit code is right, and an error names a file, the cause and what to do; no traceback.

Shared by tests/faults and by the campaigns (``count.py``, ``kill.py`` and others).
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import (
    AbstractContextManager,
    chdir,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
)
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np

from deconvsurgery import bilinear_kernel, cli, edit
from deconvsurgery.cli import run
from deconvsurgery.storage.early_flush import EarlyFlush
from deconvsurgery.storage.names_beside import KEPT, RECORD
from helpers.campaigns import campaign_but
from helpers.models import demo_base, demo_net, model_bytes
from helpers.wire import sized, varint

OLD = b"what was there before\n"
TEMPORARY = ".deconvsurgery-"
EARLY: Final = 1 << 8  # bytes: so many are written out early here at a time, not 16 MiB
LEFT = (TEMPORARY, RECORD, KEPT)  # parts of names that a kill may leave
BAD_NET = """input: "d" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "up" type: "Deconvolution" bottom: "d" top: "up" param { lr_mult: 0 }
  convolution_param { num_output: 3 bias_term: false kernel_size: 4 stride: 2
    weight_filler { type: "bilinear" } } }
"""  # not centred, and without group
Content = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """A command, the files it writes, and whether they are there before (``old``).

    ``at_once``: all outputs change or none. ``standard_input`` is a file to pipe in, ``stream``
    says that the output is standard output. ``resumed``: the next run finishes what a kill has
    ended, or takes it back.
    """

    name: str
    line: str
    outputs: tuple[str, ...]
    old: bool = False
    at_once: bool = True
    standard_input: str | None = None
    stream: bool = False
    resumed: bool = False

    @property
    def arguments(self) -> list[str]:
        return self.line.split()


CASES = (
    Case("apply", "apply net in out", ("out",)),
    Case("apply --force", "apply -f net in out", ("out",), old=True),
    Case("apply --in-place", "apply -i net mine", ("mine",)),
    Case("apply --save-patch", "apply --save-patch undo net in out", ("out", "undo")),
    Case("apply -i --save-patch", "apply -i --save-patch undo net mine", ("mine", "undo")),
    Case(
        "apply -f --save-patch", "apply -f --save-patch undo net in out", ("out", "undo"), old=True
    ),
    Case("apply --report", "apply --report page net in out", ("out", "page"), at_once=False),
    Case("inspect --report", "inspect --report page net full", ("page",)),
    Case("apply, HDF5", "apply net in.h5 out", ("out",)),
    Case("apply -i, HDF5", "apply -i net mine.h5", ("mine.h5",)),
    Case("apply, a pipe to OUT", "apply net - out", ("out",), standard_input="in"),
    Case("apply to a stream", "apply net in -", ("stream",), stream=True),
    Case("convert", "convert doubles out", ("out",)),
    Case("convert to HDF5", "convert in out.h5", ("out.h5",)),
    Case("convert from HDF5", "convert in.h5 out", ("out",)),
    Case("convert to HDF5, a stream", "convert --to hdf5 in -", ("stream",), stream=True),
    Case("patch-net", "patch-net net out", ("out",)),
    Case("patch-net --in-place", "patch-net -i my-net", ("my-net",)),
    Case("regroup", "regroup net full out out2", ("out", "out2")),
    Case("regroup --force", "regroup -f net full out out2", ("out", "out2"), old=True),
    Case("check --fix", "check --fix bad-net bad", ("bad-net", "bad"), resumed=True),
    Case(
        "check --fix-into",
        "check --fix-into new bad-net bad",
        ("new/bad-net", "new/bad"),
        resumed=True,
    ),
    Case("transplant", "transplant --apply net in out", ("out",)),
    Case("revert", "revert patched undo-patched", ("patched",)),
    Case("revert -o", "revert -o out patched undo-patched", ("out",)),
    Case(
        "demo",
        "demo new",
        ("new/net.prototxt", "new/base.caffemodel", "new/fcn.caffemodel"),
        at_once=False,
    ),
)
# From Python alone: `edited` is what they run.
EDITS = (
    Case("edit", "edit in out", ("out",)),
    Case("edit, force, a patch", "edit -f --save-patch undo in out", ("out", "undo"), old=True),
    Case("edit, in place", "edit -i mine", ("mine",)),
    Case("edit, HDF5", "edit --save-patch undo in.h5 out", ("out", "undo")),
)
BY_NAME = {case.name: case for case in (*CASES, *EDITS)}


def each_verb(cases: Sequence[Case], *also: str) -> list[Any]:
    """All cases; those that are neither a verb's first nor named are marked ``campaign``."""
    firsts = {case.arguments[0]: case.name for case in reversed(cases)}
    return campaign_but([*firsts.values(), *also], cases, attrgetter("name"))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its exit code, and what it printed where."""

    code: int
    out: str
    errors: str

    @property
    def error(self) -> PrintedError:
        """The one error that is printed, with its hint if there is one, and nothing else."""
        found = re.fullmatch(r"error: (?:(.+?): )?(.+)\n(?:  hint: (.+)\n)?", self.errors)
        assert found is not None, self
        return PrintedError(*found.groups())

    @property
    def warnings(self) -> list[str]:
        """The lines of the report that are warnings, without that word."""
        start = "warning: "
        lines = self.out.splitlines()
        return [line.removeprefix(start) for line in lines if line.startswith(start)]


@dataclass(frozen=True, slots=True)
class PrintedError:
    """An error as it is printed: of which file, what, and what can be done."""

    name: str | None
    message: str
    hint: str | None

    @property
    def sentences(self) -> list[str]:
        """Those to be pinned."""
        return [self.message, *([self.hint] if self.hint else [])]


def prepare(folder: Path) -> None:
    """Every file that some case reads."""
    base = demo_base()
    (folder / "net").write_bytes(demo_net())
    (folder / "in").write_bytes(base)
    for line in (
        "apply net in full",
        "convert in in.h5",
        "convert --values float64 full doubles",
        "convert full full.h5",
    ):
        assert ended(folder, line.split()).code == 0, line
    wrong = (folder / "full").read_bytes().replace(b"\0\0\x10\x3f", b"\0\0\x80\x3f")  # .5625 → 1
    (folder / "wrong").write_bytes(wrong)
    line = "apply --save-patch undo-patched net wrong patched"
    assert ended(folder, line.split()).code == 0
    (folder / "bad-net").write_text(BAD_NET)
    weights = np.zeros((3, 3, 4, 4), "<f4")
    weights[range(3), range(3)] = bilinear_kernel(4)
    (folder / "bad").write_bytes(model_bytes({"up": [weights]}))
    shutil.copy(folder / "in", folder / "mine")
    shutil.copy(folder / "in.h5", folder / "mine.h5")
    shutil.copy(folder / "net", folder / "my-net")


def large_layer(count: int, *, double: bool = False) -> bytes:
    """A layer of so many values that nobody asks for, to be appended to a model."""
    values = np.ones(count, "<f8" if double else "<f4").tobytes()
    shape = sized(7, sized(1, varint(count)))
    blob = shape + sized(8 if double else 5, values)  # double_data, data
    return sized(100, sized(1, b"large") + sized(2, b"InnerProduct") + sized(7, blob))


def edited(*, args: list[str], **_: object) -> int:
    """Every kind of edit, and the result saved as the arguments say."""
    _verb, *options = args
    place: dict[str, Any] = {"force": "-f" in options, "in_place": "-i" in options}
    if "--save-patch" in options:
        place["save_patch"] = options[options.index("--save-patch") + 1]
        options.remove(place["save_patch"])
    source, *output = [each for each in options if not each.startswith("-")]
    with edit(source) as m:
        m["conv1"][0] *= 2
        m["conv2"][1] = np.arange(16)
        m.reshape("score", 0, (5, 16))
        m.rename("score", "score-5")
        m.remove("refine")
        m["new"] = [np.ones((2, 2))]
        result = m.save(*output, **place)
    for warning in result.warnings:
        print(f"warning: {warning}")
    print(result.plan)
    return 0


def ended(folder: Path, arguments: list[str]) -> Ended:
    """Run a command in this process; all it writes begins to reach the disk at once."""
    if arguments[0] == "edit" and cli.deconvsurgery.main is not edited:
        with patch.object(cli.deconvsurgery, "main", edited):
            return ended(folder, arguments)
    raw = io.BytesIO(), io.BytesIO()
    out, errors = (io.TextIOWrapper(each, "utf-8", write_through=True) for each in raw)
    early = patch.multiple(EarlyFlush, first=1, every=EARLY)
    with early, chdir(folder), redirect_stdout(out), redirect_stderr(errors):
        code = run(arguments)
    return Ended(code, *(each.getvalue().decode() for each in raw))


def content(folder: Path) -> dict[str, bytes]:
    """Every regular file below a folder, with its bytes."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
    return found


class Bench:
    """A folder in which one case is run again and again, and put back in between."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.folder = folder
        self.before = {
            name: data
            for name, data in content(folder).items()
            if name not in ("out", "out2", "undo", "page")
        }
        if case.old:
            self.before |= dict.fromkeys(case.outputs, OLD)
        self.reset()
        done = self.run()
        assert done.code == 0, done
        self.new = content(folder)
        self.printed = done.out
        changed = {name for name in self.new if self.new[name] != self.before.get(name)}
        assert changed == set(case.outputs), changed
        self.reset()

    def reset(self) -> None:
        """The folder as it was."""
        now = content(self.folder)
        for name in now.keys() - self.before.keys():
            os.unlink(self.folder / name)
        for name, data in self.before.items():
            if now.get(name) != data:
                (self.folder / name).write_bytes(data)
        if (self.folder / "new").is_dir():
            os.rmdir(self.folder / "new")

    def run(self, disturbed: AbstractContextManager[object] | None = None) -> Ended:
        """Run the command once, in ``disturbed`` if that is given."""
        with self._streams(), disturbed or nullcontext():
            return ended(self.folder, self.case.arguments)

    @contextmanager
    def _streams(self) -> Iterator[None]:
        """Descriptors 0 and 1 as the case wants them."""
        kept: list[tuple[int, int]] = []
        try:
            if self.case.standard_input is not None:
                given = (self.folder / self.case.standard_input).read_bytes()
                ours, theirs = os.pipe()  # takes 64 KiB without a reader
                try:
                    os.write(theirs, given)
                finally:
                    os.close(theirs)
                kept.append((0, _put(ours, 0)))
            if self.case.stream:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                kept.append((1, _put(os.open(self.folder / "stream", flags), 1)))
            yield
        finally:
            for number, old in kept:
                os.dup2(old, number)
                os.close(old)

    def faults(self, *, may_leave: int = 0) -> list[str]:
        """What of I1 and I2 does not hold now; ``may_leave`` temporary files."""
        now = content(self.folder)
        wrong = []
        left = [name for name in now if any(each in name for each in LEFT)]
        if len(left) > may_leave:
            wrong.append(f"I2: left {left}")
        if not self.case.stream:
            outputs = self.case.outputs
            for name in outputs:
                if now.get(name) not in (self.before.get(name), self.new[name]):
                    wrong.append(f"I1: {name} is neither old nor new")
        for name, data in self.before.items():
            if name not in self.case.outputs and now.get(name) != data:
                wrong.append(f"I1: {name} was changed")
        odd = now.keys() - self.before.keys() - set(self.case.outputs) - set(left)
        return wrong + [f"I1: {name} was made" for name in odd]

    def done(self) -> bool | None:
        """All outputs are new (True), none is (False), or some are (None)."""
        now = content(self.folder)
        news = {now.get(name) == self.new[name] for name in self.case.outputs}
        return news.pop() if len(news) == 1 else None


def _put(fd: int, number: int) -> int:
    """Make ``fd`` the descriptor ``number``; returns a copy of what that was."""
    try:
        old = os.dup(number)
        os.dup2(fd, number)
    finally:
        os.close(fd)
    return old
