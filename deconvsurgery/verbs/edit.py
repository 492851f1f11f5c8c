"""``edit``: blobs and layers of a weights file changed from Python, and written all at once."""

from __future__ import annotations

import os

from deconvsurgery.caffemodel.model import MAX_UNPACKED, Model
from deconvsurgery.inputs.open_inputs import open_model
from deconvsurgery.storage.source_interface import BinaryFile

from .editor import Editor
from .open_and_write import Path


def edit(
    model: Path | bytes | bytearray | memoryview | BinaryFile | Model,
    *,
    max_unpacked: int = MAX_UNPACKED,
) -> Editor:
    """Open a model to be edited; nothing is written before `Editor.save`.

    Args:
        model: the weights file, binary or HDF5: what `open_model` takes, a path, a URL, "-" for
            standard input, bytes or a binary file, or a `Model` that is open, and stays so.
        max_unpacked: bytes that the values of an HDF5 file may have more than the file itself,
            2**30 unless given; of one that unpacks to more, what is compressed is not read, and
            cannot be edited.

    Returns:
        An `Editor`: use it with ``with``, or ``close`` it. Leaving without ``save`` writes nothing.

    Raises:
        ModelError: the file is no model, or is damaged.
        FormatError: it is HDF5, and h5py is not installed.
        FileError: the operating system, or the store, refuses.
        ValueError: the open model is closed.

    >>> import deconvsurgery as ds
    >>> with ds.edit("in.caffemodel") as m:
    ...     m["score"][1] = [0, 0, 0, 0, 1]
    ...     m["conv1"][0] *= 2
    ...     m.rename("score", "score-5")
    ...     print(m.plan)
    ...     result = m.save("edited.caffemodel")
    conv1    rewritten              0 scaled by 2 (8, 3, 3, 3)
    score-5  renamed (was 'score')  1 set (5)
    2 of 10 layers: 894 bytes to write
    >>> result.written, result.path, [row.name for row in result.layers]
    (True, 'edited.caffemodel', ['conv1', 'score-5'])
    """
    if isinstance(model, Model):
        model.refuse_closed()
        return Editor(model)
    path = model if isinstance(model, str | os.PathLike) else None
    opened = open_model(model, max_unpacked=max_unpacked)
    return Editor(opened, path, owned=True)
