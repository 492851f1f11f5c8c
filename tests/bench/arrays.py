"""What one blob of a model of 538 MB costs as an array: bytes read, seconds, memory.

Beside it the same by h5py, of the model as HDF5, and by protobuf, which reads the whole file.
``python tests/bench/arrays.py`` prints a table. Seconds are the processor's, and like memory
without starting up: each process imports what it needs, and reads a small model, before.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from fcn8s import write_model
from run import TOOL, in_rounds, timed

BLOBS = ("upscore2", "upscore8", "fc7", "fc6")

_MEASURED = """
import json, sys, time
import numpy

def read():
    lines = open("/proc/self/io").read().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def of(path, name):
    {body}

of({small!r}, {small_name!r})
bytes_before, memory, start = read(), peak(), time.process_time()
kept = of({path!r}, {name!r})
seconds = time.process_time() - start
size = sum(each.nbytes for each in kept)
print(json.dumps([size, read() - bytes_before, seconds, peak() - memory]))
"""

OURS = """
    import deconvsurgery as ds
    if name is None:
        return [*ds.load(path).values()]
    with ds.open_model(path) as model:
        return [model[name][0].array()]
"""
H5PY = """
    import h5py
    with h5py.File(path) as file:
        return [file["data"][name]["0"][()]]
"""
PROTOBUF = """
    from deconvsurgery.caffe_fields import message_class
    with open(path, "rb") as file:
        net = message_class("NetParameter").FromString(file.read())
    (layer,) = (each for each in net.layer if each.name == name)
    return [numpy.array(layer.blobs[0].data, "f4")]
"""


def _measured(body: str, path: Path, name: str | None, small: Path) -> list[float]:
    program = _MEASURED.format(
        body=body.strip(), path=str(path), name=name, small=str(small), small_name="score"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    found: list[float] = json.loads(done.stdout)
    return found


def _rounds(work: Path, runs: int) -> list[str]:
    model, hdf5 = work / "model", work / "model.h5"
    size = write_model(model)
    timed([*TOOL, "convert", "--to", "hdf5", str(model), str(hdf5)])
    timed([*TOOL, "demo", str(work / "demo")])
    small = work / "demo" / "base.caffemodel"
    small_hdf5 = work / "small.h5"
    timed([*TOOL, "convert", "--to", "hdf5", str(small), str(small_hdf5)])
    asked: dict[str, tuple[str, Path, str | None, Path]] = {}
    for name in BLOBS:
        asked[f"{name}, binary"] = OURS, model, name, small
        asked[f"{name}, HDF5"] = OURS, hdf5, name, small_hdf5
        asked[f"{name}, h5py alone"] = H5PY, hdf5, name, small_hdf5
    asked["upscore2, protobuf"] = PROTOBUF, model, "upscore2", small
    asked["load, binary"] = OURS, model, None, small
    asked["load, HDF5"] = OURS, hdf5, None, small_hdf5
    found: dict[str, list[list[float]]] = {name: [] for name in asked}
    for turn in range(runs + 1):
        for what, wanted in asked.items():
            measured = _measured(*wanted)
            if turn:  # the first round warms the caches
                found[what].append(measured)
    return [
        f"model: {size:,} bytes; {runs} rounds, medians",
        "",
        f"{'what':24} {'array, bytes':>14} {'read, bytes':>14} {'seconds':>9} {'memory, kB':>12}",
        *(
            "{:24} {:14,.0f} {:14,.0f} {:9.3f} {:12,.0f}".format(
                what, *(statistics.median(column) for column in zip(*rows, strict=True))
            )
            for what, rows in found.items()
        ),
    ]


if __name__ == "__main__":
    in_rounds(_rounds)
