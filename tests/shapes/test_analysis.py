"""A state of a net is worked out once, and what depends on a model once for each."""

from __future__ import annotations

import copy
import pickle

import deconvsurgery as ds
from deconvsurgery.matching.compatibility import disagreements
from deconvsurgery.shapes.analysis import Analysis, analysed
from helpers.models import NetParameter, indexed
from helpers.nets import conv, data_layer, layer, up

TEST, TRAIN = ds.NetState(ds.Phase.TEST), ds.NetState(ds.Phase.TRAIN)
FREE = "num_output: 2 kernel_size: 4 stride: 2"
CLOSED = data_layer(1, 3, 9, 9) + conv("c") + up("up", FREE, bottom="c")
OPEN = layer("data", "Data", bottom="") + layer("p", "Python") + up("up", FREE, bottom="p")


def parsed(text: str) -> ds.Net:
    return ds.parse_net(text.encode())


def model_with(*dims: int, name: str = "up") -> ds.Model:
    net = NetParameter()
    made = net.layer.add(name=name, type="Deconvolution")
    made.blobs.add().shape.dim.extend(dims)
    return indexed(net.SerializeToString())


def test_states_of_the_same_layers_have_one_analysis() -> None:
    net = parsed(CLOSED)
    assert analysed(net, TEST) is analysed(net, TRAIN)
    assert analysed(net, TEST).placements is analysed(net, TRAIN).placements
    own = parsed(CLOSED + layer("t", "ReLU", more="include { phase: TRAIN }"))
    assert analysed(own, TEST) is analysed(own, TEST) is not analysed(own, TRAIN)
    assert len(analysed(own, TRAIN).shapes) == len(analysed(own, TEST).shapes) + 1


def test_a_net_that_says_all_is_analysed_once_whatever_the_model() -> None:
    net = parsed(CLOSED)
    assert analysed(net, TEST, model_with(7, 1, 4, 4)) is analysed(net, TEST)
    assert analysed(net, TEST).shapes_with_channels is analysed(net, TEST).shapes


def test_where_a_net_leaves_something_open_each_model_has_its_own() -> None:
    net = parsed(OPEN)
    one, other = model_with(2, 2, 4, 4), model_with(4, 2, 4, 4)
    found = analysed(net, TEST, one)
    assert found is analysed(net, TEST, model_with(2, 2, 4, 4))
    assert found is not analysed(net, TEST)
    assert found is not analysed(net, TEST, other)
    for model in (one, other):
        analysis = analysed(net, TEST, model)
        alone = Analysis(parsed(OPEN), model.shapes)
        assert analysis.shapes == alone.shapes
        assert analysis.shapes_with_channels == alone.shapes_with_channels
        assert analysis.shapes_with_channels[2].channels == model.shapes["up"][0][0]
        assert analysis.shapes[2].channels is None


def test_of_many_models_the_last_few_are_kept() -> None:
    net = parsed(OPEN)
    first = analysed(net, TEST, model_with(2, 2, 4, 4))
    for channels in range(3, 7):
        analysed(net, TEST, model_with(channels, 2, 4, 4))
    again = analysed(net, TEST, model_with(2, 2, 4, 4))
    assert again is not first
    assert again.shapes == first.shapes


def test_a_changed_net_is_another_one() -> None:
    net = parsed(CLOSED)
    before = analysed(net, TEST)
    fewer = net._replace(layers=net.layers[:-1])
    assert len(analysed(fewer, TEST).shapes) == len(before.shapes) - 1
    assert fewer != net
    assert net == parsed(CLOSED)
    assert repr(net) == repr(parsed(CLOSED))


def test_a_copy_of_a_net_has_none_of_its_answers() -> None:
    net = parsed(CLOSED)
    analysed(net, TEST)
    disagreements(net, model_with(7, 1, 4, 4), net.states())
    for copied in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net), net._replace()):
        assert copied == net
        assert analysed(copied, TEST) is not analysed(net, TEST)


def test_what_joins_and_what_is_certain_is_kept_with_the_rest() -> None:
    analysis = Analysis(parsed(CLOSED + layer("f", "Fork", bottom="nobody")))
    assert [each.blob for each in analysis.unjoined] == ["nobody"]
    assert analysis.uncertain == {len(analysis.net.layers) - 1}
    assert analysis.unjoined is analysis.unjoined
