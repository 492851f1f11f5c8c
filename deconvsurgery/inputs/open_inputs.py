"""Read what the user named: a net's text, a model's index; each error with its file.

What bytes are is told by ``caffemodel.sniff``, what they mean by ``prototxt`` and ``caffemodel``.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from deconvsurgery.caffemodel.foreign_files import link_target
from deconvsurgery.caffemodel.forms import OURS, Form, described
from deconvsurgery.caffemodel.index import index
from deconvsurgery.caffemodel.model import MAX_UNPACKED, Model
from deconvsurgery.caffemodel.sniff import HEAD, form
from deconvsurgery.errors import (
    ConfigError,
    FileError,
    FormatError,
    ModelError,
    PrototxtError,
    SurgeryError,
)
from deconvsurgery.prototxt.net import Net
from deconvsurgery.prototxt.parse import Scanned, as_net, scanned
from deconvsurgery.splicing.undo_patch import (
    LONGEST_HEADER,
    Undo,
    begins_patch,
    parsed,
)
from deconvsurgery.storage.address import folder_of
from deconvsurgery.storage.os_error_text import refusal, shown
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.storage.source import open_source, open_text
from deconvsurgery.storage.source_interface import Source
from deconvsurgery.storage.streams import can_be_read_again
from deconvsurgery.wording import quoted

from .expand_pairs import expanded
from .settings import (
    FILE_NAME,
    PROJECT_FILE,
    Pair,
    Settings,
    parse_settings,
)
from .toml_text import LONGEST_FILE

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


def read_net(path: str | os.PathLike[str]) -> Net:
    """Read a prototxt (``-``: standard input).

    Raises ``PrototxtError`` with line and column, or ``FormatError`` for what is no text at all.
    """
    with open_net(path) as (_source, _text, net):
        return net


@contextmanager
def open_net(path: str | os.PathLike[str]) -> Iterator[tuple[Source, Scanned, Net]]:
    """A prototxt as a file that stays open, as text and as a net; raises as `read_net`."""
    with open_text(path) as source:
        data = source.read(0, source.size)
        found = form(data[:HEAD], len(data))
        if found not in (Form.TEXT, Form.EMPTY) and not data.startswith(_BYTE_ORDER_MARKS):
            message, hint = _described(found, data[:HEAD])
            raise FormatError(message, path=source.name, hint=hint)
        try:
            text = scanned(data)
            net = as_net(text)
        except PrototxtError as error:
            raise error.replaced(
                path=source.name,
                hint=error.hint or "fix the text there: Caffe would not read it either",
            ) from error.__cause__
        yield source, text, net


@contextmanager
def open_patch(path: str | os.PathLike[str]) -> Iterator[tuple[Source, Undo, int]]:
    """A patch that undoes a change: its file, what it says, and where the original's bytes begin.

    Raises ``FormatError`` for what is no patch.
    """
    with open_source(path) as source:
        try:
            line = _first_line(source)
            yield source, parsed(line, source.size), len(line)
        except FormatError as error:
            if error.path is not None:
                raise
            raise error.replaced(path=source.name) from error.__cause__


def _first_line(source: Source) -> bytes:
    """What stands before the first line's end, and that; of what is no patch its beginning."""
    line = bytearray()
    most = min(source.size, LONGEST_HEADER + 1)
    while len(line) < most:
        piece = source.read(len(line), min(_PIECE, most - len(line)))
        end = piece.find(b"\n")
        if end >= 0:
            return bytes(line + piece[: end + 1])
        if not line and not begins_patch(piece):
            return piece
        line += piece
    return bytes(line)


_PIECE = 1 << 16


@contextmanager
def open_model(
    path: str | os.PathLike[str], *, max_unpacked: int = MAX_UNPACKED
) -> Iterator[Model]:
    """Open and index a model, binary or HDF5 (``-``: standard input, spooled); closed on leaving.

    ``max_unpacked`` is how many bytes the values of an HDF5 file may have more than the file
    itself: beyond that, compressed ones and those never written are not read.

    Raises ``ModelError`` with the byte offset, and in words for what is no model, ``FormatError``
    for an HDF5 file where the library that reads those is not installed.
    """
    with open_source(path) as source:
        try:
            with _indexed(source, max_unpacked) as model:
                yield model
        except (FormatError, FileError) as error:
            if error.path is not None:
                raise
            raise error.replaced(path=source.name) from error.__cause__


def _indexed(source: Source, max_unpacked: int) -> AbstractContextManager[Model]:
    head = source.read(0, min(HEAD, source.size))
    found = form(head, source.size)
    if found is Form.BINARY:
        return nullcontext(index(source))
    if found is Form.HDF5:
        from deconvsurgery.caffemodel.hdf5.read import indexed_hdf5

        return indexed_hdf5(source, max_unpacked)
    message, hint = _described(found, head)
    raise ModelError(message, hint=hint)


def _described(found: Form, head: bytes) -> tuple[str, str]:
    """What a file is and what to do, with the place that it stands for if it says one."""
    message, hint = described(found)
    if found is Form.SYMLINK:
        hint += f": {quoted(link_target(head))}"
    return message, hint


def _refuse_foreign(path: str) -> None:
    """Raise ``FormatError`` for what is neither a net nor a model, named for what it is."""
    found, head = _form(path)
    if found not in OURS:
        message, hint = _described(found, head)
        raise FormatError(message, path=shown(path), hint=hint)


