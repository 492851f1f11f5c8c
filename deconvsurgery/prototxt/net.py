"""The nouns of a net, immutable: Net, Layer, ConvolutionParam, NetState and its rules."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from enum import IntEnum
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

from deconvsurgery.arguments import texts
from deconvsurgery.named_tuple import Frozen, NamedTuple
from deconvsurgery.wording import one_line, plural, quoted

from .ignore_comments import IgnoreComment
from .net_message import NetMessage as NetMessage
from .net_message import Value as Value
from .unknown_field import UnknownField

T = TypeVar("T")


class Phase(IntEnum):
    """Caffe's ``Phase``."""

    TRAIN = 0
    TEST = 1


class NetState(Frozen):
    """What a net is set up for; Caffe's default phase is TEST.

    A single ``stage`` may be given as a str.
    """

    phase: Phase
    level: int
    stage: tuple[str, ...]

    def __init__(
        self, phase: Phase = Phase.TEST, level: int = 0, stage: str | Iterable[str] = ()
    ) -> None:
        # A str would have every part of it for a stage.
        self.__dict__.update(phase=phase, level=level, stage=texts(stage, "stage"))

    @cached_property
    def _stages(self) -> frozenset[str]:
        return frozenset(self.stage)

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __hash__(self) -> int:
        return self._hash  # asked of every layer again and again

    def has(self, stage: str) -> bool:
        """``stage`` is one of its stages, of which there may be many."""
        return stage in self._stages


class NetStateRule(NamedTuple):
    """One ``include`` or ``exclude`` rule; an empty rule is always met."""

    phase: Phase | None = None
    min_level: int | None = None
    max_level: int | None = None
    stage: tuple[str, ...] = ()
    not_stage: tuple[str, ...] = ()

    def met(self, state: NetState) -> bool:
        """All conditions hold (Caffe ``Net::StateMeetsRule``)."""
        return (
            (self.phase is None or self.phase == state.phase)
            and (self.min_level is None or state.level >= self.min_level)
            and (self.max_level is None or state.level <= self.max_level)
            and all(map(state.has, self.stage))
            and not any(map(state.has, self.not_stage))
        )


class ParamSpec(NamedTuple):
    """A learnable blob's training parameters; a shared name means shared memory."""

    name: str = ""
    lr_mult: float = 1.0
    decay_mult: float = 1.0


class Filler(NamedTuple):
    """A ``FillerParameter``, as far as upsampling needs it."""

    type: str = "constant"
    value: float = 0.0


class ConvolutionParam(NamedTuple):
    """``convolution_param`` as given; ``None`` and ``()`` stand for what was not."""

    num_output: int = 0
    bias_term: bool = True
    group: int = 1
    axis: int = 1
    kernel_size: tuple[int, ...] = ()
    kernel_h: int | None = None
    kernel_w: int | None = None
    stride: tuple[int, ...] = ()
    stride_h: int | None = None
    stride_w: int | None = None
    pad: tuple[int, ...] = ()
    pad_h: int | None = None
    pad_w: int | None = None
    dilation: tuple[int, ...] = ()
    weight_filler: Filler | None = None
    bias_filler: Filler | None = None


class Layer(NamedTuple):
    """One layer of a net in V2 terms, wherever it came from.

    ``message`` holds everything the text says of it, ``line`` and ``column`` (from 1)
    where it begins; 0 for the Input layer that Caffe's upgrade makes of ``input:``.
    """

    index: int  # type: ignore[assignment]  # tuple's is a method
    name: str
    type: str
    bottom: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    param: tuple[ParamSpec, ...] = ()
    include: tuple[NetStateRule, ...] = ()
    exclude: tuple[NetStateRule, ...] = ()
    convolution_param: ConvolutionParam = ConvolutionParam()
    misspelt: tuple[UnknownField, ...] = ()
    message: NetMessage = NetMessage()
    line: int = 0
    column: int = 0

    def __repr__(self) -> str:
        place = f", line {self.line}" if self.line else ""
        return f"<Layer {quoted(self.name)}: {one_line(self.type)}{place}>"

    @property
    def is_frozen(self) -> bool:
        """Training leaves its first blob, the weights, as it is: its lr_mult is 0."""
        return bool(self.param) and self.param[0].lr_mult == 0

    def active(self, state: NetState) -> bool:
        """Caffe keeps the layer in this ``state`` (``Net::FilterNet``)."""
        if self.include:
            return any(rule.met(state) for rule in self.include)
        return not self.exclude or not any(rule.met(state) for rule in self.exclude)


