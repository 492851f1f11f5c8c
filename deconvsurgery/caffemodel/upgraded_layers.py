"""Layers of a binary model as Caffe's upgrade makes them: V0, C3D's, V1, and today's BatchNorm.

A field moves by giving its payload, byte for byte, the number it has today; what a fork put inside
goes along unseen. Facts: Caffe ``src/caffe/util/upgrade_proto.cpp``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from deconvsurgery.caffe_fields import V0_TYPES, V1_NUMBERS, V1_TYPES, LayerField, V1LayerField
from deconvsurgery.errors import ModelError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import NetMessage, Value
from deconvsurgery.prototxt.upgrade import (
    PARAM_LISTS,
    TRANSFORM,
    TRANSFORM_FROM,
    Unpadded,
    unpadded,
    v0_place,
)

from .copy_fields import (
    Parts,
    SortedFields,
    as_they_stand,
    field_values,
    fields_by_name,
    joined_fields,
    known_fields,
    message_in,
    named_field,
    number_of,
    ranges_of,
    renumbered,
    same_fields,
    whole_field,
)
from .wire import I32, VARINT, BufferedSource, Field, encoded, uint32, varint

if TYPE_CHECKING:
    from .model import SourceLayer

_V2, _V1, _V0 = "LayerParameter", "V1LayerParameter", "V0LayerParameter"
_V0_OWN = frozenset({"name", "type", "blobs", "blobs_lr", "weight_decay"})


class UpgradedLayer(NamedTuple):
    """A layer as a V2 LayerParameter, but for its blobs, which go between ``head`` and ``tail``.

    ``head`` are the bytes of the fields numbered below 7 (name, type, bottom, top, loss_weight,
    param), ``tail`` of those above, each in the order protobuf would write them. ``notes`` say
    in words what was lost or moved.
    """

    head: bytes
    tail: bytes
    notes: tuple[str, ...]


def _range(layer: SourceLayer) -> tuple[int, int]:
    return layer.frames[0].start, layer.frames[0].stop


def _layer(parts: Parts, notes: Iterable[str]) -> UpgradedLayer:
    head = [part for part in parts if part[0] < LayerField.BLOBS]
    tail = [part for part in parts if part[0] > LayerField.BLOBS]
    return UpgradedLayer(joined_fields(_V2, head), joined_fields(_V2, tail), tuple(notes))


def lost(message: str, strange: Iterable[Field]) -> Iterator[str]:
    """What is forgotten because Caffe's message has no such field, or not such a one."""
    for number in dict.fromkeys(field.number for field in strange):
        entry = known_fields(message).get(number)
        if entry is None:
            yield f"fork field {number} dropped, as Caffe does"
        elif (message, entry.name) != (_V1, "type"):
            yield f"{entry.name} dropped, as Caffe does: it is not as Caffe writes it"


def _params(window: BufferedSource, message: str, known: Mapping[str, Sequence[Field]]) -> Parts:
    """As many ``param`` as the longest of the lists has; each says what was given."""
    columns = []
    for old, new in PARAM_LISTS.items():
        number = number_of("ParamSpec", new)
        wire_type = known_fields("ParamSpec")[number].wire_type
        each = field_values(window, message, known.get(old, ()))
        columns.append([whole_field(number, wire_type, payload) for _, payload in each])
    return [
        named_field(_V2, "param", b"".join(spec)) for spec in zip_longest(*columns, fillvalue=b"")
    ]


# --- V1


def v1_layer(window: BufferedSource, layer: SourceLayer) -> UpgradedLayer:
    """``UpgradeV1LayerParameter``, after ``UpgradeNetDataTransformation``."""
    known, strange = fields_by_name(window, _V1, [_range(layer)])
    parts: Parts = []
    notes: list[str] = []
    if "type" in known:
        kind = V1_NUMBERS[uint32(known["type"][0].value)]
        parts.append(named_field(_V2, "type", kind.encode()))
        moved, names = _transform(window, TRANSFORM_FROM.get(kind, ""), known)
        parts += moved
        notes += [f"{name} moved to transform_param" for name in names]
    else:
        said = [field.value for field in strange if field.number == V1LayerField.TYPE]
        notes.append(
            f"type {said[-1]} dropped, as Caffe does: it knows none of that number"
            if said
            else "has no type, and gets none"
        )
    for name, number in same_fields(_V1, _V2).items():
        if name in known and name != "blobs":
            parts += renumbered(window, number, known[name])
    parts += _params(window, _V1, known)
    return _layer(parts, [*notes, *lost(_V1, strange)])


