"""The names of the formulas that ``bilinear`` follows; read without numpy."""

from __future__ import annotations

from enum import StrEnum


class Formula(StrEnum):
    """Whose arithmetic makes the kernel."""

    FCN = "fcn"
    CAFFE = "caffe"
    CAFFE_1_0 = "caffe-1.0"


class KernelSupport(StrEnum):
    """Where the triangle's half-width comes from: ceil(kernel size / 2), or the stride."""

    KERNEL = "kernel"
    STRIDE = "stride"
