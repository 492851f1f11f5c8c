"""``apply``: bilinear weights into the matched layers of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from deconvsurgery.arguments import chosen_options
from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.caffemodel.size_limit import is_too_large, size_warnings
from deconvsurgery.kernels.formula_names import Formula, KernelSupport
from deconvsurgery.matching.shared_blobs import Owner, owners, with_shared
from deconvsurgery.options.apply import ApplyOptions
from deconvsurgery.plans.apply.binary_edits import edits
from deconvsurgery.plans.apply.plan import make_plan
from deconvsurgery.plans.apply.plan_types import ApplyChange, ApplyPlan, ApplySkip
from deconvsurgery.prototxt.net import Net, Phase
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.storage.outcome import Outcome, Splice
from deconvsurgery.wording import plural

from .layer_choice import layer_choice
from .open_and_write import (
    Path,
    Progress,
    blamed,
    carry_out_changes,
    files_of,
    given_model,
    given_net,
    output_destination,
    patch_place,
)
from .result import Result, about, counted, written_path

if TYPE_CHECKING:
    from deconvsurgery.storage.run_files import RunFiles


class ApplyResult(Result):
    """What ``apply`` did, or with ``written`` false would do.

    Attributes:
        plan: what becomes of each layer, and the layers that were left alone.
        net: the net's path as it was given, ``-`` for standard input; the name of an open one.
        input: the model's path, or its name, in the same way.
        output: where the model goes, ``-`` for standard output; ``None`` in a dry run.
        input_size: bytes of the input.
        output_size: bytes of the output; ``None`` where only writing an HDF5 file would show it.
        rewritten: bytes of the output that are not the input's own.
        written: a file was written: not in a dry run, nor in place with nothing to do.
        warnings: what is to be said of the run as a whole, a sentence each.
        notes: what was unusual about the net's text.
        patch: the file that undoes it (``save_patch``); ``None`` where none was asked for.
        pictures: what `html_report` draws; ``None`` unless asked for.
    """

    plan: ApplyPlan
    net: str
    input: str
    output: str | None
    input_size: int
    output_size: int | None
    rewritten: int
    written: bool
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    patch: str | None = None
    pictures: object | None = None

    _verb: ClassVar[str] = "apply"

    def _essence(self) -> str:
        where = about(self.output, self.input, written=self.written)
        return f"{where}: {counted(self.layers)}, {plural(self.rewritten, 'byte')} rewritten"

    @property
    def layers(self) -> tuple[ApplyChange | ApplySkip, ...]:
        """Every matched layer, in the net's order."""
        return self.plan.layers

    @property
    def changed(self) -> bool:
        """The output differs from the input, or would."""
        return self.plan.changed

    @property
    def path(self) -> str | None:
        """The file that was written; ``None`` where none was."""
        return written_path(self.output, written=self.written)


