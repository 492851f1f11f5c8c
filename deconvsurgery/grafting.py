"""Old weights into a new net: FCN's ``transplant`` and ``expand_score``, decided blob by blob.

Facts: ``surgery.py`` of shelhamer/fcn.berkeleyvision.org. Never here: files, upsampling kernels,
how the new model is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from .agreement import listed, quoted
from .errors import MismatchError, SelectionError
from .fit import dims
from .geometry import Shape
from .model import Made, Model, SourceBlob, SourceLayer, Storage, Version
from .net import Layer, Message, Net, NetState
from .patterns import active_layers
from .shapes import infer_shapes
from .sharing import owners

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

_AT_ONCE = 1 << 18  # values


class Origin(StrEnum):
    """Where a new blob's values come from."""

    COPIED = "copied"
    COERCED = "coerced"
    EXPANDED = "expanded"
    FORCED = "forced"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True)
class Graft:
    """A blob of the new net: its ``shape``, and the old blob or constant it is made of."""

    shape: tuple[int, ...]
    origin: Origin
    source: SourceBlob | None = None
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class LayerGraft:
    """A layer of the new net; ``old`` is the model's layer that its weights come from.

    Without ``blobs`` Caffe makes them when it sets up the net, or there are none; ``told`` says
    what is to be said.
    """

    layer: Layer
    blobs: tuple[Graft, ...] = ()
    old: str | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grafting:
    """Every layer of the new net, and the old layers with weights that find no place in it."""

    layers: tuple[LayerGraft, ...]
    dropped: tuple[str, ...] = ()


def make_grafting(
    net: Net,
    model: Model,
    states: Sequence[NetState],
    *,
    suffix: str = "",
    expand: Mapping[str, str] | None = None,
    flat: bool = False,
) -> Grafting:
    """Decide what becomes of each layer; ``expand`` gives new score layers their old ones.

    A name is looked for with ``suffix`` behind it. ``flat`` copies values in their order whatever
    the shapes, cut off or repeated, as numpy's ``.flat`` does for FCN. Raises ``MismatchError``
    that names every layer whose weights do not fit, ``SelectionError`` for one that is not there.
    """
    expand = expand or {}
    layers = _layers(net, states)
    _check_names(expand, layers, model)
    shapes = _shapes(net, states)
    sources = {source.name + suffix: source for source in model.layers if source.blobs}
    shared = owners(net, states)
    found: dict[str, LayerGraft] = {}
    refused: list[tuple[str, str]] = []
    for layer in layers:
        expected = shapes.get(layer.name)
        old = expand.get(layer.name)
        source = model.by_name[old][-1] if old else sources.get(layer.name)
        try:
            graft = _grafted(layer, expected, source, bool(old), flat)
        except MismatchError as refusal:
            refused.append((layer.name, refusal.message))
            continue
        found[layer.name] = _with_shared(graft, expected, found, shared)
    if refused:
        raise _all_refused(refused)
    used = {graft.old for graft in found.values()}
    dropped = tuple(
        source.name for source in model.layers if source.blobs and source.name not in used
    )
    return Grafting(tuple(found.values()), tuple(dict.fromkeys(dropped)))


def _all_refused(refused: Sequence[tuple[str, str]]) -> MismatchError:
    hint = "--flat copies the values in their order all the same, as FCN's transplant does"
    if len(refused) == 1:
        ((name, reason),) = refused
        return MismatchError(f"layer {quoted(name)}: {reason}", layer=name, hint=hint)
    lines = "\n".join(f"  {quoted(name)}: {reason}" for name, reason in refused)
    message = f"the weights of {len(refused)} layers do not fit:\n{lines}"
    return MismatchError(message, layer=refused[0][0], hint=hint)


def _layers(net: Net, states: Sequence[NetState]) -> list[Layer]:
    """Every layer that is active in a state, the first of each name."""
    first: dict[str, Layer] = {}
    for layer in active_layers(net, states):
        first.setdefault(layer.name, layer)
    return list(first.values())


def _shapes(net: Net, states: Sequence[NetState]) -> dict[str, tuple[Shape, ...]]:
    found: dict[str, tuple[Shape, ...]] = {}
    for state in states:
        active = net.filtered(state)
        inferred = infer_shapes(active)
        for layer in active.layers:
            blobs = inferred[layer.index].blobs
            if blobs is not None:
                found.setdefault(layer.name, blobs)
    return found


def _check_names(expand: Mapping[str, str], layers: Sequence[Layer], model: Model) -> None:
    own = {layer.name for layer in layers}
    for new, old in expand.items():
        if new not in own:
            raise SelectionError(f"--expand-score: the new net has no layer {new!r}")
        if old not in model.by_name or not model.by_name[old][-1].blobs:
            weighted = [layer.name for layer in model.layers if layer.blobs]
            raise SelectionError(
                f"--expand-score: the old model has no weights for a layer {old!r}",
                hint=f"it has {listed([*map(quoted, weighted)])}" if weighted else None,
            )


