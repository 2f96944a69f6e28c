"""A Connection's status: is the document right, the Secret there, the system willing?

Must not: call a Connection ready that nobody has checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knect.api.documents import Code, Problem
from knect.api.metadata import ConditionStatus
from knect.api.reasons import ConditionReason, ConditionType
from knect.api.report import ConnectionReport, Verdict, VerdictState
from knect_operator.kube import KubeError
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
from knect_operator.status.workload import WorkloadFacts, not_applied, workload_finding

__all__ = ["SECRET_CODES", "ConnectionFacts", "connection_status", "finding_of", "problem_finding"]

#: Problems of a Secret: made or mended later, it wakes who waits for it.
SECRET_CODES = frozenset({Code.MISSING_REFERENCE, Code.MISSING_CREDENTIAL})


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """All that is known of a Connection. `before` is its status so far.

    `receiver` is None where no webhooks are declared, `report` None where nobody has checked it;
    `unchecked` says why nobody has. `lost` says why a check that was due gave no answer, `error`
    what the API server said when one was to be made: then the last answer does not count any more.
    `not_in_force` names the workers that may go by an earlier document.
    """

    generation: int
    suspended: bool
    before: Mapping[str, Any]
    problems: Sequence[Problem] = ()
    receiver: WorkloadFacts | None = None
    report: ConnectionReport | None = None
    unchecked: str = ""
    lost: str = ""
    error: KubeError | None = None
    requested_at: str | None = None
    not_in_force: Sequence[str] = ()


def problem_finding(
    type_: ConditionType, problems: Sequence[Problem], reasons: Mapping[Code, ConditionReason]
) -> Finding:
    """Return a condition that names the first problem and counts the others."""
    if not problems:
        return Finding(type_, YES, ConditionReason.SUCCEEDED)
    first = problems[0]
    hint = f"; {first.suggestion}" if first.suggestion else ""
    path = f"{first.path}: " if first.path else ""
    more = f" (and {len(problems) - 1} more; see knect validate)" if len(problems) > 1 else ""
    reason = reasons.get(first.code, ConditionReason.INVALID_SPEC)
    message = f"{path}{first.message}{hint} [{first.code}]{more}"
    return Finding(type_, NO, reason, message, final=True)


def finding_of(type_: ConditionType, verdict: Verdict) -> Finding:
    """Return a worker's verdict as a condition."""
    # a good condition is said in one word, else its message would move with every detail
    message = "" if verdict.state is VerdictState.TRUE else verdict.message
    return Finding(type_, ConditionStatus(verdict.state.value), verdict.reason, message)


_CHECKED = (ConditionType.CREDENTIALS_VALID, ConditionType.REACHABLE)
_SAID_BY_CHECKS = frozenset(
    {
        ConditionReason.SUCCEEDED,
        ConditionReason.CREDENTIALS_REJECTED,
        ConditionReason.SCOPE_MISSING,
        ConditionReason.UNREACHABLE,
        ConditionReason.API_VERSION_GONE,
        ConditionReason.SUBSCRIPTION_LOST,
    }
)
_DOCUMENT_REASONS = {
    Code.UNKNOWN_CONNECTOR: ConditionReason.UNKNOWN_CONNECTOR,
    Code.BAD_CONFIG: ConditionReason.CONFIG_INVALID,
}
_SECRET_REASONS = {
    Code.MISSING_REFERENCE: ConditionReason.SECRET_NOT_FOUND,
    Code.MISSING_CREDENTIAL: ConditionReason.SECRET_KEY_MISSING,
}


