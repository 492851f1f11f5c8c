"""The sentences that end a report: what was done, or would be, and where the result is."""

from __future__ import annotations

from deconvsurgery.wording import plural

from .phrases import escaped


def place_words(output: str | None) -> str:
    """Where an output is."""
    return "standard output" if output == "-" else escaped(output or "nothing")


def is_in_place(output: str | None, source: str) -> bool:
    """Whether the input was the output's place."""
    return output not in (None, "-") and output == source


def closing(
    done: str, place: str, *, written: bool, in_place: bool = False, size: int | None = None
) -> str:
    """What was done, a sentence without its full stop, and one on the file at ``place``.

    >>> closing("Patched 1 of 2 layers", "b", written=True, size=1)
    'Patched 1 of 2 layers. Wrote b, 1 byte.'
    """
    if not written:
        return f"{done}. Nothing was written."
    if in_place:
        return f"{done}. Changed {place} in place."
    return f"{done}. Wrote {place}{'' if size is None else ', ' + plural(size, 'byte')}."


def unchanged(place: str, source: str, *, in_place: bool) -> str:
    """A sentence on an output that is what the ``source`` is ("the input").

    >>> unchanged("b", "the net", in_place=False)
    'b is the net, byte for byte.'
    """
    return f"{place} {'stays as it is' if in_place else f'is {source}'}, byte for byte."
