"""Read what the user named: a net's text, a model's index; each error with its file.

What bytes are is told by ``forms``, what they mean by ``prototxt`` and ``caffemodel``. Never
here: writing, or printing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from .errors import FileError, FormatError, ModelError, PrototxtError
from .forms import HEAD, Form, described, form
from .indexing import index
from .model import Model
from .net import Net
from .prototxt import parse_net
from .source import FileSource, can_be_read_again, open_source, open_text, shown

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


def read_net(path: str | os.PathLike[str]) -> Net:
    """Read a prototxt (``-``: standard input).

    Raises ``PrototxtError`` with line and column, or ``FormatError`` for what is no text at all.
    """
    with open_net(path) as (_source, _data, net):
        return net


@contextmanager
def open_net(path: str | os.PathLike[str]) -> Iterator[tuple[FileSource, bytes, Net]]:
    """A prototxt as a file that stays open, as bytes and as a net; raises as `read_net`."""
    with open_text(path) as source:
        data = source.read(0, source.size)
        found = form(data[:HEAD], len(data))
        if found not in (Form.TEXT, Form.EMPTY) and not data.startswith(_BYTE_ORDER_MARKS):
            message, hint = described(found)
            raise FormatError(message, path=source.name, hint=hint)
        try:
            net = parse_net(data)
        except PrototxtError as error:
            error.path = source.name
            raise
        yield source, data, net


@contextmanager
def open_model(path: str | os.PathLike[str]) -> Iterator[Model]:
    """Open and index a model, binary or HDF5 (``-``: standard input, spooled); closed on leaving.

    Raises ``ModelError`` with the byte offset, and in words for what is no model, ``FormatError``
    for an HDF5 file where the library that reads those is not installed.
    """
    with open_source(path) as source:
        try:
            with _indexed(source) as model:
                yield model
        except (FormatError, FileError) as error:
            if error.path is None:
                error.path = source.name
            raise


def _indexed(source: FileSource) -> AbstractContextManager[Model]:
    found = form(source.read(0, min(HEAD, source.size)), source.size)
    if found is Form.BINARY:
        return nullcontext(index(source))
    if found is Form.HDF5:
        from .hdf5 import indexed_hdf5

        return indexed_hdf5(source)
    message, hint = described(found)
    raise ModelError(message, hint=hint)


def net_and_model(paths: Sequence[str]) -> tuple[str | None, str | None]:
    """One or two paths as (net, model), told apart by content.

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
        raise FormatError(
            "is no net, and neither is the other file",
            path=shown(models[1]),
            hint="one of the two should be a prototxt",
        )
    return nets[0] if nets else None, models[0] if models else None


def _is_net(path: str) -> bool:
    with open_source(path) as source:
        head = source.read(0, min(HEAD, source.size))
        return form(head, source.size) is Form.TEXT or head.startswith(_BYTE_ORDER_MARKS)
