"""The reader of nets and their editor against protobuf's text format.

The first byte says which options of ``patch-net`` to use, the rest is a prototxt. What is read
must be what protobuf reads; every Deconvolution is patched, and then the text must mean what was
meant, keep its other layers and its comments, and need no patch any more.

Texts that protobuf refuses are read where a fork's value of an enum, an octal one, or ``- 2`` is
all that it has against them. Texts that it reads are refused for what Caffe stops at or could not
mean (``OURS_ALONE``), for blanks that only Python knows, and where they are not well-formed inside
a field that nobody knows: Python's parser passes over more there than C++'s does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf import text_format
from oracle import WHOLE

import deconvsurgery as ds
from deconvsurgery.caffe_fields import V1_NUMBERS
from deconvsurgery.options.patch_net import NewFiller, PatchNetOptions
from deconvsurgery.plans.patch_net.plan import Patch, make_patch
from deconvsurgery.prototxt.parse import Scanned, as_net, scanned
from deconvsurgery.splicing.byte_ranges import spliced

OURS_ALONE = (
    "mixes 'layer' (V2) and 'layers' (V1)",
    "both include and exclude",
    "is a solver",
)
_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(#[^\n]*)', re.DOTALL)
_APART = re.compile(r"-(?:\s|#[^\n]*\n)+")


def check(data: bytes) -> None:
    """Read and patch; ``AssertionError`` where protobuf sees it otherwise."""
    options, data = data[:1], data[1:]
    text = _decoded(data)
    try:
        written = scanned(data)
        net = as_net(written)
    except ds.PrototxtError as error:
        _has_a_place(error, text)
        if not any(words in error.message for words in OURS_ALONE) and not _at_blank(error, text):
            assert _parsed(text, unknown=False)[0] is None, error.message
        return
    theirs, words = _parsed(text)
    if theirs is None:
        assert "Enum type" in words or _APART.search(text), words
    else:
        _same_message(written.message, theirs)
        if net.version != "V0":
            _same_layers(net, theirs)
    _patch(net, written, theirs, _options(options))


def _decoded(data: bytes) -> str:
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return "\r\n".join(part.replace("\r", "\n") for part in text.split("\r\n"))


def _parsed(text: str, *, unknown: bool = True) -> tuple[Any, str]:
    """protobuf's message, or ``None`` and its complaint."""
    message = WHOLE()
    try:
        text_format.Parse(text, message, allow_unknown_field=unknown)
    except text_format.ParseError as error:
        return None, str(error)
    return message, ""


def _at_blank(error: ds.PrototxtError, text: str) -> bool:
    """It stands at what Python takes for a blank, and C++ does not: FS, NEL, a no-break space."""
    line = text.split("\n")[(error.line or 1) - 1]
    return line[(error.column or 1) - 1 :][:1].strip(" \t\r\f\v").isspace()


def _has_a_place(error: ds.PrototxtError, text: str) -> None:
    assert error.line is not None
    assert error.column is not None
    lines = text.split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1


# --- reading


def _same_message(ours: ds.NetMessage, theirs: Any) -> None:
    """Every field that protobuf knows, with its values."""
    fields = theirs.DESCRIPTOR.fields_by_name
    present = {field.name: value for field, value in theirs.ListFields()}
    assert present.keys() == {name for name, _ in ours.fields if name in fields}
    for name, value in present.items():
        field = fields[name]
        values = list(value) if field.is_repeated else [value]
        found = ours.all(name)
        if field.message_type is not None:
            for here, there in zip(found, values, strict=True):
                assert isinstance(here, ds.NetMessage)
                _same_message(here, there)
        elif field.enum_type is not None:
            by_number = field.enum_type.values_by_number
            assert list(found) == [by_number[each].name for each in values]
        else:
            assert all(map(_same, found, values))
            assert len(found) == len(values)


def _same(here: object, there: object) -> bool:
    return here == there or (here != here and there != there)


def _same_layers(net: ds.Net, theirs: Any) -> None:
    ours = [layer for layer in net.layers if layer.line]
    for layer, their in zip(ours, (*theirs.layer, *theirs.layers), strict=True):
        kind = their.type
        if not isinstance(kind, str):
            kind = V1_NUMBERS[kind] if their.HasField("type") else ""
        assert (layer.name, layer.type) == (_as_caffe(net, their.name), _as_caffe(net, kind))
        assert list(layer.bottom) == [_as_caffe(net, each) for each in their.bottom]
        assert list(layer.top) == [_as_caffe(net, each) for each in their.top]
        _same_param(net, layer.convolution_param, their.convolution_param)


def _as_caffe(net: ds.Net, text: str) -> str:
    """A string by its bytes, as they were in the file."""
    if net.encoding == "latin-1":
        try:
            return text.encode("latin-1").decode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return text
    return text


