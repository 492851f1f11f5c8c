"""The block that repairs a pair: the same commands in every format; run, they repair it."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

import deconvsurgery as ds
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.report.terminal.check import repairs_report
from deconvsurgery.rules.repair_step import repair_arguments
from helpers.models import demo_base, demo_net, parsed
from helpers.runs import environment, run_here

NET, MODEL = "net.v1.prototxt", "it's in.caffemodel"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A pair with three faults: weights that are zero, a filler without a group, no pad."""
    head, last = demo_net().decode().rsplit('name: "upscore"', 1)
    last = last.replace("group: 5 ", "").replace("pad: 1", "")
    (tmp_path / NET).write_text(f'{head}name: "upscore"{last}')
    (tmp_path / "base").write_bytes(demo_base())
    ds.apply(tmp_path / NET, tmp_path / "base", tmp_path / "all")
    message = parsed((tmp_path / "all").read_bytes())
    (zero,) = [layer for layer in message.layer if layer.name == "upscore2"]
    zero.blobs[0].data[:] = [0.0] * len(zero.blobs[0].data)
    (tmp_path / MODEL).write_bytes(message.SerializeToString())
    return tmp_path


def printed(place: Path, *options: str) -> str:
    code, out, errors = run_here(place, "check", *options, NET, MODEL)
    assert (code, errors) == (1, b"")
    return out.decode()


def in_json(place: Path) -> dict[str, Any]:
    (pair,) = json.loads(printed(place, "--json"))["pairs"]
    found: dict[str, Any] = pair["repair"]
    return found


def commands_in(text: str) -> list[list[str]]:
    """The commands of a shell's line or lines."""
    words = shlex.split(text)
    found: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            found.append([])
        else:
            found[-1].append(word)
    return found


def in_pipe(place: Path) -> str:
    (line,) = [each for each in printed(place).splitlines() if f": {TITLE}: " in each]
    assert line.startswith(f"{NET}: {TITLE}: ")
    return line.partition(f"{TITLE}: ")[2]


def on_github(place: Path) -> str:
    lines = printed(place, "--format", "github").splitlines()
    (line,) = [each for each in lines if each.startswith("::notice ") and "title=repair" in each]
    *commands, _left = line.rpartition("::")[2].split("%0A")
    return "\n".join(commands)


def on_gitlab(place: Path) -> str:
    issues = json.loads(printed(place, "--format", "gitlab"))
    (issue,) = [each for each in issues if each["check_name"] == TITLE]
    return re.sub(r" \(after .*\)$", "", issue["description"].removeprefix(f"{TITLE}: "))


def on_azure(place: Path) -> str:
    (line,) = [
        each for each in printed(place, "--format", "azure").splitlines() if f": {TITLE}: " in each
    ]
    return line.partition(f"{TITLE}: ")[2].rpartition(" (after ")[0]


def in_junit(place: Path) -> str:
    (suite,) = fromstring(printed(place, "--format", "junit").encode())
    _, *commands, _left = (suite.findtext("system-out") or "").split("\n")
    return "\n".join(commands)


def in_rdjson(place: Path) -> str:
    *_, block = json.loads(printed(place, "--format", "rdjson"))["diagnostics"]
    _, *commands, _left = block["message"].split("\n")
    return "\n".join(commands)


