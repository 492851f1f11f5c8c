"""What random layers are made of: the fields of each of BVLC's types and values for them.

A value may be what Caffe refuses: a share of the nets has to stop. ``FILLER`` and ``SHAPE`` stand
for a message that is drawn, too. Layers that read or write files are not here, nor is Python.
"""

from __future__ import annotations

from typing import Final, NamedTuple

FILLER, SHAPE = "{filler}", "{shape}"


class Field(NamedTuple):
    """A field of a message: how likely it is given, its values (blanks between), how often."""

    name: str
    likely: float
    values: str
    most: int = 1


class Kind(NamedTuple):
    """A type of layer: its message, the fields in it, and how many bottoms and tops it may have."""

    param: str
    fields: tuple[Field, ...] = ()
    bottoms: tuple[int, int] = (1, 1)
    tops: tuple[int, int] = (1, 1)


_AXIS = Field("axis", 0.3, "0 1 1 1 2 -1 -2 3 -4 4 5 -6")
_KERNEL = (
    Field("kernel_size", 0.85, "1 2 2 3 3 3 4 5 0", 2),
    Field("kernel_h", 0.05, "1 2 3 0"),
    Field("kernel_w", 0.05, "1 2 3"),
    Field("stride", 0.4, "1 2 2 3 0", 2),
    Field("stride_h", 0.04, "1 2 0"),
    Field("stride_w", 0.04, "1 2"),
    Field("pad", 0.4, "0 1 1 2 3 7", 2),
    Field("pad_h", 0.04, "0 1"),
    Field("pad_w", 0.04, "0 1"),
)
_OUTPUTS = (
    Field("num_output", 0.97, "1 2 2 3 4 4 6 0"),
    Field("bias_term", 0.4, "true false"),
    Field("weight_filler", 0.4, FILLER),
    Field("bias_filler", 0.3, FILLER),
)
_CONVOLUTION = (
    *_OUTPUTS,
    *_KERNEL,
    Field("group", 0.3, "1 1 2 3 0"),
    Field("dilation", 0.15, "1 2 2 3 0", 2),
    Field("axis", 0.08, "0 1 2 -1 -2 -3 4"),
    Field("force_nd_im2col", 0.1, "true false"),
    Field("engine", 0.1, "DEFAULT CAFFE CAFFE CAFFE CAFFE CUDNN"),
)
_LOSS = (
    Field("ignore_label", 0.3, "255 -1"),
    Field("normalize", 0.2, "true false"),
    Field("normalization", 0.2, "FULL VALID BATCH_SIZE NONE"),
)
_SOFTMAX = (
    Field("axis", 0.2, "0 1 1 2 -1 -4 4"),
    Field("engine", 0.1, "CAFFE CAFFE DEFAULT DEFAULT CAFFE CUDNN"),
)
_NEURON = Kind("")
_EXPONENT = (
    Field("base", 0.3, "2 10 -1 0 0.5"),
    Field("scale", 0.3, "1 0 -2"),
    Field("shift", 0.3, "0 1"),
)
_RECURRENT = Kind(
    "recurrent_param",
    (
        Field("num_output", 0.97, "1 2 3 0"),
        Field("weight_filler", 0.4, FILLER),
        Field("bias_filler", 0.3, FILLER),
        Field("expose_hidden", 0.2, "true false"),
        Field("debug_info", 0.1, "true false"),
    ),
    (2, 3),
)
_PARTED = (Field("axis", 0.5, "0 1 1 2 3 -1 -2 4 -5"),)

