"""The shipped JSON Schemas and what ``--json`` prints are the same to the key.

A schema leaves room for keys to come; these tests do not: no key goes undescribed, and nothing is
described that no run prints.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from jsonschema import Draft202012Validator

import deconvsurgery as ds
from helpers.commands import VERBS, takes
from helpers.documents import parsed_json
from helpers.models import NetParameter, demo_base, demo_net, model_bytes, write_demo
from helpers.places import GOLDEN, PACKAGE, SHARED, TESTS
from helpers.runs import run_here
from helpers.words import Words, names

Document = dict[str, Any]
Schema = dict[str, Any]

SCHEMAS = PACKAGE / "report" / "json_documents" / "schemas"


COMMANDS = [verb for verb in VERBS if takes(verb, "--json")]
SETTINGS = "settings"  # what is read, not printed: tests/inputs/test_settings_schema.py
FILES = sorted({path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()} - {SETTINGS})


# --- the files


def test_every_command_with_json_has_a_schema_and_no_other_has() -> None:
    assert sorted([*COMMANDS, "edit", "error"]) == FILES  # edits are made from Python alone


@pytest.mark.parametrize("command", FILES)
def test_a_schema_is_one(command: str) -> None:
    schema = ds.json_schema(command)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:deconvsurgery:schema:{command}:1"
    assert schema["title"]
    assert schema["properties"]["schema_version"]["const"] == 1
    if command != "error":
        assert schema["properties"]["command"]["const"] == command


# What the walk below knows of. None of these leaves a key undescribed or closes a document.
WORDS = {"$schema", "$id", "$ref", "$defs", "title", "description", "type", "const", "enum"}
WORDS |= {"properties", "required", "items", "minimum", "pattern"}


@pytest.mark.parametrize("command", FILES)
def test_a_schema_needs_no_other_file_and_leaves_room_for_keys_to_come(command: str) -> None:
    def nodes(node: Schema) -> Iterator[Schema]:
        yield node
        inner = [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
        for each in [*inner, *([node["items"]] if "items" in node else [])]:
            yield from nodes(each)

    schema = ds.json_schema(command)
    for node in nodes(schema):
        assert node.keys() <= WORDS
        if "$ref" in node:
            assert node["$ref"].removeprefix("#/$defs/") in schema["$defs"]
        if "properties" in node:
            assert node["required"] == list(node["properties"])


@pytest.mark.parametrize("command", FILES)
def test_every_key_is_described_in_words(command: str) -> None:
    for path, node in said(ds.json_schema(command)).items():
        if not path.endswith("[]"):
            assert re.fullmatch(r"[A-Z].*\.", node["description"]), path


def test_the_schemas_are_those_of_the_definitions(tmp_path: Path) -> None:
    """Where this fails: ``python docs/schemas/make.py``."""
    make = TESTS.parent / "docs" / "schemas" / "make.py"
    # A process of its own: the script has pydantic see another TypedDict than typing's.
    subprocess.run([sys.executable, str(make), str(tmp_path)], check=True)
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    docs = TESTS.parent / "docs"  # with tables of the settings' keys
    committed = (*SCHEMAS.iterdir(), docs / "ci.md", docs / "verbs" / "sweep.md")
    assert made == {path.name: path.read_text("utf-8") for path in committed}


def test_a_schema_from_python(words: Words) -> None:
    one = ds.json_schema("apply")
    one["title"] = "mine"
    assert ds.json_schema("apply")["title"] != "mine"
    for name in ("demo", "../schemas/apply"):
        with pytest.raises(ValueError) as raised:  # noqa: PT011
            ds.json_schema(name)
        said, _, those = str(raised.value).partition(": ")
        assert names(said) == [name]
        assert sorted(those.split(", ")) == FILES
        words(said)


# --- a document and its schema, place by place

TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
    type(None): "null",
}
# A list in a list in a list: only the values of a kernel, which has one for each axis.
DEEP = "[][][]"


def said(schema: Schema) -> dict[str, Schema]:
    """Each place that a schema describes, as ``.layers[].name``, and its words."""
    found: dict[str, Schema] = {}

    def walk(node: Schema, path: str) -> None:
        while "$ref" in node:
            words = {key: each for key, each in node.items() if key != "$ref"}
            node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")] | words
        found[path] = node
        for key, each in node.get("properties", {}).items():
            walk(each, f"{path}.{key}")
        if "items" in node and not path.endswith(DEEP):
            walk(node["items"], f"{path}[]")

    walk(schema, "")
    return found


def places(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Each place in a document and what stands there."""
    yield path, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, f"{path}.{key}")
    elif isinstance(value, list):
        inner = path if path.endswith(DEEP) else f"{path}[]"
        for each in value:
            yield from places(each, inner)


