"""The command as users run it: a process, its streams (its exit codes: test_exit_codes.py)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deconvsurgery.__main__ import main
from deconvsurgery.cli.console import silence
from helpers.models import NetParameter, demo_base, demo_net
from helpers.processes.warm import ran
from helpers.runs import run_here

RunHere = Callable[..., tuple[int, bytes, bytes]]
COMMAND = [sys.executable, "-m", "deconvsurgery"]


def run(
    *arguments: str | Path, env: dict[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    plain = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR",)}
    return ran(arguments, stdin=stdin, env=plain | (env or {}))


def no_traceback(done: subprocess.CompletedProcess[bytes]) -> None:
    assert b"Traceback" not in done.stderr + done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_bytes(demo_net())
    (tmp_path / "in.caffemodel").write_bytes(demo_base())
    return tmp_path


@pytest.fixture
def files(place: Path) -> list[Path]:
    return [place / name for name in ("net.prototxt", "in.caffemodel", "out.caffemodel")]


def test_apply_creates_what_the_base_model_lacks(files: list[Path]) -> None:
    before = files[1].read_bytes()
    done = run("apply", *files)
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


def test_a_second_run_changes_nothing_and_check_says_so(files: list[Path]) -> None:
    net, base, out = files
    assert run("apply", "--check", net, base).returncode == 1
    assert run("apply", net, base, out).returncode == 0
    assert run("apply", "--check", net, out).returncode == 0
    again = out.with_name("again.caffemodel")
    done = run("apply", net, out, again)
    assert done.returncode == 0
    assert b"Nothing had to change" in done.stdout
    assert again.read_bytes() == out.read_bytes()


def test_json_of_apply(files: list[Path]) -> None:
    done = run("apply", "--json", *files)
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["schema_version"] == 1
    assert document["command"] == "apply"
    assert document["output"] == str(files[2])
    assert [layer["action"] for layer in document["layers"]] == ["created", "created"]
    assert document["layers"][0]["shape"] == [5, 5, 4, 4]
    assert document["layers"][0]["after"] == "bilinear"
    size = files[2].stat().st_size
    assert document["bytes"] == {
        "input": files[1].stat().st_size,
        "output": size,
        "rewritten": size - files[1].stat().st_size,
    }


def test_dry_run_writes_nothing(files: list[Path]) -> None:
    for option in ("--dry-run", "-n", "--check"):
        run("apply", option, *files)
        assert not files[2].exists()
    done = run("apply", "-n", *files[:2], "--json")
    assert json.loads(done.stdout)["output"] is None


def test_quiet_is_quiet(files: list[Path]) -> None:
    done = run("apply", "-q", *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


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
    assert run("apply", "-i", net, base, "out").returncode == 2


def test_streams(files: list[Path]) -> None:
    net, base, out = files
    run("apply", net, base, out)
    done = run("apply", net, "-", "-", stdin=base.read_bytes())
    assert done.returncode == 0
    assert done.stdout == out.read_bytes()
    assert b"upscore2" in done.stderr
    done = run("apply", "-", base, "-", stdin=net.read_bytes())
    assert done.stdout == out.read_bytes()
    assert run("apply", "-", "-", "-").returncode == 2
    assert run("apply", "--json", net, base, "-").returncode == 2


@pytest.mark.parametrize(
    "arguments", ["apply --check {net} {base}", "inspect {net} --json", "kernel 16", "--help"]
)
def test_a_reader_that_leaves_ends_it_with_141(files: list[Path], arguments: str) -> None:
    """Not with 1, which means that --check found something."""
    command = " ".join([*COMMAND, arguments.format(net=files[0], base=files[1])])
    script = f"{command} 2>&1 >&3 3>&- | cat; exit ${{PIPESTATUS[0]}}"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        ["bash", "-c", script.replace(">&3 3>&-", f">&{writing}")],
        pass_fds=[writing],
        capture_output=True,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert done.returncode == 141
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"Exception" not in done.stdout + done.stderr


def test_a_reader_that_leaves_is_no_failure_of_ours(files: list[Path]) -> None:
    net, base, _ = files
    base.write_bytes(base.read_bytes() + b"\x9a\x06\x80\x80\x80\x04" + bytes(8 << 20))
    command = f"{' '.join(COMMAND)} apply {net} {base} - 2>{base}.err | head -c 10 | wc -c"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=60)
    assert done.stdout.strip() == b"10"
    assert b"Traceback" not in Path(f"{base}.err").read_bytes()
    assert b"BrokenPipe" not in Path(f"{base}.err").read_bytes()


def test_what_is_not_to_be_filled_is_no_reason_to_refuse(files: list[Path]) -> None:
    """'refine' does not interpolate, but it has weights and --fill missing leaves it alone."""
    done = run("apply", "-p", "*", "--fill", "missing", "--json", *files)
    layers = {layer["name"]: layer["action"] for layer in json.loads(done.stdout)["layers"]}
    assert layers == {"upscore2": "created", "refine": "skipped", "upscore": "created"}
    assert run("apply", "-p", "*", "-f", *files).returncode == 3


def test_a_model_alone_breaks_no_rule_about_the_net(files: list[Path]) -> None:
    run("apply", *files)
    alone = json.loads(run("inspect", "--json", files[2]).stdout)
    assert [layer["findings"] for layer in alone["layers"]] == [[], [], []]
    assert [layer["problem"] for layer in alone["layers"]] == [None, None, None]


def test_a_damaged_convolution_param_is_told(place: Path) -> None:
    layer = b"\x0a\x02up\x12\x0dDeconvolution\xd2\x06\x01\x08"
    (place / "bad.caffemodel").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    done = run("inspect", place / "bad.caffemodel")
    assert done.returncode == 3
    assert b"convolution_param of layer 'up' is damaged" in done.stderr


def test_usage_errors_in_json_have_their_kind_and_hint(files: list[Path]) -> None:
    error = json.loads(run("apply", "--json", "--nonsense").stdout)["error"]
    assert error["kind"] == "UsageError"
    assert "--help" in error["hint"]


def test_names_that_only_the_file_system_can_spell(files: list[Path]) -> None:
    odd = files[1].with_name("a\nb'\u00e9 .caffemodel")
    odd.write_bytes(files[1].read_bytes())
    document = json.loads(run("apply", "--json", files[0], odd, files[2]).stdout)
    assert document["input"] == str(odd)
    done = run("apply", "-f", files[0], odd, odd.with_suffix(".out"))
    assert done.returncode == 0
    assert b"a\\nb" in done.stdout


def test_allow_empty_is_a_plain_copy(files: list[Path]) -> None:
    done = run("apply", "-p", "nothing", "--allow-empty", *files)
    assert done.returncode == 0
    assert files[2].read_bytes() == files[1].read_bytes()


def test_inspect_takes_its_files_in_any_order(files: list[Path]) -> None:
    net, base, _ = files
    documents = [
        json.loads(run("inspect", "--json", *order).stdout) for order in ((net, base), (base, net))
    ]
    assert documents[0] == documents[1]
    states = {layer["name"]: layer["weights"] for layer in documents[0]["layers"]}
    assert states == {"upscore2": "missing", "refine": "other", "upscore": "missing"}
    found = {
        layer["name"]: [f["id"] for f in layer["findings"]] for layer in documents[0]["layers"]
    }
    assert found["upscore2"] == ["DS001"]
    alone = json.loads(run("inspect", "--json", base).stdout)
    assert [layer["name"] for layer in alone["layers"]] == ["refine"]
    assert run("inspect", net, net).returncode == 3
    assert run("inspect").returncode == 2


def test_kernel_and_demo(place: Path) -> None:
    document = json.loads(run("kernel", "4", "--json").stdout)
    assert document["taps"] == [[0.25, 0.75, 0.75, 0.25]] * 2
    assert document["interpolates"] is True
    assert run("kernel", "0").returncode == 2
    assert run("kernel", "100000000").returncode == 3
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


@pytest.mark.parametrize(
    "env",
    [
        {"NO_COLOR": "1"},
        {"TERM": "dumb"},
        {"COLUMNS": "1"},
        {"COLUMNS": "abc"},
        {"COLUMNS": "-5"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"HOME": "/nonexistent"},
        {"FORCE_COLOR": "1", "COLUMNS": "40"},
    ],
    ids=lambda env: "+".join(env),
)
def test_any_environment_is_fit_to_read(files: list[Path], env: dict[str, str]) -> None:
    for arguments in (["apply", "-n", *files[:2]], ["inspect", *files[:2]], ["kernel", "16"]):
        done = run(*arguments, env=env)
        no_traceback(done)
        assert done.returncode == 0
        if arguments[0] != "kernel":
            assert b"upscore2" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_a_report_that_cannot_be_printed_is_a_failure(
    files: list[Path], options: list[str]
) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "apply", *options, *map(str, files)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 4
    assert done.stderr.startswith(b"error: the report cannot be printed")
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    assert run("apply", "--check", files[0], files[2]).returncode == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams(files: list[Path], closed: str) -> None:
    command = " ".join([*COMMAND, "apply", *map(str, files)])
    done = subprocess.run(["bash", "-c", f"{command} {closed}"], check=False, timeout=60)
    assert done.returncode == 0
    saved = NetParameter.FromString(files[2].read_bytes())
    assert [layer.name for layer in saved.layer[-2:]] == ["upscore2", "upscore"]


def test_a_signal_before_anything_was_read_ends_it_with_130(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # as main does, who would not take it back
    monkeypatch.setitem(sys.modules, "deconvsurgery.cli", Interrupted())
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130


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
    with pytest.raises(EndedError, match="2"):
        main()


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
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def signalled(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            done.append("cleaned up")

    monkeypatch.setattr("deconvsurgery.verbs.inspect.inspect", signalled)
    code, out, errors = run_here(place, "inspect", "net.prototxt")
    assert (code, out, done) == (143, b"", ["cleaned up"])
    assert errors.startswith(b"deconvsurgery: ended by SIGTERM; every file is whole")


def test_without_memory_it_ends_with_4(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def large(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("deconvsurgery.verbs.inspect.inspect", large)
    code, out, errors = run_here(place, "inspect", "net.prototxt")
    assert (code, out) == (4, b"")
    assert errors.startswith(b"deconvsurgery: out of memory; every file is whole")


def test_a_stream_that_is_not_there_needs_no_silencing() -> None:
    before = os.fstat(1)
    silence(None)
    assert os.path.samestat(os.fstat(1), before)


def test_no_arguments_show_the_help() -> None:
    done = run()
    assert done.returncode == 2
    assert done.stderr.startswith(b"Usage: deconvsurgery")


def test_a_terminal_gets_a_table_and_no_binary(files: list[Path]) -> None:
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
        shown = b""
        while True:
            try:
                piece = os.read(main, 1 << 16)
            except OSError:  # Linux says EIO where the other side is closed
                break
            if not piece:
                break
            shown += piece
        os.close(main)
        assert process.wait(30) == code
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).splitlines()
        assert all(len(line) <= 80 or line.startswith(("error", "  hint")) for line in lines)
        if code:
            assert "is a terminal" in shown.decode()
            assert "upscore2" not in shown.decode()
        else:
            assert any(set(line.strip()) == {"─"} for line in lines)
            assert "upscore2" in shown.decode()


def test_markup_in_names_is_harmless(place: Path) -> None:
    text = demo_net().replace(b'"upscore2"', b'"up[/bold][red]"')
    (place / "odd.prototxt").write_bytes(text)
    done = run("apply", "-n", place / "odd.prototxt", place / "in.caffemodel")
    assert done.returncode == 0
    assert b"up[/bold][red]" in done.stdout


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
        "import sys; from deconvsurgery.cli import run\n"
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
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
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
    code = (
        "import sys; from deconvsurgery.cli import run\n"
        "run(sys.argv[1:])\n"
        "heavy = {'numpy', 'google.protobuf', 'rich'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    for arguments in (["--version"], ["--help"], ["apply", "--help"], ["inspect", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b""), arguments
        assert done.stdout


@pytest.mark.parametrize("dims", [[], [5], [-2, -2, 1, 1], [4, -1, -1, 1], [0, 1, 4, 4]])
def test_inspect_survives_any_shape(place: Path, dims: list[int]) -> None:
    saved = NetParameter()
    layer = saved.layer.add(name="upscore", type="Deconvolution")
    layer.blobs.add(data=[1.0] * 4).shape.dim.extend(dims)
    (place / "odd.caffemodel").write_bytes(saved.SerializeToString())
    for files in ([place / "odd.caffemodel"], [place / "net.prototxt", place / "odd.caffemodel"]):
        done = run("inspect", "--json", *files)
        no_traceback(done)
        assert done.returncode == 0
        assert "upscore" in [layer["name"] for layer in json.loads(done.stdout)["layers"]]


def test_gain_is_that_of_the_weights_that_are_there(place: Path) -> None:
    """kernel 6 at stride 2 interpolates when its triangle is as wide as the stride."""
    net = place / "wide.prototxt"
    net.write_bytes(demo_net().replace(b"kernel_size: 4", b"kernel_size: 6"))
    out = place / "out.caffemodel"
    assert run("apply", net, place / "in.caffemodel", out).returncode == 3
    assert run("apply", "--support", "stride", net, place / "in.caffemodel", out).returncode == 0
    layers = json.loads(run("inspect", "--json", "-p", "up", net, out).stdout)["layers"]
    ids = [finding["id"] for layer in layers for finding in layer["findings"]]
    assert "DS006" not in ids


def test_inspect_reads_pipes_once(files: list[Path]) -> None:
    net, base, _ = files
    plain = json.loads(run("inspect", "--json", net, base).stdout)["layers"]
    for command in (
        f"<(cat {net}) {base}",
        f"{net} <(cat {base})",
        f"{base} <(cat {net})",
        f"<(cat {net}) <(cat {base})",
    ):
        script = f"{' '.join(COMMAND)} inspect --json {command}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=60)
        assert json.loads(done.stdout)["layers"] == plain, command


def test_the_output_is_not_the_net(files: list[Path]) -> None:
    net, base, _ = files
    before = net.read_bytes()
    done = run("apply", "--force", net, base, net)
    assert done.returncode == 2
    assert b"is the net itself" in done.stderr
    assert net.read_bytes() == before


def test_in_place_with_nothing_to_do_says_that_nothing_was_written(files: list[Path]) -> None:
    run("apply", "-q", "-i", *files[:2])
    document = json.loads(run("apply", "-i", "--json", *files[:2]).stdout)
    assert (document["changed"], document["written"]) == (False, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_error_in_json_that_cannot_be_printed(files: list[Path]) -> None:
    with open("/dev/full", "wb") as full:
        for arguments, code in ((["inspect", "nofile"], 4), (["apply", "--nonsense"], 2)):
            done = subprocess.run(
                [*COMMAND, *arguments, "--json"],
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
                timeout=60,
            )
            assert done.returncode == code
            assert b"Traceback" not in done.stderr


def test_a_net_may_begin_with_a_line_end(place: Path) -> None:
    """A line end is also the tag of a NetParameter's name."""
    text = b'\n\nname: "net245"\n' + demo_net().replace(b'name: "demo_fcn"', b"")
    (place / "early.prototxt").write_bytes(text)
    assert run("apply", "-n", place / "early.prototxt", place / "in.caffemodel").returncode == 0
