"""Write the pictures of terminals: ``python docs/figures/make.py``.

Each is a real run of the tool, its colours included, as a terminal of that width would show it; a
figure more is a line in `FIGURES`. They are in two themes, for pages that are light or dark, and
load nothing: no font, no picture. Same tool, same bytes. Never here: anything that the tool did not
print, but the prompt.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from deconvsurgery.caffe_fields import message_class
from deconvsurgery.prototxt.parse import parse_net
from deconvsurgery.verbs.demo_net import base_model, net_text

PLACE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Figure:
    """A command to be run beside the files of `lay`, how wide its terminal is, how it ends."""

    command: str
    columns: int = 80
    code: int = 0


FIGURES = {
    "apply": Figure("apply net.prototxt in.caffemodel out.caffemodel"),
    "demo": Figure("demo fcn"),
    "kernel": Figure("kernel 4"),
    "kernel-16": Figure("kernel 16"),
    "filler": Figure("inspect --picture -p upscore2 net.prototxt filler.caffemodel"),
    "surgery": Figure("inspect --picture -p upscore2 net.prototxt surgery.caffemodel"),
    "inspect": Figure("inspect old.prototxt old.caffemodel"),
    "check": Figure("check old.prototxt old.caffemodel", code=1),
    "diff": Figure("diff --only-changed old.caffemodel new.caffemodel", code=1),
    "patch-net": Figure("patch-net --diff old.prototxt patched.prototxt"),
    "refused": Figure("apply fcn4s.prototxt in.caffemodel out.caffemodel", code=3),
    "misspelt": Figure("apply typo.prototxt in.caffemodel out.caffemodel", code=3),
}


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of a page and a terminal on it; those of numbers 0 to 7 and 8 to 15."""

    background: str
    foreground: str
    border: str
    normal: str
    bright: str

    @property
    def theme(self) -> TerminalTheme:
        """The same for rich."""
        return TerminalTheme(
            rgb(self.background),
            rgb(self.foreground),
            [rgb(each) for each in self.normal.split()],
            [rgb(each) for each in self.bright.split()],
        )


# Black, red, green, yellow, blue, magenta, cyan, white: as GitHub's pages have them.
LOOKS = {
    "dark": Look(
        "#151b23",
        "#e6edf3",
        "#3d444d",
        "#484f58 #ff7b72 #3fb950 #d29922 #58a6ff #bc8cff #39c5cf #b1bac4",
        "#6e7681 #ffa198 #56d364 #e3b341 #79c0ff #d2a8ff #56d4dd #f0f6fc",
    ),
    "light": Look(
        "#f6f8fa",
        "#1f2328",
        "#d1d9e0",
        "#24292f #cf222e #116329 #9a6700 #0969da #8250df #1b7c83 #6e7781",
        "#57606a #a40e26 #1a7f37 #633c01 #218bff #a475f9 #3192aa #8c959f",
    ),
}

# rich fills it in. Its own loads a font from the network.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", \
"Liberation Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 16px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<rect width="100%" height="100%" rx="8" fill="none" stroke="BORDER" stroke-width="2"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def figures() -> dict[str, str]:
    """Each picture's text by its file's name."""
    made = {}
    for name, figure in FIGURES.items():
        page = Text.from_ansi(run(figure))
        for kind, look in LOOKS.items():
            made[f"{name}-{kind}.svg"] = drawn(page, figure.columns, look, f"{name}-{kind}")
    return made


def run(figure: Figure) -> str:
    """The prompt and what the command prints, in ANSI."""
    with tempfile.TemporaryDirectory() as folder:
        lay(Path(folder))
        done = printed(figure.command, Path(folder), figure.columns)
    if done.returncode != figure.code:
        raise RuntimeError(f"{figure.command} ended with {done.returncode}:\n{done.stdout}")
    return f"\x1b[2m$\x1b[0m \x1b[1mdeconvsurgery {figure.command}\x1b[0m\n{done.stdout}"


def printed(command: str, place: Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """Run it as on a terminal of all colours."""
    env = {each: value for each, value in os.environ.items() if each != "NO_COLOR"}
    terminal = {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color"}
    # Where the command is found by its name, commands that it prints begin with that.
    env["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), env["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", "deconvsurgery", *command.split()],
        cwd=place,
        env=env | terminal | {"COLUMNS": str(columns), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def lay(place: Path) -> None:
    """The demo's net and model, and what people have instead."""
    text = net_text().decode()
    last = "group: 5 bias_term: false kernel_size: 4 stride: 2 pad: 1"
    nets = {
        "net": text,
        # No group, and no pad: two of the traps.
        "old": changed(text, last, "bias_term: false kernel_size: 4 stride: 2"),
        "fcn4s": changed(text, last, "group: 5 bias_term: false kernel_size: 4 stride: 4"),
        "typo": changed(text, "bias_term: false kernel_size", "bias_term: false kernel_sise"),
    }
    for name, net in nets.items():
        (place / f"{name}.prototxt").write_text(net, "utf-8")
    (place / "in.caffemodel").write_bytes(base_model(parse_net(net_text())))
    for command in (
        "transplant -q --apply -x upscore2 old.prototxt in.caffemodel old.caffemodel",
        "apply -q -p upscore2 old.prototxt old.caffemodel new.caffemodel",
        "apply -q net.prototxt in.caffemodel surgery.caffemodel",
    ):
        printed(command, place).check_returncode()
    model = message_class("NetParameter").FromString((place / "surgery.caffemodel").read_bytes())
    (layer,) = (each for each in model.layer if each.name == "upscore2")
    # As the filler has it: the kernel of the pair (0, 0) in every pair.
    kernel = layer.blobs[0].data[:16]
    layer.blobs[0].data[:] = [*kernel] * 25
    (place / "filler.caffemodel").write_bytes(model.SerializeToString())


def changed(text: str, old: str, new: str) -> str:
    """The text with its first ``old`` replaced; it has to be there."""
    before, found, after = text.partition(old)
    if not found:
        raise ValueError(f"the demo's net has no {old!r} any more")
    return before + new + after


def drawn(page: Text, columns: int, look: Look, name: str) -> str:
    """A terminal that shows the page."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=columns,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        legacy_windows=False,
    )
    for line in folded(page, columns):
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    svg = console.export_svg(
        title="deconvsurgery",
        theme=look.theme,
        code_format=FORMAT.replace("BORDER", look.border),
        unique_id=name,
    )
    svg = re.sub(r"<text [^>]*>\n</text>", "", svg)  # rich draws the line's end, too
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines() if line.strip())


def folded(page: Text, columns: int) -> Iterator[Text]:
    """Its lines; what is too long goes on in the next, as a terminal has it."""
    for line in page.split("\n", allow_blank=True):
        line.rstrip()
        yield from line.divide(range(columns, len(line), columns))


def rgb(colour: str) -> tuple[int, int, int]:
    """``#rrggbb`` as numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def main() -> None:
    """Write the pictures; what is not one of them any more is taken away."""
    made = figures()
    for path in PLACE.glob("*.svg"):
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (PLACE / name).write_text(content, "utf-8")


if __name__ == "__main__":
    main()
