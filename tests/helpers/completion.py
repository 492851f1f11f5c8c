"""What completion is tried on: a folder of nets, some with odd names, and the command on a PATH."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from helpers.models import write_demo

# A space; quotes and glob characters; where bash breaks words; what a pattern takes for a regex.
ODD = ("up 2", 'it\'s [x]* a "$HOME" `name`\\', "up:0=b,", "re:up!;&|", "upß", "-up", "~up#")
IT_S = 'it\'s [[]x][*] a "$HOME" `name`\\'  # a pattern for the second of them


def lay(folder: Path) -> Path:
    """The demo's pair, a net whose layers have the `ODD` names, and a folder; the folder itself."""
    write_demo(folder, "net.prototxt", "in.caffemodel")
    layers = (
        b'layer { name: %b type: "Deconvolution" bottom: "x" top: "y" '
        b"convolution_param { num_output: 2 kernel_size: 4 stride: 2 } }\n"
        % _quoted_for_prototxt(name)
        for name in ODD
    )
    (folder / "out").mkdir()
    (folder / "out" / "report.sarif").write_text("")
    (folder / "odd.prototxt").write_bytes(b'input: "x"\n' + b"".join(layers))
    return folder


def _quoted_for_prototxt(name: str) -> bytes:
    text = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'.encode()


def path_with_command(folder: Path) -> str:
    """A PATH on which the command is found, in this folder."""
    command = folder / "deconvsurgery"
    program = "from deconvsurgery.__main__ import main\nmain()\n"
    command.write_text(f"#!{sys.executable}\n{program}")
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
