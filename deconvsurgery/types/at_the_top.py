"""The public names of the package, as a type checker sees them; nothing imports this when it runs.

The package itself has the same names by their modules, and imports each when it is used: a test
holds that both lists are one.
"""

# isort: off
from deconvsurgery.caffemodel.model import (
    Model as Model,
    SourceLayer as SourceLayer,
)
from deconvsurgery.caffemodel.model_layer import (
    ModelBlob as ModelBlob,
    ModelLayer as ModelLayer,
)
from deconvsurgery.caffemodel.source_blob import SourceBlob as SourceBlob
from deconvsurgery.comparison.result import (
    BlobContrast as BlobContrast,
    ModelContrast as ModelContrast,
    LayerContrast as LayerContrast,
    Likeness as Likeness,
    ValueDifference as ValueDifference,
)
from deconvsurgery.errors import (
    ArgumentError as ArgumentError,
    ConfigError as ConfigError,
    FileError as FileError,
    FormatError as FormatError,
    LayerError as LayerError,
    MismatchError as MismatchError,
    ModelError as ModelError,
    NotANetError as NotANetError,
    OutputError as OutputError,
    PrototxtError as PrototxtError,
    SelectionError as SelectionError,
    ShapeError as ShapeError,
    SurgeryError as SurgeryError,
)
from deconvsurgery.inputs.open_inputs import (
    load as load,
    open_model as open_model,
    read_net as read_net,
)
from deconvsurgery.kernels.bilinear import (
    bilinear_kernel as bilinear_kernel,
    phase_gains as phase_gains,
)
from deconvsurgery.kernels.bilinear_fill import BilinearFill as BilinearFill
from deconvsurgery.kernels.formula_names import (
    Formula as Formula,
    KernelSupport as KernelSupport,
)
from deconvsurgery.kernels.weight_states import (
    Fingerprint as Fingerprint,
    WeightState as WeightState,
)
from deconvsurgery.kernels.recipes import Recipe as Recipe, recipe as recipe
from deconvsurgery.matching.matched_layer import MatchedLayer as MatchedLayer
from deconvsurgery.matching.role import Role as Role, RoleFound as RoleFound
from deconvsurgery.options.apply import ApplyOptions as ApplyOptions
from deconvsurgery.options.convert import ConvertOptions as ConvertOptions
from deconvsurgery.options.patch_net import PatchNetOptions as PatchNetOptions
from deconvsurgery.options.regroup import RegroupOptions as RegroupOptions
from deconvsurgery.options.transplant import TransplantOptions as TransplantOptions
from deconvsurgery.plans.apply.plan import make_plan as make_plan
from deconvsurgery.plans.apply.plan_types import (
    ApplyAction as ApplyAction,
    ApplyChange as ApplyChange,
    ApplyPlan as ApplyPlan,
    ApplySkip as ApplySkip,
)
from deconvsurgery.plans.convert.plan_types import (
    BlobConversion as BlobConversion,
    Conversion as Conversion,
    ConversionAction as ConversionAction,
    LayerConversion as LayerConversion,
)
from deconvsurgery.plans.edit.plan import (
    BlobAction as BlobAction,
    BlobEdit as BlobEdit,
    EditAction as EditAction,
    EditPlan as EditPlan,
    LayerEdit as LayerEdit,
)
from deconvsurgery.plans.patch_net.field_changes import FieldChange as FieldChange
from deconvsurgery.plans.patch_net.plan import (
    LayerPatch as LayerPatch,
    PatchNetAction as PatchNetAction,
)
from deconvsurgery.plans.regroup.plan_types import (
    LayerRegroup as LayerRegroup,
    RegroupAction as RegroupAction,
)
from deconvsurgery.prototxt.net import (
    ConvolutionParam as ConvolutionParam,
    Layer as Layer,
    NetMessage as NetMessage,
    Net as Net,
    NetState as NetState,
    Phase as Phase,
)
from deconvsurgery.prototxt.parse import parse_net as parse_net
from deconvsurgery.prototxt.selection import (
    Selection as Selection,
    match_layers as match_layers,
)
from deconvsurgery.pycaffe import LiveBlob as LiveBlob, LiveNet as LiveNet, interp as interp
from deconvsurgery.report.html import html_report as html_report
from deconvsurgery.report.html.html_page import HtmlPage as HtmlPage
from deconvsurgery.report.json_documents.json_schemas import json_schema as json_schema
from deconvsurgery.rules.finding import (
    Finding as Finding,
    Repair as Repair,
    CheckRule as CheckRule,
    Severity as Severity,
)
from deconvsurgery.rules.repair_step import RepairStep as RepairStep
from deconvsurgery.rules.repair_chain import PairRepair as PairRepair
from deconvsurgery.rules.survey import InspectAction as InspectAction, LayerRow as LayerRow
from deconvsurgery.storage.source_interface import BinaryFile as BinaryFile
from deconvsurgery.sweeping.sweep import sweep as sweep
from deconvsurgery.sweeping.sweep_result import SweepResult as SweepResult
from deconvsurgery.verbs.apply import ApplyResult as ApplyResult, apply as apply
from deconvsurgery.verbs.check import CheckResult as CheckResult, check as check
from deconvsurgery.verbs.checked_layer import (
    CheckAction as CheckAction,
    CheckedLayer as CheckedLayer,
)
from deconvsurgery.verbs.check_pairs import check_pairs as check_pairs
from deconvsurgery.verbs.convert import ConvertResult as ConvertResult, convert as convert
from deconvsurgery.verbs.demo import demo as demo
from deconvsurgery.verbs.diff import DiffResult as DiffResult, diff as diff
from deconvsurgery.verbs.edit import edit as edit
from deconvsurgery.verbs.edited_layer import (
    EditedBlob as EditedBlob,
    EditedLayer as EditedLayer,
)
from deconvsurgery.verbs.editor import Editor as Editor
from deconvsurgery.verbs.fix import fix as fix
from deconvsurgery.verbs.inspect import InspectResult as InspectResult, inspect as inspect
from deconvsurgery.verbs.kernel import kernel as kernel
from deconvsurgery.verbs.kernel_facts import KernelFacts as KernelFacts
from deconvsurgery.verbs.pair_fix import ModelsCompared as ModelsCompared, PairFix as PairFix
from deconvsurgery.verbs.patch_net import (
    PatchNetResult as PatchNetResult,
    patch_net as patch_net,
    patch_nets as patch_nets,
)
from deconvsurgery.verbs.regroup import RegroupResult as RegroupResult, regroup as regroup
from deconvsurgery.verbs.result import Result as Result
from deconvsurgery.verbs.result_row import ResultRow as ResultRow
from deconvsurgery.verbs.revert import RevertResult as RevertResult, revert as revert
from deconvsurgery.verbs.save_edits import EditResult as EditResult
from deconvsurgery.verbs.transplant import (
    TransplantResult as TransplantResult,
    transplant as transplant,
    NewLayer as NewLayer,
    TransplantAction as TransplantAction,
)
