"""FCN-8s' 538 MB as an object: looked into for kilobytes, changed for less than a hundredth."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.places import TESTS
from helpers.runs import run_here
from helpers.store.padded import traffic


@pytest.fixture
def place(tmp_path: Path) -> Any:
    """The net and the model, as files, and what apply makes of it there; all gone afterwards."""
    sys.path.append(str(TESTS / "bench"))
    try:
        import fcn8s
    finally:
        sys.path.pop()
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 4 << 30:
        pytest.skip("a few copies of half a gigabyte need room")
    (tmp_path / "net").write_text(fcn8s.net_text())
    assert fcn8s.write_model(tmp_path / "in") == 537_960_233
    yield tmp_path
    for each in tmp_path.iterdir():
        each.unlink()


@pytest.mark.campaign
def test_fcn8s_is_looked_into_and_changed_where_it_lies(place: Path, s3: Any) -> None:
    s3.put("in", place / "in")
    code, printed, errors = run_here(place, "inspect", "net", s3.url("in"), "-v")
    assert code == 0, errors
    assert b"upscore8" in printed
    requests = s3.requests()
    read = sum(each.sent for each in requests)
    assert traffic(errors) == (len(requests), read, 0, 0)
    # Half of it is the values of three Deconvolutions: 508 kB.
    assert len(requests) <= 30
    assert read < 1_000_000

    s3.reset()
    with ds.open_model(s3.url("in")) as model, ds.open_model(place / "in") as here:
        opened = s3.requests()
        assert len(opened) <= 25
        assert sum(each.sent for each in opened) < 600_000
        for name, most in (("upscore2", 1), ("upscore8", 1), ("fc7", 9)):
            s3.reset()
            array = model[name][0].array().view("u4")  # noise may be NaN
            assert np.array_equal(array, here[name][0].array().view("u4"))
            requests = s3.requests()
            assert len(requests) <= most
            assert sum(each.sent for each in requests) <= max(array.nbytes, 32 << 10)

    s3.reset()
    code, _, errors = run_here(place, "apply", "-q", "net", s3.url("in"), s3.url("out"), "-v")
    assert code == 0, errors
    requests = s3.requests()
    asked, _, sent, copied = traffic(errors)
    assert (asked, sent, copied) == (len(requests), 508_137, 537_452_096)
    assert len(requests) <= 40
    assert sum(each.sent for each in requests) < 1_000_000
    assert sum(each.received for each in requests) < 520_000
    assert s3.uploads() == []

    assert run_here(place, "apply", "-q", "net", "in", "out")[0] == 0
    with urlopen(f"{s3.endpoint}/zoo/out") as there, (place / "out").open("rb") as here:
        while data := here.read(16 << 20):
            assert there.read(16 << 20) == data
        assert there.read(1) == b""
