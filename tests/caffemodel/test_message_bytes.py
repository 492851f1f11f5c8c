"""Messages as bytes: protobuf writes the same of the same text."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.caffe_fields import DESCRIPTORS, message_class
from deconvsurgery.caffe_fields.schema import fields_of
from deconvsurgery.caffemodel.message_bytes import PACKED, message_bytes
from deconvsurgery.prototxt.net import NetMessage
from deconvsurgery.prototxt.parse import scanned
from helpers.models import NetParameter
from helpers.places import SHARED, SMALL_NETS, TESTS

INT32, INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "int32": INT32,
    "int64": INT64,
    "uint32": st.integers(0, 2**32 - 1),
    "bool": st.booleans(),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "string": st.text(st.characters(exclude_categories=("Cs",)), max_size=5),
    "bytes": st.binary(max_size=5),
}


@st.composite
def messages(draw: st.DrawFn, name: str, depth: int = 2) -> Any:
    """A protobuf message of that name with fields drawn at will."""
    made: Any = message_class(name)()
    known = message_class(name).DESCRIPTOR.fields
    for field in draw(st.lists(st.sampled_from(list(known)), max_size=5)):
        kind = fields_of(name)[field.name].kind
        if field.message_type is not None:
            if depth:
                inner = draw(messages(field.message_type.name, depth - 1))
                place = getattr(made, field.name)
                (place.add() if hasattr(place, "add") else place).MergeFrom(inner)
                made.MergeFrom(type(made)(**{field.name: [inner] if field.is_repeated else inner}))
            continue
        values = (
            st.sampled_from([value.number for value in field.enum_type.values])
            if field.enum_type is not None
            else SCALARS[kind]
        )
        if field.is_repeated:
            getattr(made, field.name).extend(draw(st.lists(values, max_size=3)))
        else:
            setattr(made, field.name, draw(values))
    return made


@given(messages("NetParameter", 3))
def test_the_bytes_are_protobufs(message: Any) -> None:
    text = text_format.MessageToString(message)
    assert message_bytes("NetParameter", scanned(text.encode()).message) == (
        message.SerializeToString(deterministic=True)
    )


PUBLISHED = sorted((SHARED / "nets").rglob("*.prototxt"))


@pytest.mark.parametrize("path", [TESTS / each for each in SMALL_NETS], ids=lambda path: path.name)
def test_a_net_in_use(path: Any) -> None:
    assert compared(path.read_bytes())


@pytest.mark.skipif(not PUBLISHED, reason="no shared nets beside the checkout")
def test_published_nets() -> None:
    assert sum(compared(path.read_bytes()) for path in PUBLISHED) >= 40


def compared(data: bytes) -> bool:
    """Both write the same of a net; ``False`` where protobuf cannot read it."""
    expected: Any = NetParameter()
    try:
        text_format.Parse(data.decode(), expected)
    except (text_format.ParseError, UnicodeDecodeError):
        return False  # a fork's
    assert message_bytes("NetParameter", scanned(data).message) == (
        expected.SerializeToString(deterministic=True)
    )
    return True


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("LayerParameter", (("phase", "MOON"), ("odd", 3), ("odd_param", NetMessage()))),
        ("PoolingParameter", (("kernel_size", 3), ("kernel_size", 2))),
        ("V1LayerParameter", (("type", "ROI_POOLING"),)),
        ("LayerParameter", (("name", NetMessage()),)),
    ],
)
def test_what_only_a_fork_has_is_left_out(name: str, fields: Any) -> None:
    assert message_bytes(name, NetMessage(fields)) == b""


def test_only_what_caffe_has_is_written() -> None:
    fields = (
        ("type", "Deconvolution"),
        ("phase", "SOMETIMES"),
        ("fork_param", NetMessage()),
        ("param", NetMessage((("share_mode", "PERMISSIVE"), ("lr_mult", 0.5)))),
        ("param", NetMessage()),
        ("pooling_param", NetMessage()),
    )
    expected: Any = message_class("LayerParameter")(type="Deconvolution")
    expected.param.add(share_mode=1, lr_mult=0.5)
    expected.param.add()
    expected.pooling_param.SetInParent()
    assert message_bytes("LayerParameter", NetMessage(fields)) == expected.SerializeToString()


def test_of_several_the_last_counts_and_messages_are_merged() -> None:
    one = NetMessage((("name", "a"), ("include", NetMessage((("min_level", -1),)))))
    other = NetMessage((("name", "b"), ("include", NetMessage(()))))
    made: Any = message_class("LayerParameter")()
    made.name = "b"
    made.include.add(min_level=-1)
    made.include.add()
    assert message_bytes("LayerParameter", one, other) == made.SerializeToString()


def test_which_fields_are_packed_is_what_the_descriptors_say() -> None:
    from google.protobuf import descriptor_pb2

    with open(DESCRIPTORS, "rb") as compiled:
        (file,) = descriptor_pb2.FileDescriptorSet.FromString(compiled.read()).file
    packed = {
        message.name: names
        for message in file.message_type
        if (names := tuple(field.name for field in message.field if field.options.packed))
    }
    assert packed == PACKED
