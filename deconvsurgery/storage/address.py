"""Paths and URLs distinguished: ``s3://bucket/key`` is a URL, ``file:///x`` means a path.

One table says which schemes there are.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Final

from deconvsurgery.errors import FileError, FormatError
from deconvsurgery.named_tuple import NamedTuple

from .os_error_text import shown


class Store(NamedTuple):
    """What a scheme stands for.

    Args:
        name: The first name of its scheme.
        package: What fsspec needs for it beside itself.
        root: What the part between ``//`` and ``/`` names; "" where there is none.
    """

    name: str
    package: str = ""
    root: str = ""


FILE: Final = Store("file")
S3: Final = Store("s3", "s3fs", root="bucket")
GS: Final = Store("gs", "gcsfs", root="bucket")
AZ: Final = Store("az", "adlfs", root="container")
_HTTP = Store("http", "aiohttp", root="server")
_HTTPS = _HTTP._replace(name="https")
_WEB = ("http", "https")

SCHEMES: Final = {
    "file": FILE,
    "local": FILE,
    "s3": S3,
    "s3a": S3,
    "gs": GS,
    "gcs": GS,
    "az": AZ,
    "abfs": AZ,
    "abfss": AZ,
    "http": _HTTP,
    "https": _HTTPS,
}
"""Every scheme that a URL may have; several may name one store."""

LONGEST: Final = 8192
"""Characters of a path or a URL; Linux takes 4,096 bytes, and a key of S3 has at most 1,024."""

# Two letters at least: one is a drive of Windows, which nobody means here, but a path can begin so.
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+"
_URL = rf"(?:{_SCHEME}::)*({_SCHEME})://"
# The latter of what is left of a URL: packages strip every scheme that stands in front.
_CHAINED = rf"::{_SCHEME}://"
_TWICE = rf"{_SCHEME}:(?::|//)"
_HERE = ("", "localhost")
WEB_ENDS: Final = re.compile(r"[?#]")
"""What the path of a URL of the web ends at."""
_PASSWORD = r"(://[^/?#@:]*):[^/?#]*@"
_LINE = 240  # characters of a URL in a message


def is_url(path: str | os.PathLike[str]) -> bool:
    """A URL, not a path; ``./s3:/x`` is how a path that looks like one can be written.

    >>> is_url("s3://zoo/fcn8s.caffemodel"), is_url("zoo/fcn8s.caffemodel")
    (True, False)
    """
    plain = os.fsdecode(path)
    return "://" in plain and re.match(_URL, plain) is not None


def file_of(path: str | os.PathLike[str]) -> str:
    """A path as text; of a ``file://`` URL the path it means, of any other URL itself.

    >>> file_of("file:///zoo/up%20score.prototxt")
    '/zoo/up score.prototxt'

    Raises ``FileError`` for a ``file://`` URL of another machine and for what is too long for any
    path, and as `store_of`.
    """
    plain = os.fsdecode(path)
    if len(plain) > LONGEST and not is_url(plain):
        raise FileError(
            f"has {len(plain):,} characters, more than the path of a file can have",
            path=called(plain),
            hint="look at what put it together",
        )
    if not is_url(plain) or store_of(plain) is not FILE:
        return plain
    host, slash, rest = after_scheme(plain).partition("/")
    if host.lower() not in _HERE:
        raise FileError(
            f"is a file of another machine, {shown(_cut(host))}",
            path=called(plain),
            hint="three slashes begin a path on this one: file:///home/...",
        )
    from urllib.parse import unquote

    return unquote(slash + rest, errors="surrogateescape")


def from_any_folder(path: str) -> str:
    """The path of a file as it leads there whatever folder we are in; a URL, or "-", as it is.

    ``..`` after a link leads out of the folder that the link leads to, and stays only where it says
    the same without the link. Raises ``OSError`` where the current folder is gone.
    """
    if path == "-" or is_url(path):
        return path
    whole = os.path.abspath(path)
    if ".." not in path:
        return whole
    folder = os.path.realpath(os.path.dirname(path) or ".")
    if os.path.realpath(os.path.dirname(whole)) == folder:
        return whole
    return os.path.join(folder, os.path.basename(path))


@lru_cache(maxsize=64)  # asked again and again of the few URLs of a run
def store_of(url: str) -> Store:
    """The store that a URL is of, of a text that `is_url`.

    Raises ``FormatError`` for a scheme that is not in `SCHEMES`, and for URLs that are joined by
    ``::``; ``FileError`` for a URL that no object can have.
    """
    found = re.match(_URL, url)
    assert found is not None
    scheme, rest = found[1].lower(), url[found.end() :]
    chained = found.start(1) > 0 or re.match(_TWICE, rest) or re.search(_CHAINED, url)
    if chained or scheme not in SCHEMES:
        raise FormatError(
            "joins several URLs, and one is read or written here"
            if chained
            else f"{_cut(scheme)}:// is not a known scheme",
            path=called(url),
            hint=f"known are paths, and {', '.join(f'{each}://' for each in _first_names())}",
        )
    store = SCHEMES[scheme]
    if len(url) > LONGEST:
        raise FileError(
            f"is no URL of an object: it has {len(url):,} characters, more than {LONGEST:,}",
            path=called(url),
            hint="look at what put it together",
        )
    if store is FILE:
        return store
    if "\0" in url or not _encodable(url):
        raise FileError(
            "is no URL of an object: it has characters that none has",
            path=called(url),
            hint="write it in UTF-8, without a NUL",
        )
    if store.root and not _root(store, rest):
        raise FileError(
            f"names no {store.root}",
            path=called(url),
            hint=f"after {scheme}:// comes the {store.root}: {scheme}://{store.root}/name",
        )
    return store


def called(url: str) -> str:
    """A URL as messages call it: a line at most, and without a password.

    >>> called("https://me:secret@example.org/a")
    'https://me:…@example.org/a'
    """
    return shown(_cut(re.sub(_PASSWORD, r"\1:…@", url)))


def line_of(text: str) -> str:
    """What others have said, a line of it at most, and nothing that acts on a terminal."""
    return shown(_cut(text))


def scheme_of(url: str) -> str:
    """What stands before ``://``, in small letters."""
    return url.partition("://")[0].lower()


