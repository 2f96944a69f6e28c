"""The taxes of an order by their names, as far as the shop's own sums agree. Pure.

A line says one amount and one rate; which taxes those are stands beside the lines, in versions and
shops that tell it. What is told there is taken if it is the line's amount; else the line's own
amount is one tax, named as the order names the only one with its rate.
Must not: compute a tax.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from knect.model import TaxLine
from knect_connectors.magento2.payload import Node, tidy

__all__ = ["Taxes", "read_taxes"]

_ZERO = Decimal(0)
_PRODUCT, _SHIPPING = "product", "shipping"
#: What a tax is called that has no name.
_NAMELESS = "Tax"


class Taxes(Struct, frozen=True, kw_only=True):
    """What an order tells of its taxes. `titles`: rate in per cent -> the only tax that has it."""

    of_items: Mapping[str, Sequence[TaxLine]]
    of_shipping: Sequence[TaxLine]
    titles: Mapping[Decimal, str]

    def lines(
        self, amount: Decimal, percent: Decimal, told: Sequence[TaxLine] = ()
    ) -> tuple[TaxLine, ...]:
        """Return the taxes of a line with this amount and rate; `told`: those named for it."""
        if told and sum((one.amount for one in told), _ZERO) == amount:
            return tuple(told)
        if not amount and not percent:
            return ()
        title = self.titles.get(percent.normalize(), _NAMELESS)
        return (TaxLine(title=title, amount=amount, rate=_rate(percent)),)


def read_taxes(order: Node, side: str) -> Taxes:
    """Return what the extension attributes of an order tell."""
    of_items: dict[str, list[TaxLine]] = {}
    of_shipping: list[TaxLine] = []
    named = list(order.more.get("applied_taxes").objects())
    for one in order.more.get("item_applied_taxes").objects():
        applied = list(one.get("applied_taxes").objects())
        lines = [_line(tax, side) for tax in applied]
        if one.get("type").value == _PRODUCT:
            of_items.setdefault(one.get("item_id").text_or_none() or "", []).extend(lines)
        elif one.get("type").value == _SHIPPING:
            of_shipping += lines
        named += applied
    return Taxes(of_items=of_items, of_shipping=of_shipping, titles=_titles(named))


def _line(tax: Node, side: str) -> TaxLine:
    return TaxLine(
        title=_title(tax),
        amount=tax.get(f"{side}amount").money(),
        rate=_rate(tax.get("percent").number_or_zero()),
    )


def _title(tax: Node) -> str:
    return tax.get("title").text_or_none() or tax.get("code").text_or_none() or _NAMELESS


def _rate(percent: Decimal) -> Decimal | None:
    return tidy(percent / 100) if percent else None


def _titles(taxes: Iterable[Node]) -> dict[Decimal, str]:
    found: dict[Decimal, set[str]] = {}
    for tax in taxes:
        percent = tax.get("percent").number_or_zero().normalize()
        found.setdefault(percent, set()).add(_title(tax))
    return {rate: next(iter(titles)) for rate, titles in found.items() if len(titles) == 1}
