"""The verbs as functions: paths or open objects in, frozen values out.

Each is a handful of calls on the rooms below: read, match, plan, write. The command line shows
what they return. Never here: options, exit codes, a printed word.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from .agreement import disagreements, in_words
from .amend import amendment
from .arguments import (
    Outcome,
    Path,
    Progress,
    blamed,
    destination,
    given_model,
    given_net,
    outcome_rewritten,
    outcome_size,
    phase_of,
    same_file,
    texts,
    write_outcome,
)
from .change import Plan
from .conversion import Conversion, Wanted
from .convert import make_conversion
from .edits import edits
from .errors import OutputError
from .fit import Options
from .kernels import Formula, Support
from .model import RAW_STORAGE, Model, Storage, Version
from .net import Net, Phase
from .patterns import DEFAULT_PATTERNS, match_layers, nothing_matched
from .plan import make_plan
from .portrait import KernelFacts, kernel_facts
from .prototxt import parse_net
from .read import open_model
from .recast import recast
from .sample import base_model, net_text
from .sharing import Owner, owners, with_shared
from .source import shown
from .splice import spliced
from .survey import Row, source_selection, survey
from .write import make_directory, write_once


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What ``apply`` did, or with ``written`` false would do.

    Sizes in bytes; ``rewritten`` are the bytes of the output that are not the input's own.
    ``output`` is ``None`` when nothing was to be written, ``-`` for standard output;
    ``output_size`` when a layer is added to an HDF5 file that is not written. ``notes`` tell what
    was unusual about the net's text.
    """

    plan: Plan
    net: str
    input: str
    output: str | None
    input_size: int
    output_size: int | None
    rewritten: int
    written: bool
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """The output differs from the input, or would."""
        return self.plan.changed


@dataclass(frozen=True, slots=True)
class InspectResult:
    """What ``inspect`` found: a row a layer; what is unusual about the files, or does not agree."""

    rows: tuple[Row, ...]
    net: str | None = None
    model: str | None = None
    net_version: str | None = None
    model_version: str | None = None
    model_size: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """What ``convert`` did, or with ``written`` false would do; sizes in bytes.

    ``before`` and ``after`` are the file's form and generation, ``output_size`` is ``None`` where
    only writing an HDF5 file could tell.
    """

    conversion: Conversion
    input: str
    output: str | None
    net: str | None
    before: Version
    after: Version
    changed: bool
    input_size: int
    output_size: int | None
    written: bool
    warnings: tuple[str, ...] = ()


VALUES: Mapping[str, Storage | None] = {
    "float32": Storage.DATA,
    "float64": Storage.DOUBLE_DATA,
    "raw-float16": Storage.RAW_FLOAT16,
    "raw-float32": Storage.RAW_FLOAT,
    "raw-float64": Storage.RAW_DOUBLE,
    "keep": None,
}
"""What `convert` makes of values; the raw ones are NVIDIA's, the half also OpenCV's."""


def apply(
    net: Path | Net,
    model: Path | Model,
    output: Path | None = None,
    *,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    formula: Formula | str = Formula.FCN,
    support: Support | str = Support.KERNEL,
    keep_off_diagonal: bool = False,
    zero_bias: bool = False,
    create: bool = True,
    fill: str = "all",
    skip_unfit: bool = False,
    any_gain: bool = False,
    allow_empty: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
    in_place: bool = False,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ApplyResult:
    """Give the matched Deconvolution layers bilinear weights and write the model to ``output``.

    ``progress`` hears how many bytes are written, of how many. Raises a ``SurgeryError`` when
    the input is wrong or the surgery refused, and then nothing was written.
    """
    options = Options(
        formula=Formula(formula),
        support=Support(support),
        keep_off_diagonal=keep_off_diagonal,
        zero_bias=zero_bias,
        create=create,
        fill=_fill(fill),
        skip_unfit=skip_unfit,
        any_gain=any_gain,
    )
    read, net_name = given_net(net)
    states = read.states(phase_of(phase), level, texts(stage))
    patterns, exclude = texts(patterns), texts(exclude)
    with given_model(model) as (opened, model_name), blamed(net_name, model_name):
        goal = destination(opened, model, output, in_place, force, dry_run)
        if goal is not None and not isinstance(net, Net) and same_file(net, goal[1]):
            raise OutputError("is the net itself", path=shown(goal[1]))
        selection = match_layers(read, patterns, exclude, states)
        if not selection.matched and not allow_empty:
            raise nothing_matched(read, patterns, states, exclude)
        owned = owners(read, states)
        opened = with_shared(opened, owned)
        plan = make_plan(read, opened, selection, options, states)
        outcome = _outcome(plan, opened, owned)
        size = outcome_size(outcome, opened.source.size)
        warnings = plan.warnings
        to_write = goal is not None and not (in_place and not plan.changed)
        if goal is not None and to_write:
            written = write_outcome(
                goal[0], outcome, goal[1], force=force, in_place=in_place, progress=progress
            )
            size = written.size
            warnings += written.warnings
        return ApplyResult(
            plan=plan,
            net=net_name,
            input=model_name,
            output=None if goal is None else os.fsdecode(goal[1]),
            input_size=opened.source.size,
            output_size=size,
            rewritten=outcome_rewritten(outcome),
            written=to_write,
            warnings=warnings,
            notes=read.notes,
        )


def inspect(
    net: Path | Net | None = None,
    model: Path | Model | None = None,
    *,
    patterns: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] = (),
    every_layer: bool = False,
    phase: Phase | str | None = None,
    level: int | None = None,
    stage: str | Sequence[str] = (),
) -> InspectResult:
    """Tell what the Deconvolution layers of a net, a model or both are.

    Without ``patterns`` every Deconvolution has a row, and ``apply``'s default tells which are
    matched; with them only the matched ones have.
    """
    if net is None and model is None:
        raise ValueError("a net, a model or both are needed")
    wanted = None if patterns is None else texts(patterns)
    read, net_name = given_net(net) if net is not None else (None, None)
    with ExitStack() as stack:
        opened, model_name = (
            stack.enter_context(given_model(model)) if model is not None else (None, None)
        )
        stack.enter_context(blamed(net_name))
        if opened and read:
            opened = with_shared(opened, owners(read, read.states()))
        listed = read or (source_selection(opened) if opened else Net())
        states = listed.states(phase_of(phase), level, texts(stage))
        chosen = DEFAULT_PATTERNS if wanted is None else wanted
        selection = match_layers(listed, chosen, texts(exclude), states)
        rows = survey(read, opened, selection, states, every_layer=every_layer)
        if wanted is not None and not every_layer:
            if not selection.matched:
                raise nothing_matched(
                    listed, wanted, states, texts(exclude), "the net" if read else "the model"
                )
            rows = tuple(row for row in rows if row.matched)
        notes = read.notes if read else ()
        if read and opened:
            notes += in_words(disagreements(read, opened, states))
        return InspectResult(
            rows=rows,
            net=net_name,
            model=model_name,
            net_version=read.version if read else None,
            model_version=str(opened.version) if opened else None,
            model_size=opened.source.size if opened else None,
            notes=notes + _model_notes(opened, read is not None),
        )


