"""What ``transplant --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict

from deconvsurgery.plans.transplant.blobs import Origin
from deconvsurgery.verbs.transplant import NewLayer, TransplantAction, TransplantResult

from .document import SCHEMA_VERSION, Count, Fact, SchemaVersion, Warnings, jsonable
from .planned_layer import PlannedLayer, planned

BlobOrigin: TypeAlias = Annotated[str, Fact(choices=(TransplantAction.FILLED, *Origin))]
LayerAction: TypeAlias = Annotated[
    str, Fact(choices=(TransplantAction.FILLED, *Origin, TransplantAction.LEFT))
]


class GraftedBlobEntry(TypedDict):
    """A blob of the new model."""

    origin: BlobOrigin
    """Where its values come from: copied (as it was), coerced (the same values in another shape),
    expanded (the first rows of a larger score layer), forced (--flat: cut off or repeated),
    constant (the filler's), filled (bilinear, by --apply)."""
    shape: Sequence[int]
    """Lengths of its axes."""
    was: Sequence[int] | None
    """Lengths of the old blob's axes; null where no old one was used."""


# Not a class: a key is a word of Python's.
TransplantedLayer = TypedDict(
    "TransplantedLayer",
    {
        "name": Annotated[
            str,
            Fact(
                "The layer's name; bytes in it that are no UTF-8 are written as \\udc80 to \\udcff."
            ),
        ],
        "type": Annotated[str, Fact("The layer's type as today's Caffe spells it.")],
        "action": Annotated[
            LayerAction | None,
            Fact(
                "The most important of its blobs' origins: copied (as it was), coerced (the same "
                "values in another shape), expanded (the first rows of a larger score layer), "
                "forced (--flat: cut off or repeated), constant (the filler's), filled (bilinear, "
                "by --apply); or left to Caffe, which makes all its blobs; null for a layer "
                "without blobs."
            ),
        ],
        "from": Annotated[
            str | None,
            Fact("The old model's layer that its weights come from; null where there is none."),
        ],
        "blobs": Annotated[
            Sequence[GraftedBlobEntry],
            Fact("Its blobs, in their order; none where they are left to Caffe."),
        ],
        "told": Annotated[Sequence[str], Fact("What else is to be said of it, a sentence each.")],
    },
)
TransplantedLayer.__doc__ = "A layer of the new net."


class TransplantBytes(TypedDict):
    """Sizes of the model."""

    input: Count
    """Size of the input in bytes."""
    output: Count
    """Size of the output in bytes, written or foreseen."""


class TransplantDocument(TypedDict):
    """Where the weights of each layer of the new net come from, or with --dry-run would come."""

    schema_version: SchemaVersion
    command: Literal["transplant"]
    """The command that wrote the document."""
    net: str
    """The new net's path as it was given; - for standard input."""
    input: str
    """The old model's path as it was given; - for standard input."""
    output: str | None
    """Where the model was written; null in a dry run."""
    written: bool
    """The model was written: not in a dry run."""
    layers: Sequence[TransplantedLayer]
    """Every layer of the new net, in its order."""
    dropped: Sequence[str]
    """Layers of the old model whose weights no layer of the new net takes."""
    filled: Sequence[PlannedLayer]
    """With --apply the upsampling layers, in the net's order, as in the document of apply;
    otherwise empty."""
    bytes: TransplantBytes
    """Sizes of the model."""
    warnings: Warnings


def transplant_document(result: TransplantResult) -> TransplantDocument:
    """What ``transplant`` did or would do."""
    return jsonable(
        TransplantDocument(
            schema_version=SCHEMA_VERSION,
            command="transplant",
            net=result.net,
            input=result.input,
            output=result.output,
            written=result.written,
            layers=[_layer(layer) for layer in result.layers],
            dropped=result.grafting.dropped,
            filled=[planned(row) for row in result.plan.layers] if result.plan else [],
            bytes={"input": result.input_size, "output": result.output_size},
            warnings=result.warnings,
        )
    )


def _layer(layer: NewLayer) -> TransplantedLayer:
    return {
        "name": layer.layer.name,
        "type": layer.layer.type,
        "action": None if layer.action is TransplantAction.NO_BLOBS else layer.action,
        "from": layer.old,
        "blobs": [
            {"origin": origin, "shape": shape, "was": was} for origin, shape, was in layer.blobs
        ],
        "told": layer.told,
    }
