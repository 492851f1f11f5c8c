"""What is counted of stores, and how -v tells it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from deconvsurgery.storage.object_store.store import Traffic, count, counted
from helpers.models import demo_base, demo_net
from helpers.runs import run_here
from helpers.words import Words, numbers

# Verbs that take URLs, with arguments that end before anything is asked for or written.
VERBS = {
    "apply": ("--dry-run", "net", "in"),
    "inspect": ("net", "in"),
    "check": ("net",),
    "diff": ("in", "in"),
    "convert": ("--dry-run", "in"),
    "regroup": ("--dry-run", "-x", "*", "net", "in"),
    "transplant": ("--dry-run", "net", "in"),
    "patch-net": ("--dry-run", "net"),
    "revert": ("none", "none"),
}


@pytest.mark.parametrize(
    ("traffic", "counts", "case"),
    [
        (Traffic(), [], "none"),
        (Traffic(1, read=5), [1, 5, 0, 0], "one"),
        (Traffic(1234, 1_000_000, 2000, 3), [1234, 1_000_000, 2000, 3], "many"),
    ],
)
def test_counts_in_words(traffic: Traffic, counts: list[float], case: str, words: Words) -> None:
    assert numbers(traffic.words()) == counts
    words(traffic.words().lstrip("0123456789, "), case)


def test_counting_ends_with_its_body_and_is_of_one_thread() -> None:
    count(read=1)  # nobody asked
    with counted() as outer:
        count(read=2)
        with counted() as inner:
            count(2, written=3, copied=4)
        thread = threading.Thread(target=count)
        thread.start()
        thread.join()
        count(0, read=5)
    count(read=6)
    assert (outer.requests, outer.read, outer.written, outer.copied) == (1, 7, 0, 0)
    assert (inner.requests, inner.read, inner.written, inner.copied) == (2, 0, 3, 4)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_tells_at_its_end_however_it_ends(tmp_path: Path, verb: str) -> None:
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
    plain = run_here(tmp_path, verb, *VERBS[verb])
    code, printed, errors = run_here(tmp_path, verb, "-v", *VERBS[verb])
    assert (code, printed) == plain[:2]
    line = Traffic().words().encode() + b"\n"
    assert errors.count(line) == 1
    assert errors.replace(line, b"") == plain[2]
