"""Every verb and result as a program with types uses them: for mypy and pyright, and to be run.

``deconvsurgery`` is all that it imports of the package; tests/docs/test_typed_sample.py runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import deconvsurgery as ds


class Bar:
    """A bar as tqdm's: it is told how far it is."""

    def __init__(self) -> None:
        self.n = 0
        self.total = 0

    def update(self, done: int, total: int) -> None:
        """Stand at ``done`` of ``total``."""
        self.n, self.total = done, total


def rows_of(result: ds.Result, rows: Sequence[ds.ResultRow]) -> Iterator[str]:
    """What the rows of each verb's result have in common, and results, too."""
    for row in rows:
        line = 0 if row.line is None else row.line
        yield f"{row.name} {row.action.value} {row.reason or ''} {line}"
    yield f"{result!r} {result} {len(result.to_dict())}"


def shape_of(shape: tuple[int, ...] | None) -> str:
    """Dims in words."""
    return "" if shape is None else "x".join(map(str, shape))


def looked_at(net: Path, model: Path) -> list[str]:
    """What is only read."""
    read = ds.read_net(net)
    parsed: ds.Net = ds.parse_net(net.read_text("utf-8"))
    words = [read.name, *(layer.type for layer in parsed.layers)]
    param = next(layer.convolution_param for layer in read.layers if layer.type == "Deconvolution")
    filler: ds.types.Filler | None = param.weight_filler
    words += [str(param.num_output * param.group), filler.type if filler else ""]
    with ds.open_model(model) as opened:
        version: ds.types.Version = opened.version
        words.append(f"{opened.name} {version.value} {opened.file_size} {len(opened.blobs)}")
        for name, layer in opened.items():
            for blob in layer:
                source: ds.SourceBlob = blob.source
                kind: ds.types.Storage = source.storage
                words.append(f"{blob.layer} {blob.index} {shape_of(blob.shape)} {kind.value}")
            if layer:
                weights = layer[0].array()
                total = float(weights.sum())
                words.append(f"{name} {weights.dtype.itemsize} {np.asarray(layer[0]).size} {total}")
        found = opened.get("nothing")
        words.append("" if found is None else found.name)
        pieces = [row.shape for row in opened.rows(opened.blobs[0], opened.blobs[0].shape)]
        words.append(str(len(pieces)))
    for (name, index), array in ds.load(model.read_bytes()).items():
        words.append(f"{name} {index} {array.ndim}")

    inspected: ds.InspectResult = ds.inspect(net, model, pictures=True)
    for row in inspected.layers:
        role: ds.RoleFound | None = row.role
        words.append(f"{row.type} {row.weights.state.value if row.weights else ''} {role}")
        words += [finding.message for finding in row.findings]
    words += [inspected.net or "", inspected.model_version or "", *inspected.notes]
    words += [finding.id for finding in inspected.net_findings]
    words += rows_of(inspected, inspected.layers)
    page: ds.HtmlPage = ds.html_report(inspected)
    words.append(page[:9])

    checked: ds.CheckResult = ds.check(net, model, suggestions=True)
    for finding in checked.findings:
        rule: ds.CheckRule = finding.rule
        level: ds.Severity = finding.level
        steps = finding.repair.steps if finding.repair else ()
        words.append(f"{rule.id} {level.value} {finding.line} {[step.verb for step in steps]}")
    if checked.repair is not None:
        words += [" ".join(command) for command in checked.repair.commands]
    for place in checked.in_text or ():
        change: ds.types.Suggestion | None = place.suggestion
        words.append(f"{place.place.line if place.place else 0} {change.text if change else ''}")
    words += rows_of(checked, checked.layers)
    words += [str(each.passed) for each in ds.check_pairs([net, (net, model)])]

    kernel: ds.KernelFacts = ds.kernel((4, 6), stride=2, formula=ds.Formula.FCN)
    centre: ds.types.Centre = kernel.centres[0]
    words.append(f"{kernel.values().shape} {kernel.gains[0][0]} {centre.mass - centre.true}")
    gains: tuple[float, ...] = ds.phase_gains(ds.bilinear_kernel(4)[0], 2)
    words.append(f"{gains} {ds.recipe(2).kernel} {kernel.recipes[0].pad}")
    words += rows_of(kernel, kernel.layers)
    return words


