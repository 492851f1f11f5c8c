"""A URL's store, as fsspec knows it: which one, its refusals in words, what was asked of it.

fsspec is an extra, as are the packages behind it.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from deconvsurgery.errors import FileError, FormatError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.program.extras import install_command
from deconvsurgery.storage.address import (
    called,
    line_of,
    scheme_of,
    store_of,
    with_first_name,
)
from deconvsurgery.storage.object_identity import same_object
from deconvsurgery.storage.os_error_text import reason
from deconvsurgery.wording import plural, short

from .range_answers import replaced

_LATER = frozenset((408, 425, 429, 500, 502, 503, 504))  # answers that another time may be others
_CHANGED = 412
Info: TypeAlias = dict[str, Any]  # what a store says of an object; its size always
# What libraries raise when no answer came, by the names of classes: none needs to be imported.
_NO_ANSWER = frozenset(
    (
        "ClientConnectionError",  # aiohttp, as are the next two
        "ClientPayloadError",
        "ServerTimeoutError",
        "ConnectionError",  # botocore and requests; Python's own, too
        "HTTPClientError",
        "FSTimeoutError",
        "IncompleteRead",
        "IncompleteReadError",
        "TimeoutError",
        "ResponseParserError",
        "ConnectionClosedError",
    )
)


# A certificate that is not trusted is not another next time.
_NO_TRUST = frozenset(("ClientConnectorCertificateError", "ClientSSLError", "SSLError"))


class AnswerError(Exception):
    """A server's answer that is no object: what it says, with its HTTP status if that says it.

    ``wait``: when to come again, in the words of its Retry-After.
    """

    def __init__(self, words: str, *, status: int | None = None, wait: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.wait = wait


class Location(NamedTuple):
    """An object: the store's file system, its key there, and what messages call it."""

    url: str
    name: str
    fs: Any
    key: str

    @property
    def scheme(self) -> str:
        """The URL's, in small letters."""
        return scheme_of(self.url)

    @property
    def is_s3(self) -> bool:
        """By either name of the scheme."""
        return store_of(self.url).name == "s3"

    @property
    def where(self) -> dict[str, str]:
        """What names the object in a request to S3."""
        bucket, key, version = self.fs.split_path(self.key)
        return {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})

    @property
    def is_folder(self) -> bool:
        """By the URL alone: a bucket, or what ends as folders do."""
        if self.read_only:
            return False
        key = self.fs.split_path(self.key)[1] if self.is_s3 else self.key
        return self.url.endswith("/") or not key.strip("/")

    @property
    def read_only(self) -> bool:
        """The web takes no files."""
        return store_of(self.url).name in ("http", "https")

    def is_same(self, other: Location) -> bool:
        """One object, by whatever name the store's scheme goes."""
        return same_object(self.url, other.url)


class Traffic:
    """What was asked of stores: requests, and bytes that crossed the wire or did not have to."""

    __slots__ = ("copied", "read", "requests", "written")

    def __init__(self, requests: int = 0, read: int = 0, written: int = 0, copied: int = 0) -> None:
        self.requests = requests
        self.read = read
        self.written = written
        self.copied = copied

    @property
    def any(self) -> bool:
        """A store was asked for something."""
        return self.requests > 0

    def words(self) -> str:
        """One line: requests, and bytes by the way they went."""
        if not self.any:
            return "no store was asked for anything"
        return (
            f"{plural(self.requests, 'request')} to stores: "
            f"{self.read:,} bytes read, {self.written:,} sent, "
            f"{self.copied:,} copied within the store"
        )


