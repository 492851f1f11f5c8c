"""A repair's steps tried out: each verb's plan is made, and what it would write is looked at.

A verb's plan is imported when a step of it is tried. Plans are pure: the next net is the patched
text, the next model the same file with the planned blobs in their places. Nothing is copied, and
nothing written.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from deconvsurgery.caffemodel.model import Model, Version, refuse_mixed
from deconvsurgery.caffemodel.value_rows import any_but_zero
from deconvsurgery.errors import SelectionError, ShapeError
from deconvsurgery.matching.role import Role, holds_learned_values, role_of
from deconvsurgery.matching.shared_blobs import owners, with_shared
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.plans.apply.plan_types import ApplyAction, ApplyPlan
from deconvsurgery.plans.apply.refused_layers import refuse_misspelt
from deconvsurgery.prototxt.net import Layer, Net, NetState, Phase
from deconvsurgery.prototxt.selection import (
    DECONVOLUTION,
    Selection,
    active_layers,
    match_layers,
)
from deconvsurgery.shapes.geometry import convolution_window
from deconvsurgery.wording import quoted

from .repair_step import option_words

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.options.option import Option
    from deconvsurgery.plans.patch_net.plan import Patch
    from deconvsurgery.plans.transplant.plan import Grafting
    from deconvsurgery.prototxt.parse import Scanned

    from .repair_step import RepairStep


class NetAndModel(NamedTuple):
    """A net and a model as they are, or would be; either may be lacking.

    ``text`` is the net's, ``None`` where it is not at hand: then nothing can be written into it.
    """

    text: Scanned | None
    net: Net | None
    model: Model | None


class Tried(NamedTuple):
    """What a step would make of a pair, and what is lost on the way, in words; ``None``: nothing.

    ``overwrites`` are weights that may have been learned, ``drops`` values that the new model
    has no place for.
    """

    pair: NetAndModel
    overwrites: str | None = None
    drops: str | None = None


class StepOptions(NamedTuple):
    """A step's options, read back: patterns, the state, and the fields of the verb's options.

    ``learned`` are layers that no step should fill.
    """

    patterns: tuple[str, ...]
    phase: Phase | None
    level: int | None
    stage: tuple[str, ...]
    fields: Mapping[str, Any]
    learned: Container[str] = ()

    def states(self, net: Net) -> tuple[NetState, ...]:
        """The states of the net that the step is for."""
        return net.states(self.phase, self.level, self.stage)

    def selection(self, net: Net) -> Selection:
        """The layers that the step is for; raises ``SelectionError`` where there are none."""
        found = match_layers(net, self.patterns, (), self.states(net))
        if not found.matched:
            raise SelectionError("no layer is matched")
        return found


def tried(step: RepairStep, pair: NetAndModel, learned: Container[str] = ()) -> Tried:
    """What is left when a step is carried out.

    ``learned`` are layers that are known to be learned, whatever earlier steps have made of them.

    Raises the ``SurgeryError`` with which the verb would end.
    """
    said = options_of_step(step)._replace(learned=learned)
    return _VERBS[step.verb](pair, said)


def options_of_step(step: RepairStep) -> StepOptions:
    """The options as the command line would read them."""
    table = _options(step.verb)
    patterns: list[str] = []
    stage: list[str] = []
    fields: dict[str, Any] = {}
    state: dict[str, str] = {}
    for word, *values in option_words(step):
        name = word.lstrip("-")
        if word == "-p":
            patterns += values
        elif name == "stage":
            stage += values
        elif name in ("phase", "level"):
            state[name] = values[0]
        elif name in table:
            option = table[name]
            value: Any = option.kind(values[0]) if option.choices else not option.negated
            fields[option.field] = value
        else:
            fields[table[name.removeprefix("no-")].field] = False
    return StepOptions(
        tuple(patterns),
        Phase[state["phase"].upper()] if "phase" in state else None,
        int(state["level"]) if "level" in state else None,
        tuple(stage),
        fields,
    )


# ── each verb ──


def _patched(pair: NetAndModel, said: StepOptions) -> Tried:
    text, net = _of_text(pair)
    after, patched = patch_of(text, net, said).after or (text, net)
    return Tried(NetAndModel(after, patched, pair.model))


def patch_of(text: Scanned, net: Net, said: StepOptions) -> Patch:
    """What patch-net would make of a net; raises as `make_patch`."""
    from deconvsurgery.options.patch_net import PatchNetOptions
    from deconvsurgery.plans.patch_net.plan import make_patch

    return make_patch(
        text, net, said.selection(net), PatchNetOptions(**said.fields), said.states(net)
    )


def _filled(pair: NetAndModel, said: StepOptions) -> Tried:
    from deconvsurgery.options.apply import ApplyOptions
    from deconvsurgery.plans.apply.filled_model import filled_model
    from deconvsurgery.plans.apply.plan import make_plan

    net, model = _both(pair)
    states = said.states(net)
    model = with_shared(model, owners(net, states))
    plan = make_plan(net, model, said.selection(net), ApplyOptions(**said.fields), states)
    return Tried(pair._replace(model=filled_model(plan, model)), _overwrites(plan, said))


def _overwrites(plan: ApplyPlan, said: StepOptions) -> str | None:
    """Weights that were no interpolation, or a layer that is learned."""
    for change in plan.changes:
        name = quoted(change.target.layer.name)
        if change.action is ApplyAction.UNCHANGED:
            continue
        now = role_of(change.target, change.before).role
        if now is Role.LEARNED or change.target.layer.name in said.learned:
            return f"apply would fill {name}, which is learned"
        if change.action is ApplyAction.REWRITTEN and holds_learned_values(change.before):
            return f"apply would overwrite weights of {name} that may have been learned"
    return None


def _regrouped(pair: NetAndModel, said: StepOptions) -> Tried:
    from deconvsurgery.plans.patch_net.plan import patched_text
    from deconvsurgery.plans.regroup.plan import make_regrouping
    from deconvsurgery.plans.regroup.regrouped_model import regrouped_model

    from .regrouped_fields import regrouped_fields

    text, net = _of_text(pair)
    _, model = _both(pair)
    states = said.states(net)
    model = with_shared(model, owners(net, states))
    plan = make_regrouping(net, model, said.selection(net).matched, states, **said.fields)
    _, after, regrouped = patched_text(text, net, regrouped_fields(plan))
    return Tried(NetAndModel(after, regrouped, regrouped_model(plan, model)))


def _transplanted(pair: NetAndModel, said: StepOptions) -> Tried:
    from deconvsurgery.options.apply import ApplyOptions
    from deconvsurgery.options.transplant import TransplantOptions
    from deconvsurgery.plans.apply.filled_model import filled_model
    from deconvsurgery.plans.apply.plan import make_plan
    from deconvsurgery.plans.transplant.edits import as_model
    from deconvsurgery.plans.transplant.plan import make_grafting

    net, model = _both(pair)
    options, states = TransplantOptions(**said.fields), said.states(net)
    refuse_mixed(model)
    refuse_misspelt(active_layers(net, states))
    old = with_shared(model, owners(net, states))
    selection = said.selection(net) if options.apply else None
    upsampling = [layer.name for layer in selection.matched] if selection else []
    grafting = make_grafting(net, old, states, flat=options.flat, upsampling=upsampling)
    grafted = as_model(grafting, old, upsampling)
    drops, overwrites = _drops(grafting, old), _replaced(grafting, old)
    if selection is None:
        return Tried(pair._replace(model=grafted), overwrites, drops)
    wanted = ApplyOptions(skip_unfit=options.skip_unfit, any_gain=options.any_gain)
    plan = make_plan(net, grafted, selection, wanted, states)
    filled = filled_model(plan, grafted)
    return Tried(pair._replace(model=filled), overwrites or _overwrites(plan, said), drops)


def _drops(grafting: Grafting, old: Model) -> str | None:
    """Old values that find no place in the new model."""
    from deconvsurgery.plans.transplant.blobs import Origin

    for graft in grafting.layers:
        forced = any(blob.origin is Origin.FORCED for blob in graft.blobs)
        if forced or any(_holds_something(blob, old) for blob in graft.dropped):
            return f"transplant would drop values of {quoted(graft.layer.name)}"
    own = {graft.layer.name for graft in grafting.layers}
    for source in old.layers:
        if source.name not in own and any(_holds_something(blob, old) for blob in source.blobs):
            return f"transplant would drop the weights of {quoted(source.name)}"
    return None


def _replaced(grafting: Grafting, old: Model) -> str | None:
    """Old weights of a layer that gets new ones, as theirs are of another shape."""
    for graft in grafting.layers:
        for source in old.weighted(graft.layer.name) if graft.old is None else ():
            weights, *others = source.blobs
            lost = others if _is_made(weights, graft.layer, old) else source.blobs
            if any(_holds_something(blob, old) for blob in lost):
                return (
                    f"transplant would replace weights of {quoted(source.name)} that may have been "
                    "learned"
                )
    return None


def _is_made(blob: SourceBlob, layer: Layer, model: Model) -> bool:
    """A Deconvolution's old weights, of whatever shape, are what a filler or surgery makes."""
    shape, axes = blob.shape, len(blob.shape) - 2
    if layer.type != DECONVOLUTION or axes < 1 or blob.problem or not blob.fills(shape):
        return False
    try:
        stride = convolution_window(layer.convolution_param, axes).stride
    except ShapeError:
        return False
    from deconvsurgery.kernels.fingerprint import fingerprint  # numpy, for a model's values

    channels, outputs = shape[:2]
    alone = outputs == 1  # a group for each channel, else one for all
    rows = model.rows(blob, shape)
    found = fingerprint(
        rows,
        shape,
        num_output=channels if alone else outputs,
        group=channels if alone else 1,
        stride=stride,
    )
    return not holds_learned_values(found)


