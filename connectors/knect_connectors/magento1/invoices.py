"""Payments the ERP booked as Magento's invoices: one for what is left to invoice, captured if told.

Magento invoices lines, not amounts: a payment that is not what is left is refused with both
figures.
Must not: capture unless the pipeline says so, or invoice what somebody invoiced by hand.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from knect.sdk.contract import Call, Found, Outcome
from knect.sdk.errors import Refused, UnexpectedAnswer, WaitForPerson
from knect.sdk.parts import Part, Write, one_by_one
from knect_connectors.magento.invoicing import payment_document, payment_references, plan_payment
from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.listing import rows_of
from knect_connectors.magento1.marker import is_marked, mark
from knect_connectors.magento1.orders import head_of, infos
from knect_connectors.magento1.payload import Node, tidy

__all__ = ["PAYMENTS"]

_RESOURCE = "sales_order_invoice"
_LIST, _INFO, _CREATE = f"{_RESOURCE}.list", f"{_RESOURCE}.info", f"{_RESOURCE}.create"
_CAPTURE = f"{_RESOURCE}.capture"
_OPEN, _PAID = "1", "2"


# ---------------------------------------------------------------- at the shop


async def _order(client: MagentoClient, number: str) -> Node:
    raw = await head_of(client, number)
    if raw is None:
        raise WaitForPerson(
            f"the shop no longer has the order {number} this payment is of",
            code="ChangedAtDestination",
            path="order_id",
            value=number,
        )
    return Node(raw)


async def _invoices(client: MagentoClient, order: Node) -> list[dict[str, Any]]:
    if not order.get("base_total_invoiced").number_or_zero() and order["state"].value == "new":
        return []
    rows = rows_of(client, _LIST, await client.read(_LIST, {"order_id": order["order_id"].text()}))
    told = await infos(client, _INFO, [str(row["increment_id"]) for row in rows])
    return [raw for raw in told.values() if raw]


def _comments(raw: Mapping[str, Any]) -> list[str]:
    return [str(one.get("comment") or "") for one in raw.get("comments") or ()]


def _side(order: Node, currency: str) -> str:
    """Return the prefix of the amounts that are in a currency. Raises Refused."""
    for side, column in (("base_", "base_currency_code"), ("", "order_currency_code")):
        if order.get(column).value == currency:
            return side
    raise Refused(
        f"the payment is in {currency}, but order {order['increment_id'].text()} is in"
        f" {order.get('base_currency_code').value}; nothing is converted",
        code="CurrencyNotSold",
        path="currency",
        value=currency,
    )


async def _find(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    found: list[Found | None] = []
    for call in calls:
        order = await _order(client, call.effect.body["order"])
        ours = [
            raw
            for raw in await _invoices(client, order)
            if is_marked(_comments(raw), call.effect.external_id)
        ]
        found.append(_found(ours[0]) if ours else None)
    return found


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    order = await _order(client, body["order"])
    side, amount = _side(order, body["currency"]), Decimal(body["amount"])
    there = await _invoices(client, order)
    for raw in there:
        if is_marked(_comments(raw), call.effect.external_id):
            return Outcome(found=_found(raw))
    number = order["increment_id"].text()
    left = tidy(
        order[f"{side}grand_total"].money()
        - order.get(f"{side}total_invoiced").money()
        - order.get(f"{side}total_canceled").money()
    )
    if not left:
        for raw in there:  # somebody invoiced it by hand
            if not is_marked(_comments(raw)) and Node(raw)[f"{side}grand_total"].money() == amount:
                return Outcome(found=_found(raw))
    if amount != left:
        raise Refused(
            f"the payment is {amount} {body['currency']}, but {left} of order {number} are left to"
            " invoice, and Magento invoices lines and no amounts; invoice it by hand in the shop,"
            " then skip this one",
            path="amount",
            value=str(amount),
        )
    made = await client.write(_CREATE, number, {}, mark(call.effect.external_id), 0, 0)
    if not made:
        raise UnexpectedAnswer(f"{_CREATE} of order {number} was answered without a number")
    return Outcome(found=Found(destination_id=str(made), number=str(made)))


def _found(raw: Mapping[str, Any]) -> Found:
    return Found(destination_id=str(raw["increment_id"]), number=str(raw["increment_id"]))


async def _state(client: MagentoClient, call: Call) -> tuple[str, str | None]:
    number = str(call.given["invoice"])
    raw = (await infos(client, _INFO, [number]))[number]
    return number, None if raw is None else str(raw.get("state") or _OPEN)


async def _find_captured(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    states = [await _state(client, call) for call in calls]
    return [
        Found(destination_id=number, number=number) if state == _PAID else None
        for number, state in states
    ]


async def _capture(client: MagentoClient, call: Call) -> Outcome:
    number, state = await _state(client, call)
    if state is None:
        raise WaitForPerson(
            f"the shop no longer has the invoice {number}",
            code="ChangedAtDestination",
            value=number,
        )
    if state != _PAID:
        await client.write(_CAPTURE, number)
    return Outcome(found=Found(destination_id=number, number=number))


PAYMENTS = Part(
    rights=("sales_order.info", _LIST, _INFO, _CREATE, _CAPTURE),
    document=payment_document,
    references=payment_references,
    plan=plan_payment,
    writes={
        "invoice": Write(send=one_by_one(_send), find=_find),
        "capture": Write(send=one_by_one(_capture), find=_find_captured),
    },
)
