"""What an edited order sold: the sum of its sales agreements, without refunds and returns.

Must not: look at quantities of lines; only agreements say why one changed.
"""

from decimal import Decimal

from msgspec import Struct, field

from knect.model import Discount, TaxLine
from knect.sdk.errors import BadRecord
from knect_connectors.shopify.payload import Node

__all__ = ["Part", "Sold", "what_was_sold"]

_ZERO = Decimal(0)
_SOLD = frozenset({"ORDER", "ORDER_EDIT"})


class Part(Struct, kw_only=True):
    """The sum of all sales of one line or shipping line."""

    quantity: Decimal = _ZERO
    before_taxes: Decimal = _ZERO
    after_taxes: Decimal = _ZERO
    taxes: dict[tuple[str, Decimal | None, bool], Decimal] = field(default_factory=dict)

    def discounts(self, *, taxes_included: bool) -> tuple[Discount, ...]:
        """Return the discount, with tax in it where prices have it."""
        amount = self.after_taxes if taxes_included else self.before_taxes
        return (Discount(amount=amount),) if amount else ()

    def tax_lines(self) -> tuple[TaxLine, ...]:
        """Return one line per tax that is left."""
        return tuple(
            TaxLine(title=title, rate=rate, amount=amount, channel_liable=liable)
            for (title, rate, liable), amount in self.taxes.items()
            if amount
        )


class Sold(Struct, kw_only=True):
    """The sums of an order; `parts` by the id of the line or shipping line."""

    total: Decimal = _ZERO
    tips: Decimal = _ZERO
    parts: dict[str, Part] = field(default_factory=dict)

    def part(self, identifier: str) -> Part:
        """Return a line's part; a line nothing was sold of has quantity 0."""
        return self.parts.get(identifier) or Part()


def what_was_sold(agreements: Node, side: str) -> Sold:
    """Return the sums. `agreements` is the list the reader attached to an edited order."""
    sold = Sold()
    for agreement in agreements.items():
        if agreement["reason"].text() not in _SOLD:
            continue
        for sale in agreement["sales"].items():
            amount = sale["totalAmount"][side]["amount"].decimal()
            sold.total += amount
            if sale["lineType"].text() == "TIP":
                sold.tips += amount
            elif identifier := _line_of(sale):
                _add(sold.parts.setdefault(identifier, Part()), sale, side)
    if not sold.parts:
        raise BadRecord(
            "the order was edited, but the shop names no sale in agreements",
            path="agreements",
        )
    return sold


def _line_of(sale: Node) -> str | None:
    for name in ("lineItem", "shippingLine"):
        line = sale.optional(name)
        if line is not None:
            return line["id"].text()
    return None


def _add(part: Part, sale: Node, side: str) -> None:
    quantity = sale.optional("quantity")
    part.quantity += quantity.decimal() if quantity else _ZERO
    part.before_taxes += sale["totalDiscountAmountBeforeTaxes"][side]["amount"].decimal()
    part.after_taxes += sale["totalDiscountAmountAfterTaxes"][side]["amount"].decimal()
    for tax in sale["taxes"].items():
        line = tax["taxLine"]
        rate = line.optional("rate")
        liable = line.optional("channelLiable")
        key = (
            line["title"].text(),
            rate.decimal() if rate else None,
            liable.flag() if liable else False,
        )
        part.taxes[key] = part.taxes.get(key, _ZERO) + tax["amount"][side]["amount"].decimal()
