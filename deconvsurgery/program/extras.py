"""How to install an optional package for the interpreter that runs this program.

Each way of installing keeps packages in its own manner: a package put beside this program in
another way is not found, or is gone with the next update.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Final

from .shell_words import shell_line
from .started_as import NAME

# Files in the folder of an environment, by which pipx and uv know their own again.
_OF_PIPX: Final = "pipx_metadata.json"
_OF_UV_TOOL: Final = "uv-receipt.toml"


def install_command(*packages: str) -> str:
    """A command that installs packages where the running interpreter finds them.

    ``pipx inject`` and ``uv tool install --with`` where these installed this program, the
    interpreter's own ``-m pip`` elsewhere, or uv's pip where it has none.
    """
    if os.path.isfile(os.path.join(sys.prefix, _OF_PIPX)):
        words = ["pipx", "inject", os.path.basename(sys.prefix), *packages]
    elif os.path.isfile(receipt := os.path.join(sys.prefix, _OF_UV_TOOL)):
        wanted = dict.fromkeys((*_added(receipt), *packages))
        more = (part for package in wanted for part in ("--with", package))
        words = ["uv", "tool", "install", *more, _installed_from()]
    elif find_spec("pip") is None:
        words = ["uv", "pip", "install", "--python", sys.executable, *packages]
    else:
        words = [sys.executable or "python3", "-m", "pip", "install", *packages]
    return shell_line(words)


def _added(receipt: str) -> list[str]:
    """What was installed beside this program before: uv drops what is not named again."""
    import tomllib

    try:
        with open(receipt, "rb") as file:
            required = tomllib.load(file)["tool"]["requirements"]
        return [each["name"] for each in required if each["name"] != NAME]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def _installed_from() -> str:
    """What this program was installed from: a folder, a repository, or its name in an index.

    Every installer writes it (https://packaging.python.org/en/latest/specifications/direct-url/).
    """
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    try:
        origin = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return NAME
    url = str(origin.get("url", ""))
    if url.startswith("file://"):
        return unquote(urlsplit(url).path)
    if "vcs_info" in origin:
        return f"{origin['vcs_info'].get('vcs', 'git')}+{url}"
    return url or NAME
