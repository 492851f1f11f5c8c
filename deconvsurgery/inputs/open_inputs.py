"""Read what the user named: a net's text, a model's index; each error with its file.

What bytes are ``caffemodel.sniff`` says, what they mean ``prototxt`` and ``caffemodel``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
from deconvsurgery.kernels import arrays
from deconvsurgery.prototxt.net import Net
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.source import open_source, open_text
from deconvsurgery.storage.source_interface import BinaryFile, Source
from deconvsurgery.strict_values.byte_order_marks import BYTE_ORDER_MARKS
from deconvsurgery.wording import quoted, short

if TYPE_CHECKING:
    from deconvsurgery.prototxt.parse import Scanned


def read_net(path: str | os.PathLike[str]) -> Net:
    """Read a prototxt of any generation from a file; `parse_net` takes its text.

    Args:
        path: a path or URL, or "-" for standard input.

    Returns:
        The net in V2 terms.

    Raises:
        PrototxtError: the text is not valid, or Caffe itself would stop at it; with line and
            column.
        FormatError: it is no text at all, or larger than 256 MiB.
        FileError: the operating system, or the store, refuses.

    >>> import deconvsurgery as ds
    >>> [layer.name for layer in ds.read_net("net.prototxt").layers][:3]
    ['data', 'conv1', 'relu1']
    """
    try:
        with open_net(path) as (_source, _text, net):
            return net
    except FileError as error:
        if not (isinstance(path, str) and path.rstrip().endswith("}")):
            raise
        called, hint = short(shown(path)), "parse_net takes the text of a net"
        raise error.replaced(path=called, hint=hint) from error.__cause__


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


def open_model(
    model: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile,
    *,
    max_unpacked: int = MAX_UNPACKED,
) -> Model:
    """Open a weights file of any form, binary or HDF5, and find its layers; reads no values.

    The `Model` is a context manager that closes it; without ``with``, call its ``close``, or leave
    it to the end of its life. Every verb takes an open model in the place of a path, and closes
    only what it opened itself.

    Args:
        model: a path or URL (``s3://…``, ``https://…``; of an object only the ranges that are
            needed are fetched); "-", standard input, which is first copied to a temporary file;
            the bytes of a file, which are not copied; or a binary file that is open and can
            seek, which is read from its first byte on and stays open.
        max_unpacked: bytes that the values of an HDF5 file may have more than the file itself,
            2**30 unless given. Beyond that, compressed values and those never written are not
            read: `ModelBlob.array` refuses them. On the command line ``convert --max-unpacked``.

    Returns:
        The open model, a mapping of names to layers.

    Raises:
        ModelError: it is no model, or a damaged one, with the byte offset where that is known.
        FormatError: it is HDF5, and h5py is not installed.
        FileError: the operating system, or the store, refuses.
        TypeError: it is none of these, such as a file that is open as text.

    >>> from io import BytesIO
    >>> from pathlib import Path
    >>> data = Path("in.caffemodel").read_bytes()
    >>> import deconvsurgery as ds
    >>> ds.open_model(data)["score"][0].shape, ds.open_model(BytesIO(data))["score"][0].shape
    ((5, 16, 1, 1), (5, 16, 1, 1))
    """
    source = _source(model)
    try:
        return _indexed(source, max_unpacked)
    except BaseException as error:
        source.close()
        if not isinstance(error, FormatError | FileError) or error.path is not None:
            raise
        raise error.replaced(path=source.name) from error.__cause__


def _source(model: object) -> Source:
    if isinstance(model, str | os.PathLike):
        return open_source(model)
    # Never from the command line.
    from deconvsurgery.storage.bytes_source import BinaryFileSource, BytesSource

    if isinstance(model, bytes | bytearray | memoryview):
        return BytesSource(model)
    if isinstance(model, BinaryFile):
        return BinaryFileSource(model)
    raise TypeError(
        "open_model takes a path, a URL, bytes or a binary file that can seek, "
        f"not {type(model).__name__}"
    )


def load(
    model: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile,
    *,
    max_unpacked: int = MAX_UNPACKED,
) -> dict[tuple[str, int], arrays.Array]:
    """Read all values of a weights file of any form.

    For layers by name with their types and shapes, of which only what is asked for is read, there
    is `open_model`.

    Args:
        model: as `open_model` takes it.
        max_unpacked: as of `open_model`.

    Returns:
        An array for each blob, by the name of its layer and its index there (weights are 0, a
        bias is 1), in the file's order, each of its own shape and type. Of several layers of one
        name there is the one that Caffe would load; blobs that an HDF5 file leaves to the layer
        which owns a shared parameter are in that layer alone.

    Raises:
        ModelError: as `open_model`, and where the values of a blob cannot be read.
        FormatError, FileError, TypeError: as `open_model`.

    >>> import deconvsurgery as ds
    >>> arrays = ds.load("in.caffemodel")
    >>> arrays["score", 0].shape, arrays["score", 1].dtype, ("upscore", 0) in arrays
    ((5, 16, 1, 1), dtype('float32'), False)
    """
    with open_model(model, max_unpacked=max_unpacked) as opened:
        return {
            (layer.name, blob.index): blob.array()
            for layer in opened.values()
            for blob in layer
            if not blob.source.absent
        }


def _indexed(source: Source, max_unpacked: int) -> Model:
    head = source.read(0, min(HEAD, source.size))
    found = form(head, source.size)
    if found is Form.BINARY:
        from deconvsurgery.caffemodel.index import index  # not for a net alone

        return index(source)
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
