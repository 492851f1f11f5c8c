"""How large values are at most: the scale of a picture of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def strongest(*arrays: NDArray[np.floating[Any]]) -> float:
    """The largest finite magnitude in several arrays; 0 in none.

    >>> strongest(np.array([-2.0, 1.0]), np.array([np.inf]))
    2.0
    """
    finite = (abs(array[np.isfinite(array)].astype(np.float64)) for array in arrays)
    return max((float(values.max(initial=0.0)) for values in finite), default=0.0)
