"""HDF5 weights when something is wrong: an exit code and words, and nothing written.

Also what the command line does with them, how much memory that takes, and any file at all.
"""

from __future__ import annotations

import errno
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from deconvsurgery.program.extras import install_command
from helpers.documents import parsed_json
from helpers.places import LAYOUTS
from helpers.runs import COMMAND, environment, run_here, tool
from helpers.words import Words, numbers

Array = NDArray[Any]

UP = np.array([0.25, 0.75, 0.75, 0.25], np.float32)
KERNEL = np.outer(UP, UP)
WEIGHTS = np.broadcast_to(KERNEL, (3, 1, 4, 4))
NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 5, 6] } } }
layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" convolution_param {
  num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a net and a model whose weights are zero."""
    (tmp_path / "net.prototxt").write_text(NET)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["data/conv/0"] = np.arange(6, dtype="f4")
        file["data/up/0"] = np.zeros((3, 1, 4, 4), "f4")
        file.create_group("data/pool")
    return tmp_path


def changed(path: Path, change: Callable[[Any], object]) -> bytes:
    with h5py.File(path, "r+") as file:
        change(file)
    return path.read_bytes()


def without_weights(file: Any) -> None:
    del file["data/up"]


def applied(place: Path, **options: Any) -> ds.ApplyResult:
    return ds.apply(place / "net.prototxt", place / "in.h5", place / "out", **options)


def failure(place: Path, **options: Any) -> ds.SurgeryError | None:
    try:
        applied(place, **options)
    except ds.SurgeryError as error:
        return error
    return None


def document(place: Path, *options: str, code: int = 0) -> Any:
    """What ``apply --json`` prints, run in this process, which ends with that code."""
    ended, out, errors = run_here(place, "apply", "--json", *options)
    assert (ended, errors) == (code, b"")
    return parsed_json(out)


def python(place: Path, *arguments: str) -> bytes:
    """What a Python of its own prints that runs in a folder and has no complaint."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=place, env=environment(), capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def weights(path: Path) -> bytes:
    with h5py.File(path) as file:
        return bytes(file["data/up/0"][()].tobytes())


def untouched(place: Path, data: bytes, *more: str) -> None:
    assert {path.name for path in place.iterdir()} == {"net.prototxt", "in.h5", *more}
    assert (place / "in.h5").read_bytes() == data


# --- the command line


def test_apply_with_json(place: Path) -> None:
    data = (place / "in.h5").read_bytes()
    found = document(place, "net.prototxt", "in.h5", "out")
    assert found["bytes"] == {"input": len(data), "output": len(data), "rewritten": 192}
    assert [layer["action"] for layer in found["layers"]] == ["rewritten"]
    assert found["layers"][0]["before"] == "zero"
    assert weights(place / "out") == WEIGHTS.tobytes()


def test_a_dry_run_cannot_tell_the_size_of_what_it_would_create(place: Path) -> None:
    data = (place / "in.h5").read_bytes()
    found = document(place, "-n", "net.prototxt", "in.h5")
    assert found["bytes"]["output"] == len(data)
    data = changed(place / "in.h5", without_weights)
    for option in ("-n", "--check"):
        found = document(place, option, "net.prototxt", "in.h5", code=int(option == "--check"))
        assert found["bytes"] == {"input": len(data), "output": None, "rewritten": 192}
        assert [layer["action"] for layer in found["layers"]] == ["created"]
        assert found["written"] is False
    untouched(place, data)
    code, table, errors = run_here(place, "apply", "-n", "net.prototxt", "in.h5")
    assert (code, errors) == (0, b"")
    assert b"\nup " in table
    written = document(place, "net.prototxt", "in.h5", "out")
    assert written["written"] is True
    assert written["bytes"]["output"] == (place / "out").stat().st_size


