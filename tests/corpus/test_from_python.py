"""Wrong files, and those that look wrong, from Python: arrays are read and edited, or refused.

As the command line does it: helpers/corpus has the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from helpers.campaigns import campaign, campaign_but
from helpers.places import TESTS

FILES = sorted(path for path in (TESTS / "corpus" / "files").iterdir() if path.is_file())
FORMS: dict[str, Callable[[Path], Any]] = {
    "a path": Path,
    "bytes": Path.read_bytes,
    "a file": lambda path: BytesIO(path.read_bytes()),
}


@contextmanager
def known_errors_alone() -> Iterator[None]:
    """Nothing else is raised, and what is said is not the file over again."""
    said = ""
    try:
        yield
    except ds.SurgeryError as error:
        said = str(error)
    assert len(said) < 6000


@pytest.mark.parametrize("form", campaign_but(["bytes"], FORMS))
def test_arrays_are_read_or_refused(form: str) -> None:
    read = 0
    for path in FILES:
        with known_errors_alone(), ds.open_model(FORMS[form](path)) as model:
            for layer in model.values():
                for blob in layer:
                    with known_errors_alone():
                        read += blob.array().shape == blob.shape
        with known_errors_alone():
            assert ds.load(FORMS[form](path)).keys() is not None
    assert read > 100


@pytest.mark.parametrize("form", campaign("bytes", "a path"))
def test_edits_are_made_or_refused(form: str, tmp_path: Path) -> None:
    """And undone: the patch gives the file again."""
    saved = 0
    for path in FILES:
        before = path.read_bytes()
        out, undo = tmp_path / "out", tmp_path / "undo"
        with known_errors_alone(), ds.edit(FORMS[form](path)) as m:
            for name in [*m][:3]:
                for index in range(min(3, len(m[name]))):
                    for change in (m.zero, lambda *blob: m.scale(*blob, 1.5)):
                        with suppress(ds.SurgeryError):
                            change(name, index)
                with suppress(ds.SurgeryError):
                    m.rename(name, "another")
            assert str(m.plan)
            m.save(out, force=True, save_patch=undo)
            assert ds.revert(out, undo, tmp_path / "back", force=True).written
            assert (tmp_path / "back").read_bytes() == before
            saved += 1
        assert path.read_bytes() == before
    assert saved > 100