def _holds_something(blob: SourceBlob, model: Model) -> bool:
    """Values that are not all zero; also those that cannot be read."""
    return bool(blob.problem) or any_but_zero(model.flat_values(blob))


def _converted(pair: NetAndModel, said: StepOptions) -> Tried:
    from deconvsurgery.options.convert import ConvertOptions, NewForm
    from deconvsurgery.plans.convert.converted_model import converted_model
    from deconvsurgery.plans.convert.plan import make_conversion
    from deconvsurgery.plans.convert.plan_types import WantedForm

    if pair.model is None:
        raise SelectionError("there is no model")
    options = ConvertOptions(**said.fields)
    was_hdf5 = pair.model.version is Version.HDF5  # a fixed file's name ends as the old one's
    hdf5 = was_hdf5 if options.to is None else options.to is NewForm.HDF5
    conversion = make_conversion(pair.model, WantedForm(hdf5=hdf5))
    return Tried(pair._replace(model=converted_model(conversion, pair.model)))


def _of_text(pair: NetAndModel) -> tuple[Scanned, Net]:
    if pair.text is None or pair.net is None:
        raise SelectionError("the net's text is not at hand")
    return pair.text, pair.net


def _both(pair: NetAndModel) -> tuple[Net, Model]:
    if pair.net is None or pair.model is None:
        raise SelectionError("it takes a net and a model")
    return pair.net, pair.model


_VERBS: Final[Mapping[str, Callable[[NetAndModel, StepOptions], Tried]]] = {
    "apply": _filled,
    "convert": _converted,
    "patch-net": _patched,
    "regroup": _regrouped,
    "transplant": _transplanted,
}


def _options(verb: str) -> Mapping[str, Option]:
    """The table in the verb's module, which is called as the verb is."""
    name = verb.replace("-", "_")
    module = import_module(f"deconvsurgery.options.{name}")
    options: Mapping[str, Option] = getattr(module, name.upper())
    return options
