"""Payments and refunds: records of their own, created once, that wait for their order's binding.

Must not: change an order; an edit is told from a refund by its own id, never by a difference.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

__all__ = ["Payment", "Refund", "RefundLine"]


class Payment(Struct, frozen=True, kw_only=True, gc=False):
    """One movement of money (or a promise of it) for an order."""

    source_id: str
    order_id: str
    order_number: str | None = None
    kind: str  # authorization capture sale void refund change
    status: str  # success pending failure error
    amount: Decimal
    currency: str
    gateway: str | None = None  # gift_card for a gift card used as tender
    reference: str | None = None  # the gateway's own id
    parent_id: str | None = None
    processed_at: datetime | None = None
    test: bool = False


class RefundLine(Struct, frozen=True, kw_only=True, gc=False):
    """What of which line went back."""

    line_id: str
    quantity: Decimal
    amount: Decimal  # without tax unless the order includes it
    tax: Decimal = Decimal(0)
    restock: str = "none"  # return cancel none
    location: str | None = None
    sku: str | None = None


class Refund(Struct, frozen=True, kw_only=True, gc=False):
    """Money given back: by line, for shipping, or just an amount.

    sum of lines (amount, and tax unless included) + shipping (and its tax) + adjustment = total
    """

    source_id: str
    order_id: str
    order_number: str | None = None
    order_cancelled: bool = False  # given back because nothing, or nothing more, is to be sent
    currency: str
    total: Decimal
    created_at: datetime
    lines: tuple[RefundLine, ...] = ()
    shipping: Decimal = Decimal(0)
    shipping_tax: Decimal = Decimal(0)
    adjustment: Decimal = Decimal(0)  # amount-only part, signed
    taxes_included: bool = False
    payments: tuple[Payment, ...] = ()
    pending: bool = False  # not settled yet: must not be credited
    note: str | None = None
