"""Decide what becomes of each matched layer: opens nothing, writes nothing.

Each layer passes ``refusals``; layers that share weights stand and fall together; what
is left is compared before and after (``before_and_after``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from deconvsurgery.caffemodel.model import CAFFE_LIMIT, Model, refuse_mixed
from deconvsurgery.errors import MismatchError, PrototxtError, ShapeError, SurgeryError
from deconvsurgery.kernels.fingerprint import Fingerprint
from deconvsurgery.matching.compatibility import Kind, disagreements
from deconvsurgery.matching.disagreement_sentences import in_words
from deconvsurgery.matching.matched_layer import Refusal, Target, targets
from deconvsurgery.matching.shared_blobs import Sharers, sharers
from deconvsurgery.options.apply import Options
from deconvsurgery.prototxt.net import Layer, Net, NetState
from deconvsurgery.prototxt.selection import Selection, active_layers
from deconvsurgery.wording import quoted

from .before_and_after import Namesakes, passed_over, planned_change, state_of
from .plan_types import Change, Plan, Skip
from .refusals import model_disagrees, refusal


def make_plan(
    net: Net,
    model: Model,
    selection: Selection,
    options: Options = Options(),  # noqa: B008 - a frozen value
    states: Sequence[NetState] | None = None,
) -> Plan:
    """Plan bilinear weights for the selected layers of a model.

    Raises ``PrototxtError`` for a misspelt field, ``ShapeError`` or ``MismatchError`` that names
    every layer which cannot be filled (unless ``options.skip_unfit``).
    """
    states = net.states() if states is None else tuple(states)
    refuse_misspelt(active_layers(net, states))
    refuse_mixed(model)
    shared = sharers(net, selection, states, biases=options.zero_bias)
    found = targets(net, shared.layers, states, model)
    before = {target.layer.name: state_of(target, model) for target in found}
    left = shared.all_or_none(
        {
            name: reason
            for name, state in before.items()
            if (reason := passed_over(state, model.weighted(name), options))
        }
    )
    wanted = [target for target in found if target.layer.name not in left]
    refused = _refused(wanted, shared, model, before, options)
    if refused and not options.skip_unfit:
        raise all_refused([(t, refused[t.layer.name]) for t in wanted if t.layer.name in refused])
    reasons = left | {name: each.reason for name, each in refused.items()}
    disagreed = disagreements(net, model, states)
    lacking = [each for each in disagreed if each.kind is Kind.MODEL_LACKS]
    renamed = {each.layer: each.message for each in lacking if each.renamed}
    named: dict[str, list[Layer]] = defaultdict(list)
    for layer in net.layers:
        named[layer.name].append(layer)
    changes: list[Change] = []
    skips: list[Skip] = []
    for target in found:
        name = target.layer.name
        if name in reasons:
            skips.append(Skip(target, before[name], reasons[name]))
            continue
        namesakes = Namesakes(named[name], net.states())
        change = planned_change(target, model, before[name], options, namesakes)
        if name in shared.notes:
            change = replace(change, warnings=(*change.warnings, shared.notes[name]))
        if name in renamed:
            change = replace(change, warnings=(*change.warnings, renamed[name]))
        changes.append(change)
    # Rows that speak for themselves: what is filled, refused for the model's sake, or not created.
    spoken = {change.target.layer.name for change in changes}
    spoken |= {name for name, each in refused.items() if each.mismatch}
    spoken |= {name for name in left if name not in model.by_name}
    return Plan(
        tuple(changes),
        tuple(skips),
        selection.left_alone,
        (*_plan_warnings(model), *in_words(disagreed, but=spoken)),
    )


def refuse_misspelt(layers: Iterable[Layer]) -> None:
    """A misspelt field or value would silently become its default."""
    for layer in layers:
        for unknown in layer.misspelt:
            raise PrototxtError(
                f"layer {quoted(layer.name)} has {unknown.words}{unknown.suggestion}",
                line=unknown.line,
                column=unknown.column,
                layer=layer.name,
                hint="correct it: the value meant would otherwise silently be the default",
            )


def _refused(
    wanted: Sequence[Target],
    shared: Sharers,
    model: Model,
    before: Mapping[str, Fingerprint],
    options: Options,
) -> dict[str, Refusal]:
    """Why layers cannot be filled; one that shares its weights stands and falls with the others."""
    own: dict[str, Refusal] = {}
    for target in wanted:
        name = target.layer.name
        reason = shared.refused.get(name) or refusal(
            target, before[name], options, model_disagrees(target, model)
        )
        if reason is not None:
            own[name] = reason
    words = shared.all_or_none({name: each.reason for name, each in own.items()})
    return {name: own.get(name) or Refusal(reason) for name, reason in words.items()}


def _plan_warnings(model: Model) -> tuple[str, ...]:
    if model.source.size > CAFFE_LIMIT:
        return (f"the model has {model.source.size:,} bytes; Caffe itself reads up to 2 GiB",)
    return ()


def all_refused(refused: Sequence[tuple[Target, Refusal]], done: str = "filled") -> SurgeryError:
    """One error for every layer that does not fit; a hint that several share is said once."""
    first, only = refused[0]
    skip = "--skip-unfit leaves such layers alone and does the rest"
    if len(refused) == 1:
        message = f"layer {first.layer.name!r}: {only.reason}"
        hint = f"{only.hint}; {skip}" if only.hint else skip
    else:
        lines: list[str] = []
        said: set[str | None] = {None}
        for target, found in refused:
            lines.append(f"  line {target.layer.line}, {target.layer.name!r}: {found.reason}")
            if found.hint not in said:
                lines.append(f"    {found.hint}")
                said.add(found.hint)
        message = f"{len(refused)} layers cannot be {done}:\n" + "\n".join(lines)
        hint = skip
    kind = MismatchError if any(found.mismatch for _, found in refused) else ShapeError
    return kind(message, layer=first.layer.name, line=first.layer.line or None, hint=hint)
