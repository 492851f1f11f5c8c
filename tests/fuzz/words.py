"""libFuzzer dictionaries, made of ``caffe.desc``: ``python tests/fuzz/words.py`` writes them anew.

``wire.dict`` has the tags that the index looks for and whole small fields, ``text.dict`` what a
prototxt is made of, ``url.dict`` what an address is,
``settings.dict`` and ``lists.dict`` what a configuration file and a list of pairs say,
``command.dict`` what command lines do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from click import Context
from json_mutation import ODD
from oracle import LOOKED_AT, NVIDIA, Proto, descriptors, sized, tag, varint

import deconvsurgery as ds
from deconvsurgery.cli import VERBS, deconvsurgery
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.splicing.undo_patch import Digest, Range, Undo, header
from deconvsurgery.storage.address import SCHEMES
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome, failed
from deconvsurgery.sweeping.row_lines import written

HERE = Path(__file__).parent

FAILED = failed(Pair("a"), "apply", "0", ds.PrototxtError("bad", line=3, column=1, path="a"))
FOUND = PairRow(
    *("a", "b", "c", None, "check", "0", RowOutcome.FOUND, "cd", "ab"),
    inputs={"a": "sha256:0"},
    outputs={"c": "etag:1"},
    result={"matched": 1, "findings": [{"rule": "DS001", "layer": "up", "line": 3}]},
    warnings=("careful",),
)
UNDO = Undo(Digest(9, "a" * 64), Digest(10, "0" * 64), (Range(2, 4, 2), Range(5, 7, 1)))
"""A row that failed, one of a check, a patch: what harnesses begin with."""

_WIRE_TYPES = {
    Proto.TYPE_DOUBLE: 1,
    Proto.TYPE_FLOAT: 5,
    Proto.TYPE_STRING: 2,
    Proto.TYPE_BYTES: 2,
    Proto.TYPE_MESSAGE: 2,
}
_MARKS = (
    *("{", "}", "<", ">", "[", "]", ": ", ",", ";", "- ", "-", "\n", "\r", "\r\n", "#", '"', "'"),
    *("true", "false", "True", "t", "1.0", "0.5f", "1e-3", "inf", "nan", "0x10", "020", "-1"),
    *(r"\x6e", r"\156", r"\"", "\ufeff", "é", "layer {", "layers {", 'type: "Deconvolution"'),
    *("type: DECONVOLUTION", 'name: "up"', 'weight_filler { type: "bilinear" }', "xavier"),
    *("kernel_size: 4", "stride: 2", "num_output: 5", "group: 1", "bias_term: false", "hole: 2"),
    *("include { phase: TEST }", "param { lr_mult: 0 }", "blobs_lr: 1", "LOCAL", "// "),
)
# Messages of the text that are of other layers' making stay out: their fields are but names.
_TEXT_MESSAGES = (
    *("NetParameter", "LayerParameter", "V1LayerParameter", "V0LayerParameter", "NetState"),
    *("NetStateRule", "ParamSpec", "ConvolutionParameter", "FillerParameter", "BlobShape"),
    "InputParameter",
)


def wire_fields() -> list[bytes]:
    """Whole small fields, one of each that is looked at, and what no Caffe has."""
    found = [
        *(tag(5000, 0) + b"\x01", tag(777, 3) + tag(777, 4), sized(900, b"x")),
        sized(100, sized(1, b"up") + sized(2, b"Deconvolution")),
        sized(2, sized(4, b"up") + tag(5, 0) + varint(39)),
        sized(7, sized(1, b"\1\1\1\1")),
        *(tag(number, 0) + b"\1" for number in range(1, 5)),
        *(tag(10, 0) + varint(kind) for kind in range(6)),
    ]
    for number, wire_type in _looked_at():
        payload = {0: b"\1", 1: bytes(8), 2: b"\4\0\0\0\0", 5: bytes(4)}[wire_type]
        found.append(tag(number, wire_type) + payload)
    return list(dict.fromkeys(found))


def _looked_at() -> Iterator[tuple[int, int]]:
    for message in descriptors().message_type:
        for field in message.field:
            if field.name in LOOKED_AT.get(message.name, ()):
                yield field.number, _WIRE_TYPES.get(field.type, 0)
                if field.label == Proto.LABEL_REPEATED:
                    yield field.number, 2
    for _, number, kind in NVIDIA:
        yield number, _WIRE_TYPES.get(kind, 0)


def wire_words() -> Iterator[bytes]:
    """Tags, and the fields that go with them."""
    yield from dict.fromkeys(tag(*each) for each in _looked_at())
    yield from (each for each in wire_fields() if len(each) <= 32)


def text_words() -> Iterator[bytes]:
    """Names of fields and enum values, and marks."""
    words = [*_MARKS]
    for message in descriptors().message_type:
        words += [field.name for field in message.field if message.name in _TEXT_MESSAGES]
        for kind in message.enum_type:
            words += [value.name for value in kind.value if message.name in _TEXT_MESSAGES]
    for kind in descriptors().enum_type:
        words += [value.name for value in kind.value]
    yield from dict.fromkeys(word.encode() for word in words)


def url_words() -> Iterator[bytes]:
    """What addresses are made of."""
    yield from (f"{scheme}://".encode() for scheme in SCHEMES)
    for word in ("memory", "zip", "simplecache", "reference", "dir"):
        yield from (f"{word}://".encode(), f"{word}::".encode())
    yield from b"// /./ /../ .. :: :80 :443 @ ? # % %2F %61 %00 * ** {name} [a] localhost".split()
    yield from (b"?versionId=", b"zoo@me.dfs.core.windows.net", b"arn:aws:s3:::zoo", b"[::1]")
    yield from (b"\0", b"\n", b"\xff", "ä".encode(), "\u202e".encode(), b"\xed\xa0\x80")


def json_words() -> Iterator[bytes]:
    """Fields of rows and of patches, with values that they may have."""
    told = json.loads(written(FAILED)) | json.loads(written(FOUND))
    told |= {"error": told["error"], "findings": FOUND.result["findings"] if FOUND.result else []}
    told |= json.loads(header(UNDO))
    for name, value in told.items():
        yield json.dumps(name).encode()
        yield f"{json.dumps(name)}: {json.dumps(value)}".encode()
    for value in (*RowOutcome, "apply", "DS001", "FileError", "kind", "message", "rule", "line"):
        yield json.dumps(value).encode()
    yield from (word for word in ODD if len(word) <= 32)


def settings_words() -> Iterator[bytes]:
    """Keys of a configuration file, values, and TOML's marks."""
    words = (
        *("[[pairs]]", "[sweep]", "[sweep.options]", "[tool.deconvsurgery]", "pairs", "tool"),
        *("net", "model", "output", "net-output", "list", "pattern", "exclude", "phase", "level"),
        *("stage", "select", "ignore", "frozen", "allow-empty", "verb", "options", "results"),
        *("retries", "fill", "formula", "support", "no-create", "zero-bias", "skip-unfit", "to"),
        *("values", "strict", "max-unpacked", "keep-dims", "expand", "deconvsurgery", "zoo"),
        *("'apply'", "'check'", "'convert'", "'regroup'", "'train'", "'TEST'", "'DS001'", "'up*'"),
        *("'re:up'", "'re:[[a]--b]'", "'re:('", "'[a'", "'**/{name}'", "'s3://a/b'", "''", '""'),
        *("true", "false", "inf", "-nan", "1e999", "0xffffffffffff", "0o7", "0b1", "1_000"),
        *("2147483648", "-2147483649", "2026-11-29", "07:32:00", "2026-11-29T07:32:00Z"),
        *("=", ".", ",", "[", "]", "{", "}", "[[", "]]", '"', "'", '"""', "'''", "#", "\n", "\r\n"),
        *(r"\u0000", r"\ud800", r"\U0010ffff", r"\x00", "\ufeff", "\0", "[['a']]", "{a = 1}"),
    )
    yield from (word.encode() for word in words)


