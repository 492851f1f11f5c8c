"""What verbs take from Python: options in one value, a net or a model, many files, progress."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

import deconvsurgery as ds
from deconvsurgery.options.convert import NewForm, Values
from helpers.models import demo_base, demo_net, write_demo
from helpers.words import Words, names


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_demo(tmp_path)
    return tmp_path


# Each verb with its options, and one of them by itself, as it is not by default.
OPTIONS: dict[str, tuple[Callable[..., Any], Any, dict[str, Any]]] = {
    "apply": (
        lambda **more: ds.apply("net", "in", dry_run=True, **more).plan,
        ds.ApplyOptions(create=False, skip_unfit=True),
        {"create": False, "skip_unfit": True},
    ),
    "patch_net": (
        lambda **more: ds.patch_net("net", dry_run=True, **more).after,
        ds.PatchNetOptions(group=False, freeze=True),
        {"group": False, "freeze": True},
    ),
    "regroup": (
        lambda **more: ds.regroup("net", "filled", dry_run=True, **more).expand,
        ds.RegroupOptions(expand=False),
        {"expand": False},
    ),
    "transplant": (
        lambda **more: ds.transplant("net", "in", dry_run=True, **more).plan is None,
        ds.TransplantOptions(apply=True, any_gain=True),
        {"apply": True, "any_gain": True},
    ),
    "convert": (
        lambda **more: ds.convert("in", dry_run=True, **more).after,
        ds.ConvertOptions(to=NewForm.HDF5, values=Values.KEEP),
        {"to": "hdf5", "values": "keep"},
    ),
}


@pytest.mark.parametrize("verb", OPTIONS)
def test_options_in_one_value_are_those_given_one_by_one(verb: str, pair: Path) -> None:
    ds.apply("net", "in", "filled")
    call, options, given = OPTIONS[verb]
    assert repr(call(options=options)) == repr(call(**given))


@pytest.mark.parametrize("verb", ["apply", "patch_net", "transplant", "convert"])
def test_both_are_refused(verb: str, pair: Path, words: Words) -> None:
    call, options, given = OPTIONS[verb]
    with pytest.raises(ds.ArgumentError) as raised:
        call(options=options, **given)
    assert all(name in raised.value.message for name in given)
    with pytest.raises(TypeError) as wrong:
        call(options=given)
    assert type(options).__name__ in str(wrong.value)
    words(raised.value, verb)


def test_words_in_options_are_looked_at(pair: Path) -> None:
    plain = ds.ApplyOptions(fill="zero")  # type: ignore[arg-type]
    assert len(ds.apply("net", "in", dry_run=True, options=plain).layers) == 2
    with pytest.raises(ValueError, match="fill") as raised:
        ds.apply("net", "in", dry_run=True, options=plain._replace(fill="some"))  # type: ignore[arg-type]
    assert names(str(raised.value)) == ["some"]


LOOK: dict[str, Callable[..., Any]] = {"inspect": ds.inspect, "check": ds.check}


@pytest.mark.parametrize("verb", LOOK)
def test_net_and_model_are_told_apart_by_content(verb: str, pair: Path) -> None:
    look = LOOK[verb]
    both = look("net", "in", patterns="refine")
    assert (both.net, both.model) == ("net", "in")
    assert look("in", "net", patterns="refine") == both
    alone = look("in", patterns="refine", **({"allow_empty": True} if verb == "check" else {}))
    assert (alone.net, alone.model) == (None, "in")
    assert alone == look(None, "in", patterns="refine", **_empty(verb))
    with ds.open_model("in") as model:
        opened = look(model, patterns="refine", **_empty(verb))
        assert (opened.net, opened.model_version) == (None, alone.model_version)
        turned = look(model, "net", patterns="refine")
        assert (turned.net, turned.model_version) == ("net", both.model_version)
        with pytest.raises(ds.ArgumentError):
            look(model, model)
    with pytest.raises(ds.FormatError) as raised:
        look("in", "in")
    assert raised.value.path == "in"


def _empty(verb: str) -> dict[str, Any]:
    return {"allow_empty": True} if verb == "check" else {}


@pytest.mark.parametrize("verb", LOOK)
def test_what_is_neither_is_no_net(verb: str, pair: Path) -> None:
    (pair / "picture").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(ds.FormatError) as raised:
        LOOK[verb]("picture")
    assert raised.value.path == "picture"
    with pytest.raises(ds.FileError):
        LOOK[verb]("none")


def test_many_pairs_are_checked_each_by_itself(pair: Path) -> None:
    (pair / "solver").write_text('net: "net"\nbase_lr: 0.1\n')
    results = tuple(ds.check_pairs(["net", ("net", "in"), (None, "in"), "none", "solver"]))
    assert [(result.net, result.model) for result in results] == [
        *[("net", None), ("net", "in"), (None, "in"), ("none", None), ("solver", None)]
    ]
    assert results[:2] == (ds.check("net"), ds.check("net", "in"))
    assert [type(result.error).__name__ for result in results[3:]] == ["FileError", "NotANetError"]
    (passed_over,) = ds.check_pairs(["solver"], nets_only=True)
    assert passed_over.error is None
    assert passed_over.notes
    (few,) = ds.check_pairs([("net", "in")], select="DS011", phase="test")
    assert {finding.id for finding in few.findings} == {"DS011"}


@pytest.mark.parametrize("wrong", [{"select": "DS9"}, {"phase": "deploy"}, {"patterns": "re:("}])
def test_wrong_arguments_are_no_results(wrong: dict[str, Any], pair: Path) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        tuple(ds.check_pairs(["net"], **wrong))
    if "select" not in wrong:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            tuple(ds.patch_nets(["net"], **wrong))
    assert (pair / "net").read_bytes() == demo_net()


def test_many_nets_are_patched_in_their_places(pair: Path) -> None:
    shutil.copy("net", "again")
    (pair / "solver").write_text('net: "net"\nbase_lr: 0.1\n')
    nets = ["net", pair / "again", "none", "solver"]
    planned = tuple(ds.patch_nets(nets, options=ds.PatchNetOptions(freeze=True), dry_run=True))
    assert (pair / "net").read_bytes() == demo_net()
    results = tuple(ds.patch_nets(nets, options=ds.PatchNetOptions(freeze=True), nets_only=True))
    assert [result.written for result in results] == [True, True, False, False]
    assert [result.error is None for result in results] == [True, True, False, True]
    assert [result.after for result in planned[:2]] == [result.after for result in results[:2]]
    assert (pair / "net").read_bytes() == (pair / "again").read_bytes() == results[0].after
    assert b"lr_mult: 0" in results[0].after
    assert results[3].notes


class Bar:
    """As much of ``tqdm.tqdm`` as is asked for."""

    n = 0

    def update(self, more: int) -> None:
        self.n += more


def test_progress_fits_into_bars_of_others(pair: Path) -> None:
    """The lines that the docstring of `apply` has."""
    bar = Bar()
    result = ds.apply("net", "in", "out", progress=lambda done, total: bar.update(done - bar.n))
    assert bar.n == result.output_size
    with Progress(console=Console(file=io.StringIO())) as bars:
        task = bars.add_task("apply")
        ds.apply(
            *("net", "in", "out2"),
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
        assert (bars.tasks[0].completed, bars.tasks[0].total) == (bar.n, bar.n)


@pytest.mark.parametrize(
    "verb",
    [
        lambda progress: ds.apply("net", "in", "out", progress=progress),
        lambda progress: ds.convert("in", "out", progress=progress),
        lambda progress: ds.transplant("net", "in", "out", progress=progress),
        lambda progress: ds.regroup("net", "filled", "net2", "out", progress=progress),
        lambda progress: ds.revert("filled", "undo", "out", progress=progress),
    ],
    ids=["apply", "convert", "transplant", "regroup", "revert"],
)
def test_every_verb_that_writes_a_model_counts_its_bytes(
    verb: Callable[[Any], object], pair: Path
) -> None:
    ds.apply("net", "in", "filled", save_patch="undo")
    seen: list[tuple[int, int]] = []
    verb(lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == (pair / "out").stat().st_size


@pytest.mark.parametrize("given", ["net", b"net", Path("net"), 3])
@pytest.mark.parametrize("verb", [ds.check_pairs, ds.patch_nets])
def test_one_path_is_not_many(
    verb: Callable[[Any], object], given: object, pair: Path, words: Words
) -> None:
    """Nor are its letters; a net of that name would be patched in place. At once, not in a loop."""
    with pytest.raises(TypeError) as raised:
        verb(given)
    words(raised.value)
    assert (pair / "net").read_bytes() == demo_net()


def test_a_repair_has_its_commands(pair: Path) -> None:
    result = ds.check("net", "in")
    finding = result.findings[0]
    assert finding.repair is not None
    assert result.repair is not None
    (command,) = finding.repair.commands
    assert command[-6:] == ("apply", "-p", "upscore2", "net", "in", "in.fixed.caffemodel")
    assert result.repair.commands[-1][-3:] == ("net", "in", "in.fixed.caffemodel")
    assert ds.Repair("by hand").commands == ()
    with ds.open_model("in") as model:  # a file that has no name here
        assert ds.check(ds.read_net("net"), model).repair is not None
        assert ds.check(ds.read_net("net"), model).findings[0].repair.commands == ()  # type: ignore[union-attr]
    left = ds.fix(result.net, result.model)
    assert left.passed
    assert (pair / "in").read_bytes() != demo_base()


def test_interp_takes_whatever_has_as_much() -> None:
    blob = SimpleNamespace(data=np.zeros((2, 2, 4, 4), np.float32))
    net: Any = SimpleNamespace(params={"up": [blob]})
    ds.interp(net, "up")
    assert blob.data[0, 0].tolist() == ds.bilinear_kernel(4).astype(np.float32).tolist()
    with pytest.raises(ValueError, match="formula"):
        ds.interp(net, "up", formula="some")
