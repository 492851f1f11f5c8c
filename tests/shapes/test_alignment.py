"""Where pixels lie: maps against what OpenCV computes, offsets against those of published nets.

A ramp, put through layers whose weights sum to 1, tells at every output pixel which input
coordinate it looks at.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.shapes.analysis import Analysis
from deconvsurgery.shapes.coordinates import AxisMap, composed, layer_map
from deconvsurgery.shapes.layers.windows import window_of
from helpers.models import NetParameter
from helpers.oracles import opencv_forward, tent
from helpers.words import Words, names, numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from deconvsurgery.shapes.placement import Placement

SIZE = 64
INPUT = f'input: "data" input_shape {{ dim: 1 dim: 1 dim: {SIZE} dim: {SIZE} }}\n'


def placements(net: ds.Net) -> tuple[Placement, ...]:
    return Analysis(net).placements


def layer(kind: str, number: int, param: str, *, bottom: str = "", more: str = "") -> str:
    below = bottom or ("data" if number == 0 else f"b{number - 1}")
    return (
        f'layer {{ name: "l{number}" type: "{kind}" bottom: "{below}" {more} top: "b{number}" '
        f"{param} }}\n"
    )


def conv(sizes: str) -> str:
    return f"convolution_param {{ num_output: 1 bias_term: false {sizes} }}"


def seen(net: str) -> NDArray[Any]:
    """Per output column, the input column that it looks at."""
    model = NetParameter()
    for each in ds.parse_net(net.encode()).layers:
        if each.type in ("Convolution", "Deconvolution"):
            size = each.convolution_param.kernel_size[0]
            weights = np.full((size, size), 1 / size**2)
            if each.type == "Deconvolution":
                weights = tent((size, size))
                weights *= each.convolution_param.stride[0] ** 2 / weights.sum()  # a gain of 1
            blob = model.layer.add(name=each.name, type=each.type).blobs.add()
            blob.shape.dim.extend((1, 1, size, size))
            blob.data.extend(weights.astype(np.float32).ravel())
    ramp = np.broadcast_to(np.arange(SIZE, dtype=np.float32), (1, 1, SIZE, SIZE))
    image = np.ascontiguousarray(ramp)
    out = opencv_forward(net.encode(), model.SerializeToString(), image, "")  # of the last layer
    return out[0, 0, out.shape[2] // 2]


CHAINS = [
    [("Convolution", conv("kernel_size: 3 pad: 1"))],
    [("Convolution", conv("kernel_size: 3"))],
    [("Convolution", conv("kernel_size: 5 stride: 2 pad: 1"))],
    [("Convolution", conv("kernel_size: 3 dilation: 2"))],
    [("Pooling", "pooling_param { pool: AVE kernel_size: 2 stride: 2 }")],
    [("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }")],
    [("Deconvolution", conv("kernel_size: 4 stride: 2 pad: 1"))],
    [("Deconvolution", conv("kernel_size: 4 stride: 2"))],
    [("Deconvolution", conv("kernel_size: 16 stride: 8 pad: 3"))],
    [("Deconvolution", conv("kernel_size: 3 stride: 2 pad: 1"))],
    [
        ("Convolution", conv("kernel_size: 3 pad: 4")),
        ("Pooling", "pooling_param { pool: AVE kernel_size: 2 stride: 2 }"),
        ("Convolution", conv("kernel_size: 3")),
        ("Pooling", "pooling_param { pool: AVE kernel_size: 2 stride: 2 }"),
        ("Deconvolution", conv("kernel_size: 8 stride: 4")),
    ],
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "-".join(kind for kind, _ in chain))
def test_a_map_is_what_opencv_computes(chain: list[tuple[str, str]]) -> None:
    net = INPUT + "".join(layer(kind, at, param) for at, (kind, param) in enumerate(chain))
    columns = seen(net)
    through: Any = ()
    for each in ds.parse_net(net.encode()).layers[1:]:
        own = layer_map(each, window_of(each, [(1, 1, SIZE, SIZE)]))
        assert own is not None
        through = composed(own, through)
    (_, across) = through
    pixels = np.arange(len(columns))
    expected = (pixels - float(across.shift)) / float(across.scale)
    # Borders see zeros: only what looks well inside the image is a mean of the ramp.
    inside = (expected > 16) & (expected < SIZE - 17)
    assert inside.sum() > 3
    np.testing.assert_allclose(columns[inside], expected[inside], atol=1e-4)


@pytest.mark.parametrize("offset", [0, 3, 5, 6, 7])
def test_an_offset_is_right_where_opencv_puts_the_image_in_its_place(offset: int) -> None:
    """Pad 5 in front, a Deconvolution without: one offset of all puts column x at x."""
    net = INPUT + layer("Convolution", 0, conv("kernel_size: 3 pad: 5"))
    net += layer("Pooling", 1, "pooling_param { pool: AVE kernel_size: 2 stride: 2 }")
    net += layer("Deconvolution", 2, conv("kernel_size: 4 stride: 2"))
    cut = f"crop_param {{ axis: 2 offset: {offset} }}"
    net += layer("Crop", 3, cut, more='bottom: "data"')
    columns = seen(net)
    middle = slice(24, 40)
    in_place = np.allclose(columns[middle], np.arange(SIZE)[middle], atol=1e-4)
    (placed,) = placements(ds.parse_net(net.encode()))
    assert placed.crop is not None
    assert placed.right == in_place
    assert in_place == (offset == 5)
    assert placed.crop.expected == (Fraction(5), Fraction(5))


def test_maps_by_hand() -> None:
    """FCN-32s: pad 100, five times 2x2/2, kernel 7, kernel 64 at stride 32: 19."""
    pools = "".join(
        layer("Pooling", at, "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
        for at in range(1, 6)
    )
    net = INPUT + layer("Convolution", 0, conv("kernel_size: 3 pad: 100")) + pools
    net += layer("Convolution", 6, conv("kernel_size: 7"))
    net += layer("Deconvolution", 7, conv("kernel_size: 64 stride: 32"))
    net += layer("Crop", 8, "crop_param { axis: 2 offset: 19 }", more='bottom: "data"')
    (placed,) = placements(ds.parse_net(net.encode()))
    assert placed.crop is not None
    # The convolution: b = 100 - 1 = 99; each pooling: (b - 1/2) / 2; kernel 7: b - 3; then
    # 32 b + 63 / 2 = 32 (99/32 - 31/64 - 3) + 31.5 = 99 - 15.5 - 96 + 31.5 = 19.
    assert placed.crop.expected == (19, 19)
    assert placed.right


def test_a_map_and_its_inverse_are_nothing() -> None:
    one = AxisMap(Fraction(8), Fraction(7, 2))
    assert one.after(one.inverse()) == AxisMap() == one.inverse().after(one)


# --- published nets: the offsets that stand in them are the ones that their authors worked out

FCN = {
    "fcn32s": [19],
    "fcn16s": [5, 27],
    "fcn8s": [5, 9, 31],
    "alexnet": [18],
}


def published(shared: Path) -> list[tuple[Path, list[int]]]:
    found = []
    for path in sorted(shared.glob("nets/*fcn*/*.prototxt")):
        kind = next((each for each in FCN if each in path.parent.name), None)
        text = path.read_text("utf-8", "replace")
        if kind is not None and "crop_param" in text:
            found.append((path, FCN[kind]))
    return found


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.campaign)])
def test_fcns_offsets_are_found_right_and_wrong_ones_wrong(
    every: int, shared: Path, tmp_path: Path
) -> None:
    nets = published(shared)
    assert len(nets) >= 20
    for path, offsets in nets[::every]:
        assert [each for each in ds.check(path).findings if each.id == "DS007"] == [], path
        net = ds.read_net(path)
        (state,) = net.states(ds.Phase.TEST)
        crops = [each.crop for each in placements(net.filtered(state))]
        expected = [each.expected[0] for each in crops if each is not None]
        assert expected == offsets * (len(expected) // len(offsets)), path
        text = path.read_bytes()
        places = list(re.finditer(rb"offset: (\d+)", text))
        assert {int(each[1]) for each in places} == set(offsets)
        for place in places:
            for wrong in (int(place[1]) - 1, int(place[1]) + 1):
                changed = tmp_path / "net.prototxt"
                changed.write_bytes(
                    text[: place.start(1)] + str(wrong).encode() + text[place.end(1) :]
                )
                found = [each for each in ds.check(changed).findings if each.id == "DS007"]
                assert len(found) == 1, (path, wrong)
                facts_of = dict(found[0].numbers)
                assert facts_of["offset"] == (wrong, wrong)
                assert facts_of["expected"] == (float(place[1]),) * 2
                line = text[: place.start()].count(b"\n") + 1
                assert found[0].line is not None
                assert 0 <= line - found[0].line <= 12  # it points at that Crop


def test_hed_without_its_fork(shared: Path) -> None:
    """HED's Crops have no offset: 35, 36, 38 and 42 are what HED's Caffe works out."""
    found = ds.check(shared / "nets/hed--examples-hed/deploy.prototxt", select="DS007").findings
    told = {each.layer: dict(each.numbers)["expected"] for each in found}
    assert told == {
        "upsample_2": (35.0, 35.0),
        "upsample_4": (36.0, 36.0),
        "upsample_8": (38.0, 38.0),
        "upsample_16": (42.0, 42.0),
    }
    old = ds.check(
        shared / "nets/crfasrnn--matlab-scripts/TVG_CRFRNN_COCO_VOC.prototxt",
        patterns="*",
        select="DS007",
    )
    assert old.findings == ()  # a V1 net is read by such a fork alone


# --- what a layer's own pad does, and what others make good

HALVED = ("Convolution", conv("kernel_size: 2 stride: 2"))


def up_by_two(pad: int) -> tuple[str, str]:
    """An enlargement by 2; a pad of 1 centres it, -1 stands for a kernel wider by 4 with pad 1."""
    wider, own = (8, pad + 2) if pad < 0 else (4, pad)
    return "Deconvolution", conv(f"kernel_size: {wider} stride: 2 pad: {own}")


def own(param: str, more: str = "") -> list[str]:
    net = ds.parse_net((INPUT + layer("Deconvolution", 0, conv(param)) + more).encode())
    return ["right" if each.right else "wrong" for each in placements(net)]


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("kernel_size: 16 stride: 8 pad: 4", "right"),
        ("kernel_size: 16 stride: 8 pad: 3", "wrong"),
        ("kernel_size: 16 stride: 8 pad: 5", "wrong"),
        ("kernel_size: 4 stride: 2 pad: 1", "right"),
        ("kernel_size: 4 stride: 2", "wrong"),
        ("kernel_size: 5 stride: 3 pad: 1", "right"),
        ("kernel_size: 3 stride: 2 pad: 1", "right"),  # no whole pad centres it
        ("kernel_size: 3 stride: 2", "right"),  # … half a pixel the other way
        ("kernel_size: 63 stride: 32 pad: 15", "right"),
        ("kernel_size: 63 stride: 32 pad: 14", "wrong"),
        ("kernel_size: 2 stride: 2", "right"),
        ("kernel_h: 4 kernel_w: 8 stride_h: 2 stride_w: 4 pad_h: 1 pad_w: 2", "right"),
        ("kernel_h: 4 kernel_w: 8 stride_h: 2 stride_w: 4 pad_h: 1 pad_w: 1", "wrong"),
    ],
)
def test_pads_by_hand(param: str, expected: str) -> None:
    assert own(param) == [expected]


def test_what_follows() -> None:
    wrong = "kernel_size: 4 stride: 2"
    pooled = layer("Pooling", 5, "pooling_param { kernel_size: 2 stride: 2 }", bottom="data")
    up = layer("Deconvolution", 6, conv(wrong), bottom="b5")
    relu = layer("ReLU", 7, "", bottom="b6")
    crop = layer("Crop", 8, "%s", bottom="b7", more='bottom: "data"')
    fuse = layer("Eltwise", 9, "", bottom="%s", more='bottom: "data"')

    def found(*layers: str) -> Any:
        (placed,) = placements(ds.parse_net((INPUT + pooled + up + "".join(layers)).encode()))
        return placed

    assert not found(relu).right
    assert found(relu, crop % "crop_param { axis: 2 offset: 1 }").right
    assert not found(relu, crop % "crop_param { axis: 2 offset: 2 }").right
    assert not found(relu, crop % "").right  # no crop_param: offset 0 to today's Caffe
    # Summed with the image itself, one pixel off.
    assert not found(fuse % "b6").right
    cropped = found(relu, crop % "crop_param { axis: 2 offset: 1 }", fuse % "b8")
    assert (cropped.cropped, cropped.right) == (True, True)
    # Behind a layer whose geometry nobody knows nothing can be said against a Crop.
    assert found(layer("Python", 10, "", bottom="b6")).right
    assert found(layer("SimpleCrop", 10, "", bottom="b6")).right
    assert found(layer("Stranger", 10, "", bottom="b6")).right
    assert not found(layer("SoftmaxWithLoss", 10, "", bottom="b6", more='bottom: "data"')).right
    python = layer("Python", 10, "", bottom="b6")
    unknown = layer("Crop", 11, "crop_param { offset: 7 }", bottom="b10", more='bottom: "data"')
    assert found(python, unknown).right


# Layers in a row, and whether each Deconvolution's output comes to lie where it should.
MADE_GOOD = {
    "a convolution without pad behind it": (
        [HALVED, up_by_two(0), ("Convolution", conv("kernel_size: 3"))], [True]),
    "two of them": (
        [HALVED, up_by_two(-1), ("Convolution", conv("kernel_size: 3")), ("ReLU", ""),
         ("Convolution", conv("kernel_size: 3"))], [True]),
    "dilated": ([HALVED, up_by_two(-1), ("Convolution", conv("kernel_size: 3 dilation: 2"))],
                [True]),
    "one that cuts more": ([HALVED, up_by_two(0), ("Convolution", conv("kernel_size: 7"))], [True]),
    "one that takes off half of it": (
        [HALVED, up_by_two(-1), ("Convolution", conv("kernel_size: 3"))], [False]),
    "one with a pad": ([HALVED, up_by_two(0), ("Convolution", conv("kernel_size: 3 pad: 1"))],
                       [False]),
    "a pad behind it": ([HALVED, up_by_two(2), ("Convolution", conv("kernel_size: 3 pad: 2"))],
                        [True]),
    "a convolution without pad before it": (
        [("Convolution", conv("kernel_size: 3")), HALVED, up_by_two(0)], [True]),
    "before it, at its own scale": (
        [HALVED, ("Convolution", conv("kernel_size: 3")), up_by_two(-1)], [True]),
    "a second Deconvolution": ([HALVED, HALVED, up_by_two(0), up_by_two(3)], [True, True]),
    "the other way about": ([HALVED, HALVED, up_by_two(2), up_by_two(-1)], [True, True]),
    "a second one that is centred": ([HALVED, HALVED, up_by_two(0), up_by_two(1)], [False, True]),
    "two that are wrong": ([HALVED, HALVED, up_by_two(0), up_by_two(0)], [False, False]),
    "smaller again": ([HALVED, up_by_two(0), HALVED], [False]),
    "nothing": ([HALVED, up_by_two(0)], [False]),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE_GOOD)
def test_what_other_layers_make_good(case: str, tmp_path: Path) -> None:
    chain, expected = MADE_GOOD[case]
    text = INPUT + "".join(layer(kind, at, param) for at, (kind, param) in enumerate(chain))
    found = placements(ds.parse_net(text.encode()))
    assert [each.right for each in found] == expected
    assert [each.centred or each.made_good for each in found] == expected
    net = tmp_path / "net.prototxt"
    net.write_text(text)
    told = ds.check(net, patterns="*", select="DS007").findings
    assert len(told) == expected.count(False)


# Those that end with another size show nothing by it.
SAME_SIZE = sorted({*MADE_GOOD} - {"one that cuts more", "smaller again"})


@pytest.mark.parametrize("case", SAME_SIZE)
def test_opencv_puts_the_image_where_it_belongs_if_it_is_made_good(case: str) -> None:
    """By the columns that a ramp shows behind the last layer: as many as the image's, in place."""
    chain, expected = MADE_GOOD[case]
    layers = "".join(layer(kind, at, param) for at, (kind, param) in enumerate(chain))
    columns = seen(INPUT + layers)
    middle = slice(24, 40)
    in_place = len(columns) == SIZE and np.allclose(
        columns[middle], np.arange(SIZE)[middle], atol=1e-4
    )
    assert in_place == all(expected)


