"""HDF5 weights when something is wrong: an exit code and words, and nothing written.

Also what the command line does with them, how much memory that takes, and any file at all.
"""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.places import ROOT
from helpers.runs import COMMAND

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


def run(
    place: Path, command: list[str], *arguments: str, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [*command, *arguments], cwd=place, capture_output=True, timeout=60, **options
    )
    assert b"Traceback" not in done.stderr + done.stdout
    return done


def weights(path: Path) -> bytes:
    with h5py.File(path) as file:
        return bytes(file["data/up/0"][()].tobytes())


def untouched(place: Path, data: bytes, *more: str) -> None:
    assert {path.name for path in place.iterdir()} == {"net.prototxt", "in.h5", *more}
    assert (place / "in.h5").read_bytes() == data


# --- the command line


def test_apply_with_json(place: Path) -> None:
    data = (place / "in.h5").read_bytes()
    done = run(place, COMMAND, "apply", "--json", "net.prototxt", "in.h5", "out")
    assert (done.returncode, done.stderr) == (0, b"")
    document = json.loads(done.stdout)
    assert document["bytes"] == {"input": len(data), "output": len(data), "rewritten": 192}
    assert [layer["action"] for layer in document["layers"]] == ["rewritten"]
    assert document["layers"][0]["before"] == "zero"
    assert weights(place / "out") == WEIGHTS.tobytes()


def test_a_dry_run_cannot_tell_the_size_of_what_it_would_create(place: Path) -> None:
    data = (place / "in.h5").read_bytes()
    done = run(place, COMMAND, "apply", "-n", "--json", "net.prototxt", "in.h5")
    assert done.returncode == 0
    assert json.loads(done.stdout)["bytes"]["output"] == len(data)
    data = changed(place / "in.h5", without_weights)
    for option in ("-n", "--check"):
        done = run(place, COMMAND, "apply", option, "--json", "net.prototxt", "in.h5")
        assert done.returncode == (option == "--check")
        document = json.loads(done.stdout)
        assert document["bytes"] == {"input": len(data), "output": None, "rewritten": 192}
        assert not document["written"]
    untouched(place, data)
    table = run(place, COMMAND, "apply", "-n", "net.prototxt", "in.h5")
    assert (table.returncode, table.stderr) == (0, b"")
    assert b"create" in table.stdout
    written = run(place, COMMAND, "apply", "--json", "net.prototxt", "in.h5", "out")
    assert json.loads(written.stdout)["bytes"]["output"] == (place / "out").stat().st_size


