"""What is on offer while a command is being typed: names of layers in the files named so far.

What cannot be read offers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from deconvsurgery.errors import SurgeryError
from deconvsurgery.inputs.open_inputs import open_model, read_net
from deconvsurgery.inputs.pairs_by_content import net_and_model
from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.storage.streams import can_be_read_again

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import SourceLayer
    from deconvsurgery.prototxt.net import Layer


def layer_names(paths: Sequence[str]) -> tuple[str, ...]:
    """The Deconvolution layers of the first net among the files, or else of the first model.

    Each name once, in the file's order; none where no file can be read. Streams are not touched.
    """
    found = [*_told_apart(paths)]
    for net in (net for net, _ in found if net is not None):
        with suppress(SurgeryError):
            return _names(read_net(net).layers)
    for model in (model for _, model in found if model is not None):
        with suppress(SurgeryError), open_model(model) as opened:
            return _names(opened.layers)
    return ()


def _told_apart(paths: Iterable[str]) -> Iterator[tuple[str | None, str | None]]:
    for path in paths:
        if can_be_read_again(path):
            with suppress(SurgeryError):
                yield net_and_model([path])


def _names(layers: Iterable[Layer | SourceLayer]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(layer.name for layer in layers if layer.type == DECONVOLUTION))
