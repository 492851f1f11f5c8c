"""Random nets of BVLC's types: a few layers one behind the other, with fields drawn at will.

The same seed gives the same nets, one by one, whichever are asked for. Most of what is drawn fits,
so that Caffe sets up about half of the nets; the rest stops it in every way that a net can.
"""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from .layer_fields import FILLER, KINDS, LOSSES, SHAPE, V1_NAMES, Field

_FILLERS: Final = (
    *('type: "constant" value: 1', 'type: "xavier"', 'type: "msra" variance_norm: AVERAGE'),
    *('type: "gaussian" std: 0.01', 'type: "gaussian" std: 0', 'type: "bilinear"'),
    *('type: "uniform" min: -1 max: 1', 'type: "uniform" min: 2 max: 1', "value: 2"),
    *('type: "positive_unitball"', 'type: "gaussian" sparse: 2', 'type: "xavier" sparse: 1'),
    *('type: "Xavier"', 'type: "bilnear"', 'type: "gaussian" std: 1 sparse: -2'),
)
_SOURCES: Final = ("Input", "Input", "Input", "Input", "DummyData", "MemoryData", "Parameter")
_FOLLOWERS: Final = tuple(sorted(KINDS.keys() - set(_SOURCES)))


class RandomNet(NamedTuple):
    """A net's text, and the state that it is to be set up in."""

    text: str
    phase: str = "test"
    stages: tuple[str, ...] = ()
    level: int | None = None


def random_net(seed: int, number: int) -> RandomNet:
    """The net of that number among those of a seed."""
    return _Writer(random.Random(f"net {seed} {number}")).net()


