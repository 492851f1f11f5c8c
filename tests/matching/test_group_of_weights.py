"""The group under which a net would give a layer the shape that a model has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.matching.group_of_weights import group_words, meant_group
from helpers.nets import conv, layer, up

if TYPE_CHECKING:
    from deconvsurgery.shapes.geometry import Shape


@pytest.mark.parametrize(
    ("outputs", "group", "shape", "there", "expected"),
    [
        (6, 1, (6, 6, 4, 4), (6, 1, 4, 4), 6),
        (6, 1, (6, 6, 4, 4), (6, 2, 4, 4), 3),
        (6, 6, (6, 1, 4, 4), (6, 6, 4, 4), 1),
        (6, 1, (None, 6, 4, 4), (6, 1, 4, 4), 6),
        (6, 1, (4, 6, 4, 4), (4, 3, 4, 4), 2),
        (6, 1, (4, 6, 4, 4), (4, 2, 4, 4), None),  # 3 groups of 4 channels
        (6, 1, (4, 6, 4, 4), (6, 2, 4, 4), None),  # other channels, too
        (6, 1, (6, 6, 4, 4), (6, 4, 4, 4), None),
        (6, 1, (6, 6, 4, 4), (6, 12, 4, 4), None),  # half a group
        (6, 2, (6, 3, 4, 4), (6, 4, 4, 4), None),  # one and a half
        (6, 1, (6, 6, 4, 4), (6, 0, 4, 4), None),
        (6, 1, (6, 6, 4, 4), (6, 6, 4, 4), None),  # it has that group
        (6, 1, (6, 6, 4, 4), (6, 1, 4, 2), None),
        (6, 1, (6, 6, 4, 4), (6, 1, 4), None),
        (6, 1, None, (6, 1, 4, 4), None),
        (6, 1, (6, 6), (6, 1), 6),
        (6, 1, (6,), (6,), None),
        (6, 0, (6, 6, 4, 4), (6, 1, 4, 4), None),
    ],
)
def test_of_a_deconvolution(
    outputs: int, group: int, shape: Shape, there: tuple[int, ...], expected: int | None
) -> None:
    text = up(param=f"num_output: {outputs} group: {group} kernel_size: 4")
    assert meant_group(only(text), shape, SourceBlob(there, Dataset(""))) == expected


@pytest.mark.parametrize(
    ("outputs", "group", "shape", "there", "expected"),
    [
        (6, 1, (6, 4, 3, 3), (6, 2, 3, 3), 2),
        (6, 2, (6, 2, 3, 3), (6, 4, 3, 3), 1),
        (6, 1, (6, 4, 3, 3), (6, 1, 3, 3), None),  # 4 groups of 6 outputs
        (6, 2, (6, 3, 3, 3), (6, 1, 3, 3), 6),
        (6, 1, (6, None, 3, 3), (6, 2, 3, 3), None),
    ],
)
def test_of_a_convolution(
    outputs: int, group: int, shape: Shape, there: tuple[int, ...], expected: int | None
) -> None:
    text = conv("c", f"num_output: {outputs} group: {group} kernel_size: 3")
    assert meant_group(only(text), shape, SourceBlob(there, Dataset(""))) == expected


def test_nothing_is_said_of_no_group() -> None:
    assert group_words(only(up()), None) == ""
    assert group_words(only(up()), 1).count("group: 1") == 1


def test_other_layers_have_none() -> None:
    blob = SourceBlob((6, 1), Dataset(""))
    assert meant_group(only(layer("f", "InnerProduct")), (6, 6), blob) is None


def test_legacy_dims_are_those_that_are_meant() -> None:
    text = up(param="num_output: 6 kernel_size: 4")
    blob = SourceBlob((1, 6, 1, 4), Dataset(""), legacy=True)
    assert meant_group(only(text), (6, 6, 4), blob) == 6


def only(text: str) -> ds.Layer:
    (found,) = ds.parse_net(text.encode()).layers
    return found
