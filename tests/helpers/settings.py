"""What a settings file says, as the package reads it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from deconvsurgery.inputs.open_inputs import read_settings
from deconvsurgery.inputs.settings import Checking, Settings

USUAL: Final[dict[str, Any]] = asdict(Checking())
"""What is asked of a pair by a file that asks for nothing."""


def settings_of(path: Path) -> Settings:
    """The settings of a file that has any."""
    settings = read_settings(path)
    assert settings is not None
    return settings
