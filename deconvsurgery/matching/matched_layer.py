"""The facts of a matched layer: what Caffe would set up for it, and how it would be filled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.errors import ShapeError
from deconvsurgery.kernels.bilinear_fill import BilinearFill
from deconvsurgery.kernels.kernel_axis import LARGEST_KERNEL, half_width_of, has_unit_gain
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.options.apply import ApplyOptions
from deconvsurgery.prototxt.net import Layer
from deconvsurgery.shapes.analysis import analysed, states_apart
from deconvsurgery.wording import by, dims, listed, quoted, spread

from .refusal import Refusal

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.prototxt.net import Net, NetState
    from deconvsurgery.shapes.infer import LayerShapes


class MatchedLayer(NamedTuple):
    """A Deconvolution of the net and what Caffe would set up for it.

    ``shape`` is the weight blob's ``(channels, num_output // group, kernel_h, kernel_w)``,
    ``None`` while ``channels`` is unknown. ``guess`` says how a guessed number of channels was
    come by, ``problem`` why Caffe would not set the layer up. ``axes_open``: neither net nor model
    says how many axes its bottom has, so that there is no kernel to speak of.
    """

    layer: Layer
    channels: int | None = None
    shape: tuple[int, ...] | None = None
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    pad: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    guess: str | None = None
    problem: str | None = None
    axes_open: bool = False

    @property
    def known_shape(self) -> tuple[int | None, ...] | None:
        """The weights' shape, its channels ``None`` where they are all that is unknown."""
        param = self.layer.convolution_param
        if self.shape is not None or not self.kernel:
            return self.shape
        if param.group < 1 or param.num_output % param.group:
            return None
        return (self.channels, param.num_output // param.group, *self.kernel)

    @property
    def inputs_an_output(self) -> int | None:
        """Channels that meet in each output: those of its group; ``None`` while unknown."""
        group = self.layer.convolution_param.group
        return self.channels // group if self.channels is not None and group else None

    def summing_words(self) -> str | None:
        """What Caffe's bilinear filler, which fills every pair, sums; ``None`` if nothing.

        One group an output is the filler's own way, whatever the number of channels.
        """
        param, inputs = self.layer.convolution_param, self.inputs_an_output
        if param.group == param.num_output or inputs == 1:
            return None
        said = (
            f"with group {param.group} and num_output {param.num_output} fills every (in, out) pair"
        )
        if inputs is None:
            return f"{said}: channels are summed, if there are more than {param.group}"
        if param.group == 1:
            return f"{said}: channels are summed"
        return f"{said} of a group: its {inputs} channels are summed"

    def fill(self, options: ApplyOptions = ApplyOptions()) -> BilinearFill | Refusal:  # noqa: B008 - a value
        """The recipe of its weights by ``options``, or why there is no place for a kernel."""
        param = self.layer.convolution_param
        try:
            return BilinearFill(
                self.shape or (),
                num_output=param.num_output,
                group=param.group,
                stride=self.stride,
                formula=options.formula,
                support=options.support,
                keep_off_diagonal=options.keep_off_diagonal,
            )
        except ShapeError as error:
            return Refusal(error.message, hint=error.hint)

    @property
    def kernel_interpolates(self) -> bool:
        """Bilinear weights of its kernel size interpolate at its stride: each phase has gain 1.

        Whatever its channels are. A dilated kernel does not, as its values are spread.
        """
        sizes = zip(self.kernel, self.stride, strict=True)
        fits = bool(self.kernel) and all(half_width_of(size) == step for size, step in sizes)
        return fits and set(self.dilation) <= {1}

    @property
    def can_interpolate(self) -> bool | None:
        """Filled without further options it would; ``None``: there is no place for a kernel."""
        return None if isinstance(self.fill(), Refusal) else self.kernel_interpolates

    def unit_gain(self, fill: BilinearFill) -> bool:
        """The kernel of ``fill`` interpolates: every phase of every axis has gain 1."""
        if max(self.dilation, default=1) > LARGEST_KERNEL:
            return False
        return all(has_unit_gain(gains) for gains in fill.gains(self.dilation))

    def gain_range(self, fill: BilinearFill) -> tuple[float, float]:
        """Lowest and highest gain of a phase of ``fill``, on the first axis where not all are 1."""
        if max(self.dilation, default=1) > LARGEST_KERNEL:
            return 0.0, 0.0
        axes = fill.gains(self.dilation)
        worst = next((gains for gains in axes if not has_unit_gain(gains)), axes[0])
        return min(worst), max(worst)

    def gain_words(self, fill: BilinearFill) -> str:
        """What the kernel of ``fill`` does instead."""
        if max(self.dilation, default=1) > LARGEST_KERNEL:
            return f"its dilation of {by(self.dilation)} is beyond all reason"
        dilation = "" if {*self.dilation} <= {1} else f" and dilation {by(self.dilation)}"
        return (
            f"kernel {by(self.kernel)} at stride {by(self.stride)}{dilation} does not interpolate: "
            f"gain per phase is {spread(*self.gain_range(fill))}, not 1"
        )


def targets(
    net: Net,
    layers: Sequence[Layer],
    states: Sequence[NetState],
    model: Model | None,
    *,
    apart: bool = False,
) -> list[MatchedLayer]:
    """The facts of each layer, once for each name (or ``apart``), in the net's order.

    Where several states, or several layers of one name, disagree on what it is, or Caffe would
    refuse it in one of them, that is its ``problem``.
    """
    found = (targets_in(net, layers, state, model) for state in states_apart(net, states))
    return united(chain.from_iterable(found), apart=apart)


def targets_in(
    net: Net, layers: Sequence[Layer], state: NetState, model: Model | None
) -> list[MatchedLayer]:
    """The facts of those of the layers that are active in a state, each for itself."""
    wanted = {layer.index for layer in layers if layer.active(state)}
    if not wanted:
        return []
    analysis = analysed(net, state, model)
    shapes = analysis.shapes_with_channels
    layers = [layer for layer in analysis.net.layers if layer.index in wanted]
    return [_target(layer, shapes[layer.index]) for layer in layers]


def united(found: Iterable[MatchedLayer], *, apart: bool = False) -> list[MatchedLayer]:
    """Targets of several states and layers, once for each name (or ``apart``: each layer)."""
    known: dict[str | int, MatchedLayer] = {}
    for target in found:
        key = target.layer.index if apart else target.layer.name
        known[key] = _merged(known[key], target) if key in known else target
    return sorted(known.values(), key=lambda target: target.layer.index)


def both_at_once(known: MatchedLayer, other: MatchedLayer) -> MatchedLayer | None:
    """What is known of a layer from two states; ``None`` where they set it up differently."""
    merged = _merged(known, other)
    return merged if known.problem == other.problem == merged.problem else None


def open_axes(found: Iterable[MatchedLayer]) -> tuple[str, ...]:
    """What is to be said of layers whose number of axes nothing says."""
    names = [quoted(target.layer.name) for target in found if target.axes_open]
    if not names:
        return ()
    several = len(names) > 1
    return (
        f"the number of axes of the bottom{'s' if several else ''} of {listed(names)} is not "
        "known: what depends on it is not judged",
    )


def _target(layer: Layer, shapes: LayerShapes) -> MatchedLayer:
    window = shapes.window
    if window is None:
        return MatchedLayer(
            layer,
            channels=shapes.channels,
            guess=shapes.guess,
            problem=shapes.problem,
            axes_open=shapes.problem is None,
        )
    weight = shapes.blobs[0] if shapes.blobs else None
    shape = tuple(dim for dim in weight or () if dim is not None)
    complete = weight is not None and len(shape) == len(weight)
    return MatchedLayer(
        layer,
        channels=weight[0] if weight else None,
        shape=shape if complete else None,
        kernel=window.kernel,
        stride=window.stride,
        pad=window.pad,
        dilation=window.dilation,
        guess=shapes.guess,
        problem=shapes.problem,
    )


def _merged(known: MatchedLayer, other: MatchedLayer) -> MatchedLayer:
    """The same name again, in another phase or by another layer: one blob has to serve both."""
    if known.problem is not None:
        return known
    if other.problem is not None:
        return known._replace(problem=other.problem)
    one, two = known.layer.convolution_param, other.layer.convolution_param
    if known.axes_open != other.axes_open:  # one of the two says more
        known, other = (other, known) if known.axes_open else (known, other)
    pairs = (
        ("shape", known.shape, other.shape),
        ("kernel", known.kernel, other.kernel or None),
        ("stride", known.stride, other.stride or None),
        ("dilation", known.dilation, other.dilation or None),
        ("group", one.group, two.group),
        ("num_output", one.num_output, two.num_output),
        ("bias_term", one.bias_term, two.bias_term),
    )
    for name, here, there in pairs:
        if here != there and here is not None and there is not None:
            return known._replace(
                problem=f"is set up twice, and differently: {name} {_said(here)} and "
                f"{_said(there)} (line {other.layer.line})",
            )
    if known.shape is None:
        return known._replace(shape=other.shape, channels=other.channels, guess=other.guess)
    return known


def _said(value: object) -> str:
    return dims(value) if isinstance(value, tuple) else str(value).lower()


def filled_with_ones(target: MatchedLayer) -> bool:
    """Its filler is the constant 1 and its kernel equals its stride: pixels are repeated."""
    filler = target.layer.convolution_param.weight_filler
    ones = filler is not None and filler.type == "constant" and filler.value == 1
    return ones and target.kernel == target.stride and prod(target.kernel) > 1
