"""Time and weigh `apply` on a large file and `convert` between forms, each beside `cp`."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from run import AIM, TOOL, timed

from deconvsurgery.caffemodel.wire import header, varint

SIDE = 4096  # a blob of SIDE x SIDE values: 64 MiB of floats
CLASSES = 21
NET = f"""name: "large"
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: {CLASSES}
  dim: 16 dim: 16 }} }} }}
layer {{ name: "upscore" type: "Deconvolution" bottom: "data" top: "upscore"
  convolution_param {{ num_output: {CLASSES} kernel_size: 64 stride: 32 bias_term: false }} }}
"""
V1, V2 = (2, 4, 5, 6), (100, 1, 2, 7)  # numbers of: layer, name, type, blobs


def dims(shape: tuple[int, ...], legacy: bool) -> bytes:
    if legacy:
        padded = (1,) * (4 - len(shape)) + shape
        return b"".join(bytes([at << 3]) + varint(dim) for at, dim in enumerate(padded, 1))
    packed = b"".join(map(varint, shape))
    inner = header(1, len(packed)) + packed
    return header(7, len(inner)) + inner


def layer(
    name: str, kind: str, shape: tuple[int, ...], width: int, numbers: tuple[int, ...]
) -> Iterator[bytes]:
    """One layer with one blob; ``width`` 2 is raw half, 4 data, 8 double_data."""
    outer, named, typed, blobs = numbers
    count = 1
    for dim in shape:
        count *= dim
    size = count * width
    values = {2: b"\x50\x02" + header(12, size), 4: header(5, size), 8: header(8, size)}[width]
    before = dims(shape, numbers is V1) + values
    enum = {"InnerProduct": 14, "Deconvolution": 39}[kind]
    told = bytes([typed << 3, enum]) if numbers is V1 else header(typed, len(kind)) + kind.encode()
    own = header(named, len(name)) + name.encode() + told
    inner = header(blobs, len(before) + size) + before
    yield header(outer, len(own) + len(inner) + size) + own + inner
    # Ordinary numbers, which no narrower type rounds to infinity.
    one = {2: struct.pack("<e", 0.123), 4: struct.pack("<f", 0.123), 8: struct.pack("<d", 0.123)}
    piece = bytes(1 << 20) if kind == "Deconvolution" else one[width] * ((1 << 20) // width)
    while size:
        yield piece[:size]
        size -= min(size, len(piece))


def write_model(path: Path, size: int, width: int = 4, numbers: tuple[int, ...] = V2) -> None:
    """A model of about ``size`` bytes."""
    with path.open("wb") as file:
        for position in range(max(1, size // (SIDE * SIDE * width))):
            shape, name = (SIDE, SIDE), f"fc{position}"
            file.writelines(layer(name, "InnerProduct", shape, width, numbers))
        shape = (CLASSES, CLASSES, 64, 64)
        file.writelines(layer("upscore", "Deconvolution", shape, width, numbers))


def main() -> None:
    """Run the rounds and print a line a case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--apply-gib", type=float, default=5)
    parser.add_argument("--convert-gib", type=float, default=1)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(dir=arguments.dir))
    try:
        for line in _lines(work, arguments):
            print(line, flush=True)
    finally:
        shutil.rmtree(work)


def _lines(work: Path, arguments: argparse.Namespace) -> Iterator[str]:
    net, source, out = work / "net.prototxt", work / "in", work / "out"
    net.write_text(NET)
    size = int(arguments.convert_gib * (1 << 30))
    apply = [*TOOL, "apply", str(net), str(source), str(out)]
    convert = [*TOOL, "convert", str(source), str(out)]
    to_hdf5, from_hdf5 = [*convert, "--to", "hdf5"], [*convert, "--net", str(net)]
    half = [*convert, "--values", "raw-float16"]
    large = int(arguments.apply_gib * (1 << 30))
    cases = (
        ("apply, binary", large, 4, V2, None, apply),
        ("apply, HDF5", size, 4, V2, to_hdf5, apply),
        ("convert V1 -> V2", size, 4, V1, None, convert),
        ("convert double_data -> data", size, 8, V2, None, convert),
        ("convert raw half -> data", size, 2, V2, None, convert),
        ("convert data -> raw half", size, 4, V2, None, half),
        ("convert binary -> HDF5", size, 4, V2, None, to_hdf5),
        ("convert HDF5 -> binary", size, 4, V2, to_hdf5, from_hdf5),
    )
    for name, bytes_, width, numbers, first, command in cases:
        write_model(source, bytes_, width, numbers)
        if first:
            timed([*first, "--force"])
            out.replace(source)
        os.sync()
        copy = ["sh", "-c", f"cp {source} {out} && sync {out}"]
        seconds: dict[str, list[float]] = {"cp": [], "tool": []}
        memory = 0
        for turn in range(arguments.runs + 1):
            for which, each in (("cp", copy), ("tool", command)):
                out.unlink(missing_ok=True)
                took, peak = timed(each)
                if turn:
                    seconds[which].append(took)
                    memory = max(memory, peak if which == "tool" else 0)
        cp, tool = (statistics.median(seconds[which]) for which in ("cp", "tool"))
        written = out.stat().st_size
        yield (
            f"{name:28} {source.stat().st_size:>13,} -> {written:>13,} bytes   {tool:6.2f} s, "
            f"cp + sync {cp:6.2f} s, ratio {tool / cp:5.2f}, to cp + {AIM} s "
            f"{tool / (cp + AIM):5.2f}   peak {memory / 1e6:6.1f} MB"
        )


if __name__ == "__main__":
    main()
