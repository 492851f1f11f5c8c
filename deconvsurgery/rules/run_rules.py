"""Every rule held against a net, or a net and its model: rows of layers, and what they break.

`check` and `inspect` ask here and nowhere else, so that they say the same. What one Deconvolution
breaks ``layer_rules`` finds, what a net or a file does ``net_rules``, what a pair does
``net_against_model``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.matching.matched_layer import united
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.selection import Selection, exact_patterns

from . import net_rules
from .finding import RULES, Finding, Found
from .inline_ignores import Ignores, hidden_and_left
from .net_against_model import mismatched
from .survey import LayerRow, learned_names, survey
from .unjoined_layers import unmet

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.prototxt.net import Net, NetState


class WantedRules(NamedTuple):
    """Which rules count, by id; ``frozen``: what training would change is an error.

    ``known`` are findings that do not count, by rule and layer, each as often as it is there.
    """

    rules: frozenset[str] = frozenset(RULES)
    frozen: bool = False
    known: tuple[tuple[str, str | None], ...] = ()

    def counted(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those of the rules that are not known."""
        known, left = Counter(self.known), []
        for each in findings:
            if each.id in self.rules and not known[each.key]:
                left.append(each)
            known[each.key] -= known[each.key] > 0
        return tuple(left)


class Judged(NamedTuple):
    """A net, a model or both: a row a layer with all that it breaks, and what has no row.

    ``others`` are findings of layers without a row, of several layers at once, and of files.
    ``ignored`` are those that comments in the net's text hide, which are in neither; ``ignores``
    are the comments.
    """

    rows: tuple[LayerRow, ...]
    others: tuple[Finding, ...] = ()
    ignored: tuple[Finding, ...] = ()
    ignores: Ignores = Ignores(None)

    @property
    def learned(self) -> frozenset[str]:
        """The names of layers that are learned, which no repair is to fill."""
        return learned_names(self.rows)

    def findings(self, rules: Collection[str] = RULES) -> tuple[Finding, ...]:
        """All of these rules, by line, column, id; last what has no line."""
        every = (*(each for row in self.rows for each in row.findings), *self.others)
        return tuple(sorted((each for each in every if each.id in rules), key=_place))

    def replaced(self, findings: Sequence[Finding]) -> Judged:
        """With others, one for one and in the order of `findings`."""
        instead = {id(old): new for old, new in zip(self.findings(), findings, strict=True)}
        rows = (
            row._replace(findings=tuple(instead[id(each)] for each in row.findings))
            for row in self.rows
        )
        others = tuple(instead[id(each)] for each in self.others)
        return self._replace(rows=tuple(rows), others=others)

    def of_matched(self) -> Judged:
        """With rows of matched layers only; what the others break has no row then."""
        left = tuple(each for row in self.rows if not row.matched for each in row.findings)
        others = tuple(sorted((*left, *self.others), key=_place))
        return self._replace(rows=tuple(row for row in self.rows if row.matched), others=others)


def judged(
    net: Net | None,
    model: Model | None,
    selection: Selection,
    states: Sequence[NetState],
    *,
    every_layer: bool = False,
    frozen: bool = False,
) -> Judged:
    """Every rule held against them; a row for each Deconvolution, or each layer.

    ``frozen``: a layer that training would change is an error.
    """
    rows = survey(net, model, selection, states, every_layer=every_layer, frozen=frozen)
    ignores = Ignores(net)
    at: dict[int, list[Found]] = defaultdict(list)
    others: list[Found] = []
    placed = {row.layer_index for row in rows if row.layer_index is not None}
    for found in _over_the_whole(net, model, states, rows):
        (at[found.layer_index] if found.layer_index in placed else others).append(found)
    judged_rows: list[LayerRow] = []
    ignored: list[Finding] = []
    for row in rows:
        index = row.layer_index
        own = (Found(finding, index) for finding in row.findings)
        hidden, left = hidden_and_left(ignores, (*own, *(() if index is None else at[index])))
        ignored += hidden
        by_rule = sorted(left, key=lambda each: each.id)
        judged_rows.append(row._replace(findings=tuple(by_rule)))
    hidden, left = hidden_and_left(ignores, others)
    return Judged(tuple(judged_rows), tuple(sorted(left, key=_place)), (*ignored, *hidden), ignores)


def audit(
    net: Net | None,
    model: Model | None,
    selection: Selection,
    states: Sequence[NetState],
    wanted: WantedRules,
) -> tuple[Finding, ...]:
    """Every rule that is broken and wanted, by line, column, id; last what has no line."""
    found = judged(net, model, selection, states, frozen=wanted.frozen)
    return wanted.counted(found.findings())


def _place(finding: Finding) -> tuple[bool, int, int, str]:
    return finding.line is None, finding.line or 0, finding.column or 0, finding.id


def _over_the_whole(
    net: Net | None, model: Model | None, states: Sequence[NetState], rows: Sequence[LayerRow]
) -> Iterator[Found]:
    """What a net, a file or a pair breaks beside what single Deconvolutions do."""
    if net is not None:
        yield from net_rules.twice(net, model, states)
        yield from net_rules.misspelt(net.layers)
        yield from net_rules.fillers(net, states)
        stops = [*unmet(net, model, states)]
        yield from stops
        yield from net_rules.phases_differ(net, states)
        said = {found.layer_index for found in stops}  # DS015 says why; DS020 is for all else
        for found in net_rules.not_set_up(net, model, states):
            if found.layer_index not in said:
                yield found
    if net is not None and model is not None:
        missing = {
            row.layer_index
            for row in rows
            if any(finding.id == "DS001" for finding in row.findings)
        }
        yield from mismatched(net, model, states, missing, _fillable(rows))
    if model is not None:
        yield from net_rules.refused(net, model, states)


def _fillable(rows: Sequence[LayerRow]) -> Mapping[str, str]:
    """Matched layers that ``transplant --apply`` would fill, and patterns that take them."""
    patterns = exact_patterns(row.name for row in rows)
    matched = (row.target for row in rows if row.matched and row.target is not None)
    learned = learned_names(rows)
    return {
        target.layer.name: patterns[target.layer.name]
        for target in united(matched)
        if not target.problem and target.can_interpolate and target.layer.name not in learned
    }
