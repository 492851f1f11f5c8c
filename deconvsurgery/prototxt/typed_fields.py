"""What a net's text says: every field with its value, typed where Caffe has the field.

``tokens`` gives the tree and the places, the table of Caffe's messages says of which kind a field
is, ``scalar_values`` what is written in it. What is refused is what Python's protobuf refuses
(``text_format``), in its words. What a fork added is taken by its look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

from deconvsurgery.caffe_fields import FORK_REPEATED_FIELDS
from deconvsurgery.caffe_fields.schema import KnownField, enum_names, enum_values, fields_of
from deconvsurgery.errors import PrototxtError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import agreed, listed

from .net import NetMessage, Value
from .scalar_values import SCALARS, Scalar, enum_value, unescaped
from .tokens import Text, TextField, Token
from .unknown_fields import refuse_unreadable, values_by_look
from .written_values import behind, is_list, refused, value_place, written_as_one

_BEYOND = 2**31  # the first number that no int32 is


def meaning(text: Text, fields: Sequence[TextField]) -> NetMessage:
    """The ``NetParameter`` that the scanned text describes.

    Raises ``PrototxtError`` where a known field has a value Caffe would not take.
    """
    return _Reading(text).message(fields, "NetParameter")


def repeated_as_forks_do(text: Text, fields: Sequence[TextField]) -> tuple[str, ...]:
    """A note on the fields that only a fork of Caffe repeats, with their lines; or none."""
    found = list(_repeated(text, fields))
    if not found:
        return ()
    names = listed(sorted({each.name for each in found}))
    lines = sorted({text.place(each.start)[0] for each in found})
    place = f"{agreed(len(lines), 'line', 'lines')} {listed([str(line) for line in lines])}"
    return (
        f"pooling_param has several values of {names} ({place}): BVLC's opencl branch reads one "
        "for each axis, other Caffes stop at that",
    )


def _repeated(text: Text, fields: Sequence[TextField]) -> Iterator[TextField]:
    """Each field that gives a second value, or a list of values, where Caffe wants one."""
    for layer in (field for field in fields if field.name in ("layer", "layers")):
        for param in (field for body in layer.children or () for field in body):
            if param.name == "pooling_param":
                for body in param.children or ():
                    seen: set[str] = set()
                    for field in body:
                        if field.name not in FORK_REPEATED_FIELDS["PoolingParameter"]:
                            continue
                        if field.name in seen or is_list(text, field):
                            yield field
                        seen.add(field.name)


def is_enum_value(enum: str, scalar: Sequence[Token]) -> bool:
    """The scalar is a value of the enum, or what is refused whatever forks have."""
    token = scalar[-1]
    if token.kind == "word":
        return token.text in enum_values(enum)
    if token.kind != "number":
        return token.kind == "string"  # quoted: no fork has that
    try:
        number = int(written_as_one(scalar), 0)
    except ValueError:
        return False  # an octal number, too, which Python's parser takes for a name
    # No fork's enum has more than an int32: Caffe's parser says that the integer is out of range.
    in_range = -_BEYOND <= number < _BEYOND
    return not in_range or (len(scalar) == 1 and number in enum_names(enum))


class _Kind(NamedTuple):
    """How a field of a known message is read.

    ``read`` takes what is written of a scalar; ``None`` where it is a string or a message.
    """

    name: str
    is_message: bool
    is_enum: bool
    repeated: bool
    read: Callable[[str], Scalar] | None


@cache
def _kinds(message: str) -> Mapping[str, _Kind]:
    """Of all fields of a message, as a net's text is read: forks repeat what Caffe has once."""
    forks = FORK_REPEATED_FIELDS.get(message, ())
    return {name: _kind(known, name in forks) for name, known in fields_of(message).items()}


def _kind(known: KnownField, repeated: bool) -> _Kind:
    read = partial(enum_value, known.kind) if known.is_enum else SCALARS.get(known.kind)
    return _Kind(known.kind, known.is_message, known.is_enum, known.repeated or repeated, read)


