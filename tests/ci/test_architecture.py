"""What the import contracts in pyproject.toml cannot say of the package's modules."""

from __future__ import annotations

import ast

from helpers.places import PACKAGE

FILES = sorted(PACKAGE.rglob("*.py"))
# Outside functions: what starts when the command starts must not load these.
MAY_IMPORT_AT_THE_TOP = {
    "numpy": {
        "kernels/*",
        "comparison/compare_values.py",
        "plans/apply/before_and_after.py",
        "plans/apply/plan_types.py",
        "plans/convert/refusals.py",
        "plans/regroup/plan.py",
        "pycaffe.py",
        "report/html/*",
        "report/terminal/*",
    },
    "rich": {"report/*", "report/html/*", "report/terminal/*"},
    "click": {"cli/*"},
    # These modules are themselves imported where a store or a cluster is met.
    "fsspec": {"storage/object_store/s3_ranges.py"},
    "s3fs": {"storage/object_store/s3_ranges.py"},
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
