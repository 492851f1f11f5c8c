"""What printed commands begin with: words that can be run, as they are printed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from deconvsurgery.program.started_as import NAME, started_as
from deconvsurgery.report.repair_block import TITLE
from helpers.models import write_demo

SAY = (
    "import shlex; from deconvsurgery.program.started_as import started_as; "
    "print(shlex.join(started_as()))"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the installed command in ``bin``, which says how it is started."""
    script = tmp_path / "bin" / NAME
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\n{SAY}\n")
    script.chmod(0o755)
    return tmp_path


def said(place: Path, *command: str, path: str = "/usr/bin:/bin") -> list[str]:
    """What it says when it is started so; started as it says, it says the same."""
    done = ran(place, *command, path=path)
    words = shlex.split(done)
    if "-m" not in words:
        assert shlex.split(ran(place, *words, path=path)) == words
    return words


def ran(
    place: Path, *command: str, path: str = "/usr/bin:/bin", more: dict[str, str] | None = None
) -> str:
    measured = {name: os.environ[name] for name in os.environ if name.startswith("COVERAGE_")}
    env = {"PATH": path, "PYTHONPATH": os.pathsep.join(sys.path), **measured, **(more or {})}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def test_a_path_stays_as_it_was_typed(place: Path) -> None:
    assert said(place, f"bin/{NAME}") == [f"bin/{NAME}"]
    assert said(place, str(place / "bin" / NAME)) == [str(place / "bin" / NAME)]


def test_what_the_shell_finds_by_its_name_is_the_name(place: Path) -> None:
    assert said(place, "sh", "-c", NAME, path=f"{place}/bin:/usr/bin:/bin") == [NAME]
    link = place / "links" / NAME  # as pipx and uv make one
    link.parent.mkdir()
    link.symlink_to(place / "bin" / NAME)
    assert said(place, f"bin/{NAME}", path=f"{place}/links:/usr/bin:/bin") == [NAME]


def test_an_environment_for_one_run_is_named_by_its_path(place: Path) -> None:
    """As pre-commit, uvx and pipx run have one in the cache, and in PATH for that run."""
    script = str(place / "bin" / NAME)
    cache = {"XDG_CACHE_HOME": str(place)}
    found = ran(place, "sh", "-c", NAME, path=f"{place}/bin:/usr/bin:/bin", more=cache)
    assert shlex.split(found) == [script]


def test_another_program_of_that_name_is_not_this_one(place: Path) -> None:
    other = place / "other" / NAME
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert said(place, f"bin/{NAME}", path=f"{place}/other:/usr/bin:/bin") == [f"bin/{NAME}"]


def test_a_file_that_is_no_program_of_its_own_goes_with_its_interpreter(place: Path) -> None:
    (place / "bin" / NAME).chmod(0o644)
    given = [sys.executable, f"bin/{NAME}"]
    assert said(place, *given) == given


def test_a_program_in_this_folder_is_no_name(place: Path) -> None:
    (place / NAME).symlink_to(place / "bin" / NAME)
    assert said(place, sys.executable, NAME) == [f"./{NAME}"]


def test_a_module_is_started_as_one(place: Path) -> None:
    """And what it prints at the end can be run."""
    (place / "python").symlink_to(sys.executable)
    printed = ran(place, "./python", "-X", "utf8", "-m", NAME, "demo", "d")
    start = f"./python -X utf8 -m {NAME} "
    commands = [line.strip() for line in printed.splitlines() if f" {NAME} " in line]
    assert len(commands) == 5
    for line in commands:
        assert line.removeprefix("$ ").startswith(start)
    for line in commands[1:]:
        ran(place, *shlex.split(line))
    text = ran(place, *shlex.split(start), "demo", "--help")
    words = " ".join(text.split())  # the last line of the help may be in two
    assert f"Usage: {start}demo" in words
    assert words.count(NAME) == words.count(start) + words.count("deconvsurgery-demo")
    assert ran(place, *shlex.split(start), "--version").startswith(f"{NAME} ")


def test_what_repairs_a_pair_can_be_run_as_it_is_printed(place: Path) -> None:
    write_demo(place)
    (place / "python").symlink_to(sys.executable)
    start = ["./python", "-m", NAME, "check"]
    printed = ran(place, *start, "--exit-zero", "net", "in")
    (line,) = [each for each in printed.splitlines() if f": {TITLE}: " in each]
    ran(place, "sh", "-c", line.partition(f": {TITLE}: ")[2])
    ran(place, *start, "net", "in.fixed.caffemodel")  # ends with 0


def test_a_script_or_a_notebook_has_a_way_too(place: Path) -> None:
    assert said(place, sys.executable, "-c", SAY) == [sys.executable, "-m", NAME]


def test_the_options_of_an_interpreter_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["./python", "-X", "utf8", "-m", NAME]
    main = SimpleNamespace(__spec__=SimpleNamespace(name=f"{NAME}.__main__"))
    monkeypatch.setitem(sys.modules, "__main__", main)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "orig_argv", [*command, "check", "net"])
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setenv("PATH", "")
    assert started_as() == tuple(command)


def test_a_module_that_is_named_in_one_word_with_the_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``-mdeconvsurgery``, ``-Im deconvsurgery``: what says the same in two words is found."""
    main = SimpleNamespace(__spec__=SimpleNamespace(name=f"{NAME}.__main__"))
    monkeypatch.setitem(sys.modules, "__main__", main)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setenv("PATH", "")
    for words in ([f"-m{NAME}"], ["-Im", NAME]):
        monkeypatch.setattr(sys, "orig_argv", ["./python", *words, "check", "net"])
        assert started_as() == (sys.executable, "-m", NAME)


def test_an_interpreter_without_the_command_beside_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one's is found by the name."""
    monkeypatch.setattr(sys, "executable", str(place / "none" / "python"))
    monkeypatch.setattr(sys, "argv", ["-c"])
    monkeypatch.setenv("PATH", str(place / "bin"))
    assert started_as() == (sys.executable, "-m", NAME)


def test_these_tests_have_the_name() -> None:
    """Pages and tables in the golden files have it, however the tests are started."""
    assert started_as() == (NAME,)
