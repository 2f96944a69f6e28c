"""Starts a simulated shop from options: for `knect simulate magento2`, the demo and fault tests.

Must not: parse a command line beyond `name=value` options; the CLI owns the rest.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from knect.sdk.testing import read_skus, serve
from knect.seams import SystemClock
from knect_connectors.magento2.simulator.access import KEYS, Access
from knect_connectors.magento2.simulator.books import Books
from knect_connectors.magento2.simulator.generator import (
    fill_catalog,
    fill_orders,
    small_orders,
)
from knect_connectors.magento2.simulator.platform import MagentoSimulator

__all__ = ["OPTIONS", "open_simulator", "serve"]

#: Every option and what it means; values are texts.
OPTIONS: Mapping[str, str] = {
    "orders": "how many orders (300)",
    "let-in": "how many of them changed at `start` or after (60)",
    "start": "an RFC 3339 instant (two hours ago)",
    "kind": "demo: a varied set; small: paid one-line orders for load",
    "seed": "of the orders and all dice (7)",
    "skus": "SKU=TITLE=PRICE, comma separated; each is a product of the catalog too",
    "stock": "pieces of each product at the start (0)",
    "guests": "small: how many different e-mail addresses (one per order)",
    "sources": "codes of the sources, comma separated; none: without the inventory modules",
    "deducts": "whether a shipment takes its pieces off its source: on as Magento has it, off (on)",
    "price-scope": "website, or global as a new shop has it (website)",
    "bearer": "whether an integration's token is let in by itself: on, off as a new shop (on)",
    "limits": "input limits: on, off (off)",
    "consumer-key": f"of the integration ({KEYS['consumer_key']})",
    "consumer-secret": f"of the integration ({KEYS['consumer_secret']})",
    "access-token": f"of the integration ({KEYS['token']})",
    "access-token-secret": f"of the integration ({KEYS['token_secret']})",
    "user": "name of the admin (knect)",
    "password": "password of the admin (simulated-password-1)",
    "skew": "seconds the shop's clock is ahead; below zero: behind (0)",
    "mark-lag": "seconds by which marks of change are behind the shop's own clock (0)",
}


def open_simulator(options: Mapping[str, str]) -> MagentoSimulator:
    """Return a simulated shop with its orders. Raises ValueError for an unknown option."""
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"no option {name!r}; known: {', '.join(OPTIONS)}")
    clock = SystemClock()
    seed = int(options.get("seed", "7"))
    sources = options.get("sources", "default")
    books = Books(
        clock=clock,
        skew=timedelta(seconds=float(options.get("skew", "0"))),
        mark_lag=timedelta(seconds=float(options.get("mark-lag", "0"))),
        price_scope=options.get("price-scope", "website"),
        deducts=options.get("deducts", "on") == "on",
        sources=None if sources == "none" else sources.split(","),
    )
    access = Access(
        books,
        keys={
            "consumer_key": options.get("consumer-key", KEYS["consumer_key"]),
            "consumer_secret": options.get("consumer-secret", KEYS["consumer_secret"]),
            "token": options.get("access-token", KEYS["token"]),
            "token_secret": options.get("access-token-secret", KEYS["token_secret"]),
        },
        admin=options.get("user", "knect"),
        password=options.get("password", "simulated-password-1"),
        bearer=options.get("bearer", "on") == "on",
        seed=seed,
    )
    limits = options.get("limits", "off") == "on"
    simulator = MagentoSimulator(books, clock=clock, access=access, limits=limits)
    _fill(books, options, seed)
    return simulator


def _fill(books: Books, options: Mapping[str, str], seed: int) -> None:
    skus = read_skus(options.get("skus"))
    fill_catalog(books, skus, stock=int(options.get("stock", "0")))
    count = int(options.get("orders", "300"))
    given = options.get("start")
    start = datetime.fromisoformat(given) if given else books.now() - timedelta(hours=2)
    if options.get("kind", "demo") == "small":
        guests = int(options.get("guests", "0"))
        small_orders(books, count, at=start, seed=seed, skus=skus, spacing=0.1, guests=guests)
    else:
        let_in = min(count, int(options.get("let-in", "60")))
        fill_orders(books, start=start, count=count, let_in=let_in, skus=skus, seed=seed)