def test_strides_beyond_all_reason_are_no_trouble() -> None:
    """300 strides of 1,000: the fractions do not grow, and it takes no time."""
    many = "".join(layer("Convolution", at, conv("kernel_size: 1 stride: 1000"), bottom="data"
                         if at == 0 else f"b{at - 1}") for at in range(300))  # fmt: skip
    last = layer("Deconvolution", 300, conv("kernel_size: 4 stride: 2"))
    crop = layer("Crop", 301, "", more='bottom: "data"')
    (placed,) = placements(ds.parse_net((INPUT + many + last + crop).encode()))
    assert placed.cropped
    assert placed.crop is None


def test_deconvolutions_beyond_all_reason_make_nothing_good() -> None:
    """From 2**-60 to 2**20 of the image: no map leads from one to the other."""
    down, up = conv("kernel_size: 1 stride: 1048576"), conv("kernel_size: 4 stride: 1048576")
    chain = [("Convolution", down)] * 3 + [("Deconvolution", up)] * 4
    net = INPUT + "".join(layer(kind, at, param) for at, (kind, param) in enumerate(chain))
    found = placements(ds.parse_net(net.encode()))
    assert [each.excess for each in found] == [(4 - 2**20,) * 2] * 4
    assert [(each.made_good, each.right) for each in found] == [(False, False)] * 4