def c3d_layer(window: BufferedSource, layer: SourceLayer) -> UpgradedLayer:
    """As `v1_layer`, but for parameters: C3D 1.0 numbers the fields of its messages its own way.

    Loading weights needs none of them.
    """
    known, _ = fields_by_name(window, _V1, [_range(layer)])
    parts: Parts = []
    notes: list[str] = []
    if layer.type.startswith("V1 type"):
        notes.append(f"type {layer.type.removeprefix('V1 type ')} dropped: only C3D knows it")
    elif layer.type:
        parts.append(named_field(_V2, "type", layer.type.encode()))
    for name in _C3D_CARRIED:
        parts += renumbered(window, number_of(_V2, name), known.get(name, ()))
    lists = {name: known[name] for name in _C3D_LISTS if name in known}
    parts += _params(window, _V1, lists)
    others = [name for name in known if name not in (*_C3D_CARRIED, *lists, "type", "blobs")]
    notes += [f"{name} dropped: C3D numbers its fields in another way" for name in others]
    return _layer(parts, notes)


_C3D_CARRIED = ("name", "bottom", "top")
_C3D_LISTS = ("blobs_lr", "weight_decay")


def _transform(
    window: BufferedSource, name: str, known: dict[str, list[Field]]
) -> tuple[Parts, tuple[str, ...]]:
    """A data layer's own message without what is transform_param's today, and transform_param.

    If anything moves, both are taken out of ``known``; the second value names what did.
    """
    if name not in known:
        return [], ()
    old, new = message_in(_V1, name), message_in(_V1, "transform_param")
    inner = fields_by_name(window, old, ranges_of(known[name])).known
    moved = tuple(field for field in TRANSFORM if field in inner)
    if not moved:
        return [], ()
    own = as_they_stand(
        window, ranges_of(known.pop(name)), but={number_of(old, field) for field in moved}
    )
    # What moves overwrites what is there.
    numbers = {field: number_of(new, field) for field in moved}
    there = ranges_of(known.pop("transform_param", ()))
    transform = as_they_stand(window, there, but=set(numbers.values()))
    for field, number in numbers.items():
        transform += renumbered(window, number, inner[field])
    return [
        named_field(_V2, name, joined_fields(old, own)),
        named_field(_V2, "transform_param", joined_fields(new, transform)),
    ], moved


# --- V0


def v0_layers(
    window: BufferedSource, layers: Sequence[SourceLayer]
) -> Iterator[tuple[int, UpgradedLayer | None]]:
    """``UpgradeV0Net``: padding layers go, the others come out of their connections."""
    outer = [fields_by_name(window, _V1, [_range(layer)]) for layer in layers]
    inner = [fields_by_name(window, _V0, ranges_of(each.known.get("layer", ()))) for each in outer]
    connections = [_connection(window, *each) for each in zip(outer, inner, strict=True)]
    kept = {each.index: each for each in unpadded(connections)}
    for index, layer in enumerate(layers):
        if index not in kept:
            yield index, None
            continue
        refused = kept[index].refused
        kinds = connections[index].message("layer").texts("type")
        if "blobs" in outer[index].known:
            refused = "its weights stand outside a V0 layer, where Caffe drops them"
        elif not refused and kinds and kinds[0] not in V0_TYPES:
            refused = f"Caffe knows no V0 layer of type {kinds[0]!r}"
        if refused:
            raise ModelError(
                f"layer {layer.name!r}: {refused}",
                offset=layer.frames[0].start,
                layer=layer.name,
                hint="upgrade the file with the Caffe that wrote it",
            )
        yield index, _v0_layer(window, outer[index], inner[index], kept[index])


