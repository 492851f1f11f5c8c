"""Which values of an HDF5 file are not read, by where its datasets lie."""

from __future__ import annotations

import deconvsurgery as ds
from deconvsurgery.caffemodel.hdf5.unread_values import apart
from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.stored_values import Dataset


def layer(name: str, *places: tuple[int | None, int]) -> ds.SourceLayer:
    """A layer whose blobs' values begin at these bytes, and have that count."""
    blobs = [
        ds.SourceBlob((count,), Dataset(f"data/{name}/{number}", count=count, start=start))
        for number, (start, count) in enumerate(places)
    ]
    return ds.SourceLayer(name, "", Version.HDF5, tuple(blobs))


def test_of_values_that_share_bytes_each_is_a_problem_and_no_other() -> None:
    layers = [layer("a", (100, 4), (116, 2)), layer("b", (112, 3), (None, 9)), layer("c", (200, 1))]
    found = [[blob.problem is not None for blob in each.blobs] for each in apart(layers)]
    assert found == [[True, True], [True, False], [False]]
    assert [each._replace(blobs=()) for each in apart(layers)] == [
        each._replace(blobs=()) for each in layers
    ]


def test_values_one_after_the_other_share_nothing() -> None:
    layers = (layer("a", (100, 4)), layer("b", (116, 2)))
    assert apart(layers) == layers
