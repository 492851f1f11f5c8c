"""Stores whose listings break off, go round, or name what was not asked for: one error each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs import list_objects
from deconvsurgery.inputs.expand_pairs import expanded
from deconvsurgery.inputs.settings import Pair

if TYPE_CHECKING:
    from helpers.words import Words

PATTERN = "s3://zoo/v2/*/net"
KEY = "<Contents><Key>v2/a/net</Key><Size>0</Size></Contents>"


def nets(pattern: str = PATTERN) -> list[str]:
    return [each.net or "" for each in expanded(Pair(pattern))]


def page(inner: str) -> str:
    kind = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<ListBucketResult xmlns="{kind}"><Name>zoo</Name>{inner}</ListBucketResult>'


def more(token: str = "") -> str:
    said = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return f"<IsTruncated>true</IsTruncated>{said}"


WRONG = {
    "no token": KEY + more(),
    "one token again and again": KEY + more("a"),
    "an empty token": KEY + "<IsTruncated>true</IsTruncated><NextContinuationToken/>",
    "a key that was not asked for": "<Contents><Key>v1/a/net</Key></Contents>",
    "a key of 100,000 characters": f"<Contents><Key>{'a' * 100_000}</Key></Contents>",
    "a key that acts": "<Contents><Key>\u202e\x85</Key></Contents>",
    "no key": "<Contents><Size>1</Size></Contents>",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_listing_that_is_wrong(s3: Any, what: str, words: Words) -> None:
    s3.tell("ListObjectsV2", body=page(WRONG[what]), times=None)
    with pytest.raises(ds.FileError) as caught:
        nets()
    assert caught.value.path == "s3://zoo/v2/"
    assert not caught.value.transient
    assert len(caught.value.message) < 400
    assert caught.value.message.isprintable()
    assert len(s3.requests()) <= 2
    words(caught.value, "" if "characters" in what else what)


@pytest.mark.parametrize("body", ["", "<html>", "not XML", page("<Contents><Key>"), "<a/>"])
def test_a_listing_that_is_none(s3: Any, body: str) -> None:
    s3.tell("ListObjectsV2", body=body, times=None)
    try:
        assert nets() == []  # a page that names nothing
    except ds.FileError as error:
        assert error.path == "s3://zoo/v2/"  # noqa: PT017 - an empty answer is right, too


def test_pages_that_name_nothing_are_pages(s3: Any) -> None:
    s3.tell("ListObjectsV2", body=page(more("a")))
    s3.tell("ListObjectsV2", body=page(more("b")), first=2)
    s3.tell("ListObjectsV2", body=page(KEY), first=3)
    assert nets() == ["s3://zoo/v2/a/net"]


class Pages:
    """A store of so many keys, a thousand a page, that tells no page twice."""

    def __init__(self, keys: Iterator[str]) -> None:
        self.keys, self.asked = keys, 0

    def __call__(self, _location: object, **_: object) -> dict[str, Any]:
        self.asked += 1
        listed = [{"Key": key} for key in islice(self.keys, 1000)]
        rest = {"IsTruncated": True, "NextContinuationToken": str(self.asked)} if listed else {}
        return {"Contents": listed, **rest}


@pytest.mark.campaign
def test_a_million_keys_are_listed(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages(f"v2/{number}/net" for number in range(1_000_000))
    monkeypatch.setattr(list_objects, "_page", pages)
    assert sum(1 for _ in expanded(Pair(PATTERN))) == 1_000_000
    assert pages.asked == 1001


def test_pages_end(s3: Any, monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    monkeypatch.setattr(list_objects, "_MOST_PAGES", 5)
    monkeypatch.setattr(list_objects, "_page", Pages(f"v2/{number}/net" for number in count()))
    pairs = expanded(Pair(PATTERN))
    assert sum(1 for _ in islice(pairs, 5000)) == 5000
    with pytest.raises(ds.FileError) as caught:
        list(pairs)
    words(caught.value)


@pytest.mark.parametrize("key", ["/zoo/v1/a/net", "net", 5, None])
def test_another_store_that_lists_what_was_not_asked_for(
    memory: Any, monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.setattr(type(memory), "find", lambda *_, **__: [key])
    with pytest.raises(ds.FileError) as caught:
        nets("gs://zoo/v2/*/net")
    assert caught.value.path == "gs://zoo/v2/"
