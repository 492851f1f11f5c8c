"""DS011: which repair is suggested where the model's weights are those of another group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.rules import net_against_model
from helpers.models import Array, model_bytes, noise
from helpers.nets import conv, data_layer, up
from helpers.words import Words, numbers

SIZES = "kernel_size: 4 stride: 2 pad: 1 bias_term: false"
ALONE = ds.bilinear_kernel(4) * np.ones((4, 1, 1, 1))
TWO = np.tile(np.eye(2), (2, 1))[:, :, None, None] * ds.bilinear_kernel(4)


def mismatch(place: Path, layers: str, weights: Array, kind: str = "Deconvolution") -> ds.Finding:
    (place / "net").write_text(data_layer(1, 4, 8, 8) + layers, "utf-8")
    (place / "in").write_bytes(model_bytes({"up": [weights]}, kind=kind))
    found = ds.check(
        place / "net", place / "in", patterns="*", select="DS011", allow_empty=True
    ).findings
    (only,) = (each for each in found if each.layer == "up")
    return only


@pytest.mark.parametrize(
    ("layers", "weights", "group", "commands"),
    [
        (up(param=f"num_output: 4 {SIZES}"), ALONE, 4, ["patch-net -p up --filler keep"]),
        (
            up(param=f"num_output: 4 {SIZES}") + conv("upper", "num_output: 4 kernel_size: 1"),
            ALONE,
            4,
            ["patch-net -p up --filler keep"],
        ),
        (
            up(param=f"num_output: 4 {SIZES}") + up("upper", f"num_output: 4 {SIZES}"),
            ALONE,
            4,
            [r"patch-net -p re:\Aup\Z --filler keep"],
        ),
        (up(param=f"num_output: 4 {SIZES}"), TWO, 2, []),
        (conv("up", "num_output: 4 kernel_size: 3 bias_term: false"), noise(4, 1, 3, 3), 4, []),
    ],
    ids=["each alone", "a namesake of another type", "a longer name", "two groups", "Convolution"],
)
def test_the_group_that_the_model_has(
    layers: str, weights: Array, group: int, commands: list[str], tmp_path: Path, words: Words
) -> None:
    """patch-net writes one group an output; any other, and another type's, is words."""
    kind = "Convolution" if "Convolution" in layers and "Decon" not in layers else "Deconvolution"
    repair = mismatch(tmp_path, layers, weights, kind).repair
    assert repair is not None
    assert [" ".join((step.verb, *step.options)) for step in repair.steps] == commands
    assert numbers(repair.words) == [group]
    words(repair.words)


def test_what_cannot_be_read_ends_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a transplant refuses is no repair; of what it could not read nothing is known."""

    def raising(error: ds.SurgeryError) -> None:
        def raised(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(net_against_model, "make_grafting", raised)

    layers = up(param=f"num_output: 4 group: 4 {SIZES}", more="param { lr_mult: 0 }")
    wrong = np.zeros((4, 1, 5, 5))
    taken = mismatch(tmp_path, layers, wrong).repair
    assert taken is not None
    assert [step.verb for step in taken.steps] == ["transplant"]
    raising(ds.MismatchError("refused"))
    refused = mismatch(tmp_path, layers, wrong).repair
    assert refused is not None
    assert (refused.words, refused.steps) == (net_against_model._TOGETHER, ())
    raising(ds.FileError("the disk is away"))
    with pytest.raises(ds.FileError):
        mismatch(tmp_path, layers, wrong)
