"""From facts to status: pure functions, the only place where a condition is decided.

Why: `Ready` must mean that work flows, and its reason must be the most upstream cause; that is a
table, and a table can be tested. Must not: ask anybody anything, or know the time but as a value.
"""

from knect_operator.status.conditions import Finding, conditions_of, ready_of
from knect_operator.status.connection import ConnectionFacts, connection_status
from knect_operator.status.jobs import failed_job, failure_of, unmade_wish, unreadable_wish
from knect_operator.status.pipeline import PipelineFacts, pipeline_status
from knect_operator.status.workload import WorkloadFacts, workload_finding

__all__ = [
    "ConnectionFacts",
    "Finding",
    "PipelineFacts",
    "WorkloadFacts",
    "conditions_of",
    "connection_status",
    "failed_job",
    "failure_of",
    "pipeline_status",
    "ready_of",
    "unmade_wish",
    "unreadable_wish",
    "workload_finding",
]
