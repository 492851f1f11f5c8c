"""The words of messages, pinned in one place: ``tests/golden/words.txt``.

A test asserts facts: kind, layer, line, numbers, exit code, file. That a message is *the* message,
word for word, is said by ``words(text)``: the sentence, without what varies in it (quoted names,
numbers, paths), stands in the golden file with the name of the test below it. A sentence stands
there once, however many tests meet it; to reword it changes one line there and no test::

    python -m pytest --words-update     (then read the diff of the golden file)

``names`` and ``numbers`` take facts out of a sentence, whatever its words are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import deconvsurgery as ds
from helpers.places import GOLDEN, TESTS

FILE: Final = GOLDEN / "words.txt"
_HEAD: Final = (
    "# Every sentence that tests meet, what varies in it left out; below it the tests that do.\n"
    "# Made by `python -m pytest --words-update`: to be read in the diff, not edited.\n"
)
_INDENT: Final = "    "

Catalogue: TypeAlias = dict[str, set[str]]
"""Tests by sentence."""

_NUMBER: Final = r"[-+]?(?:0x[0-9a-fA-F]+|\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?)"
_VARYING: Final = re.compile(
    r"""
    (?P<quoted> (?<!\w)'(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" )
  | (?P<path> (?<![\w.])(?:\w+://|~?/|\.{1,2}/)[^\s:;,'"()]+ )   # a URL, an absolute path
  | (?P<shape> \((?:NUMBER|\?)(?:,\s*(?:NUMBER|\?))*,?\) )       # (3, 1, 4, 4), (2, ?, 1, 1)
  | (?P<number> (?<![\w.])NUMBER(?:x NUMBER)* )                  # 4, 4x4, 1,234, 0.5, 1e-05
    """.replace("NUMBER", _NUMBER).replace(f"x {_NUMBER}", f"x{_NUMBER}"),
    re.VERBOSE,
)
_PLAIN_NUMBER: Final = re.compile(rf"(?<![\w.]){_NUMBER}")
_QUOTED: Final = re.compile(r"(?<!\w)'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"")
_FILE_NAME: Final = re.compile(
    r"(?<![\w.])[\w.-]+\.(?:prototxt|caffemodel|h5|toml|html|patch|jsonl?|npy|tsv|csv)\b"
)


def sentence(text: str, place: str = "") -> str:
    """``text`` without what varies: names in quotes, numbers, shapes, paths (``place`` is one)."""
    if place:
        text = text.replace(place, "/PLACE")
    text = _VARYING.sub(lambda found: _STANDS_FOR[str(found.lastgroup)], " ".join(text.split()))
    return _FILE_NAME.sub("FILE", text)


_STANDS_FOR: Final = {"quoted": "'…'", "path": "PATH", "shape": "(#)", "number": "#"}


def names(text: str) -> list[str]:
    """What stands in quotes, in its order."""
    return [single or double for single, double in _QUOTED.findall(text)]


def numbers(text: str) -> list[float]:
    """Every number, in its order: those of shapes and of 4x4 one by one; not those in quotes."""
    plain = re.sub(r"(?<=\d)x(?=\d)", " ", _QUOTED.sub("", text))
    found = (each[0].replace(",", "") for each in _PLAIN_NUMBER.finditer(plain))
    return [float(int(each, 16)) if "x" in each else float(each) for each in found]


def shapes(text: str) -> list[tuple[int, ...]]:
    """Every shape in parentheses, in its order."""
    found = re.findall(r"\((\d+(?:, ?\d+)*),?\)", text)
    return [tuple(int(size) for size in each.split(",")) for each in found]


def sentences_of(said: str | BaseException | Iterable[str]) -> list[str]:
    """The sentences to be pinned: of an error its message and its hint, or that it has none."""
    if isinstance(said, ds.SurgeryError):
        return [said.message, said.hint] if said.hint else [f"{said.message} [no hint]"]
    if isinstance(said, str | BaseException):
        return [str(said)]
    return list(said)


# --- the golden file


def read(file: Path = FILE) -> Catalogue:
    """The tests of each sentence."""
    found: Catalogue = {}
    current: set[str] = set()
    text = file.read_text("utf-8") if file.exists() else ""
    for line in text.removeprefix(_HEAD).splitlines():
        if line.startswith(_INDENT):
            current.add(line.strip())
        elif line:  # one that begins with a number begins with #
            current = found.setdefault(line, set())
    return found


def write(catalogue: Mapping[str, set[str]], file: Path = FILE) -> None:
    """All of it, sorted, so that a diff shows what was reworded."""
    # By the first test rather than by the sentence: a reworded one then stays where it was.
    rows = sorted((min(tests), text, sorted(tests)) for text, tests in catalogue.items() if tests)
    body = "".join(
        f"\n{text}\n" + "".join(f"{_INDENT}{test}\n" for test in tests) for _, text, tests in rows
    )
    file.write_text(_HEAD + body, encoding="utf-8")


def merged(old: Catalogue, met: Catalogue, ran: set[str]) -> Catalogue:
    """``old`` with what tests in ``ran`` met now instead; tests that are gone are left out."""
    kept = {
        text: {test for test in tests if _function(test) not in ran and _is_there(test)}
        for text, tests in old.items()
    }
    for text, tests in met.items():
        kept.setdefault(text, set()).update(tests)
    return {text: tests for text, tests in kept.items() if tests}


def _function(test: str) -> str:
    return test.partition("[")[0]


def _is_there(test: str) -> bool:
    path, _, function = _function(test).partition("::")
    file = TESTS / path
    return file.is_file() and f"def {function}(" in file.read_text("utf-8")


class Words:
    """What one test says of sentences; see this module."""

    def __init__(self, test: str, place: str, known: Catalogue, met: Catalogue | None) -> None:
        self._test = test
        self._place = place
        self._known = known
        self._met = met

    def __call__(self, said: str | BaseException | Iterable[str], case: str = "") -> None:
        """Each sentence is, word for word, one that this test has in the golden file.

        ``said`` is a sentence, several, or an error: its message and its hint. A test of many
        cases, each with a sentence of its own, names the case.
        """
        __tracebackhide__ = True
        test = f"{self._test}[{case}]" if case else self._test
        sentences = sentences_of(said)
        assert sentences, "nothing was said"
        for each in sentences:
            text = sentence(each, self._place)
            if self._met is not None:
                self._met.setdefault(text, set()).add(test)
            elif test not in self._known.get(text, ()):
                raise AssertionError(
                    f"other words than in {FILE.relative_to(TESTS.parent)}: {text!r}\n"
                    f"there, {test} has {sorted(self._of(test))}\n"
                    "meant to be so? python -m pytest --words-update, and read the diff"
                )

    def _of(self, test: str) -> list[str]:
        return [text for text, tests in self._known.items() if test in tests]
