"""Three people at work, step by step, by nothing but the README, the manual and what is printed.

A researcher whose net is black, an engineer of embedded systems with CI, and one with a zoo of
nets. Each step is a command as it is typed, the exit code, and the files that it makes; where the
command is the one that the step before printed, it is run as printed. The pages themselves are run
by ``test_manual.py`` and ``test_ci_page.py``: here their recipes lie in one folder.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from helpers.completion import path_with_command
from helpers.models import demo_base, demo_net
from helpers.places import ROOT


class Step(NamedTuple):
    """A command, how it ends, and what it makes; ``None``: what was printed below ``printed``."""

    command: str | None
    code: int = 0
    made: tuple[str, ...] = ()
    printed: str = ""


REPAIR: Final = "repair, all of it"
IN_ONE: Final = "the same in one, in place:"


def recipe(page: str, name: str) -> str:
    """A file that a page of the manual shows to be copied."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    found = re.search(rf"^<!-- file: {re.escape(name)} -->\n```\w+\n(.*?)^```", text, re.M | re.S)
    assert found is not None
    return found[1]


def no_files(_place: Path) -> None:
    """The tool is installed, and the folder empty."""


RESEARCHER: Final = [
    Step("deconvsurgery demo fcn", made=("fcn/net.prototxt", "fcn/base.caffemodel")),
    Step("cp fcn/net.prototxt train.prototxt", made=("train.prototxt",)),
    Step(
        "deconvsurgery transplant -q --apply -x upscore2"
        " train.prototxt fcn/base.caffemodel snapshot.caffemodel",
        made=("snapshot.caffemodel",),
    ),
    Step("deconvsurgery snapshot.caffemodel", 2),  # the verb is forgotten
    Step(None, printed="hint: for example:"),
    Step("deconvsurgery inspect train.prototxt snapshot.caffemodel"),
    Step("deconvsurgery check --explain DS002"),
    Step("deconvsurgery check train.prototxt snapshot.caffemodel", 1),
    Step(None, made=("snapshot.fixed.caffemodel",), printed=REPAIR),
    Step("deconvsurgery check train.prototxt snapshot.fixed.caffemodel"),
    Step("deconvsurgery diff snapshot.caffemodel snapshot.fixed.caffemodel", 1),
    Step("deconvsurgery check train.prototxt snapshot.caffemodel", 1),
    Step(None, printed=IN_ONE),
    Step("deconvsurgery diff -q snapshot.caffemodel snapshot.fixed.caffemodel"),
    Step(
        "deconvsurgery inspect --report page.html train.prototxt snapshot.caffemodel",
        made=("page.html",),
    ),
    Step("deconvsurgery patch-net train.prototxt next.prototxt", made=("next.prototxt",)),
    Step("deconvsurgery check next.prototxt snapshot.caffemodel", 1),  # of the old shape
    Step(
        "deconvsurgery apply next.prototxt fcn/base.caffemodel next.caffemodel",
        made=("next.caffemodel",),
    ),
    Step("deconvsurgery check next.prototxt next.caffemodel"),
]


def repository(place: Path) -> None:
    """A net and its base model, a classifier, and the recipes of docs/ci.md beside each other."""
    for folder in ("nets", "base"):
        (place / folder).mkdir()
    (place / "nets" / "fcn8s.prototxt").write_bytes(demo_net())
    (place / "base" / "fcn8s.caffemodel").write_bytes(demo_base())
    classifier = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
    (place / "nets" / "classifier.prototxt").write_text(classifier)
    for name in ("deconvsurgery.toml", "Makefile"):
        (place / name).write_text(recipe("ci.md", name))


