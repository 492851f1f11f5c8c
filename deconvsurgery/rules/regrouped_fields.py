"""What a regrouping changes in the net's text, as `patch-net` would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.plans.patch_net.field_changes import FieldChange
from deconvsurgery.plans.regroup.plan import sums_expanded

if TYPE_CHECKING:
    from deconvsurgery.plans.regroup.plan_types import Regrouping


def regrouped_fields(plan: Regrouping) -> dict[int, list[FieldChange]]:
    """What changes in each regrouped layer of the text, its namesakes included."""
    path = (("convolution_param", 0), ("group", 0))
    found = {}
    for change in plan.changes:
        for layer in (place.layer for place in change.places):
            param = layer.message.message("convolution_param")
            found[layer.index] = [FieldChange(path, param.integer("group"), change.said)]
            if change.group == 1 and sums_expanded(param):
                found[layer.index] += [
                    FieldChange((path[0], ("weight_filler", number)), filler, None)
                    for number, filler in enumerate(param.all("weight_filler"))
                ]
    return found
