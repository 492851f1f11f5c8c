"""``ds.edit``: what each edit means, what is refused, where the result goes, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.plans.edit import operations
from deconvsurgery.storage.object_store.store import counted
from helpers import wire
from helpers.models import NetParameter, model_bytes, noise, parsed, weights_of
from helpers.runs import environment
from helpers.wire import floats, layer_v1, layer_v2, number, sized
from helpers.words import Words

HALF = number(10, 2)  # raw_data_type FLOAT16


def halves(values: np.ndarray) -> bytes:
    return HALF + sized(12, values.astype("<f2").tobytes()) + wire.dims(*values.shape)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two layers, of two blobs and of one."""
    path = tmp_path / "in"
    path.write_bytes(
        model_bytes({"fc": [noise(4, 3), noise(4)], "up": [noise(2, 1, 4, 4)]}, kind="X")
    )
    return path


# --- reading what the edits say


def test_an_editor_is_a_mapping_of_what_the_edits_make(model: Path) -> None:
    with ds.edit(model) as m:
        assert (list(m), len(m), "fc" in m, "no" in m, 5 in m) == (
            ["fc", "up"],
            2,
            True,
            False,
            False,
        )
        assert (m.get("no"), m.get("no", 3), len(m.get("fc", ()))) == (None, 3, 2)
        weights = m["fc"][0]
        assert (weights.shape, weights.dtype, weights.size) == ((4, 3), np.dtype("<f4"), 12)
        assert (weights.layer, weights.index, m["fc"].type) == ("fc", 0, "X")
        assert np.asarray(weights).tobytes() == noise(4, 3).tobytes()
        assert np.asarray(weights, "<f8").dtype == "<f8"
        m["fc"][-1] = np.arange(4)
        assert [blob.array().tolist() for blob in m["fc"]][1] == [0, 1, 2, 3]
        assert m["fc"][1:][0].array().tolist() == [0, 1, 2, 3]
        m.rename("fc", "score")
        m["new"] = []
        assert (list(m), len(m["new"])) == (["score", "up", "new"], 0)
        assert m["score"].name == "score"
        assert [repr(each) for each in (m["score"], m["score"][1], m.plan)] == [
            "<EditedLayer score: X, 2 blobs>",
            "<EditedBlob score[1] float32 (4,)>",
            "EditPlan(layers=2, changed=True, rewritten=31)",
        ]
        assert len(repr(m).splitlines()) == 1
        assert m
        assert m == m
        assert {m: 1}[m] == 1
    assert weights_of(model.read_bytes())["fc"][1].tolist() == noise(4).tolist()


def test_a_name_is_not_set_but_by_rename(model: Path) -> None:
    """It would rename nothing in the file, and say nothing."""
    with ds.edit(model) as m:
        with pytest.raises(AttributeError):
            m["fc"].name = "fc-new"  # type: ignore[misc]
        assert (m["fc"].name, m.plan.changed) == ("fc", False)


def test_what_pycaffe_calls_otherwise_is_told_under_its_name(model: Path, words: Words) -> None:
    with ds.edit(model) as m, ds.open_model(model) as read:
        for holder, name in ((m, "params"), (read, "params"), (m["fc"][0], "data")):
            with pytest.raises(AttributeError) as raised:
                getattr(holder, name)
            words(raised.value, type(holder).__name__)
            assert raised.value.name == name
            # Python would name what looks alike: dtype for data.
            assert raised.value.obj is None
        with pytest.raises(AttributeError) as plain:
            read["fc"][0].shap  # type: ignore[attr-defined]  # noqa: B018
        assert plain.value.obj == read["fc"][0]
        assert not hasattr(read["fc"][0], "data")


def test_what_is_set_is_a_copy(model: Path) -> None:
    mine = np.ones((4, 3), "<f4")
    with ds.edit(model) as m:
        m["fc"][0] = mine
        mine[:] = 7
        m["fc"][0].array()[:] = 8
        assert (m["fc"][0].array() == 1).all()


