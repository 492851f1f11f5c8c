"""Fillers: which fills which blob of a layer, with what, and where Caffe stops at one.

Facts: ``LayerSetUp`` of each type, ``GetFiller`` and the fillers of Caffe's ``filler.hpp``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.nearest import nearest
from deconvsurgery.prototxt.misspelt import slip_of
from deconvsurgery.prototxt.net import Layer, NetMessage
from deconvsurgery.wording import by, dims, listed

if TYPE_CHECKING:
    from .geometry import Shape

BILINEAR: Final = "bilinear"
NAMES: Final = (
    "constant",
    "uniform",
    "gaussian",
    "positive_unitball",
    "xavier",
    "msra",
    BILINEAR,
)

# Whose they are, and the name that Caffe has for the same.
FORK_NAMES: Final[Mapping[str, tuple[str, str | None]]] = {
    "bicubic": ("caffe_rtpose", None),
    "bilinear_upsampling": ("ParseNet", BILINEAR),
    "diagonal": ("FlowNet2 and Synopsys", None),
    "gabor": ("Intel", None),
    "gaussian_unitball": ("happynear", None),
    "identity": ("happynear", None),
    **{f"{name}static": ("NVIDIA", name) for name in NAMES},
}

# Where a layer's fillers stand, by the blob's position, and Caffe's default value without one.
_FILLERS: Mapping[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    "Convolution": ("convolution_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "Deconvolution": ("convolution_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "InnerProduct": ("inner_product_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "Embed": ("embed_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "PReLU": ("prelu_param", (("filler", 0.25),)),
    "Scale": ("scale_param", (("filler", 1.0), ("bias_filler", 0.0))),
    "Bias": ("bias_param", (("filler", 0.0),)),
    "BatchNorm": ("", (("", 0.0), ("", 0.0), ("", 0.0))),
}
# Fillers that look at the blob's first axis.
_BY_AXES: Final = frozenset({"xavier", "msra", "positive_unitball"})
_RECURRENT: Final = frozenset({"LSTM", "RNN"})


def filler_value(layer: Layer, position: int) -> float | None:
    """The constant that Caffe would fill the blob with; ``None`` where it would not."""
    param, fillers = _fillers(layer)
    if position >= len(fillers):
        return None
    name, default = fillers[position]
    message = layer.message.message(param)
    if not name or name not in message:
        return default
    filler = message.message(name)
    return filler.number("value", 0.0) if filler.text("type", "constant") == "constant" else None


def _fillers(layer: Layer) -> tuple[str, tuple[tuple[str, float], ...]]:
    param, fillers = _FILLERS.get(layer.type, ("", ()))
    if layer.type == "Scale" and len(layer.bottom) > 1:
        fillers = fillers[1:]  # the second bottom is the scale
    if layer.type == "Bias" and len(layer.bottom) > 1:
        fillers = ()
    return param, fillers


def meant(name: str) -> str:
    """The filler of Caffe's that a name stands for, or is nearest to; else the name.

    >>> meant("bilinar"), meant("bilinearstatic"), meant("msra"), meant("diagonal")
    ('bilinear', 'bilinear', 'msra', 'diagonal')
    """
    if name in FORK_NAMES:
        return FORK_NAMES[name][1] or name
    return name if name in NAMES else _nearest(name) or name


def _nearest(name: str) -> str | None:
    return nearest(name.lower()[:40], NAMES, 0.75)


def square_wanted(kernel: Sequence[int]) -> str:
    """What is wrong with a kernel that the bilinear filler does not take."""
    return "bilinear needs a square 2-d kernel, " + (
        f"not {by(kernel)}" if kernel else "this one has no axes"
    )


def bilinear_takes(kernel: Sequence[int]) -> bool:
    """Caffe's bilinear filler fills such a kernel: of two axes, equal ones."""
    return len(kernel) == 2 and len(set(kernel)) == 1


Fact: TypeAlias = str | int | float | tuple[int | None, ...] | None
Facts: TypeAlias = tuple[tuple[str, Fact], ...]


class FillerProblem(NamedTuple):
    """A filler that Caffe stops at: the field that it stands in, why, and how to correct it.

    ``nearest`` is the name that was probably meant, ``fork`` whose filler it is where a known fork
    has it. ``numbers`` prove it, by name. ``late``: Caffe stops there when it runs the net.
    """

    field: str
    type: str
    words: str
    repair: str
    nearest: str | None = None
    fork: str | None = None
    numbers: Facts = ()
    late: bool = False