def test_check_in_place_check(place: Path) -> None:
    os.chmod(place / "in.h5", 0o640)
    assert run(place, COMMAND, "apply", "--check", "net.prototxt", "in.h5").returncode == 1
    assert run(place, COMMAND, "apply", "--in-place", "net.prototxt", "in.h5").returncode == 0
    assert weights(place / "in.h5") == WEIGHTS.tobytes()
    status = (place / "in.h5").stat()
    assert status.st_mode & 0o777 == 0o640
    assert run(place, COMMAND, "apply", "--check", "net.prototxt", "in.h5").returncode == 0
    assert run(place, COMMAND, "apply", "--in-place", "net.prototxt", "in.h5").returncode == 0
    again = (place / "in.h5").stat()
    assert (again.st_ino, again.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    untouched(place, (place / "in.h5").read_bytes())


@pytest.mark.parametrize("change", [lambda file: None, without_weights], ids=["there", "not there"])
def test_from_and_to_a_pipe(change: Callable[[Any], None], place: Path) -> None:
    data = changed(place / "in.h5", change)
    applied(place)
    expected = (place / "out").read_bytes()
    assert weights(place / "out") == WEIGHTS.tobytes()
    for arguments, given_in in ((("-", "-"), data), (("in.h5", "-"), b"")):
        done = run(place, COMMAND, "apply", "net.prototxt", *arguments, input=given_in)
        assert (done.returncode, done.stdout) == (0, expected)
        assert b"up" in done.stderr  # the table
    done = run(place, COMMAND, "apply", "net.prototxt", "-", "by-pipe", input=data)
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
def test_without_the_library_the_extra_is_named(verb: str, place: Path) -> None:
    hidden = place / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'h5py':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{hidden}{os.pathsep}{ROOT}"}
    arguments = ["net.prototxt", "in.h5"] + ["out"] * (verb == "apply")
    done = run(place, COMMAND, verb, *arguments, env=environment)
    assert done.returncode == 3
    words = " ".join(done.stderr.decode().split())
    assert "in.h5" in words
    assert "h5py" in words
    assert "deconvsurgery[hdf5]" in words
    untouched(place, (place / "in.h5").read_bytes(), "hidden")


def test_a_binary_model_does_not_need_the_library(place: Path) -> None:
    layouts = ROOT / "tests" / "golden" / "layouts"
    code = (
        "import sys; sys.modules['h5py'] = None\n"
        "from deconvsurgery.verbs.apply import apply\n"
        f"apply({str(layouts / 'factor2_group.prototxt')!r}, "
        f"{str(layouts / 'factor2_group.caffemodel')!r}, 'out')"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert run(place, [sys.executable, "-c", code], env=environment).returncode == 0


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (emptied, "another program"),
        (data_is_a_dataset, "another program"),
        (data_is_elsewhere, "another program"),
        (solver_state, "solver state"),
    ],
)
def test_hdf5_that_is_no_weights(change: Callable[[Any], None], words: str, place: Path) -> None:
    data = changed(place / "in.h5", change)
    done = run(place, COMMAND, "apply", "--json", "net.prototxt", "in.h5", "out")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert "without a group 'data'" in error["message"]
    assert words in error["hint"]
    assert error["file"] == "in.h5"
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


NO_PLACE: dict[str, tuple[Callable[[Any], None], str]] = {
    "soft link": (link("data/up/0", h5py.SoftLink("/data/conv/0")), "is a link"),
    "dangling link": (link("data/up/0", h5py.SoftLink("/nowhere")), "is a link"),
    "external link": (link("data/up/0", h5py.ExternalLink("other.h5", "/x")), "is a link"),
    "linked layer": (link("data/up", h5py.SoftLink("/data/conv")), "is a link"),
    "layer elsewhere": (link("data/up", h5py.ExternalLink("other.h5", "/x")), "is a link"),
    "two names": (second_name("data/up/0", "data/conv/1"), "one dataset under 2 names"),
    "layer of two names": (second_name("data/up", "data/conv"), "one group under 2 names"),
    "name outside": (lambda file: file.__setitem__("x", file["data/up/0"]), "under 2 names"),
    "in itself": (itself, "one group under 2 names"),
    "external": (replaced(external), "in another file"),
    "virtual": (replaced(virtual), "in another file"),
    "text": (link("data/up/0", "words"), "of type object"),
    "empty": (link("data/up/0", h5py.Empty("f4")), "holds no numbers"),
    "named type": (link("data/up/0", np.dtype("f4")), "holds no numbers"),
    "dataset for a layer": (link("data/up", np.zeros((3, 1, 4, 4), "f4")), "is no group"),
    "type for a layer": (link("data/up", np.dtype("f4")), "is no group"),
}


@pytest.mark.parametrize(("change", "words"), NO_PLACE.values(), ids=NO_PLACE)
def test_weights_without_a_place_of_their_own_are_refused(
    change: Callable[[Any], None], words: str, place: Path
) -> None:
    data = changed(place / "in.h5", change)
    with pytest.raises(ds.MismatchError, match=words) as caught:
        applied(place)
    assert caught.value.layer == "up"
    assert "Caffe stops" not in caught.value.message
    assert "--skip-unfit" in str(caught.value.hint)
    with pytest.raises(ds.MismatchError, match=words):
        applied(place, dry_run=True)
    (place / "in.h5.raw").unlink(missing_ok=True)
    untouched(place, data)
    result = applied(place, skip_unfit=True)
    assert not result.changed
    assert (place / "out").read_bytes() == data
    # It is told of by inspect, too, which goes on.
    assert [row.name for row in ds.inspect(place / "net.prototxt", place / "in.h5").rows] == ["up"]