def apply(
    net: Path | Net,
    model: Path | Model,
    output: Path | None = None,
    *,
    options: ApplyOptions | None = None,
    patterns: str | Sequence[str] = DEFAULT_PATTERNS,
    exclude: str | Sequence[str] = (),
    formula: Formula | str = Formula.FCN,
    support: KernelSupport | str = KernelSupport.KERNEL,
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
    save_patch: Path | None = None,
    pictures: bool = False,
    progress: Progress | None = None,
) -> ApplyResult:
    """Give the matched Deconvolution layers bilinear weights and write the model to ``output``.

    Bytes outside the rewritten blobs are the input's own, and a failed run changes nothing.

    Args:
        net: The net, a prototxt (``NET``) or one that was read.
        model: The model, in any form (``IN``), or an open one; "-" is standard input.
        output: The new model (``OUT``), in the form of the old one; "-" is standard output.
        options: The eight of ``formula`` to ``any_gain`` in one value, for calls that differ in
            files alone; they must be left at their defaults then.
        patterns: The layers to fill (``-p``): what a name contains, a glob, or ``re:`` and a
            regular expression; one or several. Deconvolutions alone are taken.
        exclude: Those to leave out (``-x``), in the same forms.
        formula: How kernels are computed, a `Formula` or its word (``--formula``): "fcn" (float64,
            rounded once), "caffe" (today's BilinearFiller), "caffe-1.0" (off centre).
        support: Width of the triangle (``--support``): of the "kernel", or of the "stride".
        keep_off_diagonal: Leave other weights (``--keep-off-diagonal``), as FCN's interp does.
        zero_bias: Clear the bias, too (``--zero-bias``).
        create: Add layers that the model lacks (``--no-create`` is False).
        fill: Which layers (``--fill``): "all" that match, those of "zero" weights or without any,
            or those that are "missing" alone.
        skip_unfit: Leave layers alone that cannot be filled (``--skip-unfit``).
        any_gain: Fill kernels that do not interpolate, too (``--any-gain``).
        allow_empty: That nothing matches is no error (``--allow-empty``): it is a copy then.
        phase: Only layers that are active in it (``--phase``), a `Phase` or "train", "test".
        level: The level of the net's state (``--level``).
        stage: Stages of the net's state (``--stage``), one or several.
        in_place: Write to ``model`` itself (``--in-place``), still whole or not at all.
        force: Replace files that are there (``--force``).
        dry_run: Plan it, and write nothing (``--dry-run``).
        save_patch: A file for what `revert` needs to undo it (``--save-patch``); both are written
            or neither.
        pictures: Look at the weights before and after, for `html_report`.
        progress: Called with how many bytes are written, of how many. For a bar of tqdm
            ``lambda done, total: bar.update(done - bar.n)``, for a task of rich's
            ``lambda done, total: bar.update(task, completed=done, total=total)``.

    Returns:
        What was done, or with ``written`` false would be; a row a layer in its ``plan``.

    Raises:
        SurgeryError: The input is wrong or the surgery refused; nothing was written.
        ValueError: Arguments that do not go together, or a word that there is not.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import deconvsurgery as ds
        >>> with TemporaryDirectory() as place:
        ...     result = ds.demo(place)
        ...     options = ds.ApplyOptions(zero_bias=True)
        ...     again = ds.apply(result.net, result.output, options=options, dry_run=True)
        >>> result.changed, again.changed, again.written
        (True, False, False)
    """
    options = chosen_options(
        ApplyOptions,
        options,
        formula=formula,
        support=support,
        keep_off_diagonal=keep_off_diagonal,
        zero_bias=zero_bias,
        create=create,
        fill=fill,
        skip_unfit=skip_unfit,
        any_gain=any_gain,
    )
    choice = layer_choice(patterns, exclude, phase, level, stage)
    apply_files(net, model, output, in_place=in_place, save_patch=save_patch).check()
    read, net_name = given_net(net)
    states = choice.states(read)
    with given_model(model) as (opened, model_name), blamed(net_name, model_name):
        place = output_destination(
            opened.source, model, output, in_place=in_place, force=force, dry_run=dry_run
        )
        patch = patch_place(save_patch, place, force=force)
        selection = choice.selection(read, states, allow_empty=allow_empty)
        owned = owners(read, states)
        opened = with_shared(opened, owned)
        plan = make_plan(read, opened, selection, options, states)
        outcome = _outcome(plan, opened, owned)
        looked_at = None
        if pictures:
            from deconvsurgery.pictures.layer_pictures import planned_pictures

            looked_at = planned_pictures(plan, read, opened, states)
        size = outcome.size(opened.source.size)
        warnings = plan.warnings
        if not is_too_large(opened.source.size, opened.version):  # the plan says that
            warnings += size_warnings(size, opened.version, "the new model")
        done = carry_out_changes(
            place,
            outcome,
            size,
            changed=plan.changed,
            in_place=in_place,
            patch=patch,
            progress=progress,
        )
        return ApplyResult(
            plan=plan,
            net=net_name,
            input=model_name,
            output=None if place is None else place.named,
            input_size=opened.source.size,
            output_size=done.size,
            rewritten=outcome.rewritten,
            written=done.written,
            warnings=warnings + done.warnings,
            notes=read.notes,
            patch=None if patch is None else patch.named,
            pictures=looked_at,
        )


def apply_files(
    net: Path | Net,
    model: Path | Model,
    output: Path | None,
    *,
    in_place: bool,
    save_patch: Path | None,
) -> RunFiles:
    """What `apply` reads and writes."""
    files = files_of(net, model, output, in_place=in_place)
    files.writes("the patch", save_patch)
    return files


def _outcome(plan: ApplyPlan, model: Model, owned: Mapping[Owner, Owner]) -> Outcome:
    """The plan in terms of the model's form; a model that stays is copied, not opened again."""
    if model.version is Version.HDF5 and plan.changed:
        from deconvsurgery.plans.apply.hdf5_edits import amendment

        return amendment(plan, model, owned)
    return Splice(edits(plan, model))
