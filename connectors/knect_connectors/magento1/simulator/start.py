"""Starts a simulated shop from options: for `knect simulate magento1`, the demo and fault tests.

Must not: parse a command line beyond `name=value` options; the CLI owns the rest.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from knect.sdk.testing import read_skus, serve
from knect.seams import SystemClock
from knect_connectors.magento1.simulator.books import Books
from knect_connectors.magento1.simulator.generator import (
    fill_catalog,
    fill_orders,
    small_orders,
)
from knect_connectors.magento1.simulator.platform import MagentoSimulator

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
    "user": "name of the API user (knect)",
    "key": "key of the API user (simulated-api-key)",
    "session-calls": "calls after which a session expires (never)",
    "session-seconds": "seconds after which a session expires (3600)",
    "skew": "seconds the shop's clock is ahead; below zero: behind (0)",
    "mark-lag": "seconds by which marks of change are behind the shop's own clock (0)",
    "notices": "share of answers with a PHP notice before the XML (0)",
}


def open_simulator(options: Mapping[str, str]) -> MagentoSimulator:
    """Return a simulated shop with its orders. Raises ValueError for an unknown option."""
    for name in options:
        if name not in OPTIONS:
            raise ValueError(f"no option {name!r}; known: {', '.join(OPTIONS)}")
    clock = SystemClock()
    seed = int(options.get("seed", "7"))
    books = Books(
        clock=clock,
        skew=timedelta(seconds=float(options.get("skew", "0"))),
        mark_lag=timedelta(seconds=float(options.get("mark-lag", "0"))),
    )
    calls = options.get("session-calls")
    simulator = MagentoSimulator(
        books,
        clock=clock,
        user=options.get("user", "knect"),
        key=options.get("key", "simulated-api-key"),
        session_calls=int(calls) if calls else None,
        session_seconds=float(options.get("session-seconds", "3600")),
        notices=float(options.get("notices", "0")),
        seed=seed,
    )
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
