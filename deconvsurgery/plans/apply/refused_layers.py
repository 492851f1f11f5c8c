"""Errors for layers that cannot be changed as they are: all of them in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.errors import MismatchError, PrototxtError, ShapeError, SurgeryError
from deconvsurgery.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.matching.refusal import Refusal
    from deconvsurgery.prototxt.net import Layer


def refuse_misspelt(layers: Iterable[Layer]) -> None:
    """A misspelt field or value would silently become its default."""
    for layer in layers:
        for unknown in layer.misspelt:
            raise PrototxtError(
                f"layer {quoted(layer.name)} has {unknown.words}{unknown.suggestion}",
                line=unknown.line,
                column=unknown.column,
                layer=layer.name,
                hint="correct it: the value meant would otherwise silently be the default",
            )


def all_refused(
    refused: Sequence[tuple[MatchedLayer, Refusal]], done: str = "filled"
) -> SurgeryError:
    """One error for every layer that does not fit; a hint that several share is said once."""
    first, only = refused[0]
    skip = "`skip_unfit=True` leaves such layers alone and does the rest"
    if len(refused) == 1:
        message = f"layer {first.layer.name!r}: {only.reason}"
        hint = f"{only.hint}; {skip}" if only.hint else skip
    else:
        lines: list[str] = []
        hints: set[str | None] = {None}
        for target, found in refused:
            lines.append(f"  line {target.layer.line}, {target.layer.name!r}: {found.reason}")
            if found.hint not in hints:
                lines.append(f"    {found.hint}")
                hints.add(found.hint)
        message = f"{len(refused)} layers cannot be {done}:\n" + "\n".join(lines)
        hint = skip
    kind = MismatchError if any(found.mismatch for _, found in refused) else ShapeError
    return kind(message, layer=first.layer.name, line=first.layer.line or None, hint=hint)