def in_sarif(place: Path) -> str:
    (run,) = json.loads(printed(place, "--format", "sarif"))["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    (note,) = invocation["toolExecutionNotifications"]
    assert note["properties"] == in_json(place)
    _, *commands, _left = note["message"]["text"].split("\n")
    return "\n".join(commands)


def in_markdown(place: Path) -> str:
    found = re.search(r"^(`{3,})sh\n(.*)\n\1$", printed(place, "--format", "markdown"), re.M | re.S)
    assert found is not None
    return found[2]


def on_a_page(place: Path) -> str:
    printed(place, "--report", "page.html")
    page = (place / "page.html").read_text("utf-8")
    section = page.partition(f">{TITLE.capitalize()}<")[2]
    found = re.search(r"<code>(.*?)</code>", section, re.S)
    assert found is not None
    return html.unescape(found[1])


def on_a_terminal(place: Path) -> str:
    result = ds.check(place / NET, place / MODEL)
    text = "\n".join(repairs_report([result])).replace(f"{place}/", "")
    return text.partition(f"{TITLE}:")[2].rpartition("\n")[0]


FORMATS = (
    in_pipe,
    on_github,
    on_gitlab,
    on_azure,
    in_junit,
    in_rdjson,
    in_sarif,
    in_markdown,
    on_a_page,
    on_a_terminal,
)


def test_every_format_has_the_same_commands(place: Path) -> None:
    commands = in_json(place)["commands"]
    assert len(commands) > 1
    for of in FORMATS:
        found = commands_in(of(place))
        if of is on_a_terminal:  # there the files have their whole paths, with a quote in one
            found = [[word.replace(f"{place}/", "") for word in each] for each in found]
        assert found == commands, of.__name__


def test_the_block_repairs_the_pair(place: Path) -> None:
    found = in_json(place)
    assert found["leaves"] == []
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    done = subprocess.run(
        ["sh", "-c", in_markdown(place)], cwd=place, env=environment(), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert {name: (place / name).read_bytes() for name in before} == before
    net, model = place / "net.v1.fixed.prototxt", place / "it's in.fixed.caffemodel"
    assert ds.check(net, model).findings == ()


# A byte that is no UTF-8, signs that act, letters that hexadecimal numbers go on with.
ODD = ("n\udcffab\n.prototxt", "m\x1b[31m'\t\u202e\\é.caffemodel")


def run_by_bash(place: Path, text: str) -> list[list[str]]:
    """The words of each command as bash has them."""
    script = 'deconvsurgery() { printf "%s\\0" "$@" ""; }\n' + text
    done = subprocess.run(
        ["bash", "-c", os.fsencode(script)], cwd=place, capture_output=True, check=True
    )
    return [os.fsdecode(each).split("\0") for each in done.stdout.split(b"\0\0")[:-1]]


def test_bash_reads_names_back_that_do_not_show(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, odd in zip((NET, MODEL), ODD, strict=True):
        (place / name).rename(place / odd)
    monkeypatch.setitem(globals(), "NET", ODD[0])
    monkeypatch.setitem(globals(), "MODEL", ODD[1])
    result = ds.check(place / ODD[0], place / ODD[1])
    assert result.repair is not None
    ours = repair_arguments(result.repair.steps, *ODD)
    assert len(ours) > 1
    for of in FORMATS:
        if of is not in_pipe:
            text = of(place)
        else:
            (line,) = [each for each in printed(place).splitlines() if f": {TITLE}: " in each]
            text = line.partition(f"{TITLE}: ")[2]
        assert text.isascii() or "é" in text
        assert text.replace("\n", "").isprintable(), of.__name__
        found = run_by_bash(place, text.replace(str(place), "."))
        names = [[word.removeprefix("./") for word in each] for each in found]
        assert names == ours, of.__name__
    # In JSON they are the words themselves, in which half a pair is spelt as docs/json.md has it.
    spelt = [[word.encode("utf-8", "backslashreplace").decode() for word in each] for each in ours]
    assert [each[1:] for each in in_json(place)["commands"]] == spelt


@pytest.mark.parametrize(("count", "alone"), [(20, True), (60, False)])
def test_commands_of_many_layers_stand_once(count: int, alone: bool, tmp_path: Path) -> None:
    """Of a net with many layers one repair is of all, and is not repeated at each."""
    head = 'input: "d" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
    layers = "".join(
        f'layer {{ name: "up{number}" type: "Deconvolution" bottom: "d" top: "t{number}" '
        "param { lr_mult: 0 } convolution_param { num_output: 3 group: 3 bias_term: false "
        "kernel_size: 4 stride: 2 } }\n"
        for number in range(count)
    )
    (tmp_path / "net").write_text(head + layers)
    code, out, _ = run_here(tmp_path, "check", "--json", "--select", "DS007", "net")
    document = json.loads(out)
    (found,) = document["pairs"]
    assert (code, found["findings"]) == (1, count)
    assert {each["command"] is not None for each in document["findings"]} == {alone}
    (command,) = found["repair"]["commands"]
    assert command.count("-p") == count
    assert found["repair"]["leaves"] == []


def test_a_pair_without_a_repair_has_no_block(place: Path) -> None:
    (place / "net").write_bytes(demo_net())
    result = ds.check(place / "net")
    assert result.repair is None
    assert repair_block(result) is None
    _, out, _ = run_here(place, "check", "--json", "net")
    (pair,) = json.loads(out)["pairs"]
    assert pair["repair"] is None


def test_several_pairs_have_a_block_each(place: Path) -> None:
    results = [ds.check(place / NET, place / MODEL), ds.check(place / NET)]
    text = "\n".join(repairs_report(results))
    assert text.count(f"{TITLE} (") == 2


def test_a_repair_that_is_all_of_it_stands_once(place: Path) -> None:
    """Beside a pair that has none."""
    (place / "net").write_bytes(demo_net())
    results = [ds.check(place / "net"), ds.check(place / NET, select="DS007")]
    assert [repair_block(each) is None for each in results] == [True, False]
    (block,) = repairs_report(results)
    assert block.strip().startswith(TITLE)
    assert len([line for line in block.splitlines() if " patch-net " in line]) == 1


def in_one(place: Path, *arguments: str) -> list[list[str]]:
    """The `check --fix` that is printed for each pair, without the program."""
    _, out, errors = run_here(place, "check", *arguments)
    lines = [each for each in (out + errors).decode().splitlines() if " check --fix " in each]
    return [shlex.split(line.partition(" check ")[2]) for line in lines]


def test_one_command_does_the_same_to_the_files_themselves(place: Path) -> None:
    (words,) = in_one(place, NET, MODEL)
    assert words == ["--fix", NET, MODEL]
    assert in_one(place, *words[1:], "--format", "github") == []
    done = subprocess.run(
        ["sh", "-c", in_markdown(place)], cwd=place, env=environment(), capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert run_here(place, "check", *words)[0] == 0
    for name, fixed in (
        (NET, "net.v1.fixed.prototxt"),
        (MODEL, "it's in.fixed.caffemodel"),
    ):
        assert (place / name).read_bytes() == (place / fixed).read_bytes()


def test_what_was_asked_is_in_the_command(place: Path) -> None:
    (place / "-x.prototxt").write_bytes((place / NET).read_bytes())
    asked = ("-p", "up*", "-x", "re:z", "--phase", "test", "--level", "-1", "--stage", "a")
    rules = ("--select", "DS00", "--ignore", "DS009,DS004", "--frozen", "--allow-empty")
    (words,) = in_one(place, *rules, *asked, "./-x.prototxt", MODEL)
    assert words == ["--fix", *asked, *rules, "./-x.prototxt", MODEL]
    # What settings say, too, and of these no other word then.
    (place / "deconvsurgery.toml").write_text("pattern = 'up*'\nignore = 'DS009'\n")
    (words,) = in_one(place, "-x", "z", NET, MODEL)
    said = ["-p", "up*", "-x", "z", "--ignore", "DS009"]
    assert words == ["--fix", "--isolated", *said, NET, MODEL]
    assert run_here(place, "check", *words)[0] == 0


def test_no_command_that_would_do_something_else(place: Path) -> None:
    (place / "other").write_bytes((place / MODEL).read_bytes())
    # A net that two models go with; a file that is none; what is fixed already.
    assert in_one(place, NET, MODEL, NET, "other") == []
    (place / "link").symlink_to(NET)
    assert in_one(place, NET, MODEL, "link", "other") == []
    assert in_one(place, "--write-baseline", "--baseline", "known", NET, MODEL) == []
    assert in_one(place, "--diff", NET, MODEL) == []
    os.link(place / NET, place / "second")
    assert in_one(place, NET, MODEL) == []
    (place / "second").unlink()
    assert len(in_one(place, NET, MODEL)) == 1
    # A net alone gets its command only if no settings may have models for it.
    alone = ["--select", "DS008,DS007", NET]
    assert [words[-1] for words in in_one(place, *alone)] == [NET]
    (place / "deconvsurgery.toml").write_text("")
    assert in_one(place, *alone) == []
    assert [words[-1] for words in in_one(place, "--isolated", *alone)] == [NET]
