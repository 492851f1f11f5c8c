"""``apply --save-patch`` and ``revert``: the original again, bit for bit, or nothing."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.inputs.open_inputs import open_patch
from deconvsurgery.splicing.byte_ranges import replacing, spliced
from deconvsurgery.splicing.undo_patch import (
    Digest,
    Range,
    Undo,
    edits_of,
    header,
    parsed,
    undoing,
)
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.write_with_undo import compared
from helpers.models import demo_base, demo_net
from helpers.places import GOLDEN
from helpers.runs import run_here

RunHere = Callable[..., tuple[int, bytes, bytes]]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
    return tmp_path


# --- the law: what was there comes back


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes, list[Any]]:
    source = draw(st.binary(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(source)), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return source, [replacing(a, b, draw(st.binary(max_size=6))) for a, b in pairs]


@given(edited())
def test_undoing_edits_gives_the_source(case: tuple[bytes, list[Any]]) -> None:
    source, edits = case
    changed = spliced(source, edits)
    ranges, kept = undoing(edits)
    stored = b"".join(source[each.start : each.stop] for each in kept)
    undo = Undo(Digest(len(source), "a"), Digest(len(changed), "b"), ranges)
    line = header(undo)
    assert parsed(line, len(line) + len(stored)) == undo
    back = edits_of(undo, lambda start, stop: iter((stored[start:stop],)))
    assert spliced(changed, back) == source


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 40))
def test_comparing_two_files_undoes_any_change(
    tmp_path_factory: pytest.TempPathFactory, one: bytes, other: bytes, times: int
) -> None:
    folder = tmp_path_factory.mktemp("compared")
    one, other = one * times * 50, other * times * 50
    for name, data in (("one", one), ("other", other)):
        (folder / name).write_bytes(data)
    with open_source(folder / "one") as original, open_source(folder / "other") as changed:
        ranges, kept = compared(original, changed)
    stored = b"".join(one[each.start : each.stop] for each in kept)
    undo = Undo(Digest(len(one), ""), Digest(len(other), ""), tuple(ranges))
    back = edits_of(undo, lambda start, stop: iter((stored[start:stop],)))
    assert spliced(other, back) == one


CASES = sorted((GOLDEN / "layouts").glob("*.caffemodel"))


@pytest.mark.parametrize("form", ["binary", "hdf5", "layers lacking", "hdf5, lacking"])
@pytest.mark.parametrize("in_place", [False, True])
def test_the_original_comes_back(form: str, in_place: bool, place: Path) -> None:
    source = place / "in"
    if "lacking" not in form:
        ds.apply(place / "net", source, place / "full", formula="caffe-1.0")
        data = bytearray((place / "full").read_bytes())
        source.write_bytes(data.replace(b"\0\0\x10\x3f", b"\0\0\x80\x3f"))  # .5625 → 1
    if "hdf5" in form:
        ds.convert(source, place / "in.h5")
        source = place / "in.h5"
    before = source.read_bytes()
    out = source if in_place else place / "out"
    result = ds.apply(
        place / "net", source, None if in_place else out, in_place=in_place,
        save_patch=place / "undo",
    )  # fmt: skip
    assert result.changed
    assert result.patch == str(place / "undo")
    assert out.read_bytes() != before
    if form == "binary":  # small: the bytes that went, and one line
        assert (place / "undo").stat().st_size < result.rewritten + 600
    back = ds.revert(out, place / "undo")
    assert (back.written, back.already) == (True, False)
    assert out.read_bytes() == before
    again = ds.revert(out, place / "undo")
    assert (again.written, again.already) == (False, True)
    assert out.read_bytes() == before


@pytest.mark.parametrize("model", CASES, ids=lambda path: path.stem)
def test_every_layout_comes_back(model: Path, tmp_path: Path) -> None:
    out, undo, back = (tmp_path / name for name in ("out", "undo", "back"))
    ds.apply(
        model.with_suffix(".prototxt"), model, out, patterns="*", skip_unfit=True, any_gain=True,
        allow_empty=True, zero_bias=True, save_patch=undo,
    )  # fmt: skip
    changed = out.read_bytes()
    ds.revert(out, undo, back)
    assert back.read_bytes() == model.read_bytes()
    assert out.read_bytes() == changed


def test_nothing_changed_is_undone_by_nothing(place: Path) -> None:
    for line in ("apply net in out", "apply -i --save-patch undo net out"):
        assert run_here(place, *line.split())[0] == 0
    before = (place / "out").read_bytes()
    assert json.loads((place / "undo").read_bytes())["ranges"] == []
    code, out, _ = run_here(place, "revert", "out", "undo")
    assert (code, out) == (0, b"Nothing had to be undone: out is the original already.\n")
    assert (place / "out").read_bytes() == before


# --- what it says, and refuses


def test_what_is_told(place: Path) -> None:
    original = sha256(place / "in")
    code, out, _ = run_here(place, "apply", "--save-patch", "undo", "net", "in", "out")
    assert code == 0
    assert out.endswith(b" Wrote out. undo undoes it (revert).\n")
    code, out, _ = run_here(place, "revert", "-n", "out", "undo")
    expected = f"Would restore 0 bytes of the original's 7,303 (SHA-256 {original}). "
    assert (code, out.decode()) == (0, expected + "Nothing was written.\n")
    assert sha256(place / "out") != original
    code, out, _ = run_here(place, "revert", "-o", "back", "out", "undo")
    assert (code, out.decode()) == (
        0,
        expected.replace("Would restore", "Restored") + "Wrote back.\n",
    )
    assert sha256(place / "back") == original
    code, out, _ = run_here(place, "revert", "out", "undo")
    assert out.decode().endswith(f"{original}): out is what it was.\n")
    assert sha256(place / "out") == original


def test_another_file_is_refused(place: Path) -> None:
    assert run_here(place, "apply", "--save-patch", "undo", "net", "in", "out")[0] == 0
    data = bytearray((place / "out").read_bytes())
    data[100] ^= 1
    (place / "out").write_bytes(data)
    code, _, errors = run_here(place, "revert", "out", "undo")
    assert code == 3
    assert b"out: is not the file that was patched: its SHA-256 begins with" in errors
    assert (place / "out").read_bytes() == data
    (place / "out").write_bytes(data + b"!")
    code, _, errors = run_here(place, "revert", "out", "undo")
    assert code == 3
    assert b"is not the file that was patched: it has 9,383 bytes, that one had 9,382" in errors


def test_a_damaged_patch_is_refused(place: Path) -> None:
    ds.apply(place / "net", place / "in", place / "full")
    (place / "full").write_bytes((place / "full").read_bytes().replace(b"\0\0\x10\x3f", b"abcd"))
    assert run_here(place, "apply", "--save-patch", "undo", "net", "full", "out")[0] == 0
    whole, out = (place / "undo").read_bytes(), (place / "out").read_bytes()
    end = whole.index(b"\n") + 1
    assert len(whole) > end + 100
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    damaged = {
        b"": 3,
        b"{": 3,
        b"{}\n": 3,
        b"[]\n": 3,
        b"x" * 100: 3,
        whole[: end - 1]: 3,
        whole[:-1]: 3,
        whole + b"x": 3,
        flipped: 3,
        whole.replace(b'_patch": 1', b'_patch": 2'): 3,
        whole.replace(b'"ranges": [[', b'"ranges": [[9'): 3,
        b'{"deconvsurgery_patch": 1}\n': 3,
        b"[" * 100_000 + b"\n": 3,
    }
    for patch, expected in damaged.items():
        (place / "bad").write_bytes(patch)
        code, _, errors = run_here(place, "revert", "out", "bad")
        assert (code, errors[:11]) == (expected, b"error: bad:"), patch[:40]
        assert (place / "out").read_bytes() == out
    (place / "bad").write_bytes(flipped)
    with pytest.raises(ds.FormatError, match="what it makes is not the original"):
        ds.revert(place / "out", place / "bad")
    assert sorted(path.name for path in place.iterdir()) == [
        "bad", "full", "in", "net", "out", "undo",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("apply --save-patch in net in out", "is the input file itself"),
        ("apply --save-patch out net in out", "is named for the output and for its patch"),
        ("apply -f --save-patch net net in out", "is the net itself"),
        ("apply --save-patch there net in out", "exists already"),
        ("apply --save-patch - net in out", "is a stream, which cannot be undone"),
        ("apply --save-patch undo net in -", "is a stream, which cannot be undone"),
        ("apply --save-patch no/undo net in out", "does not exist"),
        ("revert - undo", "cannot be streams"),
        ("revert -o there out there", "is the patch itself"),
    ],
)
def test_no_place_for_a_patch(line: str, words: str, place: Path) -> None:
    (place / "there").write_bytes(b"precious")
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    code, _, errors = run_here(place, *line.split())
    assert code == 2
    assert words in errors.decode()
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_an_error_names_the_file_that_it_is_about(place: Path) -> None:
    """What is wrong with the patch names the patch, what is wrong with another file that one."""
    ds.apply(place / "net", place / "in", place / "out", save_patch=place / "undo")
    for told, named in ((None, str(place / "undo")), ("another", "another")):
        with pytest.raises(ds.FormatError) as caught, open_patch(place / "undo"):
            raise ds.FormatError("is damaged", path=told)
        assert caught.value.path == named


def test_a_patch_is_replaced_by_force(place: Path) -> None:
    (place / "undo").write_bytes(b"old")
    assert run_here(place, "apply", "-f", "--save-patch", "undo", "net", "in", "out")[0] == 0
    assert run_here(place, "revert", "-q", "out", "undo") == (0, b"", b"")
    assert (place / "out").read_bytes() == (place / "in").read_bytes()


# --- both or neither


def test_whatever_fails_both_files_are_there_or_neither(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that writes, links, renames or flushes fails in turn, until none is left."""
    calls = ("write", "fsync", "rename", "link", "copy_file_range", "open", "close", "unlink")
    original = (place / "in").read_bytes()
    fails = 0
    for number in itertools.count(1):
        folder = place / str(number)
        folder.mkdir()
        shutil.copy(place / "in", folder / "out")
        count = 0

        def failing(name: str, real: Any, wanted: int = number) -> Any:
            def call(*args: Any, **more: Any) -> Any:
                nonlocal count
                count += 1
                if count == wanted and name not in ("unlink", "close"):
                    raise OSError(errno.EIO, "made to fail")
                return real(*args, **more)

            return call

        with monkeypatch.context() as patched:
            for name in calls:
                patched.setattr(os, name, failing(name, getattr(os, name)))
            try:
                ds.apply(place / "net", folder / "out", in_place=True, save_patch=folder / "undo")
                failed = False
            except ds.SurgeryError:
                failed = True
        fails += failed
        names = sorted(path.name for path in folder.iterdir())
        if failed and (folder / "out").read_bytes() == original:
            assert names in (["out"], ["out", "undo"])
        else:
            assert names == ["out", "undo"]
            ds.revert(folder / "out", folder / "undo")
        assert (folder / "out").read_bytes() == original
        if count < number:
            break
    assert fails > 10


