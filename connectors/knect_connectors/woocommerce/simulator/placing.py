"""Orders that are made over the API: what a request says becomes lines, charges and fees.

Must not: know a route.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from knect_connectors.woocommerce.simulator.books import Books, Row
from knect_connectors.woocommerce.simulator.builder import Bought, Extra, OrderPlan, build_order
from knect_connectors.woocommerce.simulator.queries import RefusedError

__all__ = ["placed"]

_PAID = frozenset({"processing", "completed"})


def placed(books: Books, body: Mapping[str, Any]) -> Row:
    """Put an order into the books as a request asks for it."""
    billing = {**dict.fromkeys(("first_name", "last_name"), ""), **(body.get("billing") or {})}
    status = str(body.get("status") or "pending")
    charges = (Decimal(str(one.get("total") or 0)) for one in body.get("shipping_lines") or ())
    row = build_order(
        books,
        OrderPlan(
            at=books.now(),
            bought=tuple(_bought(books, one) for one in body.get("line_items") or ()),
            address={name: one for name, one in billing.items() if name not in ("email", "phone")},
            email=str(billing.get("email") or ""),
            customer=int(body.get("customer_id") or 0),
            shipping=sum(charges, Decimal(0)),
            fees=tuple(
                Extra(
                    name=str(one.get("name") or "Fee"), amount=Decimal(str(one.get("total") or 0))
                )
                for one in body.get("fee_lines") or ()
            ),
            status="processing" if body.get("set_paid") else status,
            paid=bool(body.get("set_paid")) or status in _PAID,
        ),
    )
    row["created_via"] = "rest-api"
    books.events.append(("order.created", row))
    return row


def _bought(books: Books, item: Mapping[str, Any]) -> Bought:
    number = int(item.get("variation_id") or item.get("product_id") or 0)
    rows = [*books.products.values(), *(v for of in books.variations.values() for v in of.values())]
    row = next((one for one in rows if one["id"] == number), None)
    if row is None:
        raise RefusedError(
            400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required."
        )
    quantity = Decimal(str(item.get("quantity") or 1))
    whole = Decimal(str(row["price"] or 0)) * quantity
    total = Decimal(str(item.get("total") or whole))
    return Bought(
        sku=row["sku"],
        title=row["name"],
        price=whole / quantity,
        quantity=quantity,
        discount=whole - total,
        product=row.get("parent_id") or row["id"],
        variation=row["id"] if row["type"] == "variation" else 0,
    )
