"""Files that are replaced together: all or none, whatever fails, and wherever the run is killed."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import Edit, replacing
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.ended_replacement import (
    SettledAs,
    ended_replacement,
    ended_words,
    settle_replacement,
)
from deconvsurgery.storage.names_beside import KEPT, RECORD
from deconvsurgery.storage.outcome import Splice
from deconvsurgery.storage.replace_together import NewFile, write_together
from deconvsurgery.storage.replacement_record import flush_folder
from deconvsurgery.storage.source import open_source
from helpers.faults.injection import FAULTS, Calls, Striking

if TYPE_CHECKING:
    from helpers.words import Words

OLD = {
    "net": b"an old net\n",
    "model": b"an old model" + bytes(4000),
    "sub/other": b"another old model",
}
NEW = {name: data.replace(b"old", b"brand new") for name, data in OLD.items()}
NAMES = (*FAULTS, "unlink")


def edits(data: bytes) -> list[Edit]:
    """Every `old` becomes `brand new`."""
    at, found = data.find(b"old"), []
    while at >= 0:
        found.append(replacing(at, at + 3, b"brand new"))
        at = data.find(b"old", at + 3)
    return found


def replace(folder: Path, names: tuple[str, ...] = tuple(OLD)) -> None:
    with ExitStack() as stack:
        files = []
        for name in names:
            source = stack.enter_context(open_source(folder / name))
            place = destination(folder / name, source, in_place=True)
            files.append(NewFile(place, Splice(edits(OLD[name]))))
        write_together(files)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OLD}


def beside(folder: Path) -> list[str]:
    """Whatever else is there."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and str(path.relative_to(folder)) not in OLD
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name, data in OLD.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_all_are_replaced(folder: Path) -> None:
    (folder / "net").chmod(0o640)
    replace(folder)
    assert contents(folder) == NEW
    assert beside(folder) == []
    assert (folder / "net").stat().st_mode & 0o777 == 0o640


def test_what_replaces_them_stands_beside_them_meanwhile(folder: Path) -> None:
    seen: list[tuple[list[str], dict[str, bytes]]] = []

    def act(_number: int, _name: str, made: Callable[..., Any]) -> Any:
        done = made()
        seen.append((beside(folder), contents(folder)))
        return done

    with Calls(("rename",), act).watched():
        replace(folder)
    assert len(seen) == 3
    for number, (names, now) in enumerate(seen, 1):
        assert {f"{name}{RECORD}" for name in OLD} <= {*names}
        for name in [*OLD][:number]:
            assert f"{name}{KEPT}" in names
        assert [now[name] == NEW[name] for name in OLD] == [at < number for at in range(3)]


def test_one_alone_needs_no_record(folder: Path) -> None:
    names: list[str] = []

    def act(_number: int, _name: str, made: Callable[..., Any]) -> Any:
        names.extend(beside(folder))
        return made()

    with Calls(("rename",), act).watched():
        replace(folder, ("model",))
    assert contents(folder) == {**OLD, "model": NEW["model"]}
    assert len(names) == 1
    assert beside(folder) == []


def calls_made(folder: Path) -> list[str]:
    names: list[str] = []

    def act(_number: int, name: str, made: Callable[..., Any]) -> Any:
        names.append(name)
        return made()

    with Calls(NAMES, act).watched():
        replace(folder)
    for name, data in OLD.items():
        (folder / name).write_bytes(data)
    return names


# An error at every call


EVERY = [11, pytest.param(1, marks=pytest.mark.campaign)]


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_an_error_at_every_call_leaves_all_or_none(lasting: bool, every: int, folder: Path) -> None:
    turn = 0
    for name, kinds in FAULTS.items():
        for kind in [each for each in kinds if isinstance(each, int)][: 2 if lasting else 1]:
            for nth in range(1, calls_made(folder).count(name) + 1):
                turn += 1
                if turn % every:
                    continue
                at = f"{name} {nth} {errno.errorcode[kind]}"
                striking = Striking(nth, kind, lasting=lasting)
                failed = False
                try:
                    with Calls((name,), striking).watched():
                        replace(folder)
                except ds.SurgeryError:
                    failed = True
                assert striking.struck, at
                left = beside(folder)
                if failed and any(each.endswith(RECORD) for each in left):
                    # Two failures: what was there could not be put back, either.
                    assert lasting, at
                    settle_replacement(folder / "net")
                    left = beside(folder)
                assert left == [], at
                assert contents(folder) in ([OLD] if failed else [NEW]), at
                for each, data in OLD.items():
                    (folder / each).write_bytes(data)


