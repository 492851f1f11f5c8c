"""The store's process: moto's S3 behind a counter and the faults that a test asks for.

Run as a script it listens on a free port of 127.0.0.1, prints the port, and ends when its standard
input does. ``/_control/VERB`` is ours (no bucket can have that name) and is never counted.

Never here: what moto gets wrong (conditions.py, values.py).
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import resource
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from helpers.store import conditions as store_conditions
from helpers.store import values as store_values
from helpers.store.requests import Asked, Record, asked
from helpers.store.rules import Rule, Rules

Environ = dict[str, Any]
Start = Callable[..., Any]

# What only looks at one object, which never changes, or adds a part; all else goes in turn, as
# S3's conditions and lists are of one moment and moto keeps no lock.
_BESIDE_EACH_OTHER = ("GetObject", "HeadObject", "UploadPart")
_CODES = {
    200: "InternalError",
    400: "RequestTimeout",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalError",
    503: "SlowDown",
}


class Store:
    """The WSGI application."""

    def __init__(self) -> None:
        # S3 alone: moto's dispatcher looks through 175 services, which is half of a request's time.
        self._moto = create_backend_app("s3")
        self._records: list[Record] = []
        self._rules = Rules()
        self._open = 0
        self._counting = threading.Lock()
        self._came = threading.Condition(self._counting)
        self._in_turn = threading.RLock()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        body = _whole_body(environ)
        if environ["PATH_INFO"].startswith("/_control/"):
            return self._controlled(environ, start, body)
        request = asked(environ)
        rules = self._rules.acting_on(request)
        with self._counting:
            self._open += 1
            ranged = request.headers.get("range") or request.headers.get("x-amz-copy-source-range")
            record = Record(
                method=request.method,
                operation=request.operation,
                bucket=request.bucket,
                key=request.key,
                range=ranged or "",
                status=0,
                received=len(body),
                sent=0,
                open=self._open,
                faults=[rule.described() for rule in rules],
            )
            self._records.append(record)
            self._came.notify_all()
        return self._counted(self._answered(environ, start, request, rules, record), record)

    def _counted(self, answer: Iterator[bytes], record: Record) -> Iterator[bytes]:
        """Blocks, counted before they go out: who has the last byte finds the count complete."""
        try:
            for block in answer:
                record.sent += len(block)
                yield block
        finally:
            with self._counting:
                self._open -= 1

    def _answered(
        self, environ: Environ, start: Start, request: Asked, rules: list[Rule], record: Record
    ) -> Iterator[bytes]:
        fault, other = None, None
        for rule in rules:
            if rule.kind == "delay":
                rule.forgotten.wait(rule.seconds)
            elif rule.kind == "hold":
                rule.forgotten.wait()
            elif rule.kind == "whole":
                environ.pop("HTTP_RANGE", None)
            elif rule.kind == "replace":
                assert rule.action is not None
                rule.action()
            elif rule.kind == "shift":
                environ["HTTP_RANGE"] = re.sub(
                    r"\d+", lambda found: str(int(found[0]) + 1), environ["HTTP_RANGE"]
                )
            elif rule.kind == "tell":
                other = rule
            else:
                fault = fault or rule
        if fault is None or fault.performed or fault.kind == "cut":
            status, headers, blocks = self._served(environ, request)
        if fault is not None and fault.kind == "drop":
            raise _dropped(environ)
        if fault is not None and fault.kind == "answer":
            status, headers, blocks = _error(request, fault.status, _CODES[fault.status])
        if other is not None:
            headers, blocks = _answered(other, headers, blocks)
        record.status = int(status.split()[0])
        start(status, headers)
        if fault is None or fault.kind != "cut":
            yield from blocks
            return
        left = sum(int(value) for name, value in headers if name.lower() == "content-length") // 2
        for block in blocks:
            yield block[:left]
            left -= len(block)
            if left <= 0:
                break
        raise _dropped(environ)

    def _served(
        self, environ: Environ, request: Asked
    ) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        """What S3 answers."""
        if request.operation in _BESIDE_EACH_OTHER:
            return self._performed(environ, request)
        with self._in_turn:
            return self._performed(environ, request)

    def _performed(
        self, environ: Environ, request: Asked
    ) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
        if refusal := store_conditions.refused(request):
            return _error(request, *refusal)
        started: list[Any] = []
        blocks = self._moto(environ, lambda *given: started.extend(given))
        return started[0], started[1], blocks

    # --- control

    def _controlled(self, environ: Environ, start: Start, body: bytes) -> Iterable[bytes]:
        verb = environ["PATH_INFO"].removeprefix("/_control/")
        query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        answer: Any = None
        if verb == "bucket":
            self._fresh(query["bucket"])
        elif verb == "put":
            self._put(query, _given(query, body))
        elif verb == "put_empty":
            for key in json.loads(body):
                self._put({**query, "key": key}, store_values.Value.of(b""))
        elif verb == "get":
            found = self._value(query)
            start("200 OK", [("Content-Length", str(len(found)))])
            return iter(found)
        elif verb == "keys":
            keys = store_conditions.backend().buckets[query["bucket"]].keys
            answer = {name: [keys[name].etag, dict(keys[name].metadata)] for name in sorted(keys)}
        elif verb == "uploads":
            uploads = store_conditions.backend().buckets[query["bucket"]].multiparts
            answer = {name: upload.key_name for name, upload in uploads.items()}
        elif verb == "requests":
            with self._counting:
                answer = [asdict(record) for record in self._records]
        elif verb == "come":
            with self._came:
                seen = int(query["seen"])
                self._came.wait_for(lambda: len(self._records) != seen, float(query["seconds"]))
        elif verb == "totals":
            with self._counting:
                answer = {
                    "operations": Counter(record.operation for record in self._records),
                    "received": sum(record.received for record in self._records),
                    "sent": sum(record.sent for record in self._records),
                }
        elif verb == "rule":
            self._rules.add(Rule(**json.loads(body)))
        elif verb == "replace":
            value = _given(query, body)
            rule = json.loads(query["rule"])
            self._rules.add(Rule("replace", **rule, action=lambda: self._put(query, value)))
        elif verb == "forget_rules":
            self._rules.forget()
        elif verb == "forget_requests":
            with self._counting:
                self._records.clear()
        else:
            raise LookupError(verb)
        text = json.dumps(answer).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]

    def _fresh(self, bucket: str) -> None:
        """One bucket, empty; whatever there was is gone."""
        with self._in_turn:
            store_conditions.backend().buckets.clear()
            s3_backends.bucket_accounts.clear()
            store_conditions.backend().create_bucket(bucket, "us-east-1")

    def _put(self, query: dict[str, str], value: store_values.Value) -> None:
        with self._in_turn:
            key = store_conditions.backend().put_object(query["bucket"], query["key"], value)
            # The digest of many bytes takes a second: now, not in a request that is watched.
            _ = key.etag

    def _value(self, query: dict[str, str]) -> store_values.Value:
        value: store_values.Value = (
            store_conditions.backend().buckets[query["bucket"]].keys[query["key"]].value
        )
        return value


def _answered(
    rule: Rule, headers: list[tuple[str, str]], blocks: Iterable[bytes]
) -> tuple[list[tuple[str, str]], Iterable[bytes]]:
    """An answer as a rule has it."""
    others = {name.lower(): text for name, text in rule.headers.items()}
    if rule.body is not None:
        body = rule.body.encode()
        others, blocks = {"content-length": str(len(body)), **others}, [body]
    kept = [(name, text) for name, text in headers if name.lower() not in others]
    return [*kept, *((name, text) for name, text in others.items() if text is not None)], blocks


def _given(query: dict[str, str], body: bytes) -> store_values.Value:
    """A value of the control channel: the body, or the file that is named."""
    if "path" in query:
        return store_values.Value.copied(query["path"])
    return store_values.Value.of(body)


def _whole_body(environ: Environ) -> bytes:
    """The request's body, which is left to be read once more."""
    source = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        body: bytes = source.read()
    else:
        body = source.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _error(
    request: Asked, status: int, code: str, message: str = "On purpose."
) -> tuple[str, list[tuple[str, str]], list[bytes]]:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
        f"<Resource>/{escape(request.bucket)}/{escape(request.key)}</Resource>"
        "<RequestId>0</RequestId></Error>"
    ).encode()
    headers = [("Content-Type", "application/xml")]
    if request.method == "HEAD":
        text = b""
    else:
        headers.append(("Content-Length", str(len(text))))
    return f"{status} {HTTPStatus(status).phrase}", headers, [text]


def _dropped(environ: Environ) -> ConnectionError:
    """Close a connection under an answer; werkzeug is silent about the error."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return ConnectionAbortedError("dropped on purpose")


class _Silent(MotoRequestHandler):
    """No line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a descriptor for each large value
    store_values.install()
    server = make_server("127.0.0.1", 0, Store(), threaded=True, request_handler=_Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.write(1, b"%d\n" % server.server_port)  # whoever started this reads it
    sys.stdin.buffer.read()
    os._exit(0)  # nothing here is worth a goodbye


if __name__ == "__main__":
    main()
