"""What a settings file says, as the package reads it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from deconvsurgery.inputs import parse_settings as settings_text
from deconvsurgery.inputs import settings_file
from deconvsurgery.inputs.settings import Checking, Settings
from deconvsurgery.rules.finding import RULES

parse_settings: Final = partial(settings_text.parse_settings, rules=RULES)
read_settings: Final = partial(settings_file.read_settings, rules=RULES)
settings_in: Final = partial(settings_file.settings_in, rules=RULES)

USUAL: Final[dict[str, Any]] = Checking()._asdict()
"""What is asked of a pair by a file that asks for nothing."""


def settings_of(path: Path) -> Settings:
    """The settings of a file that has any."""
    settings = read_settings(path)
    assert settings is not None
    return settings