def test_a_state_has_its_own_graph() -> None:
    """In TRAIN a Crop follows, in TEST none does."""
    up = layer("Deconvolution", 0, conv("kernel_size: 4 stride: 2"))
    crop = layer("Crop", 1, "include { phase: TRAIN }", more='bottom: "data"')
    net = ds.parse_net((INPUT + up + crop).encode())
    right = {
        phase: [each.right for each in placements(net.filtered(ds.NetState(phase)))]
        for phase in (ds.Phase.TRAIN, ds.Phase.TEST)
    }
    assert right == {ds.Phase.TRAIN: [False], ds.Phase.TEST: [False]}
    (train,) = placements(net.filtered(ds.NetState(ds.Phase.TRAIN)))
    assert train.cropped


def facts(crop: str, *more: str) -> Any:
    """The image halved, enlarged again (one pixel beyond each edge), and cut as ``crop`` says."""
    halved = layer("Pooling", 0, "pooling_param { kernel_size: 2 stride: 2 }")
    up = layer("Deconvolution", 1, conv("kernel_size: 4 stride: 2"))
    cut = layer("Crop", 2, crop, more='bottom: "data"')
    (placed,) = placements(ds.parse_net((INPUT + halved + up + cut + "".join(more)).encode()))
    return placed


def test_a_crop_by_an_axis_from_the_end() -> None:
    """-2 of four axes is 2: height and width, each with its offset."""
    placed = facts("crop_param { axis: -2 offset: 1 offset: 3 }")
    assert (placed.crop.given, placed.crop.expected) == ((1, 3), (1, 1))
    assert not placed.right


