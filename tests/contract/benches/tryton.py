"""Tryton's bench: a real server. It stamps times itself, so the reading rules stay with its own
tests; what is tried here is that writes are made once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from tests.support.orders import a_line, an_order
from tests.support.real.require import require

from knect.sdk.contract import Connector, ConnectorContext, Delivery, Effect, WebhookRequest
from knect.sdk.http import ClientFactory, Egress
from knect.sdk.secret import Secret
from knect.sdk.testing import Fault, NotOnThisBenchError
from knect.seams import SystemClock
from knect_connectors.tryton import open_connector
from knect_connectors.tryton.demo import (
    PASSWORD,
    USER,
    DemoCompany,
    DemoProduct,
    TrytonServer,
    make_database,
)

#: What is tried here; all else needs hands a real Tryton does not lend.
RULES = ("write-once",)
_KINDS = ("party.party", "party.address", "sale.sale", "sale.line")


def _no() -> NoReturn:
    raise NotOnThisBenchError("a real Tryton does not lend this hand; see tests/integration/tryton")


class TrytonBench:
    secrets: Sequence[str] = (PASSWORD,)

    def __init__(self, connector: Any) -> None:
        self.connector: Connector = connector
        self._client = connector._client

    async def create(self, entity: str, times: Sequence[datetime]) -> list[str]:
        _no()

    async def change(self, entity: str, identifier: str) -> None:
        _no()

    async def delete(self, entity: str, identifier: str) -> None:
        _no()

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        _no()

    def fail(self, *faults: Fault | None) -> None:
        _no()

    def revoke(self) -> None:
        _no()

    async def effects(self) -> Sequence[Effect]:
        order = an_order("10.00", a_line())
        destination = self.connector.destination
        assert destination is not None
        references = destination.references("orders", order)
        return destination.plan(
            Delivery(
                entity="orders",
                external_id=order.source_id,
                document=destination.to_document("orders", order, {}),
                record=order,
                bound=None,
                resolved=await destination.resolve(references),
                settings={},
            )
        )

    async def documents(self) -> int:
        return sum([len(await self._client.search_read(kind, [], ["id"])) for kind in _KINDS])


@asynccontextmanager
async def open_bench() -> AsyncIterator[TrytonBench]:
    require("tryton")
    company = DemoCompany(products=(DemoProduct(sku="SKU-001", name="Thing SKU-001"),))
    clock = SystemClock()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "erp.sqlite"
        make_database(company, path)
        with TrytonServer(path) as server:
            connector = open_connector(
                ConnectorContext(
                    name="bench",
                    config={"url": server.url, "database": server.database, "webShop": "acme"},
                    secrets={"username": Secret(USER), "password": Secret(PASSWORD)},
                    http=ClientFactory(clock=clock, egress=Egress(["127.0.0.1"])),
                    clock=clock,
                )
            )
            try:
                yield TrytonBench(connector)
            finally:
                await connector.close()
