"""What ``patch-net`` gives a layer, as values: which fields, what they were, what they become.

Each rule is one small function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.errors import ShapeError
from deconvsurgery.kernels.recipes import recipe
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.options.patch_net import NewFiller, PatchNetOptions
from deconvsurgery.prototxt.net import Layer, NetMessage, Value
from deconvsurgery.prototxt.upgrade import PARAM_LISTS
from deconvsurgery.shapes.fillers import BILINEAR
from deconvsurgery.shapes.geometry import Window, asked_axes, convolution_window

if TYPE_CHECKING:
    from deconvsurgery.prototxt.new_field_layout import Change, Tree

# Fields of which a layer has one for each blob are named with their number.
_NUMBERED = frozenset({"param", *PARAM_LISTS})


class FieldChange(NamedTuple):
    """A field within a layer: ``before`` is ``None`` where it is added, ``after`` where it goes.

    ``path`` are the names that lead to it, each with its occurrence among those of its name.

    >>> FieldChange((("param", 1), ("lr_mult", 0)), 2.0, 0).field
    'param[1].lr_mult'
    """

    path: tuple[tuple[str, int], ...]
    before: Value | None
    after: int | str | None

    @property
    def field(self) -> str:
        """The path as it is said."""
        return ".".join(
            f"{name}[{number}]" if number or name in _NUMBERED else name
            for name, number in self.path
        )


def field_changes(
    layer: Layer, written: NetMessage, version: str, options: PatchNetOptions
) -> tuple[FieldChange, ...]:
    """Every field that has to change; ``written`` is the layer in its own terms (V1's or V2's).

    What already has the value that is wanted, be it by default, is not among them.
    """
    conv = written.message("convolution_param")
    inside = [
        *(_group(layer, conv) if options.group else ()),
        *(_recipe(layer, conv) if options.recipe else ()),
        *(_no_bias(layer, conv) if options.no_bias else ()),
        *(_filler(conv.message("weight_filler")) if options.filler is NewFiller.BILINEAR else ()),
    ]
    blobs = 2 if layer.convolution_param.bias_term and not options.no_bias else 1
    lists = tuple(PARAM_LISTS) if version == "V1" else ("param",)
    return (
        *(_removed(written, ("include", "exclude")) if options.strip_include else ()),
        *(_frozen(written, version, blobs) if options.freeze else ()),
        *(_removed(written, lists, first=1) if options.no_bias else ()),
        *(each._replace(path=(("convolution_param", 0), *each.path)) for each in inside),
    )


def _group(layer: Layer, conv: NetMessage) -> Iterator[FieldChange]:
    """As many groups as outputs: each channel by itself."""
    param = layer.convolution_param
    if param.group != param.num_output > 0:
        yield _set(conv, "group", param.num_output)


def _no_bias(layer: Layer, conv: NetMessage) -> Iterator[FieldChange]:
    if layer.convolution_param.bias_term:
        yield _set(conv, "bias_term", False)


def _filler(filler: NetMessage) -> Iterator[FieldChange]:
    """The type bilinear and nothing that belonged to another.

    Of a filler that is bilinear already only ``sparse`` goes, at which Caffe stops (filler.hpp).
    """
    known = filler.text("type", "constant") == BILINEAR
    if not known:
        yield FieldChange(
            (("weight_filler", 0), *_set(filler, "type", BILINEAR).path),
            filler.text("type") or None,
            BILINEAR,
        )
    names = dict.fromkeys(name for name, _ in filler.fields if name != "type")
    stops = known and filler.integer("sparse", -1) != -1
    for change in _removed(filler, ("sparse",) if stops else () if known else tuple(names)):
        yield change._replace(path=(("weight_filler", 0), *change.path))


def _recipe(layer: Layer, conv: NetMessage) -> Iterator[FieldChange]:
    """Kernel and pad that enlarge by exactly the stride (see ``kernels.recipe``)."""
    window = _window(layer)
    if window is None:
        return
    recipes = [recipe(step) for step in window.stride]
    yield from _sizes(conv, "kernel", "kernel_size", [each.kernel for each in recipes])
    yield from _sizes(conv, "pad", "pad", [each.pad for each in recipes], default=0)


def _window(layer: Layer) -> Window | None:
    """The layer's window, of which only the stride has to be given."""
    param = layer.convolution_param
    if (param.kernel_size, param.kernel_h, param.kernel_w) == ((), None, None):
        param = param._replace(kernel_size=(1,))
    try:
        return convolution_window(param, asked_axes(param) or 1)  # alike on each axis
    except ShapeError:
        return None  # Caffe would not set it up, which will be said


