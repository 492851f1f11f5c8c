"""Nets that are wrong, and some that only look so; and configuration files.

What an accepted net means is said of its layer ``up``: the fields of its ``convolution_param``.
"""

from __future__ import annotations

from typing import Any

from helpers.corpus.hostile_case import NET, Case

INPUT = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 5, 6] } } }\n'
)
FIELDS = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"
GOOD: dict[str, Any] = {
    "num_output": 3,
    "group": 3,
    "kernel_size": (4,),
    "stride": (2,),
    "pad": (1,),
    "bias_term": False,
}


def up(fields: str = FIELDS, more: str = "", name: str = "up") -> str:
    """The layer that matches."""
    return (
        f'layer {{ name: "{name}" type: "Deconvolution" bottom: "data" top: "{name}" {more}'
        f"convolution_param {{ {fields} }} }}\n"
    )


def _net(name: str, text: str | bytes, about: str, **means: Any) -> Case:
    """A whole net; with ``means`` it is accepted."""
    written = text if isinstance(text, bytes) else text.encode()
    return Case(f"{name}.prototxt", written, about, means or None)


def _fields(name: str, fields: str, about: str, **means: Any) -> Case:
    """A net whose layer ``up`` has these parameters."""
    return _net(name, INPUT + up(fields), about, **means)


def _good(name: str, text: str | bytes, about: str) -> Case:
    return _net(name, text, about, **GOOD)


def _swapped(old: str, new: str) -> str:
    """The good fields with one of them written otherwise."""
    assert old in FIELDS
    return FIELDS.replace(old, new)


def _value(name: str, old: str, new: str, about: str, **means: Any) -> Case:
    return _fields(name, _swapped(old, new), about, **({**GOOD, **means} if means else {}))


TEXT = INPUT + up()