def _connection(window: BufferedSource, outer: SortedFields, inner: SortedFields) -> NetMessage:
    """As much of a connection as the rule of the padding layers looks at."""

    def texts(found: SortedFields, name: str) -> list[tuple[str, Value]]:
        return [(name, window.text(field)) for field in found.known.get(name, ())]

    pad = [("pad", uint32(field.value)) for field in inner.known.get("pad", ())]
    layer = NetMessage((*texts(inner, "name"), *texts(inner, "type"), *pad))
    return NetMessage((*texts(outer, "bottom"), *texts(outer, "top"), ("layer", layer)))


def _v0_layer(
    window: BufferedSource, outer: SortedFields, inner: SortedFields, kept: Unpadded
) -> UpgradedLayer:
    """``UpgradeV0LayerParameter``, and what V1's upgrade makes of that."""
    kind = window.text(inner.known["type"][0]) if "type" in inner.known else ""
    parts = renumbered(window, LayerField.NAME, inner.known.get("name", ()))
    if kind:
        parts.append(named_field(_V2, "type", V1_TYPES[V0_TYPES[kind]].encode()))
    for bottom in kept.bottom:
        parts.append(named_field(_V2, "bottom", encoded(bottom)))
    parts += renumbered(window, LayerField.TOP, outer.known.get("top", ()))
    parts += _params(window, _V0, inner.known)
    notes = [] if "layer" in outer.known else ["has no V0 layer inside; bottom and top are all"]
    beside = [name for name in outer.known if name not in ("layer", "bottom", "top")]
    notes += [f"{name} beside the V0 layer dropped, as Caffe does" for name in beside]
    inside: dict[str, Parts] = {}
    for name in (name for name in inner.known if name not in _V0_OWN):
        place = v0_place(kind, name)
        if not place:
            notes.append(f"{name} dropped, as Caffe does: type {kind!r} has no place for it")
        elif len(place) == 1:
            parts += renumbered(window, number_of(_V2, name), inner.known[name])
        else:
            number = number_of(message_in(_V2, place[0]), place[1])
            inside.setdefault(place[0], []).extend(renumbered(window, number, inner.known[name]))
    if kept.pad is not None:
        message, name = v0_place(kind, "pad")
        number = number_of(message_in(_V2, message), name)
        others = [part for part in inside.get(message, ()) if part[0] != number]
        inside[message] = [*others, (number, whole_field(number, VARINT, varint(kept.pad)))]
        notes.append(
            f"pad {kept.pad} and the bottom taken over from padding layer {kept.padding!r}"
        )
    for name, moved in inside.items():
        parts.append(named_field(_V2, name, joined_fields(message_in(_V2, name), moved)))
    return _layer(parts, [*notes, *lost(_V1, outer.strange), *lost(_V0, inner.strange)])


# --- V2


def batch_norm(window: BufferedSource, layer: SourceLayer) -> UpgradedLayer | None:
    """``UpgradeNetBatchNorm``: its three blobs are statistics and must not be learnt."""
    params = fields_by_name(window, _V2, [_range(layer)]).known.get("param", ())
    if len(params) != 3:
        return None
    names = ("lr_mult", "decay_mult")
    numbers = {number_of("ParamSpec", name) for name in names}
    zeros = [(number, whole_field(number, I32, bytes(4))) for number in sorted(numbers)]
    parts: Parts = []
    done = True
    for param in ranges_of(params):
        known = fields_by_name(window, "ParamSpec", [param]).known
        given = [window.bytes(*each) for name in names for each in ranges_of(known.get(name, ()))]
        done = done and given == [bytes(4)] * 2
        spec = as_they_stand(window, [param], but=numbers) + zeros
        parts.append(named_field(_V2, "param", joined_fields("ParamSpec", spec)))
    if done:
        return None
    rest = {LayerField.BLOBS, number_of(_V2, "param")}
    parts += as_they_stand(window, [_range(layer)], but=rest)
    return _layer(parts, ["lr_mult and decay_mult of its three params set to 0"])
