"""What a store says of an object is asked for once where that is enough, and else each time."""

from __future__ import annotations

from typing import Any

import pytest

from deconvsurgery.storage.object_store.object_version import (
    described,
    forget,
    known,
    note,
    recalled,
    state,
)
from deconvsurgery.storage.object_store.store import Location, located


@pytest.fixture
def there(s3: Any) -> Location:
    s3.put("key", b"value")
    return located(s3.url("key"))


def asked(s3: Any) -> int:
    """Requests since the last look."""
    found = len(s3.requests())
    s3.reset()
    return found


def test_each_description_is_of_now(s3: Any, there: Location) -> None:
    first = described(there)
    s3.put("key", b"others")
    second = described(there)
    assert asked(s3) == 2
    assert first is not None
    assert second is not None
    assert state(first) != state(second)
    assert (first["size"], second["size"]) == (5, 6)
    assert recalled(there) is None


def test_what_is_known_is_asked_for_once(s3: Any, there: Location) -> None:
    absent = located(s3.url("absent"))
    with known():
        first = described(there)
        assert described(absent) is None
        s3.put("key", b"others")
        s3.put("absent", b"no longer")
        assert described(located(s3.url("key"))) == first == recalled(there)
        assert described(absent) is None
        assert recalled(absent) is None
        assert asked(s3) == 2
        again = described(there, again=True)
        assert again is not None
        assert again["size"] == 6
        assert described(there) == again
        assert asked(s3) == 1
    assert recalled(there) is None


def test_what_is_noted_is_known_until_it_is_forgotten(s3: Any, there: Location) -> None:
    note(there, {"size": 1})
    assert recalled(there) is None
    with known():
        note(there, {"size": 1})
        assert described(there) == {"size": 1}
        assert asked(s3) == 0
        forget(there)
        told = described(there)
        assert told is not None
        assert told["size"] == 5
        with known():  # of its own
            described(there)
            assert asked(s3) == 2


def test_only_what_conditions_hold_to_it_is_known(memory: Any) -> None:
    """Other stores have no conditions: they are asked each time."""
    memory.pipe("/zoo/key", b"value")
    there = located("gs://zoo/key")
    with known():
        first = described(there)
        memory.pipe("/zoo/key", b"others")
        second = described(there)
    assert first is not None
    assert second is not None
    assert (first["size"], second["size"]) == (5, 6)
