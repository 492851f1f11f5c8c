"""Fields and enum values in a layer's text at which Caffe's parser stops: misspellings.

protobuf's parser stops at any name that its schema does not have, at any depth. Many of those are
a fork's own, so that only what is certain is listed. In messages whose fields in forks are known
(``FORK_FIELDS``) that is every other field; elsewhere it is what is a slip of the pen away from
a field of Caffe's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from deconvsurgery.caffe_fields import LAYER_TYPES
from deconvsurgery.caffe_fields.schema import KnownField, enum_values, fields_of
from deconvsurgery.nearest import nearest as most_like

from .fork_fields import CONVOLUTION_TYPES, FORK_FIELDS, FORK_LAYER_FIELDS
from .tokens import Text, TextField, Token
from .typed_fields import is_enum_value
from .unknown_field import UnknownField

# Names are compared pair by pair: of no more than these, and none that is longer.
_MOST: Final = 2_000
_LONGEST: Final = 40

# In V1 layers alone; today's say it in ``param``.
_OF_V1: Final = ("blob_share_mode", "blobs_lr", "weight_decay")

# Fields of a message that stand in the layer itself, where no fork has them; the message.
_ONE_DEEPER: Final = {
    **dict.fromkeys(("decay_mult", "lr_mult"), "param"),
    **dict.fromkeys(("kernel_size", "num_output", "weight_filler"), "convolution_param"),
}

# Forks have these in V1 layers: happynear, and the Crop of HED and CRF-RNN.
_FORKS_V1: Final = frozenset({"batch_norm_param", "crop_param", "prelu_param"})

# Layers whose message is not called as they are.
_PARAM_OF: Final = {"deconvolution": "convolution", "im2col": "convolution"}


@cache
def _only_of_today() -> frozenset[str]:
    """Fields that today's layers have, V1's have not, and no known fork's V1 has."""
    today, old = map(fields_of, ("LayerParameter", "V1LayerParameter"))
    return frozenset(today.keys() - old.keys()) - _FORKS_V1


@cache
def _types_in_small_letters() -> dict[str, str]:
    """Caffe's types by their names in small letters."""
    return {kind.lower(): kind for kind in LAYER_TYPES}


class Spelling:
    """The layers of one net, looked at in turn; ``message`` is the schema's name of a layer."""

    def __init__(self, text: Text, message: str) -> None:
        self._text = text
        self._layer = message
        self._left = _MOST

    def unknown(self, body: Sequence[TextField], kind: str) -> tuple[UnknownField, ...]:
        """What Caffe's parser stops at in the text of one layer of type ``kind``, in its order."""
        found: list[UnknownField] = []
        self._look(body, self._layer, "", kind, found)
        return tuple(found)

    def _look(
        self,
        body: Sequence[TextField],
        schema: str,
        within: str,
        kind: str,
        found: list[UnknownField],
    ) -> None:
        fields = fields_of(schema)
        of_layer = schema == "LayerParameter"
        for field in body:
            name = field.name
            known = fields.get(name)
            if known is None:
                found.extend(self._unknown(field, schema, within, kind))
            elif known.is_message:
                for inner in field.children or ():
                    self._look(inner, known.kind, name, kind, found)
            elif known.is_enum:
                found.extend(self._values(field, known, within))
            elif of_layer and name == "type":
                found.extend(self._type(field, kind))

    def _unknown(
        self, field: TextField, schema: str, within: str, kind: str
    ) -> Iterator[UnknownField]:
        name, every = field.name, list(fields_of(schema))
        forks = FORK_FIELDS.get(schema)
        if forks is not None:
            if name in forks or (within == "convolution_param" and not _is_caffes(name, kind)):
                return
            nearest = most_like(name.lower(), every) if self._counted(name) else None
        elif schema == "LayerParameter" and name in _OF_V1:
            nearest = "param"
        elif schema == "LayerParameter" and name in _ONE_DEEPER:
            nearest = _ONE_DEEPER[name]
        elif schema == "V1LayerParameter" and name in _only_of_today():
            nearest = None
        else:
            nearest = slip_of(name, every) if self._counted(name) else None
            of_layer = nearest is not None and nearest.endswith("_param") and not within
            # Forks have layers, and so messages, of all names: bn_param is no mvn_param.
            if nearest is None or (of_layer and not _is_param_of(nearest, kind)):
                return
        yield UnknownField(name, *self._text.place(field.start), nearest, within)

    def _values(self, field: TextField, known: KnownField, within: str) -> Iterator[UnknownField]:
        """Values that an enum has in other letters: ``pool: max``."""
        every = list(enum_values(known.kind))
        for scalar in field.scalars:
            token: Token = scalar[-1]
            if is_enum_value(known.kind, scalar) or token.kind != "word":
                continue
            written = token.text
            nearest = written.upper() if written.upper() in every else None
            # Of a layer's type only the case is certain: every fork has types of its own.
            if nearest is None and known.name != "type" and len(written) > 3:
                nearest = slip_of(written, every) if self._counted(written) else None
            if nearest is not None:
                place = self._text.place(token.start)
                yield UnknownField(field.name, *place, nearest, within, written)

    def _type(self, field: TextField, kind: str) -> Iterator[UnknownField]:
        """A type in other letters: ``ReLu``. Forks have types of all names, but none of these."""
        nearest = _types_in_small_letters().get(kind.lower())
        if nearest is not None and nearest != kind and field.scalars:
            place = self._text.place(field.scalars[0][-1].start + 1)  # behind the quote
            yield UnknownField(field.name, *place, nearest, "", kind)

    def _counted(self, name: str) -> bool:
        """The name may be compared with others; of a hostile text not all are."""
        self._left -= 1
        return self._left >= 0 and len(name) <= _LONGEST


def _is_caffes(name: str, kind: str) -> bool:
    """No layer of a fork's own type has this field in its convolution_param."""
    if kind in FORK_LAYER_FIELDS:
        return name not in FORK_LAYER_FIELDS[kind]
    return kind in CONVOLUTION_TYPES


def _is_param_of(param: str, kind: str) -> bool:
    """The message is that of layers of this type, or of all."""
    if param in ("transform_param", "loss_param"):
        return True
    return param.removesuffix("_param").replace("_", "") == _PARAM_OF.get(
        kind.lower(), kind.lower()
    )


def slip_of(name: str, every: Iterable[str]) -> str | None:
    """The name that was meant; ``None`` where none is so near.

    A letter is wrong, missing, too many or changed with the next (two such of eight letters and
    more); capitals do not count.

    >>> slip_of("tpye", ["type", "value"]), slip_of("pad_l", ["pad_h"]), slip_of("Pad", ["pad"])
    ('type', None, 'pad')
    """
    low = name.lower()
    best: tuple[int, str] | None = None
    for known in every:
        other = known.lower()
        allowed = 1 if len(other) < 8 else 2
        # Another axis is another field: forks have pad_l, kernel_d and the like.
        ends = {each.rpartition("_")[2] for each in (low, other)}
        axes_differ = len(ends) > 1 and min(map(len, ends)) < 3
        if axes_differ or abs(len(low) - len(other)) > allowed:
            continue
        distance = _distance(low, other)
        if distance <= allowed and (best is None or distance < best[0]):
            best = distance, known
    return best[1] if best else None


def _distance(one: str, other: str) -> int:
    """Letters wrong, missing, too many, or changed with the next."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, theirs in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != theirs))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
