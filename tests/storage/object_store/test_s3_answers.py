"""A store of S3's kind that gives other bytes or sizes than it was asked for: never taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from helpers.campaigns import campaign_but
from helpers.models import demo_base, demo_net
from helpers.store.padded import padding

if TYPE_CHECKING:
    from helpers.words import Words

NET = demo_net()
MODEL = padding(b"first", 150_000) + demo_base() + padding(b"last", 150_000, 7)
FIRST = "bytes 0-65535"

# What the answer says, which one it is, and whether it may pass.
ANSWERS: dict[str, tuple[dict[str, str | None] | None, int, bool]] = {
    "other bytes": (None, 2, False),
    "other bytes at first": (None, 1, False),
    "another range": ({"Content-Range": f"bytes 5-65540/{len(MODEL)}"}, 1, False),
    "another size": ({"Content-Range": f"{FIRST}/70000"}, 2, True),
    "a size of *": ({"Content-Range": f"{FIRST}/*"}, 1, False),
    "a size of 2^62": ({"Content-Range": f"{FIRST}/{1 << 62}"}, 1, False),
    "a size of 10,000 digits": ({"Content-Range": f"{FIRST}/{'9' * 5_000}"}, 1, False),
    "a range of text": ({"Content-Range": "bytes a-b/c"}, 1, False),
    "no range": ({"Content-Range": None}, 1, False),
    "no range later": ({"Content-Range": None}, 2, False),
    "another mark": ({"ETag": '"of another"'}, 2, True),
    "no length": ({"Content-Range": None, "Content-Length": None}, 1, False),
}


FEW = ("other bytes", "another size", "no range", "another mark")


@pytest.mark.parametrize("what", campaign_but(FEW, ANSWERS))
def test_bytes_that_are_not_those_asked_for_are_never_taken(
    tmp_path: Path, s3: Any, what: str, words: Words
) -> None:
    headers, number, passing = ANSWERS[what]
    (tmp_path / "net").write_bytes(NET)
    s3.put("in", MODEL)
    for out in (tmp_path / "out", s3.url("out")):
        s3.calm()
        if headers is None:
            s3.fault("shift", "GetObject", first=number, times=None)
        else:
            s3.tell("GetObject", headers=headers, first=number, times=None)
        with pytest.raises(ds.FileError) as caught:
            ds.apply(tmp_path / "net", s3.url("in"), out)
        assert caught.value.path == s3.url("in")
        assert caught.value.transient is passing
        assert len(caught.value.message) < 600
    words(caught.value, "" if "digits" in what else what)
    assert [path.name for path in tmp_path.iterdir()] == ["net"]
    assert (s3.keys(), s3.uploads()) == (["in"], [])


@pytest.mark.campaign
def test_a_length_that_is_none_is_an_error(tmp_path: Path, s3: Any) -> None:
    (tmp_path / "net").write_bytes(NET)
    s3.put("in", MODEL)
    for length in ("-1", "many", str(1 << 63)):
        s3.calm()
        s3.tell("GetObject", headers={"Content-Length": length}, times=None)
        with pytest.raises(ds.FileError):
            ds.apply(tmp_path / "net", s3.url("in"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_version_is_read_and_never_written(tmp_path: Path, s3: Any, words: Words) -> None:
    """It would be the object itself that is overwritten."""
    (tmp_path / "net").write_bytes(NET)
    s3.put("in", MODEL)
    with pytest.raises(ds.OutputError) as caught:
        ds.apply(tmp_path / "net", s3.url("in"), s3.url("in?versionId=null"), force=True)
    words(caught.value)
    assert s3.get("in") == MODEL


def test_a_folder_is_not_read_for_the_object_of_that_name(s3: Any, words: Words) -> None:
    s3.put("in", MODEL)
    with pytest.raises(ds.FileError) as caught:
        ds.inspect(model=s3.url("in/"))
    words(caught.value)


def test_an_input_by_a_second_name_is_not_overwritten(
    tmp_path: Path, s3: Any, words: Words
) -> None:
    (tmp_path / "net").write_bytes(NET)
    s3.put("in", MODEL)
    for scheme in ("s3a", "S3", "S3A"):
        with pytest.raises(ds.OutputError) as caught:
            ds.apply(tmp_path / "net", s3.url("in"), f"{scheme}://zoo/in", force=True)
        words(caught.value)
    assert s3.get("in") == MODEL


@pytest.mark.campaign
def test_a_key_is_taken_as_it_stands(tmp_path: Path, s3: Any) -> None:
    """What `same_object` takes for another object is another one to the client and the store."""
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "in").write_bytes(demo_base())
    ds.apply(tmp_path / "net", tmp_path / "in", tmp_path / "out")
    s3.put("in", demo_base())
    names = ["./in", "a/../in", "/in", "%69n", "in?", "in#", "in?x=1", " in", "in ", "IN", "a::in"]
    for name in names:
        ds.apply(tmp_path / "net", s3.url("in"), s3.url(name))
    assert s3.keys() == sorted([*names, "in"])
    assert s3.get("in") == demo_base()
    assert {s3.get(name) for name in names} == {(tmp_path / "out").read_bytes()}
