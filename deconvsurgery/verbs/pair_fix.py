"""What was done to a net and its model to fix them, or would be done."""

from __future__ import annotations

from deconvsurgery.caffemodel.model import Version
from deconvsurgery.comparison.result import ModelContrast
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.rules.repair_step import RepairStep


class ModelsCompared(NamedTuple):
    """A model before and after: how they differ, the form of each, and its size in bytes."""

    contrast: ModelContrast
    versions: tuple[Version, Version]
    sizes: tuple[int, int]


class PairFix(NamedTuple):
    """What fixes a pair: the ids of the rules that are broken no more, and the steps that do it.

    ``net`` and ``model`` are the files that were changed, or made (with ``written`` false: would
    be); ``None`` for one that stays as it is. ``texts`` are the net's bytes before and after,
    ``models`` how the two models differ, where that was asked for.
    """

    rules: tuple[str, ...]
    steps: tuple[RepairStep, ...]
    net: str | None
    model: str | None
    written: bool
    texts: tuple[bytes, bytes] | None = None
    models: ModelsCompared | None = None

    @property
    def words(self) -> str:
        """It in a sentence."""
        files = " and ".join(each for each in (self.net, self.model) if each is not None)
        verbs = ", ".join(dict.fromkeys(step.verb for step in self.steps))
        done = "fixed" if self.written else "would be fixed"
        return f"{done}: {', '.join(self.rules)} in {files}, by {verbs}"