class Net(Frozen):
    """A prototxt's meaning: layers in file order after Caffe's upgrades.

    ``version`` is the form of its layers (``V2``, ``V1`` or ``V0``), ``encoding`` the one
    its bytes were read in, ``notes`` what was unusual about the text. ``ignores`` are
    comments that say which findings are meant to be so.
    """

    name: str = ""
    layers: tuple[Layer, ...] = ()
    state: NetState = NetState()
    version: str = "V2"
    encoding: str = "utf-8"
    notes: tuple[str, ...] = ()
    ignores: tuple[IgnoreComment, ...] = ()

    @cached_property
    def _answers(self) -> dict[Hashable, Any]:
        return {}  # what was worked out about this net; see `once`

    def __repr__(self) -> str:
        name = f" {quoted(self.name)}" if self.name else ""
        return f"<Net{name}: {plural(len(self.layers), 'layer')}, {self.version}>"

    def filtered(self, state: NetState) -> Net:
        """The net that Caffe sets up in ``state``; layers keep their ``index``."""
        return once(self, ("filtered", state), lambda: self._filtered(state))

    def _filtered(self, state: NetState) -> Net:
        active = tuple(layer for layer in self.layers if layer.active(state))
        return self._replace(layers=active, state=state)

    def states(
        self,
        phase: Phase | None = None,
        level: int | None = None,
        stage: str | Iterable[str] = (),
    ) -> tuple[NetState, ...]:
        """The states to look at: of the phase asked for, or of both (TEST first).

        Args:
            phase: the phase; without it both.
            level: the level, in place of what the file says.
            stage: stages that are added to the file's own, as ``caffe.Net`` does.
        """
        phases = BOTH_PHASES if phase is None else (phase,)
        stages = self.state.stage + texts(stage, "stage")
        own_level = self.state.level if level is None else level
        return tuple(NetState(each, own_level, stages) for each in phases)

    def state_with(
        self, layer: Layer, state: NetState, *, any_phase: bool = False
    ) -> NetState | None:
        """The state nearest to ``state`` in which the layer is active; ``None`` where none is.

        The phase stays, unless ``any_phase``; the net's own stages stay, as nobody can take them
        out (``caffe.Net`` only adds to them). Rules are met or broken one at a time and all at
        once, which finds a state for whatever people write; it is no search.
        """
        phases = dict.fromkeys((state.phase, *(BOTH_PHASES if any_phase else ())))
        for phase in phases:
            here = state._replace(phase=phase)
            for near in islice(_near(layer, here, frozenset(self.state.stage)), _MOST_TRIED):
                if layer.active(near):
                    return near
        return None


def once(net: Net, question: Hashable, answer: Callable[[], T]) -> T:
    """What was worked out about a net before, or else is now; it is kept with the net."""
    if question not in net._answers:
        net._answers[question] = answer()
    found: T = net._answers[question]
    return found


BOTH_PHASES = (Phase.TEST, Phase.TRAIN)
_MOST_TRIED = 64  # nobody writes so many rules; a hostile net might


def _near(layer: Layer, state: NetState, own: frozenset[str]) -> Iterator[NetState]:
    """States that differ from ``state`` in what the layer's rules ask for."""
    yield state
    for rule in layer.include:
        unwanted = frozenset(rule.not_stage) - own
        kept = tuple(stage for stage in state.stage if stage not in unwanted)
        level = max(state.level, state.level if rule.min_level is None else rule.min_level)
        level = min(level, level if rule.max_level is None else rule.max_level)
        yield state._replace(level=level, stage=tuple(dict.fromkeys((*kept, *rule.stage))))
    asked = {stage for rule in layer.exclude for stage in rule.stage}
    banned = [stage for rule in layer.exclude for stage in rule.not_stage]
    fewer = tuple(stage for stage in state.stage if stage in own or stage not in asked)
    more = tuple(dict.fromkeys((*state.stage, *banned)))
    levels = [rule.min_level - 1 for rule in layer.exclude if rule.min_level is not None]
    levels += [rule.max_level + 1 for rule in layer.exclude if rule.max_level is not None]
    for stage in (state.stage, fewer, more, tuple(dict.fromkeys((*fewer, *banned)))):
        for level in (state.level, *levels):
            yield state._replace(level=level, stage=stage)
