"""A weights file as it was indexed, whichever form it has: layers, blobs, rows of their values.

Places, never payload: values are read a few rows at a time when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeAlias

from deconvsurgery.errors import FileError, FormatError, MismatchError
from deconvsurgery.kernels import arrays
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.source_interface import Source
from deconvsurgery.wording import plural, printable

from .layers_by_name import LayersByName, unknown_layer
from .model_layer import ModelBlob, ModelLayer
from .source_blob import SourceBlob
from .stored_values import Dataset, DType, Storage
from .value_rows import in_rows
from .wire import Field, Frame

MAX_UNPACKED = 1 << 30
"""Bytes that the values of an HDF5 file may have more than the file, unless more is allowed."""


class Version(StrEnum):
    """The generation of a file's layers; HDF5 files have none."""

    EMPTY = "empty"
    V2 = "V2"
    V1 = "V1"
    V0 = "V0"
    MIXED = "mixed"
    HDF5 = "HDF5"


class SourceLayer(NamedTuple):
    """A layer in the model: only ``name`` and ``blobs`` matter to Caffe's loading.

    ``start`` is where its own tag begins in a binary file, ``param_names`` by which names it
    shares its blobs (by their position; ``""`` where it does not), as far as the file says.
    ``links`` are the members of its group in an HDF5 file, blobs or not, ``None`` elsewhere.
    """

    name: str
    type: str
    version: Version
    blobs: tuple[SourceBlob, ...] = ()
    start: int = 0
    frames: tuple[Frame, ...] = ()
    convolution_param: tuple[Field, ...] = ()
    param_names: tuple[str, ...] = ()
    inner_product_param: tuple[Field, ...] = ()
    links: int | None = None


ValueReader: TypeAlias = Callable[[SourceBlob], "arrays.Arrays"]


