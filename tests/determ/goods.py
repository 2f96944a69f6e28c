"""A Shopify and both Magentos with goods, to which levels, prices and products are told.

Why: what stands in a shop in the end is compared with what was told last, whatever got lost on the
way; several pipelines can tell one shop, as they do. Must not: judge; a test does.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.told import Told, serving, told
from tests.support.toy import World, a_pipeline
from tests.support.toy.connector import PLATFORMS

from knect.ledger.questions.queries import equations
from knect.model import InventoryLevel, Price, Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.secret import Secret
from knect.sdk.testing import DEFAULT_SKUS, Fault
from knect.seams import SystemClock
from knect_connectors import magento1, magento2, shopify
from knect_connectors.magento1.simulator import Books, MagentoSimulator, fill_catalog
from knect_connectors.magento1.tests.conftest import STORES
from knect_connectors.magento2 import simulator as second
from knect_connectors.magento2.tests import conftest as seconds
from knect_connectors.shopify.simulator import Shop, ShopifySimulator

__all__ = [
    "LOST",
    "Magento2Goods",
    "MagentoGoods",
    "ShopifyGoods",
    "a_level",
    "a_magento",
    "a_magento2",
    "a_price",
    "a_shopify",
]

#: Lost: done, and nobody was told. Late: done a while after the connection broke.
LOST = (Fault.COMMIT_THEN_DROP, Fault.LATE_COMMIT)


def a_level(sku: str, available: int | str, location: str = "Hamburg") -> InventoryLevel:
    return InventoryLevel(
        source_id=f"{sku}@{location}", sku=sku, location=location, available=Decimal(available)
    )


def a_price(sku: str, amount: str, **fields: Any) -> Price:
    values = {"source_id": f"{sku}@web", "sku": sku, "currency": "EUR", **fields}
    for name in ("compare_at", "minimum_quantity"):
        if name in values:
            values[name] = Decimal(values[name])
    return Price(amount=Decimal(amount), **values)


class _Hub:
    """The source of several entities: it has the records it was told."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._records: list[Record] = []
        self._changes: dict[str, dict[str, Change]] = {}

    def tell(self, entity: str, record: Record) -> None:
        self._world.clock.advance(1)
        at = self._world.clock.now()
        token = at.astimezone(UTC).isoformat(timespec="microseconds")
        raw = {"id": record.source_id, "number": len(self._records)}
        self._records.append(record)
        change = Change(id=record.source_id, token=token, at=at, raw=raw)
        self._changes.setdefault(entity, {})[record.source_id] = change
        self._world.clock.advance(1)

    async def server_time(self) -> datetime:
        return self._world.clock.now()

    async def read(self, entity: str, window: Window) -> AsyncIterator[Page]:
        known = self._changes.get(entity, {}).values()
        found = [one for one in known if window.since <= one.at < window.until]
        if found:
            yield Page(changes=sorted(found, key=lambda one: (one.at, one.id)))

    def backfill(self, entity: str, window: Window) -> AsyncIterator[Page]:
        return self.read(entity, window)

    async def fetch(self, entity: str, ids: Sequence[str]) -> Sequence[Change]:
        return [self._changes[entity][one] for one in ids]

    def to_record(self, entity: str, raw: Any) -> Record:
        del entity
        return self._records[raw["number"]]


class _Goods:
    """A shop at work, and the pipelines that tell it."""

    def __init__(self, told: Told, pipelines: Mapping[str, Mapping[str, Any]]) -> None:
        self.told = told
        self.world = told.world
        self.faults = told.server.faults
        self._hub = _Hub(told.world)
        PLATFORMS[told.world.platform("shop")] = self._hub
        told.world.pipelines = tuple(
            a_pipeline(entity, entity=entity, **spec) for entity, spec in pipelines.items()
        )

    def tell(self, entity: str, *records: Record) -> None:
        for record in records:
            self._hub.tell(entity, record)

    async def settles(self, times: int = 3) -> list[str]:
        """Let workers come and go until nothing moves; return what became of the versions."""
        for _ in range(times):
            await self.told.lives()
            self.faults.clear()
            await self.told.passes(120)
        return await self.fates()

    async def fates(self) -> list[str]:
        assert all(sums.balanced for sums in await self.world.ledger.read(equations))
        return await self.world.fates()

    def before(self, word: str, happens: Callable[[], None], *, each: bool = False) -> None:
        """Let something happen at the shop right before it is asked for `word`; once, or each
        time.
        """
        simulator: Any = self.told.server.simulator
        handle, left = simulator.handle, [1]

        async def handled(request: Any) -> Any:
            if word.encode() in request.body and left[0]:
                left[0] = 1 if each else 0
                happens()
            return await handle(request)

        simulator.handle = handled


