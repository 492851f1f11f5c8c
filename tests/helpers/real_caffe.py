"""A real Caffe to ask: one static program that lies beside the checkout; see ``at_hand``."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.places import SHARED

PROGRAM = SHARED / "tools" / "caffe" / "caffe-run"

at_hand = pytest.mark.skipif(not PROGRAM.is_file(), reason=f"no real Caffe at {PROGRAM}")
"""The marker of tests that ask it."""


@dataclass(frozen=True)
class Answer:
    """What Caffe did with a net, and with a model if one was given."""

    stops: bool
    at: str | None
    """Where it stopped: ``read``, ``net``, ``model``, ``forward``, ``save``, or ``crash``."""
    message: str
    """Its own message, and what protobuf's parser said."""
    blobs: tuple[tuple[str, str, tuple[tuple[int, ...], ...]], ...]
    """Each layer in order: its name, its type, the shapes of its blobs."""
    tops: dict[str, tuple[int, ...]]
    """The shape of every blob of the net."""
    weights: dict[tuple[int, str, int], np.ndarray]
    """By a layer's place in the net that ran, its name, and the blob's index; if asked for."""
    values: dict[str, np.ndarray]
    """What the forward put into each top; if asked for."""

    def shapes_of(self, name: str) -> tuple[tuple[int, ...], ...]:
        """The shapes of the blobs of the only layer of a name."""
        (found,) = (shapes for layer, _, shapes in self.blobs if layer == name)
        return found

    def weights_of(self, name: str, index: int = 0) -> np.ndarray:
        """A blob of the only layer of a name."""
        (found,) = (
            array
            for (_, layer, blob), array in self.weights.items()
            if (layer, blob) == (name, index)
        )
        return found


def real_caffe(
    net: str | Path,
    model: bytes | Path | None = None,
    *,
    phase: str = "test",
    stages: tuple[str, ...] = (),
    level: int | None = None,
    forward: bool = False,
    weights: bool = False,
) -> Answer:
    """What a real Caffe does with a net's text or file, and with a model's bytes or file.

    ``weights`` asks for the blobs of every layer, ``forward`` runs the net on
    ``(((arange(n)*37)%101-50)/50).astype(float32)`` and asks for every top (and the blobs).
    """
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        if isinstance(net, str):
            text, net = net, here / "net.prototxt"
            net.write_text(text, "utf-8")
        if isinstance(model, bytes):
            data, model = model, here / "in.caffemodel"
            model.write_bytes(data)
        words = [str(PROGRAM), str(net), *([str(model)] if model is not None else [])]
        words += ["--phase", phase]
        words += [word for stage in stages for word in ("--stage", stage)]
        words += ["--level", str(level)] if level is not None else []
        words += ["--forward"] if forward else []
        dumped = here / "dumped"
        if forward or weights:
            dumped.mkdir()
            words += ["--dump", str(dumped)]
        run = subprocess.run(words, capture_output=True, check=False, timeout=120)
        if run.returncode < 0:  # it divided by 0, or read beyond an array
            said: dict[str, Any] = {
                "stops": True,
                "at": "crash",
                "message": f"signal {-run.returncode}",
            }
        else:
            said = json.loads(run.stdout)
            assert run.returncode == int(said["stops"])
        return Answer(
            stops=said["stops"],
            at=said.get("at"),
            message=" ".join(str(said.get(key) or "") for key in ("message", "parser")).strip(),
            blobs=tuple(
                (layer["name"], layer["type"], tuple(tuple(shape) for shape in layer["blobs"]))
                for layer in said.get("layers", ())
            ),
            tops={name: tuple(shape) for name, shape in said.get("tops", {}).items()},
            weights=dict(sorted(_weights(dumped))),
            values={
                path.stem.removeprefix("top-"): np.load(path) for path in dumped.glob("top-*.npy")
            },
        )


def _weights(folder: Path) -> list[tuple[tuple[int, str, int], np.ndarray]]:
    found = []
    for path in folder.glob("weights-*.npy"):
        place, rest = path.stem.removeprefix("weights-").split("-", 1)
        name, index = rest.rsplit("-", 1)
        found.append(((int(place), name, int(index)), np.load(path)))
    return found
