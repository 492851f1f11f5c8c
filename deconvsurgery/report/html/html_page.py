"""A page of HTML as a value: its text, which a notebook shows in a frame of its own."""

from __future__ import annotations

import os
from html import escape
from typing import Self

_LINE = "1px solid color-mix(in srgb,currentColor 25%,transparent)"
_FRAME = f"display:block;box-sizing:border-box;width:100%;height:40rem;border:{_LINE}"


class HtmlPage(str):
    """The text of a page, complete in itself.

    As the last value of a notebook's cell it is shown in a frame that no script runs in and that
    shares no style with the notebook (``iframe`` with ``sandbox`` and ``srcdoc``).

    Example:
        >>> page = HtmlPage("<!DOCTYPE html><title>a &lt; b</title>")
        >>> page
        <HtmlPage: 38 characters>
        >>> page.startswith("<!DOCTYPE html>")
        True
    """

    __slots__ = ()

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> Self:
        """Write the page to a file, in UTF-8, whole or not at all.

        Args:
            path: The file, or a URL of a store.
            force: Replace a file that is there (``--force``).

        Returns:
            The page itself.

        Raises:
            OutputError: The file exists, or its place will not do.
            FileError: The operating system refused; what was there is as it was.
        """
        from deconvsurgery.storage.write_outputs import write_file

        write_file(path, self.encode("utf-8"), force=force)
        return self

    def _repr_html_(self) -> str:
        """The page in a frame."""
        return (
            f'<iframe title="deconvsurgery" sandbox="" style="{_FRAME}" '
            f'srcdoc="{escape(self)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<HtmlPage: {len(self):,} characters>"