def test_offsets_that_no_caffe_takes_are_no_facts() -> None:
    """One axis of two, or three offsets for two: nothing is said of where it lies."""
    for param in (
        "crop_param { axis: 3 offset: 9 }",
        "crop_param { offset: 9 offset: 9 offset: 9 }",
    ):
        placed = facts(param)
        assert (placed.cropped, placed.crop, placed.right) == (True, None, True)


POOL, HALVE = "pooling_param { kernel_size: 2 stride: 2 }", conv("kernel_size: 3 stride: 2 pad: 1")


@pytest.mark.parametrize(
    ("up", "crop", "told", "repair"),
    [
        ("kernel_size: 4 stride: 2", "crop_param { axis: 2 offset: 2 }", [2, 1], "offset: 1"),
        ("kernel_size: 4 stride: 2", "crop_param { offset: 0 offset: 1 }", [0, 1, 1], "offset: 1"),
        (
            "kernel_h: 4 kernel_w: 6 stride: 2",
            "crop_param { offset: 0 }",
            [0, 1, 2],
            "offset: 1 offset: 2",
        ),
        ("kernel_size: 4 stride: 2", "", [0, 1], "offset: 1"),
        ("kernel_size: 8 stride: 4", "crop_param { offset: 2 }", [2], ""),
        ("kernel_size: 5 stride: 2", "crop_param { offset: 4 }", [4, 1.5, 1, 2], "offset: 1"),
        ("kernel_size: 7 stride: 2", "crop_param { offset: 1 }", [1, 2.5, 2, 3], "offset: 2"),
        ("kernel_size: 3 stride: 2 pad: 1", "crop_param { offset: 3 }", [3, -0.5], "offset: 0"),
        (
            "kernel_h: 3 kernel_w: 5 stride: 2 pad: 1",
            "crop_param { offset: 1 }",
            [1, -0.5, 0.5],
            "offset: 0 offset: 0",
        ),
    ],
    ids=[
        "offset",
        "offsets",
        "two axes",
        "no offset",
        "another scale",
        "half",
        "another half",
        "half below 0",
        "halves",
    ],
)
def test_a_wrong_crop_is_told_with_its_repair(
    up: str,
    crop: str,
    told: list[float],
    repair: str,
    tmp_path: Path,
    words: Words,
    request: pytest.FixtureRequest,
) -> None:
    """The image halved, enlarged and cut; each pixel of a wider kernel moves it by a half."""
    net = tmp_path / "net.prototxt"
    net.write_text(
        INPUT
        + layer("Pooling", 0, POOL)
        + layer("Deconvolution", 1, conv(up))
        + layer("Crop", 2, crop, more='bottom: "data"')
    )
    (found,) = ds.check(net, patterns="*", select="DS007").findings
    assert names(found.message)[0] == "l2"
    assert numbers(found.message) == told
    assert found.repair is not None
    written = f"crop_param {{ axis: 2 {repair} }}"
    assert (written in found.repair.words) == bool(repair)
    assert found.line == 4  # the Crop's
    words((found.message, found.repair.words), request.node.callspec.id)
    if repair:
        rest = net.read_text().splitlines(keepends=True)[:-1]
        fixed = "".join(rest) + layer("Crop", 2, written, more='bottom: "data"')
        (placed,) = placements(ds.parse_net(fixed.encode()))
        assert placed.crop is not None
        assert placed.crop.right


