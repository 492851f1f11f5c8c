"""A store that is not S3, in memory: fsspec's own, in the place of the package for ``gs://``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fsspec.implementations.memory import MemoryFileSystem

if TYPE_CHECKING:
    import pytest


class Elsewhere(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Google's store, as far as a verb can see: objects by bucket and key, no conditions."""

    protocol = ("gs", "gcs")
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs: list[str] = [""]  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        scheme, mark, rest = str(path).partition("://")
        plain = rest if mark and scheme in cls.protocol else str(path)
        return "/" + plain.strip("/") if plain.strip("/") else ""


def standing_in(patched: pytest.MonkeyPatch, kind: type[MemoryFileSystem] = Elsewhere) -> None:
    """Have fsspec take a class for Google's store, whose package is not needed then."""
    registry = import_module("fsspec.registry")  # fsspec.registry is something else
    patched.setitem(registry._registry, "gs", kind)


def emptied() -> Elsewhere:
    """The instance that the package finds, too, with nothing in it."""
    found = Elsewhere(use_listings_cache=False)
    found.store.clear()
    found.pseudo_dirs[:] = [""]
    return found
