"""What was sold in an order: its lines, charges and discounts, in coins. Pure.

A discount is what a line lost from its subtotal to its total; a fee below zero is a discount of the
whole order, and stays a fee where it takes tax off with it, so that both are told. Of a bundle the
children name their parent's line; a parent without money is left out, for it is not sold by itself.
Must not: recompute what the shop computed.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect.model import Discount, Fee, OrderLine, ShippingLine
from knect_connectors.woocommerce.amounts import Coins, unit_price
from knect_connectors.woocommerce.payload import Node

__all__ = ["Sold", "parent_of", "sold_in"]

_ZERO = Decimal(0)
#: So many coins of a line may be left over when it is divided by its pieces.
_MOST_LEFT = 50
#: Which line a line is a component of, as the two plugins that make bundles tell it.
_PARENTS = ("bundled_by", "composite_parent")


class Sold(Struct, frozen=True, kw_only=True):
    """The parts of an order. `exact`: what the shop's own parts add up to, before any rounding.

    `parts`: how many of them there are.
    """

    lines: tuple[OrderLine, ...]
    shipping: tuple[ShippingLine, ...]
    fees: tuple[Fee, ...]
    discounts: tuple[Discount, ...]
    exact: Decimal
    parts: int
    total: Decimal  # of the parts as they are told here


def sold_in(order: Node, coins: Coins, *, included: bool) -> Sold:
    """Return what was sold. Raises BadRecord."""
    items = list(order["line_items"].items())
    code = _code(order)
    lines = tuple(
        line
        for item in items
        if not _is_empty_parent(item, items)
        and (line := _line(item, coins, code, included=included)) is not None
    )
    charges = list(order.get("shipping_lines").items())
    shipping = tuple(_shipping(one, coins, included=included) for one in charges)
    fees: list[Fee] = []
    discounts: list[Discount] = []
    named = list(order.get("fee_lines").items())
    for one in named:
        amount = coins.round(_amount(one, "total", included=included))
        title = one.get("name").text_or_none()
        taxes = coins.taxes(one)
        if amount < 0 and not taxes:
            discounts.append(Discount(amount=-amount, title=title))
        elif amount or taxes:
            kind = "fee" if amount >= 0 else "discount"
            fees.append(Fee(kind=kind, amount=amount, title=title, taxes=taxes))
    told = [*items, *charges, *named]
    exact = sum((_amount(one, "total", included=True) for one in told), _ZERO)
    total = sum((line.quantity * line.unit_price - _sum(line.discounts) for line in lines), _ZERO)
    total += sum((one.price for one in shipping), _ZERO)
    total += sum((one.amount for one in fees), _ZERO) - _sum(tuple(discounts))
    if not included:
        parts: tuple[OrderLine | ShippingLine | Fee, ...] = (*lines, *shipping, *fees)
        total += sum((tax.amount for part in parts for tax in part.taxes), _ZERO)
    return Sold(
        lines=lines,
        shipping=shipping,
        fees=tuple(fees),
        discounts=tuple(discounts),
        exact=exact,
        parts=len(told),
        total=total,
    )


def _line(item: Node, coins: Coins, code: str | None, *, included: bool) -> OrderLine | None:
    quantity = item["quantity"].number()
    before = coins.round(_amount(item, "subtotal", included=included))
    after = coins.round(_amount(item, "total", included=included))
    before = max(before, after)  # somebody raised it by hand: that is the price
    taxes = coins.taxes(item)
    if not quantity:
        if before or taxes:
            raise item["quantity"].bad(
                f"{item['name'].text_or_none()!r} costs {before} and there is none of it: correct"
                " the order in the shop"
            )
        return None
    discount = before - after
    price = unit_price(before, quantity, coins.step)
    if abs(before - price * quantity) > coins.step * _MOST_LEFT:
        raise item["quantity"].bad(
            f"{before} for {quantity:f} x {item['name'].text_or_none()!r} cannot be divided into a"
            " price per piece: sell it by a larger unit"
        )
    return OrderLine(
        id=item["id"].text(),
        quantity=quantity,
        unit_price=price,
        sku=item.get("sku").text_or_none(),
        product_id=item.get("product_id").id_or_none(),
        variant_id=item.get("variation_id").id_or_none(),
        title=item.get("name").text_or_none() or "",
        discounts=(Discount(amount=discount, code=code),) if discount else (),
        taxes=taxes,
        bundle=parent_of(item),
        attributes=_shown(item),
    )


def _shipping(one: Node, coins: Coins, *, included: bool) -> ShippingLine:
    method = one.get("method_id").text_or_none()
    return ShippingLine(
        id=one["id"].text(),
        title=one.get("method_title").text_or_none() or method or "Shipping",
        price=coins.round(_amount(one, "total", included=included)),
        code=method,
        taxes=coins.taxes(one),
    )


def _amount(part: Node, name: str, *, included: bool) -> Decimal:
    amount = part[name].number_or_zero()
    return amount + part.get(f"{name}_tax").number_or_zero() if included else amount


def _sum(discounts: tuple[Discount, ...]) -> Decimal:
    return sum((one.amount for one in discounts), _ZERO)


def _code(order: Node) -> str | None:
    """Return the coupon, where there is one: of several nobody tells which took what off where."""
    codes = [one.get("code").text_or_none() for one in order.get("coupon_lines").items()]
    return codes[0] if len(codes) == 1 else None


def parent_of(item: Node) -> str | None:
    """Return the line an order's line is a component of."""
    return next((found for name in _PARENTS if (found := item.get(name).id_or_none())), None)


def _is_empty_parent(item: Node, items: list[Node]) -> bool:
    identifier = str(item["id"].value)
    if not any(parent_of(one) == identifier for one in items):
        return False
    names = ("subtotal", "total", "subtotal_tax", "total_tax")
    return not any(item.get(name).number_or_zero() for name in names)


def _shown(item: Node) -> dict[str, str]:
    """Return what the buyer chose: texts of meta data that are not a plugin's own."""
    found: dict[str, str] = {}
    for one in item.get("meta_data").items():
        entry: Any = one.value
        if not isinstance(entry, Mapping):
            continue
        key, value = entry.get("key"), entry.get("value")
        if isinstance(key, str) and isinstance(value, str) and not key.startswith("_"):
            found[key] = value
    return found
