"""Write the man pages and the files that complete: ``python docs/man/make.py``.

Everything on them is said elsewhere already: by the commands' own help, by the table of rules, and
by the tables of ``docs/cli.md`` (exit codes) and ``docs/shell.md`` (environment). Each page stands
alone: what it needs of another one is on both.

Same sources, same bytes: the date is the one that ``docs/changelog.md`` has for this version, or
that of ``SOURCE_DATE_EPOCH`` (reproducible-builds.org), where a packager sets it.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click

from deconvsurgery import __version__
from deconvsurgery.cli import VERBS, deconvsurgery
from deconvsurgery.cli.help import Argument, Verb, described
from deconvsurgery.cli.option_groups import ARGUMENTS
from deconvsurgery.cli.shell_completion import script
from deconvsurgery.rules.finding import RULES

DOCS = Path(__file__).resolve().parents[1]
PLACE = Path(__file__).resolve().parent / "man1"
COMPLETION = DOCS / "completion"
# As each shell looks for it: bash by the command's name, zsh behind an underscore.
NAMES = {"bash": "deconvsurgery", "zsh": "_deconvsurgery", "fish": "deconvsurgery.fish"}
TOOL = "deconvsurgery"

# What roff would take for something else, or show as another sign.
SPELT = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
LEFT_BEHIND = (
    "A run that was killed may leave a file of this name beside OUT; "
    "it can be deleted when no run is under way."
)


def pages(dated: date | None = None) -> dict[str, str]:
    """Each page's text by its file's name; of the changelog's date if there is no other."""
    day = dated or date_of_version()
    context = click.Context(deconvsurgery, info_name=TOOL, **deconvsurgery.context_settings)
    made = {f"{TOOL}.1": main_page(context, day)}
    for verb in VERBS:
        command = deconvsurgery.get_command(context, verb)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=verb)
        made[f"{TOOL}-{verb}.1"] = verb_page(inner, verb, day)
    return made


def date_of_version() -> date:
    """What the changelog's heading of this version ends with, as ``(2026-11-30)``."""
    changes = (DOCS / "changelog.md").read_text("utf-8")
    heading = rf"^## {re.escape(__version__)} \(.*?(\d{{4}}-\d\d-\d\d)\)$"
    (day,) = re.findall(heading, changes, re.MULTILINE)
    return date.fromisoformat(day)


def main_page(context: click.Context, day: date) -> str:
    """The page of the tool itself; what its help says of its examples stands with them."""
    before, after = around_examples(context.command)
    verbs = [
        line
        for verb, short in VERBS.items()
        for line in (".TP", rf"{bold(f'{TOOL}-{verb}')}(1)", text(short))
    ]
    completion = (
        "Commands, options, files and layer names are completed in bash after "
        f'`eval "$({TOOL} completion bash)"`; `{TOOL} completion` says it for zsh and fish.'
    )
    return page(
        TOOL,
        "network surgery on Caffe models, without Caffe",
        day,
        synopsis=[f"{bold(TOOL)} {argument('[OPTIONS]')} {argument('VERB')} ..."],
        sections={
            "DESCRIPTION": [*prose(before), ".PP", words_of_the_trade()],
            "VERBS": verbs,
            "OPTIONS": options(context),
            "EXAMPLES": [*examples(context.command), *prose(after)],
            "EXIT STATUS": table(DOCS / "cli.md", "Exit codes"),
            "ENVIRONMENT": table(DOCS / "shell.md", "Terminals and pipes"),
            "COMPLETION": [markdown(completion)],
            "SEE ALSO": see_also([f"{TOOL}-{verb}" for verb in VERBS]),
        },
    )


def verb_page(context: click.Context, verb: str, day: date) -> str:
    """The page of one verb."""
    command = context.command
    assert isinstance(command, Verb)
    before, after = around_examples(command)
    terms = [".PP", words_of_the_trade()] if re.search("net|model", command.help or "") else []
    writes = any(parameter.name in ("force", "in_place") for parameter in command.params)
    files = [".TP", argument(".deconvsurgery-*.tmp"), text(LEFT_BEHIND)] if writes else []
    usage = " ".join(argument(piece) for piece in command.collect_usage_pieces(context))
    return page(
        f"{TOOL}-{verb}",
        VERBS[verb].rstrip(".")[0].lower() + VERBS[verb].rstrip(".")[1:],
        day,
        synopsis=[f"{bold(f'{TOOL} {verb}')} {usage}"],
        sections={
            "DESCRIPTION": [*prose([*before, *after]), *terms],
            "ARGUMENTS": arguments(command),
            "OPTIONS": groups_of_options(command, context),
            "RULES": rules() if verb == "check" else [],
            "EXAMPLES": examples(command),
            "EXIT STATUS": table(DOCS / "cli.md", "Exit codes"),
            "ENVIRONMENT": table(DOCS / "shell.md", "Terminals and pipes"),
            "FILES": files,
            "SEE ALSO": see_also([TOOL, *(f"{TOOL}-{each}" for each in VERBS if each != verb)]),
        },
    )


def page(
    name: str, short: str, day: date, *, synopsis: Sequence[str], sections: dict[str, list[str]]
) -> str:
    """Header, NAME, SYNOPSIS, and those sections that have something to say."""
    lines = [
        r".\" Made by docs/man/make.py; edit what it is made of.",
        f'.TH {text(name.upper())} 1 "{day}" "{TOOL} {__version__}" "Network surgery"',
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


def around_examples(command: click.Command) -> tuple[list[str], list[str]]:
    """The paragraphs before the examples, and those behind them."""
    each = paragraphs(command)
    (place,) = (at for at, one in enumerate(each) if one.startswith("\b"))
    return each[:place], each[place + 1 :]


def prose(some: Sequence[str]) -> list[str]:
    """Paragraphs, each in a line."""
    return [line for each in some for line in (".PP", markdown(" ".join(each.split())))]


def rules() -> list[str]:
    """Each rule's id and name, how much it matters, and what it finds."""
    return [
        line
        for rule in RULES.values()
        for line in (
            ".TP",
            f"{bold(rule.id)} {text(rule.name)}, {rule.severity.value}",
            markdown(rule.summary),
        )
    ]


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


def arguments(command: Verb) -> list[str]:
    """What stands behind the options, and what each is."""
    return [
        line
        for parameter in command.params
        if isinstance(parameter, Argument)
        for word, meaning in described(parameter)
        for line in (".TP", argument(word), markdown(meaning))
    ]


def groups_of_options(command: Verb, context: click.Context) -> list[str]:
    """As ``--help`` has them, with its headings."""
    lines = []
    for heading, rows in command.groups(context).items():
        if heading != ARGUMENTS:
            lines.append(f".SS {text(heading)}")
            for names, meaning in rows:
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
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    made = pages(datetime.fromtimestamp(int(epoch), UTC).date() if epoch else None)
    for path in PLACE.iterdir():
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (PLACE / name).write_text(content, "ascii")
    for shell, name in NAMES.items():
        (COMPLETION / shell).mkdir(parents=True, exist_ok=True)
        (COMPLETION / shell / name).write_text(script(deconvsurgery, shell), "ascii")


if __name__ == "__main__":
    main()