class _Writer:
    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.blobs: dict[str, tuple[int, ...] | None] = {}
        self.lines: list[str] = []
        self.v1 = dice.random() < 0.08
        # Of some nets everything fits that is easy to make fit, so that Caffe sets up long ones.
        self.careful = dice.random() < 0.75

    def chance(self, likely: float) -> bool:
        return self.dice.random() < likely

    def slip(self, likely: float) -> bool:
        """Something rare and wrong happens."""
        return self.chance(likely / 6 if self.careful else likely)

    def net(self) -> RandomNet:
        self.inputs()
        for _ in range(self.dice.choice((1, 1, 2, 2, 3, 4, 5, 7))):
            self.follower()
        if self.slip(0.01):
            self.dice.shuffle(self.lines)
        state = 'state { stage: "a" }\n' if self.chance(0.03) else ""
        return RandomNet(
            state + "".join(self.lines),
            self.dice.choice(("test", "train")),
            ("a",) if self.chance(0.1) else (),
            self.dice.choice((0, 1, 2)) if self.chance(0.1) else None,
        )

    # ── sources ──────────────────────────────────────────────────────────────────────────

    def inputs(self) -> None:
        for number in range(1 if self.careful else self.dice.choice((1, 1, 2, 3))):
            name = f"in{number}"
            if self.v1 or self.chance(0.1):
                self.legacy_input(name)
            elif self.careful:
                self.input_of(self.shape())
            else:
                self.layer(self.dice.choice(_SOURCES), name)

    def legacy_input(self, name: str) -> None:
        shape = self.shape()
        self.lines.insert(0, f'input: "{name}"\n')
        if self.chance(0.1):
            return
        if len(shape) == 4 and self.chance(0.5):
            if self.slip(0.05):
                shape = shape[:-1]
            self.lines.append(" ".join(f"input_dim: {dim}" for dim in shape) + "\n")
        else:
            self.lines.append(f"input_shape {{ {_dims(shape)} }}\n")
        self.blobs[name] = shape

    def input_of(self, shape: tuple[int, ...]) -> str:
        """An Input of that shape; its blob's name."""
        name = f"x{len(self.blobs)}"
        text = f'name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ '
        self.lines.append(f"layer {{ {text}{_dims(shape)} }} }} }}\n")
        self.blobs[name] = shape
        return name

    def shape(self) -> tuple[int, ...]:
        axes = self.dice.choice((0, 1, 2, 2, 3, 5, 6) if self.slip(0.35) else (4, 4, 4, 4, 2, 3))
        dims = [self.dice.choice((1, 2, 2, 3, 4, 5, 6, 7, 8, 12)) for _ in range(axes)]
        if dims and self.slip(0.03):
            dims[self.dice.randrange(axes)] = self.dice.choice((0, 0, -1, 100_000))
        return tuple(dims)

    # ── layers ───────────────────────────────────────────────────────────────────────────

    def follower(self) -> None:
        kind = self.dice.choice(tuple(V1_NAMES) if self.v1 else _FOLLOWERS)
        if kind in _SOURCES:
            kind = "Convolution"
        self.layer(kind, f"l{len(self.lines)}")

    def layer(self, kind: str, name: str) -> None:
        bottoms, tops = self.bottoms(kind), self.tops(kind, name)
        if bottoms and tops and self.chance(0.12):
            tops[0] = bottoms[0]
        words = [f'name: "{name if not self.slip(0.03) else "same"}"', self.type_word(kind)]
        words += [f'bottom: "{each}"' for each in bottoms]
        words += [f'top: "{each}"' for each in tops]
        words += self.general(kind, len(tops), len(bottoms))
        if KINDS[kind].param:
            words.insert(self.dice.randrange(len(words)), self.param(kind))
        self.lines.append(f"{'layers' if self.v1 else 'layer'} {{ {' '.join(words)} }}\n")
        for each in tops:
            self.blobs[each] = None

    def type_word(self, kind: str) -> str:
        if self.v1:
            return f"type: {V1_NAMES[kind]}"
        if self.slip(0.01):
            return self.dice.choice(("", f'type: "{kind.lower()}"', f'type: "{kind.upper()}"'))
        return f'type: "{kind}"'

    def tops(self, kind: str, name: str) -> list[str]:
        low, high = KINDS[kind].tops
        count = self.dice.randint(low, high)
        if self.slip(0.05):
            count += self.dice.choice((-1, 1))
        if kind in ("LSTM", "RNN") and self.chance(0.1):
            count += 1
        names = [f"{name}_{at}" if at else name for at in range(max(0, count))]
        if names and self.slip(0.03) and self.blobs:
            names[-1] = self.dice.choice(tuple(self.blobs))
        return names

    def bottoms(self, kind: str) -> list[str]:
        low, high = KINDS[kind].bottoms
        count = self.dice.randint(low, high)
        if self.slip(0.05):
            count = max(0, count + self.dice.choice((-1, 1)))
        if not count:
            return []
        names = self.fitting(kind, count) if self.chance(0.9 if self.careful else 0.5) else []
        known = tuple(self.blobs) or ("nowhere",)
        while len(names) < count:
            # What came last, mostly: layers are to stand behind one another.
            at = max(0, len(known) - 1 - int(self.dice.expovariate(1)))
            names.append(known[at])
        if self.slip(0.02):
            names[0] = self.dice.choice(("nowhere", names[0].upper(), names[0] + "s"))
        return names

    def fitting(self, kind: str, count: int) -> list[str]:
        """Blobs of shapes that fit each other, where a layer needs several."""
        if self.v1 or count < 2:
            return []
        n, c, h, w = (self.dice.choice((1, 2, 3, 4, 5)) for _ in range(4))
        image = self.dice.choice(((n, c, h, w), (n, c, h, w), (n, c)))
        labels = (n, *image[2:])
        together: dict[str, list[tuple[int, ...]]] = {
            "BatchReindex": [image, (c,)],
            "Bias": [image, image[1:2]],
            "ContrastiveLoss": [(n, c), (n, c), (n,)],
            "Crop": [(n, c, h + 2, w + 1), (1, 1, h, w)],
            "Filter": [image, *([image] if count > 2 else []), (n,)],
            "InfogainLoss": [image, labels, (1, 1, c, c)],
            "LSTM": [(n, c, h), (n, c), (c, w)],
            "LSTMUnit": [(1, n, c), (1, n, 4 * c), (1, n)],
            "RNN": [(n, c, h), (n, c), (c, w)],
            "Scale": [image, image[1:2]],
        }
        if kind in ("Accuracy", "HingeLoss", "SoftmaxWithLoss", "MultinomialLogisticLoss"):
            together[kind] = [image, labels]
        shapes = together.get(kind, [image] * count)[:count]
        if self.slip(0.2):
            shapes[-1] = tuple(dim + self.dice.choice((0, 0, 1)) for dim in shapes[-1])
            if self.chance(0.3):
                shapes[-1] = (*shapes[-1], self.dice.choice((1, 2)))
        return [self.input_of(each) for each in shapes]

    def general(self, kind: str, tops: int, bottoms: int) -> list[str]:
        """Fields that every layer may have."""
        words = []
        if self.chance(0.02):
            words.append(self.dice.choice(_RULES))
            if self.slip(0.1):
                words.append("exclude { phase: TEST }")
        if tops and self.chance(0.25 if kind in LOSSES else 0.01):
            count = tops + self.slip(0.1)
            words += [f"loss_weight: {self.dice.choice(('1', '0', '0.5'))}"] * count
        if not self.v1:
            words += self.param_specs(kind)
        if bottoms and self.chance(0.02):
            words += ["propagate_down: true"] * (bottoms + self.slip(0.3))
        if self.slip(0.02):
            words.append(self.dice.choice(_STRANGE))
        return words

    def param_specs(self, kind: str) -> list[str]:
        if not self.chance(0.2 if kind in ("Convolution", "InnerProduct", "Scale") else 0.03):
            return []
        words = []
        for at in range(self.dice.choice((1, 2, 2, 3) if self.slip(0.5) else (1,))):
            shared = f'name: "p{at}" ' if self.chance(0.5) else ""
            mode = self.dice.choice(("", "", "share_mode: PERMISSIVE ")) if shared else ""
            words.append(f"param {{ {shared}{mode}lr_mult: {self.dice.choice('012')} }}")
        return words

    # ── fields ───────────────────────────────────────────────────────────────────────────

    def param(self, kind: str) -> str:
        fields: list[str] = []
        for field in KINDS[kind].fields:
            careful = self.careful and self.chance(0.8)
            if self.chance(field.likely if not careful or field.likely > 0.7 else 0.1):
                fields += self.given(field, careful)
        if self.slip(0.01):
            fields.append(self.dice.choice(_WRONG_FIELDS))
        if fields and self.slip(0.02):
            at = self.dice.randrange(len(fields))
            fields[at] = self.misspelt(fields[at])
        return f"{KINDS[kind].param} {{ {' '.join(fields)} }}"

    def given(self, field: Field, careful: bool) -> list[str]:
        times = self.dice.randint(1, field.most) if self.chance(0.3) else 1
        if field.most == 1 and self.slip(0.01):
            times = 2
        return [f"{field.name}{self.value(field, careful)}" for _ in range(times)]

    def value(self, field: Field, careful: bool) -> str:
        if field.values == FILLER:
            few = _FILLERS[:3] if careful else _FILLERS
            return f" {{ {self.dice.choice(few)} }}"
        if field.values == SHAPE:
            return f" {{ {_dims(self.shape())} }}"
        if field.values == "{reshape}":
            options = ("0 -1", "-1", "0 0 -1", "0 -1 1 1", "2 -1", "-1 -1", "1 0", "6", "0 0 0 0 1")
            dims = self.dice.choice(options[:4] if careful else options)
            return f" {{ {_dims(tuple(map(int, dims.split())))} }}"
        values = field.values.split()
        # The first ones are those that fit nearly everywhere.
        return f": {self.dice.choice(values[: max(1, len(values) // 2)] if careful else values)}"

    def misspelt(self, field: str) -> str:
        at = self.dice.randrange(1, max(2, len(field.split(":")[0].split(" ")[0])))
        return self.dice.choice((field[:at] + field[at + 1 :], field[:at] + "e" + field[at:]))


_RULES: Final = (
    *("include { phase: TRAIN }", "include { phase: TEST }", "exclude { phase: TRAIN }"),
    *('include { stage: "a" }', 'include { not_stage: "a" }', "include { min_level: 1 }"),
    *('include { phase: TRAIN } include { stage: "a" }', "exclude { max_level: 0 }"),
)
_STRANGE: Final = (
    *("phase: TRAIN", "phase: TSET", "blobs { shape { dim: 1 } data: 1 }", "lr_mult: 1"),
    *('param { name: "p0" share_mode: STRICT }', 'param "p0"', "loss_weight: 1", "tpye: 3"),
    *("transform_param { scale: 0.5 }", "debug: 1", 'bottom: "in0"', 'name: "again"'),
)
_WRONG_FIELDS: Final = (
    *("kernel: 3", "kernal_size: 3", "num_outputs: 3", "Pool: MAX", "pool: max", "pool: MAXIMUM"),
    *("engine: caffe", "operation: ADD", "weight_filer { }", 'axis: "1"', "axis: 1.5", "bias: 1"),
)


def _dims(shape: tuple[int, ...]) -> str:
    return " ".join(f"dim: {dim}" for dim in shape)
