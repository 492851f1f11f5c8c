"""A signal raised as an exception, once: those that follow must not disturb the cleaning up."""

from __future__ import annotations

import _thread
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Final
from weakref import ref

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Interrupted, terminated, hung up: the last one is not known everywhere."""

_WAITS: Final = 1000  # milliseconds at most until an exception that was lost is gone


class Raiser:
    """A handler of signals that raises what ``make`` makes of the first one's number.

    What it makes is of a class of its own, as weak references are held to it: as long as it is on
    its way, other signals do nothing. Where it was lost, as no callback passes an exception on,
    the next signal counts again; `lost`, as ``sys.unraisablehook``, sees to it that one comes.
    """

    def __init__(self, make: Callable[[int], BaseException]) -> None:
        self._make = make
        self._thread = 0
        self._raised: Callable[[], BaseException | None] = lambda: None
        self._number = 0
        self._received = 0  # how many came here
        self._other_hook = sys.unraisablehook

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Raise it, unless one is on its way."""
        self._received += 1
        if self._raised() is None:
            raise self._made(number)

    def _made(self, number: int) -> BaseException:
        error = self._make(number)
        self._raised, self._number, self._thread = ref(error), number, _thread.get_ident()
        return error

    def behind(self, error: BaseException) -> BaseException | None:
        """What was raised here, if it is that error or led to it.

        Python wraps what is raised where a class is made, and cleaning up may fail in turn.
        """
        raised, seen = self._raised(), set[int]()
        following: BaseException | None = error
        while following is not None and id(following) not in seen:
            if following is raised:
                return raised
            seen.add(id(following))
            following = following.__cause__ or following.__context__
        return None

    def lost(self, unraisable: UnraisableHookArgs) -> None:
        """Have the signal come again if that is what was lost; nobody else is to see it."""
        if unraisable.exc_value is None or unraisable.exc_value is not self._raised():
            self._other_hook(unraisable)
            return
        # From another thread: in this one it would be raised here, and be lost again.
        _thread.start_new_thread(self._again, ())

    def _again(self) -> None:
        for _ in range(_WAITS):
            if self._raised() is None:
                break
            time.sleep(0.001)
        self._raised = lambda: None
        received = self._received
        # One may come just before the other thread begins to wait.
        while received == self._received:
            signal.pthread_kill(self._thread, self._number)
            time.sleep(0.01)
