"""What weights are held in: arrays of floating-point numbers.

numpy is imported when one of these names is looked at. A module that must not import it writes
``arrays.Array`` in its annotations, which are looked at by whoever wants to know the types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    import numpy as np
    from numpy.typing import DTypeLike as DTypeLike
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.floating[Any]]
    Arrays: TypeAlias = Iterator[Array]
    DType: TypeAlias = np.dtype[Any]
else:

    def __getattr__(name: str) -> object:
        if name not in ("Array", "Arrays", "DType", "DTypeLike"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from collections.abc import Iterator
        from typing import Any

        import numpy as np
        from numpy.typing import DTypeLike, NDArray

        array = NDArray[np.floating[Any]]
        globals().update(
            Array=array, Arrays=Iterator[array], DType=np.dtype[Any], DTypeLike=DTypeLike
        )
        return globals()[name]