def written(net: Path, model: Path, folder: Path) -> list[str]:
    """What is written, into a folder."""
    words: list[str] = []
    bar = Bar()
    out, patch = folder / "out.caffemodel", folder / "out.patch"
    options = ds.ApplyOptions(support=ds.KernelSupport.KERNEL)
    applied: ds.ApplyResult = ds.apply(
        net, model, out, options=options, save_patch=patch, progress=bar.update
    )
    for row in applied.layers:
        if isinstance(row, ds.ApplyChange):
            fill: ds.BilinearFill = row.fill
            words.append(f"{row.after.state.value} {fill.kernel().shape} {row.max_abs_change}")
        else:
            words.append(row.reason)
    words += [*applied.plan.warnings, str(applied.rewritten), applied.path or "", str(bar.n)]
    words += rows_of(applied, applied.layers)

    compared: ds.DiffResult = ds.diff(model, out)
    for each in compared.layers:
        likeness: ds.Likeness = each.likeness
        for pair in each.blobs:
            difference: ds.ValueDifference | None = pair.difference
            words.append(str(difference.changed if difference else pair.likeness.value))
        words.append(likeness.value)
    words.append(f"{compared.same} {compared.a_version.value} {compared.contrast.same}")
    words += rows_of(compared, compared.layers)

    reverted: ds.RevertResult = ds.revert(out, patch, folder / "again.caffemodel")
    words += [reverted.sha256, str(reverted.restored)]
    words += rows_of(reverted, reverted.layers)

    converted: ds.ConvertResult = ds.convert(model, folder / "half.caffemodel", values="float64")
    conversion: ds.Conversion = converted.conversion
    wanted: ds.types.WantedForm = conversion.wanted
    words.append(f"{wanted.strict} {converted.before.value} {converted.after.value}")
    for layer in converted.layers:
        words += [f"{blob.max_abs_change}" for blob in layer.blobs]
    words += rows_of(converted, converted.layers)

    patched: ds.PatchNetResult = ds.patch_net(net, folder / "new.prototxt")
    for changed in patched.layers:
        words += [f"{field.field} {field.after}" for field in changed.changes]
    words += rows_of(patched, patched.layers)
    words += [str(each.changed) for each in ds.patch_nets([net], dry_run=True)]

    places = (folder / "dense.prototxt", folder / "dense.caffemodel")
    regrouped: ds.RegroupResult = ds.regroup(net, out, *places, progress=bar.update)
    regrouping: ds.types.Regrouping = regrouped.regrouping
    words += [f"{each.group} {shape_of(each.after)}" for each in regrouping.changes]
    words += [each.reason for each in regrouping.kept]
    words += rows_of(regrouped, regrouped.layers)

    new = folder / "new.caffemodel"
    moved: ds.TransplantResult = ds.transplant(net, model, new, apply=True)
    for graft in moved.grafting.layers:
        words += [f"{each.origin.value} {shape_of(each.shape)}" for each in graft.blobs]
    words += rows_of(moved, moved.layers)

    fixed: ds.CheckResult = ds.fix(net, model, into=folder / "fixed")
    if fixed.fix is not None:
        done: ds.PairFix = fixed.fix
        words += [done.words, *done.rules, *(step.verb for step in done.steps)]
    return words


def edited(model: Path, folder: Path) -> list[str]:
    """A model as an editor changes it."""
    with ds.edit(model) as m:
        layer: ds.EditedLayer = m["score"]
        blob: ds.EditedBlob = layer[0]
        blob *= 2
        layer[1] = np.zeros(layer[1].shape, layer[1].dtype)
        m.rename("conv1", "first")
        m["new"] = [np.ones((2, 3)), [1.0, 2.0]]
        plan: ds.EditPlan = m.plan
        words = [str(plan), *(row.action.value for row in plan.layers)]
        result: ds.EditResult = m.save(folder / "edited.caffemodel", force=True)
    words += rows_of(result, result.layers)
    return words


def swept(folder: Path) -> list[str]:
    """Pairs of a configuration file."""
    bar = Bar()
    seen: list[str] = []

    def on_row(summary: ds.types.Summary, row: ds.types.PairRow) -> None:
        outcome: ds.types.RowOutcome = row.outcome
        seen.append(f"{summary.total} {outcome.value} {row.net}")

    result: ds.SweepResult = ds.sweep(
        folder / "sweep.toml", workers=1, progress=bar.update, on_row=on_row
    )
    words = [*seen, str(result.summary.outcomes), *(row.verb for row in result.told)]
    words += rows_of(result, result.layers)
    return words


def refused(net: Path) -> str:
    """What is raised where something is wrong."""
    try:
        ds.apply(net, "nothing.caffemodel", dry_run=True)
    except ds.FileError as error:
        return f"{error.path} {error.hint}"
    except ds.SurgeryError as error:
        return error.message
    return ""


def everything(folder: Path) -> list[str]:
    """All of it in an empty folder."""
    demo: ds.ApplyResult = ds.demo(folder / "demo")
    net, model = Path(demo.net), Path(demo.input)
    words = [*looked_at(net, model), *written(net, model, folder), *edited(model, folder)]
    (folder / "sweep.toml").write_text(
        f'[sweep]\nverb = "check"\n\n[[pairs]]\nnet = "{net}"\nmodel = "{model}"\n'
    )
    return [*words, *swept(folder), refused(net)]
