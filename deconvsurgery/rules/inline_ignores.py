"""Findings that a comment in the net says are meant to be so, and comments that hide none."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ArgumentError
from deconvsurgery.wording import listed, quoted

from .finding import RULES, Finding, Found, rules_named

if TYPE_CHECKING:
    from deconvsurgery.prototxt.ignore_comments import IgnoreComment
    from deconvsurgery.prototxt.net import Net, NetState

    from .survey import LayerRow

# Nobody can say without a model whether these would be broken.
_OF_A_MODEL: Final = frozenset({f"DS00{number}" for number in range(1, 7)}) | {
    "DS011",
    "DS014",
    "DS017",
    "DS018",
}


class Ignores:
    """The comments of a net, held against findings."""

    def __init__(self, net: Net | None) -> None:
        self._net = net
        self._comments: list[tuple[IgnoreComment, frozenset[str]]] = []
        self._wrong: list[IgnoreComment] = []
        self._used: dict[int, set[str]] = defaultdict(set)  # rules, by the comment's number
        self._of_layer: dict[int, list[int]] = defaultdict(list)  # comments, by the layer's index
        self._at: dict[int, list[int]] = defaultdict(list)  # layers, by their line
        self._starts: list[int] = []
        self._of_net: list[int] = []
        self._layers: dict[int, list[int]] = defaultdict(list)  # layers, by the comment's number
        if net is not None and net.ignores:
            self._read(net)

    def _read(self, net: Net) -> None:
        for layer in net.layers:
            self._at[layer.line].append(layer.index)
        self._starts = sorted(self._at)
        for comment in net.ignores:
            try:
                rules = rules_named(comment.ids) if comment.ids else frozenset(RULES)
            except ArgumentError:
                self._wrong.append(comment._replace(wrong=", ".join(comment.ids)))
                continue
            if comment.wrong is not None:
                self._wrong.append(comment)
                continue
            number = len(self._comments)
            self._comments.append((comment, rules))
            if comment.about is None:
                self._of_net.append(number)
                continue
            for index in self._layers_at(comment.about):
                self._of_layer[index].append(number)
                self._layers[number].append(index)

    def _layers_at(self, line: int) -> Sequence[int]:
        """The layers that a line is of: anywhere within one is as good as where it begins."""
        position = bisect_right(self._starts, line)
        return self._at[self._starts[position - 1]] if position else ()

    def hides(self, found: Found) -> bool:
        """A comment says that the finding is meant to be so."""
        finding = found.finding
        numbers = list(self._of_net)
        layers = {*self._layers_at(finding.line or 0)}
        if found.layer_index is not None:
            layers.add(found.layer_index)
        for index in layers:
            numbers += self._of_layer.get(index, ())
        hiding = [number for number in numbers if finding.id in self._comments[number][1]]
        for number in hiding:
            self._used[number].add(finding.id)
        return bool(hiding)

    def notes(
        self,
        wanted: Collection[str],
        rows: Sequence[LayerRow],
        states: Iterable[NetState],
        *,
        with_model: bool,
    ) -> Iterator[str]:
        """A sentence for each comment that hides nothing, though its rules were asked."""
        for comment in self._wrong:
            yield (
                f"line {comment.line}: a comment for deconvsurgery names "
                f"{quoted(comment.wrong or '')}, which is not a rule; the comment has no effect"
            )
        asked = frozenset(wanted) - (frozenset() if with_model else _OF_A_MODEL)
        matched = {row.layer_index for row in rows if row.matched}
        asked_of = tuple(states)
        for number, (comment, rules) in enumerate(self._comments):
            layers = self._layers[number]
            of = [self._net.layers[index] for index in layers] if self._net else []
            active = not of or any(layer.active(state) for layer in of for state in asked_of)
            looked_at = matched & {*layers} if comment.about is not None else matched
            judged = {each for each in asked if looked_at or not RULES[each].matched_only}
            unused = sorted(rules & judged - self._used[number])
            if not active or not unused or (not comment.ids and (rules - judged)):
                continue
            if comment.ids:
                unbroken = listed(unused)
                yield f"line {comment.line}: the comment ignores {unbroken}, which nothing breaks"
            elif not self._used[number]:
                yield f"line {comment.line}: the comment ignores nothing: no rule is broken there"


def hidden_and_left(
    ignores: Ignores, found: Iterable[Found]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that comments hide, and the others."""
    hidden: list[Finding] = []
    left: list[Finding] = []
    for each in found:
        (hidden if ignores.hides(each) else left).append(each.finding)
    return tuple(hidden), tuple(left)