NETS = (
    # --- syntax that is accepted
    _good("good", NET, "as it should be"),
    _good("crlf", TEXT.replace("\n", "\r\n"), "CRLF"),
    _good("cr", TEXT.replace("\n", "\r"), "CR alone, which Caffe takes for one line"),
    _good("bom", b"\xef\xbb\xbf" + TEXT.encode(), "a byte order mark"),
    _good("spaces", TEXT.replace(" ", "\t\v\f "), "tabs, vertical tabs, form feeds"),
    _good("latin-1", TEXT.encode() + b"# caf\xe9\n", "a comment in latin-1"),
    _good("comments", "#\n" + TEXT.replace(" {", ' # { [ "\n{'), "comments everywhere"),
    _good("angles", TEXT.replace("{", "<").replace("}", ">"), "<> for braces"),
    _good("separators", TEXT.replace("3 group", "3; group").replace("2 pad", "2, pad"), "; and ,"),
    _good("colons", TEXT.replace(" {", ": {"), "a colon before every brace"),
    _good("one-line", TEXT.replace("\n", " "), "all on one line"),
    _good("no-space", TEXT.replace(': "', ':"').replace('" type', '"type'), "no spaces"),
    _good("quotes", TEXT.replace('"', "'"), "single quotes"),
    _good("adjacent", TEXT.replace('"up"', '"u" \'p\' ""'), "adjacent strings"),
    _good("escapes", TEXT.replace('"up"', r'"\165\x70"'), "octal and hex escapes"),
    _good("unicode-escape", TEXT.replace('"up"', r'"\u0075\U00000070"'), "unicode escapes"),
    _good("bracketed", TEXT.replace("kernel_size: 4", "kernel_size: [4]"), "a list of one"),
    _value("hex", "kernel_size: 4", "kernel_size: 0x4", "hexadecimal", kernel_size=(4,)),
    _value("octal", "kernel_size: 4", "kernel_size: 04", "octal", kernel_size=(4,)),
    _value("flag-0", "bias_term: false", "bias_term: 0", "a flag as a number", bias_term=False),
    _value("flag-f", "bias_term: false", "bias_term: f", "a flag as a letter", bias_term=False),
    _good("float-suffix", TEXT.replace('top: "up" ', 'top: "up" loss_weight: 1.5F '), "1.5F"),
    _good("nan", TEXT.replace('top: "up" ', 'top: "up" loss_weight: [nan, -inf] '), "no number"),
    _good("enum-number", "state { phase: 1 }\n" + TEXT, "an enum by its number"),
    _good(
        "fork-layer",
        TEXT + 'layer { name: "p" type: "X" x_param { y: 1 z: "s" w { v: W } } }\n',
        "a parameter that a fork has",
    ),
    _good(
        "fork-field", 'fork_field: 5 other: "x" third { a: 1 }\n' + TEXT, "fields that a fork has"
    ),
    _good(
        "v1",
        TEXT.replace("layer {", "layers {")
        .replace('"Deconvolution"', "DECONVOLUTION")
        .replace(
            'layers { name: "data" type: "Input" top: "data" input_param',
            'input: "data" input_shape { dim: [1, 3, 5, 6] } x_param { a',
        ),
        "a V1 layer",
    ),
    _good(
        "legacy-input",
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 5 input_dim: 6\n' + up(),
        "input and input_dim",
    ),
    _good(
        "blobs",
        TEXT.replace(
            'top: "up" ', f'top: "up" blobs {{ shape {{ dim: [3, 1, 4, 4] }} {"data: 1 " * 48}}} '
        ),
        "blobs in a net",
    ),
    # --- syntax that is not
    _net("string-open", TEXT.replace('"up"', '"up', 1), "a string that does not end"),
    _net("string-newline", TEXT.replace('"up"', '"u\np"', 1), "a line end in a string"),
    _net("escape-bad", TEXT.replace('"up"', r'"\xZZ"', 1), "an escape that is none"),
    _net("escape-last", 'name: "\\', "an escape at the end"),
    _net("brace-open", TEXT[:-3], "a brace that does not end"),
    _net("brace-extra", TEXT + "}\n", "a brace too many"),
    _net("brace-crossed", TEXT.replace("} }\n", "> }\n"), "{ closed by >"),
    _net("slashes", "// no comment\n" + TEXT, "// for a comment"),
    _net("stars", "/* no comment */\n" + TEXT, "/* */ for a comment"),
    _net("double-separator", TEXT.replace("3 group", "3;; group"), ";;"),
    _net(
        "list-open", TEXT.replace("kernel_size: 4", "kernel_size: [4"), "a list that does not end"
    ),
    _net("list-comma", TEXT.replace("kernel_size: 4", "kernel_size: [4,]"), "a comma too many"),
    _net("no-value", TEXT.replace("kernel_size: 4", "kernel_size:"), "a field without value"),
    _net("no-colon", TEXT.replace("kernel_size: 4", "kernel_size 4"), "a value without colon"),
    _net("number-for-name", TEXT + "5: 6\n", "a number for a name"),
    _net("extension", "[ext.name]: 1\n" + TEXT, "an extension"),
    _net("twice", 'name: "a"\nname: "b"\n' + TEXT, "a singular field twice"),
    _net("param-twice", TEXT.replace("} }\n", "} convolution_param { } }\n"), "a message twice"),
    _net("nul", TEXT.replace("up", "u\0p"), "NUL in strings"),
    _net("nul-between", TEXT + "\0", "NUL between fields"),
    _net("control", TEXT + "\x01\n", "a control character"),
    _net("utf-16", TEXT.encode("utf-16"), "UTF-16"),
    _net("utf-16-no-mark", TEXT.encode("utf-16-le"), "UTF-16 without a mark"),
    _net("utf-32", TEXT.encode("utf-32"), "UTF-32"),
    _net("template", TEXT.replace("num_output: 3", "num_output: ${NUM}"), "a template"),
    _net("conflict", TEXT + "<<<<<<< HEAD\n", "a merge conflict"),
    _net("ansi", TEXT + "\x1b[31m: 5\n", "an escape between fields"),
    _net("smart-quotes", TEXT.replace('"up"', "“up”", 1), "typographic quotes"),
    _net("depth-101", "a { " * 101 + "} " * 101, "101 deep"),
    _good("depth-99", "a { " * 99 + "} " * 99 + TEXT, "99 deep"),
    # --- values that Caffe does not take
    _value("float-for-int", "kernel_size: 4", "kernel_size: 4.0", "4.0 for a whole number"),
    _value("negative", "pad: 1", "pad: -1", "a negative pad"),
    _value("over-32-bits", "num_output: 3", "num_output: 4294967296", "2^32"),
    _value("digits", "num_output: 3", "num_output: 1" + "0" * 3000, "3,001 digits"),
    _value("word", "num_output: 3", "num_output: three", "a word for a number"),
    _value("flag-upper", "bias_term: false", "bias_term: FALSE", "FALSE"),
    _value("octal-bad", "kernel_size: 4", "kernel_size: 09", "09, which is no octal number"),
    _net("enum-bad", "state { phase: PROD }\n" + TEXT, "a phase that is none"),
    _net(
        "scalar-for-message", TEXT.replace("input_param {", "input_param: 5 x {"), "5 for a message"
    ),
    _net("message-for-scalar", 'name { a: "b" }\n' + TEXT, "a message for a text"),
    _value("misspelt", "kernel_size: 4", "kernal_size: 4", "a misspelt parameter"),
    _value("case", "kernel_size: 4", "Kernel_Size: 4", "a parameter in capitals"),
    # --- parameters that Caffe or its filler does not take
    _fields("num-output-0", _swapped("num_output: 3", "num_output: 0"), "num_output: 0"),
    _fields("num-output-none", _swapped("num_output: 3", ""), "no num_output"),
    _fields("num-output-10-9", _swapped("num_output: 3", "num_output: 1000000000"), "10^9 outputs"),
    _fields("num-output-2-32", _swapped("num_output: 3", "num_output: 4294967295"), "2^32 - 1"),
    _fields("num-output-odd", _swapped("num_output: 3", "num_output: 5"), "5 outputs in 3 groups"),
    _fields("group-0", _swapped("group: 3", "group: 0"), "group: 0"),
    _fields("group-2", _swapped("group: 3", "group: 2"), "3 channels in 2 groups"),
    _fields("group-10-9", _swapped("group: 3", "group: 1000000000"), "10^9 groups"),
    _fields("stride-0", _swapped("stride: 2", "stride: 0"), "stride: 0"),
    _fields("stride-10-9", _swapped("stride: 2", "stride: 1000000000"), "a stride of 10^9"),
    _fields("stride-5", _swapped("stride: 2", "stride: 5"), "a stride beyond the kernel"),
    _fields("pad-10-9", _swapped("pad: 1", "pad: 1000000000"), "a pad of 10^9"),
    _fields("kernel-0", _swapped("kernel_size: 4", "kernel_size: 0"), "kernel_size: 0"),
    _fields("kernel-1", _swapped("kernel_size: 4", "kernel_size: 1"), "kernel_size: 1"),
    _fields("kernel-10-6", _swapped("kernel_size: 4", "kernel_size: 1000000"), "10^12 weights"),
    _fields("kernel-10-9", _swapped("kernel_size: 4", "kernel_size: 4294967295"), "2^64 weights"),
    _fields("kernel-none", _swapped("kernel_size: 4", ""), "no kernel_size"),
    _fields(
        "kernel-twice",
        _swapped("kernel_size: 4", "kernel_size: 4 kernel_size: 4"),
        "given twice",
        **{**GOOD, "kernel_size": (4, 4)},
    ),
    _fields(
        "kernel-3-times", _swapped("kernel_size: 4", "kernel_size: [4, 4, 4]"), "given 3 times"
    ),
    _fields(
        "kernel-and-h", _swapped("kernel_size: 4", "kernel_size: 4 kernel_h: 4"), "and kernel_h"
    ),
    _fields("kernel-h-alone", _swapped("kernel_size: 4", "kernel_h: 4"), "kernel_h alone"),
    _fields(
        "kernel-h-w",
        _swapped("kernel_size: 4", "kernel_h: 4 kernel_w: 4"),
        "kernel_h and kernel_w",
        **{**GOOD, "kernel_size": (), "kernel_h": 4, "kernel_w": 4},
    ),
    _fields("pad-and-h", _swapped("pad: 1", "pad: 1 pad_h: 0"), "pad and pad_h: 0"),
    _fields("dilation-10-9", FIELDS + " dilation: 1000000000", "a dilation of 10^9"),
    _fields("axis-9", FIELDS + " axis: 9", "axis: 9"),
    _fields("axis-minus-9", FIELDS + " axis: -9", "axis: -9"),
    _net(
        "dims-2-62",
        INPUT.replace("5, 6", "4611686018427387904, 4611686018427387904") + up(),
        "an input of 2^124 pixels",
    ),
    _net("dim-negative", INPUT.replace("3, 5", "-3, 5") + up(), "an input of -3 channels"),
    _net(
        "blobs-otherwise",
        TEXT.replace('top: "up" ', 'top: "up" blobs { data: 1 shape { dim: 1 } } '),
        "blobs in a net of another shape",
    ),
    _net("dim-0", INPUT.replace("3, 5", "0, 5") + up(), "an input without channels"),
    _net(
        "input-dims-3",
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 5\n' + up(),
        "three input_dim, where Caffe reads out of bounds",
    ),
    # --- how layers stand together
    _good(
        "two-phases",
        TEXT + up(more="include { phase: TRAIN } ").replace('"up"', '"up"'),
        "a name twice: once always, once in a phase",
    ),
    _net(
        "include-exclude",
        INPUT + up(more="include { phase: TRAIN } exclude { phase: TEST } "),
        "include and exclude",
    ),
    _net("v1-and-v2", TEXT + 'layers { name: "x" type: RELU }\n', "V1 and V2 layers"),
    _net("v0", "layers { layer { name: 'up' type: 'deconv' } }\n", "a V0 type that never was"),
    _net(
        "cycle",
        'layer { name: "a" type: "ReLU" bottom: "b" top: "a" }\n'
        'layer { name: "b" type: "ReLU" bottom: "a" top: "b" }\n'
        + up().replace('bottom: "data"', 'bottom: "a"'),
        "a cycle",
    ),
    _net("itself", up().replace('bottom: "data"', 'bottom: "up"'), "a layer that eats itself"),
    _net(
        "unknown-bottom", INPUT + up().replace('bottom: "data"', 'bottom: "dta"'), "no such bottom"
    ),
    _net("no-input", up(), "no input at all"),
    _good(
        "in-place",
        TEXT + 'layer { name: "r" type: "ReLU" bottom: "up" top: "up" }\n',
        "a top in its bottom's place",
    ),
    _net("no-bottom", INPUT + up().replace('bottom: "data" ', ""), "no bottom"),
    _net("no-top", INPUT + up().replace('top: "up" ', ""), "no top"),
    _net(
        "no-param",
        INPUT + 'layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" }\n',
        "no convolution_param",
    ),
    _net("no-type", INPUT + up().replace('type: "Deconvolution" ', ""), "no type"),
    _net(
        "shared",
        INPUT + up(more='param { name: "w" } ') + up(more='param { name: "w" } ', name="up2"),
        "two layers that share their weights",
        **GOOD,
    ),
    _net(
        "shared-otherwise",
        INPUT
        + up(more='param { name: "w" } ')
        + up(_swapped("kernel_size: 4", "kernel_size: 6"), 'param { name: "w" } ', "other"),
        "two layers that share weights of two shapes",
    ),
    _net(
        "train-data",
        'layer { name: "d" type: "Data" top: "data" data_param { source: "/dev/zero" '
        'batch_size: 1 } transform_param { mean_file: "/etc/passwd" crop_size: 6 } }\n' + up(),
        "a data layer that names files",
        **GOOD,
    ),
    _net(
        "python-layer",
        TEXT + 'layer { name: "p" type: "Python" python_param { module: "os" '
        "layer: \"system\" param_str: \"__import__('os').system('touch p')\" } }\n",
        "a Python layer",
        **GOOD,
    ),
    _net("no-match", TEXT.replace('"up"', '"dn"'), "no layer matches"),
    _net(
        "only-matches-others",
        INPUT + 'layer { name: "up" type: "ReLU" bottom: "data" top: "up" }\n',
        "only a layer of another type matches",
    ),
    # --- names
    _net("name-bold", TEXT.replace('"up"', '"[bold]up[/bold]"'), "rich's markup"),
    _net("name-closing", TEXT.replace('"up"', '"[/up]"'), "markup that closes nothing"),
    _net("name-ansi", TEXT.replace('"up"', r'"\x1b[31mup\x07"'), "escapes, escaped"),
    _net("name-raw-ansi", TEXT.replace('"up"', '"\x1b[31mup\x07"'), "escapes as they are"),
    _net("name-rtl", TEXT.replace('"up"', '"\u202eup"'), "right to left"),
    _net("name-latin-1", TEXT.replace('"up"', '"up\xe9"').encode("latin-1"), "no UTF-8"),
    _net("name-nul", TEXT.replace('"up"', r'"up\000x"'), "NUL, escaped"),
    _net("name-empty", TEXT.replace('"up"', '""'), "no name"),
    _net("name-surrogate", TEXT.replace('"up"', r'"up\ud800"'), "half a surrogate pair"),
    _net("name-escaped-bytes", TEXT.replace('"up"', r'"up\xff"'), "an escape that is no UTF-8"),
    # --- what is no net
    _net("empty", b"", "no bytes"),
    _net("solver", 'net: "net.prototxt"\nbase_lr: 0.1\nmax_iter: 5\n', "a solver"),
    _net("page", "<!DOCTYPE html>\n<html></html>\n", "a web page"),
    _net(
        "pointer",
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n",
        "a Git LFS pointer",
    ),
    _net("json", '{"layer": [{"name": "up"}]}\n', "JSON"),
    _net("yaml", "layer:\n  - name: up\n    type: Deconvolution\n", "YAML"),
    _net("sentence", "this is no net\n", "a sentence"),
)


