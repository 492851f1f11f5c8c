"""Verbs that read, on objects: what they say is what they say of files, and costs little."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deconvsurgery.program.extras import install_command
from helpers.models import demo_base, demo_net
from helpers.runs import run_here
from helpers.store.padded import MIB, padding, traffic

if TYPE_CHECKING:
    from helpers.words import Words

NET = demo_net()
BASE = demo_base()


def padded(model: bytes, layers: int, size: int) -> bytes:
    """A model with so many layers of so many bytes of weights around the others."""
    found = [padding(b"pad%d" % number, size, number) for number in range(layers)]
    half = layers // 2
    return b"".join(found[:half]) + model + b"".join(found[half:])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A net and a model, as files."""
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "in").write_bytes(BASE)
    return tmp_path


@pytest.fixture
def objects(place: Path, s3: Any) -> Any:
    """The same as objects."""
    s3.put("a/net", place / "net")
    s3.put("a/in", place / "in")
    return s3


def without_paths(printed: bytes, prefix: str) -> Any:
    """A document in which files are named as they would be without a prefix."""
    return json.loads(printed.decode().replace(prefix, ""))


# --- the same words


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "NET", "IN"),
        ("inspect", "IN"),
        ("inspect", "NET"),
        ("inspect", "--all", "NET", "IN"),
        ("check", "--select", "DS002,DS003,DS014", "NET", "IN"),
        ("check", "NET"),
        ("diff", "IN", "IN"),
        ("diff", "IN", "LOCAL"),
        ("apply", "--check", "NET", "IN"),
        ("convert", "--dry-run", "IN"),
        ("patch-net", "--check", "NET"),
    ],
    ids=" ".join,
)
def test_a_verb_says_the_same_of_an_object_and_counts_its_requests(
    place: Path, objects: Any, arguments: tuple[str, ...]
) -> None:
    prefix = objects.url("a/")
    local = {"NET": "net", "IN": "in", "LOCAL": "in"}
    remote = {**local, "NET": f"{prefix}net", "IN": f"{prefix}in"}
    here, there = ([names.get(each, each) for each in arguments] for names in (local, remote))
    code, expected, _ = run_here(place, *here, "--json")
    remote_code, printed, errors = run_here(place, *there, "--json", "-v")
    assert remote_code == code in (0, 1)
    assert without_paths(printed, prefix) == json.loads(expected)
    requests = objects.requests()
    assert {each.operation for each in requests} <= {"HeadObject", "GetObject"}
    assert {each.faults == [] and each.status < 300 for each in requests} == {True}
    read = sum(each.sent for each in requests)
    assert traffic(errors) == (len(requests), read, 0, 0)


def test_a_run_without_urls_says_that_no_store_was_asked(place: Path, words: Words) -> None:
    code, _, errors = run_here(place, "inspect", "net", "in", "-v")
    assert (code, errors.count(b"\n")) == (0, 1)
    words(errors.decode())


# --- little is asked for


def test_a_small_object_is_one_request(place: Path, objects: Any) -> None:
    code, _, _ = run_here(place, "apply", "-n", objects.url("a/net"), objects.url("a/in"))
    assert code == 0
    asked = [(each.operation, each.key, each.range) for each in objects.requests()]
    assert asked == [("GetObject", "a/" + key, "bytes=0-65535") for key in ("net", "in")]


def test_an_empty_object_is_an_empty_file(place: Path, objects: Any) -> None:
    objects.put("a/empty", b"")
    (place / "empty").write_bytes(b"")
    expected = run_here(place, "apply", "-n", "empty", "in")
    code, printed, errors = run_here(place, "apply", "-n", objects.url("a/empty"), "in", "-v")
    assert (code, printed) == expected[:2]
    line, told = errors.replace(b"s3://zoo/a/", b"").split(b"\n", 1)
    assert told == expected[2]
    assert traffic(line + b"\n") == (len(objects.requests()), 0, 0, 0)
    assert [each.operation for each in objects.requests()] == ["GetObject", "HeadObject"]


def test_an_answer_that_breaks_off_is_asked_for_again(place: Path, objects: Any) -> None:
    expected = run_here(place, "apply", "-n", "net", "in")
    objects.fault("cut", "GetObject", "a/in")
    code, printed, errors = run_here(place, "apply", "-n", "net", objects.url("a/in"))
    assert (code, errors) == (0, b"")
    assert printed.replace(b"s3://zoo/a/", b"") == expected[1]
    assert [each.faults for each in objects.requests()] == [["cut"], []]


