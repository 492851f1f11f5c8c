"""``transplant``: old weights into a new net, and the upsampling layers filled on the way."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ..assembly import assembled, layer_field
from ..change import Change, Plan
from ..errors import OutputError, SelectionError
from ..fit import Options
from ..grafting import Grafting, LayerGraft, as_model, make_grafting
from ..model import Model, SourceBlob
from ..net import Net, Phase
from ..patterns import DEFAULT_PATTERNS, match_layers, nothing_matched
from ..plan import make_plan
from ..sharing import owners, with_shared
from ..source import shown
from ..splice import Edit
from ..surgery import NewBlob, as_bytes
from .arguments import (
    Path,
    Progress,
    blamed,
    destination,
    given_model,
    given_net,
    phase_of,
    same_file,
    texts,
    write_outcome,
)


@dataclass(frozen=True, slots=True)
class TransplantResult:
    """What ``transplant`` did, or with ``written`` false would do; sizes in bytes.

    ``plan`` is what ``apply`` did with the upsampling layers, ``None`` when it was not asked for.
    """

    grafting: Grafting
    plan: Plan | None
    net: str
    input: str
    output: str | None
    input_size: int
    output_size: int
    written: bool
    warnings: tuple[str, ...] = ()


def transplant(
    net: Path | Net,
    model: Path | Model,
    output: Path | None = None,
    *,
    suffix: str = "",
    expand_score: Mapping[str, str] | Sequence[str] = (),
    apply: bool = False,
    flat: bool = False,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    skip_unfit: bool = False,
    any_gain: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> TransplantResult:
    """Write a model of the new ``net`` that has the old ``model``'s weights wherever they fit.

    ``expand_score`` gives new score layers their old ones (``{"score": "fc8"}``, or texts
    ``"score=fc8"``); ``apply`` fills the upsampling layers as the verb of that name does. Raises a
    ``SurgeryError`` when something does not fit, and then nothing was written.
    """
    read, net_name = given_net(net)
    states = read.states(phase_of(phase), level, texts(stage))
    patterns, exclude = texts(patterns), texts(exclude)
    with given_model(model) as (opened, model_name), blamed(net_name, model_name):
        goal = destination(opened, model, output, False, force, dry_run)
        if goal is not None and not isinstance(net, Net) and same_file(net, goal[1]):
            raise OutputError("is the net itself", path=shown(goal[1]))
        old = with_shared(opened, owners(read, states))
        grafting = make_grafting(
            read, old, states, suffix=suffix, expand=_pairs(expand_score), flat=flat
        )
        plan = None
        upsampling: list[str] = []
        selection = match_layers(read, patterns, exclude, states) if apply else None
        if selection is not None:
            if not selection.matched:
                raise nothing_matched(read, patterns, states, exclude)
            upsampling = [layer.name for layer in selection.matched]
        grafted = as_model(grafting, old, upsampling)
        if selection is not None:
            options = Options(skip_unfit=skip_unfit, any_gain=any_gain)
            plan = make_plan(read, grafted, selection, options, states)
        whole = _whole(read, grafting, grafted, plan)
        outcome = [Edit(0, opened.source.size, whole.size, whole.chunks)]
        warnings = plan.warnings if plan else ()
        if goal is not None:
            warnings += write_outcome(
                goal[0], outcome, goal[1], force=force, progress=progress
            ).warnings
        return TransplantResult(
            grafting=grafting,
            plan=plan,
            net=net_name,
            input=model_name,
            output=None if goal is None else os.fsdecode(goal[1]),
            input_size=opened.source.size,
            output_size=whole.size,
            written=goal is not None,
            warnings=warnings,
        )


def _pairs(given: Mapping[str, str] | Sequence[str]) -> Mapping[str, str]:
    if isinstance(given, Mapping):
        return given
    pairs = {}
    for text in texts(given):
        new, equals, old = text.partition("=")
        if not (new and equals and old):
            raise SelectionError(
                f"--expand-score takes NEW=OLD, not {text!r}",
                hint="as in score_59=score: the new net's layer, then the old model's",
            )
        pairs[new] = old
    return pairs


def _whole(net: Net, grafting: Grafting, grafted: Model, plan: Plan | None) -> Edit:
    """The new file, whose values are made when they are written."""
    changes = {change.target.layer.name: change for change in plan.changes} if plan else {}
    fields = [
        layer_field(each.layer, _blobs(each, grafted, changes.get(each.layer.name)))
        for each in grafting.layers
    ]
    return assembled(net.name, fields)


def _blobs(each: LayerGraft, grafted: Model, change: Change | None) -> list[NewBlob]:
    own = grafted.by_name[each.layer.name][-1].blobs
    if change is None:
        return [_copied(grafted, blob) for blob in own]
    storage = own[0].storage if own and own[0].count else grafted.storage
    rows = partial(change.rows, storage.dtype, grafted, own[0] if own else None)
    blobs = [NewBlob(change.fill.shape, as_bytes(rows), storage)]
    if own[1:]:
        blobs.append(_copied(grafted, own[1]))
    elif change.bias is not None:
        rows = partial(change.bias.rows, storage.dtype)
        blobs.append(NewBlob((change.bias.count,), as_bytes(rows), storage))
    return blobs


def _copied(model: Model, blob: SourceBlob) -> NewBlob:
    return NewBlob(blob.shape, as_bytes(partial(model.values, blob)), blob.storage)
