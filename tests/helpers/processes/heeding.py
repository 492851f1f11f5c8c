"""What processes of tests begin with, whoever started the tests. Never here: what they run."""

from __future__ import annotations

import signal


def heeding() -> None:
    """No signal is ignored from the start, as under nohup or in a shell's background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
