"""Network surgery on Caffe models, without Caffe.

>>> import deconvsurgery as ds
>>> ds.bilinear_kernel(4)[0].tolist()
[0.0625, 0.1875, 0.1875, 0.0625]

The verbs are functions: ``apply`` and ``inspect`` over paths or open objects, returning frozen
values, raising the errors of ``deconvsurgery.errors``. ``interp`` works on a live pycaffe net.
Nothing heavy is imported before a name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "errors": (
        "ConfigError",
        "FileError",
        "FormatError",
        "LayerError",
        "MismatchError",
        "ModelError",
        "NotANetError",
        "OutputError",
        "PrototxtError",
        "SelectionError",
        "ShapeError",
        "SurgeryError",
    ),
    "net": ("ConvolutionParam", "Layer", "Message", "Net", "NetState", "Phase"),
    "fill": ("BilinearFill",),
    "json_schemas": ("json_schema",),
    "kernels": (
        "Formula",
        "Recipe",
        "Support",
        "bilinear_kernel",
        "phase_gains",
        "recipe",
    ),
    "fingerprint": ("Fingerprint", "State"),
    "model": ("Model", "SourceBlob", "SourceLayer"),
    "prototxt": ("parse_net",),
    "read": ("open_model", "read_net"),
    "patterns": ("Selection", "match_layers"),
    "fit": ("Options", "Target"),
    "change": ("Action", "Change", "Plan", "Skip"),
    "plan": ("make_plan",),
    "finding": ("Finding", "Repair", "Rule", "Severity", "Step"),
    "contrast": ("BlobContrast", "Contrast", "LayerContrast", "Likeness"),
    "difference": ("Difference",),
    "verbs.apply": ("ApplyResult", "apply"),
    "verbs.check": ("CheckResult", "check"),
    "verbs.convert": ("ConvertResult", "convert"),
    "verbs.demo": ("demo",),
    "verbs.diff": ("DiffResult", "diff"),
    "verbs.inspect": ("InspectResult", "inspect"),
    "verbs.kernel": ("kernel",),
    "verbs.regroup": ("RegroupResult", "regroup"),
    "verbs.sweep": ("SweepResult", "sweep"),
    "verbs.revert": ("RevertResult", "revert"),
    "verbs.transplant": ("TransplantResult", "transplant"),
    "verbs.patch_net": ("PatchResult", "patch_net"),
    "patching": ("LayerPatch",),
    "retouch": ("FieldChange",),
    "portrait": ("KernelFacts",),
    "pycaffe": ("interp",),
    "report.html": ("html_report",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from .change import Action, Change, Plan, Skip
    from .contrast import BlobContrast, Contrast, LayerContrast, Likeness
    from .difference import Difference
    from .errors import (
        ConfigError,
        FileError,
        FormatError,
        LayerError,
        MismatchError,
        ModelError,
        NotANetError,
        OutputError,
        PrototxtError,
        SelectionError,
        ShapeError,
        SurgeryError,
    )
    from .fill import BilinearFill
    from .finding import Finding, Repair, Rule, Severity, Step
    from .fingerprint import Fingerprint, State
    from .fit import Options, Target
    from .json_schemas import json_schema
    from .kernels import (
        Formula,
        Recipe,
        Support,
        bilinear_kernel,
        phase_gains,
        recipe,
    )
    from .model import Model, SourceBlob, SourceLayer
    from .net import ConvolutionParam, Layer, Message, Net, NetState, Phase
    from .patching import LayerPatch
    from .patterns import Selection, match_layers
    from .plan import make_plan
    from .portrait import KernelFacts
    from .prototxt import parse_net
    from .pycaffe import interp
    from .read import open_model, read_net
    from .report.html import html_report
    from .retouch import FieldChange
    from .verbs.apply import ApplyResult, apply
    from .verbs.check import CheckResult, check
    from .verbs.convert import ConvertResult, convert
    from .verbs.demo import demo
    from .verbs.diff import DiffResult, diff
    from .verbs.inspect import InspectResult, inspect
    from .verbs.kernel import kernel
    from .verbs.patch_net import PatchResult, patch_net
    from .verbs.regroup import RegroupResult, regroup
    from .verbs.revert import RevertResult, revert
    from .verbs.sweep import SweepResult, sweep
    from .verbs.transplant import TransplantResult, transplant

__all__ = [
    "Action",
    "ApplyResult",
    "BilinearFill",
    "BlobContrast",
    "Change",
    "CheckResult",
    "ConfigError",
    "Contrast",
    "ConvertResult",
    "ConvolutionParam",
    "DiffResult",
    "Difference",
    "FieldChange",
    "FileError",
    "Finding",
    "Fingerprint",
    "FormatError",
    "Formula",
    "InspectResult",
    "KernelFacts",
    "Layer",
    "LayerContrast",
    "LayerError",
    "LayerPatch",
    "Likeness",
    "Message",
    "MismatchError",
    "Model",
    "ModelError",
    "Net",
    "NetState",
    "NotANetError",
    "Options",
    "OutputError",
    "PatchResult",
    "Phase",
    "Plan",
    "PrototxtError",
    "Recipe",
    "RegroupResult",
    "Repair",
    "RevertResult",
    "Rule",
    "Selection",
    "SelectionError",
    "Severity",
    "ShapeError",
    "Skip",
    "SourceBlob",
    "SourceLayer",
    "State",
    "Step",
    "Support",
    "SurgeryError",
    "SweepResult",
    "Target",
    "TransplantResult",
    "apply",
    "bilinear_kernel",
    "check",
    "convert",
    "demo",
    "diff",
    "html_report",
    "inspect",
    "interp",
    "json_schema",
    "kernel",
    "make_plan",
    "match_layers",
    "open_model",
    "parse_net",
    "patch_net",
    "phase_gains",
    "read_net",
    "recipe",
    "regroup",
    "revert",
    "sweep",
    "transplant",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