class _Reading:
    """One net's text; a number or word that is written twice is read once."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._known: defaultdict[str, dict[str, Scalar]] = defaultdict(dict)

    def message(self, fields: Sequence[TextField], message: str) -> NetMessage:
        """The message of that name that the fields describe."""
        kinds = _kinds(message)
        found: list[tuple[str, Value]] = []
        given: dict[str, bool] = {}  # by name, whether the value was a fork's
        for field in fields:
            name, written = field.name, field.written
            kind = kinds.get(name)
            if kind is None:
                refuse_unreadable(self._text, field)
                found += values_by_look(self._text, field)
                continue
            value: Value | None = None
            if name in given and (kind.is_enum or not kind.repeated):
                pass  # which is refused, mostly
            elif written is None:
                if kind.is_message and field.children and self._is_one(field):
                    value = self.message(field.children[0], kind.name)
            elif kind.read is not None:
                value = self._known[kind.name].get(written)
            elif written[0] in "\"'" and "\\" not in written and not kind.is_message:
                value = written[1:-1]
            if value is None:
                found += self._values(field, kind, message, given)
            else:
                found.append((name, value))
                given[name] = False
        return NetMessage(tuple(found))

    def _is_one(self, field: TextField) -> bool:
        """It has one message, in no list."""
        return self._text.text[field.stop - 1] != "]"

    # --- known fields

    def _values(
        self, field: TextField, kind: _Kind, message: str, given: dict[str, bool]
    ) -> list[tuple[str, Value]]:
        """The values of a field of a message, in any form."""
        foreign = kind.is_enum and self._is_foreign(field, kind, given)
        again = field.name in given and not kind.repeated
        given[field.name] = foreign
        if foreign:
            return values_by_look(self._text, field, enum_names(kind.name))
        if kind.is_message:
            bodies = self._bodies(field, kind, again and message)
            return [(field.name, self.message(body, kind.name)) for body in bodies]
        self._check_form(field, kind)
        found: list[tuple[str, Value]] = [
            (field.name, self._value(scalar, kind)) for scalar in field.scalars
        ]
        if again:
            raise self._twice(message, field.name, _last(field.scalars[0]))
        return found

    def _is_foreign(self, field: TextField, kind: _Kind, given: Mapping[str, bool]) -> bool:
        """The enum of BVLC's Caffe does not have this value: a fork's, a layer type mostly."""
        if kind.name == "Phase":
            return False  # no fork has a phase of its own: a wrong one is an error
        foreign = not all(is_enum_value(kind.name, scalar) for scalar in field.scalars)
        if field.name in given and (foreign or given[field.name]):
            raise self._text.error(f"{field.name!r} is given twice", field.start)
        return foreign

    def _bodies(
        self, field: TextField, kind: _Kind, again: str | bool
    ) -> Iterator[Sequence[TextField]]:
        """The messages of a field; ``again`` is the name of a message that has had its one."""
        first = field.scalars[0][0].start if field.scalars else None
        if not kind.repeated and is_list(self._text, field):
            raise refused(self._text, 'Expected "{".', value_place(self._text, field)[1])
        for body, (inside, _) in zip(field.children or (), field.insides, strict=True):
            if first is not None and first < inside:
                break
            if again:
                raise self._twice(str(again), field.name, inside - 1)
            yield body
        if first is not None:
            raise refused(self._text, 'Expected "{".', first)

    def _check_form(self, field: TextField, kind: _Kind) -> None:
        """Refuse a list where there is one value, and messages among values."""
        listed_once = not kind.repeated and is_list(self._text, field)
        if field.scalars and field.children is None and not listed_once:
            return
        colon, start = value_place(self._text, field)
        if not colon:
            raise refused(self._text, 'Expected ":".', start)
        if listed_once:
            raise self._unread(kind, "[", start)
        if field.children:
            opener = field.insides[0][0] - 1
            for scalar in field.scalars:
                if scalar[0].start < opener:
                    self._value(scalar, kind)
            raise self._unread(kind, self._text.text[opener], opener)

    def _value(self, scalar: Sequence[Token], kind: _Kind) -> Scalar:
        if kind.read is None:
            return self._string(scalar)
        written = written_as_one(scalar)
        known = self._known[kind.name]
        value = known.get(written)
        if value is None:
            try:
                value = known[written] = kind.read(written)
            except ValueError as error:
                raise refused(self._text, str(error), scalar[0].start) from None
        return value

    def _string(self, scalar: Sequence[Token]) -> str:
        if scalar[0].kind != "string":
            raise self._no_string(written_as_one(scalar), scalar[0].start)
        if len(scalar) == 1 and "\\" not in scalar[0].text:
            return scalar[0].text[1:-1]
        spelt = b"".join([self._unescaped(token) for token in scalar])
        try:
            return spelt.decode()
        except UnicodeDecodeError:
            # protobuf finds out at the token behind.
            raise self._no_utf_8(behind(self._text, scalar[-1].stop)) from None

    def _unescaped(self, token: Token) -> bytes:
        line, _, more = token.text.partition("\n")
        if more:
            raise refused(self._text, f"String missing ending quote: {line!r}", token.start)
        try:
            return unescaped(token.text)
        except ValueError as error:
            said = str(error)
        if "'utf-8' codec" in said:
            raise self._no_utf_8(token.start)
        if "'unicodeescape' codec" in said:
            said = "a string has an escape that is none"
        raise refused(self._text, said, token.start)

    # --- what is wrong

    def _unread(self, kind: _Kind, written: str, offset: int) -> PrototxtError:
        """What stands there is of another kind."""
        if kind.read is None:
            return self._no_string(written, offset)
        try:
            kind.read(written)
        except ValueError as error:
            return refused(self._text, str(error), offset)
        raise AssertionError(f"{written!r} is a value of {kind.name}")

    def _no_string(self, written: str, offset: int) -> PrototxtError:
        return refused(self._text, f"Expected string but found: {written!r}", offset)

    def _no_utf_8(self, offset: int) -> PrototxtError:
        return refused(
            self._text,
            "a string's escapes spell no UTF-8",
            offset,
            "write the text itself, in UTF-8: Caffe compares names by their bytes",
        )

    def _twice(self, message: str, name: str, offset: int) -> PrototxtError:
        said = f'Message type "{message}" should not have multiple "{name}" fields.'
        return refused(self._text, said, offset)


def _last(scalar: Sequence[Token]) -> int:
    """Where the last token of a scalar begins, of a sign and a number the sign."""
    return scalar[-1 if scalar[0].kind == "string" else 0].start
