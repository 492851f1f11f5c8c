"""Why a model cannot have another form, and what is to be said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.hdf5.open_file import can_be_a_group
from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.errors import MismatchError
from deconvsurgery.wording import agreed, dims, listed, plural, quoted

if TYPE_CHECKING:
    from .plan_types import BlobConversion, LayerConversion, WantedForm

# ── refusals, all at once ──


def refuse(layers: Sequence[LayerConversion], wanted: WantedForm) -> None:
    """Raise ``MismatchError`` that names every layer which the form cannot hold."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for layer in layers:
        if layer.removed:
            continue
        found = _not_in_hdf5(layer) if wanted.hdf5 else _not_in_binary(layer, wanted)
        if found:
            reasons.setdefault(found, []).append(layer.source.name)
    if not reasons:
        return
    names = [name for several in reasons.values() for name in several]
    hint = "; ".join(dict.fromkeys(hint for _, hint in reasons))
    if len(names) == 1:
        ((reason, _),) = reasons
        raise MismatchError(f"layer {quoted(names[0])}: {reason}", layer=names[0], hint=hint)
    lines = [f"  {_names(several)}: {reason}" for (reason, _), several in reasons.items()]
    if len(lines) > _MOST_SAID:
        lines[_MOST_SAID:] = [f"  and {plural(len(lines) - _MOST_SAID, 'reason')} more"]
    form = "HDF5" if wanted.hdf5 else "binary"
    raise MismatchError(
        f"{plural(len(names), 'layer')} {agreed(len(names), 'has', 'have')} no {form} form:\n"
        + "\n".join(lines),
        layer=names[0],
        hint=hint,
    )


_MOST_SAID = 10
_NET_HINT = "`net=…` says what the file does not"
_UNPACK_HINT = "look whether so much can be meant: with `dry_run=True` that option writes nothing"


def _not_in_hdf5(layer: LayerConversion) -> tuple[str, str] | None:
    if not can_be_a_group(layer.source.name):
        return (
            "Caffe can neither save nor find a layer of that name in HDF5",
            "the binary form takes any name",
        )
    for position, converted in enumerate(layer.blobs):
        blob = converted.blob
        if blob.problem:
            hint = "convert it with the Caffe that wrote it"
            return f"blob {position}: {blob.problem}", _UNPACK_HINT if blob.packed else hint
        shape = blob.shape if converted.shape is None else converted.shape
        if not blob.absent and not blob.fills(shape):
            where = " (they are in diff)" if blob.has_diff and not blob.count else ""
            return (
                f"blob {position} has {plural(blob.count, 'value')}{where} for shape "
                f"{dims(shape)}: "
                "Caffe would not load it either",
                "leave it in its form, or fill the layer first, with `apply`",
            )
    return None


def _not_in_binary(layer: LayerConversion, wanted: WantedForm) -> tuple[str, str] | None:
    if _of_c3d(layer) and layer.source.version is Version.V1 and not wanted.upgrade:
        return (
            "its blobs are as C3D 1.0 writes them, and with other ones its V1 type is another type",
            "leave `upgrade=False` out: then it becomes a V2 layer",
        )
    for position, converted in enumerate(layer.blobs):
        if converted.blob.of_c3d and not converted.blob.fills(converted.blob.shape):
            return (
                f"blob {position} has {converted.blob.count:,} values for shape "
                f"{dims(converted.blob.shape)}: C3D would not load it either",
                "the file is damaged, or no C3D wrote it",
            )
        if converted.blob.absent:
            return f"the file leaves blob {position} to another layer that shares it", _NET_HINT
        if converted.blob.problem and layer.source.version is Version.HDF5:
            hint = "make it a plain dataset first"
            return (
                f"blob {position}: {converted.blob.problem}",
                _UNPACK_HINT if converted.blob.packed else hint,
            )
    return None


# ── what is to be said ──


