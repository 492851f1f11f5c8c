"""Caffe's upgrade chain on a binary model, as values: old layers as today's.

Facts: Caffe ``src/caffe/util/upgrade_proto.cpp``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .copy_fields import fields_by_name
from .input_fields import INPUT_FIELDS, input_layer
from .model import Model, Version, refuse_mixed
from .upgraded_layers import UpgradedLayer, batch_norm, c3d_layer, lost, v0_layers, v1_layer
from .wire import BufferedSource, Field

_NET = "NetParameter"
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
        layer = input_layer(window, known, axes=5 if model.of_c3d else 4)
        gone += [field for name in INPUT_FIELDS for field in known.get(name, ())]
        names = ", ".join(repr(window.text(field)) for field in known["input"])
        notes.append(
            f"input {names} became the layer 'input'"
            if layer
            else f"input {names} dropped, as Caffe does: it has no shape"
        )
    dropped = tuple(sorted((field.tag, field.stop) for field in gone))
    return Upgrade(layers, layer, dropped, tuple(notes))
