"""Whether the blobs of a layer can get other weights: each thing in the way, asked alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.source_blob import ABSENT, SourceBlob
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.matching.matched_layer import Refusal, targets
from deconvsurgery.matching.rewritable import not_rewritable
from helpers.models import ExactSource
from helpers.nets import data_layer, up
from helpers.words import Words

PLAIN = "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1"
BIASED = PLAIN.replace("bias_term: false ", "")
W, B = (3, 1, 4, 4), (3,)


def blob(*shape: int, count: int | None = None, whole: bool = False, **facts: Any) -> SourceBlob:
    values = prod(shape) if count is None else count
    return SourceBlob(shape, Dataset("", count=values, whole=whole), **facts)


def found(
    *layers: Sequence[SourceBlob],
    param: str = PLAIN,
    version: Version = Version.V2,
    values: bool = False,
    name: str = "up",
    beside: Sequence[SourceBlob] = (),
) -> Refusal | None:
    """What is in the way in a model of layers with these blobs, all of one name."""
    net = ds.parse_net((data_layer(1, 3, 5, 5) + up(name, param)).encode())
    (target,) = targets(net, net.layers[1:], net.states(), None)
    made = [SourceLayer(name, "Deconvolution", version, tuple(each)) for each in layers]
    made.append(SourceLayer("beside", "Convolution", version, tuple(beside)))
    model = Model(ExactSource(b""), version, tuple(made), lambda blob: iter(()))
    if values:
        return not_rewritable(target, model, values=True)
    return not_rewritable(target, model)


@pytest.mark.parametrize(
    ("layers", "param"),
    [
        ([], PLAIN),
        ([[]], PLAIN),
        ([[blob(*W)]], PLAIN),
        ([[blob(*W), blob(*B)]], BIASED),
        ([[blob(*W)], [], [blob(*W)]], PLAIN),
        ([[blob(*W, diff_count=48)]], PLAIN),
    ],
)
@pytest.mark.parametrize("values", [False, True])
def test_nothing_is_in_the_way(layers: list[list[SourceBlob]], param: str, values: bool) -> None:
    assert found(*layers, param=param, values=values) is None


@pytest.mark.parametrize(
    ("layers", "param", "hint"),
    [
        ([[blob(*W), blob(*B)]], PLAIN, "bias_term"),
        ([[blob(*W)]], BIASED, "bias_term"),
        ([[blob(3, 3, 4, 4)]], PLAIN, "group: 1"),
        ([[blob(*W), blob(4)]], BIASED, None),
        ([[blob(*W)], [blob(3, 1, 2, 2)]], PLAIN, None),  # each is copied
        ([[blob(*W, count=7)]], PLAIN, None),
        ([[blob(*W, diff_count=7)], [blob(*W, count=7)]], PLAIN, None),
    ],
)
@pytest.mark.parametrize("values", [False, True])
def test_caffe_would_stop(
    layers: list[list[SourceBlob]], param: str, hint: str | None, values: bool, words: Words
) -> None:
    refusal = found(*layers, param=param, values=values)
    assert refusal is not None
    words(refusal.reason)
    assert refusal.mismatch
    assert refusal.hint is None if hint is None else hint in (refusal.hint or "")


@pytest.mark.parametrize("lacking", [blob(*W, count=0), blob(*W, count=0, diff_count=48)])
def test_new_values_make_up_for_none(lacking: SourceBlob) -> None:
    assert found([lacking]) is None
    refusal = found([lacking], values=True)
    assert refusal is not None
    assert refusal.mismatch


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("kind", ["absent", "problem"])
def test_there_is_no_place(kind: str, position: int, values: bool) -> None:
    blobs = [blob(*W), blob(*B)]
    blobs[position] = ABSENT if kind == "absent" else blobs[position]._replace(problem="why not")
    version = Version.HDF5 if kind == "absent" else Version.V2
    refusal = found(blobs, param=BIASED, version=version, values=values)
    assert refusal is not None
    assert (refusal.mismatch, refusal.hint) == (True, None)
    assert ("weights" in refusal.reason, "bias" in refusal.reason) == (not position, bool(position))
    if kind == "problem":
        assert refusal.reason.endswith(": why not")


@pytest.mark.parametrize("position", [0, 1])
def test_whole_numbers_take_no_kernel(position: int) -> None:
    blobs = [blob(*W, whole=position == 0), blob(*B, whole=position == 1)]
    refusal = found(blobs, param=BIASED)
    assert refusal is not None
    assert (refusal.mismatch, refusal.hint) == (True, None)
    assert ("weights" in refusal.reason) is (position == 0)
    assert found(blobs, param=BIASED, values=True) is None  # which are moved as they are


def test_a_model_of_v0_has_no_such_layer() -> None:
    refusal = found(version=Version.V0)
    assert refusal is not None
    assert refusal.mismatch
    assert "V0" in refusal.reason
    assert refusal.hint
    assert found([blob(*W)], version=Version.V0) is None


def test_of_c3d_whichever_layer_it_is() -> None:
    beside = [SourceBlob((1, 1, 1, 4, 4), Dataset("", count=16), legacy=True)]
    refusal = found([blob(*W)], beside=beside)
    assert refusal is not None
    assert refusal.mismatch
    assert "C3D" in refusal.reason
    assert refusal.hint


@pytest.mark.parametrize(("name", "held"), [("up", True), ("a/up", False), (".", False)])
@pytest.mark.parametrize("version", [Version.HDF5, Version.V2])
def test_hdf5_has_no_group_of_every_name(name: str, held: bool, version: Version) -> None:
    refusal = found(name=name, version=version)
    if held or version is Version.V2:
        assert refusal is None
    else:
        assert refusal is not None
        assert refusal.mismatch
        assert 'to="binary"' in (refusal.hint or "")
        assert ("slash" in refusal.reason) is ("/" in name)
    assert found([blob(*W)], name=name, version=version) is None
