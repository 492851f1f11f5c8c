"""What the TAB key offers, asked of click's machinery, and of a real bash."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    get_completion_class,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from deconvsurgery.cli.check_formats import FORMATS
from deconvsurgery.cli.shell_completion import BEGUN, spelt_in_bash
from deconvsurgery.rules.finding import RULES
from helpers.commands import COMPLETE, TOOL, VERBS
from helpers.commands import command_of as verb_of
from helpers.completion import ODD, lay, path_with_command
from helpers.places import ROOT
from helpers.runs import COMMAND, GET_RUN, run_here

if TYPE_CHECKING:
    from helpers.words import Words

BASH = shutil.which("bash")


TAKES_PATTERNS = [
    verb for verb in VERBS if "patterns" in [parameter.name for parameter in verb_of(verb).params]
]


def completer(shell: str) -> ShellComplete:
    """What answers a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(TOOL, {}, "deconvsurgery", COMPLETE)


def offered(*words: str, shell: str = "bash") -> list[tuple[str, str]]:
    """Kind and value of each candidate for the last word."""
    items = completer(shell).get_completions([*words[:-1]], words[-1])
    return [(item.type, item.value) for item in items]


def plain(*words: str) -> list[str]:
    found = offered(*words)
    assert {kind for kind, _ in found} <= {"plain"}
    return [value for _, value in found]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_formats_and_then_files(shell: str, place: Path) -> None:
    """A shell that took it for a file's name would look for one that begins with the format."""
    (place / "out" / "a b.sarif").write_text("")
    (place / ".hidden").write_text("")
    every = [("begun", f"{form}=") for form in FORMATS[1:]]
    assert offered("check", "--also", "", shell=shell) == every
    assert offered("check", "--also", "sa", shell=shell) == [("begun", "sarif=")]
    files = [("plain", f"sarif={name}") for name in ("in.caffemodel", "net.prototxt")]
    odd = ("plain", "sarif=odd.prototxt")
    folder = ("begun", "sarif=out/")
    assert offered("check", "--also", "sarif=", shell=shell) == [*files, odd, folder]
    assert offered("check", "--also", "sarif=o", shell=shell) == [odd, folder]
    assert offered("check", "--also", "sarif=.", shell=shell) == [("plain", "sarif=.hidden")]
    assert offered("check", "--also", "sarif=out/", shell=shell) == [
        ("plain", "sarif=out/a b.sarif"),
        ("plain", "sarif=out/report.sarif"),
    ]
    for nothing in ("nonsense=", "sarif=none/", "sarif=\0/", "x"):
        assert offered("check", "--also", nothing, shell=shell) == []
    assert offered("check", "--baseline", "b", shell=shell) == [("file", "b")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return lay(tmp_path)


# --- what is offered


def test_verbs_and_options() -> None:
    assert plain("") == list(VERBS)
    assert plain("re") == ["revert", "regroup"]
    assert plain("--v") == ["--version"]
    for verb in VERBS:
        options = [
            option
            for parameter in verb_of(verb).params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("--")
        ]
        assert plain(verb, "--") == [*options, "--help"]


def test_choices() -> None:
    assert plain("apply", "--fill", "") == ["missing", "zero", "all"]
    assert plain("apply", "--fill", "m") == ["missing"]
    assert plain("apply", "--fill=m") == ["missing"]
    assert plain("apply", "--phase", "t") == ["train", "test"]
    assert plain("convert", "--to", "") == ["binary", "hdf5"]


def test_rules_by_the_beginning_of_their_ids() -> None:
    for option in ("--select", "--ignore"):
        assert plain("check", option, "ds01") == [rule for rule in sorted(RULES) if "DS01" in rule]
        assert plain("check", option, "DS009") == ["DS009"]
        assert plain("check", option, "X") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb not in ("kernel", "doctor", "completion")]
)
def test_every_argument_is_a_place_on_disk(verb: str, shell: str) -> None:
    arguments = [each for each in verb_of(verb).params if isinstance(each, click.Argument)]
    assert arguments
    for before in range(len(arguments)):
        kind = "dir" if verb == "demo" else "file"
        words = [verb, *["missing"] * before, "some"]
        assert offered(*words, shell=shell) == [(kind, "some")]
    assert offered("convert", "--net", "", shell=shell) == [("file", "")]
    assert offered("kernel", "", shell=shell) == []


