"""No file of a sweep is two things: what it reads is never written, no output is two pairs'.

Each file is tried under every name that it can have.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import chdir
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.sweeping.pair_files import PairFiles
from helpers.campaigns import campaign, campaign_but, campaign_of_pairs
from helpers.models import demo_base, demo_net
from helpers.runs import run_here

if TYPE_CHECKING:
    from helpers.words import Words

pytestmark = pytest.mark.usefixtures("at_once")

BASE = demo_base()
PAIR = {"net": "z/net", "model": "z/in", "output": "z/out"}
OTHER = {"net": "z/net2", "model": "z/in2", "output": "z/out2"}


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Two nets and models in a folder that has a second name."""
    (tmp_path / "z").mkdir()
    (tmp_path / "linked").symlink_to("z")
    for each in ("", "2"):
        (tmp_path / f"z/net{each}").write_bytes(demo_net())
        (tmp_path / f"z/in{each}").write_bytes(BASE.replace(b"demo", f"n{each:>3}".encode()))
    return tmp_path


def settings(place: Path, *pairs: dict[str, str], verb: str = "apply", name: str = "c.toml") -> str:
    tables = "".join(
        "[[pairs]]\n" + "".join(f"{key} = {json.dumps(path)}\n" for key, path in pair.items())
        for pair in pairs
    )
    (place / name).write_text(f'[sweep]\nverb = "{verb}"\n{tables}')
    return name


def listed(place: Path, *pairs: dict[str, str], name: str = "pairs.jsonl") -> dict[str, str]:
    (place / name).write_text("\n".join(map(json.dumps, pairs)))  # the last line has no end
    return {"list": name}


def content(place: Path) -> dict[str, bytes | str]:
    """Every file by its bytes, every link by where it leads."""
    return {
        str(each.relative_to(place)): str(each.readlink())
        if each.is_symlink()
        else each.read_bytes()
        for each in sorted(place.rglob("*"))
        if each.is_symlink() or each.is_file()
    }


