"""What ``doctor`` found: a line a fact, what is missing, and the commands that install it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deconvsurgery.report.cells import Remark, Tone

from .sheet import Sheet

if TYPE_CHECKING:
    from deconvsurgery.report.phrases import Medium
    from deconvsurgery.storage.folder_abilities import FolderAbilities
    from deconvsurgery.verbs.doctor import DoctorResult, Package


def doctor_report(result: DoctorResult, medium: Medium) -> Sheet:
    """The facts, and one closing sentence."""
    return Sheet([], (), list(_facts(result)), _closing(result), medium)


def _facts(result: DoctorResult) -> Iterator[Remark]:
    yield _fact("deconvsurgery", result.version)
    how = (
        "the shell finds it by its name" if result.on_path else "it is not on the PATH by its name"
    )
    tone = Tone.GOOD if result.on_path else Tone.ODD
    yield Remark("command", tone, None, f"{result.command}; {how}")
    yield _fact("Python", f"{result.python}, {result.interpreter}")
    yield _fact("system", result.system)
    for each in result.packages:
        if each.extra is None:
            yield Remark(each.name, Tone.GOOD if each.fits else Tone.WRONG, None, _state(each))
    for extra in dict.fromkeys(each.extra for each in result.packages if each.extra):
        packages = result.of_extra(extra)
        tone = Tone.ODD if extra in result.install else Tone.GOOD
        states = "; ".join(f"{each.name} {_state(each)}" for each in packages)
        yield Remark(f"[{extra}]", tone, None, states)
    yield _folder("this folder", result.current)
    yield _folder("TMPDIR", result.temporary)
    yield _fact("output", _terminal(result))


def _fact(label: str, words: str) -> Remark:
    return Remark(label, Tone.GOOD, None, words)


def _state(package: Package) -> str:
    if package.version is None:
        return "is not installed"
    return package.version + ("" if package.fits else f" is too old: {package.least} or later")


def _folder(label: str, found: FolderAbilities) -> Remark:
    if not found.writable:
        return Remark(label, Tone.ODD, None, f"{found.path}: no file can be made here")
    can = {
        "clones files": found.clones,
        "copies in the kernel": found.kernel_copies,
        "has files without a name": found.unnamed_files,
    }
    parts = [found.file_system or "file system unknown"]
    if found.free is not None:
        parts.append(f"{found.free / (1 << 30):,.1f} GiB free")
    parts += [word for word, true in can.items() if true]
    lacks = [word for word, true in can.items() if not true]
    words = f"{found.path}: {', '.join(parts)}"
    return _fact(label, words + (f" (not: {', '.join(lacks)})" if lacks else ""))


def _terminal(result: DoctorResult) -> str:
    found = result.terminal
    kind = f"a terminal of {found.columns} columns" if found.is_terminal else "no terminal"
    return f"{kind}, {'with' if found.colours else 'without'} colours, {found.encoding}"


def _closing(result: DoctorResult) -> str:
    if result.missing:
        names = ", ".join(each.name for each in result.missing)
        return f"Not complete: {names} must be installed."
    if result.install:
        return "All that is needed is here. For extras that are not complete:"
    return "All that is needed is here, and all extras."
