"""``completion``: the script that makes the TAB key complete in a shell."""

from __future__ import annotations

import click

from .console import show_raw
from .help import Verb, argument
from .shell_completion import SHELLS, script


@click.command(cls=Verb, short_help="The script that makes a shell complete by the TAB key.")
@argument(
    "shell",
    "SHELL",
    "SHELL: bash (4.4 or later), zsh or fish.",
    type=click.Choice(SHELLS),
)
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print the script that makes the TAB key complete in a shell.

    \b
    Examples:
      deconvsurgery completion bash
      deconvsurgery completion zsh
      deconvsurgery completion fish

    In ~/.bashrc or, below compinit, in ~/.zshrc: eval "$(deconvsurgery completion bash)", or zsh.
    For fish, write it to ~/.config/fish/completions/deconvsurgery.fish; make that folder first.
    """
    whole = context.find_root().command
    show_raw(script(whole, shell).encode())
    return 0
