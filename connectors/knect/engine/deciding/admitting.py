"""Which records the rules of a pipeline let in.

Why: a rule says what is to be written; an order that was cancelled meanwhile is not to be written
but to be taken back, and one that waits to be let in waits in vain.
Must not: know what a destination makes of a record.
"""

from collections.abc import Callable, Mapping
from typing import Any

from knect.api.mapping import Admittance
from knect.api.reasons import Reason
from knect.engine.deciding.host_calls import Around
from knect.engine.deciding.mapping_plan import MappingPlan
from knect.engine.deciding.policy import MERCHANT, Verdict
from knect.ledger.fates import Fate
from knect.model import Record
from knect.model.record import is_cancelled

__all__ = ["held_back"]


def held_back(
    plan: MappingPlan,
    record: Record,
    scope: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]],
    around: Around,
) -> Verdict | None:
    """Return what becomes of a record that is not let in; None if it is. The first rule that holds
    decides. Raises what an expression raises.
    """
    verdict = _by_the_rules(plan, scope, functions, approved=around.approved)
    if verdict is None or not (is_cancelled(record) or _was_cancelled(around)):
        return verdict
    if around.there:
        return None  # it was let in, and is taken back; or it was taken back, and is valid again
    if verdict.fate is not Fate.WAITING:
        return verdict
    return Verdict(
        fate=Fate.SKIPPED,
        reason=Reason.CANCELLED_BEFORE_DELIVERY,
        message=f"it was cancelled before it got to {plan.where}, where it was not let in:"
        f" {verdict.message}; nothing to take back",
    )


def _was_cancelled(around: Around) -> bool:
    return bool(around.previous and around.previous.get("cancelled"))


def _by_the_rules(
    plan: MappingPlan, scope: Mapping[str, Any], functions: Mapping[str, Any], *, approved: bool
) -> Verdict | None:
    for rule in plan.admit:
        if not rule.when.holds(scope, functions):
            continue
        if approved and rule.then is Admittance.WAIT:
            return None
        match rule.then:
            case Admittance.DELIVER:
                return None
            case Admittance.SKIP:
                return Verdict(fate=Fate.SKIPPED, reason=Reason.ADMIT_SKIP, message=rule.reason)
            case Admittance.REJECT:
                return Verdict(
                    fate=Fate.REJECTED,
                    reason=Reason.ADMIT_REJECT,
                    message=rule.reason,
                    acts=MERCHANT,
                )
            case Admittance.WAIT:
                return Verdict(
                    fate=Fate.WAITING,
                    reason=Reason.ADMIT_WAIT,
                    message=rule.reason,
                    acts=MERCHANT,
                    waits_for="reason:AdmitWait",
                    counts=False,
                )
    return None
