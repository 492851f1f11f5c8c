"""A signal raised once, and again where it was lost."""

from __future__ import annotations

import signal
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest

from deconvsurgery.signals.raised import Raiser
from helpers.processes.ending import PATIENCE


class EndedError(BaseException):
    def __init__(self, number: int) -> None:
        self.number = number


@pytest.fixture
def raiser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Raiser]:
    """It handles SIGTERM."""
    made = Raiser(EndedError)
    monkeypatch.setattr(sys, "unraisablehook", made.lost)
    before = signal.signal(signal.SIGTERM, made)
    yield made
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("raiser")
def test_another_signal_does_nothing_until_the_first_one_is_over() -> None:
    done = []
    for _ in range(2):
        try:
            signal.raise_signal(signal.SIGTERM)
        except EndedError as error:
            signal.raise_signal(signal.SIGTERM)
            done.append(error.number)
    assert done == [signal.SIGTERM] * 2


class Thing:
    pass


@pytest.mark.usefixtures("raiser")
def test_what_a_callback_lost_comes_again(capsys: pytest.CaptureFixture[str]) -> None:
    """As one of a weak reference, of which every import has some, passes no exception on."""
    thing = Thing()
    seen: list[object] = []

    def gone(_: object) -> None:
        seen.append("gone")
        signal.raise_signal(signal.SIGTERM)

    watched = weakref.ref(thing, gone)
    del thing
    try:
        seen.append("went on")
        threading.Event().wait(PATIENCE)
    except EndedError as error:
        seen.append(error.number)
    assert watched() is None
    assert seen == ["gone", "went on", signal.SIGTERM]
    assert capsys.readouterr() == ("", "")


def test_what_else_is_lost_is_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(sys, "unraisablehook", lambda lost: seen.append(type(lost.exc_value)))
        patched.setattr(sys, "unraisablehook", Raiser(EndedError).lost)

        class Odd:
            def __del__(self) -> None:
                raise ValueError

        odd = Odd()
        del odd
    assert seen == [ValueError]


@pytest.mark.usefixtures("raiser")
def test_it_is_found_behind_what_came_of_it(raiser: Raiser) -> None:
    """Where a class is made Python has another error of it."""

    class Ending:
        def __set_name__(self, *_: object) -> None:
            signal.raise_signal(signal.SIGTERM)

    found: list[object] = []
    try:
        type("Made", (), {"ending": Ending()})
    except (EndedError, RuntimeError) as error:
        found.append(getattr(raiser.behind(error), "number", None))
        try:
            raise OSError
        except OSError as other:
            found.append(getattr(raiser.behind(other), "number", None))
    assert found == [signal.SIGTERM] * 2
    assert raiser.behind(ValueError()) is None