def test_what_cannot_be_put_back_stays_for_the_next_run(folder: Path, words: Words) -> None:
    """The second takes no place, and the first does not get its own back: nothing is lost."""
    with (
        Calls(("rename",), Striking(2, errno.EIO, lasting=True)).watched(),
        pytest.raises(ds.FileError) as raised,
    ):
        replace(folder, ("net", "model"))
    assert f"net{KEPT}" in raised.value.message
    words(raised.value)
    assert contents(folder) == {**OLD, "net": NEW["net"]}
    assert (folder / f"net{KEPT}").read_bytes() == OLD["net"]
    ended = settle_replacement(folder / "model")
    assert ended is not None
    assert ended.settled is SettledAs.TAKEN_BACK
    assert (contents(folder), beside(folder)) == (OLD, [])


# Killed at every call


def killed(folder: Path, act: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), status


def killing(nth: int, when: str) -> Calls:
    def act(number: int, _name: str, made: Callable[..., Any]) -> Any:
        if number != nth:
            return made()
        if when == "after":
            with suppress(OSError):  # it may look for a file that is not there
                made()
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return Calls(NAMES, act)


def kill_at(folder: Path, nth: int, when: str) -> None:
    def act() -> None:
        with killing(nth, when).watched():
            replace(folder)

    killed(folder, act)


def points(folder: Path) -> Iterator[tuple[int, str]]:
    for nth in range(1, len(calls_made(folder)) + 1):
        yield nth, "before"
        yield nth, "after"


@pytest.mark.parametrize("every", EVERY)
def test_a_kill_at_every_call_is_finished_or_taken_back(every: int, folder: Path) -> None:
    became = set()
    for number, (nth, when) in enumerate(points(folder)):
        if number % every:
            continue
        at = f"{when} call {nth}"
        kill_at(folder, nth, when)
        now = contents(folder)
        assert all(now[name] in (OLD[name], NEW[name]) for name in OLD), at
        mixed = now not in (OLD, NEW)
        asked = [*OLD][number % 3]  # any of the files leads to the others
        ended = settle_replacement(folder / asked)
        if mixed:
            assert ended is not None, at
            assert {os.path.relpath(each, folder) for each in ended.places} == {*OLD}
        if ended is not None:
            became.add(ended.settled)
        assert contents(folder) in (OLD, NEW), at
        for name in OLD:  # those whose records were not there yet, or no more
            settle_replacement(folder / name)
            assert ended_replacement(folder / name) == ()
            assert ended_words(folder / name) == ()
        left = beside(folder)
        assert all(name.endswith(".tmp") for name in left), at
        assert len(left) <= len(OLD) + 1, at
        assert contents(folder) in (OLD, NEW), at
        for name in left:
            (folder / name).unlink()
        for name, data in OLD.items():
            (folder / name).write_bytes(data)
    assert became == {SettledAs.NOTHING, SettledAs.FINISHED}


def half_done(folder: Path) -> None:
    """Killed after the second of three has taken its place."""
    names = calls_made(folder)
    renames = [at for at, name in enumerate(names, 1) if name == "rename"]
    kill_at(folder, renames[1], "after")
    assert contents(folder) == {**NEW, "sub/other": OLD["sub/other"]}


def test_a_kill_while_it_is_finished(folder: Path) -> None:
    half_done(folder)
    for nth in range(1, 200):

        def act(nth: int = nth) -> None:
            with killing(nth, "before").watched():
                settle_replacement(folder / "net")

        child = os.fork()
        if child == 0:
            try:
                act()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        now = contents(folder)
        assert all(now[name] in (OLD[name], NEW[name]) for name in OLD)
        if not os.WIFSIGNALED(status):
            break
    assert nth > 10
    assert contents(folder) == NEW
    for name in OLD:
        settle_replacement(folder / name)
    assert beside(folder) == []


def test_without_the_new_ones_it_is_taken_back(folder: Path) -> None:
    """docs/writing.md says that temporary files may be deleted."""
    half_done(folder)
    for path in folder.rglob("*.tmp"):
        path.unlink()
    ended = settle_replacement(folder / "net")
    assert ended is not None
    assert ended.settled is SettledAs.TAKEN_BACK
    assert (contents(folder), beside(folder)) == (OLD, [])