def test_a_store_that_heeds_no_ranges(place: Path, objects: Any, words: Words) -> None:
    """It can be read as far as one request goes; all of a large one would come each time."""
    objects.fault("whole", "GetObject", times=None)
    code, _, _ = run_here(place, "inspect", objects.url("a/net"), objects.url("a/in"))
    assert code == 0
    objects.put("a/large", padded(BASE, 2, MIB))
    code, printed, errors = run_here(place, "inspect", objects.url("a/large"))
    assert (code, printed) == (4, b"")
    assert errors.startswith(b"error: s3://zoo/a/large: ")
    words(errors.decode())


@pytest.fixture
def large(tmp_path: Path, s3: Any) -> Any:
    """20 layers of 2 MiB each around the sample's own; 42 MB in all."""
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "in").write_bytes(padded(BASE, 20, 2 * MIB))
    s3.put("in", tmp_path / "in")
    return s3


def test_inspecting_a_large_model_takes_little_of_it(tmp_path: Path, large: Any) -> None:
    assert (tmp_path / "in").stat().st_size > 41_900_000
    _, expected, _ = run_here(tmp_path, "inspect", "net", "in", "--json")
    code, printed, errors = run_here(tmp_path, "inspect", "net", large.url("in"), "--json", "-v")
    assert code == 0
    assert without_paths(printed, large.url("")) == json.loads(expected)
    requests = large.requests()
    read = sum(each.sent for each in requests)
    assert traffic(errors) == (len(requests), read, 0, 0)
    assert read < 500_000
    assert len(requests) < 30


def test_all_of_a_large_model_is_read_in_few_requests(tmp_path: Path, large: Any) -> None:
    code, _, _ = run_here(tmp_path, "diff", "in", large.url("in"))
    assert code == 0
    requests = large.requests()
    assert sum(each.sent for each in requests) < 45_000_000
    assert len(requests) < 170


# --- other stores than S3


@pytest.fixture
def web(place: Path) -> Iterator[Callable[[type[BaseHTTPRequestHandler]], str]]:
    """Web servers of a folder, by who answers; their addresses."""
    servers = []

    def started(handler: Any) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(place)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()


class WholeFiles(SimpleHTTPRequestHandler):
    """Sends a file as a whole, whatever part of it is asked for."""

    def log_message(self, *_: Any) -> None:
        pass


