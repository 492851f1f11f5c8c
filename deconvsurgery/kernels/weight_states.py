"""What weights can be found to be; read without numpy."""

from __future__ import annotations

from enum import StrEnum

from deconvsurgery.named_tuple import NamedTuple

from .formula_names import KernelSupport


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


class Fingerprint(NamedTuple):
    """The state of a weight blob and the number that goes with it.

    ``distance`` is ``max |w - ideal|`` for `State.NEAR_BILINEAR` and `State.OTHER`, where an ideal
    exists; ``value`` is the constant. ``support`` says how wide the triangle is that was
    recognised (or is nearest, with ``distance``). ``nvidia``: a state `State.OTHER` that the filler
    of NVIDIA's Caffe 0.16 and 0.17 makes. ``nan`` and ``infinite`` count the values that
    make it `State.NOT_FINITE`. ``own`` is what weights of `State.OTHER_SHAPE` are in the shape that
    they have.
    """

    state: WeightState
    distance: float | None = None
    value: float | None = None
    support: KernelSupport | None = None
    nvidia: bool = False
    nan: int = 0
    infinite: int = 0
    own: WeightState | None = None
