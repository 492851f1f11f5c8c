"""Network surgery on Caffe models, without Caffe.

Results are frozen values: ``print`` one, leave it at the end of a notebook's cell, or take its
``layers`` (a row a layer) and ``to_dict()``. Nothing but what is asked for is written, and a file
is written whole or not at all. Each name below has a page: ``help(ds.check)``.

Look at files
    ``open_model(path)``        a .caffemodel or .h5, a mapping of names to layers
    ``load(path)``              all of its weights at once, ``{("score", 0): array, …}``
    ``read_net(path)``          a prototxt; ``parse_net`` takes its text
    ``inspect(net, model)``     what each Deconvolution is; ``every_layer=True``: every layer
    ``diff(a, b)``              two models, layer by layer

Find and repair what is wrong
    ``check(net, model)``       ``passed``, and ``findings``: what is wrong, where and why
    ``fix(net, model)``         repair them in place, or as copies with ``into=folder``
    ``check_pairs(pairs)``      check many, a result each; ``sweep`` runs a verb over a zoo
    ``html_report(result)``     a page of apply, inspect or check: ``.save("report.html")``

Change a model
    ``edit(path)``              net surgery: set, scale, rename, remove, add; ``plan``, ``save``
    ``apply(net, old, new)``    bilinear weights for its upsampling layers
    ``transplant(net, old, new)``  old weights into a new net
    ``regroup``, ``convert``    groups for a full diagonal and back; another form of file
    ``patch_net(net)``          group and filler in the prototxt; ``patch_nets`` many
    ``revert(new, patch)``      undo what was written with ``save_patch=patch``

Kernels, and a running pycaffe
    ``kernel(16, stride=8)``    what one does; ``bilinear_kernel(16)`` is its array
    ``recipe(factor)``          kernel, stride and pad for a factor
    ``interp(net, layers)``     FCN's ``surgery.interp``, on a live ``caffe.Net``

``demo(folder)`` writes a net and a model to try all of it on. Errors are `SurgeryError`: ``path``,
``message`` and ``hint``, what to do.

What pycaffe writes as ``net.params["score"][0].data`` is ``model["score"][0].array()`` here: a
copy, to be given back to an editor.

>>> import deconvsurgery as ds
>>> with ds.open_model("in.caffemodel") as model:
...     for name, layer in model.items():
...         if layer:  # it has weights
...             print(name, layer.type, [blob.shape for blob in layer])
...     print(model["score"][0].array().mean())
conv1 Convolution [(8, 3, 3, 3), (8,)]
conv2 Convolution [(16, 8, 3, 3), (16,)]
score Convolution [(5, 16, 1, 1), (5,)]
refine Deconvolution [(5, 5, 3, 3), (5,)]
0.0016874991

>>> with ds.edit("in.caffemodel") as m:
...     for blob in m["score"]:  # the first three outputs, of weights and bias
...         m.set("score", blob.index, blob.array()[:3], reshape=True)
...     m["conv1"][0] *= 0.5
...     m.rename("conv2", "conv2_new")
...     del m["refine"]
...     print(m.plan)
...     result = m.save("new.caffemodel", save_patch="undo.patch")
conv1      rewritten              0 scaled by 0.5 (8, 3, 3, 3)
conv2_new  renamed (was 'conv2')
score      rewritten              0 set (5, 16, 1, 1) to (3, 16, 1, 1); 1 set (5) to (3)
refine     removed
4 of 10 layers: 1,103 bytes to write
>>> ds.revert("new.caffemodel", "undo.patch", "old.caffemodel").written
True

>>> ds.check("net.prototxt", "in.caffemodel").passed
False
>>> done = ds.fix("net.prototxt", "in.caffemodel", into="fixed")
>>> done.passed, done.fix.rules, done.fix.model
(True, ('DS001', 'DS011'), 'fixed/in.caffemodel')
"""

# Nothing is imported before the command handles signals.
import os
import sys

TYPE_CHECKING = False


def _unsupported() -> str | None:
    """Why this system will not do, in a sentence: files are kept whole by calls of POSIX."""
    if sys.platform == "win32":
        return f"{__name__} does not run on Windows: use it in WSL, the Windows Subsystem for Linux"
    return None


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

