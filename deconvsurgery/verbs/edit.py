"""``edit``: blobs and layers of a weights file changed from Python, and written all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.model import MAX_UNPACKED

from .editor import Editor

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model

    from .open_and_write import Path


def edit(model: Path | Model, *, max_unpacked: int = MAX_UNPACKED) -> Editor:
    """Open a model to be edited; nothing is written before `Editor.save`.

    Args:
        model: the weights file, binary or HDF5: a path, a URL, ``-`` for standard input, or an
            open `Model`, which stays open.
        max_unpacked: how many bytes the values of an HDF5 file may have more than the file itself;
            of one that unpacks to more, what is compressed cannot be read or edited.

    Returns:
        An `Editor`: use it with ``with``, or ``close`` it. Leaving without ``save`` writes nothing.

    Raises:
        ModelError: the file is no model, or is damaged.
        FormatError: it is HDF5, and the library that reads that is not installed.
        FileError: the operating system, or the store, refuses.

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
    return Editor(model, max_unpacked)
