"""Under which heading ``--help`` shows an option; what a verb has alone stands under its own."""

from __future__ import annotations

from typing import Final

ARGUMENTS: Final = "Arguments"
HELP: Final = "Help"

_NAMES: Final = {
    "Layers": "patterns exclude phase level stage every_layer only_changed skip_unfit any_gain "
    "allow_empty",
    "Fixes": "fix fix_into unsafe_fixes",
    "Files": "net max_unpacked nets_only config isolated in_place output results save_patch force",
    "Dry run": "dry_run check diff",
    "Report": "picture form as_json also report exit_zero quiet verbose",
    HELP: "",
}
HEADINGS: Final = {name: heading for heading, names in _NAMES.items() for name in names.split()}
"""The heading of an option, by the name of its parameter."""


def in_order(own: str) -> tuple[str, ...]:
    """All headings as they follow each other; a verb's ``own`` comes second, after its layers."""
    first, *others = _NAMES
    return (first, own, *others)
