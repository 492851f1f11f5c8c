"""What a draft does to a file, to be looked at: a row for each layer and blob that it changes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import dims, plural, printable, quoted

if TYPE_CHECKING:
    from .draft import BlobDraft, EditDraft, LayerDraft


class EditAction(StrEnum):
    """What becomes of a layer, the most of what does: a renamed one may be rewritten, too."""

    REWRITTEN = "rewritten"
    RENAMED = "renamed"
    ADDED = "added"
    REMOVED = "removed"


class BlobAction(StrEnum):
    """What becomes of a blob: its values are ``set`` if they were given, with a shape or without.

    ``scaled`` ones are the file's times a factor, or several; a blob is ``reshaped`` whose values
    stay.
    """

    SET = "set"
    SCALED = "scaled"
    ZEROED = "zeroed"
    RESHAPED = "reshaped"
    KEPT = "kept"


class BlobEdit(NamedTuple):
    """What becomes of a blob of a layer: its shape ``before`` (``None``: it is new) and ``after``.

    ``size`` is the bytes of values that are written, ``factors`` what they are multiplied by.

    >>> BlobEdit(0, BlobAction.SCALED, (2, 3), (2, 3), 24, (0.5,)).words
    '0 scaled by 0.5 (2, 3)'
    """

    position: int
    action: BlobAction
    before: tuple[int, ...] | None
    after: tuple[int, ...]
    size: int = 0
    factors: tuple[float, ...] = ()

    @property
    def words(self) -> str:
        """In a few words."""
        found = f"{self.position} {self.action}"
        if self.factors:
            found += f" by {', '.join(f'{factor:g}' for factor in self.factors)}"
        if self.before in (None, self.after):
            return f"{found} {dims(self.after)}"
        return f"{found} {dims(self.before)} to {dims(self.after)}"


class LayerEdit(NamedTuple):
    """What becomes of a layer: ``name`` is what it is called then, ``was`` before (``None``: new).

    ``blobs`` has all of its blobs, none of a layer that is removed. ``reason`` says what is to be
    known of it, ``None`` where nothing is.
    """

    name: str
    action: EditAction
    was: str | None
    type: str
    blobs: tuple[BlobEdit, ...]
    reason: str | None = None

    @property
    def line(self) -> None:
        """None, as a model has no lines; rows about a net have one."""


class EditPlan(NamedTuple):
    """What edits do to a model: a row for each layer that they change, of ``total`` in the file.

    ``rewritten`` is how many bytes of what is written are not the file's own. ``print`` shows it as
    a table.

    >>> EditPlan((), 3, 0)
    EditPlan(layers=0, changed=False, rewritten=0)
    """

    layers: tuple[LayerEdit, ...]
    total: int
    rewritten: int

    @property
    def changed(self) -> bool:
        """Carrying it out makes another file."""
        return bool(self.layers)

    def __repr__(self) -> str:
        return (
            f"EditPlan(layers={len(self.layers)}, changed={self.changed}, "
            f"rewritten={self.rewritten})"
        )

    def __str__(self) -> str:
        """The plan as a plain table, a line for each layer."""
        rows = [(printable(each.name), _action(each), _blobs(each)) for each in self.layers]
        widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
        lines = [
            f"{name:<{widths[0]}}  {action:<{widths[1]}}  {blobs}".rstrip()
            for name, action, blobs in rows
        ]
        ends = f"{len(rows)} of {plural(self.total, 'layer')}" if rows else "no layer"
        return "\n".join([*lines, f"{ends}: {plural(self.rewritten, 'byte')} to write"])


def _action(row: LayerEdit) -> str:
    if row.was is not None and row.was != row.name:
        return f"{row.action} (was {printable(quoted(row.was))})"
    return str(row.action)


def _blobs(row: LayerEdit) -> str:
    words = [blob.words for blob in row.blobs if blob.action is not BlobAction.KEPT]
    return "; ".join([*words, *([row.reason] if row.reason else [])])


def planned(draft: EditDraft, rewritten: int) -> EditPlan:
    """What the draft does, in the order of the file, new layers behind; ``rewritten`` bytes."""
    rows = [
        _row(draft, layer)
        for layer in draft.layers
        if layer.changed and (layer.source is not None or not layer.removed)
    ]
    total = sum(layer.source is not None for layer in draft.layers)
    return EditPlan(tuple(rows), total, rewritten)


def _row(draft: EditDraft, layer: LayerDraft) -> LayerEdit:
    source = layer.source
    blobs = () if layer.removed else tuple(map(_blob, range(len(layer.blobs)), layer.blobs))
    if source is None:
        action = EditAction.ADDED
    elif layer.removed:
        action = EditAction.REMOVED
    else:
        action = EditAction.RENAMED if layer.renamed else EditAction.REWRITTEN
    said = [note for blob in layer.blobs for note in blob.notes if not layer.removed]
    if layer.removed and draft.model.version is Version.HDF5:
        said.append("the bytes of its values stay in the file, without a name")
    others = len(draft.places(layer.name)) - 1
    if others > 0 and any(each.action is not BlobAction.KEPT for each in blobs):
        said.append(f"{plural(others, 'other layer')} of this name stay as they are")
    return LayerEdit(
        layer.name,
        action,
        None if source is None else source.name,
        layer.type_,
        blobs,
        "; ".join(said) or None,
    )


def _blob(position: int, blob: BlobDraft) -> BlobEdit:
    action = BlobAction.KEPT
    if blob.given is not None:
        action = BlobAction.SET
    elif blob.zero:
        action = BlobAction.ZEROED
    elif blob.factors:
        action = BlobAction.SCALED
    elif blob.reshaped:
        action = BlobAction.RESHAPED
    source = blob.source
    before = None if source is None else source.shape
    # HDF5 has no other shape for a dataset: it is made anew.
    anew = blob.reshaped and source is not None and isinstance(source.place, Dataset)
    size = blob.count * blob.dtype.width if blob.rewritten or anew else 0
    return BlobEdit(position, action, before, blob.shape, size, blob.factors)
