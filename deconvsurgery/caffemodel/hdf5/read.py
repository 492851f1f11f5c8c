"""A ``.caffemodel.h5`` as layers and blobs, like those of a binary model.

``/data/<layer>/<position>`` is a blob (``Net::ToHDF5``); a blob that another layer owns is left
out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from deconvsurgery.caffemodel.model import (
    ABSENT,
    MAX_UNPACKED,
    MAX_VALUES,
    Model,
    SourceBlob,
    SourceLayer,
    Version,
)
from deconvsurgery.caffemodel.stored_values import Dataset, DType
from deconvsurgery.caffemodel.wire import ByteSource
from deconvsurgery.errors import ModelError

from .files import (
    Reading,
    key,
    loaded_h5py,
    told,
)

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array

DATA, DIFF = "/data", "/diff"
_AT_ONCE = 1 << 20  # bytes of values read at a time
_LARGEST_CHUNK = 1 << 28  # bytes, which the library holds whole, however small they are in the file
_POSITION = re.compile("0|[1-9][0-9]{0,2}")
_DEEPEST = 8  # groups in groups: layers whose names have slashes, as Caffe cannot write them


def can_be_a_group(name: str) -> bool:
    """A layer of this name can be saved and found: Caffe takes no path for a name."""
    return bool(name) and name != "." and "/" not in name and "\0" not in name


@contextmanager
def indexed_hdf5(source: ByteSource, max_unpacked: int = MAX_UNPACKED) -> Iterator[Model]:
    """The layers and blobs of an HDF5 weights file; its values can be read until it is left.

    Where all values have over ``max_unpacked`` bytes more than the file, those that are compressed,
    or were never written, are not read: a problem of their blobs.

    Raises ``ModelError`` for what is HDF5 but no weights of Caffe's, or damaged.
    """
    library = loaded_h5py()
    with told("cannot be read"):
        file = library.File(Reading(source), "r")
    with file:
        with told("cannot be read"):
            root = file.get(DATA)
            if not isinstance(root, library.Group):
                message, hint = _other_kind(library, file)
                raise ModelError(message, hint=hint)
            layers = _apart(tuple(_layers(library, root, (), set(), source.size)))
            if DIFF in file:
                layers = tuple(_with_diffs(library, file, layer) for layer in layers)
        model = Model(source, Version.HDF5, layers, partial(_values, file))
        if model.unpacked_size - source.size > max_unpacked:
            model = model.with_layers(_left_packed(model))
        yield model


def _left_packed(model: Model) -> tuple[SourceLayer, ...]:
    """The layers, with a problem where values do not lie in the file as they are.

    Chunks that were never written take no bytes in a file, and zeros compress a thousandfold: a
    file of 3 kB may promise terabytes.
    """
    problem = (
        f"the file has {model.source.size:,} bytes and unpacks to {model.unpacked_size:,}; "
        f"`convert --max-unpacked {model.unpacked_size}` unpacks it all the same"
    )
    return tuple(
        layer._replace(
            blobs=tuple(
                blob._replace(problem=problem, packed=True) if _is_packed(blob) else blob
                for blob in layer.blobs
            ),
        )
        for layer in model.layers
    )


def _is_packed(blob: SourceBlob) -> bool:
    """Its values do not lie in the file as they are read."""
    lies = not isinstance(blob.place, Dataset) or blob.place.start is not None
    return blob.count > 0 and not lies and blob.problem is None


def _other_kind(library: Any, file: Any) -> tuple[str, str]:
    """What an HDF5 file is that has no group of Caffe's, and what to do."""
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
    if isinstance(file.get(DATA), library.Dataset) and "label" in file:
        return (
            "is data with labels, as an HDF5Data layer reads, not a model",
            "use the .caffemodel, or the .caffemodel.h5",
        )
    return without, "Caffe keeps weights in /data/<layer>/<number>; another program wrote this file"


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
            blobs = tuple(blob._replace(problem=blob.problem or shared) for blob in blobs)
        if blobs or not path:
            yield SourceLayer("/".join(here), "", Version.HDF5, blobs)
        if len(here) < _DEEPEST:
            yield from _layers(library, inner, here, seen, size)


def _apart(layers: tuple[SourceLayer, ...]) -> tuple[SourceLayer, ...]:
    """The layers, with a problem where values share bytes: to fill one would change the other.

    No library writes that; a file that says so is damaged, or was made to. Layers in layers do not
    count: a group that holds itself shows the same ones once more.
    """
    stretches = sorted(
        (blob.place.start, blob.place.start + blob.count * blob.place.width, path)
        for layer in layers
        if "/" not in layer.name
        for blob in layer.blobs
        if isinstance(blob.place, Dataset) and blob.place.start is not None and blob.count
        for path in (blob.place.path,)
    )
    shared: set[str] = set()
    end, before = 0, ""
    for start, stop, path in stretches:
        if start < end:
            shared |= {before, path}
        if stop > end:
            end, before = stop, path
    if not shared:
        return layers
    return tuple(
        layer._replace(
            blobs=tuple(
                blob._replace(problem=blob.problem or "its values share bytes with another blob's")
                if isinstance(blob.place, Dataset) and blob.place.path in shared
                else blob
                for blob in layer.blobs
            ),
        )
        for layer in layers
    )


