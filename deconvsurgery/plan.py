"""Decide what becomes of each matched layer: opens nothing, writes nothing.

A plan holds recipes and numbers, never weights: it is small, compares with ``==`` and prints.
Each layer passes the refusals of ``fit``; what is left gets a recipe, and its weights before and
after are compared row by row.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod

import numpy as np

from .caffemodel import Model, SourceBlob, SourceLayer, Version
from .errors import MismatchError, PrototxtError, ShapeError, SurgeryError
from .fill import BilinearFill
from .fingerprint import Fingerprint, State, fingerprint
from .fit import Options, Refusal, Target, by, filling, refusal, targets
from .kernels import (
    Array,
)
from .net import Layer, Net, NetState
from .patterns import DECONVOLUTION, Selection, active_layers
from .rules import CAFFE_LIMIT
from .sharing import Sharers, sharers


class Action(StrEnum):
    """What a run does, or would do, with a matched layer."""

    REWRITTEN = "rewritten"
    CREATED = "created"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class BiasFill:
    """Every value of a layer's bias: for one that is created, or cleared."""

    count: int
    value: float
    changed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A layer that gets (or already has) the planned weights.

    ``before`` is ``missing`` for weights that were not there. ``max_abs_change`` is ``None``
    where a value was no number; ``values_changed`` counts weights whose bits differ, of ``values``.
    """

    target: Target
    action: Action
    fill: BilinearFill
    bias: BiasFill | None
    before: Fingerprint
    after: Fingerprint
    max_abs_change: float | None
    values_changed: int
    values: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """A matched layer that is left as it is, and why."""

    target: Target
    before: Fingerprint | None
    reason: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Every matched layer once; ``left_alone`` are layers of other types whose names fit."""

    changes: tuple[Change, ...] = ()
    skips: tuple[Skip, ...] = ()
    left_alone: tuple[Layer, ...] = ()
    warnings: tuple[str, ...] = ()
    encoding: str = "utf-8"

    @property
    def changed(self) -> bool:
        """Carrying it out would change a byte."""
        return any(change.action is not Action.UNCHANGED for change in self.changes)

    @property
    def rows(self) -> tuple[Change | Skip, ...]:
        """Changes and skips in the net's order."""
        return tuple(sorted((*self.changes, *self.skips), key=lambda row: row.target.layer.index))


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
    if model.version is Version.MIXED:
        raise MismatchError(
            "the model holds V1 and V2 layers at once, which Caffe refuses to load",
            hint="save it again with the Caffe that wrote it",
        )
    shared = sharers(net, selection, states)
    found = targets(net, shared.layers, states, model)
    refused = _refused(found, shared, model, options)
    if refused and not options.skip_unfit:
        raise _all_refused([(t, refused[t.layer.name]) for t in found if t.layer.name in refused])
    before = {target.layer.name: state_of(target, model) for target in found}
    passed_over = shared.all_or_none(
        {
            name: reason
            for name, state in before.items()
            if (reason := _passed_over(state, model.by_name.get(name, ()), options))
        }
    )
    reasons = passed_over | {name: each.reason for name, each in refused.items()}
    changes: list[Change] = []
    skips: list[Skip] = []
    for target in found:
        name = target.layer.name
        if name in reasons:
            skips.append(Skip(target, before[name], reasons[name]))
            continue
        change = _change(target, model, before[name], options, net)
        if name in shared.notes:
            change = replace(change, warnings=(*change.warnings, shared.notes[name]))
        changes.append(change)
    return Plan(
        tuple(changes),
        tuple(skips),
        selection.left_alone,
        _plan_warnings(model),
        net.encoding,
    )


def refuse_misspelt(layers: Iterable[Layer]) -> None:
    """A misspelt field would silently become its default."""
    for layer in layers:
        for unknown in layer.misspelt:
            near = f"; did you mean {unknown.nearest!r}?" if unknown.nearest else ""
            raise PrototxtError(
                f"layer {layer.name!r} has a field {unknown.name!r} in convolution_param "
                f"that neither Caffe nor a known fork has{near}",
                line=unknown.line,
                column=unknown.column,
                layer=layer.name,
                hint="correct it: the value meant would otherwise silently be the default",
            )


