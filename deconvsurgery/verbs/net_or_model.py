"""A net, a model or both, opened: what `check` and `inspect` take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from deconvsurgery.inputs.open_inputs import open_net
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Net
from deconvsurgery.rules.survey import source_selection

from .open_and_write import Path, blamed, files_of, given_model, given_net

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.prototxt.parse import Scanned


class Opened(NamedTuple):
    """A net, a model or both, open, with what to call each.

    ``listed`` is the net, or the model's layers as one, among which patterns choose. ``text`` is
    that of a net that was read here.
    """

    net: Net | None
    net_name: str | None
    model: Model | None
    model_name: str | None
    listed: Net
    text: Scanned | None = None

    @property
    def holder(self) -> str:
        """What has the layers that are listed."""
        return "the net" if self.net else "the model"

    @property
    def net_version(self) -> str | None:
        """The generation of the net's text."""
        return self.net.version if self.net else None

    @property
    def model_version(self) -> str | None:
        """The form and generation of the model's file."""
        return str(self.model.version) if self.model else None

    @property
    def model_size(self) -> int | None:
        """Bytes of the model's file."""
        return self.model.source.size if self.model else None


@contextmanager
def opened(net: Path | Net | None, model: Path | Model | None) -> Iterator[Opened]:
    """A net, a model or both; errors about the net's layers say which file they stand in."""
    if net is None and model is None:
        raise ValueError("a net, a model or both are needed")
    files_of(net, model).check()
    text = None
    if net is None or isinstance(net, Net):
        read, net_name = given_net(net) if net is not None else (None, None)
    else:
        with open_net(net) as (_, text, read):
            net_name = os.fsdecode(net)
    with (
        given_model(model) if model is not None else nullcontext((None, None)) as (weights, name),
        blamed(net_name),
    ):
        listed = read or (source_selection(weights) if weights else Net())
        yield Opened(read, net_name, weights, name, listed, text)