@pytest.mark.parametrize("option", ["-p", "--pattern", "-x", "--exclude"])
@pytest.mark.parametrize("verb", TAKES_PATTERNS)
def test_layers_of_the_net_named_before(verb: str, option: str, place: Path) -> None:
    if option not in [each for parameter in verb_of(verb).params for each in parameter.opts]:
        pytest.fail(f"{verb} takes patterns, but no {option}")
    every = ["upscore2", "refine", "upscore"]
    assert plain(verb, "net.prototxt", option, "") == every
    assert plain(verb, "net.prototxt", "-p", "x", "in.caffemodel", option, "") == every
    assert plain(verb, "in.caffemodel", "net.prototxt", option, "up") == ["upscore2", "upscore"]
    assert plain(verb, "in.caffemodel", option, "") == ["refine"]
    assert plain(verb, "none.prototxt", "net.prototxt", option, "ref") == ["refine"]
    assert plain(verb, "net.prototxt", option, "re:up") == []
    assert plain(verb, option, "") == []
    if option.startswith("--"):
        assert plain(verb, "net.prototxt", f"{option}=ref") == ["refine"]


def test_what_cannot_be_read_offers_nothing(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "broken.prototxt").write_text('layer { name: "up"')
    (place / "cut.caffemodel").write_bytes((place / "in.caffemodel").read_bytes()[:-9])
    (place / "empty").write_bytes(b"")
    (place / "page").write_bytes(b"<!DOCTYPE html><html></html>")
    (place / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(2048))
    (place / "folder").mkdir()
    os.mkfifo(place / "pipe")  # whoever opened it would wait for ever
    for name in (
        *("broken.prototxt", "cut.caffemodel", "empty", "page", "model.h5", "folder", "pipe"),
        *("-", "", "none", "no/ne", "\udcff", "x" * 5000, "/dev/zero"),
    ):
        for verb in TAKES_PATTERNS:
            assert plain(verb, name, "-p", "") == [], name
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", "")


# --- names that mean something to a pattern or to a shell


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
@settings(max_examples=20)  # each is a bash
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), st.sampled_from("\"' "))
def test_bash_reads_back_what_was_spelt_for_it(word: str, quote: str) -> None:
    quote = quote.strip()
    spelt = spelt_in_bash(word, quote)
    if spelt is None:
        assert quote in word or "!" in word
        return
    script = f"printf %s {quote}{spelt}{quote}"
    done = subprocess.run([str(BASH), "-c", script], capture_output=True, check=True, timeout=60)
    assert done.stdout.decode() == word


# --- the scripts


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_printed(shell: str, tmp_path: Path) -> None:
    done = asked(f"{shell}_source")
    assert (done.returncode, done.stderr) == (0, b"")
    script = done.stdout.decode()
    assert run_here(tmp_path, "completion", shell) == (0, done.stdout, b"")
    assert f"_DECONVSURGERY_COMPLETE={shell}_complete" in script
    assert "_deconvsurgery_completion" in script
    if shell == "bash" and BASH:
        subprocess.run([BASH, "-n"], input=done.stdout, check=True, timeout=60)
    if shell == "fish":  # a name may have commas
        assert 'string split -m 1 ","' in script
        assert 'string split ","' not in script
    if shell == "zsh":
        assert '"$type" == "begun"' in script
    shipped = {"bash": "deconvsurgery", "zsh": "_deconvsurgery", "fish": "deconvsurgery.fish"}
    assert (ROOT / "docs" / "completion" / shell / shipped[shell]).read_bytes() == done.stdout


