"""The rest connector's bench for the conformance rules: a simulated in-house system.

Must not: be imported by the connector.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from knect.model import RECORD_TYPES, Order
from knect.sdk.contract import (
    Connector,
    ConnectorContext,
    Delivery,
    Effect,
    WebhookRequest,
)
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, FaultPlan, running
from knect.seams import SystemClock
from knect_connectors.rest.connector import open_connector
from knect_connectors.rest.simulator import InHouse

__all__ = ["RestBench", "config_for", "open_bench"]

_TOKEN = "in-house-bench-canary"  # noqa: S105 - a simulated token
_KEY = "whsec_YmVuY2gtY2FuYXJ5LWtleQ=="

#: What each canonical record needs, as the API of the bench has it.
_ORDER = {
    "number": "1", "currency": "EUR", "totals": {"total": "19.90"},
    "placed_at": "2026-03-01T12:00:00Z",
    "lines": [{"id": 1, "sku": "KN-1", "quantity": 2, "unit_price": "9.95"}],
}  # fmt: skip
_RECORDS: dict[str, dict[str, Any]] = {
    "orders": _ORDER,
    "customers": {"email": "ana@example.com"},
    "contacts": {"email": "ana@example.com"},
    "products": {"title": "Kettle"},
    "inventory": {"sku": "KN-1", "location": "main", "on_hand": 3},
    "prices": {"sku": "KN-1", "currency": "EUR", "amount": "9.95"},
    "shipments": {"order_id": 17},
    "payments": {
        "order_id": 17, "kind": "capture", "status": "success", "amount": "5", "currency": "EUR",
    },
    "refunds": {
        "order_id": 17, "currency": "EUR", "total": "5", "created_at": "2026-03-01T12:00:00Z",
    },
}  # fmt: skip


def config_for(url: str, **more: Any) -> dict[str, Any]:
    """Return the config that speaks to the simulated system; `more` replaces top-level words."""
    paging = {"kind": "Page", "parameter": "page", "sizeParameter": "limit", "total": "meta.total"}
    return {
        "baseUrl": url,
        "check": {"path": "/api/ping", "product": "In-house", "version": "version"},
        "auth": {"kind": "Bearer"},
        "errors": [
            {"path": "error.code", "equals": "duplicate", "then": "Duplicate"},
        ],
        "webhooks": {
            "kind": "StandardWebhooks",
            "events": [
                {"entity": name, "type": f"{name}.changed", "id": "data.id"} for name in _RECORDS
            ],
        },
        "entities": {
            name: {
                "read": {
                    "path": f"/api/{name}",
                    "query": {"changed_from": "{since}", "changed_to": "{until}"},
                    "records": "data",
                    "id": "id",
                    "cursor": "changed",
                    "paging": paging,
                    "fetch": {"path": f"/api/{name}/{{id}}", "record": "data"},
                },
                "write": {
                    "once": {"kind": "UniqueKey"},
                    "create": {"path": f"/api/{name}"},
                    "update": {"path": f"/api/{name}/{{id}}", "method": "PUT"},
                    "delete": {"path": f"/api/{name}/{{id}}", "method": "DELETE"},
                    "lookup": {
                        "path": f"/api/{name}",
                        "query": {"ref": "{external_id}"},
                        "records": "data",
                    },
                    "record": "data",
                    "externalId": "ref",
                    "id": "id",
                },
            }
            for name in _RECORDS
        },
        **more,
    }


class RestBench:
    """See `knect.sdk.testing.bench`."""

    secrets: Sequence[str] = (_TOKEN, _KEY)

    def __init__(self, system: InHouse, faults: FaultPlan, connector: Connector) -> None:
        self.connector = connector
        self.system = system
        self._faults = faults
        self._made = 0

    async def create(self, entity: str, times: Sequence[datetime]) -> list[str]:
        """Make records, with ids that do not follow the times."""
        ids = []
        for at in times:
            self._made += 1
            number = 900_000 - self._made * 7 if self._made % 2 else 500_000 + self._made
            row = self.system.shelf.put(
                entity, {**_RECORDS[entity], "note_": number}, identifier=str(number), at=at
            )
            ids.append(row["id"])
        return ids

    async def change(self, entity: str, identifier: str) -> None:
        """Change a record; the clock moves on, so that it is never in the second of another act."""
        self.system.shelf.time_offset += timedelta(seconds=1)
        self.system.shelf.put(entity, {"note_": "changed"}, identifier=identifier)
        self.system.shelf.time_offset += timedelta(seconds=1)

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete for good."""
        del self.system.shelf.of(entity)[identifier]

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """Return what the system would send."""
        headers, body = self.system.webhook(entity, identifier)
        return WebhookRequest(headers=headers, body=body, received=self.system.shelf.now())

    def fail(self, *faults: Fault | None) -> None:
        """Force the next faults; none: no more of those that are left."""
        self._faults.clear()
        self._faults.force(*faults)

    def revoke(self) -> None:
        """Let no token be good."""
        self.system.expire_tokens()

    async def effects(self) -> Sequence[Effect]:
        """Return the one write of a new order."""
        assert self.connector.source is not None
        assert self.connector.destination is not None
        raw = {**_ORDER, "id": "9", "changed": "2026-03-01T12:00:00Z"}
        record = self.connector.source.to_record("orders", raw)
        assert isinstance(record, Order)
        return self.connector.destination.plan(
            Delivery(
                entity="orders",
                external_id="bench:9",
                document=self.connector.destination.to_document("orders", record, {}),
                record=record,
                bound=None,
                resolved={},
                settings={},
            )
        )

    async def documents(self) -> int:
        """Return how many records there are."""
        return sum(map(len, self.system.shelf.rows.values()))


@asynccontextmanager
async def open_bench() -> AsyncIterator[RestBench]:
    """Open a simulated in-house system and a connector to it."""
    assert _RECORDS.keys() <= RECORD_TYPES.keys()
    clock = SystemClock()
    system = InHouse(clock, token=_TOKEN, secret=_KEY)
    faults = FaultPlan()
    async with running(system, faults=faults) as server:
        connector = open_connector(
            ConnectorContext(
                name="bench",
                config=config_for(server.url),
                secrets={"token": Secret(_TOKEN), "webhookSecret": Secret(_KEY)},
                http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                clock=clock,
            )
        )
        try:
            yield RestBench(system, faults, connector)
        finally:
            await connector.close()
