"""The command line in processes of their own that need no start-up: forked from one that is warm.

Starting Python and importing numpy, protobuf and rich takes many times what a verb takes, and the
tests start thousands. Here one process imports them once; each run is a fork of it, with the
streams, folder, environment and session that it is given, ``main()`` as it is installed, and an
exit code of its own. What depends on how Python itself starts (its locale, its own variables,
closed streams) is for a process that is really started.

`ran` and `ran_on` are what tests call; they start a real process where one is needed. Run as a
script with a number, this is the server, which is sent what to run over the socket of that number.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

AT_START = ("PYTHON", "LANG", "LC_", "OPENBLAS", "COVERAGE")  # what Python or numpy reads once
_LENGTH = 4  # bytes of a message's length
_FIRST = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


MODULE = ("-m", "deconvsurgery")


def ran(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    stdin: bytes = b"",
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line, its streams through pipes; like ``subprocess.run``."""
    if not _is_like_the_server(env):
        return subprocess.run(
            [sys.executable, *MODULE, *arguments],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env=env,
            timeout=timeout,
            check=False,
        )
    (child_in, to_write), (out, child_out), (errors, child_errors) = (os.pipe() for _ in range(3))
    caught = {out: b"", errors: b""}

    def read(descriptor: int) -> None:
        with open(descriptor, "rb") as opened:
            caught[descriptor] = opened.read()

    def write(descriptor: int) -> None:
        # It may not want to read what it was given.
        with suppress(BrokenPipeError), open(descriptor, "wb", buffering=0) as opened:
            opened.write(stdin)

    threads = [_started(read, out), _started(read, errors), _started(write, to_write)]
    inside = (child_in, child_out, child_errors)
    try:
        code = ran_on(inside, arguments, cwd=cwd, env=env, timeout=timeout)
    finally:
        for descriptor in inside:
            os.close(descriptor)
        for thread in threads:
            thread.join()
    return subprocess.CompletedProcess(
        [os.fspath(each) for each in arguments], code, *caught.values()
    )


def ran_on(
    streams: Sequence[int],
    arguments: Sequence[str | os.PathLike[str]],
    *,
    start: Sequence[str] = (),
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> int:
    """Run a command line on three descriptors, in a session of its own: the exit code.

    ``start``: a real process, Python with these options.
    """
    if start or not _is_like_the_server(env):
        stdin, stdout, stderr = streams
        done = subprocess.run(
            [sys.executable, *(start or MODULE), *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=env,
            timeout=timeout,
            start_new_session=True,
            check=False,
        )
        return done.returncode
    asked = {
        "arguments": [os.fsdecode(each) for each in arguments],
        "cwd": os.path.abspath(cwd or "."),
        "env": dict(os.environ if env is None else env),
    }
    text = json.dumps(asked).encode()
    server = _server()
    server.settimeout(timeout)
    socket.send_fds(server, [len(text).to_bytes(_LENGTH, "big")], list(streams))
    server.sendall(text)
    length = int.from_bytes(server.recv(_LENGTH, socket.MSG_WAITALL), "big")
    status = json.loads(server.recv(length, socket.MSG_WAITALL))
    return os.waitstatus_to_exitcode(status)


def _started(function: Callable[[int], None], descriptor: int) -> threading.Thread:
    thread = threading.Thread(target=function, args=(descriptor,))
    thread.start()
    return thread


@cache
def _server() -> socket.socket:
    """Started when it is first needed; it ends when this end is closed."""
    here, there = socket.socketpair()
    with there:
        server = subprocess.Popen(
            [sys.executable, __file__, str(there.fileno())],
            env=_FIRST,
            pass_fds=[there.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        here.close()
        server.wait(60)

    atexit.register(end)
    return here


def _is_like_the_server(env: Mapping[str, str] | None) -> bool:
    """Whether a process with these variables would start as the server did."""
    given = os.environ if env is None else env
    keys = {key for key in {*given, *_FIRST} if key.startswith(AT_START)} - {"PYTHONPATH"}
    return all(given.get(key) == _FIRST.get(key) for key in keys)


# --- the server


def _serve(opened: socket.socket) -> None:
    """Fork for each request; returns in the child, which then is a run of the command."""
    while True:
        head, streams, _, _ = socket.recv_fds(opened, _LENGTH, 3)
        if not head:
            os._exit(0)
        asked = json.loads(opened.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
        child = os.fork()
        if not child:
            opened.close()
            _become(asked, streams)
            return
        for descriptor in streams:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        text = json.dumps(status).encode()
        opened.sendall(len(text).to_bytes(_LENGTH, "big") + text)


def _become(asked: dict[str, Any], streams: Sequence[int]) -> None:
    os.setsid()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv[1:] = asked["arguments"]
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    for name, mode in (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb")):
        old = getattr(sys, name)
        new = io.TextIOWrapper(
            open(old.fileno(), mode, closefd=False),  # noqa: SIM115 - it outlives this
            encoding=old.encoding,
            errors=old.errors,
            line_buffering=name == "stderr" or os.isatty(old.fileno()),
        )
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _warm_up() -> None:
    """Import what the verbs import, all but h5py: with it loaded the process ends another way."""
    import importlib

    for name in ("numpy", "rich.table", "rich.progress", "google.protobuf.text_format"):
        importlib.import_module(name)
    package = importlib.import_module("deconvsurgery")
    for path in sorted(Path(package.__path__[0]).rglob("*.py")):
        if path.stem != "__main__":
            parts = path.relative_to(package.__path__[0]).with_suffix("").parts
            importlib.import_module(".".join(("deconvsurgery", *parts)).removesuffix(".__init__"))


if __name__ == "__main__":
    connection = socket.socket(fileno=int(sys.argv[1]))
    _warm_up()
    assert "h5py" not in sys.modules
    gc.collect()
    gc.freeze()  # what is there stays where it is: forks share it
    _serve(connection)
    from deconvsurgery.__main__ import main

    try:
        main()
    except SystemExit as ended:
        # What was written goes out, or fails as it would; only taking modules down is left out.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)
