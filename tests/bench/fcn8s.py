"""Nets and models of VGG-16's and FCN's layers and sizes, models written piece by piece."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from deconvsurgery.caffemodel.wire import header, varint

Weighted: TypeAlias = tuple[str, str, list[tuple[int, ...]]]
"""A layer with weights: name, type, shapes of its blobs."""

CLASSES = 21
VGG = (
    ("conv1", (64, 64)),
    ("conv2", (128, 128)),
    ("conv3", (256, 256, 256)),
    ("conv4", (512, 512, 512)),
    ("conv5", (512, 512, 512)),
)


def _convolution(name: str, bottom: str, outputs: int, kernel: int, pad: int = 0) -> str:
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}"\n'
        f"  convolution_param {{ num_output: {outputs} kernel_size: {kernel} pad: {pad} }} }}\n"
    )


def _deconvolution(name: str, bottom: str, kernel: int, stride: int) -> str:
    return (
        f'layer {{ name: "{name}" type: "Deconvolution" bottom: "{bottom}" top: "{name}"\n'
        f"  param {{ lr_mult: 0 }} convolution_param {{ num_output: {CLASSES} bias_term: false "
        f"kernel_size: {kernel} stride: {stride} }} }}\n"
    )


def _fused(name: str, bottom: str, skip: str) -> str:
    return (
        f'layer {{ name: "{name}c" type: "Crop" bottom: "{skip}" bottom: "{bottom}" top: "{name}c"'
        " crop_param { axis: 2 offset: 5 } }\n"
        f'layer {{ name: "{name}" type: "Eltwise" bottom: "{bottom}" bottom: "{name}c" '
        f'top: "{name}" eltwise_param {{ operation: SUM }} }}\n'
    )


def _vgg(name: str) -> list[str]:
    """The layers that FCN has of VGG-16, up to fc7."""
    text = [
        f'name: "{name}"\nlayer {{ name: "data" type: "Input" top: "data" input_param '
        "{ shape { dim: 1 dim: 3 dim: 500 dim: 500 } } }\n"
    ]
    bottom = "data"
    for stage, widths in VGG:
        for position, outputs in enumerate(widths, 1):
            name = f"{stage}_{position}"
            text.append(_convolution(name, bottom, outputs, 3, 100 if name == "conv1_1" else 1))
            text.append(
                f'layer {{ name: "r{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'
            )
            bottom = name
        text.append(
            f'layer {{ name: "pool{stage[-1]}" type: "Pooling" bottom: "{bottom}" '
            f'top: "pool{stage[-1]}" pooling_param {{ pool: MAX kernel_size: 2 stride: 2 }} }}\n'
        )
        bottom = f"pool{stage[-1]}"
    return [*text, _convolution("fc6", "pool5", 4096, 7), _convolution("fc7", "fc6", 4096, 1)]


def fcn32s_text() -> str:
    """FCN-32s' prototxt."""
    score = _convolution("score_fr", "fc7", CLASSES, 1)
    return "".join([*_vgg("fcn32s_like"), score, _deconvolution("upscore", "score_fr", 64, 32)])


def net_text() -> str:
    """FCN-8s' prototxt."""
    text = _vgg("fcn8s_like")
    text += [
        _convolution("score_fr", "fc7", CLASSES, 1),
        _deconvolution("upscore2", "score_fr", 4, 2),
        _convolution("score_pool4", "pool4", CLASSES, 1),
        _fused("fuse_pool4", "upscore2", "score_pool4"),
        _deconvolution("upscore_pool4", "fuse_pool4", 4, 2),
        _convolution("score_pool3", "pool3", CLASSES, 1),
        _fused("fuse_pool3", "upscore_pool4", "score_pool3"),
        _deconvolution("upscore8", "fuse_pool3", 16, 8),
    ]
    return "".join(text)


def _stages() -> Iterator[Weighted]:
    channels = 3
    for stage, widths in VGG:
        for position, outputs in enumerate(widths, 1):
            yield f"{stage}_{position}", "Convolution", [(outputs, channels, 3, 3), (outputs,)]
            channels = outputs


def classifier_shapes() -> Iterator[Weighted]:
    """Layers of the VGG-16 that tells 1000 classes apart."""
    yield from _stages()
    for name, shape in (("fc6", (4096, 25088)), ("fc7", (4096, 4096)), ("fc8", (1000, 4096))):
        yield name, "InnerProduct", [shape, shape[:1]]


def shapes() -> Iterator[Weighted]:
    """Layers of FCN-8s."""
    yield from _stages()
    yield "fc6", "Convolution", [(4096, 512, 7, 7), (4096,)]
    yield "fc7", "Convolution", [(4096, 4096, 1, 1), (4096,)]
    for name, inputs in (("score_fr", 4096), ("score_pool4", 512), ("score_pool3", 256)):
        yield name, "Convolution", [(CLASSES, inputs, 1, 1), (CLASSES,)]
    for name, kernel in (("upscore2", 4), ("upscore_pool4", 4), ("upscore8", 16)):
        yield name, "Deconvolution", [(CLASSES, CLASSES, kernel, kernel)]


def write_model(path: Path, layers: Iterable[Weighted] | None = None) -> int:
    """Write the caffemodel, with zeros in the Deconvolutions and noise elsewhere; its size."""
    noise = os.urandom(1 << 20)
    with path.open("wb") as file:
        file.write(header(1, 10) + b"fcn8s_like")
        for name, kind, blobs in shapes() if layers is None else layers:
            head = b"".join(
                header(number, len(text)) + text.encode() for number, text in ((1, name), (2, kind))
            )
            parts: list[tuple[bytes, int, bytes]] = []
            for shape in blobs:
                count = 1
                for dim in shape:
                    count *= dim
                dims = b"".join(varint(dim) for dim in shape)
                dims = header(1, len(dims)) + dims
                after = header(7, len(dims)) + dims
                before = header(5, 4 * count)
                payload = len(before) + 4 * count + len(after)
                parts.append((header(7, payload) + before, 4 * count, after))
            size = len(head) + sum(len(b) + n + len(a) for b, n, a in parts)
            file.write(header(100, size) + head)
            for before, count, after in parts:
                file.write(before)
                source = bytes(len(noise)) if kind == "Deconvolution" else noise
                while count:
                    piece = min(count, len(source))
                    file.write(source[:piece])
                    count -= piece
                file.write(after)
        return file.tell()
