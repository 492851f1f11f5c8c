"""What a model and the edits of one have in common: a mapping of names to layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar, overload

from deconvsurgery.wording import plural, quoted

from .pycaffe_names import no_attribute

Layer = TypeVar("Layer", covariant=True)
Default = TypeVar("Default")


class LayersByName(Mapping[str, Layer]):
    """A mapping that is true, however few layers it has, and equal to itself alone."""

    # An open file is no value: a mapping would be equal to any with equal items.
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return True

    @overload
    def get(self, name: str, /) -> Layer | None: ...

    @overload
    def get(self, name: str, /, default: Layer | Default) -> Layer | Default: ...

    def get(self, name: str, /, default: object = None) -> object:
        """The layer called ``name``, else ``default``; no nearest name is looked for."""
        if name not in self:
            return default
        return self[name]

    if not TYPE_CHECKING:
        __getattr__ = no_attribute


def unknown_layer(holder: str, name: object, names: Iterable[str]) -> KeyError:
    """What to raise for a name that no layer has; it says which of the ``names`` is nearest."""
    from deconvsurgery.nearest import nearest  # here, as few runs have a wrong name

    near = nearest(name, names) if isinstance(name, str) else None
    words = f"there is no layer {name!r} in {holder}"
    return KeyError(f"{words}; did you mean {quoted(near)}?" if near else words)


def unknown_blob(layer: str, count: int, index: object) -> IndexError:
    """What to raise for a blob that a layer has not; it says how many it has."""
    held = plural(count, "blob") if count else "no blobs"
    return IndexError(f"layer {quoted(layer)} has {held}, none of index {index}")
