"""Moving sales from state to state: quoted, confirmed, cancelled.

Must not: touch a sale whose total is not what the customer paid, or take back what was shipped.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import ConnectorError, Refused, RetryLater, WaitForPerson
from knect_connectors.tryton.amend import NOTHING_LEFT, take_back
from knect_connectors.tryton.client import TrytonClient, as_read
from knect_connectors.tryton.refusals import NOT_NOW

__all__ = [
    "CLOSED",
    "FOUND_FIELDS",
    "closed",
    "find_states",
    "found_of",
    "gone",
    "name_of",
    "write_states",
]

_ORDER = ("draft", "quotation", "confirmed", "processing", "done")
#: Button -> the state it brings a sale to.
_REACHED = {"draft": "draft", "cancel": "cancelled", "quote": "quotation", "confirm": "confirmed"}
#: States in which a sale is no longer written.
CLOSED = frozenset({"processing", "done"})
#: What is read of a sale to tell of it.
FOUND_FIELDS = ("number", "last_modified_at", "state", "total_amount", "currency")


async def find_states(client: TrytonClient, calls: Sequence[Call]) -> list[Found | None]:
    """Return the sale of each call that is in the state asked for, or further."""
    targets = [int(call.effect.target or call.given["sale"]) for call in calls]
    sales = await client.read("sale.sale", targets, FOUND_FIELDS)
    return [
        found_of(sales[target])
        if target in sales and _has_reached(sales[target], call.effect.body)
        else None
        for target, call in zip(targets, calls, strict=True)
    ]


def found_of(row: Mapping[str, Any]) -> Found:
    """Return what is told of a sale that was read."""
    changed = row["last_modified_at"]
    return Found(
        destination_id=str(row["id"]),
        number=row["number"],
        token=changed.isoformat(timespec="microseconds") if changed else None,
    )


async def write_states(
    client: TrytonClient, calls: Sequence[Call], *, tries: int = len(_ORDER)
) -> list[Outcome]:
    """Move each sale to the state asked for, as far as it is not there yet."""
    await client.facts()
    targets = [int(call.effect.target or call.given["sale"]) for call in calls]
    names = [(call.transaction, target) for call, target in zip(calls, targets, strict=True)]
    made = client.just_made.take(names)
    sales = (
        await client.read("sale.sale", targets, (*FOUND_FIELDS, "_timestamp"))
        if made is None
        else {target: row for (_, target), row in made.items()}
    )
    errors: dict[int, ConnectorError] = {}
    remarks: dict[int, str | None] = {}
    steps: dict[str, list[int]] = {"draft": [], "cancel": [], "quote": [], "confirm": []}
    for target, call in zip(targets, calls, strict=True):
        sale = sales.get(target)
        if sale is None and call.effect.body.get("deleted"):
            continue  # gone at both ends
        if sale is not None and _stands_for_itself(sale, call.effect.body):
            continue
        error = gone(target) if sale is None else _obstacle(sale, call.effect.body)
        if sale is not None and call.effect.body["state"] == "Cancelled":
            if _is_nothing(sale):
                error, remarks[target] = None, NOTHING_LEFT
            elif sale["state"] == "processing":
                error, remarks[target] = await take_back(client, sale, _fate(call.effect.body))
        if error is not None:
            errors[target] = error
        elif sale is not None and target not in remarks:
            for step in _steps(sale["state"], call.effect.body["state"]):
                steps[step].append(target)
    if await _press(client, steps, sales, alone=tries > 0 and len(calls) == 1):
        return await write_states(client, calls, tries=tries - 1)
    after = await client.read("sale.sale", [t for t in targets if t not in errors], FOUND_FIELDS)
    return [
        Outcome(error=errors[target])
        if target in errors
        else Outcome(
            found=structs.replace(found_of(after[target]), remark=remarks.get(target))
            if target in after
            else Found(destination_id=str(target))
        )
        for target in targets
    ]


async def _press(
    client: TrytonClient,
    steps: Mapping[str, Sequence[int]],
    sales: Mapping[int, Mapping[str, Any]],
    *,
    alone: bool,
) -> bool:
    """Press the buttons; tell whether a sale `alone` has meanwhile moved on by another hand.

    It may be our own: a request that nobody waited for any longer is done all the same, and then
    the same button is refused. Raises Refused if the sale is where it was, or is one of many.
    """
    states = {target: sale["state"] for target, sale in sales.items()}
    for step, ids in steps.items():
        if not ids:
            continue
        # A cancelled sale can be put back to draft: what comes late must find it as it was read.
        context = as_read("sale.sale", [sales[one] for one in ids]) if step == "draft" else None
        try:
            await client.write(f"model.sale.sale.{step}", ids, context=context)
        except RetryLater as error:
            if not error.answered or not alone:
                raise
            return True
        except Refused as error:
            if error.code != NOT_NOW or not alone:
                raise
            there = await client.read("sale.sale", ids, ("state",))
            if all(one in there and there[one]["state"] == states[one] for one in ids):
                raise
            return True
        states.update(dict.fromkeys(ids, _REACHED[step]))
    return False


def _fate(body: Mapping[str, Any]) -> str:
    return "was deleted" if body.get("deleted") else "was cancelled"


def _is_nothing(sale: Mapping[str, Any]) -> bool:
    """Tell whether a sale in processing was set to nothing: there it cannot be cancelled."""
    return sale["state"] in CLOSED and not sale["total_amount"]


def _steps(state: str, wanted: str) -> tuple[str, ...]:
    """Return the buttons to press, in the order in which `write_states` presses them."""
    match state, wanted:
        case "cancelled", "Cancelled":
            return ()
        case "confirmed", "Cancelled":
            return ("draft", "cancel")
        case _, "Cancelled":
            return ("cancel",)
        case "draft", "Quotation":
            return ("quote",)
        case "draft", "Confirmed":
            return ("quote", "confirm")
        case "quotation", "Confirmed":
            return ("confirm",)
        case _:
            return ()


def _has_reached(sale: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    state, wanted = sale["state"], str(body["state"])
    if _stands_for_itself(sale, body):
        return True
    if state == "cancelled" or wanted == "Cancelled":
        return (state == "cancelled" or _is_nothing(sale)) == (wanted == "Cancelled")
    return _ORDER.index(state) >= _ORDER.index(wanted.lower())


def _stands_for_itself(sale: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Tell whether a refund made no sale of its own: the order's was taken back and is its end."""
    own: str | None = body.get("refund_of")
    return own == str(sale["id"])


