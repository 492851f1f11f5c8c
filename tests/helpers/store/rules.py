"""What is done on purpose to the requests that are named: faults, delays, a value replaced.

A rule counts the requests that it fits and acts on the ``first``-th of them and ``times - 1`` more.
Rules are tried in the order they were made; several may act on one request.

Never here: how an action is carried out (server.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.store.requests import Asked

Action = Callable[[], Any]


@dataclass(slots=True)
class Rule:
    """One purpose.

    Args:
        kind: ``answer``: an error instead of, or after, what was asked for; ``drop``: the
            connection closed without an answer; ``cut``: closed after half of the answer's body;
            ``whole``: all of an object where a range was asked for; ``delay``; ``hold``: not served
            before the rules are forgotten; ``replace``: a value put before the request is served;
            ``shift``: the range one byte later than asked for; ``tell``: the answer with other
            headers, and another body if one is given.
        operation, key: Patterns with ``*``; `key` is without the bucket.
        times: None is for ever.
        performed: Whether what was asked for is done before the fault.
        status: Of ``answer``; 200 is an error in the body of a success, as S3's copies and
            completions may answer.
        seconds: Of ``delay``, cut short when the rules are forgotten.
        action: Of ``replace``.
        headers: Of ``tell``; ``None`` for one that is not there.
        body: Of ``tell``.
    """

    kind: str
    operation: str = "*"
    key: str = "*"
    first: int = 1
    times: int | None = 1
    performed: bool = False
    status: int = 0
    seconds: float = 0
    action: Action | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    body: str | None = None
    forgotten: threading.Event = field(default_factory=threading.Event)
    _seen: int = 0

    def acts_on(self, request: Asked) -> bool:
        """Whether this is one of the requests meant; counts it."""
        if not fnmatchcase(request.operation, self.operation) or not fnmatchcase(
            request.key, self.key
        ):
            return False
        self._seen += 1
        past = self._seen - self.first
        return past >= 0 and (self.times is None or past < self.times)

    def described(self) -> str:
        """As a record says it: ``answer 503``."""
        detail = {"answer": f" {self.status}", "delay": f" {self.seconds:g}"}.get(self.kind, "")
        return self.kind + detail + (" performed" if self.performed else "")


class Rules:
    """The rules of a server, for several threads."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def forget(self) -> None:
        """No rules; whatever waits goes on."""
        with self._lock:
            for rule in self._rules:
                rule.forgotten.set()
            self._rules.clear()

    def acting_on(self, request: Asked) -> list[Rule]:
        with self._lock:
            return [rule for rule in self._rules if rule.acts_on(request)]
