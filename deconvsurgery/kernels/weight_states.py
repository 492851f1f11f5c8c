"""What weights can be found to be, by name."""

from __future__ import annotations

from enum import StrEnum


class WeightState(StrEnum):
    """What the weights of a Deconvolution are."""

    MISSING = "missing"
    ZERO = "zero"
    CONSTANT = "constant"
    BILINEAR = "bilinear"
    BILINEAR_CAFFE_1_0 = "bilinear-caffe-1.0"
    BILINEAR_EVERY_PAIR = "bilinear-every-pair"
    BILINEAR_OFF_DIAGONAL = "bilinear-off-diagonal"
    NEAREST = "nearest"
    NEAR_BILINEAR = "near-bilinear"
    NOT_FINITE = "not-finite"
    OTHER_SHAPE = "other-shape"
    OTHER = "other"
