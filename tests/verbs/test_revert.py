"""``apply --save-patch`` and ``revert``: the original again, bit for bit, or nothing."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from helpers.campaigns import campaign_but
from helpers.models import write_demo
from helpers.places import LAYOUTS
from helpers.runs import run_here
from helpers.words import Words, numbers


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return write_demo(tmp_path)


def contents(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


# --- the law: what was there comes back


# One for each action: rewritten, created, skipped, in groups, of a zero bias; the rest as well.
FEW = ("k04_g3", "factor2_dense", "bias_default", "block_g2_c6", "expand_c3_to_6_g3")
CASES = campaign_but(FEW, sorted(LAYOUTS.glob("*.caffemodel")), lambda path: path.stem)


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


@pytest.mark.parametrize("model", CASES)
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


def test_nothing_changed_is_undone_by_nothing(place: Path, words: Words) -> None:
    for line in ("apply net in out", "apply -i --save-patch undo net out"):
        assert run_here(place, *line.split())[0] == 0
    before = (place / "out").read_bytes()
    assert json.loads((place / "undo").read_bytes())["ranges"] == []
    code, out, _ = run_here(place, "revert", "out", "undo")
    assert (code, out.count(b"\n")) == (0, 1)
    words(out.decode())
    assert (place / "out").read_bytes() == before


# --- what it says, and refuses


def test_what_is_told(place: Path, words: Words) -> None:
    original = sha256(place / "in")

    def said(*arguments: str) -> str:
        code, out, errors = run_here(place, *arguments)
        assert (code, errors) == (0, b"")
        last = out.decode().splitlines()[-1].replace(original, "DIGEST")
        words(last, " ".join(arguments))
        return last

    said("apply", "--save-patch", "undo", "net", "in", "out")
    dry = said("revert", "-n", "out", "undo")
    assert sha256(place / "out") != original
    wet = said("revert", "-o", "back", "out", "undo")
    assert sha256(place / "back") == original
    again = said("revert", "out", "undo")
    assert sha256(place / "out") == original
    for last in (dry, wet, again):
        assert numbers(last) == [0, 7303, 256]  # bytes, and the SHA-256
        assert "DIGEST" in last


def test_another_file_is_refused(place: Path, words: Words) -> None:
    assert run_here(place, "apply", "--save-patch", "undo", "net", "in", "out")[0] == 0
    patched = sha256(place / "out")
    data = bytearray((place / "out").read_bytes())
    data[100] ^= 1
    (place / "out").write_bytes(data)
    found = sha256(place / "out")
    code, _, errors = run_here(place, "revert", "out", "undo")
    assert (code, errors[:12]) == (3, b"error: out: ")
    digests = re.findall(r"\b[0-9a-f]{8,}\b", errors.decode())
    assert digests == [whole[: len(digests[0])] for whole in (found, patched)]
    words(re.sub(r"\b[0-9a-f]{8,}\b", "DIGEST", errors.decode()), "bytes")
    assert (place / "out").read_bytes() == data
    (place / "out").write_bytes(data + b"!")
    code, _, errors = run_here(place, "revert", "out", "undo")
    assert (code, errors[:12]) == (3, b"error: out: ")
    assert numbers(errors.decode())[:2] == [9383, 9382]
    words(errors.decode(), "size")
    assert (place / "out").read_bytes() == data + b"!"


def test_a_damaged_patch_is_refused(place: Path, words: Words) -> None:
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
        whole.replace(b'"size": ', b'"size": Infinity, "a": ', 1): 3,
        whole.replace(b'"size": ', b'"size": 0.5, "a": ', 1): 3,
        whole.replace(b'"ranges": [', b'"ranges": [["0", 1, 1], '): 3,
        whole.replace(b'"ranges": [', b'"ranges": [[false, true, 1], '): 3,
        whole.replace(b'"ranges": [', b'"ranges": [[0, 0, -1], '): 3,
        whole.replace(b'_patch": 1', b'_patch": "' + b"v" * 10_000_000 + b'"'): 3,
    }
    for patch, expected in damaged.items():
        (place / "bad").write_bytes(patch)
        code, _, errors = run_here(place, "revert", "out", "bad")
        assert (code, errors[:11]) == (expected, b"error: bad:"), patch[:40]
        assert len(errors) < 400
        assert (place / "out").read_bytes() == out
    (place / "bad").write_bytes(flipped)
    with pytest.raises(ds.FormatError) as raised:
        ds.revert(place / "out", place / "bad")
    assert raised.value.path == str(place / "bad")
    words(raised.value)
    assert sorted(path.name for path in place.iterdir()) == [
        "bad", "full", "in", "net", "out", "undo",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "apply --save-patch in net in out",
        "apply --save-patch out net in out",
        "apply -f --save-patch net net in out",
        "apply --save-patch there net in out",
        "apply --save-patch - net in out",
        "apply --save-patch undo net in -",
        "apply --save-patch no/undo net in out",
        "revert - undo",
        "revert there fifo",
        "revert there /dev/zero",
        "revert -o there out there",
    ],
)
def test_no_place_for_a_patch(line: str, place: Path, words: Words) -> None:
    (place / "there").write_bytes(b"precious")
    before = contents(place)
    os.mkfifo(place / "fifo")
    code, out, errors = run_here(place, *line.split())
    (place / "fifo").unlink()
    assert (code, out) == (2, b"")
    words(errors.decode(), line)
    assert contents(place) == before


def test_an_error_names_the_file_that_it_is_about(place: Path) -> None:
    """What is wrong with the patch names the patch, what is wrong with another file that one."""
    ds.apply(place / "net", place / "in", place / "out", save_patch=place / "undo")
    (place / "bad").write_bytes((place / "undo").read_bytes()[:-1] + b"\x7f")
    for patched, patch, named in (("out", "bad", "bad"), ("net", "undo", "net")):
        with pytest.raises((ds.FormatError, ds.MismatchError)) as raised:
            ds.revert(place / patched, place / patch, place / "back")
        assert raised.value.path == str(place / named)
        assert not (place / "back").exists()


def test_a_patch_is_replaced_by_force(place: Path) -> None:
    (place / "undo").write_bytes(b"old")
    assert run_here(place, "apply", "-f", "--save-patch", "undo", "net", "in", "out")[0] == 0
    assert run_here(place, "revert", "-q", "out", "undo") == (0, b"", b"")
    assert (place / "out").read_bytes() == (place / "in").read_bytes()


# --- both or neither


@pytest.mark.parametrize(
    "step", [5, pytest.param(1, marks=pytest.mark.campaign)], ids=["every fifth", "every"]
)
def test_whatever_fails_both_files_are_there_or_neither(
    step: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that write, link, rename or flush fail in turn, until none is left."""
    calls = ("write", "fsync", "rename", "link", "copy_file_range", "open", "close", "unlink")
    original = (place / "in").read_bytes()
    fails = 0
    for number in itertools.count(1, step):
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
        names = sorted(contents(folder))
        if failed and (folder / "out").read_bytes() == original:
            assert names in (["out"], ["out", "undo"])
        else:
            assert names == ["out", "undo"]
            ds.revert(folder / "out", folder / "undo")
        assert (folder / "out").read_bytes() == original
        if count < number:
            break
    assert fails > 20 // step


def test_a_way_back_that_fails_leaves_what_is_there(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ds.apply(place / "net", place / "in", place / "out", save_patch=place / "undo")
    before = contents(place)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ds.FileError) as raised:
        ds.revert(place / "out", place / "undo")
    assert raised.value.path == str(place / "out")
    words(raised.value)
    assert contents(place) == before


def test_the_patch_is_there_before_the_output(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut between the two renames leaves a patch too many, never a change without one."""
    real, seen = os.rename, []

    def rename(old: Any, new: Any, **folders: Any) -> None:
        seen.append((Path(new).name, (place / "undo").exists(), (place / "out").exists()))
        real(old, new, **folders)

    monkeypatch.setattr(os, "rename", rename)
    ds.apply(place / "net", place / "in", place / "out", save_patch=place / "undo")
    assert seen == [("undo", False, False), ("out", True, False)]
