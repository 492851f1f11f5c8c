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


SMALL_NETS: Final = tuple(path.relative_to(TESTS) for path in sorted(NETS.glob("*.prototxt")))
"""The ten small nets, as `net_at` takes them."""


def net_at(name: Path) -> Path:
    """Where a net is: one of the small ones, or what lies under this name in ``SHARED``."""
    return (TESTS if name in SMALL_NETS else SHARED) / name
