"""A simulated in-house system, and the connector to it with whatever config a test declares."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knect.sdk.contract import Change, ConnectorContext, Window
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import running
from knect.seams import SystemClock
from knect_connectors.rest.connector import RestConnector, open_connector
from knect_connectors.rest.simulator import InHouse, Oddity

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGING = {
    "Page": {"kind": "Page", "parameter": "page", "sizeParameter": "limit", "total": "meta.total"},
    "Offset": {"kind": "Offset", "parameter": "offset", "sizeParameter": "limit"},
    "Cursor": {
        "kind": "Cursor",
        "parameter": "cursor",
        "sizeParameter": "limit",
        "next": "meta.next",
    },
}
RECORD = {
    "number": "sale_no",
    "currency": {"value": "EUR"},
    "totals": {"fields": {"total": "gross"}},
    "placed_at": "changed",
    "customer": {"fields": {"email": "buyer.mail"}},
    "lines": {
        "each": "rows",
        "fields": {"id": "pos", "sku": "article", "quantity": "pieces", "unit_price": "price"},
    },
}


def a_sale(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "sale_no": f"S-{number}",
        "gross": "19.90",
        "buyer": {"mail": "ana@example.com"},
        "rows": [{"pos": 1, "article": "KN-1", "pieces": 2, "price": "9.95"}],
        **fields,
    }


def a_config(
    kind: str = "Page", *, read: Any = None, write: Any = None, **more: Any
) -> dict[str, Any]:
    return {
        "check": {"path": "/api/ping"},
        "auth": {"kind": "Bearer"},
        "entities": {
            "orders": {
                "read": {
                    "path": "/api/sales",
                    "query": {"changed_from": "{since}", "changed_to": "{until}"},
                    "records": "data",
                    "id": "id",
                    "cursor": "changed",
                    "paging": PAGING[kind],
                    "fetch": {"path": "/api/sales/{id}", "record": "data"},
                    "record": RECORD,
                    **(read or {}),
                },
                "write": {
                    "once": {"kind": "UniqueKey"},
                    "create": {"path": "/api/sales"},
                    "update": {"path": "/api/sales/{id}", "method": "PUT"},
                    "lookup": {
                        "path": "/api/sales",
                        "query": {"ref": "{external_id}"},
                        "records": "data",
                    },
                    "record": "data",
                    "externalId": "ref",
                    "id": "id",
                    **(write or {}),
                },
            }
        },
        "errors": [{"path": "error.code", "equals": "duplicate", "then": "Duplicate"}],
        **more,
    }


class Scene:
    """The system, its requests, and a connector to it."""

    def __init__(self, system: InHouse, log: Any, connector: RestConnector) -> None:
        self.system = system
        self.log = log
        self.connector = connector
        assert connector.source is not None
        assert connector.destination is not None
        self.source = connector.source
        self.destination = connector.destination

    def sales(self, count: int, *, apart: float = 1.0) -> None:
        for number in range(count):
            at = START + timedelta(seconds=int(number * apart))
            self.system.shelf.put("sales", a_sale(number), at=at)

    async def read(self, size: int = 5) -> list[Change]:
        window = Window(since=START, until=START + timedelta(hours=1), page_size=size)
        return [one async for page in self.source.read("orders", window) for one in page.changes]

    @property
    def requests(self) -> list[str]:
        return [f"{one['method']} {one['path']}" for one in self.log.entries]


Open = Callable[..., Awaitable[Scene]]


@pytest.fixture
async def scene() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_scene(
            config: dict[str, Any] | None = None, *oddities: Oddity, **system: Any
        ) -> Scene:
            clock = SystemClock()
            in_house = InHouse(clock, oddities=oddities, **system)
            server = await stack.enter_async_context(running(in_house))
            connector = open_connector(
                ConnectorContext(
                    name="in-house",
                    config={"baseUrl": server.url, **(config or a_config())},
                    secrets={
                        "token": Secret("in-house-token"),
                        "webhookSecret": Secret("shared-key"),
                    },
                    http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                    clock=clock,
                )
            )
            stack.push_async_callback(connector.close)
            return Scene(in_house, server.log, connector)

        yield open_scene
