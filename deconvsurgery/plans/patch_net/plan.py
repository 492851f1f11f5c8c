"""Decide what becomes of each matched layer in the net's own text: opens and writes nothing.

The patched net is what is judged, as it reads itself: it has to say what the old one said with
the meant changes made, and Caffe has to set it up to interpolate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final

from deconvsurgery.matching.matched_layer import MatchedLayer, targets
from deconvsurgery.matching.refusal import Refusal
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.plans.apply.refused_layers import all_refused, refuse_misspelt
from deconvsurgery.prototxt.net import Layer, Net, NetMessage, NetState
from deconvsurgery.prototxt.parse import Scanned, as_net, scanned
from deconvsurgery.prototxt.selection import Selection, active_layers
from deconvsurgery.prototxt.text_edits import Draft
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.splicing.byte_ranges import Edit, spliced
from deconvsurgery.wording import dims, row_words

from .field_changes import FieldChange, as_tree, changed, field_changes
from .layer_refusals import warnings_of
from .refusals import refusals

if TYPE_CHECKING:
    from deconvsurgery.options.patch_net import PatchNetOptions

# A layer's parameters stand in front of what its type reads.
_AHEAD: Mapping[str, str] = dict.fromkeys(
    ("param", "blobs_lr", "weight_decay"), "convolution_param"
)


# Each round reads the whole net; one that needs more was made for it.
_MOST_ROUNDS: Final = 16
_HANGS_TOGETHER: Final = Refusal(
    f"more than {_MOST_ROUNDS} layers in a row depend on one that cannot be patched",
    hint="`exclude=…` leaves layers out; patch the others a few at a time",
)

_MOST_NAMESAKES: Final = 5  # are named beside a layer


class PatchNetAction(StrEnum):
    """What becomes of a matched layer."""

    PATCHED = "patched"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


class LayerPatch(NamedTuple):
    """A matched layer; a skipped one has the ``reason``."""

    name: str
    type: str
    line: int
    action: PatchNetAction
    reason: str | None = None
    changes: tuple[FieldChange, ...] = ()
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_words(self)


class Patch(NamedTuple):
    """Every matched layer in the text's order, and the edits on its bytes.

    ``after`` are the text and the net that these make, ``None`` where there are none.
    """

    layers: tuple[LayerPatch, ...]
    edits: tuple[Edit, ...] = ()
    left_alone: tuple[Layer, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    after: tuple[Scanned, Net] | None = None


class _Written:
    """A net's text: its places, and what each layer says in its own terms."""

    def __init__(self, text: Scanned) -> None:
        self.scanned = text
        self.message = self.scanned.message
        self.name = "layers" if "layers" in self.message else "layer"
        self.messages = self.message.messages(self.name)
        self.places = [
            (field, number)
            for field in self.scanned.fields
            if field.name == self.name
            for number in range(len(field.children or ()))
        ]

    def edits(self, changes: Mapping[int, Sequence[FieldChange]]) -> list[Edit]:
        """The changes of layers, by their position among those in the text."""
        draft = Draft(self.scanned.data, self.scanned.text.text, self.scanned.encoding)
        for position, several in changes.items():
            draft.rewrite(*self.places[position], as_tree(several), _AHEAD)
        return draft.edits()

    def meant(self, changes: Mapping[int, Sequence[FieldChange]]) -> NetMessage:
        """The whole net's message with the changes made."""
        tree = {(self.name, position): as_tree(each) for position, each in changes.items()}
        return changed(self.message, tree)


