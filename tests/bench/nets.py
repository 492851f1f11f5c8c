"""Count or time every verb on nets of many Deconvolutions, beside another checkout's.

Instructions where valgrind is at hand (`--count`, some fifty times slower), else seconds.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parents[2]
DATA: Final = (
    'layer {\n  name: "data"\n  type: "Input"\n  top: "data"\n'
    "  input_param { shape { dim: 1 dim: 3 dim: 5 dim: 6 } }\n}\n"
)
FILLER: Final = '    weight_filler { type: "bilinear" }\n'


class Form(NamedTuple):
    """How the Deconvolutions of a net stand, and what is wrong with them."""

    chain: bool = False
    crop: bool = False
    group: bool = True
    weights: bool = True

    @property
    def words(self) -> str:
        """Its name in a table."""
        said = ["in a chain" if self.chain else "side by side"]
        said += ["a Crop after each"] * self.crop
        said += ["a filler without group"] * (not self.group)
        said += ["no weights"] * (not self.weights)
        return ", ".join(said)


FORMS: Final = {
    "side": Form(),
    "side-crop": Form(crop=True),
    "chain": Form(chain=True),
    "chain-crop": Form(chain=True, crop=True),
    "groupless": Form(group=False),
    "groupless-crop": Form(group=False, crop=True),
    "groupless-chain": Form(group=False, chain=True, crop=True),
    "missing": Form(weights=False),
    "missing-crop": Form(weights=False, crop=True),
}
VERBS: Final = {
    "inspect": "inspect net in",
    "check": "check net in",
    "apply": "apply net in out",
    "patch-net": "patch-net net out",
    "regroup": "regroup -n net in",
    "transplant": "transplant net in out",
    "convert": "convert --net net --to hdf5 in out",
    "diff": "diff in in",
    "check --json": "check --json net in",
    "inspect --json": "inspect --json net in",
}


def layer(form: Form, number: int) -> str:
    """The text of a Deconvolution, and of its Crop."""
    before = f"{'crop' if form.crop else 'up'}{number - 1}" if form.chain and number else "data"
    shape = (
        "kernel_size: 3 stride: 1" if form.chain and not form.crop else "kernel_size: 4 stride: 2"
    )
    text = (
        f'layer {{\n  name: "up{number}"\n  type: "Deconvolution"\n  bottom: "{before}"\n'
        f'  top: "up{number}"\n  param {{ lr_mult: 0 }}\n  convolution_param {{\n'
        f"    num_output: 3\n    {'group: 3 ' * form.group}{shape} pad: 1\n    bias_term: false\n"
        f"{'' if form.group else FILLER}  }}\n}}\n"
    )
    if form.crop:
        text += (
            f'layer {{\n  name: "crop{number}"\n  type: "Crop"\n  bottom: "up{number}"\n'
            f'  bottom: "data"\n  top: "crop{number}"\n  crop_param {{ axis: 2 offset: 2 }}\n}}\n'
        )
    return text


def net_text(form: Form, count: int) -> str:
    """A net of so many Deconvolutions."""
    return DATA + "".join(layer(form, number) for number in range(count))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _sized(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def model_bytes(form: Form, count: int) -> bytes:
    """Its weights: zeros."""
    kernel = 3 if form.chain and not form.crop else 4
    shape = (3, 1 if form.group else 3, kernel, kernel)
    values = bytes(4 * shape[0] * shape[1] * kernel * kernel)
    blob = _sized(5, values) + _sized(7, _sized(1, bytes(shape)))
    name = "up" if form.weights else "other"
    rest = _sized(2, b"Deconvolution") + _sized(7, blob)
    names = (f"{name}{number}".encode() for number in range(count))
    return b"".join(_sized(100, _sized(1, each) + rest) for each in names)


def seconds(command: list[str], place: Path, environ: dict[str, str]) -> float:
    """Seconds of processor time of one process, its output thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, stream) for stream in (0, 1, 2)]
    os.chdir(place)
    child = os.posix_spawn(command[0], command, environ, file_actions=actions)
    _, status, used = os.wait4(child, 0)
    os.close(null)
    if os.waitstatus_to_exitcode(status) not in (0, 1, 3):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime


def instructions(command: list[str], place: Path, environ: dict[str, str]) -> float:
    """Thousand millions of instructions of one process."""
    counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    ended = subprocess.run(
        counted, cwd=place, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    found = re.search(rb"Collected : (\d+)", ended.stderr)
    if found is None:
        raise SystemExit(ended.stderr.decode())
    return int(found[1]) / 1e9


def measured(
    verb: str, place: Path, checkouts: list[Path], runs: int, measure: Callable[..., float]
) -> list[float]:
    """Of each checkout the median of some runs, one after the other."""
    found: list[list[float]] = [[] for _ in checkouts]
    for _ in range(runs):
        for checkout, values in zip(checkouts, found, strict=True):
            command = [sys.executable, "-m", "deconvsurgery", *VERBS[verb].split()]
            environ = {**os.environ, "PYTHONPATH": str(checkout), "COLUMNS": "100"}
            values.append(measure(command, place, environ))
            (place / "out").unlink(missing_ok=True)
    return [statistics.median(values) for values in found]


def lines(arguments: argparse.Namespace, work: Path) -> Iterator[str]:
    """A line for each net and verb, as soon as it is measured."""
    checkouts = [HERE, *([arguments.beside.resolve()] if arguments.beside else [])]
    measure = instructions if arguments.count else seconds
    counted = "10^9 instructions" if arguments.count else "seconds"
    yield f"{counted} of {', '.join(map(str, checkouts))}"
    for name in arguments.nets:
        form = FORMS[name]
        for count in arguments.layers:
            (work / "net").write_text(net_text(form, count))
            (work / "in").write_bytes(model_bytes(form, count))
            yield f"\n{count:,} Deconvolutions {form.words}"
            for verb in arguments.verbs:
                values = measured(verb, work, checkouts, arguments.runs, measure)
                ratio = f"   {values[0] / values[1]:.2f}" if len(values) > 1 else ""
                yield f"{verb:14}" + "".join(f"{value:9.2f}" for value in values) + ratio


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nets", nargs="+", choices=FORMS, default=[*FORMS])
    parser.add_argument("--verbs", nargs="+", choices=VERBS, default=[*VERBS])
    parser.add_argument("--layers", nargs="+", type=int, default=[2000])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--beside", type=Path, help="another checkout, to compare with")
    parser.add_argument("--count", action="store_true", help="count instructions by valgrind")
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    try:
        for line in lines(arguments, work):
            print(line, flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
