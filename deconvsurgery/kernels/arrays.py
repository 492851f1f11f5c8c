"""What weights are held in: arrays of floating-point numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Arrays: TypeAlias = Iterator[Array]
