"""The command from its first line on, with a signal at a moment that is an event, not a time.

    python early.py WAY POINT… < arguments as JSON

WAY is ``-m`` or ``script``. A point is a signal's name and where it is raised: ``find NAME`` (a
module is looked for), ``line N`` (the N-th line of the package's first two files), ``at exit``, or
``never``. A process is forked for each, from one that has imported nothing of what the command
does. Prints a JSON list of what came of each: exit code, standard error, lines that were counted.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any

PACKAGE = "deconvsurgery"
FIRST = ("__init__.py", "__main__.py")


def find(name: str, number: int) -> None:
    """Raise the signal when that module is looked for."""

    class Finder:
        @staticmethod
        def find_spec(looked_for: str, *_: object) -> None:
            if looked_for == name:
                os.kill(os.getpid(), number)

    sys.meta_path.insert(0, Finder)


def line(nth: int, number: int) -> list[int]:
    """Raise the signal before that line of the package's first files; counts them in a list."""
    counted = [0]

    def is_first(code: CodeType) -> bool:
        folder, name = os.path.split(code.co_filename)
        return name in FIRST and os.path.basename(folder) == PACKAGE

    def lines(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            counted[0] += 1
            if counted[0] == nth:
                sys.settrace(None)
                os.kill(os.getpid(), number)
        return lines

    sys.settrace(lambda frame, *_: lines if is_first(frame.f_code) else None)
    return counted


def begin(way: str) -> None:
    """Run the command as the interpreter does; ``sys.argv`` has its arguments."""
    given = sys.argv[1:]
    if way == "-m":
        sys.argv = ["-m", *given]
        sys.orig_argv = [sys.executable, "-m", PACKAGE, *given]
        import runpy

        runpy._run_module_as_main(PACKAGE)  # type: ignore[attr-defined]
    else:
        sys.argv = [f"/bin/{PACKAGE}", *given]
        sys.orig_argv = [sys.executable, *sys.argv]
        from deconvsurgery.__main__ import main

        main()


def became(way: str, point: Sequence[str], arguments: Sequence[str]) -> dict[str, object]:
    """What came of one."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as lines:
        child = os.fork()
        if not child:
            os.dup2(errors.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.argv[1:] = arguments
            number, kind, *where = point
            if kind == "find":
                find(where[0], int(number))
            elif kind == "line":
                counted = line(int(where[0]), int(number))
            elif kind == "exit":
                import atexit

                atexit.register(lambda: os.kill(os.getpid(), int(number)))
            try:
                begin(way)
            finally:
                if kind == "line":
                    sys.settrace(None)
                    lines.write(str(counted[0]).encode())
                    lines.flush()
        _, status = os.waitpid(child, 0)
        errors.seek(0)
        lines.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "errors": errors.read().decode(),
            "lines": int(lines.read() or 0),
        }


if __name__ == "__main__":
    way, *points = sys.argv[1:]
    asked = json.load(sys.stdin)
    print(json.dumps([became(way, each.split(), asked) for each in points]))
