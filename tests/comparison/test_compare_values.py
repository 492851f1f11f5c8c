"""Where the values of a blob lie, to be compared in place."""

from __future__ import annotations

import deconvsurgery as ds
from deconvsurgery.caffemodel.stored_values import Made, Storage
from deconvsurgery.comparison.compare_values import stretch


def test_values_that_no_file_has_lie_nowhere() -> None:
    assert stretch(ds.SourceBlob((3,), Made(3, Storage.DATA, lambda: iter(())))) is None