class Ranges(WholeFiles):
    """Sends the range that is asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        data = Path(self.translate_path(self.path)).read_bytes()
        start, stop = 0, len(data)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted:
            start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(data))
        self.asked.append(self.headers.get("Range", ""))
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[start:stop])


def test_the_web_is_read_by_ranges_where_it_gives_them(place: Path, web: Any) -> None:
    (place / "in").write_bytes(padded(BASE, 4, 2 * MIB))
    _, expected, _ = run_here(place, "inspect", "net", "in", "--json")

    class Here(Ranges):
        asked: list[str] = []  # noqa: RUF012

    address = web(Here)
    code, printed, errors = run_here(
        place, "inspect", address + "net", address + "in", "--json", "-v"
    )
    assert code == 0
    assert without_paths(printed, address) == json.loads(expected)
    assert traffic(errors)[1] < 400_000
    assert "" not in Here.asked


def test_the_web_is_read_whole_where_it_gives_no_ranges(place: Path, web: Any) -> None:
    (place / "in").write_bytes(padded(BASE, 4, 2 * MIB))
    _, expected, _ = run_here(place, "inspect", "net", "in", "--json")
    address = web(WholeFiles)
    code, printed, _ = run_here(place, "inspect", address + "net", address + "in", "--json")
    assert code == 0
    assert without_paths(printed, address) == json.loads(expected)


def test_the_web_takes_no_files(place: Path, web: Any, words: Words) -> None:
    address = web(WholeFiles)
    code, _, errors = run_here(place, "apply", "net", "in", address + "out")
    assert code == 2
    assert errors.startswith(f"error: {address}out: ".encode())
    words(errors.decode())


def test_what_the_web_does_not_have(place: Path, web: Any, words: Words) -> None:
    url = web(WholeFiles) + "none"
    code, _, errors = run_here(place, "inspect", url)
    assert code == 4
    assert errors.startswith(f"error: {url}: ".encode())
    words(errors.decode())


def test_a_file_url_is_a_file(place: Path, words: Words) -> None:
    _, expected, _ = run_here(place, "inspect", "net", "in", "--json")
    (place / "in").rename(place / "up score")
    for start in (f"file://{place}", f"file://localhost{place}", f"FILE://{place}"):
        url = f"{start}/up%20score"
        code, printed, errors = run_here(place, "inspect", "net", url, "--json", "-v")
        assert code == 0
        assert json.loads(printed.replace(url.encode(), b"in")) == json.loads(expected)
        words(errors.decode())


# --- what goes wrong


def refused(ran: tuple[int, bytes, bytes], about: str) -> str:
    """The hint of the one error of a run that ended with 4; no traceback, and the right file."""
    code, printed, errors = ran
    assert (code, printed) == (4, b"")
    text = errors.decode()
    assert "Traceback" not in text
    assert text.count("error:") == 1
    assert text.startswith(f"error: {about}: ")
    _, there, hint = " ".join(text.split()).partition(" hint: ")
    assert there
    return hint


def test_an_object_that_is_not_there(place: Path, s3: Any, words: Words) -> None:
    ran = run_here(place, "inspect", s3.url("a/none"))
    assert "s3://zoo/a " in f"{refused(ran, 's3://zoo/a/none')} "
    words(ran[2].decode())


def test_a_bucket_that_is_not_there(place: Path, s3: Any, words: Words) -> None:
    words(refused(run_here(place, "inspect", "s3://nowhere/a"), "s3://nowhere/a"))


@pytest.mark.parametrize("folder", ["s3://zoo", "s3://zoo/", "s3://zoo/a", "s3://zoo/a/"])
def test_a_folder_is_no_object(place: Path, objects: Any, folder: str, words: Words) -> None:
    ran = run_here(place, "inspect", folder)
    refused(ran, folder)
    words(ran[2].decode(), folder)


def test_an_account_that_may_not(place: Path, objects: Any, words: Words) -> None:
    objects.fault(403, "GetObject", times=None)
    words(refused(run_here(place, "inspect", objects.url("a/in")), "s3://zoo/a/in"))


@pytest.mark.usefixtures("other_s3")
def test_nobody_is_logged_in(
    place: Path, objects: Any, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    words(refused(run_here(place, "inspect", objects.url("a/in")), "s3://zoo/a/in"))


@pytest.mark.usefixtures("other_s3")
def test_no_store_answers(
    place: Path, s3: Any, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    words(refused(run_here(place, "inspect", s3.url("a/in")), "s3://zoo/a/in"))


def test_a_url_that_is_none(place: Path, words: Words) -> None:
    ran = run_here(place, "inspect", "s3://[::1/in")
    words(refused(ran, "s3://[::1/in"))
    assert b"Invalid IPv6 URL" in ran[2]  # as Python says


def test_a_file_of_another_machine(place: Path, words: Words) -> None:
    ran = run_here(place, "inspect", "file://other/in")
    words(refused(ran, "file://other/in"))
    assert b", other\n" in ran[2]


@pytest.mark.parametrize(
    ("module", "url", "needed"),
    [
        ("fsspec", "s3://zoo/in", ["fsspec", "s3fs"]),
        ("fsspec", "https://zoo/in", ["fsspec", "aiohttp"]),
        ("s3fs", "s3://zoo/in", ["s3fs"]),
        ("gcsfs", "gs://zoo/in", ["gcsfs"]),
    ],
)
def test_a_package_is_not_installed(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    url: str,
    needed: list[str],
    words: Words,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    if module != "fsspec":
        forgotten(monkeypatch, url.partition(":")[0])
    code, printed, errors = run_here(place, "inspect", url)
    assert (code, printed) == (3, b"")
    assert b"Traceback" not in errors
    said = errors.decode()
    command = install_command(*needed)
    assert said.endswith(f"hint: {command}\n")
    words(said.replace(command, "INSTALL"), module)


def forgotten(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """fsspec looks for a scheme's package anew."""
    registry = import_module("fsspec.registry")  # fsspec.registry is something else
    monkeypatch.delitem(registry._registry, scheme, raising=False)
