"""How far a sale in processing has gone: its lines, what left the house, what is being invoiced.

Must not: write, or decide what is to be done about it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from knect_connectors.tryton.client import TrytonClient

__all__ = ["Sold", "read_sold"]

_LINE = (
    *("product", "product.code", "product.type", "unit", "quantity", "unit_price", "taxes"),
    *("note", "description"),
)
#: States of a shipment: not touched yet, being worked on, gone.
_OPEN = frozenset({"draft", "waiting"})
_GONE = frozenset({"shipped", "done"})


class Sold(Struct, frozen=True, kw_only=True):
    """`shipped` is the quantity by the sale line's id; `at_work` names shipments being picked."""

    lines: Sequence[Mapping[str, Any]]
    shipped: Mapping[int, Decimal]
    at_work: Sequence[str]
    gone: Sequence[str]
    invoiced: Sequence[str]

    def in_the_way(self, *, cancelling: bool = False) -> str | None:
        """Return why the sale can no longer be changed; cancelling leaves what is gone alone."""
        if self.at_work:
            return f"shipment {', '.join(self.at_work)} is being picked or packed"
        if self.invoiced:
            return f"invoice {', '.join(self.invoiced)} was posted"
        goods = [line for line in self.lines if line["product."]["type"] != "service"]
        if cancelling:
            left = [x for x in goods if self.shipped.get(x["id"], Decimal(0)) < x["quantity"]]
            if self.gone and not left:
                return f"shipment {', '.join(self.gone)} has left with all of it"
        elif self.gone:
            return f"shipment {', '.join(self.gone)} has left"
        return None


async def read_sold(client: TrytonClient, sale: Mapping[str, Any]) -> Sold:
    """Return the state of a sale that is being processed."""
    lines = await client.search_read(
        "sale.line",
        [["sale", "=", sale["id"]], ["type", "=", "line"]],
        _LINE,
        order=[["id", "ASC"]],
    )
    (row,) = (await client.read("sale.sale", [sale["id"]], ["shipments", "invoices"])).values()
    shipments = await client.read("stock.shipment.out", row["shipments"], ["number", "state"])
    invoices = await client.read("account.invoice", row["invoices"], ["number", "state"])
    shipped: dict[int, Decimal] = {}
    gone = [
        f"stock.shipment.out,{one['id']}" for one in shipments.values() if one["state"] in _GONE
    ]
    if gone:
        moves = await client.search_read(
            "stock.move",
            [["shipment", "in", gone], ["origin.id", ">", 0, "sale.line"]],
            ["origin", "quantity"],
        )
        for move in moves:
            line = int(str(move["origin"]).rpartition(",")[2])
            shipped[line] = shipped.get(line, Decimal(0)) + move["quantity"]
    return Sold(
        lines=lines,
        shipped=shipped,
        at_work=_named(shipments, lambda state: state not in _OPEN | _GONE | {"cancelled"}),
        gone=_named(shipments, lambda state: state in _GONE),
        invoiced=_named(invoices, lambda state: state not in ("draft", "cancelled")),
    )


def _named(rows: Mapping[int, Mapping[str, Any]], wanted: Any) -> list[str]:
    return [
        str(one["number"] or f"with id {one['id']}")
        for one in rows.values()
        if wanted(one["state"])
    ]
