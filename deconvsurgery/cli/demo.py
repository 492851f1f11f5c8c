"""``demo``: everything at work on a small net, with nothing else at hand."""

from __future__ import annotations

from collections.abc import Iterator

import click

from . import shared_options as shared
from .console import show, show_result
from .help import Verb, argument


@click.command(cls=Verb, short_help="A small FCN-like net and model, and apply run on them.")
@argument(
    "directory",
    "[DIR]",
    "DIR: The folder for net and models (default: deconvsurgery-demo).",
    default="deconvsurgery-demo",
    type=shared.FOLDER,
)
@shared.force("Replace files of other content in DIR.")
def command(directory: str, force: bool) -> int:
    """Write a small FCN-like net and a base model to DIR, and run apply on them.

    \b
    Examples:
      deconvsurgery demo
      deconvsurgery demo /tmp/look

    DIR is made if need be (default: deconvsurgery-demo). A second run changes nothing.
    """
    from rich.text import Text

    from deconvsurgery.report.repair_commands import command_line
    from deconvsurgery.report.terminal.sheet import Lines
    from deconvsurgery.verbs.demo import demo

    result = demo(directory, force=force)
    net, base, output = result.net, result.input, result.output or ""
    show(Lines([f"$ {command_line(['apply', net, base, output])}", ""]))
    show_result("apply", result)
    show(Text("\nWhat to look at next:"))
    show(Text(f"  {net}\n      the net, with a word on each of its three Deconvolution layers"))
    for arguments, words in next_commands(net, output):
        show(Lines([f"  {command_line(arguments)}"]))  # to be copied
        show(Text(f"      {words}"))
    return 0


def next_commands(net: str, output: str) -> Iterator[tuple[list[str], str]]:
    """Commands to try on what was made, and what each shows."""
    yield (
        ["inspect", net, output],
        "what every Deconvolution is now; 'refine' is learned and was left alone",
    )
    yield (
        ["inspect", "--picture", net, output],
        "the same, drawn: kernels, which channels an output gets, a test picture",
    )
    yield ["apply", "--check", net, output], "a second run changes nothing: exit code 0"
    yield ["kernel", "4", "--stride", "2"], "the kernel that was put there"