def list_words() -> Iterator[bytes]:
    """Keys and paths of a list's lines, and JSON's marks."""
    words = (
        *('"net"', '"model"', '"output"', '"net-output"', '"list"', "{", "}", "[", "]", ":", ","),
        *('{"net": "a.x"}', '{"model": "*"}', '{"net": "**/*.x", "output": "{name}"}', '"{name}"'),
        *('"c/{name}/a.x"', '"**/{name}.x"', '"?.x"', '"[a-b].x"', '"[[]a].x"', '"[!a].x"'),
        *('"s3://a/*"', '"https://a/b?c"', '"file:///a"', '"/a"', '"../a"', '"./a"', '"c/**"'),
        *("**", "*", "?", "[", "[!", "]", "{name}", "/", "c/", "d/", ".h/", ".x", "null", "true"),
        *("NaN", "Infinity", "1e999", "-1", "9" * 30, "[[[[", '{"net":' * 3, "\n", "\r\n", " "),
        *(r'"\ud800"', r'"\udcff"', r'"\u0000"', r'"\ud83d\ude00"', r'"\n"', "\ufeff", '"', "\\"),
    )
    yield from (*(word.encode() for word in words), b"\xff", b"\xed\xa0\x80", b"\0")


def command_words() -> Iterator[bytes]:
    """Verbs, their options, the files that the harness has, and odd values."""
    context = Context(deconvsurgery)
    for verb in VERBS:
        yield verb.encode()
        command = deconvsurgery.get_command(context, verb)
        for parameter in command.params if command else ():
            yield from (each.encode() for each in (*parameter.opts, *parameter.secondary_opts))
            yield from (each.encode() for each in getattr(parameter.type, "choices", ()))
    yield from b"net in out.x zoo.toml apply.toml list text empty sub - -- .. . =".split()
    yield from b"-1 0 1 2 16 0x10 1e9 2147483648 1000000000 2,2 4,4,4 1GiB up* re:( [[a]".split()
    yield from b"sarif=r.x json=r.x -h --help --version -V --level=-1 --also=json=in *".split()
    yield from (b"9" * 30, b"", b" ", b"\0", b"\xff", "²".encode(), b"--pattern=re:[[a]--b]")


def dictionary(words: Iterable[bytes]) -> str:
    """The words as libFuzzer reads them, a line each."""
    return "".join(f'"{"".join(map(_escaped, word))}"\n' for word in words if word)


def _escaped(byte: int) -> str:
    plain = 0x20 <= byte < 0x7F and chr(byte) not in '"\\'
    return chr(byte) if plain else f"\\x{byte:02x}"


DICTIONARIES = {
    "wire.dict": wire_words,
    "text.dict": text_words,
    "url.dict": url_words,
    "json.dict": json_words,
    "settings.dict": settings_words,
    "lists.dict": list_words,
    "command.dict": command_words,
}


if __name__ == "__main__":
    for name, words in DICTIONARIES.items():
        (HERE / name).write_text(dictionary(words()), "utf-8")