def test_a_crop_that_only_forks_can_read_is_theirs() -> None:
    """In a net of old there is no Crop but that of forks, which work the offset out themselves."""
    net = ds.parse_net(
        (
            INPUT
            + 'layers { name: "p" type: POOLING bottom: "data" top: "p" ' + POOL + " }\n"
            'layers { name: "up" type: DECONVOLUTION bottom: "p" top: "up" '
            + conv("kernel_size: 4 stride: 2") + " }\n"
            'layers { name: "cut" type: CROP bottom: "up" bottom: "data" top: "cut" }\n'
        ).encode()
    )  # fmt: skip
    (placed,) = placements(net)
    assert (placed.crop.given, placed.crop.expected) == ((0, 0), (1, 1))
    assert (placed.crop.forked, placed.right) == (True, True)


@pytest.mark.parametrize(("offset", "right"), [(0, True), (1, True), (2, True), (3, False)])
def test_edges_put_upon_edges_are_no_fault(offset: int, right: bool) -> None:
    """Padded halvings keep the first pixel, an enlargement by 4 has the edge there: 1.5 off.

    Of a Deconvolution that is centred a Crop may take the far end alone, as for images of uneven
    sizes.
    """
    net = INPUT + layer("Convolution", 0, HALVE) + layer("Convolution", 1, HALVE)
    net += layer("Deconvolution", 2, conv("kernel_size: 8 stride: 4 pad: 2"))
    net += layer("Crop", 3, f"crop_param {{ offset: {offset} }}", more='bottom: "data"')
    (placed,) = placements(ds.parse_net(net.encode()))
    assert placed.crop.expected == (Fraction(3, 2), Fraction(3, 2))
    assert placed.right is right


