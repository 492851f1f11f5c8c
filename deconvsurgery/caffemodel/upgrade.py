"""Caffe's upgrade chain on a binary model, as values: old layers as today's.

Facts: Caffe ``src/caffe/util/upgrade_proto.cpp``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from deconvsurgery.errors import ModelError
from deconvsurgery.named_tuple import NamedTuple

from .copy_fields import (
    field_values,
    fields_by_name,
    joined_fields,
    named_field,
    number_of,
    ranges_of,
    renumbered,
)
from .model import Model, Version, refuse_mixed
from .upgraded_layers import UpgradedLayer, batch_norm, c3d_layer, lost, v0_layers, v1_layer
from .wire import BufferedSource, Field, int32, varint

_NET, _LAYER = "NetParameter", "LayerParameter"
_INPUT_FIELDS: Final = ("input", "input_dim", "input_shape")
# UpgradeV0Net copies these and no other; what a fork added goes with the rest.
_V0_NET = frozenset({"name", "layers", "input", "input_dim", "force_backward"})


class Upgrade(NamedTuple):
    """What Caffe's upgrade makes of a model.

    ``layers`` goes by position in ``model.layers``: ``None`` where a layer goes (V0's padding),
    absent where nothing is to be done. ``input_layer`` is a whole ``layer`` field to put before
    the first layer, ``dropped`` the byte ranges of top-level fields that are cleared.
    """

    layers: Mapping[int, UpgradedLayer | None]
    input_layer: bytes | None
    dropped: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]


def upgrade(model: Model) -> Upgrade:
    """What has to change for the file to hold what Caffe would make of it in memory.

    Raises ``MismatchError`` for V1 and V2 layers in one file, ``ModelError`` where Caffe would
    stop, read what is not there, or lose weights without a word.
    """
    refuse_mixed(model)
    window = BufferedSource(model.source)
    layers: dict[int, UpgradedLayer | None] = {}
    if model.version is Version.V0:
        layers.update(v0_layers(window, model.layers))
    elif model.version is Version.V1:
        upgraded = c3d_layer if model.of_c3d else v1_layer
        layers.update((index, upgraded(window, layer)) for index, layer in enumerate(model.layers))
    else:
        # UpgradeNetBatchNorm: only here, as no type of V0 or V1 becomes BatchNorm.
        for index, layer in enumerate(model.layers):
            if layer.type == "BatchNorm" and (fixed := batch_norm(window, layer)):
                layers[index] = fixed
    return _with_net_fields(window, model, layers)


def _with_net_fields(
    window: BufferedSource, model: Model, layers: Mapping[int, UpgradedLayer | None]
) -> Upgrade:
    """``UpgradeNetInput``, and the fields of a V0 net that go."""
    known, strange = fields_by_name(window, _NET, [(0, model.source.size)])
    gone: list[Field] = []
    notes: list[str] = []
    if model.version is Version.V0:
        gone += strange
        for name in [name for name in known if name not in _V0_NET]:
            gone += known.pop(name)
            notes.append(f"{name} dropped, as Caffe does for a V0 net")
        notes += lost(_NET, strange)
    layer = None
    if "input" in known:
        layer = _input_layer(window, known, axes=5 if model.of_c3d else 4)
        gone += [field for name in _INPUT_FIELDS for field in known.get(name, ())]
        names = ", ".join(repr(window.text(field)) for field in known["input"])
        notes.append(
            f"input {names} became the layer 'input'"
            if layer
            else f"input {names} dropped, as Caffe does: it has no shape"
        )
    dropped = tuple(sorted((field.tag, field.stop) for field in gone))
    return Upgrade(layers, layer, dropped, tuple(notes))


def _input_layer(
    window: BufferedSource, known: Mapping[str, Sequence[Field]], *, axes: int = 4
) -> bytes | None:
    """The Input layer that Caffe makes of input and its shapes; ``None`` when there are none.

    ``axes`` are those of an input that only has input_dim.
    """
    inputs = known["input"]
    shapes = [window.bytes(*each) for each in ranges_of(known.get("input_shape", ()))]
    dims = [
        int32(value) & 0xFFFF_FFFF_FFFF_FFFF
        for value, _ in field_values(window, _NET, known.get("input_dim", ()))
    ]
    if not shapes and not dims:
        return None
    count, needed, name = len(shapes), len(inputs), "input_shape"
    if not shapes:
        count, needed, name = len(dims), len(inputs) * axes, "input_dim"
        each = [dims[first : first + axes] for first in range(0, needed, axes)]
        shapes = [named_field("BlobShape", "dim", b"".join(map(varint, one)))[1] for one in each]
    if count < needed:
        raise ModelError(
            f"{len(inputs)} input need {needed} {name}, and the file has {count}",
            offset=inputs[0].tag,
            hint="Caffe would read what is not there; the file is damaged or not whole",
        )
    param = [named_field("InputParameter", "shape", shape) for shape in shapes[: len(inputs)]]
    parts = [named_field(_LAYER, "name", b"input"), named_field(_LAYER, "type", b"Input")]
    parts += renumbered(window, number_of(_LAYER, "top"), inputs)
    parts.append(named_field(_LAYER, "input_param", joined_fields("InputParameter", param)))
    return named_field(_NET, "layer", joined_fields(_LAYER, parts))[1]
