"""The Input layer that Caffe makes of a model's ``input``, ``input_dim`` and ``input_shape``.

Facts: ``UpgradeNetInput`` in Caffe's ``src/caffe/util/upgrade_proto.cpp``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from deconvsurgery.errors import ModelError

from .copy_fields import field_values, joined_fields, named_field, number_of, ranges_of, renumbered
from .wire import BufferedSource, Field, int32, varint

INPUT_FIELDS: Final = ("input", "input_dim", "input_shape")
_NET, _LAYER = "NetParameter", "LayerParameter"


def input_layer(
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
