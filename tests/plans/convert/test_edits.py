"""What HDF5 holds once and a binary file several times: shared blobs, layers of one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import NetParameter


def model_of(
    *layers: tuple[str, Sequence[tuple[str, tuple[int, ...], float]]],
) -> bytes:
    """Layers of a name, with blobs of a param name, a shape, and one value throughout."""
    model: Any = NetParameter()
    for name, blobs in layers:
        layer = model.layer.add(name=name, type="InnerProduct")
        for shared, shape, value in blobs:
            layer.param.add(name=shared)
            blob = layer.blobs.add(data=np.full(shape, value).ravel().tolist())
            blob.shape.dim.extend(shape)
    return bytes(model.SerializeToString())


def datasets(data: bytes, folder: Path) -> dict[str, tuple[tuple[int, ...], float]]:
    (folder / "in").write_bytes(data)
    ds.convert(folder / "in", folder / "out.h5")
    found: dict[str, tuple[tuple[int, ...], float]] = {}

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            (value,) = set(np.ravel(item[()]).tolist())
            found[name] = (item.shape, value)

    with h5py.File(folder / "out.h5") as file:
        assert set(file) == {"data"}
        file["data"].visititems(look)
    return found


A = ("w", (2, 3), 1.0)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        # The owner has it, with the last copy's values, which is what Caffe would be left with.
        ([("a", [A]), ("b", [("w", (2, 3), 5.0)])], {"a/0": ((2, 3), 5.0)}),
        # As many values in another shape (PERMISSIVE): the owner's shape.
        ([("a", [A]), ("b", [("w", (3, 2), 5.0)])], {"a/0": ((2, 3), 5.0)}),
        # Another number of values: Caffe would stop; nothing is lost.
        (
            [("a", [A]), ("b", [("w", (3, 3), 5.0)])],
            {"a/0": ((2, 3), 1.0), "b/0": ((3, 3), 5.0)},
        ),
        # Nobody shares what has no name.
        (
            [("a", [("", (2, 3), 1.0)]), ("b", [("", (2, 3), 5.0)])],
            {"a/0": ((2, 3), 1.0), "b/0": ((2, 3), 5.0)},
        ),
        # A layer may share with itself.
        ([("a", [A, ("w", (2, 3), 5.0)])], {"a/0": ((2, 3), 5.0)}),
        # Two of a name: the last, in its own shape.
        ([("a", [("", (2, 3), 1.0)]), ("a", [("", (4, 2), 5.0)])], {"a/0": ((4, 2), 5.0)}),
    ],
)
def test_what_hdf5_holds_once(
    layers: Any, expected: dict[str, tuple[tuple[int, ...], float]], tmp_path: Path
) -> None:
    assert datasets(model_of(*layers), tmp_path) == expected
