"""``inspect --picture``: weights drawn so that what is wrong with them can be seen."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

import deconvsurgery as ds
from deconvsurgery.pictures.layer_pictures import RowPictures
from deconvsurgery.report.terminal.chart import Chart
from deconvsurgery.report.terminal.heatmap import Heat, Ink
from deconvsurgery.report.terminal.picture_grid import Tile
from deconvsurgery.report.terminal.pictures import layer_pictures, plain_layer_pictures
from helpers.documents import parsed_json
from helpers.models import NetParameter
from helpers.runs import run_here
from helpers.sights import Sight, seen
from helpers.words import Words, numbers

Array = np.ndarray[Any, Any]
KERNEL = ds.bilinear_kernel(4).astype(np.float32)
DIAGONAL = np.einsum("io,hw->iohw", np.eye(3, dtype=np.float32), KERNEL)
# Channels 0 to 2 into outputs 0 to 2: the same kernel, in other places.
CASES = {
    "diagonal": (DIAGONAL, 1),
    "every pair": (np.tile(KERNEL, (3, 3, 1, 1)), 1),
    "grouped": (np.tile(KERNEL, (3, 1, 1, 1)), 3),
}
WIDTHS = (40, 60, 80, 120, 200)
SYSTEMS = ("truecolor", "256", "standard", None)


def on_terminal(what: Sight | None, width: int = 80, system: str | None = "truecolor") -> str:
    """With escape sequences, as it was printed."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=True, color_system=system, highlight=False
    )
    console.print(layer_pictures("up", ds.Fingerprint(ds.WeightState.OTHER), what))
    return file.getvalue()


def plain(shown: str) -> list[str]:
    return [line.rstrip() for line in Text.from_ansi(shown).plain.split("\n")]


def in_pipe(what: Sight | None) -> list[str]:
    return list(plain_layer_pictures("up", ds.Fingerprint(ds.WeightState.OTHER), what))


def block(lines: list[str], start: str) -> list[str]:
    """The lines below the one that begins so, up to the next that names the layer."""
    at = next(number for number, line in enumerate(lines) if line.startswith(start))
    below = lines[at + 1 :]
    end = next((number for number, line in enumerate(below) if line.startswith("up: ")), None)
    return below[:end]


# --- what the every-pair bug looks like


def test_the_three_cases_in_characters(words: Words) -> None:
    shown = {name: in_pipe(seen(*case)) for name, case in CASES.items()}
    maps = {name: block(lines, "up: channel map") for name, lines in shown.items()}
    assert maps == {
        "diagonal": ["9 . .", ". 9 .", ". . 9"],
        "every pair": ["9 9 9", "9 9 9", "9 9 9"],
        "grouped": ["9", "  9", "    9"],
    }
    said = {
        name: [line for line in lines if line.startswith("up: ")] for name, lines in shown.items()
    }
    for name, lines in said.items():
        words(lines, name)
    assert [title(line) for line in said["diagonal"]] == [
        *("other", "wiring", "kernel 4x4", "channel map", "test", "channel 0", "channel 1"),
        *("→ output 0", "→ output 1"),
    ]
    size, outputs_and_channels, largest = [4, 4], [3, 3], [9, 0.5625]
    apart = [0, 0, 1]  # else 0; output 0 shows the one, output 1 the other
    assert [numbers(line) for line in said["diagonal"]] == [
        *([], []),
        [*size, 3, 9, 0, 6, *largest],  # the same in 3 of 9 pairs, 0 in 6
        [*outputs_and_channels, *largest, 0],
        apart,
        *([0, 9, 1, 0], [1, 9, 1, 0]),
        *([0, 9, 0.8874, 0], [1, 9, 0.8874, 0]),
    ]
    assert [numbers(line) for line in said["every pair"][1:5]] == [
        [3],  # channels that every output sums
        [*size, 9, 9, *largest],
        [*outputs_and_channels, *largest],
        [0],
    ]
    assert [numbers(line) for line in said["grouped"][1:5]] == [
        [],
        [*size, 3, 3, *largest],
        [*outputs_and_channels, *largest, 0],
        apart,
    ]


