"""Blobs that layers share by a param's name: where Caffe stops as they are not alike.

Source: ``Net::AppendParam`` (net.cpp). The first layer in a state owns the blob.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import dims, quoted

from .geometry import Shape, merged, product

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, Net, NetMessage

    from .infer import LayerShapes


class _Owner(NamedTuple):
    layer: Layer
    shape: Shape
    rates: dict[str, float]
    """lr_mult and decay_mult as they were first given, by the fields' names."""


def unlike_sharers(net: Net, shapes: Mapping[int, LayerShapes]) -> dict[int, str]:
    """Why Caffe stops at a layer that shares a blob, by ``Layer.index``; the first reason."""
    found: dict[int, str] = {}
    owners: dict[str, _Owner] = {}
    for layer in net.layers:
        if not layer.param:
            continue
        blobs = shapes[layer.index].blobs
        specs = layer.message.messages("param")  # also of V1, which is upgraded when it is read
        for position, (spec, text) in enumerate(zip(layer.param, specs, strict=True)):
            if not spec.name or (blobs is not None and position >= len(blobs)):
                continue
            shape = blobs[position] if blobs is not None else None
            owner = owners.get(spec.name)
            if owner is None:
                owners[spec.name] = _Owner(layer, shape, _rates(text))
                continue
            reason = next(_unlike(spec.name, text, shape, owner), None)
            if reason is not None:
                found.setdefault(layer.index, reason)
            for field, rate in _rates(text).items():
                owner.rates.setdefault(field, rate)
    return found


def _rates(spec: NetMessage) -> dict[str, float]:
    return {name: spec.number(name, 1.0) for name in ("lr_mult", "decay_mult") if name in spec}


def _unlike(name: str, spec: NetMessage, shape: Shape, owner: _Owner) -> Iterator[str]:
    its = f"its blob {quoted(name)}"
    with_it = f"layer {quoted(owner.layer.name)}"
    if shape is not None and owner.shape is not None:
        if spec.text("share_mode", "STRICT") == "PERMISSIVE":
            one, other = product(shape), product(owner.shape)
            if None not in (one, other) and one != other:
                yield f"{its} has {one} values, {with_it} shares it with {other}"
        elif not merged([shape, owner.shape])[1]:
            yield f"{its} is of {dims(shape)}, {with_it} shares it as {dims(owner.shape)}"
    for field, rate in _rates(spec).items():
        if owner.rates.get(field, rate) != rate:
            yield f"{field} of {its} is {rate:g}, of {with_it}, which shares it, not"
