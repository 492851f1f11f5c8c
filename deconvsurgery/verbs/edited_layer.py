"""A layer of a model that is being edited, and its blobs: as the edits so far make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol, Self, overload

from deconvsurgery.caffemodel.model_layer import ModelBlob, ModelLayer
from deconvsurgery.caffemodel.pycaffe_names import no_attribute
from deconvsurgery.kernels import arrays
from deconvsurgery.wording import plural, printable


class _Editing(Protocol):
    """What a layer asks of the editor that it is in."""

    def now(self, name: str) -> ModelLayer:
        """A layer as the edits so far make it."""

    def set(self, name: str, index: int, values: Any, *, reshape: bool = False) -> None:
        """Give a blob other values."""

    def scale(self, name: str, index: int, factor: float) -> None:
        """Multiply a blob's values."""


class EditedBlob:
    """A blob of a layer that is being edited: what it is follows every edit.

    ``blob *= 2`` scales it. ``numpy.asarray(blob)`` is ``blob.array()``, a copy; to change a part
    of the values, change that, and give it back as ``layer[index] = values``.

    Attributes:
        layer: the name of its layer.
        index: its place among the layer's blobs, from 0: weights are 0, a bias is 1.

    >>> import deconvsurgery as ds
    >>> with ds.edit("in.caffemodel") as m:
    ...     bias = m["score"][1]
    ...     bias *= 2
    ...     bias, bias.dtype, bias.array().shape
    (<EditedBlob score[1] float32 (5,)>, dtype('float32'), (5,))
    """

    __slots__ = ("_editor", "index", "layer")

    layer: str
    index: int

    def __init__(self, editor: _Editing, layer: str, index: int) -> None:
        self._editor = editor
        self.layer = layer
        self.index = index

    def _now(self) -> ModelBlob:
        return self._editor.now(self.layer)[self.index]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its dims, as `ModelBlob.shape` has them."""
        return self._now().shape

    @property
    def dtype(self) -> arrays.DType:
        """The type that its values are stored in, and `array` has."""
        return self._now().dtype

    @property
    def size(self) -> int:
        """How many values its shape says."""
        return self._now().size

    def array(self) -> arrays.Array:
        """Its values as they would be written.

        Returns:
            An array of its ``shape`` and ``dtype``, made anew by each call: what is written to it
            is no edit.

        Raises:
            ModelError: the values cannot be read, or are more or fewer than the shape says.
            FileError: the operating system, or the store, refuses.
        """
        return self._now().array()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> arrays.Array:
        return self._now().__array__(dtype, copy)

    if not TYPE_CHECKING:
        __getattr__ = no_attribute

    def __imul__(self, factor: object) -> Self:
        if not isinstance(factor, Real):
            return NotImplemented
        self._editor.scale(self.layer, self.index, float(factor))
        return self

    def _place(self) -> tuple[object, str, int]:
        return self._editor, self.layer, self.index

    def __repr__(self) -> str:
        now = self._now()
        words = f"{printable(self.layer)}[{self.index}] {now.source.dtype.words} {now.shape}"
        return f"<EditedBlob {words}>"


class EditedLayer(Sequence[EditedBlob]):
    """A layer that is being edited: a sequence of its blobs, weights first, then a bias.

    ``layer[0] = values`` gives a blob other values of its shape (`Editor.set`).

    >>> import deconvsurgery as ds
    >>> with ds.edit("in.caffemodel") as m:
    ...     layer = m["score"]
    ...     layer[1] = [1, 2, 3, 4, 5]
    ...     layer, len(layer), layer[-1].array().tolist()
    (<EditedLayer score: Convolution, 2 blobs>, 2, [1.0, 2.0, 3.0, 4.0, 5.0])
    """

    __slots__ = ("_editor", "_name")

    def __init__(self, editor: _Editing, name: str) -> None:
        self._editor = editor
        self._name = name

    @property
    def name(self) -> str:
        """Its name, not to be set here: `Editor.rename` gives it another."""
        return self._name

    @property
    def type(self) -> str:
        """Its type as the net's text has it; "" where the file does not say it."""
        return self._editor.now(self.name).type

    @overload
    def __getitem__(self, index: int) -> EditedBlob: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[EditedBlob, ...]: ...

    def __getitem__(self, index: int | slice) -> EditedBlob | tuple[EditedBlob, ...]:
        found = self._editor.now(self.name)[index]
        if isinstance(found, tuple):
            return tuple(EditedBlob(self._editor, self.name, blob.index) for blob in found)
        return EditedBlob(self._editor, self.name, found.index)

    def __setitem__(self, index: int, values: Any) -> None:
        blob = self[index]
        if isinstance(values, EditedBlob) and values._place() == blob._place():
            return  # as of `layer[0] *= 2`, which has scaled it
        self._editor.set(self.name, blob.index, values)

    def __iter__(self) -> Iterator[EditedBlob]:
        return iter(self[:])

    def __len__(self) -> int:
        return len(self._editor.now(self.name))

    def __repr__(self) -> str:
        kind = f"{self.type}, " if self.type else ""
        return f"<EditedLayer {printable(self.name)}: {kind}{plural(len(self), 'blob')}>"