def _settings(name: str, text: str | bytes, about: str, means: Any = None) -> Case:
    return Case(f"{name}.toml", text if isinstance(text, bytes) else text.encode(), about, means)


PAIR = '[[pairs]]\nnet = "net.prototxt"\nmodel = "model.caffemodel"\n'

SETTINGS = (
    _settings("good", PAIR, "as it should be", "net.prototxt"),
    _settings("crlf", PAIR.replace("\n", "\r\n"), "CRLF", "net.prototxt"),
    _settings("bom", b"\xef\xbb\xbf" + PAIR.encode(), "a byte order mark"),
    _settings("no-toml", "pairs = }\n", "no TOML"),
    _settings("latin-1", b"# caf\xe9\n" + PAIR.encode(), "no UTF-8"),
    _settings("utf-16", PAIR.encode("utf-16"), "UTF-16"),
    _settings("nul", PAIR + "\0", "NUL"),
    _settings("empty", "", "no bytes"),
    _settings("twice", PAIR + 'ignore = "DS001"\nignore = "DS002"\n', "a key twice"),
    _settings("misspelt", 'patern = "up"\n' + PAIR, "a misspelt key"),
    _settings("unknown", '"\\u001b[31m" = 1\n' + PAIR, "a key that acts on a terminal"),
    _settings("wrong-kind", "pattern = 5\n" + PAIR, "a number for a text"),
    _settings("wrong-long", "phase = '" + "x" * 3000 + "'\n" + PAIR, "a long text for a phase"),
    _settings("level-date", "level = 2026-01-01\n" + PAIR, "a date for a number"),
    _settings("level-huge", "level = 1" + "0" * 4500 + "\n" + PAIR, "4,501 digits"),
    _settings("level-float", "level = inf\n" + PAIR, "infinity"),
    _settings("flag-text", 'frozen = "true"\n' + PAIR, "a text for a flag"),
    _settings("deep", "ignore = " + "[" * 2000 + "]" * 2000 + "\n" + PAIR, "lists 2,000 deep"),
    _settings("regex-bad", 'pattern = "re:("\n' + PAIR, "a regex that cannot be"),
    _settings("rule-bad", 'ignore = "DS999"\n' + PAIR, "a rule that does not exist"),
    _settings("pairs-table", "[pairs]\nnet = 'net.prototxt'\n", "one table for the list"),
    _settings("pairs-number", "pairs = 5\n", "a number for the list"),
    _settings("pair-empty", "[[pairs]]\n", "a pair of nothing"),
    _settings("pair-number", "[[pairs]]\nnet = 5\n", "a number for a path"),
    _settings("pair-nul", '[[pairs]]\nnet = "net\\u0000.prototxt"\n', "NUL in a path"),
    _settings("pair-missing", '[[pairs]]\nnet = "nowhere.prototxt"\n', "a net that is not there"),
    _settings("pair-folder", '[[pairs]]\nnet = "."\n', "a folder"),
    _settings("pair-long", '[[pairs]]\nnet = "' + "x" * 5000 + '"\n', "a path too long"),
)