def title(line: str) -> str:
    """What a line of a layer is about: the sentences on wiring and test have no title."""
    found = line.split(": ")[1]
    known = r"other|kernel .*|channel map|channel \d+|→ output \d+"
    if re.fullmatch(known, found):
        return found
    return "test" if line.count(": ") > 1 else "wiring"


RING = [
    ". 0 1 2 4 4 3 2 0 . .",
    "0 1 5 8 9 8 9 7 3 0 .",
    "1 5 9 6 3 3 4 8 8 3 .",
    "2 8 6 1 . . 0 3 8 6 0",
    "4 9 3 . . . . 1 6 8 1",
    "4 8 3 . . . . 1 5 8 1",
    "3 9 4 0 . . 0 2 7 7 1",
    "2 7 8 3 1 1 2 5 8 5 .",
    "0 3 8 8 6 5 7 8 6 1 .",
    ". 0 3 6 8 8 7 5 1 . .",
    ". . . 0 1 1 1 . . . .",
    "1 digit of every 2 x 2 values",
]


CROSS = [
    "7 3 0 . . . . 0 2 5 6",
    "3 7 3 0 . . 0 2 5 7 1",
    "0 3 7 3 0 0 2 5 7 1 .",
    ". 0 3 7 3 2 5 7 1 . .",
    ". . 0 3 7 5 7 1 . . .",
    ". . 0 2 5 7 3 0 . . .",
    ". 0 2 5 7 3 7 3 0 . .",
    "0 2 5 7 1 0 3 7 3 0 .",
    "2 5 7 1 . . 0 3 7 3 0",
    "5 7 1 . . . . 0 3 7 3",
    "6 1 . . . . . . 0 3 6",
    "1 digit of every 2 x 2 values",
]


def test_the_outputs_in_characters() -> None:
    apart = in_pipe(seen(*CASES["diagonal"]))
    assert block(apart, "up: → output 0") == RING
    cross = block(apart, "up: → output 1")
    assert cross == CROSS
    summed = in_pipe(seen(*CASES["every pair"]))
    both = block(summed, "up: → output 0")
    assert both == block(summed, "up: → output 1")
    assert both not in (RING, cross)


def channel_map(shown: str) -> list[tuple[str, str]]:
    """The characters of the map, whose cells are 8 pixels a side, and how each is printed."""
    lines = shown.split("\n")
    start = next(number for number, line in enumerate(lines) if "channel map" in line)
    return lines[start + 1 : start + 13]


def test_the_three_cases_in_colour() -> None:
    """The kernel has 24 columns, then come two spaces and the map."""
    colours: dict[str, list[list[str]]] = {}
    for name, case in CASES.items():
        rows = []
        for line in channel_map(on_terminal(seen(*case))):
            text = Text.from_ansi(line)
            places = range(26, 50)
            rows.append([str(text.get_style_at_offset(CONSOLE, place)) for place in places])
        colours[name] = rows
    weight, zero = "#ffc440 on #ffc440", "#101018 on #101018"
    grey, other = "#6c6c74 on #55555d", "#55555d on #6c6c74"
    for row in range(12):
        for column in range(24):
            at_home = row // 4 == column // 8
            here = {name: rows[row][column] for name, rows in colours.items()}
            assert here["every pair"] == weight
            assert here["diagonal"] == (weight if at_home else zero)
            assert here["grouped"] == (weight if at_home else (grey, other)[column % 2])


CONSOLE = Console()


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_has_its_own_codes(system: str | None) -> None:
    codes = set(re.findall(r"\x1b\[([0-9;]*)m", on_terminal(seen(*CASES["grouped"]), 80, system)))
    colours = {
        "truecolor": "38;2;255;196;64;48;2;255;196;64",
        "256": "38;5;221;48;5;221",
        "standard": "93;103",
    }
    assert {name for name, code in colours.items() if code in codes} == {system} - {None}
    assert (not codes) == (system is None)


# Colours are laid out alike whatever their number, and a case differs from another in its notes.
TABLE = [
    pytest.param(
        *(case, width, system),
        marks=() if case == "grouped" and system in ("standard", None) else pytest.mark.campaign,
    )
    for case in CASES
    for width in WIDTHS
    for system in SYSTEMS
]