def make_patch(
    text: Scanned,
    net: Net,
    selection: Selection,
    options: PatchNetOptions,
    states: Sequence[NetState],
) -> Patch:
    """Patch the selected layers of ``net``, which was made of ``text``.

    Raises ``PrototxtError`` for a misspelt field, ``ShapeError`` that names every layer which is
    unfit (unless ``options.skip_unfit``).
    """
    refuse_misspelt(active_layers(net, states))
    if not selection.matched:
        return Patch((), left_alone=selection.left_alone)
    written = _Written(text)
    inputs = sum(not layer.line for layer in net.layers)  # made of input: fields, not in the text
    wanted = {
        layer.index: field_changes(
            layer, written.messages[layer.index - inputs], net.version, options
        )
        for layer in selection.matched
    }
    before = {each.layer.index: each for each in _targets(net, selection, states)}
    refused: dict[int, Refusal] = {}
    rounds = 0
    while True:  # what is refused is not patched, and the others are judged again without it
        rounds += 1
        edits, new_text, patched = _patched(written, wanted, inputs)
        after = {each.layer.index: each for each in _targets(patched, selection, states)}
        found = refusals(before, after, patched, wanted, options, states)
        if not found:
            break
        if rounds == _MOST_ROUNDS:
            found |= {index: _HANGS_TOGETHER for index in wanted if index not in found}
        refused |= found
        wanted = {index: each for index, each in wanted.items() if index not in found}
    if refused and not options.skip_unfit:
        raise all_refused([(before[index], refused[index]) for index in sorted(refused)], "patched")
    staying: dict[tuple[str, str], list[Layer]] = defaultdict(list)
    for layer in net.layers:
        if layer.index not in wanted:
            staying[layer.name, layer.type].append(layer)
    rows = []
    for layer in selection.matched:
        index = layer.index
        row = LayerPatch(layer.name, layer.type, layer.line, PatchNetAction.SKIPPED)
        if index in refused:
            rows.append(row._replace(reason=refused[index].reason))
            continue
        others = islice(staying[layer.name, layer.type], _MOST_NAMESAKES)
        said = warnings_of(before[index], after[index], net, wanted, options, others)
        action = PatchNetAction.PATCHED if wanted[index] else PatchNetAction.UNCHANGED
        rows.append(
            row._replace(action=action, changes=wanted[index], warnings=tuple(dict.fromkeys(said)))
        )
    return Patch(
        layers=tuple(rows),
        edits=tuple(edits),
        left_alone=selection.left_alone,
        warnings=tuple(_stops(net, patched, states)),
        notes=tuple(_notes(before, after, wanted)),
        after=(new_text, patched),
    )


def _targets(net: Net, selection: Selection, states: Sequence[NetState]) -> list[MatchedLayer]:
    chosen = {layer.index for layer in selection.matched}
    layers = [layer for layer in net.layers if layer.index in chosen]
    return targets(net, layers, states, None, apart=True)


def _patched(
    written: _Written, wanted: Mapping[int, Sequence[FieldChange]], inputs: int
) -> tuple[list[Edit], Scanned, Net]:
    """The edits, and the text and net that they make, which say what was meant."""
    changes = {index - inputs: each for index, each in sorted(wanted.items()) if each}
    edits = written.edits(changes)
    found = scanned(spliced(written.scanned.data, edits))
    if _sorted(found.message) != _sorted(written.meant(changes)):
        raise RuntimeError("the patched text does not say what was meant")
    return edits, found, as_net(found)


def patched_text(
    text: Scanned, net: Net, wanted: Mapping[int, Sequence[FieldChange]]
) -> tuple[list[Edit], Scanned, Net]:
    """Edits that make changes by ``Layer.index`` in a net's text, and what they make of both."""
    return _patched(_Written(text), wanted, sum(not layer.line for layer in net.layers))


def _sorted(message: NetMessage) -> object:
    """A message without the order among different fields, which means nothing."""
    fields = [
        (
            name,
            _sorted(value) if isinstance(value, NetMessage) else "nan" if value != value else value,
        )
        for name, value in message.fields
    ]
    return sorted(fields, key=lambda field: field[0])


def _stops(net: Net, patched: Net, states: Sequence[NetState]) -> Iterator[str]:
    """Layers that Caffe would set up before and not any more: another size reaches them."""
    said: set[int] = set()
    for state in states:
        before, after = (analysed(each, state).shapes for each in (net, patched))
        for index, shapes in after.items():
            known = before.get(index)
            if shapes.problem and index not in said and not (known and known.problem):
                said.add(index)
                layer = patched.layers[index]
                yield (
                    f"Caffe will stop at layer {layer.name!r} (line {net.layers[index].line}): "
                    f"{shapes.problem}"
                )


def _notes(
    before: Mapping[int, MatchedLayer], after: Mapping[int, MatchedLayer], wanted: Collection[int]
) -> Iterator[str]:
    """What a model that fitted the old net has to do with the new one."""
    pairs = [(before[index], after[index]) for index in sorted(wanted)]
    reshaped = [pair for pair in pairs if _blobs_differ(*pair)]
    if not reshaped:
        return
    old, new = reshaped[0]
    more = f", and {len(reshaped) - 1} more" if len(reshaped) > 1 else ""
    yield (
        "a model saved with the old net does not fit the new one, Caffe stops at it: "
        f"{old.layer.name!r} had {_blob_words(old)}, now has {_blob_words(new)}{more}. In a model "
        "without the layer the filler makes it, or apply creates it; regroup "
        "changes net and model together"
    )


def _blobs_differ(old: MatchedLayer, new: MatchedLayer) -> bool:
    known = old.shape is not None and new.shape is not None
    return (known and old.shape != new.shape) or (
        old.layer.convolution_param.bias_term != new.layer.convolution_param.bias_term
    )


def _blob_words(target: MatchedLayer) -> str:
    weights = f"weights {dims(target.shape)}" if target.shape else "weights"
    return weights + (" and a bias" if target.layer.convolution_param.bias_term else "")