def notes(layers: Sequence[LayerConversion], model: Model, wanted: WantedForm) -> Iterator[str]:
    """What is packed in the file, and what becomes of layers that the form has no place for."""
    if model.unpacked_size > model.source.size:
        yield (
            f"the file of {model.source.size:,} bytes unpacks to {model.unpacked_size:,} bytes "
            "of values"
        )
    left_out = [each.source.name for each in layers if each.removed]
    if left_out and wanted.hdf5:
        one = len(left_out) == 1
        yield (
            f"{_names(left_out)}: left out; Caffe can neither save nor find a layer of that name "
            f"in HDF5, and {'it has' if one else 'they have'} no weights"
        )


def warnings(layers: Sequence[LayerConversion], wanted: WantedForm) -> Iterator[str]:
    """What a user should know of layers that are converted, or cannot quite be."""
    hdf5 = wanted.hdf5
    of_c3d = [layer for layer in layers if _of_c3d(layer)]
    others = [layer for layer in layers if not _of_c3d(layer)]
    # A new file is made without gradients; an HDF5 file in which nothing changes is copied.
    new = any(layer.changed for layer in layers) or not hdf5
    counts = Counter(layer.source.name for layer in layers if layer.blobs)
    found = (
        (
            [name for name, count in counts.items() if count > 1],
            "the model has several layers of this name; "
            + (
                "HDF5 can hold one, and the last is taken, as Caffe's binary loading would leave it"
                if hdf5
                else "Caffe copies each, and the last wins"
            ),
        ),
        (
            _with(layers, lambda each: each.blob.problem is not None),
            "values that only the fork which wrote them reads stay as they are",
        ),
        (
            _with(layers, lambda each: each.blob.has_diff and not each.blob.count),
            "values in diff only, where Caffe does not look; they stay",
        ),
        (
            [] if hdf5 else _with(layers, _unfit),
            "not as many values as the shape says, where Caffe stops; they stay as they are",
        ),
        (
            _with(of_c3d, _doubtful),
            "C3D's dims became a shape of five axes, as the type does not say how many are meant "
            f"({_NET_HINT}); Caffe wants them exact",
        ),
        (
            _with(others, _doubtful) if hdf5 or wanted.true_shapes else [],
            "legacy dims became a shape of four axes, as the type does not say how many are meant "
            f"({_NET_HINT}); Caffe wants them exact in HDF5"
            if hdf5
            else "legacy dims stay, as the type does not say how many axes are meant "
            f"({_NET_HINT}); Caffe loads them all the same",
        ),
        (
            _with(layers, lambda each: _left_out(each, hdf5=hdf5, new=new)),
            "diff (gradients) is left out; loading weights does not need it",
        ),
    )
    for names, words in found:
        if names:
            yield f"{_names(names)}: {words}"


def _with(layers: Sequence[LayerConversion], holds: Callable[[BlobConversion], bool]) -> list[str]:
    """The names of layers with such a blob."""
    return [layer.source.name for layer in layers if any(map(holds, layer.blobs))]


def _doubtful(converted: BlobConversion) -> bool:
    """How many axes its legacy dims mean is not known."""
    return converted.blob.legacy and not converted.certain


def _left_out(converted: BlobConversion, *, hdf5: bool, new: bool) -> bool:
    """The blob's gradients do not come along."""
    place = converted.blob.place
    if isinstance(place, Dataset):
        return place.diff and new
    return (hdf5 or converted.blob.of_c3d) and converted.blob.has_diff


def _of_c3d(layer: LayerConversion) -> bool:
    return any(each.blob.of_c3d for each in layer.blobs)


def _unfit(each: BlobConversion) -> bool:
    blob = each.blob
    reported = blob.absent or blob.problem or (blob.has_diff and not blob.count)
    return not reported and not blob.fills(blob.shape if each.shape is None else each.shape)


def _names(names: Sequence[str]) -> str:
    return listed([*map(quoted, names)])
