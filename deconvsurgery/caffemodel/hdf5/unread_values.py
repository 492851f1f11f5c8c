"""Values of an HDF5 file that are not read, though each dataset could be: a problem of its blob."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.stored_values import Dataset

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer
    from deconvsurgery.caffemodel.source_blob import SourceBlob


def left_packed(model: Model) -> tuple[SourceLayer, ...]:
    """The layers, with a problem where values do not lie in the file as they are.

    Chunks that were never written take no bytes in a file, and zeros compress a thousandfold: a
    file of 3 kB may promise terabytes.
    """
    problem = (
        f"the file has {model.source.size:,} bytes and unpacks to {model.unpacked_size:,}; "
        f"`convert(max_unpacked={model.unpacked_size})` unpacks it all the same"
    )
    return _changed(
        model.layers,
        lambda blob: blob._replace(problem=problem, packed=True) if _is_packed(blob) else blob,
    )


def _is_packed(blob: SourceBlob) -> bool:
    """Its values do not lie in the file as they are read."""
    lies = not isinstance(blob.place, Dataset) or blob.place.start is not None
    return blob.count > 0 and not lies and blob.problem is None


def apart(layers: Sequence[SourceLayer]) -> tuple[SourceLayer, ...]:
    """The layers, with a problem where values share bytes: to fill one would change the other.

    No library writes that; a file that says so is damaged, or was made to. Layers in layers do not
    count: a group that holds itself shows the same ones once more.
    """
    datasets = [
        blob.place
        for layer in layers
        if "/" not in layer.name
        for blob in layer.blobs
        if isinstance(blob.place, Dataset) and blob.place.start is not None and blob.count
    ]
    shared = _overlapping(
        (place.start, place.start + place.size, place.path)
        for place in datasets
        if place.start is not None
    )
    if not shared:
        return tuple(layers)

    def marked(blob: SourceBlob) -> SourceBlob:
        if not isinstance(blob.place, Dataset) or blob.place.path not in shared:
            return blob
        problem = blob.problem or "its values share bytes with another blob's"
        return blob._replace(problem=problem)

    return _changed(layers, marked)


def _overlapping(stretches: Iterable[tuple[int, int, str]]) -> set[str]:
    """The names of stretches that share bytes with another."""
    shared: set[str] = set()
    end, before = 0, ""
    for start, stop, path in sorted(stretches):
        if start < end:
            shared |= {before, path}
        if stop > end:
            end, before = stop, path
    return shared


def _changed(
    layers: Iterable[SourceLayer], change: Callable[[SourceBlob], SourceBlob]
) -> tuple[SourceLayer, ...]:
    return tuple(layer._replace(blobs=tuple(map(change, layer.blobs))) for layer in layers)
