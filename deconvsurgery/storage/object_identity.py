"""Whether two URLs name one object, by what each store makes of a URL; no store is asked."""

from __future__ import annotations

import posixpath
import re

from .address import AZ, FILE, GS, S3, WEB_ENDS, after_scheme, file_of, store_of

# Of what a store's package takes for a version, at the end of a key.
_VERSION = "?versionId="
_GENERATION = re.compile(r"#|\?generation=")
_BLANKS = re.compile(r"[\t\r\n]")  # which Python's urlsplit leaves out
_PORTS = {"http": ":80", "https": ":443"}
_AZURE = re.compile(r"(?P<account>[^.]+)\.(?:dfs|blob)\.core\.windows\.net", re.IGNORECASE)
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def same_object(one: str, other: str) -> bool:
    """Two URLs of one object, whatever second name its store's scheme has.

    ``//``, ``./`` and escapes are part of a key in S3, Google's and Azure's stores; the web has
    rules for them. A version of an object is that object, so of Google's and Azure's keys what
    comes behind the sign of a version is not looked at; an account that a URL does not say is any.

    >>> same_object("s3://zoo/a", "S3A://zoo/a"), same_object("s3://zoo/a", "s3://zoo//a")
    (True, False)
    """
    store, account, place = _identity(one)
    other_store, other_account, other_place = _identity(other)
    accounts = account is None or other_account is None or account == other_account
    return store == other_store and place == other_place and accounts


def object_key(url: str) -> str:
    """A text that the URLs of one object share; those of two accounts may share it, too."""
    store, _, place = _identity(url)
    return f"{store}://{place}"


def is_version(url: str) -> bool:
    """A URL of one version of an object."""
    store = store_of(url)
    if store is S3:
        return _VERSION in url
    ends = {GS: _GENERATION, AZ: WEB_ENDS}.get(store)
    return ends is not None and ends.search(url) is not None


def _identity(url: str) -> tuple[str, str | None, str]:
    """The store, the account where it matters and is said, and what names the object in it."""
    store = store_of(url)
    rest = after_scheme(url)
    if store is FILE:
        return "file", None, file_of(url)
    if store.name in _PORTS:
        return store.name, None, _web_place(store.name, rest)
    if store is AZ:
        return "az", *_azure_place(WEB_ENDS.split(_BLANKS.sub("", rest), maxsplit=1)[0].rstrip("/"))
    plain = rest.partition(_VERSION)[0] if store is S3 else _GENERATION.split(rest, maxsplit=1)[0]
    return store.name, None, plain.rstrip("/")


def _azure_place(rest: str) -> tuple[str | None, str]:
    """``CONTAINER@ACCOUNT.dfs.core.windows.net/KEY``, ``ACCOUNT.dfs…/CONTAINER/KEY``, the short."""
    root, _, key = rest.partition("/")
    user, _, host = root.rpartition("@")
    container = user.partition(":")[0]
    host = host.partition(":")[0]
    found = _AZURE.fullmatch(host)
    account = found["account"].lower() if found else None
    if container:
        return account, f"{container}/{key}"
    return account, key if found else f"{host}/{key}"


def _web_place(scheme: str, rest: str) -> str:
    """Server, path and query, as a browser would ask for them."""
    rest = rest.partition("#")[0]
    ends = re.search(r"[/?]", rest)
    root, tail = (rest[: ends.start()], rest[ends.start() :]) if ends else (rest, "")
    path, mark, query = tail.partition("?")
    root = root.rpartition("@")[2].lower().removesuffix(_PORTS[scheme])
    path = posixpath.normpath(f"/{path}") + ("/" if path.endswith("/") else "")
    return root + _ESCAPE.sub(_unescaped, f"/{path.lstrip('/')}{mark}{query}")


def _unescaped(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.fullmatch(character) else found[0].upper()
