"""What net and model disagree on at one layer, as a value: what is so, and what Caffe does."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from deconvsurgery.named_tuple import NamedTuple


class Kind(StrEnum):
    """What net and model disagree on."""

    NET_LACKS = "net-lacks"
    MODEL_LACKS = "model-lacks"
    TYPE = "type"
    BLOBS = "blobs"
    SHAPE = "shape"
    VALUES = "values"
    TWICE_IN_NET = "twice-in-net"
    TWICE_IN_MODEL = "twice-in-model"


Numbers: TypeAlias = Mapping[str, int | tuple[int | None, ...] | None]


class Disagreement(NamedTuple):
    """One layer that net and model disagree on.

    ``words`` say what is so, without the layer's name in front; ``line`` and ``layer_index`` are
    the layer's place in the net. ``stops``: Caffe would end the process.
    ``renamed`` is nearly the same name, of a layer that only the other of the two has, whose type
    and blobs are those of this layer as far as they are known: under one name Caffe loads it.
    ``nearly`` is such a name where the blobs do not fit: Caffe would stop.
    ``group`` is the one under which the net would give the layer the model's shape.
    ``remedy`` is what no command does.
    ``numbers`` are what the net says and what the model has, as far as they are numbers.
    """

    kind: Kind
    layer: str
    words: str
    line: int | None = None
    stops: bool = False
    renamed: str | None = None
    remedy: str | None = None
    numbers: Numbers = MappingProxyType({})
    layer_index: int | None = None
    group: int | None = None
    nearly: str | None = None

    @property
    def lacks_values(self) -> bool:
        """A blob has no values, or a diff of another length: new values make up for both."""
        return self.kind is Kind.VALUES and not self.numbers.get("values")

    @property
    def hint(self) -> str | None:
        """What in the net decides it, where one field does."""
        if self.group is not None:
            return f"with group: {self.group} in the net they fit"
        if self.kind is Kind.BLOBS and not self.remedy:
            return "bias_term decides: weights alone are 1 blob, with a bias 2"
        return None

    @property
    def message(self) -> str:
        """What is so and what Caffe does."""
        return f"{self.words}; Caffe stops at that" if self.stops else self.words
