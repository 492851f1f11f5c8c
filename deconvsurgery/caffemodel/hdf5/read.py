"""A ``.caffemodel.h5`` as layers and blobs, like those of a binary model.

``/data/<layer>/<position>`` is a blob (``Net::ToHDF5``); a blob that another layer owns is left
out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from deconvsurgery.caffemodel.model import MAX_UNPACKED, Model, SourceLayer, Version
from deconvsurgery.caffemodel.source_blob import ABSENT, MAX_VALUES, SourceBlob
from deconvsurgery.caffemodel.stored_values import Dataset, DType
from deconvsurgery.caffemodel.wire import decoded
from deconvsurgery.errors import ModelError

from .files import Reading, hdf5_errors, loaded_h5py
from .open_file import DATA, DIFF, OpenFile, key
from .unread_values import apart, left_packed

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.storage.source_interface import Source

_AT_ONCE = 1 << 20  # bytes of values that are written, or read of a file, at a time
_LARGEST_CHUNK = 1 << 28  # bytes, which the library holds whole, however small they are in the file
_POSITION = re.compile("0|[1-9][0-9]{0,2}")
_DEEPEST = 8  # groups in groups: layers whose names have slashes, as Caffe cannot write them


def indexed_hdf5(source: Source, max_unpacked: int = MAX_UNPACKED) -> Model:
    """The layers and blobs of an HDF5 weights file; its values can be read until it is closed.

    Where all values have over ``max_unpacked`` bytes more than the file, those that are compressed,
    or were never written, are not read: a problem of their blobs.

    Raises ``ModelError`` for what is HDF5 but no weights of Caffe's, or damaged.
    """
    library = loaded_h5py()
    with hdf5_errors("cannot be read"):
        opened = library.File(Reading(source), "r")
    try:
        with hdf5_errors("cannot be read"):
            layers = _indexed(OpenFile(library, opened, source.size))
    except BaseException:
        opened.close()
        raise
    values = partial(_values, opened, source.stride)
    model = Model(source, Version.HDF5, layers, values, opened.close)
    if model.unpacked_size - source.size > max_unpacked:
        model = model.with_layers(left_packed(model))
    return model


def _indexed(file: OpenFile) -> tuple[SourceLayer, ...]:
    root = file.file.get(DATA)
    if not file.is_group(root):
        message, hint = _other_kind(file)
        raise ModelError(message, hint=hint)
    layers = apart(tuple(_layers(file, root, (), set())))
    if DIFF not in file.file:
        return layers
    return tuple(_with_diffs(file, layer) for layer in layers)


def _other_kind(opened: OpenFile) -> tuple[str, str]:
    """What an HDF5 file is that has no group of Caffe's, and what to do."""
    file = opened.file
    without = "is an HDF5 file without a group 'data'"
    if "learned_net" in file or "history" in file:
        return (
            without,
            "it is a solver state: use the .caffemodel.h5 that was saved next to it",
        )
    said = {"keras_version", "layer_names", "model_config"} & set(file.attrs)
    if said or "model_weights" in file:
        return (
            "is a Keras model in HDF5, not a Caffe model",
            "convert it to a caffemodel first, with a tool that reads it",
        )
    if opened.is_dataset(file.get(DATA)) and "label" in file:
        return (
            "is data with labels, as an HDF5Data layer reads, not a model",
            "use the .caffemodel, or the .caffemodel.h5",
        )
    return without, "Caffe keeps weights in /data/<layer>/<number>; another program wrote this file"


def _layers(
    file: OpenFile, group: Any, path: tuple[str, ...], seen: set[int]
) -> Iterator[SourceLayer]:
    """Every group that can be a layer; those in groups only where they hold blobs, and once."""
    for raw in group.id:
        here = (*path, decoded(raw))
        inner = file.own(group, raw)
        if not file.is_group(inner):
            if not path:  # the name of a layer, and no place for one
                problem = _LINK if inner is None else "it is not a group, as a layer is"
                blob = SourceBlob(
                    (), Dataset(_path(here)), problem=problem, caffe_may_read=inner is None
                )
                yield SourceLayer(here[0], "", Version.HDF5, (blob,))
            continue
        info = file.library.h5o.get_info(inner.id)
        if path and info.addr in seen:  # a group may hold itself
            continue
        seen.add(info.addr)
        blobs = _blobs(file, inner, here)
        if info.rc > 1:
            shared = f"its layer is one group under {info.rc} names"
            blobs = tuple(
                blob if blob.problem else blob._replace(problem=shared, caffe_may_read=True)
                for blob in blobs
            )
        if blobs or not path:
            yield SourceLayer("/".join(here), "", Version.HDF5, blobs, links=len(inner))
        if len(here) < _DEEPEST:
            yield from _layers(file, inner, here, seen)


def _with_diffs(file: OpenFile, layer: SourceLayer) -> SourceLayer:
    """The layer, of each blob whether it has gradients."""
    blobs = [
        blob._replace(place=blob.place._replace(diff=True))
        if isinstance(blob.place, Dataset)
        and blob.place.path
        and file.has_gradients(blob.place.path)
        else blob
        for blob in layer.blobs
    ]
    return layer._replace(blobs=tuple(blobs))


