"""A prototxt's text, as a Net with line numbers; tolerant of forks, strict with misspellings.

From bytes to values: decode, scan (``tokens``), understand (``typed_fields``), upgrade
(``upgrade``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from deconvsurgery.errors import NotANetError, PrototxtError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import plural

from .ignore_comments import ignore_comments
from .misspelt import Spelling
from .net import (
    ConvolutionParam,
    Filler,
    Layer,
    Net,
    NetMessage,
    NetState,
    NetStateRule,
    ParamSpec,
    Phase,
    Value,
)
from .tokens import Text, TextField, scan
from .typed_fields import meaning, repeated_as_forks_do
from .unknown_field import UnknownField
from .upgrade import upgraded_v0, upgraded_v1

_NO_PARAM = ConvolutionParam()
_SOLVER_FIELDS = frozenset({"train_net", "test_net", "base_lr", "max_iter", "lr_policy", "net"})


def parse_net(text: str | bytes) -> Net:
    """Read a prototxt of any generation from its text; `read_net` takes a path or URL.

    Args:
        text: what the file holds, as text or as the bytes that are read from it.

    Returns:
        The net in V2 terms. Unknown fields are kept; those of layers that are a misspelling, and no
        fork's, are listed in ``Layer.misspelt``.

    Raises:
        PrototxtError: with line and column where the text is not valid, and where Caffe itself
            would stop: V1 and V2 layers in one net, a layer with ``include`` and ``exclude``.

    >>> net = parse_net('layer { name: "up" type: "Deconvolution" }')
    >>> net.layers[0].name, net.version
    ('up', 'V2')
    """
    if not isinstance(text, str):
        return as_net(scanned(text))
    try:
        return as_net(scanned(text.encode("utf-8", "surrogateescape")))
    except PrototxtError as error:
        if error.hint or "{" in text or "\n" in text:
            raise
        # One line without a message: a path, most likely.
        raise error.replaced(hint="read_net takes a path or URL") from error.__cause__


class Scanned(NamedTuple):
    """A net's text with its places, and what it says before any upgrade; ``data`` are its bytes."""

    data: bytes
    text: Text
    encoding: str
    notes: tuple[str, ...]
    fields: Sequence[TextField]
    message: NetMessage


def scanned(data: bytes) -> Scanned:
    """The text alone; raises ``PrototxtError`` where it is not valid."""
    characters, encoding, notes = decoded(data)
    text = Text(characters)
    fields = scan(text)
    return Scanned(data, text, encoding, notes, fields, meaning(text, fields))


def as_net(scanned: Scanned) -> Net:
    """The net that a text describes; raises as `parse_net`."""
    text, fields, message = scanned.text, scanned.fields, scanned.message
    if scanned.encoding == "latin-1":
        message = _as_written(message)
    _check_kind(text, fields, message)
    version, layers = _layers(text, fields, message)
    inputs, input_notes = _input_layer(message)
    return Net(
        name=message.text("name"),
        layers=tuple(_layer(index, layer) for index, layer in enumerate(inputs + layers)),
        state=_state(message.message("state")),
        version=version,
        encoding=scanned.encoding,
        notes=scanned.notes + repeated_as_forks_do(text, fields) + input_notes,
        ignores=ignore_comments(text.text),
    )


def _as_written(message: NetMessage) -> NetMessage:
    """Strings as Caffe has them, by their bytes: UTF-8 where they are, else as surrogates."""

    def value_of(value: Value) -> Value:
        if isinstance(value, NetMessage):
            return _as_written(value)
        if isinstance(value, str):
            try:
                return value.encode("latin-1").decode("utf-8", "surrogateescape")
            except UnicodeEncodeError:
                return value  # an escape spelt what latin-1 has not
        return value

    return NetMessage(tuple((name, value_of(value)) for name, value in message.fields))


def decoded(data: bytes) -> tuple[str, str, tuple[str, ...]]:
    r"""The text, the encoding it was read in, and what was unusual.

    A lone CR becomes ``\n`` (Caffe would take the rest of the file for one comment).

    >>> decoded(b"\xef\xbb\xbfname: 'n'\r")[::2]
    ("name: 'n'\n", ('begins with a byte order mark (Caffe refuses it)', 'CR-only line ends'))
    """
    notes = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PrototxtError(
            "is UTF-16 text", line=1, column=1, hint="save it as UTF-8, Caffe reads nothing else"
        )
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        notes.append("begins with a byte order mark (Caffe refuses it)")
    try:
        text, encoding = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        text, encoding = data.decode("latin-1"), "latin-1"
        line = data.count(b"\n", 0, error.start) + 1
        notes.append(f"is not UTF-8 (line {line}); read as latin-1")
    if "\r\n" in text:
        notes.append("CRLF line ends")
    even = re.sub(r"\r(?!\n)", "\n", text) if "\r" in text else text
    if even != text:
        notes.append("CR-only line ends")
    return even, encoding, tuple(notes)


def _check_kind(text: Text, fields: Sequence[TextField], message: NetMessage) -> None:
    """Refuse what is valid text but not one net."""
    if "layer" in message and "layers" in message:
        second = max(
            next(field.start for field in fields if field.name == name)
            for name in ("layer", "layers")
        )
        raise text.error(
            "mixes 'layer' (V2) and 'layers' (V1), which Caffe refuses",
            second,
            "write all layers one way",
        )
    if "layer" not in message and "layers" not in message:
        for field in fields:
            if field.name in _SOLVER_FIELDS:
                raise text.error(
                    f"is a solver ({field.name!r}), not a net",
                    field.start,
                    "give the prototxt that its 'net' or 'train_net' names",
                    NotANetError,
                )


