"""``diff``: which layers are the same in two models, and what the others are.

Models are made as text and by protobuf, or are real; what is expected is written out, or counted by
numpy over what protobuf and h5py read.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.campaigns import campaign, campaign_but
from helpers.documents import parsed_json
from helpers.models import (
    NetParameter,
    blob_values,
    indexed,
    parsed,
    saved,
    source_layers,
)
from helpers.places import LAYOUTS
from helpers.runs import measured, run_here
from helpers.wire import FIXED32, LEN, floats, number, sized, tag, varint
from helpers.words import Words, names
from helpers.words import numbers as numbers_in

Array = NDArray[Any]

SAVED = sorted(LAYOUTS.glob("*.caffemodel"))
EACH_SAVED = campaign_but(
    ("bias_default", "dilation2", "factor2_dense", "k04_g3"), SAVED, lambda path: path.stem
)
NAN = float("nan")


def layer(name: str, *blobs: str, type: str = "Convolution", more: str = "") -> str:  # noqa: A002
    inner = " ".join(f"blobs {{ {blob} }}" for blob in blobs)
    return f'layer {{ name: "{name}" type: "{type}" {more} {inner} }}\n'


def row(*values: float, field: str = "data", shape: str = "") -> str:
    """A blob of one axis, or of another shape."""
    listed = ", ".join(map(str, values))
    return f"shape {{ {shape or f'dim: {len(values)}'} }} {field}: [{listed}]"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("diff")


Held: TypeAlias = Callable[..., ds.DiffResult]


@pytest.fixture
def held(folder: Path) -> Held:
    """The verb on two models given as text or bytes."""

    def against(a: str | bytes, b: str | bytes, **options: Any) -> ds.DiffResult:
        for name, given_ in (("a", a), ("b", b)):
            (folder / name).write_bytes(saved(given_) if isinstance(given_, str) else given_)
        return ds.diff(folder / "a", folder / "b", **options)

    return against


def states(result: ds.DiffResult) -> dict[str, str]:
    return {each.name: str(each.likeness) for each in result.contrast.layers}


def only(result: ds.DiffResult) -> ds.LayerContrast:
    (found,) = result.contrast.layers
    return found


def numbers(each: ds.LayerContrast) -> tuple[float | None, int | None, int]:
    return each.max_abs_change, each.values_changed, each.values


# --- values


@pytest.mark.parametrize(
    ("a", "b", "largest", "changed"),
    [
        ([1, 2, 3], [1, 2, 3], 0.0, 0),
        ([1, 2, 3], [1, 2.5, 1], 2.0, 2),
        ([0.0, 1], [-0.0, 1], 0.0, 1),  # as apply counts: another bit is another value
        ([NAN, 1], [NAN, 1], 0.0, 0),
        ([NAN, 1], [2, 1], None, 1),
        ([1, NAN], [4, 2], None, 2),
        ([float("inf")], [float("inf")], 0.0, 0),
        ([float("inf")], [1], float("inf"), 1),
    ],
)
def test_values_that_differ_are_counted(
    a: list[float],
    b: list[float],
    largest: float | None,
    changed: int,
    held: Held,
) -> None:
    result = held(layer("x", row(*a)), layer("x", row(*b)))
    assert numbers(only(result)) == (largest, changed, len(a))
    assert only(result).likeness is (ds.Likeness.CHANGED if changed else ds.Likeness.SAME)
    assert result.same == (not changed)
    back = held(layer("x", row(*b)), layer("x", row(*a)))
    assert numbers(only(back)) == (largest, changed, len(a))


def test_a_nan_in_one_piece_is_not_forgotten_in_the_next(
    held: Held,
) -> None:
    count = 60_000  # pieces are of 64 KiB
    for place in (0, count - 1):
        one, two = np.zeros(count, "<f4"), np.ones(count, "<f4")
        one[place] = np.nan
        result = held(filled(one), filled(two))
        assert numbers(only(result)) == (None, count, count)


def filled(array: Array) -> bytes:
    """A model of one layer with one blob, of the type that the array has."""
    shape = sized(7, sized(1, b"".join(map(varint, array.shape))))
    values = sized(8 if array.dtype == "<f8" else 5, array.tobytes())
    return sized(100, sized(1, b"x") + sized(7, shape + values))


@pytest.mark.parametrize("at", [0, 1, 16_383, 16_384, 131_071, 131_072, 262_144, 300_000])
def test_one_value_is_found_wherever_it_is(at: int, held: Held) -> None:
    """Values of two types come in pieces of two sizes."""
    one = np.arange(300_001, dtype="<f4")
    two = one.copy()
    two[at] += 0.5
    for a, b in itertools.product((one, one.astype("<f8")), (two, two.astype("<f8"))):
        assert numbers(only(held(filled(a), filled(b)))) == (0.5, 1, 300_001)


def test_every_nan_of_another_width_is_one(folder: Path) -> None:
    odd = np.array([0x7FF0_0000_0000_0001, 0x7FF8_0000_0000_0002], "<u8").view("<f8")
    plain = np.array([np.nan, np.nan], "<f4")
    for name, array in (("odd", odd), ("plain", plain), ("plain8", plain.astype("<f8"))):
        hdf5(folder / name, {"x": [array]})
    assert ds.diff(folder / "odd", folder / "plain").same
    assert ds.diff(folder / "plain", folder / "odd").same
    # In one type the bits count, but for those who want no more than to be near.
    assert numbers(only(ds.diff(folder / "odd", folder / "plain8"))) == (None, 2, 2)
    assert numbers(only(ds.diff(folder / "odd", folder / "plain8", atol=0))) == (0.0, 0, 2)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("0.5", "0.5", True),
        ("0.1", "0.1", False),  # no float is a tenth
        ("nan", "nan", True),
        ("-0.0", "0", False),
        ("inf", "inf", True),
        ("-inf", "inf", False),
    ],
)
def test_a_float_and_a_double_are_compared_as_numbers(
    a: str, b: str, same: bool, held: Held, words: Words
) -> None:
    one = f"shape {{ dim: 1 }} data: {a}"
    two = f"shape {{ dim: 1 }} double_data: {b}"
    for x, y, case in ((one, two, "data in A"), (two, one, "data in B")):
        result = held(layer("x", x), layer("x", y))
        assert result.same == same
        (told_,) = only(result).told
        words(told_, case)
    assert numbers(only(held(layer("x", one), layer("x", two))))[0] == {
        ("0.1", "0.1"): float(np.float32(0.1)) - 0.1,
        ("-inf", "inf"): float("inf"),
    }.get((a, b), 0.0)


def test_a_tolerance_makes_what_is_near_the_same(held: Held, words: Words) -> None:
    a, b = layer("x", row(1, 2, NAN)), layer("x", row(1.25, 2.5, NAN))
    assert numbers(only(held(a, b, atol=0.5))) == (0.5, 0, 3)
    assert held(a, b, atol=0.5).same
    assert numbers(only(held(a, b, atol=0.25))) == (0.5, 1, 3)
    assert not held(a, b, atol=0.25).same
    assert held(layer("x", row(0.0)), layer("x", row(-0.0)), atol=0).same
    assert not held(layer("x", row(NAN)), layer("x", row(1)), atol=9).same
    assert held(a, b, atol=0.5).contrast.identical is False
    for wrong in (-1.0, NAN, float("inf")):
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - its words are pinned
            held(a, b, atol=wrong)
        words(raised.value, str(wrong))


# --- shapes


def test_shapes_that_differ(held: Held, words: Words) -> None:
    flat, square = row(1, 2, 3, 4), row(1, 2, 3, 4, shape="dim: 2 dim: 2")
    result = held(layer("x", flat), layer("x", square))
    assert only(result).likeness is ds.Likeness.SHAPE_DIFFERS
    assert numbers(only(result)) == (0.0, 0, 4)
    (told_,) = only(result).told
    assert numbers_in(told_) == [0]
    words(told_)
    assert not result.same
    result = held(layer("x", row(1, 2)), layer("x", row(1, 2, 3)))
    assert states(result) == {"x": "shape-differs"}
    assert numbers(only(result)) == (None, None, 3)


def test_numbers_of_blobs_and_of_values(held: Held, words: Words) -> None:
    both, one = layer("x", row(1, 2), row(3)), layer("x", row(1, 5))
    result = held(both, one)
    assert only(result).likeness is ds.Likeness.SHAPE_DIFFERS
    (told_,) = only(result).told
    assert numbers_in(told_) == [2, 1]
    words(told_, "2 and 1")
    assert [str(each.likeness) for each in only(result).blobs] == ["changed", "only-in-a"]
    assert [str(each.likeness) for each in only(held(one, both)).blobs] == ["changed", "only-in-b"]
    result = held(layer("x"), one)
    (told_,) = only(result).told
    assert numbers_in(told_) == [1]
    words(told_, "none and 1")
    assert not result.same
    result = held(layer("x", "shape { dim: 2 }"), layer("x", row(1, 2)))
    assert only(result).likeness is ds.Likeness.SHAPE_DIFFERS
    (told_,) = only(result).told
    assert numbers_in(told_) == [0, 2]
    words(told_, "no values")
    assert held(layer("x", "shape { dim: 0 }"), layer("x", "shape { dim: 0 }")).same


@pytest.mark.parametrize(
    ("legacy", "dims", "same"),
    [
        ("num: 1 channels: 1 height: 1 width: 4", "dim: 4", True),
        ("num: 1 channels: 1 height: 1 width: 4", "dim: 1 dim: 4", True),
        ("num: 1 channels: 1 height: 2 width: 2", "dim: 2 dim: 2", True),
        ("num: 1 channels: 1 height: 2 width: 2", "dim: 4", False),
        ("num: 4 channels: 1 height: 1 width: 1", "dim: 4", False),
        ("num: 1 channels: 1 height: 1 width: 4", "dim: 1 dim: 1 dim: 1 dim: 1 dim: 4", False),
    ],
)
def test_legacy_dims_are_the_shape_that_caffe_takes_them_for(
    legacy: str, dims: str, same: bool, held: Held, words: Words
) -> None:
    old, new = f"{legacy} data: [1, 2, 3, 4]", row(1, 2, 3, 4, shape=dims)
    for a, b in ((old, new), (new, old)):
        result = held(layer("x", a), layer("x", b))
        assert result.same == same
        told_ = [each for each in only(result).told if "num/channels/height/width" in each]
        assert len(told_) == 1
        words(told_, "old in A" if a == old else "old in B")
        assert numbers(only(result)) == (0.0, 0, 4)


# --- which layers


def test_layers_that_one_model_has(held: Held) -> None:
    a = layer("1", row(1)) + layer("2", row(2)) + layer("3", row(3))
    b = layer("0", row(9)) + layer("1", row(1)) + layer("x", row(4)) + layer("3", row(3))
    result = held(a, b)
    assert list(states(result).items()) == [
        ("0", "only-in-b"),
        ("1", "same"),
        ("x", "only-in-b"),
        ("2", "only-in-a"),
        ("3", "same"),
    ]
    assert not result.same
    assert [each.moved for each in result.contrast.layers] == [False] * 5


def test_layers_without_weights_are_told_and_no_difference(held: Held, words: Words) -> None:
    a = layer("c", row(1)) + layer("relu", type="ReLU")
    result = held(a, layer("c", row(1)) + layer("drop", type="Dropout") + layer("pool"))
    assert result.same
    one, two = result.contrast.notes
    assert (numbers_in(one), names(one)) == ([1], ["relu"])
    assert (numbers_in(two), names(two)) == ([2], ["drop", "pool"])
    words(one, "in A")
    words(two, "in B")
    turned = held(a, layer("relu", type="ReLU") + layer("c", row(1)))
    assert turned.same
    assert not any(each.moved for each in turned.contrast.layers)
    renamed = held(a, layer("c", row(1)) + layer("relu1", type="ReLU"))
    assert states(renamed) == {"c": "same", "relu": "only-in-a", "relu1": "only-in-b"}


@pytest.mark.parametrize(
    ("a", "b", "moved"),
    [
        ("abcde", "abcde", ""),
        ("abcde", "bcdea", "a"),
        ("abcde", "eabcd", "e"),
        ("abcde", "acdbe", "b"),
        ("abcdef", "defabc", "abc"),
        ("abxcd", "abcdy", ""),
    ],
)
def test_one_layer_that_moved_is_one(a: str, b: str, moved: str, held: Held) -> None:
    def of(names: str) -> str:
        return "".join(layer(name, row(ord(name))) for name in names)

    result = held(of(a), of(b))
    found = [each.name for each in result.contrast.layers if each.moved]
    assert found == list(moved) or (moved == "abc" and found == list("def"))
    assert result.same == (sorted(a) == sorted(b))
    for each in result.contrast.layers:
        assert len(each.told) == each.moved


def test_where_a_layer_moved_to_is_said(held: Held, words: Words) -> None:
    one, two, three = (layer(name, row(len(name))) for name in ("x", "yy", "zzz"))
    result = held(one + two + three, two + three + one)
    (told_,) = result.contrast.layers[0].told
    assert names(told_) == ["zzz"]
    words(told_)


def test_a_layer_by_another_name(held: Held) -> None:
    a = layer("fc8", row(1, 2), row(3)) + layer("other", row(5))
    result = held(a, layer("other", row(5)) + layer("score", row(1, 2), row(3)))
    assert states(result) == {"fc8": "renamed", "other": "same"}
    assert not result.same
    renamed = result.contrast.layers[0]
    assert renamed.b is not None
    assert (renamed.b.name, renamed.values_changed) == ("score", 0)


@pytest.mark.parametrize(
    "other",
    [
        layer("new", row(1, 2, 3)),  # another value
        layer("new", row(1, 2), row(3)),  # another number of blobs
        layer("new", row(1, 2, shape="dim: 2 dim: 1")),  # another shape
        layer("new", row(1, 2), type="InnerProduct"),  # another type
        layer("new", "shape { dim: 2 }"),  # no values
        layer("new"),
    ],
)
def test_what_is_not_the_same_is_not_renamed(other: str, held: Held) -> None:
    result = held(layer("old", row(1, 2)), other)
    assert states(result) == {"new": "only-in-b", "old": "only-in-a"}
    assert not result.same


def test_renamed_layers_of_the_same_weights_are_paired_in_order(
    held: Held,
) -> None:
    def zeros(*names: str) -> str:
        return "".join(layer(name, row(*[0] * 400)) for name in names)

    result = held(zeros("a", "b", "c"), zeros("x", "y") + layer("c2", row(*[0] * 399, 1)))
    pairs = [(x.a and x.a.name, x.b and x.b.name) for x in result.contrast.layers]
    assert sorted(pairs, key=str) == [("a", "x"), ("b", "y"), ("c", None), (None, "c2")]


def test_a_rename_is_seen_from_one_form_to_the_other(folder: Path) -> None:
    (folder / "a").write_bytes(saved(layer("conv1", row(1, 2, field="double_data"))))
    hdf5(folder / "b", {"first": [np.array([1, 2], "<f4")]})
    result = ds.diff(folder / "a", folder / "b")
    assert states(result) == {"conv1": "renamed"}


def test_namesakes_are_held_against_each_other_in_turn(held: Held, words: Words) -> None:
    a = layer("x", row(1)) + layer("x", row(2))
    result = held(a, layer("x", row(1)) + layer("x", row(3)) + layer("x", row(4)))
    found = [(str(each.likeness), each.max_abs_change) for each in result.contrast.layers]
    assert found == [("same", 0.0), ("changed", 1.0), ("only-in-b", None)]
    (note,) = result.contrast.notes
    assert names(note)[0] == "x"
    words(note)
    assert not held(a, layer("x", row(2)) + layer("x", row(1))).same  # the last wins


def test_patterns_choose_layers_of_any_type(held: Held, words: Words) -> None:
    a = layer("conv", row(1)) + layer("up", row(2)) + layer("old", row(3))
    b = layer("conv", row(9)) + layer("up", row(2)) + layer("new", row(3))
    assert held(a, b, patterns="up").same
    assert states(held(a, b, patterns=["up", "con*"])) == {"conv": "changed", "up": "same"}
    assert states(held(a, b, exclude="re:^(o|n)")) == {"conv": "changed", "up": "same"}
    # A layer that only got another name is found by either.
    assert states(held(a, b, patterns="old")) == {"old": "renamed"}
    assert states(held(a, b, patterns="new")) == {"old": "renamed"}
    assert held(a, a, patterns="up").contrast.identical is None
    with pytest.raises(ds.SelectionError) as raised:
        held(a, b, patterns="cnv")
    assert "cnv" in names(raised.value.message)
    assert names(raised.value.hint or "") == ["conv"]
    words(raised.value, "misspelt")
    with pytest.raises(ds.SelectionError) as raised:
        held(a, b, exclude="*")
    assert "`exclude=…`" in str(raised.value)
    words(raised.value, "all out")


# --- beside the weights


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ("convolution_param { num_output: 3 }", "convolution_param"),
        ("bottom: 'x' param { lr_mult: 0 }", "bottom, param"),
        ("loss_weight: 1", "loss_weight"),
    ],
)
def test_parameters_are_told_and_no_difference(
    more: str, fields: str, held: Held, words: Words
) -> None:
    result = held(layer("x", row(1)), layer("x", row(1), more=more))
    assert result.same
    assert result.contrast.identical is False
    (told_,) = only(result).told
    words(told_, fields)  # they stand there by name


def test_types_gradients_and_the_net_are_told(held: Held, words: Words) -> None:
    a = layer("x", row(1))
    result = held(a, layer("x", row(1), type="Deconvolution"))
    assert result.same
    words(only(result).told, "types")  # they stand there by name
    result = held(a, layer("x", row(1) + " diff: 2"))
    assert result.same
    words(only(result).told, "gradients")
    result = held('name: "one" ' + a, 'name: "other" input: "x" ' + a)
    assert result.same
    words(result.contrast.notes, "fields of the net")
    assert [len(told(held(a, b))) for b in (a, layer("x", row(1), type="Y"))] == [0, 1]


def test_types_by_number_that_nobody_knows(words: Words) -> None:
    """Forks number their own types from 40 on."""

    def old(kind: int) -> ds.Model:
        blob = sized(6, sized(5, floats(0)))
        return indexed(sized(2, sized(4, b"x") + number(5, kind) + blob))

    result = ds.diff(old(50), old(51))
    (told_,) = only(result).told
    assert numbers_in(told_) == [50, 51]
    words(told_)
    assert only(ds.diff(old(50), old(50))).told == ()


@pytest.mark.parametrize("at", [0, 16_384, 49_999])
def test_long_gradients_are_told_to_be_others(at: int, held: Held, words: Words) -> None:
    message = NetParameter.FromString(filled(np.zeros(2, "<f4")))
    message.layer[0].blobs[0].diff.extend([0.0] * 50_000)
    before = message.SerializeToString()
    message.layer[0].blobs[0].diff[at] = 1
    result = held(before, message.SerializeToString())
    assert (result.same, result.contrast.identical) == (True, False)
    (told_,) = only(result).told
    words(told_)


def test_a_field_that_nobody_knows_is_told_by_its_number(held: Held, words: Words) -> None:
    inner = sized(1, b"x") + sized(7, sized(5, floats(0)) + number(1, 1))
    a, b = (sized(100, each) for each in (inner, inner + sized(1022, b"?")))
    (told_,) = only(held(a, b)).told
    assert numbers_in(told_) == [1022]
    words(told_)


def test_the_order_of_fields_is_no_difference(held: Held, words: Words) -> None:
    name, kind, blob = sized(1, b"x"), sized(2, b"y"), sized(7, sized(5, floats(0)))
    result = held(sized(100, name + kind + blob), sized(100, blob + kind + name))
    assert (result.same, result.contrast.identical) == (True, False)
    (note,) = result.contrast.notes
    words(note)


@pytest.mark.parametrize("path", EACH_SAVED)
def test_a_file_is_identical_to_its_copy_alone(path: Path, folder: Path) -> None:
    data = path.read_bytes()
    (folder / "copy").write_bytes(data)
    result = ds.diff(path, folder / "copy")
    assert (result.same, result.contrast.identical, result.contrast.notes) == (True, True, ())
    for at in range(0, len(data), max(1, len(data) // 40)):
        changed = bytearray(data)
        changed[at] ^= 0x10
        (folder / "copy").write_bytes(changed)
        try:
            result = ds.diff(path, folder / "copy")
        except ds.SurgeryError:
            continue  # no model any more
        assert result.contrast.identical is False
        assert not result.same or result.contrast.notes or told(result)


def told(result: ds.DiffResult) -> list[str]:
    return [one for each in result.contrast.layers for one in each.told]


# --- forms


def hdf5(path: Path, groups: dict[str, list[Array | None]], **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, blobs in groups.items():
            group = file.require_group("data").create_group(name)
            for position, blob in enumerate(blobs):
                if blob is not None:
                    group.create_dataset(str(position), data=blob, **options)
    return path


@pytest.mark.parametrize("path", EACH_SAVED)
def test_what_convert_makes_is_the_same(path: Path, folder: Path, words: Words) -> None:
    made = {
        "hdf5": {"to": "hdf5"},
        "double": {"values": "float64"},
        "raw": {"values": "raw-float32"},
        "hdf5 double": {"to": "hdf5", "values": "float64"},
    }
    for name, options in made.items():
        ds.convert(path, folder / name, force=True, **options)
    for field, name in (("double_data", "double"), ("raw_data float", "raw")):
        found = ds.diff(path, folder / name)
        said = {each.told for each in found.contrast.layers if each.blobs}
        assert len(said) <= 1
        for (one,) in said:
            words(one, field)
    for a, b in itertools.permutations([path, *(folder / name for name in made)], 2):
        result = ds.diff(a, b)
        assert result.same
        assert all(each.values_changed in (0, None) for each in result.contrast.layers)


def test_whole_and_big_endian_numbers_of_hdf5(folder: Path) -> None:
    values = np.arange(12.0).reshape(3, 4)
    files = [
        hdf5(folder / f"{at}.h5", {"x": [values.astype(dtype)]}, **options)
        for at, (dtype, options) in enumerate(
            [("<f4", {}), (">f4", {}), ("<i8", {}), ("u1", {"chunks": (2, 3)}), ("<f2", {})]
        )
    ]
    for a, b in itertools.permutations(files, 2):
        assert ds.diff(a, b).same, (a, b)
    values[1, 2] = 9
    for dtype in ("<f4", ">f4", "<i8", "u1"):
        hdf5(folder / "b.h5", {"x": [values.astype(dtype)]})
        for a in files:
            assert numbers(only(ds.diff(a, folder / "b.h5"))) == (3.0, 1, 12)


def test_whole_numbers_that_no_float_tells_apart(folder: Path, words: Words) -> None:
    """Caffe reads the same from either, but they are two files."""
    files = [
        hdf5(folder / f"{value}.h5", {"x": [np.array([value], "<i8")]})
        for value in (1 << 24, (1 << 24) + 1)
    ]
    result = ds.diff(*files)
    assert (result.same, result.contrast.identical) == (True, False)
    (note,) = result.contrast.notes
    words(note)


def test_both_generations_in_one_file(held: Held, words: Words) -> None:
    a = layer("x", row(1))
    mixed = a + 'layers { name: "y" blobs { data: 2 } }'
    result = held(a, mixed)
    assert states(result) == {"x": "same", "y": "only-in-b"}
    (note,) = result.contrast.notes
    assert note.startswith("B ")
    words(note)
    assert held(mixed, mixed).contrast.identical


OLDEST = """
layers { layer { name: "conv" type: "conv" num_output: 1 blobs { num: 1 data: 2 } } bottom: "x" }
"""


def test_the_oldest_layers(held: Held, words: Words) -> None:
    assert held(OLDEST, OLDEST).contrast.identical
    result = held(OLDEST, OLDEST.replace("num_output: 1", "num_output: 2").replace('"x"', '"y"'))
    assert result.same
    (told_,) = only(result).told
    words(told_, "parameters")  # num_output and bottom
    result = held(OLDEST, OLDEST.replace("data: 2", "data: 2.5"))
    assert numbers(only(result)) == (0.5, 1, 1)
    result = held(OLDEST, 'layers { name: "conv" type: CONVOLUTION blobs { num: 1 data: 2 } }')
    assert (result.same, only(result).told) == (True, ())
    (note,) = result.contrast.notes
    words(note, "V0 and V1")


def test_a_blob_that_hdf5_leaves_to_its_owner(folder: Path, words: Words) -> None:
    """The binary file tells by which names layers share."""
    shared = 'param { name: "w" }'
    text = layer("one", row(1, 2), more=shared) + layer("two", row(1, 2), row(3), more=shared)
    (folder / "a").write_bytes(saved(text))
    hdf5(folder / "b", {"one": [np.array([1, 2], "<f4")], "two": [None, np.array([3], "<f4")]})
    for a, b in (("a", "b"), ("b", "a")):
        assert ds.diff(folder / a, folder / b).same
    assert ds.diff(folder / "b", folder / "b").contrast.identical
    hdf5(folder / "c", {"one": [np.array([1, 2], "<f8")], "two": [None, np.array([3], "<f4")]})
    assert states(ds.diff(folder / "b", folder / "c")) == {"one": "same", "two": "same"}
    (folder / "a").write_bytes(saved(text.replace(shared, "")))
    result = ds.diff(folder / "a", folder / "b")
    assert states(result) == {"one": "same", "two": "not-compared"}
    (told_,) = told(result)
    assert told_.startswith("B ")
    assert numbers_in(told_) == [0]
    words(told_)
    assert not result.same


def test_values_that_only_a_fork_reads(held: Held, folder: Path, words: Words) -> None:
    def packed(data: bytes) -> bytes:  # packed_data of BVLC's opencl branch
        blob = sized(7, sized(1, varint(2))) + sized(11, data)
        return sized(100, sized(1, b"x") + sized(7, blob))

    assert held(packed(b"1234"), packed(b"1234") + sized(1, b"n")).same
    result = held(packed(b"1234"), packed(b"1235"))
    assert (states(result), result.same) == ({"x": "not-compared"}, False)
    assert any("packed_data" in each for each in only(result).told)
    words(only(result).told)
    with h5py.File(folder / "link.h5", "w") as file:
        file["data/x/0"] = h5py.SoftLink("/nowhere")
    result = ds.diff(folder / "link.h5", folder / "link.h5")
    assert (result.same, result.contrast.identical) == (True, True)
    assert only(result).blobs[0].likeness is ds.Likeness.SAME
    assert not ds.diff(folder / "link.h5", folder / "b").same


# --- against others that count


def test_what_apply_tells_is_what_diff_finds(folder: Path) -> None:
    compared = 0
    for path in SAVED:
        net = path.with_suffix(".prototxt")
        for source in (path, path.with_suffix(".caffemodel.h5")):
            if not source.exists():
                continue
            options = ("--json", "--any-gain", "--force")
            code, printed, _ = run_here(folder, "apply", *options, str(net), str(source), "out")
            if code:
                continue
            document = parsed_json(printed)
            changes = {x["name"]: x for x in document["layers"] if x["action"] != "skipped"}
            found = ds.diff(source, folder / "out")
            assert found.same == (not document["changed"])
            assert found.contrast.identical == (not document["changed"])
            for each in found.contrast.layers:
                if each.name in changes and each.blobs:
                    rewritten = changes[each.name]
                    first = each.blobs[0].difference
                    assert first is not None
                    assert first.largest == rewritten["max_abs_change"]
                    assert first.changed == rewritten["values_changed"]
                    assert first.values == rewritten["values"]
                    compared += 1
                else:
                    assert not each.differs
    assert compared > 30


def by_numpy(a: Array, b: Array) -> tuple[float, int, int]:
    return float(abs(a.astype("<f8") - b).max()), int((a != b).sum()), a.size


SNAPSHOTS = ["snapshot_iter_500", "snapshot_iter_1000", "snapshot_iter_2546000"]


@pytest.mark.parametrize(("a", "b"), list(itertools.permutations(SNAPSHOTS, 2)))
def test_snapshots_of_one_net(a: str, b: str, shared: Path) -> None:
    paths = [shared / "models" / "fsrcnn-x3" / f"{name}.caffemodel" for name in (a, b)]
    one, two = (source_layers(parsed(path.read_bytes())) for path in paths)
    result = ds.diff(*paths)
    assert [each.name for each in result.contrast.layers] == list(one)
    weighted = 0
    for each in result.contrast.layers:
        assert len(each.blobs) == len(one[each.name].blobs) == len(two[each.name].blobs)
        for found, x, y in zip(each.blobs, one[each.name].blobs, two[each.name].blobs, strict=True):
            assert found.difference is not None
            counted = (found.difference.largest, found.difference.changed, found.difference.values)
            assert counted == by_numpy(blob_values(x), blob_values(y))
            weighted += 1
    assert weighted == 23
    assert not result.same


def test_hdf5_models_of_two_sizes(shared: Path) -> None:
    place = shared / "models" / "h5-arm-cifar10"
    paths = sorted(place.glob("*.h5"))
    result = ds.diff(*paths)
    with h5py.File(paths[0]) as a, h5py.File(paths[1]) as b:
        assert [each.name for each in result.contrast.layers] == sorted(
            set(a["data"]) | set(b["data"])
        )
        for each in result.contrast.layers:
            for position, found in enumerate(each.blobs):
                x, y = (file["data"][each.name][str(position)][()] for file in (a, b))
                if x.shape != y.shape:
                    assert found.likeness is ds.Likeness.SHAPE_DIFFERS
                else:
                    assert found.difference is not None
                    counted = found.difference.largest, found.difference.changed, x.size
                    assert counted == by_numpy(x, y)
    assert {str(x.likeness) for x in result.contrast.layers if x.blobs} >= {"shape-differs"}


def real(shared: Path, largest: int) -> list[Path]:
    return [
        path
        for path in sorted((shared / "models").glob("*/*"))
        if path.suffix in (".caffemodel", ".h5") and 1000 < path.stat().st_size <= largest
    ]


@pytest.mark.parametrize(
    "largest", [100_000, pytest.param(1 << 40, marks=pytest.mark.campaign)], ids=["small", "all"]
)
def test_every_real_model_is_itself_and_no_other(largest: int, shared: Path, folder: Path) -> None:
    before: Path | None = None
    models = real(shared, largest)
    assert len(models) > 3
    for path in models:
        (folder / "copy").write_bytes(path.read_bytes())
        assert ds.diff(path, folder / "copy").contrast.identical, path
        result = ds.diff(path, before or SAVED[0])
        assert not result.same
        json.dumps([str(each.likeness) for each in result.contrast.layers])
        before = path


# --- any of them

BLOB = st.tuples(
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from(["<f4", "<f8"]),
    st.integers(0, 2),
)
LAYERS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.lists(BLOB, max_size=2)), min_size=1, max_size=5
)


def built(layers: list[tuple[str, list[tuple[tuple[int, ...], str, int]]]]) -> bytes:
    message = NetParameter()
    for name, blobs in layers:
        made = message.layer.add(name=name)
        for shape, dtype, start in blobs:
            blob = made.blobs.add()
            blob.shape.dim.extend(shape)
            numbers = range(start, start + int(np.prod(shape, dtype=int)))
            (blob.data if dtype == "<f4" else blob.double_data).extend(numbers)
    return bytes(message.SerializeToString())


MIRRORED = {"only-in-a": "only-in-b", "only-in-b": "only-in-a"}


@given(a=LAYERS, b=LAYERS)
def test_it_is_a_mirror(a: Any, b: Any, folder: Path) -> None:
    (folder / "one").write_bytes(built(a))
    (folder / "two").write_bytes(built(b))
    there = ds.diff(folder / "one", folder / "two")
    back = ds.diff(folder / "two", folder / "one")
    ours = ds.diff(folder / "one", folder / "one")
    assert (ours.same, ours.contrast.identical) == (True, True)
    assert all(each.likeness is ds.Likeness.SAME for each in ours.contrast.layers)
    assert (there.same, there.contrast.identical) == (back.same, back.contrast.identical)
    assert there.contrast.identical == (built(a) == built(b))

    def seen(result: ds.DiffResult, turned: bool) -> list[str]:
        return sorted(
            repr(
                (
                    MIRRORED.get(each.likeness, str(each.likeness))
                    if turned
                    else str(each.likeness),
                    *numbers(each),
                    sorted(side.name for side in (each.a, each.b) if side),
                )
            )
            for each in result.contrast.layers
        )

    assert seen(there, False) == seen(back, True)
    counts = [sum(x.moved for x in side.contrast.layers) for side in (there, back)]
    assert counts[0] == counts[1]


# --- open models


def test_open_models_are_taken_as_well(folder: Path) -> None:
    data = saved(layer("x", row(1, 2)))
    (folder / "a").write_bytes(data)
    with ds.open_model(folder / "a") as opened:
        result = ds.diff(opened, indexed(data))
        assert (result.a_path, result.b_path) == (str(folder / "a"), "the bytes in memory")
        assert result.contrast.identical
        assert not ds.diff(indexed(data[:-1] + b"\x01"), opened).same
        steps: list[tuple[int, int]] = []
        assert ds.diff(opened, folder / "a", progress=lambda *told: steps.append(told)).same
        assert steps == []  # too short to tell of
    large(folder / "large", count := 5 << 20)
    ds.diff(folder / "large", folder / "large", progress=lambda *told: steps.append(told))
    assert len(steps) > 3
    size = (folder / "large").stat().st_size
    assert [total for _, total in steps] == [size] * len(steps)
    assert steps == sorted(steps)
    assert 3 * count < steps[-1][0] <= size


# --- what is no model, or none any more


def test_faults_are_told_with_the_file_they_are_in(folder: Path, words: Words) -> None:
    good = SAVED[0]
    data = good.read_bytes()
    (folder / "cut").write_bytes(data[:-7])
    for a, b in ((good, folder / "cut"), (folder / "cut", good)):
        with pytest.raises(ds.ModelError) as caught:
            ds.diff(a, b)
        assert caught.value.path == str(folder / "cut")
        words(caught.value, "cut")
    with pytest.raises(ds.FileError) as missing:
        ds.diff(good, folder / "nothing")
    assert missing.value.path == str(folder / "nothing")
    words(missing.value, "missing")
    net = good.with_suffix(".prototxt")
    with pytest.raises(ds.ModelError) as text:
        ds.diff(net, good)
    assert text.value.path == str(net)
    words(text.value, "text")


def test_damaged_chunks_are_blamed_on_the_right_file(folder: Path, words: Words) -> None:
    values = np.arange(5000, dtype="<f4")
    good = hdf5(folder / "good.h5", {"x": [values]}, chunks=(5000,), compression="gzip")
    data = bytearray(good.read_bytes())
    with h5py.File(good) as file:
        place = file["data/x/0"].id.get_chunk_info(0).byte_offset
    data[place + 20 : place + 60] = bytes(40)
    (folder / "bad.h5").write_bytes(data)
    for a, b in (("good.h5", "bad.h5"), ("bad.h5", "good.h5")):
        with pytest.raises(ds.ModelError) as caught:
            ds.diff(folder / a, folder / b)
        assert caught.value.path == str(folder / "bad.h5")
        assert "HDF5" in caught.value.message
        words(caught.value.hint or "")  # the rest is said by the library


@given(stop=st.integers(0, 3000), at=st.integers(0, 3000), byte=st.integers(0, 255))
def test_any_damage_is_an_error_or_a_difference(
    stop: int, at: int, byte: int, folder: Path
) -> None:
    data = (LAYOUTS / "bias_default.caffemodel").read_bytes()
    broken = bytearray(data[: stop % len(data)] or data)
    broken[at % len(broken)] = byte
    (folder / "broken").write_bytes(broken)
    blamed, identical = "", False
    try:
        found = ds.diff(LAYOUTS / "bias_default.caffemodel", folder / "broken")
        identical = bool(found.contrast.identical)
    except ds.SurgeryError as error:
        blamed = error.path or "nothing"
    assert blamed in ("", str(folder / "broken"))
    assert identical == (bytes(broken) == data)


# --- large ones

COUNT = 60 << 20  # values: 240 MiB of floats


def large(path: Path, unpacked: int = 0, written: bytes = b"") -> Path:
    """A file of 240 MiB, its values zeros (a hole) or ``written`` again and again."""
    size = 5 * unpacked or 4 * COUNT
    shape = sized(7, sized(1, varint(unpacked or COUNT)))
    head = shape if unpacked else shape + tag(5, LEN) + varint(size)
    inner = sized(1, b"x") + tag(7, LEN) + varint(len(head) + size) + head
    with path.open("wb") as file:
        file.write(tag(100, LEN) + varint(len(inner) + size) + inner)
        if unpacked:
            file.write((tag(5, FIXED32) + floats(0)) * unpacked)
        elif written:
            for _ in range(size // len(written)):
                file.write(written)
        else:
            file.truncate(file.tell() + size)
    return path


def ones(path: Path) -> None:
    large(path, written=np.ones(1 << 18, "<f4").tobytes())


def chunks(path: Path) -> None:
    with h5py.File(path, "w") as file:  # chunks that were never written are 0
        file.create_dataset("data/x/0", (COUNT,), "<f4", chunks=(1 << 16,))


def single(path: Path) -> None:
    large(path, unpacked=8 << 20)


def packed(path: Path) -> None:
    single(path.with_name("unpacked"))
    ds.convert(path.with_name("unpacked"), path, values="raw-float16")


@pytest.mark.parametrize(
    ("one", "two", "code", "identical", "changed", "values"),
    [
        pytest.param(large, large, 0, True, 0, COUNT, id="a copy"),
        pytest.param(
            large, ones, 1, False, COUNT, COUNT, id="every value", marks=pytest.mark.campaign
        ),
        pytest.param(
            large, chunks, 0, False, 0, COUNT, id="another form", marks=pytest.mark.campaign
        ),
        pytest.param(
            single, packed, 0, False, 0, 8 << 20, id="another type", marks=pytest.mark.campaign
        ),
    ],
)
def test_memory_does_not_grow_with_the_files(
    one: Callable[[Path], object],
    two: Callable[[Path], object],
    code: int,
    identical: bool,
    changed: int,
    values: int,
    tmp_path: Path,
) -> None:
    one(tmp_path / "a")
    two(tmp_path / "b")
    assert (tmp_path / "a").stat().st_size >= 5 * (8 << 20)
    peak, printed = measured(tmp_path, "diff", "--json", "a", "b", code=code)
    assert peak < 100 << 10
    document = parsed_json(printed)
    assert (document["same"], document["identical"]) == (not code, identical)
    (found,) = document["layers"]
    assert (found["values_changed"], found["values"]) == (changed, values)
    for each in tmp_path.iterdir():  # they are large
        each.unlink()


@pytest.mark.parametrize("count", [200, *campaign(10_000)])
def test_many_layers_renamed_or_not(count: int, tmp_path: Path) -> None:
    """Layers that are in one model only, of one shape, half of them renamed."""

    def written(prefix: str, first: int) -> bytes:
        one_value = sized(7, sized(1, varint(1)))
        return b"".join(
            sized(
                100,
                sized(1, f"{prefix}{at:05}".encode())
                + sized(7, one_value + sized(5, floats(first + at))),
            )
            for at in range(count)
        )

    (tmp_path / "a").write_bytes(written("a", 0))
    (tmp_path / "b").write_bytes(written("b", count // 2))
    result = ds.diff(tmp_path / "a", tmp_path / "b")
    found = [str(each.likeness) for each in result.contrast.layers]
    assert {each: found.count(each) for each in set(found)} == {
        "renamed": count // 2,
        "only-in-a": count // 2,
        "only-in-b": count // 2,
    }
    assert {
        (int(each.a.name[1:]), int(each.b.name[1:]))
        for each in result.contrast.layers
        if each.a and each.b
    } == {(at + count // 2, at) for at in range(count // 2)}


def test_layers_that_differ_in_the_number_of_values_alone_are_not_one_renamed(
    held: Held,
) -> None:
    """The same shape and the same first values; one file is damaged and has a value too many."""
    one, two = [*map(float, range(300))], [*map(float, range(301))]
    shape = "dim: 300"
    result = held(layer("a", row(*one, shape=shape)), layer("b", row(*two, shape=shape)))
    assert states(result) == {"a": "only-in-a", "b": "only-in-b"}


def test_values_in_pieces_of_which_one_is_empty_are_the_same_values(
    held: Held,
) -> None:
    def with_blob(blob: bytes) -> bytes:
        return sized(100, sized(1, b"a") + sized(7, blob))

    shape = sized(7, number(1, 2))
    apart = shape + tag(5, FIXED32) + floats(1) + sized(5, b"") + sized(5, floats(2))
    result = held(with_blob(shape + sized(5, floats(1, 2))), with_blob(apart))
    assert only(result).likeness is ds.Likeness.SAME
    assert numbers(only(result)) == (0.0, 0, 2)


def test_where_there_is_no_layer_none_can_be_chosen(held: Held, words: Words) -> None:
    with pytest.raises(ds.SelectionError) as raised:
        held('name: "a"', 'name: "b"', patterns="up")
    words(raised.value)
