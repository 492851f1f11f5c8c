"""The options of ``regroup``."""

from typing import Final, NamedTuple

from .option import options_of


class RegroupOptions(NamedTuple):
    """What ``regroup`` is asked to do beyond its defaults."""

    expand: bool = False


REGROUP: Final = options_of(
    RegroupOptions, {"expand": "The other way: one group, a full (C, C, k, k) blob."}
)
