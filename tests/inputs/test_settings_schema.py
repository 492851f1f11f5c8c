"""The schema that editors check a settings file by takes and refuses what the reader does."""

from __future__ import annotations

import tomllib
from itertools import product

import pytest
from jsonschema import Draft7Validator

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Checking, Sweep
from deconvsurgery.inputs.settings_keys import PAIR_PATHS, SWEEP_KEYS, SWEPT, checking_keys
from deconvsurgery.rules.finding import RULES
from deconvsurgery.sweeping.call_verb import checked_options
from helpers.settings import parse_settings

from .test_settings import SETTINGS, WRONG

SCHEMA = ds.json_schema("settings")

TEXTS = (["'a'", "['a', 'b']", "[]", "''"], ["1", "true", "[1]", "{}", "2026-11-29", "inf"])
PATTERNS = (["'a'", "['re:a', 'b*']", "[]"], ["''", "['']", "1", "true", "[1]", "{}"])
RULE_IDS = (
    ["'DS001'", "'ds01'", "' DS01 , DS020'", "['DS003', 'DS01']", "[]"],
    ["'DS9'", "''", "'DS0011'", "'DS001,'", "['DS001', 'E1']", "1"],
)
FLAGS = (["true", "false"], ["1", "'true'", "[true]"])
PATHS = (["'a'", "['a']"], ["''", "[]", "['']", "1", f"'{'a' * 40_000}'", "{}"])
# Of each key values that it may have, and others: of another type, out of range.
VALUES: dict[str, tuple[list[str], list[str]]] = {
    "pattern": PATTERNS,
    "exclude": PATTERNS,
    "stage": TEXTS,
    "phase": (["'train'", "'TEST'"], ["'deploy'", "1", "['train']"]),
    "level": (["0", "-2147483648", "2147483647"], ["2147483648", "-2147483649", "true", "0.5"]),
    "select": RULE_IDS,
    "ignore": RULE_IDS,
    "frozen": FLAGS,
    "allow-empty": FLAGS,
    "baseline": (["'a.json'"], ["''", "['a']", "1", f"'{'a' * 40_000}'"]),
}
SWEEP = {
    "verb": (["'apply'", "'check'", "'convert'", "'regroup'"], ["'diff'", "''", "['apply']"]),
    "options": (["{}"], ["'a'", "[]", "1", "{fill = 'all'}"]),  # check has none
    "results": (["'a.jsonl'"], ["''", "['a']", "1", f"'{'a' * 40_000}'"]),
    "retries": (["0", "20"], ["21", "-1", "true", "'3'", "0.5"]),
}
# Of each verb's options.
OPTIONS = {
    "formula": (["'fcn'", "'caffe-1.0'"], ["'x'", "1"]),
    "support": (["'stride'"], ["true"]),
    "create": ([], ["true"]),  # it is no-create
    "fill": (["'missing'", "'all'"], ["'some'", "['all']"]),
    "to": (["'hdf5'"], ["'h5'"]),
    "values": (["'keep'"], ["'float8'"]),
    "max-unpacked": (
        ["1", "1.5", "'1 GiB'", "'3k'", "'1.5 gb'", "' 7 '"],
        ["-1", "'1 iB'", "'-1'", "''", "'1 pB'", "true", "1000000000000000", "[]"],
    ),
}
FLAG_OPTIONS = ("no-create", "keep-off-diagonal", "zero-bias", "skip-unfit", "any-gain", "strict")
FLAG_OPTIONS += ("keep-layers", "keep-dims", "expand")
UNKNOWN = ["x = 1", "sweep.x = 1", "pairs = [{net = 'a', x = 1}]", "patern = 'a'"]
SHAPES = {
    "pairs = []": True,
    "pairs = {}": False,
    "pairs = [1]": False,
    "pairs = [{}]": False,
    "pairs = [{output = 'a'}]": False,
    "pairs = [{model = 'a'}]": True,
    "pairs = [{list = 'a'}]": True,
    "pairs = [{list = 'a', level = 1}]": True,
    "pairs = [{list = 'a', net = 'b'}]": False,
    "pairs = [{list = 'a', output = 'b'}]": False,
    "sweep = 1": False,
    "": True,
    SETTINGS: True,
}


def texts() -> dict[str, bool]:
    """Whole files, and whether each may be."""
    found = dict(SHAPES) | dict.fromkeys(UNKNOWN, False)
    for key, (right, wrong) in VALUES.items():
        for value in (*right, *wrong):
            found[f"{key} = {value}"] = value in right
            found[f"pairs = [{{net = 'a', {key} = {value}}}]"] = value in right
    for key, value in product(PAIR_PATHS, (*PATHS[0], *PATHS[1])):
        beside = "" if key in ("net", "list") else "net = 'a', "
        found[f"pairs = [{{{beside}{key} = {value}}}]"] = value in PATHS[0]
    for key, (right, wrong) in SWEEP.items():
        for value in (*right, *wrong):
            found[f"[sweep]\n{key} = {value}"] = value in right
    for verb, options in SWEPT.items():
        for key, (right, wrong) in {**OPTIONS, **dict.fromkeys(FLAG_OPTIONS, FLAGS)}.items():
            for value in (*right, *wrong):
                text = f"[sweep]\nverb = '{verb}'\n[sweep.options]\n{key} = {value}"
                found[text] = key in options and value in right
    return found


def test_there_are_examples_of_each_key() -> None:
    assert VALUES.keys() == checking_keys(RULES).keys()
    assert SWEEP.keys() == SWEEP_KEYS.keys()
    known = {name for options in SWEPT.values() for name in options}
    assert {*OPTIONS, *FLAG_OPTIONS} - {"create"} == known


def test_a_key_is_a_field() -> None:
    fields = [key.replace("-", "_") for key in checking_keys(RULES)]
    assert fields == list(Checking._fields)
    assert list(SWEEP_KEYS) == list(Sweep._fields)
    defaults = {key: kind.schema.get("default") for key, kind in SWEEP_KEYS.items()}
    assert {key: value for key, value in defaults.items() if value is not None} == {
        key: value for key, value in Sweep()._asdict().items() if value not in (None, ())
    }


def is_taken(text: str) -> bool:
    try:
        settings = parse_settings(text, "deconvsurgery.toml")
        assert settings is not None
        checked_options(settings.sweep.verb, dict(settings.sweep.options), settings.path)
    except ds.ConfigError:
        return False
    return True


def fits(text: str) -> bool:
    return Draft7Validator(SCHEMA).is_valid(tomllib.loads(text))


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_reader_and_schema_are_of_one_mind() -> None:
    expected = texts()
    assert {text for text in expected if is_taken(text) is not expected[text]} == set()
    assert {text for text in expected if fits(text) is not expected[text]} == set()


# jsonschema would print numbers of any length.
SHOWN = [case for case, (text, _, _) in WRONG.items() if case != "no TOML" and "0xffff" not in text]
# What JSON Schema cannot say.
ONLY_READ = {
    "no regular expression",
    "a NUL in a net",
    "a NUL in an output",
    "a NUL in results",
    *(case for case in WRONG if case.startswith("no rule that is left")),
}


@pytest.mark.parametrize("case", SHOWN)
def test_what_the_reader_refuses(case: str) -> None:
    assert fits(WRONG[case][0]) is (case in ONLY_READ)