@pytest.mark.parametrize(("case", "width", "system"), TABLE)
def test_pictures_fit_the_window(case: str, width: int, system: str | None) -> None:
    lines = plain(on_terminal(seen(*CASES[case]), width, system))
    assert max(map(len, lines)) <= width
    titles = ("kernel 4x4", "channel map", "channel 0", "channel 1", "→ output 0", "→ output 1")
    rows = [line.split("  ") for line in lines if line.startswith(titles)]
    assert tuple(title.strip() for row in rows for title in row if title) == titles
    # Rows of pictures, in colour and in digits: below each other where there is no room.
    wanted = {40: (5, 5), 60: (3, 3), 80: (2, 3), 120: (2, 2), 200: (2, 2)}
    assert len(rows) == wanted[width][system is None]


def test_before_and_after_stand_beside_each_other_on_80_columns() -> None:
    """Also where pad is 0, and the outputs are widest."""
    lines = plain(on_terminal(seen(*CASES["diagonal"], pad=(0, 0)), 80))
    titles = [re.split(" {2,}", line) for line in lines]
    assert ["channel 0", "channel 1", "→ output 0", "→ output 1"] in titles


def test_a_pixel_is_as_high_as_wide() -> None:
    """A character is two pixels above each other; a digit has a space beside it."""
    heat = Heat(np.ones((6, 10)))
    tile = Tile("", heat, most=24, least=20)
    assert tile.picture(Ink.TRUE, 80).plain.split("\n") == ["▀" * 20] * 6
    assert tile.picture(Ink.CHARACTERS, 80).plain.split("\n") == ["9 9 9 9 9 9 9 9 9 9"] * 6


def test_a_scale_ends_where_the_picture_does() -> None:
    lines = plain(on_terminal(seen(DIAGONAL)))
    assert "0 █████████ 0.5625        0 █████████ 0.5625" in lines
    assert "0 ███████ 1  0 ███████ 1" in " ".join(lines)
    assert sum(line.count("0 █████████ 0.8874") for line in lines) == 2


# --- other weights


def test_learned_kernels_have_blue_for_what_is_below_zero(words: Words) -> None:
    weights = np.zeros((2, 2, 2, 2), np.float32)
    weights[0, 0] = [[1, -1], [0, 0.5]]
    weights[1, 1] = [[-1, -1], [-1, -0.25]]
    shown = on_terminal(seen(weights, stride=(2, 2), pad=(0, 0)))
    assert "38;2;72;144;255" in shown
    lines = plain(shown)
    wiring = next(line for line in lines if "; " in line)
    at = lines.index(wiring)
    caption = " ".join(lines[at : lines.index("", at)])
    assert numbers(caption) == [2, 4, 0, 2]  # kernels in so many pairs, 0 in so many
    words(caption)
    # Two kernels and two outputs have a scale of both signs.
    assert sum(line.count("-1 █████████ 1") for line in lines) == 4
    text = in_pipe(seen(weights, stride=(2, 2), pad=(0, 0)))
    first, second = (line for line in text if line.startswith("up: kernel 2x2: "))
    assert (numbers(first)[2:4], numbers(second)[2:4]) == ([0, 0], [1, 1])  # channel to output
    assert block(text, first) == [" 9-9", " . 5"]
    assert block(text, second) == ["-9-9", "-9-2"]


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_marked(strange: float, words: Words) -> None:
    weights = DIAGONAL.copy()
    weights[1, 1, 0, 0] = strange
    shown = on_terminal(seen(weights), 120)
    assert "38;2;255;0;255" in shown
    assert any("█ NaN" in line for line in plain(shown))
    lines = in_pipe(seen(weights))
    assert block(lines, "up: channel map") == ["9 . .", ". ? .", ". . 9"]
    (legend,) = [line for line in lines if line.startswith("up: channel map")]
    digits = [part.partition(" = ")[::2] for part in legend.split(", ")[-3:]]
    assert digits[:2] == [("9", "0.5625"), (".", "0")]
    assert digits[2][0] == "?"
    words(legend)


