"""Time whole commands beside a peer, in interleaved rounds; print medians and ratios."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fcn8s import net_text, write_model

AIM = 0.25  # seconds above `cp` + `sync` that a command may take which copies a model
TOOL = [sys.executable, "-m", "deconvsurgery"]
PROTOBUF = (
    "import sys; from deconvsurgery.caffe_fields import message_class\n"
    "model = message_class('NetParameter')()\n"
    "model.ParseFromString(open(sys.argv[1], 'rb').read())\n"
    "open(sys.argv[2], 'wb').write(model.SerializeToString())"
)


def timed(command: list[str], codes: tuple[int, ...] = (0,)) -> tuple[float, int]:
    """Seconds and peak memory (bytes) of one process, its output thrown away."""
    null = os.open(os.devnull, os.O_RDWR)
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, null, stream) for stream in (0, 1, 2)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    os.close(null)
    if os.waitstatus_to_exitcode(status) not in codes:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss * 1024


def in_rounds(rounds: Callable[[Path, int], list[str]]) -> None:
    """Run a benchmark's rounds in a folder of their own, as the command line has it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(dir=arguments.dir))
    try:
        print(*rounds(work, arguments.runs), sep="\n")
    finally:
        shutil.rmtree(work)


def _rounds(work: Path, runs: int) -> list[str]:
    net, model = work / "net.prototxt", work / "in.caffemodel"
    small, out, copy = work / "small.caffemodel", work / "out.caffemodel", work / "copy.caffemodel"
    net.write_text(net_text())
    size = write_model(model)
    small.write_bytes(b"\x0a\x04name")
    os.sync()
    commands = {
        "cp + sync": ["sh", "-c", f"cp {model} {copy} && sync {copy}"],
        "apply": [*TOOL, "apply", str(net), str(model), str(out)],
        "inspect": [*TOOL, "inspect", str(net), str(model)],
        "inspect, small model": [*TOOL, "inspect", str(net), str(small)],
        "--version": [*TOOL, "--version"],
        "python -c pass": [sys.executable, "-c", "pass"],
        "protobuf parse + serialise": [sys.executable, "-c", PROTOBUF, str(model), str(copy)],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    memory: dict[str, int] = dict.fromkeys(commands, 0)
    for turn in range(runs + 1):
        for name, command in commands.items():
            if name.startswith("protobuf") and turn > 2:
                continue  # it takes seconds and gigabytes; two rounds tell
            for written in (out, copy):
                written.unlink(missing_ok=True)
            took, peak = timed(command)
            if turn:  # the first round warms the caches
                seconds[name].append(took)
                memory[name] = max(memory[name], peak)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    lines = [f"model: {size:,} bytes; {runs} rounds, medians", ""]
    lines += [
        f"{name:28} {median[name]:8.3f} s  (min {min(times):.3f}, max {max(times):.3f})"
        f"  {memory[name] / 1e6:8.1f} MB"
        for name, times in seconds.items()
    ]
    pairs = [over - base for over, base in zip(seconds["apply"], seconds["cp + sync"], strict=True)]
    lines += [
        "",
        f"apply / (cp + sync)              {median['apply'] / median['cp + sync']:.2f}"
        f"   (apply - cp: {statistics.median(pairs):+.3f} s)",
        f"apply / (cp + {AIM} s)            "
        f"{median['apply'] / (median['cp + sync'] + AIM):.2f}   (the aim: at most 1, in 45 MB)",
        f"inspect / inspect, small model   {median['inspect'] / median['inspect, small model']:.2f}"
        "   (the aim: at most 1.15)",
        f"protobuf / apply                 "
        f"{median['protobuf parse + serialise'] / median['apply']:.1f}",
    ]
    return lines


if __name__ == "__main__":
    in_rounds(_rounds)
