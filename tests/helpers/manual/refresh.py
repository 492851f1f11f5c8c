"""Write what the pages show anew: ``python -m helpers.manual.refresh [PAGE ...]``.

For outputs that are meant to be others now; read the diff before it is committed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from helpers.manual.blocks import PAGES, page_name
from helpers.manual.playing import play, updated
from helpers.manual.readers import reader


def main(wanted: list[str]) -> int:
    """Refresh the pages whose names end so, or all; 1 where a command failed."""
    failed = 0
    for page in PAGES:
        if wanted and not any(page_name(page).endswith(each) for each in wanted):
            continue
        text = page.read_text("utf-8")
        with tempfile.TemporaryDirectory() as place:
            played = play(text, reader(page), Path(place))
        for replayed in played:
            if replayed.wrong:
                failed = 1
                print(f"{page_name(page)}:{replayed.block.line}: {replayed.wrong}")
        if (new := updated(text, played)) != text:
            page.write_text(new, "utf-8")
            print(f"{page_name(page)}: written anew")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
