"""How the services that show findings name a file."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import quote

from deconvsurgery.storage.address import is_url

# What stands for itself in a URI's path (RFC 3986), and what in its other parts.
_IN_PATH: Final = "/:@!$&'()*+,;="
_IN_URL: Final = f"{_IN_PATH}?#[]%"


def tracked(path: str) -> str:
    """A file's name as the services have it: relative to the checkout that we are in, no ./ before.

    A URL stays as it is.

    >>> tracked("./nets/../a.prototxt"), tracked("../b.prototxt"), tracked("s3://zoo//a")
    ('a.prototxt', '../b.prototxt', 's3://zoo//a')
    """
    if not path or is_url(path):
        return path
    inside = os.path.relpath(path) if os.path.isabs(path) else os.path.normpath(path)
    return path if inside.startswith(os.pardir) else inside


def uri(path: str) -> str:
    """A path as a reference: relative ones stay so, which is what GitHub wants of a checkout's.

    Of a URL the scheme and the slashes stay; an object's key is no URL, so that its signs are
    coded, and a URL of the web is one already.

    >>> uri("a b.prototxt"), uri("s3://zoo/a b?.prototxt"), uri("https://zoo/a%20b?c=1")
    ('a%20b.prototxt', 's3://zoo/a%20b%3F.prototxt', 'https://zoo/a%20b?c=1')
    """
    if is_url(path):
        scheme, _, rest = path.partition("://")
        safe = _IN_URL if scheme.lower() in ("http", "https", "file") else _IN_PATH
        return f"{scheme}://{quote(os.fsencode(rest), safe=safe)}"
    coded = quote(os.fsencode(path).replace(os.fsencode(os.sep), b"/"), safe="/")
    return f"file://{coded}" if os.path.isabs(path) else coded
