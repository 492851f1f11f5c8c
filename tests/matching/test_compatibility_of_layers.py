"""What `compatibility` has beside sentences: all stops by name, HDF5, one answer kept.

Models are made of index entries, as an HDF5 file's are; what is expected is written by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.matching.compatibility import compatibility
from deconvsurgery.matching.disagreement import Disagreement, Kind
from helpers.models import ExactSource
from helpers.nets import conv, data_layer, layer, up
from helpers.words import names, numbers

DATA = data_layer(1, 3, 9, 9)
W, B = (2, 3, 3, 3), (2,)


def model(
    *layers: tuple[str, Sequence[tuple[int, ...]]],
    version: Version = Version.HDF5,
    kind: str = "Convolution",
) -> Model:
    """A model of (name, shapes of its blobs) each, with as many values as these say."""
    made = [
        SourceLayer(
            name,
            "" if version is Version.HDF5 else kind,
            version,
            tuple(SourceBlob(shape, Dataset("", count=prod(shape))) for shape in shapes),
            links=len(shapes) if version is Version.HDF5 else None,
        )
        for name, shapes in layers
    ]
    return Model(ExactSource(b""), version, tuple(made), lambda blob: iter(()))


def found(text: str, given: Model) -> tuple[Disagreement, ...]:
    net = ds.parse_net(text.encode())
    return compatibility(net, given, net.states()).found


def kinds(text: str, given: Model) -> list[tuple[Kind, str, int | None]]:
    return [(each.kind, each.layer, each.line) for each in found(text, given)]


def test_a_group_within_a_group_is_not_looked_into() -> None:
    (there,) = found(DATA + conv("a/c"), model(("a/c", [W, B])))
    assert (there.kind, there.layer, there.line) == (Kind.MODEL_LACKS, "a/c", 2)
    (absent,) = found(DATA + conv("a/c"), model())
    assert (absent.kind, there.words == absent.words) == (Kind.MODEL_LACKS, False)
    assert found(DATA + conv("a/c"), model(("a/c", [W, B]), version=Version.V2)) == ()


@pytest.mark.parametrize(("version", "line"), [(Version.V2, 3), (Version.HDF5, 2)])
def test_the_layer_of_a_name_that_gets_nothing(version: Version, line: int) -> None:
    text = DATA + conv("c") + conv("c").replace('top: "c"', 'top: "d"')
    (twice,) = found(text, model(("c", [W, B]), version=version))
    assert (twice.kind, twice.line) == (Kind.TWICE_IN_NET, line)
    assert numbers(twice.words) == [{3: 2, 2: 3}[line]]  # the line of the other
    assert ("later" in twice.words) is (version is Version.HDF5)
    (other,) = found(text, model(("c", [W, B]), version=Version.V1))
    assert (other.words == twice.words) is (version is not Version.HDF5)


def test_what_is_shared_may_be_left_out_of_hdf5() -> None:
    shared = 'param { name: "w" } param { name: "b" }'
    text = DATA + conv("a", more=shared) + conv("c", more=shared)
    assert found(text, model(("a", [W, B]), ("c", []))) == ()
    assert kinds(text, model(("a", []), ("c", [W, B]))) == [(Kind.BLOBS, "a", 2)]
    renamed = found(
        DATA + conv("a", more=shared) + conv("conv1_", more=shared),
        model(("a", [W]), ("conv1_", [W, B])),
    )
    assert [(each.kind, each.layer) for each in renamed] == [(Kind.BLOBS, "a")]


def test_every_stop_is_kept_by_name_in_caffes_order() -> None:
    text = DATA + conv("c") + conv("d").replace('bottom: "data"', 'bottom: "c"') + conv("e")
    given = model(
        ("c", [(9, 3, 3, 3)]),
        ("d", [(2, 2, 3, 3), (5,)]),
        ("e", [W, B]),
        version=Version.V2,
    )
    net = ds.parse_net(text.encode())
    answer = compatibility(net, given, net.states())
    assert {
        name: [(each.kind, each.numbers.get("blob")) for each in stops]
        for name, stops in answer.stops.items()
    } == {"c": [(Kind.BLOBS, None), (Kind.SHAPE, 0)], "d": [(Kind.SHAPE, 1)]}
    assert [(each.kind, each.layer) for each in answer.found] == [
        (Kind.BLOBS, "c"),  # Caffe ends at the first
        (Kind.SHAPE, "d"),
    ]


def test_one_answer_a_net_a_model_and_states() -> None:
    net = ds.parse_net((DATA + conv("c") + conv("d", more="include { phase: TRAIN }")).encode())
    one, other = model(("c", [W, B])), model(("d", [W, B]))
    test, train = (net.states(phase) for phase in (ds.Phase.TEST, ds.Phase.TRAIN))
    first = compatibility(net, one, train)
    assert compatibility(net, one, train) is first
    lacks = {
        (name, which): [each.layer for each in compatibility(net, given, states).found]
        for name, given in (("one", one), ("other", other))
        for which, states in (("test", test), ("train", train))
    }
    assert lacks == {
        ("one", "test"): [],
        ("one", "train"): ["d"],
        ("other", "test"): ["c"],
        ("other", "train"): ["c"],
    }


def test_a_layer_that_does_not_fit_is_nearly_of_a_name() -> None:
    lacks, stranger = found(
        DATA + conv("conv1_"), model(("conv1", [(9, 3, 3, 3), (9,)]), version=Version.V2)
    )
    assert (lacks.kind, lacks.nearly, lacks.renamed) == (Kind.MODEL_LACKS, "conv1", None)
    assert (stranger.kind, stranger.renamed) == (Kind.NET_LACKS, None)
    assert names(lacks.words)[0] == "conv1"


def test_disagreements_are_in_the_nets_order() -> None:
    text = DATA + conv("score") + conv("b") + up("a")
    given = model(("a", [(3, 1, 2, 2)]), ("score", [(9, 3, 3, 3), (2,)]), version=Version.V2)
    assert kinds(text, given) == [
        (Kind.SHAPE, "score", 2),
        (Kind.MODEL_LACKS, "b", 3),
        (Kind.SHAPE, "a", 4),
    ]


def test_a_layer_that_is_called_as_the_upgrade_calls_an_input() -> None:
    """Caffe makes a layer ``input`` of ``input:``; it stands in no line."""
    text = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9\n' + conv("input")
    stop, twice = found(text, model(("input", [W, B]), version=Version.V2))
    assert (stop.kind, stop.line, stop.stops) == (Kind.BLOBS, None, True)
    assert (twice.kind, twice.line, numbers(twice.words)) == (Kind.TWICE_IN_NET, 2, [])


def test_a_renamed_layer_may_share_what_it_lacks() -> None:
    shared = 'param { } param { name: "b" }'
    text = DATA + conv("a", more=shared) + conv("conv1_", more=shared)
    answer = found(text, model(("a", [W, B]), ("conv1", [W])))
    assert [(each.kind, each.layer, each.renamed) for each in answer] == [
        (Kind.MODEL_LACKS, "conv1_", "conv1"),
        (Kind.NET_LACKS, "conv1", "conv1_"),
    ]


def test_the_axes_are_those_of_the_model_where_the_net_does_not_say() -> None:
    text = layer("data", "HDF5Data", bottom="") + up(param="num_output: 3 kernel_size: 4")
    assert kinds(text, model(("up", [(7, 3, 4), (3,)]))) == []
    assert kinds(text, model(("up", [(7, 3, 5), (3,)]))) == [(Kind.SHAPE, "up", 2)]


@pytest.mark.parametrize("blobs", [3, 5])
def test_a_batch_norm_may_be_a_forks(blobs: int) -> None:
    text = data_layer(1, 4, 9, 9) + layer(
        "bn", "BatchNorm", "batch_norm_param { use_weight_bias: true bias_term: true }"
    )
    shapes = [(4,), (4,), (1,), (4,), (4,)][:blobs]
    given = Model(
        ExactSource(b""),
        Version.V2,
        (
            SourceLayer(
                "bn",
                "BatchNorm",
                Version.V2,
                tuple(SourceBlob(each, Dataset("", count=prod(each))) for each in shapes),
            ),
        ),
        lambda blob: iter(()),
    )
    assert [each.kind for each in found(text, given)] == ([] if blobs == 5 else [Kind.BLOBS])


@pytest.mark.parametrize(
    ("shapes", "twice"),
    [([[W], [], [W]], True), ([[W], [W], []], False), ([[W]], False)],
)
def test_of_a_layer_of_unknown_blobs_the_last_counts(
    shapes: list[list[tuple[int, ...]]], twice: bool
) -> None:
    given = model(*(("c", each) for each in shapes), version=Version.V2, kind="Odd")
    kinds_found = [each.kind for each in found(DATA + layer("c", "Odd"), given)]
    assert kinds_found == ([Kind.TWICE_IN_MODEL] if twice else [])


def test_what_stops_caffe_is_all_that_is_said() -> None:
    given = model(("c", [(9, 3, 3, 3), B]), ("c", [W, B]), version=Version.V2, kind="Deconvolution")
    assert [each.kind for each in found(DATA + conv("c"), given)] == [Kind.SHAPE]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([[W, B], [W, B]], [Kind.TWICE_IN_MODEL]),
        ([[W, B], []], [Kind.BLOBS]),
        ([[(9, 3, 3, 3), B], [W, B]], [Kind.SHAPE]),
    ],
)
def test_layers_of_one_name_in_a_model(
    shapes: list[list[tuple[int, ...]]], expected: list[Kind]
) -> None:
    given = model(*(("c", each) for each in shapes), version=Version.V2)
    assert [each.kind for each in found(DATA + conv("c"), given)] == expected


def test_a_guess_is_no_shape_of_the_first_blob_alone() -> None:
    text = layer("data", "Data", bottom="") + up(param="num_output: 3 group: 3 kernel_size: 4")
    assert kinds(text, model(("up", [(6, 1, 4, 4), (3,)]))) == []
    assert kinds(text, model(("up", [(6, 1, 4, 4), (4,)]))) == [(Kind.SHAPE, "up", 2)]
    assert kinds(text, model(("up", [(6, 2, 4, 4), (3,)]))) == [(Kind.SHAPE, "up", 2)]
