"""A signalling NaN among the weights, of which numpy would warn: each verb takes it for a NaN.

Warnings are errors in the tests (pyproject.toml), so each run here is one without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.runs import run_here
from helpers.wire import dims, layer_v2, number, sized

SIGNALLING: Final = {"<f2": 0x7C01, "<f4": 0x7F800001, "<f8": 0x7FF0000000000001}
BLOBS: Final = {
    "up": ("Deconvolution", (3, 3, 4, 4), (3,)),
    "mixed": ("Convolution", (4, 3, 2, 2), (4,)),
    "grouped": ("Deconvolution", (6, 1, 4, 4), (6,)),
}
NET: Final = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 8, 8] } } }
layer { name: "six" type: "Input" top: "six" input_param { shape { dim: [1, 6, 8, 8] } } }
layer { name: "up" type: "Deconvolution" bottom: "data" top: "up"
  convolution_param { num_output: 3 kernel_size: 4 stride: 2 pad: 1 } }
layer { name: "mixed" type: "Convolution" bottom: "up" top: "mixed"
  convolution_param { num_output: 4 kernel_size: 2 } }
layer { name: "grouped" type: "Deconvolution" bottom: "six" top: "grouped"
  convolution_param { num_output: 6 group: 6 kernel_size: 4 stride: 2 pad: 1 } }
"""


def blob(shape: tuple[int, ...], dtype: str, at: int) -> bytes:
    """A blob of halves, one of which is a signalling NaN; of float16 in NVIDIA's ``raw_data``."""
    values = np.full(shape, 0.5, dtype)
    values.reshape(-1).view(f"u{values.itemsize}")[at % values.size] = SIGNALLING[dtype]
    field = {"<f4": 5, "<f8": 8, "<f2": 12}[dtype]
    kind = number(10, 2) if dtype == "<f2" else b""
    return dims(*shape) + kind + sized(field, values.tobytes())


def model(dtype: str, at: int) -> bytes:
    return b"".join(
        layer_v2(name.encode(), kind.encode(), *(blob(each, dtype, at) for each in shapes))
        for name, (kind, *shapes) in BLOBS.items()
    )


@pytest.fixture(params=[*SIGNALLING], ids=["float16", "float32", "float64"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "net").write_text(NET)
    (tmp_path / "in").write_bytes(model(request.param, 5))
    (tmp_path / "other").write_bytes(model(request.param, 17))
    return tmp_path


LINES: Final = (
    "inspect net in",
    "inspect -a --picture net in",
    "inspect --report page.html net in",
    "check net in",
    "check --report page.html net in",
    "check --fix-into fixed net in",
    "apply net in out",
    "apply --keep-off-diagonal net in out",
    "apply --zero-bias net in out",
    "apply --fill missing net in out",
    "regroup -p * net in n out",
    "transplant net in out",
    "transplant --apply net in out",
    "diff in other",
    "diff --atol 0.1 in other",
    "convert --values float32 in out",
    "convert --values float64 in out",
    "convert --values raw-float16 in out",
    "convert --values raw-float64 in out",
    "convert --net net --values float32 in out.h5",
    "convert --net net --values float64 in out.h5",
)


@pytest.mark.parametrize("line", LINES)
def test_a_verb_takes_it_for_a_nan(line: str, place: Path) -> None:
    code, _, errors = run_here(place, *line.split())
    assert code in (0, 1, 3), errors  # found, differs; refused as it mixes channels
    assert b"Warning" not in errors


@pytest.mark.parametrize("line", [each for each in LINES if each.startswith("convert")])
def test_what_is_converted_is_one_nan(line: str, place: Path) -> None:
    assert run_here(place, *line.split())[0] == 0
    with ds.open_model(place / line.split()[-1]) as found:
        for name, (_, *shapes) in BLOBS.items():
            for each, shape in zip(found[name], shapes, strict=True):
                values = each.array()
                assert values.shape == shape
                assert np.isnan(values.reshape(-1)[5 % values.size])
                assert (np.isnan(values) | (values == 0.5)).all()
                assert int(np.isnan(values).sum()) == 1
