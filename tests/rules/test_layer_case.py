"""A Deconvolution as the rules see it: its bias, and its fillers."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.layer_cases import case
from helpers.models import Array
from helpers.nets import up

BIASED = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1"
WEIGHTS = np.zeros((3, 1, 4, 4))


@pytest.mark.parametrize(
    ("more", "bias", "adds"),
    [
        ("", None, False),
        ('bias_filler { type: "constant" }', None, False),
        ('bias_filler { type: "constant" value: 0.5 }', None, True),
        ('bias_filler { type: "gaussian" }', None, True),
        ('bias_term: false bias_filler { type: "gaussian" }', None, False),
        ("", np.zeros(3), False),
        ("", np.array([0, 0, 0.5]), True),
        ("", np.full(3, np.nan), True),
        ('bias_filler { type: "gaussian" }', np.zeros(3), False),
        ("bias_term: false", np.ones(3), False),
    ],
)
def test_a_bias_is_added_that_is_not_zero(more: str, bias: Array | None, adds: bool) -> None:
    """That of the model counts, or the filler's where the model has none."""
    blobs = [WEIGHTS] if bias is None else [WEIGHTS, bias]
    assert case(up(param=f"{BIASED} {more}"), {"up": blobs}).adds_a_bias is adds


def test_a_bias_that_cannot_be_read_is_not_counted() -> None:
    found = case(up(param=BIASED), {"up": [WEIGHTS, np.ones(3)]})
    assert found.adds_a_bias is True
    assert found.bias is not None
    assert found._replace(bias=found.bias._replace(problem="damaged")).adds_a_bias is False
    assert found._replace(bias=found.bias._replace(shape=(4,))).adds_a_bias is False
    assert found._replace(model=None).adds_a_bias is False
    assert found._replace(target=None).adds_a_bias is False


def test_only_a_net_has_fillers_that_are_wrong() -> None:
    found = case(up(param=f'{BIASED} weight_filler {{ type: "bilinar" }}'))
    assert len([*found.filler_problems()]) == 1
    assert [*found._replace(by_net=False).filler_problems()] == []
    assert [*found._replace(target=None).filler_problems()] == []