def _refused(
    found: Sequence[Target], shared: Sharers, model: Model, options: Options
) -> dict[str, Refusal]:
    """Why layers cannot be filled; one that shares its weights stands and falls with the others."""
    own = {
        target.layer.name: reason
        for target in found
        if (reason := shared.refused.get(target.layer.name) or refusal(target, model, options))
    }
    words = shared.all_or_none({name: each.reason for name, each in own.items()})
    return {name: own.get(name) or Refusal(reason) for name, reason in words.items()}


# --- one layer


def _weighted(sources: Sequence[SourceLayer]) -> list[SourceLayer]:
    return [source for source in sources if source.blobs]


def state_of(target: Target, model: Model) -> Fingerprint:
    """What the weights in the model are; Caffe loads the last layer of a name."""
    weighted = _weighted(model.by_name.get(target.layer.name, ()))
    if not weighted or not weighted[-1].blobs[0].count or target.shape is None:
        return Fingerprint(State.MISSING)
    blob = weighted[-1].blobs[0]
    if not blob.fits(target.shape) or blob.count != prod(target.shape):
        return Fingerprint(State.OTHER)
    return fingerprint(
        model.rows(blob, target.shape),
        target.shape,
        num_output=target.layer.convolution_param.num_output,
        group=target.layer.convolution_param.group,
        stride=target.stride,
    )


def _passed_over(
    before: Fingerprint, sources: Sequence[SourceLayer], options: Options
) -> str | None:
    """Why a layer that could be filled is not to be."""
    if before.state is State.MISSING:
        if not options.create and not _weighted(sources):
            return "the model has no weights for it, and --no-create is given"
        return None
    if options.fill == "all" or (options.fill == "zero" and before.state is State.ZERO):
        return None
    return f"its weights are {before.state} (--fill {options.fill})"


def _change(
    target: Target,
    model: Model,
    before: Fingerprint,
    options: Options,
    net: Net,
) -> Change:
    fill = filling(target, options)
    sources = model.by_name.get(target.layer.name, ())
    weighted = _weighted(sources)
    blobs: list[SourceBlob | None] = [source.blobs[0] for source in weighted]
    differences = []
    for blob in blobs or [None]:
        there = blob if blob is not None and blob.count else None
        dtype = there.storage.dtype if there else "<f4"
        old = model.rows(there, fill.shape) if there else None
        kept = model.rows(there, fill.shape) if there else None
        differences.append(_Difference())
        after = fingerprint(
            differences[-1].watched(old, fill.rows(kept, dtype)),
            fill.shape,
            num_output=fill.num_output,
            group=fill.group,
            stride=target.stride,
        )
    # Of several layers of one name, what differs most.
    changed = max(difference.changed for difference in differences)
    largest = [difference.largest for difference in differences]
    bias = _bias(target, weighted, model, options)
    if not weighted:
        action = Action.CREATED
    elif changed or (bias and bias.changed):
        action = Action.REWRITTEN
    else:
        action = Action.UNCHANGED
    return Change(
        target=target,
        action=action,
        fill=fill,
        bias=bias,
        before=before,
        after=after,
        max_abs_change=None if None in largest else max(each or 0.0 for each in largest),
        values_changed=changed,
        values=prod(fill.shape),
        warnings=_warnings(target, fill, sources, model, net, bias, options),
    )


@dataclass(slots=True)
class _Difference:
    """Running comparison of weights that were with weights that come."""

    changed: int = 0
    largest: float | None = 0.0

    def watched(self, old: Iterator[Array] | None, new: Iterable[Array]) -> Iterator[Array]:
        """Pass ``new`` rows on, counting where their bits differ from ``old``'s.

        Weights that were not there count as changed from 0.
        """
        for row in new:
            before = next(old) if old is not None else None
            if before is None:
                self.changed += row.size
                largest = float(abs(row).max())
            else:
                bits = f"u{row.dtype.itemsize}"
                self.changed += int((before.view(bits) != row.view(bits)).sum())
                with np.errstate(invalid="ignore"):  # a signalling NaN
                    largest = float(abs(row.astype(np.float64) - before).max())
            if not np.isfinite(largest):
                self.largest = None
            elif self.largest is not None:
                self.largest = max(self.largest, largest)
            yield row


