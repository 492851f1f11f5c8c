"""The lines that an error is about: read again where that is possible, and silent where not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deconvsurgery.inputs.error_lines import LONGEST_TEXT, Excerpt, excerpt

TEXT = b"one\ntwo\n\nlayer {\n  name: 'up'\n\n}\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net").write_bytes(TEXT)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "column", "lines", "first"),
    [
        (1, 1, ("one",), 1),
        (2, 4, ("one", "two"), 1),  # just behind its end, where something is missing
        (4, 1, ("layer {",), 4),  # an empty line says nothing
        (5, 3, ("layer {", "  name: 'up'"), 4),
        (8, 1, ("}", ""), 7),  # the end of the text
        (3, 1, ("two", ""), 2),
    ],
)
def test_a_place_has_the_line_before(
    line: int, column: int, lines: tuple[str, ...], first: int
) -> None:
    assert excerpt("net", line, column) == Excerpt(lines, first, line, column)


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        (1, ("one", "two", "", "layer {")),
        (4, ("layer {", "  name: 'up'", "", "}")),
        (2, ("two", "", "layer {", "  name: 'up'")),
        (5, ("  name: 'up'", "", "}")),
        (8, ("",)),
    ],
)
def test_a_line_has_those_behind_it(line: int, lines: tuple[str, ...]) -> None:
    assert excerpt("net", line) == Excerpt(lines, line, line)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\r\nb\r\n", ("a", "b")),
        (b"a\rb\r", ("a", "b")),
        (b"\xef\xbb\xbfa\nb", ("a", "b")),
        (b"\xe4\nb", ("ä", "b")),
        ("上\nb".encode(), ("上", "b")),
    ],
    ids=["CRLF", "CR", "BOM", "latin-1", "UTF-8"],
)
def test_lines_are_those_of_the_reader(data: bytes, lines: tuple[str, ...], place: Path) -> None:
    (place / "net").write_bytes(data)
    assert excerpt("net", 2, 1) == Excerpt(lines, 1, 2, 1)


@pytest.mark.parametrize(("line", "column"), [(0, 1), (9, 1), (2, 5), (2, 0), (10**9, None)])
def test_no_such_place_any_more(line: int, column: int | None) -> None:
    assert excerpt("net", line, column) is None


def test_what_cannot_be_read_again_is_left_out(place: Path) -> None:
    os.mkfifo("pipe")
    (place / "standard input").write_bytes(TEXT)
    (place / "sixteen").write_bytes(TEXT.decode().encode("utf-16"))
    (place / "closed").write_bytes(TEXT)
    (place / "long").write_bytes(TEXT + b"#" * (LONGEST_TEXT - len(TEXT)))
    assert excerpt("long", 1, 1) is not None
    (place / "long").write_bytes(TEXT + b"#" * (LONGEST_TEXT - len(TEXT) + 1))
    for name in (
        "pipe",
        ".",
        "none",
        "none/net",
        "-",
        "standard input",
        "sixteen",
        "long",
        "",
        "\0",
    ):
        assert excerpt(name, 1, 1) is None, name
