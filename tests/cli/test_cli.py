"""The command as users run it: a process, its streams (its exit codes: test_exit_codes.py)."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click
import pytest

from deconvsurgery.__main__ import main
from deconvsurgery.cli import run as run_command
from deconvsurgery.cli.console import finish_streams, silence
from deconvsurgery.errors import FileError
from helpers.campaigns import campaign
from helpers.documents import parsed_json
from helpers.models import NetParameter, demo_net, write_demo
from helpers.processes.warm import MODULE, ran, ran_on
from helpers.runs import COMMAND, GET_RUN, Done, run_here
from helpers.terminals import all_shown
from helpers.words import Words, names


def run(*arguments: str | Path) -> Done:
    """In this process: for what does not depend on streams, terminals and environments."""
    words = [str(each) for each in arguments]
    return subprocess.CompletedProcess(words, *run_here(Path(), *words))


def run_alone(
    *arguments: str | Path, env: dict[str, str] | None = None, stdin: bytes = b""
) -> Done:
    """In a process of its own, its streams through pipes."""
    plain = {key: value for key, value in os.environ.items() if key != "FORCE_COLOR"}
    done = ran(arguments, stdin=stdin, env=plain | (env or {}))
    assert b"Traceback" not in done.stderr + done.stdout
    return done


def document(*arguments: str | Path) -> Any:
    """What a run that succeeds prints with --json."""
    done = run(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    return parsed_json(done.stdout)


def refusal(code: int, *arguments: str | Path) -> Any:
    """The error that a run ends with, by its code."""
    done = run(*arguments, "--json")
    assert (done.returncode, done.stderr) == (code, b"")
    return parsed_json(done.stdout)["error"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return write_demo(tmp_path, "net.prototxt", "in.caffemodel")


@pytest.fixture
def files(place: Path) -> list[Path]:
    return [place / name for name in ("net.prototxt", "in.caffemodel", "out.caffemodel")]


def test_apply_creates_what_the_base_model_lacks(files: list[Path]) -> None:
    before = files[1].read_bytes()
    done = run_alone("apply", *files)
    assert (done.returncode, done.stderr) == (0, b"")
    table = done.stdout.decode()
    assert "upscore2" in table
    assert "refine" not in table
    assert files[1].read_bytes() == before
    assert files[2].read_bytes().startswith(before)
    saved = NetParameter.FromString(files[2].read_bytes())
    created = {layer.name: layer for layer in saved.layer[-2:]}
    assert list(created) == ["upscore2", "upscore"]
    assert list(created["upscore2"].blobs[0].shape.dim) == [5, 5, 4, 4]
    assert list(created["upscore"].blobs[0].shape.dim) == [5, 1, 4, 4]
    assert created["upscore"].convolution_param.group == 5


def test_a_second_run_changes_nothing_and_check_says_so(files: list[Path], words: Words) -> None:
    net, base, out = files
    assert run("apply", "--check", net, base).returncode == 1
    assert run("apply", net, base, out).returncode == 0
    assert run("apply", "--check", net, out).returncode == 0
    again = out.with_name("again.caffemodel")
    done = run("apply", net, out, again)
    assert done.returncode == 0
    words(done.stdout.decode().splitlines()[-1])
    assert again.read_bytes() == out.read_bytes()
    assert document("apply", "-f", net, out, again)["changed"] is False


def test_json_of_apply(files: list[Path]) -> None:
    found = document("apply", *files)
    assert found["schema_version"] == 1
    assert found["command"] == "apply"
    assert found["output"] == str(files[2])
    assert [layer["action"] for layer in found["layers"]] == ["created", "created"]
    assert found["layers"][0]["shape"] == [5, 5, 4, 4]
    assert found["layers"][0]["after"] == "bilinear"
    size = files[2].stat().st_size
    assert found["bytes"] == {
        "input": files[1].stat().st_size,
        "output": size,
        "rewritten": size - files[1].stat().st_size,
    }


def test_dry_run_writes_nothing(files: list[Path]) -> None:
    before = [path.read_bytes() for path in files[:2]]
    for option, code in (("--dry-run", 0), ("-n", 0), ("--check", 1)):
        assert run("apply", option, *files).returncode == code
        assert sorted(files[0].parent.iterdir()) == sorted(files[:2])
    assert [path.read_bytes() for path in files[:2]] == before
    assert document("apply", "-n", *files[:2])["output"] is None


def test_quiet_is_quiet(files: list[Path]) -> None:
    """And does what it would have done aloud."""
    done = run("apply", "-q", *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    aloud = files[2].with_name("aloud")
    assert run("apply", *files[:2], aloud).stdout
    assert files[2].read_bytes() == aloud.read_bytes() != files[1].read_bytes()


def test_in_place(files: list[Path]) -> None:
    net, base, _ = files
    os.chmod(base, 0o640)
    inode = base.stat().st_ino
    before = base.read_bytes()
    assert run("apply", "--in-place", net, base).returncode == 0
    assert base.read_bytes().startswith(before)
    assert len(base.read_bytes()) > len(before)
    assert base.stat().st_mode & 0o777 == 0o640
    changed = base.stat()
    assert changed.st_ino != inode
    assert run("apply", "-i", net, base).returncode == 0
    assert base.stat().st_mtime_ns == changed.st_mtime_ns
    whole = base.read_bytes()
    assert refusal(2, "apply", "-i", net, base, "out")["kind"] == "OutputError"
    assert base.read_bytes() == whole


def test_streams(files: list[Path]) -> None:
    net, base, out = files
    run("apply", net, base, out)
    done = run_alone("apply", net, "-", "-", stdin=base.read_bytes())
    assert done.returncode == 0
    assert done.stdout == out.read_bytes()
    assert b"upscore2" in done.stderr
    done = run_alone("apply", "-", base, "-", stdin=net.read_bytes())
    assert (done.returncode, done.stdout) == (0, out.read_bytes())
    assert refusal(2, "apply", "-", "-", "-")["kind"] == "UsageError"
    assert refusal(2, "apply", net, base, "-")["kind"] == "UsageError"


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ("apply --check {net} {base}", ()),
        ("inspect {net} --json", ()),
        ("kernel 16", ()),
        ("--help", MODULE),
    ],
)
def test_a_reader_that_leaves_ends_it_with_141(
    files: list[Path], arguments: str, start: Sequence[str]
) -> None:
    """Not with 1, which means that --check found something."""
    line = arguments.format(net=files[0], base=files[1]).split()
    reading, writing = os.pipe()
    os.close(reading)
    errors = files[0].with_name("errors")
    with open(os.devnull, "rb") as nothing, errors.open("wb") as err:
        code = ran_on((nothing.fileno(), writing, err.fileno()), line, start=start)
    os.close(writing)
    assert (code, errors.read_bytes()) == (141, b"")


@pytest.mark.parametrize("arguments", ["inspect {net}", "inspect --json {net}", "--help"])
def test_a_reader_that_leaves_where_there_is_no_standard_error(
    files: list[Path], arguments: str
) -> None:
    line = arguments.format(net=files[0]).split()
    reading, writing = os.pipe()
    os.close(reading)
    script = 'exec "$@" 2>&-'
    try:
        done = subprocess.run(
            ["bash", "-c", script, "bash", *COMMAND, *line],
            stdout=writing,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert done.returncode == 141


def test_a_report_is_printed_at_once(files: list[Path]) -> None:
    """Also where Python buffers nothing: a reader that has seen enough ends no run."""

    class Counted(io.StringIO):
        count = 0

        def write(self, text: str) -> int:
            self.count += 1
            return super().write(text)

    out = Counted()
    with redirect_stdout(out):
        assert run_command(["inspect", str(files[0])]) == 0
    assert out.getvalue().count("\n") > 3
    assert out.count == 1


def test_a_reader_that_leaves_is_no_failure_of_ours(files: list[Path]) -> None:
    net, base, _ = files
    base.write_bytes(base.read_bytes() + b"\x9a\x06\x80\x80\x80\x04" + bytes(8 << 20))
    command = f"{' '.join(COMMAND)} apply {net} {base} - 2>{base}.err | head -c 10 | wc -c"
    script = f"{command}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (141, b"10")
    assert Path(f"{base}.err").read_bytes() == b""


def test_what_is_not_to_be_filled_is_no_reason_to_refuse(files: list[Path]) -> None:
    """'refine' does not interpolate, but it has weights and --fill missing leaves it alone."""
    found = document("apply", "-p", "*", "--fill", "missing", *files)
    actions = {layer["name"]: layer["action"] for layer in found["layers"]}
    assert actions == {"upscore2": "created", "refine": "skipped", "upscore": "created"}
    error = refusal(3, "apply", "-p", "*", "-f", *files)
    assert (error["kind"], error["layer"]) == ("ShapeError", "refine")


def test_a_model_alone_breaks_no_rule_about_the_net(files: list[Path]) -> None:
    run("apply", *files)
    alone = document("inspect", files[2])
    assert [layer["findings"] for layer in alone["layers"]] == [[], [], []]
    assert [layer["problem"] for layer in alone["layers"]] == [None, None, None]


def test_a_damaged_convolution_param_is_told(place: Path, words: Words) -> None:
    layer = b"\x0a\x02up\x12\x0dDeconvolution\xd2\x06\x01\x08"
    (place / "bad.caffemodel").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    error = refusal(3, "inspect", place / "bad.caffemodel")
    assert (error["kind"], names(error["message"])) == ("ModelError", ["up"])
    words(error["message"])


def test_usage_errors_in_json_have_their_kind_and_hint() -> None:
    error = refusal(2, "apply", "--nonsense")
    assert error["kind"] == "UsageError"
    assert "--help" in error["hint"]


def test_names_that_only_the_file_system_can_spell(files: list[Path]) -> None:
    odd = files[1].with_name("a\nb'\u00e9 .caffemodel")
    odd.write_bytes(files[1].read_bytes())
    assert document("apply", files[0], odd, files[2])["input"] == str(odd)
    out = odd.with_suffix(".out")
    done = run("apply", "-f", files[0], odd, out)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"a\\nb" in done.stdout
    assert b"a\nb" not in done.stdout
    assert out.read_bytes() == files[2].read_bytes()


def test_allow_empty_is_a_plain_copy(files: list[Path]) -> None:
    done = run("apply", "-p", "nothing", "--allow-empty", *files)
    assert done.returncode == 0
    assert files[2].read_bytes() == files[1].read_bytes()


def test_inspect_takes_its_files_in_any_order(files: list[Path]) -> None:
    net, base, _ = files
    first, second = (document("inspect", *order) for order in ((net, base), (base, net)))
    assert first == second
    states = {layer["name"]: layer["weights"] for layer in first["layers"]}
    assert states == {"upscore2": "missing", "refine": "other", "upscore": "missing"}
    found = {layer["name"]: [f["id"] for f in layer["findings"]] for layer in first["layers"]}
    assert found["upscore2"] == ["DS001"]
    alone = document("inspect", base)
    assert [layer["name"] for layer in alone["layers"]] == ["refine"]
    assert refusal(3, "inspect", net, net)["kind"] == "FormatError"
    assert refusal(2, "inspect")["kind"] == "UsageError"


def test_kernel_and_demo(place: Path) -> None:
    kernel = document("kernel", "4")
    assert kernel["taps"] == [[0.25, 0.75, 0.75, 0.25]] * 2
    assert kernel["interpolates"] is True
    assert refusal(2, "kernel", "0")["kind"] == "UsageError"
    assert refusal(3, "kernel", "100000000")["kind"] == "ShapeError"
    demo = place / "demo"
    first = run("demo", demo)
    assert (first.returncode, first.stderr) == (0, b"")
    made = {path.name: path.read_bytes() for path in demo.iterdir()}
    assert set(made) == {"net.prototxt", "base.caffemodel", "fcn.caffemodel"}
    assert run("demo", demo).returncode == 0
    assert {path.name: path.read_bytes() for path in demo.iterdir()} == made
    for name in made:
        (demo / name).write_text("mine")
        done = run("demo", demo)
        assert (done.returncode, done.stdout) == (2, b"")
        assert (demo / name).read_text() == "mine"
        assert run("demo", "--force", demo).returncode == 0
        assert (demo / name).read_bytes() == made[name]


def numbers_in(printed: bytes) -> set[bytes]:
    """What a page says in digits, the name of a layer too, whatever its colours and layout."""
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", printed)
    return {each for each in re.findall(rb"[A-Za-z0-9_.]+", plain) if re.search(rb"\d", each)}


@pytest.mark.parametrize(
    "env",
    [
        {"COLUMNS": "1"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"FORCE_COLOR": "1", "COLUMNS": "40"},
        *campaign(
            {"NO_COLOR": "1"},
            {"TERM": "dumb"},
            {"COLUMNS": "abc"},
            {"COLUMNS": "-5"},
            {"HOME": "/nonexistent"},
        ),
    ],
    ids=lambda env: "+".join(env),
)
def test_any_environment_is_fit_to_read(
    place: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same names and numbers everywhere; in colour where that is forced alone."""
    monkeypatch.chdir(place)
    files = ["net.prototxt", "in.caffemodel"]
    for arguments in (["apply", "-n", *files], ["inspect", *files], ["kernel", "16"]):
        done = run_alone(*arguments, env=env)
        assert (done.returncode, done.stderr) == (0, b"")
        found = numbers_in(done.stdout)
        if arguments[0] == "kernel":  # how many of its numbers are shown is a matter of the width
            assert {b"16x16", b"8x8", b"7.5"} <= found
        else:
            assert found == numbers_in(run(*arguments).stdout)
        assert (b"\x1b[" in done.stdout) == ("FORCE_COLOR" in env)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_a_report_that_cannot_be_printed_is_a_failure(
    files: list[Path], options: list[str], words: Words
) -> None:
    words(unprintable(4, "apply", *options, *files))
    assert run("apply", "--check", files[0], files[2]).returncode == 0


