"""Types that results lead to, which most programs never name; ``deconvsurgery.types``.

The package itself has the types of what verbs take and return. Those here are the types of fields
further down, such as where a blob's values lie in a file. Nothing within this package imports it.

>>> import deconvsurgery as ds
>>> ds.open_model("in.caffemodel").version is ds.types.Version.V2
True
"""

from deconvsurgery.caffemodel.model import Version as Version
from deconvsurgery.caffemodel.stored_values import Chunk as Chunk
from deconvsurgery.caffemodel.stored_values import Dataset as Dataset
from deconvsurgery.caffemodel.stored_values import DType as DType
from deconvsurgery.caffemodel.stored_values import Made as Made
from deconvsurgery.caffemodel.stored_values import OnWire as OnWire
from deconvsurgery.caffemodel.stored_values import Storage as Storage
from deconvsurgery.caffemodel.upgrade import Upgrade as Upgrade
from deconvsurgery.caffemodel.upgraded_layers import UpgradedLayer as UpgradedLayer
from deconvsurgery.caffemodel.wire import Field as Field
from deconvsurgery.caffemodel.wire import Frame as Frame
from deconvsurgery.kernels.bilinear import Centre as Centre
from deconvsurgery.matching.refusal import Refusal as Refusal
from deconvsurgery.options.apply import Fill as Fill
from deconvsurgery.options.convert import NewForm as NewForm
from deconvsurgery.options.convert import Values as Values
from deconvsurgery.options.patch_net import NewFiller as NewFiller
from deconvsurgery.plans.apply.plan_types import BiasFill as BiasFill
from deconvsurgery.plans.convert.plan_types import WantedForm as WantedForm
from deconvsurgery.plans.regroup.plan_types import KeptLayer as KeptLayer
from deconvsurgery.plans.regroup.plan_types import Regroup as Regroup
from deconvsurgery.plans.regroup.plan_types import Regrouping as Regrouping
from deconvsurgery.plans.transplant.blobs import Graft as Graft
from deconvsurgery.plans.transplant.blobs import Origin as Origin
from deconvsurgery.plans.transplant.plan import Grafting as Grafting
from deconvsurgery.plans.transplant.plan import LayerGraft as LayerGraft
from deconvsurgery.prototxt.ignore_comments import IgnoreComment as IgnoreComment
from deconvsurgery.prototxt.net import Filler as Filler
from deconvsurgery.prototxt.net import NetStateRule as NetStateRule
from deconvsurgery.prototxt.net import ParamSpec as ParamSpec
from deconvsurgery.prototxt.unknown_field import UnknownField as UnknownField
from deconvsurgery.rules.net_suggestions import FindingInText as FindingInText
from deconvsurgery.rules.net_suggestions import Suggestion as Suggestion
from deconvsurgery.rules.net_suggestions import TextPlace as TextPlace
from deconvsurgery.storage.source_interface import Source as Source
from deconvsurgery.sweeping.result_rows import PairRow as PairRow
from deconvsurgery.sweeping.result_rows import RowOutcome as RowOutcome
from deconvsurgery.sweeping.result_rows import Summary as Summary

__all__ = [
    "BiasFill",
    "Centre",
    "Chunk",
    "DType",
    "Dataset",
    "Field",
    "Fill",
    "Filler",
    "FindingInText",
    "Frame",
    "Graft",
    "Grafting",
    "IgnoreComment",
    "KeptLayer",
    "LayerGraft",
    "Made",
    "NetStateRule",
    "NewFiller",
    "NewForm",
    "OnWire",
    "Origin",
    "PairRow",
    "ParamSpec",
    "Refusal",
    "Regroup",
    "Regrouping",
    "RowOutcome",
    "Source",
    "Storage",
    "Suggestion",
    "Summary",
    "TextPlace",
    "UnknownField",
    "Upgrade",
    "UpgradedLayer",
    "Values",
    "Version",
    "WantedForm",
]
