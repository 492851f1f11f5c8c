"""Shipped descriptors against the .proto, constants against the descriptors, both against Caffe."""

from __future__ import annotations

import csv
import doctest
import runpy
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import ClassVar

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from deconvsurgery import caffe_fields as schema
from deconvsurgery.caffe_fields import messages
from deconvsurgery.caffe_fields import schema as unpacked
from deconvsurgery.prototxt.fork_fields import FORK_FIELDS
from helpers.places import ROOT, SHARED

FACTS = SHARED / "facts"

FieldProto = descriptor_pb2.FieldDescriptorProto

# What the .proto leaves out on purpose.
ABSENT = {"BlobProtoVector", "Datum", "SolverParameter", "SolverState"}

NAMESPACES = [
    (schema.NetField, "NetParameter"),
    (schema.LayerField, "LayerParameter"),
    (schema.V1LayerField, "V1LayerParameter"),
    (schema.V0LayerField, "V0LayerParameter"),
    (schema.BlobField, "BlobProto"),
    (schema.BlobShapeField, "BlobShape"),
]


def shipped() -> descriptor_pb2.FileDescriptorSet:
    return descriptor_pb2.FileDescriptorSet.FromString(Path(schema.DESCRIPTORS).read_bytes())


def shipped_file() -> descriptor_pb2.FileDescriptorProto:
    (file,) = shipped().file
    return file


def shipped_messages() -> dict[str, descriptor_pb2.DescriptorProto]:
    return {message.name: message for message in shipped_file().message_type}


def shipped_enums() -> dict[str, descriptor_pb2.EnumDescriptorProto]:
    enums = {enum.name: enum for enum in shipped_file().enum_type}
    for message in shipped_file().message_type:
        enums |= {f"{message.name}.{enum.name}": enum for enum in message.enum_type}
    return enums


def table(name: str) -> list[dict[str, str]]:
    path = FACTS / name
    if not path.is_file():
        pytest.skip(f"no {name} in a shared/facts directory beside this checkout")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    protoc = pytest.importorskip("grpc_tools.protoc")
    output = tmp_path_factory.mktemp("proto") / "caffe.desc"
    arguments = [f"--proto_path={ROOT / 'proto'}", f"--descriptor_set_out={output}", "caffe.proto"]
    assert protoc.main(["protoc", *arguments]) == 0
    return output.read_bytes()


class TestShippedDescriptors:
    def test_mean_what_the_proto_says(self, compiled: bytes) -> None:
        assert descriptor_pb2.FileDescriptorSet.FromString(compiled) == shipped()

    def test_are_what_the_readme_command_makes(self, compiled: bytes) -> None:
        assert compiled == Path(schema.DESCRIPTORS).read_bytes()

    def test_package_clashes_with_nobody(self) -> None:
        assert shipped_file().package == schema.PACKAGE == "deconvsurgery"

    def test_nothing_is_required(self) -> None:
        required = [
            f"{message.name}.{field.name}"
            for message in shipped_file().message_type
            for field in message.field
            if field.label == FieldProto.LABEL_REQUIRED
        ]
        assert required == []

    def test_carry_no_source_info(self) -> None:
        assert not shipped_file().HasField("source_code_info")


class TestTable:
    """What nets are read with, made of the descriptors."""

    def test_is_what_the_readme_command_makes(self) -> None:
        make = runpy.run_path(str(ROOT / "proto" / "make.py"))
        assert make["table"](Path(schema.DESCRIPTORS).read_bytes()) == make["TABLE"].read_text(
            "utf-8"
        )

    def test_says_what_the_descriptors_say(self) -> None:
        kinds = {
            number: name.removeprefix("TYPE_").lower() for name, number in FieldProto.Type.items()
        }
        assert unpacked.MESSAGES.keys() == shipped_messages().keys()
        for name, message in shipped_messages().items():
            assert [field[:4] for field in unpacked.fields_of(name).values()] == [
                (
                    field.name,
                    field.number,
                    field.type_name.removeprefix(".deconvsurgery.") or kinds[field.type],
                    field.label == FieldProto.LABEL_REPEATED,
                )
                for field in message.field
            ]
            for field in unpacked.fields_of(name).values():
                assert field.is_message == (field.kind in shipped_messages())
                assert field.is_enum == (field.kind in shipped_enums())

    def test_has_the_values_of_enums(self) -> None:
        assert messages.ENUMS.keys() == shipped_enums().keys()
        for name, enum in shipped_enums().items():
            pairs = [(value.name, value.number) for value in enum.value]
            assert list(unpacked.enum_values(name).items()) == pairs
            assert unpacked.enum_names(name) == {number: value for value, number in pairs}

    def test_examples_in_docstrings(self) -> None:
        result = doctest.testmod(unpacked)
        assert result.attempted > 0
        assert result.failed == 0


