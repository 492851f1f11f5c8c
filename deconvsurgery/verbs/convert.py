"""``convert``: a model in another of its forms."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from deconvsurgery.arguments import chosen_options, one_of, texts
from deconvsurgery.caffemodel.model import MAX_UNPACKED, Model, Version
from deconvsurgery.caffemodel.size_limit import size_warnings
from deconvsurgery.caffemodel.stored_values import RAW_STORAGE, Storage
from deconvsurgery.errors import ArgumentError
from deconvsurgery.options.convert import ConvertOptions, NewForm, Values
from deconvsurgery.plans.convert.edits import recast
from deconvsurgery.plans.convert.plan import make_conversion
from deconvsurgery.plans.convert.plan_types import Conversion, LayerConversion, WantedForm
from deconvsurgery.prototxt.net import Net

from .open_and_write import (
    Path,
    Progress,
    blamed,
    carry_out_changes,
    files_of,
    given_model,
    given_net,
    output_destination,
)
from .result import Result, about, counted, written_path

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import NetState


class ConvertResult(Result):
    """What ``convert`` did, or in a ``dry_run`` would do.

    Attributes:
        conversion: what becomes of each layer and blob, and of what stands beside the layers.
        input: the model's path, or its name.
        output: where the model goes, ``-`` for standard output; ``None`` in a dry run.
        net: the net's path, or its name; ``None`` without one.
        before: the file's form and generation.
        after: those of the output.
        changed: the output differs from the input, or would.
        input_size: bytes of the input.
        output_size: bytes of the output; ``None`` where only writing an HDF5 file would show it.
        written: a file was written: not in a dry run, nor in place with nothing to do.
        dry_run: nothing was to be written.
        warnings: what is to be said of the run as a whole, a sentence each.
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
    dry_run: bool = False
    warnings: tuple[str, ...] = ()

    _verb: ClassVar[str] = "convert"

    def _essence(self) -> str:
        where = about(self.output, self.input, written=self.written)
        forms = " → ".join(dict.fromkeys((str(self.before), str(self.after))))
        return f"{where}: {forms}, {counted(self.layers)}"

    @property
    def layers(self) -> tuple[LayerConversion, ...]:
        """Every layer of the input, in its order."""
        return self.conversion.layers

    @property
    def path(self) -> str | None:
        """The file that was written; ``None`` where none was."""
        return written_path(self.output, written=self.written)


_STORAGE: Final[Mapping[str, Storage | None]] = {
    Values.FLOAT32: Storage.DATA,
    Values.FLOAT64: Storage.DOUBLE_DATA,
    Values.RAW_FLOAT16: Storage.RAW_FLOAT16,
    Values.RAW_FLOAT32: Storage.RAW_FLOAT,
    Values.RAW_FLOAT64: Storage.RAW_DOUBLE,
    Values.KEEP: None,
}


