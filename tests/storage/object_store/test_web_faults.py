"""Web servers that give other bytes, other sizes, errors or no end: never a wrong file, never 0."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.object_store import web_ranges
from helpers.campaigns import campaign_rows
from helpers.models import demo_base, demo_net
from helpers.runs import run_here
from helpers.store.padded import padding
from helpers.store.web import Request, answer, right, web

if TYPE_CHECKING:
    from helpers.words import Words

NET = demo_net()
BASE = demo_base()
MODEL = padding(b"first", 150_000) + BASE + padding(b"last", 150_000, 7)
KIB64 = 1 << 16

Answers = Callable[[Request], bytes | Iterator[bytes]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "in").write_bytes(MODEL)
    return tmp_path


def later(request: Request) -> bool:
    """Not the request that opens the file."""
    return bool(request.start)


def shifted(request: Request, by: int = 1) -> Request:
    assert request.start is not None
    assert request.stop is not None
    return Request(request.method, request.path, request.start + by, request.stop + by)


def said(request: Request, start: int, last: int, total: object = len(MODEL)) -> str:
    assert request.start is not None
    assert request.stop is not None
    return f"bytes {request.start + start}-{min(request.stop, len(MODEL)) - 1 + last}/{total}"


def doing(fault: Answers, *, at: Callable[[Request], bool] = later) -> Answers:
    """A good server, but for some requests."""
    return lambda request: fault(request) if at(request) else right(MODEL, request)


def always(_: Request) -> bool:
    return True


def compressed(request: Request) -> bytes:
    part = gzip.compress(MODEL[request.start : request.stop])
    whole = right(MODEL, request, Content_Length=str(len(part)), Content_Encoding="gzip")
    return whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + part


def endless(request: Request) -> Iterator[bytes]:
    """A range that goes on and on, in chunks."""
    head = right(MODEL, request, Content_Length=None, Transfer_Encoding="chunked")
    yield head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    while True:
        yield b"8000\r\n" + bytes(0x8000) + b"\r\n"


def in_parts(request: Request) -> bytes:
    part = right(MODEL, request).partition(b"\r\n\r\n")[2]
    body = b"--x\r\nContent-Range: bytes 0-9/20\r\n\r\n" + part + b"\r\n--x--"
    return answer(206, body, Content_Type="multipart/byteranges; boundary=x", ETag='"1"')


def cut(request: Request, off: int = 10) -> bytes:
    return right(MODEL, request)[:-off]


def shorter(request: Request) -> bytes:
    """A length that is honest, and not the range's."""
    part = MODEL[request.start : request.stop][:-10]
    return right(MODEL, request, Content_Length=str(len(part)))[:-10]


def longer(request: Request) -> bytes:
    part = MODEL[request.start : request.stop] + bytes(10)
    return right(MODEL, request, Content_Length=str(len(part))) + bytes(10)


# --- ranges