def test_check_in_place_check(place: Path) -> None:
    os.chmod(place / "in.h5", 0o640)
    files = ("net.prototxt", "in.h5")
    assert run_here(place, "apply", "--check", *files)[0] == 1
    assert run_here(place, "apply", "--in-place", *files)[0] == 0
    assert weights(place / "in.h5") == WEIGHTS.tobytes()
    data, status = (place / "in.h5").read_bytes(), (place / "in.h5").stat()
    assert status.st_mode & 0o777 == 0o640
    assert run_here(place, "apply", "--check", *files)[0] == 0
    assert run_here(place, "apply", "--in-place", *files)[0] == 0
    again = (place / "in.h5").stat()
    assert (again.st_ino, again.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    untouched(place, data)


@pytest.mark.parametrize("change", [lambda file: None, without_weights], ids=["there", "not there"])
def test_from_and_to_a_pipe(change: Callable[[Any], None], place: Path) -> None:
    data = changed(place / "in.h5", change)
    applied(place)
    expected = (place / "out").read_bytes()
    assert weights(place / "out") == WEIGHTS.tobytes()
    for arguments, given_in in ((("-", "-"), data), (("in.h5", "-"), b"")):
        done = tool("apply", place, "net.prototxt", *arguments, stdin=given_in)
        assert (done.returncode, done.stdout) == (0, expected)
        assert b"\nup " in done.stderr  # the table
    done = tool("apply", place, "net.prototxt", "-", "by-pipe", stdin=data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (place / "by-pipe").read_bytes() == expected


def test_a_read_only_input_is_read(place: Path) -> None:
    os.chmod(place / "in.h5", 0o444)
    data = (place / "in.h5").read_bytes()
    applied(place)
    untouched(place, data, "out")
    assert (place / "in.h5").stat().st_mode & 0o777 == 0o444
    assert (place / "out").stat().st_mode & 0o200


@pytest.mark.parametrize("verb", ["apply", "inspect"])
def test_without_the_library_it_is_said_how_to_install_it(
    verb: str, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)  # importing it fails
    arguments = ["net.prototxt", "in.h5"] + ["out"] * (verb == "apply")
    code, out, errors = run_here(place, verb, "--json", *arguments)
    assert (code, errors) == (3, b"")
    error = parsed_json(out)["error"]
    assert (error["kind"], error["file"]) == ("FormatError", "in.h5")
    assert "h5py" in error["message"]
    assert error["hint"] == install_command("h5py")
    words(error["message"])
    untouched(place, (place / "in.h5").read_bytes())


def test_a_binary_model_does_not_need_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    net, model = LAYOUTS / "factor2_group.prototxt", LAYOUTS / "factor2_group.caffemodel"
    ds.apply(net, model, tmp_path / "out")
    assert (tmp_path / "out").stat().st_size == model.stat().st_size


# --- what is HDF5 and no weights


def emptied(file: Any) -> None:
    del file["data"]


def data_is_a_dataset(file: Any) -> None:
    del file["data"]
    file["data"] = np.zeros(3)


def data_is_elsewhere(file: Any) -> None:
    del file["data"]
    file["data"] = h5py.ExternalLink("other.h5", "/data")


def solver_state(file: Any) -> None:
    del file["data"]
    file["iter"] = np.int32(5)
    file["learned_net"] = "lenet_iter_5.caffemodel.h5"
    file["history/0"] = np.zeros(4, "f4")


@pytest.mark.parametrize("change", [emptied, data_is_a_dataset, data_is_elsewhere, solver_state])
def test_hdf5_that_is_no_weights(change: Callable[[Any], None], place: Path, words: Words) -> None:
    data = changed(place / "in.h5", change)
    error = document(place, "net.prototxt", "in.h5", "out", code=3)["error"]
    assert (error["kind"], error["file"]) == ("ModelError", "in.h5")
    words([error["message"], error["hint"]], "solver" if change is solver_state else "others")
    untouched(place, data)


# --- weights that have no place of their own


def replaced(make: Callable[[Any], object]) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        del file["data/up"]
        make(file)

    return change


def link(path: str, target: Any) -> Callable[[Any], None]:
    return replaced(lambda file: file.__setitem__(path, target))


def second_name(path: str, of: str) -> Callable[[Any], None]:
    def make(file: Any) -> None:
        file["data/conv/1"] = np.zeros((3, 1, 4, 4), "f4")
        file[path] = file[of]

    return replaced(make)


def external(file: Any) -> None:
    place = [(f"{file.filename}.raw", 0, 192)]
    file.create_dataset("data/up/0", shape=(3, 1, 4, 4), dtype="f4", external=place)


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3, 1, 4, 4), "f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", (3, 1, 4, 4))
    file.create_virtual_dataset("data/up/0", layout)


def itself(file: Any) -> None:
    file["data/up/again"] = file["data/up"]


