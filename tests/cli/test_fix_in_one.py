"""Which pairs have a ``check --fix`` beside their commands."""

from __future__ import annotations

import deconvsurgery as ds
from deconvsurgery.cli.fix_in_one import fixes_in_one
from deconvsurgery.inputs.settings import Pair


def test_a_name_that_no_file_can_have_has_none() -> None:
    pair = Pair("ne\0t", "model")
    assert fixes_in_one([pair], [ds.CheckResult("ne\0t", "model")], with_settings=False) == [[]]
