"""Sweep small and large pairs of an S3 server on loopback by both engines, beside a plain loop.

What the engines made is compared: rows, and what the store says of each output.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fcn8s
from run import TOOL, timed

import deconvsurgery as ds
from deconvsurgery.verbs.demo_net import base_model, net_text

sys.path.append(str(Path(__file__).parent.parent))
from helpers.store.store import Store, started

ENGINES = ("local", "dask")
TOML = """[sweep]
verb = "apply"
[[pairs]]
net = "s3://zoo/{kind}/{{name}}/net.prototxt"
model = "s3://zoo/{kind}/{{name}}/in.caffemodel"
output = "s3://zoo/{engine}/{kind}/{{name}}.caffemodel"
"""


def _lay(store: Store, work: Path, small: int, large: int) -> None:
    """Pairs that are all different: the model's own name has the number."""
    model = base_model(ds.parse_net(net_text()))
    for number in range(small):
        place = f"small/{number:06}"
        store.put(f"{place}/net.prototxt", net_text())
        store.put(f"{place}/in.caffemodel", model.replace(b"demo", f"{number:04}"[-4:].encode()))
    if large:
        fcn8s.write_model(work / "large")
    for number in range(large):
        place = f"large/{number:06}"
        store.put(f"{place}/net.prototxt", fcn8s.net_text().encode())
        store.put(f"{place}/in.caffemodel", work / "large")


def _rows(path: Path) -> dict[str, Any]:
    """The rows by their net, without what tells when and where they were made."""
    rows = {}
    for line in path.read_bytes().splitlines():
        row = json.loads(line)
        # A record has times and the output's name in it, so a few bytes more or less are sent.
        for each in ("seconds", "seal", "output", "outputs", "bytes_sent", "bytes_read"):
            del row[each]
        assert row["net"] not in rows
        rows[row["net"]] = row
    return rows


def _asked(store: Store) -> str:
    """What the store was asked for since it was last looked at, as it counted."""
    # Counted there: a process that is started has its starter's peak of memory for its own.
    totals = store.totals()
    store.reset()
    kinds = Counter(totals["operations"])
    told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    return (
        f"{kinds.total():,} requests ({told}), "
        f"{totals['sent']:,} bytes read, {totals['received']:,} bytes sent"
    )


def _say(*words: object) -> None:
    print(*words, flush=True)


def _sweeps(store: Store, work: Path, kind: str, pairs: int, arguments: argparse.Namespace) -> None:
    found: list[dict[str, Any]] = []
    workers, engines = arguments.workers, arguments.engines
    for engine in engines:
        (work / "zoo.toml").write_text(TOML.format(kind=kind, engine=engine))
        rows = work / f"{engine}-{kind}.jsonl"
        command = [*TOOL, "sweep", "--engine", engine, "-w", str(workers), "--results", str(rows)]
        for again in (False,) if arguments.once else (False, True):
            store.reset()
            seconds, peak = timed([*command, str(work / "zoo.toml")])
            _say(
                f"{kind}, {engine}{', once more' if again else ''}: {pairs:,} pairs, "
                f"{seconds:.1f} s, {pairs / seconds:.2f} a second, "
                f"peak {peak / 1e6:.0f} MB a process"
            )
            _say("  ", _asked(store))
        found.append(_rows(rows))
        assert len(found[-1]) == pairs
        assert {row["outcome"] for row in found[-1].values()} == {"done"}
    assert found[0] == found[-1], "the engines' rows differ"
    made = [store.etags(f"{engine}/{kind}/") for engine in engines]
    assert len(made[0]) == 2 * pairs  # each with its record
    outputs = [{key: tag for key, tag in tags.items() if key.endswith("model")} for tags in made]
    assert outputs[0] == outputs[-1], "the engines' outputs differ"
    _say(f"{kind}: the same rows and outputs by {' and '.join(engines)}")


def _loop(store: Store, kind: str, pairs: int, engine: str) -> None:
    """One run after the other, each a process of its own."""
    store.reset()
    start = time.perf_counter()
    for number in range(pairs):
        place = f"s3://zoo/{kind}/{number:06}"
        out = f"s3://zoo/loop/{kind}/{number:06}.caffemodel"
        timed([*TOOL, "apply", "-q", f"{place}/net.prototxt", f"{place}/in.caffemodel", out])
    seconds = time.perf_counter() - start
    _say(f"{kind}, plain loop: {pairs:,} pairs, {seconds:.1f} s, {pairs / seconds:.2f} a second")
    _say("  ", _asked(store))
    swept = store.etags(f"{engine}/{kind}/")
    for name, tag in store.etags(f"loop/{kind}/").items():
        assert swept[name] == tag, f"{name} differs"


def _absent(work: Path, pairs: int, workers: int, engines: Sequence[str]) -> None:
    """Nothing but what a sweep costs itself: rows of files that are not there."""
    with (work / "pairs.jsonl").open("w") as file:
        for number in range(pairs):
            print(json.dumps({"net": f"zoo/{number:07}/deploy.prototxt"}), file=file)
    (work / "zoo.toml").write_text("[[pairs]]\nlist = 'pairs.jsonl'\n")
    for engine in engines:
        rows = work / f"{engine}.jsonl"
        command = [*TOOL, "sweep", "-q", "--engine", engine, "-w", str(workers)]
        seconds, peak = timed([*command, "--results", str(rows), str(work / "zoo.toml")], (3,))
        size = rows.stat().st_size
        _say(
            f"absent, {engine}: {pairs:,} pairs, {seconds:.1f} s, {pairs / seconds:,.0f} a second, "
            f"peak {peak / 1e6:.0f} MB a process, {size / pairs:.0f} bytes a row"
        )


def main() -> None:
    """Lay the pairs, sweep them, and run some of them alone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=20)
    parser.add_argument("--once", action="store_true", help="do not sweep what is settled")
    parser.add_argument("--alone", type=int, default=100, help="small pairs for the plain loop")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--delay", type=float, default=0, help="seconds before each answer")
    parser.add_argument(
        "--absent", type=int, default=0, help="pairs that are not there, and no other"
    )
    arguments = parser.parse_args()
    if arguments.absent:
        with tempfile.TemporaryDirectory(dir=arguments.dir) as name:
            _absent(Path(name), arguments.absent, arguments.workers, arguments.engines)
        return
    with tempfile.TemporaryDirectory(dir=arguments.dir) as name, started() as port:
        work, store = Path(name), Store(port, "zoo")
        os.environ.update(store.environment())
        _lay(store, work, arguments.small, arguments.large)
        if arguments.delay:
            store.delay(arguments.delay)
        for kind, pairs, alone in (
            ("large", arguments.large, arguments.large),
            ("small", arguments.small, arguments.alone),
        ):
            if pairs:
                _sweeps(store, work, kind, pairs, arguments)
                _loop(store, kind, min(alone, pairs), arguments.engines[0])


if __name__ == "__main__":
    main()
