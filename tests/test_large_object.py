"""FCN-8s' 538 MB as an object: looked into for kilobytes, changed for less than a hundredth."""

from __future__ import annotations

import filecmp
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunHere = Callable[..., tuple[int, bytes, bytes]]


@pytest.fixture
def place(tmp_path: Path) -> Any:
    """The net and the model, as files, and what apply makes of it there; all gone afterwards."""
    sys.path.append(str(Path(__file__).parent / "bench"))
    try:
        import fcn8s
    finally:
        sys.path.pop()
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 4 << 30:
        pytest.skip("four copies of half a gigabyte need room")
    (tmp_path / "net").write_text(fcn8s.net_text())
    assert fcn8s.write_model(tmp_path / "in") == 538_028_571
    yield tmp_path
    for each in tmp_path.iterdir():
        each.unlink()


def test_fcn8s_is_looked_into_and_changed_where_it_lies(
    place: Path, s3: Any, run_here: RunHere
) -> None:
    s3.put("in", place / "in")
    code, _, errors = run_here(place, "inspect", "net", s3.url("in"), "-v")
    requests = s3.requests()
    print("inspect", code, errors, len(requests), sum(r.sent for r in requests))
    s3.reset()
    code, _, errors = run_here(place, "apply", "-q", "net", s3.url("in"), s3.url("out"), "-v")
    assert code == 0, errors
    requests = s3.requests()
    print("apply", errors, len(requests), sum(r.sent for r in requests), sum(r.received for r in requests))
    for r in requests: print(r.operation, r.range, r.sent, r.received)
    code, _, errors = run_here(place, "apply", "-q", "net", "in", "out")
    (place / "there").write_bytes(s3.get("out"))
    assert filecmp.cmp(place / "there", place / "out", shallow=False)
