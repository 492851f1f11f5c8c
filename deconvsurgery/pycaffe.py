"""FCN's ``interp`` for a live pycaffe net; imports no Caffe, it takes the net as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from deconvsurgery.kernels.bilinear import bilinear_kernel
from deconvsurgery.kernels.formula_names import Formula

from .arguments import texts
from .errors import ShapeError


def interp(
    net: Any,
    layers: str | Iterable[str],
    *,
    formula: Formula | str = Formula.FCN,
    zero_off_diagonal: bool = False,
) -> None:
    """Give layers of a live net bilinear weights, as FCN's ``surgery.interp`` does.

    ``net.params[name][0].data`` has the shape ``(channels, num_output // group, *kernel)``; its
    diagonal gets the kernel, or every entry when the second axis is 1. What is off the diagonal
    stays, as in FCN, unless ``zero_off_diagonal``. Rectangular kernels are filled, too.

    Raises ``ShapeError`` before anything is changed when a layer leaves no place for a kernel.
    """
    names = texts(layers, "layers")
    for name in names:
        if name not in net.params:
            raise ShapeError(f"the net has no weights for a layer {name!r}", layer=name)
    blobs = {name: net.params[name][0].data for name in names}
    for name, data in blobs.items():
        if data.ndim < 3 or data.shape[1] not in (1, data.shape[0]):
            raise ShapeError(
                f"layer {name!r} has weights of shape {tuple(data.shape)}: the second axis must "
                "be 1 or equal the first",
                layer=name,
                hint="a kernel keeps channels apart, so inputs and outputs must be as many",
            )
    kernels = {
        name: bilinear_kernel(data.shape[2:], formula=Formula(formula), dtype=data.dtype)
        for name, data in blobs.items()
    }
    for name, data in blobs.items():
        if zero_off_diagonal:
            data[...] = 0
        rows = np.arange(data.shape[0])
        data[rows, rows if data.shape[1] > 1 else 0] = kernels[name]
