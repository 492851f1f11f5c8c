"""What a store says of an object: its size, and marks that are others when the object is another.

Within `known` it is asked once for each object of S3, where conditions hold whatever is read and
written later to the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from .range_answers import unsized
from .store import Info, Location, asked, count

# What distinguishes states of an object, of the fields that stores give; a size always.
_MARKS = ("ETag", "VersionId", "generation", "md5Hash", "content_md5", "Last-Modified", "mtime")
_UNVERSIONED = "null"  # what S3 calls the version of an object that has none, in some answers

State: TypeAlias = tuple[object, ...]
_Key: TypeAlias = tuple[Any, str]

_known: ContextVar[dict[_Key, Info | None] | None] = ContextVar("known", default=None)


def state(info: Info) -> State:
    """What an object's description says that changes when the object does."""
    marks = (info.get(mark) for mark in _MARKS)
    return (
        info.get("size"),
        *(None if mark in (None, _UNVERSIONED) else str(mark) for mark in marks),
    )


@contextmanager
def known() -> Iterator[None]:
    """Ask S3 once for each object in the body, in this thread."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def described(location: Location, *, again: bool = False) -> Info | None:
    """What the store says of an object, in one request; ``None`` where there is none.

    It is what the store says now, but for what is `known` unless it is to be asked ``again``.
    """
    found = _known.get()
    if found is not None and not again and _key(location) in found:
        return found[_key(location)]
    with asked("cannot be looked at", location.name):
        try:
            info = _described(location)
        except FileNotFoundError:
            info = None
        count()
    note(location, info)
    return info


def recalled(location: Location) -> Info | None:
    """What is known of an object that is there, without asking."""
    return (_known.get() or {}).get(_key(location))


def note(location: Location, info: Info | None) -> None:
    """What an object is from now on, as an answer of the store has it; ``None``: there is none."""
    found = _known.get()
    if found is not None and location.is_s3:
        found[_key(location)] = info


def forget(location: Location) -> None:
    """Something may have become of it."""
    found = _known.get()
    if found is not None:
        found.pop(_key(location), None)


def _key(location: Location) -> _Key:
    return location.fs, location.key


def _described(location: Location) -> Info:
    if location.is_s3:
        return _head(location)
    if location.read_only:
        from .web_ranges import described_web

        return described_web(location)
    info: Info = location.fs.info(location.key)
    return info


def _head(location: Location) -> Info:
    """As s3fs would describe it, which lists what begins with the key where there is no object."""
    found = location.fs.call_s3("head_object", **location.where)
    if "ContentLength" not in found:
        raise unsized(location.name)
    return {"size": found["ContentLength"], "type": "file", **found}