def asked(instruction: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        COMMAND,
        env={**os.environ, COMPLETE: instruction, **env},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("instruction", ["1", "bash", "tcsh_source", "bash_nonsense"])
def test_what_is_no_instruction_is_wrong_usage(
    instruction: str, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setenv(COMPLETE, instruction)
    code, out, errors = run_here(place)
    assert (code, out) == (2, b"")
    assert {COMPLETE, "bash_source", "zsh_source", "fish_source"} <= {
        *re.findall(r"\w+", errors.decode())
    }
    words(errors.decode().splitlines())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "env",
    [
        {},
        {"COMP_WORDS": "deconvsurgery "},
        {"COMP_CWORD": "1"},
        *(
            {"COMP_WORDS": "a", "COMP_CWORD": odd}
            for odd in ("x", "", "-1", "1.0", "²", "9" * 5000)
        ),
    ],
    ids=str,
)
def test_words_that_no_script_of_ours_sets(
    shell: str, env: dict[str, str], place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """fish says the word itself, so any will do; the others its place."""
    monkeypatch.setenv(COMPLETE, f"{shell}_complete")
    for name in ("COMP_WORDS", "COMP_CWORD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    code, _, errors = run_here(place)
    if shell == "fish" and len(env) == 2:
        assert (code, errors) == (0, b"")
    else:
        assert code == 2
        assert {"COMP_WORDS", "COMP_CWORD"} <= {*re.findall(r"\w+", errors.decode())}
        words(errors.decode().splitlines(), shell)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("begun", ["", " ", "'", "\\", "\udcff", "-p", "--", "\n", "zoo/\udcff"])
def test_any_word_that_is_begun(
    shell: str, begun: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMPLETE, f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", f"deconvsurgery inspect {begun}")
    monkeypatch.setenv("COMP_CWORD", begun if shell == "fish" else "2")
    code, _, errors = run_here(place)
    assert (code, errors) == (0, b"")


def test_an_answer_that_cannot_be_printed_is_a_failure(words: Words) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            COMMAND,
            env={**os.environ, COMPLETE: "bash_source"},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 4
    assert os.strerror(errno.ENOSPC).encode() in done.stderr
    words(done.stderr.decode())


def test_each_shells_own_protocol(place: Path) -> None:
    words = {"COMP_WORDS": "deconvsurgery apply odd.prototxt -p up"}
    done = asked("zsh_complete", **words, COMP_CWORD="4")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        *("plain", "up 2", "_", "plain", "up:0=b,", "_", "plain", "upß", "_")
    ]
    done = asked("fish_complete", **words, COMP_CWORD="up")
    assert done.stdout.decode().splitlines() == ["plain,up 2", "plain,up:0=b,", "plain,upß"]
    for kind in (BashComplete, FishComplete, ZshComplete):  # ours are theirs, with a word changed
        chosen = get_completion_class(kind.name)
        assert chosen is not None
        assert issubclass(chosen, kind)


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        *(
            pytest.param(words, set(), marks=pytest.mark.campaign)
            for words in (
                "deconvsurgery ",
                "deconvsurgery apply --",
                "deconvsurgery apply net.prototxt ",
                "deconvsurgery apply net.prototxt --fill ",
            )
        ),
        ("deconvsurgery apply net.prototxt -p ", {"google.protobuf"}),
        ("deconvsurgery inspect in.caffemodel -p ", set()),
    ],
)
def test_completion_imports_little(words: str, heavy: set[str], place: Path) -> None:
    code = (
        f"import sys; {GET_RUN}"
        "code = run([])\n"
        "print(*({'numpy', 'google.protobuf', 'rich'} & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    last = str(len(words.split(" ")) - 1)
    env = {**os.environ, COMPLETE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": last}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout
    assert set(done.stderr.decode().split()) <= heavy


# --- in bash


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which the command is found."""
    return path_with_command(tmp_path_factory.mktemp("bin"))


SOURCED = 'eval "$(deconvsurgery completion bash)"\n'


def completed(path: str, words: Sequence[str]) -> list[str]:
    """What bash's completion function answers for the last of the words, as bash breaks them."""
    script = SOURCED + (
        'compopt() { kinds+=("$2"); }\n'  # which only works while the TAB key is handled
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); shopt -s nullglob\n'
        "_deconvsurgery_completion deconvsurgery\n"
        'printf "%s\\0" "${COMPREPLY[@]}" "${kinds[@]/#/-}"'
    )
    done = subprocess.run(
        [str(BASH), "--norc", "-c", script, "bash", *words],
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""
    return [each for each in done.stdout.decode().split("\0") if each]


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["ins"], ["inspect"]),
        pytest.param(["apply", "--form"], ["--formula"], marks=pytest.mark.campaign),
        pytest.param(["apply", "--fill", "=", "m"], ["missing"], marks=pytest.mark.campaign),
        pytest.param(
            ["apply", "--fill", "="], ["missing", "zero", "all"], marks=pytest.mark.campaign
        ),
        pytest.param(["apply", ""], ["-default"], marks=pytest.mark.campaign),
        pytest.param(["demo", ""], ["-dirnames"], marks=pytest.mark.campaign),
        (["apply", "net.prototxt", "-p", "up"], ["upscore2", "upscore"]),
        pytest.param(
            ["apply", "--fill", "=", "all", "net.prototxt", "-p", "ref"],
            ["refine"],
            marks=pytest.mark.campaign,
        ),
        pytest.param(["apply", "none", "-p", ""], [], marks=pytest.mark.campaign),
        (["patch-net", "odd.prototxt", "-p", "up"], [r"up\ 2", "up:0=b,", "upß"]),
        pytest.param(
            ["patch-net", "odd.prototxt", "-p", "'up"],
            ["up 2", "up:0=b,", "upß"],
            marks=pytest.mark.campaign,
        ),
        # it cannot stand in quotes
        pytest.param(["patch-net", "odd.prototxt", "-p", "'it"], [], marks=pytest.mark.campaign),
        pytest.param(
            ["patch-net", "odd.prototxt", "-p", "up", ":", "0"],
            ["0=b,"],
            marks=pytest.mark.campaign,
        ),
        pytest.param(
            ["patch-net", "odd.prototxt", "-p", "up", ":"], ["0=b,"], marks=pytest.mark.campaign
        ),
        pytest.param(
            ["patch-net", "odd.prototxt", "--pattern", "=", "up", ":", "0"],
            ["0=b,"],
            marks=pytest.mark.campaign,
        ),
    ],
)
def test_the_function_in_bash(words: list[str], answer: list[str], path: str, place: Path) -> None:
    assert completed(path, ["deconvsurgery", *words]) == answer