class Model(LayersByName[ModelLayer]):
    """An open weights file: a mapping of its layers' names, in the file's order, to its layers.

    `open_model` opens it. ``model["up"]`` is a `ModelLayer`, ``model["up"][0]`` a `ModelBlob`, and
    ``model["up"][0].array()`` its values; none is read before. Where several layers have one name
    it is the one that Caffe would load, the last that has blobs; ``layers`` has them all. A model
    is true in a condition, however few layers it has.

    Attributes:
        source: the bytes that it was indexed from; ``source.size`` is how many.
        version: "V2", "V1", "V0", "mixed", "HDF5", or "empty" for a file without layers.
        layers: a `SourceLayer` for each layer of the file, namesakes and all.
        by_name: the same by their names, in the file's order.

    >>> import deconvsurgery as ds
    >>> with ds.open_model("in.caffemodel") as model:
    ...     weights = model["score"][0].array()
    ...     model, "score" in model, [blob.shape for blob in model["score"]], weights.dtype
    (<Model in.caffemodel: V2, 10 layers>, True, [(5, 16, 1, 1), (5,)], dtype('float32'))
    """

    source: Source
    version: Version
    layers: tuple[SourceLayer, ...]
    by_name: Mapping[str, tuple[SourceLayer, ...]]

    # What is so of all its blobs is found out once: it may be asked for each of many layers.

    def __init__(
        self,
        source: Source,
        version: Version,
        layers: tuple[SourceLayer, ...],
        read_values: ValueReader,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """``on_close`` lets go of what reads the values, before the source is closed."""
        self.source = source
        self.version = version
        self.layers = layers
        self.read_values = read_values
        self.on_close = on_close
        namesakes: dict[str, list[SourceLayer]] = {}
        for layer in layers:
            namesakes.setdefault(layer.name, []).append(layer)
        self.by_name = {name: tuple(found) for name, found in namesakes.items()}
        # What was found out about blobs, each with its blob; see `made_blobs`.
        self.looked_at: dict[Hashable, tuple[SourceBlob | None, Any]] = {}

    def with_layers(self, layers: Iterable[SourceLayer]) -> Model:
        """The same file with other ``layers``, whose values are read as these are."""
        found = Model(self.source, self.version, tuple(layers), self.read_values, self.on_close)
        found.looked_at = self.looked_at
        return found

    @cached_property
    def shapes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """The shapes of each layer's blobs by its name: of several layers the last that has any."""
        return {
            layer.name: tuple(blob.shape for blob in layer.blobs)
            for layer in self.layers
            if layer.blobs
        }

    def weighted(self, name: str) -> tuple[SourceLayer, ...]:
        """The layers called ``name`` that have blobs: Caffe loads each, and the last wins."""
        return tuple(layer for layer in self.by_name.get(name, ()) if layer.blobs)

    def __getitem__(self, name: str) -> ModelLayer:
        """The layer of a name; `KeyError` says which name is nearest."""
        namesakes = self.by_name.get(name)
        if namesakes is None:
            raise unknown_layer(self.name, name, self.by_name)
        layer = next((layer for layer in reversed(namesakes) if layer.blobs), namesakes[-1])
        blobs = (ModelBlob(self, name, place, blob) for place, blob in enumerate(layer.blobs))
        return ModelLayer(name, layer.type, tuple(blobs))

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    def __repr__(self) -> str:
        said = f"{self.version}, {plural(len(self.layers), 'layer')}"
        said += ", closed" if self.closed else ""
        return f"<Model {printable(self.name)}: {said}>"

    @property
    def name(self) -> str:
        """What messages call it: its path or address as it was given."""
        return self.source.name

    @property
    def closed(self) -> bool:
        """It was closed: what is known of its layers stays, no value can be read."""
        return self.source.closed

    def refuse_closed(self) -> None:
        """Raise ``ValueError`` for a closed model."""
        if self.closed:
            raise ValueError(f"the model is closed: {self.name}")

    def close(self) -> None:
        """Let go of the file; a second call does nothing.

        A file object that `open_model` was given stays open. A model that is never closed lets go
        of its file when nothing refers to it any more.
        """
        if self.on_close is not None and not self.closed:
            self.on_close()
        self.source.close()

    def __enter__(self) -> Self:
        self.refuse_closed()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def file_size(self) -> int:
        """Bytes of the file."""
        return self.source.size

    @cached_property
    def blobs(self) -> tuple[SourceBlob, ...]:
        """Every blob of every layer, in the file's order."""
        return tuple(blob for layer in self.layers for blob in layer.blobs)

    @cached_property
    def legacy(self) -> bool:
        """Every blob has num/channels/height/width: a Caffe from before ``shape`` wrote it."""
        return bool(self.blobs) and all(blob.legacy for blob in self.blobs)

    @cached_property
    def unpacked_size(self) -> int:
        """Bytes of all values in datasets of HDF5, compressed or not; 0 for a binary model."""
        places = (blob.place for blob in self.blobs if blob.packed or not blob.problem)
        return sum(place.size for place in places if isinstance(place, Dataset))

    @cached_property
    def of_c3d(self) -> bool:
        """It has blobs as C3D 1.0 writes them, and so that Caffe's layers too."""
        return any(blob.of_c3d for blob in self.blobs)

    @cached_property
    def dtype(self) -> DType:
        """What a new blob's values should be: the type of its `storage`, which datasets choose."""
        if self.storage is not Storage.DATASET:
            return self.storage.dtype
        types = {blob.dtype for blob in self.blobs if blob.count}
        return types.pop() if len(types) == 1 else DType.FLOAT32

    @cached_property
    def storage(self) -> Storage:
        """The field that holds all values, else ``data``: where a new blob's should be."""
        kinds = {blob.storage for blob in self.blobs if blob.count}
        return kinds.pop() if len(kinds) == 1 else Storage.DATA

    def flat_values(self, blob: SourceBlob) -> arrays.Arrays:
        """All values of a blob in order, piece by piece: what is too large for `ModelBlob.array`.

        Args:
            blob: one of a layer's ``blobs``; of a `ModelBlob` its ``source``.

        Yields:
            Flat arrays of the blob's type, each of about a megabyte; of an object in a store of
            eight, a request each.

        Raises:
            ModelError: the values are damaged.
            FileError: the operating system, or the store, refuses.
            ValueError: the model is closed.
        """
        self.refuse_closed()
        try:
            yield from self.read_values(blob)
        except (FormatError, FileError) as error:
            if error.path is not None:
                raise
            raise error.replaced(path=self.name) from error.__cause__

    def rows(self, blob: SourceBlob, shape: Sequence[int]) -> arrays.Arrays:
        """The values of a blob, one array for each index of the first axis.

        Holds a piece of `flat_values` at a time, or one row where that is more.

        Args:
            blob: as of `flat_values`, which says what is raised, too.
            shape: the dims to read it in, of as many values as it has: its own, or such as
                ``(1, blob.count)``.

        Yields:
            Arrays of ``shape[1:]``.

        >>> import deconvsurgery as ds
        >>> with ds.open_model("in.caffemodel") as model:
        ...     blob = model["score"][0]
        ...     [row.shape for row in model.rows(blob.source, blob.shape)]
        [(16, 1, 1), (16, 1, 1), (16, 1, 1), (16, 1, 1), (16, 1, 1)]
        """
        return in_rows(self.flat_values(blob), blob.count, shape)


def refuse_mixed(model: Model) -> None:
    """Raise ``MismatchError`` for V1 and V2 layers in one file (``UpgradeV1Net``)."""
    if model.version is Version.MIXED:
        raise MismatchError(
            "the model holds V1 and V2 layers at once, which Caffe refuses to load",
            hint="save it again with the Caffe that wrote it",
        )