def filler_problems(
    layer: Layer, blobs: Sequence[Shape] | None, tops: Sequence[Shape] = ()
) -> Iterator[FillerProblem]:
    """Each filler of the layer that would stop Caffe, be there weights in a model or not.

    ``blobs`` are its weight blobs as far as they are known, ``tops`` what it makes. Caffe fills
    every blob before it loads a model; only blobs in the net itself keep it from that. Of layers
    that only forks have, names alone are judged.
    """
    if "blobs" in layer.message and layer.type != "DummyData":
        return
    reported: set[str] = set()
    for field, filler, shape in _filled(layer, blobs or (), tops):
        problem = None if field in reported else _problem(field, filler, shape)
        if problem is not None:
            reported.add(field)
            # DummyData fills constants when it is set up, all else in its first forward.
            late = layer.type == "DummyData" and problem.type in NAMES
            yield problem._replace(late=late and problem.type != "constant")


def _filled(
    layer: Layer, blobs: Sequence[Shape], tops: Sequence[Shape]
) -> Iterator[tuple[str, NetMessage, Shape]]:
    """The fillers that are given, and what each fills; unknown: ``None``."""
    if layer.type == "DummyData":
        given = layer.message.message("dummy_data_param").messages("data_filler")
        each = given * len(tops) if len(given) == 1 else given
        for filler, top in zip(each, tops, strict=False):
            yield "data_filler", filler, top
    elif layer.type in _RECURRENT:
        param = layer.message.message("recurrent_param")
        for blob in blobs or (None,):
            for field, axes in (("weight_filler", 2), ("bias_filler", 1)):
                if field in param and (blob is None or len(blob) == axes):
                    yield field, param.message(field), blob
    elif layer.type in _FILLERS:
        name, fillers = _fillers(layer)
        param = layer.message.message(name)
        for (field, _), blob in zip(fillers, (*blobs, None, None), strict=False):
            if field in param and (
                field != "bias_filler" or param.flag("bias_term", layer.type != "Scale")
            ):
                yield field, param.message(field), blob
    else:
        yield from _of_forks(layer.message)


def _of_forks(layer: NetMessage) -> Iterator[tuple[str, NetMessage, Shape]]:
    """Fillers in the messages of a layer that only a fork has: a slip of the pen in the name."""
    for _, param in layer.fields:
        for field, filler in param.fields if isinstance(param, NetMessage) else ():
            if field.endswith("filler") and isinstance(filler, NetMessage):
                name = filler.text("type", "constant")
                if name not in NAMES and name not in FORK_NAMES and slip_of(name, NAMES):
                    yield field, filler, None


def _problem(field: str, filler: NetMessage, shape: Shape) -> FillerProblem | None:
    """The first check of Caffe's that fails."""
    name = filler.text("type", "constant")
    if name in FORK_NAMES:
        whose, same = FORK_NAMES[name]
        words = f"is a filler of {whose} alone: other Caffes stop at it"
        return FillerProblem(field, name, words, _write(same), same, whose)
    if name not in NAMES:
        near = _nearest(name)
        return FillerProblem(field, name, "is not a filler: Caffe stops at it", _write(near), near)
    for words, repair, numbers in _checks(name, filler, shape):
        words = f"{words}: Caffe stops at that"
        return FillerProblem(field, name, words, repair, numbers=numbers)
    return None


def _write(name: str | None) -> str:
    return f"write {name}" if name else f"use one of {listed(NAMES)}"


def _checks(name: str, filler: NetMessage, shape: Shape) -> Iterator[tuple[str, str, Facts]]:
    """What is wrong, how to correct it, and the numbers that prove it."""
    sparse = filler.integer("sparse", -1)
    if name == "gaussian":
        std = filler.number("std", 1.0)
        if not std > 0:
            yield f"has std {std:g}", "give it a std above 0", (("std", std),)
        first = shape[0] if shape else None
        if sparse < -1:
            yield f"has sparse {sparse}", "give 0 or more, or leave it out", (("sparse", sparse),)
        elif first is not None and sparse > first:
            yield (
                f"has sparse {sparse}, more than the first size of its blob, {first}",
                f"give {first} or less",
                (("sparse", sparse), ("shape", shape)),
            )
    elif sparse != -1:
        words = f"has sparse {sparse}, which is for gaussian alone"
        yield words, "take sparse out", (("sparse", sparse),)
    if name == "uniform":
        low, high = filler.number("min", 0.0), filler.number("max", 1.0)
        if not low <= high:
            words = f"has min {low:g} above max {high:g}"
            yield words, "give both, the lower as min", (("min", low), ("max", high))
    if shape == () and (name in _BY_AXES or sparse >= 0):
        yield "asks for the first size of its blob, which has no axes", "use constant", ()
    if name == BILINEAR and shape is not None:
        square = None in shape[2:] or shape[2:3] == shape[3:4]
        if len(shape) != 4 or not square:
            words = f"fills square kernels in blobs of 4 axes, not a blob of {dims(shape)}"
            yield words, "use another filler", (("shape", shape),)
