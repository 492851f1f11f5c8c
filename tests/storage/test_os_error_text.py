"""Errors of the operating system get their words in one place, and only once."""

from __future__ import annotations

import errno
from functools import partial

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.os_error_text import os_errors_as, refusal

SAID = partial(refusal, "cannot be read", name="a.caffemodel")


def test_what_the_system_refuses_is_a_file_error() -> None:
    full = OSError(errno.ENOSPC, "full", "temporary")
    with pytest.raises(ds.FileError) as raised, os_errors_as(SAID):
        raise full
    assert raised.value.__cause__ is full
    assert (raised.value.path, raised.value.errno) == ("a.caffemodel", errno.ENOSPC)
    assert raised.value.hint is not None


@pytest.mark.parametrize(
    "error",
    [ds.FileError("away", path="b", errno=errno.EIO), ds.ModelError("cut"), ValueError("c")],
)
def test_what_has_its_words_already_passes(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, os_errors_as(SAID):
        raise error
    assert raised.value is error
    assert raised.value.__cause__ is None