# ── one layer ──


def _grafted(
    layer: Layer,
    expected: Sequence[Shape] | None,
    source: SourceLayer | None,
    expanded: bool,
    flat: bool,
) -> LayerGraft:
    if source is None:
        return _by_filler(layer, expected or ())
    if expected is None:  # a type that is not known: the old blobs as they are
        grafts = tuple(Graft(blob.shape, Origin.COPIED, blob) for blob in source.blobs)
        return LayerGraft(layer, _readable(grafts), source.name)
    told = []
    if len(source.blobs) > len(expected):
        extra = len(source.blobs) - len(expected)
        told.append(f"{extra} of {len(source.blobs)} old blobs dropped: it has {len(expected)}")
    grafts = tuple(
        _graft(position, blob, shape, layer, expanded, flat)
        for position, (blob, shape) in enumerate(zip(source.blobs, expected, strict=False))
    )
    missing = expected[len(grafts) :]
    if missing and grafts:
        grafts += _constants(layer, len(grafts), missing)
        told.append(f"{len(missing)} blobs that the old layer lacks are made by its filler")
    return LayerGraft(layer, _readable(grafts), source.name, tuple(told))


def _readable(grafts: tuple[Graft, ...]) -> tuple[Graft, ...]:
    for position, graft in enumerate(grafts):
        blob = graft.source
        if blob is not None and (blob.problem or blob.absent):
            raise MismatchError(f"old blob {position}: {blob.problem or 'another layer owns it'}")
    return grafts


def _graft(
    position: int, blob: SourceBlob, shape: Shape, layer: Layer, expanded: bool, flat: bool
) -> Graft:
    """One blob; ``MismatchError`` where it does not fit."""
    full = _completed(shape, blob)
    if full is not None and blob.count != prod(blob.shape):
        raise MismatchError(f"old blob {position} has {blob.count:,} values for {dims(blob.shape)}")
    if full is None:
        raise MismatchError(
            f"old blob {position} of shape {dims(blob.shape)} does not fit {_said(shape)}"
        )
    if expanded:
        return _expanded(position, blob, full, layer)
    if blob.fits(full):
        return Graft(full, Origin.COPIED, blob)
    # InnerProduct (O, I) and Convolution (O, C, h, w) are the same memory when O is the same.
    outputs = blob.shape[2] if blob.legacy and position == 0 and blob.shape[:2] == (1, 1) else None
    same_outputs = full[:1] in (blob.shape[:1], (outputs,)) or len(full) == 1
    if blob.count == prod(full) and same_outputs:
        return Graft(full, Origin.COERCED, blob)
    if flat:
        return Graft(full, Origin.FORCED, blob)
    if blob.count == prod(full):
        raise MismatchError(
            f"old blob {position} of shape {dims(blob.shape)} has as many values as {dims(full)}, "
            "but another first axis: other outputs"
        )
    raise MismatchError(
        f"old blob {position} of shape {dims(blob.shape)} has {blob.count:,} values, "
        f"{dims(full)} takes {prod(full):,}"
    )