def test_a_group_where_values_should_be_is_refused(place: Path) -> None:
    data = changed(place / "in.h5", replaced(lambda file: file.create_group("data/up/0/x")))
    with pytest.raises(ds.ModelError, match="up/0 is a group"):
        applied(place)
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


def test_ten_thousand_layers_take_no_time(place: Path) -> None:
    def change(file: Any) -> None:
        for number in range(10_000):
            file.create_group(f"data/{number}")

    changed(place / "in.h5", change)
    with ds.open_model(place / "in.h5") as model:
        assert len(model.layers) == 10_003


# --- damaged files


def outcome(place: Path, data: bytes) -> str | None:
    """Apply to damaged bytes: None when it went through, else the words of the error.

    Nothing is created: that the library would do, which crashes over some damaged files.
    """
    (place / "in.h5").write_bytes(data)
    error = failure(place, create=False)
    if error is None:
        assert (place / "out").stat().st_size == len(data)
        (place / "out").unlink()
    else:
        assert isinstance(error, (ds.FormatError, ds.MismatchError))
        assert error.path is not None
    untouched(place, data)
    return error.message if error else None


def test_a_file_cut_short_is_told(place: Path) -> None:
    data = (place / "in.h5").read_bytes()
    lengths = sorted({*range(1, 120, 7), *range(120, len(data), 151), len(data) - 1})
    said = [outcome(place, data[:length]) for length in lengths]
    assert None not in said
    assert any("truncated" in str(words) for words in said)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_bytes_are_an_error_or_harmless(seed: int, place: Path) -> None:
    def more(file: Any) -> None:
        file.attrs["note"] = "kept"
        values = np.arange(120, dtype="f4").reshape(30, 4)
        file.create_dataset("data/fc/0", data=values, chunks=(7, 2), compression="gzip")

    data = changed(place / "in.h5", more)
    # Bytes of the metadata: what is zero throughout is room that nothing reads.
    used = [at for at, byte in enumerate(data) if byte]
    chance = random.Random(seed)
    said = []
    for _ in range(60):
        damaged = bytearray(data)
        for at in chance.sample(used, chance.choice((1, 1, 3))):
            damaged[at] = chance.randrange(256)
        said.append(outcome(place, bytes(damaged)))
    assert None in said
    assert len(set(said)) > 3


def test_a_damaged_chunk_is_told_where_it_is_read(place: Path) -> None:
    def compressed(file: Any) -> None:
        noise = np.random.default_rng(1).normal(size=(3, 1, 4, 4)).astype("f4")
        file.create_dataset("data/up/0", data=noise, chunks=(3, 1, 4, 4), compression="gzip")

    data = bytearray(changed(place / "in.h5", replaced(compressed)))
    with h5py.File(place / "in.h5") as file:
        chunk = file["data/up/0"].id.get_chunk_info(0)
    data[chunk.byte_offset + 2 : chunk.byte_offset + 40] = bytes(38)
    words = outcome(place, bytes(data))
    assert words is not None
    assert "/data/up/0 cannot be read" in words


