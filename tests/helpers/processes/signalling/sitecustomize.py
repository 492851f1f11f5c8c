"""Python imports this as it starts: processes of a sweep that send a signal to all of them.

``SIGNAL_FROM`` is in the command line of the one that sends it, once (``SIGNAL_SENT`` is a file
that is there afterwards), as it starts or, if that is given, when it looks for the module
``SIGNAL_AT``.
"""

from __future__ import annotations

import os
import sys


def send() -> None:
    try:
        os.close(os.open(os.environ["SIGNAL_SENT"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.killpg(0, int(os.environ["SIGNAL"]))


class Finder:
    """Sends it when the module is looked for."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == os.environ["SIGNAL_AT"]:
            send()


if os.environ.get("SIGNAL_FROM", "-") in " ".join(sys.orig_argv[1:]):
    if "SIGNAL_AT" in os.environ:
        sys.meta_path.insert(0, Finder)
    else:
        send()
