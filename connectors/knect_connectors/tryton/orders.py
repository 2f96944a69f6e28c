"""Reading sales from Tryton.

Must not: write; `sales` does that.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from knect.model import Fee, Order, OrderLine, PartyRef, TaxLine, Totals
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.rows import RowReader

__all__ = ["ORDERS"]

_LINE_FIELDS = ("sale", "quantity", "unit_price", "amount", "product.code", "description", "type")


async def _with_lines(client: TrytonClient, rows: list[dict[str, Any]]) -> None:
    by_sale: dict[int, list[dict[str, Any]]] = {row["id"]: [] for row in rows}
    domain = [["sale", "in", list(by_sale)], ["type", "=", "line"]]
    order = [["id", "ASC"]]
    for line in await client.search_read("sale.line", domain, _LINE_FIELDS, order=order):
        by_sale[line["sale"]].append(line)
    for row in rows:
        row["lines"] = by_sale[row["id"]]


def _order(raw: dict[str, Any]) -> Order:
    changed = datetime.fromisoformat(raw["last_modified_at"])
    if raw["state"] == "cancelled":
        # What was sold after edits and cancellations: nothing.
        raw = {**raw, "lines": [], "total_amount": Decimal(0), "tax_amount": Decimal(0)}
    lines = tuple(
        OrderLine(
            id=str(line["id"]),
            quantity=Decimal(line["quantity"]),
            unit_price=Decimal(line["unit_price"]),
            sku=(line.get("product.") or {}).get("code"),
            title=line["description"] or "",
        )
        for line in raw["lines"]
    )
    return Order(
        source_id=str(raw["id"]),
        number=raw["number"] or raw["reference"] or str(raw["id"]),
        name=raw["number"] or f"({raw['id']})",
        currency=raw["currency."]["code"],
        totals=Totals(total=Decimal(raw["total_amount"]), tax=Decimal(raw["tax_amount"])),
        placed_at=datetime.fromisoformat(raw["create_date"]),
        updated_at=changed,
        lines=lines,
        fees=_tax(Decimal(raw["tax_amount"])),
        customer=PartyRef(name=raw["party."]["name"]),
        cancelled_at=changed if raw["state"] == "cancelled" else None,
    )


def _tax(amount: Decimal) -> tuple[Fee, ...]:
    """Return the sale's tax, which Tryton rounds for the whole and not for a line."""
    if not amount:
        return ()
    return (Fee(kind="tax", amount=Decimal(0), taxes=(TaxLine(title="Tax", amount=amount),)),)


ORDERS = RowReader(
    entity="orders",
    model="sale.sale",
    fields=(
        *("number", "reference", "web_id", "state", "sale_date", "comment", "create_date"),
        *("currency.code", "untaxed_amount", "tax_amount", "total_amount", "party.name"),
    ),
    record=_order,
    complete=_with_lines,
)
