"""Layers drawn at random, and every repair that ``check`` gives for them carried out.

``cd tests; python -m helpers.repairs --count 1000 --seed 0`` prints what went wrong, and counts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

import deconvsurgery as ds
from deconvsurgery.matching.role import Role, role_of
from deconvsurgery.rules.repair_step import repair_arguments
from helpers.models import Array, model_bytes, parsed
from helpers.oracles import tent
from helpers.runs import run_here

if TYPE_CHECKING:
    from deconvsurgery.rules.repair_step import RepairStep

Keys: TypeAlias = "Counter[tuple[str, str | None]]"

CHANNELS: Final = (
    *((3, 3, 1), (3, 3, 3), (1, 1, 1), (4, 4, 2), (4, 4, 4)) * 3,
    *((4, 2, 1), (4, 2, 2), (6, 2, 2), (2, 1, 1), (5, 5, 5), (1, 3, 1)),
)
"""Channels of the bottom, ``num_output`` and ``group``."""
SIZES: Final = (
    *((4, 2, 1), (4, 2, 0), (16, 8, 4), (3, 2, 1), (6, 3, 1), (5, 3, 1)) * 2,
    *((2, 2, 0), (4, 4, 0), (5, 2, 1), (3, 1, 1), (8, 4, 3), (2, 1, 0), (7, 4, 1)),
)
"""``kernel_size``, ``stride``, ``pad``."""
FILLERS: Final = (
    *("", "", "bilinear", "bilinear"),
    *("gaussian", "msra", "constant0", "constant1", "xavier", "bilinar"),
)
WEIGHTS: Final = (
    *("no model", "no model", "missing", "missing", "no blobs", "zero", "zero", "bilinear"),
    *("caffe-1.0", "every-pair", "every-pair", "off-diagonal", "near", "noise", "constant"),
    *("ones", "not-finite", "wrong-shape", "wrong-shape-zero", "one-group", "all-groups"),
)
BIASES: Final = ("", "", "false", "false", "false", "true")
RATES: Final = ((), (), (0,), (0,), (1,), (0, 0), (2, 1))
NAMESAKES: Final = ("",) * 8 + ("phases", "phases-differ", "twice", "other type")
SHARED: Final = ("",) * 8 + ("alike", "matched", "other group")
STATES: Final = ("",) * 6 + ("TRAIN", "stage", "level")
FORMS: Final = ("V2",) * 4 + ("V1", "HDF5", "double", "raw-float32", "legacy")
AFTER: Final = ("",) * 3 + ("crop", "eltwise", "scale", "second")


@dataclass(frozen=True)
class Drawn:
    """A net's text, the bytes of its model if it has one, and what to ask of them."""

    net: str
    model: bytes | None
    asked: Mapping[str, Any]
    hdf5: bool
    words: str


def drawn(seed: int) -> Drawn:
    """The pair of a seed: always the same."""
    return _Draw(Random(seed)).pair()


