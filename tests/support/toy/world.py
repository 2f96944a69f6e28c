"""A shop, an ERP, a ledger and a worker over them, with time that tests move."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Self, cast

from sqlalchemy import select
from tests.support.ledgers import laid
from tests.support.toy.clock import FastClock
from tests.support.toy.connector import PLATFORMS
from tests.support.toy.erp import ToyErp
from tests.support.toy.shop import ToyShop

from knect.api.catalog import Catalog, InstalledConnector
from knect.api.manifest import Manifest
from knect.api.worker import WorkerDocument
from knect.engine.working.options import WorkerOptions
from knect.engine.working.worker import Worker
from knect.ledger import Ledger, open_ledger
from knect.ledger import schema as s
from knect.ledger.store.trouble import Trouble
from knect.sdk.http import ClientFactory

_numbers: Iterator[int] = itertools.count()
#: What comes to be so long after a worker began is news to it, whatever the source's clock says.
_UNDOUBTED_SECONDS = 301.0


class WatchedLedger:
    """A ledger that tells whether something is being read or written."""

    def __init__(self, ledger: Ledger, true_now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._true_now = true_now
        self.under_way = 0

    async def read(self, query: Any) -> Any:
        self.under_way += 1
        try:
            return await self._ledger.read(query)
        finally:
            self.under_way -= 1

    async def write(self, unit: Any) -> Any:
        self.under_way += 1
        try:
            return await self._ledger.write(unit)
        finally:
            self.under_way -= 1

    @property
    def shared(self) -> bool:
        return self._ledger.shared

    @property
    def trouble(self) -> Trouble | None:
        return self._ledger.trouble

    async def server_time(self) -> datetime | None:
        """The database lives in the test's time."""
        return self._true_now() if self.shared else None

    async def close(self) -> None:
        await self._ledger.close()


@cache
def _manifest(identifier: str, batch: int, once: str, settle: int, late: int) -> Manifest:
    cursor = {"field": "updated_at", "semantics": "UpdatedAt", "overlapSeconds": 120}
    entity = {"read": True, "write": True, "cursor": {**cursor, "lateSeconds": late}}
    return Manifest.model_validate(
        {
            "id": identifier,
            "title": identifier,
            "roles": ["Hub", "Spoke"],
            "apiVersion": {"current": "1"},
            "auth": ["None"],
            "rateLimit": {"model": "None"},
            "entities": dict.fromkeys(("orders", "customers", "inventory", "payments"), entity),
            "writes": {
                "create": {
                    "entity": "orders",
                    "once": once,
                    "settleSeconds": settle,
                    "maxBatch": batch,
                },
                "update": {"entity": "orders", "once": "UniqueKey", "maxBatch": batch},
                "party": {"entity": "customers", "once": once, "settleSeconds": settle},
            },
        }
    )


def an_order(number: str = "1001", **fields: Any) -> dict[str, Any]:
    return {
        "number": number,
        "total": "20.00",
        "email": "ana@example.com",
        "lines": [{"sku": "KN-1", "quantity": "2", "price": "10.00"}],
        **fields,
    }


def a_pipeline(name: str = "orders", **spec: Any) -> dict[str, Any]:
    source = {"connectionRef": {"name": "shop"}, "start": "Beginning", **spec.pop("source", {})}
    destination = {"connectionRef": {"name": "erp"}, **spec.pop("destination", {})}
    delivery = {"retry": {"attempts": 4, "initial": "1s", "max": "1m"}, **spec.pop("delivery", {})}
    return {
        "name": name,
        "spec": {
            "entity": "orders",
            "source": source,
            "destination": destination,
            "trigger": {"poll": {"every": "1m"}},
            "delivery": delivery,
            **spec,
        },
    }


class World:
    """`async with World(tmp_path) as world: await world.run()`."""

    def __init__(
        self,
        folder: Path,
        *pipelines: dict[str, Any],
        batch: int = 1,
        once: str = "UniqueKey",
        settle: int = 0,
        lease: float = 60.0,
        late: int = 0,
    ) -> None:
        self.clock = FastClock()
        self.shop = ToyShop(self.clock)
        self.erp = ToyErp()
        self.path = folder / "ledger.db"
        self.pipelines = pipelines or (a_pipeline(),)
        self.lease = lease
        number = next(_numbers)
        self._names = {"shop": f"shop-{number}", "erp": f"erp-{number}"}
        PLATFORMS[self._names["shop"]] = self.shop
        PLATFORMS[self._names["erp"]] = self.erp
        self.catalog = Catalog(
            InstalledConnector("tests.support.toy", Path(), _manifest(i, batch, once, settle, late))
            for i in ("toyshop", "toyerp")
        )
        self.ledger: Ledger

    def platform(self, connection: str) -> str:
        """Return the name under which a Connection's platform is found."""
        return self._names[connection]

    def document(self) -> WorkerDocument:
        connections = [
            {
                "name": name,
                "spec": {"connector": f"toy{name}", "config": {"platform": platform}},
            }
            for name, platform in self._names.items()
        ]
        return WorkerDocument.model_validate(
            {"pipelines": list(self.pipelines), "connections": connections}
        )

    async def __aenter__(self) -> Self:
        opened = await open_ledger(laid(self.path))
        ledger = WatchedLedger(opened, self.clock.now)
        self.clock.busy = lambda: ledger.under_way > 0
        self.ledger = cast("Ledger", ledger)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ledger.close()

    def worker(self, **options: Any) -> Worker:
        return Worker(
            self.document(),
            ledger=self.ledger,
            catalog=self.catalog,
            http=ClientFactory(clock=self.clock),
            options=WorkerOptions(
                clock=self.clock, lease_seconds=self.lease, chance=lambda: 0.5, **options
            ),
        )

    async def run_with_news(self, news: Callable[[], None], **options: Any) -> list[Any]:
        """A life in which `news` comes to be, well after its beginning."""
        worker = self.worker(**options)
        await worker.start()
        try:
            await worker.run_once()
            self.clock.advance(_UNDOUBTED_SECONDS)
            news()
            self.clock.advance(60)
            return await worker.run_once()
        finally:
            await worker.close()

    async def run(self, **options: Any) -> list[Any]:
        """One whole life of a worker: read to now, work until nothing moves by itself."""
        worker = self.worker(**options)
        await worker.start()
        try:
            return await worker.run_once()
        finally:
            await worker.close()

    async def transactions(self) -> list[Any]:
        return await self.ledger.read(
            lambda c: list(c.execute(select(s.transactions).order_by(s.transactions.c.seq)))
        )

    async def fates(self) -> list[str]:
        return [row.fate for row in await self.transactions()]
