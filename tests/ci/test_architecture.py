"""What the import contracts in pyproject.toml cannot say of the package's modules."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter

from helpers.places import DOCS, PACKAGE, ROOT

FILES = sorted(PACKAGE.rglob("*.py"))
# Outside functions: what starts when the command starts must not load these.
MAY_IMPORT_AT_THE_TOP = {
    "numpy": {
        "kernels/*",
        "comparison/compare_values.py",
        "plans/apply/before_and_after.py",
        "plans/apply/new_values.py",
        "plans/edit/values.py",
        "plans/regroup/plan.py",
        "plans/regroup/plan_types.py",
        "pycaffe.py",
        "report/html/*",
        "report/terminal/*",
    },
    "rich": {"report/terminal/*"},
    "click": {"cli/*"},
    # These modules are themselves imported where a store or a cluster is met.
    "fsspec": {"storage/object_store/s3_ranges.py", "storage/object_store/web_ranges.py"},
    "s3fs": {"storage/object_store/s3_ranges.py"},
    "aiohttp": {"storage/object_store/web_ranges.py"},
}
HEAVY = {*MAY_IMPORT_AT_THE_TOP, "google", "h5py", "botocore", "dask", "distributed"}


def test_heavy_packages_are_imported_at_the_top_only_where_that_is_granted() -> None:
    found: dict[str, set[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in {name.split(".")[0] for name in names} & HEAVY:
                here = path.relative_to(PACKAGE)
                granted = MAY_IMPORT_AT_THE_TOP.get(name, set())
                found.setdefault(name, set()).update(
                    pattern for pattern in granted if here.match(pattern)
                )
                assert any(here.match(pattern) for pattern in granted), f"{here}: {name}"
    assert found == MAY_IMPORT_AT_THE_TOP  # no grant that nobody uses


def test_the_page_draws_the_stack_of_the_contract() -> None:
    """Every package and module at the top, in the contract's order from above."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (layers,) = (each["layers"] for each in contracts["contracts"] if each["type"] == "layers")
    ranks = [{name.rpartition(".")[2] for name in layer.split(" | ")} for layer in layers]
    assert ranks.pop(0) == {"__main__"}
    page = (DOCS / "architecture.md").read_text("utf-8").split("## ")[1]
    drawn = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    for rank in ranks:
        assert {drawn.pop(0) for _ in rank} == rank
    assert drawn == []
    built = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    built |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set.union(*ranks) == built


def test_few_modules_lie_outside_a_package() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 9


def test_no_module_is_a_drawer() -> None:
    names = {part for path in FILES for part in path.stem.split("_")}
    names |= {part for path in FILES for part in path.parent.name.split("_")}
    assert not names & {"util", "utils", "helper", "helpers", "common", "core", "base", "manager"}


def test_nothing_is_caught_wholesale() -> None:
    """But in `store`: the packages behind fsspec have errors of their own, of no common kind."""
    for path in FILES:
        if path.stem == "store":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                kind = node.type.id if isinstance(node.type, ast.Name) else ""
                bare = node.type is None or kind == "Exception"
                assert not bare, f"{path.name}:{node.lineno}"


def test_a_public_class_has_a_name_of_its_own() -> None:
    names = [
        node.name
        for path in FILES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_a_module_above_320_lines_is_two() -> None:
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {path: count for path, count in lines.items() if count > 320} == {}
