"""What both ends hold and logged, and the ledger's rows, as the history checker takes them.

Must not: use the engine's mapping; what a document must be is worked out by the judge's own hands.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.faults.scene import Scene

from knect.history import Document, History, SourceRecord, read_ledger

__all__ = ["history_of"]


def history_of(scene: Scene, *, second_read: datetime | None = None) -> History:
    """Return the evidence of a scene, now."""
    held = scene.control(scene.erp, "state")
    return History(
        ledger=read_ledger(scene.readable_ledger()),
        source_calls=[call for shop in scene.shops for call in scene.calls(shop)],
        destination_calls=scene.calls("acme-erp"),
        records=list(_records(scene)),
        documents=[*map(_document, held["documents"]), *map(_party, held["parties"])],
        now_us=int(datetime.now(UTC).timestamp() * 1e6),
        second_read=second_read,
        creates=(("POST", "/documents"), ("POST", "/parties")),
    )


def _records(scene: Scene) -> Iterator[SourceRecord]:
    for shop, address in scene.shops.items():
        for order in scene.control(address, "state")["orders"]:
            yield _record(shop, order)


def _record(shop: str, order: Mapping[str, Any]) -> SourceRecord:
    lines = [
        {"sku": x["sku"], "quantity": str(x["currentQuantity"])}
        for x in order["lineItems"]
        if x["currentQuantity"]
    ]
    total = Decimal(order["totalPriceSet"]["shopMoney"]["amount"])
    return SourceRecord(
        connection=shop,
        entity="orders",
        id=order["id"],
        key=order["name"].lstrip("#"),
        currency=order["currencyCode"],
        total=total,
        lines=len(lines),
        content={"order": order["name"].lstrip("#"), "note": order["note"], "lines": lines},
    )


def _document(held: Mapping[str, Any]) -> Document:
    lines = [{"sku": x["sku"], "quantity": str(x["quantity"])} for x in held["lines"]]
    return Document(
        entity="orders",
        id=held["id"],
        external_id=held["external_id"],
        number=held["number"],
        currency=held["currency"],
        total=Decimal(held["total"]),
        lines=len(lines),
        content={"order": held["order"], "note": held["note"], "lines": lines},
        applied=held["applied"],
    )


def _party(held: Mapping[str, Any]) -> Document:
    return Document(entity="customers", id=held["id"], external_id=held["external_id"])
