"""What completes ``FORMAT=FILE``: the formats, and behind the sign the files that are there."""

from __future__ import annotations

from collections.abc import Sequence

from click.shell_completion import CompletionItem

from .shell_completion import BEGUN, files


def formats_or_files(formats: Sequence[str], begun: str) -> list[CompletionItem]:
    """The words that begin as the one that is typed."""
    form, sign, path = begun.partition("=")
    if not sign:
        return [CompletionItem(f"{each}=", BEGUN) for each in formats if each.startswith(form)]
    return files(f"{form}=", path) if form in formats else []
