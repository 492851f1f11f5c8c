"""Time and weigh `diff` on two models of 538 MB, beside `cmp` of two equal ones."""

from __future__ import annotations

import os
import shutil
import statistics
from pathlib import Path

from fcn8s import write_model
from run import TOOL, in_rounds, timed


def _rounds(work: Path, runs: int) -> list[str]:
    one, equal, end, every = (work / name for name in ("one", "equal", "end", "every"))
    hdf5, double = work / "hdf5", work / "double"
    size = write_model(one)
    shutil.copy(one, equal)
    shutil.copy(one, end)
    with end.open("r+b") as file:  # in the last layer's values: its dims are behind them
        file.seek(-1000, os.SEEK_END)
        file.write(b"\0\0\x80\x3f")
    write_model(every)  # other noise
    timed([*TOOL, "convert", "--to", "hdf5", str(one), str(hdf5)])
    timed([*TOOL, "convert", "--values", "float64", str(one), str(double)])
    small = work / "small"
    small.write_bytes(b"\x0a\x04name")
    os.sync()
    commands = {"cmp, equal": ["cmp", str(one), str(equal)]}
    for name, other in {
        "equal": equal,
        "one value at the end": end,
        "every value": every,
        "HDF5": hdf5,
        "double_data": double,
    }.items():
        commands[f"diff, {name}"] = [*TOOL, "diff", str(one), str(other)]
    commands["diff, two of 6 bytes"] = [*TOOL, "diff", str(small), str(small)]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    memory: dict[str, int] = dict.fromkeys(commands, 0)
    for turn in range(runs + 1):
        for name, command in commands.items():
            took, peak = timed(command, codes=(0, 1))
            if turn:  # the first round warms the caches
                seconds[name].append(took)
                memory[name] = max(memory[name], peak)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    cmp, start = median["cmp, equal"], median["diff, two of 6 bytes"]
    return [
        f"models: {size:,} bytes; {runs} rounds, medians",
        "",
        *(
            f"{name:28} {median[name]:8.3f} s  (min {min(times):.3f}, max {max(times):.3f})"
            f"  {memory[name] / 1e6:8.1f} MB   to cmp {median[name] / cmp:5.2f}"
            f"   without starting up {(median[name] - start) / cmp:5.2f}"
            for name, times in seconds.items()
        ),
        "",
        f"diff, equal / (1.2 cmp + 0.35 s)   {median['diff, equal'] / (1.2 * cmp + 0.35):.2f}"
        "   (the aim: at most 1)",
    ]


if __name__ == "__main__":
    in_rounds(_rounds)