def convert(
    model: Path | Model,
    output: Path | None = None,
    *,
    options: ConvertOptions | None = None,
    to: str | None = None,
    values: str = "float32",
    patterns: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    strict: bool = False,
    upgrade: bool = True,
    true_shapes: bool = True,
    max_unpacked: int = MAX_UNPACKED,
    net: Path | Net | None = None,
    in_place: bool = False,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ConvertResult:
    """Write a model in another form: binary or HDF5, today's layers and shapes, another type.

    Args:
        model: the weights: a path or URL, ``-`` for standard input, or an open `Model`.
        output: the file to write (``OUT``): a path or URL, ``-`` for standard output; without it
            only a ``dry_run`` or ``in_place`` will do.
        options: a `ConvertOptions`: the arguments that are its fields in one value, for loops over
            files; then none of them is given beside it.
        to: ``"binary"`` or ``"hdf5"`` (``--to``); without it the output's suffix says which.
        values: the type of the weights (``--values``): ``"float32"``, ``"float64"``, ``"keep"``, or
            NVIDIA Caffe's ``"raw-float16"``, ``"raw-float32"``, ``"raw-float64"``.
        patterns: the layers whose values get that type (``-p``): a text or several. Plain text is
            looked for in the name, ``*``, ``?`` and ``[`` make a glob of the whole name, ``re:``
            begins a regular expression. Without it every layer's do.
        exclude: names that are left out, in the same forms (``-x``).
        strict: refuse values that a narrower type cannot hold (``--strict``); else their blob keeps
            its type, and its layer's row says so.
        upgrade: write V1 and V0 layers as V2; ``False`` is ``--keep-layers``.
        true_shapes: write ``shape`` for num, channels, height and width; ``False`` is
            ``--keep-dims``.
        max_unpacked: bytes that the values of an HDF5 file may have more than the file
            (``--max-unpacked``).
        net: a net that says what the file does not (``--net``): axes, types, which layers share. A
            path, a URL, or a `Net`.
        in_place: replace the input itself (``--in-place``); takes no ``output``.
        force: replace a file that is there (``--force``).
        dry_run: write nothing, and say what would be written (``--dry-run``).
        progress: called with how many bytes are written, and of how many, while the file is
            written.

    Returns:
        What became of each layer and blob, or would.

    Raises:
        ModelError: the weights file is wrong.
        MismatchError: a layer has no such form, or the net is another one's.
        OutputError: the output's place will not do: it exists, or is an input.
        FileError: the system refuses to read or write.
        ValueError: an argument cannot be, or raw values are asked for in HDF5. Nothing was written
            after any of these.

    >>> import deconvsurgery as ds
    >>> result = ds.convert("in.caffemodel", values="float64", dry_run=True)
    >>> result.changed
    True
    """
    asked = chosen_options(
        ConvertOptions,
        options,
        to=to,
        values=values,
        strict=strict,
        max_unpacked=max_unpacked,
        upgrade=upgrade,
        true_shapes=true_shapes,
    )
    named = model if in_place and not isinstance(model, Model) else output
    storage, to_hdf5 = _STORAGE[asked.values], _to_hdf5(asked.to, named)
    wanted = WantedForm(to_hdf5, storage, asked.upgrade, asked.true_shapes, asked.strict)
    if wanted.hdf5 and wanted.storage is not None and wanted.storage in RAW_STORAGE.values():
        raise ArgumentError(
            "raw values are for binary files; HDF5 takes float32 or float64",
            hint='`to="binary"` writes a binary file',
        )
    files_of(net, model, output, in_place=in_place).check()
    read, net_name = given_net(net) if net is not None else (None, None)
    with given_model(model, asked.max_unpacked) as (opened, model_name), blamed(model_name):
        place = output_destination(
            opened.source, model, output, in_place=in_place, force=force, dry_run=dry_run
        )
        if wanted.hdf5:
            from deconvsurgery.caffemodel.hdf5.files import loaded_h5py

            loaded_h5py()  # or an error, before any work
        states = read.states() if read else ()
        if read:
            from deconvsurgery.matching.shared_blobs import owners, with_shared

            opened = with_shared(opened, owners(read, states))
        conversion = make_conversion(
            opened, wanted, read, states, texts(patterns, "patterns"), texts(exclude, "exclude")
        )
        outcome = recast(conversion, opened, read)
        size = outcome.size(opened.source.size)
        warnings = conversion.warnings + (_misfits(read, opened, states) if read else ())
        warnings += size_warnings(size, conversion.version(opened.version), "the new model")
        done = carry_out_changes(
            place, outcome, size, changed=outcome.changed, in_place=in_place, progress=progress
        )
        return ConvertResult(
            conversion=conversion,
            input=model_name,
            output=None if place is None else place.named,
            net=net_name,
            before=opened.version,
            after=conversion.version(opened.version),
            changed=outcome.changed,
            input_size=opened.source.size,
            output_size=done.size,
            written=done.written,
            dry_run=place is None,
            warnings=warnings + done.warnings,
        )


def _misfits(net: Net, model: Model, states: Sequence[NetState]) -> tuple[str, ...]:
    """Where Caffe would stop at the model with this net, whichever form the model has."""
    from deconvsurgery.matching.compatibility import disagreements
    from deconvsurgery.matching.disagreement import Kind
    from deconvsurgery.matching.disagreement_sentences import in_words

    found = disagreements(net, model, states)
    # Of two shapes the net says which is meant, and that one is written.
    settled = {
        layer.name for layer in model.layers if any(blob.fills_beside for blob in layer.blobs)
    }
    differing = [each for each in found if each.kind in (Kind.BLOBS, Kind.SHAPE)]
    return in_words(differing, but=settled)


def _to_hdf5(to: str | None, output: Path | None) -> bool:
    """The form that is asked for; where none is, the output's suffix says it."""
    if to is not None:
        return one_of(NewForm, to, "to") is NewForm.HDF5
    name = "" if output is None else os.fsdecode(output).lower()
    return name.endswith((".h5", ".hdf5"))