def connection_status(facts: ConnectionFacts, now: datetime) -> dict[str, Any]:
    """Return the status to apply, without what is not known."""
    findings = list(_findings(facts))
    if facts.suspended and facts.not_in_force:
        message = (
            "spec.suspend is true, and it is not known yet that the workers that use it rest: "
            f"{', '.join(facts.not_in_force[:5])}; until then they may go on as before"
        )
        progressing = ConditionReason.PROGRESSING
        findings.append(Finding(ConditionType.READY, OPEN, progressing, message))
        findings.append(Finding(ConditionType.RECONCILING, YES, progressing, message))
    elif facts.suspended:
        message = "spec.suspend is true: nothing is read from or written to this system"
        suspended = Finding(ConditionType.READY, NO, ConditionReason.SUSPENDED, message)
        findings = [*findings, suspended]
    else:
        findings = [*findings, *ready_of(findings)]
    before = facts.before
    status: dict[str, Any] = {
        "observedGeneration": facts.generation,
        "conditions": conditions_of(
            findings, before.get("conditions") or (), generation=facts.generation, now=now
        ),
    }
    status |= (
        _checked(facts.report)
        if facts.report
        else {key: before.get(key) for key in ("server", "entities")}
    )
    if facts.requested_at:
        status["lastHandledReconcileAt"] = facts.requested_at
    status["lastCheckTime"] = before.get("lastCheckTime")
    if facts.report is not None and facts.report.checked is not None:
        result = {key: status.get(key) or None for key in ("server", "entities")}
        was = {key: before.get(key) or None for key in ("server", "entities")}
        turned = _states(status["conditions"]) != _states(before.get("conditions") or ())
        if turned or result != was or not status["lastCheckTime"]:
            status["lastCheckTime"] = instant_text(facts.report.checked)
    return {key: value for key, value in status.items() if value not in (None, [])}


def _states(conditions: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in conditions if one["type"] in _CHECKED}


def _findings(facts: ConnectionFacts) -> Sequence[Finding]:
    """Return the conditions, the most upstream first."""
    secret = [one for one in facts.problems if one.code in SECRET_CODES]
    document = [one for one in facts.problems if one.code not in SECRET_CODES]
    findings = [problem_finding(ConditionType.CONFIG_VALID, document, _DOCUMENT_REASONS)]
    if secret:
        found = problem_finding(ConditionType.CREDENTIALS_VALID, secret, _SECRET_REASONS)
        # a Secret that is made later wakes us; nothing of this is final
        findings.append(Finding(found.type, found.holds, found.reason, found.message))
    elif facts.report is None:
        findings += [_as_before(facts, type_) for type_ in _CHECKED]
    else:
        report = facts.report
        # who cannot be reached can neither accept nor refuse credentials
        unreachable = report.reachable.state is VerdictState.FALSE
        reachable = finding_of(ConditionType.REACHABLE, report.reachable)
        credentials = finding_of(ConditionType.CREDENTIALS_VALID, report.credentials)
        findings += [reachable, credentials] if unreachable else [credentials, reachable]
    if facts.receiver is not None:
        findings.append(workload_finding(ConditionType.RECEIVER_AVAILABLE, facts.receiver))
        if facts.report is not None and facts.report.webhooks is not None:
            findings.append(finding_of(ConditionType.WEBHOOKS_ACTIVE, facts.report.webhooks))
        elif facts.report is None:
            findings.append(_as_before(facts, ConditionType.WEBHOOKS_ACTIVE))
    return findings


def _as_before(facts: ConnectionFacts, type_: ConditionType) -> Finding:
    """Return what the last check of this generation found; a restart of ours changes nothing."""
    if facts.error is not None:
        return not_applied(type_, facts.error)
    if facts.lost:
        return Finding(type_, OPEN, ConditionReason.NOT_CHECKED, facts.lost)
    for one in facts.before.get("conditions") or ():
        current = one.get("observedGeneration") == facts.generation
        if one.get("type") == type_ and current and one.get("reason") in _SAID_BY_CHECKS:
            reason, holds = ConditionReason(one["reason"]), ConditionStatus(one["status"])
            return Finding(type_, holds, reason, one.get("message", ""))
    message = facts.unchecked or "the first check has not ended yet"
    return Finding(type_, OPEN, ConditionReason.NOT_CHECKED, message)


def _checked(report: ConnectionReport) -> dict[str, Any]:
    server = {
        "product": cut(report.product or ""),
        "version": cut(report.version or ""),
        "apiSunset": report.api_sunset.isoformat() if report.api_sunset else None,
    }
    known = {key: value for key, value in server.items() if value}
    return {
        "server": known if {"product", "version"} <= known.keys() else None,
        "entities": [
            {"name": one.name, "read": one.read, "write": one.write, "webhook": one.webhook}
            for one in sorted(report.entities, key=lambda one: one.name)
        ],
    }
