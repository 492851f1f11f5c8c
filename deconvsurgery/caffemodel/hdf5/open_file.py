"""An open HDF5 file by Caffe's paths: ``/data/<layer>/<position>``, gradients under ``/diff``.

h5py takes paths that are UTF-8, and follows links; here neither is so.
"""

from __future__ import annotations

from typing import Any

from deconvsurgery.caffemodel.wire import decoded, encoded

DATA, DIFF = "/data", "/diff"


def can_be_a_group(name: str) -> bool:
    """A layer of this name can be saved and found: Caffe takes no path for a name."""
    return bool(name) and name != "." and "/" not in name and "\0" not in name


def diff_path(path: str) -> str:
    """Where the gradients are of the blob at ``path``.

    >>> diff_path("/data/up/0")
    '/diff/up/0'
    """
    return DIFF + path.removeprefix(DATA)


def key(path: str) -> str | bytes:
    """A path as h5py takes it: as bytes where they are no UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return encoded(path)
    return path


class OpenFile:
    """The file, the library that has it open, and how many bytes it has."""

    def __init__(self, library: Any, file: Any, size: int = 0) -> None:
        self.library = library
        self.file = file
        self.size = size

    def is_group(self, item: Any) -> bool:
        """It is a group, as a layer is."""
        return isinstance(item, self.library.Group)

    def is_dataset(self, item: Any) -> bool:
        """It is a dataset, as a blob is."""
        return isinstance(item, self.library.Dataset)

    def own(self, group: Any, raw: bytes) -> Any:
        """What a group holds itself by this name; ``None`` for a link, which may lead nowhere."""
        return group[raw] if self._is_hard(group, raw) else None

    def at(self, path: str) -> Any:
        """What is at a path, links followed; ``None`` where nothing is."""
        found = self.file
        for raw in encoded(path).strip(b"/").split(b"/"):
            if not self.is_group(found) or not found.id.links.exists(raw):
                return None
            found = found[raw]
        return found

    def group(self, path: str) -> Any:
        """The group at a path, made if nothing is there."""
        found = self.at(path)
        return self.file.create_group(key(path)) if found is None else found

    def has(self, path: str) -> bool:
        """There is something at a path, be it a link that leads nowhere."""
        *groups, last = encoded(path).strip(b"/").split(b"/")
        group = self.at(decoded(b"/".join(groups)))
        return self.is_group(group) and bool(group.id.links.exists(last))

    def names_of(self, item: Any) -> int:
        """By how many names the file has a group or a dataset."""
        return int(self.library.h5o.get_info(item.id).rc)

    def has_gradients(self, path: str) -> bool:
        """A blob's gradients are there (``Net::ToHDF5`` with ``write_diff``); none is opened."""
        group = self.file
        *groups, last = encoded(diff_path(path))[1:].split(b"/")
        for raw in groups:
            group = self.own(group, raw) if group.id.links.exists(raw) else None
            if not self.is_group(group):
                return False
        if not group.id.links.exists(last) or not self._is_hard(group, last):
            return False
        h5o = self.library.h5o
        return bool(h5o.get_info(group.id, last).type == h5o.TYPE_DATASET)

    def _is_hard(self, group: Any, raw: bytes) -> bool:
        return bool(group.id.links.get_info(raw).type == self.library.h5l.TYPE_HARD)