NO_PLACE: dict[str, Callable[[Any], None]] = {
    "soft link": link("data/up/0", h5py.SoftLink("/data/conv/0")),
    "dangling link": link("data/up/0", h5py.SoftLink("/nowhere")),
    "external link": link("data/up/0", h5py.ExternalLink("other.h5", "/x")),
    "linked layer": link("data/up", h5py.SoftLink("/data/conv")),
    "layer elsewhere": link("data/up", h5py.ExternalLink("other.h5", "/x")),
    "two names": second_name("data/up/0", "data/conv/1"),
    "layer of two names": second_name("data/up", "data/conv"),
    "name outside": lambda file: file.__setitem__("x", file["data/up/0"]),
    "in itself": itself,
    "external": replaced(external),
    "virtual": replaced(virtual),
    "text": link("data/up/0", "words"),
    "empty": link("data/up/0", h5py.Empty("f4")),
    "named type": link("data/up/0", np.dtype("f4")),
    "dataset for a layer": link("data/up", np.zeros((3, 1, 4, 4), "f4")),
    "type for a layer": link("data/up", np.dtype("f4")),
}


TWO_NAMES = ("two names", "layer of two names", "name outside", "in itself")


@pytest.mark.parametrize("case", NO_PLACE)
def test_weights_without_a_place_of_their_own_are_refused(
    case: str, place: Path, words: Words
) -> None:
    data = changed(place / "in.h5", NO_PLACE[case])
    for dry_run in (False, True):
        error = failure(place, dry_run=dry_run)
        assert isinstance(error, ds.MismatchError)
        assert error.layer == "up"
        assert "`skip_unfit=True`" in str(error.hint)
        counted = numbers(error.message.replace(str(place), ""))
        assert counted == ([2] if case in TWO_NAMES else [])
        words(error, case)
    (place / "in.h5.raw").unlink(missing_ok=True)
    untouched(place, data)
    result = applied(place, skip_unfit=True)
    assert not result.changed
    assert (place / "out").read_bytes() == data
    # Inspect names it, too, and goes on.
    assert [row.name for row in ds.inspect(place / "net.prototxt", place / "in.h5").layers] == [
        "up"
    ]


def test_a_group_where_values_should_be_is_refused(place: Path, words: Words) -> None:
    data = changed(place / "in.h5", replaced(lambda file: file.create_group("data/up/0/x")))
    error = failure(place)
    assert isinstance(error, ds.ModelError)
    assert "data/up/0" in error.message
    words(error)
    untouched(place, data)


def test_links_elsewhere_are_left_alone(place: Path) -> None:
    def change(file: Any) -> None:
        file["data/soft"] = h5py.SoftLink("/data/conv")
        file["data/far"] = h5py.ExternalLink("other.h5", "/x")
        file["data/pool/0"] = h5py.SoftLink("/nowhere")
        file["data/loop"] = file["data"]

    changed(place / "in.h5", change)
    applied(place)
    assert weights(place / "out") == WEIGHTS.tobytes()
    with h5py.File(place / "out") as file:
        assert isinstance(file["data"].get("soft", getlink=True), h5py.SoftLink)
        assert file["data"].get("far", getlink=True).filename == "other.h5"
        assert file["data/loop"] == file["data"]


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.campaign)])
def test_many_layers_are_all_found(count: int, place: Path) -> None:
    numbers = [str(number) for number in range(count)]

    def change(file: Any) -> None:
        for number in numbers:
            file.create_group(f"data/{number}")

    changed(place / "in.h5", change)
    with ds.open_model(place / "in.h5") as model:
        assert sorted(model.by_name) == sorted([*numbers, "conv", "up", "pool"])
        assert len(model.layers) == count + 3


# --- damaged files


def outcome(place: Path, data: bytes) -> ds.SurgeryError | None:
    """Apply to damaged bytes: None when it went through, else the error.

    Nothing is created: that the library would do, which crashes over some damaged files.
    """
    (place / "in.h5").write_bytes(data)
    error = failure(place, create=False)
    if error is None:
        assert (place / "out").stat().st_size == len(data)
        (place / "out").unlink()
    else:
        assert isinstance(error, (ds.FormatError, ds.MismatchError))
        file = "in.h5" if isinstance(error, ds.FormatError) else "net.prototxt"
        assert error.path == str(place / file)
    untouched(place, data)
    return error