def test_blobs_of_this_and_of_another_model_can_be_set(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(model_bytes({"a": [noise(4, 3, seed=9)], "b": [noise(4, seed=8)]}))
    with ds.open_model(other) as source, ds.edit(model) as m:
        m["fc"][0] = source["a"][0]
        m["fc"] = [m["fc"][0], source["b"][0]]
        m["copy"] = m["fc"]
        m["fc"][1] *= 2
        m.save(tmp_path / "out")
    found = weights_of((tmp_path / "out").read_bytes())
    assert [each.tolist() for each in found["copy"]] == [
        noise(4, 3, seed=9).tolist(),
        noise(4, seed=8).tolist(),
    ]
    assert found["fc"][1].tolist() == (noise(4, seed=8) * 2).tolist()


def test_arithmetic_as_numpy_has_it(model: Path) -> None:
    with ds.edit(model) as m:
        m["fc"][1] *= np.array([1, 0, 2, 3])  # type: ignore[assignment]
        assert (m["fc"][1].array() == noise(4) * np.float32([1, 0, 2, 3])).all()
        m["fc"][1] = np.ones(4) - m["fc"][1]
        with pytest.raises(TypeError):
            m["fc"][1] *= "2"  # type: ignore[arg-type]


def test_scaling_what_stays_as_it_is(model: Path) -> None:
    with ds.edit(model) as m:
        m["fc"][1] *= np.float32(1)
        m.zero("fc", 0)
        m["fc"][0] *= 3
        assert [str(blob.action) for row in m.plan.layers for blob in row.blobs] == [
            "zeroed",
            "kept",
        ]


def test_the_edited_model_goes_where_an_open_one_goes(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m["fc"][0] = np.zeros((4, 3))
        first = m.model
        m.remove("up")
        m["new"] = [np.ones(3)]
        m.save(tmp_path / "out")
        assert ds.diff(tmp_path / "out", m.model).same
        assert not ds.diff(tmp_path / "out", first).same
        assert list(first) == ["fc", "up"]
        assert list(m.model) == ["fc", "new"]


# --- types


def test_halves_take_what_fits_them(tmp_path: Path, words: Words) -> None:
    path = tmp_path / "in"
    path.write_bytes(layer_v2(b"a", b"X", halves(np.ones(4))))
    with ds.edit(path) as m:
        m["a"][0] = [65504, 1e-9, np.nan, -np.inf]
        (row,) = m.plan.layers
        assert m["a"][0].array().dtype == "<f2"
        assert repr(m["a"][0].array().tolist()) == "[65504.0, 0.0, nan, -inf]"
        assert row.reason is not None
        words(row.reason)
        for refused in (lambda: m.set("a", 0, [1, 65520, 0, 0]), lambda: m.scale("a", 0, 1.01)):
            with pytest.raises(ds.LayerError) as raised:
                refused()
            assert raised.value.layer == "a"
            words(raised.value)
        m["a"][0] = [1, 2, 3, 40000]
        m["a"][0] *= -0.5
        m.add("b", [np.ones((2, 2))])
        result = m.save(tmp_path / "out")
    assert [row.reason for row in result.layers] == [None, None]
    with ds.open_model(tmp_path / "out") as made:
        assert made["a"][0].array().tolist() == [-0.5, -1, -1.5, -20000]
        assert made["b"][0].dtype == "<f2"
    (_, b) = [each.payload for each in wire.fields((tmp_path / "out").read_bytes())]
    (blob,) = wire.payloads(b, 7)
    assert blob == wire.dims(2, 2) + HALF + sized(12, np.ones(4, "<f2").tobytes())


def test_what_is_said_of_a_layer_is_in_each_form_of_the_result(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m["fc"][1] = [1, np.nan, 2, np.inf]
        m["up"][0] *= 2
        result = m.save(tmp_path / "out")
    said, nothing = [row.reason for row in result.layers]
    assert said is not None
    assert nothing is None
    for text in (str(result), str(result.plan), result._repr_html_()):
        assert " ".join(text.split()).count(said) == 1


def test_many_values_are_looked_at_piece_by_piece(tmp_path: Path, words: Words) -> None:
    count = 700_001  # in three pieces
    (tmp_path / "in").write_bytes(model_bytes({"a": [np.ones(count)], "b": [np.ones(3)]}))
    values = np.arange(count, dtype="<f8")
    with ds.edit(tmp_path / "in") as m:
        values[[5, 300_000, -1]] = np.nan, np.inf, -np.inf
        m["a"][0] = values
        m["b"][0] = [1, np.nan, 2]
        reasons = [row.reason for row in m.plan.layers]
        assert [each and int(each.split()[0]) for each in reasons] == [3, 1]
        words(str(reasons[1]), "one")
        values[-2] = 1e39
        with pytest.raises(ds.LayerError) as raised:
            m["a"][0] = values
        assert "1e+39" in raised.value.message
        values[5] = 7
        m["a"][0] = values * 1e-9
        assert m["a"][0].array()[-2] == np.float32(1e30)
        assert not next(m.model.flat_values(m.now("a")[0].source)).flags.writeable
        m["a"][0] *= -2
        m.save(tmp_path / "set")
        m.zero("a", 0)
        m.save(tmp_path / "zero")
    assert ds.load(tmp_path / "set")["a", 0][300_001] == np.float32(-2 * np.float32(300_001e-9))
    assert ds.load(tmp_path / "zero")["a", 0].tobytes() == bytes(4 * count)


def test_arrays_in_any_order_of_memory(model: Path) -> None:
    turned = np.asfortranarray(np.arange(12, dtype=">f4").reshape(4, 3))
    with ds.edit(model) as m:
        m["fc"][0] = turned
        assert m["fc"][0].array().tolist() == turned.tolist()
        m["fc"][0] = np.arange(24).reshape(3, 8)[:, ::2].T
        assert m["fc"][0].array().tolist() == np.arange(24).reshape(3, 8)[:, ::2].T.tolist()
        m["fc"][1] = np.array([True, False, True, False])
        assert m["fc"][1].array().tolist() == [1, 0, 1, 0]


def test_factors_are_multiplied_one_after_the_other_and_each_product_rounded_once(
    tmp_path: Path,
) -> None:
    values = noise(1000)
    (tmp_path / "in").write_bytes(model_bytes({"a": [values]}))
    with ds.edit(tmp_path / "in") as m:
        m.scale("a", 0, 0.1)
        m.scale("a", 0, 10)
        m.scale("a", 0, 1)
        (row,) = m.plan.layers
        assert row.blobs[0].factors == (0.1, 10)
        expected = (values.astype("<f8") * 0.1).astype("<f4")
        expected = (expected.astype("<f8") * 10).astype("<f4")
        assert m["a"][0].array().tobytes() == expected.tobytes()


BLOBS: dict[str, Callable[[np.ndarray], bytes]] = {
    "<f2": halves,
    "<f4": lambda values: sized(5, values.astype("<f4").tobytes()) + wire.dims(*values.shape),
    "<f8": lambda values: sized(8, values.astype("<f8").tobytes()) + wire.dims(*values.shape),
}


@pytest.mark.parametrize("dtype", BLOBS)
def test_a_value_beyond_its_type_is_found_however_often_it_was_scaled(
    dtype: str, tmp_path: Path
) -> None:
    values = np.array([np.nan, -3, 0.5, np.inf, 1e-7])
    path = tmp_path / "in"
    path.write_bytes(layer_v2(b"a", b"X", BLOBS[dtype](values)))
    third = float(np.finfo(dtype).max) / 3
    for first in (1, 3, -2):
        with ds.edit(path) as m:
            m.scale("a", 0, first)
            m.scale("a", 0, third / abs(first) * 0.99)
            kept = m["a"][0].array()
            with pytest.raises(ds.LayerError) as raised:
                m.scale("a", 0, -1.1)
            assert raised.value.layer == "a"
            assert m["a"][0].array().tobytes() == kept.tobytes()
            m.scale("a", 0, 0.5)
            m.scale("a", 0, 1.9)  # what is smaller now may grow again
            with pytest.raises(ds.LayerError):
                m.scale("a", 0, 2)
            m["a"][0] = [1, 2, 3, 4, 5]  # and other values begin anew
            m.scale("a", 0, 1000)
            assert m["a"][0].array().tolist() == [1000, 2000, 3000, 4000, 5000]


def test_values_are_looked_at_once_for_many_factors(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0
    arrays = operations.blob_arrays

    def counting(*given: Any) -> Any:
        nonlocal looked
        looked += 1
        return arrays(*given)

    monkeypatch.setattr(operations, "blob_arrays", counting)
    with ds.edit(model) as m:
        for _ in range(50):
            m.scale("fc", 0, 1.01)
            m.scale("fc", 0, 0.99)
        assert looked == 1
        m["fc"][0] = np.ones((4, 3))
        m.scale("fc", 0, 2)
        m.zero("fc", 0)
        m.scale("fc", 0, 2)
        assert looked == 2


# --- dims


def test_legacy_dims_stay_legacy_as_far_as_they_go(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(model_bytes({"fc": [noise(6, 4), noise(6)]}, legacy=True))
    with ds.edit(path) as m:
        m["fc"][1] = np.arange(6)  # (6,), where the file has (1, 1, 1, 6)
        m.reshape("fc", 0, (6, 1, 2, 2))
        m["new"] = [np.ones((2, 3))]
        assert [blob.shape for blob in m["fc"]] == [(6, 1, 2, 2), (1, 1, 1, 6)]
        m.save(tmp_path / "out")
        m.reshape("fc", 0, (1, 6, 1, 2, 2))
        m.save(tmp_path / "out5")
        m.reshape("fc", 0, (6, 4))
        assert m["fc"][0].shape == (1, 1, 6, 4)
        assert [blob.action for blob in m.plan.layers[0].blobs] == ["kept", "set"]
    fc, new = parsed((tmp_path / "out").read_bytes()).layer
    assert [(b.num, b.channels, b.height, b.width) for b in (*fc.blobs, *new.blobs)] == [
        (6, 1, 2, 2),
        (1, 1, 1, 6),
        (1, 1, 2, 3),
    ]
    assert not any(blob.HasField("shape") for blob in (*fc.blobs, *new.blobs))
    weights = parsed((tmp_path / "out5").read_bytes()).layer[0].blobs[0]
    assert list(weights.shape.dim) == [1, 6, 1, 2, 2]
    assert not weights.HasField("num")


def test_shapes_of_one_value_and_of_none(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(model_bytes({"a": [np.ones((1, 1, 1, 1)), np.ones((0, 2))]}))
    with ds.edit(path) as m:
        m.reshape("a", 0, ())
        m.reshape("a", 1, (5, 0))
        assert [blob.shape for blob in m["a"]] == [(), (5, 0)]
        m.save(tmp_path / "out")
        m.set("a", 0, [1], reshape=True)
        with pytest.raises(ds.ShapeError):  # only legacy dims have 1s in front
            m.set("a", 0, np.ones((1, 1)))
        m.scale("a", 1, 2)
        m.zero("a", 1)
        assert str(m.plan.layers[0].blobs[1].action) == "reshaped"
    blobs = parsed((tmp_path / "out").read_bytes()).layer[0].blobs
    assert [list(blob.shape.dim) for blob in blobs] == [[], [5, 0]]
    with ds.edit(path) as m, pytest.raises(ds.ShapeError):
        m["a"][0] = [1]


def test_only_the_shape_is_written_of_a_blob_that_is_reshaped(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(model_bytes({"fc": [noise(600, 400)]}))
    with ds.edit(path) as m:
        m.reshape("fc", 0, (600, 100, 2, 2))
        assert m.plan.rewritten < 30
        (row,) = m.plan.layers
        assert (row.action, row.blobs[0].action, row.blobs[0].size) == ("rewritten", "reshaped", 0)
        m.save(tmp_path / "out")
    assert (
        weights_of((tmp_path / "out").read_bytes())["fc"][0].tobytes() == noise(600, 400).tobytes()
    )


def test_another_number_of_values_takes_the_gradients_with_it(tmp_path: Path) -> None:
    net = NetParameter()
    blob = net.layer.add(name="a").blobs.add(data=[1, 2], diff=[3, 4])
    blob.shape.dim.append(2)
    (tmp_path / "in").write_bytes(net.SerializeToString())
    with ds.edit(tmp_path / "in") as m:
        m["a"][0] = [5, 6]
        m.save(tmp_path / "same")
        m.set("a", 0, [7, 8, 9], reshape=True)
        m.save(tmp_path / "other")
    same, other = (
        parsed((tmp_path / name).read_bytes()).layer[0].blobs[0] for name in ("same", "other")
    )
    assert (list(same.data), list(same.diff)) == ([5, 6], [3, 4])
    assert (list(other.data), list(other.diff), list(other.shape.dim)) == ([7, 8, 9], [], [3])


def test_zeros_for_a_blob_that_has_no_values(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(
        layer_v2(b"a", b"X", wire.dims(2, 2))
        + layer_v2(b"b", b"X", sized(8, bytes(8)) + wire.dims(1))
    )
    with ds.edit(path) as m:
        m.zero("a", 0)
        m.save(tmp_path / "out")
    (blob,) = parsed((tmp_path / "out").read_bytes()).layer[0].blobs
    assert list(blob.double_data) == [0] * 4  # where the others have theirs


# --- layers


def test_v1_takes_layers_of_its_own_types(tmp_path: Path, words: Words) -> None:
    path = tmp_path / "in"
    path.write_bytes(layer_v1(b"a", 4, sized(5, floats(1)) + wire.legacy_dims(1)))
    with ds.edit(path) as m:
        m.add("up", [[[[[2]]]]], type="Deconvolution")
        m.add("b", [])
        with pytest.raises(ds.LayerError) as raised:
            m.add("bn", [[1]], type="BatchNorm")
        words(raised.value)
        m.rename("a", "conv")
        m.save(tmp_path / "out")
    layers = parsed((tmp_path / "out").read_bytes()).layers
    assert [(each.name, each.type) for each in layers] == [("conv", 4), ("up", 39), ("b", 0)]
    assert (layers[1].blobs[0].num, list(layers[1].blobs[0].data)) == (1, [2])
    assert not layers[2].HasField("type")


def test_a_new_layer_has_the_type_that_is_said(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m.add("up2", [np.ones((2, 1, 4, 4))], type="Deconvolution")
        m["plain"] = [[1]]
        assert (m["up2"].type, m["plain"].type) == ("Deconvolution", "")
        m.save(tmp_path / "out")
    out = (tmp_path / "out").read_bytes()
    assert out.startswith(model.read_bytes())
    (_, _, up, plain) = parsed(out).layer
    assert (up.type, plain.HasField("type")) == ("Deconvolution", False)
    assert out.endswith(up.SerializeToString() + wire.sized(100, plain.SerializeToString()))


def test_a_new_layer_can_be_edited_as_any(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m.add("new", [np.ones((2, 3)), np.ones(4), np.ones(2)])
        m.reshape("new", 0, (6,))
        m.scale("new", 0, 3)
        m.zero("new", 1)
        m.set("new", 2, [5, 6])
        m.save(tmp_path / "out")
    new = parsed((tmp_path / "out").read_bytes()).layer[-1]
    assert [list(blob.data) for blob in new.blobs] == [[3] * 6, [0] * 4, [5, 6]]
    assert [list(blob.shape.dim) for blob in new.blobs] == [[6], [4], [2]]


def test_v0_takes_no_new_layer(tmp_path: Path, words: Words) -> None:
    path = tmp_path / "in"
    path.write_bytes(sized(2, sized(1, sized(1, b"conv") + sized(2, b"conv"))))
    with ds.edit(path) as m:
        with pytest.raises(ds.LayerError) as raised:
            m.add("up", [])
        words(raised.value)
        m.rename("conv", "c")
        m.save(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == sized(2, sized(1, sized(1, b"c") + sized(2, b"conv")))


@pytest.mark.parametrize("v1", [False, True])
def test_a_layer_without_a_name_can_get_one(v1: bool, tmp_path: Path) -> None:
    net = NetParameter()
    (net.layers if v1 else net.layer).add().top.append("t")
    (tmp_path / "in").write_bytes(net.SerializeToString())
    with ds.edit(tmp_path / "in") as m:
        assert list(m) == [""]
        m.rename("", "x")
        m.save(tmp_path / "out")
    out = parsed((tmp_path / "out").read_bytes())
    (layer,) = out.layers if v1 else out.layer
    assert (layer.name, list(layer.top)) == ("x", ["t"])


def test_of_several_names_in_a_layer_the_last_counts(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(sized(100, sized(1, b"a") + sized(2, b"X") + sized(1, b"b")))
    with ds.edit(tmp_path / "in") as m:
        m.rename("b", "cc")
        m.save(tmp_path / "out")
    expected = sized(100, sized(1, b"a") + sized(2, b"X") + sized(1, b"cc"))
    assert (tmp_path / "out").read_bytes() == expected


def test_of_several_layers_of_a_name_the_last_with_blobs_is_edited(
    tmp_path: Path, words: Words
) -> None:
    def layer(*values: float) -> bytes:
        blobs = [sized(5, floats(*values)) + wire.dims(len(values))] if values else []
        return layer_v2(b"a", b"X", *blobs)

    (tmp_path / "in").write_bytes(layer(1) + layer(2, 3) + layer())
    with ds.edit(tmp_path / "in") as m:
        m["a"][0] = [5, 6]
        (row,) = m.plan.layers
        assert row.reason is not None
        words(row.reason)
        m.save(tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == layer(1) + layer(5, 6) + layer()
        m.rename("a", "b")
        assert [row.was for row in m.plan.layers] == ["a"] * 3
        del m["b"]
        m["a"] = [[9]]
        m.save(tmp_path / "none")
    assert [each.name for each in parsed((tmp_path / "none").read_bytes()).layer] == ["a"]


def test_names_can_be_traded_and_taken_again(model: Path, tmp_path: Path) -> None:
    for path in (model, tmp_path / "in.h5"):
        if path is not model:
            ds.convert(model, path)
        with ds.edit(path) as m:
            m.rename("fc", "other")
            m.rename("up", "fc")
            m.rename("other", "up")
            assert [(row.was, row.name) for row in m.plan.layers] == [("fc", "up"), ("up", "fc")]
            del m["fc"]
            m["fc"] = [[1, 2]]
            m.save(tmp_path / "out", force=True)
        with ds.open_model(tmp_path / "out") as out:
            assert sorted(out) == ["fc", "up"]
            assert out["fc"][0].array().tolist() == [1, 2]
            assert out["up"][0].array().tobytes() == noise(4, 3).tobytes()


def test_edits_that_cancel_each_other_are_none(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m.rename("fc", "x")
        m.rename("x", "fc")
        m["new"] = [[1]]
        del m["new"]
        m.reshape("fc", 0, (12,))
        m.reshape("fc", 0, (4, 3))
        assert not m.plan.changed
        assert str(m.plan).splitlines() == ["no layer: 0 bytes to write"]
        m.save(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == model.read_bytes()


# --- HDF5


def saved(path: Path, layers: dict[str, list[Any]], diff: bool = False) -> Path:
    with h5py.File(path, "w") as file:
        for root in ("data", *(["diff"] if diff else [])):
            for name, blobs in layers.items():
                group = file.require_group(root).create_group(name)
                for position, array in enumerate(blobs):
                    group.create_dataset(str(position), data=array)
    return path


def test_gradients_go_with_their_layer_in_hdf5(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"a": [np.ones(2, "<f4")], "b": [np.zeros(3, "<f4")]}, diff=True)
    with ds.edit(path) as m:
        m.rename("a", "c")
        m.remove("b")
        (kept, gone) = m.plan.layers
        assert (kept.reason, gone.action) == (None, "removed")
        assert gone.reason
        m.save(tmp_path / "out", save_patch=tmp_path / "undo")
    with h5py.File(tmp_path / "out") as file:
        assert [list(file[root]) for root in ("data", "diff")] == [["c"], ["c"]]
    ds.revert(tmp_path / "out", tmp_path / "undo")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


def test_hdf5_is_written_by_bytes_where_only_values_change(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"a": [np.ones((2, 3), ">f8")], "b": [np.zeros(3, "<f4")]})
    with ds.edit(path) as m:
        m["a"][0] = np.arange(6).reshape(2, 3)
        # What the library writes is known only when it is written.
        assert m.save(dry_run=True).output_size == path.stat().st_size
        result = m.save(tmp_path / "out")
        m.rename("b", "c")
        assert m.save(dry_run=True).output_size is None
    old, new = path.read_bytes(), (tmp_path / "out").read_bytes()
    assert (result.rewritten, result.output_size) == (48, len(old))
    at = old.index(np.ones(6, ">f8").tobytes())
    assert new == old[:at] + np.arange(6, dtype=">f8").tobytes() + old[at + 48 :]


def test_names_in_hdf5_that_are_no_utf_8(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in", "w") as file:
        file.create_group("data").create_group(b"t\xe9").create_dataset("0", data=np.ones(2, "<f4"))
        file["data"].create_group(b"\xff").create_dataset("0", data=np.ones(3, "<f4"))
    with ds.edit(tmp_path / "in") as m:
        assert list(m) == ["t\udce9", "\udcff"]
        m.rename("t\udce9", "\udcee")
        m.reshape("\udcee", 0, (1, 2))
        m.remove("\udcff")
        m.save(tmp_path / "out")
    with h5py.File(tmp_path / "out") as file:
        assert list(file["data"].id) == [b"\xee"]
    with ds.open_model(tmp_path / "out") as out:
        assert out["\udcee"][0].array().tolist() == [[1, 1]]


def test_layers_without_blobs_in_hdf5(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"a": [np.ones(2, "<f4")]})
    with ds.edit(path) as m:
        m["new"] = []
        m.rename("a", "b")
        assert m.save(tmp_path / "out").rewritten == 0
        m.rename("b", "a")
        assert m.save(tmp_path / "out", force=True).rewritten == 0
        with h5py.File(tmp_path / "out") as file:
            assert sorted(file["data"]) == ["a", "new"]
        del m["new"]
        assert not m.save(tmp_path / "out", force=True).changed
    assert (tmp_path / "out").read_bytes() == path.read_bytes()


HDF5_REFUSED: dict[str, Callable[[ds.Editor], object]] = {
    "whole numbers are set": lambda m: m.set("whole", 0, [1.5, 2]),
    "whole numbers are scaled": lambda m: m.scale("whole", 0, 2),
    "a shared blob is set": lambda m: m.zero("shared", 0),
    "a name with a slash": lambda m: m.rename("whole", "a/b"),
    "a name that is no group's": lambda m: m.add(".", []),
    "a group with layers in it is renamed": lambda m: m.rename("outer", "b"),
    "a layer in a group is removed": lambda m: m.remove("outer/inner"),
}


@pytest.mark.parametrize("case", HDF5_REFUSED)
def test_what_hdf5_cannot_hold(case: str, tmp_path: Path, words: Words) -> None:
    path = tmp_path / "in"
    with h5py.File(path, "w") as file:
        file["data/whole/0"] = np.arange(2)
        file["data/shared/1"] = np.zeros(1, "<f4")
        file["data/outer/inner/0"] = np.zeros(1, "<f4")
    with ds.edit(path) as m:
        with pytest.raises(ds.LayerError) as raised:
            HDF5_REFUSED[case](m)
        words(raised.value, case)
        assert not m.plan.changed


def test_what_unpacks_to_more_is_edited_where_that_is_allowed(tmp_path: Path, words: Words) -> None:
    with h5py.File(tmp_path / "in", "w") as file:
        values = np.zeros((100, 1000), "<f4")
        file.create_dataset("data/a/0", data=values, compression="gzip")
    with ds.edit(tmp_path / "in", max_unpacked=10) as m:
        with pytest.raises(ds.LayerError) as raised:
            m.zero("a", 0)
        words(raised.value)
        m.rename("a", "b")
        m.save(tmp_path / "out")
    with ds.edit(tmp_path / "out") as m:
        m["b"][0] = np.ones((100, 1000))
        m.save(in_place=True)
    assert ds.load(tmp_path / "out")["b", 0].min() == 1


def test_whole_numbers_can_be_zero(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"a": [np.arange(3)]})
    with ds.edit(path) as m:
        m.zero("a", 0)
        m.save(tmp_path / "out")
    with h5py.File(tmp_path / "out") as file:
        assert file["data/a/0"].dtype == int
        assert file["data/a/0"][()].tolist() == [0, 0, 0]


def test_what_only_its_fork_reads_is_left_alone(tmp_path: Path, words: Words) -> None:
    odd = number(10, 9) + sized(12, bytes(6)) + wire.dims(3)
    c3d = wire.c3d_blob(np.ones((1, 1, 1, 1, 2)))
    for name, data in (
        ("raw", layer_v2(b"a", b"X", odd)),
        ("C3D", layer_v1(b"a", 30, c3d)),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with ds.edit(path) as m:
            with pytest.raises(ds.LayerError) as raised:
                m.zero("a", 0)
            words(raised.value, name)
            if name == "C3D":
                with pytest.raises(ds.LayerError) as raised:
                    m.add("b", [])
                words(raised.value, "C3D, a new layer")
            m.rename("a", "b")
            m.save(tmp_path / "out", force=True)
        assert (tmp_path / "out").read_bytes() == data.replace(b"\x01a", b"\x01b", 1)


# --- saving


def test_leaving_without_save_writes_nothing(model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    with suppress(ZeroDivisionError), ds.edit(model) as m:
        m["fc"][1] = np.zeros(4)
        _ = 1 / 0
    with ds.edit(model) as m:
        m.zero("fc", 1)
    assert [each.name for each in tmp_path.iterdir()] == ["in"]
    assert model.read_bytes() == before


def test_places(model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    out = tmp_path / "out"
    with ds.edit(model) as m:
        m.zero("fc", 1)
        tried = m.save(dry_run=True)
        assert (tried.written, tried.path, tried.changed, tried.output_size) == (
            False,
            None,
            True,
            len(before),
        )
        assert not out.exists()
        for wrong in ({}, {"output": model}, {"output": out, "in_place": True}):
            with pytest.raises((ds.ArgumentError, ds.OutputError)):
                m.save(**wrong)  # type: ignore[arg-type]
        done: list[tuple[int, int]] = []
        result = m.save(out, progress=lambda *counts: done.append(counts))
        assert (result.written, result.path, result.input) == (True, str(out), str(model))
        assert done[-1] == (result.output_size,) * 2
        with pytest.raises(ds.OutputError) as raised:
            m.save(out)
        assert raised.value.path == str(out)
        with pytest.raises(ds.OutputError):
            m.save(tmp_path / "out2", save_patch=tmp_path / "out2")
        assert m.save(out, force=True).written
        assert model.read_bytes() == before
        there = m.save(in_place=True, save_patch=tmp_path / "undo")
        assert (there.path, there.patch) == (str(model), str(tmp_path / "undo"))
    assert model.read_bytes() == out.read_bytes() != before
    ds.revert(model, tmp_path / "undo")
    assert model.read_bytes() == before


def test_an_open_model_can_be_edited_and_stays_open(model: Path, tmp_path: Path) -> None:
    with ds.open_model(model) as opened:
        with ds.edit(opened) as m:
            m.zero("fc", 1)
            m.save(tmp_path / "out")
            with pytest.raises(ds.ArgumentError):
                m.save(in_place=True)
        assert opened["fc"][1].array().tolist() == noise(4).tolist()
    assert weights_of((tmp_path / "out").read_bytes())["fc"][1].tolist() == [0] * 4


@pytest.mark.parametrize("kind", ["bytes", "file"])
def test_a_model_in_memory_is_edited_into_a_file(kind: str, model: Path, tmp_path: Path) -> None:
    data = model.read_bytes()
    with ds.edit(data if kind == "bytes" else BytesIO(data)) as m:
        m.zero("fc", 1)
        with pytest.raises(ds.ArgumentError):
            m.save(in_place=True)
        m.save(tmp_path / "out", save_patch=tmp_path / "undo")
    assert weights_of((tmp_path / "out").read_bytes())["fc"][1].tolist() == [0] * 4
    ds.revert(tmp_path / "out", tmp_path / "undo")
    assert (tmp_path / "out").read_bytes() == data


def test_a_closed_editor_says_so(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m.zero("fc", 1)
        blob, shown = m["fc"][0], m.model
    m.close()
    for asked in (
        blob.array,
        shown["fc"][0].array,
        lambda: m.set("fc", 1, np.ones(4)),
        lambda: m.save(tmp_path / "out"),
    ):
        with pytest.raises(ValueError, match="closed"):
            asked()
    with ds.open_model(model) as opened:
        pass
    with pytest.raises(ValueError, match="closed"):
        ds.edit(opened)
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_what_was_saved_in_place_is_opened_again_for_more(
    model: Path, tmp_path: Path, words: Words
) -> None:
    before = model.read_bytes()
    with ds.edit(model) as m:
        assert not m.save(in_place=True).written
        m.zero("fc", 1)
        assert m.save(in_place=True).written
        edited = model.read_bytes()
        m.zero("fc", 0)
        for places in ({"in_place": True}, {"output": tmp_path / "out"}):
            with pytest.raises(ds.OutputError) as raised:
                m.save(**places)  # type: ignore[arg-type]
            words(raised.value)
    assert model.read_bytes() == edited != before
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_an_input_that_changes_meanwhile_is_no_mixture(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m.zero("fc", 1)
        model.write_bytes(model.read_bytes() + b"\x0a\x00")
        with pytest.raises(ds.FileError):
            m.save(tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


# --- what it costs


def test_only_what_is_asked_for_is_read(s3: Any, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(model_bytes({name: [np.ones((500, 500)), np.ones(3)] for name in "abcd"}))
    url = s3.url("in.caffemodel")
    s3.put("in.caffemodel", path)
    with counted() as traffic, ds.edit(url) as m:
        m.rename("a", "x")
        m["b"][1] = [1, 2, 3]
        m.reshape("b", 0, (250_000,))
        m.scale("c", 1, 5)
        m.remove("d")
        assert m["c"][1].array().tolist() == [5, 5, 5]
        assert len(m.plan.layers) == 4
        assert traffic.read < 1 << 19  # of four megabytes
        m.save(s3.url("out.caffemodel"), save_patch=tmp_path / "undo")
        m.save(tmp_path / "out")
    assert s3.get("out.caffemodel") == (tmp_path / "out").read_bytes()
    assert ds.revert(tmp_path / "out", tmp_path / "undo", tmp_path / "back").written
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


PROGRAM = """
import resource, sys
import numpy as np
import deconvsurgery as ds
ds.bilinear_kernel(4)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ds.edit(sys.argv[1]) as m:
    m.rename("a", "x")
    m.scale("a" if "a" in m else "x", 0, 2)
    m.zero("b", 0)
    m["c"][1] = np.arange(3)
    m.save(sys.argv[2], save_patch=sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("hdf5", [False, True])
def test_memory_does_not_grow_with_the_file(hdf5: bool, tmp_path: Path) -> None:
    path = tmp_path / "in"
    large = np.ones((2000, 4000), "<f4")  # 32 MB
    blob = sized(5, large.tobytes()) + wire.dims(*large.shape)
    small = sized(5, floats(1, 2, 3)) + wire.dims(3)
    path.write_bytes(b"".join(layer_v2(name, b"X", blob, small) for name in (b"a", b"b", b"c")))
    del blob, large
    if hdf5:
        ds.convert(path, tmp_path / "in.h5")
        path = tmp_path / "in.h5"
    names = (path, tmp_path / "out", tmp_path / "undo")
    run = [sys.executable, "-c", PROGRAM, *map(str, names)]
    done = subprocess.run(run, capture_output=True, check=True, env=environment())
    assert int(done.stdout) < 30_000  # kB, of 96 MB


def test_a_layer_moves_past_one_that_has_the_name_of_the_way(tmp_path: Path) -> None:
    """While groups of HDF5 trade names, each waits under a name that no layer has."""
    path = saved(tmp_path / "in.h5", {"moved 0": [[1.0]], "a": [[2.0]], "b": [[3.0]]})
    with ds.edit(path) as m:
        m.rename("a", "c")
        m.rename("b", "a")
        m.save(tmp_path / "out.h5")
    found = {name: values.tolist() for (name, _), values in ds.load(tmp_path / "out.h5").items()}
    assert found == {"moved 0": [1.0], "c": [2.0], "a": [3.0]}


def test_a_name_that_is_the_same_is_no_edit(model: Path) -> None:
    with ds.edit(model) as m:
        (name, *_) = m
        m.rename(name, name)
        assert not m.plan.changed


def test_a_blob_of_more_axes_or_values_than_caffe_has_is_refused(model: Path) -> None:
    with ds.edit(model) as m:
        for shape in ((1,) * 33, (2**31,)):
            wide = np.broadcast_to(np.float32(0), shape)
            with pytest.raises(ds.ShapeError):
                m.add("wide", [wide])
        assert not m.plan.changed


def test_nothing_to_undo_is_a_patch_that_changes_nothing(model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    with ds.edit(model) as m:
        result = m.save(in_place=True, save_patch=tmp_path / "patch")
    assert (result.changed, result.written) == (False, False)
    assert model.read_bytes() == before
    assert ds.revert(model, tmp_path / "patch", tmp_path / "again").written
    assert (tmp_path / "again").read_bytes() == before


def test_what_is_to_be_known_of_an_edit_is_in_its_report(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        (name, *_) = m
        m.set(name, 0, np.full(m[name][0].shape, np.nan))
        result = m.save(tmp_path / "out", save_patch=tmp_path / "patch")
    assert result.layers[0].reason is not None
    for shown in (str(result), result._repr_html_()):
        assert "NaN" in shown
        assert "patch" in shown