def test_weights_of_zeros(words: Words) -> None:
    nothing = seen(np.zeros((2, 2, 4, 4), np.float32))
    lines = plain(on_terminal(nothing))
    assert not any("▀" in line for line in lines[:2])
    words(lines[1], "terminal")
    assert any(line.startswith("0 every") for line in lines)
    in_a_pipe = in_pipe(nothing)
    assert [title(line) for line in in_a_pipe if line.startswith("up: ")] == [
        *("other", "test", "channel map"),
    ]
    words(in_a_pipe[1], "pipe")
    assert block(in_a_pipe, "up: channel map") == [". .", ". ."]


def test_no_weights_are_no_picture(words: Words) -> None:
    head, none = in_pipe(None)
    assert head == "up: other"
    assert plain(on_terminal(None)) == ["up  other", none.removeprefix("up: "), ""]
    words(none)


def test_kernels_of_one_axis_and_of_three(words: Words) -> None:
    line = seen(np.ones((1, 1, 3), np.float32))
    assert block(in_pipe(line), "up: kernel 3:") == ["9 9 9"]
    cube = np.zeros((1, 1, 3, 2, 2), np.float32)
    cube[0, 0, 1] = [[1, 0], [0, 1]]
    lines = in_pipe(seen(cube))
    assert block(lines, "up: kernel 3x2x2: ") == ["9 .", ". 9"]
    words([line for line in lines if line.startswith("up: ")])
    assert not [line for line in lines if "output 0" in line]


def test_many_channels_and_large_kernels_stay_small() -> None:
    wide = seen(np.tile(KERNEL, (4096, 1, 1, 1)), 4096)
    lines = plain(on_terminal(wide))
    said = [numbers(line) for line in lines]
    assert [1, 128, 128] in said  # a pixel stands for so many
    assert [4096] in said  # channels
    big = seen(np.ones((1, 1, 200, 200), np.float32), stride=(100, 100), pad=(50, 50))
    for system in SYSTEMS:
        lines = plain(on_terminal(big, 80, system))
        assert len(lines) < 70
        assert max(map(len, lines)) <= 80


# --- bars


def test_bars_end_in_eighths_or_in_whole_lines() -> None:
    chart = Chart("", [0, 0.25, 0.5, 1], largest=1, high=2, most=8, least=8)
    assert chart.lines(80, blocks=True) == ["      ██", "  ▄▄████"]
    assert chart.lines(80, blocks=False) == ["      ##", "  ######"]


def test_bars_of_many_values_and_of_values_below_zero() -> None:
    assert Chart("", [0, 9, 1, 9, 1], 1, high=1, most=3).lines(3, blocks=True) == [" ██"]
    assert Chart("", [-1, 1, 3], 1, high=1, most=3).lines(3, blocks=True) == [" ██"]
    assert Chart("", [0, 0], 0, high=1, most=3).lines(3, blocks=True) == ["  "]


