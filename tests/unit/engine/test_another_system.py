"""A Connection that leads to another system than the ledger's records of it are of."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.support.toy import World, a_pipeline, an_order

from knect.api.catalog import Catalog, InstalledConnector
from knect.api.worker import WorkerDocument
from knect.engine.working.systems import address_of
from knect.sdk.errors import Fatal, WaitForPerson

TEST = {"url": "https://erp-test.acme.com/", "database": "acme"}
REAL = {"url": "https://erp.acme.com/", "database": "acme"}


class Moving(World):
    """A world whose ERP has an address; `elsewhere` puts another ERP there."""

    def __init__(self, folder: Path, *pipelines: dict[str, Any]) -> None:
        super().__init__(folder, *pipelines)
        self.where: dict[str, str] = TEST
        self.moved_from: list[str] = []
        watched = self.catalog["toyerp"].model_copy(update={"leads_to": ("url", "database")})
        self.catalog = Catalog(
            InstalledConnector("tests.support.toy", Path(), one)
            for one in (self.catalog["toyshop"], watched)
        )

    def document(self) -> WorkerDocument:
        document = super().document()
        connections = []
        for one in document.connections:
            spec = one.spec
            if one.name == "erp":
                config = {**spec.config, **self.where}
                spec = spec.model_copy(
                    update={"config": config, "moved_from": tuple(self.moved_from)}
                )
            connections.append(one.model_copy(update={"spec": spec}))
        return document.model_copy(update={"connections": tuple(connections)})


async def _delivered(world: Moving) -> None:
    world.shop.put("g1001", **an_order("1001"))
    world.clock.advance(60)
    await world.run()
    assert await world.fates() == ["delivered"]


async def test_what_a_test_system_has_is_not_taken_for_delivered_to_the_real_one(
    tmp_path: Path,
) -> None:
    async with Moving(tmp_path) as world:
        await _delivered(world)
        before = deepcopy(world.erp.documents)
        world.where = REAL
        world.shop.put("g1001", **an_order("1001", note="call first"))
        world.clock.advance(60)
        with pytest.raises(Fatal) as caught:
            await world.run()
        said = caught.value.message
        assert "Connection erp leads to erp.acme.com acme now" in said
        assert "and to erp-test.acme.com acme since 2026-" in said
        assert "spec.movedFrom: ['erp-test.acme.com acme']" in said
        assert world.erp.documents == before
        world.where = TEST
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]


async def test_the_same_system_at_a_new_address_goes_on(tmp_path: Path) -> None:
    async with Moving(tmp_path) as world:
        await _delivered(world)
        world.where, world.moved_from = REAL, ["erp-test.acme.com acme"]
        world.shop.put("g1001", **an_order("1001", note="call first"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered", "delivered"]
        world.moved_from = []  # it was said once
        await world.run()
        world.where = TEST
        with pytest.raises(Fatal, match=r"leads to erp-test\.acme\.com acme now"):
            await world.run()


async def test_an_address_nothing_came_of_yet_may_be_corrected(tmp_path: Path) -> None:
    async with Moving(tmp_path) as world:
        world.where = {"url": "https://erp-tset.acme.com", "database": "acme"}
        await world.run()
        world.where = REAL
        await _delivered(world)


async def test_a_connection_nobody_uses_leads_where_it_likes(tmp_path: Path) -> None:
    async with Moving(tmp_path) as world:
        await _delivered(world)
        world.where = REAL
        world.pipelines[0]["spec"]["suspend"] = True
        await world.run()
        world.pipelines[0]["spec"]["suspend"] = False
        with pytest.raises(Fatal, match="Give another system a Connection of another name"):
            await world.run()


@pytest.mark.parametrize(
    ("config", "leads_to"),
    [
        ({"url": "https://ERP.acme.com:443/"}, "erp.acme.com"),
        ({"url": "http://erp.acme.com:8000/tryton/"}, "erp.acme.com:8000/tryton"),
        ({"url": "http://127.0.0.1:41234", "database": "demo"}, "localhost demo"),
        ({"url": "http://[::1]:41234/x"}, "localhost/x"),
        ({"url": "gp-sql.acme.internal", "database": "TWO"}, "gp-sql.acme.internal TWO"),
        ({"url": "127.0.0.2", "database": "TWO"}, "localhost TWO"),
        ({"url": "acme.myshopify.com", "database": None}, "acme.myshopify.com"),
        ({"url": "http://erp.acme.com:none"}, "http://erp.acme.com:none"),
        ({}, ""),
    ],
)
def test_an_address_in_short(config: dict[str, Any], leads_to: str) -> None:
    assert address_of(("url", "database"), config) == leads_to


def test_every_connector_says_what_tells_its_systems_apart() -> None:
    installed = Catalog.installed()
    assert {name for name, one in installed.items() if not one.leads_to} == set()


class Renaming(World):
    """A world whose shop's Connection gets another name."""

    def __init__(self, folder: Path, shop: str = "acme.myshopify.com") -> None:
        super().__init__(folder)
        watched = self.catalog["toyshop"].model_copy(update={"leads_to": ("shop",)})
        self.catalog = Catalog(
            InstalledConnector("tests.support.toy", Path(), one)
            for one in (watched, self.catalog["toyerp"])
        )
        self.where, self.name = shop, "shop"
        self.besides: tuple[str, ...] = ()

    def document(self) -> WorkerDocument:
        source = self.pipelines[0]["spec"]["source"]
        source["connectionRef"] = {"name": "shop"}
        document = super().document()
        connections = []
        for one in document.connections:
            if one.name == "shop":
                config = {**one.spec.config, "shop": self.where}
                spec = one.spec.model_copy(update={"config": config, "besides": self.besides})
                one = one.model_copy(update={"name": self.name, "spec": spec})  # noqa: PLW2901
            connections.append(one)
        raw = document.model_dump(mode="json", by_alias=True)
        raw["connections"] = [x.model_dump(mode="json", by_alias=True) for x in connections]
        raw["pipelines"][0]["spec"]["source"]["connectionRef"]["name"] = self.name
        return WorkerDocument.model_validate(raw)


