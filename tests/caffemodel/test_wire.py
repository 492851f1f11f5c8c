"""The wire format: what protobuf accepts is accepted, what it refuses is refused with an offset."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import assume, given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.caffemodel.wire import (
    GROUP,
    I32,
    I64,
    LEN,
    VARINT,
    BufferedSource,
    Field,
    Frame,
    FramedEdit,
    decoded,
    delimited,
    encoded,
    field_at,
    fields,
    header,
    int32,
    int64,
    reframed,
    run_stop,
    tag,
    uint32,
    varint,
)
from deconvsurgery.splicing.byte_ranges import replacing, spliced
from helpers import wire as by_hand
from helpers.models import CountedSource, message_class
from helpers.words import Words, numbers

Plain = message_class("NetState")  # of two integers and strings: nothing inside that could be wrong


def walked(data: bytes) -> list[Field]:
    return list(fields(BufferedSource(CountedSource(data)), 0, len(data)))


def refused(data: bytes) -> ds.ModelError:
    """The error that there is at walking over ``data``."""
    with pytest.raises(ds.ModelError) as raised:
        walked(data)
    return raised.value


def protobuf_accepts(data: bytes) -> bool:
    try:
        Plain.FromString(data)
    except DecodeError:
        return False
    return True


# --- numbers


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (16383, "ff7f"),
        (16384, "808001"),
        (2**32 - 1, "ffffffff0f"),
        (2**64 - 1, "ffffffffffffffffff01"),
    ],
)
def test_varints_as_the_documentation_has_them(value: int, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert varint(value) == data
    assert BufferedSource(CountedSource(data)).varint(0, len(data)) == (value, len(data))


@given(st.integers(0, 2**64 - 1))
def test_varints_are_those_of_protobuf(value: int) -> None:
    data = b"\x08" + varint(value)
    blob = message_class("BlobShape").FromString(data)
    assert blob.dim == [value if value < 2**63 else value - 2**64]  # type: ignore[attr-defined]
    assert walked(data) == [Field(1, VARINT, 0, 1, len(data), value)]


def test_a_long_way_to_write_a_number_is_read() -> None:
    assert BufferedSource(CountedSource(b"\x85\x80\x80\x00")).varint(0, 4) == (5, 4)
    # The tenth byte has room for one bit; what else it holds is dropped, as protobuf does.
    assert BufferedSource(CountedSource(b"\xff" * 9 + b"\x7f")).varint(0, 10) == (2**64 - 1, 10)


def test_a_varint_of_a_byte_is_read_where_the_buffer_has_it_and_no_further() -> None:
    data = bytes(range(100))
    window = BufferedSource(source := CountedSource(data))
    assert window.byte(10, 100) == 10
    held = source.count
    assert [window.varint(at, 100) for at in (10, 11, 99)] == [(10, 11), (11, 12), (99, 100)]
    assert source.count == held
    with pytest.raises(ds.ModelError) as caught:
        window.varint(20, 20)
    assert caught.value.offset == 20


@pytest.mark.parametrize(
    ("value", "bits", "number"),
    [
        (5, 32, 5),
        (2**31 - 1, 32, 2**31 - 1),
        (2**31, 32, -(2**31)),
        (2**32 - 1, 32, -1),
        (2**64 - 1, 32, -1),
        (2**40 + 7, 32, 7),
        (2**63 - 1, 64, 2**63 - 1),
        (2**63, 64, -(2**63)),
        (2**64 - 1, 64, -1),
    ],
)
def test_signed_numbers_are_those_of_protobuf(value: int, bits: int, number: int) -> None:
    assert {32: int32, 64: int64}[bits](value) == number
    if bits == 32:
        assert uint32(value) == number % 2**32


def test_names_that_are_no_utf_8_come_back_as_they_were() -> None:
    raw = b"up\xff\xc3\xbc"
    assert decoded(raw) == "up\udcff\u00fc"
    assert encoded(decoded(raw)) == raw


# --- fields


def test_fields_of_every_wire_type() -> None:
    data = (
        b"\x08\x96\x01"  # 1: varint 150, as in protobuf's documentation
        + (b"\x11" + b"8 bytes!")
        + (b"\x1a\x03abc")
        + (b"\x23\x08\x01\x24")  # 4: a group that holds 1: varint 1
        + (b"\x2d" + b"four")
    )
    assert walked(data) == [
        Field(1, VARINT, 0, 1, 3, 150),
        Field(2, I64, 3, 4, 12, 0),
        Field(3, LEN, 12, 14, 17, 0),
        Field(4, GROUP, 17, 18, 21, 0),
        Field(5, I32, 21, 22, 26, 0),
    ]


# Bytes, where they are wrong, what is wrong with them, and the numbers that the error names.
BAD: dict[str, tuple[bytes, int, str, list[int]]] = {
    "wire type 6": (b"\x0e\x00", 0, "wire type", [6]),
    "wire type 7": (b"\x0f\x00", 0, "wire type", [7]),
    "field 0": (b"\x08\x01\x02\x00", 2, "field number", [0]),
    "field 2^29": (bytes.fromhex("8280808010") + b"\x00", 0, "field number", [2**29]),
    "varint of 11 bytes": (b"\x08" + b"\xff" * 10 + b"\x01", 1, "long number", [10]),
    "tag of 6 bytes": (bytes.fromhex("8a8080808000") + b"\x00", 0, "long tag or length", [6, 5]),
    "length of 6 bytes": (b"\x1a\x80\x80\x80\x80\x80\0", 1, "long tag or length", [6, 5]),
    "negative length": (b"\x1a" + b"\xff" * 9 + b"\x01", 1, "long tag or length", [10, 5]),
    "length beyond the end": (b"\x1a\x05four", 0, "too little left", [3, 5, 4]),
    "one byte left": (b"\x1a\x05f", 0, "too little left, one", [3, 5, 1]),
    "a long length": (b"\x1a\xb9\x60four", 0, "too little left", [3, 12345, 4]),
    "I32 beyond the end": (b"\x25abc", 0, "too little left", [4, 4, 3]),
    "I64 beyond the end": (b"\x21abc", 0, "too little left", [4, 8, 3]),
    "length beyond its group": (b"\x23\x1a\x09abc\x24", 1, "too little left", [3, 9, 4]),
    "tag alone": (b"\x08", 1, "cut off", []),
    "varint cut off": (b"\x08\x80", 2, "cut off", []),
    "group that never ends": (b"\x23\x08\x01", 3, "cut off", []),
    "group ended by another": (b"\x23\x08\x01\x2c", 3, "not nested", []),
    "group end alone": (b"\x24", 0, "group end", []),
}


@pytest.mark.parametrize(("data", "offset", "wrong", "named"), BAD.values(), ids=BAD)
def test_what_protobuf_refuses_is_refused_with_its_place(
    data: bytes, offset: int, wrong: str, named: list[int], words: Words
) -> None:
    assert not protobuf_accepts(data)
    error = refused(data)
    assert (error.offset, numbers(error.message)) == (offset, named)
    assert error.hint is not None
    words(error, wrong)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes.fromhex("8a80808000") + b"\x00",  # a tag may take 5 bytes
        b"\x1a" + bytes.fromhex("8180808000") + b"a",  # and a length
        bytes.fromhex("faffffff0f00"),  # field 2^29 - 1
        b"\x23\x24",
        b"\x23\x2b\x2c\x24",
        b"\x23" * 100 + b"\x24" * 100,
    ],
)
def test_what_protobuf_takes_is_taken(data: bytes) -> None:
    assert protobuf_accepts(data)
    assert sum(field.stop - field.tag for field in walked(data)) == len(data)


@pytest.mark.parametrize("depth", [101, 100_000])
def test_groups_are_followed_as_deep_as_protobuf_does(depth: int, words: Words) -> None:
    data = b"\x23" * depth + b"\x24" * depth
    assert not protobuf_accepts(data)
    error = refused(data)
    assert (error.offset, numbers(error.message)) == (100, [100])
    assert error.hint is not None
    words(error)


# Whole fields, tags and ends of groups, a length too long, and anything.
PIECES = st.one_of(
    st.sampled_from([b"\x08\x96\x01", b"\x1a\x03abc", b"\x2d1234", b"\x2112345678", b"\x12\0"]),
    st.sampled_from([b"\x23", b"\x24", b"\x2b", b"\x2c", b"\x02\0", b"\x1a\x7f", b"\x8a\x80\0\0"]),
    st.binary(max_size=4),
)


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_bytes_are_fields_when_protobuf_says_so(data: bytes) -> None:
    if not protobuf_accepts(data):
        error = refused(data)
        assert error.offset is not None
        assert 0 <= error.offset <= len(data)
        return
    try:
        found = walked(data)
    except ds.ModelError as error:
        # Python's protobuf lets a field 0 pass inside a group; C++ does not, nor do we.
        at = error.offset
        assume(at is None or by_hand.read_varint(data, at)[0] >> 3 != 0)
        raise
    assert [each[:5] for each in found] == [
        (each.number, each.wire, each.start, each.at, each.stop) for each in by_hand.fields(data)
    ]


def test_payload_is_stepped_over_unread() -> None:
    data = header(5, 10_000_000) + bytes(10_000_000) + b"\x08\x01"
    source = CountedSource(data)
    assert [field.number for field in fields(BufferedSource(source), 0, len(data))] == [5, 1]
    assert source.count < 10_000


def test_a_window_reads_what_it_does_not_hold_and_nothing_twice() -> None:
    data = bytes(number * 7 % 251 for number in range(10_000))
    window = BufferedSource(source := CountedSource(data))
    assert [window.byte(at, 10_000) for at in (300, 300, 301, 4395)] == [92, 92, 99, 143]
    held = source.count  # [300, 4396)
    assert held == 4096
    assert window.bytes(300, 303) == bytes([92, 99, 106])
    assert window.bytes(4394, 4396) == bytes([136, 143])
    assert source.count == held
    assert window.bytes(4394, 4397) == bytes([136, 143, 150])
    assert window.bytes(299, 301) == bytes([85, 92])
    assert source.count == held + 5
    assert window.byte(299, 10_000) == 85


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 18, 50, 700_000])
@pytest.mark.parametrize("behind", [b"", b"\x08\x01", b"\x2d\0\0", b"\x35\0\0\0\0\x2d\0\0\0\0"])
def test_a_run_ends_with_its_last_field(count: int, behind: bytes) -> None:
    """Its first field holds the tag that comes behind; longer ones are looked at bit by bit."""
    data = b"\x08\x01" + b"\x2d\x35\0\0\0" * count + behind
    window = BufferedSource(CountedSource(data))
    first = field_at(window, 2, len(data))
    assert run_stop(window, first, len(data)) == 2 + 5 * count


# --- lengths that stay true


def test_headers() -> None:
    assert tag(1, LEN) == b"\x0a"
    assert header(16, 300) == b"\x82\x01\xac\x02"
    assert delimited(1, b"abc") == b"\x0a\x03abc"


@pytest.mark.parametrize("grown", [1, 2, 3, 126, 127, 128, 16255, 16256, 16257])
@pytest.mark.parametrize("size", [0, 1, 122, 123, 124, 125, 126, 127, 16378, 16380, 16383])
def test_lengths_grow_over_their_varints_at_both_levels(size: int, grown: int) -> None:
    """A longer inner length is itself growth for the outer one: 127 → 128 twice over."""
    small, frames = nested(b"x" * size)
    large, back = nested(b"x" * size + b"y" * grown)
    end = frames[-1].stop
    added = FramedEdit(replacing(end, end, b"y" * grown), frames)
    assert spliced(small, reframed([added])) == large
    end = back[-1].stop
    removed = FramedEdit(replacing(end - grown, end, b""), back)
    assert spliced(large, reframed([removed])) == small


def test_lengths_grow_at_every_level() -> None:
    def within(payload: bytes) -> bytes:
        return delimited(1, delimited(1, delimited(1, payload)))

    small = within(b"x" * 123)  # its lengths are 123, 125 and 127
    assert small[:6] == b"\x0a\x7f\x0a\x7d\x0a\x7b"
    frames = tuple(Frame(at, at + 1, 129) for at in (1, 3, 5))
    grown = FramedEdit(replacing(129, 129, b"y" * 5), frames)
    assert spliced(small, reframed([grown])) == within(b"x" * 123 + b"y" * 5)


def test_one_message_grows_beside_one_that_does_not() -> None:
    data = b"\x0a\x02hi" * 3
    same, longer, shorter = (Frame(at + 1, at + 2, at + 4) for at in (0, 4, 8))
    edits = [
        FramedEdit(replacing(2, 4, b"HI"), (same,)),
        FramedEdit(replacing(8, 8, b"!"), (longer,)),
        FramedEdit(replacing(10, 12, b""), (shorter,)),
    ]
    assert spliced(data, reframed(edits)) == b"\x0a\x02HI\x0a\x03hi!\x0a\x00"


def nested(payload: bytes) -> tuple[bytes, tuple[Frame, Frame]]:
    """A message in a message in a message, other fields around it, and its frames."""
    inner = delimited(1, payload)
    data = b"\x08\x01" + delimited(2, inner) + b"\x08\x02"
    inner_at = 2 + len(header(2, len(inner)))
    payload_at = inner_at + len(header(1, len(payload)))
    outer = Frame(3, inner_at, inner_at + len(inner))
    return data, (outer, Frame(inner_at + 1, payload_at, payload_at + len(payload)))


def test_a_length_that_stays_true_stays_as_it_is_written() -> None:
    data = b"\x0a\x84\x80\x00abcd"  # 4 in three bytes
    frame = Frame(1, 4, 8)
    same = FramedEdit(replacing(4, 8, b"ABCD"), (frame,))
    assert spliced(data, reframed([same])) == b"\x0a\x84\x80\x00ABCD"
    both = [FramedEdit(replacing(4, 5, b""), (frame,)), FramedEdit(replacing(8, 8, b"e"), (frame,))]
    assert spliced(data, reframed(both)) == b"\x0a\x84\x80\x00bcde"
    longer = FramedEdit(replacing(8, 8, b"e"), (frame,))
    assert spliced(data, reframed([longer])) == b"\x0a\x05abcde"


def test_what_ends_together_is_closed_from_the_inside() -> None:
    """A blob, its layer and the file end at one byte; all three get something there."""
    data = b"\x0a\x04\x12\x02hi"
    layer, blob = Frame(1, 2, 6), Frame(3, 4, 6)
    edits = [
        FramedEdit(replacing(6, 6, b"\x08\x07")),
        FramedEdit(replacing(6, 6, b"\x08\x06"), (layer,)),
        FramedEdit(replacing(6, 6, b"!"), (layer, blob)),
    ]
    assert spliced(data, reframed(edits)) == b"\x0a\x07\x12\x03hi!\x08\x06\x08\x07"
