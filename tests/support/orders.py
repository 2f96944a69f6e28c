"""Builders of canonical orders for the tests."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from knect.model import (
    Address,
    Discount,
    Order,
    OrderLine,
    PartyRef,
    ShippingLine,
    TaxLine,
    Totals,
    check_record,
)

__all__ = ["a_line", "a_shipping", "an_address", "an_order"]


def d(value: str | int | Decimal) -> Decimal:
    """Return a decimal."""
    return Decimal(value)


def an_address(**changes: Any) -> Address:
    """Return a German address."""
    fields = {
        "name": "Ann Example",
        "street": ("Lange Reihe 7",),
        "postal_code": "20099",
        "city": "Hamburg",
        "country": "DE",
    }
    return Address(**{**fields, **changes})


def a_line(
    sku: str = "SKU-001",
    price: str = "10.00",
    *,
    quantity: str = "1",
    discount: str = "0",
    taxes: tuple[tuple[str, str], ...] = (),
    **more: Any,
) -> OrderLine:
    """Return a line; `taxes` are (rate, amount)."""
    return OrderLine(
        id=more.pop("id", "1"),
        sku=sku,
        title=more.pop("title", f"Thing {sku}"),
        quantity=d(quantity),
        unit_price=d(price),
        discounts=(Discount(amount=d(discount), code="SAVE"),) if d(discount) else (),
        taxes=_taxes(taxes),
        **more,
    )


def a_shipping(
    price: str = "4.90", *, discount: str = "0", taxes: tuple[tuple[str, str], ...] = ()
) -> ShippingLine:
    """Return a shipping line."""
    return ShippingLine(
        id="s1",
        title="DHL",
        price=d(price),
        discounts=(Discount(amount=d(discount), code="FREE"),) if d(discount) else (),
        taxes=_taxes(taxes),
    )


def _taxes(taxes: tuple[tuple[str, str], ...]) -> tuple[TaxLine, ...]:
    return tuple(
        TaxLine(title=f"VAT {rate}", rate=d(rate), amount=d(amount)) for rate, amount in taxes
    )


def an_order(total: str, *lines: OrderLine, number: str = "1001", **changes: Any) -> Order:
    """Return an order that holds its invariants."""
    placed = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    fields: dict[str, Any] = {
        "source_id": f"gid://shopify/Order/{number}",
        "number": number,
        "name": f"#{number}",
        "currency": "EUR",
        "totals": Totals(total=d(total)),
        "placed_at": placed,
        "updated_at": placed,
        "lines": lines,
        "zone": "Europe/Berlin",
        "customer": PartyRef(
            source_id=f"gid://shopify/Customer/{number}",
            email=f"ann{number}@example.com",
            name="Ann Example",
        ),
        "billing_address": an_address(),
        "shipping_address": an_address(),
    }
    order = Order(**{**fields, **changes})
    violation = check_record(order)
    assert violation is None, violation
    return order
