"""``apply`` on a model in memory, from plan to splice: the blobs that are meant change.

The first byte says which options of ``apply`` to use, the second which of a few nets, the rest is
a model. It is operated on as the plan says; the new values are those written down here by hand,
every field that is not a matched layer's values keeps its bytes and its place, and a second run
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format
from oracle import (
    WHOLE,
    WITH_NVIDIA,
    ExactSource,
    is_legacy,
    pieces,
    read,
    same_numbers,
    values,
)

import deconvsurgery as ds
from deconvsurgery.caffemodel.index import index
from deconvsurgery.plans.apply.binary_edits import edits
from deconvsurgery.splicing.byte_ranges import spliced


@dataclass(frozen=True)
class Up:
    """A Deconvolution: its name, the shape of its weights, and what they become, by hand."""

    name: str
    shape: tuple[int, ...]
    weights: tuple[float, ...]
    diagonal: tuple[bool, ...]
    num_output: int
    bias: float | None  # the value of one that is not there yet

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [self.shape, *([(self.num_output,)] if self.bias is not None else [])]


TENT = (0.25, 0.5, 0.25, 0.5, 1.0, 0.5, 0.25, 0.5, 0.25)
INPUT = 'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: [1, %d, 3, 3] } } }\n'
LAYER = (
    'layer { name: "%s" type: "Deconvolution" bottom: "d" top: "%s" convolution_param { '
    "num_output: %d kernel_size: %d %s } }\n"
)
# What makes a model interesting costs a byte or two here: kernels of one value.
NETS = (
    (
        INPUT % 1 + LAYER % ("up", "up", 1, 1, "bias_term: false"),
        (Up("up", (1, 1, 1, 1), (1.0,), (True,), 1, None),),
    ),
    (
        INPUT % 2 + LAYER % ("up", "up", 2, 1, "bias_filler { value: 0.5 }"),
        (
            Up(
                *("up", (2, 2, 1, 1), (1.0, 0.0, 0.0, 1.0), (True, False, False, True)),
                num_output=2,
                bias=0.5,
            ),
        ),
    ),
    (
        INPUT % 1
        + LAYER % ("up", "up", 1, 1, "")
        + LAYER % ("up2", "up2", 1, 3, "stride: 2 bias_term: false"),
        (
            Up("up", (1, 1, 1, 1), (1.0,), (True,), 1, 0.0),
            Up("up2", (1, 1, 3, 3), TENT, (True,) * 9, 1, None),
        ),
    ),
    (
        INPUT % 2 + LAYER % ("up", "up", 2, 3, "stride: 2 group: 2 bias_term: false"),
        (Up("up", (2, 1, 3, 3), TENT * 2, (True,) * 18, 2, None),),
    ),
)
READ = [(ds.parse_net(text.encode()), ups, text_format.Parse(text, WHOLE())) for text, ups in NETS]
SELECTED = [ds.match_layers(net, ["up"]) for net, _, _ in READ]

# Numbers of what is looked into: a layer's blobs, and the V0 layer in its connection.
LAYERS = {100: {7: "blob"}, 2: {6: "blob", 1: {50: "blob"}}}
VALUES = (5, 8, 10, 12)  # data, double_data, raw_data and the number of its type


def check(data: bytes) -> None:
    """Operate on the model; ``AssertionError`` where anything else has changed than was meant."""
    head, data = data[:2].ljust(2, b"\0"), data[2:]
    options, which = _options(head[0]), head[1] % len(NETS)
    before = read(WITH_NVIDIA, data)
    operated = _operated(data, which, options)
    if operated is None:
        return
    plan, after = operated
    if not plan.changed:
        assert after == data
        return
    result = read(WITH_NVIDIA, after)
    assert (result is None) == (before is None)
    actions = {change.target.layer.name: change.action for change in plan.changes}
    if before is not None:
        _values_as_meant(before, result, which, actions, options)
    _the_rest_is_kept(data, after, actions)
    again = _operated(after, which, options)
    assert again is not None
    # What was written stands in for what was refused, so that more may fit the second time.
    if not plan.skips:
        assert not again[0].changed
        assert again[1] == after


def _options(bits: int) -> ds.ApplyOptions:
    return ds.ApplyOptions(
        keep_off_diagonal=bool(bits & 1),
        zero_bias=bool(bits & 2),
        create=not bits & 4,
        fill=("all", "missing", "zero", "all")[bits >> 3 & 3],
        skip_unfit=True,
        any_gain=bool(bits & 32),
    )


def _operated(
    data: bytes, which: int, options: ds.ApplyOptions
) -> tuple[ds.ApplyPlan, bytes] | None:
    try:
        model = index(ExactSource(data))
        plan = ds.make_plan(READ[which][0], model, SELECTED[which], options)
    except ds.SurgeryError:
        return None
    return plan, spliced(data, edits(plan, model))


# --- the values


def _layers(message: Any) -> Sequence[tuple[str, Any]]:
    """Each layer's name and what holds its blobs, V1's first."""
    old = (each.layer if each.HasField("layer") else each for each in message.layers)
    return [(_name(each), each) for each in (*old, *message.layer)]


def _name(layer: Any) -> str:
    name = layer.name
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")


def _values_as_meant(
    before: Any,
    after: Any,
    which: int,
    actions: dict[str, ds.ApplyAction],
    options: ds.ApplyOptions,
) -> None:
    _, ups, net = READ[which]
    old, new = _layers(before), _layers(after)
    blobs = [blob for _, layer in old for blob in layer.blobs]
    fields = {values(blob)[0] for blob in blobs} - {"none"}
    usual = fields.pop() if len(fields) == 1 else "data"
    legacy = bool(blobs) and all(map(is_legacy, blobs))
    made = [up for up in ups if actions.get(up.name) is ds.ApplyAction.CREATED]
    appended = [up for up in made if up.name not in dict(old)]
    assert len(new) == len(old) + len(appended)
    for up, (name, layer) in zip(appended, new[len(old) :], strict=True):
        own = next(each for each in net.layer if each.name == up.name)
        assert (name, list(layer.bottom), list(layer.top)) == (up.name, own.bottom, own.top)
        assert layer.type == (39 if before.layers else "Deconvolution")
        param = own.convolution_param.SerializeToString()
        assert layer.convolution_param.SerializeToString() == param
        _created(up, layer.blobs, usual, legacy, options)
    for up in ups:
        action = actions.get(up.name)
        pairs = [
            (there.blobs, here.blobs)
            for (name, there), (_, here) in zip(old, new, strict=False)
            if name == up.name
        ]
        if action is ds.ApplyAction.CREATED and pairs:
            assert not any(there for there, _ in pairs)
            *others, (_, last) = pairs
            assert not any(here for _, here in others)
            _created(up, last, usual, legacy, options)
        elif action in (ds.ApplyAction.REWRITTEN, ds.ApplyAction.UNCHANGED):
            for there, here in pairs:
                if there:
                    _rewritten(up, there, here, options)


def _created(up: Up, blobs: Any, usual: str, legacy: bool, options: ds.ApplyOptions) -> None:
    wanted = [up.weights]
    if up.bias is not None:
        wanted.append((0.0 if options.zero_bias else up.bias,) * up.num_output)
    for blob, numbers, shape in zip(blobs, wanted, up.shapes, strict=True):
        field, found = values(blob)
        assert field == usual
        assert same_numbers(list(numbers), found)
        assert is_legacy(blob) == legacy
        dims = (blob.num, blob.channels, blob.height, blob.width)
        padded = (1,) * (4 - len(shape)) + shape
        assert dims == padded if legacy else tuple(blob.shape.dim) == shape


def _rewritten(up: Up, before: Any, after: Any, options: ds.ApplyOptions) -> None:
    _, old = values(before[0])
    wanted = list(up.weights)
    if options.keep_off_diagonal and old:
        wanted = [
            new if given else kept
            for new, kept, given in zip(wanted, old, up.diagonal, strict=True)
        ]
    _same_blob(before[0], after[0], wanted)
    if up.bias is not None:
        _, bias = values(before[1])
        kept = list(bias) or [up.bias] * up.num_output
        _same_blob(before[1], after[1], [0.0] * up.num_output if options.zero_bias else kept)


def _same_blob(before: Any, after: Any, wanted: Sequence[float]) -> None:
    (old, _), (new, found) = values(before), values(after)
    assert old in (new, "none")
    assert same_numbers(wanted, found)


# --- everything else


def _the_rest_is_kept(before: bytes, after: bytes, actions: dict[str, ds.ApplyAction]) -> None:
    old, new = list(pieces(before)), list(pieces(after))
    created = [name for name, action in actions.items() if action is ds.ApplyAction.CREATED]
    assert len(old) <= len(new) <= len(old) + len(created)
    for (number, wire_type, whole, payload), (*_, new_whole, new_payload) in zip(
        old, new, strict=False
    ):
        name = _named(number, payload) if wire_type == 2 and number in LAYERS else None
        if actions.get(name or "", ds.ApplyAction.UNCHANGED) is ds.ApplyAction.UNCHANGED:
            assert new_whole == whole
        elif new_whole != whole:
            _same_besides(payload, new_payload, LAYERS[number], name in created)


def _named(number: int, payload: bytes) -> str:
    """The name of a layer, V0's inside its connection."""
    fields = list(pieces(payload))
    inner = b"".join(body for each, kind, _, body in fields if (each, kind) == (1, 2))
    if number == 2 and any((each, kind) == (1, 2) for each, kind, _, _ in fields):
        fields = list(pieces(inner))
        number = 100
    wanted = 4 if number == 2 else 1
    names = [body for each, kind, _, body in fields if (each, kind) == (wanted, 2)]
    return names[-1].decode("utf-8", "surrogateescape") if names else ""


def _same_besides(old: bytes, new: bytes, inside: Any, created: bool) -> None:
    """Two messages whose fields are the same but for those within, or more of them at the end."""
    if inside == "blob":
        assert list(_but_values(old)) == list(_but_values(new))
        return
    before, after = list(pieces(old)), list(pieces(new))
    assert len(before) <= len(after) if created else len(before) == len(after)
    assert all(number in inside for number, *_ in after[len(before) :])
    for (number, kind, whole, payload), (*_, new_whole, new_payload) in zip(
        before, after, strict=False
    ):
        if whole != new_whole:
            assert kind == 2
            _same_besides(payload, new_payload, inside[number], created)


def _but_values(blob: bytes) -> Iterator[bytes]:
    return (whole for number, _, whole, _ in pieces(blob) if number not in VALUES)