RANGES: dict[str, tuple[Answers, bool]] = {
    # what is done, and whether it may pass
    "other bytes": (doing(lambda r: right(MODEL, shifted(r))), False),
    "other bytes at first": (doing(lambda r: right(MODEL, shifted(r)), at=always), False),
    "other bytes before": (doing(lambda r: right(MODEL, shifted(r, -1))), False),
    "no range said": (doing(lambda r: right(MODEL, r, Content_Range=None)), False),
    "no range said at first": (
        doing(lambda r: right(MODEL, r, Content_Range=None), at=always),
        False,
    ),
    "a range of text": (doing(lambda r: right(MODEL, r, Content_Range="bytes a-b/c")), False),
    "a range of lines": (doing(lambda r: right(MODEL, r, Content_Range="items 0-9/20")), False),
    "a range of 10,000 digits": (
        doing(lambda r: right(MODEL, r, Content_Range=f"bytes 0-9/{'9' * 5000}")),
        False,
    ),
    "said to end earlier": (doing(lambda r: right(MODEL, r, Content_Range=said(r, 0, -1))), False),
    "said to end later": (doing(lambda r: right(MODEL, r, Content_Range=said(r, 0, 1))), False),
    "another size": (
        doing(lambda r: right(MODEL, r, Content_Range=said(r, 0, 0, len(MODEL) + 1))),
        True,
    ),
    "a size of 2^62": (
        doing(lambda r: right(MODEL, r, Content_Range=said(r, 0, 0, 1 << 62)), at=always),
        False,
    ),
    "another mark": (doing(lambda r: right(MODEL, r, ETag='"2"')), True),
    "another time": (
        doing(lambda r: right(MODEL, r, Last_Modified="Sat, 28 Nov 2026 12:00:01 GMT")),
        True,
    ),
    "a body that breaks off": (doing(cut), True),
    "a body that breaks off at first": (doing(cut, at=always), True),
    "a shorter body": (doing(shorter), False),
    "a shorter body at first": (doing(shorter, at=always), False),
    "a longer body": (doing(longer), False),
    "a longer body at first": (doing(longer, at=always), False),
    "a body without end": (doing(endless), False),
    "a body without end at first": (doing(endless, at=always), False),
    "compressed": (doing(compressed), False),
    "compressed at first": (doing(compressed, at=always), False),
    "in several parts": (doing(in_parts), False),
    "in several parts at first": (doing(in_parts, at=always), False),
    "all of it": (doing(lambda _: right(MODEL, Request("GET", ""))), True),
    "nothing there": (doing(lambda _: answer(416)), True),
    "a length of 2^63": (doing(lambda r: right(MODEL, r, Content_Length=str(1 << 63))), False),
    "a length of 2^63 at first": (
        doing(lambda r: right(MODEL, r, Content_Length=str(1 << 63)), at=always),
        False,
    ),
}


@pytest.mark.parametrize("what", RANGES)
def test_bytes_that_are_not_those_asked_for_are_never_taken(
    place: Path, what: str, words: Words
) -> None:
    answers, passing = RANGES[what]
    with web(answers) as address:
        url = f"{address}in"
        with pytest.raises(ds.FileError) as caught:
            ds.apply(place / "net", url, place / "out")
    assert caught.value.path == url
    assert caught.value.transient is passing
    assert len(caught.value.message) < 600
    assert sorted(each.name for each in place.iterdir()) == ["in", "net"]
    if "breaks off" not in what:  # which aiohttp says
        words(caught.value, "" if "digits" in what else what)


