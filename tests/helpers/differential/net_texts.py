"""Random texts of nets: what the reader makes of them, and what protobuf's ``text_format`` does.

``cd tests; python -m helpers.differential.net_texts`` prints the texts of which they say different
things (``--show NUMBER`` prints one, and what both say of it); exit code 1 where there are any.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import Final

from deconvsurgery.caffe_fields.messages import ENUMS, MESSAGES
from deconvsurgery.caffe_fields.schema import enum_values, fields_of
from helpers.places import NETS
from helpers.text_format_reading import Reading, read_here, read_there

# Layers of these and of the ten small nets are what the texts are made of.
_SNIPPETS: Final = (
    'layer { name: "p" type: "Pooling" pooling_param { pool: AVE kernel_size: [2, 3] pad: 1 } }',
    'layer { name: "f" type: "Interp" interp_param { zoom: 8 f: 1.5 w: WORD m { d: [1] } } }',
    'layers { name: "c" type: CONVOLUTION blobs_lr: 1 blobs_lr: 2. blob_share_mode: STRICT }',
    'layers { layer { name: "c" type: "conv" num_output: 5 kernelsize: 3 pad: 1 pool: MAX } }',
    'state { phase: TRAIN level: 2 stage: "a" stage: \'b\' } name: "n" "m";',
    'input: "d" input_dim: [1, 3, 0x10, 020] input_shape { dim: 1 dim: -1 } force_backward: true',
    "layer { loss_weight: 1e-3f loss_weight: -inf propagate_down: [t, f] phase: TEST }",
    "layer { blobs { shape { dim: 2 } data: .5 double_data: 1e300 } param <lr_mult: 0>, }",
    'layer { type: "LRN" lrn_param: { norm_region: WITHIN_CHANNEL alpha: 5e-05 } include {} }',
    'layer { name: "\\x6e\\156\\u00e9" dummy_data_param { num: 4294967295 shape {} shape {} } }',
    "layer { hdf5_data_param { shuffle: 1 } memory_data_param: <width: 8> fork: \"x\" 'y' } # é",
)
_VALUES: Final = tuple(
    r"""
    0 1 -1 - +1 + 2.0 2e0 .5 5. 1f 1.5F 0x1F -0x1 010 09 00 0b11 0o17 1_000 1__0 1foo 0x 1e 1e5e
    2147483648 -2147483649 4294967295 4294967296 9223372036854775808 18446744073709551616
    1e39 -1e39 3.4028235e38 3.4028236e38 1e-46 1e309 0.1 16777217 inf -inf infinity Inff nan NaNf
    nanff true false True t f TRUE TRAIN TEST train MAX AVE max RELU LOCAL FOO
    "" 'x' "\x41" "\q" "\xZ" "\u12" "\777" "\xff" "\xc3\xa9" "é" "a\"b" "\ud800" '\
    "\N{BULLET}" "\N{DIGIT_ONE}" '\'' "\0" "\x4" "\\x4" "\U0001F600" "\U00110000"
    """.split()  # noqa: SIM905
)
_MARKS: Final = (*"{}<>[]:,;#é$\\/-+\"'", "[]", "{}", "<>", "[1, 2]", "\n")
_TOKEN: Final = re.compile(
    r"""\s+|\#[^\n]*|[A-Za-z_]\w*|[-+]?\.?[0-9][\w.]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|.""",
    re.DOTALL,
)
_MOST: Final = 6
"""Changes of one text."""


@cache
def _layers() -> Sequence[tuple[str, ...]]:
    """Tokens of layers and of single fields."""
    texts = list(_SNIPPETS)
    for path in sorted(NETS.glob("*.prototxt")):
        parts = re.split(r"^(?=layers? *\{)", path.read_text("utf-8"), flags=re.MULTILINE)
        texts += dict.fromkeys(part.strip() for part in parts if len(part) < 600)
    return [tuple(_TOKEN.findall(text)) for text in texts]


@cache
def _names() -> Sequence[str]:
    """Names of all fields, and of what is no field."""
    fields = {name for message in MESSAGES for name in fields_of(message)}
    return (*sorted(fields), "fork_field", "Layer", "x")


@cache
def _words() -> Sequence[str]:
    return sorted({name for enum in ENUMS for name in enum_values(enum)})


