"""What a sweep does with one pair: the verb's arguments, the call, what came of it in short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from deconvsurgery.errors import ConfigError
from deconvsurgery.inputs.byte_sizes import byte_size
from deconvsurgery.inputs.settings_keys import SWEPT
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.nearest import nearest
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.strict_values.kinds import FLAG, WrongValueError, below, one_of, said
from deconvsurgery.verbs.apply import apply
from deconvsurgery.verbs.check import check
from deconvsurgery.verbs.convert import convert
from deconvsurgery.verbs.regroup import regroup
from deconvsurgery.wording import short

from .result_rows import RowOutcome

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair
    from deconvsurgery.options.option import Option

Answer = tuple[RowOutcome, dict[str, Any], tuple[str, ...]]


def checked_options(verb: str, options: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A verb's options as a configuration file, ``path``, says them, as arguments of the verb.

    >>> checked_options("convert", {"keep-dims": True, "values": "keep"}, "zoo.toml")
    {'true_shapes': False, 'values': 'keep'}

    Raises ``ConfigError`` for one that the verb does not have, and for a value that it cannot be.
    """
    known = SWEPT[verb]
    arguments: dict[str, Any] = {}
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            near = nearest(short(name), known)
            hint = f"it has {', '.join(known)}" if known else "what it has stands above [sweep]"
            raise ConfigError(
                f"{below('sweep.options', name)}: {verb} has no such option in a sweep",
                path=path,
                hint=f"did you mean {near!r}?" if near else hint,
            )
        try:
            arguments[option.field] = _taken(option, value, f"sweep.options.{name}")
        except WrongValueError as error:
            raise ConfigError(str(error), path=path) from None
    return arguments


def _taken(option: Option, value: object, place: str) -> bool | int | str:
    """What the field of an option is to be."""
    if option.kind is bool:
        return FLAG.take(value, place) is not option.negated
    if option.choices:
        return one_of(*option.choices).take(value, place)
    try:
        return byte_size(value if isinstance(value, str) else said(value))
    except ValueError as error:
        raise WrongValueError(str(error), f"{place}:") from None


def writes(verb: str) -> bool:
    """The verb has an output."""
    return "output" in _VERBS[verb].needed


def lacking(verb: str, pair: Pair) -> str | None:
    """What the pair does not name that the verb needs, in words; ``None``: nothing."""
    names = {each: getattr(pair, each) for each in _VERBS[verb].needed}
    if not names and pair.output is not None:
        return f"{verb} writes nothing, and an output is named"
    missing = [each.replace("_", "-") for each, path in names.items() if path is None]
    if not missing:
        return None
    return f"{verb} needs {' and '.join(missing)}, which the pair does not name"


def arguments_of(verb: str, pair: Pair, options: Mapping[str, Any]) -> dict[str, Any]:
    """All that the verb is called with beside paths, as JSON could say it."""
    checking = pair.checking
    if verb == "convert":  # without a pattern it takes every layer
        return {"patterns": checking.pattern or (), "exclude": checking.exclude or (), **options}
    chosen = {
        "patterns": checking.pattern or DEFAULT_PATTERNS,
        "exclude": checking.exclude or (),
        "phase": checking.phase,
        "level": checking.level,
        "stage": checking.stage or (),
        **options,
    }
    if verb != "regroup":
        chosen["allow_empty"] = bool(checking.allow_empty)
    if verb == "check":
        chosen["select"], chosen["ignore"] = checking.select or (), checking.ignore or ()
        chosen["frozen"] = bool(checking.frozen)
        if checking.baseline is not None:
            chosen["baseline"] = checking.baseline
    return chosen


def performed(verb: str, pair: Pair, arguments: Mapping[str, Any], *, force: bool) -> Answer:
    """Call the verb; raises as it does."""
    return _VERBS[verb].call(pair, arguments, force)


def _applied(pair: Pair, arguments: Mapping[str, Any], force: bool) -> Answer:
    assert pair.net is not None
    assert pair.model is not None
    result = apply(pair.net, pair.model, pair.output, force=force, **arguments)
    layers = [{"name": row.target.layer.name, "action": row.action} for row in result.plan.layers]
    summary = {
        "changed": result.changed,
        "layers": layers,
        "bytes": {"output": result.output_size, "rewritten": result.rewritten},
    }
    return RowOutcome.DONE, summary, result.warnings


def _checked(pair: Pair, arguments: Mapping[str, Any], _force: bool) -> Answer:
    result = check(pair.net, pair.model, **arguments)
    findings = [
        {"rule": found.id, "level": found.level, "layer": found.layer, "line": found.line}
        for found in result.findings
    ]
    summary = {"matched": result.matched, "findings": findings}
    return RowOutcome.DONE if result.passed else RowOutcome.FOUND, summary, result.notes


def _converted(pair: Pair, arguments: Mapping[str, Any], force: bool) -> Answer:
    assert pair.model is not None
    result = convert(pair.model, pair.output, net=pair.net, force=force, **arguments)
    summary = {
        "changed": result.changed,
        "before": result.before,
        "after": result.after,
        "beyond": [
            {"layer": layer.source.name, "blob": position, "value": blob.beyond}
            for layer in result.conversion.layers
            for position, blob in enumerate(layer.blobs)
            if blob.beyond is not None
        ],
        "bytes": {"output": result.output_size},
    }
    return RowOutcome.DONE, summary, result.warnings


def _regrouped(pair: Pair, arguments: Mapping[str, Any], force: bool) -> Answer:
    assert pair.net is not None
    assert pair.model is not None
    result = regroup(pair.net, pair.model, pair.net_output, pair.output, force=force, **arguments)
    plan = result.regrouping
    layers = [
        {"name": place.layer.name, "action": action}
        for action, several in (("regrouped", plan.changes), ("unchanged", plan.kept))
        for change in several
        for place in change.places
    ]
    summary = {
        "changed": result.changed,
        "layers": layers,
        "bytes": {"output": result.output_size},
    }
    return RowOutcome.DONE, summary, result.warnings


class _Verb(NamedTuple):
    """What a sweep knows of a verb: how it is called, the paths that it needs."""

    call: Callable[[Pair, Mapping[str, Any], bool], Answer]
    needed: tuple[str, ...] = ()


_VERBS: Final[Mapping[str, _Verb]] = {
    "apply": _Verb(_applied, ("net", "model", "output")),
    "check": _Verb(_checked),
    "convert": _Verb(_converted, ("model", "output")),
    "regroup": _Verb(_regrouped, ("net", "model", "output", "net_output")),
}