KINDS: Final = {
    "AbsVal": _NEURON,
    "Accuracy": Kind(
        "accuracy_param",
        (
            Field("top_k", 0.3, "1 2 5 0"),
            Field("axis", 0.2, "0 1 1 2 -1 4"),
            Field("ignore_label", 0.2, "255 0"),
        ),
        (2, 2),
        (1, 2),
    ),
    "ArgMax": Kind(
        "argmax_param",
        (
            Field("out_max_val", 0.4, "true false"),
            Field("top_k", 0.4, "1 1 2 3 0 50"),
            Field("axis", 0.4, "0 1 1 2 -1 4 -5"),
        ),
    ),
    "BNLL": _NEURON,
    "BatchNorm": Kind(
        "batch_norm_param",
        (
            Field("use_global_stats", 0.3, "true false"),
            Field("moving_average_fraction", 0.2, "0.9"),
            Field("eps", 0.2, "1e-3"),
        ),
    ),
    "BatchReindex": Kind("", (), (2, 2)),
    "Bias": Kind(
        "bias_param",
        (
            _AXIS,
            Field("num_axes", 0.4, "0 1 1 2 -1 -2 3 5"),
            Field("filler", 0.3, FILLER),
        ),
        (1, 2),
    ),
    "Clip": Kind("clip_param", (Field("min", 0.99, "0 -1"), Field("max", 0.99, "1 6 -2"))),
    "Concat": Kind("concat_param", (*_PARTED, Field("concat_dim", 0.08, "0 1 1 2 -1 4")), (1, 3)),
    "ContrastiveLoss": Kind(
        "contrastive_loss_param",
        (Field("margin", 0.4, "1 2"), Field("legacy_version", 0.2, "true")),
        (3, 3),
    ),
    "Convolution": Kind("convolution_param", _CONVOLUTION),
    "Crop": Kind(
        "crop_param",
        (
            Field("axis", 0.5, "0 1 2 2 2 3 -1 -2 4 -5"),
            Field("offset", 0.5, "0 0 1 1 2 4", 3),
        ),
        (2, 2),
    ),
    "Deconvolution": Kind("convolution_param", _CONVOLUTION),
    "Dropout": Kind(
        "dropout_param",
        (Field("dropout_ratio", 0.6, "0.5 0.5 0.1 0.9 0.3 0.2 0.4 0.6 0.7 0.8 0.25 0.75 0 2"),),
    ),
    "DummyData": Kind(
        "dummy_data_param",
        (
            Field("shape", 0.8, SHAPE, 3),
            Field("data_filler", 0.5, FILLER, 3),
            Field("num", 0.08, "1 2", 2),
            Field("channels", 0.08, "1 2", 2),
            Field("height", 0.08, "3 4", 2),
            Field("width", 0.08, "3 4", 2),
        ),
        (0, 0),
        (1, 2),
    ),
    "ELU": Kind("elu_param", (Field("alpha", 0.4, "1 0.5 -1"),)),
    "Eltwise": Kind(
        "eltwise_param",
        (
            Field("operation", 0.5, "PROD SUM SUM MAX"),
            Field("coeff", 0.2, "1 -1 0.5", 3),
            Field("stable_prod_grad", 0.1, "true false"),
        ),
        (2, 3),
    ),
    "Embed": Kind("embed_param", (*_OUTPUTS, Field("input_dim", 0.95, "1 2 5 0"))),
    "EuclideanLoss": Kind("loss_param", _LOSS, (2, 2)),
    "Exp": Kind("exp_param", _EXPONENT),
    "Filter": Kind("", (), (2, 3), (1, 2)),
    "Flatten": Kind("flatten_param", (_AXIS, Field("end_axis", 0.4, "-1 -1 0 1 2 3 -2 -3 4 -5"))),
    "HingeLoss": Kind("hinge_loss_param", (Field("norm", 0.4, "L1 L2"),), (2, 2)),
    "Im2col": Kind(
        "convolution_param",
        (
            *_KERNEL,
            Field("dilation", 0.15, "1 2 0", 2),
            Field("axis", 0.1, "0 1 2 -1 -3 4"),
            Field("force_nd_im2col", 0.1, "true false"),
        ),
    ),
    "InfogainLoss": Kind(
        "infogain_loss_param", (Field("axis", 0.2, "0 1 1 2 -1 4"),), (2, 3), (1, 2)
    ),
    "InnerProduct": Kind(
        "inner_product_param", (*_OUTPUTS, _AXIS, Field("transpose", 0.2, "true false"))
    ),
    "Input": Kind("input_param", (Field("shape", 0.9, SHAPE, 2),), (0, 0), (1, 2)),
    "LRN": Kind(
        "lrn_param",
        (
            Field("local_size", 0.7, "1 3 3 5 5 2 4 0"),
            Field("norm_region", 0.5, "ACROSS_CHANNELS WITHIN_CHANNEL"),
            Field("alpha", 0.2, "0.5"),
            Field("beta", 0.2, "0.75"),
            Field("k", 0.1, "1 2"),
            Field("engine", 0.1, "CAFFE CAFFE DEFAULT DEFAULT CAFFE CUDNN"),
        ),
    ),
    "LSTM": _RECURRENT,
    "LSTMUnit": Kind("", (), (3, 3), (2, 2)),
    "Log": Kind("log_param", _EXPONENT),
    "MVN": Kind(
        "mvn_param",
        (
            Field("normalize_variance", 0.3, "true false"),
            Field("across_channels", 0.3, "true false"),
            Field("eps", 0.1, "1e-9"),
        ),
    ),
    "MemoryData": Kind(
        "memory_data_param",
        (
            Field("batch_size", 0.93, "1 2 4 0"),
            Field("channels", 0.93, "1 3"),
            Field("height", 0.93, "5 8"),
            Field("width", 0.93, "5 8"),
        ),
        (0, 0),
        (2, 2),
    ),
    "MultinomialLogisticLoss": Kind("loss_param", _LOSS, (2, 2)),
    "PReLU": Kind(
        "prelu_param", (Field("channel_shared", 0.4, "true false"), Field("filler", 0.3, FILLER))
    ),
    "Parameter": Kind("parameter_param", (Field("shape", 0.9, SHAPE),), (0, 0)),
    "Pooling": Kind(
        "pooling_param",
        (
            *(field._replace(most=1) for field in _KERNEL),
            Field("pool", 0.6, "MAX MAX AVE STOCHASTIC"),
            Field("global_pooling", 0.15, "true true false"),
            Field("round_mode", 0.15, "CEIL FLOOR"),
            Field("engine", 0.1, "CAFFE CAFFE DEFAULT DEFAULT CAFFE CUDNN"),
        ),
        (1, 1),
        (1, 2),
    ),
    "Power": Kind("power_param", (*_EXPONENT[1:], Field("power", 0.4, "1 2 0 -1 0.5"))),
    "RNN": _RECURRENT,
    "ReLU": Kind("relu_param", (Field("negative_slope", 0.3, "0 0.1 -1"),)),
    "Reduction": Kind(
        "reduction_param",
        (
            Field("operation", 0.6, "SUM ASUM SUMSQ MEAN"),
            Field("axis", 0.5, "0 1 2 3 -1 -2 4 -5"),
            Field("coeff", 0.2, "1 0 2"),
        ),
    ),
    "Reshape": Kind(
        "reshape_param",
        (
            Field("shape", 0.9, "{reshape}"),
            Field("axis", 0.25, "0 1 2 -1 -2 -3 4 5 -6"),
            Field("num_axes", 0.25, "-1 0 1 2 3 -2 5"),
        ),
    ),
    "SPP": Kind(
        "spp_param",
        (Field("pyramid_height", 0.95, "1 2 2 3 3 4 0"), Field("pool", 0.4, "MAX AVE STOCHASTIC")),
    ),
    "Scale": Kind(
        "scale_param",
        (
            _AXIS,
            Field("num_axes", 0.4, "0 1 1 2 -1 -2 3 5"),
            Field("filler", 0.3, FILLER),
            Field("bias_term", 0.4, "true true false"),
            Field("bias_filler", 0.3, FILLER),
        ),
        (1, 2),
    ),
    "Sigmoid": Kind(
        "sigmoid_param", (Field("engine", 0.1, "CAFFE CAFFE DEFAULT DEFAULT CAFFE CUDNN"),)
    ),
    "SigmoidCrossEntropyLoss": Kind("loss_param", _LOSS, (2, 2)),
    "Silence": Kind("", (), (1, 2), (0, 0)),
    "Slice": Kind(
        "slice_param",
        (
            *_PARTED,
            Field("slice_dim", 0.08, "0 1 1 2 -1 4"),
            Field("slice_point", 0.5, "1 1 2 2 3 4 0", 2),
        ),
        (1, 1),
        (1, 4),
    ),
    "Softmax": Kind("softmax_param", _SOFTMAX),
    "SoftmaxWithLoss": Kind("softmax_param", _SOFTMAX, (2, 2), (1, 2)),
    "Split": Kind("", (), (1, 1), (1, 3)),
    "Swish": Kind("swish_param", (Field("beta", 0.4, "1 2"),)),
    "TanH": Kind("tanh_param", (Field("engine", 0.1, "CAFFE CAFFE DEFAULT DEFAULT CAFFE CUDNN"),)),
    "Threshold": Kind("threshold_param", (Field("threshold", 0.4, "0 0.5"),)),
    "Tile": Kind("tile_param", (_AXIS, Field("tiles", 0.95, "1 2 2 3 0 -1"))),
}
"""BVLC master's types, but those that need a file or code."""