def convert(
    model: Path | Model,
    output: Path | None = None,
    *,
    to: str | None = None,
    values: str = "float32",
    upgrade: bool = True,
    true_shapes: bool = True,
    net: Path | Net | None = None,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ConvertResult:
    """Write a model in another form: ``to`` is binary or hdf5 (default: by the output's suffix).

    ``values`` is one of `VALUES`. ``net`` tells what the file does not: how many axes legacy dims
    mean, types for what an HDF5 file holds, which layers share. Raises a ``SurgeryError`` when
    a layer has no such form, and then nothing was written.
    """
    wanted = Wanted(_to_hdf5(to, output), VALUES[values], upgrade, true_shapes)
    if wanted.hdf5 and wanted.storage is not None and wanted.storage in RAW_STORAGE.values():
        raise ValueError("raw values are a thing of binary files; HDF5 takes float32 or float64")
    read, net_name = given_net(net) if net is not None else (None, None)
    with given_model(model) as (opened, model_name), blamed(model_name):
        goal = destination(opened, model, output, False, force, dry_run)
        states = read.states() if read else ()
        if read:
            opened = with_shared(opened, owners(read, states))
        conversion = make_conversion(opened, wanted, read, states)
        outcome = recast(conversion, opened, read)
        size = outcome_size(outcome, opened.source.size)
        warnings = conversion.warnings
        if goal is not None:
            written = write_outcome(goal[0], outcome, goal[1], force=force, progress=progress)
            size, warnings = written.size, warnings + written.warnings
        return ConvertResult(
            conversion=conversion,
            input=model_name,
            output=None if goal is None else os.fsdecode(goal[1]),
            net=net_name,
            before=opened.version,
            after=conversion.version(opened.version),
            changed=bool(outcome),
            input_size=opened.source.size,
            output_size=size,
            written=goal is not None,
            warnings=warnings,
        )


def _to_hdf5(to: str | None, output: Path | None) -> bool:
    """The form that is asked for; where none is, the output's suffix tells it."""
    if to not in (None, "binary", "hdf5"):
        raise ValueError(f"a model is binary or hdf5, not {to!r}")
    name = "" if output is None else os.fsdecode(output).lower()
    return to == "hdf5" if to else name.endswith((".h5", ".hdf5"))


def kernel(
    size: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    formula: Formula | str = Formula.FCN,
    support: Support | str = Support.KERNEL,
) -> KernelFacts:
    """Tell what one kernel is and does at its stride (default: the factor of its size)."""
    return kernel_facts(size, stride=stride, formula=formula, support=support)


def demo(directory: Path, *, force: bool = False) -> ApplyResult:
    """Write a small FCN-like net and a base model to ``directory``, and run `apply` on them.

    Files of the same content stay; others are replaced only with ``force``, the model that
    `apply` writes among them.
    """
    make_directory(directory)
    net, base, output = (
        os.path.join(os.fsdecode(directory), name)
        for name in ("net.prototxt", "base.caffemodel", "fcn.caffemodel")
    )
    text = net_text()
    write_once(net, text, force=force)
    model = base_model(parse_net(text))
    write_once(base, model, force=force)
    with open_model(base) as opened:
        foreseen = edits(apply(net, opened, dry_run=True).plan, opened)
    write_once(output, spliced(model, foreseen), force=force)
    return apply(net, base, output, force=True)


def _fill(fill: str) -> str:
    if fill not in ("missing", "zero", "all"):
        raise ValueError(f"fill is missing, zero or all, not {fill!r}")
    return fill


def _outcome(plan: Plan, model: Model, owned: Mapping[Owner, Owner]) -> Outcome:
    """The plan in terms of the model's form; a model that stays is copied, not opened again."""
    if model.version is Version.HDF5 and plan.changed:
        return amendment(plan, model, owned)
    return edits(plan, model)


def _model_notes(model: Model | None, has_net: bool) -> tuple[str, ...]:
    """What is to be said of the model as a whole."""
    if model is None or has_net or model.version is not Version.HDF5:
        return ()
    return (
        "HDF5 weights do not tell the type of a layer: name the net, too, to see its Deconvolution "
        "layers, or use --all",
    )
