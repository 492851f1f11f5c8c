"""One kernel for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.report.cells import Remark, Tone
from deconvsurgery.report.kernel_rows import grid, head_words, taps, verdicts

from .fragment import fragment

if TYPE_CHECKING:
    from deconvsurgery.report.phrases import Medium
    from deconvsurgery.verbs.kernel_facts import KernelFacts


def kernel_fragment(facts: KernelFacts, medium: Medium) -> str:
    """Its values, where its weight lies, its gain per phase, and the recipe of its factor."""
    values = "\n".join(grid(facts, medium.width))
    notes = (
        []
        if values
        else [Remark(label, Tone.QUIET, None, words) for label, words in taps(facts, medium)]
    )
    notes += [Remark(label, cell.tone, None, cell.words) for label, cell in verdicts(facts, medium)]
    return fragment(None, heads=[(head_words(facts), "")], notes=notes, commands=values)
