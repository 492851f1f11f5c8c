"""``demo``: everything at work on a small net."""

from __future__ import annotations

import os

from deconvsurgery.inputs.open_inputs import open_model
from deconvsurgery.plans.apply.binary_edits import edits
from deconvsurgery.prototxt.parse import parse_net
from deconvsurgery.splicing.byte_ranges import spliced
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.storage.write_outputs import make_directory, write_once

from .apply import ApplyResult, apply
from .demo_net import base_model, net_text
from .open_and_write import Path


def demo(directory: Path, *, force: bool = False) -> ApplyResult:
    """Write a small FCN-like net and a base model to a folder, and run `apply` on them.

    They are ``net.prototxt`` and ``base.caffemodel``, and ``fcn.caffemodel`` is what `apply` makes
    of them. Files of the same content stay.

    Args:
        directory: the folder (``DIR``); it is made where it is not there.
        force: replace other files of these names (``--force``), the model that `apply` writes among
            them.

    Returns:
        What `apply` did.

    Raises:
        OutputError: the output's place will not do: it exists, or is an input.
        FileError: the system refuses to read or write.

    >>> import deconvsurgery as ds
    >>> len(ds.demo("demo", force=True).layers)
    2
    """
    make_directory(directory)
    net, base, output = (
        os.path.join(os.fsdecode(directory), name)
        for name in ("net.prototxt", "base.caffemodel", "fcn.caffemodel")
    )
    files = RunFiles()
    for role, path in (("the net", net), ("the model", base), ("the output", output)):
        files.writes(role, path)
    files.check()
    text = net_text()
    write_once(net, text, force=force)
    model = base_model(parse_net(text))
    write_once(base, model, force=force)
    with open_model(base) as opened:
        foreseen = edits(apply(net, opened, dry_run=True).plan, opened)
    write_once(output, spliced(model, foreseen), force=force)
    return apply(net, base, output, force=True)
