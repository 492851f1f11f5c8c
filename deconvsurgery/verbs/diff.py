"""``diff``: two models, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import ClassVar

from deconvsurgery.arguments import texts
from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.comparison.compare_models import make_contrast
from deconvsurgery.comparison.result import LayerContrast, ModelContrast
from deconvsurgery.matching.shared_blobs import owners_by_model, with_shared
from deconvsurgery.prototxt.nothing_selected import no_such_layer
from deconvsurgery.prototxt.selection import name_choice
from deconvsurgery.storage.run_files import RunFiles
from deconvsurgery.wording import plural

from .open_and_write import (
    Path,
    Progress,
    counting,
    given_model,
)
from .result import Result

_PROGRESS = 1 << 22  # bytes from one report of progress to the next


class DiffResult(Result):
    """What two models are to each other.

    Attributes:
        contrast: every layer of either, what differs, and whether the files are identical.
        a_path: the first model's path, or its name.
        b_path: the second model's.
        a_version: the form of the first: V2, V1 or V0 layers, several, none, or HDF5.
        b_version: the form of the second.
        a_size: bytes of the first.
        b_size: bytes of the second.
        atol: how far apart values may be that count as the same; ``None``: only equal ones do.
    """

    contrast: ModelContrast
    a_path: str
    b_path: str
    a_version: Version
    b_version: Version
    a_size: int
    b_size: int
    atol: float | None = None

    _verb: ClassVar[str] = "diff"

    def _essence(self) -> str:
        differing = sum(layer.differs for layer in self.layers)
        words = (
            "the same"
            if self.same
            else f"of {plural(len(self.layers), 'layer')} {differing:,} differ"
        )
        return f"{self.a_path}, {self.b_path}: {words}"

    @property
    def layers(self) -> tuple[LayerContrast, ...]:
        """Every layer in A's order, those that only B has where they stand there."""
        return self.contrast.layers

    @property
    def same(self) -> bool:
        """Caffe would load the same weights from either."""
        return self.contrast.same


def diff(
    a: Path | Model,
    b: Path | Model,
    *,
    patterns: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    atol: float | None = None,
    progress: Progress | None = None,
) -> DiffResult:
    """Compare two models of any form by the names, shapes and values of their weights.

    Args:
        a: the weights: a path or URL, ``-`` for standard input, or an open `Model`.
        b: the other one, likewise.
        patterns: names of the layers to compare (``-p``): a text or several. Plain text is looked
            for in the name, ``*``, ``?`` and ``[`` make a glob of the whole name, ``re:`` begins a
            regular expression. Layers of any type; without it all are compared.
        exclude: names that are left out, in the same forms (``-x``).
        atol: values at most so far apart are the same (``--atol``); without it they must be equal.
        progress: called with how many bytes of values are compared, and of how many.

    Returns:
        Whether they are the same, and a row for each layer of either.

    Raises:
        ModelError: a file is no model, or is damaged.
        SelectionError: patterns match no layer.
        FileError: the system refuses to read.
        ValueError: ``atol`` is negative or no number.

    >>> import deconvsurgery as ds
    >>> ds.diff("in.caffemodel", "in.caffemodel").same
    True
    """
    if atol is not None and not (isfinite(atol) and atol >= 0):
        raise ValueError(f"atol is a number from 0 on, not {atol!r}")
    patterns = texts(patterns, "patterns")
    chosen = name_choice(patterns, texts(exclude, "exclude"))
    files = RunFiles()
    for role, model in (("the first model", a), ("the second model", b)):
        files.reads(role, model)
    files.check()
    with given_model(a) as (one, a_name), given_model(b) as (other, b_name):
        names = [layer.name for opened in (one, other) for layer in opened.layers]
        if chosen is not None and not any(map(chosen, names)):
            raise no_such_layer(patterns, names)
        on_bytes = _seldom(counting(progress, one.source.size)) if progress else None
        contrast = make_contrast(
            with_shared(one, owners_by_model(other)),
            with_shared(other, owners_by_model(one)),
            chosen=chosen,
            atol=atol,
            on_bytes=on_bytes,
        )
        return DiffResult(
            contrast=contrast,
            a_path=a_name,
            b_path=b_name,
            a_version=one.version,
            b_version=other.version,
            a_size=one.source.size,
            b_size=other.source.size,
            atol=atol,
        )


def _seldom(on_bytes: Callable[[int], None]) -> Callable[[int], None]:
    """Pass on sums of pieces: a bar need not move a thousand times a second."""
    held = 0

    def add(count: int) -> None:
        nonlocal held
        held += count
        if held >= _PROGRESS:
            on_bytes(held)
            held = 0

    return add
