"""Which layers a caller means: patterns, and the states of the net in which they are looked for."""

from __future__ import annotations

from collections.abc import Sequence

from deconvsurgery.arguments import texts
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Net, NetState, Phase
from deconvsurgery.prototxt.nothing_selected import nothing_matched
from deconvsurgery.prototxt.selection import Selection, match_layers


class LayerChoice(NamedTuple):
    """The patterns that choose layers and those that leave some out, and what names the states."""

    patterns: tuple[str, ...]
    exclude: tuple[str, ...]
    phase: Phase | None
    level: int | None
    stage: tuple[str, ...]

    def states(self, net: Net) -> tuple[NetState, ...]:
        """The states of the net to look at."""
        return net.states(self.phase, self.level, self.stage)

    def selection(
        self,
        net: Net,
        states: Sequence[NetState],
        *,
        allow_empty: bool | None = None,
        holder: str = "the net",
    ) -> Selection:
        """The layers of the net that are meant; raises ``SelectionError`` where it has none.

        ``holder`` is what a message calls the net. ``allow_empty`` is ``None`` where the verb has
        no such option.
        """
        found = match_layers(net, self.patterns, self.exclude, states)
        if not found.matched and not allow_empty:
            can_be_empty = allow_empty is not None
            raise nothing_matched(
                net, self.patterns, states, self.exclude, holder, can_be_empty=can_be_empty
            )
        return found


def layer_choice(
    patterns: str | Sequence[str],
    exclude: str | Sequence[str],
    phase: Phase | str | None,
    level: int | None,
    stage: str | Sequence[str],
) -> LayerChoice:
    """The parameters that a verb takes of layers and states.

    Raises ``TypeError`` for what is no text, ``ValueError`` for a phase that there is not.
    """
    return LayerChoice(
        texts(patterns, "patterns"),
        texts(exclude, "exclude"),
        _phase(phase),
        level,
        texts(stage, "stage"),
    )


def _phase(phase: Phase | str | None) -> Phase | None:
    """A phase by its name, in either case."""
    if isinstance(phase, str):
        if phase.upper() not in Phase.__members__:
            raise ValueError(f"phase is train or test, not {phase!r}")
        return Phase[phase.upper()]
    return phase
