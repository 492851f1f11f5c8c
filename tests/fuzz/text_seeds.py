"""What campaigns over configuration files, lists of pairs and command lines begin with."""

from __future__ import annotations

from collections.abc import Iterator

CHOSEN = (
    "pattern = 'up*'",
    "exclude = ['re:^up[0-9]$', 'score']",
    'phase = "TRAIN"',
    "level = -2",
    "stage = ['a', \"b\\u0041\"]",
    "select = 'DS001,ds00'",
    "ignore = ['DS010']",
    "frozen = true",
    "allow-empty = false",
)
PAIRS = (
    "net = 'a'",
    "net = ['a', 'b']\nmodel = ['c', 'd']",
    "model = \"s3://zoo/{name}/in\"\noutput = 'out/{name}'",
    "net = 'zoo/**/*.prototxt'\nnet-output = '/tmp/{name}' # why",
    "list = 'pairs.jsonl'",
)
SWEEPS = (
    "[sweep]",
    "[sweep]\nverb = 'apply'\nretries = 0\n[sweep.options]\nfill = 'missing'\nskip-unfit = true",
    "[sweep]\nverb = 'convert'\nresults = 'r'\noptions = {max-unpacked = '2GiB', keep-dims = true}",
    "sweep = {verb = 'regroup', options.expand = true}",
)
WRONG = (
    "x = 1",
    "a.b.c = 0xff",
    "level = 2147483648",
    "level = inf",
    "phase = 1979-05-27",
    "pattern = 're:('",
    "pattern = [[]]",
    "stage = {a = 1}",
    "select = 'DS9'",
    "[[pairs]]",
    '[[pairs]]\nnet = "a\\u0000"',
    "[[pairs]]\nnet = ['a', 'b']\nmodel = ['c', 'd', 'e']",
    "pairs = [{net = 'a', list = 'b'}]",
    "[sweep]\nverb = 'diff'",
    "[sweep]\nretries = 21",
    "a = [",
    ".".join("a" * 17) + " = 1",
    "\ufefffrozen = true",
)


def configurations() -> Iterator[bytes]:
    """Settings of every kind, right and wrong, as one of the three files."""
    for key in CHOSEN:
        yield f"\0{key}\n".encode()
        yield f"\1[tool.deconvsurgery]\r\n{key}\r\n".encode()
        yield f"\2[[pairs]]\nnet = 'a'\n{key}".encode()
    for pair in PAIRS:
        yield f"\0[[pairs]]\n{pair}\n".encode()
    for sweep in SWEEPS:
        yield f"\2{sweep}\n".encode()
    for wrong in WRONG:
        yield f"\0{wrong}".encode()
    yield b"\1[tool.ruff]\nline-length = 100\n"
    yield b"\1tool.deconvsurgery = 3"
    yield b"\0pattern = '\xe9'"
    yield b""


LINES = (
    '{"net": "a.x"}',
    '{"net": "a.x", "model": "m", "output": "o", "net-output": "n"}',
    '{"model": "*.x"}',
    '{"net": "c/**/{name}.x", "model": "{name}.m", "output": "../{name}/{name}"}',
    '{"net": "**/?.x"}',
    '{"net": "[[]a].x"}',
    '{"net": "[!b].x"}',
    '{"net": "{name}.x"}',
    '{"net": "\\u00e9"}',
    '{"net": "\\udcff"}',
    '{"net": "s3://zoo/a"}',
    '{"net": "s3://zoo/*"}',
    '{"net": "https://a/b?c"}',
    '{"net": "file:///a"}',
    '{"net": "gone/*"}',
    '{"net": "a.x", "model": "*"}',
    "{}",
    '{"output": "a"}',
    '{"net": ""}',
    '{"net": 3}',
    '{"net": "a.x", "net": "b.x"}',
    '{"net": "a.x", "list": "pairs.jsonl"}',
    '{"net": "\\ud800"}',
    '{"net": "\\u0000"}',
    '{"net": NaN}',
    '{"net": 1e999}',
    '{"net": "a.x"',
    "[[[[[[[[[[",
    "nonsense",
    "",
)


def pair_lists() -> Iterator[bytes]:
    """Lists of one line and of several, as they come to be."""
    for number, line in enumerate(LINES):
        yield bytes([number]) + line.encode()
        yield bytes([number]) + f'{LINES[0]}\r\n\n{line}\n{{"net": "b.x"}}\n'.encode()
    yield b"\0\xef\xbb\xbf" + LINES[0].encode()
    yield b'\1{"net": "\xff"}'
    yield b"\1" + LINES[0].encode() + b" " * 220


COMMANDS = (
    "",
    "--help",
    "--version",
    "apply net in out.x",
    "apply -f net in net",
    "apply --in-place net in",
    "apply -n --json -p up* -x re:b net in",
    "apply net in out.x --save-patch p.x --report r.x",
    "apply --skip-unfit --fill missing --formula caffe net in -",
    "inspect net in",
    "inspect --json in",
    "inspect -v -a net --phase train --level 2 --stage s",
    "check",
    "check net in --format sarif",
    "check net in --also json=r.x --also sarif=s.x",
    "check --config zoo.toml --select DS001 --exit-zero",
    "check --explain DS004",
    "check --isolated",
    "diff in in",
    "diff --json in text",
    "convert in out.x --to binary --values keep",
    "convert in out.x --max-unpacked 1GiB",
    "convert -f in in",
    "revert in text",
    "regroup net in a.x b.x",
    "regroup --expand net in a.x b.x",
    "transplant net in out.x",
    "patch-net net out.x",
    "patch-net --freeze --group net net",
    "sweep zoo.toml",
    "sweep apply.toml -w 2 --json",
    "sweep -f --results r.x apply.toml",
    "kernel 4",
    "kernel 16 --stride 8 --json",
    "kernel 1000000000000000000000",
    "demo sub",
    "demo x",
    "nonsense",
)


def command_lines() -> Iterator[bytes]:
    """Each verb with its options."""
    for number, line in enumerate(COMMANDS):
        yield bytes([number]) + line.replace(" ", "\n").encode()