def _obstacle(sale: Mapping[str, Any], body: Mapping[str, Any]) -> ConnectorError | None:
    if body["state"] == "Cancelled":
        if sale["state"] in CLOSED:
            return closed(sale, _fate(body))
        return None
    if sale["state"] == "cancelled":
        return closed(sale, "is still valid")
    total, paid = sale["total_amount"], Decimal(body["total"])
    if total != paid:
        return Refused(
            f"Tryton makes sale {name_of(sale)} a total of {total}, the order's total is {paid};"
            " a tax or price rule in Tryton changes what was sent",
            code="TotalsMismatch",
            path="total_amount",
            value=str(total),
        )
    return None


def closed(sale: Mapping[str, Any], what: str, *, total: str | None = None) -> WaitForPerson:
    """Return what is said of a sale that can no longer be written; `what` became of the order."""
    totals = f": its total is {sale['total_amount']} there and {total} in the shop" if total else ""
    return WaitForPerson(
        f"sale {name_of(sale)} is {sale['state']} in Tryton and the shop's order {what}{totals};"
        " make the change in Tryton by hand, then skip this one",
        code="ChangedAtDestination",
        path="state",
        value=sale["state"],
    )


def gone(target: int) -> WaitForPerson:
    """Return what is said of a sale somebody deleted."""
    return WaitForPerson(
        f"the sale with id {target} is no longer in Tryton; somebody deleted it",
        code="ChangedAtDestination",
    )


def name_of(sale: Mapping[str, Any]) -> str:
    """Return what people call a sale."""
    return str(sale["number"] or f"with id {sale['id']}")
