"""How many axes a blob has whose producer leaves it open: what the net and weights say of it.

Most layers keep the number of axes, so that a blob has as many as those before and behind it. The
net's own layers come first (a Pooling has images of four), then a model's weights (a kernel of
three axes slides over five), then a filler that only makes kernels of two. Layers of unknown types
are taken to keep the number where nothing else says it, those of forks that resize images last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer

    from .geometry import Shape

Blob: TypeAlias = tuple[int | None, int | str]
"""A blob as it was made: the layer's index and the top's position, or ``None`` and its name."""

CONVOLUTIONS: Final = frozenset({"Convolution", "Deconvolution", "DepthwiseConvolution"})

# Layers whose first top has as many axes as their first bottom. Not MVN, whose top has four.
KEEPS_AXES: Final = CONVOLUTIONS | frozenset(
    {"AbsVal", "BNLL", "Clip", "Dropout", "ELU", "Exp", "Log", "PReLU", "Power", "ReLU", "ReLU6"}
    | {"Sigmoid", "Softmax", "SpatialDropout", "Swish", "TanH", "Threshold", "Bias", "Scale"}
    | {"BN", "BatchNorm", "LRN", "Normalize", "Split", "Eltwise", "BatchReindex", "Filter"}
    | {"Pooling", "UnPooling", "Unpooling", "Upsample", "Interp", "Resample", "Downsample"}
    | {"ImResize", "SimpleCrop", "AutoCrop", "Crop", "Concat", "Slice", "Tile", "Permute", "Im2col"}
    | {"Correlation", "Reorg", "NdConvolution", "NdPooling"}
    | {"CONVOLUTION3D", "DECONVOLUTION3D", "POOLING3D"}
)
RESIZING: Final = frozenset(
    {"Downsample", "ImResize", "Interp", "Resample", "SimpleCrop"}
    | {"UnPooling", "Unpooling", "Upsample"}
)
# Those whose bottoms all have as many, and those whose tops have.
_ALIKE_BELOW: Final = CONVOLUTIONS | {"Eltwise", "Concat", "Crop", "AutoCrop"}
_ALIKE_ABOVE: Final = CONVOLUTIONS | {"Slice", "Split", "Pooling"}


def axes_found(
    layers: Sequence[Layer],
    tops: Mapping[int, tuple[Shape, ...]],
    weights: Mapping[str, Sequence[Sequence[int]]],
    known_types: Collection[str],
) -> dict[Blob, int]:
    """The number of axes of each blob, as far as anything says it and nothing contradicts.

    ``tops`` by a layer's index are what its rule says, ``weights`` a model's blob shapes by layer
    name. What becomes of the axes in layers of other than ``known_types`` is unknown.
    """
    joined = _Blobs(layers)
    known: dict[Blob, int] = {}  # 0 where evidence contradicts itself
    shapes = ((blob, len(shape)) for blob, shape in joined.shapes(tops) if shape is not None)
    for evidence in (shapes, _by_weights(joined, weights), _by_fillers(joined)):
        _add(known, joined, evidence)
    _keep(known, joined, known_types)
    _add(known, joined, _by_forks(joined))
    _keep(known, joined, known_types)
    counted = ((blob, known.get(joined.first(blob), 0)) for blob in joined.before)
    return {blob: axes for blob, axes in counted if axes}


def _add(known: dict[Blob, int], joined: _Blobs, evidence: Iterable[tuple[Blob, int]]) -> None:
    """What evidence says where nothing stronger does; nothing weaker is asked where it differs."""
    found: dict[Blob, set[int]] = {}
    for blob, axes in evidence:
        found.setdefault(joined.first(blob), set()).add(axes)
    for blob, counts in found.items():
        known.setdefault(blob, counts.pop() if len(counts) == 1 else 0)


def _keep(known: dict[Blob, int], joined: _Blobs, known_types: Collection[str]) -> None:
    """Layers of other types keep the number of axes where nothing else says it."""
    for layer, bottoms, made in joined.layers:
        if layer.type not in known_types and bottoms:
            axes = known.get(joined.first(bottoms[0]), 0)
            for top in made if axes else ():
                known.setdefault(joined.first(top), axes)


class _Blobs:
    """The blobs of a net, those put together that have one number of axes."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers: list[tuple[Layer, list[Blob], list[Blob]]] = []
        self.before: dict[Blob, Blob] = {}
        current: dict[str, Blob] = {}
        for layer in layers:
            bottoms = [current.setdefault(name, (None, name)) for name in layer.bottom]
            tops: list[Blob] = [(layer.index, at) for at in range(len(layer.top))]
            current.update(zip(layer.top, tops, strict=True))
            for blob in (*bottoms, *tops):
                self.before.setdefault(blob, blob)
            self.layers.append((layer, bottoms, tops))
            self._join(_alike(layer, bottoms, tops))

    def first(self, blob: Blob) -> Blob:
        """The blob that stands for all that are put together with this one."""
        while self.before[blob] != blob:
            self.before[blob] = self.before[self.before[blob]]
            blob = self.before[blob]
        return blob

    def _join(self, blobs: Iterable[Blob]) -> None:
        heads = [self.first(blob) for blob in blobs]
        for head in heads[1:]:
            self.before[self.first(head)] = self.first(heads[0])

    def shapes(self, tops: Mapping[int, tuple[Shape, ...]]) -> Iterator[tuple[Blob, Shape]]:
        """Each top and its shape."""
        for layer, _, made in self.layers:
            yield from zip(made, tops[layer.index], strict=True)


def _alike(layer: Layer, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> Sequence[Blob]:
    if layer.type not in KEEPS_AXES:
        return ()
    below = bottoms if layer.type in _ALIKE_BELOW else bottoms[:1]
    return (*below, *(tops if layer.type in _ALIKE_ABOVE else tops[:1])) if below else ()


def _by_weights(
    joined: _Blobs, weights: Mapping[str, Sequence[Sequence[int]]]
) -> Iterator[tuple[Blob, int]]:
    """A weight (O, C/G, *kernel) or (C, O/G, *kernel) has the axes behind the channels."""
    for layer, bottoms, _ in joined.layers:
        blobs, param = weights.get(layer.name, ()), layer.convolution_param
        if layer.type not in CONVOLUTIONS or not bottoms or not blobs or param.axis < 0:
            continue
        shape = blobs[0]
        # Two axes alone are an InnerProduct's of this name, which is to become a Convolution.
        other = layer.type != "Deconvolution" and shape[:1] != (param.num_output,)
        if len(shape) > 2 and not other:
            yield bottoms[0], param.axis + len(shape) - 1


def _by_fillers(joined: _Blobs) -> Iterator[tuple[Blob, int]]:
    """BilinearFiller makes weights of four axes only (filler.hpp)."""
    for layer, bottoms, _ in joined.layers:
        param = layer.convolution_param
        filler = param.weight_filler if layer.type in CONVOLUTIONS else None
        if filler is not None and filler.type == "bilinear" and bottoms and param.axis >= 0:
            yield bottoms[0], param.axis + 3


def _by_forks(joined: _Blobs) -> Iterator[tuple[Blob, int]]:
    """Layers that resize images, in all the forks that are known; another may resize volumes."""
    for layer, bottoms, _ in joined.layers:
        if layer.type in RESIZING and bottoms:
            yield bottoms[0], 4