def _with_diffs(library: Any, file: Any, layer: SourceLayer) -> SourceLayer:
    """The layer, of each blob whether it has gradients."""
    blobs = [
        blob._replace(place=blob.place._replace(diff=True))
        if isinstance(blob.place, Dataset)
        and blob.place.path
        and has_gradients(library, file, blob.place.path)
        else blob
        for blob in layer.blobs
    ]
    return layer._replace(blobs=tuple(blobs))


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


def has_gradients(library: Any, file: Any, path: str) -> bool:
    """A blob's gradients are there, too (``Net::ToHDF5`` with ``write_diff``); none is opened."""
    group = file
    *groups, last = diff_path(path).encode("utf-8", "surrogateescape")[1:].split(b"/")
    for raw in groups:
        group = _own(library, group, raw) if group.id.links.exists(raw) else None
        if not isinstance(group, library.Group):
            return False
    if not group.id.links.exists(last) or group.id.links.get_info(last).type != (
        library.h5l.TYPE_HARD
    ):
        return False
    return bool(library.h5o.get_info(group.id, last).type == library.h5o.TYPE_DATASET)


def diff_path(path: str) -> str:
    """Where the gradients are of the blob at ``path``.

    >>> diff_path("/data/up/0")
    '/diff/up/0'
    """
    return DIFF + path.removeprefix(DATA)


def _own(library: Any, group: Any, raw: bytes) -> Any:
    """What a group holds itself by this name; ``None`` for a link, which may lead nowhere."""
    hard = group.id.links.get_info(raw).type == library.h5l.TYPE_HARD
    return group[raw] if hard else None


def _path(names: tuple[str, ...]) -> str:
    return "/".join((DATA, *names))


def _blob(library: Any, dataset: Any, path: str, size: int) -> SourceBlob:
    if dataset is None:
        return SourceBlob((), Dataset(path), problem=_LINK)
    if not isinstance(dataset, library.Dataset) or dataset.shape is None:
        return SourceBlob((), Dataset(path), problem="it holds no numbers")
    shape, dtype = tuple(dataset.shape), dataset.dtype  # at most 32 axes, as in Caffe
    problem = None
    if dtype.kind not in "fiu" or dtype.itemsize not in (1, 2, 4, 8):
        problem = f"its values are of type {dtype}, which Caffe does not read"
    elif dataset.is_virtual or dataset.external:
        problem = "its values are in another file"
    elif prod(shape) > MAX_VALUES:
        problem = f"it has {prod(shape):,} values, where Caffe counts up to {MAX_VALUES:,}"
    elif prod(dataset.chunks or ()) * dtype.itemsize > _LARGEST_CHUNK:
        size = prod(dataset.chunks) * dtype.itemsize
        problem = f"its chunks have {size:,} bytes each, and are read whole; write smaller ones"
    elif foreign := _foreign_filters(library, dataset):
        problem = (
            f"its values need the filter {', '.join(map(str, foreign))}, which HDF5 has only by a "
            "plugin: none is looked for"
        )
    elif (names := library.h5o.get_info(dataset.id).rc) > 1:
        problem = f"it is one dataset under {names} names"
    if problem:
        return SourceBlob(shape, Dataset(path), problem=problem)
    whole = dtype.kind != "f"
    read_as = DType.FLOAT32 if whole else DType(f"<f{dtype.itemsize}")
    place = Dataset(path, read_as, prod(shape), whole, width=dtype.itemsize)
    start = None if dataset.chunks else dataset.id.get_offset()
    if start is None or dataset.id.get_type() != library.h5t.py_create(dtype):
        return SourceBlob(shape, place)  # such as bfloat16, which numpy does not have
    if start + place.count * dtype.itemsize <= size:
        place = place._replace(start=start, stored=dtype.str)
    return SourceBlob(shape, place)


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


def _values(file: Any, blob: SourceBlob) -> Iterator[Array]:
    """A blob's values in order, in flat arrays of about a megabyte."""
    import numpy as np

    assert isinstance(blob.place, Dataset)
    if not blob.count:
        return
    with told(f"{blob.place.path} cannot be read"):
        typed = file[key(blob.place.path)].astype(blob.place.dtype)
        for place, _ in pieces(blob.shape, blob.dtype.width):
            yield np.asarray(typed[place], blob.place.dtype).reshape(-1)


def pieces(shape: tuple[int, ...], width: int) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Where the pieces of about a megabyte are that make up an array, and what shape each has.

    >>> [place for place, _ in pieces((1, 3, 1 << 17), 4)]
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
