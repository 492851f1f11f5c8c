"""Where several texts may be given: one is a list of one, never its letters; a path is none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.campaigns import campaign_of_pairs
from helpers.models import model_bytes
from helpers.nets import UP, conv, data_layer, up

NET = data_layer(1, 3, 5, 5) + conv("conv") + up("upscore") + up("up2")
STAGED = 'include { stage: "deploy" }'
WEIGHTS = np.full((3, 1, 4, 4), 0.5)


class Files(NamedTuple):
    """A pair, another net whose second layer is of a stage, and a place to write."""

    net: Path
    model: Path
    staged: Path
    old: Path
    out: Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(*(tmp_path / name for name in Files._fields))
    found.net.write_text(NET)
    full = UP.replace("group: 3 ", "")
    found.staged.write_text(data_layer(1, 3, 5, 5) + up("upscore") + up("up2", full, more=STAGED))
    found.model.write_bytes(
        model_bytes({"upscore": [WEIGHTS], "up2": [WEIGHTS]}, kind="Deconvolution")
    )
    found.old.write_bytes(model_bytes({"fc": [WEIGHTS]}, kind="Deconvolution"))
    return found


def matched(result: Any) -> list[str]:
    return [row.target.layer.name for row in result.plan.layers]


def names(rows: Any) -> list[str]:
    return [row.name for row in rows]


def types(result: ds.ConvertResult) -> list[str]:
    return [str(blob.storage) for each in result.conversion.layers for blob in each.blobs]


def ids(result: ds.CheckResult) -> set[str]:
    return {each.id for each in result.findings}


Call = Callable[[Files, Any], Any]
DRY: dict[str, Any] = {"dry_run": True}


def fixed(files: Files, *, staged: bool = False, **given: Any) -> ds.CheckResult:
    return ds.fix(files.staged if staged else files.net, files.model, **given, **DRY)


CALLS: dict[str, tuple[str, Call]] = {
    # By function and parameter: a text, and what comes of it.
    "match_layers patterns": (
        "xo up upscore",
        lambda f, given: names(ds.match_layers(ds.read_net(f.net), given).matched),
    ),
    "match_layers exclude": (
        "2",
        lambda f, given: names(ds.match_layers(ds.read_net(f.net), "up", given).matched),
    ),
    "apply patterns": (
        "upscore",
        lambda f, given: matched(ds.apply(f.net, f.model, patterns=given, any_gain=True, **DRY)),
    ),
    "apply exclude": (
        "up2",
        lambda f, given: matched(ds.apply(f.net, f.model, exclude=given, **DRY)),
    ),
    "apply stage": (
        "deploy",
        lambda f, given: matched(ds.apply(f.staged, f.model, stage=given, skip_unfit=True, **DRY)),
    ),
    "check patterns": (
        "upscore",
        lambda f, given: ds.check(f.net, f.model, patterns=given).matched,
    ),
    "check exclude": ("up2", lambda f, given: ds.check(f.net, f.model, exclude=given).matched),
    "check select": ("DS010", lambda f, given: ids(ds.check(f.net, f.model, select=given))),
    "check ignore": ("DS003", lambda f, given: ids(ds.check(f.net, f.model, ignore=given))),
    "check stage": ("deploy", lambda f, given: ds.check(f.staged, f.model, stage=given).matched),
    "check_pairs patterns": ("upscore", lambda f, given: one(f, patterns=given).matched),
    "check_pairs exclude": ("up2", lambda f, given: one(f, exclude=given).matched),
    "check_pairs select": ("DS010", lambda f, given: ids(one(f, select=given))),
    "check_pairs ignore": ("DS003", lambda f, given: ids(one(f, ignore=given))),
    "check_pairs stage": ("deploy", lambda f, given: one(f, staged=True, stage=given).matched),
    "fix patterns": ("upscore", lambda f, given: fixed(f, patterns=given).matched),
    "fix exclude": ("up2", lambda f, given: fixed(f, exclude=given).matched),
    "fix select": ("DS010", lambda f, given: ids(fixed(f, select=given))),
    "fix ignore": ("DS003", lambda f, given: ids(fixed(f, ignore=given))),
    "fix stage": ("deploy", lambda f, given: fixed(f, staged=True, stage=given).matched),
    "inspect patterns": (
        "upscore",
        lambda f, given: names(ds.inspect(f.net, f.model, patterns=given).layers),
    ),
    "inspect exclude": (
        "up2",
        lambda f, given: names(
            ds.inspect(f.net, f.model, patterns="up", exclude=given).layers,
        ),
    ),
    "inspect stage": (
        "deploy",
        lambda f, given: names(ds.inspect(f.staged, f.model, stage=given).layers),
    ),
    "diff patterns": (
        "upscore",
        lambda f, given: names(ds.diff(f.model, f.model, patterns=given).contrast.layers),
    ),
    "diff exclude": (
        "up2",
        lambda f, given: names(ds.diff(f.model, f.model, exclude=given).contrast.layers),
    ),
    "convert patterns": (
        "upscore",
        lambda f, given: types(ds.convert(f.model, values="float64", patterns=given, **DRY)),
    ),
    "convert exclude": (
        "up2",
        lambda f, given: types(ds.convert(f.model, values="float64", exclude=given, **DRY)),
    ),
    "patch_net patterns": (
        "upscore",
        lambda f, given: names(ds.patch_net(f.net, patterns=given, **DRY).layers),
    ),
    "patch_net exclude": (
        "up2",
        lambda f, given: names(ds.patch_net(f.net, exclude=given, **DRY).layers),
    ),
    "patch_net stage": (
        "deploy",
        lambda f, given: names(ds.patch_net(f.staged, stage=given, **DRY).layers),
    ),
    "patch_nets patterns": (
        "upscore",
        lambda f, given: [
            names(each.layers) for each in ds.patch_nets([f.net], patterns=given, **DRY)
        ],
    ),
    "patch_nets exclude": (
        "up2",
        lambda f, given: [
            names(each.layers) for each in ds.patch_nets([f.net], exclude=given, **DRY)
        ],
    ),
    "patch_nets stage": (
        "deploy",
        lambda f, given: [
            names(each.layers) for each in ds.patch_nets([f.staged], stage=given, **DRY)
        ],
    ),
    "regroup patterns": (
        "upscore",
        lambda f, given: len(ds.regroup(f.net, f.model, patterns=given, **DRY).regrouping.kept),
    ),
    "regroup exclude": (
        "up2",
        lambda f, given: len(ds.regroup(f.net, f.model, exclude=given, **DRY).regrouping.kept),
    ),
    "regroup stage": (
        "deploy",
        lambda f, given: len(
            ds.regroup(f.net, f.model, stage=given, **DRY).regrouping.kept,
        ),
    ),
    "transplant patterns": (
        "upscore",
        lambda f, given: matched(ds.transplant(f.net, f.model, apply=True, patterns=given, **DRY)),
    ),
    "transplant exclude": (
        "up2",
        lambda f, given: matched(ds.transplant(f.net, f.model, apply=True, exclude=given, **DRY)),
    ),
    "transplant stage": (
        "deploy",
        lambda f, given: names(
            each.layer for each in ds.transplant(f.net, f.model, stage=given, **DRY).grafting.layers
        ),
    ),
    "transplant expand_score": (
        "up2=fc",
        lambda f, given: [
            each.old
            for each in ds.transplant(f.net, f.old, expand_score=given, **DRY).grafting.layers
        ],
    ),
    "interp layers": ("up", lambda f, given: interpolated(given)),
    "NetState stage": ("deploy", lambda f, given: ds.NetState(stage=given)),
    "Net.states stage": ("deploy", lambda f, given: ds.read_net(f.staged).states(stage=given)),
}


def one(files: Files, *, staged: bool = False, **given: Any) -> ds.CheckResult:
    net = files.staged if staged else files.net
    (result,) = ds.check_pairs([(net, files.model)], **given)
    return result


def interpolated(layers: Any) -> float:
    data = np.zeros((1, 1, 4, 4))
    ds.interp(SimpleNamespace(params={"up": [SimpleNamespace(data=data)]}), layers)
    return float(data.sum())


def test_every_parameter_of_texts_is_here() -> None:
    found = {
        f"{name} {each.name}"
        for name in ds.__all__
        if inspect.isfunction(function := getattr(ds, name))
        for each in inspect.signature(function).parameters.values()
        if "Sequence[str]" in str(each.annotation) or "Iterable[str]" in str(each.annotation)
    }
    assert found == CALLS.keys() - {"NetState stage", "Net.states stage"}


@pytest.mark.parametrize("case", CALLS)
def test_a_text_is_a_list_of_one(case: str, files: Files) -> None:
    text, call = CALLS[case]
    (text, *more) = text.split()
    if case == "match_layers patterns":
        assert call(files, text) == []  # no name has "xo" in it, though one has an x or an o
        text = more[0]
    one = call(files, text)
    assert call(files, [text]) == call(files, (text,)) == one
    assert case.endswith(("select", "ignore")) or one


@pytest.mark.parametrize(
    ("case", "given"),
    campaign_of_pairs([*CALLS], [Path("up"), [Path("up")], b"up", None, 3, [None]], repr),
)
def test_what_is_no_text_is_a_type_error(case: str, given: Any, files: Files) -> None:
    if case in ("inspect patterns", "check select", "check_pairs select") and given is None:
        return  # all of them
    with pytest.raises(
        TypeError, match=rf"^{case.split()[1]} takes a str or several, not "
    ) as raised:
        CALLS[case][1](files, given)
    wrong = given[0] if isinstance(given, list) else given
    assert repr(wrong) in str(raised.value)
