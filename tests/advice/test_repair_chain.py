"""What repairs a pair: steps merged and chained, tried, and nothing that loses values."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.rules import trials
from deconvsurgery.rules.merged_steps import joined, merged
from deconvsurgery.rules.repair_step import RepairStep
from helpers.models import model_bytes, noise
from helpers.nets import data_layer, up

KEPT = ("--no-group", "--filler", "keep")
PLAIN = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"
FROZEN = "param { lr_mult: 0 }"


def checked(place: Path, net: str, model: bytes | None = None, **asked: object) -> ds.CheckResult:
    (place / "net.prototxt").write_text(net, "utf-8")
    if model is not None:
        (place / "in.caffemodel").write_bytes(model)
    return ds.check(
        place / "net.prototxt",
        place / "in.caffemodel" if model is not None else None,
        **asked,  # type: ignore[arg-type]
    )


def the(result: ds.CheckResult, rule: str) -> ds.Repair:
    """What is said of the only finding of a rule."""
    (found,) = (finding.repair for finding in result.findings if finding.id == rule)
    assert found is not None
    return found


def lines(steps: tuple[RepairStep, ...]) -> list[str]:
    return [" ".join((step.verb, *step.options)) for step in steps]


def test_repairs_that_differ_in_the_layers_are_one() -> None:
    one = (
        RepairStep("patch-net", ("-p", "a", "--recipe", *KEPT)),
        RepairStep("apply", ("-p", "a")),
    )
    other = (
        RepairStep("patch-net", ("-p", "b", "--recipe", *KEPT)),
        RepairStep("apply", ("-p", "b")),
    )
    both = merged([one, other])
    assert lines(both) == [
        "patch-net -p a -p b --recipe --no-group --filler keep",
        "apply -p a -p b",
    ]


def test_a_layer_named_as_an_option_is_a_pattern() -> None:
    steps = (RepairStep("apply", ("-p", "-p")),)
    assert lines(merged([steps, (RepairStep("apply", ("-p", "up")),)])) == ["apply -p -p -p up"]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (("--no-bias", *KEPT), ("--freeze", *KEPT), "--no-bias --freeze --no-group --filler keep"),
        (("--no-bias", *KEPT), (), "--no-bias"),
        (("--recipe", *KEPT), ("--recipe",), "--recipe"),
    ],
    ids=["both keep the rest", "one does not", "the same"],
)
def test_changes_of_one_net_are_one(
    one: tuple[str, ...], other: tuple[str, ...], both: str
) -> None:
    steps = [RepairStep("patch-net", ("-p", "up", *options)) for options in (one, other)]
    assert lines(joined(steps)) == [f"patch-net -p up {both}"]


def test_changes_of_other_layers_stay_apart() -> None:
    steps = (RepairStep("patch-net", ("-p", "a")), RepairStep("patch-net", ("-p", "b")))
    assert joined(steps) == steps


def test_the_state_that_was_asked_for_is_in_every_command(tmp_path: Path) -> None:
    param = f'include {{ stage: "deploy" }} {FROZEN}'
    net = data_layer(1, 3, 8, 8) + up(param=PLAIN, more=param)
    result = checked(tmp_path, net, model_bytes({}), stage="deploy", phase="test", level=2)
    steps = the(result, "DS001").steps
    assert lines(steps) == ["apply -p up --phase test --level 2 --stage deploy"]
    assert result.repair is not None
    assert result.repair[:3] == (steps, (), ())


def test_the_rates_of_layers_that_share_change_together(tmp_path: Path) -> None:
    shared = 'param { name: "w" lr_mult: 1 }'
    net = data_layer(1, 3, 8, 8)
    net += up("up_a", PLAIN, more=shared) + up("up_b", PLAIN, more=shared)
    result = checked(tmp_path, net, select="DS010")
    both = ["patch-net -p up_a -p up_b --freeze --no-group --filler keep"]
    assert lines(result.findings[0].repair.steps) == both  # type: ignore[union-attr]
    assert result.repair is not None
    assert (lines(result.repair.steps), result.repair.leaves) == (both, ())


def test_notes_are_repaired_only_where_their_rule_is_named(tmp_path: Path) -> None:
    net = data_layer(1, 3, 8, 8)
    net += up(
        param="num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 "
        'weight_filler { type: "bilinear" }'
    )
    result = checked(tmp_path, net)
    assert result.repair is not None
    assert lines(result.repair.steps) == ["patch-net -p up --no-bias --no-group --filler keep"]
    assert result.repair.leaves == ("DS010",)
    named = checked(tmp_path, net, select="DS").repair
    assert named is not None
    assert lines(named.steps) == ["patch-net -p up --no-bias --freeze --no-group --filler keep"]
    assert named.leaves == ()


@pytest.mark.parametrize("move", [0.01, 0.05])
def test_what_training_has_moved_is_overwritten_by_no_command(tmp_path: Path, move: float) -> None:
    weights = ds.bilinear_kernel(4) * np.ones((3, 1, 1, 1)) * (1 + move)
    net = data_layer(1, 3, 8, 8) + up(param=PLAIN, more=FROZEN)
    result = checked(tmp_path, net, model_bytes({"up": [weights]}))
    repair = the(result, "DS003")
    assert (repair.steps, lines(repair.unsafe)) == ((), ["apply -p up"])
    assert result.repair is not None
    assert result.repair[:3] == ((), ("DS003",), repair.unsafe)


def test_a_blob_that_the_net_lacks_is_dropped_by_no_command(tmp_path: Path) -> None:
    """Neither a bias that the net does not have, nor a layer's weights, unless all are zero."""
    weights = ds.bilinear_kernel(4) * np.ones((3, 1, 1, 1))
    net = data_layer(1, 3, 8, 8) + up(param=PLAIN, more=FROZEN)
    for bias, verbs in ((1.0, []), (0.0, ["transplant"])):
        model = model_bytes({"up": [weights, np.full(3, bias)]})
        repair = the(checked(tmp_path, net, model), "DS011")
        assert [step.verb for step in repair.steps] == verbs
        assert repair.unsafe == ()
    result = checked(tmp_path, net, model_bytes({"up": [weights], "fc": [noise(2, 2)]}))
    assert the(result, "DS011") == the(result, "DS011")._replace(steps=(), unsafe=())
    assert result.repair is None


