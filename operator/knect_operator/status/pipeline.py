"""A pipeline's status: Ready means that work flows; its reason is the most upstream cause.

Must not: hold a figure that moves by itself, or write one that says what the last one said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from knect.api.documents import Code, Problem
from knect.api.reasons import ConditionReason, ConditionType
from knect.api.report import PipelineReport, Verdict, VerdictState
from knect_operator.status.conditions import (
    NO,
    OPEN,
    YES,
    Finding,
    conditions_of,
    cut,
    instant_text,
    ready_of,
)
from knect_operator.status.connection import finding_of, problem_finding
from knect_operator.status.workload import WorkloadFacts, workload_finding

__all__ = ["EndFacts", "PipelineFacts", "pipeline_status"]

_SUCCESS_STEP = timedelta(minutes=5)
_MAY_GO_ON = "it is held; until its worker has taken that up it may go on as before"


@dataclass(frozen=True, slots=True)
class EndFacts:
    """One of the two Connections, as its own status tells. `ready` None: not known yet."""

    name: str
    exists: bool
    ready: bool | None = None
    reason: str = ""
    message: str = ""
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class PipelineFacts:
    """All that is known of a pipeline. `before` is its status so far.

    `ledger_secret`: False if the Secret or its key is missing. `worker` is None while the pipeline
    is held; `others` is then that of the others of its group. `ledger` is the worker's own view.
    `silent` says why there is no report. `in_force`: False while a process may go by an earlier
    document.
    `failed_jobs` is one finding for each Job that was asked for and not done, `fulfilled` those
    that were, as they stand in the status.
    """

    generation: int
    suspended: bool
    before: Mapping[str, Any]
    problems: Sequence[Problem] = ()
    ends: Sequence[EndFacts] = ()
    ledger_secret: bool = True
    worker: WorkloadFacts | None = None
    others: WorkloadFacts | None = None
    ledger: Verdict | None = None
    report: PipelineReport | None = None
    silent: str = ""
    silent_for_good: bool = False
    in_force: bool = True
    failed_jobs: Sequence[Finding] = ()
    fulfilled: Sequence[Mapping[str, Any]] = ()


_REASONS = {
    Code.BAD_EXPRESSION: ConditionReason.EXPRESSION_INVALID,
    Code.BAD_CONFIG: ConditionReason.CONFIG_INVALID,
    Code.BAD_TABLE: ConditionReason.TABLE_INVALID,
    Code.ENTITY_NOT_SUPPORTED: ConditionReason.ENTITY_NOT_SUPPORTED,
    Code.FIELD_OWNED_ELSEWHERE: ConditionReason.FIELD_OWNED_ELSEWHERE,
    Code.MISSING_REFERENCE: ConditionReason.CONFIG_MAP_NOT_FOUND,
}


def pipeline_status(facts: PipelineFacts, now: datetime) -> dict[str, Any]:
    """Return the status to apply, without what is not known."""
    findings = [*_findings(facts), *facts.failed_jobs[:1]]
    findings += _suspended(facts, findings) if facts.suspended else _ready(facts, findings)
    report = facts.report
    status: dict[str, Any] = {
        "observedGeneration": facts.generation,
        "conditions": conditions_of(
            findings,
            facts.before.get("conditions") or (),
            generation=facts.generation,
            now=now,
        ),
        "worker": facts.worker.name if facts.worker else None,
        "fulfilled": list(facts.fulfilled) or None,
    }
    kept = ("lastSuccess", "stuck", "oldestStuck", "lastHandledReconcileAt")
    status |= _reported(report) if report else {key: facts.before.get(key) for key in kept}
    return {key: value for key, value in status.items() if value is not None}


def _ready(facts: PipelineFacts, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return Ready, with the remark that what is held may go on, until it is known not to."""
    ready, *more = ready_of(findings)
    before = facts.before
    had_it = before.get("worker") or _MAY_GO_ON in _ready_before(before).get("message", "")
    if facts.worker is not None or facts.in_force or not had_it:
        return [ready, *more]
    why = workload_finding(ConditionType.WORKER_AVAILABLE, facts.others) if facts.others else None
    cause = why.message if why is not None and not why.good else ""
    message = "; ".join(filter(None, (ready.message, _MAY_GO_ON, cause)))
    return [replace(ready, message=message), *more]


