"""New values and groups put into an HDF5 file, or into a new one as Caffe would write it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from deconvsurgery.caffemodel.value_rows import regrouped
from deconvsurgery.errors import ModelError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.signals.held import held_signals
from deconvsurgery.storage.differing_ranges import compared
from deconvsurgery.storage.outcome import Undoing, amend_copy

from .files import Writing, hdf5_errors, loaded_h5py
from .move_layers import move_layers
from .open_file import OpenFile, diff_path, key
from .read import pieces

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.stored_values import DType
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.splicing.byte_ranges import Kept
    from deconvsurgery.storage.copy_bytes import FileSink, Sink
    from deconvsurgery.storage.source_interface import Source


class NewValues(NamedTuple):
    """A dataset that comes, or whose values do: its path, shape and type; values when written.

    ``kept`` is where the source has the values byte by byte as they will be, if it does.
    """

    path: str
    shape: tuple[int, ...]
    dtype: DType
    values: Callable[[], Iterator[Array]]
    kept: tuple[Kept, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return prod(self.shape) * self.dtype.width


class Amendment(NamedTuple):
    """Groups that must be there and values that come, in a copy of a file or a ``new`` one.

    First of all layers go that are ``removed``, and those that are ``moved`` get other paths, with
    their gradients.
    """

    groups: tuple[str, ...]
    values: tuple[NewValues, ...]
    new: bool = False
    removed: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()

    @property
    def changed(self) -> bool:
        """It is something else than the source."""
        return True

    @property
    def rewritten(self) -> int:
        """Bytes of the values."""
        return sum(each.size for each in self.values)

    def size(self, _before: int) -> None:
        """Known only when the HDF5 library has written the file."""

    def fill(self, sink: Sink, source: Source) -> None:
        """Write the whole new file."""
        amend_copy(sink, source, partial(self.carry_out, source=source), copied=not self.new)

    def undoing(self, source: Source, changed: Source) -> Undoing:
        """What makes ``source`` of the ``changed`` file again, which only a comparison finds."""
        return compared(source, changed)

    def carry_out(self, sink: FileSink, source: Source) -> None:
        """Change the HDF5 file in ``sink``, or begin one there as Caffe would (``Net::ToHDF5``).

        A dataset that is there keeps its place and type, one that is not is made; everything
        else stays where it is. What ``source`` has of new datasets is copied in the end, into the
        places that the library has given them.
        """
        library = loaded_h5py()
        mode = {"mode": "w", "libver": "earliest"} if self.new else {"mode": "r+"}
        with held_signals() as let_in:
            # The places of what is copied later are still gaps when the library has gone past them.
            copying = any(new.kept for new in self.values)
            target = Writing(sink.fd) if copying else Writing(sink.fd, sink.reached)
            try:
                with hdf5_errors("cannot be written"), library.File(target, **mode) as file:
                    opened = OpenFile(library, file)
                    move_layers(opened, self.removed, self.moved)
                    copies = _fill(opened, self.groups, self.values, let_in)
            finally:
                target.finish()
        for start, kept in sorted(copies):
            sink.seek(start)
            for part in kept:
                sink.copy(source, part.start, part.stop)


def _fill(
    file: OpenFile,
    groups: Iterable[str],
    values: Iterable[NewValues],
    let_in: Callable[[], None],
) -> list[tuple[int, tuple[Kept, ...]]]:
    """Returns what is to be copied when the file is closed, and where it begins there."""
    for name in groups:
        file.group(name)
    copies = []
    for new in values:
        let_in()
        dataset = file.at(new.path)
        attributes: dict[str, Any] = {}
        if file.is_dataset(dataset) and dataset.shape != new.shape:
            attributes = dict(dataset.attrs)  # HDF5 cannot give a dataset another shape
            del file.file[key(new.path)]
            dataset = None
            if file.has_gradients(new.path):
                del file.file[key(diff_path(new.path))]
        made = dataset is None
        if made:
            # No times in it: the same input makes the same bytes.
            layer, position = new.path.rsplit("/", 1)
            dataset = file.group(layer).create_dataset(
                position, new.shape, new.dtype, track_times=False, fillvalue=None
            )
            dataset.attrs.update(attributes)
        elif not file.is_dataset(dataset):
            raise ModelError(f"{new.path} is a group, where a blob's values should be")
        start = _place(dataset) if made and new.kept else None
        if start is None:
            _put(dataset, new, let_in)
        else:
            copies.append((start, new.kept))
    return copies


def _place(dataset: Any) -> int | None:
    """Where the values of a new dataset begin in the file; ``None`` if they have no such place.

    The library gives it to them when it writes the first, whichever that is.
    """
    dataset[(0,) * len(dataset.shape)] = 0
    start: int | None = dataset.id.get_offset()
    return start


def _put(dataset: Any, values: NewValues, let_in: Callable[[], None]) -> None:
    """Write the values, about a megabyte of them at a time."""
    if not values.size:
        return
    places = list(pieces(values.shape, values.dtype.width))
    flat = (array.reshape(-1) for array in values.values())
    arrays = regrouped(flat, (prod(shape) for _, shape in places))
    for (place, shape), array in zip(places, arrays, strict=True):
        let_in()
        dataset[place] = array.reshape(shape)
