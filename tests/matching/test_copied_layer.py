"""Each check that stops Caffe where a model's layer is copied into the net's, asked alone.

What is expected is ``Net::CopyTrainedLayersFrom``'s, ``CopyTrainedLayersFromHDF5``'s and
``Blob::FromProto``'s, written by hand; tests/differential holds the whole against a real Caffe.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.model import SourceLayer, Version
from deconvsurgery.caffemodel.source_blob import ABSENT, SourceBlob
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.matching.batch_norm import REMEDY
from deconvsurgery.matching.copied_layer import copy_stops
from deconvsurgery.matching.disagreement import Kind
from deconvsurgery.matching.loaded_blobs import Loading, loading
from deconvsurgery.matching.renamed_layers import Lacking, Renamed, renamed
from deconvsurgery.shapes.infer import LayerShapes
from helpers.nets import conv, layer
from helpers.words import numbers

if TYPE_CHECKING:
    from deconvsurgery.shapes.geometry import Shape

W: Shape = (2, 3, 3, 3)
B: Shape = (2,)
SHARED = 'param { name: "w" } param { name: "b" }'


def blob(*shape: int, count: int | None = None, **facts: Any) -> SourceBlob:
    """A blob of an HDF5 file with as many values as its shape says, or ``count``."""
    values = max(prod(shape), 0) if count is None else count
    return SourceBlob(shape, Dataset("", count=values), **facts)


def source(
    blobs: Sequence[SourceBlob],
    *,
    kind: str = "Convolution",
    version: Version = Version.V2,
    links: int | None = None,
    name: str = "c",
) -> SourceLayer:
    return SourceLayer(name, kind, version, tuple(blobs), links=links)


def only(text: str) -> ds.Layer:
    return ds.parse_net(text.encode()).layers[-1]


def loaded(text: str) -> tuple[ds.Layer, Loading]:
    """The last layer of a net, and where its blobs come from."""
    net = ds.parse_net(text.encode())
    return net.layers[-1], loading(net, None)


HAS = [blob(2, 3, 3, 3), blob(2)]


@pytest.mark.parametrize(
    ("has", "links", "stops"),
    [
        (HAS, 2, None),
        (HAS[:1], 1, 1),
        ([], 0, 0),
        ([HAS[0], ABSENT], 1, 1),
        ([ABSENT, HAS[1]], 1, 1),
        ([*HAS, HAS[1]], 3, 3),
        (HAS, 3, 3),  # something else lies in its group
        (HAS, None, None),
        ([*HAS, HAS[1]], None, 3),
        (HAS[:1], None, 1),
    ],
)
def test_the_number_of_blobs_in_hdf5(
    has: list[SourceBlob], links: int | None, stops: int | None
) -> None:
    found = list(
        copy_stops(only(conv("c")), (W, B), source(has, version=Version.HDF5, links=links))
    )
    assert [(each.kind, each.numbers, each.stops) for each in found] == (
        [] if stops is None else [(Kind.BLOBS, {"net": 2, "model": stops}, True)]
    )


@pytest.mark.parametrize(
    ("has", "links", "stops"),
    [
        (HAS, 2, False),
        (HAS[:1], 1, False),
        ([], 0, False),
        ([ABSENT, HAS[1]], 1, False),
        (HAS[:1], 2, False),  # something else lies in its group, where no number is
        (HAS, 3, True),
        ([*HAS, HAS[1]], 3, True),
    ],
)
def test_hdf5_may_leave_out_what_is_shared(
    has: list[SourceBlob], links: int | None, stops: bool
) -> None:
    shared, where = loaded(conv("a", more=SHARED) + conv("c", more=SHARED))
    first = where.layers[0]
    given = source(has, version=Version.HDF5, links=links)
    assert [each.kind for each in copy_stops(shared, (W, B), given, where)] == (
        [Kind.BLOBS] if stops else []
    )
    lacks = links != len(HAS) or len(has) != len(HAS)
    assert (
        bool(list(copy_stops(first, (W, B), given, where))) is lacks
    )  # the first has to have them


@pytest.mark.parametrize("name", ["w", "b"])
def test_hdf5_may_leave_out_only_what_is_shared(name: str) -> None:
    more = f'param {{ name: "{name}" }}' if name == "w" else 'param { } param { name: "b" }'
    shared, where = loaded(conv("a", more=more) + conv("c", more=more))
    one, other = ([ABSENT, HAS[1]], HAS[:1]) if name == "w" else (HAS[:1], [ABSENT, HAS[1]])
    for has, stops in ((one, False), (other, True)):
        given = source(has, version=Version.HDF5, links=1)
        assert bool(list(copy_stops(shared, (W, B), given, where))) is stops


def test_a_binary_file_leaves_out_nothing() -> None:
    shared, where = loaded(conv("a", more=SHARED) + conv("c", more=SHARED))
    assert [each.kind for each in copy_stops(shared, (W, B), source(HAS[:1]), where)] == [
        Kind.BLOBS
    ]
    assert list(copy_stops(shared, (W, B), source(HAS), where)) == []
    assert list(copy_stops(shared, None, source(HAS[:1]), where)) == []  # the net does not say


@pytest.mark.parametrize(
    ("kind", "net", "model", "fused"),
    [("BatchNorm", 3, 5, True), ("BatchNorm", 5, 3, True), ("Scale", 3, 5, False)],
)
def test_a_batch_norm_with_a_scale_in_it_has_its_remedy(
    kind: str, net: int, model: int, fused: bool
) -> None:
    (found,) = copy_stops(
        only(layer("c", kind)), ((2,),) * net, source([blob(2)] * model, kind=kind)
    )
    assert (found.kind, found.remedy, found.numbers) == (
        Kind.BLOBS,
        REMEDY if fused else None,
        {"net": net, "model": model},
    )
    assert found.words.endswith(")") is fused  # which says whose they are
    assert ("the model's holds" in found.words) is (fused and net < model)


@pytest.mark.parametrize(("position", "group"), [(0, 3), (1, None)])
def test_a_group_is_that_of_weights_alone(position: int, group: int | None) -> None:
    up = only(layer("c", "Deconvolution", "convolution_param { num_output: 3 kernel_size: 4 }"))
    shapes: list[Shape] = [(3, 3, 4, 4), (3, 3, 4, 4)]
    blobs = [blob(3, 3, 4, 4), blob(3, 3, 4, 4)]
    blobs[position] = blob(3, 1, 4, 4)
    (found,) = copy_stops(up, shapes, source(blobs, kind="Deconvolution"))
    assert (found.kind, found.group) == (Kind.SHAPE, group)
    assert found.numbers == {
        "blob": position,
        "net": (3, 3, 4, 4),
        "model": (3, 1, 4, 4),
    } | ({} if group is None else {"group": group})


@pytest.mark.parametrize(
    ("shape", "count", "told"),
    [
        ((2,), 3, [0, 3, 2, 2]),
        ((), 0, [0, 1]),  # no values, where a blob without axes has one
        ((0, 2), 3, [0, 3, 0, 2, 0]),
        ((-1, 2), 3, [0, 3, -1, 2]),  # no number of values that it says
    ],
)
def test_values_that_are_not_as_many_as_the_shape_says(
    shape: tuple[int, ...], count: int, told: list[float]
) -> None:
    (found,) = copy_stops(only(conv("c")), (shape,), source([blob(*shape, count=count)]))
    assert (found.kind, found.numbers) == (
        Kind.VALUES,
        {"blob": 0, "shape": shape, "values": count},
    )
    assert numbers(found.message) == told
    assert "None" not in found.message


# --- a layer that may have been renamed


def lacking(*names: str, more: str = "", where: Loading | None = None) -> dict[str, Lacking]:
    layers = {name: only(conv(name, more=more)) for name in names}
    where = loading(ds.parse_net(b""), None) if where is None else where
    return {
        name: Lacking(each, LayerShapes((), (), (W, B)), where) for name, each in layers.items()
    }


def strangers(*names: str, blobs: Sequence[SourceBlob] = tuple(HAS)) -> dict[str, SourceLayer]:
    return {name: source(blobs, name=name) for name in names}


@pytest.mark.parametrize(("length", "paired"), [(80, True), (81, False)])
def test_names_of_up_to_80_letters_are_compared(length: int, paired: bool) -> None:
    long, near = "c" * length, "c" * (length - 1)
    assert bool(renamed(lacking(long), strangers(near))) is paired
    assert bool(renamed(lacking(near), strangers(long))) is paired


def test_each_is_said_once_whatever_comes_first() -> None:
    one = strangers("conv1")
    other = strangers("score2", blobs=HAS[:1])
    found = renamed(lacking("conv1_", "score2_"), other | one)
    assert found["conv1_"] == Renamed("conv1")
    assert found["score2_"].stop is not None
    assert found["score2_"].name == "score2"
    assert list(found) == ["conv1_", "score2_"]  # those that fit first


def test_a_layer_found_is_passed_over_and_not_those_behind_it() -> None:
    found = renamed(
        lacking("conv1_", "score2_"), strangers("conv1") | strangers("score2", blobs=HAS[:1])
    )
    assert {name: each.name for name, each in found.items()} == {
        "conv1_": "conv1",
        "score2_": "score2",
    }


def test_a_renamed_layer_of_an_hdf5_file_may_share() -> None:
    net = ds.parse_net((conv("a", more=SHARED) + conv("conv1_", more=SHARED)).encode())
    shapes = LayerShapes((), (), (W, B))
    given = {"conv1": source([], version=Version.HDF5, links=0, name="conv1")}
    ours = {"conv1_": Lacking(net.layers[1], shapes, loading(net, None))}
    assert renamed(ours, given) == {"conv1_": Renamed("conv1")}
    alone = {"conv1_": Lacking(net.layers[1], shapes, loading(ds.parse_net(b""), None))}
    assert renamed(alone, given)["conv1_"].stop is not None