def _same_param(net: ds.Net, ours: ds.ConvolutionParam, theirs: Any) -> None:
    for name in ("num_output", "bias_term", "group", "axis"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("kernel_size", "stride", "pad", "dilation"):
        assert list(getattr(ours, name)) == list(getattr(theirs, name)), name
    for name in ("kernel_h", "kernel_w", "stride_h", "stride_w", "pad_h", "pad_w"):
        there = getattr(theirs, name) if theirs.HasField(name) else None
        assert getattr(ours, name) == there, name
    for name in ("weight_filler", "bias_filler"):
        filler, there = getattr(ours, name), getattr(theirs, name)
        assert (filler is not None) == theirs.HasField(name)
        if filler is not None:
            assert filler.type == _as_caffe(net, there.type)
            assert _same(filler.value, there.value)


# --- patching


def _options(byte: bytes) -> PatchNetOptions:
    bits = byte[0] if byte else 0
    return PatchNetOptions(
        group=not bits & 1,
        filler=NewFiller.KEEP if bits & 2 else NewFiller.BILINEAR,
        recipe=bool(bits & 4),
        no_bias=bool(bits & 8),
        freeze=bool(bits & 16),
        strip_include=bool(bits & 32),
        any_gain=bool(bits & 64),
        skip_unfit=not bits & 128,
    )


def _patch(net: ds.Net, written: Scanned, theirs: Any, options: PatchNetOptions) -> None:
    if not any(layer.type == "Deconvolution" for layer in net.layers):
        return
    data = written.data
    made = _made(written, net, options)
    if made is None:
        return
    patch, chosen = made
    after = spliced(data, patch.edits)
    text, new_text = _decoded(data), _decoded(after)
    changes = [change for row in patch.layers for change in row.changes]
    if not changes:
        assert after == data
        return
    old_comments, new_comments = _comments(text), _comments(new_text)
    if any(change.after is None for change in changes):
        rest = iter(old_comments)  # those inside what was taken out went with it
        assert all(comment in rest for comment in new_comments)
    else:
        assert new_comments == old_comments
    new_written = scanned(after)
    inputs = sum(not layer.line for layer in net.layers)
    patched = {
        layer.index - inputs
        for layer, row in zip(chosen, patch.layers, strict=True)
        if row.changes and row.action == "patched"
    }
    before_bodies, after_bodies = _bodies(written), _bodies(new_written)
    for number, (old, new) in enumerate(zip(before_bodies, after_bodies, strict=True)):
        assert number in patched or old == new
    if theirs is not None and net.version != "V0":
        meant = WHOLE.FromString(theirs.SerializeToString())
        for layer, row in zip(chosen, patch.layers, strict=True):
            if row.action == "patched":
                every = meant.layers if net.version == "V1" else meant.layer
                _change(every[layer.index - inputs], row.changes)
        found, words = _parsed(new_text)
        assert found is not None, words
        assert _bits(found) == _bits(meant)
    again = _made(new_written, as_net(new_written), options)
    assert again is not None
    assert again[0].edits == ()


def _made(
    text: Scanned, net: ds.Net, options: PatchNetOptions
) -> tuple[Patch, Sequence[ds.Layer]] | None:
    states = net.states()
    selection = ds.match_layers(net, ["*"], [], states)
    if not selection.matched:
        return None
    try:
        return make_patch(text, net, selection, options, states), selection.matched
    except ds.SurgeryError as error:
        assert not isinstance(error, ds.PrototxtError) or error.line
        return None


def _comments(text: str) -> list[str]:
    return [found.rstrip("\r") for found in _COMMENT.findall(text) if found]


def _bodies(written: Scanned) -> list[str]:
    """The text of each layer, between its braces."""
    return list(_inside(written))


def _inside(written: Scanned) -> Iterator[str]:
    for field in written.fields:
        if field.name in ("layer", "layers"):
            for start, stop in field.insides:
                yield written.text.text[start:stop]


def _bits(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def _change(message: Any, changes: Sequence[ds.FieldChange]) -> None:
    """The changes of a layer made on protobuf's message; what goes, goes from the end."""
    for change in changes:
        if change.after is not None:
            _set(message, change)
    for change in reversed(changes):
        if change.after is None:
            _remove(message, change)


def _parent(message: Any, change: ds.FieldChange) -> tuple[Any, Any, int]:
    *path, (name, number) = change.path
    for step, which in path:
        field = message.DESCRIPTOR.fields_by_name[step]
        inner = getattr(message, step)
        if field.is_repeated:
            while len(inner) <= which:
                inner.add()
            inner = inner[which]
        else:
            inner.SetInParent()
        message = inner
    return message, message.DESCRIPTOR.fields_by_name.get(name), number


def _set(message: Any, change: ds.FieldChange) -> None:
    parent, field, number = _parent(message, change)
    if not field.is_repeated:
        setattr(parent, field.name, change.after)
        return
    values = getattr(parent, field.name)
    if number < len(values):
        values[number] = change.after
    else:
        assert number == len(values)
        values.append(change.after)


def _remove(message: Any, change: ds.FieldChange) -> None:
    parent, field, number = _parent(message, change)
    if field is None:  # a fork's
        return
    if field.is_repeated:
        del getattr(parent, field.name)[number]
    else:
        parent.ClearField(field.name)
