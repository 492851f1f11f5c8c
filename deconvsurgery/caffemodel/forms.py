"""What a file may be: a name for each form, and what is said of it where it is not wanted."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Form(StrEnum):
    """What a file holds; BINARY is anything that may be a NetParameter, or may be not known."""

    BINARY = "binary"
    EMPTY = "empty"
    HDF5 = "hdf5"
    TEXT = "text"

    # Caffe's other files
    SOLVERSTATE = "solverstate"
    BLOBPROTO = "blobproto"
    LMDB = "lmdb"

    # what stands in a file's place
    LFS_POINTER = "lfs-pointer"
    ANNEX_POINTER = "annex-pointer"
    DVC_POINTER = "dvc-pointer"
    SYMLINK = "symlink"
    SHORTCUT = "shortcut"
    APPLE_DOUBLE = "apple-double"
    HTML = "html"
    JSON = "json"
    PATCH = "patch"

    # archives
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    LZ4 = "lz4"
    COMPRESS = "compress"
    TAR = "tar"
    ZIP = "zip"
    SEVEN_ZIP = "7z"
    RAR = "rar"

    # arrays, and what other frameworks write
    PICKLE = "pickle"
    NUMPY = "numpy"
    NPZ = "npz"
    MAT = "mat"
    PYTORCH = "pytorch"
    SAFETENSORS = "safetensors"
    GGUF = "gguf"
    ONNX = "onnx"
    ONNX_RUNTIME = "onnx-runtime"
    TF_GRAPH = "tensorflow-graph"
    TF_GRAPH_TEXT = "tensorflow-graph-text"
    TF_META_GRAPH = "tensorflow-meta-graph"
    TF_SAVED_MODEL = "tensorflow-saved-model"
    TF_CHECKPOINT = "tensorflow-checkpoint"
    TF_CHECKPOINT_LIST = "tensorflow-checkpoint-list"
    TFLITE = "tflite"
    KERAS = "keras"
    CAFFE2 = "caffe2"
    COREML = "coreml"
    MXNET_PARAMS = "mxnet-params"
    MXNET_SYMBOL = "mxnet-symbol"
    PADDLE = "paddle"
    OPENVINO = "openvino"
    TENSORRT = "tensorrt"
    NCNN_PARAM = "ncnn-param"
    NCNN_BIN = "ncnn-bin"
    DARKNET_CFG = "darknet-cfg"
    DARKNET_WEIGHTS = "darknet-weights"

    # pictures and documents
    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tiff"
    WEBP = "webp"
    PDF = "pdf"


OURS: Final = frozenset({Form.BINARY, Form.HDF5, Form.TEXT})
"""The forms of a net or a model; every other is named for what it is."""

_SAID: Final[dict[Form, tuple[str, str]]] = {
    Form.BINARY: (
        "is a binary file, not text",
        "if it holds the weights, net and model may be the wrong way round",
    ),
    Form.EMPTY: (
        "is empty",
        "a download may have failed, or a run was cut short: fetch the file again",
    ),
    Form.HDF5: (
        "is an HDF5 file",
        "if it is a .caffemodel.h5, name it where the model is expected, not the net",
    ),
    Form.LFS_POINTER: (
        "is a Git LFS pointer, not the file itself",
        "run `git lfs pull` in its repository, or download the file itself",
    ),
    Form.HTML: (
        "is a web page, not a model or a net",
        "the download got the page around the file: look for its raw or direct link",
    ),
    Form.TEXT: (
        "is text, not weights",
        "a prototxt holds no weights: is the .caffemodel meant, or are the two files the wrong way "
        "round?",
    ),
    Form.GZIP: ("is compressed with gzip", "unpack it first: `gunzip` or `tar -xzf`"),
    Form.ZIP: (
        "is a ZIP archive (.zip, NumPy .npz or PyTorch), not a Caffe model",
        "if a Caffe model is inside, unpack it first: `unzip`",
    ),
    Form.PICKLE: (
        "is a Python pickle (as older PyTorch files are), not a Caffe model",
        "convert it to a caffemodel first, with the tool for the framework that wrote it",
    ),
    Form.NUMPY: (
        "is a NumPy array file, not a Caffe model",
        "convert it to a caffemodel first, with the tool that wrote it",
    ),
    Form.ONNX: (
        "is an ONNX model, not a Caffe model",
        "convert it to a caffemodel first",
    ),
    Form.SOLVERSTATE: (
        "is a solver state: what training resumes from, without the weights",
        "use the .caffemodel that was saved next to it, at the same iteration",
    ),
    Form.BLOBPROTO: (
        "is a single blob, as mean files (.binaryproto) are, not a model",
        "use the .caffemodel",
    ),
    Form.LMDB: (
        "is an LMDB database, as training data is kept in, not a Caffe model",
        "use the .caffemodel, or the .prototxt",
    ),
    Form.ANNEX_POINTER: (
        "is a git-annex pointer, not the file itself",
        "run `git annex get` in its repository, or download the file itself",
    ),
    Form.DVC_POINTER: (
        "is a DVC file that stands for the data, not the file itself",
        "run `dvc pull` in its repository, and name the file beside it",
    ),
    Form.SYMLINK: (
        "is a symbolic link that was written out as text, as Git does without core.symlinks",
        "name the file that it leads to",
    ),
    Form.SHORTCUT: ("is a Windows shortcut, not the file itself", "name the file that it leads to"),
    Form.APPLE_DOUBLE: (
        "is what macOS keeps beside a file (AppleDouble), not the file itself",
        "name the file without ._ before its name",
    ),
    Form.JSON: (
        "is JSON, not a model or a net",
        "if a server answered with it, the download failed: fetch the file again",
    ),
    Form.PATCH: (
        "is a patch that undoes a change, not a model or a net",
        "`revert` takes it",
    ),
}
_UNPACKED_BY: Final[dict[Form, tuple[str, str]]] = {
    Form.BZIP2: ("is compressed with bzip2", "`bunzip2` or `tar -xjf`"),
    Form.XZ: ("is compressed with xz", "`unxz` or `tar -xJf`"),
    Form.ZSTD: ("is compressed with Zstandard", "`unzstd` or `tar --zstd -xf`"),
    Form.LZ4: ("is compressed with LZ4", "`unlz4`"),
    Form.COMPRESS: ("is compressed with compress (.Z)", "`gunzip` or `tar -xZf`"),
    Form.TAR: ("is a tar archive", "`tar -xf`"),
    Form.SEVEN_ZIP: ("is a 7z archive", "`7z x`"),
    Form.RAR: ("is a RAR archive", "`unrar x`"),
}
_OTHERS: Final[dict[Form, str]] = {
    Form.NPZ: "a NumPy archive of arrays (.npz)",
    Form.MAT: "a MATLAB file (.mat)",
    Form.PYTORCH: "a PyTorch file",
    Form.SAFETENSORS: "a safetensors file",
    Form.GGUF: "a GGUF file, as llama.cpp reads",
    Form.ONNX_RUNTIME: "an ONNX Runtime model (.ort)",
    Form.TF_GRAPH: "a TensorFlow graph (GraphDef)",
    Form.TF_GRAPH_TEXT: "a TensorFlow graph as text (GraphDef)",
    Form.TF_META_GRAPH: "a TensorFlow graph (MetaGraphDef, the .meta of a checkpoint)",
    Form.TF_SAVED_MODEL: "a TensorFlow SavedModel",
    Form.TF_CHECKPOINT: "the index of a TensorFlow checkpoint",
    Form.TF_CHECKPOINT_LIST: "TensorFlow's list of checkpoints",
    Form.TFLITE: "a TensorFlow Lite model",
    Form.KERAS: "a Keras model",
    Form.CAFFE2: "a Caffe2 net (NetDef)",
    Form.COREML: "a Core ML model",
    Form.MXNET_PARAMS: "an MXNet file of parameters",
    Form.MXNET_SYMBOL: "an MXNet symbol",
    Form.PADDLE: "a PaddlePaddle program",
    Form.OPENVINO: "an OpenVINO model",
    Form.TENSORRT: "a TensorRT engine",
    Form.NCNN_PARAM: "an ncnn net (.param)",
    Form.NCNN_BIN: "an ncnn file of weights (.bin)",
    Form.DARKNET_CFG: "a Darknet net (.cfg)",
    Form.DARKNET_WEIGHTS: "a Darknet file of weights",
}
_PICTURES: Final[dict[Form, str]] = {
    Form.PNG: "a PNG picture",
    Form.JPEG: "a JPEG picture",
    Form.GIF: "a GIF picture",
    Form.BMP: "a BMP picture",
    Form.TIFF: "a TIFF picture",
    Form.WEBP: "a WebP picture",
    Form.PDF: "a PDF document",
}


def described(form: Form) -> tuple[str, str]:
    """Say in words what the file is (to follow its name), and what to do where it will not do.

    >>> described(Form.PNG)
    ('is a PNG picture, not a model or a net', 'name the .prototxt or the .caffemodel')
    """
    if form in _UNPACKED_BY:
        message, command = _UNPACKED_BY[form]
        return message, f"unpack it first: {command}"
    if form in _OTHERS:
        return (
            f"is {_OTHERS[form]}, not a Caffe model",
            "convert it to a caffemodel first, with a tool that reads it",
        )
    if form in _PICTURES:
        return (
            f"is {_PICTURES[form]}, not a model or a net",
            "name the .prototxt or the .caffemodel",
        )
    return _SAID[form]
