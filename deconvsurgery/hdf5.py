"""A ``.caffemodel.h5``: the same view of its layers and blobs, and new values put into it.

``/data/<layer>/<position>`` is a blob (``Net::ToHDF5``); a blob that another layer owns is left
out. h5py reads and writes through our own descriptors. Never here: paths, a decision.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from .errors import FormatError, ModelError
from .model import ABSENT, MAX_AXES, Dataset, Model, SourceBlob, SourceLayer, Version, regrouped
from .wire import ByteSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

DATA = "data"
_AT_ONCE = 1 << 20  # bytes of values read or written at a time
_POSITION = re.compile("0|[1-9][0-9]{0,2}")
_DEEPEST = 8  # groups in groups: layers whose names have slashes, as Caffe cannot write them


def loaded_h5py() -> Any:
    """The library, which is an extra; ``FormatError`` says how to get it."""
    try:
        import h5py as library
    except ImportError:
        raise FormatError(
            "HDF5 weights need h5py, which is not installed",
            hint="pip install 'deconvsurgery[hdf5]'",
        ) from None
    return library


def can_be_a_group(name: str) -> bool:
    """A layer of this name can be saved and found: Caffe takes no path for a name."""
    return bool(name) and name != "." and "/" not in name and "\0" not in name


# ── files as h5py wants them ──


class _Reading(io.RawIOBase):
    """A source of bytes as a file to read."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.source.size}
        self.position = start[whence] + offset
        return self.position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; what lies beyond the end reads as zeros, as in h5py's own drivers."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.source.size - self.position))
        view[:count] = self.source.read(self.position, count)
        view[count:] = bytes(len(view) - count)
        self.position += len(view)
        return len(view)


class _Writing(io.RawIOBase):
    """A descriptor, open to read and to write, as a file."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.position = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: os.fstat(self.fd).st_size}
        self.position = start[whence] + offset
        return self.position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view):
            data = os.pread(self.fd, len(view) - done, self.position + done)
            if not data:
                view[done:] = bytes(len(view) - done)
                break
            view[done : done + len(data)] = data
            done += len(data)
        self.position += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            done += os.pwrite(self.fd, view[done:], self.position + done)
        self.position += done
        return done

    def truncate(self, size: int | None = None) -> int:
        size = self.position if size is None else size
        os.ftruncate(self.fd, size)
        return size


# ── reading ──


@contextmanager
def indexed_hdf5(source: ByteSource) -> Iterator[Model]:
    """The layers and blobs of an HDF5 weights file; its values can be read until it is left.

    Raises ``ModelError`` for what is HDF5 but no weights of Caffe's, or damaged.
    """
    library = loaded_h5py()
    with _told("cannot be read"):
        file = library.File(_Reading(source), "r")
    with file:
        with _told("cannot be read"):
            root = file.get(DATA)
            if not isinstance(root, library.Group):
                raise ModelError("is an HDF5 file without a group 'data'", hint=_other_kind(file))
            layers = tuple(_layers(library, root, (), set()))
        yield Model(source, Version.HDF5, layers, partial(_values, file))


def _other_kind(file: Any) -> str:
    if "learned_net" in file or "history" in file:
        return "it is a solver state: use the .caffemodel.h5 that was saved next to it"
    return "Caffe keeps weights in /data/<layer>/<number>; another program wrote this file"


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The HDF5 library's complaints about the file's content, as an error about the model."""
    try:
        yield
    except (RuntimeError, KeyError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the operating system's, not the library's
        words = str(error).strip("'\"")
        raise ModelError(
            f"{what}: the HDF5 library says: {words[:300]}",
            hint="the file is damaged, or needs a filter that is not installed; fetch it again",
        ) from error


def _layers(
    library: Any, group: Any, path: tuple[str, ...], seen: set[int]
) -> Iterator[SourceLayer]:
    """Every group that can be a layer; those in groups only where they hold blobs, and once."""
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, library.HardLink):
            continue
        inner, here = group[name], (*path, name)
        if not isinstance(inner, library.Group):
            continue
        address = library.h5o.get_info(inner.id).addr
        if path and address in seen:  # a group may hold itself
            continue
        seen.add(address)
        blobs = _blobs(library, inner)
        if blobs or not path:
            yield SourceLayer("/".join(here), "", Version.HDF5, blobs)
        if len(here) < _DEEPEST:
            yield from _layers(library, inner, here, seen)