LOSSES: Final = frozenset(
    {"ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss", "MultinomialLogisticLoss"}
    | {"SigmoidCrossEntropyLoss", "SoftmaxWithLoss"}
)

# V1's name of a type, where it is not the type in capitals.
V1_NAMES: Final = {
    "AbsVal": "ABSVAL",
    "ArgMax": "ARGMAX",
    "ContrastiveLoss": "CONTRASTIVE_LOSS",
    "DummyData": "DUMMY_DATA",
    "EuclideanLoss": "EUCLIDEAN_LOSS",
    "HingeLoss": "HINGE_LOSS",
    "InfogainLoss": "INFOGAIN_LOSS",
    "InnerProduct": "INNER_PRODUCT",
    "MemoryData": "MEMORY_DATA",
    "MultinomialLogisticLoss": "MULTINOMIAL_LOGISTIC_LOSS",
    "SigmoidCrossEntropyLoss": "SIGMOID_CROSS_ENTROPY_LOSS",
    "SoftmaxWithLoss": "SOFTMAX_LOSS",
    **{
        name: name.upper()
        for name in (
            *("Accuracy", "BNLL", "Concat", "Convolution", "Deconvolution", "Dropout", "Eltwise"),
            *("Exp", "Flatten", "Im2col", "LRN", "MVN", "Pooling", "Power", "ReLU", "Sigmoid"),
            *("Silence", "Slice", "Softmax", "Split", "TanH", "Threshold"),
        )
    },
}
"""The types that V1 has (Clip's era came later, and so did most)."""
