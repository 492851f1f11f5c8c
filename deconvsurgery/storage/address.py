"""Paths and URLs told apart: ``s3://bucket/key`` is a URL, ``file:///x`` a path in disguise."""

from __future__ import annotations

import os
import posixpath
import re
from urllib.parse import unquote, urlsplit

from deconvsurgery.errors import FileError

# Two letters at least: one is a drive of Windows, which nobody means here, but a path can begin so.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_HERE = ("", "localhost")


def is_url(path: str | os.PathLike[str]) -> bool:
    """A URL, not a path; ``./s3:/x`` is how a path that looks like one can be written.

    >>> is_url("s3://zoo/fcn8s.caffemodel"), is_url("zoo/fcn8s.caffemodel")
    (True, False)
    """
    return _URL.match(os.fsdecode(path)) is not None


def file_of(path: str | os.PathLike[str]) -> str:
    """A path as text; of a ``file://`` URL the path it means, of any other URL itself.

    >>> file_of("file:///zoo/up%20score.prototxt")
    '/zoo/up score.prototxt'

    Raises ``FileError`` for a ``file://`` URL of another machine.
    """
    plain = os.fsdecode(path)
    if plain[:7].lower() != "file://":
        return plain
    parts = urlsplit(plain)
    if parts.netloc not in _HERE:
        raise FileError(
            f"is a file of another machine, {parts.netloc}",
            path=plain,
            hint="three slashes begin a path on this one: file:///home/...",
        )
    return unquote(plain[7 + len(parts.netloc) :])


def scheme_of(url: str) -> str:
    """What stands before ``://``, in small letters."""
    return url.partition("://")[0].lower()


def joined(folder: str, path: str) -> str:
    """A path that is relative to a folder, which may be a URL; a URL or an absolute path as it is.

    >>> joined("s3://zoo/nets", "../models/a"), joined("conf", "a"), joined("conf", "s3://zoo/a")
    ('s3://zoo/models/a', 'conf/a', 's3://zoo/a')
    """
    if is_url(path) or not is_url(folder):
        return path if is_url(path) else os.path.join(folder, path)
    if path.startswith("/"):
        return path
    scheme, _, rest = folder.partition("://")
    place = posixpath.normpath(posixpath.join("/", rest, path))
    return f"{scheme}://{place if rest.startswith('/') else place[1:]}"


def folder_of(path: str) -> str:
    """The folder that a file lies in, of a path or a URL.

    >>> folder_of("s3://zoo/nets/a.toml"), folder_of("a.toml")
    ('s3://zoo/nets', '')
    """
    return path.rpartition("/")[0] if is_url(path) else os.path.dirname(path)
