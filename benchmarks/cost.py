"""Calls per 1,000 orders read or written, stock levels and prices, beside the documented best.

Why: calls are what platforms ration; a connector that needs twice as many is half as fast at the
limit. Counted in the far end's own request log, over a whole `knect run`: log-in, clock, look-ups
and all. The best is what the vendor's documentation allows for the same work; where it names no
limit, Knect's own page or batch stands for it, and `why` says so. Must not: be a test.

    python -m benchmarks.cost [PLATFORM ...]
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.cost_scene import IN_HOUSE, SHOP_TOKEN, Scene, a_scene, a_tryton
from msgspec import Struct

from knect_connectors.tryton.demo import DemoCompany, DemoPriceList, DemoProduct, make_database

__all__ = ["costs"]

THOUSAND = 1_000
GOAL = 1.2
#: Preferences, company, web shop, tax rounding; log-in and clock have no user in Tryton's log.
_TRYTON_START = 4
_SKUS = [f"SKU-{number:04}" for number in range(THOUSAND)]
_ON_SALE = "skus=" + ",".join(f"{sku}={sku}=9.90" for sku in _SKUS)
#: Entity -> the reference that is mapped to a place in the shop, and what every record says.
_RECORDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "inventory": ("location", {"location": "HERE", "available": 7}),
    "prices": ("price_list", {"price_list": "HERE", "currency": "EUR", "amount": "19.90"}),
}


_Connect = Callable[..., None]
_Run = Callable[[Scene], Counter[str]]


class Best(Struct, frozen=True, kw_only=True):
    """The fewest calls for 1,000, and where the limits behind it are written."""

    calls: float
    why: str
    source: str


class Job(Struct, frozen=True, kw_only=True):
    """One measurement: `run` returns the calls by name, for `records` records."""

    platform: str
    work: str
    run: _Run
    best: Best
    records: int = THOUSAND


# ---------------------------------------------------------------- what stands at the other end


def _in_house(scene: Scene) -> str:
    """Start an in-house system as `house`, that takes orders and has stock and prices."""
    url = scene.simulate("rest")
    paging = {"kind": "Page", "parameter": "page", "sizeParameter": "limit", "size": 250}
    entities: dict[str, Any] = {
        entity: {
            "read": {
                "path": f"/api/{entity}",
                "query": {"changed_from": "{since}", "changed_to": "{until}"},
                "records": "data",
                "id": "id",
                "cursor": "changed",
                "paging": paging,
            },
            "write": {
                "once": {"kind": "UniqueKey"},
                "externalId": "ref",
                "batch": {"path": f"/api/{entity}/batch", "wrap": "items", "results": "results", "error": "error", "size": 100},
                "lookup": {"path": f"/api/{entity}", "query": {"ref": "{external_id}"}, "records": "data"},
                "id": "id",
            },
        }
        for entity in ("orders", "inventory", "prices")
    }  # fmt: skip
    config = {"baseUrl": url, "check": {"path": "/api/ping"}, "auth": {"kind": "Bearer"}, "entities": entities}  # fmt: skip
    scene.connection("house", "rest", config, token=IN_HOUSE)
    return url


def _from_a_shop(simulator: str, connect: _Connect) -> _Run:
    """Return the job that reads a shop's orders."""

    def run(scene: Scene) -> Counter[str]:
        _in_house(scene)
        connect(scene, f"orders={THOUSAND}")
        scene.pipeline("orders", "shop", "house")
        scene.run()
        return scene.calls(simulator)

    return run


def _to_a_shop(simulator: str, connect: _Connect, entity: str, place: str) -> _Run:
    """Return the job that sends stock or prices; `place` is what the shop calls where to."""
    reference, record = _RECORDS[entity]

    def run(scene: Scene) -> Counter[str]:
        scene.put(_in_house(scene), entity, ({"sku": sku, **record} for sku in _SKUS))
        connect(scene, "orders=0", _ON_SALE)
        scene.table("places", HERE=place)
        maps = [{"name": reference, "configMapRef": {"name": "places"}}]
        scene.pipeline(entity, "house", "shop", mapping={"valueMaps": maps})
        scene.run()
        return scene.calls(simulator)

    return run


# ---------------------------------------------------------------- Shopify
# ---------------------------------------------------------------- Shopify


def _shopify(scene: Scene, *options: str) -> None:
    url = scene.simulate("shopify", "kind=small", *options)
    config = {"shop": "acme.myshopify.com", "apiVersion": "2026-04", "baseUrl": url}
    scene.connection("shop", "shopify", config, accessToken=SHOP_TOKEN)


