"""New values and groups put into an HDF5 file, or into a new one as Caffe would write it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from deconvsurgery.caffemodel.stored_values import DType
from deconvsurgery.errors import ModelError
from deconvsurgery.signals.held import held_signals
from deconvsurgery.storage.copy_bytes import Sink
from deconvsurgery.storage.outcome import Undoing, amend_copy, compared
from deconvsurgery.storage.source_interface import Source

from .files import (
    Writing,
    key,
    loaded_h5py,
    told,
)
from .read import diff_path, has_gradients, pieces

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array


class NewValues(NamedTuple):
    """A dataset that comes, or whose values do: its path, shape and type; values when written."""

    path: str
    shape: tuple[int, ...]
    dtype: DType
    values: Callable[[], Iterator[Array]]

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return prod(self.shape) * self.dtype.width


class Amendment(NamedTuple):
    """Groups that must be there and values that come, in a copy of a file or a ``new`` one."""

    groups: tuple[str, ...]
    values: tuple[NewValues, ...]
    new: bool = False

    @property
    def changed(self) -> bool:
        """It is something else than the source."""
        return True

    @property
    def rewritten(self) -> int:
        """Bytes of the values."""
        return sum(each.size for each in self.values)

    def size(self, _before: int) -> None:
        """Only the HDF5 library could tell, when it has written the file."""

    def fill(self, sink: Sink, source: Source) -> None:
        """Write the whole new file."""
        amend_copy(sink, source, self.carry_out, copied=not self.new)

    def undoing(self, source: Source, changed: Source) -> Undoing:
        """What makes ``source`` of the ``changed`` file again, which only a comparison tells."""
        return compared(source, changed)

    def carry_out(self, fd: int) -> None:
        """Change the HDF5 file behind ``fd``, or begin one there as Caffe would (``Net::ToHDF5``).

        A dataset that is there keeps its place and type, one that is not is made; everything
        else stays where it is.
        """
        library = loaded_h5py()
        mode = {"mode": "w", "libver": "earliest"} if self.new else {"mode": "r+"}
        with held_signals() as let_in:
            target = Writing(fd)
            try:
                with told("cannot be written"), library.File(target, **mode) as file:
                    _fill(library, file, self.groups, self.values, let_in)
            finally:
                target.finish()


def _fill(
    library: Any,
    file: Any,
    groups: Iterable[str],
    values: Iterable[NewValues],
    let_in: Callable[[], None],
) -> None:
    for name in groups:
        _group(library, file, name)
    for each in values:
        dataset = _found(library, file, each.path)
        attributes: dict[str, Any] = {}
        if isinstance(dataset, library.Dataset) and dataset.shape != each.shape:
            attributes = dict(dataset.attrs)  # HDF5 cannot give a dataset another shape
            del file[key(each.path)]
            dataset = None
            if has_gradients(library, file, each.path):
                del file[key(diff_path(each.path))]
        if dataset is None:
            # No times in it: the same input makes the same bytes.
            layer, position = each.path.rsplit("/", 1)
            dataset = _group(library, file, layer).create_dataset(
                position, each.shape, each.dtype, track_times=False, fillvalue=None
            )
            dataset.attrs.update(attributes)
        elif not isinstance(dataset, library.Dataset):
            raise ModelError(f"{each.path} is a group, where a blob's values should be")
        _put(dataset, each, let_in)


def _group(library: Any, file: Any, path: str) -> Any:
    found = _found(library, file, path)
    return file.create_group(key(path)) if found is None else found


def _put(dataset: Any, values: NewValues, let_in: Callable[[], None]) -> None:
    """Write the values, about a megabyte of them at a time."""
    import numpy as np

    if not values.size:
        return
    arrays = (each.reshape(-1) for each in values.values())
    waiting: list[Array] = []
    held = 0
    for place, shape in pieces(values.shape, values.dtype.width):
        let_in()
        count = prod(shape)
        while held < count:
            waiting.append(next(arrays))
            held += waiting[-1].size
        flat = np.concatenate(waiting)
        dataset[place] = flat[:count].reshape(shape)
        held -= count
        waiting = [flat[count:]]


def _found(library: Any, file: Any, path: str) -> Any:
    """What is at a path, if anything; h5py's own ``in`` and ``get`` want it to be UTF-8."""
    found = file
    for raw in path.encode("utf-8", "surrogateescape").strip(b"/").split(b"/"):
        if not isinstance(found, library.Group) or not found.id.links.exists(raw):
            return None
        found = found[raw]
    return found
