"""Every command of the manual and the README runs, and prints what its page shows.

How a page says what is run, shown or left out: ``tests/helpers/manual/blocks.py``. Where an output
is meant to be another now: ``python -m helpers.manual.refresh`` in ``tests``.
"""

from __future__ import annotations

import doctest
import re
from contextlib import chdir
from pathlib import Path

import pytest

from helpers.manual.blocks import COMMANDS, DATA, ELSEWHERE, PAGES, blocks, page_name
from helpers.manual.playing import play
from helpers.manual.readers import reader
from helpers.places import ROOT

# Of each page: commands that are run, those that are not, examples of Python. A block that slipped
# out of the net, or one more that nothing runs, is seen here.
COUNTED = {
    "README.md": (8, 2, 0),
    "docs/cli.md": (2, 0, 0),
    "docs/contributing.md": (0, 7, 0),
    "docs/fcn-without-caffe.md": (6, 0, 0),
    "docs/index.md": (1, 0, 0),
    "docs/json.md": (5, 0, 0),
    "docs/kernels.md": (0, 0, 24),
    "docs/python.md": (1, 0, 45),
    "docs/reliability.md": (0, 7, 0),
    "docs/report.md": (3, 0, 5),
    "docs/rules.md": (0, 1, 0),
    "docs/shell.md": (3, 2, 0),
    "docs/tutorial.md": (21, 0, 0),
    "docs/two-ways.md": (0, 0, 22),
    "docs/verbs/apply.md": (1, 0, 0),
    "docs/verbs/check.md": (9, 0, 0),
    "docs/verbs/convert.md": (1, 0, 0),
    "docs/verbs/demo.md": (1, 0, 0),
    "docs/verbs/diff.md": (3, 0, 0),
    "docs/verbs/doctor.md": (0, 1, 0),
    "docs/verbs/inspect.md": (2, 0, 0),
    "docs/verbs/kernel.md": (2, 0, 0),
    "docs/verbs/patch-net.md": (1, 0, 0),
    "docs/verbs/regroup.md": (1, 0, 0),
    "docs/verbs/revert.md": (3, 0, 0),
    "docs/verbs/sweep.md": (5, 0, 0),
    "docs/verbs/transplant.md": (1, 0, 0),
    "docs/zoo.md": (0, 8, 0),
}
TEXTS = {page_name(page): page.read_text("utf-8") for page in PAGES}


def original(name: str) -> str:
    """The English page that a page of docs/zh translates."""
    short = name.removeprefix("docs/zh/")
    return name if short == name else short if short == "README.md" else f"docs/{short}"


def counted(text: str) -> tuple[int, int, int]:
    """Commands that are run, that are not, and examples; a file that is saved is none of them."""
    ran = left = 0
    for each in blocks(text):
        number = len(each.shown) if "file" not in each.marks else 0
        number += "transcript" in each.marks
        ran, left = (ran + number, left) if each.why_not is None else (ran, left + number)
    return ran, left, len(doctest.DocTestParser().get_examples(text))


def test_every_command_is_counted() -> None:
    found = {name: counted(text) for name, text in TEXTS.items()}
    english = {name: count for name, count in found.items() if original(name) == name}
    assert {name: count for name, count in english.items() if any(count)} == COUNTED
    for name, count in found.items():
        assert count == found[original(name)], f"{name} has other commands than its original"


@pytest.mark.parametrize("name", TEXTS)
def test_every_block_says_what_it_is(name: str) -> None:
    text = TEXTS[name]
    assert text.count("\n```") == 2 * len(blocks(text)), "a block that is not closed, or indented"
    for each in blocks(text):
        assert each.kind in (*COMMANDS, *DATA, "pycon"), (each.line, each.kind)
        assert each.kind or "transcript" in each.marks, f"{name}:{each.line}: of what language?"
        if each.kind in COMMANDS and "file" in each.marks:
            commands = [command for other in blocks(text) for command, _ in other.shown]
            assert any(f" {each.marks['file']}" in command for command in commands), each.line
        if each.kind == "sh":
            assert not each.body.startswith("$ "), f"{name}:{each.line}: with prompts: console"


def test_what_is_not_run_says_why() -> None:
    """The reasons are what ``pytest -rP`` shows of this test; files that they name are there."""
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert all(f"readme_command {mark}" in ci for mark in ELSEWHERE)
    reasons = []
    for name, text in TEXTS.items():
        for each in blocks(text):
            if each.why_not is None:
                continue
            assert each.kind in COMMANDS, f"{name}:{each.line}: nothing to run there anyway"
            assert len(each.why_not.split()) > 2
            for path in re.findall(r"(?:tests|\.ci|docs)/[\w/.-]*\w", each.body + each.why_not):
                assert (ROOT / path).exists(), (name, path)
            reasons.append(f"{name}:{each.line}: {each.why_not}")
    print("not run:", *reasons, sep="\n")  # noqa: T201, seen with pytest -rP
    assert reasons


# The Chinese pages have the very blocks of the English ones: tests/docs/test_zh.py.
PLAYED = {name: counted(text) for name, text in TEXTS.items() if original(name) == name}


# Blocks on their own, and programs in Python; one story is played in the last test here.
ALWAYS = ("docs/python.md", "docs/verbs/apply.md")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ALWAYS else pytest.mark.campaign)
        for name, (ran, _, _) in PLAYED.items()
        if ran
    ],
)
def test_the_commands_run_and_print_what_is_shown(name: str, tmp_path: Path) -> None:
    played = play(TEXTS[name], reader(ROOT / name), tmp_path)
    for each in played:
        where = f"{name}:{each.block.line}"
        assert each.wrong is None, where
        assert each.body == each.block.body, where


@pytest.mark.parametrize("name", [name for name, (_, _, true) in PLAYED.items() if true])
def test_the_examples_of_python_are_true(name: str, tmp_path: Path) -> None:
    reader(ROOT / name).lay(tmp_path)
    with chdir(tmp_path):
        outcome = doctest.testfile(str(ROOT / name), module_relative=False, encoding="utf-8")
    assert outcome.failed == 0
    assert outcome.attempted == counted(TEXTS[name])[2]


def test_a_page_that_is_not_true_is_seen(tmp_path: Path) -> None:
    """The mechanism itself, on a page where one thing of each sort is wrong."""
    page = """
<!-- file: a.txt -->
```text
one
```

```console
$ cat a.txt
two
$ false
$ cat 'a.txt
> '
$ echo $?
1
$ seq 9
1
…
9
```

```sh
echo this   # is not run
(exit 3)
```

prints

```text
that
```

<!-- not run: it would not end -->
```sh
yes
```

```python
1 / 0
```
"""
    found = play(page, reader(Path("tutorial.md")), tmp_path)
    assert [each.block.line for each in found] == [3, 7, 21, 37, 28]
    file, console, script, program, printed = found
    assert file.wrong is None
    assert console.body.startswith("$ cat a.txt\none\n$ false\n$ cat 'a.txt\n> '\ncat: ")
    assert console.body.endswith("$ echo $?\n1\n$ seq 9\n1\n…\n9\n")
    assert console.wrong == "'false' ended with 1:\n"
    assert script.wrong == "'(exit 3)' ended with 3:\n"
    assert program.wrong is not None
    assert "ZeroDivisionError" in program.wrong.splitlines()[-1]
    assert printed.body == "this\n"
    assert counted(page) == (8, 1, 0)
