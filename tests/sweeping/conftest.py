"""What sweeps share: Dask's workers, who take seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helpers.processes.dask_cluster import Cluster, cluster_of


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two of Dask's workers, for all tests that leave them as they are."""
    with cluster_of(2) as made:
        yield made


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """One worker of Dask's, for a test that ends it."""
    with cluster_of(1) as made:
        yield made


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are settled in this process, one by one, where who does it is not the subject."""
    monkeypatch.setattr(
        "deconvsurgery.sweeping.sweep.run_local",
        lambda work, tasks, _workers: ((task, work(task)) for task in tasks),
    )