ENGINEER: Final = [
    Step("deconvsurgery check", 4),  # the model is not built yet
    Step("make", made=("build/fcn8s.caffemodel",)),
    Step("make"),
    Step("make check"),
    Step("deconvsurgery check"),
    Step(
        "deconvsurgery check --also gitlab=quality.json --also junit=tests.xml",
        made=("quality.json", "tests.xml"),
    ),
    # A colleague takes the group away.
    Step("sed -i.bak 's/ group: 5//' nets/fcn8s.prototxt", made=("nets/fcn8s.prototxt.bak",)),
    Step("deconvsurgery check --format github nets/*.prototxt", 1),
    Step("deconvsurgery check --nets-only --allow-empty nets/fcn8s.prototxt", 1),  # a hook
    Step("deconvsurgery check --also sarif=nets.sarif", 1, made=("nets.sarif",)),
    Step(None, printed=IN_ONE),
    Step("deconvsurgery check"),
    Step("cmp nets/fcn8s.prototxt nets/fcn8s.prototxt.bak", 1),
    Step("touch nets/fcn8s.prototxt; make check"),
]


def zoo(place: Path) -> None:
    """Three pairs, one of whose models was not fetched to its end, and the sweep of the manual."""
    (place / "base.caffemodel").write_bytes(demo_base())
    for name, model in (
        ("voc-1", demo_base()),
        ("voc-2", demo_base()),
        ("voc-3", demo_base()[:-7]),
    ):
        folder = place / "zoo" / name
        folder.mkdir(parents=True)
        (folder / "deploy.prototxt").write_bytes(demo_net())
        (folder / "in.caffemodel").write_bytes(model)
    (place / "zoo.toml").write_text(recipe("verbs/sweep.md", "zoo.toml"))
    check = '[[pairs]]\nnet = "zoo/*/deploy.prototxt"\nmodel = "out/{name}.caffemodel"\n'
    (place / "check.toml").write_text(check.replace("*", "{name}"))


PLATFORM: Final = [
    Step("deconvsurgery doctor"),
    Step("deconvsurgery sweep", 2),  # there is no deconvsurgery.toml
    Step("deconvsurgery sweep zoo.tmol", 4),
    Step(
        "deconvsurgery sweep zoo.toml",
        3,
        made=("sweep.jsonl", "out/voc-1.caffemodel", "out/voc-2.caffemodel"),
    ),
    Step("cp base.caffemodel zoo/voc-3/in.caffemodel"),
    Step("deconvsurgery sweep zoo.toml", made=("out/voc-3.caffemodel",)),
    Step("deconvsurgery sweep zoo.toml"),
    Step("deconvsurgery sweep --results checked.jsonl check.toml", made=("checked.jsonl",)),
    Step("deconvsurgery check zoo"),
    Step(
        "deconvsurgery convert out/voc-1.caffemodel half.caffemodel --values float32",
        made=("half.caffemodel",),
    ),
    Step("deconvsurgery diff -q out/voc-1.caffemodel half.caffemodel"),
]

ROLES: Final[dict[str, tuple[Callable[[Path], None], list[Step]]]] = {
    "researcher": (no_files, RESEARCHER),
    "embedded engineer": (repository, ENGINEER),
    "platform engineer": (zoo, PLATFORM),
}


@pytest.mark.campaign
@pytest.mark.parametrize("role", ROLES)
def test_each_step_is_as_it_is_printed(role: str, tmp_path: Path) -> None:
    lay, steps = ROLES[role]
    bin_, place = tmp_path / "bin", tmp_path / "place"
    bin_.mkdir()
    place.mkdir()
    lay(place)
    said = ""
    env = os.environ | {"PATH": path_with_command(bin_), "HOME": str(place)}
    env |= {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}
    for number, step in enumerate(steps):
        command = printed(said, step.printed) if step.command is None else step.command
        before = {*place.rglob("*")}
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=place,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
        where = (number, command, said)
        assert done.returncode == step.code, where
        made = {*place.rglob("*")} - before
        assert {place / each for each in step.made} <= made, where
        assert step.made or not made, where
        assert "Traceback" not in said, where


def printed(said: str, title: str) -> str:
    """The commands that stand below a title, or behind it in its line."""
    lines = said.splitlines()
    at = next(at for at, line in enumerate(lines) if title in line)
    behind = lines[at].partition(title)[2].strip(" :")
    found = [behind] if behind else []
    for line in lines[at + 1 :]:
        if not line.startswith("  ") or behind:
            break
        found.append(line.strip())
    assert found, said
    return "\n".join(found)
