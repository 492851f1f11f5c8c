"""Which blobs cannot be joined to the layers that read and make them, as Caffe puts a net together.

Sources: ``insert_splits.cpp`` (``InsertSplits``), ``net.cpp`` (``AppendTop``, ``AppendBottom``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from deconvsurgery.named_tuple import NamedTuple

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, Net


class Fault(StrEnum):
    """Why Caffe stops at a blob of a layer."""

    UNKNOWN_BOTTOM = "unknown-bottom"
    TOP_TWICE = "top-twice"
    SPLIT_IN_PLACE = "split-in-place"


class Unjoined(NamedTuple):
    """A blob at which Caffe stops, and the layer; ``earlier`` is the one that makes it, too."""

    layer: Layer
    blob: str
    fault: Fault
    earlier: Layer | None = None


def unjoined(net: Net) -> tuple[Unjoined, ...]:
    """Every blob of a net filtered for one state that cannot be joined, in the net's order.

    A top may bear the name of the bottom at its own place, which the layer then works on in place:
    as long as nothing else reads that. Where several do, or where it is a loss, Caffe puts a Split
    in front of them, and the name is no longer the bottom's.
    """
    readers, read_by = _readers(net)
    found: list[Unjoined] = []
    makers: dict[str, Layer] = {}
    for layer in net.layers:
        versions = read_by[layer.index]
        if None in versions:
            found += [
                Unjoined(layer, name, Fault.UNKNOWN_BOTTOM)
                for name, version in zip(layer.bottom, versions, strict=True)
                if version is None
            ]
        for place, name in enumerate(layer.top):
            in_place = place < len(layer.bottom) and layer.bottom[place] == name
            version = versions[place] if in_place else None
            if version is not None and readers[version] > 1:
                found.append(Unjoined(layer, name, Fault.SPLIT_IN_PLACE, makers[name]))
            elif not in_place and name in makers:
                found.append(Unjoined(layer, name, Fault.TOP_TWICE, makers[name]))
            makers.setdefault(name, layer)
    return tuple(found)


def _readers(net: Net) -> tuple[list[int], dict[int, list[int | None]]]:
    """How often each version of a blob is read, and by layer which versions its bottoms are."""
    current: dict[str, int] = {}
    readers: list[int] = []
    read_by: dict[int, list[int | None]] = {}
    for layer in net.layers:
        read_by[layer.index] = versions = [current.get(name) for name in layer.bottom]
        for version in versions:
            if version is not None:
                readers[version] += 1
        for name in layer.top if not dropped_input(layer) else ():
            current[name] = len(readers)
            readers.append(0)
        weights = layer.message.all("loss_weight")
        for name, weight in zip(layer.top, weights, strict=False) if weights else ():
            if weight and name in current:
                readers[current[name]] += 1
    return readers, read_by


def cleared_losses(net: Net) -> frozenset[int]:
    """Layers, by index, of which Caffe takes every ``loss_weight`` away before it sets them up.

    A top that has one and is read as well is split, and its Split has the weight then
    (``InsertSplits``: ``layer_param->clear_loss_weight()``).
    """
    if not any("loss_weight" in layer.message for layer in net.layers):
        return frozenset()
    readers, _ = _readers(net)
    found = set()
    version = 0
    for layer in net.layers:
        tops = () if dropped_input(layer) else layer.top
        weights = layer.message.all("loss_weight")
        weighted = zip(range(version, version + len(tops)), weights, strict=False)
        if any(weight and readers[made] > 1 for made, weight in weighted):
            found.add(layer.index)
        version += len(tops)
    return frozenset(found)


def dropped_input(layer: Layer) -> bool:
    """``input`` without a size, which Caffe's upgrade leaves out (upgrade_proto.cpp)."""
    made_of_input = layer.type == "Input" and not layer.line and bool(layer.message.fields)
    return made_of_input and not layer.message.message("input_param").fields
