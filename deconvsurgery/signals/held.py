"""Signals that wait: where what they raise would be lost, or leave something half begun."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .raised import ENDING


@contextmanager
def held_signals() -> Iterator[Callable[[], None]]:
    """Signals that would raise wait until the body is left, or lets them in by what it is given.

    Raised in what a library calls, they could be lost in it. The body lets them in between calls
    of its own. Only the main thread gets any.
    """
    waiting: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    raising = {number: handler for number, handler in before.items() if callable(handler)}

    def let_in() -> None:
        while waiting:
            number = waiting.pop(0)
            raising[signal.Signals(number)](number, None)

    try:
        for number in raising:
            signal.signal(number, lambda number, _frame: waiting.append(number))
        yield let_in
    finally:
        for number, handler in raising.items():
            signal.signal(number, handler)
        let_in()
