"""Every file that a verb is given, from the commands' own declarations, and what it is there for.

A new parameter that takes a file is in here by itself; one that is read needs a file to read
(`CONTENT`), and one that is no file must be known to be none (`NO_FILES`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import click

from deconvsurgery.cli.shared_options import FileName, FormatAndFile
from helpers.commands import VERBS, command_of, options_of

READ, WRITTEN, CHANGED = "read", "written", "changed"

NO_FILES: Final = frozenset(
    {
        *("patterns", "exclude", "stage", "suffix", "expand_score", "size", "stride"),
        *("select", "ignore", "explain", "max_unpacked", "scheduler"),
    }
)
"""Parameters that take text which is no file's name."""

# What a file that is read must hold, by verb and parameter, as names in the tests' folder.
CONTENT: Final[Mapping[str, Mapping[str, str]]] = {
    "apply": {"net": "net", "model": "in"},
    "inspect": {"files 1": "net", "files 2": "in"},
    "check": {
        "files 1": "net",
        "files 2": "in",
        "config": "settings.toml",
        "baseline": "known.json",
    },
    "diff": {"a": "in", "b": "full"},
    "convert": {"model": "in", "net": "net"},
    "revert": {"changed": "full", "patch": "undo"},
    "regroup": {"net": "net", "model": "full"},
    "transplant": {"net": "net", "model": "in"},
    "patch-net": {"files 1": "net"},
    "sweep": {"config": "sweep.toml"},
}
OTHER_VERBS: Final = frozenset({"kernel", "demo", "doctor", "completion"}) & {*VERBS}
"""Those whose files are not named one by one (tests of their own), or that have none."""


@dataclass(frozen=True)
class Slot:
    """One file of a command line: ``given`` is how it stands there, ``{}`` the name in it."""

    label: str
    use: str
    name: str
    given: tuple[str, ...] = ("{}",)
    fixed: bool = False


@dataclass(frozen=True)
class Line:
    """A command line that names every file that the verb can be given, in one of its ways.

    ``settings`` are files that name others, each where its label stands in ``<>``. Of two files one
    is among the ``only``, where other lines have the others.
    """

    verb: str
    way: str
    slots: tuple[Slot, ...]
    flags: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    only: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return " ".join(filter(None, (self.verb, self.way)))

    def arguments(self, names: Mapping[str, str], *flags: str) -> list[str]:
        """The command line with other names in some slots."""
        said = [
            part.format(names.get(slot.label, slot.name))
            for slot in self.slots
            if not slot.fixed and not self._in_settings(slot)
            for part in slot.given
        ]
        return [self.verb, *self.flags, *flags, *said]

    def _in_settings(self, slot: Slot) -> bool:
        return any(f"<{slot.label}>" in text for text in self.settings.values())

    def texts(self, names: Mapping[str, str]) -> dict[str, str]:
        """The settings with these names in their slots."""
        texts = dict(self.settings)
        for slot in self.slots:
            for name, text in texts.items():
                path = names.get(slot.label, slot.name)
                texts[name] = text.replace(f"<{slot.label}>", path)
        return texts


def parameters(verb: str) -> list[click.Parameter]:
    """Those of a verb that take a file."""
    return [each for each in command_of(verb).params if isinstance(each.type, FileName)]


def _slots(verb: str) -> Iterator[Slot]:
    """One for each file, of a parameter that takes several two."""
    for parameter in parameters(verb):
        kind = parameter.type
        assert isinstance(kind, FileName)
        if kind.kind == "dir":  # it is no file, and has tests of its own
            continue
        name = str(parameter.name)
        option = (parameter.opts[0],) if isinstance(parameter, click.Option) else ()
        if isinstance(kind, FormatAndFile):
            for form in ("json", "sarif"):
                given = (*option, f"{form}={{}}")
                yield Slot(f"{name} {form}", kind.use, f"new-{form}", given)
            continue
        count = 2 if parameter.nargs == -1 else 1
        for number in range(1, count + 1):
            label = f"{name} {number}" if count > 1 else name
            last = kind.use == "read or written"
            use = (WRITTEN if number == count else READ) if last else kind.use
            yield Slot(
                label,
                use,
                CONTENT[verb][label] if use == READ else f"new-{name.replace('_', '-')}",
                (*option, "{}"),
            )


