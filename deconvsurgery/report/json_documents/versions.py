"""The forms of nets and models, as JSON documents name them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from deconvsurgery.caffemodel.model import Version

from .document import Fact

NetVersion: TypeAlias = Annotated[str, Fact(choices=(Version.V2, Version.V1, Version.V0))]
ModelVersion: TypeAlias = Annotated[str, Fact(choices=tuple(Version))]
ConvertedVersion: TypeAlias = Annotated[
    str, Fact(choices=[version for version in Version if version is not Version.MIXED])
]
"""``convert`` refuses a model of both V1 and V2 layers."""