def test_a_file_cut_short_is_an_error(place: Path, words: Words) -> None:
    data = (place / "in.h5").read_bytes()
    lengths = sorted({*range(1, 120, 7), *range(120, len(data), 151), len(data) - 1})
    for length in lengths:
        error = outcome(place, data[:length])
        assert isinstance(error, ds.ModelError), length
        assert error.hint is not None
        words(error.hint, "HDF5" if length > 8 else "no HDF5")  # its message is the library's


CHANCES = [0, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in (1, 2, 3))]


@pytest.mark.parametrize("seed", CHANCES)
def test_damaged_bytes_are_an_error_or_harmless(seed: int, place: Path) -> None:
    def more(file: Any) -> None:
        file.attrs["note"] = "kept"
        values = np.arange(120, dtype="f4").reshape(30, 4)
        file.create_dataset("data/fc/0", data=values, chunks=(7, 2), compression="gzip")

    data = changed(place / "in.h5", more)
    # Bytes of the metadata: what is zero throughout is room that nothing reads.
    used = [at for at, byte in enumerate(data) if byte]
    chance = random.Random(seed)
    said = set()
    for _ in range(60):
        damaged = bytearray(data)
        for at in chance.sample(used, chance.choice((1, 1, 3))):
            damaged[at] = chance.randrange(256)
        error = outcome(place, bytes(damaged))
        said.add(error and error.message)
    assert None in said
    assert len(said) > 3


def test_a_damaged_chunk_is_an_error_where_it_is_read(place: Path) -> None:
    def compressed(file: Any) -> None:
        noise = np.random.default_rng(1).normal(size=(3, 1, 4, 4)).astype("f4")
        file.create_dataset("data/up/0", data=noise, chunks=(3, 1, 4, 4), compression="gzip")

    data = bytearray(changed(place / "in.h5", replaced(compressed)))
    with h5py.File(place / "in.h5") as file:
        chunk = file["data/up/0"].id.get_chunk_info(0)
    data[chunk.byte_offset + 2 : chunk.byte_offset + 40] = bytes(38)
    error = outcome(place, bytes(data))
    assert isinstance(error, ds.ModelError)
    assert "/data/up/0" in error.message


CANNOT_CLOSE = """
import os
import deconvsurgery as ds
print(ds.apply("net.prototxt", "in.h5", dry_run=True).changed)  # reading works
try:
    ds.apply("net.prototxt", "in.h5", "out")
except ds.ModelError as error:
    print(error.path)
for number in range(30):
    os.open(f"other/{number}", os.O_RDWR | os.O_CREAT)
"""


def test_a_file_that_the_library_cannot_close_is_written_to_no_more(place: Path) -> None:
    """It tries again when the process ends; the descriptor may be another file's by then."""
    data = bytearray(changed(place / "in.h5", without_weights))
    data[48:56] = bytes(range(200, 208))  # the superblock's address of driver information
    (place / "in.h5").write_bytes(data)
    (place / "other").mkdir()
    assert python(place, "-c", CANNOT_CLOSE).split() == [b"True", b"in.h5"]
    assert {path.stat().st_size for path in (place / "other").iterdir()} == {0}
    assert len(list((place / "other").iterdir())) == 30
    untouched(place, bytes(data), "other")


# --- the system refuses


def exhausted(after: int, name: str, number: int) -> Callable[..., Any]:
    """A system call that fails from the nth time on."""
    real, calls = getattr(os, name), iter(range(10_000))

    def call(*arguments: Any) -> Any:
        if next(calls) >= after:
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    return call


def open_files() -> int:
    return int(h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE))


def in_chunks(file: Any) -> None:
    """Values that lie in one stretch are written as those of a binary model are."""
    values = file["data/up/0"][()]
    del file["data/up/0"]
    file.create_dataset("data/up/0", data=values, chunks=True)


