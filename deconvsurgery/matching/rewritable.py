"""Whether the blobs that a model has under a name can be given other weights.

Each layer of the name is looked at, as Caffe copies each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.hdf5.open_file import can_be_a_group
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.stored_values import Dataset

from .copied_layer import copy_stops
from .refusal import Refusal

if TYPE_CHECKING:
    from .matched_layer import MatchedLayer


def not_rewritable(target: MatchedLayer, model: Model, *, values: bool = False) -> Refusal | None:
    """Why not, where Caffe stops at the blobs, does not find them, or nothing can be written there.

    ``values``: the new weights are made of those that are there.
    """
    param = target.layer.convolution_param
    wanted = [target.shape or (), *([(param.num_output,)] if param.bias_term else [])]
    sources = model.weighted(target.layer.name)
    if (whole := _whole_model(target, model, sources)) is not None:
        return whole
    for source in sources:
        if found := _no_place(source, values=values):
            return Refusal(found, mismatch=True)
        for stop in copy_stops(target.layer, wanted, source):
            if values or not stop.lacks_values:
                return Refusal(stop.message, stop.hint, mismatch=True)
    return None


def _whole_model(
    target: MatchedLayer, model: Model, sources: tuple[SourceLayer, ...]
) -> Refusal | None:
    name = target.layer.name
    if not sources and model.version is Version.V0:
        return Refusal(
            "the model is a V0 file, from before Deconvolution existed: no layer can be added",
            hint="load and save it once with Caffe 1.0 to upgrade it",
            mismatch=True,
        )
    if model.of_c3d:
        return Refusal(
            "the model is as C3D 1.0 writes it, which no Caffe that has this net's layers reads",
            hint="`convert` gives it the form that Caffe reads",
            mismatch=True,
        )
    missing = name not in model.by_name and not can_be_a_group(name)
    if model.version is Version.HDF5 and missing:
        why = "a slash makes groups of it" if "/" in name else "no group can have that name"
        return Refusal(
            f"an HDF5 file cannot hold a layer named {name!r}: {why}, and Caffe looks for its "
            "blobs in vain",
            hint='`convert(to="binary")` makes a file that can',
            mismatch=True,
        )
    return None


def _no_place(source: SourceLayer, *, values: bool) -> str | None:
    """What Caffe may well load, but has no place for new values."""
    for name, blob in zip(("weights", "bias"), source.blobs, strict=False):
        if blob.absent:
            return f"the model leaves its {name} to another layer, which has none: Caffe stops"
        if blob.problem:
            return f"its {name} in the model cannot be replaced: {blob.problem}"
        if isinstance(blob.place, Dataset) and blob.place.whole and not values:
            return f"its {name} in the model are whole numbers, which no kernel is made of"
    return None
