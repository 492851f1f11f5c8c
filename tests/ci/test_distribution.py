"""What a release would hold: sdist and wheel, built offline."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers.places import PACKAGE, ROOT

NAME = f"deconvsurgery-{ds.__version__}"
PAGES = sorted(path.name for path in (ROOT / "docs" / "man" / "man1").iterdir())

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("build") is None or importlib.util.find_spec("hatchling") is None,
    reason="build and hatchling (of the test extra) are not installed",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both; the wheel is made from the sdist, as who packages it would."""
    place = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def tracked(*under: str) -> set[str]:
    """The files that are the repository's, or would be if all were added."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-per-directory=.gitignore"]
    done = subprocess.run([*listed, "--", *under], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this is no checkout, so what belongs to it is not known")
    return {name for name in done.stdout.decode().split("\0") if name and (ROOT / name).exists()}


def test_the_wheel_holds_the_package_and_what_is_installed_beside_it(built: Path) -> None:
    (path,) = built.glob("*.whl")
    assert path.name == f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        metadata = BytesParser().parsebytes(wheel.read(f"{NAME}.dist-info/METADATA"))
    package = {name for name in names if name.startswith("deconvsurgery/")}
    data = f"{NAME}.data/data/share/"
    assert {name.removeprefix(data) for name in names if name.startswith(data)} == {
        *(f"man/man1/{page}" for page in PAGES),
        "bash-completion/completions/deconvsurgery",
        "fish/vendor_completions.d/deconvsurgery.fish",
        "zsh/site-functions/_deconvsurgery",
    }
    rest = {name for name in names - package if not name.startswith(data)}
    assert {name.partition("/")[0] for name in rest} == {f"{NAME}.dist-info"}
    for needed in (
        "py.typed",
        "caffe.desc",
        "verbs/sample.prototxt",
        "report/html/page.css",
        "report/json_documents/schemas/apply.schema.json",
        "rules/explained/DS001.md",
    ):
        assert f"deconvsurgery/{needed}" in package
        assert (PACKAGE / needed).is_file()
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Version"] == ds.__version__
    assert package == tracked("deconvsurgery")


def test_the_sdist_holds_the_repository(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        names = {name.removeprefix(f"{NAME}/") for name in sdist.getnames()}
    assert names - {"PKG-INFO"} == tracked()