# --- as a verb


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A model of the three cases and a layer of another type, and its net."""
    model = NetParameter()
    layers = ['input: "d" input_shape { dim: [1, 3, 9, 9] }']
    for name, (weights, group) in CASES.items():
        layer = model.layer.add(name=f"up {name}", type="Deconvolution")
        param = layer.convolution_param
        param.num_output, param.group, param.bias_term = 3, group, False
        param.kernel_size.append(4)
        param.stride.append(2)
        param.pad.append(1)
        blob = layer.blobs.add(data=weights.ravel().tolist())
        blob.shape.dim.extend(weights.shape)
        layers.append(
            f'layer {{ name: "up {name}" type: "Deconvolution" bottom: "d" top: "{name}" '
            f"convolution_param {{ num_output: 3 group: {group} kernel_size: 4 stride: 2 pad: 1 "
            "bias_term: false } }"
        )
    large = model.layer.add(name="fc", type="InnerProduct").blobs.add(data=[0.5] * 1_000_000)
    large.shape.dim.extend((1000, 1000))
    (tmp_path / "model").write_bytes(model.SerializeToString())
    (tmp_path / "net").write_text("\n".join(layers))
    return tmp_path


def sights(result: ds.InspectResult) -> tuple[Sight | None, ...]:
    """What is drawn of each row."""
    assert isinstance(result.pictures, RowPictures)
    return result.pictures.sights


def test_sights_stand_beside_the_rows(place: Path) -> None:
    result = ds.inspect(place / "net", place / "model", pictures=True, every_layer=True)
    found = {
        row.name: None if seen is None else seen.wiring.value
        for row, seen in zip(result.layers, sights(result), strict=True)
    }
    assert found == {
        "up diagonal": "own",
        "up every pair": "summed",
        "up grouped": "grouped",
        "fc": None,
        "input": None,
    }
    chosen = ds.inspect(place / "net", place / "model", pictures=True, patterns="grouped")
    assert [seen.wiring for seen in sights(chosen) if seen] == ["grouped"]
    assert ds.inspect(place / "net", place / "model").pictures is None
    alone = ds.inspect(place / "net", pictures=True).pictures
    assert isinstance(alone, RowPictures)
    assert (alone.sights, len(alone.ways)) == ((), 1)


def test_only_what_is_drawn_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file of 4 MB: the three layers' weights, and the heads of messages."""
    pread, sizes = os.pread, []

    def noted(descriptor: int, size: int, start: int) -> bytes:
        data = pread(descriptor, size, start)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", noted)
    result = ds.inspect(None, place / "model", pictures=True)
    assert len([seen for seen in sights(result) if seen]) == 3
    assert result.model_size is not None
    assert result.model_size > 4_000_000
    weights = 4 * 16 * (9 + 9 + 3)
    assert weights < sum(sizes) < 1_000_000


@pytest.mark.parametrize("form", [{"to": "hdf5"}, {"values": "raw-float16"}])
def test_every_form_of_a_model_has_the_same_pictures(form: dict[str, str], place: Path) -> None:
    other = place / "other"
    ds.convert(place / "model", other, **form)
    shown = [
        [
            line
            for row, seen in zip(result.layers, sights(result), strict=True)
            if row.weights is not None
            for line in plain_layer_pictures(row.name, row.weights, seen)
        ]
        for result in (
            ds.inspect(place / "net", place / model, pictures=True) for model in ("model", "other")
        )
    ]
    assert shown[0] == shown[1]
    assert len(shown[0]) > 100


def test_the_verb_draws_below_its_table(place: Path) -> None:
    code, out, errors = run_here(place, "inspect", "--picture", "net", "model")
    assert (code, errors) == (0, b"")
    lines = out.decode().splitlines()
    heads = ["up diagonal: bilinear", "up every pair: bilinear-every-pair", "up grouped: bilinear"]
    places = [lines.index(head) for head in heads]
    assert places == sorted(places)
    table = next(number for number, line in enumerate(lines) if line.startswith("layer "))
    finding = next(number for number, line in enumerate(lines) if "DS004" in line)
    assert table < places[0]
    assert places[-1] < finding
    assert out.isascii() is False  # the arrow of an output
    assert b"\x1b" not in out


def test_layers_of_other_types_have_no_picture(place: Path) -> None:
    code, out, _ = run_here(place, "inspect", "--picture", "-a", "net", "model")
    lines = out.decode().splitlines()
    assert code == 0
    assert [line for line in lines if line.startswith("fc ")]  # in the table alone
    assert not [line for line in lines if line.startswith("fc:")]
    assert "up diagonal: bilinear" in lines


@pytest.mark.parametrize(
    ("dims", "count", "outputs", "group"),
    [
        ((2, 2, 4, 4), 63, 2, 1),  # a value too few
        ((2, 2, 4, 4), 64, 3, 1),  # the layer has more outputs
        ((2, 1, 4, 4), 32, 2, 0),
        ((3, 1, 4, 4), 48, 2, 2),  # channels that do not go into groups
        ((8, 8), 64, 8, 1),  # no kernel
    ],
)
def test_weights_that_are_not_the_layers_are_no_picture(
    dims: tuple[int, ...], count: int, outputs: int, group: int, tmp_path: Path, words: Words
) -> None:
    model = NetParameter()
    layer = model.layer.add(name="up", type="Deconvolution")
    param = layer.convolution_param
    param.num_output, param.group = outputs, group
    param.kernel_size.append(4)
    layer.blobs.add(data=[0.5] * count).shape.dim.extend(dims)
    (tmp_path / "model").write_bytes(model.SerializeToString())
    code, out, errors = run_here(tmp_path, "inspect", "--picture", "model")
    assert (code, errors) == (0, b"")
    drawn = [line for line in out.decode().splitlines() if line.startswith("up: ")]
    assert len(drawn) == 2  # its state, and that there is none
    words(drawn[1])


