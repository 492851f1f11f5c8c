"""What a command ends with: the same numbers for all verbs, as ``docs/cli.md`` has them.

After a signal it is 128 and its number, as in a shell, and 141 when who reads has seen enough.
"""

from __future__ import annotations

from typing import Final

from deconvsurgery.errors import ArgumentError, ConfigError, FileError, OutputError, SurgeryError

FOUND: Final = 1
"""There is something to report: findings, a difference, what ``--check`` would change."""
USAGE: Final = 2
REFUSED: Final = 3
"""The input is wrong, or what was asked for cannot be done with it."""
FAILED: Final = 4
"""The operating system refuses."""
READER_IS_GONE: Final = 141


def exit_code(error: SurgeryError) -> int:
    """Wrong usage, wrong input, or a refusal of the operating system."""
    if isinstance(error, OutputError | ConfigError | ArgumentError):
        return USAGE
    return FAILED if isinstance(error, FileError) else REFUSED
