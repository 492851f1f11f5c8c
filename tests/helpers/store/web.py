"""A web server on loopback that answers as a test says, byte for byte.

Never here: what a right answer to a wrong request would be.
"""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its method and path, and the range ``[start, stop)`` if it asks for one."""

    method: str
    path: str
    start: int | None = None
    stop: int | None = None


_KNOWN = {status.value for status in HTTPStatus}

Answers = Callable[[Request], bytes | Iterable[bytes]]


def answer(status: int, body: bytes = b"", **headers: str | None) -> bytes:
    """An answer with its length, unless that is given; ``Content_Range``; ``None``: not there."""
    given: Mapping[str, str | None] = {"Content_Length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in _KNOWN else ''}"]
    lines += [
        f"{name.replace('_', '-')}: {text}" for name, text in given.items() if text is not None
    ]
    return "\r\n".join((*lines, "Connection: close", "", "")).encode() + body


def right(data: bytes, request: Request, **headers: str | None) -> bytes:
    """What a good server says of a file: a range if one is asked for; with other headers if so."""
    marks: dict[str, str | None] = {"ETag": '"1"', "Last_Modified": "Sat, 28 Nov 2026 12:00:00 GMT"}
    if request.start is None or request.stop is None:
        return answer(200, data, **{**marks, **headers})
    part = data[request.start : request.stop]
    said = f"bytes {request.start}-{request.start + len(part) - 1}/{len(data)}"
    return answer(206, part, **{"Content_Range": said, **marks, **headers})


@contextmanager
def web(answers: Answers) -> Iterator[str]:
    """A server; its address, which ends with a slash."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = self.rfile.read(1)
            if head == b"\x16":  # a hello of TLS
                self.wfile.write(answer(400))
                return
            while line := self.rfile.readline():
                head += line
                if line == b"\r\n":
                    break
            if not head:
                return
            method, path, _ = head.decode("latin-1").split(" ", 2)
            asked = re.search(rb"(?im)^Range: bytes=(\d+)-(\d+)\r$", head)
            ends = (int(asked[1]), int(asked[2]) + 1) if asked else (None, None)
            sent = answers(Request(method, path, *ends))
            with suppress(OSError):  # the client closes early
                for piece in [sent] if isinstance(sent, bytes) else sent:
                    self.wfile.write(piece)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
