"""``demo``: everything at work on a small net, with nothing else at hand."""

from __future__ import annotations

import click

from . import shared_options as shared
from .console import show, show_result


@click.command(short_help="A small FCN-like net and model, and apply run on them.")
@click.argument("directory", metavar="[DIR]", default="deconvsurgery-demo", type=shared.FOLDER)
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

    from deconvsurgery.verbs.demo import demo

    result = demo(directory, force=force)
    net, base, output = result.net, result.input, result.output
    show(Text(f"$ deconvsurgery apply {net} {base} {output}\n"), whole_lines=True)
    show_result("apply", result, dry_run=False)
    for line in NEXT.format(net=net, output=output).splitlines():
        show(Text(line), whole_lines=line.startswith("  deconvsurgery "))  # to be copied
    return 0


NEXT = """
What to look at next:
  {net}
      the net, with a word on each of its three Deconvolution layers
  deconvsurgery inspect {net} {output}
      what every Deconvolution is now; 'refine' is learned and was left alone
  deconvsurgery inspect --picture {net} {output}
      the same, drawn: kernels, which output hears which channel, a test picture
  deconvsurgery apply --check {net} {output}
      a second run changes nothing: exit code 0
  deconvsurgery kernel 4 --stride 2
      the kernel that was put there"""
