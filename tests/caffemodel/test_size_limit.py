"""A file that is too large for Caffe itself: each verb that would write one says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.index import index
from helpers.models import CountedSource, demo_base, demo_net
from helpers.wire import tag, varint

LEN = 2
LARGEST = 2**31 - 1  # bytes that Caffe reads
VERBS: dict[str, Callable[[ds.Model], Any]] = {
    "apply": lambda model: ds.apply(ds.parse_net(demo_net()), model, dry_run=True),
    "convert": lambda model: ds.convert(model, dry_run=True),
    "edit": lambda model: ds.edit(model).save(dry_run=True),
}


def model_of(size: int) -> ds.Model:
    """The demo's model with a name behind it, which nobody reads."""
    front = demo_base() + tag(1, LEN)
    length = size - len(front) - len(varint(size))
    data = front + varint(length)
    assert len(data) + length == size
    return index(CountedSource(data, size))


@pytest.mark.parametrize("verb", VERBS)
def test_a_model_of_2_gib_is_too_large(verb: str) -> None:
    result = VERBS[verb](model_of(LARGEST + 1))
    (said, *_) = [each for each in result.warnings if f"{2**31:,}" in each]
    assert said in " ".join(str(result).split())


@pytest.mark.parametrize("verb", VERBS)
def test_a_byte_less_is_not_unless_layers_come(verb: str) -> None:
    result = VERBS[verb](model_of(LARGEST))
    assert bool(result.warnings) == (result.output_size > LARGEST) == (verb == "apply")
