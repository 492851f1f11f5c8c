"""A Deconvolution as the rules see it: what the net says, what the model has, where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.value_rows import any_but_zero
from deconvsurgery.matching.role import Role, RoleFound, filled_by, is_empty, role_of
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.plans.apply.layer_weights import judged
from deconvsurgery.shapes.fillers import FillerProblem, filler_problems, meant

from .layers_of_a_name import LayersOfAName

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.kernels.weight_states import Fingerprint, WeightState
    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.matching.refusal import Refusal
    from deconvsurgery.prototxt.net import Filler
    from deconvsurgery.shapes.placement import Placement


class LayerCase(NamedTuple):
    """A Deconvolution as the rules see it.

    ``weights`` is ``None`` when there is no model; ``target`` is ``None`` when the net has no such
    layer, and made of what the model itself says where there is no net (``by_net`` false).
    ``pattern`` takes this layer, ``patterns`` take it and those that share a blob with it.
    ``excluded``: a pattern takes it, and another leaves it out. ``frozen``: nothing is to be
    learned.

    ``weights`` are those that it computes with once Caffe has loaded the model, ``blob`` is where
    the model has them, and ``made_by`` the filler that makes them where it has none: the owner's,
    of shared memory (``shared``). ``named`` is what a verb that writes a blob takes the layer for,
    together with all others of its name, ``unwritable`` why the model's blobs cannot be written.
    ``bias`` and ``bias_made_by`` are for the bias what ``blob`` and ``made_by`` are for them.
    ``role`` is what it is for: by its weights or, where it has none that say it, by the net.
    """

    target: MatchedLayer | None
    weights: Fingerprint | None
    sources: LayersOfAName = LayersOfAName()
    matched: bool = True
    by_net: bool = True
    placement: Placement | None = None
    model: Model | None = None
    pattern: str = "*"
    patterns: tuple[str, ...] = ("*",)
    frozen: bool = False
    blob: SourceBlob | None = None
    made_by: Filler | None = None
    shared: bool = False
    named: MatchedLayer | None = None
    unwritable: Refusal | None = None
    excluded: bool = False
    bias: SourceBlob | None = None
    bias_made_by: Filler | None = None
    role: RoleFound = RoleFound(Role.UNKNOWN)

    @property
    def state(self) -> WeightState | None:
        """What its weights are, ``None`` without a model."""
        return self.weights.state if self.weights else None

    @property
    def weighted(self) -> bool:
        """The model has weights for it."""
        return self.blob is not None

    @property
    def passed_by(self) -> bool:
        """The model has weights of its name, which Caffe loads into another layer."""
        return self.blob is None and self.sources.last_weighted is not None

    @property
    def filler(self) -> str | None:
        """The ``weight_filler`` that counts, by the name that was meant; ``None`` without one."""
        return None if self.made_by is None else meant(self.made_by.type)

    def filler_problems(self) -> Iterator[FillerProblem]:
        """What is wrong with its own fillers, whether they are used or not."""
        if self.target is not None and self.by_net:
            layer = self.target.layer
            blobs = (self.target.shape, (layer.convolution_param.num_output,))
            yield from filler_problems(layer, blobs)

    @property
    def adds_a_bias(self) -> bool:
        """It has a bias that can be read, or will be made, and is not zero everywhere."""
        if self.target is None or not self.target.layer.convolution_param.bias_term:
            return False
        if self.bias is None:  # Caffe's default filler is constant 0
            filler = self.bias_made_by
            return filler is not None and (meant(filler.type) != "constant" or filler.value != 0)
        if self.model is None or self.bias.problem or not self.bias.fills(self.bias.shape):
            return False
        return any_but_zero(self.model.flat_values(self.bias))

    @property
    def unjudged(self) -> bool:
        """The model has a blob of weights for it that cannot be read, or is of another shape."""
        if self.target is None or self.blob is None:
            return False
        return not judged(self.target, self.blob)

    @property
    def is_empty(self) -> bool:
        """It is there to interpolate, and has nothing to do it with."""
        if self.target is None or self.passed_by:
            return False
        return is_empty(filled_by(self.target, self.made_by), self.weights)

    @property
    def is_learned(self) -> bool:
        """The net says that it is learned, and its weights, as far as there are any, say so too.

        Of weights alone that are no interpolation nobody can tell what left them there.
        """
        if self.target is None or not self.role.learned:
            return False
        return role_of(filled_by(self.target, self.made_by)).learned
