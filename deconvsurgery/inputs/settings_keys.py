"""The keys of a settings file: what each may be, and what it is for.

They are defined here and nowhere else: ``settings`` reads by them, and ``docs/schemas/make.py``
makes of them the tables in the manual and the JSON Schema that editors check a file by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from deconvsurgery.options.apply import APPLY
from deconvsurgery.options.convert import CONVERT
from deconvsurgery.options.regroup import REGROUP
from deconvsurgery.prototxt.selection import name_test
from deconvsurgery.strict_values.kinds import (
    FLAG,
    Schema,
    ValueKind,
    WrongValueError,
    checked,
    list_of,
    one_of,
    path,
    said,
    table_schema,
    text,
    whole,
)
from deconvsurgery.strict_values.rule_ids import rules_among

from .byte_sizes import SIZE_PATTERN

if TYPE_CHECKING:
    from deconvsurgery.options.option import Option

SWEPT: Final[Mapping[str, Mapping[str, Option]]] = {
    "apply": APPLY,
    "check": {},
    "convert": CONVERT,
    "regroup": REGROUP,
}
"""The verbs of a sweep and their options; those that select layers stand above ``[sweep]``."""
_MOST_RETRIES: Final = 20
_LONGEST_TEXT: Final = 4096  # characters
_MOST_TEXTS: Final = 1_000_000


def _one_or_several(
    kind: ValueKind[str], words: str, *, least: int = 0
) -> ValueKind[tuple[str, ...]]:
    """A text of a kind, or a list of at least so many."""
    several = list_of(kind, _MOST_TEXTS)

    def taken(value: Any, place: str) -> tuple[str, ...]:
        if isinstance(value, str):
            return (kind.take(value, place),)
        if not isinstance(value, list) or len(value) < least:
            seen = "an empty list" if value == [] else said(value)
            raise WrongValueError(f"is {words}, not {seen}", place)
        return several.take(value, place)

    some = {"minItems": least} if least else {}
    return ValueKind(words, taken, {"anyOf": [kind.schema, several.schema | some]})


def _confirm_patterns(found: tuple[str, ...]) -> None:
    """Raise ``ArgumentError`` for one that is none."""
    for pattern in found:
        name_test(pattern)


def _names_of_rules(rules: Collection[str]) -> ValueKind[tuple[str, ...]]:
    begun = {rule[:end].lower() for rule in rules for end in range(1, len(rule) + 1)}
    one = f"\\s*({'|'.join(map(_in_any_case, sorted(begun, reverse=True)))})\\s*"
    named = text(_LONGEST_TEXT).described(
        anyOf=[{"enum": sorted(rules)}, {"pattern": f"^{one}(,{one})*$"}]
    )

    def confirm(found: tuple[str, ...]) -> None:
        rules_among(rules, found)

    return checked(_one_or_several(named, "a rule's id or a list of them"), confirm)


def _in_any_case(letters: str) -> str:
    """A pattern of JSON Schema, which has no flags.

    >>> _in_any_case("ds0")
    '[Dd][Ss]0'
    """
    return "".join(f"[{each.upper()}{each}]" if each.isalpha() else each for each in letters)


def _phase(value: Any, place: str) -> str:
    return _PHASES.take(value.lower() if isinstance(value, str) else value, place)


def _options(value: Any, place: str) -> tuple[tuple[str, Any], ...]:
    """What they may be is for their verb to say."""
    if not isinstance(value, dict):
        raise WrongValueError(f"is a table, not {said(value)}", place)
    return tuple(sorted(value.items()))


_TEXTS: Final = _one_or_several(text(_LONGEST_TEXT), "text or a list of texts")
_PATTERNS: Final = checked(
    _one_or_several(text(_LONGEST_TEXT).described(minLength=1), _TEXTS.words), _confirm_patterns
)
_PATHS: Final = _one_or_several(path(), "a path or a list of them", least=1)
_PHASES: Final = one_of("train", "test")
_ANY_CASE: Final = "^(" + "|".join(map(_in_any_case, ("train", "test"))) + ")$"
_PHASE: Final = ValueKind(
    "train or test", _phase, {"anyOf": [_PHASES.schema, {"type": "string", "pattern": _ANY_CASE}]}
)


def checking_keys(rules: Collection[str]) -> Mapping[str, ValueKind[Any]]:
    """What counts for every pair, or in one for that pair; ``rules`` are the ids of those known."""
    named = _names_of_rules(rules)
    return {
        "pattern": _PATTERNS.described(
            "`-p`: the layers to check (default: names that contain `up`)"
        ),
        "exclude": _PATTERNS.described("`-x`: layers to leave out"),
        "phase": _PHASE.described("`--phase`: only layers that are active in this phase"),
        # int32 in Caffe's NetState
        "level": whole(-(2**31), 2**31 - 1).described("`--level`: the level of the net's state"),
        "stage": _TEXTS.described("`--stage`: the stages of the net's state"),
        "select": named.described(
            "`--select`: only these rules; the beginning of an id means all ids that begin so"
        ),
        "ignore": named.described("`--ignore`: all rules but these"),
        "frozen": FLAG.described(
            "`--frozen`: the net will not be trained any more, so DS010 is an error"
        ),
        "allow-empty": FLAG.described("`--allow-empty`: a net without a matched layer is no error"),
        "baseline": path().described("`--baseline`: a file of known findings, which do not count"),
    }


PAIR_PATHS: Final[Mapping[str, ValueKind[tuple[str, ...]]]] = {
    "net": _PATHS.described("a pair's net; may be left out if there is a model"),
    "model": _PATHS.described("a pair's model; may be left out if there is a net"),
    "output": _PATHS.described("the model that a sweep writes"),
    "net-output": _PATHS.described("the net that a sweep writes with `regroup`"),
    "list": _PATHS.described("instead of the paths, a file with one pair on each line"),
}
PAIRS: Final = "the pairs that `check` checks if no file is named, and that `sweep` works on"
SWEEP_KEYS: Final[Mapping[str, ValueKind[Any]]] = {
    "verb": one_of(*SWEPT).described("what is done with each pair", default="check"),
    "options": ValueKind("a table", _options, {"type": "object"}).described(
        "options of the command, without the two dashes"
    ),
    "results": path().described("the file of the rows (default: `sweep.jsonl` beside this file)"),
    "retries": whole(0, _MOST_RETRIES).described(
        "tries after a temporary error: a store does not answer, or answers 500 or 503",
        default=3,
    ),
}


def settings_schema(rules: Collection[str]) -> Schema:
    """What JSON Schema says of a settings file.

    It takes some that the reader refuses: a pattern that is none, rules of which none is left,
    lists in a pair that are not of one length.
    """
    keys = checking_keys(rules)
    pair = table_schema({**PAIR_PATHS, **keys}) | {
        "anyOf": [{"required": [key]} for key in ("net", "model", "list")],
        "if": {"required": ["list"]},
        "then": {"propertyNames": {"not": {"enum": [key for key in PAIR_PATHS if key != "list"]}}},
    }
    sweep = table_schema(SWEEP_KEYS) | {"allOf": [_of_verb(verb) for verb in SWEPT]}
    whole_file = table_schema(keys)
    whole_file["properties"] |= {
        "pairs": {"description": PAIRS, "type": "array", "items": pair},
        "sweep": {"description": "what `sweep` does with the pairs", **sweep},
    }
    return whole_file


def _of_verb(verb: str) -> Schema:
    """The options that go with a verb; ``check`` is also what a sweep does that names none."""
    found: Schema = {"properties": {"verb": {"const": verb}}}
    if verb != "check":
        found["required"] = ["verb"]
    options = {name: _option(option) for name, option in SWEPT[verb].items()}
    closed = {"properties": options, "additionalProperties": False}
    return {"if": found, "then": {"properties": {"options": closed}}}


def _option(option: Option) -> Schema:
    words = {"description": option.help}
    if option.kind is bool:
        return words | FLAG.schema
    if option.choices:
        return words | one_of(*option.choices).schema
    number = {"minimum": 0, "exclusiveMaximum": 10**15}
    return words | {"type": ["number", "string"], **number, "pattern": SIZE_PATTERN}