class TestNumbers:
    @pytest.mark.parametrize(("namespace", "message"), NAMESPACES)
    def test_are_the_descriptors(self, namespace: type, message: str) -> None:
        numbers = {field.name: field.number for field in shipped_messages()[message].field}
        ours = {
            name.lower(): int(getattr(namespace, name))
            for name in dir(namespace)
            if name.isupper() and not name.startswith("RAW_")
        }
        assert ours
        assert ours == {name: numbers.get(name) for name in ours}

    def test_of_nvidias_blobs_are_free_in_caffe(self) -> None:
        raw = {int(member) for member in schema.BlobField if member.name.startswith("RAW_")}
        assert raw == {10, 11, 12, 13}
        assert raw.isdisjoint(field.number for field in shipped_messages()["BlobProto"].field)

    def test_of_nvidias_blobs_are_nvidias(self) -> None:
        rows = [row for row in table("caffe-forks.tsv") if "NVIDIA" in row["forks"]]
        fields = {row["field"]: int(row["number"]) for row in rows if row["message"] == "BlobProto"}
        types = {row["field"]: int(row["number"]) for row in rows if row["message"] == "enum Type"}
        ours = {member.name.lower(): int(member) for member in schema.BlobField}
        assert fields == {name: number for name, number in ours.items() if name.startswith("raw_")}
        assert types == {member.name: int(member) for member in schema.RawType}


class TestTypes:
    def test_v1_is_the_enum(self) -> None:
        enum = shipped_enums()["V1LayerParameter.LayerType"]
        assert {value.number: schema.V1_TYPES.get(value.name) for value in enum.value} == (
            schema.V1_NUMBERS
        )
        assert {value.name for value in enum.value} == set(schema.V1_TYPES)

    @pytest.mark.parametrize(
        ("number", "name", "type_"),
        [
            (0, "NONE", ""),
            (4, "CONVOLUTION", "Convolution"),
            (21, "SOFTMAX_LOSS", "SoftmaxWithLoss"),
            (39, "DECONVOLUTION", "Deconvolution"),
        ],
    )
    def test_v1_to_v2(self, number: int, name: str, type_: str) -> None:
        assert schema.V1_NUMBERS[number] == schema.V1_TYPES[name] == type_

    def test_v1_to_v2_follows_the_fact_sheet(self) -> None:
        path = FACTS / "caffe-semantics.md"
        if not path.is_file():
            pytest.skip("no caffe-semantics.md in a shared/facts directory beside this checkout")
        text = path.read_text(encoding="utf-8")
        named = {name: type_ for name, type_ in schema.V1_TYPES.items() if type_}
        absent = [name for name, type_ in named.items() if f" {name} → `{type_}`" not in text]
        assert absent == []

    def test_v0_ends_in_v1(self) -> None:
        assert set(schema.V0_TYPES.values()) <= set(schema.V1_TYPES)
        assert schema.V0_TYPES["conv"] == "CONVOLUTION"
        assert "padding" not in schema.V0_TYPES

    def test_forks_add_and_never_replace(self) -> None:
        assert schema.FORK_V1_TYPES.keys().isdisjoint(schema.V1_TYPES)
        assert schema.FORK_V1_TYPES["CROP"] == "Crop"

    def test_forks_of_the_table_are_known(self) -> None:
        rows = table("caffe-forks.tsv")
        seen = {r["field"] for r in rows if r["message"] == "enum V1LayerParameter.LayerType"}
        assert seen
        assert seen <= set(schema.FORK_V1_TYPES)

    def test_tables_cannot_be_changed(self) -> None:
        for mapping in (schema.V1_TYPES, schema.V1_NUMBERS, schema.FORK_V1_TYPES, schema.V0_TYPES):
            with pytest.raises(TypeError):
                mapping["CONVOLUTION"] = "Deconvolution"  # type: ignore[index]


def own_fields(message: str) -> set[str]:
    return {field.name for field in shipped_messages()[message].field}


class TestForkFields:
    def test_of_forks_are_new_names(self) -> None:
        for message, fields in FORK_FIELDS.items():
            assert fields.isdisjoint(own_fields(message))

    # DeepLab's; of layers of C3D and video-caffe; Caffe's own for a while.
    NOT_IN_THE_TABLE: ClassVar[dict[str, set[str]]] = {
        "ConvolutionParameter": {"hole", "hole_h", "hole_w"},
        "PoolingParameter": {
            *("kernel_d", "pad_d", "stride_d", "kernel_depth", "temporal_pad", "temporal_stride"),
            *("kernel_shape", "pad_shape", "stride_shape"),
        },
        "ReshapeParameter": {"num", "channels", "height", "width"},
    }

    @pytest.mark.parametrize("message", sorted(FORK_FIELDS))
    def test_of_forks_are_those_of_the_table_and_some_more(self, message: str) -> None:
        rows = [row for row in table("caffe-forks.tsv") if row["message"] == message]
        seen = {row["field"] for row in rows} - own_fields(message)
        assert seen | self.NOT_IN_THE_TABLE.get(message, set()) == FORK_FIELDS[message]


