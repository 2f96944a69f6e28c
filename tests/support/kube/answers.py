"""What a worker would say: all is well, but for what a test says otherwise."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from knect.api.reasons import ConditionReason
from knect.api.report import (
    ConnectionReport,
    PipelineReport,
    Verdict,
    VerdictState,
    WorkerReport,
)
from knect.api.worker import WorkerDocument

__all__ = ["GOOD", "an_answer"]

GOOD = Verdict(state=VerdictState.TRUE, reason=ConditionReason.SUCCEEDED)


def an_answer(
    document: WorkerDocument,
    text: str,
    *,
    started: datetime,
    connections: Mapping[str, Mapping[str, Any]],
    pipelines: Mapping[str, Mapping[str, Any]],
    ledger: Verdict = GOOD,
) -> WorkerReport:
    """Return the report of a worker that runs `document`, with what differs by name."""
    return WorkerReport(
        worker="worker",
        version="0.1.0",
        document=WorkerDocument.digest(text),
        content=WorkerDocument.content(text),
        started=started,
        ledger=ledger,
        connections=tuple(
            ConnectionReport(
                namespace=one.namespace,
                name=one.name,
                uid=one.uid,
                generation=one.generation,
                **{
                    "checked": started,
                    "credentials": GOOD,
                    "reachable": GOOD,
                    **connections.get(one.name, {}),
                },
            )
            for one in document.connections
        ),
        pipelines=tuple(
            PipelineReport(
                namespace=one.namespace,
                name=one.name,
                generation=one.generation,
                **{"flowing": GOOD, "fresh": GOOD, **pipelines.get(one.name, {})},
            )
            for one in document.pipelines
        ),
    )