def _blobs(file: OpenFile, group: Any, layer: tuple[str, ...]) -> tuple[SourceBlob, ...]:
    """The blobs of a layer by position; ``absent`` ones stand where a number is left out."""
    found: dict[int, SourceBlob] = {}
    for raw in group.id:
        name = decoded(raw)
        if not _POSITION.fullmatch(name):
            continue
        dataset = file.own(group, raw)
        if not file.is_group(dataset):
            found[int(name)] = _blob(file, dataset, _path((*layer, name)))
    return tuple(found.get(position, ABSENT) for position in range(max(found, default=-1) + 1))


_LINK = "it is a link, in the file or out of it"


def _path(names: tuple[str, ...]) -> str:
    return "/".join((DATA, *names))


def _blob(file: OpenFile, dataset: Any, path: str) -> SourceBlob:
    if dataset is None:
        return SourceBlob((), Dataset(path), problem=_LINK, caffe_may_read=True)
    if not file.is_dataset(dataset) or dataset.shape is None:
        return SourceBlob((), Dataset(path), problem="it holds no numbers")
    shape, dtype = tuple(dataset.shape), dataset.dtype  # at most 32 axes, as in Caffe
    if problem := _problem(file, dataset):
        # Caffe reads floats of any width (``hdf5_load_nd_dataset``), and wherever they are.
        read = dtype.kind in "fiu"
        return SourceBlob(shape, Dataset(path), problem=problem, caffe_may_read=read)
    whole = dtype.kind != "f"
    read_as = DType.FLOAT32 if whole else DType(f"<f{dtype.itemsize}")
    place = Dataset(path, read_as, prod(shape), whole, width=dtype.itemsize)
    start = None if dataset.chunks else dataset.id.get_offset()
    if start is None or dataset.id.get_type() != file.library.h5t.py_create(dtype):
        return SourceBlob(shape, place)  # such as bfloat16, which numpy does not have
    if start + place.size <= file.size:
        place = place._replace(start=start, stored=dtype.str)
    return SourceBlob(shape, place)


def _problem(file: OpenFile, dataset: Any) -> str | None:
    """Why the values of a dataset are not read."""
    dtype, count = dataset.dtype, prod(dataset.shape)
    if dtype.kind not in "fiu" or dtype.itemsize not in (1, 2, 4, 8):
        return f"its values are of type {dtype}, which Caffe does not read"
    if dataset.is_virtual or dataset.external:
        return "its values are in another file"
    if count > MAX_VALUES:
        return f"it has {count:,} values, where Caffe counts up to {MAX_VALUES:,}"
    chunk = prod(dataset.chunks or ()) * dtype.itemsize
    if chunk > _LARGEST_CHUNK:
        return f"its chunks have {chunk:,} bytes each, and are read whole; write smaller ones"
    if foreign := _foreign_filters(file.library, dataset):
        return (
            f"its values need the filter {', '.join(map(str, foreign))}, which HDF5 has only by a "
            "plugin: none is looked for"
        )
    if (names := file.names_of(dataset)) > 1:
        return f"it is one dataset under {names} names"
    return None


def _foreign_filters(library: Any, dataset: Any) -> list[int]:
    """The numbers of filters that the library would look for in a folder of plugins, and load."""
    if not dataset.chunks:
        return []
    own = {
        library.h5z.FILTER_DEFLATE: "gzip",
        library.h5z.FILTER_SHUFFLE: "shuffle",
        library.h5z.FILTER_FLETCHER32: "fletcher32",
        library.h5z.FILTER_SZIP: "szip",
        library.h5z.FILTER_SCALEOFFSET: "scaleoffset",
        library.h5z.FILTER_LZF: "lzf",
    }
    there = {number for number, name in own.items() if name in library.filters.decode}
    there.add(library.h5z.FILTER_NBIT)
    created = dataset.id.get_create_plist()
    numbers = [created.get_filter(at)[0] for at in range(min(created.get_nfilters(), 32))]
    return [number for number in dict.fromkeys(numbers) if number not in there]


def _values(file: Any, at_once: int, blob: SourceBlob) -> Iterator[Array]:
    """A blob's values in order, in flat arrays of about so many bytes."""
    import numpy as np

    assert isinstance(blob.place, Dataset)
    if not blob.count:
        return
    with hdf5_errors(f"{blob.place.path} cannot be read"):
        typed = file[key(blob.place.path)].astype(blob.place.dtype)
        for place, _ in pieces(blob.shape, blob.dtype.width, at_once):
            yield np.asarray(typed[place], blob.place.dtype).reshape(-1)


def pieces(
    shape: tuple[int, ...], width: int, at_once: int = _AT_ONCE
) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Where the pieces of about so many bytes are that make up an array, and what shape each has.

    >>> [place for place, _ in pieces((1, 3, 1 << 17), 4)]
    [(0, slice(0, 2, None)), (0, slice(2, 3, None))]
    """
    if not shape:
        yield (), ()
        return
    axis, rest = 0, shape[1:]
    while prod(rest) * width > at_once:
        axis, rest = axis + 1, rest[1:]
    batch = max(1, at_once // (prod(rest) * width))
    for outer in product(*map(range, shape[:axis])):
        for first in range(0, shape[axis], batch):
            last = min(first + batch, shape[axis])
            yield (*outer, slice(first, last)), (last - first, *rest)