class TestMessageClass:
    def test_reads_text_and_bytes(self) -> None:
        net = schema.message_class("NetParameter")()
        text_format.Parse('layer { name: "up" convolution_param { kernel_size: 4 } }', net)
        again = schema.message_class("NetParameter").FromString(net.SerializeToString())
        assert again == net
        assert text_format.MessageToString(again.layer[0], as_one_line=True) == (
            'name: "up" convolution_param { kernel_size: 4 }'
        )

    def test_is_made_once(self) -> None:
        assert schema.message_class("BlobProto") is schema.message_class("BlobProto")

    def test_nested_classes_come_from_the_same_pool(self) -> None:
        layer = schema.message_class("NetParameter")().layer.add()
        assert type(layer) is schema.message_class("LayerParameter")

    def test_unknown_name(self) -> None:
        with pytest.raises(KeyError):
            schema.message_class("SolverParameter")

    def test_leaves_the_default_pool_alone(self) -> None:
        schema.message_class("NetParameter")
        with pytest.raises(KeyError):
            descriptor_pool.Default().FindMessageTypeByName("deconvsurgery.NetParameter")

    def test_lives_beside_another_pool(self) -> None:
        rival = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package=schema.PACKAGE)
        message = rival.message_type.add(name="NetParameter")
        message.field.add(
            name="title", number=1, type=FieldProto.TYPE_BYTES, label=FieldProto.LABEL_OPTIONAL
        )
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(rival.SerializeToString())
        descriptor = pool.FindMessageTypeByName("deconvsurgery.NetParameter")
        theirs = message_factory.GetMessageClass(descriptor)
        ours = schema.message_class("NetParameter")
        assert theirs(title=b"fcn").SerializeToString() == ours(name="fcn").SerializeToString()
        assert not hasattr(ours(), "title")

    def test_a_foreign_148_does_not_stop_a_file(self) -> None:
        # A layer whose 148 is an empty message: required fields of Clip would refuse it.
        layer = schema.message_class("LayerParameter").FromString(b"\xa2\x09\x00")
        assert layer.IsInitialized()
        assert layer.SerializeToString() == b"\xa2\x09\x00"

    def test_examples_in_docstrings(self) -> None:
        result = doctest.testmod(schema)
        assert result.attempted > 0
        assert result.failed == 0


def test_importing_the_room_does_not_import_protobuf() -> None:
    code = "import sys, deconvsurgery.caffe_fields; print('google.protobuf' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "False"


class TestCaffesTable:
    """Every row of Caffe's field table, for the messages that we keep."""

    @staticmethod
    def described(field: FieldProto) -> dict[str, str]:
        kind = FieldProto.Type.Name(field.type).removeprefix("TYPE_").lower()
        if field.type_name:
            kind += f" {field.type_name.removeprefix('.deconvsurgery.')}"
        repeated = field.label == FieldProto.LABEL_REPEATED
        packable = repeated and kind.split()[0] not in ("string", "bytes", "message")
        default = field.default_value
        if field.HasField("default_value") and kind == "string":
            default = f"'{default}'"
        return {
            "number": str(field.number),
            "label": FieldProto.Label.Name(field.label).removeprefix("LABEL_").lower(),
            "type": kind,
            "packed": ("yes" if field.options.packed else "no") if packable else "-",
            "default": default if field.HasField("default_value") else "-",
        }

    def test_fields(self) -> None:
        caffe: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        for row in table("caffe-fields.tsv"):
            if row["message"] in ABSENT or row["message"].startswith("enum "):
                continue
            row["label"] = row["label"].replace("required", "optional")
            caffe[row["message"]][row["field"]] = {
                key: row[key] for key in ("number", "label", "type", "packed", "default")
            }
        ours = {
            name: {field.name: self.described(field) for field in message.field}
            for name, message in shipped_messages().items()
        }
        assert ours == caffe

    def test_enums(self) -> None:
        caffe: dict[str, dict[str, int]] = defaultdict(dict)
        for row in table("caffe-fields.tsv"):
            name = row["message"].removeprefix("enum ")
            if row["message"].startswith("enum ") and name.split(".")[0] not in ABSENT:
                caffe[name][row["field"]] = int(row["number"])
        ours = {
            name: {value.name: value.number for value in enum.value}
            for name, enum in shipped_enums().items()
        }
        assert ours == caffe
