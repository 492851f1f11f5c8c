"""Random nets against a real Caffe: ``cd tests; python -m helpers.differential.nets``.

Prints what it found, each kind of disagreement with the numbers of some nets (``--show NUMBER``
prints one); exit code 1 where the tool says that Caffe stops and Caffe does not, where a shape
differs, or where less than 99.5 % agree.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeAlias

from .comparison import Outcome, outcome
from .random_nets import random_net

ENOUGH = 0.995
"""The share of nets of which both must say the same."""


class Tally(NamedTuple):
    """What came of many nets."""

    outcomes: tuple[Outcome, ...]

    @property
    def false_alarms(self) -> list[Outcome]:
        """Said to stop Caffe, which they do not."""
        return [each for each in self.outcomes if each.false_alarm]

    @property
    def missed(self) -> list[Outcome]:
        """Nets that Caffe stops at, and nothing says so."""
        return [each for each in self.outcomes if each.stops and not each.said]

    @property
    def of_other_shapes(self) -> list[Outcome]:
        """Set up by Caffe with other shapes than are said."""
        return [each for each in self.outcomes if each.shapes]

    @property
    def agreement(self) -> float:
        """The share of nets of which both say the same."""
        return sum(each.agrees for each in self.outcomes) / len(self.outcomes)

    @property
    def passed(self) -> bool:
        """All that must hold does."""
        return not (self.false_alarms or self.of_other_shapes) and self.agreement >= ENOUGH


def compared(seed: int, numbers: Iterable[int]) -> Tally:
    """The nets of those numbers, one after the other."""
    return Tally(tuple(outcome(number, random_net(seed, number)) for number in numbers))


Compare: TypeAlias = Callable[[int, Iterable[int]], Tally]
"""What compares the nets, or pairs, of a seed by their numbers."""


def in_parallel(
    seed: int, count: int, jobs: int, compare: Compare = compared, piece: int = 250
) -> Tally:
    """Nets (or pairs) 0 to ``count`` of a seed, by so many processes, a ``piece`` at a time."""
    parts = [range(start, min(start + piece, count)) for start in range(0, count, piece)]
    with ProcessPoolExecutor(jobs) as pool:
        tallies = pool.map(partial(compare, seed), parts)
        return Tally(tuple(chain(*(tally.outcomes for tally in tallies))))


def report(tally: Tally, most: int = 12) -> Iterator[str]:
    """The lines that are printed."""
    outcomes = tally.outcomes
    stopping = sum(each.stops for each in outcomes)
    yield f"{len(outcomes)} nets, Caffe stops at {stopping}: {tally.agreement:.3%} agree"
    for title, several in (
        ("said to stop, but loaded", tally.false_alarms),
        ("of other shapes", tally.of_other_shapes),
        ("missed", tally.missed),
    ):
        yield f"{title}: {len(several)}"
        kinds: dict[str, list[Outcome]] = defaultdict(list)
        for each in several:
            kinds[each.kind if each.stops else f"{each.said} {each.shapes[:1]}"].append(each)
        for kind, alike in sorted(kinds.items(), key=lambda pair: -len(pair[1]))[:most]:
            yield f"  {len(alike):5} {kind}: {[each.number for each in alike[:5]]}"


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--show", type=int, help="print the net of this number, and the outcome")
    options.add_argument("--most", type=int, default=12, help="kinds of disagreement to print")
    given = options.parse_args()
    if given.show is not None:
        net = random_net(given.seed, given.show)
        print(f"{net.text}\n{net[1:]}\n{outcome(given.show, net)}")
        return 0
    tally = in_parallel(given.seed, given.count, given.jobs)
    print(*report(tally, given.most), sep="\n")
    return not tally.passed


if __name__ == "__main__":
    sys.exit(main())