def random_text(seed: int, number: int) -> str:
    """The text of that number: some layers, with nothing or a few things changed."""
    dice = random.Random(f"{seed}/{number}")
    tokens = [token for _ in range(dice.randint(1, 3)) for token in (*_of(dice), "\n")]
    for _ in range(dice.choice((0, 1, 1, 1, 1, 1, 2, 2, 3, _MOST))):
        _change(dice, tokens)
    text = "".join(tokens)
    for _ in range(dice.choice((0, 0, 0, 0, 0, 0, 1, 2))):
        at = dice.randrange(len(text) + 1)
        new = dice.choice(("", *" \t\n\r#\"'\\{}<>[]:,;.+-0189efxXuU_aé"))
        text = text[:at] + new + text[at + dice.randrange(2) :]
    return text


def _of(dice: random.Random) -> Sequence[str]:
    """A layer, or a field put into a message of any kind."""
    if dice.random() < 0.5:
        return dice.choice(_layers())
    message = dice.choice(tuple(MESSAGES))
    name = dice.choice(tuple(fields_of(message)))
    known = fields_of(message)[name]
    values: Sequence[str] = tuple(enum_values(known.kind)) if known.is_enum else _VALUES
    if known.is_message:
        inner = [name, " ", "{", " ", dice.choice(_names()), ":", dice.choice(_VALUES), " ", "}"]
    else:
        inner = [name, ":", " ", dice.choice(values)]
    holders = [
        (outer, field)
        for outer in ("LayerParameter", "V1LayerParameter")
        for field, held in fields_of(outer).items()
        if held.kind == message
    ]
    if not holders:
        return inner
    outer, field = dice.choice(holders)
    layer = "layer" if outer == "LayerParameter" else "layers"
    return [layer, " ", "{", " ", field, " ", "{", " ", *inner, " ", "}", " ", "}"]


def _change(dice: random.Random, tokens: list[str]) -> None:
    """A name or a value becomes another; or tokens are taken out, put in, doubled, exchanged."""
    words = [n for n, token in enumerate(tokens) if token[0].isalnum() or token[0] in "\"'-+._"]
    way = dice.randrange(12)
    if way < 8 and words:
        at = dice.choice(words)
        is_name = "".join(tokens[at + 1 : at + 3]).lstrip()[:1] in (":", "{", "<", "[")
        new = _names() if is_name else dice.choice((_VALUES, _VALUES, _words()))
        tokens[at] = dice.choice(new)
        return
    at = dice.randrange(len(tokens))
    if way == 8:
        del tokens[at : at + dice.randint(1, 3)]
        tokens.append(" ")
    elif way == 9:
        tokens.insert(at, dice.choice(_MARKS))
    elif way == 10:
        tokens[at:at] = tokens[at : at + dice.randint(1, 12)]
    else:
        other = dice.randrange(len(tokens))
        tokens[at], tokens[other] = tokens[other], tokens[at]


# --- what both say


def difference(text: str) -> str | None:
    """What the two say of a text where that is not the same."""
    here, there = read_here(text), read_there(text)
    return None if here == there else f"here  {_short(here)}\nthere {_short(there)}"


def _short(reading: Reading) -> str:
    return str(reading)[:400]


def differing(seed: int, numbers: Iterable[int]) -> list[int]:
    """The texts, by number, of which the two say different things."""
    return [number for number in numbers if difference(random_text(seed, number))]


def in_parallel(seed: int, count: int, jobs: int, piece: int = 1000) -> Iterator[int]:
    """Those among texts 0 to ``count``, by so many processes."""
    parts = [range(start, min(start + piece, count)) for start in range(0, count, piece)]
    with ProcessPoolExecutor(jobs) as pool:
        for found in pool.map(partial(differing, seed), parts):
            yield from found


def main() -> int:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--show", type=int, help="print the text of this number, and the readings")
    given = options.parse_args()
    if given.show is not None:
        text = random_text(given.seed, given.show)
        print(f"{text}\n{_short(read_here(text))}\n{_short(read_there(text))}")
        return 0
    found = 0
    for number in in_parallel(given.seed, given.count, given.jobs):
        found += 1
        print(f"--- {number}\n{difference(random_text(given.seed, number))}", flush=True)
    print(f"{given.count} texts, {found} of which differ")
    return found > 0


if __name__ == "__main__":
    sys.exit(main())