_counting: ContextVar[Traffic | None] = ContextVar("traffic", default=None)


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count what the body asks of stores, in this thread."""
    traffic = Traffic()
    token = _counting.set(traffic)
    try:
        yield traffic
    finally:
        _counting.reset(token)


def count(requests: int = 1, *, read: int = 0, written: int = 0, copied: int = 0) -> None:
    """Note requests that were answered."""
    traffic = _counting.get()
    if traffic is not None:
        traffic.requests += requests
        traffic.read += read
        traffic.written += written
        traffic.copied += copied


def located(url: str) -> Location:
    """The object that a URL names, whether there is one or not.

    Raises ``FormatError`` where a package is missing, and as `store_of`; ``FileError`` for a URL
    that the store's package does not take.
    """
    name, store = called(url), store_of(url)
    try:
        import fsspec
    except ImportError:
        raise FormatError(
            "URLs need fsspec, which is not installed",
            path=name,
            hint=install_command("fsspec", store.package),
        ) from None
    except (ValueError, TypeError, LookupError, AttributeError, OSError) as error:
        # It reads its own configuration when it is imported: JSON that may be none.
        raise FormatError(
            f"fsspec cannot read its configuration: {short(str(error), 100)}",
            path=name,
            hint="it is in $FSSPEC_CONFIG_DIR, or in ~/.config/fsspec",
        ) from None
    try:
        kind = fsspec.get_filesystem_class(store.name)
    except ImportError as error:
        raise FormatError(
            f"{scheme_of(url)}:// needs a package that is not installed: {error}",
            path=name,
            hint=install_command(store.package),
        ) from None
    plain = with_first_name(url)  # as packages know it
    try:
        # Not fsspec's way from a URL to a store, which takes '::' in a key for another URL.
        options = kind._get_kwargs_from_urls(plain)
        # A listing that was kept would describe objects as they were.
        fs = fsspec.filesystem(store.name, **{**options, "use_listings_cache": False})
        key = kind._strip_protocol(plain)
    except ValueError as error:
        raise FileError(
            f"cannot be opened: {error}",
            path=name,
            hint=f"is the URL spelt right, and are you logged in, in a way that {store.package}"
            " knows?",
        ) from error
    return Location(url, name, fs, key)


@contextmanager
def asked(what: str, name: str) -> Iterator[None]:
    """Refusals of the store in the body, as errors: ``what`` could not be done, and why."""
    try:
        yield
    except SurgeryError:
        raise
    except FileNotFoundError as error:
        raise FileError(
            "there is no such object", path=name, errno=errno.ENOENT, hint=_absent(name)
        ) from error
    except MemoryError:
        raise
    # Each store's package has errors of its own, some with no base but this one.
    except Exception as error:
        raise refusal(what, error, name) from error


def refusal(what: str, error: Exception, name: str) -> FileError:
    """A store's refusal in words: what could not be done, why, and whether it may pass."""
    status = answer(error)
    if status == _CHANGED or type(error).__name__ == "FileExpired":
        return replaced(name)
    passing = status in _LATER or (status is None and _unanswered(error))
    words = reason(error) if isinstance(error, OSError) else str(error) or type(error).__name__
    hint = "the store may answer again later: run again" if passing else _remedy(error, status)
    words = line_of(words.rstrip("."))
    wait = _wait(error) if passing else 0
    return FileError(f"{what}: {words}", path=name, hint=hint, transient=passing, wait=wait)


def _wait(error: BaseException) -> int:
    """Seconds that a server asks to wait for; a date is not looked at."""
    for cause in _chain(error):
        text = getattr(cause, "wait", "")
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            text = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after")
        if isinstance(text, str) and re.fullmatch(r"\d{1,6}", text, re.ASCII):
            return int(text)
    return 0


def answer(error: BaseException) -> int | None:
    """The HTTP status behind an error, where there was an answer, and all of it."""
    for cause in _chain(error):
        if _is_silence(cause):  # aiohttp calls half an answer a status of 400
            return None
        response = getattr(cause, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if isinstance(status, int):
                return status
        for name in ("status", "code"):
            status = getattr(cause, name, None)
            if isinstance(status, int):
                return status
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _unanswered(error: BaseException) -> bool:
    return any(map(_is_silence, _chain(error)))


def _is_silence(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    return not names.isdisjoint(_NO_ANSWER) and names.isdisjoint(_NO_TRUST)


def _remedy(error: BaseException, status: int | None) -> str | None:
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return "log in to the store first: the AWS_ACCESS_KEY_ID variables, or `aws configure`"
    if status in (401, 403) and isinstance(error, AnswerError):
        return "the server does not give it to everybody: download it, and name the file"
    if status in (401, 403) or isinstance(error, PermissionError):
        return "the account that you are logged in with may not do this"
    return None


def _absent(name: str) -> str:
    return f"is {name.rpartition('/')[0]} the right place, and the name spelt as there?"
