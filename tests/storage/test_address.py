"""Paths and URLs told apart."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.address import (
    LONGEST,
    SCHEMES,
    Store,
    called,
    file_of,
    folder_of,
    from_any_folder,
    is_url,
    joined,
    scheme_of,
    store_of,
    with_first_name,
)
from deconvsurgery.storage.object_identity import is_version, same_object
from helpers.models import demo_base, demo_net
from helpers.runs import run_here

if TYPE_CHECKING:
    from helpers.words import Words


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("s3://zoo/a", True),
        ("S3://zoo/a", True),
        ("https://host/a", True),
        ("git+ssh://host/a", True),
        ("file:///a", True),
        ("simplecache::s3://zoo/a", True),
        ("a::b", False),
        ("", False),
        ("-", False),
        ("a", False),
        ("/s3://a", False),
        ("./s3://a", False),
        ("c://a", False),
        ("s3:/a", False),
        ("s3:a", False),
        ("://a", False),
        ("3s://a", False),
        (Path("s3://zoo/a"), False),  # pathlib makes one slash of two
        ("a\nb://c", False),
    ],
)
def test_what_is_a_url(path: str | Path, url: bool) -> None:
    assert is_url(path) is url


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("a b", "a b"),
        ("a%20b", "a%20b"),
        ("file:///a%20b", "/a b"),
        ("file://localhost/a", "/a"),
        ("FILE:///a", "/a"),
        ("file:///a?b#c", "/a?b#c"),
        ("file:///%C3%A4", "/ä"),
        ("s3://zoo/a%20b", "s3://zoo/a%20b"),
        (Path("a"), "a"),
    ],
)
def test_the_file_of_a_path(path: str | Path, file: str) -> None:
    assert file_of(path) == file


@pytest.mark.parametrize("path", ["a" * 1_000_000, "d/" * 500_000 + "a", "\n" * 1_000_000])
def test_a_path_that_no_file_has(path: str, tmp_path: Path, words: Words) -> None:
    """Said at once: to look for each of a million folders would take hours."""
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
    for paths in (("net", path, "out"), (path, "in", "out"), ("net", "in", path)):
        with pytest.raises(ds.FileError) as caught:
            ds.apply(*(each if each is path else tmp_path / each for each in paths))
        assert len(caught.value.path or "") < 600
        words([caught.value.message, caught.value.hint or ""])


@pytest.mark.parametrize("url", ["file://host/a", "file://a"])
def test_a_file_of_another_machine_is_refused(url: str, words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        file_of(url)
    assert caught.value.path == url
    assert caught.value.hint is not None
    assert "file:///" in caught.value.hint
    words(caught.value)


# --- schemes

STRANGE = [
    "reference://",
    "dir://",
    "generic://zoo/a",
    "zip://x::file:///zoo/a",
    "tar://zoo/a",
    "ftp://host/a",
    "memory://zoo/a",
    "foo://zoo/a",
    "git+ssh://host/a",
    "simplecache::s3://zoo/a",
    "s3://zoo/a::file:///zoo/a",
    "file:///zoo/a::s3://zoo/a",
    "s3://s3://zoo/a",
    "s3://s3a::zoo/a",
    "gs://memory://zoo/a",
    "hf://zoo/a",
    "data://zoo/a",
]


@pytest.mark.parametrize("url", STRANGE)
@pytest.mark.parametrize("asked", [file_of, store_of])
def test_any_other_scheme_is_refused(url: str, asked: Callable[[str], object]) -> None:
    with pytest.raises(ds.FormatError) as caught:
        asked(url)
    assert caught.value.path == url
    hint = caught.value.hint or ""
    assert {f"{store.name}://" for store in SCHEMES.values()} <= set(re.findall(r"\w+://", hint))


def test_nothing_is_imported_for_a_url_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Input and output alike, with the code of a package that is missing."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
    for url in (*STRANGE, "s3://zoo/a", "https://host/a", "gs://zoo/a", "az://zoo/a"):
        for paths in (("net", url, "out"), (url, "in", "out"), ("net", "in", url)):
            code, printed, errors = run_here(tmp_path, "apply", "-f", *paths)
            assert (code, printed, errors.count(b"error: ")) == (3, b"", 1)
            assert b"Traceback" not in errors
        scheme = scheme_of(url)
        said = re.sub(r"hint: .* install .*", "hint: INSTALL", errors.decode())
        words(said.replace(url, "URL").replace(f"{scheme}://", "SCHEME ", 1))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "net"]


@pytest.mark.parametrize(
    ("url", "store"),
    [
        (f"{form(name)}://zoo/a", store)
        for name, store in SCHEMES.items()
        for form in (str, str.upper)
    ],
)
def test_schemes_that_are_known(url: str, store: Store) -> None:
    assert is_url(url)
    assert store_of(url) is store
    assert with_first_name(url) == f"{store.name}://zoo/a"


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///zoo/a",
        "gs:///zoo/a",
        "az://",
        "https:///a",
        "http://:80/a",
        "http://me@/a",
        "http://?a",
        "s3://zoo/a\0b",
        "s3://zoo/\udce4",
        "s3://" + "a" * (LONGEST - 4),
        "https://host/" + "a" * 10_000_000,
    ],
    ids=lambda url: url[:12],
)
def test_urls_that_no_object_has(url: str, words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        file_of(url)
    words(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "url",
    [
        "s3://" + "a" * (LONGEST - 5),
        "s3://zoo/a::b",
        "s3://arn:aws:s3::123456789012:accesspoint/mrap.mrap/key",
        "http://[::1]:8000/a",
        "https://me@host/a?b#c",
        "s3://zoo/a b/ä\n",
    ],
    ids=lambda url: url[:12],
)
def test_urls_that_are_odd(url: str) -> None:
    assert file_of(url) == url


def test_a_long_scheme_is_a_line() -> None:
    with pytest.raises(ds.FormatError) as caught:
        file_of("x" * 10_000_000 + "://a")
    assert len(str(caught.value)) + len(caught.value.path or "") < 800


@pytest.mark.parametrize("url", ["file:///a/%20b", "local:///a/%20b", "LOCAL://localhost/a/ b"])
def test_local_is_a_second_name_of_file(url: str) -> None:
    assert file_of(url) == "/a/ b"


def test_a_file_by_its_second_name_is_the_input(tmp_path: Path, words: Words) -> None:
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
    for name in ("in", "net"):
        before = (tmp_path / name).read_bytes()
        url = f"local://{tmp_path}/{name}"
        code, printed, errors = run_here(tmp_path, "apply", "-f", "net", "in", url)
        assert (code, printed) == (2, b"")
        assert (tmp_path / name).read_bytes() == before
        words(errors.decode(), name)


def test_a_password_is_not_shown() -> None:
    assert called("https://me:secret@host/a@b:c@d") == "https://me:…@host/a@b:c@d"
    assert called("https://host/a:b@c") == "https://host/a:b@c"
    assert "secret" not in called("https://me:" + "secret" * 1000 + "@host/a")


# --- one object, many names

SAME = [
    ("s3://zoo/a", "s3a://zoo/a"),
    ("S3://zoo/a", "s3://zoo/a"),
    ("s3://zoo/a", "s3://zoo/a?versionId=1"),
    ("s3://zoo/a", "s3://zoo/a/"),
    ("gs://zoo/a", "gcs://zoo/a"),
    ("gs://zoo/a", "gs://zoo/a#1234"),
    ("gs://zoo/a", "gcs://zoo/a?generation=1234"),
    ("az://zoo/a", "az://zoo/a?versionid=1"),
    ("az://zoo/a", "az://zoo:80/a#"),
    ("az://zoo/a", "az://zoo:secret@host/a\n"),
    ("az://zoo/a", "abfs://zoo/a"),
    ("abfs://zoo/a", "abfss://zoo/a"),
    ("az://zoo/a", "abfss://zoo@me.dfs.core.windows.net/a"),
    ("abfs://zoo@me.dfs.core.windows.net/a", "abfss://zoo@ME.blob.core.windows.net/a"),
    ("abfs://me.dfs.core.windows.net/zoo/a", "abfss://zoo@me.dfs.core.windows.net/a"),
    ("https://host/a", "HTTPS://HOST:443/a"),
    ("http://host/a", "http://me:secret@host:80/a#b"),
    ("http://host", "http://host/"),
    ("http://host/a%7e%2fb", "http://host/a~%2Fb"),
    ("http://host/b/../a", "http://host/./a"),
    ("file:///a%20b", "local://localhost/a b"),
]
OTHERS = [
    ("s3://zoo/a", "s3://zoo//a"),
    ("s3://zoo/a", "s3://zoo/./a"),
    ("s3://zoo/a", "s3://zoo/%61"),
    ("s3://zoo/a", "s3://Zoo/a"),
    ("s3://zoo/a", "gs://zoo/a"),
    ("gs://zoo/a", "gs://zoo//a"),
    ("az://zoo/a", "abfss://other@me.dfs.core.windows.net/a"),
    ("abfs://zoo@me.dfs.core.windows.net/a", "abfs://zoo@you.dfs.core.windows.net/a"),
    ("http://host/a", "https://host/a"),
    ("http://host/a", "http://host:81/a"),
    ("http://host/a?b", "http://host/a?c"),
    ("http://host/a/b", "http://host/a%2Fb"),
    ("http://host/a", "http://host/A"),
]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(*each, True) for each in SAME] + [(*each, False) for each in OTHERS],
)
def test_one_object_by_several_names(one: str, other: str, same: bool) -> None:
    assert same_object(one, one)
    assert same_object(other, other)
    assert same_object(one, other) is same
    assert same_object(other, one) is same


@pytest.mark.parametrize(
    "url", ["s3://zoo/a?versionId=1", "gs://zoo/a#1", "gs://zoo/a?generation=1", "az://zoo/a?b"]
)
def test_a_version_of_an_object(url: str) -> None:
    assert is_version(url)
    assert not is_version(url.replace("?", "_").replace("#", "_"))


# --- folders


@pytest.mark.parametrize(
    ("folder", "path", "whole"),
    [
        ("", "a", "a"),
        ("conf", "a", "conf/a"),
        ("conf", "/a", "/a"),
        ("conf", "s3://zoo/a", "s3://zoo/a"),
        ("s3://zoo", "a", "s3://zoo/a"),
        ("s3://zoo/", "a", "s3://zoo/a"),
        ("s3://zoo/nets", "../models/a", "s3://zoo/models/a"),
        ("s3://zoo/nets", "./a", "s3://zoo/nets/a"),
        ("s3://zoo/nets", "s3://other/a", "s3://other/a"),
        ("s3://zoo/nets", "../../../other/a", "s3://zoo/other/a"),
        ("s3://zoo", "../a", "s3://zoo/a"),
        ("s3://zoo//nets", "a", "s3://zoo//nets/a"),
        ("s3://zoo/nets", "a//b", "s3://zoo/nets/a//b"),
        ("https://host", "a", "https://host/a"),
    ],
)
def test_a_path_relative_to_a_folder(folder: str, path: str, whole: str) -> None:
    assert joined(folder, path) == whole


@pytest.mark.parametrize("path", ["/data/a", "/a"])
def test_an_absolute_path_in_a_store_s_file_is_a_path_here(path: str) -> None:
    assert joined("s3://zoo/nets", path) == path


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("a/in", "a/in"),
        ("./a//in", "a/in"),
        ("a/../b/in", "b/in"),
        ("a/link", "a/link"),  # the link itself
        ("a/link/in", "a/link/in"),
        ("a/link/../in", "b/in"),  # out of the folder that the link leads to
        ("a/link/../link", "b/link"),
        ("a/no/../in", "a/in"),
        ("..in/x", "..in/x"),
    ],
)
def test_a_path_from_any_folder(
    path: str, whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "link").symlink_to("../b/c")
    monkeypatch.chdir(tmp_path)
    assert from_any_folder(path) == str(tmp_path / whole)
    assert from_any_folder(str(tmp_path / path)) == str(tmp_path / whole)
    monkeypatch.chdir("b")
    assert from_any_folder(f"../{path}") == str(tmp_path / whole)


def test_folders_and_schemes() -> None:
    assert folder_of("s3://zoo/nets/a") == "s3://zoo/nets"
    assert folder_of("s3://zoo/a") == "s3://zoo"
    assert folder_of("s3://zoo") == "s3://zoo"
    assert folder_of("https://host/lists/a?b=/c") == "https://host/lists"
    assert folder_of("https://host?b=/c") == "https://host"
    assert folder_of("nets/a") == "nets"
    assert folder_of("a") == ""
    assert scheme_of("S3://zoo/a") == "s3"