def test_the_whole_folder_may_be_moved(folder: Path) -> None:
    half_done(folder)
    moved = folder.rename(folder.parent / "elsewhere")
    assert settle_replacement(moved / "net") is not None
    assert (contents(moved), beside(moved)) == (NEW, [])


@pytest.mark.parametrize("changed", [*OLD])
def test_what_somebody_has_changed_since_is_not_touched(
    changed: str, folder: Path, words: Words
) -> None:
    half_done(folder)
    (folder / changed).write_bytes(b"my own work")
    before = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ds.OutputError) as raised:
        settle_replacement(folder / "net")
    words(raised.value)
    assert {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("here", ["net", "sub/other"])
def test_a_folder_that_is_away_is_waited_for(
    here: str, folder: Path, tmp_path_factory: pytest.TempPathFactory, words: Words
) -> None:
    """Its disk is not mounted yet: what is here must be neither cleared nor finished."""
    half_done(folder)
    left = beside(folder)
    away = tmp_path_factory.mktemp("away")
    hidden = ["other", f"other{RECORD}"] if here == "net" else [*OLD][:2]
    hidden += [] if here == "net" else [f"{name}{RECORD}" for name in hidden]
    place = folder / "sub" if here == "net" else folder
    for name in hidden:
        (place / name).rename(away / name)
    with pytest.raises(ds.OutputError) as raised:
        settle_replacement(folder / here)
    words(raised.value)
    for name in hidden:
        (away / name).rename(place / name)
    assert beside(folder) == left
    ended = settle_replacement(folder / here)
    assert ended is not None
    assert ended.settled is SettledAs.FINISHED
    assert (contents(folder), beside(folder)) == (NEW, [])


@pytest.mark.parametrize("name", [*OLD])
def test_a_kill_before_it_began_and_a_change_since(name: str, folder: Path) -> None:
    """One record is there, nothing is replaced: what was left is removed, and nothing else."""
    links = [at for at, call in enumerate(calls_made(folder), 1) if call == "link"]
    kill_at(folder, links[0], "after")
    assert [each for each in beside(folder) if not each.endswith(".tmp")] == [f"net{RECORD}"]
    (folder / name).write_bytes(b"my own work")
    ended = settle_replacement(folder / "net")
    assert ended is not None
    assert ended.settled is SettledAs.NOTHING
    assert contents(folder) == {**OLD, name: b"my own work"}
    assert all(each.endswith(".tmp") for each in beside(folder))


def test_what_is_done_and_changed_since_is_only_cleared(folder: Path) -> None:
    names = calls_made(folder)
    last = max(at for at, name in enumerate(names, 1) if name == "rename")
    unlinks = [at for at, name in enumerate(names, 1) if name == "unlink" and at > last]
    kill_at(folder, unlinks[3], "before")  # after the old ones, before the records
    assert all(name.endswith(RECORD) for name in beside(folder))
    (folder / "net").write_bytes(b"my own work")
    ended = settle_replacement(folder / "net")
    assert ended is not None
    assert beside(folder) == []
    assert contents(folder) == {**NEW, "net": b"my own work"}


def test_a_change_since_where_nothing_is_beside_it(folder: Path, words: Words) -> None:
    half_done(folder)
    for path in (*folder.rglob("*.tmp"), *folder.rglob(f"*{KEPT}")):
        path.unlink()
    now = contents(folder)
    with pytest.raises(ds.OutputError) as raised:
        settle_replacement(folder / "net")
    words(raised.value)
    assert contents(folder) == now


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("back", [False, True], ids=["finished", "taken back"])
def test_an_error_while_it_is_settled_is_no_loss(back: bool, every: int, folder: Path) -> None:
    """Whichever call fails, the next run ends it, and never with some new and some old."""
    expected = (OLD, SettledAs.TAKEN_BACK) if back else (NEW, SettledAs.FINISHED)
    turn = 0
    for name in ("lstat", "open", "fsync", "rename", "unlink", "read", "pread"):
        for nth in range(1, 100):
            turn += 1
            if turn % every and nth > 1:
                continue
            at = f"{name} {nth}"
            half_done(folder)
            for path in folder.rglob("*.tmp") if back else ():
                path.unlink()
            striking = Striking(nth, errno.EIO)
            failed = False
            try:
                with Calls((name,), striking).watched():
                    settle_replacement(folder / "net")
            except ds.SurgeryError:
                failed = True
            now = contents(folder)
            assert all(now[each] in (OLD[each], NEW[each]) for each in OLD), at
            for each in OLD:
                ended = settle_replacement(folder / each)
                assert ended is None or ended.settled in (expected[1], SettledAs.NOTHING), at
            assert (contents(folder), beside(folder)) == (expected[0], []), at
            for each, data in OLD.items():
                (folder / each).write_bytes(data)
            if not striking.struck:
                break
            assert failed or name in ("lstat", "read", "pread", "open"), at


# Others


def test_two_runs_at_once(folder: Path, words: Words) -> None:
    """While one has its records, another can neither replace nor settle anything."""
    refused = []

    def act(number: int, _name: str, made: Callable[..., Any]) -> Any:
        if number == 1:
            for other in (lambda: replace(folder), lambda: settle_replacement(folder / "net")):
                with pytest.raises(ds.OutputError) as raised:
                    other()
                refused.append(raised.value.transient)
                words(raised.value)
        return made()

    with Calls(("rename",), act).watched():
        replace(folder)
    assert refused == [True, True]
    assert (contents(folder), beside(folder)) == (NEW, [])


def test_a_file_that_came_meanwhile_keeps_all_old(folder: Path) -> None:
    def act(_number: int, _name: str, made: Callable[..., Any]) -> Any:
        (folder / "model").write_bytes(b"from elsewhere")
        return made()

    with Calls(("link",), act).watched(), pytest.raises(ds.SurgeryError):
        replace(folder)
    assert contents(folder) == {**OLD, "model": b"from elsewhere"}
    assert beside(folder) == []


def test_the_name_of_an_old_file_that_comes_meanwhile(folder: Path) -> None:
    """Somebody needs it for a file of his own, after it was looked at: that file stays, and all."""

    def act(_number: int, _name: str, made: Callable[..., Any]) -> Any:
        (folder / f"model{KEPT}").write_bytes(b"mine")
        return made()

    with Calls(("link",), act).watched(), pytest.raises(ds.OutputError) as raised:
        replace(folder)
    assert raised.value.transient
    assert (contents(folder), beside(folder)) == (OLD, [f"model{KEPT}"])
    assert (folder / f"model{KEPT}").read_bytes() == b"mine"


@pytest.mark.parametrize("mine", [None, b"my own work"], ids=["emptied", "replaced"])
def test_a_new_file_that_somebody_takes_away_before_a_failure(
    mine: bytes | None, folder: Path
) -> None:
    """The old one comes back where nothing is; what somebody has put there stays."""

    def act(number: int, _name: str, made: Callable[..., Any]) -> Any:
        if number != 2:
            return made()
        if mine is None:
            (folder / "net").unlink()
        else:
            (folder / "own").write_bytes(mine)
            os.replace(folder / "own", folder / "net")
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Calls(("rename",), act).watched(), pytest.raises(ds.FileError):
        replace(folder)
    assert contents(folder) == OLD | ({} if mine is None else {"net": mine})
    assert beside(folder) == []


@pytest.mark.parametrize("suffix", [KEPT, RECORD])
def test_somebody_elses_file_of_such_a_name(suffix: str, folder: Path, words: Words) -> None:
    mine = folder / f"model{suffix}"
    mine.write_bytes(b"mine")
    with pytest.raises(ds.OutputError) as raised:
        replace(folder)
    assert raised.value.path == str(mine)
    words(raised.value)
    assert (contents(folder), beside(folder)) == (OLD, [mine.name])
    if suffix == RECORD:
        with pytest.raises(ds.OutputError):
            settle_replacement(folder / "model")
    else:
        assert settle_replacement(folder / "model") is None
    assert mine.read_bytes() == b"mine"


RECORDS = {
    "no JSON": "{",
    "no record": "{}",
    "another's": '{"key": "a", "files": []}',
    "another name": '{"key": "a", "files": [{"place": "net", "waiting": "other", "old": null,'
    ' "made": [1, 2, 3]}]}',
    "a path": '{"key": "a", "files": [{"place": "net", "waiting":'
    ' "../.deconvsurgery-0123456789abcdef.tmp", "old": null, "made": [1, 2, 3]}]}',
    "a mark of two": '{"key": "a", "files": [{"place": "net", "waiting":'
    ' ".deconvsurgery-0123456789abcdef.tmp", "old": null, "made": [1, 2]}]}',
}


@pytest.mark.parametrize("text", RECORDS.values(), ids=RECORDS)
def test_a_record_that_is_none(text: str, folder: Path, words: Words) -> None:
    (folder / f"net{RECORD}").write_text(text)
    for ask in (settle_replacement, ended_replacement):
        with pytest.raises(ds.OutputError) as raised:
            ask(folder / "net")
        words(raised.value)
    assert ended_words(folder / "net") == ()  # those that write say it
    assert (contents(folder), beside(folder)) == (OLD, [f"net{RECORD}"])


def test_a_record_alone_moves_nothing_elsewhere(folder: Path) -> None:
    """A record in an archive from a stranger must not lead to other folders' files."""
    waiting = ".deconvsurgery-0123456789abcdef.tmp"
    (folder / "sub" / waiting).write_bytes(b"evil")
    status = (folder / "sub" / waiting).stat()
    old = (folder / "sub" / "other").stat()
    mark = [status.st_size, status.st_mtime_ns, status.st_ino]
    files = [
        {"place": "net", "waiting": waiting, "old": None, "made": mark},
        {
            "place": "sub/other",
            "waiting": waiting,
            "old": [old.st_size, old.st_mtime_ns, old.st_ino],
            "made": mark,
        },
    ]
    (folder / f"net{RECORD}").write_text(
        str({"key": "a", "files": files}).replace("'", '"').replace("None", "null")
    )
    settle_replacement(folder / "net")
    assert contents(folder) == OLD
    assert (folder / "sub" / waiting).read_bytes() == b"evil"


def test_links_lead_to_the_file(folder: Path) -> None:
    (folder / "link").symlink_to("net")
    half_done(folder)
    assert ended_replacement(folder / "link")
    assert settle_replacement(folder / "link") is not None
    assert contents(folder) == NEW


def test_a_name_of_any_length(tmp_path: Path) -> None:
    names = ["n" * 255, "m" * 250]
    for name in names:
        (tmp_path / name).write_bytes(b"old")
    with ExitStack() as stack:
        files = []
        for name in names:
            source = stack.enter_context(open_source(tmp_path / name))
            place = destination(tmp_path / name, source, in_place=True)
            files.append(NewFile(place, Splice(edits(b"old"))))
        write_together(files)
    assert [(tmp_path / name).read_bytes() for name in names] == [b"brand new"] * 2
    assert len([*tmp_path.iterdir()]) == 2


def test_new_places_appear_together(folder: Path, tmp_path: Path) -> None:
    """Where nothing was, a failure leaves nothing, and a kill is finished or taken back."""

    def made() -> None:
        with open_source(folder / "net") as one, open_source(folder / "model") as two:
            write_together(
                [
                    NewFile(destination(folder / "sub" / "a", one), Splice(edits(OLD["net"]))),
                    NewFile(destination(folder / "sub" / "b", two), Splice(edits(OLD["model"]))),
                ]
            )

    with Calls(("rename",), Striking(2, errno.EIO)).watched(), pytest.raises(ds.FileError):
        made()
    assert beside(folder) == []

    def act() -> None:
        def at(number: int, _name: str, made: Callable[..., Any]) -> Any:
            done = made()
            os.kill(os.getpid(), signal.SIGKILL)
            return done

        with Calls(("rename",), at).watched():
            made()

    killed(folder, act)
    ended = settle_replacement(folder / "sub" / "b")
    assert ended is not None
    assert ended.settled is SettledAs.FINISHED
    assert (folder / "sub" / "a").read_bytes() == NEW["net"]
    assert (folder / "sub" / "b").read_bytes() == NEW["model"]


def test_a_new_place_is_emptied_where_it_is_taken_back(folder: Path) -> None:
    """Nothing was there before, and the other new file is gone: nothing is there afterwards."""

    def made() -> None:
        with open_source(folder / "net") as one, open_source(folder / "model") as two:
            write_together(
                [
                    NewFile(destination(folder / "a", one), Splice(edits(OLD["net"]))),
                    NewFile(destination(folder / "b", two), Splice(edits(OLD["model"]))),
                ]
            )

    def act() -> None:
        with Calls(("rename",), at_first).watched():
            made()

    def at_first(_number: int, _name: str, call: Callable[..., Any]) -> Any:
        call()
        os.kill(os.getpid(), signal.SIGKILL)

    killed(folder, act)
    assert (folder / "a").read_bytes() == NEW["net"]
    for path in folder.glob("*.tmp"):
        path.unlink()
    ended = settle_replacement(folder / "a")
    assert ended is not None
    assert ended.settled is SettledAs.TAKEN_BACK
    assert (contents(folder), beside(folder)) == (OLD, [])


@pytest.mark.parametrize("removed", ["before it is opened", "before it is locked"])
def test_a_run_that_ends_while_its_record_is_read(
    removed: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What that run has done stays; there is nothing left to settle."""
    half_done(folder)
    done: list[object] = []

    def once() -> None:
        if not done:
            done.append(None)
            settle_replacement(folder / "net")

    real_open, real_lock = os.open, fcntl.flock

    def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if removed == "before it is opened" and flags & os.O_RDWR and str(path).endswith(RECORD):
            once()
        return real_open(path, flags, *rest, **named)

    def locked(fd: int, how: int) -> None:
        if removed == "before it is locked":
            once()
        real_lock(fd, how)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(fcntl, "flock", locked)
    assert settle_replacement(folder / "model") is None
    assert done
    assert (contents(folder), beside(folder)) == (NEW, [])


def test_a_lock_that_fails_otherwise_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_done(folder)
    before = contents(folder)

    def failing(*_given: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", failing)
    with pytest.raises(ds.SurgeryError):
        settle_replacement(folder / "net")
    assert contents(folder) == before
    monkeypatch.undo()
    settle_replacement(folder / "net")
    assert (contents(folder), beside(folder)) == (NEW, [])


def test_without_locks_it_works_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_given: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refusing)
    replace(folder)
    assert (contents(folder), beside(folder)) == (NEW, [])


# The records


def record_appears(folder: Path) -> None:
    (folder / f"model{RECORD}").write_text("another run's")


@pytest.mark.parametrize("when", ["before it is looked for", "before it is linked"])
def test_a_record_that_comes_meanwhile_is_kept(when: str, folder: Path) -> None:
    """Another run is at one of them: all files stay, and so does its record."""

    call = "fsync" if when == "before it is looked for" else "link"

    def act(number: int, _name: str, made: Callable[..., Any]) -> Any:
        if call == "fsync" or number == 2:  # the model's own link
            record_appears(folder)
        return made()

    with Calls((call,), act).watched(), pytest.raises(ds.OutputError) as raised:
        replace(folder)
    assert raised.value.transient
    assert raised.value.path == str(folder / f"model{RECORD}")
    assert (contents(folder), beside(folder)) == (OLD, [f"model{RECORD}"])
    assert (folder / f"model{RECORD}").read_text() == "another run's"


def test_a_record_where_there_are_no_hard_links(folder: Path) -> None:
    """It takes its place by a rename, as old files cannot be kept there in place of new ones."""

    def places(names: tuple[str, ...]) -> None:
        with open_source(folder / "net") as source:
            write_together(
                [
                    NewFile(destination(folder / name, source), Splice(edits(OLD["net"])))
                    for name in names
                ]
            )

    with Calls(("link",), Striking(1, errno.EPERM, lasting=True)).watched():
        places(("a", "b"))
    assert beside(folder) == ["a", "b"]
    with (
        Calls(("link",), Striking(1, errno.EPERM, lasting=True)).watched(),
        pytest.raises(ds.FileError),
    ):
        replace(folder)
    assert (contents(folder), beside(folder)) == (OLD, ["a", "b"])


def test_a_record_that_goes_while_it_is_read(folder: Path) -> None:
    half_done(folder)

    def act(_number: int, _name: str, made: Callable[..., Any]) -> Any:
        (folder / f"net{RECORD}").unlink(missing_ok=True)
        return made()

    with Calls(("open",), act).watched():
        assert ended_replacement(folder / "net") == ()


def test_a_record_that_cannot_be_read(folder: Path) -> None:
    half_done(folder)
    with Calls(("open",), Striking(1, errno.EIO)).watched(), pytest.raises(ds.FileError) as raised:
        ended_replacement(folder / "net")
    assert raised.value.path == str(folder / f"net{RECORD}")


def test_a_folder_that_may_not_be_listed_is_not_flushed(folder: Path) -> None:
    with Calls(("open",), Striking(1, errno.EACCES)).watched():
        flush_folder(str(folder))
    with (
        Calls(("open",), Striking(1, errno.EIO)).watched(),
        pytest.raises(OSError, match=os.strerror(errno.EIO)),
    ):
        flush_folder(str(folder))


@pytest.mark.parametrize("kind", [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_a_file_system_that_flushes_no_folders(kind: int, folder: Path) -> None:
    calls = Calls(("fsync",), Striking(1, kind))
    with calls.watched():
        flush_folder(str(folder))
    assert calls.count == 1
