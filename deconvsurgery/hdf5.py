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
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from .errors import FormatError, ModelError
from .model import ABSENT, MAX_AXES, Dataset, Model, SourceBlob, SourceLayer, Version, regrouped
from .wire import ByteSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

DATA = "/data"
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
        if count:
            view[:count] = self.source.read(self.position, count)
        view[count:] = bytes(len(view) - count)
        self.position += len(view)
        return len(view)


class _Writing(io.RawIOBase):
    """A descriptor, open to read and to write, as a file.

    The first failure is kept for ``finish``, and what comes after it is dropped: the HDF5 library
    goes on calling after one, and Python code that runs with an exception pending fails oddly.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.position = 0
        self.failure: BaseException | None = None

    def finish(self) -> None:
        """Raise what failed, and touch the descriptor no more.

        The library cannot close some damaged files, and goes on to write to them when it ends.
        """
        self.fd = -1
        if self.failure is not None:
            raise self.failure

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self._size()}
        self.position = start[whence] + offset
        return self.position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        with self._kept():
            while done < len(view) and self.position + done < self._size():
                data = os.pread(self.fd, len(view) - done, self.position + done)
                view[done : done + len(data)] = data
                done += len(data)
        view[done:] = bytes(len(view) - done)
        self.position += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        with self._kept():
            while done < len(view) and self.failure is None:
                done += os.pwrite(self.fd, view[done:], self.position + done)
        self.position += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        size = self.position if size is None else size
        with self._kept():
            os.ftruncate(self.fd, size)
        return size

    def flush(self) -> None:
        """Nothing waits here."""

    def _size(self) -> int:
        with self._kept():
            return os.fstat(self.fd).st_size
        return 0

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OverflowError:  # a place beyond what a file can have
            self.failure = self.failure or ModelError("cannot be written: it is damaged")
        except BaseException as error:
            self.failure = self.failure or error


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
            layers = tuple(_layers(library, root, (), set(), source.size))
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
    library: Any, group: Any, path: tuple[str, ...], seen: set[int], size: int
) -> Iterator[SourceLayer]:
    """Every group that can be a layer; those in groups only where they hold blobs, and once."""
    for raw in group.id:
        here = (*path, raw.decode("utf-8", "surrogateescape"))
        inner = _own(library, group, raw)
        if not isinstance(inner, library.Group):
            if not path:  # the name of a layer, and no place for one
                problem = _LINK if inner is None else "it is no group, as a layer is"
                blob = SourceBlob((), Dataset(_path(here)), problem=problem)
                yield SourceLayer(here[0], "", Version.HDF5, (blob,))
            continue
        info = library.h5o.get_info(inner.id)
        if path and info.addr in seen:  # a group may hold itself
            continue
        seen.add(info.addr)
        blobs = _blobs(library, inner, here, size)
        if info.rc > 1:
            shared = f"its layer is one group under {info.rc} names"
            blobs = tuple(replace(blob, problem=blob.problem or shared) for blob in blobs)
        if blobs or not path:
            yield SourceLayer("/".join(here), "", Version.HDF5, blobs)
        if len(here) < _DEEPEST:
            yield from _layers(library, inner, here, seen, size)


def _blobs(library: Any, group: Any, layer: tuple[str, ...], size: int) -> tuple[SourceBlob, ...]:
    """The blobs of a layer by position; ``absent`` ones stand where a number is left out."""
    found: dict[int, SourceBlob] = {}
    for raw in group.id:
        name = raw.decode("utf-8", "surrogateescape")
        if not _POSITION.fullmatch(name):
            continue
        dataset = _own(library, group, raw)
        if not isinstance(dataset, library.Group):
            found[int(name)] = _blob(library, dataset, _path((*layer, name)), size)
    return tuple(found.get(position, ABSENT) for position in range(max(found, default=-1) + 1))


_LINK = "it is a link, in the file or out of it"


def _own(library: Any, group: Any, raw: bytes) -> Any:
    """What a group holds itself by this name; ``None`` for a link, which may lead nowhere."""
    hard = group.id.links.get_info(raw).type == library.h5l.TYPE_HARD
    return group[raw] if hard else None


def _path(names: tuple[str, ...]) -> str:
    return "/".join((DATA, *names))


def _found(library: Any, file: Any, path: str) -> Any:
    """What is at a path, if anything; h5py's own ``in`` and ``get`` want it to be UTF-8."""
    found = file
    for raw in path.encode("utf-8", "surrogateescape").strip(b"/").split(b"/"):
        if not isinstance(found, library.Group) or not found.id.links.exists(raw):
            return None
        found = found[raw]
    return found