# ---------------------------------------------------------------- Tryton


def _fill(path: Path) -> None:
    company = DemoCompany(
        products=tuple(DemoProduct(sku=sku, name=sku, price=Decimal("9.90")) for sku in _SKUS),
        stock=tuple((sku, Decimal(9)) for sku in _SKUS),
        price_lists=(DemoPriceList(name="web"),),
    )
    make_database(company, path)


def _fill_for_orders(path: Path) -> None:
    skus = ("KN-100", "KN-200", "KN-300", "KN-400", "KN-500")
    company = DemoCompany(products=tuple(DemoProduct(sku=sku, name=sku) for sku in skus))
    make_database(company, path)


def _tryton_orders(scene: Scene) -> Counter[str]:
    _shopify(scene, "orders=250", "guests=250")
    with a_tryton(scene, _fill_for_orders) as calls:
        scene.pipeline("orders", "shop", "erp")
        scene.run()
        return calls()


def _tryton_catalog(scene: Scene, entity: str) -> Counter[str]:
    _in_house(scene)
    with a_tryton(scene, _fill) as calls:
        scene.pipeline(entity, "erp", "house")
        scene.run()
        return calls()


# ---------------------------------------------------------------- Magento 1


def _magento(scene: Scene, *options: str) -> None:
    url = scene.simulate("magento1", "kind=small", *options)
    config = {"url": url, "stores": [{"code": "admin", "currency": "EUR"}]}
    scene.connection("shop", "magento1", config, apiUser="knect", apiKey="simulated-api-key")


# ---------------------------------------------------------------- Dynamics GP


def _gp(scene: Scene, *options: str) -> None:
    address = scene.simulate("dynamics-gp", *options)
    host, _, port = address.removeprefix("tds://").partition(":")
    config = {
        "host": host, "port": int(port), "database": "ACME", "site": "WAREHOUSE",
        "priceLevels": ["RETAIL"], "encryption": "Plain", "characters": "Replace",
    }  # fmt: skip
    scene.connection("erp", "dynamics-gp", config, username="knect", password="simulated")  # noqa: S106 - simulated


def _gp_orders(scene: Scene) -> Counter[str]:
    _shopify(scene, f"orders={THOUSAND}", "guests=1000")
    _gp(scene, "stock=100000")
    scene.pipeline("orders", "shop", "erp")
    scene.run()
    return scene.calls("dynamics-gp")


def _gp_catalog(scene: Scene, entity: str) -> Counter[str]:
    _in_house(scene)
    _gp(scene, _ON_SALE)
    scene.pipeline(entity, "erp", "house")
    scene.run()
    return scene.calls("dynamics-gp")


# ---------------------------------------------------------------- all of it

_SHOPIFY = "shopify.dev: GraphQL Admin API rate limits (1,000 points a query), connections (250)"
_MAGENTO = "OpenMage, api.xml: multiCall (no limit named), sales_order.list (no paging)"
_GP = "eConnect: one procedure call per line, tax and header; SQL Server has no rate limit"
_TRYTON = "docs.tryton.org: trytond, RPC and ModelStorage (lists of any length; no rate limit)"

_MAGENTO_WRITE = Best(
    calls=1 + 10 + 40,
    why="log-in, a look-up per 100 SKUs, and updates by multiCall, 25 at once (batchSize)",
    source=_MAGENTO,
)
_GP_READ = Best(
    calls=4 + 10 + 10,
    why="set-up, clock, sweep; per page of 100 what changed, and the figures",
    source=_GP,
)