def _completed(shape: Shape, blob: SourceBlob) -> tuple[int, ...] | None:
    """The new shape, with one length that the net leaves open taken from the old blob."""
    if shape is None:
        return blob.shape
    open_axes = [axis for axis, dim in enumerate(shape) if dim is None]
    known = prod(dim for dim in shape if dim is not None)
    if len(open_axes) > 1 or (open_axes and (not known or blob.count % known)):
        return None
    return tuple(blob.count // known if dim is None else dim for dim in shape)


def _said(shape: Shape) -> str:
    return "(" + ", ".join("?" if dim is None else str(dim) for dim in shape or ()) + ")"


def _expanded(position: int, blob: SourceBlob, full: tuple[int, ...], layer: Layer) -> Graft:
    """The old classes into the first rows of the new ones."""
    own = blob.shape[4 - len(full) :] if blob.legacy else blob.shape  # a bias is (1, 1, 1, N)
    old = own[0] if own else 0
    per_row = blob.count // old if old else 0
    if not full or old > full[0] or per_row != prod(full[1:]):
        raise MismatchError(
            f"old blob {position} of shape {dims(blob.shape)} is not the first rows of {dims(full)}"
        )
    value = _filler_value(layer, position)
    if value is None and old < full[0]:
        raise MismatchError(
            f"rows {old} to {full[0] - 1} of blob {position} would be left to a random filler, "
            "which a file cannot leave to Caffe"
        )
    return Graft(full, Origin.EXPANDED, blob, value or 0.0)


# ── what the old model lacks ──


def _by_filler(layer: Layer, expected: Sequence[Shape]) -> LayerGraft:
    """Constant fillers are carried out, as Caffe would; others are left to Caffe."""
    if not expected:
        return LayerGraft(layer)
    try:
        return LayerGraft(layer, _constants(layer, 0, expected))
    except MismatchError as left:
        return LayerGraft(layer, told=(f"left to Caffe: {left.message}",))


def _constants(layer: Layer, first: int, expected: Sequence[Shape]) -> tuple[Graft, ...]:
    found = []
    for position, shape in enumerate(expected, first):
        value = _filler_value(layer, position)
        full = tuple(dim for dim in shape or () if dim is not None)
        if value is None:
            raise MismatchError(f"blob {position} has a filler that is not constant")
        if shape is None or len(full) < len(shape):
            raise MismatchError(
                f"the net does not tell the shape of blob {position}: {_said(shape)}"
            )
        found.append(Graft(full, Origin.CONSTANT, value=value))
    return tuple(found)


# Where a layer's fillers stand, by the blob's position, and Caffe's default value without one.
_FILLERS: Mapping[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    "Convolution": ("convolution_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "Deconvolution": ("convolution_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "InnerProduct": ("inner_product_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "Embed": ("embed_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "PReLU": ("prelu_param", (("filler", 0.25),)),
    "Scale": ("scale_param", (("filler", 1.0), ("bias_filler", 0.0))),
    "Bias": ("bias_param", (("filler", 0.0),)),
    "BatchNorm": ("", (("", 0.0), ("", 0.0), ("", 0.0))),
}


def _filler_value(layer: Layer, position: int) -> float | None:
    """The constant that Caffe would fill the blob with; ``None`` where it would not."""
    param, fillers = _FILLERS.get(layer.type, ("", ()))
    if position >= len(fillers):
        return None
    name, default = fillers[position]
    message: Message = layer.message.message(param)
    if not name or name not in message:
        return default
    filler = message.message(name)
    return filler.number("value", 0.0) if filler.text("type", "constant") == "constant" else None


def _with_shared(
    graft: LayerGraft,
    expected: Sequence[Shape] | None,
    found: Mapping[str, LayerGraft],
    shared: Mapping[tuple[str, int], tuple[str, int]],
) -> LayerGraft:
    """A blob that an earlier layer owns gets that one's values: the last copy loaded wins."""
    blobs = list(graft.blobs)
    for position in range(len(expected or ())):
        owner, at = shared.get((graft.layer.name, position), ("", 0))
        theirs = found[owner].blobs[at : at + 1] if owner in found else ()
        if theirs and position < len(blobs) and blobs[position].origin is Origin.CONSTANT:
            blobs[position] = theirs[0]
        elif theirs and graft.old is None and position == len(blobs):
            blobs.append(theirs[0])
    if len(blobs) not in (0, len(expected or blobs)):
        blobs = []  # a layer without all its blobs would stop Caffe
    return LayerGraft(graft.layer, tuple(blobs), graft.old, graft.told)


# ── the new net's weights as a model ──


def as_model(grafting: Grafting, model: Model, upsampling: Sequence[str]) -> Model:
    """The new net's layers with blobs whose values are read from the old model's.

    Layers in ``upsampling`` that no old one feeds are without blobs: their weights are to be made.
    """
    storage = Storage.DOUBLE_DATA if model.dtype == "<f8" else Storage.DATA
    layers = []
    for each in grafting.layers:
        grafts = () if each.old is None and each.layer.name in upsampling else each.blobs
        blobs = tuple(
            SourceBlob(
                graft.shape,
                Made(prod(graft.shape), storage, partial(_values, graft, model, storage.dtype)),
            )
            for graft in grafts
        )
        layers.append(SourceLayer(each.layer.name, each.layer.type, Version.V2, blobs))
    return Model(model.source, Version.V2, tuple(layers), _made)


def _made(blob: SourceBlob) -> Iterator[Array]:
    assert isinstance(blob.place, Made)
    return blob.place.values()


def _values(graft: Graft, model: Model, dtype: str) -> Iterator[Array]:
    """The new blob's values in flat pieces."""
    import numpy as np

    wanted, done = prod(graft.shape), 0
    while graft.source is not None and graft.source.count and done < wanted:
        for values in model.values(graft.source):
            piece = values[: wanted - done].astype(dtype, copy=False)
            done += piece.size
            yield piece
        if graft.origin is not Origin.FORCED:
            break  # only FCN's own way repeats what is too short
    while done < wanted:
        count = min(_AT_ONCE, wanted - done)
        done += count
        yield np.full(count, graft.value, dtype)
