"""Published nets, and published pairs of net and model, that lie beside the checkout."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from helpers.places import SHARED


def table(path: Path) -> list[dict[str, str]]:
    """The rows of an index; none where it is not there."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def nets() -> list[Path]:
    """Every net, readable or not."""
    rows = table(SHARED / "nets" / "INDEX.tsv")
    return [SHARED / "nets" / row["short-name"] / row["file"] for row in rows]


def pairs() -> list[tuple[Path, Path]]:
    """Each net with the model that belongs to it, or that was held against it."""
    found = []
    for row in table(SHARED / "models" / "INDEX.tsv"):
        named = re.search(r"pair=(\S+)", row["notes"])
        folder = SHARED / "models" / row["short-name"]
        if named and not row["format"].startswith("prototxt") and (folder / named[1]).exists():
            found.append((folder / named[1], folder / row["file"]))
    return found