def test_a_way_back_that_fails_leaves_what_is_there(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ds.apply(place / "net", place / "in", place / "out", save_patch=place / "undo")
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ds.FileError, match="No space left on device") as caught:
        ds.revert(place / "out", place / "undo")
    assert caught.value.path == str(place / "out")
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_the_patch_is_there_before_the_output(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut between the two renames leaves a patch too many, never a change without one."""
    real, seen = os.rename, []

    def rename(old: Any, new: Any) -> None:
        seen.append((Path(new).name, (place / "undo").exists(), (place / "out").exists()))
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    ds.apply(place / "net", place / "in", place / "out", save_patch=place / "undo")
    assert seen == [("undo", False, False), ("out", True, False)]


def test_ranges_that_cannot_be(place: Path) -> None:
    def told(*ranges: Range, size: int = 10, original: int = 10) -> bytes:
        return header(Undo(Digest(original, ""), Digest(size, ""), ranges))

    for line, stored in (
        (told(Range(4, 2, 2)), 2),
        (told(Range(0, 4, 4), Range(2, 6, 4)), 8),
        (told(Range(8, 12, 4)), 4),
        (told(Range(0, 4, -4)), -4),
        (told(Range(0, 4, 4), original=11), 4),
    ):
        with pytest.raises(ds.FormatError, match="is a damaged patch"):
            parsed(line, len(line) + stored)