class ShopifyGoods(_Goods):
    """A Shopify with two kettles in Hamburg."""

    def __init__(self, told: Told, pipelines: Mapping[str, Mapping[str, Any]], shop: Shop) -> None:
        super().__init__(told, pipelines)
        self.catalog = shop.catalog
        self.place = self.catalog.add_location("Hamburg")
        for sku in ("KN-1", "KN-2"):
            self.put(sku)

    def put(self, sku: str, available: int | None = 5) -> dict[str, Any]:
        """Put a product with one variant into the shop, as a person would; None: not stocked."""
        product = self.catalog.add_product(f"Kettle {sku}")
        variant = self.catalog.add_variant(product, sku, price="10.00")
        if available is not None:
            self.catalog.stock(sku, self.place, available)
        return variant

    def rename(self, sku: str, new: str) -> None:
        """Give a variant another SKU, as a person would."""
        variant = self.variant(sku)
        variant["sku"] = variant["inventoryItem"]({})["sku"] = new

    def variant(self, sku: str) -> dict[str, Any]:
        (found,) = [one for one in self.catalog.of("ProductVariant") if one["sku"] == sku]
        return found

    def _level(self, sku: str) -> dict[str, int]:
        item = self.variant(sku)["inventoryItem"]({})["id"]
        return self.catalog.levels[item, self.place["id"]]

    def available(self, sku: str) -> int:
        return self._level(sku)["available"]

    def sell(self, sku: str, pieces: int = 1) -> None:
        """Somebody buys."""
        level = self._level(sku)
        level["available"] -= pieces
        level["committed"] += pieces

    def price(self, sku: str) -> tuple[str, str | None]:
        one = self.variant(sku)
        return one["price"], one["compareAtPrice"]


class MagentoGoods(_Goods):
    """A Magento with the goods every simulator has."""

    def __init__(
        self, told: Told, pipelines: Mapping[str, Mapping[str, Any]], shop: MagentoSimulator
    ) -> None:
        super().__init__(told, pipelines)
        self.shop = shop
        self.books = shop.books

    def product(self, sku: str) -> dict[str, Any]:
        (found,) = [one for one in self.books.products.values() if one["sku"] == sku]
        return found

    def has(self, sku: str) -> bool:
        return any(one["sku"] == sku for one in self.books.products.values())

    def stock(self, sku: str) -> Decimal:
        return Decimal(self.books.stock[str(self.product(sku)["product_id"])]["qty"])

    def scoped(self, sku: str, store: str = "default") -> dict[str, Any]:
        """Return what a store view has of its own."""
        return self.books.scoped.get((str(self.product(sku)["product_id"]), store), {})


class Magento2Goods(_Goods):
    """A Magento 2 with the goods every simulator has."""

    def __init__(
        self, told: Told, pipelines: Mapping[str, Mapping[str, Any]], shop: second.MagentoSimulator
    ) -> None:
        super().__init__(told, pipelines)
        self.shop = shop
        self.books = shop.books

    def product(self, sku: str) -> dict[str, Any]:
        found = self.books.product(sku)
        assert found is not None
        return found

    def stock(self, sku: str) -> Decimal:
        return Decimal(self.books.source_items[sku, "default"]["quantity"])

    def special(self, sku: str) -> tuple[Decimal, str, str] | None:
        """Return the special price all store views share, with its days."""
        there = self.product(sku)["custom_attributes"]
        if "special_price" not in there:
            return None
        first, last = (there[f"special_{name}_date"][:10] for name in ("from", "to"))
        return there["special_price"], first, last


@asynccontextmanager
async def a_shopify(folder: Path, **pipelines: Mapping[str, Any]) -> AsyncIterator[ShopifyGoods]:
    """Open a shop that is told entities: `inventory={…the pipeline's spec…}`."""
    simulator = ShopifySimulator(Shop(clock=SystemClock()), clock=SystemClock())
    async with told(
        folder, [next(iter(pipelines))], partial(serving, simulator), shopify,
        config=lambda served: {"shop": "acme.myshopify.com", "apiVersion": "2026-04",
                               "baseUrl": served.url},
        secrets={"accessToken": Secret("shpat_simulated"), "clientSecret": Secret("simulated")},
    ) as world:  # fmt: skip
        simulator.shop.clock = world.world.clock
        try:
            yield ShopifyGoods(world, pipelines, simulator.shop)
        finally:
            await simulator.webhooks.close()


@asynccontextmanager
async def a_magento(
    folder: Path, *, zone: str = "UTC", **pipelines: Mapping[str, Any]
) -> AsyncIterator[MagentoGoods]:
    """Open a shop whose own zone is `zone`."""
    books = Books(clock=SystemClock())
    fill_catalog(books, DEFAULT_SKUS, stock=5)
    shop = MagentoSimulator(books, clock=SystemClock())
    async with told(
        folder, [next(iter(pipelines))], partial(serving, shop), magento1,
        config=lambda served: {"url": served.url, "stores": STORES, "timezone": zone},
        secrets={"apiUser": Secret("knect"), "apiKey": Secret("simulated-api-key")},
    ) as world:  # fmt: skip
        yield MagentoGoods(world, pipelines, shop)


@asynccontextmanager
async def a_magento2(
    folder: Path, *, zone: str = "UTC", **pipelines: Mapping[str, Any]
) -> AsyncIterator[Magento2Goods]:
    """Open a shop of one source, `default`, whose own zone is `zone`."""
    books = second.Books(clock=SystemClock())
    second.fill_catalog(books, DEFAULT_SKUS, stock=5)
    shop = second.MagentoSimulator(books, clock=SystemClock())
    async with told(
        folder, [next(iter(pipelines))], partial(serving, shop), magento2,
        config=lambda served: {"url": served.url, "stores": seconds.STORES, "timezone": zone},
        secrets={name: Secret(text) for name, text in seconds.SECRETS.items()},
    ) as world:  # fmt: skip
        yield Magento2Goods(world, pipelines, shop)
