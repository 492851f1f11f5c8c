"""Write the man pages: ``python docs/man/make.py``.

Everything on them is said elsewhere already: by the commands' own help, and by the tables of
``docs/cli.md`` (exit codes) and ``docs/shell.md`` (environment). Same sources, same bytes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from pathlib import Path

import click

from deconvsurgery import __version__
from deconvsurgery.cli import VERBS, deconvsurgery

DOCS = Path(__file__).resolve().parents[1]
PLACE = Path(__file__).resolve().parent / "man1"
TOOL = "deconvsurgery"

# What roff would take for something else, or show as another sign.
SPELT = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
LEFT_BEHIND = (
    "A run that was killed may leave a file of this name beside OUT; "
    "it can be deleted when no run is under way."
)


def pages() -> dict[str, str]:
    """Each page's text by its file's name."""
    context = click.Context(deconvsurgery, info_name=TOOL, **deconvsurgery.context_settings)
    made = {f"{TOOL}.1": main_page(context)}
    for verb in VERBS:
        command = deconvsurgery.get_command(context, verb)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=verb)
        made[f"{TOOL}-{verb}.1"] = verb_page(inner, verb)
    return made


def main_page(context: click.Context) -> str:
    """The page of the tool itself."""
    verbs = [
        line
        for verb, short in VERBS.items()
        for line in (".TP", rf"{bold(f'{TOOL}-{verb}')}(1)", text(short))
    ]
    completion = (
        "Completion of verbs, options, files and layer names is switched on in bash by "
        f'`eval "$(_{TOOL.upper()}_COMPLETE=bash_source {TOOL})"`; zsh and fish have zsh_source '
        "and fish_source."
    )
    return page(
        TOOL,
        "network surgery on Caffe models, without Caffe",
        synopsis=[f"{bold(TOOL)} {argument('[OPTIONS]')} {argument('VERB')} ..."],
        sections={
            "DESCRIPTION": [*description(context.command), ".PP", words_of_the_trade()],
            "VERBS": verbs,
            "OPTIONS": options(context),
            "EXAMPLES": examples(context.command),
            "EXIT STATUS": table(DOCS / "cli.md", "Exit codes"),
            "ENVIRONMENT": table(DOCS / "shell.md", "Terminals and pipes"),
            "COMPLETION": [markdown(completion)],
            "SEE ALSO": see_also([f"{TOOL}-{verb}" for verb in VERBS]),
        },
    )


def verb_page(context: click.Context, verb: str) -> str:
    """The page of one verb."""
    command = context.command
    writes = any(parameter.name in ("force", "in_place") for parameter in command.params)
    files = [".TP", argument(".deconvsurgery-*.tmp"), text(LEFT_BEHIND)] if writes else []
    usage = " ".join(argument(piece) for piece in command.collect_usage_pieces(context))
    return page(
        f"{TOOL}-{verb}",
        VERBS[verb].rstrip(".")[0].lower() + VERBS[verb].rstrip(".")[1:],
        synopsis=[f"{bold(f'{TOOL} {verb}')} {usage}"],
        sections={
            "DESCRIPTION": description(command),
            "OPTIONS": options(context),
            "EXAMPLES": examples(command),
            "EXIT STATUS": table(DOCS / "cli.md", "Exit codes"),
            "ENVIRONMENT": table(DOCS / "shell.md", "Terminals and pipes"),
            "FILES": files,
            "SEE ALSO": see_also([TOOL, *(f"{TOOL}-{each}" for each in VERBS if each != verb)]),
        },
    )


def page(name: str, short: str, *, synopsis: Sequence[str], sections: dict[str, list[str]]) -> str:
    """Header, NAME, SYNOPSIS, and those sections that have something to say. No date."""
    lines = [
        r".\" Made by docs/man/make.py; edit what it is made of.",
        f'.TH {text(name.upper())} 1 "" "{TOOL} {__version__}" "Network surgery"',
        ".nh",  # names are to be copied whole
        ".ad l",
        ".SH NAME",
        rf"{text(name)} \- {text(short)}",
        ".SH SYNOPSIS",
        *synopsis,
    ]
    for title, body in sections.items():
        if body:
            lines += [f".SH {title}", *body]
    return "\n".join(lines) + "\n"


def words_of_the_trade() -> str:
    """What a net, a model and a matched layer are."""
    (told,) = re.findall(
        r"^\*net\* is .*?(?=\n\n)", (DOCS / "cli.md").read_text("utf-8"), re.M | re.S
    )
    return markdown(" ".join(told.split()))


def paragraphs(command: click.Command) -> list[str]:
    """Those of the help, unwrapped; one that begins with click's mark is kept as it is."""
    return inspect.cleandoc(command.help or "").split("\n\n")


