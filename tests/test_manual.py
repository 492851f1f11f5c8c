"""Every command of the manual and the README runs, and prints what its page shows.

How a page says what is run, shown or left out: ``tests/manual/blocks.py``. Where an output is
meant to be another now: ``python tests/manual/refresh.py``.
"""

from __future__ import annotations

import doctest
import re
from contextlib import chdir
from pathlib import Path

import pytest
from blocks import COMMANDS, DATA, ELSEWHERE, PAGES, ROOT, blocks, page_name
from playing import play
from readers import reader

# Of each page: commands that are run, those that are not, examples of Python. A block that slipped
# out of the net, or one more that nothing runs, is seen here.
COUNTED = {}
TEXTS = {page_name(page): page.read_text("utf-8") for page in PAGES}


def original(name: str) -> str:
    """The English page that a page of docs/zh translates."""
    short = name.removeprefix("docs/zh/")
    return name if short == name else short if short == "README.md" else f"docs/{short}"


def counted(text: str) -> tuple[int, int, int]:
    every = [each for each in blocks(text) if each.kind in COMMANDS or "transcript" in each.marks]
    ran = sum(len(each.shown) or 1 for each in every if each.why_not is None)
    left = sum(len(each.shown) or 1 for each in every if each.why_not is not None)
    examples = doctest.DocTestParser().get_examples(text)
    return ran, left, len(examples)


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


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if counted(text)[0]])
def test_the_commands_run_and_print_what_is_shown(name: str, tmp_path: Path) -> None:
    played = play(TEXTS[name], reader(ROOT / name), tmp_path)
    for each in played:
        where = f"{name}:{each.block.line}"
        assert each.wrong is None, where
        assert each.body == each.block.body, where


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if counted(text)[2]])
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
    assert "ZeroDivisionError" in program.wrong
    assert printed.body == "this\n"
    assert counted(page) == (8, 1, 0)
