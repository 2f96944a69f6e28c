"""Pure functions from declared objects to the Kubernetes objects that run them.

Why: what is applied can be compared, snapshotted and policy-checked without a cluster.
Must not: ask anybody anything; no clock, no chance, no input or output.
"""

from knect_operator.render.jobs import Wish, render_check, render_wishes
from knect_operator.render.names import ReceiverName, UnitName, unit_name
from knect_operator.render.receiver import render_receiver
from knect_operator.render.worker import Unit, document_of, placed_by_another, render_worker

__all__ = [
    "ReceiverName",
    "Unit",
    "UnitName",
    "Wish",
    "document_of",
    "placed_by_another",
    "render_check",
    "render_receiver",
    "render_wishes",
    "render_worker",
    "unit_name",
]
