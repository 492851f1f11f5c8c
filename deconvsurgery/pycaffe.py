"""FCN's ``interp`` for a live pycaffe net; imports no Caffe, it takes the net as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from deconvsurgery.kernels.bilinear import bilinear_kernel
from deconvsurgery.kernels.formula_names import Formula

from .arguments import one_of, texts
from .errors import ShapeError


class LiveBlob(Protocol):
    """A blob of a live net; ``data`` is a numpy array over its memory."""

    @property
    def data(self) -> np.ndarray[Any, np.dtype[Any]]:
        """Its values, which are changed in place."""
        ...


class LiveNet(Protocol):
    """What `interp` needs of a net: pycaffe's ``Net`` has it, and so has any other with as much."""

    @property
    def params(self) -> Mapping[str, Sequence[LiveBlob]]:
        """The blobs of each layer that has any, the weights first."""
        ...


def interp(
    net: LiveNet,
    layers: str | Iterable[str],
    *,
    formula: Formula | str = Formula.FCN,
    zero_off_diagonal: bool = False,
) -> None:
    """Give layers of a live net bilinear weights, as FCN's ``surgery.interp`` does.

    The diagonal of the weights gets the kernel, or every entry when the second axis is 1.
    Rectangular kernels are filled, too. It imports no Caffe.

    Args:
        net: A live net, as pycaffe's; ``net.params[name][0].data`` has the shape
            ``(channels, num_output // group, *kernel)`` and is changed in place, in its own dtype.
        layers: The name of a layer, or several.
        formula: How the kernel is computed, a `Formula` or its word: "fcn", "caffe", "caffe-1.0".
        zero_off_diagonal: Clear what is off the diagonal, too, as `apply` does; FCN's leaves it.

    Raises:
        ShapeError: A layer has no weights, or leaves no place for a kernel; nothing was changed.
        ValueError: There is no such formula.

    Example:
        >>> from types import SimpleNamespace
        >>> blob = SimpleNamespace(data=np.zeros((2, 2, 4, 4), np.float32))
        >>> interp(SimpleNamespace(params={"upscore": [blob]}), "upscore")
        >>> blob.data[0, 0, 1].tolist(), float(blob.data[0, 1].sum())
        ([0.1875, 0.5625, 0.5625, 0.1875], 0.0)
    """
    names = texts(layers, "layers")
    kind = one_of(Formula, formula, "formula")
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
        name: bilinear_kernel(data.shape[2:], formula=kind, dtype=data.dtype)
        for name, data in blobs.items()
    }
    for name, data in blobs.items():
        if zero_off_diagonal:
            data[...] = 0
        rows = np.arange(data.shape[0])
        data[rows, rows if data.shape[1] > 1 else 0] = kernels[name]
