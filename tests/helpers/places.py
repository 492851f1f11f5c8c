"""Where things lie: the checkout, what the tests ship, and data that lies beside the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parents[1]
ROOT: Final = TESTS.parent
PACKAGE: Final = ROOT / "deconvsurgery"
DOCS: Final = ROOT / "docs"

GOLDEN: Final = TESTS / "golden"
LAYOUTS: Final = GOLDEN / "layouts"
"""What a real Caffe made of each layout: nets, models, kernels, outputs."""

SHARED: Final = ROOT.parent / "shared"
"""Real models, nets and golden data beside the checkout; never committed, often not there."""
