"""Pairs that a configuration's paths stand for: files, objects, lists; one at a time."""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.inputs import expand_pairs
from deconvsurgery.inputs.expand_pairs import every_pair, expanded
from deconvsurgery.inputs.settings import Checking, Pair
from helpers.settings import parse_settings

if TYPE_CHECKING:
    from helpers.words import Words

CHECKING = Checking(level=3)


def nets(pattern: str) -> list[str]:
    """The nets that a pattern stands for, sorted."""
    return sorted(each.net or "" for each in expanded(Pair(pattern)))


def filled(place: Path, *paths: str) -> None:
    for path in paths:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(b"")


# --- files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of files with names of every kind that a pattern may trip over."""
    place = tmp_path_factory.mktemp("tree")
    names = ("a.x", "b.x", "ab.y", ".a.x", "[a].x", "a*.x", "a b", "c]", "-", "!", "é.x", "x\n.x")
    folders = ("", "a", "b/a", "b/.a", ".b", "a/a/a", "[b]")
    filled(place, *(os.path.join(folder, name) for folder in folders for name in names))
    (place / "empty").mkdir()
    return place


PIECES = ("*", "?", "a", "b", ".", "x", "[ab]", "[!a]", "[[]", "]", "-", ".x")
SEGMENTS = st.just("**") | st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map(
    "".join
).filter(lambda each: each not in (".", "..") and "**" not in each)


def _same_for_both(pattern: str) -> bool:
    """Below ** a hidden folder that is named is one here, and none for Python's glob."""
    return not ("**" in pattern and "/." in f"/{pattern}")


@given(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join).filter(_same_for_both))
def test_wildcards_mean_what_they_do_elsewhere(tree: Path, pattern: str) -> None:
    """By Python's own glob, where both have such patterns."""
    asked = f"{glob.escape(str(tree))}/{pattern}"
    wild = re.search(r"[*?[]", pattern)
    fixed = os.path.dirname(pattern[: wild.start()]) if wild else ""
    if wild is None or os.path.lexists(tree / pattern):
        expected = [pattern]  # a name, whatever signs are in it
    elif not (tree / fixed).is_dir():
        with pytest.raises(ds.FileError) as caught:
            nets(asked)
        assert caught.value.path == f"{tree}/{fixed}/"
        return
    else:
        found = {*glob.glob(pattern, root_dir=tree, recursive=True)}
        # Of a file, too, glob's last ** finds the folder itself: `a/` where `a` is no folder.
        expected = sorted(x for x in found if x[-1:] != "/" and not (tree / x).is_dir())
    start = len(f"{tree}/")
    assert [each[start:] for each in nets(asked)] == expected


def test_files_in_folders(here: Path) -> None:
    filled(here, "zoo/a/net", "zoo/b/net", "zoo/b/c/net", "zoo/net", "zoo/a/other", "other/a/net")
    assert nets("zoo/*/net") == ["zoo/a/net", "zoo/b/net"]
    assert nets("zoo/**/net") == ["zoo/a/net", "zoo/b/c/net", "zoo/b/net", "zoo/net"]
    assert nets("*/net") == ["zoo/net"]
    assert nets("./zoo/*") == ["./zoo/net"]
    assert nets("zoo//*") == ["zoo//net"]
    assert nets("zoo/../zoo/n*") == ["zoo/../zoo/net"]
    assert nets(f"{here}/o*/{{name}}/net") == [f"{here}/other/a/net"]
    assert nets(f"file://{here}/o*/{{name}}/net") == [f"{here}/other/a/net"]
    assert nets("zoo/x*") == []


def test_the_root_is_a_folder_like_others() -> None:
    assert "/dev/null" in nets("/d?v/nul[l]")


def test_hidden_files_are_passed_over_unless_they_are_named(here: Path) -> None:
    filled(here, "zoo/.a/net", "zoo/b/.net", "zoo/b/net", ".hidden/net")
    assert nets("zoo/*/net") == ["zoo/b/net"]
    assert nets("**/*net") == ["zoo/b/net"]
    assert nets("zoo/.*/net") == ["zoo/.a/net"]
    assert nets("*/b/.n*") == ["zoo/b/.net"]
    assert nets("**/.n*") == ["zoo/b/.net"]
    assert nets(".hidden/*") == [".hidden/net"]


