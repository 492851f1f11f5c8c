"""Where an object is to go, and every reason why it may not; nothing is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deconvsurgery.errors import OutputError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.address import scheme_of
from deconvsurgery.storage.object_identity import is_version

from .object_source import RemoteSource
from .object_version import described
from .store import Location, located

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source


class ObjectPlace(NamedTuple):
    """Where the bytes go in a store; ``old`` is what it says of the object that is there now.

    ``given`` is what the user wrote, ``name`` the same for messages.
    """

    given: str
    name: str
    location: Location
    old: dict[str, Any] | None

    @property
    def path(self) -> str:
        """What distinguishes it from other places."""
        return self.location.url

    @property
    def streamed(self) -> bool:
        """Never: an object comes into being as a whole."""
        return False


def found_object_place(url: str) -> ObjectPlace:
    """Find out what a URL names.

    Raises ``OutputError`` where nothing can be written, else as `store.located`.
    """
    location = located(url)
    if location.read_only:
        raise OutputError(
            f"is on the web: {scheme_of(url)}:// can be read, not written to",
            path=location.name,
            hint="name a file, or an object in a store: s3://bucket/key",
        )
    if location.is_folder:
        raise OutputError(
            "names a folder of the store, not an object",
            path=location.name,
            hint="name an object in it",
        )
    if is_version(url):
        raise OutputError(
            "names a version of an object, and what is written is a new one",
            path=location.name,
            hint="leave the version away: ?versionId=..., and in other stores all from # or ? on",
        )
    return ObjectPlace(url, location.name, location, described(location))


def is_the_input(name: str, in_place: bool | None) -> OutputError:
    """The error for an output that is what is read; ``in_place`` is ``None`` where no option is."""
    way_out = "" if in_place is None else ", or ask for it with `in_place=True`"
    return OutputError("is the input file itself", path=name, hint=f"name another output{way_out}")


def check_object_place(
    place: ObjectPlace, source: Source | None, *, force: bool, in_place: bool | None
) -> None:
    """Every reason not to write to ``place``; raises ``OutputError``."""
    if place.old is None:
        return
    if place.old.get("type") == "directory":
        raise OutputError("is a folder of the store", path=place.name, hint="name an object in it")
    if isinstance(source, RemoteSource) and source.is_at(place.location):
        if in_place:
            source.confirm_unchanged()  # else what is there is another object by now
            return
        raise is_the_input(place.name, in_place)
    if not force:
        raise OutputError("exists already", path=place.name, hint="`force=True` replaces it")
