"""Surgery in memory: as ``apply`` does it, without files."""

from __future__ import annotations

import deconvsurgery as ds
from deconvsurgery.plans.apply.binary_edits import edits
from deconvsurgery.splicing.byte_ranges import spliced
from helpers.models import indexed


def operated_on(
    net_text: bytes, data: bytes, pattern: str, options: ds.ApplyOptions
) -> tuple[ds.ApplyPlan, bytes]:
    """The plan for a net's layers and a binary model's bytes, and what comes of these."""
    net, model = ds.parse_net(net_text), indexed(data)
    plan = ds.make_plan(net, model, ds.match_layers(net, [pattern]), options)
    return plan, spliced(data, edits(plan, model))