def _bias(
    target: Target, weighted: Sequence[SourceLayer], model: Model, options: Options
) -> BiasFill | None:
    """The bias of a created layer by its filler, or zeros over one that is to be cleared."""
    param = target.layer.convolution_param
    if not param.bias_term:
        return None
    if not weighted:
        filler = param.bias_filler
        constant = filler is not None and filler.type == "constant"
        value = filler.value if filler is not None and constant else 0.0
        return BiasFill(param.num_output, value, True)
    if not options.zero_bias:
        return None
    changed = any(_largest_bias(source, model) != 0 for source in weighted)
    return BiasFill(param.num_output, 0.0, changed)


def _largest_bias(source: SourceLayer, model: Model) -> float:
    """Largest |value| of the bias; infinite when it has no values at all."""
    blob = source.blobs[1]
    rows = [float(abs(row).max()) for row in model.rows(blob, (1, blob.count)) if row.size]
    return max(rows, default=float("inf"))


# --- words


def _warnings(
    target: Target,
    fill: BilinearFill,
    sources: Sequence[SourceLayer],
    model: Model,
    net: Net,
    bias: BiasFill | None,
    options: Options,
) -> tuple[str, ...]:
    layer, param = target.layer, target.layer.convolution_param
    weighted = _weighted(sources)
    said = []
    if target.guess:
        said.append(target.guess)
    if fill.sums_channels:
        said.append(
            f"{fill.channels} channels become {param.num_output}: each output is the sum of "
            f"{fill.channels // param.num_output or fill.channels} upsampled inputs"
        )
    if any(step > 1 for step in target.dilation):
        said.append(f"dilation {by(target.dilation)} spreads the kernel: it no longer interpolates")
    elif options.any_gain and not target.unit_gain(fill):
        said.append(target.gain_words(fill))
    if len(weighted) > 1:
        said.append(f"the model has {len(weighted)} layers of this name; all are rewritten")
    for source in weighted[-1:]:
        if source.type not in ("", DECONVOLUTION) and not source.type.startswith("V1 type"):
            said.append(f"the model calls this layer a {source.type}")
        if source.blobs[0].both_forms:
            said.append("its blob has both shape forms; Caffe ignores the newer one")
        if source.blobs[0].has_diff:
            said.append("its blob carries a diff, which stays as it is")
        if param.bias_term and bias is None:
            largest = _largest_bias(source, model)
            if largest:
                said.append(f"its bias (up to {largest:.3g}) stays; --zero-bias clears it")
    if not sources:
        said += _renamed(layer, model, net)
    return tuple(said)


def _renamed(layer: Layer, model: Model, net: Net) -> list[str]:
    """A layer that the net lacks and the model has under nearly the same name."""
    own = {each.name for each in net.layers}
    strangers = [each.name for each in model.layers if each.blobs and each.name not in own]
    near = difflib.get_close_matches(layer.name, strangers, 1, 0.8)
    return [f"the model has no such layer, but {near[0]!r}: renamed?"] if near else []


def _plan_warnings(model: Model) -> tuple[str, ...]:
    if model.source.size > CAFFE_LIMIT:
        return (f"the model has {model.source.size:,} bytes; Caffe itself reads up to 2 GiB",)
    return ()


def _all_refused(refused: Sequence[tuple[Target, Refusal]]) -> SurgeryError:
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
        message = f"{len(refused)} layers cannot be filled:\n" + "\n".join(lines)
        hint = skip
    kind = MismatchError if any(found.mismatch for _, found in refused) else ShapeError
    return kind(message, layer=first.layer.name, line=first.layer.line or None, hint=hint)
