"""Edits of an open model, and what it holds by them; none is carried out here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from deconvsurgery.caffemodel.layers_by_name import LayersByName
from deconvsurgery.caffemodel.model import Model
from deconvsurgery.caffemodel.model_layer import ModelLayer
from deconvsurgery.errors import SurgeryError
from deconvsurgery.plans.edit import operations
from deconvsurgery.plans.edit.draft import EditDraft
from deconvsurgery.plans.edit.edited_model import edited_layer, edited_model
from deconvsurgery.plans.edit.edits import outcome
from deconvsurgery.plans.edit.plan import EditPlan, planned
from deconvsurgery.plans.edit.refusals import known
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.wording import plural, printable

from .edited_layer import EditedLayer


class ModelEdits(LayersByName[EditedLayer]):
    """The edits of an open model, and a mapping of its layers as these make them; see `Editor`."""

    def __init__(self, model: Model) -> None:
        self._draft = EditDraft(model)

    # ── what is there ──

    def __getitem__(self, name: str) -> EditedLayer:
        return EditedLayer(self, known(self._draft, name))

    def __contains__(self, name: object) -> bool:
        return name in self._draft

    def __iter__(self) -> Iterator[str]:
        return iter(self._draft.names())

    def __len__(self) -> int:
        return len(self._draft)

    def __repr__(self) -> str:
        changed = sum(layer.changed for layer in self._draft.layers)
        name = printable(self._draft.model.name)
        return f"<{type(self).__name__} {name}: {plural(len(self), 'layer')}, {changed} changed>"

    @property
    def plan(self) -> EditPlan:
        """What the edits so far do to the file, as a value; ``print`` shows it as a table."""
        return planned(self._draft, outcome(self._draft).rewritten)

    @property
    def model(self) -> Model:
        """The model as edited, for what takes an open one: ``ds.inspect(net, m.model)``.

        It stays as it is when there are more edits, and can be read until the editor is closed.
        """
        return edited_model(self._draft.copy())

    def now(self, name: str) -> ModelLayer:
        """A layer as the edits so far make it; what `EditedLayer` shows."""
        return edited_layer(self._draft, known(self._draft, name))

    # ── edits ──

    def __setitem__(self, name: str, blobs: Sequence[Any]) -> None:
        """Give a layer other values, an array for each of its blobs; a new name adds a layer."""
        with self.about():
            if name in self._draft:
                operations.set_layer(self._draft, name, blobs)
            else:
                operations.add(self._draft, name, blobs)

    def __delitem__(self, name: str) -> None:
        """`remove`."""
        self.remove(name)

    def set(self, name: str, index: int, values: Any, *, reshape: bool = False) -> None:
        """Give a blob other values; ``m[name][index] = values`` does it without ``reshape``.

        They are copied, and rounded to the type that the blob is stored in (float32, float64 or
        float16): small ones to 0. One beyond the type's largest value is refused; NaN and infinity
        are stored, and the plan says how many there are.

        Args:
            name: the layer's.
            index: the blob's, from 0: weights are 0, a bias is 1.
            values: an array of real numbers, or what numpy makes one of; a blob of this or another
                model.
            reshape: let them have another shape than the blob, which is the blob's then.

        Raises:
            KeyError, IndexError: there is no such layer, or blob.
            ShapeError: the shape is another one, or one that Caffe has no blob of.
            LayerError: the blob cannot be written, or a value does not fit its type.
            ValueError: they are no real numbers.

        >>> import deconvsurgery as ds
        >>> with ds.edit("in.caffemodel") as m:
        ...     m.set("score", 0, m["score"][0].array().reshape(5, 16), reshape=True)
        ...     m["score"][0].shape
        (5, 16)
        """
        with self.about():
            operations.set_values(self._draft, name, index, values, reshape=reshape)

    def reshape(self, name: str, index: int, shape: Iterable[int]) -> None:
        """Give a blob another shape of as many values, which stay; none is held in memory.

        In a binary file none is read or written, either; HDF5 has a dataset of another shape made
        anew.

        Args:
            name: the layer's.
            index: the blob's, from 0.
            shape: the new dims.

        Raises:
            KeyError, IndexError: there is no such layer, or blob.
            ShapeError: the shape takes another number of values.
            LayerError: the blob cannot be written.

        >>> import deconvsurgery as ds
        >>> with ds.edit("in.caffemodel") as m:
        ...     m.reshape("score", 0, (5, 16))
        ...     print(m.plan)
        score  rewritten  0 reshaped (5, 16, 1, 1) to (5, 16)
        1 of 10 layers: 10 bytes to write
        """
        with self.about():
            operations.reshape(self._draft, name, index, shape)

    def scale(self, name: str, index: int, factor: float) -> None:
        """Multiply a blob's values; ``m[name][index] *= factor`` does the same.

        Each product is worked out in float64 and rounded once to the blob's type. The values are
        read at once where one might become too large for it, else when they are written.

        Args:
            name: the layer's.
            index: the blob's, from 0.
            factor: a finite number.

        Raises:
            KeyError, IndexError: there is no such layer, or blob.
            LayerError: the blob cannot be written, or a value would not fit its type.
            ValueError: the factor is not finite.

        >>> import deconvsurgery as ds
        >>> with ds.edit("in.caffemodel") as m:
        ...     m.scale("score", 0, 0.5)
        ...     print(m.plan)
        score  rewritten  0 scaled by 0.5 (5, 16, 1, 1)
        1 of 10 layers: 320 bytes to write
        """
        with self.about():
            operations.scale(self._draft, name, index, factor)

    def zero(self, name: str, index: int) -> None:
        """Make all values of a blob 0; one that has none gets as many as its shape says.

        Args:
            name: the layer's.
            index: the blob's, from 0.

        Raises:
            KeyError, IndexError: there is no such layer, or blob.
            LayerError: the blob cannot be written.
        """
        with self.about():
            operations.zero(self._draft, name, index)

    def rename(self, old: str, new: str) -> None:
        """Give every layer called ``old`` another name, in any generation, or its group in HDF5.

        Bottoms and tops stay: they name blobs of the net, and Caffe does not look at them when it
        loads weights.

        Args:
            old: the exact name.
            new: a name that no layer has.

        Raises:
            KeyError: there is no such layer.
            LayerError: a layer has the new name, or the file cannot hold it.
            ValueError: the new name is empty, or no text.

        >>> import deconvsurgery as ds
        >>> with ds.edit("in.caffemodel") as m:
        ...     m.rename("score", "score-5")
        ...     "score" in m, m["score-5"][1].shape
        (False, (5,))
        """
        with self.about():
            operations.rename(self._draft, old, new)

    def remove(self, name: str) -> None:
        """Take every layer of a name out, with its blobs; ``del m[name]`` does the same.

        Of an HDF5 file the library takes the names out, and leaves the bytes of the values in it.

        Args:
            name: the exact name.

        Raises:
            KeyError: there is no such layer.
            LayerError: other layers lie in its HDF5 group.

        >>> import deconvsurgery as ds
        >>> with ds.edit("in.caffemodel") as m:
        ...     del m["score"]
        ...     print(m.plan)
        score  removed
        1 of 10 layers: 0 bytes to write
        """
        with self.about():
            operations.remove(self._draft, name)

    def add(self, name: str, blobs: Iterable[Any], *, type: str = "") -> None:  # noqa: A002
        """Add a layer of blobs behind the others; ``m[name] = blobs`` does it without a type.

        Blobs are stored as the model's are: in the type, the field and the form of dims that all
        of these have, else as float32 with a ``shape``.

        Args:
            name: a name that no layer has.
            blobs: an array for each blob: weights, then a bias.
            type: the layer's, as "Convolution"; Caffe does not look at it when it loads, and HDF5
                has no place for it.

        Raises:
            LayerError: a layer has that name, or the file cannot hold the layer: a V0 file takes
                none, a V1 file none of a type that came later.
            ValueError: the name is empty, or values are no real numbers.

        >>> import deconvsurgery as ds
        >>> with ds.edit("in.caffemodel") as m:
        ...     m.add("up", [ds.bilinear_kernel(4).reshape(1, 1, 4, 4)], type="Deconvolution")
        ...     print(m.plan)
        up  added  0 set (1, 1, 4, 4)
        1 of 10 layers: 98 bytes to write
        """
        with self.about():
            operations.add(self._draft, name, blobs, type)

    @contextmanager
    def about(self) -> Iterator[None]:
        """Nothing is done with a closed model; errors about layers say which file they are in."""
        self._draft.model.refuse_closed()
        try:
            yield
        except SurgeryError as error:
            if error.path is not None:
                raise
            raise error.replaced(path=shown(self._draft.model.name)) from error.__cause__
