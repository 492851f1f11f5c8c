"""The manual as a site: ``sphinx-build -W --keep-going -n -b html docs PLACE``.

The pages are plain Markdown that reads on its own. What only the site can show stands in comments
of theirs, which become directives here: the options of a verb, the Python API, and navigation,
which is made of the lists in ``index.md``.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from pygments.lexer import RegexLexer, bygroups
from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Name,
    Number,
    Punctuation,
    String,
    Text,
    Whitespace,
)

import deconvsurgery

project = "deconvsurgery"
author = "the authors of deconvsurgery"
copyright = "the authors of deconvsurgery, MIT licence"  # noqa: A001, Sphinx's name
release = deconvsurgery.__version__

extensions = [
    "myst_nb",  # Markdown, and notebooks, which are run
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",  # takes the prompts off what is copied
]
exclude_patterns = ["_build", "man", "figures"]
nitpicky = True
# Types of other projects, and modules behind the public names, have no page here.
nitpick_ignore_regex = [("py:.*", r"(?!deconvsurgery\.(types\.)?[A-Za-z_]+$).*")]

# A notebook is run anew each time, in a folder of its own; a cell that fails ends the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300

myst_heading_anchors = 3  # as deep as pages link to each other

html_theme = "furo"
html_title = f"deconvsurgery {release}"
html_theme_options = {
    # Fonts that have block and box drawing characters of one width come before those that may not.
    "light_css_variables": {
        "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, "
        "'DejaVu Sans Mono', 'Noto Sans Mono', 'Liberation Mono', monospace",
    },
}
html_copy_source = False
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"arrays.DTypeLike": "DTypeLike"}  # numpy's name, not the eight types it is
autodoc_default_options = {"members": True}  # fields stand in a class's signature
toc_object_entries = False
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True

copybutton_prompt_text = r"\$ |>>> |\.\.\. |> "
copybutton_prompt_is_regexp = True

DOCS = Path(__file__).parent


def navigation(page: str) -> str:
    """Below each heading of the index, the pages that are linked to there, for the sidebar."""
    sections = re.split(r"(?m)^(?=## )", page)
    for number, section in enumerate(sections[1:], 1):
        title = section.partition("\n")[0].removeprefix("## ")
        links = re.findall(r"(?m)^- \[(.*?)\]\(([^):#]+)\.(?:md|ipynb)\)", section)
        entries = [f"{words} <{name}>" for words, name in links]
        for pattern in re.findall(r"<!-- pages: (.*?) -->", section):
            found = sorted(DOCS.glob(pattern))
            entries += [each.relative_to(DOCS).with_suffix("").as_posix() for each in found]
        if entries:
            tree = "\n".join(dict.fromkeys(entries))
            sections[number] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{tree}\n```\n\n"
    return "".join(sections)


def api(names: str) -> str:
    """What autodoc has to say on public names."""
    lines = []
    for name in names.split():
        value = attrgetter(name)(deconvsurgery)  # also of types
        kind = "class" if inspect.isclass(value) else "function"
        if kind == "class" and issubclass(value, Exception):
            kind = "exception"
        lines.append(f".. auto{kind}:: deconvsurgery.{name}")
        if kind == "class" and issubclass(value, Enum):
            lines[-1] += "\n   :undoc-members:"
    return "```{eval-rst}\n" + "\n\n".join(lines) + "\n```"


def options(verb: str) -> str:
    """What sphinx-click has to say on a verb."""
    module = verb.replace("-", "_")
    return (
        f"```{{eval-rst}}\n.. click:: deconvsurgery.cli.{module}:command\n"
        f"   :prog: deconvsurgery {verb}\n```"
    )


def in_both_looks(text: str) -> str:
    """Pictures that are drawn twice, for light pages and for dark ones: the theme shows one."""
    return re.sub(
        r"(?m)^!\[([^\]\n]*)\]\(([^)\s]*figures/[^)\s]*)-light\.svg\)$",
        lambda found: "\n\n".join(
            f"```{{image}} {found[2]}-{look}.svg\n:alt: {found[1]}\n:class: only-{look}\n```"
            for look in ("light", "dark")
        ),
        text,
    )


def outside(text: str) -> str:
    """Links to files outside of the manual: the site has a copy of each to download."""
    return re.sub(
        r"\[([^]\n]+)\]\(((?:\.\./)+(?:tests|proto|README)[^)#\s]*)\)", r"{download}`\1 <\2>`", text
    )


class PrototxtLexer(RegexLexer):
    """The text format of protobuf, as nets are written in."""

    name = "Prototxt"
    tokens: ClassVar = {
        "root": [
            (r"#.*", Comment),
            (r"[A-Za-z_]\w*(?=\s*[:{<])", Name.Attribute),
            (r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", String),
            (r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\b", Number),
            (r"[A-Za-z_]\w*", Keyword.Constant),
            (r"[\[\]{}<>:;,]", Punctuation),
            (r"\s+", Whitespace),
        ]
    }


class ShellLexer(RegexLexer):
    """Commands to copy. Pygments' own takes the `in` of `in.caffemodel` for a keyword."""

    name = "Shell commands"
    tokens: ClassVar = {
        "root": [
            (r"(?m)(?:^|(?<=\s))#.*", Comment),
            (r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", String),
            (r"[^#\"'\s]+|\s+|.", Text),
        ]
    }


class ConsoleLexer(RegexLexer):
    """A terminal: prompts, what was typed, and what came of it, which is not shell."""

    name = "Terminal"
    tokens: ClassVar = {
        "root": [
            (r"(?m)^(\$ |> )(.*\n)", bygroups(Generic.Prompt, Generic.Strong)),
            (r".*\n", Text),
        ]
    }


def read_for_the_site(_app: Any, docname: str, source: list[str]) -> None:
    """Turn the comments of a page into what they stand for."""
    text = source[0]
    if text.startswith("{"):  # a notebook
        return
    if not docname.startswith("zh/"):  # a verb's options have one place; they are in English
        text = re.sub(r"<!-- options: (.*?) -->", lambda found: options(found[1]), text)
    text = re.sub(r"<!-- api: (.*?) -->", lambda found: api(found[1]), text)
    text = re.sub(r"(?m)^\n```$", "```", text)  # doctest wants an empty line after the last output
    text = in_both_looks(outside(text))
    source[0] = navigation(text) if docname == "index" else text


def without_description(_app: Any, _context: Any, lines: list[str]) -> None:
    """The page has said already what a verb does, and shown examples."""
    lines.clear()


def without_second_title(_app: Any, doctree: nodes.document) -> None:
    """What sphinx-click puts below the heading that the page itself has."""
    for section in list(doctree.findall(nodes.section)):
        if section[0].astext().startswith("deconvsurgery ") and isinstance(
            section.parent, nodes.section
        ):
            section.replace_self(section.children[1:])


def is_field(
    _app: Any, _kind: str, _name: str, member: object, _skipped: bool, _options: Any
) -> bool | None:
    """Leave out the fields of a named tuple: they stand in its signature."""
    return True if type(member).__name__ == "_tuplegetter" else None


class Written(str):
    """A default as it is shown."""

    __repr__ = str.__str__


def name_defaults(_app: Any, function: Any, _bound: bool) -> None:
    """Show a default that is a named tuple by its class, not as a tuple of values."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # of a class that is made as a text is
        return
    parameters = [
        parameter.replace(default=Written(f"{type(parameter.default).__name__}()"))
        if hasattr(parameter.default, "_fields")
        else parameter
        for parameter in signature.parameters.values()
    ]
    if parameters != [*signature.parameters.values()]:
        function.__signature__ = signature.replace(parameters=parameters)


def with_commands(_app: Any) -> None:
    """Have commands that a notebook shows begin with the name, as where the tool is installed."""
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))


def setup(app: Any) -> None:
    """Connect the above."""
    app.connect("builder-inited", with_commands)
    for name, lexer in (
        ("prototxt", PrototxtLexer),
        ("sh", ShellLexer),
        ("console", ConsoleLexer),
    ):
        app.add_lexer(name, lexer)
    app.connect("doctree-read", without_second_title, priority=100)  # before titles are gathered
    app.connect("autodoc-skip-member", is_field)
    app.connect("autodoc-before-process-signature", name_defaults)
    app.connect("source-read", read_for_the_site)
    app.connect("sphinx-click-process-description", without_description)
