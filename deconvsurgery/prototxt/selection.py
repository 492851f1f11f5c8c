"""From patterns to layers: text, glob and regex over layer names; nothing of weights or shapes."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import translate

from deconvsurgery.arguments import texts
from deconvsurgery.errors import ArgumentError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import quoted, short

from .net import Layer, Net, NetState, once

DECONVOLUTION = "Deconvolution"
DEFAULT_PATTERNS = ("up",)  # as FCN's scripts choose: [k for k in net.params if "up" in k]
LONGEST_PATTERN = 4096  # characters


class Selection(NamedTuple):
    """The Deconvolution layers that fit, and the layers of other types whose names do."""

    matched: tuple[Layer, ...]
    left_alone: tuple[Layer, ...] = ()
    excluded: tuple[Layer, ...] = ()


def name_test(pattern: str) -> Callable[[str], bool]:
    """The test of one pattern: ``re:…`` searches, ``*?[`` make a glob, other text is contained.

    >>> [name_test(p)("upscore2") for p in ("score", "*score", "up*", "re:score[0-9]$")]
    [True, False, True, True]

    Raises ``ArgumentError`` for a regex that Python does not compile, for an empty pattern, and
    for one of more than 4,096 characters.
    """
    if not pattern or pattern == "re:":
        raise ArgumentError(
            "an empty pattern fits every name", hint="say '*' when every layer is meant"
        )
    if len(pattern) > LONGEST_PATTERN:
        raise ArgumentError(
            f"{quoted(pattern)} has {len(pattern):,} characters;"
            f" a pattern has at most {LONGEST_PATTERN:,}",
            hint="several shorter ones may stand side by side",
        )
    if pattern.startswith("re:"):
        try:
            return _found(_compiled(pattern[3:]).search)
        except (re.error, RecursionError, OverflowError, ValueError) as error:
            raise ArgumentError(
                f"{quoted(pattern)} is not a regular expression: {short(str(error), 100)}",
                hint="a plain text or a glob like 'up*' needs no 're:'",
            ) from None
    if any(mark in pattern for mark in "*?["):
        return _found(_compiled(_translated(pattern)).match)
    return lambda name: pattern in name


def _fits_one(patterns: Sequence[str], parameter: str) -> Callable[[str], bool]:
    """Says whether a name fits one of the patterns; those that spell it out are looked up.

    ``parameter`` is what they were given as.
    """
    names: set[str] = set()
    parts: dict[str, None] = {}
    tests: list[Callable[[str], bool]] = []
    for pattern in patterns:
        try:
            test = name_test(pattern)
        except ArgumentError as error:
            raise error.replaced(message=f"{parameter}: {error.message}") from None
        exact = _exact_name(pattern)
        if exact is not None:
            names.add(exact)
            continue
        if _is_plain(pattern):
            parts[pattern] = None
        else:
            tests.append(test)
        if test(pattern):
            names.add(pattern)
    part_of = _has_part(parts)
    if not tests:  # as nearly always
        return lambda name: name in names or part_of(name)
    return lambda name: name in names or part_of(name) or any(test(name) for test in tests)


def _is_plain(pattern: str) -> bool:
    """It takes the names that contain it."""
    return not pattern.startswith("re:") and not any(mark in pattern for mark in "*?[")


def _has_part(parts: Collection[str]) -> Callable[[str], bool]:
    """Says whether a name contains one of some texts, which may be as many as a net has layers."""
    lengths = sorted({*map(len, parts)})

    def has_part(name: str) -> bool:
        if len(parts) < len(name) * len(lengths):
            return any(part in name for part in parts)
        return any(
            name[start : start + length] in parts
            for length in lengths
            for start in range(len(name) - length + 1)
        )

    return has_part


def _exact_name(pattern: str) -> str | None:
    r"""The only name that a pattern of `exact_patterns` takes; ``None`` for any other pattern.

    >>> _exact_name(r"re:\Aup\.2\Z"), _exact_name("up"), _exact_name(r"re:\Aup.2\Z")
    ('up.2', None, None)
    """
    if not (pattern.startswith(r"re:\A") and pattern.endswith(r"\Z")):
        return None
    escaped = pattern[len(r"re:\A") : -len(r"\Z")]
    name = re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL)
    return name if re.escape(name) == escaped else None


def _compiled(regex: str) -> re.Pattern[str]:
    """Python warns of what a later version may read otherwise: this one reads it all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(regex)


def _translated(glob: str) -> str:
    """As a regex, whose time follows the lengths of the glob and of the name.

    Python's translation looks for the end of each bracket as far as the glob goes: those behind the
    last end are hidden from it.
    """
    closed, end, rest = glob.rpartition("]")
    hidden = next(sign for sign in map(chr, range(0xE000, 0xF900)) if sign not in glob)
    return translate(closed + end + rest.replace("[", hidden)).replace(hidden, r"\[")


def pattern_of(name: str) -> str | None:
    r"""A pattern that takes a layer of this name and can be typed; ``None`` where there is none.

    >>> pattern_of("upscore2"), pattern_of("up[2]"), pattern_of("re:up"), pattern_of("u\np")
    ('upscore2', 'up[[]2]', '[r]e:up', 'u?p')
    """
    if not name.strip():
        return None  # nothing, or what is lost on the way
    pattern = re.sub(r"([*?[])", r"[\1]", name)
    if not name.isprintable():
        pattern = "".join(sign if sign.isprintable() else "?" for sign in pattern)
    return f"[r]{pattern[1:]}" if pattern.startswith("re:") else pattern


def exact_patterns(names: Iterable[str]) -> dict[str, str]:
    r"""For each name a pattern that takes the layers of this name and none of the others.

    >>> exact_patterns(["up", "score"]), exact_patterns(["up", "upscore"])["up"]
    ({'up': 'up', 'score': 'score'}, 're:\\Aup\\Z')
    """
    known = dict.fromkeys(names)
    within = _within_another(known)
    found: dict[str, str] = {}
    for name in known:
        pattern = None if within is None or name in within else pattern_of(name)
        found[name] = rf"re:\A{re.escape(name)}\Z" if pattern is None else pattern
    return found


# Characters to look at, a second's work: in a net of more names each pattern is spelt out.
_MOST_LOOKED_AT = 10_000_000


def _within_another(names: Collection[str]) -> set[str] | None:
    """The names that are a part of another one; ``None`` where there are too many to say."""
    lengths = Counter(map(len, names))
    pairs = [(length, part) for length in lengths for part in lengths if part < length]
    looked_at = sum(lengths[length] * (length - part + 1) * (part + 1) for length, part in pairs)
    if looked_at > _MOST_LOOKED_AT:
        return None
    shorter = {length: [part for part in lengths if part < length] for length in lengths}
    return {
        found
        for name in names
        for part in shorter[len(name)]
        for start in range(len(name) - part + 1)
        if (found := name[start : start + part]) in names
    }


def _found(search: Callable[[str], re.Match[str] | None]) -> Callable[[str], bool]:
    return lambda name: search(name) is not None


def name_choice(
    patterns: Sequence[str], exclude: Sequence[str] = ()
) -> Callable[[str], bool] | None:
    """The test of all patterns at once, where none are every name; ``None`` if it is no choice."""
    if not patterns and not exclude:
        return None
    wanted, unwanted = _fits_one(patterns, "patterns"), _fits_one(exclude, "exclude")
    return lambda name: (not patterns or wanted(name)) and not unwanted(name)


def match_layers(
    net: Net,
    patterns: str | Iterable[str] = DEFAULT_PATTERNS,
    exclude: str | Iterable[str] = (),
    states: Iterable[NetState] | None = None,
) -> Selection:
    """Choose among the layers of a net that are active in any of ``states``.

    Args:
        net: a net that was read.
        patterns: names of the layers that are meant: a text or several. Plain text is looked for in
            the name, ``*``, ``?`` and ``[`` make a glob of the whole name, ``re:`` begins a regular
            expression. The default takes every name with "up" in it.
        exclude: names that are left out, in the same forms.
        states: the states of the net; without it both phases, at level 0 without stages.

    Returns:
        The Deconvolutions that are matched, and the other layers that patterns took.

    Raises:
        ArgumentError: a pattern is empty, or is no regular expression.
        TypeError: a pattern is no text.

    >>> import deconvsurgery as ds
    >>> selection = ds.match_layers(ds.read_net("net.prototxt"), "upscore?")
    >>> [layer.name for layer in selection.matched]
    ['upscore2']
    """
    patterns, exclude = texts(patterns, "patterns"), texts(exclude, "exclude")
    wanted, unwanted = _fits_one(patterns, "patterns"), _fits_one(exclude, "exclude")
    matched: list[Layer] = []
    left_alone: list[Layer] = []
    excluded: list[Layer] = []
    for layer in active_layers(net, states):
        if unwanted(layer.name):
            excluded.append(layer)
        elif wanted(layer.name):
            (matched if layer.type == DECONVOLUTION else left_alone).append(layer)
    return Selection(tuple(matched), tuple(left_alone), tuple(excluded))


def active_layers(net: Net, states: Iterable[NetState] | None = None) -> tuple[Layer, ...]:
    """The layers that exist in any of the states, each once, in the net's order."""
    chosen = net.states() if states is None else tuple(states)

    def active() -> tuple[Layer, ...]:
        return tuple(layer for layer in net.layers if any(map(layer.active, chosen)))

    return once(net, ("active", chosen), active)
