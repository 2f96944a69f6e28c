"""What merchants and customers do: ship, refund, edit, cancel, pay. Each moves the order's time.

Must not: be met by a route but through the API's own functions.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import structs

from knect_connectors.bigcommerce.simulator.books import Books, Row, coins, iso, mail
from knect_connectors.bigcommerce.simulator.builder import Bought, figures, line_of
from knect_connectors.bigcommerce.statuses import NAMES

__all__ = ["edit", "pay", "refund", "set_status", "ship", "take_back"]


def set_status(books: Books, order: Row, status: int, *, at: datetime | None = None) -> None:
    """Move an order to a state."""
    before = order["status_id"]
    order |= {"status_id": status, "status": NAMES[status], "custom_status": NAMES[status]}
    if status == 2 and not order["date_shipped"]:
        order["date_shipped"] = mail(at or books.now())
    scopes = ("store/order/updated",) + (("store/order/statusUpdated",) if status != before else ())
    books.touch(order, *scopes, at=at)


def pay(
    books: Books, order: Row, event: str = "purchase", *, at: datetime | None = None, **more: Any
) -> Row:
    """Add a transaction."""
    row: Row = {
        "id": books.next("transaction", 9), "order_id": str(order["id"]),
        "date_created": iso(at or books.now()), "event": event, "method": "credit_card",
        "amount": Decimal(order["total_inc_tax"]).normalize(),
        "currency": order["default_currency_code"], "gateway": "stripe",
        "gateway_transaction_id": f"ch_{order['id']}", "test": False, "status": "ok",
        "fraud_review": False, "reference_transaction_id": None, "offline": None, "custom": None,
        "payment_method_id": "stripe.credit_card", "payment_instrument_token": None,
        "avs_result": {}, "cvv_result": {}, "credit_card": None, "gift_certificate": None,
        "store_credit": None, **more,
    }  # fmt: skip
    order["_transactions"].append(row)
    books.touch(order, at=at)
    books.tell(
        "store/order/transaction/created",
        {"type": "order", "id": order["id"], "transaction": {"transaction_id": row["id"]}},
    )
    return row


def ship(
    books: Books,
    order: Row,
    items: Sequence[Mapping[str, Any]] | None = None,
    *,
    at: datetime | None = None,
    **fields: Any,
) -> Row:
    """Make a parcel of one address; of all that is left there where nobody says of what."""
    when = at or books.now()
    address = int(fields.pop("order_address_id", 0) or order["_addresses"][0]["id"])
    lines = {line["id"]: line for line in order["_products"]}
    if items is None:
        items = [
            {"order_product_id": one["id"], "quantity": one["quantity"] - one["quantity_shipped"]}
            for one in lines.values()
            if one["order_address_id"] == address and one["quantity"] > one["quantity_shipped"]
        ]
    made = []
    for item in items:
        line = lines[int(item["order_product_id"])]
        line["quantity_shipped"] += int(item["quantity"])
        made.append({"order_product_id": line["id"], "product_id": line["product_id"],
                     "quantity": int(item["quantity"])})  # fmt: skip
    where = next(one for one in order["_addresses"] if one["id"] == address)
    names = ("first_name", "last_name", "company", "street_1", "street_2", "city", "state", "zip",
             "country", "country_iso2", "phone", "email")  # fmt: skip
    row: Row = {
        "id": books.next("shipment", 1), "order_id": order["id"],
        "customer_id": order["customer_id"], "order_address_id": address,
        "date_created": mail(when), "tracking_number": "", "merchant_shipping_cost": "0.0000",
        "shipping_method": "", "comments": "", "shipping_provider": "", "tracking_carrier": "",
        "tracking_link": "", "billing_address": {
            k: v for k, v in order["billing_address"].items() if k != "form_fields"},
        "shipping_address": {name: where.get(name, "") for name in names}, "items": made,
        "shipping_provider_display_name": "", "generated_tracking_link": "", **fields,
    }  # fmt: skip
    order["_shipments"].append(row)
    _count(order)
    all_left = order["items_shipped"] >= order["items_total"]
    books.mails.append({"order": order["id"], "shipment": row["id"],
                        "tracking": row["tracking_number"]})  # fmt: skip
    books.tell("store/shipment/created", _about(row))
    set_status(books, order, 2 if all_left else 3, at=at)
    return row


def take_back(books: Books, order: Row, shipment: Row) -> None:
    """Delete a parcel; the order stays shipped, as at the platform."""
    lines = {line["id"]: line for line in order["_products"]}
    for item in shipment["items"]:
        if item["order_product_id"] in lines:
            lines[item["order_product_id"]]["quantity_shipped"] -= item["quantity"]
    order["_shipments"].remove(shipment)
    _count(order)
    books.tell("store/shipment/deleted", _about(shipment))
    books.touch(order)


def _about(shipment: Row) -> Row:
    return {"type": "shipment", "id": shipment["id"], "orderId": shipment["order_id"]}


def _count(order: Row) -> None:
    order["items_shipped"] = sum(line["quantity_shipped"] for line in order["_products"])


def refund(
    books: Books,
    order: Row,
    items: Sequence[Mapping[str, Any]] | None = None,
    *,
    amount: Decimal = Decimal(0),
    shipping: Decimal = Decimal(0),
    reason: str = "",
    at: datetime | None = None,
    declined: bool = False,
) -> Row:
    """Give money back: for pieces (`{"line": 0, "quantity": 1}`), shipping, or just an amount."""
    rows: list[Row] = []
    tax = Decimal(0)
    for item in items or ():
        line = order["_products"][int(item["line"])]
        quantity = int(item["quantity"])
        share = Decimal(quantity) / line["quantity"]
        value = coins(Decimal(line["discounted_total_inc_tax"]) * share)
        tax += coins(Decimal(line["total_tax"]) * share)
        line["quantity_refunded"] += quantity
        rows.append(_item("PRODUCT", line["id"], value, quantity))
    if shipping:
        cost = Decimal(order["shipping_cost_inc_tax"])
        tax += coins(Decimal(order["shipping_cost_tax"]) * shipping / cost)
        rows.append(_item("SHIPPING", order["_addresses"][0]["id"], shipping))
    if amount:
        rows.append(_item("ORDER", order["id"], amount))
    total = sum((row["requested_amount"] for row in rows), Decimal(0))
    number = books.next("refund", 3)
    row = {
        "id": number, "order_id": order["id"], "user_id": 1, "created": iso(at or books.now()),
        "reason": reason, "total_amount": total, "total_tax": tax,
        "uses_merchant_override_values": False, "items": rows,
        "payments": [
            {"id": books.next("refund_payment"), "provider_id": "stripe", "amount": total,
             "offline": False, "is_declined": declined,
             "declined_message": "insufficient funds" if declined else "",
             "transaction_id": str(number)}
        ],
    }  # fmt: skip
    order["_refunds"].append(row)
    paid = next((one for one in order["_transactions"] if one["event"] != "refund"), None)
    pay(books, order, "refund", at=at, amount=total, status="error" if declined else "ok",
        reference_transaction_id=paid["id"] if paid else None)  # fmt: skip
    everything = total >= Decimal(order["total_inc_tax"])
    data = {"type": "order", "id": order["id"], "refund": {"refund_id": number}}
    books.tell("store/order/refund/created", data)
    set_status(books, order, 4 if everything else 14, at=at)
    return row


def _item(kind: str, about: int, amount: Decimal, quantity: int = 1) -> Row:
    return {"item_type": kind, "item_id": about, "reason": "", "quantity": quantity,
            "adjustments": [], "requested_amount": amount}  # fmt: skip


def edit(books: Books, order: Row, bought: Sequence[Bought]) -> None:
    """Edit an order in the control panel: its lines are made anew, with other ids."""
    plan = structs.replace(order["_plan"], bought=bought)
    order["_plan"] = plan
    address = order["_addresses"][0]["id"] if order["_addresses"] else 0
    order["_products"] = [line_of(books, plan, one, order["id"], address) for one in bought]
    figures(order)
    books.touch(order)