@pytest.mark.campaign
@pytest.mark.parametrize("what", RANGES)
@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "net", "URL"),
        ("inspect", "--all", "URL"),
        ("check", "net", "URL"),
        ("diff", "URL", "in"),
        ("apply", "--check", "net", "URL"),
        ("apply", "net", "URL", "out", "--save-patch", "patch"),
        ("convert", "URL", "out"),
        ("transplant", "net", "URL", "out"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_verb_takes_them(place: Path, what: str, arguments: tuple[str, ...]) -> None:
    def outcome(answers: Answers) -> tuple[int, bytes, dict[str, bytes]]:
        with web(answers) as address:
            here = [each.replace("URL", f"{address}in") for each in arguments]
            code, printed, errors = run_here(place, *here)
        assert b"Traceback" not in errors
        written = {path.name: path.read_bytes() for path in place.iterdir()}
        for name in written.keys() - {"in", "net"}:
            (place / name).unlink()
        return code, printed.replace(address.encode(), b"URL/"), written

    expected = outcome(lambda request: right(MODEL, request))
    assert expected[0] in (0, 1)
    found = outcome(RANGES[what][0])
    if found != expected:  # else what is wrong lies where this verb does not read
        assert found[0] == 4
        assert found[2] == {"in": MODEL, "net": NET}


def test_what_a_server_need_not_say(place: Path) -> None:
    """A total of ``*`` in a later answer, no marks, a method that only some files have."""
    ds.apply(place / "net", place / "in", place / "expected")
    for number, answers in enumerate(
        (
            doing(lambda r: right(MODEL, r, Content_Range=said(r, 0, 0, "*"))),
            doing(lambda r: right(MODEL, r, ETag=None, Last_Modified=None), at=always),
            doing(lambda r: right(MODEL, r, Content_Length=None), at=later),
            doing(lambda _: answer(405), at=lambda r: r.method == "HEAD"),
        )
    ):
        with web(answers) as address:
            ds.apply(place / "net", f"{address}in", place / f"out{number}")
        assert (place / f"out{number}").read_bytes() == (place / "expected").read_bytes()


@pytest.mark.parametrize("first", ["a total of *", "no ranges", "416", "gzip", "chunks"])
def test_a_file_that_is_taken_whole(place: Path, first: str) -> None:
    """Where the first answer does not say what a range is of, no range is taken."""

    def chunks(request: Request) -> Iterator[bytes]:
        head = answer(200, Content_Length=None, Transfer_Encoding="chunked")
        yield head + b"".join(
            b"%x\r\n%s\r\n" % (len(part), part)
            for part in (MODEL[:100_000], MODEL[100_000:])
            if request.path
        )
        yield b"0\r\n\r\n"

    def answers(request: Request) -> bytes | Iterator[bytes]:
        if first == "chunks":
            return chunks(request)
        if first == "gzip":
            return answer(200, gzip.compress(MODEL), Content_Encoding="gzip")
        if request.start is None or first == "no ranges":
            return answer(200, MODEL)
        return (
            answer(416)
            if first == "416"
            else right(MODEL, request, Content_Range=said(request, 0, 0, "*"))
        )

    ds.apply(place / "net", place / "in", place / "expected")
    with web(answers) as address:
        ds.apply(place / "net", f"{address}in", place / "out")
    assert (place / "out").read_bytes() == (place / "expected").read_bytes()


WHOLE: dict[str, Answers] = {
    "breaks off": lambda _: answer(200, MODEL)[:-1],
    "chunks that break off": lambda _: answer(
        200, b"5\r\nlayer\r\n", Content_Length=None, Transfer_Encoding="chunked"
    ),
    "ends somewhere": lambda _: answer(200, MODEL, Content_Length=None),
    "part of it unasked": lambda request: (
        answer(416)
        if request.start is not None
        else answer(206, MODEL, Content_Range="bytes 0-9/9")
    ),
    "416 for all of it": lambda _: answer(416),
    "2^63 bytes": lambda _: answer(200, MODEL, Content_Length=str(1 << 63)),
    "2^70 bytes": lambda _: answer(200, MODEL, Content_Length=str(1 << 70)),
    "-1 bytes": lambda _: answer(200, MODEL, Content_Length="-1"),
    "many bytes": lambda _: answer(200, MODEL, Content_Length="many"),
    "without end": lambda _: _without_end(),
    "a bomb": lambda _: answer(200, gzip.compress(bytes(3 << 20)), Content_Encoding="gzip"),
    "no HTTP": lambda _: b"220 ftp.example.org ready\r\n",
    "nothing": lambda _: b"",
}
MAY_PASS = {"breaks off", "chunks that break off", "nothing"}


def _without_end() -> Iterator[bytes]:
    yield answer(200, Content_Length=None, Transfer_Encoding="chunked")
    while True:
        yield b"8000\r\n" + bytes(0x8000) + b"\r\n"


@pytest.mark.parametrize("what", WHOLE)
def test_a_body_that_is_not_all_or_more_than_all(
    place: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_ranges, "LARGEST_STREAM", 1 << 20)
    with web(WHOLE[what]) as address, pytest.raises(ds.FileError) as caught:
        ds.apply(place / "net", f"{address}in", place / "out")
    assert caught.value.path == f"{address}in"
    assert len(caught.value.message) < 400
    if what not in ("-1 bytes", "many bytes", "no HTTP", "2^70 bytes"):  # as aiohttp takes them
        assert caught.value.transient is (what in MAY_PASS)
    assert sorted(each.name for each in place.iterdir()) == ["in", "net"]


# --- statuses

STATUSES = (400, 401, 403, 404, 407, 410, 418, 429, 451, 204, 299, 304)


@pytest.mark.parametrize(
    ("status", "at"),
    [
        *((status, always) for status in STATUSES),
        (403, later),
        (404, later),
        *campaign_rows([(status, later) for status in STATUSES if status not in (403, 404)]),
    ],
)
def test_what_a_server_says_is_said(
    place: Path, status: int, at: Callable[[Request], bool], words: Words
) -> None:
    _said(place, status, at, words)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 501, 505])
def test_what_may_pass_is_said_to(place: Path, status: int, words: Words) -> None:
    _said(place, status, always, words)


