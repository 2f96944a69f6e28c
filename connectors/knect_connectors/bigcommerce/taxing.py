"""The taxes of an order, by line, shipping and fee; by name and rate where the store tells. Pure.

Each part says how much tax it has; `/orders/{id}/taxes?details=true` says of which names and rates
that is. Where those rows do not make what a part says, the part's own figure stands, as "Tax".
Must not: compute a tax from a rate; a rate only tells which of the known taxes a figure is.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from knect.model import TaxLine
from knect.sdk.errors import BadRecord
from knect_connectors.bigcommerce.money import coin_of, in_coins
from knect_connectors.bigcommerce.payload import Node

__all__ = ["Taxes"]

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_UNNAMED = "Tax"
#: How the parts begin that are about shipping.
_SHIPPING = ("shipping", "address ")
#: Kinds of rows that are about a part of the order as a whole -> the part.
_PARTS = {"shipping": "shipping", "handling": "handling", "gift-wrapping": "wrapping"}


class _Row(Struct, frozen=True):
    title: str
    rate: Decimal
    amount: Decimal


class Taxes:
    """Made of an order; asked per part. Raises BadRecord where the parts are not the total."""

    def __init__(self, node: Node, currency: str) -> None:
        self._currency = currency
        amounts = _amounts(node)
        total = node["total_tax"].decimal()
        coins = in_coins(list(amounts.values()), total, currency)
        self._amounts = dict(zip(amounts, coins, strict=True))
        if sum(coins) != total:
            raise BadRecord(
                f"the taxes of lines, shipping and fees add up to {sum(amounts.values())}, but the"
                f" order says {total}",
                path="total_tax",
                value=total,
            )
        self._rows = _rows(node)

    @property
    def by_address(self) -> bool:
        """Tell whether the taxes of shipping are known by address."""
        return "shipping" not in self._amounts

    def of_line(self, identifier: str) -> tuple[TaxLine, ...]:
        """Return the taxes of a line."""
        return self._of(f"line {identifier}")

    def of_shipping(self) -> tuple[TaxLine, ...]:
        """Return the taxes of all shipping."""
        parts = [part for part in {**self._amounts, **self._rows} if part.startswith(_SHIPPING)]
        rows: list[_Row] = []
        for row in (one for part in parts for one in self._rows.get(part, ())):
            rows = _merged(rows, row)
        return self._named(sum((self._amounts.get(part, _ZERO) for part in parts), _ZERO), rows)

    def of_address(self, identifier: str) -> tuple[TaxLine, ...]:
        """Return the taxes of shipping to one address."""
        return self._of(f"address {identifier}")

    def of_fee(self, name: str, net: Decimal) -> tuple[TaxLine, ...]:
        """Return the taxes of a charge of its own: `handling`, `wrapping`, `fees[0]`.

        No row names what a fee's tax is: it is the one of the order's whose rate makes its figure.
        """
        amount = self._amounts.get(name, _ZERO)
        if name in self._rows or not amount:
            return self._of(name)
        known = {(row.title, row.rate) for rows in self._rows.values() for row in rows}
        coin = coin_of(self._currency)
        fitting = [
            (title, rate)
            for title, rate in known
            if (net * rate / _HUNDRED).quantize(coin, ROUND_HALF_UP) == amount
        ]
        if len(fitting) != 1:
            return self._of(name)
        ((title, rate),) = fitting
        return (TaxLine(title=title, rate=rate / _HUNDRED, amount=amount),)

    def _of(self, part: str) -> tuple[TaxLine, ...]:
        return self._named(self._amounts.get(part, _ZERO), self._rows.get(part, ()))

    def _named(self, amount: Decimal, given: Sequence[_Row]) -> tuple[TaxLine, ...]:
        if not amount:
            return ()
        rows = [row for row in given if row.amount]
        coins = in_coins([row.amount for row in rows], amount, self._currency)
        if not rows or sum(coins) != amount:
            return (TaxLine(title=_UNNAMED, amount=amount),)
        return tuple(
            TaxLine(title=row.title, rate=row.rate / _HUNDRED, amount=coin)
            for row, coin in zip(rows, coins, strict=True)
            if coin
        )


def _amounts(node: Node) -> dict[str, Decimal]:
    """Return the tax by part, as the parts say."""
    found = {
        f"line {line['id'].identifier()}": line["total_tax"].decimal()
        for line in node["products"].items()
    }
    shipping = node["shipping_cost_tax"].decimal()
    addresses = {
        f"address {one['id'].identifier()}": one["cost_tax"].decimal()
        for one in node["shipping_addresses"].items()
    }
    found |= addresses if sum(addresses.values()) == shipping else {"shipping": shipping}
    found |= {kind: node[f"{kind}_cost_tax"].decimal() for kind in ("handling", "wrapping")}
    for index, fee in enumerate(node["fees"].items()):
        found[f"fees[{index}]"] = fee["cost_tax"].decimal()
    return found


def _rows(node: Node) -> dict[str, Sequence[_Row]]:
    """Return what the store says of names and rates, by part."""
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in node["taxes"].items():
        kind = row.optional("line_item_type")
        if kind is None:
            continue
        part = _PARTS.get(kind.text())
        product = row.optional("order_product_id")
        address = row.optional("order_address_id")
        if part == "shipping" and address is not None and address.identifier_or_none():
            part = f"address {address.identifier()}"
        elif part is None and product is not None:
            part = f"line {product.identifier()}"
        if part is not None:
            name = row.optional("name")
            one = _Row(
                (name.text_or_none() if name else None) or _UNNAMED,
                row["rate"].decimal(),
                row["line_amount"].decimal(),
            )
            found[part] = _merged(found[part], one)
    return dict(found)


def _merged(rows: Sequence[_Row], one: _Row) -> list[_Row]:
    """Return the rows with one more; those of one name and rate are one."""
    merged = []
    for row in rows:
        if (row.title, row.rate) == (one.title, one.rate):
            one = _Row(one.title, one.rate, row.amount + one.amount)
        else:
            merged.append(row)
    return [*merged, one]
