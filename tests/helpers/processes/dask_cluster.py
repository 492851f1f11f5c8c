"""A cluster of Dask's workers, in a process: ``python -m helpers.processes.dask_cluster WORKERS``.

Beside tests, as Dask watches over its workers by threads and signals that tests of other processes
would meet. It prints its address and ends when its standard input does.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from helpers.places import TESTS
from helpers.processes.ending import PATIENCE
from helpers.runs import environment


class Cluster:
    """Workers that were there before; a task is given up when one of them dies of it."""

    def __init__(self, workers: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpers.processes.dask_cluster", str(workers)],
            cwd=TESTS,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.scheduler_address = self._process.stdout.readline().strip()
        assert self.scheduler_address

    def is_running(self) -> bool:
        """Nobody has ended it."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it; a second call does nothing."""
        self._process.communicate(timeout=PATIENCE)


@contextmanager
def cluster_of(workers: int) -> Iterator[Cluster]:
    """A cluster that ends with the block at the latest."""
    made = Cluster(workers)
    try:
        yield made
    finally:
        if made.is_running():
            made.close()


def main(workers: int) -> None:
    """Run one until standard input ends."""
    from dask import config
    from distributed import LocalCluster

    # As the engine's own cluster is, for the same reasons.
    with (
        config.set({"distributed.deploy.lost-worker-timeout": "100 days"}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            scheduler_kwargs={
                "dashboard": False,
                "dashboard_address": "127.0.0.1:0",
                "allowed_failures": 0,
            },
            worker_dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as made,
    ):
        made.scheduler.rpc.timeout = 5
        sys.stdout.write(f"{made.scheduler_address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
