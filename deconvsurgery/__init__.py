"""Network surgery on Caffe models, without Caffe.

>>> import deconvsurgery as ds
>>> ds.bilinear_kernel(4)[0].tolist()
[0.0625, 0.1875, 0.1875, 0.0625]

The verbs are functions: ``apply`` and ``inspect`` over paths or open objects, returning frozen
values, raising the errors of ``deconvsurgery.errors``. ``interp`` works on a live pycaffe net.
Nothing heavy is imported before a name is used.
"""

# Nothing is imported before the command hears signals.
import os
import sys

TYPE_CHECKING = False


def _leave_at_once() -> None:
    """Have a signal end this process with its code: there is nothing to clean up, or no more.

    Those that are ignored, as under nohup, stay so.
    """
    import _signal as signals  # type: ignore[import-not-found]  # signal imports others first

    # An argument, as names go when Python ends.
    def leave(number: int, _frame: object, leave: "Callable[[int], None]" = os._exit) -> None:
        leave(128 + number)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signals, name, None)  # not every system has the last one
        if number is not None and signals.getsignal(number) != signals.SIG_IGN:
            signals.signal(number, leave)


def _is_the_command() -> bool:
    """Whether this process is the installed command, or ``python -m`` that looks for this package.

    A program that imports this package has signals of its own.
    """
    given = getattr(sys, "argv", [])
    started = "".join(sys.orig_argv[-len(given) :][:1])  # what of Python's own arguments it runs
    if given[:1] == ["-m"]:
        return started.endswith(__name__)
    return os.path.basename(started) == __name__


if _is_the_command():
    _leave_at_once()

from .version import __version__ as __version__  # noqa: E402

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
    "prototxt.net": ("ConvolutionParam", "Layer", "Message", "Net", "NetState", "Phase"),
    "kernels.bilinear_fill": ("BilinearFill",),
    "report.json_documents.json_schemas": ("json_schema",),
    "kernels.formula": ("Formula", "Support"),
    "kernels.bilinear": ("Recipe", "bilinear_kernel", "phase_gains", "recipe"),
    "kernels.fingerprint": ("Fingerprint", "State"),
    "caffemodel.model": ("Model", "SourceBlob", "SourceLayer"),
    "prototxt.parse": ("parse_net",),
    "inputs.open_inputs": ("open_model", "read_net"),
    "prototxt.selection": ("Selection", "match_layers"),
    "matching.matched_layer": ("Options", "Target"),
    "plans.apply.plan_types": ("Action", "Change", "Plan", "Skip"),
    "plans.apply.plan": ("make_plan",),
    "rules.finding": ("Finding", "Repair", "Rule", "Severity", "Step"),
    "comparison.result": ("BlobContrast", "Contrast", "LayerContrast", "Likeness"),
    "comparison.compare_values": ("Difference",),
    "verbs.apply": ("ApplyResult", "apply"),
    "verbs.check": ("CheckResult", "check"),
    "verbs.convert": ("ConvertResult", "convert"),
    "verbs.demo": ("demo",),
    "verbs.diff": ("DiffResult", "diff"),
    "verbs.inspect": ("InspectResult", "inspect"),
    "verbs.kernel": ("kernel",),
    "verbs.regroup": ("RegroupResult", "regroup"),
    "sweeping.sweep": ("SweepResult", "sweep"),
    "verbs.revert": ("RevertResult", "revert"),
    "verbs.transplant": ("TransplantResult", "transplant"),
    "verbs.patch_net": ("PatchResult", "patch_net"),
    "plans.patch_net.plan": ("LayerPatch",),
    "plans.patch_net.field_changes": ("FieldChange",),
    "kernels.kernel_facts": ("KernelFacts",),
    "pycaffe": ("interp",),
    "report.html": ("html_report",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from deconvsurgery.caffemodel.model import Model, SourceBlob, SourceLayer
    from deconvsurgery.comparison.compare_values import Difference
    from deconvsurgery.comparison.result import (
        BlobContrast,
        Contrast,
        LayerContrast,
        Likeness,
    )
    from deconvsurgery.inputs.open_inputs import open_model, read_net
    from deconvsurgery.kernels.bilinear import (
        Recipe,
        bilinear_kernel,
        phase_gains,
        recipe,
    )
    from deconvsurgery.kernels.bilinear_fill import BilinearFill
    from deconvsurgery.kernels.fingerprint import Fingerprint, State
    from deconvsurgery.kernels.formula import Formula, Support
    from deconvsurgery.kernels.kernel_facts import KernelFacts
    from deconvsurgery.matching.matched_layer import Options, Target
    from deconvsurgery.plans.apply.plan import make_plan
    from deconvsurgery.plans.apply.plan_types import (
        Action,
        Change,
        Plan,
        Skip,
    )
    from deconvsurgery.plans.patch_net.field_changes import FieldChange
    from deconvsurgery.plans.patch_net.plan import LayerPatch
    from deconvsurgery.prototxt.net import (
        ConvolutionParam,
        Layer,
        Message,
        Net,
        NetState,
        Phase,
    )
    from deconvsurgery.prototxt.parse import parse_net
    from deconvsurgery.prototxt.selection import Selection, match_layers
    from deconvsurgery.report.html import html_report
    from deconvsurgery.report.json_documents.json_schemas import json_schema
    from deconvsurgery.rules.finding import (
        Finding,
        Repair,
        Rule,
        Severity,
        Step,
    )
    from deconvsurgery.sweeping.sweep import SweepResult, sweep
    from deconvsurgery.verbs.apply import ApplyResult, apply
    from deconvsurgery.verbs.check import CheckResult, check
    from deconvsurgery.verbs.convert import ConvertResult, convert
    from deconvsurgery.verbs.demo import demo
    from deconvsurgery.verbs.diff import DiffResult, diff
    from deconvsurgery.verbs.inspect import InspectResult, inspect
    from deconvsurgery.verbs.kernel import kernel
    from deconvsurgery.verbs.patch_net import PatchResult, patch_net
    from deconvsurgery.verbs.regroup import RegroupResult, regroup
    from deconvsurgery.verbs.revert import RevertResult, revert
    from deconvsurgery.verbs.transplant import TransplantResult, transplant

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
    from .pycaffe import interp

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


def __getattr__(name: str) -> "Any":
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
