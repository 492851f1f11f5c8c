"""Two models held against each other, layer by layer.

What counts as a difference is what Caffe would load: names, shapes and values of weights. Never
here: how values are compared, files, a printed word.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from .agreement import listed, quoted, told_type
from .beside import gaps, layers_beside, nets_beside, same_bytes
from .counterparts import Counterparts, counterparts, in_order, out_of_order
from .difference import Difference, Told, difference, same_values, stretch
from .model import Model, OnWire, SourceBlob, SourceLayer, Version


class Likeness(StrEnum):
    """What a layer or blob of one model is to that of the other."""

    SAME = "same"
    CHANGED = "changed"
    SHAPE = "shape-differs"
    UNKNOWN = "not-compared"
    RENAMED = "renamed"
    ONLY_A = "only-in-a"
    ONLY_B = "only-in-b"
