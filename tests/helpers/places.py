"""Where things lie: the checkout, what the tests ship, and data that lies beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parents[1]
ROOT: Final = TESTS.parent
PACKAGE: Final = ROOT / "deconvsurgery"
DOCS: Final = ROOT / "docs"

GOLDEN: Final = TESTS / "golden"
LAYOUTS: Final = GOLDEN / "layouts"
"""What a real Caffe made of each layout: nets, models, kernels, outputs."""

NETS: Final = GOLDEN / "nets"
"""Ten small nets, and what a real Caffe made of them."""

SHARED: Final = Path(os.environ.get("DECONVSURGERY_SHARED", ROOT.parent / "shared"))
"""Real models, nets and golden data beside the checkout; never committed, often not there."""

WITH_SHARED: Final = GOLDEN / "tests-with-shared.txt"
"""How many more tests there are with them, about."""


def net_files() -> list[Path]:
    """The ten small nets, and where they are at hand the published ones."""
    return [*sorted(NETS.glob("*.prototxt")), *sorted(SHARED.glob("nets/*/*.prototxt"))]


def net_id(path: Path) -> str:
    """The name of one of these nets in a test's name: ``golden/nets/…`` or ``nets/…``."""
    here = path.is_relative_to(NETS)
    return str(path.relative_to(TESTS if here else SHARED))