JOBS: Sequence[Job] = (
    Job(
        platform="shopify",
        work="orders read",
        run=_from_a_shop("shopify", _shopify),
        best=Best(
            calls=THOUSAND / 5,
            why="an order with five lines is 167 points, so five fit in a query",
            source=_SHOPIFY,
        ),
    ),
    Job(
        platform="shopify",
        work="stock levels written",
        run=_to_a_shop("shopify", _shopify, "inventory", "Warehouse"),
        best=Best(
            calls=4 + 1 + 7 + 4,
            why=(
                "4 look-ups of 250 SKUs, the locations, 7 reads of 160 for compare-and-set (6 points"
                " each), 4 inventorySetQuantities of 250. How many terms a search may have is not"
                " documented: what one of 250 does not find is asked for again 40 at a time"
            ),
            source=_SHOPIFY,
        ),
    ),
    Job(
        platform="shopify",
        work="prices written",
        run=_to_a_shop("shopify", _shopify, "prices", "@base"),
        best=Best(
            calls=4 + 1 + THOUSAND,
            why=(
                "productVariantsBulkUpdate takes one product's variants, and here each product has"
                " one. A bulk mutation takes any number in 5 calls, but tells minutes later"
            ),
            source=_SHOPIFY,
        ),
    ),
    Job(
        platform="tryton",
        work="orders written",
        run=_tryton_orders,
        records=250,
        best=Best(
            calls=_TRYTON_START + THOUSAND / 25 * 12,
            why=(
                "batches of 25, so that a transaction there stays short; each looks up products,"
                " taxes, currency and countries, parties, addresses, earlier sales; makes parties,"
                " addresses, sales; quotes, confirms, and reads the totals back"
            ),
            source=_TRYTON,
        ),
    ),
    Job(
        platform="tryton",
        work="stock levels read",
        run=lambda scene: _tryton_catalog(scene, "inventory"),
        best=Best(
            calls=_TRYTON_START + 4 + 4 * 3,
            why=(
                "four marks of change; per page of 250 the products with what is on hand, the open"
                " moves, the sales without moves. Under: a quick server is asked for 1,000 together;"
                " over: the warehouses, and codes that two products have"
            ),
            source=_TRYTON,
        ),
    ),
    Job(
        platform="tryton",
        work="prices read",
        run=lambda scene: _tryton_catalog(scene, "prices"),
        best=Best(
            calls=_TRYTON_START + 4 + 4 * 2,
            why=(
                "four marks of change; per page of 250 the products with their price, and the lines"
                " of the list. Under: a quick server is asked for 1,000 together; over: everybody"
                " a list concerns, and codes that two products have"
            ),
            source=_TRYTON,
        ),
    ),
    Job(
        platform="magento1",
        work="orders read",
        run=_from_a_shop("magento1", _magento),
        best=Best(
            calls=1 + 1 + 40,
            why=(
                "log-in, one list, and sales_order.info by multiCall, 25 at once as the connector"
                " declares for slow shops (batchSize). Over: the list has no pages and no order, so"
                " it is asked for by slices of time: one for the years before Magento, five since"
            ),
            source=_MAGENTO,
        ),
    ),
    Job(
        platform="magento1",
        work="stock levels written",
        run=_to_a_shop("magento1", _magento, "inventory", "default"),
        best=_MAGENTO_WRITE,
    ),
    Job(
        platform="magento1",
        work="prices written",
        run=_to_a_shop("magento1", _magento, "prices", "admin"),
        best=_MAGENTO_WRITE,
    ),
    Job(
        platform="dynamics-gp",
        work="orders written",
        run=_gp_orders,
        best=Best(
            calls=THOUSAND * (8 + 5),
            why=(
                "statements: begin, mark, number, line, tax, user-defined, header, commit; and for"
                " each new customer begin, mark, customer, e-mail, commit. Over: which line of the"
                " shop's a line is, and a look-up of marks and one of customers for five orders"
            ),
            source=_GP,
        ),
    ),
    Job(
        platform="dynamics-gp",
        work="stock levels read",
        run=lambda scene: _gp_catalog(scene, "inventory"),
        best=_GP_READ,
    ),
    Job(
        platform="dynamics-gp",
        work="prices read",
        run=lambda scene: _gp_catalog(scene, "prices"),
        best=_GP_READ,
    ),
)


def costs(platforms: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Measure; return per platform and work: calls per 1,000, the best, the ratio, its source."""
    found: dict[str, dict[str, Any]] = {}
    print(f"{'PLATFORM':<12} {'PER 1,000':<22} {'CALLS':>7} {'BEST':>7} {'RATIO':>6}")
    for job in JOBS:
        if platforms and job.platform not in platforms:
            continue
        with a_scene() as scene:
            counted = job.run(scene)
        calls = counted.total() * THOUSAND / job.records
        ratio = calls / job.best.calls
        mark = "" if ratio <= GOAL else "  over"
        print(f"{job.platform:<12} {job.work:<22} {calls:>7.0f} {job.best.calls:>7.0f} {ratio:>6.2f}{mark}", flush=True)  # fmt: skip
        found.setdefault(job.platform, {})[job.work] = {
            "calls": round(calls, 1),
            "best": round(job.best.calls, 1),
            "ratio": round(ratio, 2),
            "why": job.best.why,
            "source": job.best.source,
            "by_call": dict(counted.most_common()),
        }
    return found


if __name__ == "__main__":
    print(json.dumps(costs(sys.argv[1:]), indent=2))
