"""What Caffe's format calls things: messages, field numbers, type names, blob storage kinds.

Data only. Field numbers are plain ints, as they are compared at every field of a file; enums are
those whose names are said.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

PACKAGE: Final = "deconvsurgery"
DESCRIPTORS: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "caffe.desc")


class NetField:
    """Numbers of ``NetParameter``."""

    NAME: Final = 1
    LAYERS: Final = 2
    INPUT: Final = 3
    LAYER: Final = 100


class LayerField:
    """Numbers of ``LayerParameter``, the V2 layer."""

    NAME: Final = 1
    TYPE: Final = 2
    BOTTOM: Final = 3
    TOP: Final = 4
    PARAM: Final = 6
    BLOBS: Final = 7
    CONVOLUTION_PARAM: Final = 106
    INNER_PRODUCT_PARAM: Final = 117


class ParamField:
    """Numbers of ``ParamSpec``."""

    NAME: Final = 1


class V1LayerField:
    """Numbers of ``V1LayerParameter``; ``LAYER`` holds a V0 layer."""

    LAYER: Final = 1
    BOTTOM: Final = 2
    TOP: Final = 3
    NAME: Final = 4
    TYPE: Final = 5
    BLOBS: Final = 6
    CONVOLUTION_PARAM: Final = 10
    INNER_PRODUCT_PARAM: Final = 17
    PARAM: Final = 1001


class V0LayerField:
    """Numbers of ``V0LayerParameter``."""

    NAME: Final = 1
    TYPE: Final = 2
    BLOBS: Final = 50


class BlobField(IntEnum):
    """Numbers of ``BlobProto``.

    The ``RAW`` ones are NVIDIA's (caffe-0.16 and 0.17; OpenCV reads 10 and 12). BVLC's opencl
    branch gives 10 to 13 to ``shape_stride``, ``packed_data``, ``packed_diff``, ``data_type``:
    there 10 is a message and 11 bytes, where NVIDIA's two are varints.
    """

    NUM = 1
    CHANNELS = 2
    HEIGHT = 3
    WIDTH = 4
    DATA = 5
    DIFF = 6
    SHAPE = 7
    DOUBLE_DATA = 8
    DOUBLE_DIFF = 9
    RAW_DATA_TYPE = 10
    RAW_DIFF_TYPE = 11
    RAW_DATA = 12
    RAW_DIFF = 13


class C3DBlobField:
    """Numbers of ``BlobProto`` in C3D 1.0 (its ``src/caffe/proto/caffe.proto``).

    Caffe never writes a varint under 5, where it has ``data``: that is how C3D's are known.
    """

    NUM: Final = 1
    CHANNELS: Final = 2
    LENGTH: Final = 3
    HEIGHT: Final = 4
    WIDTH: Final = 5
    DATA: Final = 6
    DIFF: Final = 7


class BlobShapeField:
    """Numbers of ``BlobShape``."""

    DIM: Final = 1


class RawType(IntEnum):
    """NVIDIA's ``Type``: what the bytes of ``raw_data`` are."""

    DOUBLE = 0
    FLOAT = 1
    FLOAT16 = 2
    INT = 3
    UINT = 4
    BOOL = 5


# V1's enum: number, name, and the V2 type that UpgradeV1LayerType makes of it.
_V1_LAYER_TYPES: Final = (
    (0, "NONE", ""),
    (1, "ACCURACY", "Accuracy"),
    (2, "BNLL", "BNLL"),
    (3, "CONCAT", "Concat"),
    (4, "CONVOLUTION", "Convolution"),
    (5, "DATA", "Data"),
    (6, "DROPOUT", "Dropout"),
    (7, "EUCLIDEAN_LOSS", "EuclideanLoss"),
    (8, "FLATTEN", "Flatten"),
    (9, "HDF5_DATA", "HDF5Data"),
    (10, "HDF5_OUTPUT", "HDF5Output"),
    (11, "IM2COL", "Im2col"),
    (12, "IMAGE_DATA", "ImageData"),
    (13, "INFOGAIN_LOSS", "InfogainLoss"),
    (14, "INNER_PRODUCT", "InnerProduct"),
    (15, "LRN", "LRN"),
    (16, "MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"),
    (17, "POOLING", "Pooling"),
    (18, "RELU", "ReLU"),
    (19, "SIGMOID", "Sigmoid"),
    (20, "SOFTMAX", "Softmax"),
    (21, "SOFTMAX_LOSS", "SoftmaxWithLoss"),
    (22, "SPLIT", "Split"),
    (23, "TANH", "TanH"),
    (24, "WINDOW_DATA", "WindowData"),
    (25, "ELTWISE", "Eltwise"),
    (26, "POWER", "Power"),
    (27, "SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"),
    (28, "HINGE_LOSS", "HingeLoss"),
    (29, "MEMORY_DATA", "MemoryData"),
    (30, "ARGMAX", "ArgMax"),
    (31, "THRESHOLD", "Threshold"),
    (32, "DUMMY_DATA", "DummyData"),
    (33, "SLICE", "Slice"),
    (34, "MVN", "MVN"),
    (35, "ABSVAL", "AbsVal"),
    (36, "SILENCE", "Silence"),
    (37, "CONTRASTIVE_LOSS", "ContrastiveLoss"),
    (38, "EXP", "Exp"),
    (39, "DECONVOLUTION", "Deconvolution"),
)

