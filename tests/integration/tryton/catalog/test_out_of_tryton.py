"""What is read out of a real Tryton, through the engine: each question lost, changes that come late."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tryton.catalog.hands import Clerk
from tests.integration.tryton.conftest import a_context
from tests.support.dropping_proxy import DroppingProxy, a_dropping_proxy
from tests.support.heard import Heard, heard

from knect.sdk.testing import FaultPlan
from knect.seams import Clock
from knect_connectors import tryton
from knect_connectors.tryton.demo.people import Parcel, Person
from knect_connectors.tryton.wire import money

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


class _Served:
    """A real server behind a proxy that loses answers."""

    def __init__(self, proxy: DroppingProxy) -> None:
        self.proxy = proxy
        self.faults = FaultPlan()


class Scene:
    def __init__(self, heard: Heard, proxy: DroppingProxy) -> None:
        self.heard = heard
        self.heard.others = ("unchanged", "skipped")
        self.proxy = proxy

    async def shows(self, part: "Part") -> list[int]:
        records = (json.loads(one) for one in (await self.heard.has()).values())
        return [one for one in map(part.shown, records) if one is not None]


@asynccontextmanager
async def a_listener(server: Any, folder: Path, entity: str) -> AsyncIterator[Scene]:
    context = a_context(server)

    @asynccontextmanager
    async def serve(clock: Clock) -> AsyncIterator[_Served]:
        async with a_dropping_proxy(int(server.url.rsplit(":", 1)[1])) as proxy:
            yield _Served(proxy)

    async with heard(
        folder, entity, serve, tryton,
        config=lambda served: {**context.config, "url": served.proxy.url},
        secrets=context.secrets,
    ) as world:  # fmt: skip
        yield Scene(world, world.server.proxy)  # type: ignore[attr-defined]


# ---------------------------------------------------------------- each question goes wrong


class Part:
    """Something that can be changed to a number, and the number a record of it shows."""

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk
        self.what = 0

    async def begins(self) -> None:
        raise NotImplementedError

    async def becomes(self, number: int) -> None:
        raise NotImplementedError

    def shown(self, record: Any) -> int | None:
        raise NotImplementedError


class Stock(Part):
    async def begins(self) -> None:
        await self.becomes(500)

    async def becomes(self, number: int) -> None:
        await self.clerk.counts("KN-8", number)

    def shown(self, record: Any) -> int | None:
        return int(record["on_hand"]) if record["sku"] == "KN-8" else None


class ListPrice(Part):
    async def begins(self) -> None:
        self.what = (await self.clerk.product("KN-9"))["template"]
        await self.becomes(500)

    async def becomes(self, number: int) -> None:
        values = {"list_price": money(Decimal(number))}
        await self.clerk.client.call("model.product.template.write", [self.what], values)

    def shown(self, record: Any) -> int | None:
        return int(Decimal(record["amount"])) if record["sku"] == "KN-9" else None


class Comment(Part):
    """A sale somebody writes at."""

    async def begins(self) -> None:
        self.what = await self.clerk.sells("KN-9", 500, "draft")

    async def becomes(self, number: int) -> None:
        lines = await self.clerk.client.search_read("sale.line", [["sale", "=", self.what]], ["id"])
        edit = ["write", [lines[0]["id"]], {"quantity": float(number)}]
        await self.clerk.client.call("model.sale.sale.write", [self.what], {"lines": [edit]})

    def shown(self, record: Any) -> int | None:
        if record["source_id"] != str(self.what):
            return None
        return int(Decimal(record["lines"][0]["quantity"]))


class Number(Part):
    """A parcel whose number is corrected."""

    async def begins(self) -> None:
        facts = await self.clerk.client.facts()
        sale = await self.clerk.sells("KN-9", 1, web_shop=facts.shop, web_id="out-1")
        await Person(self.clerk.client).send(sale, [Parcel(tracking="500", skus={"KN-9": 1})])
        (package,) = await self.clerk.client.search_read(
            "stock.package", [["shipping_reference", "=", "500"]], ["id"]
        )
        self.what = package["id"]

    async def becomes(self, number: int) -> None:
        values = {"shipping_reference": str(number)}
        await self.clerk.client.call("model.stock.package.write", [self.what], values)

    def shown(self, record: Any) -> int | None:
        return int(record["trackings"][0]["number"])


PARTS: dict[str, type[Part]] = {
    "inventory": Stock,
    "prices": ListPrice,
    "orders": Comment,
    "shipments": Number,
}


@pytest.mark.parametrize("entity", PARTS)
async def test_every_change_comes_whichever_question_goes_wrong(
    server: Any, clerk: Clerk, tmp_path: Path, entity: str
) -> None:
    """Lost, cut short, or the last thing a worker that is killed has heard, by turns."""
    part = PARTS[entity](clerk)
    await part.begins()
    async with a_listener(server, tmp_path, entity) as scene:
        heard, proxy = scene.heard, scene.proxy
        at, number, is_over = 0, 500, False
        while not is_over:
            async with heard.one_life() as reads:
                await reads()
                assert await scene.shows(part) == [number]
                for fault in ("lost", "cut", "dies"):
                    await part.becomes(number := at + 1)
                    proxy.lose_next(after=at, cuts=fault == "cut")
                    if fault == "dies":
                        heard.dies()
                    await reads()
                    is_over = not proxy.gone.is_set()
                    at += 1
        proxy.lose_none()
        async with heard.one_life() as reads:
            await reads()
            assert await scene.shows(part) == [number]
            fates = await heard.world.fates()
            await reads()
            more = (await heard.world.fates())[len(fates) :]
            assert set(more) <= {"unchanged", "skipped"}, "and then there is silence"
        assert at > 2


async def test_an_import_that_took_an_hour_is_read(
    server: Any, clerk: Clerk, tmp_path: Path
) -> None:
    """Its rows are marked with the beginning of its transaction."""
    async with a_listener(server, tmp_path, "inventory") as scene:
        part, now = Stock(clerk), await clerk.client.server_time()
        await part.becomes(300)
        _mark(server, now - timedelta(hours=2))
        async with scene.heard.one_life() as reads:
            await reads()
            assert await scene.shows(part) == [300]
        await part.becomes(305)
        _mark(server, now - timedelta(hours=1))
        async with scene.heard.one_life() as reads:
            await reads()
            assert await scene.shows(part) == [305]


def _mark(server: Any, at: datetime) -> None:
    """Let everything a level is made of be written at an instant."""
    stamp = at.replace(tzinfo=None).isoformat(" ", timespec="microseconds")
    tables = ("stock_move", "product_product", "product_template", "sale_line", "sale_sale")
    with closing(sqlite3.connect(server.path, timeout=30)) as base, base:
        for table in tables:
            base.execute(f"update {table} set create_date = ?, write_date = ?", (stamp, stamp))
