"""Nets whose names, and whose layers' names, would break a careless writer of reports."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from helpers.models import NetParameter

HEAD: Final = 'input: "d" input_shape { dim: 1 dim: 5 dim: 9 dim: 9 }\n'
_UP: Final = """layer { name: '%s' type: "Deconvolution" bottom: "d" top: "%d" convolution_param {
  num_output: 5 kernel_size: 4 stride: 2 %s } }
"""
ODD_LAYERS: Final = (
    "up%0A::error::x",
    "up,file=x:1",
    "up|`<b>&amp;*_[a](b)",
    "up ü↑ 图层",
    r"up\n::error ::y\r\t\033[31m",
)
"""Names as they stand in a prototxt: the last has escapes."""
ODD_FILES: Final = (
    "a,b:c 100%.prototxt",
    "nets/ü 图.prototxt",
    "-o.prototxt",
    "a#b?c&d.prototxt",
)
EVERYTHING: Final = (
    *("./" + ODD_FILES[0], ODD_FILES[1], "./" + ODD_FILES[2], ODD_FILES[3]),
    "odd.prototxt",
    "right.prototxt",
    "broken.prototxt",
    "lfs.prototxt",
    "missing.prototxt",
    *("right.prototxt", "short.caffemodel"),
)
"""What `make_odd_nets` writes, one that it does not, and one with a model, as arguments."""

_PLACES: Final = (
    *((name, 2) for name in ODD_FILES),
    *(("odd.prototxt", line) for line in (2, 4, 6, 8, 10)),
)
FOUND: Final = sorted(
    [
        *((rule, *place) for place in _PLACES for rule in ("DS007", "DS008", "DS009", "DS010")),
        *((rule, "right.prototxt", 2) for rule in ("DS011", "DS014")),
        ("DS011", "short.caffemodel", 1),
    ]
)
"""Rule, file and line of each finding in them: what is odd about a layer is so of each."""


def odd_net(*names: str, param: str = 'weight_filler { type: "bilinear" }') -> str:
    """A net with a Deconvolution of each name, each wrong in four ways."""
    return HEAD + "".join(_UP % (name, number, param) for number, name in enumerate(names))


def right_net() -> str:
    """A net in which nothing is found."""
    right = "group: 5 pad: 1 bias_term: false weight_filler { type: 'bilinear' }"
    frozen = "param { lr_mult: 0 } convolution_param"
    return odd_net("up", param=right).replace("convolution_param", frozen)


def make_odd_nets(place: Path) -> None:
    """Write them: odd, right, broken, a pointer of Git LFS, and a model that lacks a value."""
    (place / "nets").mkdir()
    for name in ODD_FILES:
        (place / name).write_text(odd_net("up"))
    (place / "odd.prototxt").write_text(odd_net(*ODD_LAYERS))
    (place / "right.prototxt").write_text(right_net())
    (place / "broken.prototxt").write_text('name: "n"\nlayer { name: }\n')
    (place / "lfs.prototxt").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    )
    model = NetParameter()
    layer = model.layer.add(name="up", type="Deconvolution", bottom=["d"], top=["0"])
    blob = layer.blobs.add()
    blob.shape.dim.extend([5, 1, 4, 4])
    blob.data.extend([0.0] * 79)  # one is missing
    model.layer.add(name="gone", type="Convolution").blobs.add().CopyFrom(blob)  # in no line
    (place / "short.caffemodel").write_bytes(model.SerializeToString())
