"""Nets and models distinguished, and paired, by what is in the files that a user named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from deconvsurgery.caffemodel.forms import OURS, Form
from deconvsurgery.caffemodel.sniff import HEAD, form
from deconvsurgery.errors import FormatError, SurgeryError
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.streams import can_be_read_again
from deconvsurgery.strict_values.byte_order_marks import BYTE_ORDER_MARKS

from .open_inputs import described_form


def net_and_model(paths: Sequence[str]) -> tuple[str | None, str | None]:
    """One or two paths as (net, model), by content.

    What can be read once only (a pipe, ``-``) is what the other is not, or else the model.
    """
    pipes = [path for path in paths if not can_be_read_again(path)]
    if pipes:
        if len(paths) == 1:
            return None, pipes[0]
        if len(pipes) == 2:
            return paths[0], paths[1]  # the usual order: neither may be looked at
        (seen,) = (path for path in paths if path not in pipes)
        return (seen, pipes[0]) if _is_net(seen) else (pipes[0], seen)
    nets = [path for path in paths if _is_net(path)]
    models = [path for path in paths if path not in nets]
    if len(nets) > 1:
        raise FormatError(
            "is text, and so is the other file",
            path=shown(nets[1]),
            hint="one net and one model, please: a prototxt and its weights",
        )
    if len(models) > 1:
        for path in models:
            _refuse_foreign(path)
        raise FormatError(
            "is not a net, and the other file is not one either",
            path=shown(models[1]),
            hint="one of the two should be a prototxt",
        )
    return nets[0] if nets else None, models[0] if models else None


def is_model(path: str | os.PathLike[str] | None) -> bool:
    """Whether a file is a model by its content; not one that can be read once only, or not at all.

    >>> is_model("in.caffemodel"), is_model("net.prototxt"), is_model("none"), is_model(None)
    (True, False, False, False)
    """
    if path is None or not can_be_read_again(path):
        return False
    with suppress(SurgeryError):  # where it is opened that is said
        return _form(path)[0] in (Form.BINARY, Form.HDF5)
    return False


def paired(
    paths: Sequence[str], *, readable: bool = False
) -> tuple[tuple[str | None, str | None], ...]:
    """Any number of paths as (net, model), by content: a model goes with the net before.

    Two may stand in any order, a model alone is looked at alone. A file that cannot be read counts
    as a net: reading it raises the error. With ``readable`` it raises it here, as it may be the
    model of the net before it.
    """
    if not all(map(can_be_read_again, paths)) and len(paths) <= 2:
        return ((paths[0], None),) if len(paths) == 1 else (net_and_model(paths),)
    nets = [_looks_like_a_net(path, readable=readable) for path in paths]
    if nets == [False]:
        return ((None, paths[0]),)
    if nets == [False, True]:
        return ((paths[1], paths[0]),)
    pairs: list[tuple[str | None, str | None]] = []
    for path, is_net in zip(paths, nets, strict=True):
        if is_net:
            pairs.append((path, None))
        elif not pairs:
            _refuse_foreign(path)
            raise FormatError(
                "is a model, and no net stands before it",
                path=shown(path),
                hint="name each net before its model",
            )
        elif pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], path)
        else:
            pairs.append((pairs[-1][0], path))
    return tuple(pairs)


def _looks_like_a_net(path: str, *, readable: bool) -> bool:
    """Of what is neither (a Git LFS pointer, a web page) the name is all there is to go by."""
    try:
        found, _ = _form(path)
    except SurgeryError:
        if readable:
            raise
        return True
    return found is Form.TEXT or (
        found not in (Form.BINARY, Form.HDF5) and path.endswith(".prototxt")
    )


def _refuse_foreign(path: str) -> None:
    """Raise ``FormatError`` for what is neither a net nor a model, named for what it is."""
    found, head = _form(path)
    if found not in OURS:
        message, hint = described_form(found, head)
        raise FormatError(message, path=shown(path), hint=hint)


def _is_net(path: str) -> bool:
    return _form(path)[0] is Form.TEXT


def _form(path: str | os.PathLike[str]) -> tuple[Form, bytes]:
    """A file's form, and how it begins; text behind a byte order mark is text, too."""
    with open_source(path) as source:
        head = source.read(0, min(HEAD, source.size))
        found = Form.TEXT if head.startswith(BYTE_ORDER_MARKS) else form(head, source.size)
        return found, head
