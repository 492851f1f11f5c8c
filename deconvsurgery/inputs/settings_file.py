"""The settings file: found, read, and its text given to `settings`, which knows what it means."""

from __future__ import annotations

import os
from collections.abc import Collection

from deconvsurgery.errors import ConfigError
from deconvsurgery.storage.address import folder_of
from deconvsurgery.storage.os_error_text import refusal, shown
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.storage.source import open_source
from deconvsurgery.strict_values.byte_order_marks import BYTE_ORDER_MARKS

from .settings import FILE_NAME, PROJECT_FILE, Settings


def read_settings(
    path: str | os.PathLike[str] | None = None,
    files: RunFiles | None = None,
    *,
    rules: Collection[str],
) -> Settings | None:
    """A configuration file, or the nearest one from here upwards; ``None`` where there is none.

    The nearest is a ``deconvsurgery.toml``, or a ``pyproject.toml`` with its table. Paths in it are
    made relative to where we are. What is looked into to find it is noted in ``files``; ``rules``
    are the ids of the rules that there are. Raises ``ConfigError`` for what it should not say.
    """
    files = RunFiles() if files is None else files
    if path is not None:
        found = _settings(os.fspath(path), rules)
        if found is None:
            raise ConfigError(
                "has no [tool.deconvsurgery]",
                path=shown(path),
                hint="name a deconvsurgery.toml, or put that table into it",
            )
        return found
    try:
        folder = os.getcwd()
    except OSError as error:  # it was removed
        raise refusal("cannot be found", error, "the current directory") from error
    while True:
        for name in (FILE_NAME, PROJECT_FILE):
            candidate = os.path.normpath(os.path.join(os.path.relpath(folder), name))
            if os.path.isfile(candidate):
                files.reads("the settings", candidate)
                found = _settings(candidate, rules)
                if found is not None:
                    return found
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _settings(path: str, rules: Collection[str]) -> Settings | None:
    from .toml_text import LONGEST_FILE

    name = shown(path)
    with open_source(path, limit=LONGEST_FILE) as source:
        if source.size > LONGEST_FILE:
            raise ConfigError(
                f"has more than {LONGEST_FILE >> 20} MiB",
                path=name,
                hint="many pairs belong into a list of their own: list = 'pairs.jsonl'",
            )
        data = source.read(0, source.size)
    return settings_in(data, name, rules=rules, folder=folder_of(path))


def settings_in(
    data: bytes, name: str, *, rules: Collection[str], folder: str = ""
) -> Settings | None:
    """The settings in a file's bytes; raises as `parse_settings`, and for what is no UTF-8."""
    if data.startswith(BYTE_ORDER_MARKS):
        hint = "save it as UTF-8, without that mark"
        raise ConfigError("is not TOML: begins with a byte order mark", path=name, hint=hint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not TOML: not in UTF-8 at byte {error.start}",
            path=name,
            line=data.count(b"\n", 0, error.start) + 1,
            hint="save it as UTF-8, without a BOM",
        ) from None
    from .parse_settings import parse_settings  # here, as few runs have such a file

    return parse_settings(text, name, rules=rules, folder=folder)