@pytest.mark.parametrize(("pad", "agrees"), [(1, False), (2, True), (3, False)])
def test_branches_that_meet_without_a_crop(pad: int, agrees: bool) -> None:
    """The image one pixel larger at each edge, summed with one enlarged to the same."""
    net = INPUT + layer("Pooling", 0, POOL)
    net += layer("Deconvolution", 1, conv("kernel_size: 4 stride: 2"))
    net += layer("Convolution", 2, conv(f"kernel_size: 3 pad: {pad}"), bottom="data")
    net += layer("Eltwise", 3, "", bottom="b1", more='bottom: "b2"')
    (placed,) = placements(ds.parse_net(net.encode()))
    assert (placed.joined, placed.right) == (agrees, agrees)


@pytest.mark.parametrize(
    ("kind", "param", "keeps"),
    [
        ("Concat", "", True),
        ("Concat", "concat_param { axis: 1 }", True),
        ("Concat", "concat_param { axis: 2 }", False),
        ("Concat", "concat_param { concat_dim: 3 }", False),
        ("Slice", "slice_param { slice_dim: 1 }", True),
        ("Slice", "slice_param { axis: 3 }", False),
        ("ArgMax", "argmax_param { axis: 1 }", True),
        ("Tile", "tile_param { axis: 2 tiles: 2 }", False),
        ("Pooling", "pooling_param { global_pooling: true }", False),
        ("Pooling", "pooling_param { kernel_size: 1 pad_l: 1 }", False),  # a fork's field
        ("Pooling", "pooling_param { kernel_size: 1 }", True),
        ("Convolution", conv("kernel_size: 1 pad_l: 1"), False),
        ("Convolution", conv("kernel_size: 1 axis: 2"), False),
        ("Convolution", conv("kernel_size: 1"), True),
    ],
)
def test_who_leaves_pixels_where_they_are(kind: str, param: str, keeps: bool) -> None:
    """A map of nothing, or none at all: then nothing is said of what lies behind."""
    net = ds.parse_net((INPUT + layer(kind, 0, param)).encode())
    own_map = layer_map(net.layers[-1], window_of(net.layers[-1], [(1, 1, SIZE, SIZE)]))
    assert (own_map is not None and set(own_map) <= {AxisMap()}) is keeps
    assert keeps or own_map is None


