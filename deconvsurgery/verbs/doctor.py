"""``doctor``: what this installation has, and what the places it writes to can."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from tempfile import gettempdir
from typing import Final

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.program.extras import install_command
from deconvsurgery.program.shell_words import shell_line
from deconvsurgery.program.started_as import NAME, started_as
from deconvsurgery.storage.folder_abilities import FolderAbilities, folder_abilities
from deconvsurgery.version import __version__

# The least versions, as pyproject.toml has them.
NEEDED: Final[Mapping[str, str]] = {
    "click": "8.1",
    "numpy": "1.26",
    "protobuf": "4.25",
    "rich": "13.7",
}
EXTRAS: Final[Mapping[str, Mapping[str, str]]] = {
    "hdf5": {"h5py": "3.10"},
    "zoo": {
        "fsspec": "2025.2",
        "s3fs": "2025.2",
        "aiobotocore": "2.17",
        "dask": "2025.2",
        "distributed": "2025.2",
    },
}


class Package(NamedTuple):
    """A package that is used; ``version`` is ``None`` where it is not installed."""

    name: str
    version: str | None
    least: str
    extra: str | None

    @property
    def fits(self) -> bool:
        """It is there, and not too old."""
        return self.version is not None and _numbers(self.version) >= _numbers(self.least)


class Terminal(NamedTuple):
    """What standard output is: a terminal or not, its width, colours and encoding."""

    is_terminal: bool
    columns: int
    colours: bool
    encoding: str


class DoctorResult(NamedTuple):
    """What was found. ``command`` starts the program; ``install`` has a command for each extra."""

    version: str
    python: str
    interpreter: str
    system: str
    packages: tuple[Package, ...]
    install: Mapping[str, str]
    current: FolderAbilities
    temporary: FolderAbilities
    terminal: Terminal
    command: str
    on_path: bool

    @property
    def missing(self) -> tuple[Package, ...]:
        """Packages that every command needs, and that are not there or too old."""
        return tuple(each for each in self.packages if each.extra is None and not each.fits)

    def of_extra(self, extra: str) -> tuple[Package, ...]:
        """The packages of an extra."""
        return tuple(each for each in self.packages if each.extra == extra)


def doctor(terminal: Terminal) -> DoctorResult:
    """Look at the installation and at the folders, and change nothing."""
    packages = [_package(name, least, None) for name, least in NEEDED.items()]
    for extra, names in EXTRAS.items():
        packages += [_package(name, least, extra) for name, least in names.items()]
    wrong = [each for each in packages if not each.fits]
    install = {
        extra: install_command(*(each.name for each in wrong if each.extra == extra))
        for extra in dict.fromkeys(each.extra for each in wrong if each.extra is not None)
    }
    started = started_as()
    return DoctorResult(
        version=__version__,
        python=platform.python_version(),
        interpreter=sys.executable,
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        packages=tuple(packages),
        install=install,
        current=folder_abilities(os.curdir),
        temporary=folder_abilities(gettempdir()),
        terminal=terminal,
        command=shell_line(started),
        on_path=started == (NAME,),
    )


def _package(name: str, least: str, extra: str | None) -> Package:
    try:
        found = version(name)
    except PackageNotFoundError:
        found = None
    return Package(name, found, least, extra)


def _numbers(said: str) -> tuple[int, ...]:
    """``2.4.0rc1`` as (2, 4, 0), which is all that is compared here."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", said)
    return tuple(map(int, found[0].split("."))) if found else ()