V1_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {name: type_ for _, name, type_ in _V1_LAYER_TYPES}
)
V1_NUMBERS: Final[Mapping[int, str]] = MappingProxyType(
    {number: type_ for number, _, type_ in _V1_LAYER_TYPES}
)

LAYER_TYPES: Final = frozenset(
    {type_ for _, _, type_ in _V1_LAYER_TYPES if type_}
    | {"BatchNorm", "BatchReindex", "Bias", "Clip", "Crop", "ELU", "Embed", "Filter", "Input"}
    | {"LSTM", "LSTMUnit", "Log", "PReLU", "Parameter", "Python", "RNN", "Reduction", "Reshape"}
    | {"SPP", "Scale", "Swish", "Tile"}
)
"""The types that BVLC's Caffe has (``REGISTER_LAYER_CLASS``)."""

# C3D 1.0 left Caffe when the enum ended at 29; what it added has today's numbers of other types.
_FIRST_OF_C3D: Final = 30
_C3D_TYPES: Final = {30: "CONVOLUTION3D", 31: "POOLING3D", 34: "DECONVOLUTION3D"}
C3D_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        type_: _C3D_TYPES.get(number, f"V1 type {number}")
        for number, _, type_ in _V1_LAYER_TYPES
        if number >= _FIRST_OF_C3D
    }
)
"""What a V1 type of Caffe's is in a file of C3D 1.0; the other types have the same numbers."""
C3D_OWN_TYPES: Final = frozenset(_C3D_TYPES.values())

# Names that forks added to V1's enum, as nets spell them. By name only: from 40 on every fork
# counts for itself (41 is PARSE_OUTPUT in ParseNet and LOCAL in happynear's).
FORK_V1_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BATCH_NORM": "BatchNorm",
        "BN": "BN",
        "CROP": "Crop",
        "ELTWISE_ACCURACY": "EltwiseAccuracy",
        "ELTWISE_AFFINE": "EltwiseAffine",
        "IMAGE_SEG_DATA": "ImageSegData",
        "INSANITY": "Insanity",
        "INTERP": "Interp",
        "LOCAL": "Local",
        "MAT_WRITE": "MatWrite",
        "MULTI_STAGE_MEANFIELD": "MultiStageMeanfield",
        "NORMALIZE": "Normalize",
        "PARSE_EVALUATE": "ParseEvaluate",
        "PARSE_OUTPUT": "ParseOutput",
        "PRELU": "PReLU",
        "RESHAPE": "Reshape",
        "ROIPOOLING": "ROIPooling",
        "SMOOTH_L1_LOSS": "SmoothL1Loss",
        "TRIPLET_LOSS": "TripletLoss",
        "UNPOOLING": "UnPooling",
        "UPSAMPLE": "Upsample",
        "WINDOW_SEG_DATA": "WindowSegData",
    }
)

# V0's type string and the V1 name that UpgradeV0LayerType makes of it. "padding" is absent:
# the upgrade has removed such layers by then.
V0_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accuracy": "ACCURACY",
        "bnll": "BNLL",
        "concat": "CONCAT",
        "conv": "CONVOLUTION",
        "data": "DATA",
        "dropout": "DROPOUT",
        "euclidean_loss": "EUCLIDEAN_LOSS",
        "flatten": "FLATTEN",
        "hdf5_data": "HDF5_DATA",
        "hdf5_output": "HDF5_OUTPUT",
        "im2col": "IM2COL",
        "images": "IMAGE_DATA",
        "infogain_loss": "INFOGAIN_LOSS",
        "innerproduct": "INNER_PRODUCT",
        "lrn": "LRN",
        "multinomial_logistic_loss": "MULTINOMIAL_LOGISTIC_LOSS",
        "pool": "POOLING",
        "relu": "RELU",
        "sigmoid": "SIGMOID",
        "softmax": "SOFTMAX",
        "softmax_loss": "SOFTMAX_LOSS",
        "split": "SPLIT",
        "tanh": "TANH",
        "window_data": "WINDOW_DATA",
    }
)

# Fields that Caffe has once and a fork repeats: BVLC's opencl branch gives a value for each axis.
# (Its other repeated fields, ``dilation`` here and ``dim`` of memory_data_param, Caffe lacks.)
FORK_REPEATED_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"PoolingParameter": ("kernel_size", "stride", "pad")}
)


@cache
def _pool() -> DescriptorPool:
    # A pool of our own: the default one belongs to the process, and pycaffe may be in it.
    from google.protobuf import descriptor_pb2, descriptor_pool

    pool = descriptor_pool.DescriptorPool()
    with open(DESCRIPTORS, "rb") as compiled:
        files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read()).file
    for file in files:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


@cache
def message_class(name: str) -> type[Message]:
    r"""The class of a message in ``proto/caffe.proto``; ``KeyError`` when it has none of that name.

    >>> net = message_class("NetParameter")(name="fcn")
    >>> net.SerializeToString()
    b'\n\x03fcn'
    """
    from google.protobuf import message_factory

    descriptor = _pool().FindMessageTypeByName(f"{PACKAGE}.{name}")
    return message_factory.GetMessageClass(descriptor)
