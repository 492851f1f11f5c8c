"""What decides on a change: `.ci/run` fails where one of its parts fails, and only there.

The script itself runs, in a checkout whose README sets up in no time, with an interpreter that
makes venvs of tools that do nothing: its own exit code is what is tried here, not what it runs.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.places import ROOT

SCRIPT = ROOT / ".ci" / "run"

INTERPRETER = """#!/bin/sh
for last; do :; done
case "$*" in
*"-m venv"*)
    mkdir -p "$last/bin"
    for tool in pip ruff mypy basedpyright lint-imports zizmor sphinx-build python; do
        printf '#!/bin/sh\\nexit %s\\n' "${TOOLS_EXIT:-0}" >"$last/bin/$tool"
        chmod +x "$last/bin/$tool"
    done
    case "$last" in
    */.venv)
        echo "#!/bin/sh" >"$last/bin/python"
        echo "case \\"\\$*\\" in *campaign*) echo '5 passed in 0.01s' ;; esac" >>"$last/bin/python"
        echo "exit ${CAMPAIGNS_EXIT:-0}" >>"$last/bin/python" ;;
    esac ;;
*demo.py*) echo "a demo"; exit "${DEMO_EXIT:-0}" ;;
*tests.py*) echo "7 passed in 0.01s"; exit "${TESTS_EXIT:-0}" ;;
esac
"""

README = """<!-- demo -->
```sh
python3 demo.py
```
<!-- tests -->
```sh
python3 -m venv .venv && python3 tests.py
```
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout with the script, and the interpreter that it finds first."""
    checkout = tmp_path / "checkout"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(SCRIPT, checkout / ".ci" / "run")
    (checkout / "README.md").write_text(README)
    (checkout / "docs").mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("python3.11", "python3", "apt-get"):
        (programs / name).write_text(INTERPRETER)
        (programs / name).chmod(0o755)
    subprocess.run(["git", "init", "--quiet", "."], cwd=checkout, check=True)
    return checkout


def run(checkout: Path, **exits: str) -> tuple[int, str, list[Path]]:
    """The script's exit code, what it printed, and what is left of its temporary files."""
    programs, temporary = checkout.parent / "programs", checkout.parent / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        ["bash", ".ci/run"],
        cwd=checkout,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TMPDIR": str(temporary),
            "CI": "true",
            **exits,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr, list(temporary.iterdir())


def test_all_passing_is_a_pass_that_ends_with_the_tests_own_summary(checkout: Path) -> None:
    code, printed, left = run(checkout)
    assert (code, left) == (0, []), printed
    assert "7 passed in 0.01s" in printed.splitlines()  # the README's command
    assert printed.splitlines()[-1] == "5 passed in 0.01s"  # the campaigns
    assert "a demo" in printed


@pytest.mark.parametrize("part", ["TOOLS_EXIT", "DEMO_EXIT", "TESTS_EXIT", "CAMPAIGNS_EXIT"])
def test_a_part_that_fails_fails_it(checkout: Path, part: str) -> None:
    code, printed, _ = run(checkout, **{part: "5"})
    assert code != 0, printed
    assert ("5 passed" in printed) == (part == "CAMPAIGNS_EXIT"), printed