def types(node: Schema) -> set[str]:
    """The types that a place may have."""
    if "type" in node:
        return {node["type"]} if isinstance(node["type"], str) else set(node["type"])
    return {TYPES[type(each)] for each in node.get("enum", [node.get("const")])}


def gathered(documents: Iterable[Document]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = defaultdict(list)
    for document in documents:
        for path, value in places(document):
            found[path].append(value)
    return found


def check(command: str, documents: Iterable[Document]) -> None:
    """Each fits the schema, and has no key that is not described."""
    schema = ds.json_schema(command)
    validator = Draft202012Validator(schema)
    described = said(schema)
    # An object without properties is a map: its keys are data.
    maps = tuple(
        f"{path}." for path, node in described.items()
        if node.get("type") == "object" and "properties" not in node
    )  # fmt: skip
    for document in documents:
        assert [(each.json_path, each.message) for each in validator.iter_errors(document)] == []
        found = {path for path, _ in places(document) if not path.startswith(maps)}
        assert found <= described.keys()


def check_whole(command: str, documents: Iterable[Document]) -> None:
    """What the schema allows has been seen: every key, type and value of a closed set."""
    seen = gathered(documents)
    lacking = {}
    for path, node in said(ds.json_schema(command)).items():
        found = {TYPES[type(each)] for each in seen[path]}
        allowed = types(node)
        if "number" in allowed:
            found = {"number" if each == "integer" else each for each in found}
        if found != allowed:
            lacking[path] = allowed - found
        elif {*node.get("enum", [])} - {*map(str, seen[path])} - {None}:
            lacking[path] = {*node["enum"]} - {*map(str, seen[path])}
    assert lacking == {}


# --- what the runs are run on

TAPS = {4: [0.25, 0.75, 0.75, 0.25], 3: [0.25, 0.75, 0.75], 6: [0, 0.25, 0.75, 0.75, 0.25, 0]}


def kernel(size: int) -> np.ndarray:
    """FCN's of size 4, Caffe 1.0's of size 3, one of size 6 as wide as stride 2 asks for."""
    return np.outer(TAPS[size], TAPS[size])


def states() -> dict[str, np.ndarray | None]:
    """Weights of two channels in each of two groups, in every state, and some more."""
    rising = np.arange(32.0).reshape(2, 1, 4, 4)
    return {
        "missing": None,
        "zero": np.zeros((2, 1, 4, 4)),
        "constant": np.full((2, 1, 4, 4), 0.5),
        "bilinear": np.stack([kernel(4)[None]] * 2),
        "caffe-1.0": np.stack([kernel(3)[None]] * 2),
        "stride": np.stack([kernel(6)[None]] * 2),
        "nearest": np.ones((2, 1, 2, 2)),
        "near": np.stack([kernel(4)[None]] * 2) + rising / 1000,
        "other": rising,
        "nan": np.full((2, 1, 4, 4), np.nan),
        "other-shape": np.zeros((2, 2, 4, 4)),
        "every-pair": np.stack([[kernel(4)] * 2] * 2),
        "off-diagonal": np.stack([[kernel(4), rising[0, 0]], [rising[0, 0], kernel(4)]]),
    }


def states_net() -> str:
    text = 'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 2 dim: 5 } '
    text = text.replace("dim: 5 }", "dim: 5 dim: 5 } } }\n")
    for name, weights in states().items():
        size = 4 if weights is None else weights.shape[-1]
        whole = weights is not None and weights.shape[1] == 2 and name != "other-shape"
        group = 1 if whole else 2
        text += (
            f'layer {{ name: "up-{name}" type: "Deconvolution" bottom: "d" top: "{name}" '
            f"convolution_param {{ num_output: 2 group: {group} kernel_size: {size} stride: 2 "
            "bias_term: false } }\n"
        )
    return text


def states_model() -> bytes:
    saved: Any = NetParameter(name="states")
    for name, weights in states().items():
        layer = saved.layer.add(name=f"up-{name}", type="Deconvolution")
        if weights is not None:
            blob = layer.blobs.add(data=weights.reshape(-1))
            blob.shape.dim.extend(weights.shape)
    return bytes(saved.SerializeToString())


# Each file as protobuf's text; a name with a dot is a net, another a model.
TEXTS = {
    "unknown.net": """
      layer { name: "data" type: "Data" top: "d" }
      layer { name: "up" type: "Deconvolution" bottom: "d" top: "u"
        convolution_param { num_output: 2 kernel_size: 4 stride: 2 } }
      layer { name: "up_guessed" type: "Deconvolution" bottom: "d" top: "v"
        convolution_param { num_output: 2 group: 2 kernel_size: 4 stride: 2 } }
      layer { name: "up_broken" type: "Deconvolution" bottom: "d" top: "w"
        convolution_param { num_output: 2 stride: 2 } }
      layer { name: "up_slope" type: "PReLU" bottom: "d" top: "x" }
      layer { name: "up_dense" type: "InnerProduct" bottom: "d" top: "y"
        inner_product_param { num_output: 2 } }
      layer { name: "up_stranger" type: "Stranger" bottom: "d" top: "z" }""",
    "v1.net": """input: "d" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
      layers { name: "up" type: DECONVOLUTION bottom: "d" top: "u" blobs_lr: 1
        convolution_param { num_output: 2 kernel_size: 4 stride: 2 } }""",
    "v0.net": """input: "d" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
      layers { layer { name: "up" type: "relu" } bottom: "d" top: "u" }""",
    "biased.net": """input: "d" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
      layer { name: "up" type: "Deconvolution" bottom: "d" top: "u" include { phase: TRAIN }
        param { lr_mult: 2 } param { lr_mult: 2 }
        convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 bias_term: true
          weight_filler { type: "gaussian" std: 0.5 }
          bias_filler { type: "constant" value: nan } } }
      layer { name: "up_too" type: "Deconvolution" bottom: "d" top: "v"
        convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1
          bias_filler { type: "constant" value: 3 } } }
      layer { name: "up_crop" type: "ReLU" bottom: "u" top: "u" include { phase: TRAIN } }""",
    "phases.net": """input: "d" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
layer { name: "up" type: "Deconvolution" bottom: "d" top: "u" include { phase: TRAIN }
  convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 } }
layer { name: "up" type: "ReLU" bottom: "d" top: "u" include { phase: TEST } }
""",
    "twice.net": """input: "d" input_dim: 1 input_dim: 2 input_dim: 5 input_dim: 5
      layer { name: "up" type: "Deconvolution" bottom: "d" top: "u"
        convolution_param { num_output: 2 kernel_size: 4 weight_filler { type: "bilinear" } } }
      layer { name: "up" type: "Deconvolution" bottom: "d" top: "v"
        convolution_param { num_output: 2 kernel_size: 4 stride: 2 kernal: 4 } }""",
    "pointer.net": "version https://git-lfs.github.com/spec/v1",
    "empty": 'name: "empty"',
    "v1": """input: "d" input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 1
      layers { name: "a" type: RELU top: "a" blobs_lr: 1
        blobs { num: 1 channels: 1 height: 1 width: 2 double_data: [0.1, 2] } }
      layers { name: "none" type: RELU blobs { shape { dim: 0 } } }""",
    "v0": """layers { layer { name: "p" type: "padding" pad: 1 } bottom: "d" top: "p" }
      layers { layer { name: "c" type: "conv" num_output: 1 kernelsize: 1
        blobs { num: 1 channels: 1 height: 1 width: 1 data: 2 } } bottom: "p" top: "c" }""",
    "mixed": 'layer { name: "a" type: "ReLU" } layers { name: "b" type: RELU }',
    "old": """layer { name: "fc" type: "InnerProduct" blobs { shape { dim: 2 dim: 4 }
        data: 1 data: 2 data: 3 data: 4 data: 5 data: 6 data: 7 data: 8 } }
      layer { name: "score" type: "InnerProduct" blobs { shape { dim: 2 dim: 2 }
        data: 1 data: 2 data: 3 data: 4 } blobs { shape { dim: 2 } data: 1 data: 2 } }
      layer { name: "flat" type: "InnerProduct" blobs { shape { dim: 3 } data: 1 data: 2 data: 3 } }
      layer { name: "gone" type: "InnerProduct" blobs { shape { dim: 1 } data: 1 } }""",
    "new.net": """
      layer { name: "d" type: "Input" top: "d"
        input_param { shape { dim: 1 dim: 1 dim: 2 dim: 2 } } }
      layer { name: "fc" type: "Convolution" bottom: "d" top: "fc"
        convolution_param { num_output: 2 kernel_size: 2 bias_term: false } }
      layer { name: "wide" type: "Convolution" bottom: "fc" top: "wide"
        convolution_param { num_output: 3 kernel_size: 1 } }
      layer { name: "flat" type: "InnerProduct" bottom: "fc" top: "flat"
        inner_product_param { num_output: 2 bias_term: false } }
      layer { name: "slope" type: "PReLU" bottom: "fc" top: "slope" }
      layer { name: "random" type: "InnerProduct" bottom: "fc" top: "random"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
      layer { name: "up" type: "Deconvolution" bottom: "wide" top: "up"
        convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 bias_term: false } }""",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bench")
    for name in ("layouts", "transplant"):
        (place / name).symlink_to(GOLDEN / name)
    (place / "demo.net").write_bytes(demo_net())
    (place / "demo").write_bytes(demo_base())
    (place / "crlf.net").write_bytes(demo_net().replace(b"\n", b"\r\n"))
    (place / "states.net").write_text(states_net())
    (place / "states").write_bytes(states_model())
    (place / "renamed").write_bytes(states_model().replace(b"up-other", b"up-odder"))
    other = NetParameter.FromString(states_model())
    other.layer.append(other.layer[1])  # the first with weights becomes the last
    del other.layer[1]
    other.layer[1].blobs[0].shape.dim[:] = [2, 1, 2, 8]
    (place / "moved").write_bytes(other.SerializeToString())
    for name, blobs in (("absent.h5", "1"), ("whole.h5", "01")):
        with h5py.File(place / name, "w") as file:  # one leaves its weights to another layer
            for blob in blobs:
                file[f"data/a/{blob}"] = np.zeros(2, np.float32)
    (place / "unmet.net").write_text(
        'input: "x" input: "x" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }\n'
        'layer { name: "r" type: "ReLU" bottom: "y" top: "r" }\n'
    )
    (place / "broken.net").write_text('name: "n"\nlayer { name: }\n')
    (place / "solver.net").write_text('net: "n"\n')
    misspelt = demo_net().replace(b"kernel_size: 4", b"kernel_sise: 4")
    (place / "misspelt.net").write_bytes(misspelt.replace(b'"bilinear"', b'"bilinar"'))
    (place / "cut").write_bytes(demo_base()[:-7])
    (place / "wild").write_bytes(model_bytes({"bn": [[1e5]]}))
    (place / "settings.toml").write_text("[pairs]")
    (place / "pairs.toml").write_text("pairs = [{model = 'v1'}, {model = 'states'}]")
    (place / "list.jsonl").write_text('{"net": "demo.net"}\n')
    for name, text in SWEPT.items():
        (place / f"{name}.toml").write_text(text)
    (place / "ruled.net").write_text('layer { name: "a" include {} exclude {} }')
    for name, text in TEXTS.items():
        saved = text.encode()
        if "." not in name:
            saved = text_format.Parse(text, NetParameter()).SerializeToString()
        (place / name).write_bytes(saved)
    for name in (
        "linked",
        "linked-again",
        "linked.net",
        "linked-too",
        "linked-too.net",
    ):  # a file that has another name, too, is warned of
        (place / f"other-{name}").touch()
        (place / name).hardlink_to(place / f"other-{name}")
    return place


# --- the runs, in this order; each may read what those before it wrote

SWEPT = {
    "found": "pairs = [{net = 'demo.net', model = ['demo', 'demo']}, {net = 'broken.net'}]",
    "apply": """pairs = [
        {net = 'b*.net', model = 'demo', output = '{name}.swept'},
        {net = 'x*', model = 'demo', output = 'x'},
        {net = 'demo.net', model = 'demo', output = 'refined', pattern = 'refine'},
        {list = 'list.jsonl'},
        ]
        [sweep]
        verb = 'apply'
        """,
    "convert": """pairs = [{model = 'cut', output = 'cut.swept'}]
        [sweep]
        verb = 'convert'
        """,
    "regroup": """pairs = [
        {net = 'demo.net', model = 'demo', output = 'in.groups', net-output = 'net.groups'}]
        [sweep]
        verb = 'regroup'
        """,
}

RUNS = {
    "convert": """
      v1 v2
      v1 --keep-layers v1.kept
      v0 v0.out
      v0 -n --keep-layers
      v1 v1.h5
      v1.h5 --net v1.net --values float64 v1.back
      demo demo.h5
      demo.h5 -n --to hdf5
      demo half --values raw-float16
      demo single --values raw-float32
      demo double --values raw-float64
      half -n
      single -n
      double -n
      empty -n
      empty -n --to hdf5
      wild -n --values raw-float16
    """,
    "apply": """
      demo.net demo demo.out
      --save-patch demo.undo demo.net demo demo.again
      -n demo.net demo
      -n -p refine --skip-unfit --fill missing demo.net demo
      -n -p * -x refine demo.net demo
      -n crlf.net demo
      -n demo.net demo.h5
      demo.net demo.h5 filled.h5
      -n --any-gain --formula caffe -x other-shape states.net states
      -n --fill missing states.net states
      -n --skip-unfit states.net states
      -n --no-create -p missing states.net states
      -n --skip-unfit unknown.net empty
      -n biased.net empty
      -n --zero-bias -p up layouts/bias_default.prototxt layouts/bias_default.caffemodel
      -n -p nothing --allow-empty demo.net demo
    """,
    "inspect": """
      demo.net
      demo
      demo.net demo
      --all demo.net demo.out
      --all states.net states
      --all unknown.net half
      --all unknown.net
      unmet.net
      --all single
      --all double
      --all v1
      v1.net v1
      v0.net v0
      crlf.net mixed
      empty
      --all layouts/gauss.caffemodel.h5
      states
      demo.net mixed
    """,
    "regroup": """
      demo.net demo.out grouped.net grouped
      --expand grouped.net grouped full.net full
      -n -p * -x refine demo.net demo.out
      -n crlf.net demo.out
      -n --expand -p * -x up_guessed unknown.net demo.out
      -n demo.net filled.h5
      -f demo.net demo.out linked.net linked
    """,
    "transplant": """
      transplant/fcn.prototxt transplant/classifier.caffemodel fcn --apply
      -f new.net old --flat --expand-score wide=score --apply linked-too
      -n new.net old --flat --expand-score wide=score
    """,
    "patch-net": """
      demo.net patched.net
      -f demo.net linked-too.net
      patched.net same.net
      -n -p * --skip-unfit demo.net
      -n --no-bias --freeze --strip-include biased.net
      -n --no-group crlf.net
      -n v1.net --freeze
      -n -p nothing --allow-empty demo.net
    """,
    "revert": """
      -n demo.again demo.undo
      demo.again demo.undo
      demo.again demo.undo
      -f -o linked-again demo.again demo.undo
    """,
    "diff": """
      demo demo
      demo demo.out
      demo.out demo
      -p * -x upscore demo demo.out
      --only-changed demo demo.out
      --atol 0.001 demo.out demo.h5
      states renamed
      renamed states
      states half
      half single
      double v1
      v1 v1.h5
      v1 v0
      v0 v1.kept
      mixed empty
      empty mixed
      absent.h5 whole.h5
      states moved
      half double
      single half
      layouts/gauss.caffemodel layouts/gauss.caffemodel.h5
    """,
    "check": """
      demo.net
      demo.net demo
      -p * demo.net demo
      -p * states.net states
      -p up-bilinear states.net states
      -p * --frozen states.net states demo.net
      -p * biased.net v1.net crlf.net half
      -p * --allow-empty unknown.net misspelt.net broken.net v0.net nowhere
      --allow-empty unmet.net
      --allow-empty v1
      --allow-empty empty
      --allow-empty demo.net mixed
      --allow-empty demo.net v0
      --allow-empty single
      --allow-empty demo.net layouts/gauss.caffemodel.h5
      demo.net cut demo.net half
      -p * twice.net
      phases.net
      -p * demo.net ruled.net pointer.net
      --config pairs.toml
      --diff -p * demo.net demo biased.net
      --fix-into fixed -p * demo.net demo
    """,
    "doctor": "--json",
    "kernel": """
      4
      16 -s 8
      4x6 -s 2x3
      2x2x2
      1x2x1x2
      6
      3 --formula caffe-1.0
      5 --formula caffe --support stride -s 2
      65
    """,
}

# Each starts processes of its own, which takes most of the time.
SWEEPS = """
  -w 1 found.toml
  -w 1 found.toml
  -w 1 --results apply.jsonl apply.toml
  -w 1 --results convert.jsonl convert.toml
  -w 1 --results regroup.jsonl --engine dask regroup.toml
"""


ALLOWED = {"check": (0, 1, 3, 4), "diff": (0, 1), "sweep": (1, 3)}


@pytest.fixture(scope="module")
def printed(bench: Path) -> dict[str, list[Document]]:
    """The documents of all runs: one each on standard output, and nothing on standard error."""
    pairs = [
        (net, model)
        for net in sorted((GOLDEN / "layouts").glob("*.prototxt"))
        for model in (f"{net.stem}.caffemodel", f"{net.stem}.caffemodel.h5")
        if net.with_name(model).exists()
    ]
    golden = [f"layouts/{net.name} layouts/{model}" for net, model in pairs]
    more = {
        "apply": [f"-n --any-gain --skip-unfit {each}" for each in golden],
        "inspect": [f"--all {each}" for each in golden],
        "patch-net": [f"-n --skip-unfit layouts/{net.name}" for net, _ in pairs],
    }
    return {
        command: documents(bench, command, [*lines_of(lines), *more.get(command, [])])
        for command, lines in RUNS.items()
    }


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def documents(bench: Path, command: str, lines: Iterable[str]) -> list[Document]:
    """What these runs print, in their order."""
    found = []
    for line in lines:
        code, out, errors = run_here(bench, command, "--json", *shlex.split(line))
        # One document tells of all pairs, also of those that cannot be checked.
        assert code in ALLOWED.get(command, (0,)), (command, line, out)
        assert errors == b"", (command, line)
        found.append(parsed_json(out))
    return found


def test_every_command_is_run() -> None:
    assert sorted([*RUNS, "sweep"]) == sorted(COMMANDS)


@pytest.mark.parametrize("command", RUNS)
def test_no_key_goes_undescribed(command: str, printed: dict[str, list[Document]]) -> None:
    check(command, printed[command])


# What doctor says is so on this machine; tests/verbs/test_doctor.py has what it says of others.
@pytest.mark.parametrize("command", [each for each in RUNS if each != "doctor"])
def test_nothing_is_described_that_no_run_prints(
    command: str, printed: dict[str, list[Document]]
) -> None:
    seen = printed[command]
    if command == "transplant":  # has rows of apply, by a definition that is the same
        seen = [*seen, *({"filled": each["layers"]} for each in printed["apply"])]
    check_whole(command, seen)


def test_no_key_of_a_sweep_goes_undescribed(bench: Path) -> None:
    check("sweep", documents(bench, "sweep", lines_of(SWEEPS)[:1]))


@pytest.mark.campaign
def test_sweeps_and_their_schema_are_the_same(bench: Path) -> None:
    seen = documents(bench, "sweep", lines_of(SWEEPS))
    check("sweep", seen)
    check_whole("sweep", seen)


FAILING = """
  --nonsense
  apply --nonsense
  apply demo.net demo
  apply demo.net demo demo
  apply broken.net demo o
  apply misspelt.net demo o
  apply solver.net demo o
  apply demo.net cut o
  inspect demo.net demo.net
  apply -p refine demo.net demo o
  apply -p nothing demo.net demo o
  apply demo.net nowhere o
  regroup -p refine demo.net demo a b
  kernel 100000000
  check --config settings.toml
"""


def test_errors_of_each_kind(bench: Path) -> None:
    seen = []
    for line in lines_of(FAILING):
        code, out, errors = run_here(bench, *line.split(), "--json")
        assert code in (2, 3, 4)
        assert errors == b""
        seen.append(parsed_json(out))
    check("error", seen)
    check_whole("error", seen)


# --- the files of others


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared test data at {SHARED}")
@pytest.mark.parametrize(
    ("command", "options", "pattern"),
    [
        ("inspect", "--all", "nets/*/*.prototxt"),
        ("patch-net", "-n -p * --skip-unfit --allow-empty", "nets/*/*.prototxt"),
        ("inspect", "--all", "models/*/*.caffemodel*"),
        ("convert", "-n", "models/*/*.caffemodel*"),
        ("convert", "-n --to hdf5", "models/*/*.caffemodel*"),
    ],
)
@pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.campaign)])
def test_what_is_said_of_real_files(command: str, options: str, pattern: str, few: bool) -> None:
    files = sorted(SHARED.glob(pattern))
    if pattern.startswith("nets"):
        files = files[::3]  # those of a family are much alike
    if command == "patch-net":
        files = [each for each in files if b"DECONV" in each.read_bytes().upper()]
    if few:
        files = sorted(files, key=lambda path: path.stat().st_size)[len(files) // 2 :][:3]
    assert files
    for path in files:
        code, out, errors = run_here(SHARED, command, "--json", *options.split(), str(path))
        assert errors == b""
        assert code in (0, 3)
        check("error" if code else command, [parsed_json(out)])


# --- the contract's own example

UPSCORE2 = json.loads("""{
  "name": "upscore2", "type": "Deconvolution", "action": "rewritten", "reason": null,
  "shape": [21, 21, 4, 4], "channels": 21, "num_output": 21, "group": 1, "kernel": [4, 4],
  "stride": [2, 2], "pad": [0, 0], "bias": false, "before": "zero", "after": "bilinear",
  "max_abs_change": 0.5625, "values_changed": 336, "values": 7056, "warnings": []
}""")


def test_fcns_upscore2(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(
        'input: "score" input_dim: 1 input_dim: 21 input_dim: 16 input_dim: 16\n'
        'layer { name: "upscore2" type: "Deconvolution" bottom: "score" top: "upscore2"\n'
        "  convolution_param { num_output: 21 bias_term: false kernel_size: 4 stride: 2 } }\n"
    )
    saved: Any = NetParameter()
    blob = saved.layer.add(name="upscore2", type="Deconvolution").blobs.add(data=[0.0] * 7056)
    blob.shape.dim.extend([21, 21, 4, 4])
    (tmp_path / "in.caffemodel").write_bytes(saved.SerializeToString())
    size = (tmp_path / "in.caffemodel").stat().st_size
    files = ["net.prototxt", "in.caffemodel", "out.caffemodel"]
    document = parsed_json(run_here(tmp_path, "apply", "--json", *files)[1])
    ((layer),) = document.pop("layers")
    assert {key: layer[key] for key in UPSCORE2} == UPSCORE2
    assert [key for key in layer if key in UPSCORE2] == list(UPSCORE2)
    example = {
        "schema_version": 1,
        "command": "apply",
        "net": files[0],
        "input": files[1],
        "output": files[2],
        "changed": True,
        "bytes": {"input": size, "output": size, "rewritten": 28224},
        "warnings": [],
    }
    assert {key: document[key] for key in example} == example
    assert parsed_json(run_here(tmp_path, "apply", "-n", "--json", *files[:2])[1])["output"] is None


# --- what no command prints


def test_the_document_of_edits(tmp_path: Path) -> None:
    """It is made in Python alone; every edit there is, saved in both forms."""
    path = write_demo(tmp_path) / "in"
    ds.convert(path, tmp_path / "in.h5")
    made = []
    for source in (path, tmp_path / "in.h5"):
        with ds.edit(source) as m:
            made.append(m.save(dry_run=True).to_dict())
            m["conv1"][0] *= 2
            m.zero("conv1", 1)
            m["conv2"][1] = np.full(16, np.nan)
            m.reshape("score", 0, (5, 16))
            m.rename("score", "score-5")
            m.remove("refine")
            m["new"] = [[1]]
            made.append(m.save(dry_run=True).to_dict())
            out = source.with_name(f"{source.name}.out")
            saved = m.save(out, save_patch=f"{out}.patch")
            made.append(saved._replace(warnings=("as of two gigabytes",)).to_dict())
    check("edit", made)
    check_whole("edit", made)
