"""A shop in memory: records with a time of change, listed in (time, id) order."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from knect.model import InventoryLevel, Order, OrderLine, PartyRef, Payment, Record, Totals
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import BadRecord, ConnectorError
from knect.seams import Clock


class ToyShop:
    """Records by id; `put` is a change, `remove` a deletion."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.records: dict[str, dict[str, Any]] = {}
        self.page_size = 50
        self.reads: list[Window] = []
        self.fetched: list[str] = []
        self.fail_next: list[ConnectorError] = []
        self.after_page: Callable[[int], None] | None = None
        self.silent = False

    def put(self, record_id: str, at: datetime | None = None, **fields: Any) -> None:
        before = self.records.get(record_id, {})
        when = (at or self.clock.now()).astimezone(UTC)
        changed = when.isoformat(timespec="microseconds")
        self.records[record_id] = {
            "created_at": changed,
            **before,
            **fields,
            "id": record_id,
            "updated_at": changed,
        }

    def remove(self, record_id: str) -> None:
        del self.records[record_id]

    # the contract

    async def server_time(self) -> datetime:
        self._maybe_fail()
        return self.clock.now()

    async def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        self.reads.append(window)
        position = ("", "")
        number = 0
        while True:
            self._maybe_fail()
            found = [] if self.silent else sorted(self._in(entity, window), key=_place)
            rest = [c for c in found if _place(c) > position][: self.page_size]
            if not rest:
                return
            position = _place(rest[-1])
            yield Page(changes=rest)
            number += 1
            if self.after_page is not None:
                self.after_page(number)

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        return self.read(entity, window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        self._maybe_fail()
        self.fetched.extend(ids)
        return [self._change(i) for i in ids]

    def to_record(self, entity: str, raw: Any) -> Record:
        if entity == "inventory":
            return InventoryLevel(
                source_id=raw["id"],
                sku=raw["id"],
                location="main",
                on_hand=Decimal(raw["stock"]),
                as_of=datetime.fromisoformat(raw["as_of"]) if "as_of" in raw else None,
            )
        if entity == "payments":
            return Payment(
                source_id=raw["id"],
                order_id=raw["order"],
                kind="capture",
                status="success",
                amount=Decimal(raw["amount"]),
                currency="EUR",
            )
        if "total" not in raw:
            raise BadRecord("the order has no total", path="total", value=None)
        try:
            total = Decimal(raw["total"])
        except InvalidOperation:
            said = f"total is {raw['total']!r}: no number"
            raise BadRecord(said, path="total", value=raw["total"]) from None
        lines = tuple(
            OrderLine(
                id=str(i),
                sku=line["sku"],
                quantity=Decimal(line["quantity"]),
                unit_price=Decimal(line["price"]),
            )
            for i, line in enumerate(raw.get("lines", ()))
        )
        return Order(
            source_id=raw["id"],
            number=raw.get("number", raw["id"]),
            name=f"#{raw.get('number', raw['id'])}",
            currency=raw.get("currency", "EUR"),
            totals=Totals(total=total),
            placed_at=datetime.fromisoformat(raw["created_at"]),
            updated_at=datetime.fromisoformat(raw["updated_at"]),
            lines=lines,
            customer=PartyRef(email=raw.get("email")),
            payment_status=raw.get("payment_status", "paid"),
            test=raw.get("test", False),
            note=raw.get("note"),
            cancelled_at=datetime.fromisoformat(at) if (at := raw.get("cancelled_at")) else None,
        )

    def _in(self, entity: str, window: Window) -> list[Change]:
        """Return what changed; a record that names its entity is listed as that only."""
        listed = [i for i, raw in self.records.items() if raw.get("entity", entity) == entity]
        changes = [self._change(i) for i in listed]
        return [c for c in changes if window.since <= c.at < window.until]

    def _change(self, record_id: str) -> Change:
        raw = self.records.get(record_id)
        if raw is None:
            now = self.clock.now()
            return Change(id=record_id, token=now.isoformat(), at=now, deleted=True)
        at = datetime.fromisoformat(raw["updated_at"])
        return Change(id=record_id, token=raw["updated_at"], at=at, raw=dict(raw))

    def _maybe_fail(self) -> None:
        if self.fail_next:
            raise self.fail_next.pop(0)


def _place(change: Change) -> tuple[str, str]:
    return (change.token, change.id)