def test_of_two_wrong_crops_the_nearest_counts() -> None:
    placed = facts(
        "crop_param { offset: 7 }",
        layer("Crop", 3, "crop_param { offset: 5 }", bottom="b1", more='bottom: "data"'),
    )
    assert placed.crop.layer.name == "l2"


def test_a_deconvolution_that_caffe_refuses_lies_nowhere() -> None:
    good, bad = "kernel_size: 4 stride: 2 pad: 1", "kernel_size: 4 stride: 0"
    assert own(bad) == []
    assert own(good, layer("Deconvolution", 1, conv(bad))) == ["right"]


def test_maps_of_another_number_of_axes_do_not_follow() -> None:
    one, two = (AxisMap(Fraction(2)),), (AxisMap(), AxisMap())
    assert composed(one, two) is None
    assert composed((), one) == one


@pytest.mark.parametrize(
    ("param", "shift"),
    [
        ("", Fraction(1, 2)),  # the default of 2: two pixels for one, their centre between them
        ("scale: 3", Fraction(1)),
        ("scale: 0", None),
        ("scale: 2 upsample_h: 45", None),  # a size of its own, which may cut
    ],
)
def test_a_forks_upsample_by_hand(param: str, shift: Fraction | None) -> None:
    net = ds.parse_net((INPUT + layer("Upsample", 0, f"upsample_param {{ {param} }}")).encode())
    found = layer_map(net.layers[-1], None)
    assert (found[0].shift if found else None) == shift


def test_a_pooling_that_caffe_would_not_set_up_has_no_map() -> None:
    text = layer("Pooling", 0, "pooling_param { kernel_size: 3 pad: 3 }")
    (pooling,) = ds.parse_net(text).layers
    assert layer_map(pooling, None) is None