@pytest.mark.parametrize("line", ["--picture --json net model", "--picture net"])
def test_no_picture_can_be_had(line: str, place: Path, words: Words) -> None:
    code, out, errors = run_here(place, "inspect", *line.split())
    said = (out + errors).decode()
    assert code == 2
    assert "--picture" in line
    if "--json" in line:
        error = parsed_json(out)["error"]
        assert errors == b""
        assert "--json" in error["message"]
        words(error["message"], "json")
    else:
        assert out == b""
        assert "--picture" in said
        words(said, "no model")


# --- real models


def deconvolutions(shared: Path, name: str) -> list[tuple[str, Sight]]:
    (path,) = (shared / "models").glob(name)
    result = ds.inspect(None, path, pictures=True)
    pairs = zip(result.layers, sights(result), strict=True)
    return [(row.name, seen) for row, seen in pairs if seen is not None]


def test_retinaface_has_a_group_a_channel(shared: Path, words: Words) -> None:
    found = deconvolutions(shared, "retinaface-mnet25/mnet25.caffemodel")
    assert [name for name, _ in found] == ["rf_c3_upsampling", "rf_c2_upsampling"]
    for _, what in found:
        lines = in_pipe(what)
        assert what.wiring == "grouped"
        words(lines[1])
        (kernel,) = [line for line in lines if line.startswith("up: kernel 4x4: ")]
        assert numbers(kernel) == [4, 4, 64, 64, 9, 0.5625]  # the same in 64 of 64 pairs
        assert block(lines, "up: kernel") == ["1 3 3 1", "3 9 9 3", "3 9 9 3", "1 3 3 1"]
        assert block(lines, "up: channel map")[:3] == ["9", "  9", "    9"]


def test_enet_hears_everything_through_learned_kernels(shared: Path, words: Words) -> None:
    found = deconvolutions(shared, "enet-cityscapes/cityscapes_weights.caffemodel")
    (_, last) = next(each for each in found if each[0] == "deconv6_0_0")
    lines = in_pipe(last)
    # All channels; kernels that are drawn, and others in so many of all pairs.
    assert numbers(lines[1]) == [16, 4, 300, 304]
    words(lines[1])
    assert len(block(lines, "up: channel map")) == 19


@pytest.mark.parametrize(
    ("models", "count"),
    [
        ("retinaface-mnet25/*.caffemodel", 2),
        pytest.param("*/*.caffemodel", 20, marks=pytest.mark.campaign),
    ],
)
def test_every_real_deconvolution_can_be_drawn(models: str, count: int, shared: Path) -> None:
    drawn = 0
    for path in sorted((shared / "models").glob(models)):
        if path.stat().st_size < 1000:  # a pointer, not a model
            continue
        for name, what in deconvolutions(shared, f"{path.parent.name}/{path.name}"):
            drawn += 1
            for width, system in ((40, "standard"), (120, None)):
                lines = plain(on_terminal(what, width, system))
                assert max(map(len, lines)) <= width, (path, name)
                if system:
                    assert sum(line.count("▀") for line in lines) > 100, (path, name)
            *rest, note = block(in_pipe(what), "up: channel map")
            if not note.startswith("1 digit "):
                rest, note = [*rest, note], "1 1 1"
            step = int(numbers(note)[-1])
            # A row of the map for each output, or for each block of them.
            assert len(rest) == -(-what.num_output // step), (path, name)
            silent = not any(set(row) - {" ", "."} for row in rest)
            assert silent == (what.wiring == "silent"), (path, name)
    assert drawn >= count