def swept(place: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out, errors = run_here(place, "sweep", "-w", "1", "--json", *arguments)
    assert errors == b""
    document: dict[str, Any] = json.loads(out)
    return code, document


def refused(place: Path, *arguments: str) -> dict[str, Any]:
    """The error of a sweep that is not begun; nothing was made or changed."""
    before = content(place)
    code, document = swept(place, *arguments)
    assert code == 2
    assert content(place) == before
    error: dict[str, Any] = document["error"]
    return error


def rows_of(place: Path, name: str = "sweep.jsonl") -> list[tuple[str, str, str | None]]:
    """Each pair's net and outcome, and the file of its error."""
    rows = map(json.loads, (place / name).read_bytes().splitlines())
    return sorted(
        (row["net"], row["outcome"], row["error"] and row["error"]["file"]) for row in rows
    )


# Each makes another name of a file; the folder is where the sweep runs.
WAYS: dict[str, Callable[[Path, str], str]] = {
    "the same name": lambda _, name: name,
    "./": lambda _, name: f"./{name}",
    "..": lambda _, name: f"z/../{name}",
    "absolute": lambda place, name: f"{place}/{name}",
    "file://": lambda place, name: f"file://{place}/{name}",
    "FILE://localhost": lambda place, name: f"FILE://localhost{place}/{name}",
    "local://": lambda place, name: f"local://{place}/{name}",
    "linked folder": lambda _, name: name.replace("z/", "linked/"),
    "symbolic link": lambda place, name: linked(place, name, os.symlink),
    "hard link": lambda place, name: linked(place, name, os.link),
}


def linked(place: Path, name: str, link: Callable[[Path, Path], None]) -> str:
    link(place / name, place / "another")
    return "another"


# --- the results file


ROLES = {
    "settings": "c.toml",
    "list": "pairs.jsonl",
    "net": "z/net",
    "model": "z/in",
    "output": "z/out",
    "net-output": "z/net-out",
    "record": "z/out.sweep.json",
}


@pytest.mark.parametrize(("role", "way"), campaign_of_pairs([*ROLES], [*WAYS]))
def test_the_results_are_no_other_file(role: str, way: str, zoo: Path, words: Words) -> None:
    pair = PAIR | {"net-output": "z/net-out"}
    if way == "hard link" and role in ("output", "net-output", "record"):
        (zoo / ROLES[role]).write_bytes(b"")  # what could be taken for results without a row
    config = settings(zoo, pair, listed(zoo, OTHER), verb="regroup")
    name = WAYS[way](zoo, ROLES[role])
    for force in ((), ("-f",)):
        error = refused(zoo, config, "--results", name, *force)
    assert error["kind"] == "OutputError"
    assert Path(error["file"]).name == Path(ROLES[role]).name
    words([error["message"], error["hint"]], role)


def test_nor_are_they_what_the_settings_name_with_other_words(zoo: Path) -> None:
    """The results may stand in the settings, too, and a pair's other paths beside a pattern."""
    text = (zoo / settings(zoo, {**PAIR, "net": "z/n*"})).read_text()
    for result in ("z/in", "./z/out", "linked/out.sweep.json", "c.toml"):
        (zoo / "c.toml").write_text(text.replace("[[pairs]]", f'results = "{result}"\n[[pairs]]'))
        refused(zoo, "c.toml")


@pytest.mark.parametrize("stream", ["-", "/dev/stdout", "/dev/null", "/dev/fd/1", "fifo"])
def test_results_are_a_file(stream: str, zoo: Path, words: Words) -> None:
    os.mkfifo(zoo / "fifo")
    error = refused(zoo, settings(zoo, PAIR), "--results", stream)
    assert (error["kind"], error["file"]) == ("OutputError", stream)
    words([error["message"], error["hint"]])


@pytest.mark.parametrize("key", ["net", "model", "output", "record"])
def test_a_pair_of_a_list_that_has_the_results_fails_alone(key: str, zoo: Path) -> None:
    name = "rows" if key != "record" else "z/rows.sweep.json"
    bad = {**PAIR, **({"output": "z/rows"} if key == "record" else {key: "./rows"})}
    config = settings(zoo, listed(zoo, bad, OTHER))
    before = content(zoo)
    for force in ((), ("-f",)):
        code, told = swept(zoo, config, "--results", name, *force)
        assert (code, told["errors"]) == (3, {"OutputError": 1})
        assert {net: outcome for net, outcome, _ in rows_of(zoo, name)} == {
            f"{zoo}/{bad['net']}" if bad["net"][0] == "/" else bad["net"]: "failed",
            "z/net2": "done",
        }
        after = content(zoo)
        assert after.keys() - before.keys() == {name, "z/out2", "z/out2.sweep.json"}
        assert {each: after[each] for each in before} == before


# --- settings and lists


@pytest.mark.parametrize(
    ("key", "role", "way"),
    campaign_but(
        [("output", "settings", "./"), ("net-output", "list", "file://")],
        product(["output", "net-output", "record"], ["settings", "list"], WAYS),
        rows=True,
    ),
)
def test_no_output_is_what_the_sweep_reads(
    key: str, role: str, way: str, zoo: Path, words: Words
) -> None:
    record = key == "record"
    place = f"{ROLES[role]}.sweep.json" if record else ROLES[role]
    if role == "list":
        config = settings(zoo, listed(zoo, PAIR, name=place))
    else:
        config = settings(zoo, listed(zoo, PAIR), name=place)
    if record and way.endswith("link"):
        name = linked(zoo, place, os.symlink if way == "symbolic link" else os.link)
        (zoo / name).rename(zoo / "another.sweep.json")
    else:
        name = WAYS[way](zoo, place).removesuffix(".sweep.json")
    bad = OTHER | {"net-output": "z/n"} | {"output" if record else key: name}
    pairs = {"list": place} if role == "list" else PAIR | {"net-output": "z/m"}
    for force in ((), ("-f",)):
        settings(zoo, bad, pairs, verb="regroup", name=config)
        error = refused(zoo, config, *force)
    assert error["kind"] == "OutputError"
    words([error["message"], error["hint"]], f"{role} {key}")


def test_nor_of_a_pair_of_a_list(zoo: Path) -> None:
    bad = [{**PAIR, "output": each} for each in ("pairs.jsonl", "./c.toml")]
    bad[1]["net"] = "z/net2"
    config = settings(zoo, listed(zoo, *bad))
    before = content(zoo)
    assert swept(zoo, config, "-f")[0] == 3
    assert rows_of(zoo) == [
        ("z/net", "failed", "pairs.jsonl"),
        ("z/net2", "failed", "./c.toml"),
    ]
    after = content(zoo)
    assert {each: after[each] for each in before} == before


# --- two pairs


@pytest.mark.parametrize(
    ("way", "how", "force"),
    campaign_but(
        [("linked folder", "settings", False), ("hard link", "list", True)],
        product(WAYS, ["settings", "list"], [False, True]),
        rows=True,
    ),
)
def test_two_pairs_have_two_outputs(
    way: str, how: str, force: bool, zoo: Path, words: Words
) -> None:
    forced = ("-f",) if force else ()
    if way == "hard link":
        assert swept(zoo, settings(zoo, PAIR))[0] == 0
    pairs = [PAIR, OTHER | {"output": WAYS[way](zoo, "z/out")}]
    config = settings(zoo, *(pairs if how == "settings" else [listed(zoo, *pairs)]))
    code, told = swept(zoo, config, *forced)
    assert (code, told["errors"]) == (3, {"OutputError": 1})
    assert rows_of(zoo) == [("z/net", "done", None), ("z/net2", "failed", pairs[1]["output"])]
    error = told["told"][0]["error"]
    words([error["message"], error["hint"]])
    ds.apply(zoo / "z/net", zoo / "z/in", zoo / "alone")
    assert (zoo / "z/out").read_bytes() == (zoo / "alone").read_bytes()
    assert json.loads((zoo / "z/out.sweep.json").read_bytes())["model"].endswith("z/in")
    before = content(zoo)
    assert swept(zoo, config)[0] == 3  # and another run changes nothing but rows
    assert {**content(zoo), "sweep.jsonl": b""} == {**before, "sweep.jsonl": b""}


@pytest.mark.parametrize("second", ["new/deep/out", "z/../new/deep/out", "later/deep/out"])
@pytest.mark.parametrize("first", ["new/deep/out", "later/deep/out"])
def test_also_in_a_folder_that_is_made_meanwhile(first: str, second: str, zoo: Path) -> None:
    (zoo / "later").symlink_to("new")
    pairs = [PAIR | {"output": first}, OTHER | {"output": f"./{second}"}]
    if first.startswith("later"):
        (zoo / "new").mkdir()
    assert swept(zoo, settings(zoo, listed(zoo, *pairs)), "-f")[0] == 3
    assert [outcome for _, outcome, _ in rows_of(zoo)] == ["done", "failed"]


def test_of_objects_too(zoo: Path) -> None:
    with chdir(zoo), PairFiles("c.toml", [], "rows") as files:
        files.take(Pair("n", "m", output="s3://zoo/x", net_output="gs://zoo/y"), "")
        for other in ("S3A://zoo/x", "gcs://zoo/y", "s3://zoo/x.sweep.json"):
            with pytest.raises(ds.OutputError) as caught:
                files.take(Pair("n2", "m", output=other), "")
            assert caught.value.path == other
        files.take(Pair("n2", "m", output="s3://zoo/z"), "")
        files.take(Pair("n3", "m", output="s3://zoo//x"), "")  # another key
        with pytest.raises(ds.OutputError):
            files.take(Pair("s3a://zoo/z", "m", output="s3://zoo/zz"), "")
        with pytest.raises(ds.OutputError):
            files.refuse(Pair("s3://zoo/q", "m", output="s3a://zoo/q"), "")


@pytest.mark.parametrize(
    ("key", "way", "first", "force"),
    campaign_but(
        [
            ("net", "symbolic link", "the reader", False),
            ("model", "./", "the writer", True),
            ("model", "./", "the writer", False),
        ],
        product(["net", "model"], WAYS, ["the reader", "the writer"], [False, True]),
        rows=True,
    ),
)
def test_no_pair_writes_what_another_reads(
    key: str, way: str, first: str, force: bool, zoo: Path, words: Words
) -> None:
    """Whoever writes is refused; who comes later, where nothing can be lost."""
    writer = {**PAIR, "output": WAYS[way](zoo, OTHER[key])}
    pairs = [OTHER, writer] if first == "the reader" else [writer, OTHER]
    before = content(zoo)
    code, told = swept(zoo, settings(zoo, listed(zoo, *pairs)), *(("-f",) if force else ()))
    assert code == 3
    after = content(zoo)
    assert {each: after[each] for each in before} == before
    failed = {net for net, outcome, _ in rows_of(zoo) if outcome == "failed"}
    if first == "the reader" or force:
        assert failed == {"z/net"}
        assert (zoo / "z/out2").exists()
    else:
        assert failed == {"z/net", "z/net2"}  # what is there is nobody's; and no order is kept
    for row in told["told"]:
        words([row["error"]["message"], row["error"]["hint"]])


def test_a_hard_link_of_an_input_is_that_input(zoo: Path) -> None:
    os.link(zoo / "z/in2", zoo / "another")
    before = content(zoo)
    pairs = listed(zoo, {**PAIR, "output": "another"}, OTHER)
    assert swept(zoo, settings(zoo, pairs), "-f")[0] == 3
    assert {each: content(zoo)[each] for each in before} == before
    assert (zoo / "z/in2").stat().st_nlink == 2


def test_an_output_that_is_not_there_yet_is_no_input(zoo: Path) -> None:
    """Whether it is written before it is read would be chance."""
    chain = [PAIR, {"net": "z/net2", "model": "linked/out", "output": "z/out2"}]
    code, told = swept(zoo, settings(zoo, *chain))
    assert (code, told["errors"]) == (3, {"OutputError": 1})
    assert rows_of(zoo) == [("z/net", "done", None), ("z/net2", "failed", "linked/out")]


def test_inputs_are_shared(zoo: Path) -> None:
    pairs = [{**PAIR, "output": f"o{each}"} for each in range(3)]
    assert swept(zoo, settings(zoo, *pairs, {**PAIR, "net": "linked/net"}))[0] == 0


# --- one pair


OWN = {
    "output and net": {"output": "linked/net"},
    "output and model": {"output": "./z/in"},
    "both outputs": {"net-output": "linked/out"},
    "net output and net": {"net-output": "z/net"},
    "net output and model": {"net-output": "z/in"},
    "record and net": {"net": "z/out.sweep.json"},
    "record and net output": {"net-output": "linked/out.sweep.json"},
}


@pytest.mark.parametrize("case", OWN)
def test_the_files_of_a_pair_are_different_ones(case: str, zoo: Path, words: Words) -> None:
    pair = PAIR | {"net-output": "z/net-out"} | OWN[case]
    (zoo / "z/out.sweep.json").write_bytes(demo_net())
    for force in ((), ("-f",)):
        error = refused(zoo, settings(zoo, pair, verb="regroup"), *force)
    assert error["kind"] == "OutputError"
    words([error["message"], error["hint"]], case)
    config = settings(zoo, listed(zoo, pair), verb="regroup")
    before = content(zoo)
    for force in ((), ("-f",)):
        assert swept(zoo, config, *force)[0] == 3
        assert content(zoo).keys() - before.keys() == {"sweep.jsonl"}
        assert before.items() <= content(zoo).items()


def test_two_urls_of_files_may_be_one(zoo: Path) -> None:
    os.link(zoo / "z/in", zoo / "another")
    for output in ("another", "linked/in", "linked/net"):
        pair = {key: f"file://{zoo}/{path}" for key, path in (PAIR | {"output": output}).items()}
        refused(zoo, settings(zoo, pair), "-f")


# --- streams


@pytest.fixture
def streams(zoo: Path) -> dict[str, str]:
    os.mkfifo(zoo / "fifo")
    (zoo / "to-stdout").symlink_to("/dev/stdout")
    return {
        "-": "-",
        "stdout": "/dev/stdout",
        "stdin": "/dev/stdin",
        "fd": "/dev/fd/1",
        "no fd": "/dev/fd/77",
        "proc": "/proc/self/fd/1",
        "link": f"{zoo}/to-stdout",
        "null": "/dev/null",
        "fifo": f"{zoo}/fifo",
    }


@pytest.mark.parametrize(
    ("key", "which"),
    campaign_of_pairs(
        ["net", "model", "output", "net-output"],
        ["-", "stdout", "stdin", "fd", "no fd", "proc", "link", "null", "fifo"],
    ),
)
@pytest.mark.parametrize("folder", ["", *campaign("conf")])
def test_a_pair_has_no_streams(
    folder: str, key: str, which: str, streams: dict[str, str], zoo: Path, words: Words
) -> None:
    (zoo / "conf").mkdir()
    base = f"{zoo}/z/"
    pair = {each: f"{base}{each}" for each in ("net", "output", "net-output")}
    pair |= {"model": f"{base}in", key: streams[which]}
    at = f"{folder}/" if folder else ""
    config = settings(zoo, pair, verb="regroup", name=f"{at}c.toml")
    error = refused(zoo, config, "-f")
    assert error["kind"] == "OutputError"
    words([error["message"], error["hint"]], key)
    list_ = listed(zoo, pair, name=f"{at}pairs.jsonl")
    listed(zoo, pair, name=f"{at}pairs.jsonl")
    settings(zoo, {"list": os.path.relpath(list_["list"], folder or ".")}, name=config)
    (zoo / config).write_text((zoo / config).read_text().replace("apply", "regroup"))
    before = content(zoo)
    code, told = swept(zoo, config)
    assert (code, told["errors"]) == (3, {"OutputError": 1})
    assert content(zoo).keys() - before.keys() == {f"{at}sweep.jsonl"}
    assert told["told"][0]["error"]["message"] == error["message"]


def test_a_record_is_no_stream(zoo: Path) -> None:
    os.mkfifo(zoo / "z/out.sweep.json")
    refused(zoo, settings(zoo, PAIR))


def test_a_file_may_be_called_so(zoo: Path) -> None:
    os.rename(zoo / "z/in", zoo / "-")
    code, _ = swept(zoo, settings(zoo, {**PAIR, "model": "./-", "output": "z/-"}))
    assert code == 0
    assert (zoo / "z/-").exists()


def test_a_list_that_is_read_once_has_no_force(zoo: Path, words: Words) -> None:
    os.mkfifo(zoo / "fifo")
    error = refused(zoo, settings(zoo, {"list": "fifo"}), "-f")
    assert error["file"] == "fifo"
    words([error["message"], error["hint"]])


@pytest.mark.parametrize("key", ["net", "output"])
def test_a_url_that_no_file_has_fails_its_pair_alone(key: str, zoo: Path) -> None:
    """Whether it is a stream cannot be said: whoever opens it says what is wrong."""
    other = OTHER | {key: "file://elsewhere/a"}
    config = settings(zoo, listed(zoo, other), PAIR)
    code, _ = swept(zoo, config)
    assert code == 3
    assert rows_of(zoo) == sorted([(other["net"], "failed", other[key]), ("z/net", "done", None)])
    assert (zoo / "z/out").exists()
    assert not (zoo / "z/out2").exists()
