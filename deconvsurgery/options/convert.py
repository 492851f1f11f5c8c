"""The options of ``convert``."""

from enum import StrEnum
from typing import Final, NamedTuple

from .option import options_of


class NewForm(StrEnum):
    """The form of a model that `convert` can make."""

    BINARY = "binary"
    HDF5 = "hdf5"


class Values(StrEnum):
    """What `convert` makes of values; the raw ones are NVIDIA's, the half also OpenCV's."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
    RAW_FLOAT16 = "raw-float16"
    RAW_FLOAT32 = "raw-float32"
    RAW_FLOAT64 = "raw-float64"
    KEEP = "keep"


class ConvertOptions(NamedTuple):
    """What ``convert`` is asked to do beyond its defaults; without ``to`` the output's name says.

    ``max_unpacked`` is in bytes.
    """

    to: NewForm | None = None
    values: Values = Values.FLOAT32
    strict: bool = False
    max_unpacked: int = 1 << 30
    upgrade: bool = True
    true_shapes: bool = True


CONVERT: Final = options_of(
    ConvertOptions,
    {
        "to": "Default: hdf5 when OUT ends in .h5 or .hdf5, else binary.",
        "values": "How weights are kept; the raw ones are NVIDIA Caffe's (and OpenCV's, float16).",
        "strict": "Refuse values that a narrower type cannot hold; else they stay.",
        "max_unpacked": "How much larger than an HDF5 file its values may be, compressed or never "
        "written ones.",
        "upgrade": "Leave V1 and V0 layers as they are.",
        "true_shapes": "Leave num/channels/height/width as they are.",
    },
    negated={"upgrade": "keep-layers", "true_shapes": "keep-dims"},
)
