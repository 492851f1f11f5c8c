"""Nets as text: small layers by name and geometry, each a line of a prototxt."""

from __future__ import annotations

from collections.abc import Sequence

TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"


def layer(
    name: str,
    kind: str,
    param: str = "",
    *,
    bottom: str | Sequence[str] = "data",
    top: str | None = None,
    more: str = "",
) -> str:
    """A layer of today; its top is its name unless said, ``param`` and ``more`` are text."""
    bottoms = [bottom] if isinstance(bottom, str) else bottom
    words = [
        f'name: "{name}"',
        f'type: "{kind}"',
        *(f'bottom: "{each}"' for each in bottoms if each),
        f'top: "{name if top is None else top}"',
        more,
        param,
    ]
    return f"layer {{ {' '.join(word for word in words if word)} }}\n"


def data_layer(*shape: int, name: str = "data") -> str:
    """An Input layer of a known shape."""
    dims = " ".join(f"dim: {size}" for size in shape)
    return layer(name, "Input", f"input_param {{ shape {{ {dims} }} }}", bottom="")


def conv(
    name: str,
    param: str = "num_output: 2 kernel_size: 3",
    *,
    bottom: str = "data",
    more: str = "",
) -> str:
    """A Convolution; of 3 channels, weights (2, 3, 3, 3) and a bias (2)."""
    return layer(name, "Convolution", f"convolution_param {{ {param} }}", bottom=bottom, more=more)


UP = "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2"


def up(name: str = "up", param: str = UP, *, bottom: str = "data", more: str = "") -> str:
    """A Deconvolution; of 3 channels, weights (3, 1, 4, 4) and no bias."""
    return layer(
        name, "Deconvolution", f"convolution_param {{ {param} }}", bottom=bottom, more=more
    )