def test_a_file_that_the_library_cannot_close_is_written_to_no_more(place: Path) -> None:
    """It tries again when the process ends; the descriptor may be another file's by then."""
    data = bytearray(changed(place / "in.h5", without_weights))
    data[48:56] = bytes(range(200, 208))  # the superblock's address of driver information
    (place / "in.h5").write_bytes(data)
    code = (
        "import os\n"
        "from deconvsurgery.errors import ModelError\n"
        "from deconvsurgery.verbs.apply import apply\n"
        "try:\n"
        "    apply('net.prototxt', 'in.h5', 'out')\n"
        "except ModelError as error:\n"
        "    print(error.message)\n"
        "for number in range(30):\n"
        "    os.open(f'other/{number}', os.O_RDWR | os.O_CREAT)\n"
    )
    (place / "other").mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = run(place, [sys.executable, "-c", code], env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"cannot be written: the HDF5 library says" in done.stdout
    assert {path.stat().st_size for path in (place / "other").iterdir()} == {0}
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
    number: int, change: Callable[[Any], None], place: Path, monkeypatch: pytest.MonkeyPatch
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
        assert "nothing was changed" in error.message
        assert error.path == str(place / "out")
        untouched(place, data, "out")
        assert (place / "out").read_bytes() == b"old"
        assert open_files() == before
    assert after >= 1
    assert weights(place / "out") == WEIGHTS.tobytes()


FAILING = """
import errno, os, sys
from deconvsurgery.__main__ import main
real, calls, after = os.pread, 0, int(sys.argv.pop(1))
def failing(*arguments):
    global calls
    calls += 1
    if calls > after:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return real(*arguments)
os.pread = failing
main()
"""


def test_reading_fails_at_every_call(place: Path) -> None:
    """The writing reads, too: the library takes in what it is about to change.

    A process for each, as the library ends one in which that failed.
    """
    data = changed(place / "in.h5", without_weights)
    arguments = ("apply", "--json", "net.prototxt", "in.h5", "out")
    for after in (*range(16), *range(16, 200, 7)):
        done = run(place, [sys.executable, "-c", FAILING, str(after)], *arguments)
        if done.returncode == 0:
            break
        error = json.loads(done.stdout)["error"]
        assert (done.returncode, done.stderr, error["kind"]) == (4, b"", "FileError")
        assert os.strerror(errno.EIO) in error["message"]
        assert error["file"] is not None
        untouched(place, data)
    assert after > 10
    assert weights(place / "out") == WEIGHTS.tobytes()


@pytest.mark.parametrize("change", [lambda file: None, without_weights], ids=["there", "not there"])
def test_a_limit_on_the_size_of_files(change: Callable[[Any], None], place: Path) -> None:
    """The file fits to the last byte but what is created does not, or not even that."""
    data = changed(place / "in.h5", change)
    (place / "out").write_bytes(b"old")
    for limit in (len(data) - 500, len(data)):
        done = run(
            place,
            COMMAND,
            *("apply", "--json", "-f", "net.prototxt", "in.h5", "out"),
            preexec_fn=lambda limit=limit: resource.setrlimit(
                resource.RLIMIT_FSIZE, (limit, limit)
            ),
        )
        if limit == len(data) and change is not without_weights:
            assert done.returncode == 0
            continue
        assert (done.returncode, done.stderr) == (4, b"")
        assert "File too large" in json.loads(done.stdout)["error"]["message"]
        assert (place / "out").read_bytes() == b"old"
        untouched(place, data, "out")


@pytest.mark.parametrize("replace", [False, True])
def test_an_input_that_changes_meanwhile_is_an_error(
    replace: bool, place: Path, monkeypatch: pytest.MonkeyPatch
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
    with pytest.raises(ds.FileError, match="was changed while it was read"):
        applied(place)
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
    measured = [sys.executable, "-c", code, *COMMAND]
    done = run(place, measured, "apply", "net.prototxt", "in.h5", "out")
    assert (done.returncode, done.stderr) == (0, b"")
    assert int(done.stdout) < 150 * 1024  # KiB
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


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=layers(), libver=st.sampled_from(["earliest", "latest"]))
def test_any_file_is_read_as_h5py_has_it_and_copied_as_it_is(
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
                    assert (blob.count, list(model.values(blob))) == (0, [])
                    continue
                dataset = group[str(number)]
                assert (blob.shape, blob.count) == (dataset.shape, dataset.size)
                assert (np.dtype(blob.dtype), blob.problem) == (
                    dataset.dtype.newbyteorder("<"),
                    None,
                )
                read = b"".join(each.tobytes() for each in model.values(blob))
                assert read == dataset[()].astype(blob.dtype).tobytes()
    result = applied(place, patterns="no such layer", allow_empty=True, force=True)
    assert not result.changed
    assert (place / "out").read_bytes() == (place / "in.h5").read_bytes()
