"""What is to be said of a layer that is filled: sums, gains, a bias or gradients that stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Final

from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.matching.role import LEAVE_IT_OUT, Role, role_of
from deconvsurgery.prototxt.net import Layer, Net, once
from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.wording import by

if TYPE_CHECKING:
    from deconvsurgery.kernels.bilinear_fill import BilinearFill
    from deconvsurgery.kernels.weight_states import Fingerprint
    from deconvsurgery.matching.matched_layer import MatchedLayer

_LEARNED: Final[Mapping[WeightState, str]] = {
    WeightState.OTHER: "are those of no interpolation",
    WeightState.NEAR_BILINEAR: "are fine-tuned bilinear ones",
}


def of_the_fill(target: MatchedLayer, fill: BilinearFill) -> Iterator[str]:
    """What net and kernel make of the layer."""
    num_output = target.layer.convolution_param.num_output
    if target.guess:
        yield target.guess
    if fill.sums_channels:
        yield (
            f"{fill.channels} channels become {num_output}: each output is the sum of "
            f"{fill.channels // num_output} upsampled inputs"
        )
    if any(step > 1 for step in target.dilation):
        yield f"dilation {by(target.dilation)} spreads the kernel: it no longer interpolates"
    elif not target.unit_gain(fill):  # asked for, or so already
        yield target.gain_words(fill)


def of_what_is_lost(target: MatchedLayer, before: Fingerprint) -> Iterator[str]:
    """Values that training may have given, or a layer that it is to give them to.

    A frozen layer that the net has for surgery to fill, as FCN's are, is not to be learned; but
    where it has values that no surgery gives, these are somebody's work.
    """
    found = role_of(target, before)
    for_surgery = target.layer.is_frozen and role_of(target).role is Role.INTERPOLATION
    if before.state in _LEARNED and not before.nvidia:
        yield f"its weights {_LEARNED[before.state]}, and are overwritten: {LEAVE_IT_OUT}"
    elif found.learned and not for_surgery:
        yield f"{found.reasons[0]}: {LEAVE_IT_OUT}"


def of_the_model(target: MatchedLayer, model: Model) -> Iterator[str]:
    """What is unusual about the model's layers of the name."""
    sources = model.by_name.get(target.layer.name, ())
    weighted = model.weighted(target.layer.name)
    if len(weighted) > 1:
        yield (
            f"the model has {len(weighted)} layers of this name; all are rewritten, "
            "as Caffe copies each and the last wins"
        )
    if len(weighted) < len(sources) > 1:
        yield "the model has another layer of this name without blobs; Caffe refuses that"
    for source in sources[-1:]:
        if source.type not in ("", DECONVOLUTION) and not source.type.startswith("V1 type"):
            yield (
                f"the model calls this layer a {source.type}, and goes on to do so; "
                "Caffe does not look at the type"
            )


def of_namesakes(target: MatchedLayer, net: Net, model: Model) -> Iterator[str]:
    """Other layers of the net with this name: Caffe matches weights by name alone."""
    layer, both_phases = target.layer, net.states()
    last = model.version is Version.HDF5  # whose weights go into the last layer of a name
    for other in once(net, "layers by name", lambda: _by_name(net))[layer.name]:
        if other.index == layer.index:
            continue
        states = [state for state in both_phases if other.active(state)]
        together = [state for state in states if layer.active(state)]
        served = other.index > layer.index if last else other.index < layer.index
        if other.type != layer.type and (served or states != together):
            yield (
                f"a {other.type} has this name, too (line {other.line}), and gets these weights; "
                "Caffe stops where its blobs differ"
            )
        elif together:
            yield (
                f"line {other.line} has a layer of this name, too; Caffe loads weights into the "
                f"{'last' if last else 'first'} only"
            )


def _by_name(net: Net) -> dict[str, list[Layer]]:
    named: dict[str, list[Layer]] = defaultdict(list)
    for layer in net.layers:
        named[layer.name].append(layer)
    return named


def of_what_stays(source: SourceLayer, bias: float | None) -> Iterator[str]:
    """Of a layer that is rewritten: its dims, gradients, and the largest |bias| that stays."""
    if source.blobs[0].both_forms:
        yield "its blob has both shape forms; Caffe ignores the newer one"
    yield from _gradients(source)
    if bias is not None and not isfinite(bias):
        yield "its bias holds NaN or infinity and stays; `apply(zero_bias=True)` clears it"
    elif bias:
        yield f"its bias (up to {bias:.3g}) stays; `apply(zero_bias=True)` clears it"


def of_what_comes(after: Fingerprint) -> Iterator[str]:
    """What ``--keep-off-diagonal`` keeps."""
    if after.state is WeightState.NOT_FINITE:
        yield (
            "NaN or infinity stays off the diagonal; without `keep_off_diagonal=True` it is cleared"
        )


def _gradients(source: SourceLayer) -> Iterator[str]:
    """Gradients of the weights; values that are nowhere else, of the weights or the bias."""
    for name, blob in zip(("weights", "bias"), source.blobs, strict=False):
        if blob.count and blob.diff_count not in (0, blob.count):
            yield (
                f"the diff of its {name} has {blob.diff_count:,} values, where they are "
                f"{blob.count:,}: Caffe stops at that; it stays as it is"
            )
        elif blob.has_diff and blob.count and name == "weights":
            yield "its blob carries a diff, which stays as it is"
        elif blob.has_diff and not blob.count:
            yield (
                f"the values of its {name} are in diff only, where Caffe does not look; the diff "
                "stays as it is"
            )
