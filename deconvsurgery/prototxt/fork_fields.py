"""Fields that forks of Caffe added to its messages: not Caffe's, and not misspellings either."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# What forks added to ConvolutionParameter: not Caffe's, and not a misspelling either.
FORK_CONVOLUTION_FIELDS: Final = frozenset(
    {
        # DeepLab: dilation before Caffe had it
        *("hole", "hole_h", "hole_w"),
        # ParseNet, the same
        *("filter_stride", "filter_stride_h", "filter_stride_w"),
        # NVIDIA
        *("conv_algos_override", "cudnn_convolution_algo_seeker"),
        # Intel
        *("coeff", "conv_algorithm", "fusion_type", "negative_slope", "relu"),
        # BVLC's opencl branch
        *("eltwise_param", "fuse_type", "relu_param"),
        # happynear, Synopsys
        "shape_offset",
        # Synopsys
        *("dis_mode", "gen_mode", "submanifold_sparse", "weight_fixed"),
        *("pad_b", "pad_l", "pad_r", "pad_t", "pad_type"),
        *("input_scale", "output_scale", "weight_scale", "saturate", "quantize_method"),
        *("input_zero_point", "output_zero_point", "weight_zero_point"),
        *("per_channel_scale_output", "per_channel_scale_weight"),
    }
)

# What a layer of a fork's own type has in convolution_param beside all that.
FORK_LAYER_FIELDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        # video-caffe
        **dict.fromkeys(
            ("NdConvolution", "DepthwiseNdConvolution"),
            frozenset({"kernel_shape", "pad_shape", "stride_shape"}),
        ),
        # C3D 1.0
        **dict.fromkeys(
            ("CONVOLUTION3D", "DECONVOLUTION3D"),
            frozenset({"filter_group", "kernel_depth", "temporal_pad", "temporal_stride"}),
        ),
    }
)

# The types whose fields these are in Caffe; what another type of a fork's reads is its own.
CONVOLUTION_TYPES: Final = frozenset(
    {"Convolution", "Deconvolution", "DepthwiseConvolution", "Im2col"}
)

# Synopsys has these in several messages.
_SCALES: Final = frozenset(
    {"input_scale", "output_scale", "input_zero_point", "output_zero_point"}
    | {"quantize_method", "saturate"}
)

# Messages of which the fields of forks are known: any other is a misspelling.
FORK_FIELDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        # Intel, NVIDIA, happynear, ICNet, OpenCV
        "BatchNormParameter": frozenset(
            {"add_eps_before_sqrt", "bias_filler", "bias_term", "disable_mean", "disable_variance"}
            | {"engine", "filler", "fused_relu", "icnet", "relu", "scale_bias", "scale_filler"}
            | {"stats_batch_size", "update_global_stats", "use_weight_bias"}
        ),
        # Intel, Synopsys
        "ConcatParameter": _SCALES | {"engine", "per_fla_fuse"},
        # DeepLab's older releases, NVIDIA, happynear
        "DropoutParameter": frozenset(
            {"engine", "random_seed", "sample_weights_test", "scale_train", "sqrt_scale"}
        ),
        # Intel, Synopsys
        "EltwiseParameter": _SCALES | {"axis", "engine"},
        # Intel, NVIDIA, happynear, Synopsys
        "InnerProductParameter": _SCALES
        | {"dis_mode", "engine", "gen_mode", "negative_slope", "normalize", "relu"}
        | {"weight_fixed", "weight_scale", "weight_zero_point"},
        # BVLC's opencl branch, Intel, NVIDIA, Synopsys, happynear, SegNet; C3D, video-caffe
        "PoolingParameter": _SCALES
        | {"avg_include_pad", "axis", "bin_h", "bin_size", "bin_w", "blobs_a_min", "blobs_lr"}
        | {"ceil_mode", "dilation", "kernel_size_3d", "output_shift_instead_division", "pad_3d"}
        | {"pad_b", "pad_l", "pad_r", "pad_t", "pad_type", "stride_3d", "torch_pooling"}
        | {"kernel_d", "pad_d", "stride_d", "kernel_depth", "temporal_pad", "temporal_stride"}
        | {"kernel_shape", "pad_shape", "stride_shape"},
        # Synopsys; num, channels, height and width were Caffe's own for a while
        "ReshapeParameter": frozenset({"pixelshuffler", "num", "channels", "height", "width"}),
        "SliceParameter": frozenset(),
        "TileParameter": frozenset(),
        "ConvolutionParameter": FORK_CONVOLUTION_FIELDS,
        # FlowNet2's and Synopsys' diag_val, Intel's scale, happynear's alpha
        "FillerParameter": frozenset({"alpha", "diag_val", "scale"}),
        "NetStateRule": frozenset(),
        "ParamSpec": frozenset(),
    }
)
