"""What completes ``FORMAT=FILE``: the formats, and behind the sign the files that are there."""

from __future__ import annotations

import os
from collections.abc import Sequence

from click.shell_completion import CompletionItem

from .shell_completion import BEGUN


def formats_or_files(formats: Sequence[str], begun: str) -> list[CompletionItem]:
    """The words that begin as the one that is typed."""
    form, sign, path = begun.partition("=")
    if not sign:
        return [CompletionItem(f"{each}=", BEGUN) for each in formats if each.startswith(form)]
    return _files(f"{form}=", path) if form in formats else []


def _files(before: str, path: str) -> list[CompletionItem]:
    """Files and folders, hidden ones where their dot is typed; none where they cannot be listed."""
    folder, name = os.path.split(path)
    head = path.removesuffix(name) if name else path
    try:
        with os.scandir(folder or os.curdir) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except (OSError, ValueError):
        return []
    return [
        CompletionItem(f"{before}{head}{each}{'/' * is_folder}", BEGUN if is_folder else "plain")
        for each, is_folder in found
        if each.startswith(name) and (name or not each.startswith("."))
    ]
