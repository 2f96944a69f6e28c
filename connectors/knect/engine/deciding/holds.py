"""What is held back although it could be sent: numbers that jump, prices that are not valid now,
levels that two records tell.

Why: a price of 0 or a tenth of yesterday's is more often a slip than a decision, and nobody can
call back what a customer paid. Pure: values in, a verdict out.
Must not: decide what is right; a person approves, or the source is corrected.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from knect.api.mapping import Guard, ZeroValue
from knect.api.reasons import Reason
from knect.engine.deciding.masking import HIDDEN
from knect.engine.deciding.policy import ITSELF, MERCHANT, Verdict
from knect.ledger.fates import Fate
from knect.model import InventoryLevel, Price, Record

__all__ = ["guarded", "not_now", "told_by_two"]

_ADVICE = "approve it with knect approve, or correct it at the source"


def guarded(
    guards: Sequence[Guard],
    document: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    *,
    is_withheld: Callable[[str, Any], bool] = lambda _name, _value: False,
) -> Verdict | None:
    """Return why a document waits for approval; None if every guard lets it pass.

    `previous` is the document delivered last; without one only the guard against zero can hold.
    `is_withheld` tells whether a field with a value is to be shown to nobody.
    """
    for guard in guards:
        name, value = _watched(guard, document)
        if value is None:
            continue
        earlier, before = _watched(guard, previous or {})
        hides = is_withheld(name, document[name])
        if before is not None and name != earlier:
            hides = hides or is_withheld(earlier, document.get(earlier) or before)
        shown = HIDDEN if hides else str(value)
        if value <= 0 and guard.zero is ZeroValue.PARK and before != value:
            return _parked(name, shown, f"{name} is {shown}")
        most = guard.max_change_percent
        if most is None or before is None or before == value:
            continue
        change = abs(value - before) * 100
        if change > most * abs(before):
            percent = f" ({change / abs(before):.0f} %)" if before else ""
            if hides:
                jump = f"{name} changes by"
            elif name == earlier:
                jump = f"{name} goes from {before} to {value}{percent},"
            else:
                jump = f"{name} {value} takes the place of {earlier} {before}{percent},"
            return _parked(name, shown, f"{jump} more than {most} %")
    return None


def _watched(guard: Guard, document: Mapping[str, Any]) -> tuple[str, Decimal | None]:
    """Return the field that counts in a document, and its number."""
    value = _number(document.get(guard.field))
    if value is None and guard.or_else is not None:
        return guard.or_else, _number(document.get(guard.or_else))
    return guard.field, value


def not_now(record: Record, now: datetime) -> Verdict | None:
    """Return the verdict for what is not to be sent at this moment, or ever."""
    match record:
        case Price(valid_from=since) if since is not None and since > now:
            return Verdict(
                fate=Fate.WAITING,
                reason=Reason.NOT_YET_VALID,
                message=f"the price is valid from {since:%Y-%m-%d %H:%M:%S %Z} on",
                field="valid_from",
                value=since.isoformat(),
                acts=ITSELF,
                next_in=(since - now).total_seconds(),
                counts=False,
            )
        case Price(valid_until=until) if until is not None and until <= now:
            return Verdict(
                fate=Fate.SKIPPED,
                reason=Reason.EXPIRED,
                message=f"the price was valid until {until:%Y-%m-%d %H:%M:%S %Z}",
            )
        case InventoryLevel(tracked=False):
            return _not_stocked(f"{record.sku} is not tracked; it has no stock to send")
        case InventoryLevel(kind="service" | "bundle"):
            return _not_stocked(f"{record.sku} is a {record.kind}, which has no stock of its own")
        case _:
            return None


def told_by_two(level: InventoryLevel, where: str, other: str) -> Verdict:
    """Return why a level waits that another record (its id at the source) tells as well."""
    name = level.sku or level.source_id
    return _parked(
        "location",
        level.location,
        f"the stock of {name} in {where} is told by the record {other}, too, and the one told last"
        " would win",
        advice="leave one of them out (settings.location, valueMaps or an admit rule), or approve"
        " this one with knect approve if it takes the place of the other",
    )


def _not_stocked(message: str) -> Verdict:
    return Verdict(fate=Fate.SKIPPED, reason=Reason.NOT_TRACKED, message=message)


def _parked(field: str, shown: str, what: str, advice: str = _ADVICE) -> Verdict:
    return Verdict(
        fate=Fate.WAITING,
        reason=Reason.NEEDS_APPROVAL,
        message=f"{what}; {advice}",
        field=field,
        value=shown,
        acts=MERCHANT,
        waits_for=f"reason:{Reason.NEEDS_APPROVAL}",
        counts=False,
    )


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
