"""HDF5 weights that are wrong, and some that only look so, written by hand.

Not by h5py: its bytes depend on its version, and it would not write what is wrong. Groups keep
their links in their own headers, as libver="latest" has them.
Format: https://docs.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from helpers.corpus.hostile_case import CONV_MEANS, FOUR, UP_MEANS, ZEROS, Blobs, Case
from helpers.wire import doubles, floats

UNDEFINED = 2**64 - 1
SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Soft:
    """A link within the file."""

    path: str


@dataclass(frozen=True)
class Elsewhere:
    """A link into another file."""

    file: str
    path: str


@dataclass(frozen=True)
class Again:
    """A second name of what stands at a path (``()``: the root), which is written before."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """An array: messages for space and type, its bytes, and which layout says where they are."""

    space: bytes
    kind: bytes
    data: bytes
    layout: str = "contiguous"


Tree: TypeAlias = dict[Any, Any]


def space(*dims: int) -> bytes:
    """A dataspace of these lengths."""
    return struct.pack("<BBB5x", 1, len(dims), 0) + struct.pack(f"<{len(dims)}Q", *dims)


def real(width: int, order: int = 0) -> bytes:
    """IEEE 754 of 2, 4 or 8 bytes; order 1 is big-endian."""
    exponent, mantissa, bias = {2: (5, 10, 15), 4: (8, 23, 127), 8: (11, 52, 1023)}[width]
    head = struct.pack("<BBBBI", 0x11, 0x20 | order, 8 * width - 1, 0, width)
    return head + struct.pack("<HHBBBBI", 0, 8 * width, mantissa, exponent, 0, mantissa, bias)


def whole(width: int) -> bytes:
    """Signed integers."""
    return struct.pack("<BBBBIHH", 0x10, 8, 0, 0, width, 0, 8 * width)


TEXT = struct.pack("<BBBBI", 0x13, 0, 0, 0, 4)
NULL = struct.pack("<BBBB", 2, 0, 0, 2)


class _File:
    """A file as it grows: what is put has an address."""

    def __init__(self, before: int = 0) -> None:
        self.bytes = bytearray(96)
        self.before = before
        self.addresses: dict[tuple[str, ...], int] = {}

    def put(self, data: bytes) -> int:
        self.bytes += bytes(-len(self.bytes) % 8)
        at = len(self.bytes)
        self.bytes += data
        return at

    def header(self, messages: list[tuple[int, bytes]]) -> int:
        body = b""
        for kind, data in messages:
            data += bytes(-len(data) % 8)
            body += struct.pack("<HHBxxx", kind, len(data), 0) + data
        return self.put(struct.pack("<BxHIIxxxx", 1, len(messages), 1, len(body)) + body)

    def dataset(self, given: Dataset) -> int:
        fill = struct.pack("<BBBBI", 2, 2, 2, 1, 0)  # zeros, and they need not be written
        messages = [(1, given.space), (3, given.kind), (5, fill)]
        size = len(given.data)
        dims = struct.unpack(f"<{given.space[1]}Q", given.space[8 : 8 + 8 * given.space[1]])
        if given.layout == "contiguous":
            layout = struct.pack("<BBQQ", 3, 1, self.put(given.data), size)
        elif given.layout == "compact":
            layout = struct.pack("<BBH", 3, 0, size) + given.data
        elif given.layout == "beyond":
            layout = struct.pack("<BBQQ", 3, 1, 2**50, size)
        elif given.layout == "nowhere":
            layout = struct.pack("<BBQQ", 3, 1, UNDEFINED, size)
        elif given.layout == "promised":  # as many bytes as the dims say, whatever is there
            layout = struct.pack("<BBQQ", 3, 1, 96, 4 * prod(dims))
        elif given.layout == "chunked":  # chunks of one value, none of them there
            layout = _chunks(1 for _ in dims)
        elif given.layout == "huge chunk":
            layout = _chunks(dims)
        elif given.layout == "virtual":
            layout = struct.pack("<BBQI", 4, 3, UNDEFINED, 0)
        elif given.layout == "external":
            words = self.put(b"\0" * 8 + b"precious\0".ljust(24, b"\0"))
            heap = self.put(struct.pack("<4sBxxxQQQ", b"HEAP", 0, 32, 1, words))
            files = struct.pack("<BxxxHHQQQQ", 1, 1, 1, heap, 8, 0, size)
            messages.append((7, files))
            layout = struct.pack("<BBQQ", 3, 1, UNDEFINED, size)
        else:
            layout = given.layout.encode("latin-1")
        return self.header([*messages, (8, layout)])

    def group(self, tree: Tree, path: tuple[str, ...] = ()) -> int:
        messages = [(2, struct.pack("<BBQQ", 0, 0, UNDEFINED, UNDEFINED))]
        own = 0
        if any(
            isinstance(each, Again) and path[: len(each.path)] == each.path
            for each in tree.values()
        ):
            # It holds itself, or what holds it: the address has to be known before.
            size = 16 + 8 + 24
            for name, each in tree.items():
                assert isinstance(each, Again)
                size += 8 + (11 + len(_raw(name)) + 7) // 8 * 8
            own = self.put(bytes(size))
            self.addresses[path] = own
        for name, given in tree.items():
            messages.append((6, self.link(_raw(name), given, (*path, str(name)))))
        if not own:
            self.addresses[path] = self.header(messages)
            return self.addresses[path]
        at = self.header(messages)
        self.bytes[own : own + len(self.bytes) - at] = self.bytes[at:]
        del self.bytes[at:]
        return own

    def link(self, name: bytes, given: Any, path: tuple[str, ...]) -> bytes:
        head = bytes([len(name)]) + name
        if isinstance(given, Soft):
            target = given.path.encode()
            return b"\1\x08\1" + head + struct.pack("<H", len(target)) + target
        if isinstance(given, Elsewhere):
            target = b"\0" + given.file.encode() + b"\0" + given.path.encode() + b"\0"
            return b"\1\x08\x40" + head + struct.pack("<H", len(target)) + target
        if isinstance(given, Again):
            address = self.addresses[given.path]
        elif isinstance(given, dict):
            address = self.group(given, path)
        elif isinstance(given, bytes):
            address = self.put(given)
        else:
            address = self.dataset(given)
            self.addresses[path] = address
        return b"\1\0" + head + struct.pack("<Q", address)


def _chunks(dims: Iterable[int]) -> bytes:
    sizes = (*dims, 4)
    head = struct.pack("<BBBQ", 3, 2, len(sizes), UNDEFINED)
    return head + struct.pack(f"<{len(sizes)}I", *sizes)


def _raw(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode()


def hdf5(tree: Tree, *, user_block: int = 0) -> bytes:
    """The bytes of a file whose root group is ``tree``."""
    file = _File()
    root = file.group(tree)
    head = SIGNATURE + struct.pack("<8B", 0, 0, 0, 0, 0, 8, 8, 0) + struct.pack("<HHI", 4, 16, 0)
    head += struct.pack("<QQQQ", user_block, UNDEFINED, user_block + len(file.bytes), UNDEFINED)
    head += struct.pack("<QQII16x", 0, root, 0, 0)
    file.bytes[:96] = head
    return bytes(user_block) + bytes(file.bytes)


CONV_SET = Dataset(space(1, 1, 2, 2), real(4), floats(*FOUR))
UP_SET = Dataset(space(3, 1, 4, 4), real(4), floats(*ZEROS))
GOOD = {"data": {"conv": {"0": CONV_SET}, "up": {"0": UP_SET}}}
WHOLE = hdf5(GOOD)
CONV_H5 = ("conv", "", CONV_MEANS[2])
UP_H5 = ("up", "", UP_MEANS[2])


def _tree(name: str, about: str, conv: Any, *means: tuple[str, str, Blobs]) -> Case:
    """A file whose ``conv`` is of our own."""
    tree = {"data": {"conv": conv, "up": {"0": UP_SET}}}
    return Case(f"{name}.h5", hdf5(tree), about, (*means, UP_H5) if means else None)


def _set(
    name: str, about: str, given: Any, *blobs: tuple[tuple[int, ...], tuple[float, ...]]
) -> Case:
    """A blob of our own in ``conv``."""
    return _tree(name, about, {"0": given}, *([("conv", "", blobs)] if blobs else []))


def _up(name: str, about: str, given: Any) -> Case:
    """A blob of our own in the matched layer: the file can be read, the layer not be filled."""
    tree = {"data": {"conv": {"0": CONV_SET}, "up": {"0": given}}}
    return Case(f"{name}.h5", hdf5(tree), about, (CONV_H5, ("up", "", (((3, 1, 4, 4), ()),))))


def _named(name: str, written: bytes, about: str) -> Case:
    tree = {"data": {written: {"0": CONV_SET}, "up": {"0": UP_SET}}}
    read = written.decode("utf-8", "surrogateescape")
    return Case(f"name-{name}.h5", hdf5(tree), about, ((read, "", CONV_MEANS[2]), UP_H5))


def _damaged(name: str, at: int, put: bytes, about: str) -> Case:
    return Case(f"{name}.h5", WHOLE[:at] + put + WHOLE[at + len(put) :], about)


def _shaped(*dims: int) -> Dataset:
    return Dataset(space(*dims), real(4), floats(1.0))


UP_DIMS = space(3, 1, 4, 4)

HDF5 = (
    # --- whole
    Case("good.h5", WHOLE, "as it should be", (CONV_H5, UP_H5)),
    Case("user-block.h5", hdf5(GOOD, user_block=512), "behind a user block", (CONV_H5, UP_H5)),
    _set("doubles", "doubles", Dataset(space(4), real(8), doubles(*FOUR)), ((4,), FOUR)),
    _set(
        "halves",
        "half precision",
        Dataset(space(4), real(2), struct.pack("<4e", *FOUR)),
        ((4,), FOUR),
    ),
    _set(
        "big-endian",
        "big-endian",
        Dataset(space(4), real(4, 1), struct.pack(">4f", *FOUR)),
        ((4,), FOUR),
    ),
    _set(
        "integers",
        "whole numbers",
        Dataset(space(4), whole(2), struct.pack("<4h", 1, 2, 3, 4)),
        ((4,), FOUR),
    ),
    _set("scalar", "no axes", Dataset(space(), real(4), floats(2.0)), ((), (2.0,))),
    _set("no-values", "a length of 0", Dataset(space(0, 4), real(4), b"", "nowhere"), ((0, 4), ())),
    _set(
        "compact",
        "values in the header",
        Dataset(space(4), real(4), floats(*FOUR), "compact"),
        ((4,), FOUR),
    ),
    _set(
        "never-written",
        "values that were never written are zeros",
        Dataset(space(4), real(4), bytes(16), "nowhere"),
        ((4,), (0.0,) * 4),
    ),
    _tree("empty-layer", "a layer without blobs", {}, ("conv", "", ())),
    _tree(
        "odd-numbers",
        "positions that are none beside one that is",
        {"0": CONV_SET, "007": CONV_SET, "x": CONV_SET, "-1": CONV_SET, "1000": CONV_SET},
        CONV_H5,
    ),
    _named("latin-1", b"conv\xe9", "a name that is no UTF-8"),
    _named("ansi", b"\x1b[31mconv\x07", "escapes in a name"),
    _named("bold", b"[bold]conv[red", "rich's markup in a name"),
    Case(
        "name-slash.h5",
        hdf5({"data": {"a/b": {"0": CONV_SET}, "up": {"0": UP_SET}}}),
        "a slash in a name, which HDF5 takes for a path",
    ),
    _named("newline", b"co\nerror: fake", "a line end in a name"),
    _named("dots", b"..", "two dots for a name"),
    # --- promises
    _set("promises-2-40", "2^40 values, four bytes", _shaped(2**40)),
    _set(
        "promised-2-40",
        "2^42 bytes said to be there",
        Dataset(space(2**40), real(4), b"", "promised"),
    ),
    _set(
        "promised-2-20",
        "2^22 bytes said to be there",
        Dataset(space(2**20), real(4), b"", "promised"),
    ),
    _set("promises-2-62", "2^62 values", _shaped(2**62)),
    _set("promises-2-64", "a product beyond 2^64", _shaped(2**40, 2**40)),
    _set(
        "chunks-2-40",
        "2^40 chunks, none there",
        Dataset(space(2**40), real(4), b"", "chunked"),
        ((2**40,), ()),
    ),
    _set(
        "chunk-2-gib",
        "a chunk of 2 GiB",
        Dataset(space(2**29), real(4), b"", "huge chunk"),
        ((2**29,), ()),
    ),
    _set("chunk-8-gib", "a chunk of 8 GiB", Dataset(space(2**31 - 1), real(4), b"", "huge chunk")),
    _set(
        "beyond-end", "values beyond the end", Dataset(space(4), real(4), floats(*FOUR), "beyond")
    ),
    _set("rank-33", "33 axes, where HDF5 has 32", _shaped(*(1,) * 33)),
    _set("rank-255", "255 axes", _shaped(*(1,) * 255)),
    Case(
        "up-chunks.h5",
        hdf5({"data": {"up": {"0": Dataset(UP_DIMS, real(4), b"", "chunked")}}}),
        "values of the matched layer in 48 chunks that are not there: zeros",
        (UP_H5,),
    ),
    # --- types
    _set("text", "words for values", Dataset(space(4), TEXT, b"onesonesonesones"), ((4,), ())),
    _set("null", "no values at all", Dataset(NULL, real(4), b"", "nowhere"), ((), ())),
    _set(
        "type-unknown", "a class of type that is none", Dataset(space(1), b"\x1f" + bytes(15), b"")
    ),
    _set(
        "space-version-9", "a dataspace of version 9", Dataset(b"\x09" + space(4)[1:], real(4), b"")
    ),
    _set(
        "layout-version-9",
        "a layout of version 9",
        Dataset(space(4), real(4), b"", "\x09\1" + "\0" * 16),
    ),
    _tree("group-for-blob", "a group where a blob should be", {"0": {}}, ("conv", "", ())),
    _tree("blob-for-layer", "a blob where a layer should be", CONV_SET, ("conv", "", (((), ()),))),
    # --- links, and values in other files
    _set("soft-link", "a link", Soft("/data/up/0"), ((), ())),
    _set("dangling", "a link to nothing", Soft("/nowhere"), ((), ())),
    _set("link-to-itself", "a link to itself", Soft("/data/conv/0"), ((), ())),
    _set("other-file", "a link into another file", Elsewhere("other.h5", "/data/conv/0"), ((), ())),
    _set("dev-zero", "a link into a device", Elsewhere("/dev/zero", "/data/conv/0"), ((), ())),
    _set(
        "external",
        "values in another file",
        Dataset(space(2), real(4), bytes(8), "external"),
        ((2,), ()),
    ),
    _set(
        "virtual",
        "values put together of other files",
        Dataset(space(4), real(4), b"", "virtual"),
        ((4,), ()),
    ),
    _up(
        "up-external",
        "the matched layer's values in another file",
        Dataset(UP_DIMS, real(4), bytes(192), "external"),
    ),
    _up(
        "up-virtual",
        "the matched layer's values put together",
        Dataset(UP_DIMS, real(4), b"", "virtual"),
    ),
    _tree(
        "layer-elsewhere",
        "a layer in another file",
        Elsewhere("other.h5", "/data/conv"),
        ("conv", "", (((), ()),)),
    ),
    Case(
        "loop.h5",
        hdf5({"data": {"conv": {"0": CONV_SET}, "odd": {"x": Again(("data", "odd"))}}}),
        "a layer that holds itself",
        (CONV_H5, ("odd", "", ())),
    ),
    Case(
        "root-in-root.h5",
        hdf5({"data": Again(())}),
        "a root that is its own 'data'",
        (("data", "", ()),),
    ),
    Case(
        "two-names.h5",
        hdf5({"data": {"conv": {"0": CONV_SET}, "twice": {"0": Again(("data", "conv", "0"))}}}),
        "a blob under two names that says it has one",
        (("conv", "", (((1, 1, 2, 2), ()),)), ("twice", "", (((1, 1, 2, 2), ()),))),
    ),
    Case(
        "overlap.h5",
        hdf5(
            {
                "data": {
                    "conv": {"0": CONV_SET},
                    "up": {"0": Dataset(UP_DIMS, real(4), b"", "promised")},
                }
            }
        ),
        "two blobs whose values share bytes",
        (("conv", "", (((1, 1, 2, 2), ()),)), ("up", "", (((3, 1, 4, 4), ()),))),
    ),
    Case(
        "data-elsewhere.h5", hdf5({"data": Elsewhere("other.h5", "/data")}), "all in another file"
    ),
    # --- no weights
    Case("no-data.h5", hdf5({"weights": {}}), "another program's"),
    Case("empty-root.h5", hdf5({}), "an empty file of HDF5"),
    Case("data-is-blob.h5", hdf5({"data": CONV_SET}), "'data' is an array"),
    Case("solver.h5", hdf5({"iter": _shaped(1), "history": {"0": CONV_SET}}), "a solver state"),
    # --- damage
    Case("signature-only.h5", SIGNATURE, "the signature and no more"),
    Case("cut-half.h5", WHOLE[: len(WHOLE) // 2], "the second half is missing"),
    Case("cut-1.h5", WHOLE[:-1], "the last byte is missing"),
    _damaged("superblock-9", 8, b"\x09", "a superblock of version 9"),
    _damaged("offsets-of-255", 13, b"\xff", "addresses of 255 bytes"),
    _damaged("root-nowhere", 64, b"\xff" * 8, "a root group nowhere"),
    _damaged("root-beyond", 64, struct.pack("<Q", 2**50), "a root group beyond the end"),
    _damaged("root-in-superblock", 64, bytes(8), "a root group in the superblock"),
    _damaged("end-early", 40, struct.pack("<Q", 100), "an end of file within it"),
    _damaged("end-late", 40, struct.pack("<Q", 2**60), "an end of file far behind it"),
    _damaged("header-4-gib", WHOLE.rindex(b"\1\0\2\0") + 8, b"\xff" * 4, "a header of 4 GiB"),
)
