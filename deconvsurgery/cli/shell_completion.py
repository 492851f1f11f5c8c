"""Completion in bash, zsh and fish, by click's own machinery.

``completion bash`` prints what a shell sources once; that script asks
``_DECONVSURGERY_COMPLETE=bash_complete deconvsurgery`` with the words typed so far.
"""

from __future__ import annotations

import os
import re
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from deconvsurgery.program.started_as import COMPLETE, NAME
from deconvsurgery.wording import quoted

# Unlike click's, it passes values through as they are: no globbing, no backslash eaten.
_BASH = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case ${line%%%%,*} in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${line#*,}") ;;
            begun) COMPREPLY+=("${line#*,}"); compopt -o nospace ;;
        esac
    done < <(
        IFS=$'\\n'
        env COMP_WORDS="${COMP_WORDS[*]:0:COMP_CWORD+1}" COMP_CWORD="$COMP_CWORD" \\
            %(complete_var)s=bash_complete "${1/#\\~/$HOME}" 2>/dev/null
    )
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


SHELLS: Final = ("bash", "zsh", "fish")
BEGUN: Final = "begun"
"""The type of a candidate that more is typed behind, so that no blank is to follow it."""


def script(command: click.Command, shell: str) -> str:
    """What a shell of ``SHELLS`` sources; no shell is started for it."""
    kind = get_completion_class(shell)
    assert kind is not None
    completer = kind(command, {}, NAME, COMPLETE)
    return completer.source_template % completer.source_vars()


def complete(command: click.Command, variable: str, instruction: str) -> int:
    """Do what a shell asks for in ``variable``: ``bash_source``, ``fish_complete`` and so on."""
    shell, _, wanted = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or wanted not in ("source", "complete"):
        raise click.UsageError(
            f"{variable} is bash_source, zsh_source or fish_source, not {quoted(instruction)}"
        )
    completer = kind(command, {}, "deconvsurgery", variable)
    if wanted == "source":
        click.echo(completer.source().encode(), nl=False)
        return 0
    _refuse_odd_words(shell, variable, instruction)
    # A file's name may be no UTF-8.
    click.echo(completer.complete().encode("utf-8", "surrogateescape"))
    return 0


def _refuse_odd_words(shell: str, variable: str, instruction: str) -> None:
    """Raise ``UsageError`` where the words typed are not there: no script of ours is asking."""
    place = os.environ.get("COMP_CWORD")
    is_place = place is not None and (shell == "fish" or _PLACE.fullmatch(place) is not None)
    if "COMP_WORDS" not in os.environ or not is_place:
        raise click.UsageError(
            f"{variable}={instruction} is for the script that {shell}_source prints: it sets"
            " COMP_WORDS to the words typed and COMP_CWORD to the place of the last one"
        )


_PLACE: Final = re.compile("[0-9]{1,6}")


@add_completion_class
class Bash(BashComplete):
    """Bash takes a candidate as it is, so it must be spelt for the place it goes to."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before, and the one begun: put together where bash breaks at = and colon."""
        before, begun = super().get_completion_args()
        words: list[str] = []
        glued = False
        for word in (*before, begun):
            mark = word != "" and not word.strip(":=")
            if (mark or glued) and len(words) > 1:
                words[-1] += word
            else:
                words.append(word)
            glued = mark
        return words[:-1], words[-1]

    def complete(self) -> str:
        """A line a candidate: its kind and, for words, what bash is to put there."""
        before, begun = self.get_completion_args()
        items = self.get_completions(before, begun)
        typed = os.environ["COMP_WORDS"].rpartition("\n")[2]
        quote = typed[0] if typed[:1] in ("'", '"') else ""
        if begun.startswith("-"):
            begun = begun.partition("=")[2]
        # What stands before the last of them bash leaves there.
        kept = "" if quote else begun[: max(begun.rfind(":"), begun.rfind("=")) + 1]
        lines = []
        for item in items:
            is_word = item.type in ("plain", BEGUN)
            spelt = spelt_in_bash(str(item.value), quote) if is_word else ""
            if spelt is not None and spelt.startswith(kept if spelt else ""):
                lines.append(f"{item.type},{spelt[len(kept) :]}")
        return "\n".join(lines)


class _WholeWords(ShellComplete):
    """For shells that put a candidate in the place of the whole word, ``--option=`` and all."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """As click's, which answers with values alone; files here, as no shell looks behind ``=``.

        It adds an option that it finds in the word to ``args``.
        """
        items = super().get_completions(args, incomplete)
        option, sign, begun = incomplete.partition("=")
        before = f"{option}{sign}"
        if not sign or not option.startswith("--"):
            return items
        if any(item.type == "file" for item in items):
            return files(before, begun)
        return [CompletionItem(f"{before}{item.value}", item.type, item.help) for item in items]


@add_completion_class
class Zsh(_WholeWords, ZshComplete):
    """As click's, but behind a candidate that goes on there is no blank."""

    source_template = ZshComplete.source_template.replace(
        '        elif [[ "$type" == "dir" ]]; then\n',
        f'        elif [[ "$type" == "{BEGUN}" ]]; then\n            compadd -U -S "" -- "$key"\n'
        '        elif [[ "$type" == "dir" ]]; then\n',
    )


@add_completion_class
class Fish(_WholeWords, FishComplete):
    """As click's, but a comma in a name does not end it."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split -m 1 ","'
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before, and the one begun, which may be blanks alone."""
        if os.environ["COMP_CWORD"].strip():
            return super().get_completion_args()
        return split_arg_string(os.environ["COMP_WORDS"])[1:], ""

    def format_completion(self, item: CompletionItem) -> str:
        """A line a candidate; fish itself puts no blank behind ``=`` and ``/``."""
        if item.type == BEGUN:
            item = CompletionItem(item.value, help=item.help)
        return super().format_completion(item)


def files(before: str, path: str) -> list[CompletionItem]:
    """Files and folders that go on from ``path``, with ``before`` in front of each.

    Hidden ones where their dot is typed; none where they cannot be listed.
    """
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


def spelt_in_bash(word: str, quote: str) -> str | None:
    r"""The word for bash, bare or behind an open ``quote``; ``None`` where it cannot stand there.

    >>> print(spelt_in_bash("it's up*", ""), spelt_in_bash("up*", "'"), spelt_in_bash("$up", '"'))
    it\'s\ up\* up* \$up
    """
    if quote == "'":
        return None if "'" in word else word
    if quote:
        return None if "!" in word else re.sub(r'([$`"\\])', r"\\\1", word)
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", word)