@pytest.mark.campaign
@pytest.mark.skipif(BASH is None, reason="there is no bash here")
def test_what_bash_was_given_selects_the_layer(path: str, place: Path) -> None:
    (place / "-up").write_text("")  # what a glob would take
    spelt = completed(path, ["deconvsurgery", "inspect", "odd.prototxt", "-p", ""])
    assert len(spelt) == len(ODD)
    script = "".join(
        f"deconvsurgery inspect odd.prototxt --json --pattern {each} || exit\n" for each in spelt
    )
    done = subprocess.run(
        [str(BASH), "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=True,
        timeout=120,
    )
    taken = [
        [layer["name"] for layer in json.loads(line)["layers"]]
        for line in done.stdout.decode().splitlines()
    ]
    assert [name for name, names in zip(ODD, taken, strict=True) if name not in names] == []


def test_words_that_bash_has_broken_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks a word at = and colon; what stands alone there is a part of the word before."""
    kind = get_completion_class("bash")
    assert kind is not None
    asked = kind(TOOL, {}, "deconvsurgery", COMPLETE)
    monkeypatch.setenv("COMP_WORDS", "deconvsurgery\ncheck\n--select\n=\nDS00")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert asked.get_completion_args() == (["check"], "--select=DS00")


def test_a_verb_that_there_is_not_has_no_options() -> None:
    assert offered("nothing", "--j") == []


def test_what_bash_would_put_behind_something_else_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bash leaves what stands before the last colon: a name that begins otherwise is no answer."""
    monkeypatch.setenv("COMP_WORDS", "deconvsurgery\ninspect\n-p=a:")
    monkeypatch.setenv("COMP_CWORD", "2")
    found = [CompletionItem("a:b"), CompletionItem("c:d")]
    monkeypatch.setattr(BashComplete, "get_completions", lambda *_: found)
    assert completer("bash").complete() == "plain,b"


def test_blanks_alone_begin_no_word_in_fish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_WORDS", "deconvsurgery kernel  ")
    monkeypatch.setenv("COMP_CWORD", " ")
    assert completer("fish").get_completion_args() == (["kernel"], "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_behind_an_option_the_whole_word_is_offered(shell: str, place: Path) -> None:
    assert offered("apply", "--formula=caffe-", shell=shell) == [("plain", "--formula=caffe-1.0")]
    (place / "a.patch").write_text("")
    found = offered("apply", "--save-patch=a.", shell=shell)
    assert [value for _, value in found] == ["--save-patch=a.patch"]


def test_fish_gets_what_goes_on_as_a_word() -> None:
    line = completer("fish").format_completion(CompletionItem("--also=sarif=", type=BEGUN))
    assert line.startswith("plain,--also=sarif=")