def _sizes(
    conv: NetMessage, stem: str, name: str, wanted: Sequence[int], default: int | None = None
) -> Iterator[FieldChange]:
    """One size an axis, in the form that is there: a repeated field, or its ``_h`` and ``_w``."""
    pair = f"{stem}_h", f"{stem}_w"
    given, alike = conv.integers(name), len(set(wanted)) == 1
    if any(field in conv for field in pair):
        for field, size in zip(pair, wanted, strict=True):
            if conv.integer(field, default) != size:
                yield _set(conv, field, size)
    elif alike and not given:
        if wanted[0] != default:
            yield _set(conv, name, wanted[0])
    elif not alike and len(wanted) == 2 != len(given):
        yield from _removed(conv, (name,))
        for field, size in zip(pair, wanted, strict=True):
            yield _set(conv, field, size)
    else:
        sizes = wanted[: len(given)] if alike else wanted
        for number, size in enumerate(sizes):
            if number >= len(given) or given[number] != size:
                yield _set(conv, name, size, number)


def _frozen(written: NetMessage, version: str, blobs: int) -> Iterator[FieldChange]:
    """No learning rate and no decay for any blob."""
    if version == "V1":
        for name in ("blobs_lr", "weight_decay"):
            values = written.all(name)
            for number in range(blobs):
                if number >= len(values) or values[number] != 0:
                    yield _set(written, name, 0, number)
        return
    specs = written.messages("param")
    for number in range(blobs):
        spec = specs[number] if number < len(specs) else NetMessage()
        for name in ("lr_mult", "decay_mult"):
            if name not in spec or spec.number(name, 1.0) != 0:
                each = _set(spec, name, 0)
                yield each._replace(path=(("param", number), *each.path))


def _set(message: NetMessage, name: str, after: int | str, number: int = 0) -> FieldChange:
    values = message.all(name)
    return FieldChange(((name, number),), values[number] if number < len(values) else None, after)


def _removed(message: NetMessage, names: Sequence[str], first: int = 0) -> Iterator[FieldChange]:
    for name in names:
        for number, value in enumerate(message.all(name)):
            if number >= first:
                yield FieldChange(((name, number),), value, None)


# --- the changes of a layer as a whole


def as_tree(changes: Sequence[FieldChange]) -> Tree:
    """The changes as they lie within each other."""
    tree: dict[tuple[str, int], Change] = {}
    for change in changes:
        branch = tree
        for step in change.path[:-1]:
            inner = branch.get(step)
            if not isinstance(inner, dict):
                branch[step] = inner = {}
            branch = inner
        branch[change.path[-1]] = change.after
    return tree


def changed(message: NetMessage, tree: Tree) -> NetMessage:
    """The message with the changes made; what is new comes last."""
    seen: Counter[str] = Counter()
    fields: list[tuple[str, Value]] = []
    for name, value in message.fields:
        step = name, seen[name]
        seen[name] += 1
        change = tree.get(step, value)
        if isinstance(change, Mapping):
            assert isinstance(value, NetMessage)
            change = changed(value, change)
        if change is not None:
            fields.append((name, change))
    for (name, number), change in tree.items():
        if number >= seen[name] and change is not None:
            new = changed(NetMessage(), change) if isinstance(change, Mapping) else change
            fields.append((name, new))
    return NetMessage(tuple(fields))
