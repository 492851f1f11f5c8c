"""What a net's text says, against protobuf's ``text_format``: nets at hand, and random texts."""

from __future__ import annotations

from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.prototxt.parse import decoded
from helpers.differential.net_texts import difference, differing, in_parallel, random_text
from helpers.places import TESTS
from helpers.text_format_reading import Refusal, read_here

# Of an escape such as "\\q", which protobuf takes all the same.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# What nothing random comes upon soon: each was read otherwise, or nearly so.
KEPT = (
    'name: "\\xff" # behind\n\n',
    'name: "\\xff"',
    'name: "a\\\nb"',
    'fork: "a\\\nb"',
    'fork: "a" "\\xZZ"',
    "fork [1]",
    "fork []",
    "fork: [{ a: 1 }, 2, { b: 1foo }]",
    "fork { a: [1, 2_] }",
    "layer: [{}, 5]",
    "layer: [{ name: n }, 5]",
    "state []",
    "state: [{}]",
    "layer { pooling_param { pool: [] } }",
    "layer { pooling_param { pool: [MAX, FORK] } }",
    "layer { pooling_param { pool [{}] } }",
    "layer { pooling_param { pool: -MAX } }",
    "layer { pooling_param { pool: FORK pool: MAX } }",
    "layer { pooling_param { pool: MAX\npool: FORK } pool: 1foo }",
    "layer { pooling_param { pool: 9 stride: 1 stride: [2, 3] } }",
    "layers { blob_share_mode: [] blob_share_mode: FORK }",
    "layers { blob_share_mode: STRICT blob_share_mode: PERMISSIVE }",
    "input_dim: - # five\n 5 input_dim: + 5",
    "input_dim: + 5",
    "input_dim: 0x" + "f" * 5000,
    "input_dim: " + "9" * 5000,
    "state { phase: - 0 }",
    "state { phase: 0x" + "f" * 5000 + " }",
    "layer { loss_weight: [1e39, -1e39, 1e-46, 16777217, 0.1, - inf] }",
    "layer { blobs { double_data: 1e309 data: 1e309 } }",
    'layer { name: "\\ud800" }',
    'layer { name: "\\u12" }',
    'layer { name: "\\N{BULLET}" }',
    'layers { name: "\\xff" type: FORK name: "n" }',
    "layer { phase: 4294967296 }",
    "layers { type: 4294967296 }",
    "input_dim {}",
    "input_dim: {}",
    "input_dim [{}]",
    "input_dim []",
    "input_dim: [1, {}]",
    "input_dim: [x, {}]",
    'input_dim: "1" "2"',
    "name: - 1",
    "name: +x",
    "name: <>",
)


@pytest.mark.parametrize("text", KEPT, ids=range(len(KEPT)))
def test_kept_texts(text: str) -> None:
    assert difference(text) is None


def test_nets_at_hand() -> None:
    assert compared(TESTS) > 100


@pytest.mark.campaign
def test_nets_beside_the_checkout(shared: Path) -> None:
    assert compared(shared) > 300


def compared(place: Path) -> int:
    """How many nets are there, of which both say the same."""
    count = 0
    for path in place.rglob("*.prototxt*"):
        try:
            text, _, _ = decoded(path.read_bytes())
        except (ds.PrototxtError, IsADirectoryError):
            continue
        assert difference(text) is None, path
        count += 1
    return count


def test_texts_are_the_same_again_and_of_all_kinds() -> None:
    """By their number, whatever was drawn before; some are read, and many refused."""
    texts = [random_text(3, number) for number in range(300)]
    assert [random_text(3, number) for number in reversed(range(300))] == texts[::-1]
    refused = sum(isinstance(read_here(text), Refusal) for text in texts)
    assert 50 < refused < 280


def test_a_slice_of_texts() -> None:
    assert differing(2026, range(1_500)) == []


@pytest.mark.campaign
def test_more_texts() -> None:
    assert list(in_parallel(2027, 8_000, 2)) == []
