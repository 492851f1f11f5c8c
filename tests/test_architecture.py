"""The picture in docs/architecture.md is true: rooms import what is drawn, and downwards."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "deconvsurgery"
HEAVY = {"numpy", "google", "rich", "click", "h5py"}
# Outside functions: what starts when the command starts must not pull these in.
MAY_IMPORT_AT_THE_TOP = {
    "numpy": {
        "kernels",
        "fill",
        "fingerprint",
        "answering",
        "sight",
        "change",
        "compare",
        "objections",
        "regrouping",
        "difference",
        "pycaffe",
        "report",
    },
    "rich": {"report"},
    "click": {"cli"},
}


def drawn() -> dict[str, set[str]]:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z_0-9]+) \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    return {room: set(grants.replace("–", "").split()) for room, grants in rows if room != "room"}


DRAWN = drawn()


def files(room: str) -> list[Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


def imported(path: Path) -> set[str]:
    """Rooms that a file imports, anywhere in it."""
    depth = len(path.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_every_room_is_drawn() -> None:
    built = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    built |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(DRAWN) == built


@pytest.mark.parametrize("room", DRAWN)
def test_a_room_imports_what_its_row_says(room: str) -> None:
    found = set().union(*(imported(path) for path in files(room))) - {room}
    assert found == DRAWN[room]


def test_imports_go_down() -> None:
    order = list(DRAWN)
    for room, grants in DRAWN.items():
        above = [other for other in grants if order.index(other) >= order.index(room)]
        assert above == [], room


def test_heavy_imports_stay_where_they_are_granted() -> None:
    found: dict[str, set[str]] = {}
    for room in DRAWN:
        for path in files(room):
            for node in ast.parse(path.read_text("utf-8")).body:
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    names = [node.module]
                for name in {name.split(".")[0] for name in names} & HEAVY:
                    found.setdefault(name, set()).add(room)
    assert found == MAY_IMPORT_AT_THE_TOP


def test_no_room_is_a_drawer() -> None:
    names = {part for path in PACKAGE.rglob("*.py") for part in path.stem.split("_")}
    assert not names & {"util", "utils", "helper", "helpers", "common", "core", "base", "manager"}


def test_nothing_is_caught_wholesale() -> None:
    """But in `store`: the packages behind fsspec have errors of their own, of no common kind."""
    for path in PACKAGE.rglob("*.py"):
        if path.stem == "store":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                kind = node.type.id if isinstance(node.type, ast.Name) else ""
                bare = node.type is None or kind == "Exception"
                assert not bare, f"{path.name}:{node.lineno}"
