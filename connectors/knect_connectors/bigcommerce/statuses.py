"""The states of an order, by their ids: merchants rename them, the ids stay. Pure.

Must not: look at a name a merchant may have changed.
"""

from collections.abc import Mapping

__all__ = ["CANCELLED", "DECLINED", "ENDED", "FULFILLED", "NAMES", "payment_status", "status_id"]

NAMES: Mapping[int, str] = {
    0: "Incomplete",
    1: "Pending",
    2: "Shipped",
    3: "Partially Shipped",
    4: "Refunded",
    5: "Cancelled",
    6: "Declined",
    7: "Awaiting Payment",
    8: "Awaiting Pickup",
    9: "Awaiting Shipment",
    10: "Completed",
    11: "Awaiting Fulfillment",
    12: "Manual Verification Required",
    13: "Disputed",
    14: "Partially Refunded",
}
CANCELLED, DECLINED = 5, 6
#: Nothing is to be delivered any more, and nothing left to cancel.
ENDED = frozenset({4, CANCELLED, DECLINED})
#: Everything left: shipped, or completed.
FULFILLED = frozenset({2, 10})

#: What the store says of the money -> the words of records.
_PAID = {
    "authorized": "authorized",
    "capture pending": "authorized",
    "captured": "paid",
    "paid": "paid",
    "settled": "paid",
    "declined": "voided",
    "void": "voided",
    "void pending": "voided",
    "held for review": "pending",
    "pending": "pending",
    "partially refunded": "partially_refunded",
    "refunded": "refunded",
}
#: Where it says nothing of the money, its state does, by the vendor's own description.
_BY_STATE = {
    1: "pending",
    4: "refunded",
    5: "voided",
    6: "voided",
    7: "pending",
    12: "pending",
    14: "partially_refunded",
}


def payment_status(said: str | None, status: int) -> str:
    """Return how it stands with the money."""
    if said:
        return _PAID.get(said.lower(), "unknown")
    return _BY_STATE.get(status, "paid")


def status_id(value: object) -> int | None:
    """Return the id a person means: by id or by the vendor's name; None if it is none."""
    text = str(value).strip()
    if text.isascii() and text.isdecimal():
        return int(text) if int(text) in NAMES and int(text) else None
    folded = text.casefold()
    return next((key for key, name in NAMES.items() if key and name.casefold() == folded), None)
