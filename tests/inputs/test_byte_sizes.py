"""Sizes as people write them."""

from __future__ import annotations

import pytest

from deconvsurgery.inputs.byte_sizes import byte_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("12b", 12),
        ("1k", 1000),
        ("1kB", 1000),
        ("1KiB", 1024),
        (" 2 MB ", 2_000_000),
        ("1.5GiB", 3 << 29),
        ("0.001k", 1),
        ("4.8GB", 4_800_000_000),
        ("2Ti", 2 << 40),
        ("123456789012345TiB", 123456789012345 << 40),
    ],
)
def test_a_size(text: str, size: int) -> None:
    assert byte_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "1 2", "iB", "1iB", "1.", ".5", "1XB", "²"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        byte_size(text)
