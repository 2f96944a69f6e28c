"""Reading from Tryton: products and sales, by the time they last changed.

`last_modified_at` is Tryton's own coalesce of `write_date` and `create_date`, so rows that were
never written are not missed. Pages go by (time, id); a transaction that commits late appears
behind the cursor, which the manifest's overlap covers.
Must not: take a record that is not listed for a deleted one; `fetch` of its id tells.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any

from knect.model import Order, OrderLine, PartyRef, Product, Record, Totals, Variant
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import BadRecord, UnexpectedAnswer
from knect_connectors.tryton.client import TrytonClient
from knect_connectors.tryton.wire import to_wire

__all__ = ["TrytonSource"]

_MODELS = {"orders": "sale.sale", "products": "product.product"}
_FIELDS = {
    "orders": (
        *("number", "reference", "web_id", "state", "sale_date", "comment", "create_date"),
        *("currency.code", "untaxed_amount", "tax_amount", "total_amount", "party.name"),
    ),
    "products": ("code", "active", "salable", "type", "template.name", "list_price"),
}
_LINE_FIELDS = ("sale", "quantity", "unit_price", "amount", "product.code", "description", "type")
_MOST = 200


class TrytonSource:
    """The reading side."""

    def __init__(self, client: TrytonClient) -> None:
        self._client = client

    async def server_time(self) -> datetime:
        """Return the server's clock."""
        return await self._client.server_time()

    async def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        await self._client.facts()
        size = min(window.page_size, _MOST)
        since, last_id = window.since, -1
        while True:
            start = to_wire(since)
            later = ["last_modified_at", ">", start]
            same = [["last_modified_at", "=", start], ["id", ">", last_id]]
            domain = [["last_modified_at", "<", to_wire(window.until)], ["OR", later, same]]
            rows = await self._rows(entity, domain, limit=size)
            if rows:
                changes = [_change(row) for row in rows]
                if (changes[0].at, rows[0]["id"]) <= (since, last_id):
                    raise UnexpectedAnswer(
                        f"Tryton lists {entity} {rows[0]['id']} again, which was on an earlier page"
                        " with the same time; its times cannot be compared",
                        path="last_modified_at",
                        value=changes[0].token,
                    )
                yield Page(changes=changes)
                since, last_id = changes[-1].at, rows[-1]["id"]
            if len(rows) < size:
                return

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        """Like `read`: Tryton has no bulk interface."""
        return self.read(entity, window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id."""
        await self._client.facts()
        rows = await self._rows(entity, [["id", "in", [int(one) for one in ids]]])
        known = {str(row["id"]): _change(row) for row in rows}
        now = await self.server_time()
        return [
            known.get(one)
            or Change(id=one, token=now.isoformat(timespec="microseconds"), at=now, deleted=True)
            for one in ids
        ]

    def to_record(self, entity: str, raw: Any) -> Record:
        """Return the canonical record."""
        try:
            return _product(raw) if entity == "products" else _order(raw)
        except KeyError as error:
            raise BadRecord(
                f"Tryton's record has no field {error.args[0]!r}", path=str(error.args[0])
            ) from None

    async def _rows(
        self, entity: str, domain: Sequence[Any], limit: int | None = None
    ) -> list[dict[str, Any]]:
        rows = await self._client.search_read(
            _MODELS[entity],
            domain,
            ["last_modified_at", *_FIELDS[entity]],
            limit=limit,
            order=[["last_modified_at", "ASC"], ["id", "ASC"]],
            context={"active_test": False},
        )
        if entity == "orders" and rows:
            by_sale: dict[int, list[dict[str, Any]]] = {row["id"]: [] for row in rows}
            lines = [["sale", "in", list(by_sale)], ["type", "=", "line"]]
            order = [["id", "ASC"]]
            for line in await self._client.search_read(
                "sale.line", lines, _LINE_FIELDS, order=order
            ):
                by_sale[line["sale"]].append(line)
            for row in rows:
                row["lines"] = by_sale[row["id"]]
        return rows


def _change(row: dict[str, Any]) -> Change:
    at: datetime = row["last_modified_at"]
    return Change(
        id=str(row["id"]),
        token=at.isoformat(timespec="microseconds"),
        at=at,
        raw=_plain(row),
    )


def _plain(value: Any) -> Any:
    """Return JSON's own types: instants as text."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case datetime() | date():
            return value.isoformat()
        case _:
            return value


def _product(raw: dict[str, Any]) -> Product:
    code = raw["code"] or None
    identifier = str(raw["id"])
    variant = Variant(source_id=identifier, sku=code, price=raw["list_price"])
    return Product(
        source_id=identifier,
        title=raw["template."]["name"],
        status="active" if raw["active"] else "archived",
        kind="service" if raw["type"] == "service" else "goods",
        variants=(variant,),
        updated_at=datetime.fromisoformat(raw["last_modified_at"]),
    )


def _order(raw: dict[str, Any]) -> Order:
    changed = datetime.fromisoformat(raw["last_modified_at"])
    lines = tuple(
        OrderLine(
            id=str(line["id"]),
            quantity=line["quantity"],
            unit_price=line["unit_price"],
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
        totals=Totals(total=raw["total_amount"], tax=raw["tax_amount"]),
        placed_at=datetime.fromisoformat(raw["create_date"]),
        updated_at=changed,
        lines=lines,
        customer=PartyRef(name=raw["party."]["name"]),
        cancelled_at=changed if raw["state"] == "cancelled" else None,
    )
