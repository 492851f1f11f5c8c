"""``transplant``: old weights into a new net, and the upsampling layers filled on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from deconvsurgery.arguments import chosen_options, texts
from deconvsurgery.caffemodel.model import Model, Version, refuse_mixed
from deconvsurgery.caffemodel.size_limit import size_warnings
from deconvsurgery.errors import ArgumentError
from deconvsurgery.matching.compatibility import disagreements
from deconvsurgery.matching.disagreement_sentences import in_words
from deconvsurgery.matching.shared_blobs import owners, with_shared
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.options.apply import ApplyOptions
from deconvsurgery.options.transplant import TransplantOptions
from deconvsurgery.plans.apply.plan import make_plan
from deconvsurgery.plans.apply.plan_types import ApplyChange, ApplyPlan, ApplySkip
from deconvsurgery.plans.apply.refused_layers import refuse_misspelt
from deconvsurgery.plans.transplant.blobs import Origin
from deconvsurgery.plans.transplant.edits import as_model, implanted
from deconvsurgery.plans.transplant.plan import Grafting, LayerGraft, make_grafting
from deconvsurgery.prototxt.net import Layer, Net, Phase
from deconvsurgery.prototxt.selection import (
    DEFAULT_PATTERNS,
    active_layers,
)
from deconvsurgery.storage.outcome import Splice
from deconvsurgery.wording import row_words

from .layer_choice import layer_choice
from .open_and_write import (
    Path,
    Progress,
    blamed,
    carry_out,
    files_of,
    given_model,
    given_net,
    output_destination,
)
from .result import Result, about, counted, written_path


class TransplantAction(StrEnum):
    """What becomes of a layer: of its blobs' origins the one that matters most, in this order.

    ``LEFT`` are layers whose blobs Caffe makes, all of them.
    """

    FILLED = "filled"
    FORCED = "forced"
    EXPANDED = "expanded"
    COERCED = "coerced"
    COPIED = "copied"
    CONSTANT = "constant"
    LEFT = "left to Caffe"
    NO_BLOBS = "no blobs"


class NewLayer(NamedTuple):
    """A layer of the new model: what became of it, and the old one that its weights come from.

    Attributes:
        layer: the layer of the new net.
        action: what became of it.
        old: the name of the old model's layer that its weights come from; ``None`` without one.
        blobs: of each blob its origin in a word, its shape, and the old blob's shape (``None``
            where no old one was used).
        told: what is to be said of it, a sentence each.
        reason: why its blobs are left to Caffe, or why ``apply`` left it as it is.
    """

    layer: Layer
    action: TransplantAction
    old: str | None
    blobs: tuple[tuple[str, tuple[int, ...], tuple[int, ...] | None], ...]
    told: tuple[str, ...]
    reason: str | None = None

    def __repr__(self) -> str:
        return row_words(self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def line(self) -> int | None:
        """Where the layer begins in the net's text, from 1; ``None`` for a net without a text."""
        return self.layer.line or None


class TransplantResult(Result):
    """What ``transplant`` did, or with ``written`` false would do.

    Attributes:
        grafting: where each layer's blobs come from, and the old layers that find no place.
        plan: what ``apply`` did with the upsampling layers; ``None`` when it was not asked for.
        net: the new net's path, or its name.
        input: the old model's path, or its name.
        output: where the model goes, ``-`` for standard output; ``None`` in a dry run.
        input_size: bytes of the old model.
        output_size: bytes of the new one.
        written: a file was written.
        warnings: what is to be said of the run as a whole, a sentence each.
    """

    grafting: Grafting
    plan: ApplyPlan | None
    net: str
    input: str
    output: str | None
    input_size: int
    output_size: int
    written: bool
    warnings: tuple[str, ...] = ()

    _verb: ClassVar[str] = "transplant"

    def _essence(self) -> str:
        weighted = [row for row in self.layers if row.action is not TransplantAction.NO_BLOBS]
        return f"{about(self.output, self.input, written=self.written)}: {counted(weighted)}"

    @cached_property
    def layers(self) -> tuple[NewLayer, ...]:
        """Every layer of the new net, in its order."""
        rows = {row.name: row for row in self.plan.layers} if self.plan else {}
        return tuple(_new(each, rows.get(each.layer.name)) for each in self.grafting.layers)

    @property
    def changed(self) -> bool:
        """Some layer's weights are not as in the old model, or some of its are left out."""
        kept = (TransplantAction.COPIED, TransplantAction.NO_BLOBS)
        return bool(self.grafting.dropped) or any(row.action not in kept for row in self.layers)

    @property
    def path(self) -> str | None:
        """The file that was written; ``None`` where none was."""
        return written_path(self.output, written=self.written)


def _new(grafted: LayerGraft, row: ApplyChange | ApplySkip | None) -> NewLayer:
    blobs = [
        (str(graft.origin), graft.shape, graft.source.shape if graft.source else None)
        for graft in grafted.blobs
    ]
    told = grafted.told
    if isinstance(row, ApplyChange):
        was = blobs[0][2] if blobs else None
        bias = [(str(Origin.CONSTANT), (row.bias.count,), None)] if row.bias else []
        filled = str(TransplantAction.FILLED)
        blobs = [(filled, row.fill.shape, was), *(blobs[1:] or bias)]
    elif grafted.left is not None:
        action = TransplantAction.LEFT
        words = f"{action}: {grafted.left}"
        return NewLayer(grafted.layer, action, None, (), (*told, words), grafted.left)
    origins = {origin for origin, *_ in blobs}
    action = next((each for each in TransplantAction if each in origins), TransplantAction.NO_BLOBS)
    reason = None if row is None else row.reason
    return NewLayer(grafted.layer, action, grafted.old, tuple(blobs), told, reason)