def description(command: click.Command) -> list[str]:
    """The help without its examples."""
    prose = [each for each in paragraphs(command) if not each.startswith("\b")]
    return [line for each in prose for line in (".PP", markdown(" ".join(each.split())))]


def examples(command: click.Command) -> list[str]:
    """The lines below ``Examples:``, each to be copied."""
    (block,) = (each for each in paragraphs(command) if each.startswith("\b"))
    lines = inspect.cleandoc("\n".join(block.splitlines()[2:])).splitlines()
    # Further to the left than prose, so that commands of 76 columns fit.
    return [".in 4n", ".EX", *map(text, lines), ".EE", ".in"]


def options(context: click.Context) -> list[str]:
    """Names, what they take, and what they do, with defaults as ``--help`` has them."""
    lines = []
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            names, meaning = record
            lines += [".TP", " ".join(map(option_word, names.split())), markdown(meaning)]
    return lines


def option_word(word: str) -> str:
    """``-p,`` and ``--pattern`` are bold, ``TEXT`` is italic."""
    name, comma = word.rstrip(","), "," * word.endswith(",")
    if name == "/":
        return "/"
    return (bold(name) if name.startswith("-") else argument(name)) + comma


def table(source: Path, heading: str) -> list[str]:
    """The rows of the first table below a heading of a document."""
    section = source.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.MULTILINE)
    assert len(rows) > 1, heading
    return [
        line for name, what in rows[1:] for line in (".TP", bold(name.strip("`")), markdown(what))
    ]


def see_also(names: Sequence[str]) -> list[str]:
    """Other pages."""
    return [",\n".join(f"{bold(name)}(1)" for name in names)]


def markdown(words: str) -> str:
    """Words with ```code``` in bold, ``*words*`` in italics, and links as their text."""
    parts = re.split(r"`([^`]+)`|\*([A-Za-z ]+)\*", re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", words))
    spelt = [text(parts[0])]
    for code, stressed, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        spelt += [bold(code) if code else rf"\fI{text(stressed)}\fR", text(rest)]
    return "".join(spelt)


def bold(words: str) -> str:
    """To be typed."""
    return rf"\fB{text(words)}\fR"


def argument(words: str) -> str:
    """To be replaced: the capitals in italics, brackets and bars as they are."""
    return "".join(
        rf"\fI{text(part)}\fR" if part.isupper() else text(part)
        for part in re.split(r"([A-Z_=]+)", words)
    )


def text(words: str) -> str:
    """Words as roff shows them unchanged."""
    spelt = "".join(
        SPELT.get(sign) or (sign if sign.isascii() else rf"\[u{ord(sign):04X}]") for sign in words
    )
    return rf"\&{spelt}" if spelt.startswith(".") else spelt


def main() -> None:
    """Write the pages; what is not one of them any more is taken away."""
    PLACE.mkdir(exist_ok=True)
    made = pages()
    for path in PLACE.iterdir():
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (PLACE / name).write_text(content, "ascii")


if __name__ == "__main__":
    main()
