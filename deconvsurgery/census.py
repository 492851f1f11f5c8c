"""What is to be said of a weights file as a whole: how its values are kept, what Caffe refuses.

Never here: a layer's weights, what is done about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .agreement import listed, quoted
from .model import RAW_STORAGE, Model, Storage, Version


def census(model: Model, *, with_net: bool) -> tuple[str, ...]:
    """A sentence for each thing that is not as today's Caffe writes it.

    ``with_net``: what a net tells of the model is told elsewhere.
    """
    return tuple(_said(model, with_net))


def _said(model: Model, with_net: bool) -> Iterator[str]:
    if model.version is Version.HDF5 and not with_net:
        yield (
            "HDF5 weights do not tell the type of a layer: name the net, too, to see its "
            "Deconvolution layers, or use --all"
        )
    if model.version is Version.MIXED:
        yield "V1 and V2 layers at once: Caffe refuses to load the file"
    kinds = Counter(blob.storage for blob in model.blobs if blob.count)
    for storage in RAW_STORAGE.values():
        if kinds[storage]:
            yield (
                f"{_blobs(kinds[storage])} in {storage}, which NVIDIA's Caffe reads and BVLC's "
                "does not; `deconvsurgery convert` makes float32 of it"
            )
    if kinds[Storage.DOUBLE_DATA]:
        yield f"{_blobs(kinds[Storage.DOUBLE_DATA])} in double_data, of a net of doubles"
    problems = Counter(blob.problem for blob in model.blobs if blob.problem)
    for problem, count in problems.items():
        yield f"{count:,} blob{'s' if count > 1 else ''}: {problem}"
    in_diff = sum(blob.has_diff and not blob.count for blob in model.blobs)
    if in_diff:
        yield f"{_blobs(in_diff)} in diff only (as C3D-era files have them): Caffe stops at that"
    both = sum(blob.both_forms for blob in model.blobs)
    if both:
        yield (
            f"{both:,} blob{'s have' if both > 1 else ' has'} num/channels/height/width and shape: "
            "Caffe ignores the shape"
        )
    twice = [name for name, layers in model.by_name.items() if len(layers) > 1 and layers[-1].blobs]
    if twice and not with_net:
        names = listed([*map(quoted, twice)])
        yield f"{names}: several layers of this name; Caffe copies each, the last wins"


def _blobs(count: int) -> str:
    return f"the values of {count:,} blob{'s are' if count > 1 else ' are'}"
