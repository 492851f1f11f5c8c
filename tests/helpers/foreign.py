"""Files that are neither a net nor a model, each begun as the program that writes it begins it.

Field numbers are those of tensorflow's node_def.proto, meta_graph.proto and saved_model.proto,
caffe2.proto, paddle's framework.proto, coremltools' Model.proto, and onnx.proto.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from typing import Final

import cv2
import numpy as np

from deconvsurgery.caffemodel.forms import Form
from helpers.wire import number, sized


def _zip(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.ones(3))
    return buffer.getvalue()


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((3, 4, 4)))
    return buffer.getvalue()


def _tar(kind: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        info = tarfile.TarInfo("model/deploy.prototxt")
        info.size = 10
        archive.addfile(info, io.BytesIO(b'name: "a"\n'))
    return buffer.getvalue()


def _picture(suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, np.arange(768, dtype=np.uint8).reshape(16, 16, 3))
    assert done
    return bytes(data.tobytes())


def _gif() -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    return head + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\x00;"


def _safetensors() -> bytes:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({"up.weight": entry}, separators=(",", ":")).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def _mat(version: str) -> bytes:
    text = f"MATLAB {version} MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2018"
    return text.encode().ljust(116) + bytes(8) + b"\x00\x01IM" + bytes(400)


def _node(name: bytes, op: bytes, *rest: bytes) -> bytes:
    return sized(1, sized(1, name) + sized(2, op) + b"".join(rest))


_TYPE: Final = sized(5, sized(1, b"dtype") + sized(2, number(6, 1)))
_GRAPH: Final = (
    _node(b"input", b"Placeholder", _TYPE)
    + _node(b"conv1/weights", b"Const", _TYPE, sized(5, sized(1, b"value") + sized(2, bytes(90))))
    + _node(b"conv1/Conv2D", b"Conv2D", sized(3, b"input"), sized(3, b"conv1/weights"))
)
_LARGE: Final = _node(b"w", b"Const", _TYPE, sized(5, sized(1, b"value") + sized(2, bytes(30_000))))
_VERSIONS: Final = sized(4, number(1, 27))
_OPS: Final = sized(
    2, sized(1, sized(1, b"Add") + sized(2, sized(1, b"x") + sized(4, b"T"))) + sized(1, b"\x0a\1B")
)
_META: Final = sized(1, _OPS + sized(4, b"serve") + sized(5, b"1.15.0")) + sized(2, _GRAPH)


def _operator(kind: bytes, argument: bytes) -> bytes:
    inputs = sized(1, b"data") + sized(1, b"conv1_w") + sized(2, b"conv1") + sized(3, b"")
    return sized(2, inputs + sized(4, kind) + sized(5, sized(1, argument) + number(3, 3)))


_FILLS: Final = sized(
    2,
    sized(2, b"conv1_w")
    + sized(4, b"GivenTensorFill")
    + sized(5, sized(1, b"shape") + number(6, 64))
    + sized(5, sized(1, b"values") + bytes(0)),
)

FOREIGN: Final[dict[str, tuple[Form, bytes]]] = {
    "symlink": (Form.SYMLINK, b"../models/deploy.prototxt"),
    "symlink, a sibling": (Form.SYMLINK, b"deploy.prototxt"),
    "symlink, downwards": (Form.SYMLINK, b"models/lenet_iter_10000"),
    "symlink, absolute": (Form.SYMLINK, b"/home/me/My Models/VGG.caffemodel"),
    "symlink, not in ASCII": (Form.SYMLINK, "../模型/up.caffemodel".encode()),
    "symlink of Cygwin": (Form.SYMLINK, b"!<symlink>\xff\xfe" + "../a/b\0".encode("utf-16-le")),
    "shortcut": (
        Form.SHORTCUT,
        struct.pack("<I", 0x4C) + bytes.fromhex("0114020000000000c000000000000046") + bytes(60),
    ),
    "AppleDouble": (
        Form.APPLE_DOUBLE,
        struct.pack(">II", 0x51607, 0x20000) + b"Mac OS X" + bytes(90),
    ),
    "AppleSingle": (Form.APPLE_DOUBLE, struct.pack(">II", 0x51600, 0x20000) + bytes(99)),
    "git-annex": (Form.ANNEX_POINTER, b"/annex/objects/SHA256E-s5--0ab.caffemodel\n"),
    "git-annex, a link": (Form.ANNEX_POINTER, b"../.git/annex/objects/Xk/9m/SHA256E-s5--0ab/SHA"),
    "DVC": (Form.DVC_POINTER, b"outs:\n- md5: 0a1b\n  size: 5\n  path: up.caffemodel\n"),
    "DVC, older": (
        Form.DVC_POINTER,
        b"md5: " + b"0a" * 16 + b"\nouts:\n- md5: 0a1b\n  path: up.caffemodel\n",
    ),
    "JSON": (Form.JSON, b'{"message": "Not Found"}'),
    "JSON, a list": (Form.JSON, b'[\n  {"a": 1}\n]\n'),
    "JSON, empty": (Form.JSON, b"{}\n"),
    "patch": (Form.PATCH, b'{"deconvsurgery_patch": 1}\n\0\1\2'),
    "gzip": (Form.GZIP, gzip.compress(b"a" * 99)),
    "bzip2": (Form.BZIP2, bz2.compress(b"a" * 99)),
    "xz": (Form.XZ, lzma.compress(b"a" * 99)),
    "zstd": (Form.ZSTD, bytes.fromhex("28b52ffd2000010000")),
    "lz4": (Form.LZ4, bytes.fromhex("04224d186440a70000000005")),
    "compress": (Form.COMPRESS, bytes.fromhex("1f9d9061c40a")),
    "tar": (Form.TAR, _tar(tarfile.USTAR_FORMAT)),
    "tar of GNU": (Form.TAR, _tar(tarfile.GNU_FORMAT)),
    "tar, pax": (Form.TAR, _tar(tarfile.PAX_FORMAT)),
    "zip": (Form.ZIP, _zip(("deploy.prototxt", b'name: "a"'))),
    "zip, empty": (Form.ZIP, _zip()),
    "7z": (Form.SEVEN_ZIP, bytes.fromhex("377abcaf271c0004")),
    "RAR": (Form.RAR, b"Rar!\x1a\x07\x01\x00"),
    "pickle": (Form.PICKLE, pickle.dumps({"w": [1.0]}, 4)),
    "npy": (Form.NUMPY, _npy()),
    "npz": (Form.NPZ, _npz()),
    "MAT 5": (Form.MAT, _mat("5.0")),
    "MAT 7.3": (Form.MAT, _mat("7.3") + b"\x89HDF\r\n\x1a\n" + bytes(90)),
    "PyTorch": (
        Form.PYTORCH,
        _zip(("archive/data.pkl", pickle.dumps({}, 2)), ("archive/version", b"3")),
    ),
    "TorchScript": (
        Form.PYTORCH,
        _zip(("net/code/a.py", b"x"), ("net/data.pkl", pickle.dumps({}, 2))),
    ),
    "PyTorch before 1.6": (
        Form.PYTORCH,
        pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2),
    ),
    "safetensors": (Form.SAFETENSORS, _safetensors()),
    "GGUF": (Form.GGUF, b"GGUF" + struct.pack("<IQQ", 3, 1, 0)),
    "ONNX": (Form.ONNX, number(1, 8) + sized(2, b"pytorch") + sized(7, bytes(900))),
    "ONNX Runtime": (Form.ONNX_RUNTIME, struct.pack("<I", 24) + b"ORTM" + bytes(64)),
    "GraphDef": (Form.TF_GRAPH, _GRAPH + _VERSIONS),
    "GraphDef, one node": (Form.TF_GRAPH, _node(b"x", b"NoOp")),
    "GraphDef, large": (Form.TF_GRAPH, _LARGE + _GRAPH),
    "GraphDef, cut": (Form.TF_GRAPH, _LARGE[:20_000]),
    "GraphDef with functions": (Form.TF_GRAPH, _GRAPH + sized(2, sized(1, b"f")) + _VERSIONS),
    "GraphDef as text": (
        Form.TF_GRAPH_TEXT,
        b'node {\n  name: "input"\n  op: "Placeholder"\n}\nversions { producer: 27 }\n',
    ),
    "MetaGraphDef": (Form.TF_META_GRAPH, _META + sized(3, sized(1, b"save/Const:0"))),
    "MetaGraphDef, versioned": (
        Form.TF_META_GRAPH,
        sized(1, sized(1, b"v1") + _OPS) + sized(2, _GRAPH),
    ),
    "SavedModel": (Form.TF_SAVED_MODEL, number(1, 1) + sized(2, _META)),
    "checkpoint's index": (
        Form.TF_CHECKPOINT,
        bytes.fromhex("00000608011a020801") + b"\x00\x05\x0dconv1" + bytes(40),
    ),
    "checkpoint's list": (
        Form.TF_CHECKPOINT_LIST,
        b'model_checkpoint_path: "model.ckpt-1"\nall_model_checkpoint_paths: "model.ckpt-1"\n',
    ),
    "TFLite": (Form.TFLITE, struct.pack("<I", 28) + b"TFL3" + bytes(64)),
    "Keras 3": (
        Form.KERAS,
        _zip(("metadata.json", b'{"keras_version": "3.0"}'), ("config.json", b"{}")),
    ),
    "Caffe2, predict_net": (Form.CAFFE2, sized(1, b"net") + _operator(b"Conv", b"kernel") * 3),
    "Caffe2, init_net": (Form.CAFFE2, sized(1, b"net_init") + _FILLS * 2),
    "Core ML": (
        Form.COREML,
        number(1, 4) + sized(2, sized(1, sized(1, b"image"))) + sized(500, bytes(9000)),
    ),
    "MXNet's parameters": (Form.MXNET_PARAMS, struct.pack("<QQQ", 0x112, 0, 2) + bytes(90)),
    "MXNet's symbol": (Form.MXNET_SYMBOL, b'{\n  "nodes": [\n    {\n      "op": "null", \n'),
    "PaddlePaddle": (
        Form.PADDLE,
        sized(1, number(1, 0) + number(2, -1) + sized(3, sized(1, b"fc_0.w_0"))),
    ),
    "OpenVINO": (Form.OPENVINO, b'<?xml version="1.0" ?>\n<net name="a" version="10">\n</net>\n'),
    "TensorRT": (Form.TENSORRT, b"ftrt" + bytes(60)),
    "ncnn's net": (Form.NCNN_PARAM, b"7767517\n2 2\nInput data 0 1 data 0=3\n"),
    "ncnn's weights": (Form.NCNN_BIN, struct.pack("<I", 0x01306B47) + bytes(60)),
    "Darknet's net": (Form.DARKNET_CFG, b"# yolo\n[net]\nbatch=1\nwidth=416\n\n[convolutional]\n"),
    "Darknet's weights": (
        Form.DARKNET_WEIGHTS,
        struct.pack("<3iQ", 0, 2, 0, 32_013_312) + bytes(96),
    ),
    "Darknet's weights, 2016": (
        Form.DARKNET_WEIGHTS,
        struct.pack("<4i", 0, 1, 0, 32_013_312) + bytes(96),
    ),
    "LMDB": (
        Form.LMDB,
        bytes(10) + struct.pack("<HI", 8, 0) + struct.pack("<II", 0xBEEFC0DE, 1) + bytes(90),
    ),
    "PNG": (Form.PNG, _picture(".png")),
    "JPEG": (Form.JPEG, _picture(".jpg")),
    "BMP": (Form.BMP, _picture(".bmp")),
    "TIFF": (Form.TIFF, _picture(".tiff")),
    "TIFF of Motorola's": (Form.TIFF, b"MM\0*\0\0\0\x08" + bytes(30)),
    "WebP": (Form.WEBP, _picture(".webp")),
    "GIF": (Form.GIF, _gif()),
    "PDF": (Form.PDF, b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + zlib.compress(b"a")),
    "mean": (
        Form.BLOBPROTO,
        number(1, 1) + number(2, 3) + number(3, 2) + number(4, 2) + sized(5, bytes(48)),
    ),
    "mean of C3D": (
        Form.BLOBPROTO,
        b"".join(number(field, 2) for field in range(1, 6)) + sized(6, bytes(128)),
    ),
    "solver state": (Form.SOLVERSTATE, number(1, 5000) + sized(2, b"a.caffemodel") + sized(3, b"")),
    "LFS": (
        Form.LFS_POINTER,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n",
    ),
    "a page": (Form.HTML, b"<!DOCTYPE html>\n<html></html>\n"),
}
"""By name: the form, and the bytes of a file."""
