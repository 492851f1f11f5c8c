"""``python -m deconvsurgery`` and the installed command."""

from __future__ import annotations

import gc
import os
import sys

from . import __version__, _leave_at_once, _unsupported
from .program.started_as import COMPLETE, NAME

_PROTOBUF = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"


def main() -> None:
    """Run the command line and leave with its exit code."""
    if reason := _unsupported():
        print(reason, file=sys.stderr)  # noqa: T201  # what prints all else cannot be imported
        sys.exit(4)  # as in cli/exit_codes.py: the operating system will not do
    _leave_at_once()  # until something is to be cleaned up, and when that is done
    if sys.argv[1:] in (["--version"], ["-V"]) and _version_is_said():
        return
    # numpy's BLAS starts a thread a core when it is imported, and where it may not (a tight
    # limit on processes) ends the process. Nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if os.environ.get(_PROTOBUF) not in (None, "python", "upb"):
        del os.environ[_PROTOBUF]  # protobuf would end with a traceback
    # What is imported, and a net of thousands of layers, are values that are there to the end: to
    # look for cycles among them as often as Python does by itself takes up to a sixth of the time.
    gc.set_threshold(100_000, 10, 10)
    from .cli import run
    from .cli.console import finish_streams

    code = run(sys.argv[1:])
    finish_streams()
    if "h5py" in sys.modules:
        # A file that could not be read to its end keeps the HDF5 library from ending: it ends the
        # process instead, with a code of its own. Nothing else waits to be done.
        os._exit(code)
    gc.freeze()  # nor is there anything to look for at the end
    sys.exit(code)


def _version_is_said() -> bool:
    """Print the version as click would, which takes longer to import than all else here.

    False where the command line has to: a shell asks for completion, or it cannot be printed.
    """
    if os.environ.get(COMPLETE):
        return False
    try:
        if sys.stdout is not None:
            sys.stdout.write(f"{NAME} {__version__}\n")
            sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