@pytest.mark.parametrize("shop", ["acme.myshopify.com", "https://localhosts.acme.com"])
async def test_another_name_for_the_same_shop_makes_nothing_a_second_time(
    tmp_path: Path, shop: str
) -> None:
    async with Renaming(tmp_path, shop) as world:
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.name = "shop-eu"
        with pytest.raises(Fatal) as caught:
            await world.run()
        said = caught.value.message
        host = shop.removeprefix("https://")
        assert f"Connection shop-eu leads to {host}, whose orders erp has by the name shop" in said
        assert "Keep the name shop." in said
        assert "spec.besides: [shop]" in said
        assert len(world.erp.documents) == 1
        world.name = "shop"
        await world.run()
        assert len(world.erp.documents) == 1


async def test_two_that_share_a_shop_and_not_its_records_both_work(tmp_path: Path) -> None:
    async with Renaming(tmp_path) as world:
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.name, world.besides = "shop-eu", ("shop",)
        world.pipelines[0]["name"] = "orders-eu"
        world.shop.remove("g1001")
        world.shop.put("g1002", **an_order("1002"))
        world.clock.advance(60)
        await world.run()
        assert len(world.erp.documents) == 2
        world.besides = ()  # it was said once
        await world.run()


@pytest.mark.parametrize("shop", ["http://127.0.0.1:8080", ""])
async def test_what_says_nothing_of_a_system_holds_nobody_up(tmp_path: Path, shop: str) -> None:
    """Two simulators on one machine are two shops."""
    async with Renaming(tmp_path, shop) as world:
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.name = "outlet"
        world.pipelines[0]["name"] = "orders-outlet"
        await world.run()
        assert len(world.erp.documents) == 2


async def test_a_pipeline_stays_with_its_source(tmp_path: Path) -> None:
    """Two shops number their orders alike, and what is open would go on as the other one's."""
    async with Renaming(tmp_path, "") as world:
        world.erp.fail_next = [WaitForPerson("no such SKU", code="UnknownSku")]
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        world.name = "outlet"
        with pytest.raises(Fatal) as caught:
            await world.run()
        said = caught.value.message
        assert (
            "Pipeline orders is about orders of shop, and would be about orders of outlet" in said
        )
        assert said.endswith("Give the pipeline for orders of outlet a name of its own")
        world.name = "shop"
        await world.run()


async def test_a_source_nothing_came_of_yet_may_be_corrected(tmp_path: Path) -> None:
    async with Renaming(tmp_path, "") as world:
        await world.run()
        world.name = "outlet"
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"]


@pytest.mark.parametrize("start", ["Beginning", "2020-01-01T00:00:00Z"])
async def test_who_wants_older_records_is_told_how_to_get_them(tmp_path: Path, start: str) -> None:
    """Where a pipeline begins is settled when it first runs, though it be declared anew."""
    async with World(tmp_path, a_pipeline(source={"start": "Now"})) as world:
        await world.run()
        world.pipelines = (a_pipeline(source={"start": start}),)
        with pytest.raises(Fatal) as caught:
            await world.run()
        said = caught.value.message
        assert said.startswith("Pipeline orders began at 2026-")
        assert f"says start: {start} now" in said
        since = "1970-01-01T00:00:00Z" if start == "Beginning" else start
        assert f"have it read: knect backfill --pipeline orders --since {since} (on a " in said
        world.pipelines = (a_pipeline(source={"start": "Now"}),)
        await world.run()


async def test_who_began_earlier_may_say_later(tmp_path: Path) -> None:
    async with World(tmp_path, a_pipeline()) as world:
        await world.run()
        for start in ("Now", "2020-01-01T00:00:00Z", "Beginning"):
            world.pipelines = (a_pipeline(source={"start": start}),)
            await world.run()


async def test_who_has_worked_under_a_name_goes_on_under_it(tmp_path: Path) -> None:
    """Two that share a shop begin together; that one of them delivers first changes nothing."""
    async with Renaming(tmp_path) as world:
        world.name, world.pipelines[0]["name"] = "shop-eu", "orders-eu"
        await world.run()
        world.name, world.pipelines[0]["name"] = "shop", "orders"
        world.shop.put("g1001", **an_order("1001"))
        world.clock.advance(60)
        await world.run()
        assert await world.fates() == ["delivered"]
        world.shop.remove("g1001")
        world.name, world.pipelines[0]["name"] = "shop-eu", "orders-eu"
        await world.run()
