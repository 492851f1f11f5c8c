"""Every net of ../shared: read, or refused at the place; weight shapes as Caffe has them."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import NetParameter, message_class
from helpers.places import SHARED
from helpers.runs import run_here

SHAPES_FILE = SHARED / "golden" / "shapes" / "shapes.json"

if not SHARED.is_dir():
    pytest.skip(f"no shared test data at {SHARED}", allow_module_level=True)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def nets() -> Iterator[Path]:
    for folder in ("nets", "models"):
        for path in sorted((SHARED / folder).glob("*/*")):
            if ".prototxt" in path.name:
                yield path.relative_to(SHARED)


ROWS = {
    Path(folder, row["short-name"], row["file"]): row
    for folder in ("nets", "models")
    for row in table(SHARED / folder / "INDEX.tsv")
    if row["format"].startswith("prototxt")
}
NETS = list(nets())
UNPARSABLE = [path for path in NETS if ROWS[path]["format"] == "prototxt UNPARSABLE"]
READABLE = [path for path in NETS if path not in UNPARSABLE]
SHAPES: dict[str, Any] = json.loads(SHAPES_FILE.read_text()) if SHAPES_FILE.exists() else {}


def of(paths: list[Path], every: int = 8) -> pytest.MarkDecorator:
    """One of so many always, all in a campaign."""
    return pytest.mark.parametrize(
        "path",
        [
            pytest.param(path, id=str(path), marks=pytest.mark.campaign if at % every else ())
            for at, path in enumerate(paths)
        ],
    )


def test_every_indexed_net_is_looked_at() -> None:
    assert set(NETS) == set(ROWS)
    assert len(READABLE) > 100
    assert len(UNPARSABLE) == 9


@cache
def as_read(path: Path) -> ds.Net:
    return ds.read_net(SHARED / path)


# --- reading


@of(READABLE)
def test_a_net_is_read(path: Path) -> None:
    row = ROWS[path]
    net = as_read(path)
    assert f"prototxt {net.version}" == row["format"]
    kinds = Counter(layer.type for layer in net.layers)
    assert kinds["Deconvolution"] == int(row["n_deconv"])
    # duplicate layer names: 'data'x2, 'crop'x3
    names = Counter(layer.name for layer in net.layers)
    for name, count in re.findall(r"'([^']*)'x(\d+)", row["notes"].partition("duplicate")[2]):
        assert names[name] == int(count)
    assert any("CRLF" in note for note in net.notes) == (" | CRLF" in row["notes"])
    # every Deconvolution's line is the line of a layer in the text
    lines = re.split(r"\r\n|\r|\n", (SHARED / path).read_bytes().decode("latin-1"))
    for layer in net.layers:
        if layer.type == "Deconvolution":
            assert re.search(r"\blayers?\b", lines[layer.line - 1])


@of(UNPARSABLE)
def test_what_is_no_net_is_refused_at_its_place(path: Path) -> None:
    told = re.search(r"tolerant parser: line (\d+): .*'([^']+)'", ROWS[path]["notes"])
    assert told
    with pytest.raises(ds.PrototxtError) as caught:
        ds.read_net(SHARED / path)
    error = caught.value
    assert (error.path, error.line) == (str(SHARED / path), int(told[1]))
    assert error.column
    line = (SHARED / path).read_text().splitlines()[error.line - 1]
    assert line[error.column - 1 :].startswith(told[2])


@pytest.mark.parametrize("verb", [["inspect"], ["apply", "--dry-run"]], ids=" ".join)
def test_the_command_line_says_where(verb: list[str], tmp_path: Path) -> None:
    path = SHARED / "nets" / "bvlc-caffe--examples-mnist" / "lenet_conv_pool.prototxt"
    (tmp_path / "in.caffemodel").write_bytes(b"\x0a\x03net\xa2\x06\x03\x0a\x01a")
    code, out, errors = run_here(tmp_path, *verb, str(path), "in.caffemodel")
    assert (code, out) == (3, b"")
    assert f"{path}:9:17".encode() in errors


# --- shapes


@cache
def deconvolutions(path: Path) -> set[str]:
    """Their names, by protobuf alone."""
    message = text_format.Parse(
        (SHARED / path).read_bytes(), NetParameter(), allow_unknown_field=True
    )
    numbered = message_class("V1LayerParameter").DESCRIPTOR.enum_values_by_name
    v1 = {layer.name for layer in message.layers if layer.type == numbered["DECONVOLUTION"].number}
    return v1 | {layer.name for layer in message.layer if layer.type == "Deconvolution"}


@pytest.mark.parametrize("every_layer", [False, True], ids=["matched", "all"])
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, marks=pytest.mark.campaign if at % 8 else ())
        for at, key in enumerate(sorted(SHAPES))
    ],
)
def test_inspect_gives_caffes_weight_shapes(key: str, every_layer: bool) -> None:
    """Also where Caffe's data layers are at hand for nobody: weights do not depend on them."""
    path, _, phase = key.partition("|")
    params = SHAPES[key]["params"]
    expected = {name: params[name] for name in deconvolutions(Path(path)) & params.keys()}
    options: dict[str, Any] = {
        "patterns": ["*"],
        "phase": ds.Phase[phase],
        "every_layer": every_layer,
    }
    if not expected and not every_layer:
        with pytest.raises(ds.SelectionError):
            ds.inspect(as_read(Path(path)), **options)
        return
    rows = ds.inspect(as_read(Path(path)), **options).layers
    rows = tuple(row for row in rows if row.type == "Deconvolution")
    assert {row.name: [list(blob or ()) for blob in row.blobs or ()] for row in rows} == expected
    for row in rows:
        assert row.target is not None
        assert row.target.shape == tuple(expected[row.name][0])
        assert (row.matched, row.phases) == (True, (phase,))


@pytest.mark.parametrize(
    "key",
    [
        key
        for key in (
            "models/fsrcnn-x3/fsrcnn_net.prototxt|TRAIN",
            "models/retinaface-mnet25/mnet25.prototxt|TEST",
            "nets/fcn.berkeleyvision.org--voc-fcn8s/train.prototxt|TRAIN",
            "nets/hed--examples-hed/train_val.prototxt|TRAIN",
            "nets/waifu2x-caffe--bin-models-cunet/noise0_model.prototxt|TEST",
        )
        if key in SHAPES
    ],
)
def test_the_command_line_gives_caffes_weight_shapes(key: str) -> None:
    path, _, phase = key.partition("|")
    options = ["--json", "--phase", phase.lower(), "-p", "*"]
    code, out, errors = run_here(Path(), "inspect", *options, str(SHARED / path))
    assert (code, errors) == (0, b"")
    params = SHAPES[key]["params"]
    layers = parsed_json(out)["layers"]
    assert {layer["name"]: layer["shape"] for layer in layers} == {
        name: params[name][0] for name in deconvolutions(Path(path)) & params.keys()
    }
