"""Any text as a path or a URL: what it is, what it is refused for, what it means beside others.

The first byte says which other name is tried, and whether a store is looked for; the rest is up to
four texts, a line each: two objects, a path that is relative to the first one's folder, and a name.
Nothing is opened, and no server is asked for anything.

Which texts are URLs, and of which of them a scheme is refused, is worked out here once more.
"""

from __future__ import annotations

import os
import re

import deconvsurgery as ds
from deconvsurgery.cli.console import exit_code
from deconvsurgery.inputs import path_patterns as patterns
from deconvsurgery.storage import address
from deconvsurgery.storage.object_identity import same_object
from deconvsurgery.storage.object_store.store import located

STORES = {"file": "file", "local": "file", "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
STORES |= {"az": "az", "abfs": "az", "abfss": "az", "http": "http", "https": "https"}
REFUSED, IMPOSSIBLE = 3, 4  # exit codes
LINE = 2600  # characters: 240, each of which may be spelt out as ten, and words around them
HERE = ("s3", "http", "https")  # stores whose packages come with the extra
NAMES = [form(name) for name in STORES if STORES[name] != "file" for form in (str, str.upper)]
_WORD = re.compile("[A-Za-z][A-Za-z0-9+.-]+")


def check(data: bytes) -> None:
    """Take the texts for paths and URLs; ``AssertionError`` where something does not hold."""
    choice, texts = data[0] if data else 0, os.fsdecode(data[1:]).split("\n", 3)
    one, other, path, name = (*texts, "", "", "")[:4]
    stores = [_file(text) for text in (one, other)]
    if all(stores):
        _same(one, other)
    for text, store in ((one, stores[0]), (other, stores[1])):
        if store is not None and store != "file":
            _second_name(text, NAMES[choice % len(NAMES)])
            _folder(text)
            if choice % 31 == 0 and store in HERE:
                _located(text)
    _joined(one, path)
    if choice % 8 == 0:
        _pattern(one, other, name)


def _parts(text: str) -> tuple[list[str], str] | None:
    """The schemes of a URL and the rest; ``None`` for a path."""
    schemes = []
    rest = text
    while found := _WORD.match(rest):
        schemes.append(found[0].lower())
        rest = rest[found.end() :]
        if rest.startswith("://"):
            return schemes, rest[3:]
        if not rest.startswith("::"):
            return None
        rest = rest[2:]
    return None


def _file(text: str) -> str | None:
    """The store of a text that is taken, ``None`` for one that is not."""
    parts = _parts(text)
    assert address.is_url(text) is (parts is not None)
    if parts is None and len(text) <= address.LONGEST:
        assert address.file_of(text) == text
        return None
    schemes, rest = parts or (["file"], "")
    chained = len(schemes) > 1 or re.search(r"::[A-Za-z][A-Za-z0-9+.-]+://", rest) is not None
    word = _WORD.match(rest)
    chained |= word is not None and rest[word.end() :].startswith(("::", "://"))
    wrong = chained or schemes[0] not in STORES
    try:
        meant = address.file_of(text)
    except ds.SurgeryError as error:
        _said(error)
        assert exit_code(error) == (REFUSED if wrong else IMPOSSIBLE), error
        return None
    assert not wrong
    store = STORES[schemes[0]]
    assert address.store_of(text).name == store
    if store == "file":
        assert meant.startswith("/") or not meant
        return store
    assert meant == text
    assert len(text) <= address.LONGEST
    assert "\0" not in text
    text.encode()
    return store


def _said(error: ds.SurgeryError) -> None:
    """In a line, which nothing in a text can turn."""
    for words in (error.message, error.hint or "", error.path or ""):
        assert len(words) < LINE
        assert words.isprintable(), words


def _same(one: str, other: str) -> None:
    same = same_object(one, other)
    assert same is same_object(other, one)
    if same:
        assert address.store_of(one) is address.store_of(other)
    if one == other:
        assert same


def _second_name(text: str, name: str) -> None:
    """It is the object that another name of its scheme leads to, and no other store's."""
    scheme, _, rest = text.partition("://")
    store = STORES[scheme.lower()]
    try:
        assert same_object(text, f"{name}://{rest}") is (STORES[name.lower()] == store)
    except ds.FileError:
        assert STORES[name.lower()] != store or len(text) > address.LONGEST - 5
    assert address.with_first_name(text) == f"{store}://{rest}"
    if store in ("s3", "gs", "az") and re.fullmatch(r"[^?#]*/[^?#]*[^?#/]", rest):
        assert not same_object(text, f"{text}a")


def _folder(text: str) -> None:
    folder = address.folder_of(text)
    assert address.is_url(folder)
    assert address.store_of(folder) is address.store_of(text)
    assert text.startswith(folder)
    if STORES[text.partition("://")[0].lower()] in ("http", "https"):
        return
    name = text[len(folder) + 1 :]
    if name not in ("", ".", "..") and not folder.endswith("/") and not address.is_url(name):
        assert address.joined(folder, name) == text


def _joined(folder: str, path: str) -> None:
    whole = address.joined(folder, path)
    if address.is_url(path) or path.startswith("/"):
        assert whole == path
    elif address.is_url(folder):
        scheme, _, rest = folder.partition("://")
        root = f"{scheme}://{rest.partition('/')[0]}"
        assert whole == root or whole.startswith(f"{root}/")
    else:
        assert whole == os.path.join(folder, path)


def _located(text: str) -> None:
    """Where its package sees it: in the same place by each name of the scheme."""
    try:
        place = located(text)
    except ds.SurgeryError as error:
        _said(error)
        assert exit_code(error) == IMPOSSIBLE
        return
    assert len(place.name) < LINE
    assert place.name.isprintable()
    assert place.is_same(place)
    if place.is_s3 and "arn:" not in text:
        bucket, _, key = text.partition("://")[2].rstrip("/").partition("/")
        found = place.fs.split_path(place.key)
        assert found[:2] == (bucket, key.partition("?versionId=")[0])


def _pattern(pattern: str, path: str, name: str) -> None:
    fixed = patterns.fixed_part(pattern)
    assert pattern.startswith(fixed)
    if not patterns.is_pattern(pattern):
        assert fixed == pattern
    patterns.reaches_down(pattern)
    patterns.plain_name(path)
    patterns.named(path, name)
    if patterns.open_wildcards(pattern) <= patterns.MOST_OPEN and len(path) < 24:
        patterns.name_in(pattern, path)
