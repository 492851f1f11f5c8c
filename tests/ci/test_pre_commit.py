"""The hooks of .pre-commit-hooks.yaml, run by pre-commit itself in a throw-away repository."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from pre_commit.clientlib import load_manifest

from helpers.documents import parsed_json
from helpers.models import NetParameter
from helpers.places import ROOT
from helpers.runs import run_here
from helpers.words import Words, numbers
from helpers.words import names as names_in

MANIFEST = ROOT / ".pre-commit-hooks.yaml"

HEAD = 'input: "d" input_shape { dim: 1 dim: 5 dim: 9 dim: 9 }\n'
GOOD = (
    HEAD
    + """layer {
  name: "up" type: "Deconvolution" bottom: "d" top: "up" param { lr_mult: 0 }
  convolution_param {
    num_output: 5 group: 5 kernel_size: 4 stride: 2 pad: 1 bias_term: false  # twice
    weight_filler { type: "bilinear" }
  }
}
"""
)
BAD = GOOD.replace("group: 5 ", "")
FIXED = BAD.replace('type: "bilinear" }\n', 'type: "bilinear" }\n    group: 5\n')
OTHERS = {
    "solver.prototxt": 'net: "nets/good.prototxt"\nbase_lr: 0.01\nmax_iter: 100\n',
    "template.prototxt": GOOD.replace("num_output: 5", "num_output: ${CLASSES}"),
    "jinja.prototxt": GOOD.replace("num_output: 5", "num_output: {{ classes }}"),
    "labelmap.prototxt": 'item { name: "none" id: 0 display_name: "background" }\n',
    "classifier.prototxt": HEAD + 'layer { name: "r" type: "ReLU" bottom: "d" top: "d" }\n',
    "notes.txt": "layer { is no prototxt\n",
}
NO_INDEX = re.compile(
    "No matching distribution|Could not find a version|Connection|Temporary failure|timed out"
)


def environment(home: Path) -> dict[str, str]:
    """Nothing of this checkout, of the person who runs the tests, or of a hook around them."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("GIT_", "PRE_COMMIT", "PYTHON", "VIRTUAL_ENV"))
    }
    person = {
        f"GIT_{who}_{what}": words
        for who in ("AUTHOR", "COMMITTER")
        for what, words in (("NAME", "t"), ("EMAIL", "t@example.org"))
    }
    nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return kept | person | nothing | {"PRE_COMMIT_HOME": str(home), "PIP_NO_COMPILE": "1"}


class Repository:
    """A git repository, and pre-commit run in it."""

    def __init__(self, place: Path, home: Path) -> None:
        self.place = place
        self.env = environment(home)
        place.mkdir()
        self.run("git", "init", "--quiet")

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(
            command, cwd=self.place, env=self.env, capture_output=True, timeout=600, check=False
        )
        told = (done.stdout + done.stderr).decode()
        assert done.returncode == code, (command, told)
        return told

    def commit(self, work_tree: Path | None = None) -> str:
        """All files that git would know, committed; the commit's name."""
        where = ["--work-tree", str(work_tree)] if work_tree else []
        self.run("git", *where, "add", "--all")
        self.run("git", *where, "commit", "--quiet", "--message", "all")
        return self.run("git", "rev-parse", "HEAD").strip()

    def hook(self, name: str, *, code: int) -> str:
        self.run("git", "add", "--all")
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"]
        return self.run(*command, f"deconvsurgery-{name}", code=code)

    def read(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.place)): path.read_text()
            for path in self.place.rglob("*.prototxt")
        }


def zero_model() -> bytes:
    model = NetParameter()
    layer = model.layer.add(name="up", type="Deconvolution", bottom=["d"], top=["up"])
    blob = layer.blobs.add()
    blob.shape.dim.extend([5, 1, 4, 4])
    blob.data.extend([0.0] * 80)
    found: bytes = model.SerializeToString()
    return found


def test_what_is_no_net_is_passed_over(tmp_path: Path, words: Words) -> None:
    for name, text in {**OTHERS, "good.prototxt": GOOD}.items():
        (tmp_path / name).write_text(text)
    names = sorted(path.name for path in tmp_path.glob("*.prototxt"))
    options = ["--allow-empty", "--json"]
    code, out, _ = run_here(tmp_path, "check", *options, *names)
    assert code == 3
    failed = [each["net"] for each in parsed_json(out)["pairs"] if each["error"]]
    assert failed == ["jinja.prototxt", "solver.prototxt", "template.prototxt"]
    code, out, errors = run_here(tmp_path, "check", "--nets-only", *options, *names)
    assert (code, errors) == (0, b"")
    document = parsed_json(out)
    passed = {each["net"]: each["notes"] for each in document["pairs"] if not each["net_version"]}
    assert {name: [names_in(each) for each in notes] for name, notes in passed.items()} == {
        "jinja.prototxt": [["{{"]],
        "solver.prototxt": [["net"]],
        "template.prototxt": [["$"]],
    }
    for name, notes in passed.items():
        words(notes, name)
    assert document["passed"]
    code, out, _ = run_here(tmp_path, "check", "--nets-only", "solver.prototxt")
    note, last = out.decode().splitlines()
    assert code == 0
    assert note.startswith("solver.prototxt: note: ")
    assert numbers(last) == [0]
    words((note, last))
    (tmp_path / "broken.prototxt").write_text("layer {{ name: 'up' }}\n")
    assert run_here(tmp_path, "check", "--nets-only", "broken.prototxt")[0] == 3


def hook_entries() -> dict[str, dict[str, object]]:
    return {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text("utf-8"))}