class _LayerText(NamedTuple):
    """A layer in V2 terms, where its text begins (0 where it has none), and its misspellings."""

    message: NetMessage
    line: int = 0
    column: int = 0
    misspelt: tuple[UnknownField, ...] = ()


def _layers(
    text: Text, fields: Sequence[TextField], message: NetMessage
) -> tuple[str, list[_LayerText]]:
    """The layers and their version."""
    name = "layers" if "layers" in message else "layer"
    bodies = [
        (field.start, body)
        for field in fields
        if field.name == name
        for body in field.children or ()
    ]
    messages = message.messages(name)
    oldest = name == "layers" and any("layer" in each for each in messages)
    if name == "layers" and not oldest:
        messages = tuple(upgraded_v1(each) for each in messages)
    spelling = Spelling(text, "LayerParameter" if name == "layer" else "V1LayerParameter")
    layers = [
        _LayerText(layer, *text.place(start), spelling.unknown(body, layer.text("type")))
        for layer, (start, body) in zip(messages, bodies, strict=True)
    ]
    if oldest:
        upgraded = upgraded_v0(messages)
        return "V0", [layers[index]._replace(message=layer) for index, layer in upgraded]
    return "V1" if name == "layers" else "V2", layers


def _input_layer(message: NetMessage) -> tuple[list[_LayerText], tuple[str, ...]]:
    """``input`` with ``input_shape`` or ``input_dim`` as the Input layer Caffe makes of it."""
    tops = message.texts("input")
    if not tops:
        return [], ()
    # What there is beyond the inputs is passed over (UpgradeNetInput, upgrade_proto.cpp).
    shapes = list(message.messages("input_shape"))[: len(tops)]
    notes: tuple[str, ...] = ()
    if not shapes:
        dims = message.integers("input_dim")
        if len(dims) < 4 * len(tops):
            notes = (
                f"{len(dims)} input_dim for {plural(len(tops), 'input')}, 4 each are needed"
                if dims
                else "input without input_dim or input_shape",
            )
        shapes = [
            NetMessage(tuple(("dim", dim) for dim in dims[4 * i : 4 * i + 4]))
            for i in range(min(len(tops), len(dims) // 4))
        ]
    param = NetMessage(tuple(("shape", shape) for shape in shapes))
    fields: tuple[tuple[str, Value], ...] = (("name", "input"), ("type", "Input"))
    fields += tuple(("top", top) for top in tops)
    return [_LayerText(NetMessage((*fields, ("input_param", param))))], notes


def _param_spec(message: NetMessage) -> ParamSpec:
    return ParamSpec(
        message.text("name"), message.number("lr_mult", 1.0), message.number("decay_mult", 1.0)
    )


def _layer(index: int, written: _LayerText) -> Layer:
    message = written.message
    name = message.text("name")
    include = tuple(map(_rule, message.messages("include")))
    exclude = tuple(map(_rule, message.messages("exclude")))
    if include and exclude:
        raise PrototxtError(
            f"layer {name!r} has both include and exclude, which Caffe refuses",
            line=written.line,
            column=written.column,
            layer=name,
            hint="keep one of them",
        )
    return Layer(  # without the fields' names, which double what it takes
        index,
        name,
        message.text("type"),
        message.texts("bottom"),
        message.texts("top"),
        tuple(map(_param_spec, message.messages("param"))),
        include,
        exclude,
        convolution_param(message.message("convolution_param")),
        written.misspelt,
        message,
        written.line,
        written.column,
    )


def convolution_param(message: NetMessage) -> ConvolutionParam:
    """The typed view of a ``convolution_param``."""
    if not message.fields:
        return _NO_PARAM  # as nearly all layers of a net
    given = dict.fromkeys([name for name, _ in message.fields])
    values = {name: _CONVOLUTION[name](message, name) for name in given if name in _CONVOLUTION}
    return ConvolutionParam(**{name: each for name, each in values.items() if each is not None})


def _flag(message: NetMessage, name: str) -> bool:
    return message.flag(name, True)


def _filler(message: NetMessage, name: str) -> Filler:
    filler = message.message(name)
    return Filler(filler.text("type", "constant"), filler.number("value", 0.0))


# How the fields of a `ConvolutionParam` are read, where they are given.
_CONVOLUTION: Final[Mapping[str, Callable[[NetMessage, str], Any]]] = {
    **dict.fromkeys(("num_output", "group", "axis"), NetMessage.integer),
    **dict.fromkeys(("kernel_size", "stride", "pad", "dilation"), NetMessage.integers),
    **{
        f"{name}_{side}": NetMessage.integer
        for name in ("kernel", "stride", "pad")
        for side in "hw"
    },
    **dict.fromkeys(("weight_filler", "bias_filler"), _filler),
    "bias_term": _flag,
}


def _state(message: NetMessage) -> NetState:
    phase = Phase[message.text("phase", "TEST")]
    return NetState(phase, message.integer("level", 0), message.texts("stage"))


def _rule(message: NetMessage) -> NetStateRule:
    return NetStateRule(
        phase=Phase[message.text("phase")] if "phase" in message else None,
        min_level=message.integer("min_level"),
        max_level=message.integer("max_level"),
        stage=message.texts("stage"),
        not_stage=message.texts("not_stage"),
    )
