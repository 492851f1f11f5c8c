"""How large a binary file Caffe reads; HDF5 files have no such limit."""

from __future__ import annotations

from typing import Final

from .model import Version

CAFFE_LIMIT: Final = 2**31 - 1  # bytes: the reader's limit in Caffe's io.cpp


def is_too_large(size: int | None, version: Version) -> bool:
    """Caffe would not read a file of so many bytes; an unknown size is not too large."""
    return version is not Version.HDF5 and size is not None and size > CAFFE_LIMIT


def size_warnings(size: int | None, version: Version, file: str = "it") -> tuple[str, ...]:
    """What is to be said of a ``file`` that Caffe itself would not read; else nothing.

    >>> size_warnings(2**31, Version.V2), size_warnings(2**31, Version.HDF5)
    (('it has 2,147,483,648 bytes; Caffe itself reads up to 2 GiB',), ())
    """
    if not is_too_large(size, version):
        return ()
    return (f"{file} has {size:,} bytes; Caffe itself reads up to 2 GiB",)