def transplant(
    net: Path | Net,
    model: Path | Model,
    output: Path | None = None,
    *,
    options: TransplantOptions | None = None,
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

    Args:
        net: the new net's prototxt: a path or URL, ``-`` for standard input, or a `Net` that was
            read.
        model: the old weights: a path or URL, ``-`` for standard input, or an open `Model`.
        output: the file to write (``OUT``): a path or URL, ``-`` for standard output; without it
            only a ``dry_run`` will do.
        options: a `TransplantOptions`: the arguments that are its fields in one value, for loops
            over files; then none of them is given beside it.
        suffix: the end of new names that old ones lack (``--suffix``): ``"_new"`` finds fc6 for
            fc6_new.
        expand_score: old score layers for new ones of other sizes (``--expand-score``): ``{"score":
            "fc8"}``, or texts as ``"score=fc8"``.
        apply: give the upsampling layers bilinear weights, too (``--apply``).
        flat: copy values in their order whatever the shapes, as FCN does (``--flat``).
        patterns: names of the layers that are meant (``-p``): a text or several. Plain text is
            looked for in the name, ``*``, ``?`` and ``[`` make a glob of the whole name, ``re:``
            begins a regular expression. The default takes every name with "up" in it.
        exclude: names that are left out, in the same forms (``-x``).
        skip_unfit: leave layers alone that cannot be filled, with a row that says why
            (``--skip-unfit``); without it they are an error.
        any_gain: fill kernels that do not interpolate, too: those whose gains differ from 1
            (``--any-gain``).
        phase: the phase of the net's state, ``"TRAIN"`` or ``"TEST"`` (``--phase``); without phase,
            level and stage: every phase, at level 0 without stages.
        level: the level of that state (``--level``), 0 if another part is given.
        stage: its stages, a text or several (``--stage``).
        force: replace a file that is there (``--force``).
        dry_run: write nothing, and say what would be written (``--dry-run``).
        progress: called with how many bytes are written, and of how many, while the file is
            written.

    Returns:
        Where each blob of the new model comes from.

    Raises:
        PrototxtError: the net's text is wrong.
        ModelError: the weights file is wrong.
        MismatchError: weights do not fit.
        SelectionError: a name that was given is no layer's.
        OutputError: the output's place will not do: it exists, or is an input.
        FileError: the system refuses to read or write.
        ValueError: an argument cannot be. Nothing was written after any of these.

    >>> import deconvsurgery as ds
    >>> result = ds.transplant("net.prototxt", "in.caffemodel", apply=True, dry_run=True)
    >>> result.changed
    True
    """
    asked = chosen_options(
        TransplantOptions,
        options,
        apply=apply,
        flat=flat,
        skip_unfit=skip_unfit,
        any_gain=any_gain,
    )
    expand = _pairs(expand_score)
    choice = layer_choice(patterns, exclude, phase, level, stage)
    files_of(net, model, output).check()
    read, net_name = given_net(net)
    states = choice.states(read)
    with given_model(model) as (opened, model_name), blamed(net_name, model_name):
        place = output_destination(opened.source, model, output, force=force, dry_run=dry_run)
        refuse_mixed(opened)
        refuse_misspelt(active_layers(read, states))
        old = with_shared(opened, owners(read, states))
        plan = None
        selection = choice.selection(read, states) if asked.apply else None
        upsampling = [layer.name for layer in selection.matched] if selection else []
        grafting = make_grafting(
            read,
            old,
            states,
            suffix=suffix,
            expand=expand,
            flat=asked.flat,
            upsampling=upsampling,
        )
        grafted = as_model(grafting, old, upsampling)
        if selection is not None:
            filling = ApplyOptions(skip_unfit=asked.skip_unfit, any_gain=asked.any_gain)
            plan = make_plan(read, grafted, selection, filling, states)
        whole = implanted(read, grafting, old, plan)
        left = {each.layer.name for each in grafting.layers if each.left is not None}
        warnings = in_words(disagreements(read, grafted, states), but=left | {*upsampling})
        warnings += size_warnings(whole.size, Version.V2)  # in which the new model is written
        if place is not None:
            warnings += carry_out(place, Splice((whole,)), progress=progress).warnings
        return TransplantResult(
            grafting=grafting,
            plan=plan,
            net=net_name,
            input=model_name,
            output=None if place is None else place.named,
            input_size=opened.source.size,
            output_size=whole.size,
            written=place is not None,
            warnings=warnings,
        )


def _pairs(given: Mapping[str, str] | Sequence[str]) -> Mapping[str, str]:
    if isinstance(given, Mapping):
        return given
    pairs: dict[str, str] = {}
    for text in texts(given, "expand_score"):
        new, equals, old = text.partition("=")
        if not (new and equals and old):
            raise ArgumentError(
                f"`expand_score=…` takes NEW=OLD, not {text!r}",
                hint="as in score_59=score: the new net's layer, then the old model's",
            )
        if pairs.setdefault(new, old) != old:
            raise ArgumentError(f"`expand_score=…` names {new!r} twice, with two old layers")
    return pairs
