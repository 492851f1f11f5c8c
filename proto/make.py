"""Write the table of Caffe's messages: ``python proto/make.py``.

``deconvsurgery/caffe_fields/messages.py`` says what ``caffe.desc`` says, in text that costs little
to import. With a file as an argument it is written there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2

from deconvsurgery.caffe_fields import DESCRIPTORS

TABLE = Path(DESCRIPTORS).parent / "caffe_fields" / "messages.py"
HEAD = '''"""Caffe's messages and enums, a text each: made of ``caffe.desc`` by ``proto/make.py``.

A field is its name, its number and its kind: a scalar's, or the name of a message or an enum; a
``*`` before it says that the field is repeated. A value of an enum is its name and its number.
``schema`` unpacks them.
"""

from __future__ import annotations

from typing import Final
'''
_WIDTH = 100


def main() -> None:
    """Write the table."""
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE
    place.write_text(table(Path(DESCRIPTORS).read_bytes()), "utf-8")


def table(descriptors: bytes) -> str:
    """The module's text."""
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(descriptors).file
    messages = {
        message.name: ", ".join(_field(field, file.package) for field in message.field)
        for message in file.message_type
    }
    enums = {
        name: ", ".join(f"{value.name} {value.number}" for value in enum.value)
        for name, enum in _enums(file)
    }
    return f"{HEAD}\n{_dict('MESSAGES', messages)}\n{_dict('ENUMS', enums)}"


def _field(field: Any, package: str) -> str:
    scalars = descriptor_pb2.FieldDescriptorProto.Type.keys()
    kind = field.type_name.removeprefix(f".{package}.")
    kind = kind or scalars[field.type - 1].removeprefix("TYPE_").lower()
    star = "*" if field.label == field.LABEL_REPEATED else ""
    return f"{field.name} {field.number} {star}{kind}"


def _enums(file: Any) -> Iterator[tuple[str, Any]]:
    """Those within a message have its name before theirs."""
    for enum in file.enum_type:
        yield enum.name, enum
    for message in file.message_type:
        for enum in message.enum_type:
            yield f"{message.name}.{enum.name}", enum


def _dict(name: str, texts: Mapping[str, str]) -> str:
    lines = [f"{name}: Final = {{"]
    for key, text in texts.items():
        if len(f'    "{key}": "{text}",') <= _WIDTH:
            lines.append(f'    "{key}": "{text}",')
        else:
            lines += [f'    "{key}": (', *_wrapped(text), "    ),"]
    return "\n".join([*lines, "}\n"])


def _wrapped(text: str) -> Iterator[str]:
    line = ""
    for part in re.findall("[^,]+(?:, )?", text):
        if line and len(f'        "{line}{part}"') > _WIDTH:
            yield f'        "{line}"'
            line = ""
        line += part
    yield f'        "{line}"'


if __name__ == "__main__":
    main()
