"""Random pairs of a net and a model against a real Caffe, in as many ways as models go wrong.

``cd tests; python -m helpers.differential.pairs --count 20000``

As ``helpers.differential.nets``; each net is one that Caffe sets up, so that what stops it is the
model. ``--show NUMBER`` prints a pair's net and what went wrong with its model, ``--keep FOLDER``
writes both there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import NamedTuple

from helpers.real_caffe import real_caffe

from . import nets
from .comparison import Outcome, verdict
from .mutated_models import MutatedModel, mutated_model
from .nets import Tally, report
from .paired_nets import weighted_net
from .random_nets import RandomNet, random_net

_MOST_TRIED = 50  # nets until Caffe sets one up


class RandomPair(NamedTuple):
    """A net that Caffe sets up, and a model for it, right or wrong."""

    net: RandomNet
    model: MutatedModel


def random_pair(seed: int, number: int) -> RandomPair:
    """The pair of that number among those of a seed."""
    random = Random(f"pair {seed} {number}")
    for attempt in range(_MOST_TRIED):
        if random.random() < 0.7:
            net = RandomNet(weighted_net(random), random.choice(("test", "train")))
        else:
            net = random_net(seed, number * _MOST_TRIED + attempt)
        # A model may be of the other phase's net.
        saved_in = net.phase if random.random() < 0.8 else random.choice(("test", "train"))
        saved = real_caffe(net.text, phase=saved_in, stages=net.stages, level=net.level)
        here = real_caffe(net.text, phase=net.phase, stages=net.stages, level=net.level)
        if not saved.stops and not here.stops and saved.blobs:
            return RandomPair(net, mutated_model(random, saved.blobs))
    raise AssertionError(f"Caffe sets up none of {_MOST_TRIED} nets")


def outcome(number: int, pair: RandomPair) -> Outcome:
    """A pair asked of both."""
    net, model = pair
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.caffemodel"
        path.write_bytes(model.data)
        answer = real_caffe(net.text, path, phase=net.phase, stages=net.stages, level=net.level)
        said, shapes = verdict(net, answer, path)
    return Outcome(number, answer.stops, said, answer.message, shapes)


def compared(seed: int, numbers: Iterable[int]) -> Tally:
    """The pairs of those numbers, one after the other."""
    return Tally(tuple(outcome(number, random_pair(seed, number)) for number in numbers))


def in_parallel(seed: int, count: int, jobs: int) -> Tally:
    """Pairs 0 to ``count`` of a seed, by so many processes."""
    return nets.in_parallel(seed, count, jobs, compared, 100)


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--show", type=int, help="print the pair of this number")
    options.add_argument("--keep", type=Path, help="where to write the pair that is shown")
    options.add_argument("--most", type=int, default=12, help="kinds of disagreement to print")
    given = options.parse_args()
    if given.show is not None:
        pair = random_pair(given.seed, given.show)
        if given.keep:
            (given.keep / "net.prototxt").write_text(pair.net.text, "utf-8")
            (given.keep / "in.caffemodel").write_bytes(pair.model.data)
        print(f"{pair.net.text}\n{pair.net[1:]}\n{pair.model.ways}\n{outcome(given.show, pair)}")
        return 0
    tally = in_parallel(given.seed, given.count, given.jobs)
    print(*report(tally, given.most), sep="\n")
    return not tally.passed


if __name__ == "__main__":
    sys.exit(main())