def _blobs(library: Any, group: Any) -> tuple[SourceBlob, ...]:
    """The blobs of a layer by position; ``absent`` ones stand where a number is left out."""
    found: dict[int, SourceBlob] = {}
    for name in group:
        if _POSITION.fullmatch(name) and group.get(name, getclass=True) is not library.Group:
            found[int(name)] = _blob(library, group, name)
    return tuple(found.get(position, ABSENT) for position in range(max(found, default=-1) + 1))


def _blob(library: Any, group: Any, name: str) -> SourceBlob:
    path = f"{group.name}/{name}"
    link = group.get(name, getlink=True)
    if not isinstance(link, library.HardLink):
        return SourceBlob((), Dataset(path), problem="it is a link, in the file or out of it")
    dataset = group[name]
    if not isinstance(dataset, library.Dataset) or dataset.shape is None:
        return SourceBlob((), Dataset(path), problem="it holds no numbers")
    shape, dtype = tuple(dataset.shape), dataset.dtype
    if len(shape) > MAX_AXES:
        raise ModelError(f"blob {path} has more than {MAX_AXES} axes")
    problem = None
    if dtype.kind not in "fiu" or dtype.itemsize not in (1, 2, 4, 8):
        problem = f"its values are of type {dtype}, which Caffe does not read"
    elif dataset.is_virtual or dataset.external:
        problem = "its values are in another file"
    elif (names := library.h5o.get_info(dataset.id).rc) > 1:
        problem = f"it is one dataset under {names} names"
    if problem:
        return SourceBlob(shape, Dataset(path), problem=problem)
    whole = dtype.kind != "f"
    read_as = "<f4" if whole else f"<f{dtype.itemsize}"
    return SourceBlob(shape, Dataset(path, read_as, prod(shape), whole, _start(library, dataset)))


def _start(library: Any, dataset: Any) -> int | None:
    """Where the values stand in the file one behind the other, as Caffe writes them."""
    plain = (library.h5t.IEEE_F32LE, library.h5t.IEEE_F64LE)
    if dataset.id.get_type() not in plain:
        return None
    offset: int | None = dataset.id.get_offset()  # None: in chunks, in the header, or nowhere
    return offset


def _values(file: Any, blob: SourceBlob) -> Iterator[Array]:
    """A blob's values in order, in flat arrays of about a megabyte."""
    import numpy as np

    assert isinstance(blob.place, Dataset)
    if not blob.count:
        return
    with _told(f"{blob.place.path} cannot be read"):
        typed = file[blob.place.path].astype(blob.place.dtype)
        if not blob.shape:
            yield np.asarray(typed[()], blob.place.dtype).reshape(1)
            return
        batch = max(1, _AT_ONCE // (prod(blob.shape[1:]) * np.dtype(blob.place.dtype).itemsize))
        for first in range(0, blob.shape[0], batch):
            yield typed[first : first + batch].reshape(-1)


# ── writing ──


@dataclass(frozen=True, slots=True)
class NewValues:
    """A dataset that comes, or whose values do: its path, shape and type; values when written."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    values: Callable[[], Iterator[Array]]

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return prod(self.shape) * int(self.dtype[-1])


@dataclass(frozen=True, slots=True)
class Amendment:
    """Groups that must be there and values that come, in a copy of a file or a ``new`` one."""

    groups: tuple[str, ...]
    values: tuple[NewValues, ...]
    new: bool = False

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return sum(each.size for each in self.values)

    def carry_out(self, fd: int) -> None:
        """Change the HDF5 file behind ``fd``, or begin one there as Caffe would (``Net::ToHDF5``).

        A dataset that is there keeps its place and type, one that is not is made; everything
        else stays where it is.
        """
        library = loaded_h5py()
        mode = {"mode": "w", "libver": "earliest"} if self.new else {"mode": "r+"}
        with _told("cannot be written"), library.File(_Writing(fd), **mode) as file:
            _fill(file, self.groups, self.values)


def _fill(file: Any, groups: Iterable[str], values: Iterable[NewValues]) -> None:
    for name in groups:
        file.require_group(name)
    for each in values:
        dataset = file.get(each.path)
        if dataset is None:
            # No times in it: the same input makes the same bytes.
            dataset = file.create_dataset(
                each.path, each.shape, each.dtype, track_times=False, fillvalue=None
            )
        _put(dataset, each)


def _put(dataset: Any, values: NewValues) -> None:
    """Write the values, about a megabyte of them at a time."""
    if not values.shape:
        (dataset[()],) = next(values.values())
        return
    row, first = prod(values.shape[1:]), 0
    least = max(1, _AT_ONCE // max(1, row * int(values.dtype[-1])))
    for several in regrouped((each.reshape(-1) for each in values.values()), row, least):
        count = several.size // row
        dataset[first : first + count] = several.reshape(count, *values.shape[1:])
        first += count