def test_a_net_that_is_no_file_has_no_command_that_changes_it(tmp_path: Path) -> None:
    text = data_layer(1, 3, 8, 8)
    text += up(param="num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1")
    result = ds.check(ds.parse_net(text.encode()), select="DS009")
    assert the(result, "DS009").steps == ()
    assert the(checked(tmp_path, text, select="DS009"), "DS009").steps != ()


@pytest.mark.parametrize("layers", [20, 40])
def test_many_layers_alike_take_as_many_trials_as_one(
    layers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step is carried out once on a pair, which is judged once, and held against what was."""
    done: Counter[str] = Counter()

    def counting(owner: object, name: str) -> None:
        function = getattr(owner, name)

        def called(*given: Any, **more: Any) -> Any:
            done[name] += 1
            return function(*given, **more)

        monkeypatch.setattr(owner, name, called)

    counting(trials, "audit")
    counting(trials, "tried")
    counting(Counter, "__sub__")
    monkeypatch.setattr(trials, "_MOST_LOOKED_AT", 0)  # as in a net of thousands
    each = PLAIN.replace("group: 3", 'weight_filler { type: "bilinear" }')
    names = [f"up{number:03}" for number in range(layers)]
    text = data_layer(1, 3, 5, 6) + "".join(up(name, each, more=FROZEN) for name in names)
    model = model_bytes({name: [np.zeros((3, 3, 4, 4), np.float32)] for name in names})
    result = checked(tmp_path, text, model)
    assert {found.id for found in result.findings} == {"DS002", "DS008"}
    assert result.repair is not None
    assert [step.verb for step in result.repair.steps] == ["apply", "regroup"]
    assert done["audit"] == done["tried"] == 2
    assert done["__sub__"] < 20