@pytest.mark.parametrize("change", [in_chunks, without_weights], ids=["there", "not there"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_at_every_write_loses_nothing(
    number: int,
    change: Callable[[Any], None],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: Words,
) -> None:
    data = changed(place / "in.h5", change)
    (place / "out").write_bytes(b"old")
    before = open_files()
    for after in range(100):
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", exhausted(after, "pwrite", number))
            error = failure(place, force=True)
        if error is None:
            break
        assert isinstance(error, ds.FileError)
        assert os.strerror(number) in error.message
        words(error.message.replace(os.strerror(number), "…"))
        assert error.path == str(place / "out")
        untouched(place, data, "out")
        assert (place / "out").read_bytes() == b"old"
        assert open_files() == before
    assert after >= 1
    assert weights(place / "out") == WEIGHTS.tobytes()


FAILING = """
import errno, os, sys
import numpy  # once for all
from deconvsurgery.__main__ import main
real, calls, said = os.pread, 0, sys.argv.pop(1)
def failing(*arguments):
    global calls
    calls += 1
    if calls > after:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return real(*arguments)
for after in map(int, sys.argv.pop(1).split(",")):
    child = os.fork()
    if not child:
        os.pread = failing
        os.dup2(os.open(f"{said}/{after}", os.O_WRONLY | os.O_CREAT), 1)
        sys.exit(main())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(after, code, flush=True)
    if not code:
        break
"""


@pytest.mark.parametrize(
    "calls",
    [
        (0, 11, 1000),
        pytest.param((*range(16), *range(16, 200, 7)), marks=pytest.mark.campaign),
    ],
    ids=["some", "each"],
)
def test_reading_fails_at_every_call(
    calls: Iterable[int], place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The writing reads, too: the library takes in what it is about to change.

    A process for each, as the library ends one in which that failed.
    """
    data = changed(place / "in.h5", without_weights)
    said = tmp_path_factory.mktemp("said")
    afters, arguments = ",".join(map(str, calls)), ("--json", "net.prototxt", "in.h5", "out")
    printed = python(place, "-c", FAILING, str(said), afters, "apply", *arguments)
    *failed, (last, code) = [[*map(int, line.split())] for line in printed.splitlines()]
    assert code == 0
    assert last > 10
    for after, code in failed:
        error = parsed_json((said / str(after)).read_bytes())["error"]
        assert (code, error["kind"]) == (4, "FileError")
        assert os.strerror(errno.EIO) in error["message"]
        assert error["file"] is not None
    untouched(place, data, "out")  # of the last run: those that failed left none, nor anything else
    assert weights(place / "out") == WEIGHTS.tobytes()


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file may grow beyond that size in this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("change", [lambda file: None, without_weights], ids=["there", "not there"])
def test_a_limit_on_the_size_of_files(change: Callable[[Any], None], place: Path) -> None:
    """The file fits to the last byte but what is created does not, or not even that."""
    data = changed(place / "in.h5", change)
    (place / "out").write_bytes(b"old")
    for limit in (len(data) - 500, len(data)):
        with files_up_to(limit):
            error = failure(place, force=True)
        if limit == len(data) and change is not without_weights:
            assert error is None
            assert weights(place / "out") == WEIGHTS.tobytes()
            continue
        assert isinstance(error, ds.FileError)
        assert os.strerror(errno.EFBIG) in error.message
        assert error.path == str(place / "out")
        assert (place / "out").read_bytes() == b"old"
        untouched(place, data, "out")


@pytest.mark.parametrize("replace", [False, True])
def test_an_input_that_changes_meanwhile_is_an_error(
    replace: bool, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    path, real = place / "in.h5", os.pwrite
    changed(path, in_chunks)

    def meddling(*arguments: Any) -> Any:
        if replace:
            path.rename(place / "moved")
            path.write_bytes((place / "moved").read_bytes())
            (place / "moved").unlink()
        else:
            with path.open("ab") as file:
                file.write(b"more")
        return real(*arguments)

    monkeypatch.setattr(os, "pwrite", meddling)
    with pytest.raises(ds.FileError) as raised:
        applied(place)
    assert raised.value.path == str(path)
    words(raised.value)
    untouched(place, path.read_bytes())


@pytest.mark.parametrize("change", [in_chunks, without_weights], ids=["there", "not there"])
def test_an_interruption_while_writing_goes_through(
    change: Callable[[Any], None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, before = changed(place / "in.h5", change), open_files()

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "pwrite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        applied(place)
    untouched(place, data)
    assert open_files() == before


def test_the_input_is_not_written_to_by_mistake(place: Path) -> None:
    data = (place / "in.h5").read_bytes()
    os.link(place / "in.h5", place / "out")
    for force in (False, True):
        with pytest.raises(ds.OutputError):
            applied(place, force=force)
    untouched(place, data, "out")


# --- memory


def test_memory_does_not_grow_with_the_file(place: Path) -> None:
    size = 200 << 20
    net = NET.replace("[1, 3, 5, 6]", "[1, 512, 5, 6]").replace("num_output: 3", "num_output: 512")
    (place / "net.prototxt").write_text(net.replace("group: 3", ""))

    def large(file: Any) -> None:
        del file["data/up"]
        file["data/up/0"] = np.ones((512, 512, 4, 4), "f4")
        values = file.create_dataset("data/fc/0", shape=(1, size // 4), dtype="f4")
        values[0, -5:] = [1, 2, 3, 4, 5]  # the rest is a hole in the file

    changed(place / "in.h5", large)
    assert (place / "in.h5").stat().st_size > size
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    printed = python(place, "-c", code, *COMMAND, "apply", "net.prototxt", "in.h5", "out")
    assert int(printed) < 150 * 1024  # KiB
    with h5py.File(place / "out") as file:
        assert file["data/fc/0"][0, -6:].tolist() == [0, 1, 2, 3, 4, 5]
        made = file["data/up/0"]
        assert made[7, 7].tobytes() == KERNEL.tobytes()
        filled = made[...]
        assert np.count_nonzero(filled) == 512 * 16
        assert filled[range(512), range(512)].tobytes() == KERNEL.tobytes() * 512


# --- any file


@st.composite
def layers(draw: st.DrawFn) -> dict[str, dict[int, tuple[Array, bool]]]:
    """By layer and number: an array, and whether it lies in chunks."""
    names = st.text(
        st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=8
    ).filter(lambda name: name != ".")

    @st.composite
    def blob(draw: st.DrawFn) -> tuple[Array, bool]:
        shape = draw(st.lists(st.integers(0, 4), max_size=4))
        dtype = draw(st.sampled_from(["<f2", "<f4", "<f8", ">f4"]))
        seed = draw(st.integers(0, 9))
        values = np.asarray(np.random.default_rng(seed).normal(size=shape)).astype(dtype)
        return values, bool(shape) and min(shape) > 0 and draw(st.booleans())

    numbers = st.dictionaries(st.integers(0, 12), blob(), max_size=3)
    return draw(st.dictionaries(names, numbers, max_size=5))


LIBVERS = st.sampled_from(["earliest", "latest"])


# The examples write over the same file.
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=layers(), libver=LIBVERS)
def test_any_file_is_read_as_h5py_has_it_and_copied_as_it_is(
    made: dict[str, dict[int, tuple[Array, bool]]], libver: str, place: Path
) -> None:
    read_and_copied(made, libver, place)


@pytest.mark.campaign
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=layers(), libver=LIBVERS)
def test_many_files_are_read_as_h5py_has_them(
    made: dict[str, dict[int, tuple[Array, bool]]], libver: str, place: Path
) -> None:
    read_and_copied(made, libver, place)


def read_and_copied(
    made: dict[str, dict[int, tuple[Array, bool]]], libver: str, place: Path
) -> None:
    with h5py.File(place / "in.h5", "w", libver=libver) as file:
        file.create_group("data")
        for name, blobs in made.items():
            group = file["data"].create_group(name)
            for number, (values, chunked) in blobs.items():
                group.create_dataset(str(number), data=values, chunks=chunked or None)
    with ds.open_model(place / "in.h5") as model, h5py.File(place / "in.h5") as file:
        assert [layer.name for layer in model.layers] == list(file["data"])
        for layer in model.layers:
            group = file["data"][layer.name]
            there = {int(number) for number in group}
            assert len(layer.blobs) == max(there, default=-1) + 1
            for number, blob in enumerate(layer.blobs):
                assert blob.absent is (number not in there)
                if blob.absent:
                    assert (blob.count, list(model.flat_values(blob))) == (0, [])
                    continue
                dataset = group[str(number)]
                assert (blob.shape, blob.count) == (dataset.shape, dataset.size)
                assert (np.dtype(blob.dtype), blob.problem) == (
                    dataset.dtype.newbyteorder("<"),
                    None,
                )
                read = b"".join(each.tobytes() for each in model.flat_values(blob))
                assert read == dataset[()].astype(blob.dtype).tobytes()
    result = applied(place, patterns="no such layer", allow_empty=True, force=True)
    assert not result.changed
    assert (place / "out").read_bytes() == (place / "in.h5").read_bytes()
