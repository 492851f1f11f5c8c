"""Read what the user named: a net's text, a model's index; each error with its file.

What bytes are ``caffemodel.sniff`` says, what they mean ``prototxt`` and ``caffemodel``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.foreign_files import link_target
from deconvsurgery.caffemodel.forms import Form, described
from deconvsurgery.caffemodel.model import MAX_UNPACKED, Model
from deconvsurgery.caffemodel.sniff import HEAD, form
from deconvsurgery.errors import (
    FileError,
    FormatError,
    ModelError,
    PrototxtError,
)
from deconvsurgery.storage.source import open_source, open_text
from deconvsurgery.strict_values.byte_order_marks import BYTE_ORDER_MARKS
from deconvsurgery.wording import quoted

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Net
    from deconvsurgery.prototxt.parse import Scanned
    from deconvsurgery.storage.source_interface import Source


def read_net(path: str | os.PathLike[str]) -> Net:
    """Read a prototxt (``-``: standard input).

    Raises ``PrototxtError`` with line and column, or ``FormatError`` for what is no text at all.
    """
    with open_net(path) as (_source, _text, net):
        return net


@contextmanager
def open_net(path: str | os.PathLike[str]) -> Iterator[tuple[Source, Scanned, Net]]:
    """A prototxt as a file that stays open, as text and as a net; raises as `read_net`."""
    from deconvsurgery.prototxt.parse import as_net, scanned  # not for a model alone

    with open_text(path) as source:
        data = source.read(0, source.size)
        found = form(data[:HEAD], len(data))
        if found not in (Form.TEXT, Form.EMPTY) and not data.startswith(BYTE_ORDER_MARKS):
            message, hint = described_form(found, data[:HEAD])
            raise FormatError(message, path=source.name, hint=hint)
        try:
            text = scanned(data)
            net = as_net(text)
        except PrototxtError as error:
            raise error.replaced(
                path=source.name,
                hint=error.hint or "fix the text there: Caffe would not read it either",
            ) from error.__cause__
        yield source, text, net


@contextmanager
def open_model(
    path: str | os.PathLike[str], *, max_unpacked: int = MAX_UNPACKED
) -> Iterator[Model]:
    """Open and index a model, binary or HDF5 (``-``: standard input, spooled); closed on leaving.

    ``max_unpacked`` is how many bytes the values of an HDF5 file may have more than the file
    itself: beyond that, compressed ones and those never written are not read.

    Raises ``ModelError`` with the byte offset, and in words for what is no model, ``FormatError``
    for an HDF5 file where the library that reads those is not installed.
    """
    with open_source(path) as source:
        try:
            with _indexed(source, max_unpacked) as model:
                yield model
        except (FormatError, FileError) as error:
            if error.path is not None:
                raise
            raise error.replaced(path=source.name) from error.__cause__


def _indexed(source: Source, max_unpacked: int) -> AbstractContextManager[Model]:
    head = source.read(0, min(HEAD, source.size))
    found = form(head, source.size)
    if found is Form.BINARY:
        from deconvsurgery.caffemodel.index import index  # not for a net alone

        return nullcontext(index(source))
    if found is Form.HDF5:
        from deconvsurgery.caffemodel.hdf5.read import indexed_hdf5

        return indexed_hdf5(source, max_unpacked)
    message, hint = described_form(found, head)
    raise ModelError(message, hint=hint)


def described_form(found: Form, head: bytes) -> tuple[str, str]:
    """What a file is and what to do, with the place that it stands for if it says one."""
    message, hint = described(found)
    if found is Form.SYMLINK:
        hint += f": {quoted(link_target(head))}"
    return message, hint