def _ready_before(before: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions: Sequence[Mapping[str, Any]] = before.get("conditions") or ()
    return next((one for one in conditions if one.get("type") == "Ready"), {})


def _suspended(facts: PipelineFacts, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return that it rests, once it does: who waits for it may stop a system next."""
    before = _ready_before(facts.before)
    did = (before.get("reason"), before.get("observedGeneration"))
    if facts.in_force or did == (ConditionReason.SUSPENDED, facts.generation):
        message = "spec.suspend is true: nothing is read or written; what was seen is kept"
        return [Finding(ConditionType.READY, NO, ConditionReason.SUSPENDED, message)]
    cause = next(
        (one for one in findings if one.type is ConditionType.WORKER_AVAILABLE and not one.good),
        Finding(ConditionType.READY, OPEN, ConditionReason.PROGRESSING),
    )
    message = "spec.suspend is true, and it is not known yet that the worker rests: until then it "
    message += f"may go on as before{f'; {cause.message}' if cause.message else ''}"
    return [
        Finding(ConditionType.READY, cause.holds, cause.reason, message),
        Finding(ConditionType.RECONCILING, YES, ConditionReason.PROGRESSING, message),
    ]


def _reported(report: PipelineReport) -> dict[str, Any]:
    oldest = report.oldest_stuck
    return {
        "lastSuccess": _rounded(report.last_success),
        "stuck": report.stuck,
        "oldestStuck": (
            {
                "transaction": cut(oldest.transaction),
                "key": cut(oldest.key),
                "reason": cut(oldest.reason),
            }
            if oldest
            else None
        ),
        "lastHandledReconcileAt": report.requested_at,
    }


def _rounded(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    step = int(_SUCCESS_STEP.total_seconds())
    seconds = int(instant.timestamp()) // step * step
    return instant_text(datetime.fromtimestamp(seconds, instant.tzinfo))


def _findings(facts: PipelineFacts) -> Sequence[Finding]:
    """Return the conditions, the most upstream first; what is downstream of a hold is not asked."""
    missing = [one for one in facts.ends if not one.exists]
    # a Connection that is not there is said by ConnectionsReady alone
    absent = {f"Connection {one.name!r}" for one in missing}
    document = [one for one in facts.problems if not any(name in one.message for name in absent)]
    config = problem_finding(ConditionType.CONFIG_VALID, document, _REASONS)
    if config.reason is ConditionReason.CONFIG_MAP_NOT_FOUND:
        config = Finding(config.type, config.holds, config.reason, config.message)
    findings = [config, _ends(facts.ends)]
    if facts.worker is None:
        if not facts.ledger_secret:
            findings.append(_no_ledger(ConditionType.WORKER_AVAILABLE))
        return findings
    available = workload_finding(ConditionType.WORKER_AVAILABLE, facts.worker)
    if not facts.ledger_secret and not available.good:
        available = _no_ledger(ConditionType.WORKER_AVAILABLE)
    no_cause = available.good or available.reason is ConditionReason.WORKER_NOT_READY
    if no_cause and facts.silent_for_good:
        available = Finding(
            ConditionType.WORKER_AVAILABLE,
            NO,
            ConditionReason.WORKER_SILENT,
            f"{facts.silent}; whether it works meanwhile is not known here: see kubectl describe "
            "and kubectl logs of that pod, and whether a NetworkPolicy keeps the operator from it",
        )
    ledger = facts.ledger
    if ledger is not None and ledger.state is VerdictState.FALSE:
        available = finding_of(ConditionType.WORKER_AVAILABLE, ledger)
        if not facts.ledger_secret:
            available = _no_ledger(ConditionType.WORKER_AVAILABLE)
    findings.append(available)
    if facts.suspended:
        return _with_stuck(findings, facts)
    if facts.report is None:
        waiting = facts.silent or "the worker has not reported yet"
        findings += [
            Finding(type_, OPEN, ConditionReason.PROGRESSING, waiting)
            for type_ in (ConditionType.FLOWING, ConditionType.FRESH)
        ]
    else:
        findings.append(finding_of(ConditionType.FLOWING, facts.report.flowing))
        findings.append(finding_of(ConditionType.FRESH, facts.report.fresh))
    return _with_stuck(findings, facts)


def _with_stuck(findings: list[Finding], facts: PipelineFacts) -> list[Finding]:
    report = facts.report
    if report is not None and report.stuck:
        oldest = report.oldest_stuck
        named = (
            f"; the oldest is {oldest.key} ({oldest.reason}): knect find {oldest.key}"
            if oldest
            else ""
        )
        what = "transaction waits" if report.stuck == 1 else "transactions wait"
        findings.append(
            Finding(
                ConditionType.TRANSACTIONS_STUCK,
                YES,
                ConditionReason.TRANSACTIONS_WAITING,
                f"{report.stuck} {what} for a person{named}",
            )
        )
    return findings


def _no_ledger(type_: ConditionType) -> Finding:
    message = (
        "this namespace has no Secret knect-ledger with a key dsn, so there is nowhere to keep "
        "what was done; make one with the ledger's address: postgresql://USER:PASSWORD@HOST/NAME"
    )
    return Finding(type_, NO, ConditionReason.LEDGER_SECRET_NOT_FOUND, message)


def _ends(ends: Sequence[EndFacts]) -> Finding:
    type_ = ConditionType.CONNECTIONS_READY
    for one in ends:
        if not one.exists:
            message = f"there is no Connection {one.name!r} in this namespace"
            return Finding(type_, NO, ConditionReason.CONNECTION_NOT_FOUND, message)
    for one in ends:
        if one.suspended:
            message = f"Connection {one.name!r} is suspended"
            return Finding(type_, NO, ConditionReason.SUSPENDED, message)
    for one in ends:
        if one.ready is False:
            reason = _known(one.reason)
            return Finding(type_, NO, reason, f"Connection {one.name!r}: {one.message}")
    for one in ends:
        if one.ready is None:
            message = f"Connection {one.name!r} is being checked"
            return Finding(type_, OPEN, ConditionReason.NOT_CHECKED, message)
    return Finding(type_, YES, ConditionReason.SUCCEEDED)


def _known(reason: str) -> ConditionReason:
    """Return the Connection's own reason: the most upstream cause is named everywhere."""
    try:
        return ConditionReason(reason)
    except ValueError:
        return ConditionReason.CONNECTION_NOT_READY
