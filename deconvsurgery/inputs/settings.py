"""What a configuration file says: which nets and models belong together, how they are checked.

As values; ``parse_settings`` reads them in a text.
"""

from __future__ import annotations

from typing import Any, Final

from deconvsurgery.named_tuple import NamedTuple

FILE_NAME: Final = "deconvsurgery.toml"
PROJECT_FILE: Final = "pyproject.toml"


class Checking(NamedTuple):
    """How a pair is checked; ``None`` stands for what was not said.

    ``baseline`` is a file of findings that are known.
    """

    pattern: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    phase: str | None = None
    level: int | None = None
    stage: tuple[str, ...] | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    frozen: bool | None = None
    allow_empty: bool | None = None
    baseline: str | None = None

    def over(self, other: Checking) -> Checking:
        """This, and what ``other`` says where this says nothing."""
        given = {key: value for key, value in self._asdict().items() if value is not None}
        return other._replace(**given)


class Pair(NamedTuple):
    """A net with its model, either of them alone, how they are checked, and what a sweep writes.

    Paths may have wildcards and ``{name}`` (see ``path_patterns``), and stand for many pairs then;
    so does ``listed``, a file with a pair a line. ``found``: nobody named it, it was found in a
    folder, and is passed over where it is no net after all. ``known`` is what its baseline knows of
    it, rules and layers, if that was read.
    """

    net: str | None
    model: str | None = None
    checking: Checking = Checking()
    output: str | None = None
    net_output: str | None = None
    listed: str | None = None
    found: bool = False
    known: tuple[tuple[str, str | None], ...] | None = None


class Sweep(NamedTuple):
    """What ``[sweep]`` says: the verb, its options by their long names, where the rows go."""

    verb: str = "check"
    options: tuple[tuple[str, Any], ...] = ()
    results: str | None = None
    retries: int = 3


class Settings(NamedTuple):
    """A configuration file, ``path``: its pairs, and how other nets are checked."""

    path: str
    pairs: tuple[Pair, ...] = ()
    checking: Checking = Checking()
    sweep: Sweep = Sweep()
