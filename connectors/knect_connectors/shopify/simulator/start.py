"""Starts a simulated shop from options: for `knect simulate shopify`, the demo and fault tests.

Must not: parse a command line beyond `name=value` options; the CLI owns the rest.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from knect.sdk.testing import SendPlan, read_skus, serve
from knect.seams import SystemClock
from knect_connectors.shopify.simulator.generator import (
    demo_stock,
    small_orders,
)
from knect_connectors.shopify.simulator.platform import ShopifySimulator
from knect_connectors.shopify.simulator.shop import Shop

__all__ = ["OPTIONS", "open_simulator", "serve"]

#: Every option and what it means; values are texts.
OPTIONS: Mapping[str, str] = {
    "orders": "how many orders (300)",
    "let-in": "how many of them changed at `start` or after (60)",
    "start": "an RFC 3339 instant (two hours ago)",
    "kind": "demo: a varied set; small: paid one-line orders for load",
    "seed": "of the orders and all dice (7)",
    "skus": "SKU=TITLE=PRICE, comma separated; each is a product of the catalog too",
    "location": "name of the place where the catalog's stock is (Warehouse)",
    "stock": "pieces of each product at the start (0)",
    "shop": "the shop's domain (acme.myshopify.com)",
    "token": "the access token it accepts (shpat_simulated)",
    "client-secret": "the key webhooks are signed with (simulated-secret)",
    "webhook": "URL that receives orders/create, orders/updated and the like",
    "points": "bucket of points (1000000: never throttles)",
    "restore": "points a second (1000000)",
    "lag": "seconds until the search index sees a change (0)",
    "guests": "small: how many different e-mail addresses (one per order)",
    "duplicate": "share of webhooks sent twice (0)",
    "late": "share of webhooks sent a second late (0)",
    "reordered": "share of webhooks sent after the next one (0)",
    "forged": "share of webhooks followed by a forged one (0)",
    "lost": "share of webhooks never sent (0)",
}
_TOPICS = ("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_PAID", "ORDERS_CANCELLED", "ORDERS_EDITED",
           "ORDERS_DELETE")  # fmt: skip


def open_simulator(options: Mapping[str, str]) -> ShopifySimulator:
    """Return a simulated shop with its orders. Raises ValueError for an unknown option."""
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"no option {name!r}; known: {', '.join(OPTIONS)}")
    clock = SystemClock()
    shop = Shop(
        clock=clock,
        domain=options.get("shop", "acme.myshopify.com"),
        token=options.get("token", "shpat_simulated"),
        client_secret=options.get("client-secret", "simulated-secret"),
        index_lag=float(options.get("lag", "0")),
    )
    seed = int(options.get("seed", "7"))
    simulator = ShopifySimulator(
        shop,
        clock=clock,
        maximum=float(options.get("points", "1000000")),
        restore_rate=float(options.get("restore", "1000000")),
        send=SendPlan(
            duplicate=float(options.get("duplicate", "0")),
            late=float(options.get("late", "0")),
            reordered=float(options.get("reordered", "0")),
            forged=float(options.get("forged", "0")),
            lost=float(options.get("lost", "0")),
        ),
        seed=seed,
    )
    _fill(shop, options, seed, clock.now())
    _fill_catalog(shop, options)
    if "webhook" in options:
        for topic in _TOPICS:
            shop.subscribe(topic, options["webhook"])
    return simulator


def _fill(shop: Shop, options: Mapping[str, str], seed: int, now: datetime) -> None:
    count = int(options.get("orders", "300"))
    skus = read_skus(options.get("skus"))
    start = (
        datetime.fromisoformat(options["start"]) if "start" in options else now - timedelta(hours=2)
    )
    if options.get("kind", "demo") == "small":
        guests = int(options.get("guests", "0"))
        orders = small_orders(count, at=start, seed=seed, skus=skus, spacing=0.1, guests=guests)
    else:
        let_in = int(options.get("let-in", "60"))
        first = 1_001 - (count - let_in)  # so that 1001 is the first one let in
        stock = demo_stock(
            start=start, count=count, let_in=let_in, skus=skus, seed=seed, first=first
        )
        for customer in stock.customers:
            shop.put("customers", customer)
        orders = list(stock.orders)
    for order in orders:
        shop.put("orders", order)


def _fill_catalog(shop: Shop, options: Mapping[str, str]) -> None:
    place = shop.catalog.add_location(options.get("location", "Warehouse"))
    for sku in read_skus(options.get("skus")):
        product = shop.catalog.add_product(sku.title)
        shop.catalog.add_variant(product, sku.sku, price=f"{sku.price:.2f}")
        shop.catalog.stock(sku.sku, place, int(options.get("stock", "0")))
