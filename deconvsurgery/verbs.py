"""The verbs as functions: paths or open objects in, frozen values out.

Each is a handful of calls on the rooms below: read, match, plan, write. The command line shows
what they return. Never here: options, exit codes, a printed word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from .agreement import disagreements, in_words
from .caffemodel import Model
from .change import Plan
from .edits import edits
from .errors import MismatchError, OutputError, PrototxtError, SelectionError, ShapeError
from .fit import Options
from .kernels import Formula, Support
from .net import Net, Phase
from .patterns import DEFAULT_PATTERNS, match_layers, nothing_matched
from .plan import make_plan
from .portrait import KernelFacts, kernel_facts
from .prototxt import parse_net
from .read import open_model, read_net
from .sample import base_model, net_text
from .source import FileSource, shown
from .splice import spliced, spliced_size
from .survey import Row, source_selection, survey
from .write import check_output, make_directory, write_once, write_spliced

Path: TypeAlias = str | os.PathLike[str]
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What ``apply`` did, or with ``written`` false would do.

    Sizes in bytes; ``rewritten`` are the bytes of the output that are not the input's own.
    ``output`` is ``None`` when nothing was to be written, ``-`` for standard output. ``notes``
    tell what was unusual about the net's text.
    """

    plan: Plan
    net: str
    input: str
    output: str | None
    input_size: int
    output_size: int
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
    read, net_name = _net(net)
    states = read.states(_phase(phase), level, _texts(stage))
    patterns, exclude = _texts(patterns), _texts(exclude)
    with _model(model) as (opened, model_name), _blamed(net_name, model_name):
        target = _target(opened, model, output, in_place, force, dry_run)
        if target is not None and not isinstance(net, Net) and _same_file(net, target[1]):
            raise OutputError("is the net itself", path=shown(target[1]))
        selection = match_layers(read, patterns, exclude, states)
        if not selection.matched and not allow_empty:
            raise nothing_matched(read, patterns, states, exclude)
        plan = make_plan(read, opened, selection, options, states)
        carried_out = edits(plan, opened)
        size = opened.source.size
        new_size = spliced_size(size, carried_out)
        warnings = plan.warnings
        to_write = target is not None and not (in_place and not carried_out)
        if target is not None and to_write:
            source, place = target
            written = write_spliced(
                source,
                carried_out,
                place,
                force=force,
                in_place=in_place,
                progress=_counting(progress, new_size) if progress else None,
            )
            warnings += written.warnings
        return ApplyResult(
            plan=plan,
            net=net_name,
            input=model_name,
            output=None if target is None else os.fsdecode(target[1]),
            input_size=size,
            output_size=new_size,
            rewritten=sum(edit.size for edit in carried_out),
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
    wanted = None if patterns is None else _texts(patterns)
    read, net_name = _net(net) if net is not None else (None, None)
    with ExitStack() as stack:
        opened, model_name = (
            stack.enter_context(_model(model)) if model is not None else (None, None)
        )
        stack.enter_context(_blamed(net_name))
        listed = read or (source_selection(opened) if opened else Net())
        states = listed.states(_phase(phase), level, _texts(stage))
        chosen = DEFAULT_PATTERNS if wanted is None else wanted
        selection = match_layers(listed, chosen, _texts(exclude), states)
        rows = survey(read, opened, selection, states, every_layer=every_layer)
        if wanted is not None and not every_layer:
            if not selection.matched:
                raise nothing_matched(
                    listed, wanted, states, _texts(exclude), "the net" if read else "the model"
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
            notes=notes,
        )


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


# --- what the verbs share


def _counting(progress: Progress, total: int) -> Callable[[int], None]:
    """Add up the pieces that are written."""
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    return told


def _same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False  # one of them is not there, or is a stream


def _texts(given: str | Sequence[str]) -> tuple[str, ...]:
    """One text stands for a list of one, never for its letters."""
    return (given,) if isinstance(given, str) else tuple(given)


def _phase(phase: Phase | str | None) -> Phase | None:
    if isinstance(phase, str):
        if phase.upper() not in Phase.__members__:
            raise ValueError(f"phase is train or test, not {phase!r}")
        return Phase[phase.upper()]
    return phase


def _fill(fill: str) -> str:
    if fill not in ("missing", "zero", "all"):
        raise ValueError(f"fill is missing, zero or all, not {fill!r}")
    return fill


def _net(net: Path | Net) -> tuple[Net, str]:
    if isinstance(net, Net):
        return net, net.name or "the net"
    return read_net(net), os.fsdecode(net)


@contextmanager
def _model(model: Path | Model) -> Iterator[tuple[Model, str]]:
    if isinstance(model, Model):
        yield model, getattr(model.source, "name", "the model")
        return
    with open_model(model) as opened:
        yield opened, os.fsdecode(model)


@contextmanager
def _blamed(net_name: str | None, model_name: str | None = None) -> Iterator[None]:
    """Errors about the net's layers say which file they stand in, and what it was held against."""
    try:
        yield
    except (PrototxtError, ShapeError, MismatchError, SelectionError) as error:
        if error.path is None and net_name is not None:
            error.path = shown(net_name)
        if isinstance(error, MismatchError) and model_name is not None:
            error.message += f" (model: {shown(model_name)})"
        raise


def _target(
    opened: Model,
    model: Path | Model,
    output: Path | None,
    in_place: bool,
    force: bool,
    dry_run: bool,
) -> tuple[FileSource, Path] | None:
    """What is copied and where to, after every reason not to; ``None`` for a dry run."""
    if in_place:
        if output is not None:
            raise OutputError("--in-place changes the input; it takes no output of its own")
        if model == "-":
            raise OutputError("standard input cannot be changed in place")
        if isinstance(model, Model):
            raise OutputError("an open model cannot be changed in place; give its path")
        output = model
    if dry_run:
        return None
    if output is None:
        raise OutputError(
            "no output is named", hint="name OUT, or use --in-place, --dry-run or --check"
        )
    source = opened.source
    if not isinstance(source, FileSource):
        raise OutputError("only a model that was opened from a file can be written")
    check_output(output, source, force=force, in_place=in_place)
    return source, output
