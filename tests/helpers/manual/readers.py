"""The files that the reader of a page has: what its commands are run on.

Never here: what a page says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import deconvsurgery as ds
from deconvsurgery.verbs.demo_net import base_model
from helpers.models import NetParameter, demo_base, demo_net
from helpers.places import GOLDEN

# V1 layers have numbers for types (caffe.proto, V1LayerParameter.LayerType).
V1_TYPES: Final = {
    "Convolution": 4,
    "Deconvolution": 39,
    "Pooling": 17,
    "ReLU": 18,
    "Softmax": 20,
}

# The `net` of these programs is a running pycaffe's; as much of one as surgery touches.
LIVE: Final = """import numpy as np
from types import SimpleNamespace as Of
net = Of(params={"upscore2": [Of(data=np.zeros((5, 5, 4, 4), "f4"))]})
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """What the reader of a page has.

    Attributes:
        lay: Puts the reader's files into a folder.
        story: The page tells one story: each block goes on where the one before ended.
        names: Python that makes what the page's programs take for given.
    """

    lay: Callable[[Path], None]
    story: bool = False
    names: str = ""


def reader(page: Path) -> Reader:
    """The reader of a page; a translation's is the original's."""
    return {
        "README.md": Reader(_demo, names=LIVE),
        "python.md": Reader(_demo, names=LIVE),
        "tutorial.md": Reader(_nothing, story=True),
        "fcn-without-caffe.md": Reader(_classifier, story=True),
        "transplant.md": Reader(_classifier),
        "convert.md": Reader(_old_model),
        "sweep.md": Reader(_zoo, story=True),
    }.get(page.name, Reader(_demo))


def _nothing(place: Path) -> None:
    """An installed tool and nothing else."""


def _demo(place: Path) -> None:
    """The demo's net and its base model, and what comes of them."""
    net = ds.parse_net(demo_net())
    (place / "net.prototxt").write_bytes(demo_net())
    (place / "in.caffemodel").write_bytes(base_model(net))
    for name in ("model", "expected"):
        ds.apply(net, place / "in.caffemodel", place / f"{name}.caffemodel")


def _zoo(place: Path) -> None:
    """Three pairs, one of whose models was not fetched to its end."""
    net, base = demo_net(), demo_base()
    (place / "base.caffemodel").write_bytes(base)
    for name, model in (("voc-1", base), ("voc-2", base), ("voc-3", base[:-7])):
        (place / "zoo" / name).mkdir(parents=True)
        (place / "zoo" / name / "deploy.prototxt").write_bytes(net)
        (place / "zoo" / name / "in.caffemodel").write_bytes(model)


def _classifier(place: Path) -> None:
    """A classifier of a few kilobytes, an FCN of it, and nets that go on from there."""
    golden = GOLDEN / "transplant"
    net = (golden / "fcn.prototxt").read_text("utf-8")
    score = 'layer { name: "score_pool4" type: "Convolution" bottom: "pool1" top: "score_pool4" '
    score += "convolution_param { num_output: 5 kernel_size: 1 } }"
    nets = {
        "fcn32s": net,
        "more-classes": net.replace("num_output: 5", "num_output: 7"),
        "fcn16s": net + score,
    }
    for name, text in nets.items():
        (place / f"{name}.prototxt").write_text(text, "utf-8")
    (place / "vgg16.caffemodel").write_bytes((golden / "classifier.caffemodel").read_bytes())
    (place / "fcn32s.caffemodel").write_bytes((golden / "fcn-expected.caffemodel").read_bytes())


def _old_model(place: Path) -> None:
    """The demo's base model as a Caffe of 2014 saved it: V1 layers, blobs of four axes."""
    new: Any = NetParameter.FromString(demo_base())
    old: Any = NetParameter(name=new.name)
    for layer in new.layer:
        if layer.type == "Input":
            continue
        saved = old.layers.add(
            name=layer.name, type=V1_TYPES[layer.type], bottom=layer.bottom, top=layer.top
        )
        if layer.HasField("convolution_param"):
            saved.convolution_param.CopyFrom(layer.convolution_param)
        for blob in layer.blobs:
            dims = [1, 1, 1, 1, *blob.shape.dim][-4:]
            axes = dict(zip(("num", "channels", "height", "width"), dims, strict=True))
            saved.blobs.add(data=blob.data, **axes)
    (place / "old.caffemodel").write_bytes(old.SerializeToString(deterministic=True))