def _said(place: Path, status: int, at: Callable[[Request], bool], words: Words) -> None:
    body = None if status in (204, 304) else "0"
    with (
        web(doing(lambda _: answer(status, Content_Length=body), at=at)) as address,
        pytest.raises(ds.FileError) as caught,
    ):
        ds.apply(place / "net", f"{address}in", place / "out")
    absent = status in (404, 410)
    assert (str(status) in caught.value.message) is not absent
    assert ("no such object" in caught.value.message) is absent
    assert caught.value.transient is (status in (408, 425, 429, 500, 502, 503, 504))
    assert ("again" in (caught.value.hint or "")) is caught.value.transient
    words(caught.value)
    assert not (place / "out").exists()


def redirected(to: str, status: int = 302) -> Answers:
    return lambda _: answer(status, Location=to)


@pytest.mark.parametrize(
    "to",
    ["/in", "/in?again", "file:///etc/passwd", "ftp://host/in", "s3://zoo/in", "http://[::1/in"],
)
def test_where_a_server_may_not_send(place: Path, to: str, words: Words) -> None:
    with web(redirected(to)) as address:
        with pytest.raises(ds.FileError) as caught:
            ds.inspect(model=f"{address}in")
        assert caught.value.path == f"{address}in"
    assert not caught.value.transient
    words(caught.value, to)


def test_a_server_may_send_to_another(place: Path) -> None:
    ds.apply(place / "net", place / "in", place / "expected")
    with (
        web(lambda request: right(MODEL, request)) as other,
        web(redirected(f"{other}in", 307)) as address,
    ):
        ds.apply(place / "net", f"{address}in", place / "out")
    assert (place / "out").read_bytes() == (place / "expected").read_bytes()


# --- no answer


def test_a_server_that_is_silent(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr(web_ranges, "WAITED", 0.1)
    over = threading.Event()

    def silent(_: Request) -> bytes:
        over.wait(30)
        return b""

    def stuck(request: Request) -> Iterator[bytes]:
        yield right(MODEL, request)[:500]
        over.wait(30)

    for answers in (silent, stuck):
        began = time.monotonic()
        with web(answers) as address, pytest.raises(ds.FileError) as caught:
            ds.inspect(model=f"{address}in")
        assert caught.value.transient
        assert time.monotonic() - began < 20
        assert "again" in (caught.value.hint or "")
    over.set()


@pytest.mark.parametrize(
    ("url", "passing"),
    [
        ("http://127.0.0.1:9/in", True),
        ("http://nowhere.invalid/in", True),
        ("http://127.0.0.1:99999/in", False),
        ("http://[::1/in", False),
        ("http://a b/in", None),
    ],
)
def test_a_server_that_is_not_there(url: str, passing: bool | None) -> None:
    with pytest.raises(ds.FileError) as caught:
        ds.inspect(model=url)
    assert passing in (None, caught.value.transient)
    assert caught.value.path == url


def test_a_server_that_cannot_be_trusted() -> None:
    """It does not even speak TLS; asking again does not help."""
    with web(lambda _: answer(200)) as address:
        url = address.replace("http", "https") + "in"
        with pytest.raises(ds.FileError) as caught:
            ds.inspect(model=url)
    assert not caught.value.transient
    assert caught.value.path == url


def test_the_way_is_not_left_for_one_that_anybody_may_change(
    monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    class Answer:
        status = 200

        class url:  # noqa: N801
            scheme = "http"

    from deconvsurgery.storage.object_store.store import AnswerError, located

    with pytest.raises(AnswerError) as caught:
        web_ranges._check(located("https://host/in"), Answer(), (200,))
    words([str(caught.value)])


def test_an_object_that_changes_while_it_is_read_through(place: Path) -> None:
    """Asked once more at the end: it is described as another then."""
    asked: list[Request] = []

    def answers(request: Request) -> bytes:
        asked.append(request)
        return right(MODEL, request, ETag='"2"' if request.stop == 1 else '"1"')

    with web(answers) as address, pytest.raises(ds.FileError) as caught:
        ds.apply(place / "net", f"{address}in", place / "out")
    assert caught.value.transient
    assert not (place / "out").exists()
    assert {each.method for each in asked} == {"GET"}