def test_the_manifest_is_one() -> None:
    assert len(load_manifest(str(MANIFEST))) == 4
    assert list(hook_entries()) == [
        "deconvsurgery-check",
        "deconvsurgery-check-pairs",
        "deconvsurgery-fix-pairs",
        "deconvsurgery-patch-net",
    ]


@pytest.mark.parametrize(
    ("name", "taken", "left"),
    [
        ("check", ["net.prototxt", "a/b.prototxt"], ["net.prototxt.bak", "prototxt", "n.pt"]),
        ("patch-net", ["net.prototxt", "a/b.prototxt"], ["net.prototxt.bak", "in.caffemodel"]),
        (
            "check-pairs",
            ["n.prototxt", "a/in.caffemodel", "in.h5", "pyproject.toml", "sub/deconvsurgery.toml"],
            ["Cargo.toml", "my-pyproject.toml", "caffemodel"],
        ),
    ],
)
def test_which_files_make_a_hook_run(name: str, taken: list[str], left: list[str]) -> None:
    files = str(hook_entries()[f"deconvsurgery-{name}"]["files"])
    assert [each for each in [*taken, *left] if re.search(files, each)] == taken


def configuration(source: Path, rev: str) -> str:
    hooks: Sequence[dict[str, object]] = [
        {"id": "deconvsurgery-check", "args": ["--frozen"]},
        {"id": "deconvsurgery-check-pairs"},
        {"id": "deconvsurgery-fix-pairs"},
        {"id": "deconvsurgery-patch-net", "args": ["-p", "up*"]},
    ]
    return yaml.safe_dump({"repos": [{"repo": str(source), "rev": rev, "hooks": hooks}]})


@pytest.mark.campaign
def test_the_hooks_by_pre_commit(tmp_path: Path, words: Words) -> None:
    """One test, so that the hooks' environment is installed once."""
    source = Repository(tmp_path / "source", tmp_path / "home")
    rev = source.commit(ROOT)  # as it is now, committed or not
    repository = Repository(tmp_path / "repository", tmp_path / "home")
    place = repository.place
    (place / "nets").mkdir()
    (place / "nets" / "good.prototxt").write_text(GOOD)
    (place / "nets" / "bad net.prototxt").write_text(BAD)
    for name, text in OTHERS.items():
        (place / name).write_text(text)
    (place / "weights.caffemodel").write_bytes(zero_model())
    (place / ".pre-commit-config.yaml").write_text(configuration(source.place, rev))
    repository.commit()

    install = [sys.executable, "-m", "pre_commit", "install-hooks"]
    done = subprocess.run(
        install, cwd=place, env=repository.env, capture_output=True, timeout=600, check=False
    )
    told = (done.stdout + done.stderr).decode()
    if done.returncode and NO_INDEX.search(told):
        pytest.skip("pip has no package index here to install the hooks from")
    assert done.returncode == 0, told

    # The bad net is found, by file, line and rule; nothing else is.
    before = repository.read()
    told = repository.hook("check", code=1)
    assert "\nnets/bad net.prototxt:2:1: warning: DS008 up: " in told
    assert set(re.findall(r"^(\S.*?):\d+:\d+: (?:error|warning)", told, re.MULTILINE)) == {
        "nets/bad net.prototxt"
    }
    summary = next(line for line in told.splitlines() if numbers(line) == [1, 2, 4])
    words(summary, "check")
    assert repository.read() == before

    # The fixer corrects it in place, says so by pre-commit's way, and has nothing to do after that.
    told = repository.hook("patch-net", code=1)
    summary = next(line for line in told.splitlines() if numbers(line)[:4] == [1, 7, 1, 1])
    words(summary, "patch-net")
    assert repository.read() == before | {"nets/bad net.prototxt": FIXED}
    repository.hook("patch-net", code=0)
    repository.hook("check", code=0)

    # A net that is broken is none to pass over.
    (place / "broken.prototxt").write_text("layer { name: }\n")
    for name in ("check", "patch-net"):
        assert "broken.prototxt:1:15: " in repository.hook(name, code=1)
    assert (place / "broken.prototxt").read_text() == "layer { name: }\n"
    (place / "broken.prototxt").unlink()

    # Pairs: red without a list of them, red for zero weights, green after the command it names.
    told = repository.hook("check-pairs", code=1)
    error = next(line for line in told.splitlines() if line.startswith("error: "))
    assert "deconvsurgery.toml" in error
    words(error, "check-pairs")
    (place / "deconvsurgery.toml").write_text(
        '[[pairs]]\nnet = "nets/good.prototxt"\nmodel = "weights.caffemodel"\n'
    )
    told = repository.hook("check-pairs", code=1)
    assert "nets/good.prototxt:2:1: error: DS002 up: " in told
    (repair,) = re.findall(r"repair: deconvsurgery (apply .*)", told)
    *_, fixed = shlex.split(repair)
    ours = [sys.executable, "-m", "deconvsurgery", *shlex.split(repair)]
    subprocess.run(ours, cwd=place, check=True, capture_output=True, timeout=60)
    zero = (place / "weights.caffemodel").read_bytes()
    (place / fixed).replace(place / "weights.caffemodel")
    repository.hook("check-pairs", code=0)

    # The fixer of pairs makes the same of it, says so by pre-commit's way, and is content then.
    filled = (place / "weights.caffemodel").read_bytes()
    repository.hook("fix-pairs", code=0)
    (place / "weights.caffemodel").write_bytes(zero)
    repository.hook("fix-pairs", code=1)
    assert (place / "weights.caffemodel").read_bytes() == filled
    repository.hook("fix-pairs", code=0)
