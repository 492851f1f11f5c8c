"""What sweeps share: Dask's workers, who take seconds to start."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def _cluster(workers: int) -> Iterator[Any]:
    """Workers that were there before; a task is given up when one of them dies of it."""
    from distributed import LocalCluster

    before = dict(os.environ)
    try:
        with LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            scheduler_kwargs={
                "dashboard": False,
                "dashboard_address": "127.0.0.1:0",
                "allowed_failures": 0,
            },
            worker_dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as made:
            yield made
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Two of Dask's workers, for all tests that leave them as they are."""
    with _cluster(2) as made:
        yield made


@pytest.fixture
def own_cluster() -> Iterator[Any]:
    """One worker of Dask's, for a test that ends it."""
    with _cluster(1) as made:
        yield made


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are settled in this process, one by one, where who does it is not the subject."""
    monkeypatch.setattr(
        "deconvsurgery.sweeping.sweep.run_local",
        lambda work, tasks, _workers: ((task, work(task)) for task in tasks),
    )
