"""How much memory a run needs at most: in a process of its own, as it says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from helpers.runs import environment

_WATCHED: Final = """
import sys
from deconvsurgery.cli import run
status = run(sys.argv[1:])
(line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(line.split()[1]), file=sys.stderr)
sys.exit(status)
"""


def peak(*arguments: str | Path) -> int:
    """KiB that a run of the command line needed at most; it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, *map(str, arguments)],
        capture_output=True,
        timeout=120,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1])
