"""An order: what was sold after edits and cancellations, *excluding* refunds.

All amounts are in `currency`. With `taxes_included` unit prices, shipping prices and discounts
contain the tax, and tax lines say how much of them is tax. Whichever it is:

    sum of lines (quantity x unit price - discounts) + shipping (price - discounts)
    + fees + tips + tax (only if not included) + rounding - discounts of the whole order = total

The source's own zone is kept in `zone`, instants are UTC, so that the business date of the hub can
be worked out. Must not: recompute a tax or a price; what the customer paid is a fact.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field

from knect.model.customer import Address
from knect.model.money import Money
from knect.model.payment import Payment

__all__ = [
    "Discount",
    "Fee",
    "Order",
    "OrderLine",
    "PartyRef",
    "ShippingLine",
    "TaxLine",
    "Totals",
]


class Discount(Struct, frozen=True, kw_only=True, gc=False):
    """One discount's share in a line (or, on the order, what no line was given)."""

    amount: Decimal  # positive
    code: str | None = None
    title: str | None = None


class TaxLine(Struct, frozen=True, kw_only=True, gc=False):
    """One tax on one line, as the source computed it."""

    title: str
    amount: Decimal
    rate: Decimal | None = None  # 0.19 for 19 %
    channel_liable: bool = False  # a marketplace remits it


class OrderLine(Struct, frozen=True, kw_only=True, gc=False):
    """One line. `quantity` is after edits and before refunds."""

    id: str
    quantity: Decimal
    unit_price: Decimal  # before any discount
    sku: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    title: str = ""
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    gift_card: bool = False  # sold, not used: a liability without tax
    requires_shipping: bool = True
    location: str | None = None
    bundle: str | None = None  # id of the line this one is a component of
    attributes: dict[str, str] = field(default_factory=dict)


class ShippingLine(Struct, frozen=True, kw_only=True, gc=False):
    """One shipping charge."""

    id: str
    title: str
    price: Decimal  # before any discount
    code: str | None = None
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[TaxLine, ...] = ()


class Fee(Struct, frozen=True, kw_only=True, gc=False):
    """A charge that is no product: duty, surcharge, packaging."""

    kind: str
    amount: Decimal
    title: str | None = None
    taxes: tuple[TaxLine, ...] = ()


class Totals(Struct, frozen=True, kw_only=True, gc=False):
    """The source's own sums, kept to be checked against the parts."""

    total: Decimal
    lines: Decimal | None = None  # lines after line discounts
    discounts: Decimal | None = None  # all of them
    shipping: Decimal | None = None
    tax: Decimal | None = None


class PartyRef(Struct, frozen=True, kw_only=True, gc=False):
    """Who bought. `source_id` is None for a guest."""

    source_id: str | None = None
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    company: str | None = None
    language: str | None = None
    tax_exempt: bool = False


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """An order in the currency the Connection chose (the shop's, or the one the buyer saw)."""

    source_id: str
    number: str  # as people say it, without decoration: 1001
    name: str  # as the source prints it: #1001
    currency: str
    totals: Totals
    placed_at: datetime
    updated_at: datetime
    lines: tuple[OrderLine, ...] = ()
    shipping_lines: tuple[ShippingLine, ...] = ()
    fees: tuple[Fee, ...] = ()
    discounts: tuple[Discount, ...] = ()  # of the whole order, not allocated to lines
    tips: Decimal = Decimal(0)
    rounding: Decimal = Decimal(0)  # cash rounding, signed
    taxes_included: bool = False
    shop_total: Money | None = None
    presentment_total: Money | None = None
    zone: str = "UTC"  # IANA name or +02:00: the source's own zone
    channel: str | None = None
    customer: PartyRef | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    payments: tuple[Payment, ...] = ()  # gift cards used are tender: a payment, not a discount
    payment_status: str = "unknown"  # pending authorized partially_paid paid refunded voided …
    fulfillment_status: str = "unfulfilled"
    test: bool = False
    edited: bool = False
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    po_number: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