def net_and_model(paths: Sequence[str]) -> tuple[str | None, str | None]:
    """One or two paths as (net, model), told apart by content.

    What can be read once only (a pipe, ``-``) is what the other is not, or else the model.
    """
    pipes = [path for path in paths if not can_be_read_again(path)]
    if pipes:
        if len(paths) == 1:
            return None, pipes[0]
        if len(pipes) == 2:
            return paths[0], paths[1]  # the usual order: neither may be looked at
        (seen,) = (path for path in paths if path not in pipes)
        return (seen, pipes[0]) if _is_net(seen) else (pipes[0], seen)
    nets = [path for path in paths if _is_net(path)]
    models = [path for path in paths if path not in nets]
    if len(nets) > 1:
        raise FormatError(
            "is text, and so is the other file",
            path=shown(nets[1]),
            hint="one net and one model, please: a prototxt and its weights",
        )
    if len(models) > 1:
        for path in models:
            _refuse_foreign(path)
        raise FormatError(
            "is no net, and neither is the other file",
            path=shown(models[1]),
            hint="one of the two should be a prototxt",
        )
    return nets[0] if nets else None, models[0] if models else None


def paired(paths: Sequence[str]) -> tuple[tuple[str | None, str | None], ...]:
    """Any number of paths as (net, model), told apart by content: a model goes with the net before.

    Two may stand in any order, a model alone is looked at alone. A file that cannot be read counts
    as a net: whoever reads it will tell.
    """
    if not all(map(can_be_read_again, paths)) and len(paths) <= 2:
        return ((paths[0], None),) if len(paths) == 1 else (net_and_model(paths),)
    nets = [_looks_like_a_net(path) for path in paths]
    if nets == [False]:
        return ((None, paths[0]),)
    if nets == [False, True]:
        return ((paths[1], paths[0]),)
    pairs: list[tuple[str | None, str | None]] = []
    for path, is_net in zip(paths, nets, strict=True):
        if is_net:
            pairs.append((path, None))
        elif not pairs:
            _refuse_foreign(path)
            raise FormatError(
                "is a model, and no net stands before it",
                path=shown(path),
                hint="name each net before its model",
            )
        elif pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], path)
        else:
            pairs.append((pairs[-1][0], path))
    return tuple(pairs)


def _looks_like_a_net(path: str) -> bool:
    """Of what is neither (a Git LFS pointer, a web page) the name is all there is to go by."""
    try:
        found, _ = _form(path)
    except SurgeryError:
        return True
    return found is Form.TEXT or (
        found not in (Form.BINARY, Form.HDF5) and path.endswith(".prototxt")
    )


def read_settings(
    path: str | os.PathLike[str] | None = None,
    files: RunFiles | None = None,
    *,
    rules: Collection[str],
) -> Settings | None:
    """A configuration file, or the nearest one from here upwards; ``None`` where there is none.

    The nearest is a ``deconvsurgery.toml``, or a ``pyproject.toml`` with its table. Paths in it are
    made relative to where we are. What is looked into to find it is noted in ``files``; ``rules``
    are the ids of the rules that there are. Raises ``ConfigError`` for what it should not say.
    """
    files = RunFiles() if files is None else files
    if path is not None:
        found = _settings(os.fspath(path), rules)
        if found is None:
            raise ConfigError(
                "has no [tool.deconvsurgery]",
                path=shown(path),
                hint="name a deconvsurgery.toml, or put that table into it",
            )
        return found
    try:
        folder = os.getcwd()
    except OSError as error:  # it was removed
        raise refusal("cannot be found", error, "the current directory") from error
    while True:
        for name in (FILE_NAME, PROJECT_FILE):
            candidate = os.path.normpath(os.path.join(os.path.relpath(folder), name))
            if os.path.isfile(candidate):
                files.reads("the settings", candidate)
                found = _settings(candidate, rules)
                if found is not None:
                    return found
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _settings(path: str, rules: Collection[str]) -> Settings | None:
    name = shown(path)
    with open_source(path, limit=LONGEST_FILE) as source:
        if source.size > LONGEST_FILE:
            raise ConfigError(
                f"has more than {LONGEST_FILE >> 20} MiB",
                path=name,
                hint="many pairs belong into a list of their own: list = 'pairs.jsonl'",
            )
        data = source.read(0, source.size)
    return settings_in(data, name, rules=rules, folder=folder_of(path))


def settings_in(
    data: bytes, name: str, *, rules: Collection[str], folder: str = ""
) -> Settings | None:
    """The settings in a file's bytes; raises as `parse_settings`, and for what is no UTF-8."""
    if data.startswith(_BYTE_ORDER_MARKS):
        hint = "save it as UTF-8, without that mark"
        raise ConfigError("is no TOML: begins with a byte order mark", path=name, hint=hint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is no TOML: not in UTF-8 at byte {error.start}",
            path=name,
            line=data.count(b"\n", 0, error.start) + 1,
            hint="save it as UTF-8, without a BOM",
        ) from None
    return parse_settings(text, name, rules=rules, folder=folder)


def every_pair(settings: Settings) -> Iterator[Pair]:
    """The pairs that a configuration file stands for, those of a pattern in their order."""
    for pair in settings.pairs:
        found = [*expanded(pair)]
        yield from sorted(found, key=lambda each: (each.net or "", each.model or ""))


def _is_net(path: str) -> bool:
    return _form(path)[0] is Form.TEXT


def _form(path: str) -> tuple[Form, bytes]:
    """A file's form, and how it begins; text behind a byte order mark is text, too."""
    with open_source(path) as source:
        head = source.read(0, min(HEAD, source.size))
        found = Form.TEXT if head.startswith(_BYTE_ORDER_MARKS) else form(head, source.size)
        return found, head
