"""A layer of an open model, and its blobs: shapes and types at once, arrays when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Protocol, overload

from deconvsurgery.errors import ModelError
from deconvsurgery.kernels import arrays
from deconvsurgery.wording import dims, plural, printable, quoted

from .layers_by_name import unknown_blob
from .pycaffe_names import no_attribute
from .source_blob import SourceBlob
from .stored_values import Dataset


class OpenModel(Protocol):
    """What a blob asks of the model that it is in."""

    @property
    def name(self) -> str:
        """What the model is called."""

    @property
    def file_size(self) -> int:
        """Bytes of the file."""

    @property
    def unpacked_size(self) -> int:
        """Bytes of all values in datasets of HDF5."""

    def flat_values(self, blob: SourceBlob) -> arrays.Arrays:
        """All values in order, in flat arrays."""


class ModelBlob:
    """A blob of an open model: its shape and type at once, its values when they are asked for.

    `Model` makes it; ``numpy.asarray(blob)`` is ``blob.array()``. Two are equal where they are the
    same blob of the same open model.

    Attributes:
        layer: the name of its layer.
        index: its place among the layer's blobs, from 0: weights are 0, a bias is 1.
        source: where its values lie in the file, and all else that the file says of it.

    >>> import deconvsurgery as ds
    >>> with ds.open_model("in.caffemodel") as model:
    ...     blob = model["score"][1]
    ...     blob, blob.dtype, blob.array().shape
    (<ModelBlob score[1] float32 (5,)>, dtype('float32'), (5,))
    """

    __slots__ = ("_model", "index", "layer", "source")

    layer: str
    index: int
    source: SourceBlob

    def __init__(self, model: OpenModel, layer: str, index: int, source: SourceBlob) -> None:
        self._model = model
        self.layer = layer
        self.index = index
        self.source = source

    @property
    def shape(self) -> tuple[int, ...]:
        """Its dims as Caffe sees them.

        Weights are (outputs, inputs / group, height, width) of a Convolution, (inputs, outputs /
        group, height, width) of a Deconvolution, (outputs, inputs) of an InnerProduct. A blob with
        ``num``, ``channels``, ``height`` and ``width``, as old files have it, has all four, and one
        of C3D 1.0 five: what stands in front of a bias is 1 then.
        """
        return self.source.shape

    @property
    def dtype(self) -> arrays.DType:
        """The type that `array` has: float32, float64 or float16, as the file stores the values.

        Whole numbers in an HDF5 file are float32, as Caffe reads them.
        """
        import numpy as np

        return np.dtype(self.source.dtype)

    @property
    def size(self) -> int:
        """How many values its shape says."""
        return prod(self.shape)

    @property
    def count(self) -> int:
        """How many values the file has of it: ``size``, unless the file is wrong."""
        return self.source.count

    @property
    def has_diff(self) -> bool:
        """Gradients came with it."""
        place = self.source.place
        return place.diff if isinstance(place, Dataset) else self.source.has_diff

    def array(self) -> arrays.Array:
        """Read its values, and nothing else of the file.

        Returns:
            An array of its ``shape`` and ``dtype`` that is yours to write to: made anew by each
            call, and never written back.

        Raises:
            ModelError: the values cannot be read, are more or fewer than the shape says, are not
                in the file (a shared parameter's, in HDF5), or unpack to more than `open_model`
                was allowed to read.
            FileError: the operating system, or the store, refuses.
            ValueError: the model is closed.
        """
        import numpy as np

        self._refuse_unreadable()
        values = np.empty(self.size, self.dtype)
        start = 0
        for piece in self._model.flat_values(self.source):
            values[start : start + piece.size] = piece
            start += piece.size
        return values.reshape(self.shape)

    def _refuse_unreadable(self) -> None:
        source, called = self.source, f"blob {self.index} of layer {quoted(self.layer)}"
        hint = None
        if source.absent:
            message = f"{called} is not in the file"
            hint = "HDF5 has a blob that layers share once, in the layer that owns it"
        elif source.packed:
            size, unpacked = self._model.file_size, self._model.unpacked_size
            message = f"{called} is not read: a file of {size:,} bytes unpacks to {unpacked:,}"
            hint = f"open_model(…, max_unpacked={unpacked}) reads it all the same"
        elif source.problem:
            message = f"{called} cannot be read: {source.problem}"
        elif not source.fills(self.shape):
            wanted = f"its shape {dims(self.shape)} takes {max(self.size, 0):,}"
            message = f"{called} has {plural(self.count, 'value')}, where {wanted}"
            hint = "Caffe stops at it, too: the file is damaged, or its writer was wrong"
        else:
            return
        raise ModelError(message, path=self._model.name, layer=self.layer, hint=hint)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> arrays.Array:
        if copy is False:
            raise ValueError("the values are in a file: an array of them is always a copy")
        import numpy as np

        return np.asarray(self.array(), dtype)

    if not TYPE_CHECKING:
        __getattr__ = no_attribute

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelBlob) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[int, str, int]:
        return id(self._model), self.layer, self.index

    def __repr__(self) -> str:
        said = f"{printable(self.layer)}[{self.index}] {self.source.dtype.words} {self.shape}"
        wrong = self.source.problem or not self.source.fills(self.shape)
        return f"<ModelBlob {said}{', cannot be read' if wrong else ''}>"


class ModelLayer(Sequence[ModelBlob]):
    """A layer of an open model: a sequence of its blobs, weights first, then a bias.

    `Model` makes it. Index it from either end, slice it, iterate over it; ``len`` is how many blobs
    it has, 0 for a layer without weights.

    Attributes:
        name: its name.
        type: its type as the net's text has it ("Convolution"); "" where the file does not say
            it, as HDF5 never does.
        blobs: the same blobs as a tuple.

    >>> import deconvsurgery as ds
    >>> with ds.open_model("in.caffemodel") as model:
    ...     layer = model["score"]
    ...     layer, len(layer), layer[-1].shape, model["data"]
    (<ModelLayer score: Convolution, 2 blobs>, 2, (5,), <ModelLayer data: Input, 0 blobs>)
    """

    __slots__ = ("blobs", "name", "type")

    name: str
    type: str
    blobs: tuple[ModelBlob, ...]

    def __init__(self, name: str, kind: str, blobs: tuple[ModelBlob, ...]) -> None:
        self.name = name
        self.type = kind
        self.blobs = blobs

    @overload
    def __getitem__(self, index: int) -> ModelBlob: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[ModelBlob, ...]: ...

    def __getitem__(self, index: int | slice) -> ModelBlob | tuple[ModelBlob, ...]:
        try:
            return self.blobs[index]
        except IndexError:
            raise unknown_blob(self.name, len(self.blobs), index) from None

    def __len__(self) -> int:
        return len(self.blobs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelLayer):
            return NotImplemented
        return (self.name, self.type, self.blobs) == (other.name, other.type, other.blobs)

    def __hash__(self) -> int:
        return hash((self.name, self.blobs))

    def __repr__(self) -> str:
        kind = f"{self.type}, " if self.type else ""
        return f"<ModelLayer {printable(self.name)}: {kind}{plural(len(self.blobs), 'blob')}>"