def _key(path: str) -> str | bytes:
    """A path as h5py takes it: as bytes where they are no UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogateescape")
    return path


def _blob(library: Any, dataset: Any, path: str, size: int) -> SourceBlob:
    if dataset is None:
        return SourceBlob((), Dataset(path), problem=_LINK)
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
    place = Dataset(path, "<f4" if whole else f"<f{dtype.itemsize}", prod(shape), whole)
    start = None if dataset.chunks else dataset.id.get_offset()
    if start is None or dataset.id.get_type() != library.h5t.py_create(dtype):
        return SourceBlob(shape, place)  # such as bfloat16, which numpy does not have
    if start + place.count * dtype.itemsize <= size:
        place = replace(place, start=start, stored=dtype.str)
    return SourceBlob(shape, place)


def _values(file: Any, blob: SourceBlob) -> Iterator[Array]:
    """A blob's values in order, in flat arrays of about a megabyte."""
    import numpy as np

    assert isinstance(blob.place, Dataset)
    if not blob.count:
        return
    with _told(f"{blob.place.path} cannot be read"):
        typed = file[_key(blob.place.path)].astype(blob.place.dtype)
        for place, _ in _pieces(blob.shape, np.dtype(blob.place.dtype).itemsize):
            yield np.asarray(typed[place], blob.place.dtype).reshape(-1)


def _pieces(shape: tuple[int, ...], width: int) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Where the pieces of about a megabyte are that make up an array, and what shape each has.

    >>> [place for place, _ in _pieces((1, 3, 1 << 17), 4)]
    [(0, slice(0, 2, None)), (0, slice(2, 3, None))]
    """
    if not shape:
        yield (), ()
        return
    axis, rest = 0, shape[1:]
    while prod(rest) * width > _AT_ONCE:
        axis, rest = axis + 1, rest[1:]
    batch = max(1, _AT_ONCE // (prod(rest) * width))
    for outer in product(*map(range, shape[:axis])):
        for first in range(0, shape[axis], batch):
            last = min(first + batch, shape[axis])
            yield (*outer, slice(first, last)), (last - first, *rest)


# ── writing ──


@dataclass(frozen=True, slots=True)
class NewValues:
    """A dataset that comes, or whose values do: its path, shape and type; values when written.

    ``start`` and ``stored`` are those of the `Dataset` whose values they replace, if any.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    values: Callable[[], Iterator[Array]]
    start: int | None = None
    stored: str = ""

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return prod(self.shape) * int(self.dtype[-1])

    def batches(self) -> Iterator[Array]:
        """The values in flat arrays of about a megabyte."""
        least = _AT_ONCE // int(self.dtype[-1])
        return regrouped((each.reshape(-1) for each in self.values()), 1, least)


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

    @property
    def settled(self) -> bool:
        """It changes bytes only, and none of their places: the file's size stays."""
        return not (self.new or self.groups) and all(e.start is not None for e in self.values)

    def carry_out(self, fd: int) -> None:
        """Change the HDF5 file behind ``fd``, or begin one there as Caffe would (``Net::ToHDF5``).

        A dataset that is there keeps its place and type, one that is not is made; everything
        else stays where it is. Values that lie in one stretch are replaced without the library,
        which writes to more places than that and may end the process over a damaged file.
        """
        for each in self.values:
            if each.start is not None:
                _overwrite(fd, each, each.start)
        if self.settled:
            return
        library = loaded_h5py()
        mode = {"mode": "w", "libver": "earliest"} if self.new else {"mode": "r+"}
        target = _Writing(fd)
        try:
            with _told("cannot be written"), library.File(target, **mode) as file:
                others = [each for each in self.values if each.start is None]
                _fill(library, file, self.groups, others)
        finally:
            target.finish()


def _overwrite(fd: int, values: NewValues, start: int) -> None:
    for several in values.batches():
        view = memoryview(several.astype(values.stored).tobytes())
        while view:
            written = os.pwrite(fd, view, start)
            view, start = view[written:], start + written


def _fill(library: Any, file: Any, groups: Iterable[str], values: Iterable[NewValues]) -> None:
    for name in groups:
        _group(library, file, name)
    for each in values:
        dataset = _found(library, file, each.path)
        attributes: dict[str, Any] = {}
        if isinstance(dataset, library.Dataset) and dataset.shape != each.shape:
            attributes = dict(dataset.attrs)  # HDF5 cannot give a dataset another shape
            del file[each.path]
            dataset = None
        if dataset is None:
            # No times in it: the same input makes the same bytes.
            layer, position = each.path.rsplit("/", 1)
            dataset = _group(library, file, layer).create_dataset(
                position, each.shape, each.dtype, track_times=False, fillvalue=None
            )
            dataset.attrs.update(attributes)
        elif not isinstance(dataset, library.Dataset):
            raise ModelError(f"{each.path} is a group, where a blob's values should be")
        _put(dataset, each)


def _group(library: Any, file: Any, path: str) -> Any:
    found = _found(library, file, path)
    return file.create_group(_key(path)) if found is None else found


def _put(dataset: Any, values: NewValues) -> None:
    import numpy as np

    if not values.size:
        return
    batches = values.batches()
    waiting: Array = np.empty(0, values.dtype)
    for place, shape in _pieces(values.shape, int(values.dtype[-1])):
        count = prod(shape)
        while waiting.size < count:
            waiting = np.concatenate([waiting, next(batches)])
        dataset[place] = waiting[:count].reshape(shape)
        waiting = waiting[count:]
