"""An order's lines as what was sold: pairs merged, cancelled pieces taken off. Pure.

A configurable product stands on two lines: its own, which has the money, and that of the simple one
that was chosen, which may say the money again, or nothing; both are one line here. Of a bundle with
a dynamic price the parts have the money, and its own line says their sum; of one with a fixed price
its own line has it.
Must not: recompute what the shop computed. What cannot be divided to the cent is refused.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.model import Discount, OrderLine
from knect.sdk.errors import BadRecord
from knect_connectors.magento2.payload import Node, tidy, tidy_quantity
from knect_connectors.magento2.taxes import Taxes

__all__ = ["FEES", "Sold", "own_lines", "sold_lines"]

_ZERO = Decimal(0)
_CENT = Decimal("0.01")
_FINEST = 6
_VIRTUAL = frozenset({"virtual", "downloadable"})
_GIFT_CARD = "giftcard"
_BUNDLE = "bundle"
#: Fixed product taxes of a line; one name is cut short, as databases once needed it.
FEES = {"base_": "base_weee_tax_applied_row_amnt", "": "weee_tax_applied_row_amount"}


class Sold(Struct, frozen=True, kw_only=True):
    """What was sold, and what quantity times price is short of the shop's own row totals."""

    lines: tuple[OrderLine, ...]
    rounding: Decimal
    fees: Decimal  # fixed product taxes, which stand in no line's total
    all_invoiced: bool
    reduced: bool  # some pieces were cancelled, and not the whole order


def own_lines(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return item id -> id of the line it is part of here.

    A bundle's own item is a line only where it has the money; else it is left out.
    """
    kinds = {str(one.get("item_id")): one.get("product_type") for one in items}
    moneyed = _dynamic([Node(one) for one in items])
    found: dict[str, str] = {}
    for one in items:
        identifier, parent = str(one.get("item_id")), str(one.get("parent_item_id") or "")
        if identifier in moneyed or (kinds[identifier] == _BUNDLE and _is_idle(Node(one))):
            continue
        is_twin = parent in kinds and kinds[parent] != _BUNDLE
        found[identifier] = parent if is_twin else identifier
    return found


def _dynamic(items: Sequence[Node]) -> set[str]:
    """Return the ids of bundles whose parts have the money."""
    kinds = {str(item.get("item_id").value): item.get("product_type").value for item in items}
    parents = {str(item.get("parent_item_id").value) for item in items if not _is_idle(item)}
    return {parent for parent in parents if kinds.get(parent) == _BUNDLE}


def _is_idle(item: Node) -> bool:
    """Tell whether a line has no money of its own."""
    return not (
        item.get("base_row_total").number_or_zero() or item.get("row_total").number_or_zero()
    )


def sold_lines(node: Node, side: str, taxes: Taxes, *, cancelled: bool) -> Sold:
    """Return the lines of an order (its `items`). Raises BadRecord."""
    items = list(node["items"].objects())
    own = own_lines([item.value for item in items])
    by_id = {item["item_id"].text(): item for item in items}
    chosen: dict[str, list[Node]] = {}
    for identifier, parent in own.items():
        if identifier != parent:
            chosen.setdefault(parent, []).append(by_id[identifier])
    lines: list[OrderLine] = []
    rounding, fees = _ZERO, _ZERO
    all_invoiced, reduced = True, False
    for identifier, item in by_id.items():
        if own.get(identifier) != identifier:
            continue
        part = _Part(item, side, cancelled=cancelled)
        reduced = reduced or part.left != part.ordered
        all_invoiced = all_invoiced and part.left == part.invoiced
        if not part.left:
            continue
        line, short = _line(item, part, chosen.get(identifier, ()), taxes)
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


class _Part:
    """The amounts of one line, less what was cancelled of it."""

    def __init__(self, item: Node, side: str, *, cancelled: bool) -> None:
        self._item = item
        self.side = side
        self.ordered = tidy_quantity(item["qty_ordered"].number())
        gone = _ZERO if cancelled else item.get("qty_canceled").number_or_zero()
        self.left = tidy_quantity(self.ordered - gone)
        self.invoiced = item.get("qty_invoiced").number_or_zero()
        compensation = self._amount(
            f"{side}discount_tax_compensation_amount", f"{side}discount_tax_compensation_invoiced"
        )
        self.total = self._amount(f"{side}row_total", f"{side}row_invoiced")
        self.discount = tidy(
            self._amount(f"{side}discount_amount", f"{side}discount_invoiced") - compensation
        )
        self.tax = self._amount(f"{side}tax_amount", f"{side}tax_invoiced")
        self.fee = self._amount(FEES[side], None)

    def _amount(self, name: str, invoiced: str | None) -> Decimal:
        whole = self._item.get(name).money()
        if self.left == self.ordered or not whole or not self.left:
            return whole if self.left else _ZERO
        if self.left == self.invoiced and invoiced is not None:
            return self._item.get(invoiced).money()
        share = whole * self.left / self.ordered
        if share != share.quantize(_CENT):
            path = f"{self._item.path}.{name}"
            raise BadRecord(
                f"{self.ordered - self.left:f} of {self.ordered:f} pieces were cancelled, and"
                f" {path} {whole} cannot be divided to the cent; invoice the rest in the shop, then"
                " it says the amount itself",
                path=path,
                value=str(whole),
            )
        return tidy(share)


def _line(
    item: Node, part: _Part, chosen: Sequence[Node], taxes: Taxes
) -> tuple[OrderLine, Decimal]:
    price, short = _unit_price(item.get(f"{part.side}price").money(), part)
    one = chosen[0] if len(chosen) == 1 else item
    kind = one.get("product_type").text_or_none() or "simple"
    percent = item.get("tax_percent").number_or_zero()
    told = taxes.of_items.get(item["item_id"].text(), ())
    line = OrderLine(
        id=item["item_id"].text(),
        quantity=part.left,
        unit_price=price,
        sku=one.get("sku").text_or_none() or item.get("sku").text_or_none(),
        product_id=item.get("product_id").text_or_none(),
        variant_id=one.get("product_id").text_or_none(),
        title=item.get("name").text_or_none() or "",
        discounts=(Discount(amount=part.discount),) if part.discount else (),
        taxes=taxes.lines(part.tax, percent, told if part.left == part.ordered else ()),
        gift_card=kind == _GIFT_CARD,
        requires_shipping=kind not in _VIRTUAL and not item.get("is_virtual").flag(),
        bundle=item.get("parent_item_id").text_or_none(),
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