if TYPE_CHECKING:
    from collections.abc import Callable

    from deconvsurgery import types as types
    from deconvsurgery.types.at_the_top import *  # noqa: F403 - the list is long, and stands there
else:  # the same names by their modules, each imported when one of its names is used
    _NAMES = {
        "caffemodel.model": "Model SourceLayer",
        "caffemodel.model_layer": "ModelBlob ModelLayer",
        "caffemodel.source_blob": "SourceBlob",
        "comparison.result": "BlobContrast ModelContrast LayerContrast Likeness ValueDifference",
        "errors": (
            "ArgumentError ConfigError FileError FormatError LayerError MismatchError ModelError "
            "NotANetError OutputError PrototxtError SelectionError ShapeError SurgeryError"
        ),
        "inputs.open_inputs": "load open_model read_net",
        "kernels.bilinear": "bilinear_kernel phase_gains",
        "kernels.recipes": "Recipe recipe",
        "kernels.bilinear_fill": "BilinearFill",
        "kernels.formula_names": "Formula KernelSupport",
        "kernels.weight_states": "Fingerprint WeightState",
        "matching.matched_layer": "MatchedLayer",
        "matching.role": "Role RoleFound",
        "options.apply": "ApplyOptions",
        "options.convert": "ConvertOptions",
        "options.patch_net": "PatchNetOptions",
        "options.regroup": "RegroupOptions",
        "options.transplant": "TransplantOptions",
        "plans.apply.plan": "make_plan",
        "plans.apply.plan_types": "ApplyAction ApplyChange ApplyPlan ApplySkip",
        "plans.convert.plan_types": "BlobConversion Conversion ConversionAction LayerConversion",
        "plans.edit.plan": "BlobAction BlobEdit EditAction EditPlan LayerEdit",
        "plans.patch_net.field_changes": "FieldChange",
        "plans.patch_net.plan": "LayerPatch PatchNetAction",
        "plans.regroup.plan_types": "LayerRegroup RegroupAction",
        "prototxt.net": "ConvolutionParam Layer NetMessage Net NetState Phase",
        "prototxt.parse": "parse_net",
        "prototxt.selection": "Selection match_layers",
        "pycaffe": "LiveBlob LiveNet interp",
        "report.html": "html_report",
        "report.html.html_page": "HtmlPage",
        "report.json_documents.json_schemas": "json_schema",
        "rules.finding": "Finding Repair CheckRule Severity",
        "rules.repair_chain": "PairRepair",
        "rules.survey": "InspectAction LayerRow",
        "rules.repair_step": "RepairStep",
        "storage.source_interface": "BinaryFile",
        "sweeping.sweep": "sweep",
        "sweeping.sweep_result": "SweepResult",
        "verbs.apply": "ApplyResult apply",
        "verbs.check": "CheckResult check",
        "verbs.checked_layer": "CheckAction CheckedLayer",
        "verbs.check_pairs": "check_pairs",
        "verbs.convert": "ConvertResult convert",
        "verbs.demo": "demo",
        "verbs.diff": "DiffResult diff",
        "verbs.edit": "edit",
        "verbs.edited_layer": "EditedBlob EditedLayer",
        "verbs.editor": "Editor",
        "verbs.fix": "fix",
        "verbs.inspect": "InspectResult inspect",
        "verbs.kernel": "kernel",
        "verbs.kernel_facts": "KernelFacts",
        "verbs.pair_fix": "ModelsCompared PairFix",
        "verbs.patch_net": "PatchNetResult patch_net patch_nets",
        "verbs.regroup": "RegroupResult regroup",
        "verbs.result": "Result",
        "verbs.result_row": "ResultRow",
        "verbs.revert": "RevertResult revert",
        "verbs.save_edits": "EditResult",
        "verbs.transplant": "TransplantResult transplant NewLayer TransplantAction",
    }
    _HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}
    __all__ = sorted(_HOMES)

    def __getattr__(name: str) -> object:
        if name not in _HOMES and name != "types":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if reason := _unsupported():
            raise ImportError(reason, name=__name__)
        import importlib

        if name == "types":  # a package, whose import sets it
            return importlib.import_module(".types", __name__)
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:  # not what this module is made of, nor the packages within it
        of_modules = [name for name in globals() if name.startswith("__")]
        return sorted({*of_modules, *__all__, "types"})
