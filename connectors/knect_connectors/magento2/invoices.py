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
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.comments import documents_of
from knect_connectors.magento2.marker import is_marked, mark
from knect_connectors.magento2.orders import head_of
from knect_connectors.magento2.payload import Node, tidy

__all__ = ["PAYMENTS"]

_PATH = "invoices"
_OPEN, _PAID = "1", "2"


# ---------------------------------------------------------------- at the shop


async def _order(client: MagentoClient, identifier: str) -> Node:
    raw = await head_of(client, identifier)
    if raw is None:
        raise WaitForPerson(
            f"the shop no longer has the order {identifier} this payment is of",
            code="ChangedAtDestination",
            path="order_id",
            value=identifier,
        )
    return Node(raw)


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
        there = await documents_of(client, _PATH, order["entity_id"].text())
        ours = [raw for raw in there if is_marked(raw, call.effect.external_id)]
        found.append(_found(ours[0]) if ours else None)
    return found


async def _send(client: MagentoClient, call: Call) -> Outcome:
    body = call.effect.body
    order = await _order(client, body["order"])
    side, amount = _side(order, body["currency"]), Decimal(body["amount"])
    there = await documents_of(client, _PATH, order["entity_id"].text())
    for raw in there:
        if is_marked(raw, call.effect.external_id):
            return Outcome(found=_found(raw))
    number = order["increment_id"].text()
    left = tidy(
        order[f"{side}grand_total"].money()
        - order.get(f"{side}total_invoiced").money()
        - order.get(f"{side}total_canceled").money()
    )
    if not left:
        for raw in there:  # somebody invoiced it by hand
            if not is_marked(raw) and Node(raw)[f"{side}grand_total"].money() == amount:
                return Outcome(found=_found(raw))
    if amount != left:
        raise Refused(
            f"the payment is {amount} {body['currency']}, but {left} of order {number} are left to"
            " invoice, and Magento invoices lines and no amounts; invoice it by hand in the shop,"
            " then skip this one",
            path="amount",
            value=str(amount),
        )
    request = {
        "capture": False,
        "notify": False,
        "appendComment": False,
        "comment": {"comment": mark(call.effect.external_id), "is_visible_on_front": 0},
    }
    path = f"order/{order['entity_id'].text()}/invoice"
    made = await client.write("POST", path, request, template="order/{id}/invoice")
    if not isinstance(made, int | str) or not str(made).isdecimal():
        raise UnexpectedAnswer(f"invoicing order {number} was answered without an id")
    return Outcome(found=Found(destination_id=str(made)))


def _found(raw: Mapping[str, Any]) -> Found:
    return Found(destination_id=str(raw["entity_id"]), number=str(raw["increment_id"]))


async def _state(client: MagentoClient, call: Call) -> tuple[str, str | None]:
    identifier = str(call.given["invoice"])
    rows = await client.by_ids(_PATH, "entity_id", [identifier])
    return identifier, str(rows[0].get("state") or _OPEN) if rows else None


async def _find_captured(client: MagentoClient, calls: Sequence[Call]) -> list[Found | None]:
    states = [await _state(client, call) for call in calls]
    return [
        Found(destination_id=identifier) if state == _PAID else None for identifier, state in states
    ]


async def _capture(client: MagentoClient, call: Call) -> Outcome:
    identifier, state = await _state(client, call)
    if state is None:
        raise WaitForPerson(
            f"the shop no longer has the invoice {identifier}",
            code="ChangedAtDestination",
            value=identifier,
        )
    if state != _PAID:
        await client.write(
            "POST", f"invoices/{identifier}/capture", template="invoices/{id}/capture"
        )
    return Outcome(found=Found(destination_id=identifier))


PAYMENTS = Part(
    document=payment_document,
    references=payment_references,
    plan=plan_payment,
    writes={
        "invoice": Write(send=one_by_one(_send), find=_find),
        "capture": Write(send=one_by_one(_capture), find=_find_captured),
    },
)
