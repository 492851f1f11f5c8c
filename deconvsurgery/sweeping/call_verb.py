"""What a sweep does with one pair: the verb's arguments, the call, what came of it in short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from deconvsurgery.errors import ConfigError
from deconvsurgery.inputs.byte_sizes import byte_size
from deconvsurgery.inputs.settings import Checking, Pair
from deconvsurgery.kernels.formula import Formula, Support
from deconvsurgery.nearest import nearest
from deconvsurgery.options.apply import Fill
from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
from deconvsurgery.strict_values.kinds import below, said
from deconvsurgery.verbs.apply import apply
from deconvsurgery.verbs.check import check
from deconvsurgery.verbs.convert import VALUES, convert
from deconvsurgery.verbs.regroup import regroup
from deconvsurgery.wording import short

from .result_rows import Outcome

Told = tuple[Outcome, dict[str, Any], tuple[str, ...]]

_Kind = bool | tuple[str, ...] | Callable[[str], int]
# The options of each verb as its command line has them, but for those that select layers, which
# the settings have for all verbs: true for a flag, else what it may be, or
# what reads a number that has a unit.
_OPTIONS: Final[Mapping[str, Mapping[str, _Kind]]] = {
    "apply": {
        "formula": tuple(Formula),
        "support": tuple(Support),
        "fill": tuple(Fill),
        "no-create": True,
        "keep-off-diagonal": True,
        "zero-bias": True,
        "skip-unfit": True,
        "any-gain": True,
    },
    "check": {},
    "convert": {
        "to": ("binary", "hdf5"),
        "values": tuple(VALUES),
        "strict": True,
        "max-unpacked": byte_size,
        "keep-layers": True,
        "keep-dims": True,
    },
    "regroup": {"expand": True},
}
# Flags that say what is not to be done, and the argument that says what is.
_NEGATED: Final = {
    "no-create": "create",
    "keep-layers": "upgrade",
    "keep-dims": "true_shapes",
}
# The paths that each verb needs.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "apply": ("net", "model", "output"),
    "check": (),
    "convert": ("model", "output"),
    "regroup": ("net", "model", "output", "net_output"),
}


def checked_options(verb: str, options: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A verb's options as a configuration file, ``path``, says them, as arguments of the verb.

    >>> checked_options("convert", {"keep-dims": True, "values": "keep"}, "zoo.toml")
    {'true_shapes': False, 'values': 'keep'}

    Raises ``ConfigError`` for one that the verb does not have, and for a value that it cannot be.
    """
    known = _OPTIONS[verb]
    arguments: dict[str, Any] = {}
    for name, value in options.items():
        kind = known.get(name)
        if kind is None:
            near = nearest(short(name), known)
            hint = f"it has {', '.join(known)}" if known else "what it has stands above [sweep]"
            raise ConfigError(
                f"{below('sweep.options', name)}: {verb} has no such option in a sweep",
                path=path,
                hint=f"did you mean {near!r}?" if near else hint,
            )
        if kind is True:
            if not isinstance(value, bool):
                raise ConfigError(
                    f"sweep.options.{name} is true or false, not {said(value)}", path=path
                )
            negated = _NEGATED.get(name)
            arguments[negated or name.replace("-", "_")] = value is not bool(negated)
        elif isinstance(kind, tuple) and value in kind:
            arguments[name] = value
        elif callable(kind):
            try:
                plain = value if isinstance(value, str) else said(value)
                arguments[name.replace("-", "_")] = kind(plain)
            except ValueError as error:
                raise ConfigError(f"sweep.options.{name}: {error}", path=path) from None
        else:
            choices = ", ".join(kind) if isinstance(kind, tuple) else ""
            raise ConfigError(
                f"sweep.options.{name} is one of {choices}, not {said(value)}", path=path
            )
    return arguments


def writes(verb: str) -> bool:
    """The verb has an output."""
    return "output" in _NEEDED[verb]


def lacking(verb: str, pair: Pair) -> str | None:
    """What the pair does not name that the verb needs, in words; ``None``: nothing."""
    names = {each: getattr(pair, each) for each in _NEEDED[verb]}
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
        **_selecting(checking),
        **options,
    }
    if verb != "regroup":
        chosen["allow_empty"] = bool(checking.allow_empty)
    if verb == "check":
        chosen |= {
            "select": checking.select or (),
            "ignore": checking.ignore or (),
            "frozen": bool(checking.frozen),
        }
    return chosen


def _selecting(said: Checking) -> dict[str, Any]:
    return {
        "patterns": said.pattern or DEFAULT_PATTERNS,
        "exclude": said.exclude or (),
        "phase": said.phase,
        "level": said.level,
        "stage": said.stage or (),
    }


def performed(verb: str, pair: Pair, arguments: Mapping[str, Any], *, force: bool) -> Told:
    """Call the verb; raises as it does."""
    return _CALLS[verb](pair, arguments, force)


def _applied(pair: Pair, arguments: Mapping[str, Any], force: bool) -> Told:
    assert pair.net is not None
    assert pair.model is not None
    result = apply(pair.net, pair.model, pair.output, force=force, **arguments)
    layers = [
        {"name": each.target.layer.name, "action": getattr(each, "action", "skipped")}
        for each in result.plan.rows
    ]
    told = {
        "changed": result.changed,
        "layers": layers,
        "bytes": {"output": result.output_size, "rewritten": result.rewritten},
    }
    return Outcome.DONE, told, result.warnings


def _checked(pair: Pair, arguments: Mapping[str, Any], _force: bool) -> Told:
    result = check(pair.net, pair.model, **arguments)
    findings = [
        {"rule": each.id, "level": each.level, "layer": each.layer, "line": each.line}
        for each in result.findings
    ]
    told = {"matched": result.matched, "findings": findings}
    return Outcome.DONE if result.passed else Outcome.FOUND, told, result.notes


def _converted(pair: Pair, arguments: Mapping[str, Any], force: bool) -> Told:
    assert pair.model is not None
    result = convert(pair.model, pair.output, net=pair.net, force=force, **arguments)
    told = {
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
    return Outcome.DONE, told, result.warnings


def _regrouped(pair: Pair, arguments: Mapping[str, Any], force: bool) -> Told:
    assert pair.net is not None
    assert pair.model is not None
    result = regroup(pair.net, pair.model, pair.net_output, pair.output, force=force, **arguments)
    plan = result.regrouping
    layers = [
        {"name": place.layer.name, "action": action}
        for action, several in (("regrouped", plan.changes), ("unchanged", plan.kept))
        for each in several
        for place in each.places
    ]
    told = {
        "changed": result.changed,
        "layers": layers,
        "bytes": {"output": result.output_size},
    }
    return Outcome.DONE, told, result.warnings


_CALLS: Final[Mapping[str, Callable[[Pair, Mapping[str, Any], bool], Told]]] = {
    "apply": _applied,
    "check": _checked,
    "convert": _converted,
    "regroup": _regrouped,
}
