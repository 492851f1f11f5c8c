"""The steps of a repair carried out by their verbs, on copies in a folder of our own.

Each step is what its printed command would do. The files of the pair are only read here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deconvsurgery.caffemodel.model import Version
from deconvsurgery.errors import FileError
from deconvsurgery.inputs.open_inputs import open_model
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.options.convert import NewForm
from deconvsurgery.rules.tried_steps import StepOptions, options_of_step

from .apply import apply
from .convert import convert
from .patch_net import patch_net
from .regroup import regroup
from .transplant import transplant

if TYPE_CHECKING:
    from deconvsurgery.rules.repair_step import RepairStep


class Files(NamedTuple):
    """A net and a model by their paths; either may be lacking."""

    net: str | None
    model: str | None


def carried_out(steps: Iterable[RepairStep], files: Files, folder: str) -> Files:
    """The files that the steps make of these, in ``folder``; those that none changes stay.

    Raises as the verbs do.
    """
    now = files
    for number, step in enumerate(steps):
        made = Files(
            os.path.join(folder, f"{number}.prototxt"), os.path.join(folder, f"{number}.caffemodel")
        )
        try:
            after = _VERBS[step.verb](now, made, options_of_step(step))
        except FileError as error:
            hint = "point TMPDIR to a directory with more space"
            raise error.replaced(hint=error.hint or hint) from error.__cause__
        for old, new, own in zip(now, after, files, strict=True):
            if old not in (new, own, None):
                with suppress(OSError):  # the folder goes in the end
                    os.unlink(old or "")
        now = after
    return now


def _chosen(said: StepOptions) -> dict[str, Any]:
    return {
        "patterns": said.patterns,
        "phase": said.phase,
        "level": said.level,
        "stage": said.stage,
        **said.fields,
    }


def _applied(now: Files, made: Files, said: StepOptions) -> Files:
    assert now.net is not None
    assert now.model is not None
    apply(now.net, now.model, made.model, **_chosen(said))
    return Files(now.net, made.model)


def _converted(now: Files, made: Files, said: StepOptions) -> Files:
    assert now.model is not None
    fields = dict(said.fields)
    if "to" not in fields:  # as the suffix of the printed command's output says
        with open_model(now.model) as model:
            hdf5 = model.version is Version.HDF5
        fields["to"] = NewForm.HDF5 if hdf5 else NewForm.BINARY
    convert(now.model, made.model, **fields)
    return Files(now.net, made.model)


def _patched(now: Files, made: Files, said: StepOptions) -> Files:
    assert now.net is not None
    patch_net(now.net, made.net, **_chosen(said))
    return Files(made.net, now.model)


def _regrouped(now: Files, made: Files, said: StepOptions) -> Files:
    assert now.net is not None
    assert now.model is not None
    regroup(now.net, now.model, made.net, made.model, **_chosen(said))
    return made


def _transplanted(now: Files, made: Files, said: StepOptions) -> Files:
    assert now.net is not None
    assert now.model is not None
    assert made.model is not None
    transplant(now.net, now.model, made.model, **_chosen(said))
    with open_model(now.model) as model:
        if model.version is not Version.HDF5:
            return made._replace(net=now.net)
    # It writes binary files, and what is fixed keeps its name: Caffe 1.0 goes by the suffix.
    again = f"{made.model}.h5"
    convert(made.model, again, to=NewForm.HDF5, net=now.net)
    os.unlink(made.model)
    return Files(now.net, again)


_VERBS = {
    "apply": _applied,
    "convert": _converted,
    "patch-net": _patched,
    "regroup": _regrouped,
    "transplant": _transplanted,
}
