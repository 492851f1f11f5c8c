"""Where a Deconvolution's output lies in the image, and the offsets that Crops should have.

Maps are followed along first bottoms to a root (a blob that no known layer makes); two blobs of one
root can be compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.shapes.layers.joins import offsets_for

from .coordinates import AxisMap, CoordinateMap, composed, inverted, layer_map
from .infer import RULES, LayerShapes
from .placement import HALF, CropFacts, Placement

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, Net

    from .geometry import Shape, Window


# Of more deconvolutions without a Crop in between the last ones are remembered.
_MOST_PENDING: Final = 32
# Of how many of them each layer behind is asked whether it corrects them.
_MOST_WAITING: Final = 8
# With how many others each of a layer's bottoms is compared.
_MOST_JOINED: Final = 32
_CROPS: Final = frozenset({"Crop", "AutoCrop"})


def placements(net: Net, shapes: Mapping[int, LayerShapes]) -> tuple[Placement, ...]:
    """Every Deconvolution of a net filtered for one state, in its order; linear in its length.

    One whose number of axes is unknown is not among them. ``shapes`` are those of the net's layers
    by their index.
    """
    walk = _Walk(shapes, old=net.version != "V2")
    for layer in net.layers:
        walk.add(layer)
    return tuple(walk.found[index] for index in sorted(walk.found))


# ── the walk ─────────────────────────────────────────────────────────────────────────────


class _Blob(NamedTuple):
    """A blob as it was last made: its map from ``root``, deconvolutions with no Crop since.

    ``coarsest`` is the map of the blob that it was enlarged from: the last that a stride made.
    """

    root: int
    map: CoordinateMap = ()
    pending: tuple[int, ...] = ()
    from_input: bool = False
    coarsest: CoordinateMap = ()

    @property
    def grid(self) -> tuple[int, tuple[Fraction, ...]]:
        """What blobs have in common whose coordinates agree but for a shift."""
        scales = tuple(each.scale for each in self.map)
        return self.root, scales if set(scales) - {1} else ()


class _Walk:
    """The blobs of a net in its order, and what became of its deconvolutions."""

    def __init__(self, shapes: Mapping[int, LayerShapes], *, old: bool) -> None:
        self.shapes = shapes
        self.old = old  # V1 knows no Crop but the forks'
        self.blobs: dict[str, _Blob] = {}
        self.found: dict[int, Placement] = {}
        self.below: dict[int, _Blob] = {}  # what each deconvolution reads
        self.scales: dict[int, list[Fraction]] = {}  # and how fine what it makes is
        self.roots = 0

    def add(self, layer: Layer) -> None:
        bottoms = [self._bottom(name) for name in layer.bottom]
        if not bottoms:
            for top in layer.top:
                self.blobs[top] = self._root(from_input=True)
            return
        if layer.type in _CROPS and len(bottoms) == 2:
            made: _Blob | None = self._cropped(layer, bottoms[0], bottoms[1])
        else:
            if len(bottoms) > 1:
                self._join(bottoms)
            if layer.type not in RULES or layer.type == "Python" or "Crop" in layer.type:
                self._mark(bottoms, lambda each: each._replace(lost=True))
            own = layer_map(layer, self.shapes[layer.index].window)
            made = self._mapped(layer, bottoms, own)
            if made is not None and own:
                self._make_good(made)
        for top in layer.top:
            self.blobs[top] = made or self._root(_pending(bottoms))

    def _root(self, pending: tuple[int, ...] = (), *, from_input: bool = False) -> _Blob:
        self.roots += 1
        return _Blob(self.roots, (), pending, from_input)

    def _bottom(self, name: str) -> _Blob:
        if name not in self.blobs:
            self.blobs[name] = self._root(from_input=True)
        return self.blobs[name]

    def _mapped(
        self, layer: Layer, bottoms: Sequence[_Blob], own: CoordinateMap | None
    ) -> _Blob | None:
        """The top by the first bottom that leads to an input; ``own`` is the layer's map."""
        first = bottoms[0]
        if not first.from_input:
            first = next((bottom for bottom in bottoms if bottom.from_input), first)
        whole_map = None if own is None else composed(own, first.map)
        pending = _pending(bottoms)
        window = self.shapes[layer.index].window
        if layer.type == "Deconvolution" and window is not None and own is not None:
            self.found[layer.index] = _placed(layer, window)
            self.below[layer.index] = first
            self.scales[layer.index] = [each.scale for each in whole_map or ()]
            pending = _latest((*pending, layer.index))
        if whole_map is None:
            return None if not pending else self._root(pending)
        coarser = any(each.scale < 1 for each in own) if own else False
        coarsest = whole_map if coarser else first.coarsest
        return _Blob(first.root, whole_map, pending, first.from_input, coarsest)

    def _make_good(self, made: _Blob) -> None:
        """Say of the deconvolutions on the way to a blob whether it lies where it should.

        It does by what the deconvolution reads, by the coarsest blob before that, or by the input.
        """
        for index in made.pending[-_MOST_WAITING:]:
            placed, below = self.found[index], self.below[index]
            if placed.centred or placed.made_good or below.root != made.root:
                continue
            edges = _edges(made.map, below.map)
            # Where it was made smaller again an offset of a pixel is less than one.
            if edges is None or any(
                scale < stride
                for (scale, _), stride in zip(edges, placed.window.stride, strict=True)
            ):
                continue
            # What takes off more than there was too much is a convolution that cuts its edges.
            taken_off = all(
                abs(edge) <= HALF or edge * excess < 0
                for (_, edge), excess in zip(edges, placed.excess, strict=True)
            )
            starts = (below.coarsest, ()) if below.from_input else (below.coarsest,)
            if taken_off or any(_in_place(_edges(made.map, start)) for start in starts):
                self.found[index] = placed._replace(made_good=True)

    def _cropped(self, layer: Layer, bottom: _Blob, reference: _Blob) -> _Blob:
        """The Crop judged; deconvolutions on either side have found their Crop."""
        shape = self.shapes[layer.index].bottoms[0]
        facts = _crop_facts(layer, bottom, reference, shape, old=self.old)
        self._mark((bottom, reference), lambda each: each._replace(cropped=True))
        nearest = bottom.pending or reference.pending
        if facts is not None and nearest:
            placed = self.found[nearest[-1]]
            if placed.crop is None or placed.wrong_crop is None:
                side = bottom if bottom.pending else reference
                facts = facts._replace(
                    skip=side is reference,
                    pads=self.scales.get(nearest[-1]) == [each.scale for each in side.map],
                    input=not reference.map,
                )
                self.found[nearest[-1]] = placed._replace(crop=facts)
        if facts is None:
            return bottom._replace(pending=())
        offsets: Sequence[Fraction | int] = facts.given
        if facts.silent:
            offsets = [0 if want is None else want for want in facts.expected]
        shift = {offset: AxisMap(shift=Fraction(-offset)) for offset in dict.fromkeys(offsets)}
        shifts = tuple(shift[offset] for offset in offsets)
        moved = composed(shifts, bottom.map)
        return bottom._replace(map=bottom.map if moved is None else moved, pending=())

    def _mark(self, bottoms: Iterable[_Blob], marked: Callable[[Placement], Placement]) -> None:
        """Say of the deconvolutions that the blobs come from what they have met."""
        for index in {each for bottom in bottoms for each in bottom.pending}:
            self.found[index] = marked(self.found[index])

    def _join(self, bottoms: Sequence[_Blob]) -> None:
        """Branches that meet without a Crop: do their coordinates agree?"""
        distinct = tuple(dict.fromkeys(bottoms))
        alike: dict[object, list[_Blob]] = defaultdict(list)  # only these can agree
        for blob in distinct:
            alike[blob.grid].append(blob)
        for one in distinct:
            for other in alike[one.grid][:_MOST_JOINED]:
                own = [index for index in one.pending if index not in other.pending]
                if own and _agree(one, other):
                    parted = [one._replace(pending=tuple(own))]
                    self._mark(parted, lambda each: each._replace(joined=True))


