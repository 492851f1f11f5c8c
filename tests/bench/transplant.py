"""Time and weigh `transplant --apply` from a whole VGG-16 classifier to FCN-32s, beside `cp`."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from fcn8s import classifier_shapes, fcn32s_text, write_model
from run import AIM, TOOL, in_rounds, timed


def _rounds(work: Path, runs: int) -> list[str]:
    net, model = work / "fcn32s.prototxt", work / "vgg16.caffemodel"
    out, hdf5 = work / "out.caffemodel", work / "vgg16.h5"
    net.write_text(fcn32s_text())
    size = write_model(model, classifier_shapes())
    timed([*TOOL, "convert", str(model), str(hdf5)])
    os.sync()
    transplant = [*TOOL, "transplant", str(net), "--apply"]
    commands = {
        "cp + sync": ["sh", "-c", f"cp {model} {out} && sync {out}"],
        "transplant": [*transplant, str(model), str(out)],
        "transplant, from HDF5": [*transplant, str(hdf5), str(out)],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    memory: dict[str, int] = dict.fromkeys(commands, 0)
    for turn in range(runs + 1):
        for name, command in commands.items():
            out.unlink(missing_ok=True)
            took, peak = timed(command)
            if turn:  # the first round warms the caches
                seconds[name].append(took)
                memory[name] = max(memory[name], peak)
    median = {name: statistics.median(times) for name, times in seconds.items()}
    aim = median["cp + sync"] + AIM
    return [
        f"model: {size:,} bytes; {runs} rounds, medians",
        "",
        *(
            f"{name:28} {median[name]:8.3f} s  (min {min(times):.3f}, max {max(times):.3f})"
            f"  {memory[name] / 1e6:8.1f} MB"
            for name, times in seconds.items()
        ),
        "",
        f"transplant / (cp + sync)        {median['transplant'] / median['cp + sync']:.2f}",
        f"transplant / (cp + {AIM} s)      {median['transplant'] / aim:.2f}   (the aim: at most 1)",
        f"from HDF5 / (cp + {AIM} s)       {median['transplant, from HDF5'] / aim:.2f}",
    ]


if __name__ == "__main__":
    in_rounds(_rounds)
