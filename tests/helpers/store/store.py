"""An object store for tests: a real S3 server on loopback in a process of its own.

`started` starts it; a `Store` is one bucket of it, what was counted there, and what shall go
wrong. Everything that a `Store` does itself goes past the counts and faults.

Never here: moto, boto3 or anything of the package; the process has the first (server.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from helpers.places import TESTS
from helpers.store.requests import Record

REGION = "us-east-1"


class Store:
    """A bucket.

    Args:
        port: Of the server, on 127.0.0.1.
        bucket: Made empty; there is no other then.
    """

    def __init__(self, port: int, bucket: str) -> None:
        self.port, self.bucket = port, bucket
        self.endpoint = f"http://127.0.0.1:{port}"
        self._control("bucket", bucket=bucket)
        self.calm()
        self.reset()

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def environment(self) -> dict[str, str]:
        """Variables under which boto3 and s3fs find this store and nothing of the user's."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "loopback",
            "AWS_SECRET_ACCESS_KEY": "loopback",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    # --- what is there

    def put(self, key: str, value: bytes | Path) -> None:
        """An object with these bytes, or those of a file."""
        self._control("put", **_valued(value), bucket=self.bucket, key=key)

    def put_empty(self, keys: Iterable[str]) -> None:
        """Objects without bytes, many in one go."""
        self._control("put_empty", json.dumps([*keys]).encode(), bucket=self.bucket)

    def get(self, key: str) -> bytes:
        return self._control("get", bucket=self.bucket, key=key)

    def keys(self) -> list[str]:
        return list(self._asked("keys", bucket=self.bucket))

    def etag(self, key: str) -> str:
        """With its quotes."""
        etag: str = self._asked("keys", bucket=self.bucket)[key][0]
        return etag

    def etags(self, start: str) -> dict[str, str]:
        """Of all keys that begin so, by the rest of them."""
        keys: dict[str, list[Any]] = self._asked("keys", bucket=self.bucket)
        return {
            key.removeprefix(start): tag for key, (tag, _) in keys.items() if key.startswith(start)
        }

    def metadata(self, key: str) -> dict[str, str]:
        """What the writer said of an object (``x-amz-meta-``), by names in lower case."""
        headers: dict[str, str] = self._asked("keys", bucket=self.bucket)[key][1]
        prefix = "x-amz-meta-"
        return {
            name.lower().removeprefix(prefix): value
            for name, value in headers.items()
            if name.lower().startswith(prefix)
        }

    def uploads(self) -> list[str]:
        """The keys of uploads that are neither completed nor aborted."""
        return sorted(self._asked("uploads", bucket=self.bucket).values())

    # --- what was asked for

    def requests(self, operation: str | None = None) -> list[Record]:
        """Every request since `reset`, in the order of coming; of one operation, if named."""
        records = (Record(**each) for each in self._asked("requests"))
        return [each for each in records if operation in (None, each.operation)]

    def totals(self) -> dict[str, Any]:
        """Of all requests since `reset`: how many of each operation, bytes received and sent."""
        totals: dict[str, Any] = self._asked("totals")
        return totals

    def reset(self) -> None:
        """Forget the requests."""
        self._control("forget_requests")

    def until(
        self,
        enough: Callable[[list[Record]], bool],
        *,
        alive: Callable[[], bool] = lambda: True,
        seconds: float = 300,
    ) -> list[Record]:
        """The requests as soon as they are enough.

        Args:
            alive: Whether somebody is there who may still ask; looked at twice a second.
            seconds: Longer than any load makes it take: beyond it something is stuck.

        Raises:
            TimeoutError: They never were.
        """
        end = time.monotonic() + seconds
        while not enough(records := self.requests()):
            if time.monotonic() > end or not alive():
                raise TimeoutError(records)
            self._control("come", seen=str(len(records)), seconds="0.5")  # or as one comes
        return records

    def until_asked(
        self, operation: str, key: str = "*", *, alive: Callable[[], bool] = lambda: True
    ) -> None:
        """Return when such a request has come; `key` is a pattern with ``*``."""
        self.until(
            lambda records: any(
                each.operation == operation and fnmatchcase(each.key, key) for each in records
            ),
            alive=alive,
        )

    # --- what shall go wrong

    def fault(
        self,
        what: int | str,
        operation: str = "*",
        key: str = "*",
        *,
        first: int = 1,
        times: int | None = 1,
        performed: bool = False,
    ) -> None:
        """Let requests fail: the `first`-th that fits and `times` in all, None for ever.

        Args:
            what: A status with its error document (503: ``SlowDown``; 200: an error in the body of
                a success); ``drop``: the connection closed without an answer; ``cut``: closed
                after half of the body; ``whole``: ranges are not heeded; ``shift``: a range is
                given one byte later than it was asked for.
            operation, key: Patterns with ``*``.
            performed: What was asked for is done and only the answer is lost.
        """
        rule = {"operation": operation, "key": key, "first": first, "times": times}
        kind = {"kind": what} if isinstance(what, str) else {"kind": "answer", "status": what}
        self._rule(**rule, **kind, performed=performed)

    def tell(
        self,
        operation: str = "*",
        key: str = "*",
        *,
        headers: Mapping[str, str | None] | None = None,
        body: str | None = None,
        first: int = 1,
        times: int | None = 1,
    ) -> None:
        """Let answers have other headers (``None``: not there), and another body if it is given."""
        rule = {"operation": operation, "key": key, "first": first, "times": times}
        self._rule(**rule, kind="tell", headers=dict(headers or {}), body=body)

    def delay(
        self,
        seconds: float,
        operation: str = "*",
        key: str = "*",
        *,
        first: int = 1,
        times: int | None = None,
    ) -> None:
        """Let requests wait before they are served, or until `calm`."""
        rule = {"operation": operation, "key": key, "first": first, "times": times}
        self._rule(**rule, kind="delay", seconds=seconds)

    def hold(
        self, operation: str = "*", key: str = "*", *, first: int = 1, times: int | None = 1
    ) -> None:
        """Let requests wait until `calm`, however long that takes."""
        rule = {"operation": operation, "key": key, "first": first, "times": times}
        self._rule(**rule, kind="hold")

    def replace_before(
        self, key: str, value: bytes | Path, operation: str = "GetObject", *, first: int = 1
    ) -> None:
        """Put another value there right before the `first`-th request of a kind for a key."""
        rule = json.dumps({"operation": operation, "key": key, "first": first})
        self._control("replace", **_valued(value), bucket=self.bucket, key=key, rule=rule)

    def calm(self) -> None:
        """Nothing goes wrong any more; what waits goes on."""
        self._control("forget_rules")

    # --- the control channel

    def _rule(self, **rule: Any) -> None:
        self._control("rule", json.dumps(rule).encode())

    def _asked(self, verb: str, **query: str) -> Any:
        return json.loads(self._control(verb, b"", **query))

    def _control(self, verb: str, body: bytes = b"", **query: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", f"/_control/{verb}?{urlencode(query)}", body)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise LookupError(verb, query, text.decode(errors="replace"))
        return text


def _valued(value: bytes | Path) -> dict[str, Any]:
    return {"path": str(value.absolute())} if isinstance(value, Path) else {"body": value}


@contextmanager
def started() -> Iterator[int]:
    """A server; its port. It ends with this process at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers.store.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=TESTS,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield int(process.stdout.readline())
        process.stdin.close()