def unprintable(code: int, *arguments: str | Path) -> list[str]:
    """The lines on standard error of a run whose standard output takes nothing."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    return done.stderr.decode().splitlines()


@pytest.mark.parametrize(
    "closed",
    [
        ">&- 2>&-",
        *(pytest.param(each, marks=pytest.mark.campaign) for each in (">&-", "2>&-", "<&-")),
    ],
)
def test_closed_streams(files: list[Path], closed: str) -> None:
    command = " ".join([*COMMAND, "apply", *map(str, files)])
    done = subprocess.run(["bash", "-c", f"{command} {closed}"], check=False, timeout=60)
    assert done.returncode == 0
    saved = NetParameter.FromString(files[2].read_bytes())
    assert [layer.name for layer in saved.layer[-2:]] == ["upscore2", "upscore"]


@pytest.mark.usefixtures("usual_signals")  # which main changes
def test_behind_the_hdf5_library_it_ends_at_once_whatever_streams_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class EndedError(Exception):
        pass

    def ended(code: int) -> None:
        raise EndedError(code)

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setitem(sys.modules, "h5py", sys)
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(sys, "argv", ["deconvsurgery", "kernel", "nonsense"])
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(EndedError) as caught:
        main()
    assert caught.value.args == (2,)


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """Signals as in a terminal, whatever the tests themselves were started with (nohup, &)."""
    given = {
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    yield
    for number, handler in given.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("usual_signals")
def test_signals_that_the_shell_ignores_are_ignored_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under nohup; the others are again what they were."""
    real = signal.signal
    real(signal.SIGHUP, signal.SIG_IGN)
    seen: list[object] = []

    def watched(number: int, handler: object) -> object:
        seen.append(number)
        return real(number, handler)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(signal, "signal", watched)
        assert run_here(place, "kernel", "4")[0] == 0
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert seen[:2] == [signal.SIGINT, signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("usual_signals")
def test_the_signals_behind_the_first_disturb_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    done: list[str] = []

    def signalled(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            done.append("cleaned up")

    monkeypatch.setattr(os, "pread", signalled)
    code, out, errors = run_here(place, "inspect", "net.prototxt")
    assert (code, out, done) == (143, b"", ["cleaned up"])
    assert b"SIGTERM" in errors
    words(errors.decode())


@pytest.mark.usefixtures("usual_signals")
def test_a_signal_that_became_another_error_is_the_signal(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Where a class is made Python raises another; where it is cleaned up something may fail."""

    def signalled(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            raise FileError("cannot be cleaned up")

    monkeypatch.setattr(os, "pread", signalled)
    code, out, errors = run_here(place, "inspect", "net.prototxt")
    assert (code, out) == (143, b"")
    words(errors.decode())


def test_without_memory_it_ends_with_4(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    def large(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(os, "pread", large)
    code, out, errors = run_here(place, "inspect", "net.prototxt")
    assert (code, out) == (4, b"")
    words(errors.decode())


def test_a_stream_that_is_not_there_needs_no_silencing() -> None:
    before = os.fstat(1)
    silence(None)
    assert os.path.samestat(os.fstat(1), before)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_what_cannot_be_written_at_the_end_gives_no_other_code(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter would try once more as it ends, and fail with a code of its own."""
    with open("/dev/full", "w") as full, monkeypatch.context() as patched:
        patched.setattr(sys, name, full)
        full.write("what waits")
        finish_streams()
        assert os.path.samestat(os.fstat(full.fileno()), os.stat(os.devnull))
        full.write("more")
        full.flush()
    with monkeypatch.context() as patched:  # what is closed, or was never there, has nothing
        patched.setattr(sys, name, full)
        finish_streams()
        patched.setattr(sys, name, None)
        finish_streams()


@pytest.mark.parametrize("kind", [click.Abort, KeyboardInterrupt])
def test_an_interruption_that_is_no_signal_ends_with_130(
    kind: type[BaseException], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As click makes one of the end of what it asks for, and a library may raise one."""

    def interrupted(*_: object) -> bytes:
        raise kind

    monkeypatch.setattr(os, "pread", interrupted)
    code, out, errors = run_here(place, "inspect", "net.prototxt")
    assert (code, out) == (130, b"")
    (line,) = errors.strip().split(b"\n")  # click moves to a line of its own first
    assert line.startswith(b"deconvsurgery: interrupted; ")


def test_no_arguments_show_the_help() -> None:
    """On standard error, as nothing was asked for."""
    done = run()
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == run("--help").stdout


def test_a_terminal_gets_a_table_and_no_binary(files: list[Path], words: Words) -> None:
    """A pseudo-terminal of 80 columns: light lines, every line fits, bytes are refused."""
    net, base, _ = files
    for arguments, code in ((["-n"], 0), (["-"], 2)):
        command = " ".join([*COMMAND, "apply", str(net), str(base), *arguments])
        main, side = os.openpty()
        process = subprocess.Popen(
            ["bash", "-c", f"stty cols 80; {command}"],
            stdin=side,
            stdout=side,
            stderr=side,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(side)
        shown = all_shown(main)
        assert process.wait(30) == code
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).splitlines()
        assert all(len(line) <= 80 or line.startswith(("error", "  hint")) for line in lines)
        if code:
            words(line for line in lines if line)
            assert "upscore2" not in shown.decode()
        else:
            assert any(set(line.strip()) == {"─"} for line in lines)
            assert "upscore2" in shown.decode()


def test_markup_in_names_is_harmless(place: Path) -> None:
    text = demo_net().replace(b'"upscore2"', b'"up[/bold][red]"')
    (place / "odd.prototxt").write_bytes(text)
    files = place / "odd.prototxt", place / "in.caffemodel"
    done = run("apply", "-n", *files)
    assert done.returncode == 0
    assert done.stdout.count(b"up[/bold][red]") == 1
    layers = {layer["name"]: layer["action"] for layer in document("apply", "-n", *files)["layers"]}
    assert layers == {"up[/bold][red]": "created", "upscore": "created"}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read in /proc")
def test_memory_does_not_grow_with_a_blob(tmp_path: Path) -> None:
    """60 classes, kernel 64: 59 MB of weights, made a channel at a time."""
    net = (
        demo_net()
        .replace(b"num_output: 5", b"num_output: 60")
        .replace(b"kernel_size: 4 stride: 2 pad: 1 }", b"kernel_size: 64 stride: 32 pad: 16 }", 1)
    )
    (tmp_path / "net.prototxt").write_bytes(net)
    (tmp_path / "base.caffemodel").write_bytes(b"\x0a\x04name")
    code = (
        f"import sys; {GET_RUN}"
        "code = run(sys.argv[1:])\n"
        # Not getrusage: its peak counts what the parent had when it forked.
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
        "sys.exit(code)"
    )
    arguments = ["apply", "-q", "-p", "upscore2", "net.prototxt", "base.caffemodel", "out"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, check=True
    )
    assert (tmp_path / "out").stat().st_size > 58_000_000
    assert int(done.stdout.split()[1]) < 100_000  # kB


def test_files_are_written_without_what_stores_need(tmp_path: Path) -> None:
    """asyncio alone would take a tenth of a small net's run."""
    write_demo(tmp_path)
    probe = (
        "import sys\nimport deconvsurgery as ds\n"
        "ds.apply('net', 'in', 'out')\n"
        "heavy = {'asyncio', 'fsspec', 'ssl', 'sqlite3', 'multiprocessing'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out").exists()


def test_help_and_version_import_nothing_heavy() -> None:
    lines = ("--version", "--help", "apply --help", "inspect --help")
    code = (
        f"import sys; {GET_RUN}"
        "for line in sys.argv[1:]:\n"
        "    assert run(line.split()) == 0\n"
        "    heavy = {'numpy', 'google.protobuf', 'rich'} & set(sys.modules)\n"
        "    assert not heavy, (line, heavy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *lines], capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"".join(run(*line.split()).stdout for line in lines)


@pytest.mark.parametrize("dims", [[], [5], [-2, -2, 1, 1], [4, -1, -1, 1], [0, 1, 4, 4]])
def test_inspect_survives_any_shape(place: Path, dims: list[int]) -> None:
    saved = NetParameter()
    layer = saved.layer.add(name="upscore", type="Deconvolution")
    layer.blobs.add(data=[1.0] * 4).shape.dim.extend(dims)
    model = place / "odd.caffemodel"
    model.write_bytes(saved.SerializeToString())
    (alone,) = document("inspect", model)["layers"]
    assert (alone["name"], alone["shape"]) == ("upscore", dims or None)
    both = document("inspect", place / "net.prototxt", model)["layers"]
    states = {each["name"]: each["weights"] for each in both}
    assert list(states) == ["upscore2", "refine", "upscore"]
    assert states["upscore2"] == "missing" != states["upscore"]


def test_gain_is_that_of_the_weights_that_are_there(place: Path) -> None:
    """kernel 6 at stride 2 interpolates when its triangle is as wide as the stride."""
    net = place / "wide.prototxt"
    net.write_bytes(demo_net().replace(b"kernel_size: 4", b"kernel_size: 6"))
    out = place / "out.caffemodel"
    assert refusal(3, "apply", net, place / "in.caffemodel", out)["kind"] == "ShapeError"
    assert run("apply", "--support", "stride", net, place / "in.caffemodel", out).returncode == 0
    layers = document("inspect", "-p", "up", net, out)["layers"]
    assert [layer["name"] for layer in layers] == ["upscore2", "upscore"]
    ids = [finding["id"] for layer in layers for finding in layer["findings"]]
    assert "DS006" not in ids


@pytest.mark.parametrize(
    "command",
    [
        "<(cat {net}) <(cat {base})",
        *(
            pytest.param(each, marks=pytest.mark.campaign)
            for each in ("<(cat {net}) {base}", "{net} <(cat {base})", "{base} <(cat {net})")
        ),
    ],
)
def test_inspect_reads_pipes_once(files: list[Path], command: str) -> None:
    net, base, _ = files
    plain = document("inspect", net, base)["layers"]
    script = f"{' '.join(COMMAND)} inspect --json {command.format(net=net, base=base)}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=60)
    assert parsed_json(done.stdout)["layers"] == plain


def test_the_output_is_not_the_net(files: list[Path], words: Words) -> None:
    net, base, _ = files
    before = net.read_bytes()
    error = refusal(2, "apply", "--force", net, base, net)
    assert (error["kind"], error["file"]) == ("OutputError", str(net))
    words(error["message"])
    assert net.read_bytes() == before


def test_in_place_with_nothing_to_do_says_that_nothing_was_written(files: list[Path]) -> None:
    run("apply", "-q", "-i", *files[:2])
    found = document("apply", "-i", *files[:2])
    assert (found["changed"], found["written"]) == (False, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    ("arguments", "code"), [(["inspect", "nofile"], 4), (["apply", "--nonsense"], 2)]
)
def test_an_error_in_json_that_cannot_be_printed(
    arguments: list[str], code: int, words: Words
) -> None:
    words(unprintable(code, *arguments, "--json"))


def test_a_net_may_begin_with_a_line_end(place: Path) -> None:
    """A line end is also the tag of a NetParameter's name."""
    text = b'\n\nname: "net245"\n' + demo_net().replace(b'name: "demo_fcn"', b"")
    (place / "early.prototxt").write_bytes(text)
    found = document("apply", "-n", place / "early.prototxt", place / "in.caffemodel")
    assert [layer["name"] for layer in found["layers"]] == ["upscore2", "upscore"]
