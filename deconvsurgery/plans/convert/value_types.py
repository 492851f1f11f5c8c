"""Which field and type the values of each blob get, and what rounding to it changes.

Values are read about a megabyte at a time, and only where the new type is narrower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.stored_values import Dataset, DType, Storage
from deconvsurgery.errors import ModelError
from deconvsurgery.wording import listed, quoted

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob

    from .plan_types import BlobConversion, LayerConversion, WantedForm

_OF_TYPE: Mapping[DType, Storage] = {
    DType.FLOAT32: Storage.DATA,
    DType.FLOAT64: Storage.DOUBLE_DATA,
    DType.FLOAT16: Storage.RAW_FLOAT16,
}


def storage_of(blob: SourceBlob, wanted: WantedForm) -> Storage:
    """What holds the values of a blob in the form that is wanted.

    >>> from deconvsurgery.caffemodel.model import SourceBlob
    >>> from deconvsurgery.plans.convert.plan_types import WantedForm
    >>> half = WantedForm(storage=Storage.RAW_FLOAT16)
    >>> str(storage_of(SourceBlob((2,), Dataset("/data/a/0", count=2)), half))
    'raw_data float16'
    """
    if blob.problem or not blob.count:
        return blob.storage
    own = isinstance(blob.place, Dataset)
    asked = wanted.storage
    if own and wanted.hdf5 and (asked is None or asked.dtype == blob.dtype):
        return blob.storage
    if asked is not None:
        return asked
    return _OF_TYPE[blob.dtype] if own else blob.storage  # where a dataset's type is kept


def measured(
    layers: Sequence[LayerConversion], model: Model, wanted: WantedForm
) -> tuple[LayerConversion, ...]:
    """The layers with what rounding changes; a blob that its new type cannot hold keeps its own.

    Raises ``ModelError`` that names every layer with such a blob, if ``wanted`` is strict.
    """
    found = tuple(_measured(each, model, wanted) for each in layers)
    if wanted.strict:
        _refuse_beyond(found, wanted)
    return found


def _measured(layer: LayerConversion, model: Model, wanted: WantedForm) -> LayerConversion:
    blobs: list[BlobConversion] = []
    notes: list[str] = []
    for position, converted in enumerate(layer.blobs):
        if converted.retyped and converted.dtype.width < converted.blob.dtype.width:
            change, beyond = _rounding(converted, model)
            if beyond is None:
                converted = converted._replace(max_abs_change=change)
            else:
                notes.append(
                    f"blob {position} keeps {converted.blob.dtype.words} values: it holds "
                    f"{beyond:g}, which {converted.dtype.words} cannot"
                )
                kept = storage_of(converted.blob, wanted._replace(storage=None))
                converted = converted._replace(storage=kept, beyond=beyond)
        blobs.append(converted)
    return layer._replace(blobs=tuple(blobs), told=layer.told + tuple(notes))


def _rounding(converted: BlobConversion, model: Model) -> tuple[float, float | None]:
    """What rounding changes at most, and the first finite value that becomes infinite."""
    import numpy as np  # here, as few conversions round

    largest, dtype = 0.0, converted.dtype  # which looks at all chunks of the blob
    for values in model.flat_values(converted.blob):
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = values.astype(dtype)
            finite = np.isfinite(values)
            lost = finite & ~np.isfinite(rounded)
            if lost.any():
                return 0.0, float(values[lost][0])
            change = abs(values[finite] - rounded[finite].astype(values.dtype))
        largest = max(largest, float(change.max(initial=0)))
    return largest, None


def _refuse_beyond(layers: Sequence[LayerConversion], wanted: WantedForm) -> None:
    found = [
        (layer.source.name, position, each.beyond)
        for layer in layers
        for position, each in enumerate(layer.blobs)
        if each.beyond is not None
    ]
    if not found:
        return
    assert wanted.storage is not None
    name, position, value = found[0]
    kind = wanted.storage.dtype.words
    message = f"layer {quoted(name)}: blob {position} holds {value:g}, which {kind} cannot"
    others = list(dict.fromkeys(quoted(other) for other, _, _ in found if other != name))
    if others:
        message += f"; the same with {listed(others)}"
    raise ModelError(
        message,
        layer=name,
        hint="without `strict=True` these blobs stay as they are; `values=…` takes a wider type, "
        "`exclude=…` leaves layers out",
    )
