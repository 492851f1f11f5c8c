"""A net, a model or both, opened: what `check` and `inspect` take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeGuard

from deconvsurgery.caffemodel.model import Model
from deconvsurgery.errors import ArgumentError, FormatError, PrototxtError
from deconvsurgery.inputs.open_inputs import open_net
from deconvsurgery.inputs.pairs_by_content import is_model
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Net
from deconvsurgery.rules.survey import source_selection

from .open_and_write import Path, blamed, files_of, given_model, given_net

if TYPE_CHECKING:
    from deconvsurgery.prototxt.parse import Scanned


class Opened(NamedTuple):
    """A net, a model or both, open, with what to call each.

    ``listed`` is the net, or the model's layers as one, among which patterns choose. ``text`` is
    that of a net that was read here. ``net_file`` and ``model_file`` are the paths that were given.
    """

    net: Net | None
    net_name: str | None
    model: Model | None
    model_name: str | None
    listed: Net
    text: Scanned | None = None
    net_file: str | None = None
    model_file: str | None = None

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
def opened(net: Path | Net | Model | None, model: Path | Model | None) -> Iterator[Opened]:
    """A net, a model or both; errors about the net's layers say which file they stand in.

    Files are told apart by content: what is first and no net is the model, if there is no other
    or that one is the net.
    """
    if net is None and model is None:
        raise ValueError("net and model: one of them is needed, or both")
    if isinstance(net, Model):
        net, model = _swapped(net, model)
    files_of(net, model).check()
    try:
        read, net_name, text = _read(net)
    except FormatError as error:
        if isinstance(error, PrototxtError) or isinstance(net, Net | None) or not is_model(net):
            raise
        net, model = _swapped(net, model)
        read, net_name, text = _read(net)
    with (
        given_model(model) if model is not None else nullcontext((None, None)) as (weights, name),
        blamed(net_name),
    ):
        listed = read or (source_selection(weights) if weights else Net())
        paths = (os.fsdecode(file) if _is_path(file) else None for file in (net, model))
        yield Opened(read, net_name, weights, name, listed, text, *paths)


def _read(net: Path | Net | None) -> tuple[Net | None, str | None, Scanned | None]:
    """A net, what to call it, and the text of one that is read here."""
    if net is None or isinstance(net, Net):
        return (*given_net(net), None) if net is not None else (None, None, None)
    with open_net(net) as (_, text, read):
        return read, os.fsdecode(net), text


def _swapped(model: Path | Model, net: Path | Model | None) -> tuple[Path | None, Path | Model]:
    """The net, if there is one, and the model, which were given the other way round."""
    if isinstance(net, Model):
        raise ArgumentError("net is a model, and so is model", hint="give one net and one model")
    return net, model


def _is_path(file: object) -> TypeGuard[Path]:
    return isinstance(file, str | os.PathLike)
