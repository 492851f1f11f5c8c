"""What ``patch-net`` would write for a finding, as a change of one place of the net's text.

For reviews, which show a change beside its lines, and make it where somebody says so. A change is
said only if it was tried: its finding is gone afterwards, and none has come. Of a repair of several
layers it is the part of one, which must do by itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.matching.shared_blobs import owners
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.selection import name_test
from deconvsurgery.splicing.byte_ranges import Edit, spliced

from .merged_steps import other_options, patterns_of
from .repair_step import has_option
from .trials import Asked, Key, Trials
from .tried_steps import NetAndModel, options_of_step, patch_of

if TYPE_CHECKING:
    from deconvsurgery.prototxt.parse import Scanned

    from .finding import Finding
    from .repair_step import RepairStep


class TextPlace(NamedTuple):
    """A place in the net's text: a line, and a column that counts bytes, both from 1."""

    line: int
    column: int


class Suggestion(NamedTuple):
    """A change of the net's text: ``text`` for what stands from ``start`` to before ``stop``."""

    start: TextPlace
    stop: TextPlace
    text: str


class FindingInText(NamedTuple):
    """Where a finding stands in the net's text, and the change of it that repairs the finding.

    ``None`` where it has no place there, and where no change of one place repairs it.
    """

    place: TextPlace | None = None
    suggestion: Suggestion | None = None


def in_text(
    findings: Sequence[Finding], pair: NetAndModel, asked: Asked, learned: Container[str]
) -> tuple[FindingInText, ...] | None:
    r"""Each finding's place and change; ``None`` where the net is no text that a review can hold.

    That is what is not at hand, not UTF-8, or has lines that end with a lone CR, which count for
    us and not for others. ``findings`` are those of `tried_repairs` for the same pair.
    """
    if pair.text is None or pair.net is None or pair.text.encoding != "utf-8":
        return None
    if b"\r" in pair.text.data.replace(b"\r\n", b""):
        return None
    changes = _Changes(pair, asked, learned)
    return tuple(
        FindingInText(changes.lines.place(finding), changes.of(finding)) for finding in findings
    )


class _Lines:
    """The text's lines as bytes."""

    def __init__(self, text: Scanned) -> None:
        self._text = text
        self.starts = [0, *(match.end() for match in re.finditer(b"\n", text.data))]
        self._mark = len(text.data) - len(text.text.text.encode())  # a byte order mark

    def offset(self, line: int, column: int) -> int:
        """The byte at a line and a column in characters, which count no byte order mark."""
        start = self.starts[line - 1] + (self._mark if line == 1 else 0)
        stop = self.starts[line] if line < len(self.starts) else len(self._text.data)
        before = self._text.data[start:stop].decode()[: column - 1]
        return start + len(before.encode())

    def at(self, offset: int) -> TextPlace:
        """The place of a byte."""
        line = bisect_right(self.starts, offset)
        return TextPlace(line, offset - self.starts[line - 1] + 1)

    def place(self, finding: Finding) -> TextPlace | None:
        """Where it stands."""
        if finding.line is None:
            return None
        return self.at(self.offset(finding.line, finding.column or 1))


class _Changes:
    """What patch-net makes of the text, for each step once: edits by the layer that they are in."""

    def __init__(self, pair: NetAndModel, asked: Asked, learned: Container[str]) -> None:
        assert pair.text is not None
        assert pair.net is not None
        self._text, self._net = pair.text, pair.net
        self.lines = _Lines(pair.text)
        layers = (layer for layer in pair.net.layers if layer.line)
        self._begin = sorted(self.lines.offset(layer.line, layer.column) for layer in layers)
        self._known: dict[int, dict[int, list[Edit]]] = {}
        self._alone = _TriedAlone(pair, asked, learned)

    def of(self, finding: Finding) -> Suggestion | None:
        """The change of the finding's own layer that repairs it."""
        steps = finding.repair.steps if finding.repair else ()
        if len(steps) != 1 or steps[0].verb != "patch-net" or finding.line is None:
            return None
        layer = self._layer(self.lines.offset(finding.line, finding.column or 1))
        edits = self._edits(steps[0])
        if layer in edits and (len(edits) == 1 or self._alone.is_apart(steps[0], finding)):
            return self._joined(edits[layer])
        alone = self._alone.step(steps[0], finding)
        edits = {} if alone is None else self._edits(alone)
        return self._joined(edits[layer]) if edits.keys() == {layer} else None

    def _edits(self, step: RepairStep) -> dict[int, list[Edit]]:
        # By the object: a step may name thousands of layers, and be that of each one's finding.
        if id(step) not in self._known:
            found: dict[int, list[Edit]] = defaultdict(list)
            for edit in patch_of(self._text, self._net, options_of_step(step)).edits:
                found[self._layer(edit.start)].append(edit)
            self._known[id(step)] = dict(found)
        return self._known[id(step)]

    def _layer(self, offset: int) -> int:
        """The layer that stands at a byte, counted in the text's order."""
        return bisect_right(self._begin, offset)

    def _joined(self, edits: Sequence[Edit]) -> Suggestion:
        """All in one, with what stands between them: a review takes one change a comment."""
        start, stop = min(each.start for each in edits), max(each.stop for each in edits)
        inner = [each._replace(start=each.start - start, stop=each.stop - start) for each in edits]
        text = spliced(self._text.data[start:stop], inner).decode()
        return Suggestion(self.lines.at(start), self.lines.at(stop), text)


class _TriedAlone:
    """Repairs of several layers, of one of them alone."""

    def __init__(self, pair: NetAndModel, asked: Asked, learned: Container[str]) -> None:
        assert pair.net is not None
        self._pair, self._trials = pair, Trials(asked, learned)
        self._left = self._trials.most_alone(pair)
        self._known: dict[tuple[int, str], tuple[RepairStep, Counter[Key]]] = {}
        self._resizes: dict[int, bool] = {}
        shared = owners(pair.net, asked.states(pair.net))
        self._sharing = {name for both in shared.items() for name, _ in both}
        self._named = Counter(layer.name for layer in pair.net.layers)

    def is_apart(self, step: RepairStep, finding: Finding) -> bool:
        """What the step does to the finding's layer does not ask what it does to others.

        It changes no size that reaches them, and no blob that is theirs, too.
        """
        name = finding.layer or ""
        if id(step) not in self._resizes:
            self._resizes[id(step)] = has_option(step, "--recipe")
        own = name not in self._sharing and self._named[name] == 1
        return own and not self._resizes[id(step)]

    def step(self, step: RepairStep, finding: Finding) -> RepairStep | None:
        """The step of the finding's layer alone, if it repairs the finding and brings no other."""
        name = finding.layer or ""
        asked = id(step), name
        if asked not in self._known:
            if not self._left:
                return None
            self._left -= 1
            alone = _of_layer(step, name)
            self._known[asked] = alone, self._gone(alone)
        alone, gone = self._known[asked]
        return alone if gone[finding.key] else None

    def _gone(self, step: RepairStep) -> Counter[Key]:
        """The findings that it repairs; none where it brings others, or loses something."""
        before = self._trials.of((), self._pair).keys
        outcome = self._trials.of((step,), self._pair)
        return before - outcome.keys if outcome.is_clean(before) else Counter()


def _of_layer(step: RepairStep, name: str) -> RepairStep:
    """The step with those of its patterns alone that take the layer."""
    patterns = [each for each in patterns_of(step) if name_test(each)(name)]
    named = (part for pattern in patterns for part in ("-p", pattern))
    return step._replace(options=(*named, *other_options(step)))
