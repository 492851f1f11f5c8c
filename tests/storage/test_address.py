"""Paths and URLs told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.address import (
    file_of,
    folder_of,
    is_url,
    joined,
    scheme_of,
)
from helpers.words import Words


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("s3://zoo/a", True),
        ("S3://zoo/a", True),
        ("https://host/a", True),
        ("git+ssh://host/a", True),
        ("file:///a", True),
        ("simplecache::s3://zoo/a", False),
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


@pytest.mark.parametrize("url", ["file://host/a", "file://a"])
def test_a_file_of_another_machine_is_refused(url: str, words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        file_of(url)
    assert caught.value.path == url
    assert caught.value.hint is not None
    assert "file:///" in caught.value.hint
    words(caught.value)


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
    ],
)
def test_a_path_relative_to_a_folder(folder: str, path: str, whole: str) -> None:
    assert joined(folder, path) == whole


@pytest.mark.parametrize("path", ["/data/a", "/a"])
def test_an_absolute_path_in_a_store_s_file_is_a_path_here(path: str) -> None:
    assert joined("s3://zoo/nets", path) == path


def test_folders_and_schemes() -> None:
    assert folder_of("s3://zoo/nets/a") == "s3://zoo/nets"
    assert folder_of("s3://zoo/a") == "s3://zoo"
    assert folder_of("nets/a") == "nets"
    assert folder_of("a") == ""
    assert scheme_of("S3://zoo/a") == "s3"
