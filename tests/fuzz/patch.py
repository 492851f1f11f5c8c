"""Patches for ``revert``: what is taken makes a file of the size that it says, of those bytes.

The first byte says whether sizes and stored bytes are made to fit what the line says (odd), so that
more than its reader is met. Python's own reader of JSON is the witness for what the line says.
"""

from __future__ import annotations

import json
from typing import Any

import oracle

import deconvsurgery as ds
from deconvsurgery.inputs import open_patch
from deconvsurgery.splicing.byte_ranges import Kept, spliced
from deconvsurgery.splicing.undo_patch import Undo, edits_of, few_ranges, header, parsed

LONGEST_MESSAGE = 400  # characters
LARGEST = 1 << 12  # bytes of a file that is made


def check(data: bytes) -> None:
    """Read ``data``; ``AssertionError`` where what was taken cannot be."""
    kind, patch = data[:1] or b"\0", data[1:]
    if kind[0] % 2:
        patch = _fitted(patch)
    usual = open_patch._PIECE
    open_patch._PIECE = 40
    try:
        line = open_patch._first_line(oracle.ExactSource(patch))
        undo = parsed(line, len(patch))
    except ds.FormatError as error:
        _check_message(error)
        return
    finally:
        open_patch._PIECE = usual
    told = json.loads(line)
    assert told["ranges"] == [[each.start, each.stop, each.size] for each in undo.ranges]
    for name, digest in (("original", undo.original), ("changed", undo.changed)):
        assert told[name] == {"size": digest.size, "sha256": digest.sha256}
    again = header(undo)
    assert parsed(again, len(again) + undo.size) == undo
    if max(undo.original.size, undo.changed.size) <= LARGEST:
        _check_made(undo, patch[len(line) :])


def _check_message(error: ds.FormatError) -> None:
    assert error.message.isprintable()
    assert len(error.message) <= LONGEST_MESSAGE
    assert error.hint


def _check_made(undo: Undo, stored: bytes) -> None:
    """The changed file with its ranges replaced, once by hand."""
    changed = bytes(at % 251 for at in range(undo.changed.size))
    expected, position, at = b"", 0, 0
    kept = []
    for each in undo.ranges:
        expected += changed[position : each.start]
        kept.append(Kept(len(expected), len(expected) + each.size))
        expected += stored[at : at + each.size]
        position, at = each.stop, at + each.size
    expected += changed[position:]
    assert len(expected) == undo.original.size
    made = spliced(changed, edits_of(undo, lambda start, stop: iter((stored[start:stop],))))
    assert made == expected
    ranges, wide = few_ranges(undo.ranges, kept, 2)
    assert len(ranges) == len(wide) == min(2, len(kept))
    few = Undo(undo.original, undo.changed, ranges)
    held = b"".join(expected[each.start : each.stop] for each in wide)
    assert spliced(changed, edits_of(few, lambda a, b: iter((held[a:b],)))) == expected


def _fitted(patch: bytes) -> bytes:
    """With the size of the original, and the bytes behind the line, that its ranges ask for."""
    line, _, stored = patch.partition(b"\n")
    try:
        told: Any = json.loads(line)
        size = sum(each[2] for each in told["ranges"])
        grown = sum(stop - start for start, stop, _ in told["ranges"])
        told["original"]["size"] = told["changed"]["size"] - grown + size
        line = json.dumps(told).encode()
        if 0 <= size <= LARGEST:
            stored = (stored + bytes(size))[:size]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        pass
    return line + b"\n" + stored
