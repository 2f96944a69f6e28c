"""An order's lines as what was sold: pairs merged, cancelled pieces taken off. Pure.

A configurable product stands on two lines: its own, which has the money, and that of the simple one
that was chosen, which has the product; both are one line here. A bundle's own line has the money if
its price is fixed, else its parts have it; a line without money and without stock is left out.
Must not: recompute what the shop computed. What cannot be divided to the cent is refused.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.model import Discount, OrderLine, TaxLine
from knect.sdk.errors import BadRecord
from knect_connectors.magento1.payload import Node, tidy

__all__ = ["Sold", "own_lines", "sold_lines", "tax_line", "tidy_quantity"]

_ZERO = Decimal(0)
_CENT = Decimal("0.01")
_FINEST = 6
_VIRTUAL = frozenset({"virtual", "downloadable", "giftcard"})


class Sold(Struct, frozen=True, kw_only=True):
    """What was sold, and what quantity times price is short of the shop's own row totals."""

    lines: tuple[OrderLine, ...]
    rounding: Decimal
    fees: Decimal  # fixed product taxes, which stand in no line's total
    all_invoiced: bool
    reduced: bool  # some pieces were cancelled, and not the whole order


def own_lines(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return item id -> id of the line it is part of here; bundles' own lines are left out."""
    kinds = {str(one.get("item_id")): one.get("product_type") for one in items}
    found: dict[str, str] = {}
    for one in items:
        identifier, parent = str(one.get("item_id")), one.get("parent_item_id")
        if parent and kinds.get(str(parent)) != "bundle":
            found[identifier] = str(parent)
        else:
            found[identifier] = identifier
    return found


def tax_line(amount: Decimal, percent: Decimal) -> tuple[TaxLine, ...]:
    """Return the one tax of a line; the API does not tell its name."""
    if not amount and not percent:
        return ()
    return (TaxLine(title="Tax", amount=amount, rate=tidy(percent / 100) if percent else None),)


def sold_lines(node: Node, side: str, *, cancelled: bool) -> Sold:
    """Return the lines of an order (its `items`). Raises BadRecord."""
    items = list(node["items"].items())
    by_id = {item["item_id"].text(): item for item in items}
    children: dict[str, list[Node]] = {}
    for item in items:
        if of := item.get("parent_item_id").text_or_none():
            children.setdefault(of, []).append(item)
    lines: list[OrderLine] = []
    rounding, fees = _ZERO, _ZERO
    all_invoiced, reduced = True, False
    for item in items:
        parent = by_id.get(item.get("parent_item_id").text_or_none() or "")
        is_bundle = item.get("product_type").text_or_none() == "bundle"
        in_bundle = parent is not None and parent.get("product_type").value == "bundle"
        if (parent is not None and not in_bundle) or (is_bundle and _is_idle(item, side)):
            continue
        part = _Part(item, side, cancelled=cancelled)
        reduced = reduced or part.left != part.ordered
        all_invoiced = all_invoiced and part.left == part.invoiced
        if not part.left:
            continue
        chosen = children.get(item["item_id"].text(), []) if not is_bundle else []
        line, short = _line(item, part, chosen, parent if in_bundle else None)
        lines.append(line)
        rounding += short
        fees += part.fee
    return Sold(
        lines=tuple(lines),
        rounding=rounding,
        fees=fees,
        all_invoiced=all_invoiced,
        reduced=reduced,
    )


def _is_idle(item: Node, side: str) -> bool:
    return not item.get(f"{side}row_total").number_or_zero()


class _Part:
    """The amounts of one line, less what was cancelled of it."""

    def __init__(self, item: Node, side: str, *, cancelled: bool) -> None:
        self._item = item
        self.side = side
        self.ordered = item["qty_ordered"].number()
        gone = _ZERO if cancelled else item.get("qty_canceled").number_or_zero()
        self.left = self.ordered - gone
        self.invoiced = item.get("qty_invoiced").number_or_zero()
        hidden = self._amount("hidden_tax_amount", "hidden_tax_invoiced")
        self.total = self._amount("row_total", "row_invoiced")
        self.discount = self._amount("discount_amount", "discount_invoiced") - hidden
        self.tax = self._amount("tax_amount", "tax_invoiced")
        self.fee = self._amount("weee_tax_applied_row_amount", None)

    def _amount(self, name: str, invoiced: str | None) -> Decimal:
        whole = self._item.get(self.side + name).money()
        if self.left == self.ordered or not whole or not self.left:
            return whole if self.left else _ZERO
        if self.left == self.invoiced and invoiced is not None:
            return self._item.get(self.side + invoiced).money()
        share = whole * self.left / self.ordered
        if share != share.quantize(_CENT):
            path = f"{self._item.path}.{self.side}{name}"
            raise BadRecord(
                f"{self.ordered - self.left:f} of {self.ordered:f} pieces were cancelled, and"
                f" {path} {whole} cannot be divided to the cent; invoice or cancel the rest in the"
                " shop, then it says the amount itself",
                path=path,
                value=str(whole),
            )
        return tidy(share)


def _line(
    item: Node, part: _Part, chosen: Sequence[Node], bundle: Node | None
) -> tuple[OrderLine, Decimal]:
    price, short = _unit_price(item.get(f"{part.side}price").money(), part)
    one = chosen[0] if len(chosen) == 1 else None
    sku = (one or item).get("sku").text_or_none() or item.get("sku").text_or_none()
    discounts = (Discount(amount=part.discount),) if part.discount else ()
    kind = (one or item).get("product_type").text_or_none() or "simple"
    line = OrderLine(
        id=item["item_id"].text(),
        quantity=tidy_quantity(part.left),
        unit_price=price,
        sku=sku,
        product_id=item.get("product_id").text_or_none(),
        variant_id=(one or item).get("product_id").text_or_none(),
        title=item.get("name").text_or_none() or "",
        discounts=discounts,
        taxes=tax_line(part.tax, item.get("tax_percent").number_or_zero()),
        requires_shipping=kind not in _VIRTUAL and not item.get("is_virtual").flag(),
        bundle=bundle["item_id"].text() if bundle is not None else None,
    )
    return line, short


def _unit_price(price: Decimal, part: _Part) -> tuple[Decimal, Decimal]:
    """Return a unit price, and what it times the quantity is short of the row's total."""
    if price * part.left == part.total:
        return price, _ZERO
    exact = part.total / part.left
    if exact == round(exact, _FINEST):
        return tidy(exact), _ZERO
    price = exact.quantize(_CENT)
    return price, tidy(part.total - price * part.left)


def tidy_quantity(quantity: Decimal) -> Decimal:
    """Return a quantity without the column's idle decimals."""
    whole = quantity.to_integral_value()
    return whole if whole == quantity else quantity.normalize()
