"""Signals that wait until they are let in."""

from __future__ import annotations

import signal
import threading

from deconvsurgery.signals.held import held_signals


def test_a_signal_waits_until_it_is_let_in() -> None:
    seen: list[str] = []
    old = signal.signal(signal.SIGTERM, lambda *_: seen.append("signal"))
    try:
        with held_signals() as let_in:
            signal.raise_signal(signal.SIGTERM)
            seen.append("held")
            let_in()
            seen.append("let in")
            signal.raise_signal(signal.SIGTERM)
            seen.append("at the end")
        assert seen == ["held", "signal", "let in", "at the end", "signal"]
        signal.raise_signal(signal.SIGTERM)
        assert seen[5:] == ["signal"]
    finally:
        signal.signal(signal.SIGTERM, old)


def test_another_thread_gets_no_signals_and_holds_none() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with held_signals() as let_in:
            seen.append(signal.getsignal(signal.SIGINT))
            let_in()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
