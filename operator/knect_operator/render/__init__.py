"""Pure functions from declared objects to the Kubernetes objects that run them.

Why: what is applied can be compared, snapshotted and policy-checked without a cluster.
Must not: ask anybody anything; no clock, no chance, no input or output.
"""

from knect_operator.render.names import ReceiverName, UnitName, unit_of
from knect_operator.render.receiver import render_receiver
from knect_operator.render.worker import Unit, render_worker

__all__ = ["ReceiverName", "Unit", "UnitName", "render_receiver", "render_worker", "unit_of"]
