"""Verbs that read, on objects: what they say is what they say of files, and costs little."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.prototxt import parse_net
from deconvsurgery.sample import base_model, net_text

RunHere = Callable[..., tuple[int, bytes, bytes]]

NET = net_text()
BASE = base_model(parse_net(NET))
MIB = 1 << 20


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def padded(model: bytes, layers: int, size: int) -> bytes:
    """A model with so many layers of so many bytes of weights around the others."""
    found = []
    for number in range(layers):
        shape = field(7, field(1, varint(size // 4)))
        blob = field(5, struct.pack("<f", number + 1) * (size // 4)) + shape
        found.append(field(100, field(1, b"pad%d" % number) + field(7, blob)))
    half = layers // 2
    return b"".join(found[:half]) + model + b"".join(found[half:])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A net and a model, as files."""
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "in").write_bytes(BASE)
    return tmp_path


@pytest.fixture
def objects(place: Path, s3: Any) -> Any:
    """The same as objects."""
    s3.put("a/net", place / "net")
    s3.put("a/in", place / "in")
    return s3


def told(errors: bytes) -> tuple[int, int, int, int]:
    """Requests and bytes read, sent and copied, as -v prints them."""
    found = re.fullmatch(
        r"([\d,]+) requests? to stores: ([\d,]+) bytes read, ([\d,]+) sent, "
        r"([\d,]+) copied within the store\n",
        errors.decode(),
    )
    assert found, errors
    requests, read, sent, copied = (int(each.replace(",", "")) for each in found.groups())
    return requests, read, sent, copied


def without_paths(printed: bytes, prefix: str) -> Any:
    """A document in which files are named as they would be without a prefix."""
    return json.loads(printed.decode().replace(prefix, ""))


# --- the same words


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "NET", "IN"),
        ("inspect", "IN"),
        ("inspect", "NET"),
        ("inspect", "--all", "NET", "IN"),
        ("check", "--select", "DS002,DS003,DS014", "NET", "IN"),
        ("check", "NET"),
        ("diff", "IN", "IN"),
        ("diff", "IN", "LOCAL"),
        ("apply", "--check", "NET", "IN"),
        ("convert", "--check", "IN"),
        ("patch-net", "--check", "NET"),
    ],
    ids=" ".join,
)
def test_a_verb_says_the_same_of_an_object_and_counts_its_requests(
    place: Path, objects: Any, run_here: RunHere, arguments: tuple[str, ...]
) -> None:
    prefix = objects.url("a/")
    paths = {"NET": "net", "IN": "in", "LOCAL": "in"}
    here = [paths.get(each, each) for each in arguments]
    there = [each if each == "LOCAL" else paths.get(each, each) for each in arguments]
    there = [
        prefix + paths[each] if each in ("NET", "IN") else paths.get(each, each)
        for each in arguments
    ]
    code, expected, _ = run_here(place, *here, "--json")
    remote_code, printed, errors = run_here(place, *there, "--json", "-v")
    assert remote_code == code in (0, 1)
    assert without_paths(printed, prefix) == json.loads(expected)
    requests = objects.requests()
    assert {each.operation for each in requests} <= {"HeadObject", "GetObject"}
    assert {each.faults == [] and each.status < 300 for each in requests} == {True}
    read = sum(each.sent for each in requests)
    assert told(errors) == (len(requests), read, 0, 0)