class _Draw:
    """Fields drawn at will, one after the other."""

    def __init__(self, random: Random) -> None:
        self._random = random
        choose = random.choice
        self.channels, self.outputs, self.group = choose(CHANNELS)
        self.kernel, self.stride, self.pad = choose(SIZES)
        self.dilation = choose((1,) * 9 + (2,))
        self.oblong, self.volume = random.random() < 0.06, random.random() < 0.06
        self.filler, self.weights = choose(FILLERS), choose(WEIGHTS)
        self.bias, self.rates = choose(BIASES), choose(RATES)
        self.namesake, self.shared, self.state = choose(NAMESAKES), choose(SHARED), choose(STATES)
        self.form, self.after = choose(FORMS), choose(AFTER)
        self.lacks_bias = random.random() < 0.2
        self.v1_net = self.form == "V1" or random.random() < 0.1
        self.frozen, self.selected = random.random() < 0.1, random.random() < 0.15
        self.name = choose(("up", "up", "upscore", "up[1]", "score-up.2"))

    def pair(self) -> Drawn:
        asked: dict[str, Any] = {"patterns": "*"} if self._random.random() < 0.3 else {}
        if self.state == "TRAIN":
            asked["phase"] = "train"
        if self.state == "stage":
            asked["stage"] = ("deploy",)
        if self.state == "level":
            asked["level"] = 2
        if self.frozen:
            asked["frozen"] = True
        if self.selected:
            asked["select"] = ("DS",)
        words = ", ".join(f"{name}={value}" for name, value in vars(self).items() if name[0] != "_")
        hdf5 = self.form == "HDF5"
        model = None if self.weights == "no model" else self._model()
        return Drawn(self._net(), model, asked, hdf5, words)

    # ── the net ──

    def _net(self) -> str:
        axes = 3 if self.volume else 2
        dims = " ".join(f"dim: {size}" for size in (1, self.channels, *[6] * axes))
        layers = [self._up(self.name, "data", "a")]
        if self.namesake == "phases":
            layers = [self._up(self.name, "data", "a", rule="include { phase: TRAIN }")]
            layers += [self._up(self.name, "data", "a", rule="include { phase: TEST }")]
        elif self.namesake == "phases-differ":
            layers = [self._up(self.name, "data", "a", rule="include { phase: TRAIN }")]
            layers += [self._up(self.name, "data", "a", rule="exclude { phase: TRAIN }", plus=2)]
        elif self.namesake == "twice":
            layers.append(self._up(self.name, "data", "b"))
        elif self.namesake == "other type":
            layers.append(self._layer("ReLU", self.name, "a", "b", ""))
        if self.shared:
            layers = [self._up(self.name, "data", "a", param="w")]
            name = "upper" if self.shared == "matched" else "other"
            group = 1 if self.shared == "other group" else None
            layers.append(self._up(name, "data", "s", param="w", group=group))
        if self.after == "crop":
            layers.append(
                'layer { name: "crop" type: "Crop" bottom: "a" bottom: "data" top: "c" '
                f"crop_param {{ axis: 2 offset: {self._random.choice((0, 1, 2))} }} }}"
            )
        elif self.after == "eltwise":
            layers.append(self._layer("Eltwise", "sum", "a", "e", "", second="a"))
        elif self.after == "scale":
            layers.append(
                self._layer("Scale", "scaled", "a", "f", "scale_param { bias_term: true }")
            )
        elif self.after == "second":
            layers.append(self._up("up_next", "a", "n", channels=self.outputs))
        if self.v1_net:
            layers = [each for each in layers if "crop_param" not in each]
        return f'input: "data"\ninput_shape {{ {dims} }}\n' + "\n".join(layers) + "\n"

    def _layer(
        self, kind: str, name: str, bottom: str, top: str, more: str, *, second: str = ""
    ) -> str:
        bottoms = f'bottom: "{bottom}"' + (f' bottom: "{second}"' if second else "")
        if self.v1_net:
            kind = {"ReLU": "RELU", "Eltwise": "ELTWISE", "Scale": "RELU"}[kind]
            return f'layers {{ name: "{name}" type: {kind} {bottoms} top: "{top}" }}'
        return f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top}" {more} }}'

    def _up(
        self,
        name: str,
        bottom: str,
        top: str,
        *,
        rule: str = "",
        plus: int = 0,
        param: str = "",
        group: int | None = None,
        channels: int | None = None,
    ) -> str:
        outputs = self.outputs
        group = self.group if group is None else group
        if channels is not None:
            group = outputs if self.group == self.outputs else 1
        if self.state == "stage" and not rule:
            rule = 'include { stage: "deploy" }'
        if self.state == "level" and not rule:
            rule = "include { min_level: 1 }"
        kernel = f"kernel_size: {self.kernel + plus}"
        if self.oblong and not self.volume:
            kernel = f"kernel_h: {self.kernel + plus} kernel_w: {2 * self.kernel}"
        said = [
            f"num_output: {outputs} {kernel} stride: {self.stride} pad: {self.pad}",
            f"group: {group}" if group != 1 else "",
            f"dilation: {self.dilation}" if self.dilation != 1 else "",
            f"bias_term: {self.bias}" if self.bias else "",
            self._filler(),
        ]
        conv = "\n    ".join(each for each in said if each)
        if self.v1_net:
            rates = " ".join(f"blobs_lr: {rate}" for rate in self.rates)
            rates += f' param: "{param}"' if param else ""
            head, kind = "layers", "DECONVOLUTION"
        else:
            specs = [f"lr_mult: {rate}" for rate in self.rates]
            if param:
                specs[:1] = [f'name: "{param}" ' + (specs[0] if specs else "")]
            rates = " ".join(f"param {{ {spec} }}" for spec in specs)
            head, kind = "layer", '"Deconvolution"'
        lines = [f'name: "{name}"', f"type: {kind}", f'bottom: "{bottom}"', f'top: "{top}"']
        lines += [rule, rates, f"convolution_param {{\n    {conv}\n  }}"]
        return f"{head} {{\n  " + "\n  ".join(line for line in lines if line) + "\n}"

    def _filler(self) -> str:
        if not self.filler:
            return ""
        if self.filler.startswith("constant"):
            return f'weight_filler {{ type: "constant" value: {self.filler[-1]} }}'
        std = " std: 0.01" if self.filler == "gaussian" else ""
        return f'weight_filler {{ type: "{self.filler}"{std} }}'

    # ── the model ──

    def _shape(self) -> tuple[int, ...]:
        group = {"one-group": 1, "all-groups": self.outputs}.get(self.weights, self.group)
        kernel = [self.kernel] * (3 if self.volume else 2)
        if self.oblong and not self.volume:
            kernel[1] *= 2
        if self.weights.startswith("wrong-shape"):
            kernel = [size + 1 for size in kernel]
        return (self.channels, self.outputs // group, *kernel)

    def _array(self, shape: tuple[int, ...]) -> Array:
        kernel = tent(list(shape[2:]))
        diagonal = np.zeros(shape)
        for channel in range(shape[0]):
            diagonal[channel, channel % shape[1]] = kernel
        noise = np.random.default_rng(7).normal(size=shape)
        released = np.ones(shape[2:])
        for axis, size in enumerate(shape[2:]):
            factor = (size + 1) // 2
            line = 1 - abs(np.arange(size) / factor - (2 * factor - 1 - factor % 2) / (2 * factor))
            released = released * line.reshape(
                [-1 if at == axis else 1 for at in range(released.ndim)]
            )
        made = {
            "zero": np.zeros(shape),
            "wrong-shape-zero": np.zeros(shape),
            "every-pair": np.broadcast_to(kernel, shape),
            "caffe-1.0": np.broadcast_to(released, shape),
            "off-diagonal": diagonal + 0.01 * (diagonal == 0),
            "near": diagonal * 0.99,
            "noise": noise,
            "wrong-shape": noise,
            "constant": np.full(shape, 0.5),
            "ones": np.ones(shape),
        }
        if self.weights == "not-finite":
            diagonal.flat[0] = np.nan
        array: Array = made.get(self.weights, diagonal)
        return array

    def _model(self) -> bytes:
        other: dict[str, Sequence[Array]] = {"conv1": [np.ones((2, 2, 1, 1), np.float32)]}
        if self._random.random() < 0.7:
            other = {}
        names = [self.name]
        if self.shared:
            names.append("upper" if self.shared == "matched" else "other")
        if self.after == "second" and self._random.random() < 0.5:
            names.append("up_next")
        layers: dict[str, Sequence[Array]] = dict(other)
        for name in names if self.weights != "missing" else ():
            if self.weights == "no blobs":
                layers[name] = []
                continue
            shape = self._shape()
            if name == "up_next":
                group = self.outputs if self.group == self.outputs else 1
                shape = (self.outputs, self.outputs // group, *shape[2:])
            blobs = [self._array(shape)]
            if self.bias != "false" and not self.lacks_bias:
                blobs.append(np.zeros(self.outputs) + self._random.choice((0, 0.25)))
            layers[name] = blobs
        double = self.form == "double"
        data = model_bytes(
            layers,
            kind="" if self.form == "V1" else "Deconvolution",
            field="double_data" if double else "data",
            legacy=self.form == "legacy" and not self.volume,
            v1=self.form == "V1",
        )
        if self.form == "V1":
            message = parsed(data)
            for each in message.layers:
                each.type = 39
            data = bytes(message.SerializeToString())
        return data


# ── what check says, carried out ──


@dataclass
class Outcome:
    """What came of a pair's repairs; ``faults`` are sentences, each a promise that was broken."""

    faults: list[str] = field(default_factory=list)
    commands: int = 0
    blocks: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)


def written(case: Drawn, place: Path) -> tuple[str, str | None]:
    """The pair as files in a folder, by their names."""
    (place / "net.prototxt").write_text(case.net, "utf-8")
    if case.model is None:
        return "net.prototxt", None
    (place / "in.caffemodel").write_bytes(case.model)
    form = "raw-float32" if "form=raw-float32" in case.words else ""
    if form:
        ds.convert(place / "in.caffemodel", place / "raw.caffemodel", values=form)
        return "net.prototxt", "raw.caffemodel"
    if case.hdf5:
        ds.convert(place / "in.caffemodel", place / "in.caffemodel.h5", to="hdf5")
        return "net.prototxt", "in.caffemodel.h5"
    return "net.prototxt", "in.caffemodel"


def tried_out(net: str, model: str | None, asked: Mapping[str, Any], place: Path) -> Outcome:
    """Every command of every finding, and the block of the pair, in copies of the folder."""
    outcome = Outcome()
    with chdir(place):
        before = ds.check(net, model, **asked)
        learned = _learned(net, model, asked)
    outcome.findings = Counter(each.id for each in before.findings)
    done: dict[tuple[RepairStep, ...], tuple[Keys, Keys]] = {}
    for finding in before.findings:
        if finding.repair is not None and "\n" in finding.repair.words:
            outcome.faults.append(f"{finding.id} {finding.layer}: its words are several lines")
        if finding.repair is None or not finding.repair.steps:
            continue
        steps = finding.repair.steps
        said = f"{finding.id} {finding.layer}: {' && '.join(map(_said, steps))}"
        if steps not in done:
            found = _carried_out(steps, (net, model), asked, place, said, outcome)
            outcome.faults += _overwritten(steps, learned, said)
            if found is None:
                continue
            done[steps] = _keys(found), _failing(found)
        (after, failing), key = done[steps], (finding.id, finding.layer)
        outcome.repaired[finding.id] += 1
        if after[key] >= _keys(before.findings)[key]:
            outcome.faults.append(f"{said}: is found again")
        new = failing - _keys(before.findings)
        if new:
            outcome.faults.append(f"{said}: brings {sorted(map(str, new))}")
    outcome.faults += _block(before, (net, model), asked, place, learned, outcome)
    return outcome


def _block(
    before: ds.CheckResult,
    files: tuple[str, str | None],
    asked: Mapping[str, Any],
    place: Path,
    learned: Sequence[str],
    outcome: Outcome,
) -> Iterator[str]:
    """What is wrong with the chain of a pair."""
    could = any(each.repair and each.repair.steps for each in _counted(before.findings, asked))
    chain = before.repair.steps if before.repair else ()
    if could and not chain:
        yield "findings have commands, the pair has none"
    if not chain or before.repair is None:
        return
    said = f"the block {' && '.join(map(_said, chain))}"
    found = _carried_out(chain, files, asked, place, said, outcome)
    yield from _overwritten(chain, learned, said)
    if found is None:
        return
    outcome.blocks += 1
    new = _failing(found) - _keys(before.findings)
    if new:
        yield f"{said}: brings {sorted(map(str, new))}"
    left = [each for each in _counted(found, asked) if each.repair and each.repair.steps]
    for each in left:
        yield f"{said}: leaves {each.id} {each.layer}, which has a command"
    if tuple(sorted({each.id for each in found})) != before.repair.leaves:
        ids = sorted({each.id for each in found})
        yield f"{said}: leaves {ids}, said was {before.repair.leaves}"


def _counted(findings: Sequence[ds.Finding], asked: Mapping[str, Any]) -> list[ds.Finding]:
    """Those that a block is for: notes only where their rule was named."""
    return [each for each in findings if asked.get("select") or each.level is not ds.Severity.NOTE]


def _carried_out(
    steps: tuple[RepairStep, ...],
    files: tuple[str, str | None],
    asked: Mapping[str, Any],
    place: Path,
    said: str,
    outcome: Outcome,
) -> tuple[ds.Finding, ...] | None:
    """The findings after the commands; ``None`` with a fault where one failed."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for path in files:
            if path is not None:
                (here / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(place / path, here / path)
        net, model = files
        commands = repair_arguments(steps, net, model)
        if not commands:
            outcome.faults.append(f"{said}: needs a file more")
            return None
        for command in commands:
            outcome.commands += 1
            code, _, errors = run_here(here, *command)
            if code:
                words = errors.decode().strip().splitlines()[:3]
                outcome.faults.append(f"{said}: {command[0]} ends with {code}: {words}")
                return None
            if command[0] in ("patch-net", "regroup"):
                net = command[-1] if command[0] == "patch-net" else command[-2]
            if command[0] != "patch-net":
                model = command[-1]
        with chdir(here):
            return ds.check(net, model, **asked).findings


def _learned(net: str, model: str | None, asked: Mapping[str, Any]) -> list[str]:
    """Layers that are learned, by name."""
    state = {key: value for key, value in asked.items() if key in ("phase", "stage", "level")}
    try:
        rows = ds.inspect(net, model, patterns="*", **state).layers
    except ds.SelectionError:
        return []
    return [
        row.name
        for row in rows
        if row.target is not None and role_of(row.target, row.weights).role is Role.LEARNED
    ]


def _overwritten(steps: Sequence[RepairStep], learned: Sequence[str], said: str) -> Iterator[str]:
    """Learned layers to which a command gives new weights."""
    for step in steps:
        filled = step.verb == "apply" or "--apply" in step.options
        patterns = [
            step.options[at + 1] for at, option in enumerate(step.options) if option == "-p"
        ]
        for name in learned if filled else ():
            if any(_takes(pattern, name) for pattern in patterns):
                yield f"{said}: overwrites {name}, which is learned"


def _takes(pattern: str, name: str) -> bool:
    from deconvsurgery.prototxt.selection import name_test

    return name_test(pattern)(name)


def _keys(findings: Sequence[ds.Finding]) -> Keys:
    return Counter((each.id, each.layer) for each in findings)


def _failing(findings: Sequence[ds.Finding]) -> Keys:
    """Those that make a check fail: a note may come, of weights that are known only now."""
    return _keys([each for each in findings if each.level is not ds.Severity.NOTE])


def _said(step: RepairStep) -> str:
    return " ".join((step.verb, *step.options))


def tried_seed(seed: int) -> Outcome:
    """The pair of a seed, tried out; what cannot be read at all has no findings."""
    case = drawn(seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        try:
            files = written(case, place)
            return tried_out(*files, case.asked, place)
        except ds.SelectionError:
            return Outcome()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    total = Outcome()
    failed = 0
    for seed in range(given.seed, given.seed + given.count):
        outcome = tried_seed(seed)
        failed += bool(outcome.faults)
        for fault in outcome.faults:
            print(f"{seed}: {fault}")
        total.commands += outcome.commands
        total.blocks += outcome.blocks
        total.findings += outcome.findings
        total.repaired += outcome.repaired
    print(
        f"{given.count} layers, {total.commands} commands, {total.blocks} blocks; {failed} faulty"
    )
    for rule, count in sorted(total.findings.items()):
        print(f"{rule}: {count} found, {total.repaired[rule]} with a command")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