def test_hidden_folders_are_not_looked_into(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(here, "zoo/.git/objects/net", "zoo/a/net")
    looked: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> Any:
        looked.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    assert nets("zoo/**/net") == ["zoo/a/net"]
    assert sorted(looked) == ["zoo/", "zoo/a"]


def test_links_to_folders(here: Path) -> None:
    filled(here, "zoo/a/net", "far/net")
    (here / "zoo/loop").symlink_to("..")
    (here / "zoo/far").symlink_to("../far")
    (here / "zoo/self").symlink_to("self")
    (here / "zoo/net").symlink_to("a/net")
    (here / "zoo/gone").symlink_to("nowhere")
    # Any number of folders down, they are not followed, and are no files either.
    assert nets("zoo/**") == ["zoo/a/net", "zoo/gone", "zoo/net", "zoo/self"]
    # Where the pattern says how many, they are folders like others.
    assert nets("zoo/*/net") == ["zoo/a/net", "zoo/far/net"]
    assert nets("zoo/loop/*/net") == ["zoo/loop/far/net", "zoo/loop/zoo/net"]


def test_a_name_with_wildcards_in_it_is_a_name_where_there_is_such_a_file(here: Path) -> None:
    filled(here, "zoo/a[1].prototxt", "zoo/a1.prototxt", "zoo/*", "zoo/b")
    assert nets("zoo/a[1].prototxt") == ["zoo/a[1].prototxt"]
    assert nets("zoo/a[[]1].prototxt") == ["zoo/a[1].prototxt"]
    assert nets("zoo/*") == ["zoo/*"]
    (pair,) = expanded(Pair("zoo/a[1].prototxt", output="out/{name}.x"))
    assert pair.output == "out/a[1].x"


@pytest.mark.parametrize("name", ["a[1]", "a*", "what?", "{name}", "[!x]"])
def test_names_that_are_found_may_have_wildcards_in_them(here: Path, name: str) -> None:
    filled(here, f"zoo/{name}/net")
    (pair,) = expanded(Pair("zoo/{name}/net", "s3://zoo/{name}/model", output="out/{name}.x"))
    assert pair == Pair(f"zoo/{name}/net", f"s3://zoo/{name}/model", output=f"out/{name}.x")


@pytest.mark.parametrize("folder", ["nowhere/", "zoo/a/", "zoo\0/"])
def test_what_is_no_folder(here: Path, folder: str, words: Words) -> None:
    filled(here, "zoo/a")
    with pytest.raises(ds.FileError) as caught:
        nets(f"{folder}*")
    assert caught.value.path == folder.replace("\0", r"\x00")
    words(caught.value, folder.replace("\0", "NUL"))


def test_a_folder_that_may_not_be_read(
    here: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    filled(here, "zoo/a/net")
    scandir = os.scandir

    def refused(path: str) -> Any:
        if path == "zoo/a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(ds.FileError) as caught:
        nets("zoo/**")
    assert caught.value.path == "zoo/a"
    words(caught.value)


def test_the_first_file_comes_before_the_last_is_looked_at(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(here, *(f"zoo/{number}/net" for number in range(30)))
    looked: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> Any:
        looked.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    with closing(expanded(Pair("zoo/*/net"))) as pairs:
        next(pairs)
        assert len(looked) == 2  # the folder, and the first in it


# --- what goes along


def test_paths_that_stand_for_themselves(here: Path) -> None:
    pair = Pair("zoo/fcn.prototxt", "zoo/{name}.caffemodel", CHECKING, "out/{name}.x", "{name}.y")
    assert [*expanded(pair)] == [
        Pair("zoo/fcn.prototxt", "zoo/fcn.caffemodel", CHECKING, "out/fcn.x", "fcn.y")
    ]
    assert [*expanded(Pair(None, "a.caffemodel.h5", output="out/{name}"))] == [
        Pair(None, "a.caffemodel.h5", output="out/a")
    ]
    assert [*expanded(Pair("s3://zoo/a/n.prototxt", output="{name}"))] == [
        Pair("s3://zoo/a/n.prototxt", output="n")
    ]
    web = "https://host/deploy.prototxt?raw=true"
    assert [*expanded(Pair(web, output="{name}"))] == [Pair(web, output="deploy")]
    assert [*expanded(Pair("zoo/", output="a{name}"))] == [Pair("zoo/", output="azoo/")]


def test_models_alone_lead_themselves(here: Path) -> None:
    filled(here, "zoo/a.caffemodel", "zoo/b.caffemodel")
    found = sorted(expanded(Pair(None, "zoo/*.caffemodel", CHECKING, "out/{name}")), key=str)
    assert found == [
        Pair(None, "zoo/a.caffemodel", CHECKING, "out/a"),
        Pair(None, "zoo/b.caffemodel", CHECKING, "out/b"),
    ]


@pytest.mark.parametrize(
    ("pair", "key", "value"),
    [
        (Pair("zoo/*", "zoo/*.caffemodel"), "model", "zoo/*.caffemodel"),
        (Pair("zoo/*", output="out/*"), "output", "out/*"),
        (Pair("zoo/a", net_output="out/[ab]"), "net-output", "out/[ab]"),
        (Pair("zoo/a", "s3://zoo/?"), "model", "s3://zoo/?"),
    ],
)
def test_the_first_path_alone_has_wildcards(
    here: Path, pair: Pair, key: str, value: str, words: Words
) -> None:
    filled(here, "zoo/a")
    with pytest.raises(ds.ConfigError) as caught:
        next(expanded(pair))
    assert caught.value.message.split()[:2] == [key, value]
    words(caught.value)
    assert caught.value.hint is not None
    assert "{name}" in caught.value.hint


def test_another_file_with_wildcards_in_its_name(here: Path) -> None:
    filled(here, "net", "in[1]")
    assert [*expanded(Pair("net", "in[1]"))] == [Pair("net", "in[1]")]


def test_pairs_of_a_file_come_in_order(here: Path) -> None:
    filled(here, "zoo/b", "zoo/a", "zoo/c", "x")
    settings = parse_settings("[[pairs]]\nnet = ['x', 'zoo/*']\n", "deconvsurgery.toml")
    assert settings is not None
    assert [each.net for each in every_pair(settings)] == ["x", "zoo/a", "zoo/b", "zoo/c"]


# --- lists


def test_a_list_has_a_pair_a_line(here: Path) -> None:
    (here / "lists").mkdir()
    filled(here, "lists/zoo/a.x", "lists/zoo/b.x")
    lines = (
        '{"net": "n", "model": "../m", "output": "/out/{name}", "net-output": "s3://zoo/n"}',
        "",
        " \t\r",
        '{"model": "é"}\r',
        '{"net": "zoo/*.x", "output": "{name}"}',
        '{"net": "\\udcff"}',
    )
    (here / "lists/pairs.jsonl").write_text("\n".join(lines))  # no newline at its end
    found = [*expanded(Pair(None, checking=CHECKING, listed="lists/pairs.jsonl"))]
    assert found[:2] == [
        Pair("lists/n", "lists/../m", CHECKING, "/out/n", "s3://zoo/n"),
        Pair(None, "lists/é", CHECKING),
    ]
    assert sorted(found[2:4], key=str) == [
        Pair("lists/zoo/a.x", None, CHECKING, "lists/a.x"),
        Pair("lists/zoo/b.x", None, CHECKING, "lists/b.x"),
    ]
    assert found[4:] == [Pair("lists/\udcff", None, CHECKING)]
    assert os.fsencode(found[4].net or "") == b"lists/\xff"


def test_a_list_by_a_url_of_this_machine(here: Path) -> None:
    (here / "pairs.jsonl").write_text('{"net": "n", "model": "/m"}\n')
    assert [*expanded(Pair(None, listed=f"file://{here}/pairs.jsonl"))] == [Pair(f"{here}/n", "/m")]


def test_an_empty_list(here: Path) -> None:
    (here / "pairs.jsonl").write_bytes(b"")
    assert [*expanded(Pair(None, listed="pairs.jsonl"))] == []


MANY = b"[" * 100_000


@pytest.mark.parametrize(
    ("line", "case"),
    [
        (b"net", "no JSON"),
        (b'{"net": "a"', "no JSON"),
        (b"\xef\xbb\xbf{}", "a byte order mark"),
        (b'{"net": NaN}', "no number"),
        (b'{"net": ' + b"9" * 6000 + b"}", "many digits"),
        (b'{"net": "a", "net": "b"}', "a key twice"),
        (MANY, "too deep"),
        (b'{"net": ' + b"[" * 900 + b"]" * 900 + b"}", "too deep"),
        (b"3", "no table"),
        (b'["a"]', "no table"),
        (b'{"net": 3}', "no path"),
        (b'{"net": null}', "no path"),
        (b'{"net": ""}', "an empty path"),
        (b'{"net": "a", "list": "b"}', "another key"),
        (b'{"net": "a", "net_output": "b"}', "another key"),
        (b'{"net": "a", "' + b"x" * 500_000 + b'": "b"}', "another key"),
        (b'{"net": "\\ud800"}', "half a pair"),
        (b'{"net": "a\\u0000"}', "no name"),
        (b'{"net": "' + b"x" * 500_000 + b'"}', "long"),
        (b"{}", "no pair"),
        (b'{"output": "a"}', "no pair"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_line_that_is_none(here: Path, line: bytes, case: str, words: Words) -> None:
    """It is an error with its number, or what is told is that line alone."""
    (here / "pairs.jsonl").write_bytes(b'{"net": "a"}\n\n' + line + b'\n{"net": "b"}\n')
    pairs = expanded(Pair(None, listed="pairs.jsonl"))
    assert next(pairs) == Pair("a")
    with pytest.raises(ds.ConfigError) as caught:
        next(pairs)
    assert (caught.value.path, caught.value.line) == ("pairs.jsonl", 3)
    assert len(caught.value.message) < 200
    if case == "no JSON":  # what follows is Python's
        words(caught.value.message.partition(": ")[0], case)
    else:
        words(caught.value, case)
    refused: list[tuple[Pair, ds.SurgeryError]] = []
    good = [*expanded(Pair(None, listed="pairs.jsonl"), lambda *each: refused.append(each))]
    assert good == [Pair("a"), Pair("b")]
    ((pair, error),) = refused
    assert (pair, str(error)) == (Pair(None), str(caught.value))


def test_what_has_no_pair_in_its_first_line_is_no_list(here: Path) -> None:
    (here / "net.prototxt").write_text("\nname: 'a'\n" + '{"net": "a"}\n' * 3)
    with pytest.raises(ds.ConfigError) as caught:
        [*expanded(Pair(None, listed="net.prototxt"), lambda *_: None)]
    assert (caught.value.path, caught.value.line) == ("net.prototxt", 2)


def test_a_line_whose_files_cannot_be_listed(here: Path) -> None:
    """The others go on."""
    lines = ('{"net": "gone/*.x"}', '{"net": "a", "model": "*"}', '{"net": "%s"}' % ("*a" * 33))
    filled(here, "a")
    (here / "pairs.jsonl").write_text("\n".join((*lines, '{"net": "b"}')))
    refused: list[tuple[Pair, ds.SurgeryError]] = []
    good = [*expanded(Pair(None, listed="pairs.jsonl"), lambda *each: refused.append(each))]
    assert good == [Pair("b")]
    assert [each.net for each, _ in refused] == ["gone/*.x", "a", "*a" * 33]
    assert [type(error) for _, error in refused] == [ds.FileError, ds.ConfigError, ds.ConfigError]


def test_bytes_that_are_no_utf_8_are_a_files_name(here: Path) -> None:
    (here / "pairs.jsonl").write_bytes(b'\xef\xbb\xbf{"net": "\xff"}\r\n{"net": "a"}\r\n')
    found = [*expanded(Pair(None, listed="pairs.jsonl"))]
    assert found == [Pair("\udcff"), Pair("a")]


def test_a_list_without_end(here: Path, monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    """Of a device so much is copied and no more."""
    monkeypatch.setattr(expand_pairs, "_LONGEST_STREAM", 1 << 21)
    with pytest.raises(ds.ConfigError) as caught:
        [*expanded(Pair(None, listed="/dev/zero"))]
    assert caught.value.path == "/dev/zero"
    words(caught.value)


@pytest.mark.campaign
def test_folders_deeper_than_calls(here: Path) -> None:
    deep = "/".join("d" * 1500)
    (here / "d").mkdir()
    folder = os.open(here / "d", os.O_RDONLY)
    for _ in range(1499):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    assert [each.net for each in expanded(Pair("**/x"))] == [f"{deep}/x"]
    # Python's own way of removing folders calls itself as often.
    subprocess.run(["rm", "-r", here / "d"], check=True)


def sized(size: int) -> bytes:
    """A line of so many bytes without its end."""
    return b'{"net": "a"' + b" " * (size - 12) + b"}"


@pytest.mark.parametrize("before", [0, 700_000])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_longest_line(here: Path, before: int, end: bytes, words: Words) -> None:
    """A megabyte, wherever it lies in the file and whatever is behind it."""
    start = b" " * before + b"\n"
    (here / "fits").write_bytes(start + sized(1 << 20) + end)
    (found,) = expanded(Pair(None, listed="fits"))
    assert found.net == "a"
    for more in (1, 1 << 20, 3 << 20):
        (here / "long").write_bytes(start + sized((1 << 20) + more) + end)
        with pytest.raises(ds.ConfigError) as caught:
            next(expanded(Pair(None, listed="long")))
        words(caught.value)
        assert (caught.value.path, caught.value.line) == ("long", 2)


def test_blanks_without_end_are_no_blank_line(here: Path) -> None:
    """What comes after them is not read, and is not passed over without a word."""
    blanks = b" " * ((3 << 20) + 1)
    (here / "long").write_bytes(b'{"net": "a"}\n' + blanks + b'\n{"net": "b"}\n')
    refused: list[ds.SurgeryError] = []
    pairs = [*expanded(Pair(None, listed="long"), lambda _, error: refused.append(error))]
    assert [pair.net for pair in pairs][:1] == ["a"]
    (error,) = refused
    assert isinstance(error, ds.ConfigError)
    assert (error.path, error.line) == ("long", 2)


def test_a_list_that_is_not_there(here: Path, words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        next(expanded(Pair(None, listed="pairs.jsonl")))
    assert caught.value.path == "pairs.jsonl"
    words(caught.value)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(("net", "model")),
            st.text(
                st.characters(exclude_characters="*?[{\0", exclude_categories=["Cs"]), min_size=1
            ).filter(lambda path: "://" not in path),
            min_size=1,
        )
    ),
    st.booleans(),
)
def test_lists_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, tables: list[dict[str, str]], escaped: bool
) -> None:
    path = tmp_path_factory.mktemp("list") / "pairs"
    lines = (json.dumps(each, ensure_ascii=escaped) + "\n" for each in tables)
    path.write_text("".join(lines), "utf-8")
    found = [(each.net, each.model) for each in expanded(Pair(None, listed=str(path)))]
    at = str(path.parent)
    assert found == [
        tuple(os.path.join(at, each[key]) if key in each else None for key in ("net", "model"))
        for each in tables
    ]


# --- stores


@pytest.fixture
def zoo(s3: Any) -> Any:
    """The store, which this process finds."""
    return s3


def test_objects_are_listed_a_page_at_a_time(zoo: Any) -> None:
    zoo.put_empty(f"v2/m{number:04}/net" for number in range(2001))
    zoo.put_empty(["v20/m/net", "v2/m0000/other"])
    zoo.reset()
    with closing(expanded(Pair("s3://zoo/v2/*/net", "s3://zoo/{name}"))) as pairs:
        assert next(pairs) == Pair("s3://zoo/v2/m0000/net", "s3://zoo/m0000/net")
        assert len(zoo.requests()) == 1
        assert len([*islice(pairs, 998)]) == 998
        assert len(zoo.requests()) == 1
        assert sum(1 for _ in pairs) == 2001 - 999
    records = zoo.requests()
    assert [each.operation for each in records] == ["ListObjectsV2"] * 3  # of 2002 keys


def test_what_an_object_can_be_called(zoo: Any) -> None:
    for key in ("z/a b", "z/é+%20", "z/[1]", "z/x/y", "z/folder/", "z/.hidden", "a", "z//b", "zz"):
        zoo.put(key, b"")
    zoo.reset()
    assert nets("s3://zoo/z/*") == [f"s3://zoo/z/{each}" for each in ("[1]", "a b", "é+%20")]
    assert nets("s3://zoo/z/**") == [
        f"s3://zoo/z/{each}" for each in ("/b", "[1]", "a b", "x/y", "é+%20")
    ]
    assert nets("s3://zoo/*") == ["s3://zoo/a", "s3://zoo/zz"]
    assert nets("S3a://zoo/z/[[]*") == ["S3a://zoo/z/[1]"]
    assert nets("s3://zoo/nowhere/*") == []
    assert len(zoo.requests()) == 5


def test_what_a_listing_asks_for_is_counted(zoo: Any) -> None:
    from deconvsurgery.storage.object_store.store import counted

    zoo.put("a", b"")
    zoo.reset()
    with counted() as traffic:
        assert nets("s3://zoo/*") == ["s3://zoo/a"]
    assert traffic.requests == len(zoo.requests()) == 1


@pytest.mark.parametrize(
    ("pattern", "fault", "folder"),
    [
        ("s3://zoo/z/*", 403, "s3://zoo/z/"),
        ("s3://zoo/z/*", 503, "s3://zoo/z/"),
        ("s3://nobucket/*", None, "s3://nobucket/"),
    ],
)
def test_listings_that_are_refused(
    zoo: Any, pattern: str, fault: int | None, folder: str, words: Words
) -> None:
    if fault is not None:
        zoo.fault(fault, "ListObjectsV2", times=None)
    with pytest.raises(ds.FileError) as caught:
        nets(pattern)
    assert caught.value.path == folder
    assert caught.value.transient is (fault == 503)
    said = caught.value.message
    if folder != "s3://nobucket/":  # else what follows is the client's
        said = said.split(": ")[0]
    words([said, *filter(None, [caught.value.hint])], str(fault))


def test_a_list_in_a_store_is_read_in_pieces(zoo: Any) -> None:
    """The first of many pairs comes when little of the list has been asked for."""
    lines = b"".join(b'{"net": "zoo/%06d/%0400d"}\n' % (each, 0) for each in range(9_000))
    zoo.put("lists/pairs.jsonl", lines)
    zoo.reset()
    with closing(expanded(Pair(None, listed="s3://zoo/lists/pairs.jsonl"))) as pairs:
        assert next(pairs) == Pair(f"s3://zoo/lists/zoo/000000/{0:0400}")
        assert sum(each.sent for each in zoo.requests()) < len(lines) // 3
        assert sum(1 for _ in pairs) == 8_999
    records = zoo.requests()
    assert {each.operation for each in records} <= {"HeadObject", "GetObject"}
    assert len(records) < 10


def test_a_store_that_is_not_s3(memory: Any) -> None:
    for path in ("a/net", "b/net", "b/c/net", ".d/net", "e2/f/net", "net"):
        memory.pipe(f"/zoo/{path}", b"")
    assert nets("gs://zoo/*/net") == ["gs://zoo/a/net", "gs://zoo/b/net"]
    assert nets("gs://zoo/a*/net") == ["gs://zoo/a/net"]
    assert nets("gs://zoo/**/net") == [
        f"gs://zoo/{x}net" for x in ("a/", "b/c/", "b/", "e2/f/", "")
    ]
    assert nets("gs://zoo/e*/*/net") == ["gs://zoo/e2/f/net"]
    assert nets("gs://zoo/*") == ["gs://zoo/net"]
    assert nets("GCS://zoo/*") == ["GCS://zoo/net"]


def test_only_the_folder_is_listed(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/zoo/a/net", b"")
    asked: list[str] = []
    find = type(memory).find

    def noted(fs: Any, path: str, **more: Any) -> Any:
        asked.append(path)
        return find(fs, path, **more)

    monkeypatch.setattr(type(memory), "find", noted)
    assert nets("gs://zoo/a/*") == ["gs://zoo/a/net"]
    assert asked == ["/zoo/a"]


def test_a_key_may_hold_two_slashes(memory: Any) -> None:
    """They are part of it: the object with one is another."""
    memory.pipe("/zoo/a//net", b"")
    assert nets("gs://zoo/a/**") == ["gs://zoo/a//net"]


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@pytest.mark.parametrize("rest", ["*", "*/a", "/zoo/*"])
def test_no_store_lists_its_buckets(scheme: str, rest: str, words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        nets(f"{scheme}://{rest}")
    words(caught.value)


@pytest.mark.parametrize("pattern", ["https://host/*/net", "http://host/{name}/net"])
def test_the_web_has_no_listings(pattern: str, words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        nets(pattern)
    words(caught.value)
    assert caught.value.path == pattern
    assert "pairs.jsonl" in (caught.value.hint or "")


def test_a_store_that_nobody_knows(words: Words) -> None:
    with pytest.raises(ds.FormatError) as caught:
        nets("nonsense://zoo/*")
    assert caught.value.path == "nonsense://zoo/*"
    words(caught.value)