def after_scheme(url: str) -> str:
    """What stands behind ``://``."""
    return url.partition("://")[2]


def with_first_name(url: str) -> str:
    """A URL with the first name of its scheme.

    >>> with_first_name("S3A://zoo/a")
    's3://zoo/a'
    """
    return f"{store_of(url).name}://{after_scheme(url)}"


def joined(folder: str, path: str) -> str:
    """A path that is relative to a folder, which may be a URL; a URL or an absolute path as it is.

    ``..`` leads out of folders, never out of a bucket.

    >>> joined("s3://zoo/nets", "../models/a"), joined("conf", "a"), joined("conf", "s3://zoo/a")
    ('s3://zoo/models/a', 'conf/a', 's3://zoo/a')
    """
    if is_url(path) or not is_url(folder):
        return path if is_url(path) else os.path.join(folder, path)
    if path.startswith("/"):
        return path
    scheme, _, rest = folder.partition("://")
    root, slash, below = rest.partition("/")
    names = below.rstrip("/").split("/") if slash else []
    names = [] if names == [""] else names
    for name in path.split("/"):
        if name == "..":
            del names[-1:]
        elif name != ".":
            names.append(name)
    return "/".join((f"{scheme}://{root}", *names))


def folder_of(path: str) -> str:
    """The folder that a file lies in, of a path or a URL; a bucket lies in itself.

    >>> folder_of("s3://zoo/nets/a.toml"), folder_of("a.toml")
    ('s3://zoo/nets', '')
    """
    if not is_url(path):
        return os.path.dirname(path)
    scheme, _, rest = path.partition("://")
    if scheme.lower() in _WEB:
        rest = WEB_ENDS.split(rest, maxsplit=1)[0]
    folder, slash, _ = rest.rpartition("/")
    return f"{scheme}://{folder if slash else rest}"


def _first_names() -> list[str]:
    return [name for name, store in SCHEMES.items() if name == store.name]


def _root(store: Store, rest: str) -> str:
    """Bucket, container or server, without user and port."""
    if store.name not in _WEB:
        return rest.partition("/")[0]
    root = WEB_ENDS.split(rest, maxsplit=1)[0].partition("/")[0]
    return root.rpartition("@")[2].partition(":")[0]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cut(text: str) -> str:
    """The beginning and the end of what is longer than a line."""
    return text if len(text) <= _LINE else f"{text[: _LINE * 2 // 3]}…{text[-_LINE // 3 :]}"
