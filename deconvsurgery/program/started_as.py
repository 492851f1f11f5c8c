"""The words with which a user can start this program again, as printed commands begin.

The name alone where the shell finds this program by it; else the path, or the interpreter and
``-m deconvsurgery``, with which it was started.
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise

NAME = "deconvsurgery"
# A shell sets it to ask for completion; the name is click's for this command.
COMPLETE = "_DECONVSURGERY_COMPLETE"


def started_as() -> tuple[str, ...]:
    """``("deconvsurgery",)``, ``(".venv/bin/deconvsurgery",)``, ``("python", "-m", …)``.

    In a process that is not the command itself (a script, a notebook, a worker): the name where it
    is that of the running interpreter's own command, else ``python -m`` of that interpreter.
    """
    script = _own_script()
    beside = os.path.join(os.path.dirname(sys.executable or ""), NAME)
    found = _on_path(NAME)
    if found and _is_one(found, script or beside) and not _is_cached(found):
        return (NAME,)
    if script is not None and os.access(script, os.X_OK):
        # Without a slash a shell would look for it in PATH.
        return (script if os.sep in script else os.path.join(os.curdir, script),)
    if script is not None:
        return (sys.executable, script)
    return (*_as_module(), "-m", NAME)


def _own_script() -> str | None:
    """The installed command's file, as it was named, where this process is started from it."""
    first = getattr(sys, "argv", [""])[:1]
    path = first[0] if first else ""
    return path if os.path.basename(path) == NAME and os.path.isfile(path) else None


def _as_module() -> tuple[str, ...]:
    """The interpreter with its options, as a command line with ``-m deconvsurgery`` had them."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name == f"{NAME}.__main__":
        for number, pair in enumerate(pairwise(sys.orig_argv)):
            if pair == ("-m", NAME):
                return tuple(sys.orig_argv[:number])
    return (sys.executable or "python3",)


def _on_path(name: str) -> str | None:
    """The file that a shell finds by the name."""
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _is_cached(path: str) -> bool:
    """Whether it is in the user's cache: pre-commit, uvx and pipx run made an environment there.

    They put it into PATH for this one run; the user's own shell finds nothing by the name.
    """
    home = os.path.expanduser("~")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    inside = os.path.join(os.path.realpath(cache), "")
    return os.path.realpath(path).startswith(inside)


def _is_one(path: str, other: str) -> bool:
    """Two names of one file, links followed."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False