def lines() -> list[Line]:
    """Of each verb: all that it can be given; the same in place; its settings found, not named."""
    found = []
    for verb in VERBS:
        if verb in OTHER_VERBS or verb == "sweep":
            continue
        slots = tuple(_slots(verb))
        flags = ("-f",) if "--force" in options_of(verb) else ()
        found.append(Line(verb, "", slots, flags))
        if "--in-place" in options_of(verb):
            found.append(Line(verb, "in place", _in_place(slots), (*flags, "--in-place")))
    found.append(_reverted_in_place())
    found.append(_settled())
    found += _checked()
    return [*found, _swept(), _swept_list()]


def _in_place(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    """Without the output, which is the model, or the only net, then."""
    changed = next(each for each in ("model", "files 1") if any(each == s.label for s in slots))
    return tuple(
        Slot(each.label, CHANGED if each.label == changed else each.use, each.name, each.given)
        for each in slots
        if each.label not in ("output", "files 2")
    )


def _reverted_in_place() -> Line:
    slots = tuple(each for each in _slots("revert") if each.label != "output")
    first, *others = slots
    return Line("revert", "in place", (Slot(first.label, CHANGED, first.name), *others), ("-f",))


def _settled() -> Line:
    """``check`` by what it finds in the folder: settings, a list of pairs, a net and its model."""
    own = tuple(each for each in _slots("check") if each.use == WRITTEN)
    fixed = ("deconvsurgery.toml", "pairs.jsonl", "net", "in", "net-alone")
    named = tuple(Slot(each, READ, each, fixed=True) for each in fixed)
    settings = {
        "deconvsurgery.toml": "pairs = [{list = 'pairs.jsonl'}, {net = 'net-alone'}]\n",
        "pairs.jsonl": '{"net": "net", "model": "in"}\n',
    }
    return Line("check", "by settings", (*named, *own), ("-f",), settings)


def _checked() -> Iterator[Line]:
    """``check`` that fixes what it reads, and that writes the baseline."""
    slots = tuple(_slots("check"))
    flags = ("-f", "--fix", "--exit-zero")
    yield Line("check", "to fix", slots, flags, only=frozenset({"files 1", "files 2"}))
    known = tuple(
        Slot(each.label, WRITTEN, "new-baseline", each.given) if each.label == "baseline" else each
        for each in slots
    )
    yield Line("check", "anew", known, ("-f", "--write-baseline"), only=frozenset({"baseline"}))


def _swept() -> Line:
    """``sweep`` of a verb that has two outputs; the record lies beside the first."""
    pair = (
        Slot("net", READ, "net"),
        Slot("model", READ, "full"),
        Slot("output", WRITTEN, "new-output"),
        Slot("net-output", WRITTEN, "new-net-output"),
        Slot("record", WRITTEN, "new-output.sweep.json", fixed=True),
    )
    named = ", ".join(f"{each.label} = '<{each.label}>'" for each in pair[:4])
    settings = {"sweep.toml": f"pairs = [{{{named}}}]\n[sweep]\nverb = 'regroup'\n"}
    return Line("sweep", "", (*_slots("sweep"), *pair), ("-f",), settings)


def _swept_list() -> Line:
    settings = {
        "sweep.toml": "pairs = [{list = '<list>'}]\n",
        "pairs.jsonl": '{"net": "net", "model": "in"}\n',
    }
    listed = Slot("list", READ, "pairs.jsonl")
    return Line("sweep", "of a list", (*_slots("sweep"), listed), ("-f",), settings)