def _pending(bottoms: Sequence[_Blob]) -> tuple[int, ...]:
    """Those of all bottoms."""
    if len(bottoms) == 1:
        return bottoms[0].pending
    return _latest(each for bottom in bottoms for each in bottom.pending)


def _latest(pending: Iterable[int]) -> tuple[int, ...]:
    """Each once, in the net's order, the last few."""
    return tuple(sorted(set(pending)))[-_MOST_PENDING:]


def _between(bottom: _Blob, reference: _Blob) -> CoordinateMap | None:
    """Coordinates in ``bottom`` by those in ``reference``."""
    if bottom.root != reference.root:
        return None
    return composed(bottom.map, inverted(reference.map))


def _edges(made: CoordinateMap, start: CoordinateMap) -> list[tuple[Fraction, Fraction]] | None:
    """How much finer a blob is than the one at ``start``, and how far it reaches beyond it."""
    maps = composed(made, inverted(start))
    if maps is None:
        return None
    return [(each.scale, each.shift - (each.scale - 1) / 2) for each in maps]


def _in_place(edges: list[tuple[Fraction, Fraction]] | None) -> bool:
    return edges is not None and all(abs(edge) <= HALF for _, edge in edges)


def _agree(one: _Blob, other: _Blob) -> bool:
    maps = _between(one, other)
    return maps is not None and all(each.scale == 1 and abs(each.shift) <= HALF for each in maps)


def _crop_facts(
    layer: Layer, bottom: _Blob, reference: _Blob, shape: Shape, *, old: bool
) -> CropFacts | None:
    maps = _between(bottom, reference)
    if maps is None or (not maps and (shape is None or len(shape) < 3)):
        return None
    maps = maps or (AxisMap(),) * (len(shape or ()) - 2)
    given = _offsets(layer, len(maps))
    if given is None:
        return None
    silent = "crop_param" not in layer.message
    return CropFacts(
        layer,
        given,
        tuple(each.shift if each.scale == 1 else None for each in maps),
        tuple(each.scale for each in maps),
        silent=silent,
        forked=silent and (old or layer.type == "AutoCrop"),
    )


def _offsets(layer: Layer, axes: int) -> tuple[int, ...] | None:
    """The offset on each spatial axis, of which those before the Crop's axis are not cropped."""
    param = layer.message.message("crop_param")
    axis, offsets = param.integer("axis", 2), param.integers("offset")
    if axis < 0:
        axis += 2 + axes
    cropped = 2 + axes - axis
    if cropped < axes or len(offsets) not in (0, 1, cropped):
        return None  # it leaves a spatial axis alone, or Caffe refuses it
    return offsets_for(offsets, cropped)[cropped - axes :]


def _placed(layer: Layer, window: Window) -> Placement:
    each = zip(window.extent, window.stride, window.pad, strict=True)
    excess = tuple(extent - stride - 2 * pad for extent, stride, pad in each)
    return Placement(layer, window, excess)
